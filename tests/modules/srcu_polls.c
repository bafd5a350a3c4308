// SPDX-License-Identifier: GPL-2.0-only
/* SRCU: asking whether a grace period is over, callbacks. */
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

static struct srcu_struct s;
DEFINE_STATIC_SRCU(st);
static DECLARE_COMPLETION(c);
static int reader(void *a)
{
	int i = srcu_read_lock(&s);
	complete(&c);
	msleep(50);
	srcu_read_unlock(&s, i);
	return 0;
}
static void cb(struct rcu_head *h)
{
	P("cb in_softirq %d", !!in_serving_softirq());
}
static struct rcu_head h1, h2;
static void test(void)
{
	unsigned long k, k2;
	int i;
	init_srcu_struct(&s);
	kthread_run(reader, NULL, "r");
	wait_for_completion(&c);
	k = get_state_synchronize_srcu(&s);
	P("poll %d", poll_state_synchronize_srcu(&s, k));
	k2 = start_poll_synchronize_srcu(&s);
	msleep(10);
	P("poll %d", poll_state_synchronize_srcu(&s, k2));
	msleep(300);
	P("poll %d", poll_state_synchronize_srcu(&s, k2));
	P("held %d", srcu_read_lock_held(&s) >= 0);
	call_srcu(&s, &h1, cb);
	srcu_barrier(&s);
	P("b");
	i = srcu_read_lock(&st);
	srcu_read_unlock(&st, i);
	synchronize_srcu(&st);
	synchronize_srcu_expedited(&st);
	call_srcu(&st, &h2, cb);
	srcu_barrier(&st);
	cleanup_srcu_struct(&s);
	P("end");
}

static int __init srcu_polls_init(void)
{
	test();
	return 0;
}

static void __exit srcu_polls_exit(void)
{
}

module_init(srcu_polls_init);
module_exit(srcu_polls_exit);
MODULE_LICENSE("GPL");
