// SPDX-License-Identifier: GPL-2.0-only
/* A device that requests hold by a percpu_ref: removal kills it and waits for the last. */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/percpu-refcount.h>
#include <linux/percpu_counter.h>
#include <linux/slab.h>

struct device_state {
	struct percpu_ref users;
	struct completion idle;
	struct percpu_counter requests;
};

static struct device_state *device;
static struct task_struct *threads[2];

static void on_idle(struct percpu_ref *ref)
{
	complete(&container_of(ref, struct device_state, users)->idle);
}

static int request(void *unused)
{
	while (!kthread_should_stop()) {
		if (percpu_ref_tryget_live(&device->users)) {
			percpu_counter_inc(&device->requests);
			usleep_range(10, 30);
			percpu_ref_put(&device->users);
		}
		usleep_range(10, 20);
	}
	return 0;
}

static int __init percpu_ref_device_init(void)
{
	int error = -ENOMEM;

	device = kzalloc(sizeof(*device), GFP_KERNEL);
	if (!device)
		return error;
	init_completion(&device->idle);
	error = percpu_counter_init(&device->requests, 0, GFP_KERNEL);
	if (error)
		goto out_free;
	error = percpu_ref_init(&device->users, on_idle, 0, GFP_KERNEL);
	if (error)
		goto out_counter;
	threads[0] = kthread_run(request, NULL, "request/0");
	threads[1] = kthread_run(request, NULL, "request/1");
	return 0;
out_counter:
	percpu_counter_destroy(&device->requests);
out_free:
	kfree(device);
	return error;
}

static void __exit percpu_ref_device_exit(void)
{
	msleep(10);
	percpu_ref_kill(&device->users);
	wait_for_completion(&device->idle);
	kthread_stop(threads[0]);
	kthread_stop(threads[1]);
	pr_info("drivers: %s\n", percpu_counter_sum(&device->requests) ? "served" : "idle");
	percpu_ref_exit(&device->users);
	percpu_counter_destroy(&device->requests);
	kfree(device);
}

module_init(percpu_ref_device_init);
module_exit(percpu_ref_device_exit);

MODULE_LICENSE("GPL");
