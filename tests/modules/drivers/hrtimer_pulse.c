// SPDX-License-Identifier: GPL-2.0-only
/* A pulse of exact length: a hard hrtimer that only counts and wakes, and a soft one that does the work. */
#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

static struct hrtimer pulse, soft;
static DECLARE_WAIT_QUEUE_HEAD(waiters);
static DEFINE_SPINLOCK(lock);
static atomic_t edges = ATOMIC_INIT(0);
static LIST_HEAD(log);
static int logged;

struct edge {
	struct list_head link;
	ktime_t when;
};

static enum hrtimer_restart on_pulse(struct hrtimer *t)
{
	if (atomic_inc_return(&edges) == 40) {
		wake_up(&waiters);
		return HRTIMER_NORESTART;
	}
	hrtimer_forward_now(t, ns_to_ktime(100 * NSEC_PER_USEC));
	return HRTIMER_RESTART;
}

static enum hrtimer_restart on_soft(struct hrtimer *t)
{
	struct edge *e = kmalloc(sizeof(*e), GFP_ATOMIC);

	if (e) {
		e->when = ktime_get();
		spin_lock(&lock);
		list_add_tail(&e->link, &log);
		logged++;
		spin_unlock(&lock);
	}
	hrtimer_forward_now(t, ns_to_ktime(300 * NSEC_PER_USEC));
	return HRTIMER_RESTART;
}

static int __init hrtimer_pulse_init(void)
{
	hrtimer_init(&pulse, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	pulse.function = on_pulse;
	hrtimer_init(&soft, CLOCK_MONOTONIC, HRTIMER_MODE_REL_SOFT);
	soft.function = on_soft;
	hrtimer_start(&pulse, ns_to_ktime(100 * NSEC_PER_USEC), HRTIMER_MODE_REL);
	hrtimer_start(&soft, ns_to_ktime(300 * NSEC_PER_USEC), HRTIMER_MODE_REL_SOFT);
	if (!wait_event_timeout(waiters, atomic_read(&edges) >= 40, HZ)) {
		hrtimer_cancel(&pulse);
		hrtimer_cancel(&soft);
		return -ETIMEDOUT;
	}
	return 0;
}

static void __exit hrtimer_pulse_exit(void)
{
	struct edge *e, *next;
	LIST_HEAD(mine);

	hrtimer_cancel(&soft);
	hrtimer_cancel(&pulse);
	spin_lock_bh(&lock);
	list_splice_init(&log, &mine);
	spin_unlock_bh(&lock);
	list_for_each_entry_safe(e, next, &mine, link)
		kfree(e);
	pr_info("drivers: %d edges, %s\n", atomic_read(&edges), logged ? "logged" : "not logged");
}

module_init(hrtimer_pulse_init);
module_exit(hrtimer_pulse_exit);

MODULE_LICENSE("GPL");
