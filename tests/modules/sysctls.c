// SPDX-License-Identifier: GPL-2.0-only
/* Files in /proc/sys, read and written by the module itself. */
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/fs.h>
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
#include <linux/sysctl.h>
#include <linux/version.h>
#include <linux/workqueue.h>

#define P(format, ...) pr_info(format "\n", ##__VA_ARGS__)

static int v = 5, lim = 3, lo = 0, hi = 10;
static unsigned long ul = 7;
static char s[16] = "hello";
static bool b;
static int vec[3] = {1, 2, 3};
static struct ctl_table t[] = {
	{.procname = "v", .data = &v, .maxlen = sizeof v, .mode = 0644, .proc_handler = proc_dointvec},
	{.procname = "lim",
	 .data = &lim,
	 .maxlen = sizeof lim,
	 .mode = 0644,
	 .proc_handler = proc_dointvec_minmax,
	 .extra1 = &lo,
	 .extra2 = &hi},
	{.procname = "s", .data = s, .maxlen = sizeof s, .mode = 0444, .proc_handler = proc_dostring},
	{.procname = "ul",
	 .data = &ul,
	 .maxlen = sizeof ul,
	 .mode = 0644,
	 .proc_handler = proc_doulongvec_minmax},
	{.procname = "vec", .data = vec, .maxlen = sizeof vec, .mode = 0644, .proc_handler = proc_dointvec},
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
	{}
#endif
};
static void rd(const char *p)
{
	struct file *f = filp_open(p, O_RDONLY, 0);
	char buf[64] = "";
	loff_t pos = 0;
	ssize_t r;
	if (IS_ERR(f)) {
		P("%s: open %ld", p, PTR_ERR(f));
		return;
	}
	r = kernel_read(f, buf, 60, &pos);
	P("%s: %zd '%s' pos %lld", p, r, buf, pos);
	filp_close(f, NULL);
}
static void wr(const char *p, const char *x)
{
	struct file *f = filp_open(p, O_WRONLY, 0);
	loff_t pos = 0;
	ssize_t r;
	if (IS_ERR(f)) {
		P("%s: open %ld", p, PTR_ERR(f));
		return;
	}
	r = kernel_write(f, x, strlen(x), &pos);
	P("%s <- %s: %zd", p, x, r);
	filp_close(f, NULL);
}
static void test(void)
{
	struct ctl_table_header *h = register_sysctl("koi/sub", t);
	P("h %d", !!h);
	if (!h)
		return;
	rd("/proc/sys/koi/sub/v");
	wr("/proc/sys/koi/sub/v", "42\n");
	rd("/proc/sys/koi/sub/v");
	wr("/proc/sys/koi/sub/lim", "11");
	wr("/proc/sys/koi/sub/lim", "9");
	rd("/proc/sys/koi/sub/lim");
	rd("/proc/sys/koi/sub/s");
	wr("/proc/sys/koi/sub/vec", "9 8");
	rd("/proc/sys/koi/sub/vec");
	wr("/proc/sys/koi/sub/vec", "x");
	wr("/proc/sys/koi/sub/v", "-7 ");
	rd("/proc/sys/koi/sub/v");
	wr("/proc/sys/koi/sub/v", "0x10");
	rd("/proc/sys/koi/sub/v");
	wr("/proc/sys/koi/sub/v", "99999999999");
	rd("/proc/sys/koi/sub/ul");
	wr("/proc/sys/koi/sub/ul", "123");
	rd("/proc/sys/koi/sub/ul");
	rd("/proc/sys/koi/none");
	unregister_sysctl_table(h);
	rd("/proc/sys/koi/sub/v");
	rd("/nonexistent");
}

static int __init sysctls_init(void)
{
	test();
	return 0;
}

static void __exit sysctls_exit(void)
{
}

module_init(sysctls_init);
module_exit(sysctls_exit);
MODULE_LICENSE("GPL");
