// SPDX-License-Identifier: GPL-2.0-only
/* Pages by index in an xarray, with marks: its own lock, lookups without it. */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/xarray.h>

static DEFINE_XARRAY_ALLOC(pages);
static struct task_struct *threads[2];
static atomic_t stores = ATOMIC_INIT(0);

static int store(void *data)
{
	unsigned long base = (unsigned long)data * 1000, i = 0;

	while (!kthread_should_stop()) {
		unsigned long index = base + i++ % 10;
		int *value = kmalloc(sizeof(*value), GFP_KERNEL), *old;

		if (!value)
			break;
		*value = index;
		old = xa_store(&pages, index, value, GFP_KERNEL);
		if (xa_is_err(old)) {
			kfree(value);
			break;
		}
		xa_set_mark(&pages, index, XA_MARK_1);
		kfree(old);
		atomic_inc(&stores);
		usleep_range(10, 30);
	}
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

static int __init xarray_store_init(void)
{
	threads[0] = kthread_run(store, (void *)1, "xarray/0");
	threads[1] = kthread_run(store, (void *)2, "xarray/1");
	return 0;
}

static void __exit xarray_store_exit(void)
{
	unsigned long index;
	int *value, wrong = 0;

	msleep(10);
	kthread_stop(threads[0]);
	kthread_stop(threads[1]);
	xa_for_each_marked(&pages, index, value, XA_MARK_1) {
		wrong += *value != index;
		xa_erase(&pages, index);
		kfree(value);
	}
	pr_info("drivers: %d wrong, %s\n", wrong, xa_empty(&pages) ? "empty" : "not empty");
	xa_destroy(&pages);
}

module_init(xarray_store_init);
module_exit(xarray_store_exit);

MODULE_LICENSE("GPL");
