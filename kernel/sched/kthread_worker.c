// SPDX-License-Identifier: GPL-2.0-only
/* kthread_worker: works that one kernel thread does in order, at once or after a delay. */

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
