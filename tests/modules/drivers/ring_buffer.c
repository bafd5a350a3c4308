// SPDX-License-Identifier: GPL-2.0-only
/* One producer and one consumer around a ring without a lock: acquire and release order its indices. */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>

#define SLOTS 64
#define ITEMS 2000

static u32 slots[SLOTS];
static unsigned int head, tail;
static struct task_struct *producer, *consumer;
static u64 sum;

static int produce(void *unused)
{
	unsigned int n = 0;

	while (!kthread_should_stop() && n < ITEMS) {
		unsigned int at = head;

		if (at - smp_load_acquire(&tail) == SLOTS) {
			cond_resched();
			cpu_relax();
			continue;
		}
		slots[at % SLOTS] = ++n;
		smp_store_release(&head, at + 1);
	}
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

static int consume(void *unused)
{
	while (!kthread_should_stop()) {
		unsigned int at = tail;

		if (at == smp_load_acquire(&head)) {
			schedule_timeout_interruptible(1);
			continue;
		}
		sum += slots[at % SLOTS];
		smp_store_release(&tail, at + 1);
	}
	return 0;
}

static int __init ring_buffer_init(void)
{
	consumer = kthread_run(consume, NULL, "ring/consumer");
	if (IS_ERR(consumer))
		return PTR_ERR(consumer);
	producer = kthread_run(produce, NULL, "ring/producer");
	if (IS_ERR(producer)) {
		kthread_stop(consumer);
		return PTR_ERR(producer);
	}
	return 0;
}

static void __exit ring_buffer_exit(void)
{
	while (READ_ONCE(tail) != ITEMS)
		msleep(1);
	kthread_stop(producer);
	kthread_stop(consumer);
	pr_info("drivers: sum %llu\n", sum);
}

module_init(ring_buffer_init);
module_exit(ring_buffer_exit);

MODULE_LICENSE("GPL");
