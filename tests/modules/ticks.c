// SPDX-License-Identifier: GPL-2.0-only
/* A soft interrupt that is raised while a CPU is busy runs at the CPU's next tick, unless interrupts are off. */
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/module.h>

static void note(struct tasklet_struct *unused)
{
	pr_info("tasklet, in_softirq %lu\n", in_serving_softirq());
}
static DECLARE_TASKLET(noted, note);

static int __init ticks_init(void)
{
	unsigned long flags;

	tasklet_schedule(&noted);
	pr_info("scheduled\n");
	mdelay(20);
	pr_info("waited\n");
	local_irq_save(flags);
	tasklet_schedule(&noted);
	mdelay(20);
	pr_info("waited with interrupts off\n");
	local_irq_restore(flags);
	mdelay(20);
	pr_info("done\n");
	return 0;
}

static void __exit ticks_exit(void)
{
	tasklet_kill(&noted);
}

module_init(ticks_init);
module_exit(ticks_exit);
MODULE_DESCRIPTION("a tasklet on a busy CPU");
MODULE_LICENSE("GPL");
