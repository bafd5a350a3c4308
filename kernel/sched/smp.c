// SPDX-License-Identifier: GPL-2.0-only
/* Calls on other virtual CPUs, irq_work, and the states of CPU hotplug (no CPU ever goes or comes). */

struct koi_call {
	struct koi_call *next;
	smp_call_func_t func;
	void *info;
	call_single_data_t *csd;	/* asynchronous: unlocked when the call begins */
	bool done;
};

struct koi_call_queue {
	raw_spinlock_t lock;
	struct koi_call *first, **last;
	call_single_data_t *csds[16];
	unsigned int csd_count;
	struct irq_work *works[64];
	unsigned int work_count;
};
static DEFINE_PER_CPU(struct koi_call_queue, koi_call_queues);

static void koi_calls_init(unsigned int cpu)
{
	struct koi_call_queue *q = per_cpu_ptr(&koi_call_queues, cpu);

	raw_spin_lock_init(&q->lock);
	q->last = &q->first;
}

static noinline void koi_run_irq_work(struct irq_work *work)
{
	int flags = atomic_read(&work->node.a_flags) & ~IRQ_WORK_PENDING;
	void (*function)(struct irq_work *) = work->func;
	struct koi_balance before;

	atomic_set(&work->node.a_flags, flags);
	smp_mb();
	koi_hb_acquire(work);
	before = koi_balance();
	function(work);
	koi_check_balance(before, "irq_work function", function);
	koi_hb_release(work);
	atomic_cmpxchg(&work->node.a_flags, flags, flags & ~IRQ_WORK_BUSY);
}

static void koi_run_irq_works(struct koi_call_queue *q)
{
	while (q->work_count) {
		struct irq_work *work = q->works[0];
		unsigned int i;

		q->work_count--;
		for (i = 0; i < q->work_count; i++)
			q->works[i] = q->works[i + 1];
		koi_run_irq_work(work);
	}
}

static __always_inline void koi_call_balanced(smp_call_func_t func, void *info)
{
	const struct koi_balance before = koi_balance();

	func(info);
	koi_check_balance(before, "cross-CPU call", func);
}

static noinline void koi_run_calls(struct koi_call_queue *q)
{
	struct koi_call *call;

	raw_spin_lock(&q->lock);
	while (q->csd_count) {
		call_single_data_t *csd = q->csds[0];
		smp_call_func_t func = csd->func;
		void *info = csd->info;
		unsigned int i;

		q->csd_count--;
		for (i = 0; i < q->csd_count; i++)
			q->csds[i] = q->csds[i + 1];
		raw_spin_unlock(&q->lock);
		koi_hb_acquire(csd);
		smp_store_release(&csd->node.u_flags, 0);
		koi_call_balanced(func, info);
		raw_spin_lock(&q->lock);
	}
	while ((call = q->first)) {
		q->first = call->next;
		if (!q->first)
			q->last = &q->first;
		raw_spin_unlock(&q->lock);
		koi_hb_acquire(call);
		koi_call_balanced(call->func, call->info);
		koi_hb_release(call);
		smp_store_release(&call->done, true);
		raw_spin_lock(&q->lock);
	}
	raw_spin_unlock(&q->lock);
}

/* C++ calls it, with interrupts off, on the stack of what the CPU runs. */
void koi_ipi_interrupt(void)
{
	struct koi_call_queue *q = this_cpu_ptr(&koi_call_queues);

	koi_count_irq(call);
	koi_irq_enter();
	koi_run_calls(q);
	koi_run_irq_works(q);
	koi_rcu_ipi();
	koi_irq_exit();
}

/* ---- irq_work ---- */
bool irq_work_queue(struct irq_work *work)
{
	struct koi_call_queue *q;
	unsigned long flags;

	if (atomic_fetch_or(IRQ_WORK_CLAIMED, &work->node.a_flags) & IRQ_WORK_PENDING)
		return false;
	preempt_disable();
	local_irq_save(flags);
	q = this_cpu_ptr(&koi_call_queues);
	if (q->work_count == ARRAY_SIZE(q->works))
		koi_unsupported("as many queued irq_works on one CPU");
	koi_hb_release(work);
	q->works[q->work_count++] = work;
	koi_interrupt_cpu(raw_smp_processor_id());
	local_irq_restore(flags);
	/* With interrupts on it happens here. */
	koi_border();
	preempt_enable();
	return true;
}

void irq_work_run(void)
{
	koi_run_irq_works(this_cpu_ptr(&koi_call_queues));
}

void irq_work_sync(struct irq_work *work)
{
	might_sleep();
	while (irq_work_is_busy(work))
		koi_spin_wait(work);
	koi_hb_acquire(work);
}

/* ---- function calls ---- */
static void koi_queue_call(int cpu, struct koi_call *call)
{
	struct koi_call_queue *q = per_cpu_ptr(&koi_call_queues, cpu);
	unsigned long flags;

	call->next = NULL;
	call->done = false;
	raw_spin_lock_irqsave(&q->lock, flags);
	*q->last = call;
	q->last = &call->next;
	raw_spin_unlock_irqrestore(&q->lock, flags);
	koi_interrupt_cpu(cpu);
}

