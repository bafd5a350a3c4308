// SPDX-License-Identifier: GPL-2.0-only
/* Clocks and their conversions. */
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
#include <linux/sched/clock.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/srcu.h>
#include <linux/timekeeping.h>
#include <linux/version.h>
#include <linux/workqueue.h>

#define P(format, ...) pr_info(format "\n", ##__VA_ARGS__)

static void test(void)
{
	struct timespec64 ts;
	ktime_t r = ktime_get_real(), m = ktime_get(), b = ktime_get_boottime(), k = ktime_get_clocktai();
	P("b>=m %d tai-real %lld", b >= m, ktime_divns(ktime_sub(k, r), NSEC_PER_SEC));
	P("coarse<= %d", ktime_get_coarse() <= ktime_get());
	P("realc %d", ktime_get_coarse_real() <= ktime_get_real());
	ktime_get_boottime_ts64(&ts);
	P("b %d", ts.tv_sec >= 0 && ts.tv_nsec < NSEC_PER_SEC);
	ktime_get_coarse_boottime_ts64(&ts);
	ktime_get_clocktai_ts64(&ts);
	ktime_get_real_ts64(&ts);
	P("real sec %d", ts.tv_sec == ktime_get_real_seconds() || ts.tv_sec + 1 == ktime_get_real_seconds());
	P("secs %d", ktime_get_boottime_seconds() >= 0);
	P("raw %d", ktime_get_raw() > 0);
	P("res %u", ktime_get_resolution_ns());
	P("local %d", local_clock() > 0);
	P("sc %d", sched_clock() > 0);
	{
		struct system_time_snapshot s;
		ktime_get_snapshot(&s);
		P("snap %d", s.real > s.raw);
	}
	P("m2any %d", ktime_mono_to_real(m) > m);
	{
		struct tm tm;
		time64_to_tm(0, 0, &tm);
		P("%ld", tm.tm_year);
	}
	P("hz %d", HZ);
	P("j %u %u", jiffies_to_msecs(25), jiffies_to_usecs(3));
	P("msj %lu", msecs_to_jiffies(10));
	P("nsj %lu", nsecs_to_jiffies(1000000000));
	P("tb %d", time_before(jiffies, jiffies + 1));
	P("j64 %d", get_jiffies_64() >= INITIAL_JIFFIES);
}

static int __init clocks_init(void)
{
	test();
	return 0;
}

static void __exit clocks_exit(void)
{
}

module_init(clocks_init);
module_exit(clocks_exit);
MODULE_LICENSE("GPL");
