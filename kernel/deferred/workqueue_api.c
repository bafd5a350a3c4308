// SPDX-License-Identifier: GPL-2.0-only
/* Workqueues: making and ending queues, the system's own ones, conveniences. */

static struct koi_pwq *koi_new_pwq(struct workqueue_struct *wq, struct koi_pool *pool)
{
	struct koi_pwq *pwq = kzalloc(roundup_pow_of_two(sizeof(*pwq)), GFP_KERNEL);

	if (!pwq)
		return NULL;
	pwq->pool = pool;
	pwq->wq = wq;
	pwq->max_active = wq->max_active;
	INIT_LIST_HEAD(&pwq->inactive);
	return pwq;
}

static void koi_free_wq(struct workqueue_struct *wq)
{
	unsigned int cpu;

	kfree(wq->unbound);
	if (wq->cpu_pwqs) {
		for (cpu = 0; cpu < nr_cpu_ids; cpu++)
			kfree(wq->cpu_pwqs[cpu]);
	}
	kfree(wq->cpu_pwqs);
	kfree(wq);
}

static struct koi_pool *koi_pool_of(unsigned int cpu, unsigned int flags)
{
	int high = flags & WQ_HIGHPRI ? 1 : 0;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
	if (flags & WQ_BH)
		return &(*per_cpu_ptr(&koi_bh_pools, cpu))[high];
#endif
	return &(*per_cpu_ptr(&koi_cpu_pools, cpu))[high];
}

static bool koi_fill_wq(struct workqueue_struct *wq)
{
	unsigned int cpu;

	snprintf(wq->lock_name, sizeof(wq->lock_name), "(wq_completion)%s", wq->name);
	koi_lock_init(wq, 1, wq->lock_name, (unsigned long)wq);

	init_waitqueue_head(&wq->flushed);
	if (wq->flags & WQ_UNBOUND) {
		wq->unbound = koi_new_pwq(wq, &koi_unbound_pools[wq->flags & WQ_HIGHPRI ? 1 : 0]);
		return wq->unbound;
	}
	wq->cpu_pwqs = kcalloc(nr_cpu_ids, sizeof(*wq->cpu_pwqs), GFP_KERNEL);
	if (!wq->cpu_pwqs)
		return false;
	for (cpu = 0; cpu < nr_cpu_ids; cpu++) {
		wq->cpu_pwqs[cpu] = koi_new_pwq(wq, koi_pool_of(cpu, wq->flags));
		if (!wq->cpu_pwqs[cpu])
			return false;
	}
	return true;
}

struct workqueue_struct *alloc_workqueue(const char *fmt, unsigned int flags, int max_active, ...)
{
	struct workqueue_struct *wq = kzalloc(sizeof(*wq), GFP_KERNEL);
	va_list args;

	if (!wq)
		return NULL;
	va_start(args, max_active);
	vsnprintf(wq->name, sizeof(wq->name), fmt, args);
	va_end(args);
	/* One at a time and unbound: ordered. */
	wq->flags = flags;
	wq->max_active = clamp(max_active ? max_active : WQ_DFL_ACTIVE, 1, WQ_MAX_ACTIVE);
	if (koi_fill_wq(wq))
		return wq;
	koi_free_wq(wq);
	return NULL;
}

static struct delayed_work *koi_ticking_work(struct workqueue_struct *wq, unsigned int cpu)
{
	struct koi_timer_base *base = per_cpu_ptr(&koi_timer_bases, cpu);
	struct timer_list *timer;
	unsigned int slot;

	for_each_set_bit(slot, base->used, WHEEL_SIZE) {
		hlist_for_each_entry(timer, &base->buckets[slot], entry) {
			struct delayed_work *dwork = container_of(timer, struct delayed_work, timer);

			if (timer->function == delayed_work_timer_fn && dwork->wq == wq)
				return dwork;
		}
	}
	return NULL;
}

