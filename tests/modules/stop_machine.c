// SPDX-License-Identifier: GPL-2.0-only
/* stop_machine(): every CPU stands still while the function runs on those asked for. */
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
#include <linux/stop_machine.h>
#include <linux/version.h>
#include <linux/workqueue.h>

#define P(format, ...) pr_info(format "\n", ##__VA_ARGS__)

static atomic_t n;
static int fn(void *a)
{
	atomic_inc(&n);
	P("stopped: irqs off %d, in_interrupt %d, atomic %d, comm %s", irqs_disabled(), !!in_interrupt(),
	  in_atomic(), current->comm);
	return 7;
}
static void test(void)
{
	P("all: %d", stop_machine(fn, NULL, NULL));
	P("cpu1: %d", stop_machine(fn, NULL, cpumask_of(1)));

	P("online: %d", stop_machine(fn, NULL, cpu_online_mask));
	P("%d", atomic_read(&n));
}

static int __init stop_machine_init(void)
{
	test();
	return 0;
}

static void __exit stop_machine_exit(void)
{
}

module_init(stop_machine_init);
module_exit(stop_machine_exit);
MODULE_LICENSE("GPL");
