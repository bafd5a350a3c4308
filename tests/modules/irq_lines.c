// SPDX-License-Identifier: GPL-2.0-only
/* Interrupt lines that a script raises: handlers, threads, sharing, disabling, and what is wrong with them. */
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/smp.h>

static char *what = "";
module_param(what, charp, 0444);

static int first, second, third;
static unsigned int count, threads;

static irqreturn_t on_hard(int irq, void *id)
{
	pr_info("irq_lines: %d in hardirq %d, interrupts %s, cpu %d\n", irq, (int)in_hardirq(), irqs_disabled() ? "off" : "on",
		smp_processor_id());
	count++;
	return IRQ_HANDLED;
}

static irqreturn_t on_not_mine(int irq, void *id)
{
	pr_info("irq_lines: not mine\n");
	return IRQ_NONE;
}

static irqreturn_t on_ignored(int irq, void *id) { count++; return IRQ_NONE; }
static irqreturn_t on_bogus(int irq, void *id) { return (irqreturn_t)42; }
static irqreturn_t on_wake(int irq, void *id) { count++; return IRQ_WAKE_THREAD; }
static irqreturn_t on_thread(int irq, void *id)
{
	threads++;
	pr_info("irq_lines: thread %s in task %d, interrupts %s\n", current->comm, (int)in_task(), irqs_disabled() ? "off" : "on");
	msleep(1);
	return IRQ_HANDLED;
}

static int line(void)
{
	if (!strcmp(what, "shared"))
		return request_irq(5, on_not_mine, IRQF_SHARED, "first", &first) ?:
		       request_irq(5, on_hard, IRQF_SHARED, "second", &second);
	if (!strcmp(what, "threaded"))
		return request_threaded_irq(5, on_wake, on_thread, IRQF_ONESHOT, "threaded", &first);
	if (!strcmp(what, "ignored"))
		return request_irq(5, on_ignored, 0, "ignored", &first);
	if (!strcmp(what, "bogus"))
		return request_irq(5, on_bogus, 0, "bogus", &first);
	if (!strcmp(what, "no_thread"))
		return request_irq(5, on_wake, 0, "no_thread", &first);
	if (!strcmp(what, "disabled")) {
		int error = request_irq(5, on_hard, 0, "disabled", &first);

		disable_irq(5);
		msleep(20);
		pr_info("irq_lines: %u while it was disabled\n", count);
		enable_irq(5);
		pr_info("irq_lines: %u then\n", count);
		return error;
	}
	if (!strcmp(what, "affinity")) {
		int error = request_irq(5, on_hard, 0, "affinity", &first);

		return error ?: irq_set_affinity(5, cpumask_of(1));
	}
	if (!strcmp(what, "masked")) {
		int error = request_irq(5, on_hard, 0, "masked", &first);

		local_irq_disable();
		mdelay(20);
		pr_info("irq_lines: %u with interrupts off\n", count);
		local_irq_enable();
		udelay(1);
		pr_info("irq_lines: %u then\n", count);
		return error;
	}
	return request_irq(5, on_hard, 0, "plain", &first);
}

static int __init irq_lines_init(void)
{
	int error = line();

	if (!strcmp(what, "mismatch"))
		pr_info("irq_lines: mismatch gives %d\n", request_irq(5, on_hard, IRQF_SHARED, "other", &third));
	if (!strcmp(what, "unbalanced"))
		enable_irq(5);
	return error;
}

static void __exit irq_lines_exit(void)
{
	pr_info("irq_lines: %u handled, %u in the thread\n", count, threads);
	free_irq(5, &first);
	if (!strcmp(what, "shared"))
		free_irq(5, &second);
	if (!strcmp(what, "free_twice"))
		free_irq(5, &first);
}

module_init(irq_lines_init);
module_exit(irq_lines_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Handlers of interrupt lines that a script raises");
