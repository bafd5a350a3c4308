// SPDX-License-Identifier: GPL-2.0-only
/* Entries that the first user fills while the others wait for a bit. */
#include <linux/bitops.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/wait_bit.h>

#define FILLING 0
#define FILLED 1

struct entry {
	unsigned long flags;
	int value;
};

static struct entry entries[4];
static struct task_struct *threads[4];
static atomic_t fills = ATOMIC_INIT(0), wrong = ATOMIC_INIT(0);

static int entry_value(struct entry *e)
{
	if (test_bit_acquire(FILLED, &e->flags))
		return e->value;
	if (!test_and_set_bit_lock(FILLING, &e->flags)) {
		if (!test_bit(FILLED, &e->flags)) {
			usleep_range(50, 100);
			e->value = 42;
			atomic_inc(&fills);
			smp_mb__before_atomic();
			set_bit(FILLED, &e->flags);
		}
		clear_bit_unlock(FILLING, &e->flags);
		smp_mb__after_atomic();
		wake_up_bit(&e->flags, FILLING);
	} else {
		wait_on_bit(&e->flags, FILLING, TASK_UNINTERRUPTIBLE);
	}
	return test_bit_acquire(FILLED, &e->flags) ? e->value : 42;
}

static int use(void *unused)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(entries); i++)
		if (entry_value(&entries[i]) != 42)
			atomic_inc(&wrong);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

static int __init wait_bit_fill_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(threads); i++)
		threads[i] = kthread_run(use, NULL, "fill/%d", i);
	return 0;
}

static void __exit wait_bit_fill_exit(void)
{
	int i;

	msleep(20);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		kthread_stop(threads[i]);
	pr_info("drivers: %d fills, %d wrong\n", atomic_read(&fills), atomic_read(&wrong));
}

module_init(wait_bit_fill_init);
module_exit(wait_bit_fill_exit);

MODULE_LICENSE("GPL");