/* Draining does not wait for timers; they would queue on what is gone, as nobody says in a kernel. */
static void koi_check_ticking_works(struct workqueue_struct *wq)
{
	struct delayed_work *dwork;
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		while ((dwork = koi_ticking_work(wq, cpu))) {
			pr_err("koi: workqueue %s is destroyed while a delayed work is to be queued on it: %ps\n", wq->name,
			       dwork->work.func);
			dump_stack();
			koi_found("a workqueue is destroyed while a delayed work is to be queued on it");
			cancel_delayed_work(dwork);
		}
	}
}

void destroy_workqueue(struct workqueue_struct *wq)
{
	drain_workqueue(wq);
	/* From here on nothing may be added. */
	wq->drainers++;
	if (koi_checks_on)
		koi_check_ticking_works(wq);
	koi_free_wq(wq);
}

void workqueue_set_max_active(struct workqueue_struct *wq, int max_active)
{
	unsigned long flags;
	unsigned int cpu;

	raw_spin_lock_irqsave(&koi_wq_lock, flags);
	wq->max_active = clamp(max_active ? max_active : WQ_DFL_ACTIVE, 1, WQ_MAX_ACTIVE);
	for (cpu = 0; cpu < nr_cpu_ids; cpu++) {
		struct koi_pwq *pwq = wq->cpu_pwqs ? wq->cpu_pwqs[cpu] : wq->unbound;

		pwq->max_active = wq->max_active;
		koi_activate_next(pwq);
		koi_kick_pool(pwq->pool);
	}
	raw_spin_unlock_irqrestore(&koi_wq_lock, flags);
}

bool workqueue_congested(int cpu, struct workqueue_struct *wq)
{
	struct koi_pwq *pwq = wq->unbound;

	if (wq->cpu_pwqs)
		pwq = wq->cpu_pwqs[cpu == WORK_CPU_UNBOUND ? raw_smp_processor_id() : cpu];
	return !list_empty(&pwq->inactive);
}

struct work_struct *current_work(void)
{
	struct koi_worker *worker = koi_current_worker();

	return worker ? worker->current_work : NULL;
}

void set_worker_desc(const char *fmt, ...)
{
	struct koi_worker *worker = koi_current_worker();
	va_list args;

	if (!worker)
		return;
	va_start(args, fmt);
	vsnprintf(worker->desc, sizeof(worker->desc), fmt, args);
	va_end(args);
}

/* ---- the system's own queues ---- */
struct workqueue_struct *system_wq, *system_highpri_wq, *system_long_wq, *system_unbound_wq, *system_freezable_wq,
	*system_power_efficient_wq, *system_freezable_power_efficient_wq;
struct workqueue_struct *system_percpu_wq, *system_dfl_wq, *system_bh_wq, *system_bh_highpri_wq;
static struct workqueue_struct *koi_srcu_queue, *koi_async_queue, *koi_rcu_tasks_queue;

static struct workqueue_struct *koi_srcu_wq(void)
{
	return koi_srcu_queue;
}

static struct workqueue_struct *koi_async_wq(void)
{
	return koi_async_queue;
}

static struct workqueue_struct *koi_rcu_tasks_wq(void)
{
	return koi_rcu_tasks_queue;
}

/* At boot nothing can be allocated yet: the system's queues and their pwqs lie here. */
#define KOI_SYSTEM_WQS 14
static struct workqueue_struct koi_system_wqs[KOI_SYSTEM_WQS];
static struct koi_pwq *koi_system_pwq_pointers[KOI_SYSTEM_WQS][64];
static struct koi_pwq koi_system_pwqs[KOI_SYSTEM_WQS * 64];
static unsigned int koi_system_wq_count, koi_system_pwq_count;

static struct koi_pwq *koi_system_pwq(struct workqueue_struct *wq, struct koi_pool *pool)
{
	struct koi_pwq *pwq = &koi_system_pwqs[koi_system_pwq_count++];

	pwq->pool = pool;
	pwq->wq = wq;
	pwq->max_active = wq->max_active;
	INIT_LIST_HEAD(&pwq->inactive);
	return pwq;
}

