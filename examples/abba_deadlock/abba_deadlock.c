// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two accounts, two threads, and a transfer in each direction that takes the account it takes money from first. On most
 * runs nothing happens: the threads meet only if each is between its two locks at the same time. koi reports the order all
 * the same, and `koi explore` finds a schedule in which they meet. With by_address=1 the locks are always taken in one order,
 * and there is nothing to report or to find.
 */
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>

static bool by_address;
module_param(by_address, bool, 0444);
MODULE_PARM_DESC(by_address, "take both locks in the order of their addresses");

struct account {
	struct mutex lock;
	long balance;
};

static struct account checking = { .lock = __MUTEX_INITIALIZER(checking.lock), .balance = 100 };
static struct account savings = { .lock = __MUTEX_INITIALIZER(savings.lock), .balance = 100 };

static void transfer(struct account *from, struct account *to, long amount)
{
	struct account *first = from, *second = to;

	if (by_address && to < from) {
		first = to;
		second = from;
	}
	mutex_lock(&first->lock);
	mutex_lock(&second->lock);
	from->balance -= amount;
	to->balance += amount;
	mutex_unlock(&second->lock);
	mutex_unlock(&first->lock);
}

static DECLARE_COMPLETION(done);

static int saver(void *unused)
{
	transfer(&checking, &savings, 10);
	/* Not complete() and return: the module could be gone by then. */
	kthread_complete_and_exit(&done, 0);
}

static int spender(void *unused)
{
	transfer(&savings, &checking, 25);
	kthread_complete_and_exit(&done, 0);
}

static int __init abba_init(void)
{
	struct task_struct *t = kthread_run(saver, NULL, "saver");

	if (IS_ERR(t))
		return PTR_ERR(t);
	t = kthread_run(spender, NULL, "spender");
	if (IS_ERR(t))
		goto out;
	wait_for_completion(&done);
out:
	wait_for_completion(&done);
	if (IS_ERR(t))
		return PTR_ERR(t);
	pr_info("checking %ld, savings %ld\n", checking.balance, savings.balance);
	return 0;
}

static void __exit abba_exit(void)
{
}

module_init(abba_init);
module_exit(abba_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Two locks in two orders");
