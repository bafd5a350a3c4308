// SPDX-License-Identifier: GPL-2.0-only
/* struct percpu_ref: killed, brought back, switched to atomic mode and back. */
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/percpu-refcount.h>
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

static struct percpu_ref r;
static DECLARE_COMPLETION(c);
static void rel(struct percpu_ref *p)
{
	P("release zero %d", percpu_ref_is_zero(p));
	complete(&c);
}
static void conf(struct percpu_ref *p)
{
	P("confirm dying %d", percpu_ref_is_dying(p));
}
static void test(void)
{
	P("init %d", percpu_ref_init(&r, rel, PERCPU_REF_ALLOW_REINIT, GFP_KERNEL));
	percpu_ref_get(&r);
	P("live %d", percpu_ref_tryget_live(&r));
	P("zero %d dying %d", percpu_ref_is_zero(&r), percpu_ref_is_dying(&r));
	percpu_ref_kill_and_confirm(&r, conf);
	msleep(100);
	P("live %d try %d", percpu_ref_tryget_live(&r), percpu_ref_tryget(&r));
	percpu_ref_put(&r);
	percpu_ref_put(&r);
	P("not yet %d", percpu_ref_is_zero(&r));
	percpu_ref_put(&r);
	wait_for_completion(&c);
	percpu_ref_reinit(&r);
	P("re %d", percpu_ref_tryget_live(&r));
	percpu_ref_put(&r);
	percpu_ref_switch_to_atomic_sync(&r);
	P("atomic");
	percpu_ref_switch_to_percpu(&r);
	percpu_ref_get_many(&r, 5);
	percpu_ref_put_many(&r, 5);
	reinit_completion(&c);
	percpu_ref_kill(&r);
	wait_for_completion(&c);
	percpu_ref_exit(&r);
	P("exit zero %d", percpu_ref_is_zero(&r));
}

static int __init percpu_refs_init(void)
{
	test();
	return 0;
}

static void __exit percpu_refs_exit(void)
{
}

module_init(percpu_refs_init);
module_exit(percpu_refs_exit);
MODULE_LICENSE("GPL");
