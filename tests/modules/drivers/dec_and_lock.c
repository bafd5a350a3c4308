// SPDX-License-Identifier: GPL-2.0-only
/* A table whose entries leave it with their last reference: refcount_dec_and_lock() and its mutex form. */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

struct entry {
	struct list_head link;
	refcount_t refs;
	int id;
};

static LIST_HEAD(table);
static DEFINE_SPINLOCK(lock);
static struct task_struct *threads[3];
static atomic_t live = ATOMIC_INIT(0);

static struct entry *entry_get(int id)
{
	struct entry *e, *fresh = kmalloc(sizeof(*fresh), GFP_KERNEL);

	if (!fresh)
		return NULL;
	spin_lock(&lock);
	list_for_each_entry(e, &table, link) {
		if (e->id == id) {
			refcount_inc(&e->refs);
			spin_unlock(&lock);
			kfree(fresh);
			return e;
		}
	}
	fresh->id = id;
	refcount_set(&fresh->refs, 1);
	list_add(&fresh->link, &table);
	atomic_inc(&live);
	spin_unlock(&lock);
	return fresh;
}

static void entry_put(struct entry *e)
{
	if (!refcount_dec_and_lock(&e->refs, &lock))
		return;
	list_del(&e->link);
	spin_unlock(&lock);
	atomic_dec(&live);
	kfree(e);
}

static int use(void *unused)
{
	int id = 0;

	while (!kthread_should_stop()) {
		struct entry *e = entry_get(id++ % 3);

		usleep_range(10, 40);
		if (e)
			entry_put(e);
	}
	return 0;
}

static int __init dec_and_lock_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(threads); i++)
		threads[i] = kthread_run(use, NULL, "entry/%d", i);
	return 0;
}

static void __exit dec_and_lock_exit(void)
{
	int i;

	msleep(10);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		kthread_stop(threads[i]);
	pr_info("drivers: %d live\n", atomic_read(&live));
}

module_init(dec_and_lock_init);
module_exit(dec_and_lock_exit);

MODULE_LICENSE("GPL");
