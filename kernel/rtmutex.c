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

static bool koi_rt_try(struct rt_mutex *lock)
{
	koi_charge();
	return cmpxchg_acquire(&lock->rtmutex.owner, NULL, current) == NULL;
}

noinline int rt_mutex_trylock(struct rt_mutex *lock)
{
	if (!koi_rt_try(lock))
		return 0;
	koi_lock_acquire(lock, KOI_LOCK_RT | KOI_LOCK_TRY, _RET_IP_);
	return 1;
}

static __always_inline int koi_rt_lock(struct rt_mutex *lock, int state, unsigned long ip)
{
	int answer;

	koi_may_sleep("kernel/locking/rtmutex_api.c", 29, ip);
	might_sleep();
	koi_lock_acquire(lock, KOI_LOCK_RT, ip);
	answer = ___wait_var_event(&lock->rtmutex.owner, koi_rt_try(lock), state, 0, 0, schedule());
	if (answer)
		koi_lock_release(lock, KOI_LOCK_RT, ip);
	return answer;
}

noinline void rt_mutex_lock(struct rt_mutex *lock)
{
	koi_rt_lock(lock, TASK_UNINTERRUPTIBLE, _RET_IP_);
}

noinline int rt_mutex_lock_interruptible(struct rt_mutex *lock)
{
	return koi_rt_lock(lock, TASK_INTERRUPTIBLE, _RET_IP_);
}

noinline int rt_mutex_lock_killable(struct rt_mutex *lock)
{
	return koi_rt_lock(lock, TASK_KILLABLE, _RET_IP_);
}

noinline void rt_mutex_unlock(struct rt_mutex *lock)
{
	koi_lock_release(lock, KOI_LOCK_RT, _RET_IP_);
	smp_store_release(&lock->rtmutex.owner, NULL);
	wake_up_var(&lock->rtmutex.owner);
}
