// SPDX-License-Identifier: GPL-2.0-only
/* Chains of every kind: an own blocking, atomic, raw and SRCU one, called from where they may be. */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/timer.h>

static BLOCKING_NOTIFIER_HEAD(blocking);
static ATOMIC_NOTIFIER_HEAD(atomic);
static RAW_NOTIFIER_HEAD(raw);
static struct srcu_notifier_head srcu;
static DEFINE_MUTEX(raw_lock);
static atomic_t calls = ATOMIC_INIT(0);
static struct timer_list timer;

static int on_blocking(struct notifier_block *nb, unsigned long action, void *data)
{
	usleep_range(10, 20);
	atomic_inc(&calls);
	return NOTIFY_OK;
}

static int on_any(struct notifier_block *nb, unsigned long action, void *data)
{
	atomic_inc(&calls);
	return NOTIFY_DONE;
}

static struct notifier_block blocking_nb = { .notifier_call = on_blocking, .priority = 1 };
static struct notifier_block atomic_nb = { .notifier_call = on_any };
static struct notifier_block raw_nb = { .notifier_call = on_any };
static struct notifier_block srcu_nb = { .notifier_call = on_blocking };

static void on_timer(struct timer_list *unused)
{
	atomic_notifier_call_chain(&atomic, 1, NULL);
}

static int __init notifier_user_init(void)
{
	srcu_init_notifier_head(&srcu);
	blocking_notifier_chain_register(&blocking, &blocking_nb);
	atomic_notifier_chain_register(&atomic, &atomic_nb);
	srcu_notifier_chain_register(&srcu, &srcu_nb);
	mutex_lock(&raw_lock);
	raw_notifier_chain_register(&raw, &raw_nb);
	mutex_unlock(&raw_lock);
	timer_setup(&timer, on_timer, 0);
	mod_timer(&timer, jiffies + 1);
	blocking_notifier_call_chain(&blocking, 1, NULL);
	srcu_notifier_call_chain(&srcu, 1, NULL);
	mutex_lock(&raw_lock);
	raw_notifier_call_chain(&raw, 1, NULL);
	mutex_unlock(&raw_lock);
	return 0;
}

static void __exit notifier_user_exit(void)
{
	msleep(20);
	del_timer_sync(&timer);
	mutex_lock(&raw_lock);
	raw_notifier_chain_unregister(&raw, &raw_nb);
	mutex_unlock(&raw_lock);
	srcu_notifier_chain_unregister(&srcu, &srcu_nb);
	atomic_notifier_chain_unregister(&atomic, &atomic_nb);
	blocking_notifier_chain_unregister(&blocking, &blocking_nb);
	srcu_cleanup_notifier_head(&srcu);
	pr_info("drivers: %d calls\n", atomic_read(&calls));
}

module_init(notifier_user_init);
module_exit(notifier_user_exit);

MODULE_LICENSE("GPL");
