// SPDX-License-Identifier: GPL-2.0-only
/* Functions that other CPUs run: a lock that interrupts take is irqsave everywhere else. */
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/smp.h>
#include <linux/spinlock.h>

static DEFINE_RAW_SPINLOCK(lock);
static DEFINE_PER_CPU(unsigned int, seen);
static unsigned int total;
static call_single_data_t csd;
static struct completion one_done;

static void on_cpu(void *unused)
{
	this_cpu_inc(seen);
	raw_spin_lock(&lock);
	total++;
	raw_spin_unlock(&lock);
}

static void on_one(void *data)
{
	complete(data);
}

static int __init smp_calls_init(void)
{
	unsigned long flags;
	int i;

	init_completion(&one_done);
	for (i = 0; i < 10; i++) {
		on_each_cpu(on_cpu, NULL, 1);
		raw_spin_lock_irqsave(&lock, flags);
		total += 0;
		raw_spin_unlock_irqrestore(&lock, flags);
	}
	cpus_read_lock();
	smp_call_function_single(cpumask_first(cpu_online_mask), on_cpu, NULL, 1);
	INIT_CSD(&csd, on_one, &one_done);
	smp_call_function_single_async(cpumask_last(cpu_online_mask), &csd);
	cpus_read_unlock();
	wait_for_completion(&one_done);
	return 0;
}

static void __exit smp_calls_exit(void)
{
	unsigned int sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu(seen, cpu);
	pr_info("drivers: %s\n", sum == total ? "all seen" : "some missed");
}

module_init(smp_calls_init);
module_exit(smp_calls_exit);

MODULE_LICENSE("GPL");
