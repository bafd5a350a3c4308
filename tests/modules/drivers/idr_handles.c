// SPDX-License-Identifier: GPL-2.0-only
/* Handles for objects: an IDR under a spinlock, preloaded outside of it. */
#include <linux/delay.h>
#include <linux/idr.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

struct object {
	int handle;
	struct rcu_head rcu;
};

static DEFINE_IDR(handles);
static DEFINE_SPINLOCK(lock);
static DEFINE_IDA(names);
static struct task_struct *threads[2];
static atomic_t mistaken = ATOMIC_INIT(0);

static struct object *object_create(void)
{
	struct object *o = kzalloc(sizeof(*o), GFP_KERNEL);

	if (!o)
		return NULL;
	idr_preload(GFP_KERNEL);
	spin_lock(&lock);
	o->handle = idr_alloc(&handles, o, 1, 0, GFP_NOWAIT);
	spin_unlock(&lock);
	idr_preload_end();
	if (o->handle < 0) {
		kfree(o);
		return NULL;
	}
	return o;
}

static int use(void *unused)
{
	while (!kthread_should_stop()) {
		struct object *o = object_create();
		int name = ida_alloc(&names, GFP_KERNEL);

		if (o) {
			rcu_read_lock();
			if (idr_find(&handles, o->handle) != o)
				atomic_inc(&mistaken);
			rcu_read_unlock();
			spin_lock(&lock);
			idr_remove(&handles, o->handle);
			spin_unlock(&lock);
			kfree_rcu(o, rcu);
		}
		if (name >= 0)
			ida_free(&names, name);
		usleep_range(10, 30);
	}
	return 0;
}

static int __init idr_handles_init(void)
{
	threads[0] = kthread_run(use, NULL, "idr/0");
	threads[1] = kthread_run(use, NULL, "idr/1");
	return 0;
}

static void __exit idr_handles_exit(void)
{
	msleep(10);
	kthread_stop(threads[0]);
	kthread_stop(threads[1]);
	rcu_barrier();
	idr_destroy(&handles);
	ida_destroy(&names);
	pr_info("drivers: %d mistaken\n", atomic_read(&mistaken));
}

module_init(idr_handles_init);
module_exit(idr_handles_exit);

MODULE_LICENSE("GPL");
