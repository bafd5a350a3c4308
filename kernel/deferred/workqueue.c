// SPDX-License-Identifier: GPL-2.0-only
/*
 * Workqueues: pools of workers shared by all queues, one for each CPU and priority and one for unbound work.
 *
 *   queue_work ──► pwq (queue × pool): at most max_active in the pool's list, the rest waits in `inactive`
 *                  pool: worklist ──► worker threads; of a CPU's pool only one runs at a time, another one starts
 *                  when it sleeps (concurrency management)
 *
 * A work that waits has PENDING set and points to its pwq (bits of work->data); flushing inserts a barrier work behind
 * the target, linked to it so that the same worker runs both. One lock guards everything.
 */

struct koi_pool {
	int cpu;			/* -1: unbound */
	int nice;
	int id;
	bool bh;			/* no workers: runs in softirq */
	int next_worker;
	int running;			/* workers that neither sleep nor idle; bound pools only */
	struct list_head works;
	struct list_head idle;
};

struct koi_pwq {
	struct koi_pool *pool;
	struct workqueue_struct *wq;
	int active;
	int max_active;
	struct list_head inactive;
} __aligned(256);			/* flags live below its address in work->data */

#define KOI_COLORS 15			/* the last one of four bits: barriers, which no flush waits for */
#define KOI_COLOR_SHIFT 4
#define KOI_LINKED 8UL			/* the next work in the list belongs to this one */
#define KOI_PWQ_MASK (~255UL)

struct workqueue_struct {
	char name[32];
	char lock_name[64];		/* for the lock validator */
	unsigned int flags;
	int max_active;
	struct koi_pwq **cpu_pwqs;	/* by CPU; NULL: unbound */
	struct koi_pwq *unbound;
	unsigned int color;		/* of what is queued now */
	unsigned int in_flight[KOI_COLORS];
	unsigned int drainers;		/* works may only be queued by its own ones */
	wait_queue_head_t flushed;
};

struct koi_worker {
	struct list_head all;
	struct list_head idle;
	struct list_head scheduled;	/* what it has taken */
	struct koi_pool *pool;
	struct task_struct *task;
	struct work_struct *current_work;
	work_func_t current_func;
	struct koi_pwq *current_pwq;
	bool sleeping;
	bool is_idle;
	char desc[32];
};

struct koi_barrier {
	struct work_struct work;
	struct completion done;
};

static DEFINE_RAW_SPINLOCK(koi_wq_lock);
static LIST_HEAD(koi_workers);
static DEFINE_PER_CPU(struct koi_pool[2], koi_cpu_pools);
static DEFINE_PER_CPU(struct koi_pool[2], koi_bh_pools);
static struct koi_pool koi_unbound_pools[2];

/* ---- work->data ---- */
static struct koi_pwq *koi_work_pwq(struct work_struct *work)
{
	unsigned long data = atomic_long_read(&work->data);

	return data & WORK_STRUCT_PWQ ? (void *)(data & KOI_PWQ_MASK) : NULL;
}

static unsigned int koi_work_color(struct work_struct *work)
{
	return (atomic_long_read(&work->data) >> KOI_COLOR_SHIFT) & 15;
}

/* While a work is off the queues its data holds how often it is disabled. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
static unsigned long koi_disabled(struct work_struct *work)
{
	unsigned long data = atomic_long_read(&work->data);

	return data & WORK_STRUCT_PWQ ? 0 : (data & WORK_OFFQ_DISABLE_MASK) >> WORK_OFFQ_DISABLE_SHIFT;
}

static unsigned long koi_offq_data(unsigned long disabled)
{
	return WORK_STRUCT_NO_POOL | disabled << WORK_OFFQ_DISABLE_SHIFT;
}
#else
static unsigned long koi_disabled(struct work_struct *work)
{
	return 0;
}

static unsigned long koi_offq_data(unsigned long disabled)
{
	return WORK_STRUCT_NO_POOL;
}
#endif

static void koi_set_offq(struct work_struct *work, unsigned long disabled, unsigned long pending)
{
	atomic_long_set(&work->data, koi_offq_data(disabled) | pending);
}

/* ---- workers ---- */
static int worker_thread(void *data);

