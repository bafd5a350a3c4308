// SPDX-License-Identifier: GPL-2.0-only
/* Wait queues: the real structures, so that the inlined accessors and the wait_event() family work on them. */

void __init_waitqueue_head(struct wait_queue_head *wq, const char *name, struct lock_class_key *key)
{
	spin_lock_init(&wq->lock);
	INIT_LIST_HEAD(&wq->head);
}

static void koi_add_wait(struct wait_queue_head *wq, struct wait_queue_entry *entry, unsigned int flags, bool tail)
{
	unsigned long irq;

	entry->flags = flags;
	spin_lock_irqsave(&wq->lock, irq);
	koi_hb_sync(wq);
	koi_note_waiter(&wq->head, &entry->entry, 0);
	if (tail)
		__add_wait_queue_entry_tail(wq, entry);
	else
		__add_wait_queue(wq, entry);
	spin_unlock_irqrestore(&wq->lock, irq);
}

void add_wait_queue(struct wait_queue_head *wq, struct wait_queue_entry *entry)
{
	koi_add_wait(wq, entry, entry->flags & ~WQ_FLAG_EXCLUSIVE, false);
}

void add_wait_queue_exclusive(struct wait_queue_head *wq, struct wait_queue_entry *entry)
{
	koi_add_wait(wq, entry, entry->flags | WQ_FLAG_EXCLUSIVE, true);
}

void add_wait_queue_priority(struct wait_queue_head *wq, struct wait_queue_entry *entry)
{
	koi_add_wait(wq, entry, entry->flags | WQ_FLAG_EXCLUSIVE | WQ_FLAG_PRIORITY, false);
}

void remove_wait_queue(struct wait_queue_head *wq, struct wait_queue_entry *entry)
{
	unsigned long irq;

	spin_lock_irqsave(&wq->lock, irq);
	koi_hb_sync(wq);
	__remove_wait_queue(wq, entry);
	spin_unlock_irqrestore(&wq->lock, irq);
}

/* Every non-exclusive waiter and the first `exclusive` exclusive ones; 0: all. A negative answer ends the walk. */
static void koi_wake_entries(struct wait_queue_head *wq, unsigned int mode, int exclusive, int wake_flags, void *key)
{
	struct wait_queue_entry *entry, *next;

	list_for_each_entry_safe(entry, next, &wq->head, entry) {
		unsigned int flags = entry->flags;
		int answer = entry->func(entry, mode, wake_flags, key);

		if (answer < 0)
			break;
		if (answer && (flags & WQ_FLAG_EXCLUSIVE) && --exclusive == 0)
			break;
	}
}

static void koi_wake_up(struct wait_queue_head *wq, unsigned int mode, int exclusive, int wake_flags, void *key)
{
	unsigned long irq;

	spin_lock_irqsave(&wq->lock, irq);
	koi_hb_sync(wq);
	koi_wake_entries(wq, mode, exclusive, wake_flags, key);
	spin_unlock_irqrestore(&wq->lock, irq);
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 1, 0)
int __wake_up(struct wait_queue_head *wq, unsigned int mode, int exclusive, void *key)
{
	koi_wake_up(wq, mode, exclusive, 0, key);
	return 0;
}
#else
void __wake_up(struct wait_queue_head *wq, unsigned int mode, int exclusive, void *key)
{
	koi_wake_up(wq, mode, exclusive, 0, key);
}
#endif

void __wake_up_locked(struct wait_queue_head *wq, unsigned int mode, int exclusive)
{
	koi_wake_entries(wq, mode, exclusive, 0, NULL);
}

void __wake_up_locked_key(struct wait_queue_head *wq, unsigned int mode, void *key)
{
	koi_wake_entries(wq, mode, 1, 0, key);
}

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
void __wake_up_locked_key_bookmark(struct wait_queue_head *wq, unsigned int mode, void *key, wait_queue_entry_t *bookmark)
{
	koi_wake_entries(wq, mode, 1, 0, key);
}
#endif

void __wake_up_sync_key(struct wait_queue_head *wq, unsigned int mode, void *key)
{
	if (wq)
		koi_wake_up(wq, mode, 1, 0x10, key);
}

void __wake_up_sync(struct wait_queue_head *wq, unsigned int mode)
{
	__wake_up_sync_key(wq, mode, NULL);
}

