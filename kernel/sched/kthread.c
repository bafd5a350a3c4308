// SPDX-License-Identifier: GPL-2.0-only
/* Kernel threads: what a task_struct's worker_private points to, stopping, parking, and the worker API on top. */

enum koi_kthread_bits { KOI_SHOULD_STOP, KOI_SHOULD_PARK, KOI_IS_PARKED, KOI_PER_CPU, KOI_LEAVES };

struct koi_kthread {
	unsigned long flags;
	unsigned int cpu;
	int result;
	int (*fn)(void *);
	void *data;
	struct completion parked;
	struct completion exited;
};

static struct koi_task_block koi_kthreadd_block;
#define koi_kthreadd (koi_kthreadd_block.task)

static struct koi_kthread *koi_kthread_of(struct task_struct *t)
{
#line KOI_LINE(75, 76) "kernel/kthread.c"
	WARN_ON(!(t->flags & PF_KTHREAD));
	return t->worker_private;
}

/* ---- life ---- */
static void koi_cred_exit(struct task_struct *t);

static void koi_exit_task(long code)
{
	struct task_struct *t = current;

	koi_cred_exit(t);
	t->exit_code = code;
	t->flags |= PF_EXITING;
	preempt_count_set(PREEMPT_ENABLED);
	koi_task_exit(code);
}

void __noreturn kthread_exit(long result)
{
	struct koi_kthread *k = koi_kthread_of(current);

	k->result = result;
	__set_bit(KOI_LEAVES, &k->flags);
	complete(&k->exited);
	koi_exit_task(0);
	unreachable();
}

void __noreturn kthread_complete_and_exit(struct completion *done, long code)
{
	/* Whoever waits may unload the module: the thread never comes back to it. */
	__set_bit(KOI_LEAVES, &koi_kthread_of(current)->flags);
	if (done)
		complete(done);
	kthread_exit(code);
}

/* C++: an oops or BUG ends the running task; whoever waits for its end must hear of it. */
void koi_task_dying(void)
{
	struct koi_kthread *k = current->flags & PF_KTHREAD ? current->worker_private : NULL;

	current->flags |= PF_EXITING;
	/* Its pool goes on without it. */
	if (current->flags & PF_WQ_WORKER)
		wq_worker_sleeping_now(current);
	if (k)
		complete(&k->exited);
	koi_close_files();
}

/* C++: the first thing a kernel thread does. */
/* What the thread still holds is said at its end. */
static __always_inline int koi_kthread_call(struct koi_kthread *k)
{
	int (*function)(void *) = k->fn;
	struct koi_balance before = koi_balance();
	int result = function(k->data);
	const struct koi_balance after = koi_balance();

	before.readers = after.readers;
	before.locks = after.locks;
	koi_check_balance(before, "thread function", function);
	return result;
}

void koi_kthread_main(void)
{
	struct koi_kthread *k = koi_kthread_of(current);
	int result = -EINTR;

	if (!test_bit(KOI_SHOULD_STOP, &k->flags)) {
		kthread_parkme();
		if (!test_bit(KOI_SHOULD_STOP, &k->flags))
			result = koi_kthread_call(k);
	}
	kthread_exit(result);
}

/* Used again, never given back: a task_struct may go when nothing can be called in C++. */
static struct koi_kthread *koi_spare_kthreads;

static struct koi_kthread *koi_kthread_alloc(void)
{
	struct koi_kthread *k = koi_spare_kthreads;

	if (!k)
		return kzalloc(sizeof(*k), GFP_ATOMIC);
	koi_spare_kthreads = k->data;
	memset(k, 0, sizeof(*k));
	return k;
}

static void koi_kthread_put(struct koi_kthread *k)
{
	k->data = koi_spare_kthreads;
	koi_spare_kthreads = k;
}

static struct task_struct *koi_kthread_create(int (*fn)(void *), void *data, const char *comm, int pid)
{
	struct koi_kthread *k = koi_kthread_alloc();
	struct task_struct *t;

