// SPDX-License-Identifier: GPL-2.0-only
/* Flows that age: each has a timer of its own that takes it out unless it was used meanwhile. */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/rculist.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/timer.h>

struct flow {
	struct hlist_node link;
	struct timer_list timer;
	struct rcu_head rcu;
	refcount_t refs;
	u32 id;
	bool dead;
};

static HLIST_HEAD(flows);
static DEFINE_SPINLOCK(lock);
static atomic_t live = ATOMIC_INIT(0);
static struct task_struct *thread;

static void flow_put(struct flow *f)
{
	if (refcount_dec_and_test(&f->refs)) {
		atomic_dec(&live);
		kfree_rcu(f, rcu);
	}
}

static void flow_unlink(struct flow *f)
{
	lockdep_assert_held(&lock);
	f->dead = true;
	hlist_del_rcu(&f->link);
}

static void flow_expires(struct timer_list *timer)
{
	struct flow *f = from_timer(f, timer, timer);

	spin_lock(&lock);
	if (!f->dead)
		flow_unlink(f);
	spin_unlock(&lock);
	flow_put(f);
}

static void flow_touch(u32 id)
{
	struct flow *f;

	rcu_read_lock();
	hlist_for_each_entry_rcu(f, &flows, link)
		if (f->id == id)
			break;
	if (f) {
		/* Only if it is pending still: the timer holds a reference. */
		mod_timer_pending(&f->timer, jiffies + 3);
		rcu_read_unlock();
		return;
	}
	rcu_read_unlock();
	f = kzalloc(sizeof(*f), GFP_KERNEL);
	if (!f)
		return;
	f->id = id;
	refcount_set(&f->refs, 1);
	timer_setup(&f->timer, flow_expires, 0);
	atomic_inc(&live);
	spin_lock_bh(&lock);
	hlist_add_head_rcu(&f->link, &flows);
	mod_timer(&f->timer, jiffies + 3);
	spin_unlock_bh(&lock);
}

static int traffic(void *unused)
{
	u32 id = 0;

	while (!kthread_should_stop()) {
		flow_touch(id++ % 7);
		usleep_range(500, 1500);
	}
	return 0;
}

static int __init flow_timers_init(void)
{
	thread = kthread_run(traffic, NULL, "flows");
	return PTR_ERR_OR_ZERO(thread);
}

static void __exit flow_timers_exit(void)
{
	struct hlist_node *next;
	struct flow *f;
	LIST_HEAD(gone);

	msleep(60);
	kthread_stop(thread);
	spin_lock_bh(&lock);
	hlist_for_each_entry_safe(f, next, &flows, link) {
		if (timer_delete(&f->timer)) {
			flow_unlink(f);
			flow_put(f);
		}
	}
	spin_unlock_bh(&lock);
	while (atomic_read(&live))
		msleep(1);
	rcu_barrier();
	pr_info("drivers: %d live\n", atomic_read(&live));
}

module_init(flow_timers_init);
module_exit(flow_timers_exit);

MODULE_LICENSE("GPL");
