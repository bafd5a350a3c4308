// SPDX-License-Identifier: GPL-2.0-only
/* Three buffers for five threads: a counting semaphore and a bitmap. */
#include <linux/bitops.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/semaphore.h>

#define BUFFERS 3

static struct semaphore available;
static unsigned long used[1];
static struct task_struct *threads[5];
static atomic_t inside = ATOMIC_INIT(0), most = ATOMIC_INIT(0);

static int take(void)
{
	int n;

	do {
		n = ffz(READ_ONCE(used[0]));
	} while (n >= BUFFERS || test_and_set_bit(n, used));
	return n;
}

static int use(void *unused)
{
	while (!kthread_should_stop()) {
		int n;

		if (down_timeout(&available, HZ))
			continue;
		n = take();
		if (atomic_inc_return(&inside) > BUFFERS)
			atomic_inc(&most);
		usleep_range(20, 60);
		atomic_dec(&inside);
		clear_bit(n, used);
		up(&available);
		usleep_range(5, 10);
	}
	return 0;
}

static int __init semaphore_pool_init(void)
{
	int i;

	sema_init(&available, BUFFERS);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		threads[i] = kthread_run(use, NULL, "pool/%d", i);
	return 0;
}

static void __exit semaphore_pool_exit(void)
{
	int i;

	msleep(10);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		kthread_stop(threads[i]);
	pr_info("drivers: %d too many\n", atomic_read(&most));
}

module_init(semaphore_pool_init);
module_exit(semaphore_pool_exit);

MODULE_LICENSE("GPL");
