// SPDX-License-Identifier: GPL-2.0-only
/* Each kind of value in /proc/sys with its limits. */
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

static int a = 1, lo = -3, hi = 7, j = 500;
static unsigned int u = 9;
static u8 c = 3;
static bool b = true;
static char s[8] = "ab";
static unsigned int ulo = 2, uhi = 8;
static struct ctl_table t[] = {
	{.procname = "a",
	 .data = &a,
	 .maxlen = 4,
	 .mode = 0644,
	 .proc_handler = proc_dointvec_minmax,
	 .extra1 = &lo,
	 .extra2 = &hi},
	{.procname = "u",
	 .data = &u,
	 .maxlen = 4,
	 .mode = 0644,
	 .proc_handler = proc_douintvec_minmax,
	 .extra1 = &ulo,
	 .extra2 = &uhi},
	{.procname = "c", .data = &c, .maxlen = 1, .mode = 0644, .proc_handler = proc_dou8vec_minmax},
	{.procname = "b", .data = &b, .maxlen = sizeof b, .mode = 0644, .proc_handler = proc_dobool},
	{.procname = "s", .data = s, .maxlen = 8, .mode = 0644, .proc_handler = proc_dostring},
	{.procname = "j", .data = &j, .maxlen = 4, .mode = 0644, .proc_handler = proc_dointvec_jiffies},
	{.procname = "ms", .data = &j, .maxlen = 4, .mode = 0644, .proc_handler = proc_dointvec_ms_jiffies},
	{.procname = "r", .data = &a, .maxlen = 4, .mode = 0444, .proc_handler = proc_dointvec},
	{.procname = "w", .data = &a, .maxlen = 4, .mode = 0200, .proc_handler = proc_dointvec},
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
	{}
#endif
};
static struct ctl_table bad[] = {{.procname = "x", .maxlen = 4, .mode = 0644, .proc_handler = proc_dointvec},
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
				 {}
#endif
};
static void rw(const char *n, const char *x)
{
	char p[64], buf[32] = "";
	struct file *f;
	loff_t pos = 0;
	ssize_t r = 0, w = 0;
	snprintf(p, 64, "/proc/sys/koi2/%s", n);
	if (x) {
		f = filp_open(p, O_WRONLY, 0);
		if (IS_ERR(f)) {
			P("%s w open %ld", n, PTR_ERR(f));
		} else {
			w = kernel_write(f, x, strlen(x), &pos);
			filp_close(f, NULL);
		}
	}
	pos = 0;
	f = filp_open(p, O_RDONLY, 0);
	if (IS_ERR(f)) {
		P("%s r open %ld", n, PTR_ERR(f));
		return;
	}
	r = kernel_read(f, buf, 31, &pos);
	filp_close(f, NULL);
	strim(buf);
	P("%s <%s> w %zd r %zd '%s'", n, x ?: "-", w, r, buf);
}
static void test(void)
{
	struct ctl_table_header *h = register_sysctl("koi2", t), *h2;
	P("%d", !!h);
	h2 = register_sysctl("koi3", bad);
	P("bad %d", !!h2);
	rw("a", "-3");
	rw("a", "-4");
	rw("a", " 5 6");
	rw("a", "");
	rw("a", "\n");
	rw("a", "5x");
	rw("a", "0x7");
	rw("a", "07");
	rw("u", "9");
	rw("u", "1");
	rw("u", "-3");
	rw("u", "4");
	rw("u", "5000000000");
	rw("c", "255");
	rw("c", "256");
	rw("b", "0");
	rw("b", "1");
	rw("b", "7");
	rw("s", "0123456789");
	rw("s", "a\nb");
	rw("s", "");
	rw("j", "3");
	rw("j", "-1");
	rw("ms", "1000");
	rw("ms", NULL);
	rw("r", "4");
	rw("w", "4");
	{
		struct file *f = filp_open("/proc/sys/koi2/a", O_RDWR, 0);
		char z[8] = "";
		loff_t pos = 1;
		P("at 1: %zd", kernel_write(f, "5", 1, &pos));
		pos = 0;
		P("3 bytes %zd", kernel_read(f, z, 1, &pos));
		P("%s then %zd", z, kernel_read(f, z, 4, &pos));
		filp_close(f, NULL);
	}
	unregister_sysctl_table(h);
	P("dir %ld", PTR_ERR_OR_ZERO(filp_open("/proc/sys/koi2", O_WRONLY, 0)));
}

static int __init sysctl_limits_init(void)
{
	test();
	return 0;
}

static void __exit sysctl_limits_exit(void)
{
}

module_init(sysctl_limits_init);
module_exit(sysctl_limits_exit);
MODULE_LICENSE("GPL");
