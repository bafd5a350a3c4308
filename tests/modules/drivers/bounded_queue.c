// SPDX-License-Identifier: GPL-2.0-only
/* Producers and consumers at a bounded queue: one mutex, two wait queues. */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/wait.h>

#define ROOM 4
#define EACH 100

struct item {
	struct list_head link;
	int value;
};

static LIST_HEAD(queue);
static DEFINE_MUTEX(lock);
static DECLARE_WAIT_QUEUE_HEAD(not_full);
static DECLARE_WAIT_QUEUE_HEAD(not_empty);
static int length;
static atomic_t taken = ATOMIC_INIT(0);
static struct task_struct *threads[4];

static bool put(struct item *item)
{
	bool done = false;

	mutex_lock(&lock);
	if (length < ROOM) {
		list_add_tail(&item->link, &queue);
		WRITE_ONCE(length, length + 1);
		done = true;
	}
	mutex_unlock(&lock);
	if (done)
		wake_up(&not_empty);
	return done;
}

static struct item *get(void)
{
	struct item *item;

	mutex_lock(&lock);
	item = list_first_entry_or_null(&queue, struct item, link);
	if (item) {
		list_del(&item->link);
		WRITE_ONCE(length, length - 1);
	}
	mutex_unlock(&lock);
	if (item)
		wake_up(&not_full);
	return item;
}

static int produce(void *unused)
{
	int i;

	for (i = 0; i < EACH; i++) {
		struct item *item = kmalloc(sizeof(*item), GFP_KERNEL);

		if (!item)
			break;
		item->value = i;
		while (!put(item))
			wait_event(not_full, READ_ONCE(length) < ROOM);
	}
	wait_event_idle(not_full, kthread_should_stop());
	return 0;
}

static int consume(void *unused)
{
	while (!kthread_should_stop()) {
		struct item *item;

		wait_event_interruptible(not_empty, READ_ONCE(length) || kthread_should_stop());
		item = get();
		if (!item)
			continue;
		kfree(item);
		atomic_inc(&taken);
	}
	return 0;
}

static void stop_all(int count)
{
	while (count--)
		kthread_stop(threads[count]);
}

static int __init bounded_queue_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		threads[i] = kthread_run(i % 2 ? consume : produce, NULL, "queue/%d", i);
		if (IS_ERR(threads[i])) {
			int error = PTR_ERR(threads[i]);

			stop_all(i);
			return error;
		}
	}
	return 0;
}

static void __exit bounded_queue_exit(void)
{
	while (atomic_read(&taken) != 2 * EACH)
		msleep(1);
	stop_all(ARRAY_SIZE(threads));
	pr_info("drivers: %d items\n", atomic_read(&taken));
}

module_init(bounded_queue_init);
module_exit(bounded_queue_exit);

MODULE_LICENSE("GPL");
