// SPDX-License-Identifier: GPL-2.0-only
/* A thread for each CPU that is parked and goes on, and one that a flag and a wake-up drive. */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/topology.h>

static DEFINE_PER_CPU(struct task_struct *, worker);
static struct task_struct *driven;
static bool wanted;
static atomic_t turns = ATOMIC_INIT(0), driven_turns = ATOMIC_INIT(0);

static int work(void *unused)
{
	while (!kthread_should_stop()) {
		if (kthread_should_park())
			kthread_parkme();
		atomic_inc(&turns);
		schedule_timeout_interruptible(1);
	}
	return 0;
}

static int drive(void *unused)
{
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (kthread_should_stop())
			break;
		if (!READ_ONCE(wanted)) {
			schedule();
			continue;
		}
		__set_current_state(TASK_RUNNING);
		WRITE_ONCE(wanted, false);
		atomic_inc(&driven_turns);
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

static int __init parked_workers_init(void)
{
	int cpu;

	for_each_online_cpu(cpu) {
		struct task_struct *task = kthread_create_on_node(work, NULL, cpu_to_node(cpu), "parked/%d", cpu);

		if (IS_ERR(task))
			continue;
		kthread_bind(task, cpu);
		wake_up_process(task);
		per_cpu(worker, cpu) = task;
	}
	driven = kthread_run(drive, NULL, "driven");
	return PTR_ERR_OR_ZERO(driven);
}

static void __exit parked_workers_exit(void)
{
	int cpu, i, before;

	for (i = 0; i < 5; i++) {
		WRITE_ONCE(wanted, true);
		wake_up_process(driven);
		msleep(5);
	}
	for_each_online_cpu(cpu)
		kthread_park(per_cpu(worker, cpu));
	before = atomic_read(&turns);
	msleep(20);
	if (atomic_read(&turns) != before)
		pr_info("drivers: parked ones ran\n");
	for_each_online_cpu(cpu)
		kthread_unpark(per_cpu(worker, cpu));
	for_each_online_cpu(cpu)
		kthread_stop(per_cpu(worker, cpu));
	kthread_stop(driven);
	pr_info("drivers: %d driven\n", atomic_read(&driven_turns));
}

module_init(parked_workers_init);
module_exit(parked_workers_exit);

MODULE_LICENSE("GPL");
