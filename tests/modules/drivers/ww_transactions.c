// SPDX-License-Identifier: GPL-2.0-only
/* Transfers between accounts whose mutexes are taken in any order: wound/wait, with backoff. */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/ww_mutex.h>

#define ACCOUNTS 5

static DEFINE_WW_CLASS(account_class);
static struct account {
	struct ww_mutex lock;
	int money;
} accounts[ACCOUNTS];
static struct task_struct *clerks[3];

static void transfer(struct account *from, struct account *to, int amount)
{
	struct account *first = from, *second = to;
	struct ww_acquire_ctx ctx;
	int error;

	ww_acquire_init(&ctx, &account_class);
	error = ww_mutex_lock(&first->lock, &ctx);
	while (!error) {
		error = ww_mutex_lock(&second->lock, &ctx);
		if (error != -EDEADLK)
			break;
		/* Wait for the contended one with nothing held, then take the other. */
		ww_mutex_unlock(&first->lock);
		ww_mutex_lock_slow(&second->lock, &ctx);
		swap(first, second);
		error = 0;
	}
	ww_acquire_done(&ctx);
	from->money -= amount;
	to->money += amount;
	ww_mutex_unlock(&from->lock);
	ww_mutex_unlock(&to->lock);
	ww_acquire_fini(&ctx);
}

static int clerk(void *data)
{
	unsigned long n = (unsigned long)data;

	while (!kthread_should_stop()) {
		struct account *from = &accounts[n % ACCOUNTS];
		struct account *to = &accounts[(n * 3 + 1) % ACCOUNTS];

		n += 7;
		if (from != to)
			transfer(from, to, n % 10);
		usleep_range(20, 60);
	}
	return 0;
}

static int __init ww_transactions_init(void)
{
	unsigned long i;

	for (i = 0; i < ACCOUNTS; i++) {
		ww_mutex_init(&accounts[i].lock, &account_class);
		accounts[i].money = 1000;
	}
	for (i = 0; i < ARRAY_SIZE(clerks); i++)
		clerks[i] = kthread_run(clerk, (void *)i, "clerk/%lu", i);
	return 0;
}

static void __exit ww_transactions_exit(void)
{
	int i, sum = 0;

	msleep(20);
	for (i = 0; i < ARRAY_SIZE(clerks); i++)
		kthread_stop(clerks[i]);
	for (i = 0; i < ACCOUNTS; i++) {
		sum += accounts[i].money;
		ww_mutex_destroy(&accounts[i].lock);
	}
	pr_info("drivers: sum %d\n", sum);
}

module_init(ww_transactions_init);
module_exit(ww_transactions_exit);

MODULE_LICENSE("GPL");
