// SPDX-License-Identifier: GPL-2.0-only
/* Callbacks of every kind that come back with preemption off, interrupts off or an RCU reader open. */
#include <linux/cpuhotplug.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/kobject.h>
#include <linux/kthread.h>
#include <linux/notifier.h>
#include <linux/rcupdate.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/timer.h>
#include <linux/workqueue.h>
#include "corpus.h"

static void (*leave)(void);
static void preempt_off(void) { preempt_disable(); }
/* Where a callback is called with interrupts off that changes nothing. */
static void irqs_off(void) { local_irq_disable(); }
static void in_reader(void) { rcu_read_lock(); }
static void balanced(void) { preempt_disable(); rcu_read_lock(); rcu_read_unlock(); preempt_enable(); }

static void timer_fn(struct timer_list *unused) { leave(); }
static DEFINE_TIMER(timer, timer_fn);
static void by_timer(void) { mod_timer(&timer, jiffies + 1); msleep(20); del_timer_sync(&timer); }

static struct hrtimer hrtimer;
static enum hrtimer_restart hrtimer_fn(struct hrtimer *unused) { leave(); return HRTIMER_NORESTART; }
static void by_hrtimer(void)
{
	hrtimer_init(&hrtimer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	hrtimer.function = hrtimer_fn;
	hrtimer_start(&hrtimer, ms_to_ktime(1), HRTIMER_MODE_REL);
	msleep(20);
	hrtimer_cancel(&hrtimer);
}

static void work_fn(struct work_struct *unused) { leave(); }
static DECLARE_WORK(work, work_fn);
static void by_work(void) { schedule_work(&work); msleep(20); flush_work(&work); }

static void tasklet_fn(struct tasklet_struct *unused) { leave(); }
static struct tasklet_struct tasklet;
static void by_tasklet(void) { tasklet_setup(&tasklet, tasklet_fn); tasklet_schedule(&tasklet); tasklet_kill(&tasklet); }

static void irq_work_fn(struct irq_work *unused) { leave(); }
static struct irq_work irq_work;
static void by_irq_work(void) { init_irq_work(&irq_work, irq_work_fn); irq_work_queue(&irq_work); irq_work_sync(&irq_work); }

static void call_fn(void *unused) { leave(); }
static void by_smp_call(void) { smp_call_function_single(1, call_fn, NULL, 1); }

static struct rcu_head head;
static void rcu_fn(struct rcu_head *unused) { leave(); }
static void by_rcu(void) { call_rcu(&head, rcu_fn); rcu_barrier(); }

static int thread_fn(void *unused) { leave(); return 0; }
static void by_kthread(void) { kthread_run(thread_fn, NULL, "balance"); msleep(20); }

static BLOCKING_NOTIFIER_HEAD(chain);
static int notified(struct notifier_block *nb, unsigned long action, void *data) { leave(); return NOTIFY_DONE; }
static struct notifier_block block = { .notifier_call = notified };
static void by_notifier(void)
{
	blocking_notifier_chain_register(&chain, &block);
	blocking_notifier_call_chain(&chain, 0, NULL);
	blocking_notifier_chain_unregister(&chain, &block);
}

static void release_fn(struct kobject *kobj) { leave(); }
static const struct kobj_type type = { .release = release_fn };
static struct kobject kobject;
static void by_release(void)
{
	memset(&kobject, 0, sizeof(kobject));
	kobject_init(&kobject, (struct kobj_type *)&type);
	kobject_put(&kobject);
}

static int online_fn(unsigned int cpu) { if (cpu == 0) leave(); return 0; }
static void by_hotplug(void)
{
	int state = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "corpus:online", online_fn, NULL);

	if (state > 0)
		cpuhp_remove_state(state);
}

static void by_init(void) { leave(); }

static void by_exit(void) { corpus_at_exit = leave; }

#define LEAVES(kind)										\
	CASE(kind##_leaves_preempt_off) { leave = preempt_off; by_##kind(); }			\
	CASE(kind##_leaves_irqs_off) { leave = irqs_off; by_##kind(); }				\
	CASE(kind##_leaves_reader) { leave = in_reader; by_##kind(); }				\
	CASE(kind##_is_balanced_ok) { leave = balanced; by_##kind(); }

LEAVES(timer)
LEAVES(hrtimer)
LEAVES(work)
LEAVES(tasklet)
LEAVES(irq_work)
LEAVES(smp_call)
LEAVES(rcu)
LEAVES(kthread)
LEAVES(notifier)
LEAVES(release)
LEAVES(hotplug)
LEAVES(init)
LEAVES(exit)

#define ROWS(kind) { #kind "_leaves_preempt_off", kind##_leaves_preempt_off }, { #kind "_leaves_irqs_off", kind##_leaves_irqs_off },	\
	{ #kind "_leaves_reader", kind##_leaves_reader }, { #kind "_is_balanced_ok", kind##_is_balanced_ok }
static const struct corpus_case rows[] = {
	ROWS(timer), ROWS(hrtimer), ROWS(work), ROWS(tasklet), ROWS(irq_work), ROWS(smp_call), ROWS(rcu), ROWS(kthread),
	ROWS(notifier), ROWS(release), ROWS(hotplug), ROWS(init), ROWS(exit),
};

CORPUS(rows);
