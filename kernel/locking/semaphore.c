// SPDX-License-Identifier: GPL-2.0-only
/* Counting semaphores: up() hands the count to the longest waiting task. */

struct koi_semaphore_waiter {
	struct list_head list;
	struct task_struct *task;
	bool up;
};

static noinline int koi_down_wait(struct semaphore *sem, long state, long timeout)
{
	struct koi_semaphore_waiter waiter = { .task = current };

	list_add_tail(&waiter.list, &sem->wait_list);
	for (;;) {
		if (signal_pending_state(state, current) || timeout <= 0) {
			list_del(&waiter.list);
			return timeout <= 0 ? -ETIME : -EINTR;
		}
		__set_current_state(state);
		raw_spin_unlock_irq(&sem->lock);
		timeout = schedule_timeout(timeout);
		raw_spin_lock_irq(&sem->lock);
		if (waiter.up)
			return 0;
	}
}

static __always_inline int koi_down(struct semaphore *sem, long state, long timeout, int line)
{
	unsigned long flags;
	int answer = 0;

	koi_might_sleep("kernel/locking/semaphore.c", line);
	raw_spin_lock_irqsave(&sem->lock, flags);
	if (sem->count > 0)
		sem->count--;
	else
		answer = koi_down_wait(sem, state, timeout);
	raw_spin_unlock_irqrestore(&sem->lock, flags);
	if (!answer)
		koi_hb_acquire(sem);
	return answer;
}

noinline void down(struct semaphore *sem)
{
	koi_down(sem, TASK_UNINTERRUPTIBLE, MAX_SCHEDULE_TIMEOUT, 59);
}

noinline int down_interruptible(struct semaphore *sem)
{
	return koi_down(sem, TASK_INTERRUPTIBLE, MAX_SCHEDULE_TIMEOUT, 83);
}

noinline int down_killable(struct semaphore *sem)
{
	return koi_down(sem, TASK_KILLABLE, MAX_SCHEDULE_TIMEOUT, 110);
}

noinline int down_timeout(struct semaphore *sem, long timeout)
{
	return koi_down(sem, TASK_UNINTERRUPTIBLE, timeout, 165);
}

/* 0: got it. */
int down_trylock(struct semaphore *sem)
{
	unsigned long flags;
	int left;

	raw_spin_lock_irqsave(&sem->lock, flags);
	left = sem->count - 1;
	if (left >= 0)
		sem->count = left;
	raw_spin_unlock_irqrestore(&sem->lock, flags);
	if (left >= 0)
		koi_hb_acquire(sem);
	return left < 0;
}

void up(struct semaphore *sem)
{
	struct koi_semaphore_waiter *first;
	unsigned long flags;

	koi_hb_release(sem);
	raw_spin_lock_irqsave(&sem->lock, flags);
	first = list_first_entry_or_null(&sem->wait_list, struct koi_semaphore_waiter, list);
	if (first) {
		list_del(&first->list);
		first->up = true;
		wake_up_process(first->task);
	} else {
		sem->count++;
	}
	raw_spin_unlock_irqrestore(&sem->lock, flags);
}
