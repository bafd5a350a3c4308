// SPDX-License-Identifier: GPL-2.0-only
/* Callbacks of the tasks and trace flavours of RCU. */
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
#include <linux/rcupdate_trace.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/srcu.h>
#include <linux/version.h>
#include <linux/workqueue.h>

#define P(format, ...) pr_info(format "\n", ##__VA_ARGS__)

struct o {
	struct rcu_head r;
	int v;
};
static DECLARE_COMPLETION(c);
static void cb(struct rcu_head *h)
{
	struct o *o = container_of(h, struct o, r);
	P("cb %d", o->v);
	kfree(o);
	complete(&c);
}
static void test(void)
{
	struct o *o = kmalloc(sizeof *o, GFP_KERNEL);
	o->v = 5;
#ifdef CONFIG_TASKS_RCU
	call_rcu_tasks(&o->r, cb);
	wait_for_completion(&c);
	synchronize_rcu_tasks();
	rcu_barrier_tasks();
#endif
	o = kmalloc(sizeof *o, GFP_KERNEL);
	o->v = 6;
	reinit_completion(&c);
	call_rcu_tasks_trace(&o->r, cb);
	wait_for_completion(&c);
	rcu_barrier_tasks_trace();
	synchronize_rcu_tasks_rude();
	P("done");
}

static int __init rcu_tasks_init(void)
{
	test();
	return 0;
}

static void __exit rcu_tasks_exit(void)
{
}

module_init(rcu_tasks_init);
module_exit(rcu_tasks_exit);
MODULE_LICENSE("GPL");
