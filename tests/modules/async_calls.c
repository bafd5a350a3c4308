// SPDX-License-Identifier: GPL-2.0-only
/* Asynchronous calls. */
#include <linux/async.h>
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/srcu.h>
#include <linux/version.h>
#include <linux/workqueue.h>

#define P(format, ...) pr_info(format "\n", ##__VA_ARGS__)

static ASYNC_DOMAIN_EXCLUSIVE(dom);
static void f(void *d, async_cookie_t c)
{
	msleep(20 - 5 * (long)d);
	P("async %ld worker %d", (long)d, current_is_async());
}
static void test(void)
{
	async_cookie_t a = async_schedule(f, (void *)1), b = async_schedule(f, (void *)2);
	P("order %d", b > a);
	async_synchronize_cookie(b);
	P("after a");
	async_synchronize_full();
	P("full");
	async_schedule_domain(f, (void *)3, &dom);
	async_synchronize_full_domain(&dom);
	P("dom");
	async_schedule_node(f, (void *)0, 0);
	async_synchronize_full();
	P("self %d", current_is_async());
}

static int __init async_calls_init(void)
{
	test();
	return 0;
}

static void __exit async_calls_exit(void)
{
}

module_init(async_calls_init);
module_exit(async_calls_exit);
MODULE_LICENSE("GPL");
