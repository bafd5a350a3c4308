// SPDX-License-Identifier: GPL-2.0-only
/* Two threads that say where they are, `steps` times each, with a lock taken and given back between: how they interleave. quiet=1:
 * they take and give only, eight each, for counting schedules. */
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/spinlock.h>

static int steps = 4;
module_param(steps, int, 0444);
static bool quiet;
module_param(quiet, bool, 0444);

static DEFINE_SPINLOCK(lock);
static DECLARE_COMPLETION(done);
static int sum;

static int worker(void *name)
{
	int i;

	for (i = 1; i <= steps; i++) {
		spin_lock(&lock);
		sum++;
		spin_unlock(&lock);
		if (!quiet)
			pr_info("%s %d\n", (char *)name, i);
	}
	kthread_complete_and_exit(&done, 0);
}

static int __init interleave_init(void)
{
	struct task_struct *t = kthread_run(worker, "a", "a");

	if (IS_ERR(t))
		return PTR_ERR(t);
	t = kthread_run(worker, "b", "b");
	if (!IS_ERR(t))
		wait_for_completion(&done);
	wait_for_completion(&done);
	return IS_ERR(t) ? PTR_ERR(t) : 0;
}

static void __exit interleave_exit(void)
{
}

module_init(interleave_init);
module_exit(interleave_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("How two threads interleave");