static struct workqueue_struct *koi_system_wq(const char *name, unsigned int flags)
{
	struct workqueue_struct *wq = &koi_system_wqs[koi_system_wq_count];
	unsigned int cpu;

	memcpy(wq->name, name, strlen(name) + 1);
	wq->flags = flags;
	wq->max_active = WQ_DFL_ACTIVE;
	init_waitqueue_head(&wq->flushed);
	if (flags & WQ_UNBOUND) {
		wq->unbound = koi_system_pwq(wq, &koi_unbound_pools[0]);
	} else {
		wq->cpu_pwqs = koi_system_pwq_pointers[koi_system_wq_count];
		for (cpu = 0; cpu < nr_cpu_ids; cpu++)
			wq->cpu_pwqs[cpu] = koi_system_pwq(wq, koi_pool_of(cpu, flags));
	}
	koi_system_wq_count++;
	return wq;
}

static void koi_init_pool(struct koi_pool *pool, int cpu, int nice, int id, bool bh)
{
	pool->cpu = cpu;
	pool->nice = nice;
	pool->id = id;
	pool->bh = bh;
	INIT_LIST_HEAD(&pool->works);
	INIT_LIST_HEAD(&pool->idle);
}

static void koi_workqueues_init(void)
{
	/* The pools of the CPUs have the first numbers; since 6.9 two of each CPU run in softirq. */
	int first_unbound = nr_cpu_ids * (LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0) ? 4 : 2);
	unsigned int cpu;
	int i;

	for_each_possible_cpu(cpu) {
		for (i = 0; i < 2; i++) {
			struct koi_worker *worker = &(*per_cpu_ptr(&koi_bh_workers, cpu))[i];

			koi_init_pool(&(*per_cpu_ptr(&koi_cpu_pools, cpu))[i], cpu, i ? MIN_NICE : 0, cpu * 2 + i, false);
			koi_init_pool(&(*per_cpu_ptr(&koi_bh_pools, cpu))[i], cpu, i ? MIN_NICE : 0, 0, true);
			worker->pool = &(*per_cpu_ptr(&koi_bh_pools, cpu))[i];
			INIT_LIST_HEAD(&worker->scheduled);
			list_add_tail(&worker->all, &koi_workers);
		}
	}
	for (i = 0; i < 2; i++)
		koi_init_pool(&koi_unbound_pools[i], -1, i ? MIN_NICE : 0, first_unbound + i, false);
	system_wq = system_percpu_wq = koi_system_wq("events", 0);
	system_highpri_wq = koi_system_wq("events_highpri", WQ_HIGHPRI);
	system_long_wq = koi_system_wq("events_long", 0);
	system_unbound_wq = system_dfl_wq = koi_system_wq("events_unbound", WQ_UNBOUND);
	system_freezable_wq = koi_system_wq("events_freezable", WQ_FREEZABLE);
	system_power_efficient_wq = koi_system_wq("events_power_efficient", 0);
	system_freezable_power_efficient_wq = koi_system_wq("events_freezable_power_efficient", WQ_FREEZABLE);
	koi_srcu_queue = koi_system_wq("rcu_gp", 0);
	koi_async_queue = koi_system_wq("async", WQ_UNBOUND);
	koi_rcu_tasks_queue = koi_system_wq("rcu_tasks", WQ_UNBOUND);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
	system_bh_wq = koi_system_wq("events_bh", WQ_BH);
	system_bh_highpri_wq = koi_system_wq("events_bh_highpri", WQ_BH | WQ_HIGHPRI);
#endif
}

/* ---- conveniences ---- */
static void koi_rcu_work(struct rcu_head *head)
{
	struct rcu_work *rwork = container_of(head, struct rcu_work, rcu);
	unsigned long flags;

	raw_spin_lock_irqsave(&koi_wq_lock, flags);
	__queue_work(WORK_CPU_UNBOUND, rwork->wq, &rwork->work);
	raw_spin_unlock_irqrestore(&koi_wq_lock, flags);
}

