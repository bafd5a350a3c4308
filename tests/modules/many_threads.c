// SPDX-License-Identifier: GPL-2.0-only
/* Eight threads that sleep for ten seconds, or stall their CPUs for one, at the same time. */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/module.h>

static bool stall;
module_param(stall, bool, 0444);

#define THREADS 8
static struct completion done[THREADS];

static int thread(void *which)
{
	if (stall)
		mdelay(1000);
	else
		msleep(10000);
	complete(which);
	return 0;
}

static int __init many_threads_init(void)
{
	ktime_t begin = ktime_get();
	int i;

	for (i = 0; i < THREADS; i++) {
		struct task_struct *t = kthread_create(thread, &done[i], "many/%d", i);

		init_completion(&done[i]);
		if (IS_ERR(t))
			return PTR_ERR(t);
		kthread_bind(t, i % num_online_cpus());
		wake_up_process(t);
	}
	for (i = 0; i < THREADS; i++)
		wait_for_completion(&done[i]);
	pr_info("many_threads: %lld ms\n", ktime_ms_delta(ktime_get(), begin));
	return 0;
}

static void __exit many_threads_exit(void)
{
}

module_init(many_threads_init);
module_exit(many_threads_exit);
MODULE_LICENSE("GPL");