	if (!k)
		return ERR_PTR(-ENOMEM);
	k->fn = fn;
	k->data = data;
	init_completion(&k->parked);
	init_completion(&k->exited);
	t = koi_task_create(comm, -1, pid);
	if (!t) {
		koi_kthread_put(k);
		return ERR_PTR(-EAGAIN);
	}
	t->worker_private = k;
	t->vfork_done = &k->exited;
	t->real_parent = t->parent = &koi_kthreadd;
	WRITE_ONCE(t->__state, TASK_UNINTERRUPTIBLE);
	return t;
}

static void koi_kthread_free(struct task_struct *t)
{
	if ((t->flags & PF_KTHREAD) && t->worker_private)
		koi_kthread_put(t->worker_private);
	t->worker_private = NULL;
}

struct task_struct *kthread_create_on_node(int (*fn)(void *data), void *data, int node, const char fmt[], ...)
{
	char comm[64];
	va_list args;

	va_start(args, fmt);
	vsnprintf(comm, sizeof(comm), fmt, args);
	va_end(args);
	koi_might_alloc();
	return koi_kthread_create(fn, data, comm, 0);
}

static void koi_bind(struct task_struct *t, const struct cpumask *mask)
{
	koi_allow(t, mask);
	t->flags |= PF_NO_SETAFFINITY;
}

void kthread_bind(struct task_struct *t, unsigned int cpu)
{
#line KOI_LINE(524, 525) "kernel/kthread.c"
	if (WARN_ON(!(READ_ONCE(t->__state) & TASK_UNINTERRUPTIBLE)))
		return;
	koi_bind(t, cpumask_of(cpu));
}

void kthread_bind_mask(struct task_struct *t, const struct cpumask *mask)
{
	koi_bind(t, mask);
}

struct task_struct *kthread_create_on_cpu(int (*fn)(void *data), void *data, unsigned int cpu, const char *format)
{
	struct task_struct *t = kthread_create_on_node(fn, data, cpu_to_node(cpu), format, cpu);

	if (IS_ERR(t))
		return t;
	kthread_bind(t, cpu);
	koi_kthread_of(t)->cpu = cpu;
	return t;
}

/* The kernel's own threads; cpu < 0: anywhere. NULL: none can be made. */
static struct task_struct *koi_start_thread(const char *comm, int cpu, int pid, int (*fn)(void *), void *data)
{
	struct task_struct *t = koi_kthread_create(fn, data, comm, pid);

	if (IS_ERR(t))
		return NULL;
	if (cpu >= 0)
		koi_bind(t, cpumask_of(cpu));
	wake_up_process(t);
	return t;
}

/* ---- stopping and parking ---- */
bool kthread_should_stop(void)
{
	koi_charge();
	if (!test_bit(KOI_SHOULD_STOP, &koi_kthread_of(current)->flags))
		return false;
	koi_hb_acquire(&koi_kthread_of(current)->flags);
	return true;
}

bool __kthread_should_park(struct task_struct *t)
{
	return test_bit(KOI_SHOULD_PARK, &koi_kthread_of(t)->flags);
}

bool kthread_should_park(void)
{
	koi_charge();
	return __kthread_should_park(current);
}

bool kthread_freezable_should_stop(bool *was_frozen)
{
	might_sleep();
	if (was_frozen)
		*was_frozen = false;
	return kthread_should_stop();
}

void *kthread_func(struct task_struct *t)
{
	return koi_kthread_of(t)->fn;
}

void *kthread_data(struct task_struct *t)
{
	return koi_kthread_of(t)->data;
}

int kthread_stop(struct task_struct *t)
{
	struct koi_kthread *k;
	int result;

	get_task_struct(t);
	k = koi_kthread_of(t);
	koi_hb_release(&k->flags);
	set_bit(KOI_SHOULD_STOP, &k->flags);
	kthread_unpark(t);
	/* Interruptible waits end, as with a signal. */
	set_tsk_thread_flag(t, TIF_NOTIFY_SIGNAL);
	wake_up_process(t);
	koi_own_wait = &k->exited.wait.task_list;
	wait_for_completion(&k->exited);
	result = k->result;
	put_task_struct(t);
	return result;
}

