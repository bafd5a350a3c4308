// SPDX-License-Identifier: GPL-2.0-only
/*
 * Locks and switches for bench/locks.py. A line "LOOP TURNS" written to /proc/koi_locks runs a loop so many times; reading the
 * file gives the number of turns done. Time is measured from outside: inside the machine it is virtual.
 */
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

static uint at_load;
module_param(at_load, uint, 0444);
MODULE_PARM_DESC(at_load, "turns of the lock-heavy loop while it is loaded");

static DEFINE_SPINLOCK(spin);
static DEFINE_MUTEX(mutex);
static DECLARE_COMPLETION(done);
static DECLARE_WAIT_QUEUE_HEAD(wait);
static u32 result, turns, ball;
static u32 table[64];

static int yielder(void *unused)
{
	u32 i;

	for (i = 0; i < turns; i++)
		yield();
	kthread_complete_and_exit(&done, 0);
}

/* Each waits until the ball comes, and throws it back. */
static int player(void *side)
{
	u32 own = (unsigned long)side, i;

	for (i = 0; i < turns; i++) {
		wait_event(wait, READ_ONCE(ball) == own);
		WRITE_ONCE(ball, !own);
		wake_up(&wait);
	}
	kthread_complete_and_exit(&done, 0);
}

/* Two threads on CPU 0. */
static int run_two(int (*fn)(void *))
{
	unsigned long i;

	ball = 0;
	for (i = 0; i < 2; i++) {
		struct task_struct *t = kthread_create(fn, (void *)i, "bench/%lu", i);

		if (IS_ERR(t))
			return PTR_ERR(t);
		kthread_bind(t, 0);
		wake_up_process(t);
	}
	wait_for_completion(&done);
	wait_for_completion(&done);
	return 0;
}

static int run_loop(const char *name)
{
	u32 i, j;

	if (!strcmp(name, "empty")) {
		for (i = 0; i < turns; i++)
			barrier();
	} else if (!strcmp(name, "spin")) {
		for (i = 0; i < turns; i++) {
			spin_lock(&spin);
			spin_unlock(&spin);
		}
	} else if (!strcmp(name, "spin_irqsave")) {
		unsigned long flags;

		for (i = 0; i < turns; i++) {
			spin_lock_irqsave(&spin, flags);
			spin_unlock_irqrestore(&spin, flags);
		}
	} else if (!strcmp(name, "mutex")) {
		for (i = 0; i < turns; i++) {
			mutex_lock(&mutex);
			mutex_unlock(&mutex);
		}
	} else if (!strcmp(name, "heavy")) {
		/* A module that does little but take locks: a table of 64 words under them. */
		for (i = 0; i < turns; i++) {
			mutex_lock(&mutex);
			spin_lock(&spin);
			for (j = 0; j < ARRAY_SIZE(table); j++)
				table[j] += i ^ j;
			spin_unlock(&spin);
			mutex_unlock(&mutex);
		}
	} else if (!strcmp(name, "switch")) {
		return run_two(yielder);
	} else if (!strcmp(name, "wake")) {
		return run_two(player);
	} else {
		return -EINVAL;
	}
	return 0;
}

static ssize_t locks_write(struct file *file, const char __user *buffer, size_t length, loff_t *at)
{
	char line[64], name[32];
	int error;

	if (length >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, buffer, length))
		return -EFAULT;
	line[length] = 0;
	if (sscanf(line, "%31s %u", name, &turns) != 2)
		return -EINVAL;
	error = run_loop(name);
	result = error ? 0 : turns;
	return error ? error : length;
}

static ssize_t locks_read(struct file *file, char __user *buffer, size_t length, loff_t *at)
{
	char line[32];
	int n = snprintf(line, sizeof(line), "%u\n", result);

	return simple_read_from_buffer(buffer, length, at, line, n);
}

static const struct proc_ops locks_ops = {
	.proc_read = locks_read,
	.proc_write = locks_write,
};

static int __init locks_init(void)
{
	turns = at_load;
	run_loop("heavy");
	return proc_create("koi_locks", 0600, NULL, &locks_ops) ? 0 : -ENOMEM;
}

static void __exit locks_exit(void)
{
	remove_proc_entry("koi_locks", NULL);
}

module_init(locks_init);
module_exit(locks_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Loops of locks and switches");