static int koi_worker_pid(struct koi_pool *pool, int id)
{
	if (id != 1 || pool->nice < 0)
		return 0;
	switch (pool->cpu) {
	case -1:
		return 25;
	case 0:
		return 17;
	case 1:
		return 29;
	default:
		return 0;
	}
}

static void koi_create_pool_worker(struct koi_pool *pool)
{
	struct koi_worker *worker = kzalloc(sizeof(*worker), GFP_ATOMIC);
	int id = ++pool->next_worker;
	struct task_struct *t;
	char comm[TASK_COMM_LEN];

	if (!worker)
		return;
	if (pool->cpu < 0)
		snprintf(comm, sizeof(comm), "kworker/u%d:%d%s", pool->id, id, pool->nice < 0 ? "H" : "");
	else
		snprintf(comm, sizeof(comm), "kworker/%d:%d%s", pool->cpu, id, pool->nice < 0 ? "H" : "");
	t = koi_kthread_create(worker_thread, worker, comm, koi_worker_pid(pool, id));
	if (IS_ERR(t)) {
		kfree(worker);
		return;
	}
	worker->pool = pool;
	worker->task = t;
	INIT_LIST_HEAD(&worker->scheduled);
	INIT_LIST_HEAD(&worker->idle);
	list_add_tail(&worker->all, &koi_workers);
	t->flags |= PF_WQ_WORKER;
	set_user_nice(t, pool->nice);
	if (pool->cpu >= 0)
		koi_bind(t, cpumask_of(pool->cpu));
	/* On its way to the list: it counts as running. */
	pool->running++;
	wake_up_process(t);
}

/* There is work: an idle worker takes it unless one runs already. */
static void koi_kick_pool(struct koi_pool *pool)
{
	struct koi_worker *worker;

	if (list_empty(&pool->works))
		return;
	if (pool->bh) {
		koi_raise(pool->nice < 0 ? HI_SOFTIRQ : TASKLET_SOFTIRQ);
		return;
	}
	if (pool->cpu >= 0 && pool->running > 0)
		return;
	worker = list_first_entry_or_null(&pool->idle, struct koi_worker, idle);
	if (!worker) {
		koi_create_pool_worker(pool);
		return;
	}
	list_del_init(&worker->idle);
	worker->is_idle = false;
	pool->running++;
	wake_up_process(worker->task);
}

static struct koi_worker *koi_current_worker(void)
{
	return in_task() && (current->flags & PF_WQ_WORKER) ? kthread_data(current) : NULL;
}

static void wq_worker_sleeping_now(struct task_struct *t)
{
	struct koi_worker *worker = kthread_data(t);
	unsigned long flags;

	if (worker->is_idle || worker->sleeping)
		return;
	raw_spin_lock_irqsave(&koi_wq_lock, flags);
	worker->sleeping = true;
	worker->pool->running--;
	if (worker->pool->cpu >= 0)
		koi_kick_pool(worker->pool);
	raw_spin_unlock_irqrestore(&koi_wq_lock, flags);
}

static void wq_worker_running_again(struct task_struct *t)
{
	struct koi_worker *worker = kthread_data(t);

	if (!worker->sleeping)
		return;
	worker->sleeping = false;
	worker->pool->running++;
}

/* ---- lists ---- */
/* Moves a work and those linked behind it to the end of `to`. */
static void koi_move_linked(struct work_struct *work, struct list_head *to)
{
	struct list_head *at = &work->entry;
	bool more;

	do {
		struct work_struct *this = list_entry(at, struct work_struct, entry);

		at = at->next;
		more = atomic_long_read(&this->data) & KOI_LINKED;
		list_move_tail(&this->entry, to);
	} while (more);
}

