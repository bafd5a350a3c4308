// SPDX-License-Identifier: GPL-2.0-only
/* Statistics that a tasklet and threads share: spin_lock() below, spin_lock_bh() above. */
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

struct shared {
	spinlock_t lock;
	u64 below, above;
};

static struct shared *shared;
static struct tasklet_struct tasklet;
static struct task_struct *threads[2];

static void on_tasklet(struct tasklet_struct *unused)
{
	spin_lock(&shared->lock);
	shared->below++;
	spin_unlock(&shared->lock);
}

static int count(void *unused)
{
	while (!kthread_should_stop()) {
		spin_lock_bh(&shared->lock);
		shared->above++;
		spin_unlock_bh(&shared->lock);
		tasklet_schedule(&tasklet);
		usleep_range(20, 40);
	}
	return 0;
}

static int __init tasklet_bh_init(void)
{
	shared = kzalloc(sizeof(*shared), GFP_KERNEL);
	if (!shared)
		return -ENOMEM;
	spin_lock_init(&shared->lock);
	tasklet_setup(&tasklet, on_tasklet);
	threads[0] = kthread_run(count, NULL, "tasklet/0");
	threads[1] = kthread_run(count, NULL, "tasklet/1");
	return 0;
}

static void __exit tasklet_bh_exit(void)
{
	msleep(10);
	kthread_stop(threads[0]);
	kthread_stop(threads[1]);
	tasklet_kill(&tasklet);
	pr_info("drivers: %s\n", shared->below && shared->above ? "both" : "one only");
	kfree(shared);
}

module_init(tasklet_bh_init);
module_exit(tasklet_bh_exit);

MODULE_LICENSE("GPL");
