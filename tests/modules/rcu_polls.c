// SPDX-License-Identifier: GPL-2.0-only
/* kfree_rcu() and kvfree_rcu() in both forms; asking RCU whether a grace period is over. */
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
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#define P(format, ...) pr_info(format "\n", ##__VA_ARGS__)

struct o {
	int v[10];
	struct rcu_head r;
};
static void test(void)
{
	struct o *o = kmalloc(sizeof *o, GFP_KERNEL);
	int i;
	unsigned long k;
	kfree_rcu(o, r);
	o = kmalloc(sizeof *o, GFP_KERNEL);
	kvfree_rcu(o, r);
	o = kvmalloc(100000, GFP_KERNEL);
	kvfree_rcu(o, r);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	kfree_rcu_mightsleep(kmalloc(20, GFP_KERNEL));
	{
		void *p = vmalloc(8192);
		kvfree_rcu_mightsleep(p);
	}
#else
	{
		void *p = kmalloc(20, GFP_KERNEL);
		kfree_rcu(p);
		p = vmalloc(8192);
		kvfree_rcu(p);
	}
#endif
	rcu_barrier();
	k = start_poll_synchronize_rcu();
	P("p %d", poll_state_synchronize_rcu(k));
	msleep(500);
	P("p %d", poll_state_synchronize_rcu(k));
	k = get_state_synchronize_rcu();
	cond_synchronize_rcu(k);
	P("c %d", poll_state_synchronize_rcu(k));
	k = start_poll_synchronize_rcu_expedited();
	cond_synchronize_rcu_expedited(k);
	P("e %d", poll_state_synchronize_rcu(k));
}

static int __init rcu_polls_init(void)
{
	test();
	return 0;
}

static void __exit rcu_polls_exit(void)
{
}

module_init(rcu_polls_init);
module_exit(rcu_polls_exit);
MODULE_LICENSE("GPL");
