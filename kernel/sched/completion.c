// SPDX-License-Identifier: GPL-2.0-only
/* Completions: a counter and a simple wait queue; UINT_MAX means complete_all(). */

void complete(struct completion *x)
{
	unsigned long irq;

	koi_hb_release(x);
	raw_spin_lock_irqsave(&x->wait.lock, irq);
	if (x->done != UINT_MAX)
		x->done++;
	koi_swake_first(&x->wait);
	raw_spin_unlock_irqrestore(&x->wait.lock, irq);
}

void complete_on_current_cpu(struct completion *x)
{
	complete(x);
}

void complete_all(struct completion *x)
{
	unsigned long irq;

	koi_hb_release(x);
	raw_spin_lock_irqsave(&x->wait.lock, irq);
	x->done = UINT_MAX;
	koi_swake_all(&x->wait);
	raw_spin_unlock_irqrestore(&x->wait.lock, irq);
}

/* Jiffies left (at least 1) when completed, 0 at the end of the time, -ERESTARTSYS at a signal. */
static noinline long koi_complete_wait(struct completion *x, long timeout, int state)
{
	struct swait_queue wait = { .task = current, .task_list = LIST_HEAD_INIT(wait.task_list) };

	koi_might_sleep("kernel/sched/completion.c", KOI_LINE(101, 111));
	raw_spin_lock_irq(&x->wait.lock);
	while (!x->done && timeout) {
		if (signal_pending_state(state, current)) {
			timeout = -ERESTARTSYS;
			break;
		}
		koi_swait_add(&x->wait, &wait);
		__set_current_state(state);
		raw_spin_unlock_irq(&x->wait.lock);
		timeout = schedule_timeout(timeout);
		raw_spin_lock_irq(&x->wait.lock);
	}
	__set_current_state(TASK_RUNNING);
	list_del_init(&wait.task_list);
	if (x->done) {
		if (x->done != UINT_MAX)
			x->done--;
		timeout = timeout > 0 ? timeout : 1;
	}
	raw_spin_unlock_irq(&x->wait.lock);
	if (timeout > 0)
		koi_hb_acquire(x);
	return timeout;
}

noinline void wait_for_completion(struct completion *x)
{
	koi_complete_wait(x, MAX_SCHEDULE_TIMEOUT, TASK_UNINTERRUPTIBLE);
}

noinline unsigned long wait_for_completion_timeout(struct completion *x, unsigned long timeout)
{
	return koi_complete_wait(x, timeout, TASK_UNINTERRUPTIBLE);
}

noinline void wait_for_completion_io(struct completion *x)
{
	koi_complete_wait(x, MAX_SCHEDULE_TIMEOUT, TASK_UNINTERRUPTIBLE);
}

noinline unsigned long wait_for_completion_io_timeout(struct completion *x, unsigned long timeout)
{
	return koi_complete_wait(x, timeout, TASK_UNINTERRUPTIBLE);
}

static int koi_completion_answer(long left)
{
	return left == -ERESTARTSYS ? -ERESTARTSYS : 0;
}

noinline int wait_for_completion_interruptible(struct completion *x)
{
	return koi_completion_answer(koi_complete_wait(x, MAX_SCHEDULE_TIMEOUT, TASK_INTERRUPTIBLE));
}

noinline long wait_for_completion_interruptible_timeout(struct completion *x, unsigned long timeout)
{
	return koi_complete_wait(x, timeout, TASK_INTERRUPTIBLE);
}

noinline int wait_for_completion_killable(struct completion *x)
{
	return koi_completion_answer(koi_complete_wait(x, MAX_SCHEDULE_TIMEOUT, TASK_KILLABLE));
}

noinline long wait_for_completion_killable_timeout(struct completion *x, unsigned long timeout)
{
	return koi_complete_wait(x, timeout, TASK_KILLABLE);
}

noinline int wait_for_completion_state(struct completion *x, unsigned int state)
{
	return koi_completion_answer(koi_complete_wait(x, MAX_SCHEDULE_TIMEOUT, state));
}

bool try_wait_for_completion(struct completion *x)
{
	unsigned long irq;
	bool done;

	koi_charge();
	if (!READ_ONCE(x->done))
		return false;
	raw_spin_lock_irqsave(&x->wait.lock, irq);
	done = x->done != 0;
	if (done && x->done != UINT_MAX)
		x->done--;
	raw_spin_unlock_irqrestore(&x->wait.lock, irq);
	if (done)
		koi_hb_acquire(x);
	return done;
}

bool completion_done(struct completion *x)
{
	koi_charge();
	if (!READ_ONCE(x->done))
		return false;
	koi_hb_acquire(x);
	return true;
}
