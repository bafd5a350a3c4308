// SPDX-License-Identifier: GPL-2.0-only
/* Workqueues: waiting for works and taking them back. */

static void koi_barrier_fn(struct work_struct *work)
{
	complete(&container_of(work, struct koi_barrier, work)->done);
}

/* Waits for the instance that is pending or running now. False: there is none. */
static noinline bool koi_flush(struct work_struct *work, bool running_only)
{
	struct koi_barrier barrier;
	struct koi_worker *worker;
	struct koi_pwq *pwq;
	bool found = true;

	koi_might_sleep("kernel/workqueue.c", KOI_LINE(3017, 4300));
	koi_map_touch(work);
	INIT_WORK_ONSTACK(&barrier.work, koi_barrier_fn);
	init_completion(&barrier.done);
	raw_spin_lock_irq(&koi_wq_lock);
	pwq = running_only ? NULL : koi_work_pwq(work);
	worker = koi_worker_running(work);
	if (pwq) {
		unsigned long linked = atomic_long_read(&work->data) & KOI_LINKED;

		koi_insert_work(pwq, &barrier.work, work->entry.next, KOI_COLORS, linked);
		atomic_long_or(KOI_LINKED, &work->data);
	} else if (worker) {
		struct list_head *first = worker->scheduled.next;
		unsigned long linked = first != &worker->scheduled ? KOI_LINKED : 0;

		koi_insert_work(worker->current_pwq, &barrier.work, first, KOI_COLORS, linked);
	} else {
		found = false;
	}
	raw_spin_unlock_irq(&koi_wq_lock);
	if (found)
		wait_for_completion(&barrier.done);
	koi_hb_acquire(&koi_wq_lock);
	return found;
}

bool flush_work(struct work_struct *work)
{
#line KOI_LINE(3073, 4241) "kernel/workqueue.c"
	if (WARN_ON(!work->func))
		return false;
	return koi_flush(work, false);
}

bool flush_delayed_work(struct delayed_work *dwork)
{
	if (timer_delete_sync(&dwork->timer)) {
		unsigned long flags;

		raw_spin_lock_irqsave(&koi_wq_lock, flags);
		__queue_work(dwork->cpu, dwork->wq, &dwork->work);
		raw_spin_unlock_irqrestore(&koi_wq_lock, flags);
	}
	return flush_work(&dwork->work);
}

static bool koi_cancel(struct work_struct *work, struct delayed_work *dwork, bool sync, int disable)
{
	unsigned long disabled = koi_disabled(work);
	bool was = koi_grab(work, dwork);

	if (sync && !in_interrupt())
		koi_flush(work, true);
	koi_set_offq(work, disabled + disable, 0);
	return was;
}

bool cancel_work(struct work_struct *work)
{
	return koi_cancel(work, NULL, false, 0);
}

bool cancel_work_sync(struct work_struct *work)
{
	return koi_cancel(work, NULL, true, 0);
}

bool cancel_delayed_work(struct delayed_work *dwork)
{
	return koi_cancel(&dwork->work, dwork, false, 0);
}

bool cancel_delayed_work_sync(struct delayed_work *dwork)
{
	return koi_cancel(&dwork->work, dwork, true, 0);
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
bool disable_work(struct work_struct *work)
{
	return koi_cancel(work, NULL, false, 1);
}

bool disable_work_sync(struct work_struct *work)
{
	return koi_cancel(work, NULL, true, 1);
}

bool disable_delayed_work(struct delayed_work *dwork)
{
	return koi_cancel(&dwork->work, dwork, false, 1);
}

bool disable_delayed_work_sync(struct delayed_work *dwork)
{
	return koi_cancel(&dwork->work, dwork, true, 1);
}

bool enable_work(struct work_struct *work)
{
	unsigned long disabled = koi_disabled(work);

	if (!disabled) {
#line KOI_LINE(0, 4362) "kernel/workqueue.c"
		WARN_ONCE(true, "workqueue: work disable count underflowed\n");
		return false;
	}
	koi_set_offq(work, disabled - 1, 0);
	return disabled == 1;
}

bool enable_delayed_work(struct delayed_work *dwork)
{
	return enable_work(&dwork->work);
}
#endif

static bool koi_colors_done(struct workqueue_struct *wq, unsigned int last)
{
	unsigned int color = wq->color;

	/* Older colors than the current one, oldest first, up to `last`. */
	do {
		color = (color + 1) % KOI_COLORS;
		if (wq->in_flight[color] && color != wq->color)
			return false;
	} while (color != last);
	return true;
}

/* What its works take is taken by whoever waits for them. */
static noinline void koi_wq_touch(struct workqueue_struct *wq)
{
	koi_map_touch(wq);
}

void __flush_workqueue(struct workqueue_struct *wq)
{
	unsigned int color;

	koi_wq_touch(wq);
	koi_might_sleep("kernel/workqueue.c", KOI_LINE(3017, 4300));
	koi_own_wait = &wq->flushed.head;
	/* The next color must be free. */
	wait_event(wq->flushed, wq->in_flight[(wq->color + 1) % KOI_COLORS] == 0);
	raw_spin_lock_irq(&koi_wq_lock);
	color = wq->color;
	wq->color = (color + 1) % KOI_COLORS;
	raw_spin_unlock_irq(&koi_wq_lock);
	wait_event(wq->flushed, koi_colors_done(wq, color));
	koi_hb_acquire(&koi_wq_lock);
}

static bool koi_wq_busy(struct workqueue_struct *wq)
{
	int i;

	for (i = 0; i < KOI_COLORS; i++) {
		if (wq->in_flight[i])
			return true;
	}
	return false;
}

void drain_workqueue(struct workqueue_struct *wq)
{
	unsigned int tries = 0;

	wq->drainers++;
	while (koi_wq_busy(wq)) {
		__flush_workqueue(wq);
		if (koi_wq_busy(wq) && (++tries == 10 || (tries % 100 == 0 && tries <= 1000)))
			pr_warn("workqueue %s: %s() isn't complete after %u tries\n", wq->name, __func__, tries);
	}
	wq->drainers--;
	koi_hb_acquire(&koi_wq_lock);
}

void __warn_flushing_systemwide_wq(void)
{
	pr_warn("WARNING: Flushing system-wide workqueues will be prohibited in near future.\n");
	dump_stack();
}

unsigned int work_busy(struct work_struct *work)
{
	unsigned int busy = 0;

	koi_charge();
	if (work_pending(work))
		busy |= WORK_BUSY_PENDING;
	if (koi_worker_running(work))
		busy |= WORK_BUSY_RUNNING;
	return busy;
}
