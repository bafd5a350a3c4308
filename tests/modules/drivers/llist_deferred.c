// SPDX-License-Identifier: GPL-2.0-only
/* Events from hard interrupt context on a list without a lock, worked off by irq_work and a work. */
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/llist.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

struct event {
	struct llist_node node;
	int value;
};

static LLIST_HEAD(events);
static struct irq_work irq_work;
static struct hrtimer timer;
static atomic_t raised = ATOMIC_INIT(0);
static long sum;

static void work_off(struct work_struct *unused)
{
	struct llist_node *list = llist_reverse_order(llist_del_all(&events));
	struct event *e, *next;

	llist_for_each_entry_safe(e, next, list, node) {
		sum += e->value;
		kfree(e);
	}
}
static DECLARE_WORK(work, work_off);

static void on_irq_work(struct irq_work *unused)
{
	schedule_work(&work);
}

static enum hrtimer_restart raise_event(struct hrtimer *t)
{
	struct event *e = kmalloc(sizeof(*e), GFP_ATOMIC);

	if (e) {
		e->value = atomic_inc_return(&raised);
		if (llist_add(&e->node, &events))
			irq_work_queue(&irq_work);
	}
	if (atomic_read(&raised) >= 50)
		return HRTIMER_NORESTART;
	hrtimer_forward_now(t, ns_to_ktime(70 * NSEC_PER_USEC));
	return HRTIMER_RESTART;
}

static int __init llist_deferred_init(void)
{
	init_irq_work(&irq_work, on_irq_work);
	hrtimer_init(&timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	timer.function = raise_event;
	hrtimer_start(&timer, ns_to_ktime(70 * NSEC_PER_USEC), HRTIMER_MODE_REL);
	return 0;
}

static void __exit llist_deferred_exit(void)
{
	msleep(20);
	hrtimer_cancel(&timer);
	irq_work_sync(&irq_work);
	flush_work(&work);
	pr_info("drivers: sum %ld\n", sum);
}

module_init(llist_deferred_init);
module_exit(llist_deferred_exit);

MODULE_LICENSE("GPL");
