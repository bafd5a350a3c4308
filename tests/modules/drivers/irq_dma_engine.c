// SPDX-License-Identifier: GPL-2.0-only
/* An interrupt handler that finishes transfers and a tasklet that tells who waits: irqsave outside, plain inside. */
#include <linux/completion.h>
#include <linux/interrupt.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/spinlock.h>

#define IRQ 5

struct transfer {
	struct list_head link;
	struct completion done;
	int bytes;
};

static DEFINE_SPINLOCK(lock);
static LIST_HEAD(queued);
static LIST_HEAD(finished);
static struct tasklet_struct tasklet;
static atomic_t total = ATOMIC_INIT(0);

static irqreturn_t on_irq(int irq, void *data)
{
	struct transfer *t;

	spin_lock(&lock);
	t = list_first_entry_or_null(&queued, struct transfer, link);
	if (t)
		list_move_tail(&t->link, &finished);
	spin_unlock(&lock);
	if (!t)
		return IRQ_HANDLED;
	tasklet_schedule(&tasklet);
	return IRQ_HANDLED;
}

static void deliver(struct tasklet_struct *unused)
{
	struct transfer *t, *next;
	LIST_HEAD(mine);

	spin_lock_irq(&lock);
	list_splice_init(&finished, &mine);
	spin_unlock_irq(&lock);
	list_for_each_entry_safe(t, next, &mine, link) {
		list_del(&t->link);
		atomic_add(t->bytes, &total);
		complete(&t->done);
	}
}

static int submit(int bytes)
{
	struct transfer t;
	unsigned long flags;

	init_completion(&t.done);
	t.bytes = bytes;
	spin_lock_irqsave(&lock, flags);
	list_add_tail(&t.link, &queued);
	spin_unlock_irqrestore(&lock, flags);
	wait_for_completion(&t.done);
	return 0;
}

static int __init irq_dma_engine_init(void)
{
	int i, error;

	tasklet_setup(&tasklet, deliver);
	error = request_irq(IRQ, on_irq, 0, "engine", &tasklet);
	if (error)
		return error;
	for (i = 1; i <= 4; i++)
		submit(i * 100);
	return 0;
}

static void __exit irq_dma_engine_exit(void)
{
	free_irq(IRQ, &tasklet);
	tasklet_kill(&tasklet);
	pr_info("drivers: %d bytes\n", atomic_read(&total));
}

module_init(irq_dma_engine_init);
module_exit(irq_dma_engine_exit);

MODULE_LICENSE("GPL");