static void koi_activate_next(struct koi_pwq *pwq)
{
	while (pwq->active < pwq->max_active && !list_empty(&pwq->inactive)) {
		pwq->active++;
		koi_move_linked(list_first_entry(&pwq->inactive, struct work_struct, entry), &pwq->pool->works);
	}
}

/* A work of that color has ended or was taken away. */
static void koi_work_gone(struct koi_pwq *pwq, unsigned int color, bool was_active)
{
	if (color >= KOI_COLORS)
		return;
	if (was_active) {
		pwq->active--;
		koi_activate_next(pwq);
		koi_kick_pool(pwq->pool);
	}
	if (--pwq->wq->in_flight[color] == 0)
		wake_up_all(&pwq->wq->flushed);
}

static void koi_insert_work(struct koi_pwq *pwq, struct work_struct *work, struct list_head *before,
			    unsigned int color, unsigned long linked)
{
	atomic_long_set(&work->data, (unsigned long)pwq | WORK_STRUCT_PENDING | WORK_STRUCT_PWQ | linked |
			(unsigned long)color << KOI_COLOR_SHIFT);
	koi_note_armed(work);
	list_add_tail(&work->entry, before);
}

static struct koi_worker *koi_worker_running(struct work_struct *work)
{
	struct koi_worker *worker;

	list_for_each_entry(worker, &koi_workers, all) {
		if (worker->current_work == work && worker->current_func == work->func)
			return worker;
	}
	return NULL;
}

/* ---- queueing: the lock is held, PENDING is ours ---- */
/* Is the running task none of the queue's own works, which alone may add to what is drained? */
static __always_inline bool koi_foreign_work(struct workqueue_struct *wq)
{
	struct koi_worker *worker = koi_current_worker();
	bool own = worker && worker->current_pwq && worker->current_pwq->wq == wq;

#line KOI_LINE(1441, 2294) "kernel/workqueue.c"
	return WARN_ON_ONCE(!own);
#line 291 "workqueue.c"
}

static noinline void __queue_work(int cpu, struct workqueue_struct *wq, struct work_struct *work)
{
	struct koi_worker *last;
	struct koi_pwq *pwq;

	koi_hb_release(work);
	if (unlikely(wq->drainers) && koi_foreign_work(wq))
		return;
	if (wq->cpu_pwqs)
		pwq = wq->cpu_pwqs[cpu == WORK_CPU_UNBOUND ? raw_smp_processor_id() : cpu];
	else
		pwq = wq->unbound;
	/* A work never runs twice at once: it goes where it still runs. */
	last = koi_worker_running(work);
	if (last && last->current_pwq->wq == wq)
		pwq = last->current_pwq;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#line 2360 "kernel/workqueue.c"
	if (WARN_ON(!list_empty(&work->entry)))
		return;
#else
#line 1502 "kernel/workqueue.c"
	if (WARN_ON(!list_empty(&work->entry)))
		return;
#endif
#line 319 "workqueue.c"
	wq->in_flight[wq->color]++;
	if (pwq->active < pwq->max_active && list_empty(&pwq->inactive)) {
		pwq->active++;
		koi_insert_work(pwq, work, &pwq->pool->works, wq->color, 0);
		koi_kick_pool(pwq->pool);
	} else {
		koi_insert_work(pwq, work, &pwq->inactive, wq->color, 0);
	}
}

static bool koi_claim(struct work_struct *work)
{
	return !koi_disabled(work) && !test_and_set_bit(WORK_STRUCT_PENDING_BIT, work_data_bits(work));
}

bool queue_work_on(int cpu, struct workqueue_struct *wq, struct work_struct *work)
{
	unsigned long flags;
	bool queued;

	raw_spin_lock_irqsave(&koi_wq_lock, flags);
	queued = koi_claim(work);
	if (queued)
		__queue_work(cpu, wq, work);
	raw_spin_unlock_irqrestore(&koi_wq_lock, flags);
	return queued;
}

bool queue_work_node(int node, struct workqueue_struct *wq, struct work_struct *work)
{
	return queue_work_on(WORK_CPU_UNBOUND, wq, work);
}

