// SPDX-License-Identifier: GPL-2.0-only
/* A FIFO of records between a timer and a work, with a spinlock on either side. */
#include <linux/delay.h>
#include <linux/kfifo.h>
#include <linux/module.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

struct record {
	u32 number;
	u32 check;
};

static DEFINE_KFIFO(fifo, struct record, 32);
static DEFINE_SPINLOCK(lock);
static struct timer_list timer;
static u32 made, lost, read, wrong;

static void drain(struct work_struct *unused)
{
	struct record r;

	while (kfifo_out_spinlocked(&fifo, &r, 1, &lock)) {
		read++;
		if (r.check != ~r.number)
			wrong++;
	}
}
static DECLARE_DELAYED_WORK(work, drain);

static void on_timer(struct timer_list *t)
{
	int i;

	for (i = 0; i < 6; i++) {
		struct record r = { .number = made, .check = ~made };

		made++;
		if (!kfifo_in_spinlocked(&fifo, &r, 1, &lock))
			lost++;
	}
	schedule_delayed_work(&work, 1);
	if (made < 60)
		mod_timer(t, jiffies + 1);
}

static int __init kfifo_events_init(void)
{
	timer_setup(&timer, on_timer, 0);
	mod_timer(&timer, jiffies + 1);
	return 0;
}

static void __exit kfifo_events_exit(void)
{
	msleep(100);
	del_timer_sync(&timer);
	flush_delayed_work(&work);
	cancel_delayed_work_sync(&work);
	pr_info("drivers: %u read, %u lost, %u wrong of %u\n", read, lost, wrong, made);
}

module_init(kfifo_events_init);
module_exit(kfifo_events_exit);

MODULE_LICENSE("GPL");
