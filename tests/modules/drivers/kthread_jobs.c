// SPDX-License-Identifier: GPL-2.0-only
/* A kthread_worker with plain and delayed works, flushed and destroyed in order. */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>

static struct kthread_worker *worker;
static struct kthread_work work;
static struct kthread_delayed_work later;
static atomic_t runs = ATOMIC_INIT(0);
static DEFINE_MUTEX(lock);

static void on_work(struct kthread_work *unused)
{
	mutex_lock(&lock);
	usleep_range(10, 20);
	mutex_unlock(&lock);
	atomic_inc(&runs);
}

static int __init kthread_jobs_init(void)
{
	int i;

	worker = kthread_create_worker(0, "driver_worker");
	if (IS_ERR(worker))
		return PTR_ERR(worker);
	kthread_init_work(&work, on_work);
	kthread_init_delayed_work(&later, on_work);
	for (i = 0; i < 5; i++) {
		kthread_queue_work(worker, &work);
		kthread_flush_work(&work);
	}
	kthread_queue_delayed_work(worker, &later, 2);
	kthread_mod_delayed_work(worker, &later, 1);
	return 0;
}

static void __exit kthread_jobs_exit(void)
{
	msleep(20);
	kthread_cancel_delayed_work_sync(&later);
	kthread_cancel_work_sync(&work);
	kthread_flush_worker(worker);
	kthread_destroy_worker(worker);
	pr_info("drivers: %d runs\n", atomic_read(&runs));
}

module_init(kthread_jobs_init);
module_exit(kthread_jobs_exit);

MODULE_LICENSE("GPL");
