// SPDX-License-Identifier: GPL-2.0-only
/* Scheduling as modules see it: __state, wake-ups, priorities. Who runs where and when is C++'s (engine/sched). */

static void wq_worker_sleeping_now(struct task_struct *t);
static void wq_worker_running_again(struct task_struct *t);

/* The preempt count without the bit that stands for need_resched. */
static __always_inline int koi_atomic_count(void)
{
	return preempt_count();
}

static void koi_schedule_check(void)
{
	if (likely(!koi_atomic_count()))
		return;
	koi_scheduling_while_atomic(koi_atomic_count() + 1);
	preempt_count_set(PREEMPT_ENABLED);
}

/* Leaves the virtual CPU as __state says. */
static noinline void __schedule(void)
{
	struct task_struct *t = current;

	koi_schedule_check();
	if (unlikely(is_idle_task(t))) {
		pr_alert("bad: scheduling from the idle thread!\n");
		dump_stack();
		koi_delay_ns(NSEC_PER_SEC / HZ);
		__set_current_state(TASK_RUNNING);
		return;
	}
	if (signal_pending_state(READ_ONCE(t->__state), t))
		__set_current_state(TASK_RUNNING);
	rcu_note_context_switch(false);
	clear_tsk_need_resched(t);
	koi_task_switch();
	local_irq_enable();
}

asmlinkage void schedule(void)
{
	struct task_struct *t = current;
	bool worker = (t->flags & PF_WQ_WORKER) && READ_ONCE(t->__state) != TASK_RUNNING;

	if (worker)
		wq_worker_sleeping_now(t);
	__schedule();
	if (worker)
		wq_worker_running_again(t);
}

noinline int __cond_resched(void)
{
	koi_charge();
	if (likely(!need_resched()) || koi_atomic_count() || irqs_disabled())
		return 0;
	rcu_note_context_switch(true);
	clear_tsk_need_resched(current);
	koi_task_preempt();
	return 1;
}

/* PREEMPT_DYNAMIC booted as "voluntary": both static calls lead to __cond_resched. */
asm(".pushsection .text, \"ax\"\n"
    ".globl __SCT__cond_resched\n\t.type __SCT__cond_resched, @function\n"
    "__SCT__cond_resched:\n\tjmp koi_inline_might_sleep\n\t.size __SCT__cond_resched, . - __SCT__cond_resched\n"
    ".globl __SCT__might_resched\n\t.type __SCT__might_resched, @function\n"
    "__SCT__might_resched:\n\tjmp koi_inline_might_sleep\n\t.size __SCT__might_resched, . - __SCT__might_resched\n"
    ".popsection");

int __cond_resched_lock(spinlock_t *lock)
{
	if (!need_resched() && !spin_needbreak(lock))
		return 0;
	spin_unlock(lock);
	if (!__cond_resched())
		cpu_relax();
	spin_lock(lock);
	return 1;
}

int __cond_resched_rwlock_read(rwlock_t *lock)
{
	if (!need_resched())
		return 0;
	read_unlock(lock);
	__cond_resched();
	read_lock(lock);
	return 1;
}

int __cond_resched_rwlock_write(rwlock_t *lock)
{
	if (!need_resched())
		return 0;
	write_unlock(lock);
	__cond_resched();
	write_lock(lock);
	return 1;
}

void yield(void)
{
	__set_current_state(TASK_RUNNING);
	koi_schedule_check();
	if (is_idle_task(current))
		return;
	rcu_note_context_switch(true);
	clear_tsk_need_resched(current);
	koi_task_yield();
}

int yield_to(struct task_struct *t, bool preempt)
{
	yield();
	return 0;
}

void io_schedule(void)
{
	schedule();
}

/* ---- wake-ups ---- */
static noinline __attribute__((noclone)) int try_to_wake_up(struct task_struct *t, unsigned int state, int wake_flags)
{
	unsigned long flags;
	int woken = 0;

	if (t == current) {
		if (!(READ_ONCE(t->__state) & state))
			return 0;
		WRITE_ONCE(t->__state, TASK_RUNNING);
		return 1;
	}
	preempt_disable();
	raw_spin_lock_irqsave(&t->pi_lock, flags);
	if (READ_ONCE(t->__state) & state) {
		koi_task_wake(t);
		woken = 1;
	}
	raw_spin_unlock_irqrestore(&t->pi_lock, flags);
	preempt_count_dec();
	return woken;
}

koi_tail int wake_up_process(struct task_struct *t)
{
	return try_to_wake_up(t, TASK_NORMAL, 0);
}

koi_tail int wake_up_state(struct task_struct *t, unsigned int state)
{
	return try_to_wake_up(t, state, 0);
}

koi_tail int default_wake_function(wait_queue_entry_t *entry, unsigned int mode, int wake_flags, void *key)
{
	return try_to_wake_up(entry->private, mode, wake_flags);
}

/* ---- priorities and CPUs ---- */
static void koi_set_policy(struct task_struct *t, int policy, int rt_priority, int nice)
{
	t->policy = policy;
	t->rt_priority = rt_priority;
	if (rt_priority == 0)
		t->static_prio = NICE_TO_PRIO(nice);
	t->prio = t->normal_prio = rt_priority ? MAX_RT_PRIO - 1 - rt_priority : t->static_prio;
	koi_task_priority(t, policy, PRIO_TO_NICE(t->static_prio), rt_priority);
}

void set_user_nice(struct task_struct *t, long nice)
{
	if (nice < MIN_NICE || nice > MAX_NICE)
		return;
	t->static_prio = NICE_TO_PRIO(nice);
	/* A real-time task keeps it for the day when it is none. */
	if (!t->rt_priority)
		koi_set_policy(t, t->policy, 0, nice);
}

