// SPDX-License-Identifier: GPL-2.0-only
/* Notifier chains: SRCU ones, and calls that are taken back. */
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/rcupdate.h>
#include <linux/reboot.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/srcu.h>
#include <linux/version.h>
#include <linux/workqueue.h>

#define P(format, ...) pr_info(format "\n", ##__VA_ARGS__)

static int f(struct notifier_block *n, unsigned long a, void *d)
{
	P("n %d a %lu", n->priority, a);
	return n->priority == 5 && a == 9 ? NOTIFY_BAD : NOTIFY_OK;
}
static struct notifier_block a = {.notifier_call = f, .priority = 1}, b = {.notifier_call = f, .priority = 5};
static BLOCKING_NOTIFIER_HEAD(bh);
static ATOMIC_NOTIFIER_HEAD(ah);
static RAW_NOTIFIER_HEAD(rh);
static struct srcu_notifier_head sh;
static void test(void)
{
	blocking_notifier_chain_register(&bh, &a);
	blocking_notifier_chain_register(&bh, &b);
	P("%x", blocking_notifier_call_chain(&bh, 3, NULL));
	P("rob %x", blocking_notifier_call_chain_robust(&bh, 9, 10, NULL));
	P("rob %x", blocking_notifier_call_chain_robust(&bh, 8, 10, NULL));
	blocking_notifier_chain_unregister(&bh, &a);
	blocking_notifier_chain_unregister(&bh, &b);
	P("un %d", blocking_notifier_chain_unregister(&bh, &b));
	srcu_init_notifier_head(&sh);
	srcu_notifier_chain_register(&sh, &a);
	P("s %x", srcu_notifier_call_chain(&sh, 4, NULL));
	srcu_notifier_chain_unregister(&sh, &a);
	srcu_cleanup_notifier_head(&sh);
	P("reb %d", register_reboot_notifier(&a));
	P("%d", unregister_reboot_notifier(&a));
}

static int __init chains_init(void)
{
	test();
	return 0;
}

static void __exit chains_exit(void)
{
}

module_init(chains_init);
module_exit(chains_exit);
MODULE_LICENSE("GPL");