int kthread_stop_put(struct task_struct *t)
{
	int result = kthread_stop(t);

	put_task_struct(t);
	return result;
}

void kthread_parkme(void)
{
	struct koi_kthread *k = koi_kthread_of(current);

	for (;;) {
		set_current_state(TASK_PARKED);
		if (!test_bit(KOI_SHOULD_PARK, &k->flags))
			break;
		complete(&k->parked);
		schedule();
	}
	__set_current_state(TASK_RUNNING);
}

int kthread_park(struct task_struct *t)
{
	struct koi_kthread *k = koi_kthread_of(t);

#line KOI_LINE(658, 659) "kernel/kthread.c"
	if (WARN_ON(t->flags & PF_EXITING))
		return -ENOSYS;
#line KOI_LINE(661, 662) "kernel/kthread.c"
	if (WARN_ON_ONCE(test_bit(KOI_SHOULD_PARK, &k->flags)))
		return -EBUSY;
	set_bit(KOI_SHOULD_PARK, &k->flags);
	if (t != current) {
		wake_up_process(t);
		koi_own_wait = &k->parked.wait.task_list;
		wait_for_completion(&k->parked);
	}
	return 0;
}

void kthread_unpark(struct task_struct *t)
{
	struct koi_kthread *k = koi_kthread_of(t);

	if (!test_bit(KOI_SHOULD_PARK, &k->flags))
		return;
	reinit_completion(&k->parked);
	clear_bit(KOI_SHOULD_PARK, &k->flags);
	wake_up_state(t, TASK_PARKED);
}

/* ---- kthread_worker ---- */
void __kthread_init_worker(struct kthread_worker *worker, const char *name, struct lock_class_key *key)
{
	memset(worker, 0, sizeof(*worker));
	raw_spin_lock_init(&worker->lock);
	INIT_LIST_HEAD(&worker->work_list);
	INIT_LIST_HEAD(&worker->delayed_work_list);
}

int kthread_worker_fn(void *data)
{
	struct kthread_worker *worker = data;
	struct kthread_work *work;

	worker->task = current;
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (kthread_should_stop()) {
			__set_current_state(TASK_RUNNING);
			raw_spin_lock_irq(&worker->lock);
			worker->task = NULL;
			raw_spin_unlock_irq(&worker->lock);
			return 0;
		}
		raw_spin_lock_irq(&worker->lock);
		work = list_first_entry_or_null(&worker->work_list, struct kthread_work, node);
		if (work)
			list_del_init(&work->node);
		worker->current_work = work;
		raw_spin_unlock_irq(&worker->lock);
		if (work) {
			__set_current_state(TASK_RUNNING);
			koi_hb_acquire(work);
			work->func(work);
			koi_hb_release(worker);
			/* The work may be gone: only the pointer is looked at. */
			raw_spin_lock_irq(&worker->lock);
			worker->current_work = NULL;
			raw_spin_unlock_irq(&worker->lock);
		} else {
			schedule();
		}
		cond_resched();
	}
}

static struct kthread_worker *koi_create_worker(int cpu, unsigned int flags, const char *fmt, va_list args)
{
	struct kthread_worker *worker = kzalloc(sizeof(*worker), GFP_KERNEL);
	struct task_struct *t;
	char comm[64];

	if (!worker)
		return ERR_PTR(-ENOMEM);
	kthread_init_worker(worker);
	vsnprintf(comm, sizeof(comm), fmt, args);
	t = koi_kthread_create(kthread_worker_fn, worker, comm, 0);
	if (IS_ERR(t)) {
		kfree(worker);
		return ERR_CAST(t);
	}
	if (cpu >= 0)
		kthread_bind(t, cpu);
	worker->flags = flags;
	worker->task = t;
	wake_up_process(t);
	return worker;
}