void sched_set_fifo(struct task_struct *t)
{
	koi_set_policy(t, SCHED_FIFO, MAX_RT_PRIO / 2, 0);
}

void sched_set_fifo_low(struct task_struct *t)
{
	koi_set_policy(t, SCHED_FIFO, 1, 0);
}

void sched_set_normal(struct task_struct *t, int nice)
{
	koi_set_policy(t, SCHED_NORMAL, 0, nice);
}

/* RESET_ON_FORK changes nothing: nobody forks. */
int sched_setattr_nocheck(struct task_struct *t, const struct sched_attr *attr)
{
	u32 policy = attr->sched_policy;
	bool real_time = policy == SCHED_FIFO || policy == SCHED_RR;

	if (attr->sched_flags & ~(u64)(SCHED_FLAG_RESET_ON_FORK | SCHED_FLAG_KEEP_ALL))
		koi_unsupported("scheduling attributes: utilization clamps and deadlines");
	if (attr->sched_flags & SCHED_FLAG_KEEP_POLICY)
		policy = t->policy;
	if (policy == SCHED_DEADLINE)
		koi_unsupported("SCHED_DEADLINE");
	if (policy != SCHED_NORMAL && policy != SCHED_BATCH && policy != SCHED_IDLE && !real_time)
		return -EINVAL;
	if (attr->sched_priority > MAX_RT_PRIO - 1 || real_time != (attr->sched_priority != 0))
		return -EINVAL;
	if (attr->sched_flags & SCHED_FLAG_KEEP_PARAMS)
		koi_set_policy(t, policy, t->rt_priority, PRIO_TO_NICE(t->static_prio));
	else
		koi_set_policy(t, policy, attr->sched_priority, clamp(attr->sched_nice, MIN_NICE, MAX_NICE));
	return 0;
}

static void koi_allow(struct task_struct *t, const struct cpumask *mask)
{
	cpumask_copy(&t->cpus_mask, mask);
	t->nr_cpus_allowed = cpumask_weight(mask);
	koi_task_allow(t, cpumask_bits(&t->cpus_mask));
}

int set_cpus_allowed_ptr(struct task_struct *t, const struct cpumask *mask)
{
	if (t->flags & PF_NO_SETAFFINITY || !cpumask_intersects(mask, cpu_online_mask))
		return -EINVAL;
	koi_allow(t, mask);
	/* A task that may not stay where it is moves at once. */
	if (t == current && !cpumask_test_cpu(raw_smp_processor_id(), mask)) {
		rcu_note_context_switch(true);
		koi_task_preempt();
	}
	return 0;
}

#ifdef CONFIG_SMP
void migrate_disable(void)
{
	if (current->migration_disabled++)
		return;
	koi_task_allow(current, cpumask_bits(cpumask_of(raw_smp_processor_id())));
}

void migrate_enable(void)
{
	if (!current->migration_disabled || --current->migration_disabled)
		return;
	koi_task_allow(current, cpumask_bits(&current->cpus_mask));
}

unsigned long wait_task_inactive(struct task_struct *t, unsigned int match_state)
{
	return 1;
}
#endif

bool single_task_running(void)
{
	return true;
}

/* One word a bit, so that the mask of any CPU is found at an address in here: get_cpu_mask(). */
#define KOI_BIT(n) [(n) + 1] = { [0] = 1UL << (n) }
#define KOI_BITS8(n) KOI_BIT(n), KOI_BIT(n + 1), KOI_BIT(n + 2), KOI_BIT(n + 3), KOI_BIT(n + 4), KOI_BIT(n + 5), \
	KOI_BIT(n + 6), KOI_BIT(n + 7)
const unsigned long cpu_bit_bitmap[BITS_PER_LONG + 1][BITS_TO_LONGS(NR_CPUS)] = {
	KOI_BITS8(0), KOI_BITS8(8), KOI_BITS8(16), KOI_BITS8(24), KOI_BITS8(32), KOI_BITS8(40), KOI_BITS8(48), KOI_BITS8(56),
};
unsigned long avenrun[3];
bool cpuhp_tasks_frozen;
unsigned int setup_max_cpus = NR_CPUS;

const struct cpumask *housekeeping_cpumask(enum hk_type type)
{
	return cpu_possible_mask;
}

void kick_process(struct task_struct *t)
{
}

int can_nice(const struct task_struct *t, const int nice)
{
	return 1;
}

/* Voluntary preemption: the kernel patches these to nothing. */
void preempt_schedule_notrace(void)
{
}

/* ---- names ---- */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
char *__get_task_comm(char *to, size_t size, struct task_struct *t)
{
	size_t n = strnlen(t->comm, min_t(size_t, size - 1, TASK_COMM_LEN));

	memcpy(to, t->comm, n);
	memset(to + n, 0, size - n);
	return to;
}
#endif

/* ---- the end of a task_struct ---- */
static void koi_kthread_free(struct task_struct *t);

void __put_task_struct(struct task_struct *t)
{
	koi_kthread_free(t);
	koi_task_free(t);
}

/* C++: the task is dead and off its stacks. Nonzero: nobody refers to it. */
int koi_task_release(struct task_struct *t)
{
	list_del_init(&t->tasks);
	WRITE_ONCE(t->__state, TASK_DEAD);
	t->exit_state = EXIT_DEAD;
	koi_pid_release(t);
	if (!refcount_dec_and_test(&t->usage))
		return 0;
	koi_kthread_free(t);
	return 1;
}

#ifdef CONFIG_PREEMPT_DYNAMIC
/* As booted: "voluntary". */
bool preempt_model_none(void)
{
	return false;
}

bool preempt_model_voluntary(void)
{
	return true;
}

bool preempt_model_full(void)
{
	return false;
}
#endif