static void koi_call_here(smp_call_func_t func, void *info)
{
	unsigned long flags;

	local_irq_save(flags);
	func(info);
	local_irq_restore(flags);
}

/* The call lives on the caller's stack, so that it is always waited for; `wait` makes no other difference. */
int smp_call_function_single(int cpu, smp_call_func_t func, void *info, int wait)
{
	int here = get_cpu();
	struct koi_call call = { .func = func, .info = info };
	int answer = 0;

#line KOI_LINE(760, 652) "kernel/smp.c"
	WARN_ON_ONCE(cpu_online(here) && irqs_disabled() && !oops_in_progress);
	if (cpu == here) {
		koi_call_here(func, info);
	} else if ((unsigned int)cpu >= nr_cpu_ids || !cpu_online(cpu)) {
		answer = -ENXIO;
	} else {
		koi_hb_release(&call);
		koi_queue_call(cpu, &call);
		while (!smp_load_acquire(&call.done))
			koi_spin_wait(&call);
		koi_hb_acquire(&call);
	}
	put_cpu();
	return answer;
}

int smp_call_function_single_async(int cpu, call_single_data_t *csd)
{
	struct koi_call_queue *q = per_cpu_ptr(&koi_call_queues, cpu);
	unsigned long flags;
	int answer = 0;

	preempt_disable();
	if (csd->node.u_flags & CSD_FLAG_LOCK) {
		answer = -EBUSY;
	} else if (cpu == raw_smp_processor_id()) {
		koi_call_here(csd->func, csd->info);
	} else {
		koi_hb_release(csd);
		csd->node.u_flags = CSD_FLAG_LOCK;
		raw_spin_lock_irqsave(&q->lock, flags);
		if (q->csd_count == ARRAY_SIZE(q->csds))
			koi_unsupported("as many asynchronous calls waiting for one CPU");
		q->csds[q->csd_count++] = csd;
		raw_spin_unlock_irqrestore(&q->lock, flags);
		koi_interrupt_cpu(cpu);
	}
	preempt_enable();
	return answer;
}

int smp_call_function_any(const struct cpumask *mask, smp_call_func_t func, void *info, int wait)
{
	int cpu = get_cpu();
	int answer;

	if (!cpumask_test_cpu(cpu, mask))
		cpu = cpumask_any_and(mask, cpu_online_mask);
	answer = smp_call_function_single(cpu, func, info, wait);
	put_cpu();
	return answer;
}

void on_each_cpu_cond_mask(smp_cond_func_t cond, smp_call_func_t func, void *info, bool wait, const struct cpumask *mask)
{
	int here = get_cpu();
	int cpu;

	for_each_cpu_and(cpu, mask, cpu_online_mask) {
		if (cpu == here || (cond && !cond(cpu, info)))
			continue;
		smp_call_function_single(cpu, func, info, wait);
	}
	if (cpumask_test_cpu(here, mask) && (!cond || cond(here, info)))
		koi_call_here(func, info);
	put_cpu();
}

void smp_call_function_many(const struct cpumask *mask, smp_call_func_t func, void *info, bool wait)
{
	int here = raw_smp_processor_id();
	int cpu;

	for_each_cpu_and(cpu, mask, cpu_online_mask) {
		if (cpu != here)
			smp_call_function_single(cpu, func, info, wait);
	}
}

void smp_call_function(smp_call_func_t func, void *info, int wait)
{
	preempt_disable();
	smp_call_function_many(cpu_online_mask, func, info, wait);
	preempt_enable();
}

static void koi_nothing(void *unused)
{
}

void kick_all_cpus_sync(void)
{
	smp_mb();
	smp_call_function(koi_nothing, NULL, 1);
}

void wake_up_all_idle_cpus(void)
{
	kick_all_cpus_sync();
}

/* ---- CPU hotplug: states are registered, their start-up runs for each CPU, no CPU ever goes ---- */
#define KOI_HP_STATES 64
static struct koi_hp_state {
	int state;
	int (*startup)(unsigned int cpu);
	int (*teardown)(unsigned int cpu);
	int (*startup_multi)(unsigned int cpu, struct hlist_node *node);
	int (*teardown_multi)(unsigned int cpu, struct hlist_node *node);
	bool used;
} koi_hp_states[KOI_HP_STATES];

static struct koi_hp_state *koi_hp_find(int state)
{
	int i;

	for (i = 0; i < KOI_HP_STATES; i++) {
		if (koi_hp_states[i].used && koi_hp_states[i].state == state)
			return &koi_hp_states[i];
	}
	return NULL;
}

static struct koi_hp_state *koi_hp_new(void)
{
	int i;

	for (i = 0; i < KOI_HP_STATES; i++) {
		if (!koi_hp_states[i].used)
			return &koi_hp_states[i];
	}
	return NULL;
}

struct koi_hp_call {
	int (*single)(unsigned int cpu);
	int (*multi)(unsigned int cpu, struct hlist_node *node);
	struct hlist_node *node;
	unsigned int cpu;
	int answer;
	struct completion done;
};

