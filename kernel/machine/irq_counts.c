// SPDX-License-Identifier: GPL-2.0-only
/* How often interrupts and softirqs came, by CPU: /proc/interrupts, /proc/softirqs and kstat. */
#define KOI_IRQ_LINES 16

struct koi_irq_counts {
	unsigned int lines[KOI_IRQ_LINES];
	unsigned int timer, call;
};
static DEFINE_PER_CPU(struct koi_irq_counts, koi_irq_counts);

#define koi_count_irq(which)					\
	do {							\
		this_cpu_inc(koi_irq_counts.which);		\
		this_cpu_inc(kstat.irqs_sum);			\
	} while (0)

/* C++ asks for these numbers: struct KernelFiles' files. */
unsigned int koi_irq_count(unsigned int cpu, unsigned int irq)
{
	const struct koi_irq_counts *counts = per_cpu_ptr(&koi_irq_counts, cpu);

	if (irq < KOI_IRQ_LINES)
		return counts->lines[irq];
	return irq == KOI_IRQ_LINES ? counts->timer : counts->call;
}

unsigned int koi_softirq_count(unsigned int cpu, unsigned int nr)
{
	return per_cpu(kstat, cpu).softirqs[nr];
}
