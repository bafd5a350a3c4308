// SPDX-License-Identifier: GPL-2.0-only
/* A list read under RCU by threads, changed under a spinlock; what is taken out is freed by call_rcu(). */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

struct entry {
	struct list_head link;
	int key, value;
	struct rcu_head rcu;
};

static LIST_HEAD(entries);
static DEFINE_SPINLOCK(lock);
static struct task_struct *readers[2], *writer;
static atomic_t found = ATOMIC_INIT(0);

static void entry_free(struct rcu_head *rcu)
{
	kfree(container_of(rcu, struct entry, rcu));
}

static int entry_set(int key, int value)
{
	struct entry *fresh = kmalloc(sizeof(*fresh), GFP_KERNEL);
	struct entry *old;

	if (!fresh)
		return -ENOMEM;
	fresh->key = key;
	fresh->value = value;
	spin_lock(&lock);
	list_for_each_entry(old, &entries, link) {
		if (old->key != key)
			continue;
		list_replace_rcu(&old->link, &fresh->link);
		spin_unlock(&lock);
		call_rcu(&old->rcu, entry_free);
		return 0;
	}
	list_add_tail_rcu(&fresh->link, &entries);
	spin_unlock(&lock);
	return 0;
}

static int read_entries(void *unused)
{
	while (!kthread_should_stop()) {
		struct entry *e;

		rcu_read_lock();
		list_for_each_entry_rcu(e, &entries, link) {
			if (e->key == 3 && e->value >= 0)
				atomic_inc(&found);
		}
		rcu_read_unlock();
		schedule_timeout_interruptible(1);
	}
	return 0;
}

static int change_entries(void *unused)
{
	int round = 0;

	while (!kthread_should_stop()) {
		entry_set(round % 5, round);
		round++;
		schedule_timeout_interruptible(1);
	}
	return 0;
}

static void empty(void)
{
	struct entry *e, *next;

	spin_lock(&lock);
	list_for_each_entry_safe(e, next, &entries, link) {
		list_del_rcu(&e->link);
		call_rcu(&e->rcu, entry_free);
	}
	spin_unlock(&lock);
	rcu_barrier();
}

static int __init rcu_list_init(void)
{
	int i, error;

	for (i = 0; i < 5; i++) {
		error = entry_set(i, 0);
		if (error)
			goto out;
	}
	writer = kthread_run(change_entries, NULL, "rcu_list/writer");
	readers[0] = kthread_run(read_entries, NULL, "rcu_list/0");
	readers[1] = kthread_run(read_entries, NULL, "rcu_list/1");
	return 0;
out:
	empty();
	return error;
}

static void __exit rcu_list_exit(void)
{
	msleep(60);
	kthread_stop(readers[0]);
	kthread_stop(readers[1]);
	kthread_stop(writer);
	empty();
	pr_info("drivers: found %s\n", atomic_read(&found) ? "it" : "nothing");
}

module_init(rcu_list_init);
module_exit(rcu_list_exit);

MODULE_LICENSE("GPL");
