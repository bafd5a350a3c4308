// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that want a CPU all the time, and how much each of them got: how the scheduler shares CPUs, balances them, and what it
 * leaves to others while a real-time thread never sleeps. The same module on real kernels gave the numbers that the test compares.
 */
#include <linux/kthread.h>
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/sched.h>

#define MOST_HOGS 8
#define MOST_TURNS 8

static int hogs = 3;
module_param(hogs, int, 0444);
static int bind = -1;
module_param(bind, int, 0444);
MODULE_PARM_DESC(bind, "the CPU that they stay on");
static int fifo;
module_param(fifo, int, 0444);
MODULE_PARM_DESC(fifo, "how many of them are SCHED_FIFO");
static int ms = 3000;
module_param(ms, int, 0444);

struct hog {
	struct task_struct *task;
	int turns;
	unsigned long from[MOST_TURNS], to[MOST_TURNS];	/* jiffies */
};

static struct hog all[MOST_HOGS];
static unsigned long begin, end;

static int hog_fn(void *arg)
{
	struct hog *hog = arg;
	unsigned long last = 0;

	while (time_before(jiffies, end)) {
		unsigned long now = jiffies - begin;

		if ((now - last > 8 || !hog->turns) && hog->turns < MOST_TURNS)
			hog->from[hog->turns++] = now;
		hog->to[hog->turns - 1] = now;
		last = now;
		cond_resched();
		cpu_relax();
	}
	while (!kthread_should_stop())
		msleep(10);
	return 0;
}

static int __init cpu_share_init(void)
{
	int i, k;

	begin = jiffies;
	end = begin + msecs_to_jiffies(ms);
	for (i = 0; i < hogs && i < MOST_HOGS; i++) {
		all[i].task = kthread_create(hog_fn, &all[i], "hog/%d", i);
		if (IS_ERR(all[i].task))
			return PTR_ERR(all[i].task);
		if (bind >= 0)
			kthread_bind(all[i].task, bind);
		if (i < fifo)
			sched_set_fifo(all[i].task);
	}
	for (i = 0; i < hogs; i++)
		wake_up_process(all[i].task);
	msleep(ms + 1500);
	for (i = 0; i < hogs; i++) {
		const struct task_struct *task = all[i].task;

		pr_info("hog %d ran %llu ms, migrated %llu times, waited %s, was preempted %s\n", i,
			task->se.sum_exec_runtime / 1000000, task->se.nr_migrations, task->nvcsw ? "often" : "never",
			task->nivcsw ? "often" : "never");
		for (k = 0; k < all[i].turns; k++)
			pr_info("hog %d turn %lu %lu\n", i, all[i].from[k], all[i].to[k]);
	}
	for (i = 0; i < hogs; i++)
		kthread_stop(all[i].task);
	return 0;
}

static void __exit cpu_share_exit(void)
{
}

module_init(cpu_share_init);
module_exit(cpu_share_exit);
MODULE_LICENSE("GPL");
