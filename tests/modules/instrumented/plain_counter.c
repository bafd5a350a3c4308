// SPDX-License-Identifier: GPL-2.0-only
/* plain_counter.ko: two threads add to one long, ++ by ++. Its init fails when an update was lost. */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>

#define ADDITIONS 4

static long counter;
static DECLARE_COMPLETION(done);

static int adder(void *unused)
{
	int i;

	for (i = 0; i < ADDITIONS; i++)
		counter++;
	kthread_complete_and_exit(&done, 0);
}

static int __init plain_counter_init(void)
{
	struct task_struct *t[2];
	int i;

	for (i = 0; i < 2; i++) {
		t[i] = kthread_create(adder, NULL, "adder/%d", i);
		if (IS_ERR(t[i]))
			return PTR_ERR(t[i]);
		kthread_bind(t[i], i);
	}
	for (i = 0; i < 2; i++)
		wake_up_process(t[i]);
	for (i = 0; i < 2; i++)
		wait_for_completion(&done);
	pr_info("%ld of %d additions\n", counter, 2 * ADDITIONS);
	return counter == 2 * ADDITIONS ? 0 : -EUCLEAN;
}

static void __exit plain_counter_exit(void)
{
}

module_init(plain_counter_init);
module_exit(plain_counter_exit);
MODULE_DESCRIPTION("A plain counter of two threads");
MODULE_LICENSE("GPL");