void delayed_work_timer_fn(struct timer_list *t)
{
	struct delayed_work *dwork = container_of(t, struct delayed_work, timer);
	unsigned long flags;

	raw_spin_lock_irqsave(&koi_wq_lock, flags);
	__queue_work(dwork->cpu, dwork->wq, &dwork->work);
	raw_spin_unlock_irqrestore(&koi_wq_lock, flags);
}

/* PENDING is ours, the lock is not held. */
static void koi_queue_delayed(int cpu, struct workqueue_struct *wq, struct delayed_work *dwork, unsigned long delay)
{
	unsigned long flags;

#line KOI_LINE(1656, 2532) "kernel/workqueue.c"
	WARN_ON_ONCE(!wq);
#line KOI_LINE(1657, 2533) "kernel/workqueue.c"
	WARN_ON_ONCE(dwork->timer.function != delayed_work_timer_fn);
#line KOI_LINE(1658, 2534) "kernel/workqueue.c"
	WARN_ON_ONCE(timer_pending(&dwork->timer));
	if (!delay) {
		raw_spin_lock_irqsave(&koi_wq_lock, flags);
		__queue_work(cpu, wq, &dwork->work);
		raw_spin_unlock_irqrestore(&koi_wq_lock, flags);
		return;
	}
	dwork->wq = wq;
	dwork->cpu = cpu;
	dwork->timer.expires = jiffies + delay;
	if (cpu != WORK_CPU_UNBOUND)
		add_timer_on(&dwork->timer, cpu);
	else
		add_timer(&dwork->timer);
}

bool queue_delayed_work_on(int cpu, struct workqueue_struct *wq, struct delayed_work *dwork, unsigned long delay)
{
	koi_charge();
	if (!koi_claim(&dwork->work))
		return false;
	koi_queue_delayed(cpu, wq, dwork, delay);
	return true;
}

/* Makes PENDING ours whatever the work does. True: it was pending. */
static bool koi_grab(struct work_struct *work, struct delayed_work *dwork)
{
	unsigned long flags;
	struct koi_pwq *pwq;
	bool was;

	for (;;) {
		if (dwork && timer_delete(&dwork->timer))
			return true;
		raw_spin_lock_irqsave(&koi_wq_lock, flags);
		was = test_and_set_bit(WORK_STRUCT_PENDING_BIT, work_data_bits(work));
		pwq = koi_work_pwq(work);
		if (!was || pwq)
			break;
		raw_spin_unlock_irqrestore(&koi_wq_lock, flags);
		/* Its timer is about to queue it, or somebody else cancels it. */
		koi_spin_wait(work);
	}
	if (was) {
		unsigned int color = koi_work_color(work);
		struct work_struct *behind = list_next_entry(work, entry);
		bool linked = atomic_long_read(&work->data) & KOI_LINKED;
		struct work_struct *other;
		bool active = true;

		list_for_each_entry(other, &pwq->inactive, entry)
			active &= other != work;
		list_del_init(&work->entry);
		koi_set_offq(work, 0, WORK_STRUCT_PENDING);
		/* Barriers behind it have nothing to wait for any more; they run as works of their own. */
		if (linked && !active)
			koi_move_linked(behind, &pwq->pool->works);
		koi_work_gone(pwq, color, active);
	}
	raw_spin_unlock_irqrestore(&koi_wq_lock, flags);
	return was;
}

bool mod_delayed_work_on(int cpu, struct workqueue_struct *wq, struct delayed_work *dwork, unsigned long delay)
{
	bool was;

	if (koi_disabled(&dwork->work))
		return false;
	was = koi_grab(&dwork->work, dwork);
	koi_queue_delayed(cpu, wq, dwork, delay);
	return was;
}

