// SPDX-License-Identifier: GPL-2.0-only
/* A device with a threaded interrupt: the hard handler takes the status, the thread works it off under a mutex. */
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#define IRQ 5

struct device_state {
	spinlock_t lock;
	u32 pending;
	struct mutex config;
	unsigned int handled;
	wait_queue_head_t waiters;
};

static struct device_state device;

static irqreturn_t on_irq(int irq, void *data)
{
	struct device_state *d = data;

	spin_lock(&d->lock);
	d->pending++;
	spin_unlock(&d->lock);
	return IRQ_WAKE_THREAD;
}

static irqreturn_t on_thread(int irq, void *data)
{
	struct device_state *d = data;
	unsigned long flags;
	u32 work;

	spin_lock_irqsave(&d->lock, flags);
	work = d->pending;
	d->pending = 0;
	spin_unlock_irqrestore(&d->lock, flags);
	if (!work)
		return IRQ_NONE;
	mutex_lock(&d->config);
	d->handled += work;
	usleep_range(10, 20);
	mutex_unlock(&d->config);
	wake_up(&d->waiters);
	return IRQ_HANDLED;
}

static int __init threaded_irq_init(void)
{
	spin_lock_init(&device.lock);
	mutex_init(&device.config);
	init_waitqueue_head(&device.waiters);
	return request_threaded_irq(IRQ, on_irq, on_thread, 0, "drivers", &device);
}

static void __exit threaded_irq_exit(void)
{
	unsigned int handled;

	msleep(50);
	disable_irq(IRQ);
	mutex_lock(&device.config);
	handled = device.handled;
	mutex_unlock(&device.config);
	enable_irq(IRQ);
	free_irq(IRQ, &device);
	pr_info("drivers: %u interrupts\n", handled);
}

module_init(threaded_irq_init);
module_exit(threaded_irq_exit);

MODULE_LICENSE("GPL");
