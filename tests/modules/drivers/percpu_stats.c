// SPDX-License-Identifier: GPL-2.0-only
/* Counters of each CPU, bumped by pinned timers and threads, added up by whoever asks. */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/timer.h>
#include <linux/u64_stats_sync.h>

struct stats {
	u64_stats_t packets, bytes;
	struct u64_stats_sync sync;
};

static DEFINE_PER_CPU(struct stats, stats);
static DEFINE_PER_CPU(struct timer_list, tick);
static bool stopping;

static void count(unsigned int bytes)
{
	struct stats *s = get_cpu_ptr(&stats);

	u64_stats_update_begin(&s->sync);
	u64_stats_inc(&s->packets);
	u64_stats_add(&s->bytes, bytes);
	u64_stats_update_end(&s->sync);
	put_cpu_ptr(&stats);
}

static void on_tick(struct timer_list *timer)
{
	count(64);
	if (!READ_ONCE(stopping))
		mod_timer(timer, jiffies + 1);
}

static u64 total_packets(void)
{
	u64 total = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		struct stats *s = per_cpu_ptr(&stats, cpu);
		unsigned int start;
		u64 one;

		do {
			start = u64_stats_fetch_begin(&s->sync);
			one = u64_stats_read(&s->packets);
		} while (u64_stats_fetch_retry(&s->sync, start));
		total += one;
	}
	return total;
}

static int __init percpu_stats_init(void)
{
	int cpu;

	for_each_online_cpu(cpu) {
		struct timer_list *timer = per_cpu_ptr(&tick, cpu);

		u64_stats_init(&per_cpu_ptr(&stats, cpu)->sync);
		timer_setup(timer, on_tick, TIMER_PINNED);
		timer->expires = jiffies + 1;
		add_timer_on(timer, cpu);
	}
	return 0;
}

static void __exit percpu_stats_exit(void)
{
	int cpu;

	msleep(50);
	pr_info("drivers: counted %s\n", total_packets() > 4 ? "some" : "none");
	WRITE_ONCE(stopping, true);
	for_each_online_cpu(cpu)
		del_timer_sync(per_cpu_ptr(&tick, cpu));
}

module_init(percpu_stats_init);
module_exit(percpu_stats_exit);

MODULE_LICENSE("GPL");