/* ---- running ---- */
static void koi_check_leak(int count, work_func_t func)
{
	unsigned int locks = koi_lockdep.on ? this_cpu_read(koi_held_stack)->depth : 0;

	if (likely(preempt_count() == count && !rcu_preempt_depth() && !locks))
		return;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
	pr_err("BUG: workqueue leaked atomic, lock or RCU: %s[%d]\n"
	       "     preempt=0x%08x lock=%d->%d RCU=%d->%d workfn=%ps\n",
	       current->comm, task_pid_nr(current), preempt_count(), 0, locks, 0, rcu_preempt_depth(), func);
#else
	pr_err("BUG: workqueue leaked lock or atomic: %s/0x%08x/%d\n     last function: %ps\n", current->comm,
	       preempt_count(), task_pid_nr(current), func);
#endif
	koi_lockdep_show_held();
	dump_stack();
}

/* The lock is held with interrupts off; it is given up while the work runs. */
static noinline void koi_run_work(struct koi_worker *worker, struct work_struct *work)
{
	struct koi_pwq *pwq = koi_work_pwq(work);
	unsigned int color = koi_work_color(work);
	work_func_t func = work->func;
	struct koi_balance before;
	int count = preempt_count() - 1;

	worker->current_work = work;
	worker->current_func = func;
	worker->current_pwq = pwq;
	list_del_init(&work->entry);
	koi_set_offq(work, 0, 0);
	raw_spin_unlock_irq(&koi_wq_lock);
	before = koi_balance();
	koi_hb_acquire(work);
	koi_map_acquire(pwq->wq);
	/* The function may free its work. */
	koi_map_acquire(work);
	func(work);
	koi_map_release(work);
	koi_map_release(pwq->wq);
	koi_hb_release(&koi_wq_lock);
	if (!worker->pool->bh) {
		koi_check_leak(count, func);
		before.count = preempt_count();
		before.readers = rcu_preempt_depth();
		before.locks = KOI_MAX_HELD;
		koi_check_balance(before, "work function", func);
		cond_resched();
	}
	raw_spin_lock_irq(&koi_wq_lock);
	worker->current_work = NULL;
	worker->current_func = NULL;
	worker->current_pwq = NULL;
	koi_work_gone(pwq, color, true);
}

static void koi_run_scheduled(struct koi_worker *worker)
{
	while (!list_empty(&worker->scheduled))
		koi_run_work(worker, list_first_entry(&worker->scheduled, struct work_struct, entry));
}

static noinline int worker_thread(void *data)
{
	struct koi_worker *worker = data;
	struct koi_pool *pool = worker->pool;

	raw_spin_lock_irq(&koi_wq_lock);
	for (;;) {
		/* One worker of a bound pool is enough while it runs. */
		while (!list_empty(&pool->works) && (pool->cpu < 0 || pool->running <= 1)) {
			koi_move_linked(list_first_entry(&pool->works, struct work_struct, entry), &worker->scheduled);
			if (pool->cpu < 0)
				koi_kick_pool(pool);
			koi_run_scheduled(worker);
		}
		pool->running--;
		worker->is_idle = true;
		list_add(&worker->idle, &pool->idle);
		__set_current_state(TASK_IDLE);
		raw_spin_unlock_irq(&koi_wq_lock);
		schedule();
		raw_spin_lock_irq(&koi_wq_lock);
		/* Woken without being taken off the list: nothing of ours. */
		if (worker->is_idle) {
			list_del_init(&worker->idle);
			worker->is_idle = false;
			pool->running++;
		}
	}
	return 0;
}

/* Pools that run in softirq: one worker each, no thread. */
static DEFINE_PER_CPU(struct koi_worker[2], koi_bh_workers);

static void koi_run_bh_pool(int high)
{
	struct koi_pool *pool = &(*this_cpu_ptr(&koi_bh_pools))[high];
	struct koi_worker *worker = &(*this_cpu_ptr(&koi_bh_workers))[high];

	if (list_empty(&pool->works))
		return;
	raw_spin_lock_irq(&koi_wq_lock);
	while (!list_empty(&pool->works)) {
		koi_move_linked(list_first_entry(&pool->works, struct work_struct, entry), &worker->scheduled);
		koi_run_scheduled(worker);
	}
	raw_spin_unlock_irq(&koi_wq_lock);
}