bool queue_rcu_work(struct workqueue_struct *wq, struct rcu_work *rwork)
{
	if (!koi_claim(&rwork->work))
		return false;
	rwork->wq = wq;
	call_rcu(&rwork->rcu, koi_rcu_work);
	return true;
}

bool flush_rcu_work(struct rcu_work *rwork)
{
	if (test_bit(WORK_STRUCT_PENDING_BIT, work_data_bits(&rwork->work))) {
		rcu_barrier();
		flush_work(&rwork->work);
		return true;
	}
	return flush_work(&rwork->work);
}

int execute_in_process_context(work_func_t fn, struct execute_work *ew)
{
	if (!in_interrupt()) {
		fn(&ew->work);
		return 0;
	}
	INIT_WORK(&ew->work, fn);
	schedule_work(&ew->work);
	return 1;
}

struct koi_cpu_work {
	struct work_struct work;
	long (*fn)(void *);
	void *arg;
	long answer;
};

static void koi_cpu_work_fn(struct work_struct *work)
{
	struct koi_cpu_work *mine = container_of(work, struct koi_cpu_work, work);

	mine->answer = mine->fn(mine->arg);
}

static long koi_work_on_cpu(int cpu, long (*fn)(void *), void *arg)
{
	struct koi_cpu_work mine = { .fn = fn, .arg = arg };

	INIT_WORK_ONSTACK(&mine.work, koi_cpu_work_fn);
	schedule_work_on(cpu, &mine.work);
	flush_work(&mine.work);
	destroy_work_on_stack(&mine.work);
	return mine.answer;
}

long work_on_cpu_key(int cpu, long (*fn)(void *), void *arg, struct lock_class_key *key)
{
	return koi_work_on_cpu(cpu, fn, arg);
}

long work_on_cpu_safe_key(int cpu, long (*fn)(void *), void *arg, struct lock_class_key *key)
{
	return cpu_online(cpu) ? koi_work_on_cpu(cpu, fn, arg) : -ENODEV;
}

struct koi_smp_work {
	int (*fn)(void *);
	void *arg;
};

static long koi_smp_work_fn(void *data)
{
	struct koi_smp_work *mine = data;

	return mine->fn(mine->arg);
}

int smp_call_on_cpu(unsigned int cpu, int (*func)(void *), void *par, bool phys)
{
	struct koi_smp_work mine = { .fn = func, .arg = par };

	if (cpu >= nr_cpu_ids || !cpu_online(cpu))
		return -ENXIO;
	return koi_work_on_cpu(cpu, koi_smp_work_fn, &mine);
}

int schedule_on_each_cpu(work_func_t func)
{
	struct work_struct *works = kcalloc(nr_cpu_ids, sizeof(*works), GFP_KERNEL);
	unsigned int cpu;

	if (!works)
		return -ENOMEM;
	for_each_online_cpu(cpu) {
		INIT_WORK(&works[cpu], func);
		schedule_work_on(cpu, &works[cpu]);
	}
	for_each_online_cpu(cpu)
		flush_work(&works[cpu]);
	kfree(works);
	return 0;
}

/* C++, from a task: what the validator shall call the locks that the core made before it went on. */
void koi_name_locks(void)
{
	unsigned int i;

	for (i = 0; i < koi_system_wq_count; i++)
		snprintf(koi_system_wqs[i].lock_name, sizeof(koi_system_wqs[i].lock_name), "(wq_completion)%s",
			 koi_system_wqs[i].name);
	for (i = 0; i < koi_system_wq_count; i++)
		koi_lock_init(&koi_system_wqs[i], 1, koi_system_wqs[i].lock_name, (unsigned long)&koi_system_wqs[i]);
	koi_lock_init(&koi_module_chain.rwsem, 1, "(module_notify_list).rwsem", (unsigned long)&koi_module_chain);
}
