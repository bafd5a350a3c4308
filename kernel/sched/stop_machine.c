// SPDX-License-Identifier: GPL-2.0-only
/*
 * stop_machine(): every virtual CPU stands still in its thread migration/N, interrupts off, while the function runs on
 * those that were asked for. The threads are made for each call.
 */

struct koi_stop {
	cpu_stop_fn_t fn;
	void *data;
	const struct cpumask *cpus;
	unsigned int arrived, finished, count;
	int answer;
	struct completion gone;
};

static void koi_stop_wait(struct koi_stop *stop, const unsigned int *counter)
{
	while (smp_load_acquire(counter) < stop->count)
		koi_spin_wait(stop);
}

static noinline void koi_stop_call(struct koi_stop *stop)
{
	int answer = stop->fn(stop->data);

	if (answer)
		stop->answer = answer;
}

static int koi_stop_thread(void *data)
{
	struct koi_stop *stop = data;
	unsigned long flags;

	preempt_disable();
	local_irq_save(flags);
	koi_hb_acquire(stop);
	smp_store_release(&stop->arrived, stop->arrived + 1);
	koi_stop_wait(stop, &stop->arrived);
	if (cpumask_test_cpu(raw_smp_processor_id(), stop->cpus))
		koi_stop_call(stop);
	koi_hb_release(stop);
	smp_store_release(&stop->finished, stop->finished + 1);
	koi_stop_wait(stop, &stop->finished);
	local_irq_restore(flags);
	preempt_enable();
	complete(&stop->gone);
	return 0;
}

static int koi_stop_all(cpu_stop_fn_t fn, void *data, const struct cpumask *cpus)
{
	static DEFINE_MUTEX(one_at_a_time);
	struct koi_stop stop = { .fn = fn, .data = data, .count = num_online_cpus() };
	unsigned int cpu;

	might_sleep();
	stop.cpus = cpus ?: cpumask_of(cpumask_first(cpu_online_mask));
	init_completion(&stop.gone);
	mutex_lock(&one_at_a_time);
	koi_hb_release(&stop);
	for_each_online_cpu(cpu) {
		char comm[TASK_COMM_LEN];
		struct task_struct *t;

		snprintf(comm, sizeof(comm), "migration/%u", cpu);
		t = koi_start_thread(comm, cpu, 0, koi_stop_thread, &stop);
		if (!t)
			koi_unsupported("stop_machine() when no task can be made");
		sched_set_fifo(t);
	}
	for_each_online_cpu(cpu)
		wait_for_completion(&stop.gone);
	mutex_unlock(&one_at_a_time);
	koi_hb_acquire(&stop);
	return stop.answer;
}

int stop_machine(cpu_stop_fn_t fn, void *data, const struct cpumask *cpus)
{
	int answer;

	cpus_read_lock();
	answer = koi_stop_all(fn, data, cpus);
	cpus_read_unlock();
	return answer;
}