void __wake_up_locked_sync_key(struct wait_queue_head *wq, unsigned int mode, void *key)
{
	koi_wake_entries(wq, mode, 1, 0x10, key);
}

void __wake_up_on_current_cpu(struct wait_queue_head *wq, unsigned int mode, void *key)
{
	koi_wake_up(wq, mode, 1, 0, key);
}

/* ---- going to sleep ---- */
void prepare_to_wait(struct wait_queue_head *wq, struct wait_queue_entry *entry, int state)
{
	unsigned long irq;

	entry->flags &= ~WQ_FLAG_EXCLUSIVE;
	spin_lock_irqsave(&wq->lock, irq);
	koi_hb_sync(wq);
	if (list_empty(&entry->entry)) {
		koi_note_waiter(&wq->head, &entry->entry, 0);
		__add_wait_queue(wq, entry);
	}
	set_current_state(state);
	spin_unlock_irqrestore(&wq->lock, irq);
}

bool prepare_to_wait_exclusive(struct wait_queue_head *wq, struct wait_queue_entry *entry, int state)
{
	bool was_empty = false;
	unsigned long irq;

	entry->flags |= WQ_FLAG_EXCLUSIVE;
	spin_lock_irqsave(&wq->lock, irq);
	koi_hb_sync(wq);
	if (list_empty(&entry->entry)) {
		was_empty = list_empty(&wq->head);
		koi_note_waiter(&wq->head, &entry->entry, 0);
		__add_wait_queue_entry_tail(wq, entry);
	}
	set_current_state(state);
	spin_unlock_irqrestore(&wq->lock, irq);
	return was_empty;
}

void init_wait_entry(struct wait_queue_entry *entry, int flags)
{
	entry->flags = flags;
	entry->private = current;
	entry->func = autoremove_wake_function;
	INIT_LIST_HEAD(&entry->entry);
}

/* -ERESTARTSYS: a signal; then the entry is off the queue, so that it takes nobody's wake-up. */
long prepare_to_wait_event(struct wait_queue_head *wq, struct wait_queue_entry *entry, int state)
{
	unsigned long irq;
	long answer = 0;

	spin_lock_irqsave(&wq->lock, irq);
	koi_hb_sync(wq);
	if (signal_pending_state(state, current)) {
		list_del_init(&entry->entry);
		answer = -ERESTARTSYS;
	} else {
		if (list_empty(&entry->entry)) {
			koi_note_waiter(&wq->head, &entry->entry, 0);
			if (entry->flags & WQ_FLAG_EXCLUSIVE)
				__add_wait_queue_entry_tail(wq, entry);
			else
				__add_wait_queue(wq, entry);
		}
		set_current_state(state);
	}
	spin_unlock_irqrestore(&wq->lock, irq);
	return answer;
}

/* On the queue, if it is not there yet. True: a signal ends the wait. */
static bool koi_wait_intr_begin(struct wait_queue_head *wq, wait_queue_entry_t *entry)
{
	if (list_empty(&entry->entry)) {
		koi_note_waiter(&wq->head, &entry->entry, 0);
		__add_wait_queue_entry_tail(wq, entry);
	}
	set_current_state(TASK_INTERRUPTIBLE);
	return signal_pending(current);
}

int do_wait_intr(struct wait_queue_head *wq, wait_queue_entry_t *entry)
{
	if (koi_wait_intr_begin(wq, entry))
		return -ERESTARTSYS;
	spin_unlock(&wq->lock);
	schedule();
	spin_lock(&wq->lock);
	return 0;
}

int do_wait_intr_irq(struct wait_queue_head *wq, wait_queue_entry_t *entry)
{
	if (koi_wait_intr_begin(wq, entry))
		return -ERESTARTSYS;
	spin_unlock_irq(&wq->lock);
	schedule();
	spin_lock_irq(&wq->lock);
	return 0;
}

void finish_wait(struct wait_queue_head *wq, struct wait_queue_entry *entry)
{
	unsigned long irq;

	__set_current_state(TASK_RUNNING);
	if (list_empty_careful(&entry->entry))
		return;
	spin_lock_irqsave(&wq->lock, irq);
	koi_hb_sync(wq);
	list_del_init(&entry->entry);
	spin_unlock_irqrestore(&wq->lock, irq);
}

