// SPDX-License-Identifier: GPL-2.0-only
/* Wait queues in their forms: exclusive waiters, a timeout, a lock dropped while waiting, a custom wake function. */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

static DECLARE_WAIT_QUEUE_HEAD(exclusive);
static DECLARE_WAIT_QUEUE_HEAD(locked);
static DEFINE_SPINLOCK(lock);
static int tickets;
static bool ready;
static atomic_t served = ATOMIC_INIT(0);
static struct task_struct *clients[3];

static int client(void *unused)
{
	while (!kthread_should_stop()) {
		DEFINE_WAIT(wait);
		bool mine = false;

		prepare_to_wait_exclusive(&exclusive, &wait, TASK_INTERRUPTIBLE);
		spin_lock(&lock);
		if (tickets) {
			tickets--;
			mine = true;
		}
		spin_unlock(&lock);
		if (!mine && !kthread_should_stop())
			schedule_timeout(2);
		finish_wait(&exclusive, &wait);
		if (mine)
			atomic_inc(&served);
	}
	return 0;
}

static int __init wait_forms_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(clients); i++)
		clients[i] = kthread_run(client, NULL, "client/%d", i);
	for (i = 0; i < 9; i++) {
		spin_lock(&lock);
		tickets++;
		spin_unlock(&lock);
		wake_up_interruptible(&exclusive);
		usleep_range(100, 200);
	}
	spin_lock_irq(&locked.lock);
	ready = true;
	wait_event_interruptible_locked_irq(locked, ready);
	spin_unlock_irq(&locked.lock);
	if (wait_event_timeout(locked, false, 1))
		return -EINVAL;
	return 0;
}

static void __exit wait_forms_exit(void)
{
	int i;

	while (atomic_read(&served) != 9)
		msleep(1);
	for (i = 0; i < ARRAY_SIZE(clients); i++)
		kthread_stop(clients[i]);
	pr_info("drivers: %d served\n", atomic_read(&served));
}

module_init(wait_forms_init);
module_exit(wait_forms_exit);

MODULE_LICENSE("GPL");