static noinline int koi_hp_call_here(struct koi_hp_call *call)
{
	const struct koi_balance before = koi_balance();
	int answer = call->multi ? call->multi(call->cpu, call->node) : call->single(call->cpu);

	koi_check_balance(before, "hotplug callback", call->multi ? (void *)call->multi : (void *)call->single);
	return answer;
}

static int koi_hp_thread(void *data)
{
	struct koi_hp_call *call = data;

	call->answer = koi_hp_call_here(call);
	complete(&call->done);
	return 0;
}

/* The callbacks of AP states run in the CPU's own thread cpuhp/N, those of the states before it comes up in the caller. */
static int koi_hp_call_on(int state, unsigned int cpu, int (*single)(unsigned int),
			  int (*multi)(unsigned int, struct hlist_node *), struct hlist_node *node)
{
	struct koi_hp_call call = { .single = single, .multi = multi, .node = node, .cpu = cpu };
	char comm[TASK_COMM_LEN];

	if (!single && !multi)
		return 0;
	if (state <= CPUHP_BRINGUP_CPU)
		return koi_hp_call_here(&call);
	init_completion(&call.done);
	snprintf(comm, sizeof(comm), "cpuhp/%u", cpu);
	if (!koi_start_thread(comm, cpu, 0, koi_hp_thread, &call))
		return -ENOMEM;
	wait_for_completion(&call.done);
	return call.answer;
}

int __cpuhp_setup_state_cpuslocked(enum cpuhp_state state, const char *name, bool invoke,
				   int (*startup)(unsigned int cpu), int (*teardown)(unsigned int cpu), bool multi)
{
	bool dynamic = state == CPUHP_AP_ONLINE_DYN || state == CPUHP_BP_PREPARE_DYN;
	struct koi_hp_state *entry;
	int number = state;
	unsigned int cpu, done;
	int answer = 0;

	if (!name)
		return -EINVAL;
	while (dynamic && koi_hp_find(number))
		number++;
	if (!dynamic && koi_hp_find(number))
		return -EBUSY;
	entry = koi_hp_new();
	if (!entry)
		return -ENOSPC;
	entry->used = true;
	entry->state = number;
	if (multi) {
		entry->startup_multi = (void *)startup;
		entry->teardown_multi = (void *)teardown;
	} else {
		entry->startup = startup;
		entry->teardown = teardown;
	}
	if (invoke && startup && !multi) {
		for_each_online_cpu(cpu) {
			answer = koi_hp_call_on(number, cpu, startup, NULL, NULL);
			if (!answer)
				continue;
			for_each_online_cpu(done) {
				if (done < cpu)
					koi_hp_call_on(number, done, teardown, NULL, NULL);
			}
			memset(entry, 0, sizeof(*entry));
			return answer;
		}
	}
	return dynamic ? number : 0;
}

int __cpuhp_setup_state(enum cpuhp_state state, const char *name, bool invoke, int (*startup)(unsigned int cpu),
			int (*teardown)(unsigned int cpu), bool multi)
{
	return __cpuhp_setup_state_cpuslocked(state, name, invoke, startup, teardown, multi);
}

void __cpuhp_remove_state_cpuslocked(enum cpuhp_state state, bool invoke)
{
	struct koi_hp_state *entry = koi_hp_find(state);
	unsigned int cpu;

	if (!entry)
		return;
	if (invoke && entry->teardown) {
		for_each_online_cpu(cpu)
			koi_hp_call_on(state, cpu, entry->teardown, NULL, NULL);
	}
	memset(entry, 0, sizeof(*entry));
}

void __cpuhp_remove_state(enum cpuhp_state state, bool invoke)
{
	__cpuhp_remove_state_cpuslocked(state, invoke);
}

int __cpuhp_state_add_instance(enum cpuhp_state state, struct hlist_node *node, bool invoke)
{
	struct koi_hp_state *entry = koi_hp_find(state);
	unsigned int cpu, done;
	int answer;

	if (!entry || (!entry->startup_multi && !entry->teardown_multi))
		return -EINVAL;
	if (!invoke || !entry->startup_multi)
		return 0;
	for_each_online_cpu(cpu) {
		answer = koi_hp_call_on(state, cpu, NULL, entry->startup_multi, node);
		if (!answer)
			continue;
		for_each_online_cpu(done) {
			if (done < cpu)
				koi_hp_call_on(state, done, NULL, entry->teardown_multi, node);
		}
		return answer;
	}
	return 0;
}

int __cpuhp_state_remove_instance(enum cpuhp_state state, struct hlist_node *node, bool invoke)
{
	struct koi_hp_state *entry = koi_hp_find(state);
	unsigned int cpu;

	if (!entry)
		return -EINVAL;
	if (invoke && entry->teardown_multi) {
		for_each_online_cpu(cpu)
			koi_hp_call_on(state, cpu, NULL, entry->teardown_multi, node);
	}
	return 0;
}

void cpus_read_lock(void)
{
	might_sleep();
}

int cpus_read_trylock(void)
{
	return true;
}

void cpus_read_unlock(void)
{
}

void cpu_hotplug_disable(void)
{
}

void cpu_hotplug_enable(void)
{
}
