// SPDX-License-Identifier: GPL-2.0-only
/* Programs and modules that a user space would provide, and there is none. */
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/kmod.h>
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
#include <linux/umh.h>
#include <linux/version.h>
#include <linux/workqueue.h>

#define P(format, ...) pr_info(format "\n", ##__VA_ARGS__)

static void test(void)
{
	char *argv[] = {"/no/such/prog", NULL}, *envp[] = {"HOME=/", NULL};
	P("umh %d", call_usermodehelper(argv[0], argv, envp, UMH_WAIT_PROC));
	P("exec %d", call_usermodehelper(argv[0], argv, envp, UMH_WAIT_EXEC));
	P("nowait %d", call_usermodehelper(argv[0], argv, envp, UMH_NO_WAIT));
	argv[0] = "";
	P("empty %d", call_usermodehelper(argv[0], argv, envp, UMH_WAIT_EXEC));
	P("req>0 %d", request_module("no-such-%s", "module") > 0);
	P("try %d", request_module_nowait("no-such-x"));
}

static int __init programs_init(void)
{
	test();
	return 0;
}

static void __exit programs_exit(void)
{
}

module_init(programs_init);
module_exit(programs_exit);
MODULE_LICENSE("GPL");
