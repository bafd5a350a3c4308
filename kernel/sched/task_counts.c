// SPDX-License-Identifier: GPL-2.0-only
/* What task_struct tells of how a task ran: CPU time, switches, where it stands in its run queue. C++ counts. */

/* As in src/runtime/task_counts.h. */
struct koi_task_counts {
	u64 now_ns;
	u64 ran_ns;
	u64 vruntime;
	u64 deadline;
	s64 lag;
	u64 weight;
	u64 waits;
	u64 preemptions;
	u64 moves;
	u64 on_queue;
	u64 on_cpu;
};

void koi_task_counted(struct task_struct *t, const struct koi_task_counts *counts)
{
	/* The first time is when it is made. */
	if (!t->start_time)
		t->start_time = t->start_boottime = counts->now_ns;
	t->se.sum_exec_runtime = counts->ran_ns;
	t->se.exec_start = counts->now_ns;
	t->se.vruntime = counts->vruntime;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	t->se.deadline = counts->deadline;
	t->se.vlag = counts->lag;
#endif
	/* Load weights have ten more bits on 64-bit machines. */
	t->se.load.weight = counts->weight << SCHED_FIXEDPOINT_SHIFT;
	t->se.nr_migrations = counts->moves;
	t->nvcsw = counts->waits;
	t->nivcsw = counts->preemptions;
	t->se.on_rq = counts->on_queue;
	t->on_rq = counts->on_queue;
	t->on_cpu = counts->on_cpu;
}

/* The tick: all that a task of koi's does it does in the kernel. */
static void koi_account_tick(void)
{
	current->stime += TICK_NSEC;
	__this_cpu_add(kernel_cpustat.cpustat[CPUTIME_SYSTEM], TICK_NSEC);
}
