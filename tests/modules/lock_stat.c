// SPDX-License-Identifier: GPL-2.0-only
/* Locks whose hold and waiting times are known: 100 us under `timed`; two threads want `wanted`, each keeps it for 50 us. */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>

static DEFINE_SPINLOCK(timed);
static DEFINE_SPINLOCK(wanted_spin);
static DEFINE_MUTEX(wanted);
static DECLARE_RWSEM(shared);
static DECLARE_COMPLETION(done);

static noinline int contend(void *unused)
{
	int i;

	for (i = 0; i < 10; i++) {
		mutex_lock(&wanted);
		udelay(50);
		mutex_unlock(&wanted);
		spin_lock(&wanted_spin);
		udelay(20);
		spin_unlock(&wanted_spin);
	}
	complete(&done);
	return 0;
}

static int __init lock_stat_init(void)
{
	spin_lock(&timed);
	udelay(100);
	spin_unlock(&timed);
	down_read(&shared);
	up_read(&shared);
	down_write(&shared);
	up_write(&shared);
	kthread_run(contend, NULL, "contend/0");
	kthread_run(contend, NULL, "contend/1");
	wait_for_completion(&done);
	wait_for_completion(&done);
	msleep(10);
	return 0;
}

static void __exit lock_stat_exit(void)
{
}

module_init(lock_stat_init);
module_exit(lock_stat_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Locks that are waited for");
