// SPDX-License-Identifier: GPL-2.0-only
/* Handlers that may sleep, called under SRCU, taken out with call_srcu() and synchronize_srcu(). */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/srcu.h>

struct handler {
	struct hlist_node link;
	int (*function)(int value);
	struct rcu_head rcu;
};

DEFINE_STATIC_SRCU(srcu);
static HLIST_HEAD(handlers);
static DEFINE_MUTEX(lock);
static struct task_struct *caller;
static atomic_t calls = ATOMIC_INIT(0);

static int slow(int value)
{
	usleep_range(20, 40);
	atomic_inc(&calls);
	return value + 1;
}

static void handler_free(struct rcu_head *rcu)
{
	kfree(container_of(rcu, struct handler, rcu));
}

static int handler_add(void)
{
	struct handler *h = kzalloc(sizeof(*h), GFP_KERNEL);

	if (!h)
		return -ENOMEM;
	h->function = slow;
	mutex_lock(&lock);
	hlist_add_head_rcu(&h->link, &handlers);
	mutex_unlock(&lock);
	return 0;
}

static void handler_remove_first(void)
{
	struct handler *h;

	mutex_lock(&lock);
	h = hlist_entry_safe(handlers.first, struct handler, link);
	if (h)
		hlist_del_rcu(&h->link);
	mutex_unlock(&lock);
	if (h)
		call_srcu(&srcu, &h->rcu, handler_free);
}

static int call_all(void *unused)
{
	while (!kthread_should_stop()) {
		struct handler *h;
		int index = srcu_read_lock(&srcu);

		hlist_for_each_entry_srcu(h, &handlers, link, srcu_read_lock_held(&srcu))
			h->function(1);
		srcu_read_unlock(&srcu, index);
		usleep_range(20, 40);
	}
	return 0;
}

static int __init srcu_handlers_init(void)
{
	int error = handler_add();

	if (error)
		return error;
	caller = kthread_run(call_all, NULL, "srcu/caller");
	if (IS_ERR(caller)) {
		handler_remove_first();
		srcu_barrier(&srcu);
		return PTR_ERR(caller);
	}
	return 0;
}

static void __exit srcu_handlers_exit(void)
{
	int i;

	for (i = 0; i < 10; i++) {
		handler_add();
		usleep_range(50, 100);
		handler_remove_first();
	}
	kthread_stop(caller);
	handler_remove_first();
	synchronize_srcu(&srcu);
	srcu_barrier(&srcu);
	pr_info("drivers: %s\n", atomic_read(&calls) ? "called" : "never called");
}

module_init(srcu_handlers_init);
module_exit(srcu_handlers_exit);

MODULE_LICENSE("GPL");
