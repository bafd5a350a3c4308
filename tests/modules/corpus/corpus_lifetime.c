// SPDX-License-Identifier: GPL-2.0-only
/* What is freed or left behind while it is in use; counts that go wrong; tasks that do not get on. */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/kref.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

#include "corpus.h"

struct object {
	struct timer_list timer;
	struct hrtimer hrtimer;
	struct work_struct work;
	struct delayed_work delayed;
	struct list_head list;
	refcount_t count;
};

static void nothing(struct timer_list *t) { }
static enum hrtimer_restart nothing_more(struct hrtimer *t) { return HRTIMER_NORESTART; }
static void no_work(struct work_struct *w) { }
static void slow_work(struct work_struct *w) { msleep(20); }

static struct object *made(void)
{
	struct object *o = kzalloc(sizeof(*o), GFP_KERNEL);

	if (!o)
		return NULL;
	timer_setup(&o->timer, nothing, 0);
	hrtimer_init(&o->hrtimer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	o->hrtimer.function = nothing_more;
	INIT_WORK(&o->work, no_work);
	INIT_DELAYED_WORK(&o->delayed, no_work);
	return o;
}

CASE(free_armed_timer) { struct object *o = made(); mod_timer(&o->timer, jiffies + 100); kfree(o); }
CASE(free_deleted_timer_ok) { struct object *o = made(); mod_timer(&o->timer, jiffies + 100); del_timer_sync(&o->timer); kfree(o); }
CASE(free_expired_timer_ok) { struct object *o = made(); mod_timer(&o->timer, jiffies + 1); msleep(50); kfree(o); }
CASE(free_other_object_ok) { struct object *o = made(), *p = made(); mod_timer(&o->timer, jiffies + 100); kfree(p); del_timer_sync(&o->timer); kfree(o); }

CASE(free_armed_hrtimer) { struct object *o = made(); hrtimer_start(&o->hrtimer, ms_to_ktime(500), HRTIMER_MODE_REL); kfree(o); }
CASE(free_cancelled_hrtimer_ok) { struct object *o = made(); hrtimer_start(&o->hrtimer, ms_to_ktime(500), HRTIMER_MODE_REL); hrtimer_cancel(&o->hrtimer); kfree(o); }

CASE(free_delayed_work) { struct object *o = made(); schedule_delayed_work(&o->delayed, 100); kfree(o); }
CASE(free_cancelled_delayed_work_ok) { struct object *o = made(); schedule_delayed_work(&o->delayed, 100); cancel_delayed_work_sync(&o->delayed); kfree(o); }

CASE(free_queued_work) { struct object *o = made(); INIT_WORK(&o->work, slow_work); preempt_disable(); schedule_work(&o->work); kfree(o); preempt_enable(); }
CASE(free_flushed_work_ok) { struct object *o = made(); schedule_work(&o->work); flush_work(&o->work); kfree(o); }

static DEFINE_TIMER(static_timer, nothing);
CASE(timer_left_at_exit) { mod_timer(&static_timer, jiffies + 1000); }
CASE(timer_deleted_before_exit_ok) { mod_timer(&static_timer, jiffies + 1000); del_timer_sync(&static_timer); }
static DECLARE_DELAYED_WORK(static_delayed, no_work);
CASE(delayed_work_left_at_exit) { schedule_delayed_work(&static_delayed, 1000); }
CASE(delayed_work_cancelled_ok) { schedule_delayed_work(&static_delayed, 1000); cancel_delayed_work_sync(&static_delayed); }
static DECLARE_WORK(static_work, slow_work);
CASE(work_running_at_exit) { schedule_work(&static_work); msleep(5); }
CASE(work_flushed_ok) { schedule_work(&static_work); flush_work(&static_work); }

static int lives(void *unused) { while (!kthread_should_stop()) msleep(10); return 0; }
static int ends(void *unused) { return 0; }
CASE(thread_left_at_exit) { kthread_run(lives, NULL, "corpus"); }
CASE(thread_stopped_ok) { struct task_struct *t = kthread_run(lives, NULL, "corpus"); if (!IS_ERR(t)) kthread_stop(t); }
CASE(thread_ended_ok) { kthread_run(ends, NULL, "corpus"); msleep(50); }

static irqreturn_t handle(int irq, void *dev) { return IRQ_NONE; }
CASE(irq_left_at_exit) { if (request_irq(5, handle, 0, "corpus", NULL)) pr_err("corpus: no irq\n"); }
CASE(irq_freed_ok) { if (!request_irq(5, handle, 0, "corpus", NULL)) free_irq(5, NULL); }

static refcount_t count = REFCOUNT_INIT(1);
CASE(refcount_underflow) { if (refcount_dec_and_test(&count)) if (refcount_dec_and_test(&count)) pr_info("corpus: again\n"); }
CASE(refcount_to_zero_ok) { if (refcount_dec_and_test(&count)) pr_info("corpus: last\n"); }
CASE(refcount_from_zero) { refcount_set(&count, 0); refcount_inc(&count); }
CASE(refcount_inc_not_zero_ok) { refcount_set(&count, 0); if (refcount_inc_not_zero(&count)) pr_info("corpus: never\n"); }

static LIST_HEAD(head);
CASE(list_add_twice) { struct object *o = made(); list_add(&o->list, &head); list_add(&o->list, &head); }
CASE(list_move_ok) { struct object *o = made(); list_add(&o->list, &head); list_move(&o->list, &head); list_del(&o->list); kfree(o); }
CASE(list_del_twice) { struct object *o = made(); list_add(&o->list, &head); list_del(&o->list); list_del(&o->list); }
CASE(list_del_init_twice_ok) { struct object *o = made(); list_add(&o->list, &head); list_del_init(&o->list); list_del_init(&o->list); kfree(o); }

static DEFINE_SPINLOCK(spin);
CASE(loop_for_ever) { for (;;) cpu_relax(); }
CASE(loop_that_schedules_ok) { unsigned long end = jiffies + 30 * HZ; while (time_before(jiffies, end)) msleep(100); }
CASE(loop_with_preempt_off) { preempt_disable(); for (;;) cpu_relax(); }
CASE(loop_with_irqs_off) { local_irq_disable(); for (;;) cpu_relax(); }
CASE(long_loop_with_cond_resched_ok) { int i; for (i = 0; i < 40; i++) { mdelay(1000); cond_resched(); } }
CASE(spinlock_twice) { spin_lock(&spin); spin_lock(&spin); }
CASE(spinlock_once_more_ok) { spin_lock(&spin); spin_unlock(&spin); spin_lock(&spin); spin_unlock(&spin); }

static DECLARE_COMPLETION(never);
static int waits(void *unused) { wait_for_completion(&never); return 0; }
CASE(waits_for_ever) { kthread_run(waits, NULL, "corpus"); msleep(300000); complete(&never); msleep(10); }
CASE(waits_a_minute_ok) { kthread_run(waits, NULL, "corpus"); msleep(60000); complete(&never); msleep(10); }
static int waits_interruptibly(void *unused) { return wait_for_completion_interruptible(&never); }
CASE(waits_interruptibly_ok) { kthread_run(waits_interruptibly, NULL, "corpus"); ssleep(10); msleep_interruptible(290000); complete(&never); msleep(10); }

static const struct corpus_case rows[] = {
	ROW(free_armed_timer), ROW(free_deleted_timer_ok), ROW(free_expired_timer_ok), ROW(free_other_object_ok), ROW(free_armed_hrtimer),
	ROW(free_cancelled_hrtimer_ok), ROW(free_delayed_work), ROW(free_cancelled_delayed_work_ok), ROW(free_queued_work),
	ROW(free_flushed_work_ok), ROW(timer_left_at_exit), ROW(timer_deleted_before_exit_ok), ROW(delayed_work_left_at_exit),
	ROW(delayed_work_cancelled_ok), ROW(work_running_at_exit), ROW(work_flushed_ok), ROW(thread_left_at_exit), ROW(thread_stopped_ok),
	ROW(thread_ended_ok), ROW(irq_left_at_exit), ROW(irq_freed_ok), ROW(refcount_underflow), ROW(refcount_to_zero_ok),
	ROW(refcount_from_zero), ROW(refcount_inc_not_zero_ok), ROW(list_add_twice), ROW(list_move_ok), ROW(list_del_twice),
	ROW(list_del_init_twice_ok), ROW(loop_for_ever), ROW(loop_that_schedules_ok), ROW(loop_with_preempt_off), ROW(loop_with_irqs_off),
	ROW(long_loop_with_cond_resched_ok), ROW(spinlock_twice), ROW(spinlock_once_more_ok), ROW(waits_for_ever), ROW(waits_a_minute_ok),
	ROW(waits_interruptibly_ok),
};

CORPUS(rows);
