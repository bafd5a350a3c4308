// SPDX-License-Identifier: GPL-2.0-only
/* C++: tasks, timers and queues are ready for the first task. The virtual CPUs exist; nothing may be called in C++. */
void koi_sched_init(void)
{
	unsigned int cpu;

	koi_wait_bit_init();
	for_each_possible_cpu(cpu) {
		koi_timers_init(cpu);
		koi_hrtimers_init(cpu);
		koi_calls_init(cpu);
	}
	koi_kthreads_init();
	koi_rcu_init();
	koi_workqueues_init();
}