struct kthread_worker *kthread_create_worker(unsigned int flags, const char fmt[], ...)
{
	struct kthread_worker *worker;
	va_list args;

	va_start(args, fmt);
	worker = koi_create_worker(-1, flags, fmt, args);
	va_end(args);
	return worker;
}

struct kthread_worker *kthread_create_worker_on_cpu(int cpu, unsigned int flags, const char fmt[], ...)
{
	struct kthread_worker *worker;
	va_list args;

	va_start(args, fmt);
	worker = koi_create_worker(cpu, flags, fmt, args);
	va_end(args);
	return worker;
}

static void koi_insert_kthread_work(struct kthread_worker *worker, struct kthread_work *work, struct list_head *before)
{
	koi_hb_release(work);
	list_add_tail(&work->node, before);
	work->worker = worker;
	if (!worker->current_work && worker->task)
		wake_up_process(worker->task);
}

static bool koi_kthread_queueable(struct kthread_work *work)
{
	return list_empty(&work->node) && !work->canceling;
}

bool kthread_queue_work(struct kthread_worker *worker, struct kthread_work *work)
{
	unsigned long flags;
	bool queued = false;

	raw_spin_lock_irqsave(&worker->lock, flags);
	if (koi_kthread_queueable(work)) {
		koi_insert_kthread_work(worker, work, &worker->work_list);
		queued = true;
	}
	raw_spin_unlock_irqrestore(&worker->lock, flags);
	return queued;
}

void kthread_delayed_work_timer_fn(struct timer_list *t)
{
	struct kthread_delayed_work *dwork = container_of(t, struct kthread_delayed_work, timer);
	struct kthread_work *work = &dwork->work;
	struct kthread_worker *worker = work->worker;
	unsigned long flags;

#line KOI_LINE(1040, 1059) "kernel/kthread.c"
	if (WARN_ON_ONCE(!worker))
		return;
	raw_spin_lock_irqsave(&worker->lock, flags);
	list_del_init(&work->node);
	if (!work->canceling)
		koi_insert_kthread_work(worker, work, &worker->work_list);
	raw_spin_unlock_irqrestore(&worker->lock, flags);
}

static void koi_queue_kthread_delayed(struct kthread_worker *worker, struct kthread_delayed_work *dwork,
				      unsigned long delay)
{
	struct kthread_work *work = &dwork->work;

	if (!delay) {
		koi_insert_kthread_work(worker, work, &worker->work_list);
		return;
	}
	list_add(&work->node, &worker->delayed_work_list);
	work->worker = worker;
	dwork->timer.expires = jiffies + delay;
	add_timer(&dwork->timer);
}

bool kthread_queue_delayed_work(struct kthread_worker *worker, struct kthread_delayed_work *dwork, unsigned long delay)
{
	unsigned long flags;
	bool queued = false;

	raw_spin_lock_irqsave(&worker->lock, flags);
	if (koi_kthread_queueable(&dwork->work)) {
		koi_queue_kthread_delayed(worker, dwork, delay);
		queued = true;
	}
	raw_spin_unlock_irqrestore(&worker->lock, flags);
	return queued;
}

struct koi_kthread_flush {
	struct kthread_work work;
	struct completion done;
};

static void koi_kthread_flush_fn(struct kthread_work *work)
{
	complete(&container_of(work, struct koi_kthread_flush, work)->done);
}

void kthread_flush_work(struct kthread_work *work)
{
	struct koi_kthread_flush flush = { .work = KTHREAD_WORK_INIT(flush.work, koi_kthread_flush_fn) };
	struct kthread_worker *worker = work->worker;
	bool wait = true;

	if (!worker)
		return;
	init_completion(&flush.done);
	raw_spin_lock_irq(&worker->lock);
	if (!list_empty(&work->node))
		koi_insert_kthread_work(worker, &flush.work, work->node.next);
	else if (worker->current_work == work)
		koi_insert_kthread_work(worker, &flush.work, worker->work_list.next);
	else
		wait = false;
	raw_spin_unlock_irq(&worker->lock);
	if (wait)
		wait_for_completion(&flush.done);
}

