// SPDX-License-Identifier: GPL-2.0-only
/* What request_irq() and its relatives answer. */
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/srcu.h>
#include <linux/version.h>
#include <linux/workqueue.h>

#define P(format, ...) pr_info(format "\n", ##__VA_ARGS__)

static irqreturn_t h(int i, void *d)
{
	return IRQ_WAKE_THREAD;
}
static irqreturn_t th(int i, void *d)
{
	return IRQ_HANDLED;
}
static int dev1, dev2;
static void test(void)
{
	P("noone %d", request_threaded_irq(10, NULL, th, 0, "x", &dev1));
	P("oneshot %d", request_threaded_irq(10, NULL, th, IRQF_ONESHOT, "x", &dev1));
	P("busy %d", request_irq(10, h, 0, "y", &dev2));
	disable_irq(10);
	enable_irq(10);
	synchronize_irq(10);
	P("name %s", (char *)free_irq(10, &dev1));
	P("sh nodev %d", request_irq(10, h, IRQF_SHARED, "y", NULL));
	P("none %d", request_irq(10, NULL, 0, "y", &dev1));
	P("sh %d %d", request_irq(10, h, IRQF_SHARED, "y", &dev1),
	  request_irq(10, h, IRQF_SHARED, "z", &dev2));
	free_irq(10, &dev1);
	free_irq(10, &dev2);
	P("any %d", request_any_context_irq(10, h, 0, "q", &dev1));
	free_irq(10, &dev1);
	P("bad %d", request_irq(9999, h, 0, "b", NULL));
	P("has %d", irq_has_action(10));
	P("aff %d", irq_set_affinity_hint(10, cpumask_of(0)));
}

static int __init irq_requests_init(void)
{
	test();
	return 0;
}

static void __exit irq_requests_exit(void)
{
}

module_init(irq_requests_init);
module_exit(irq_requests_exit);
MODULE_LICENSE("GPL");
