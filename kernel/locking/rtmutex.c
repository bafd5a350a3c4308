// SPDX-License-Identifier: GPL-2.0-only
/* rt_mutex without a real-time kernel: the owner word decides, waiters share the table of wait_bit.c. No priority is
 * inherited. */

void __rt_mutex_init(struct rt_mutex *lock, const char *name, struct lock_class_key *key)
{
	rt_mutex_base_init(&lock->rtmutex);
}

void rt_mutex_base_init(struct rt_mutex_base *base)
{
	raw_spin_lock_init(&base->wait_lock);
	base->waiters = RB_ROOT_CACHED;
	base->owner = NULL;
}

int rt_mutex_trylock(struct rt_mutex *lock)
{
	koi_charge();
	return cmpxchg_acquire(&lock->rtmutex.owner, NULL, current) == NULL;
}

static int koi_rt_lock(struct rt_mutex *lock, int state)
{
	koi_might_sleep("kernel/locking/rtmutex_api.c", KOI_LINE(29, 29));
	return ___wait_var_event(&lock->rtmutex.owner, rt_mutex_trylock(lock), state, 0, 0, schedule());
}

void rt_mutex_lock(struct rt_mutex *lock)
{
	koi_rt_lock(lock, TASK_UNINTERRUPTIBLE);
}

int rt_mutex_lock_interruptible(struct rt_mutex *lock)
{
	return koi_rt_lock(lock, TASK_INTERRUPTIBLE);
}

int rt_mutex_lock_killable(struct rt_mutex *lock)
{
	return koi_rt_lock(lock, TASK_KILLABLE);
}

void rt_mutex_unlock(struct rt_mutex *lock)
{
	smp_store_release(&lock->rtmutex.owner, NULL);
	wake_up_var(&lock->rtmutex.owner);
}