void kthread_flush_worker(struct kthread_worker *worker)
{
	struct koi_kthread_flush flush = { .work = KTHREAD_WORK_INIT(flush.work, koi_kthread_flush_fn) };

	init_completion(&flush.done);
	kthread_queue_work(worker, &flush.work);
	wait_for_completion(&flush.done);
}

/* The worker's lock is held; `flags` are its interrupt flags. True: it was pending. */
static bool koi_kthread_take_off(struct kthread_work *work, struct timer_list *timer, unsigned long *flags)
{
	struct kthread_worker *worker = work->worker;

	if (timer) {
		work->canceling++;
		raw_spin_unlock_irqrestore(&worker->lock, *flags);
		timer_delete_sync(timer);
		raw_spin_lock_irqsave(&worker->lock, *flags);
		work->canceling--;
	}
	if (list_empty(&work->node))
		return false;
	list_del_init(&work->node);
	return true;
}

bool kthread_mod_delayed_work(struct kthread_worker *worker, struct kthread_delayed_work *dwork, unsigned long delay)
{
	struct kthread_work *work = &dwork->work;
	unsigned long flags;
	bool was = false;

	raw_spin_lock_irqsave(&worker->lock, flags);
	if (work->worker)
		was = koi_kthread_take_off(work, &dwork->timer, &flags);
	if (!work->canceling)
		koi_queue_kthread_delayed(worker, dwork, delay);
	else
		was = true;
	raw_spin_unlock_irqrestore(&worker->lock, flags);
	return was;
}

static bool koi_kthread_cancel(struct kthread_work *work, struct timer_list *timer)
{
	struct kthread_worker *worker = work->worker;
	unsigned long flags;
	bool was;

	if (!worker)
		return false;
	raw_spin_lock_irqsave(&worker->lock, flags);
	was = koi_kthread_take_off(work, timer, &flags);
	if (worker->current_work == work) {
		work->canceling++;
		raw_spin_unlock_irqrestore(&worker->lock, flags);
		kthread_flush_work(work);
		raw_spin_lock_irqsave(&worker->lock, flags);
		work->canceling--;
	}
	raw_spin_unlock_irqrestore(&worker->lock, flags);
	return was;
}

bool kthread_cancel_work_sync(struct kthread_work *work)
{
	return koi_kthread_cancel(work, NULL);
}

bool kthread_cancel_delayed_work_sync(struct kthread_delayed_work *dwork)
{
	return koi_kthread_cancel(&dwork->work, &dwork->timer);
}

void kthread_destroy_worker(struct kthread_worker *worker)
{
	struct task_struct *t = worker->task;

#line KOI_LINE(1401, 1424) "kernel/kthread.c"
	if (WARN_ON(!t))
		return;
	kthread_flush_worker(worker);
	kthread_stop(t);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#line KOI_LINE(0, 1429) "kernel/kthread.c"
	WARN_ON(!list_empty(&worker->delayed_work_list));
#endif
#line KOI_LINE(1406, 1430) "kernel/kthread.c"
	WARN_ON(!list_empty(&worker->work_list));
	kfree(worker);
}

static void koi_kthreads_init(void)
{
	koi_task_init(&koi_init_block.task, 1, "init", NULL, &init_task, 0);
	WRITE_ONCE(koi_init_block.task.__state, TASK_INTERRUPTIBLE);
	koi_task_init(&koi_kthreadd, 2, "kthreadd", NULL, &init_task, 1);
	WRITE_ONCE(koi_kthreadd.__state, TASK_INTERRUPTIBLE);
	init_task.thread_pid = &koi_idle_pid;
}
