// SPDX-License-Identifier: GPL-2.0-only
/*
 * A handler and a thread on another CPU count events, raised on line 5 by a script. The thread reads the total, writes a line into
 * a book and stores the total plus one: if the handler comes in between, what it counted is lost. The window is small next to
 * what the thread does else. With locked=1 both count under a lock that keeps the handler out.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/spinlock.h>

#define ROUNDS 20

static bool locked;
module_param(locked, bool, 0444);

static DEFINE_SPINLOCK(counting);
static DEFINE_SPINLOCK(book);
static DECLARE_COMPLETION(done);
static long total, interrupts, lines;

static irqreturn_t on_event(int irq, void *id)
{
	if (locked)
		spin_lock(&counting);
	total++;
	interrupts++;
	if (locked)
		spin_unlock(&counting);
	return IRQ_HANDLED;
}

static void write_line(void)
{
	spin_lock(&book);
	lines++;
	spin_unlock(&book);
}

static int counter(void *unused)
{
	unsigned long flags;
	long seen;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		if (locked)
			spin_lock_irqsave(&counting, flags);
		seen = READ_ONCE(total);
		write_line();
		WRITE_ONCE(total, seen + 1);
		if (locked)
			spin_unlock_irqrestore(&counting, flags);
		udelay(50);
	}
	kthread_complete_and_exit(&done, 0);
}

static int __init isr_race_init(void)
{
	struct task_struct *t;
	int error = request_irq(5, on_event, 0, "isr_race", &total);

	if (error)
		return error;
	t = kthread_create(counter, NULL, "counter");
	if (!IS_ERR(t)) {
		kthread_bind(t, 1);
		wake_up_process(t);
		wait_for_completion(&done);
		msleep(5);
	}
	free_irq(5, &total);
	pr_info("%ld events, %ld interrupts, %ld lines\n", total, interrupts, lines);
	return IS_ERR(t) ? PTR_ERR(t) : total == interrupts + lines ? 0 : -EUCLEAN;
}

static void __exit isr_race_exit(void)
{
}

module_init(isr_race_init);
module_exit(isr_race_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("An interrupt that a thread's update loses");