int autoremove_wake_function(struct wait_queue_entry *entry, unsigned int mode, int wake_flags, void *key)
{
	int woken = default_wake_function(entry, mode, wake_flags, key);

	if (woken)
		list_del_init_careful(&entry->entry);
	return woken;
}

long wait_woken(struct wait_queue_entry *entry, unsigned int mode, long timeout)
{
	set_current_state(mode);
	if (!(entry->flags & WQ_FLAG_WOKEN) && !((current->flags & PF_KTHREAD) && kthread_should_stop()))
		timeout = schedule_timeout(timeout);
	__set_current_state(TASK_RUNNING);
	smp_store_mb(entry->flags, entry->flags & ~WQ_FLAG_WOKEN);
	return timeout;
}

int woken_wake_function(struct wait_queue_entry *entry, unsigned int mode, int wake_flags, void *key)
{
	entry->flags |= WQ_FLAG_WOKEN;
	return default_wake_function(entry, mode, wake_flags, key);
}

/* ---- simple wait queues ---- */
void __init_swait_queue_head(struct swait_queue_head *q, const char *name, struct lock_class_key *key)
{
	raw_spin_lock_init(&q->lock);
	INIT_LIST_HEAD(&q->task_list);
}

static void koi_swake_first(struct swait_queue_head *q)
{
	struct swait_queue *first = list_first_entry_or_null(&q->task_list, struct swait_queue, task_list);

	if (!first)
		return;
	try_to_wake_up(first->task, TASK_NORMAL, 0);
	list_del_init(&first->task_list);
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
void swake_up_locked(struct swait_queue_head *q, int wake_flags)
#else
void swake_up_locked(struct swait_queue_head *q)
#endif
{
	koi_swake_first(q);
}

void swake_up_one(struct swait_queue_head *q)
{
	unsigned long irq;

	raw_spin_lock_irqsave(&q->lock, irq);
	koi_swake_first(q);
	raw_spin_unlock_irqrestore(&q->lock, irq);
}

static void koi_swake_all(struct swait_queue_head *q)
{
	while (!list_empty(&q->task_list))
		koi_swake_first(q);
}

void swake_up_all(struct swait_queue_head *q)
{
	raw_spin_lock_irq(&q->lock);
	koi_swake_all(q);
	raw_spin_unlock_irq(&q->lock);
}

static void koi_swait_add(struct swait_queue_head *q, struct swait_queue *wait)
{
	wait->task = current;
	if (list_empty(&wait->task_list)) {
		koi_note_waiter(&q->task_list, &wait->task_list, KOI_SIMPLE);
		list_add_tail(&wait->task_list, &q->task_list);
	}
}

void prepare_to_swait_exclusive(struct swait_queue_head *q, struct swait_queue *wait, int state)
{
	unsigned long irq;

	raw_spin_lock_irqsave(&q->lock, irq);
	koi_swait_add(q, wait);
	set_current_state(state);
	raw_spin_unlock_irqrestore(&q->lock, irq);
}

long prepare_to_swait_event(struct swait_queue_head *q, struct swait_queue *wait, int state)
{
	unsigned long irq;
	long answer = 0;

	raw_spin_lock_irqsave(&q->lock, irq);
	if (signal_pending_state(state, current)) {
		list_del_init(&wait->task_list);
		answer = -ERESTARTSYS;
	} else {
		koi_swait_add(q, wait);
		set_current_state(state);
	}
	raw_spin_unlock_irqrestore(&q->lock, irq);
	return answer;
}

void finish_swait(struct swait_queue_head *q, struct swait_queue *wait)
{
	unsigned long irq;

	__set_current_state(TASK_RUNNING);
	if (list_empty_careful(&wait->task_list))
		return;
	raw_spin_lock_irqsave(&q->lock, irq);
	list_del_init(&wait->task_list);
	raw_spin_unlock_irqrestore(&q->lock, irq);
}

/* ---- rcuwait ---- */
int rcuwait_wake_up(struct rcuwait *w)
{
	struct task_struct *t = READ_ONCE(w->task);

	return t ? wake_up_process(t) : 0;
}

void finish_rcuwait(struct rcuwait *w)
{
	rcu_assign_pointer(w->task, NULL);
	__set_current_state(TASK_RUNNING);
}
