// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mutexes: the owner word holds the owning task and three flags; waiters queue in the structure, first come first
 * served. A waiter that was woken and found the lock taken again gets it handed over at the next unlock.
 *
 * Deviation: nobody spins for an owner that runs on another CPU; the waiter sleeps at once.
 */
#define KOI_MUTEX_WAITERS 1UL
#define KOI_MUTEX_HANDOFF 2UL
#define KOI_MUTEX_PICKUP 4UL
#define KOI_MUTEX_FLAGS 7UL

struct koi_mutex_waiter {
	struct list_head list;
	struct task_struct *task;
	struct ww_acquire_ctx *ctx;
};

noinline void __mutex_init(struct mutex *lock, const char *name, struct lock_class_key *key)
{
	atomic_long_set(&lock->owner, 0);
	raw_spin_lock_init(&lock->wait_lock);
	INIT_LIST_HEAD(&lock->wait_list);
#ifdef CONFIG_MUTEX_SPIN_ON_OWNER
	osq_lock_init(&lock->osq);
#endif
	koi_lock_init(lock, sizeof(*lock), name, _RET_IP_);
}

static struct task_struct *koi_mutex_owner(struct mutex *lock)
{
	return (void *)(atomic_long_read(&lock->owner) & ~KOI_MUTEX_FLAGS);
}

bool mutex_is_locked(struct mutex *lock)
{
	koi_charge();
	return koi_mutex_owner(lock) != NULL;
}

static bool koi_mutex_try(struct mutex *lock)
{
	unsigned long word = atomic_long_read(&lock->owner);
	struct task_struct *owner = (void *)(word & ~KOI_MUTEX_FLAGS);

	if (owner) {
		if (owner != current || !(word & KOI_MUTEX_PICKUP))
			return false;
	}
	word &= KOI_MUTEX_WAITERS;
	atomic_long_set(&lock->owner, (unsigned long)current | word);
	return true;
}

static __always_inline int koi_mutex_trylock(struct mutex *lock, unsigned long ip)
{
	koi_charge();
	if (!koi_mutex_try(lock))
		return 0;
	koi_lock_acquire(lock, KOI_LOCK_MUTEX | KOI_LOCK_TRY, ip);
	return 1;
}

noinline int mutex_trylock(struct mutex *lock)
{
	return koi_mutex_trylock(lock, _RET_IP_);
}

/* -EALREADY, -EDEADLK: a ww_mutex's answer to what its context says. */
static int koi_ww_check(struct mutex *lock, struct ww_acquire_ctx *ctx);

static noinline int koi_mutex_wait(struct mutex *lock, unsigned int state, struct ww_acquire_ctx *ctx)
{
	struct koi_mutex_waiter waiter = { .task = current, .ctx = ctx };
	bool first = false;
	int answer = 0;

	raw_spin_lock(&lock->wait_lock);
	if (koi_mutex_try(lock)) {
		raw_spin_unlock(&lock->wait_lock);
		return 0;
	}
	list_add_tail(&waiter.list, &lock->wait_list);
	atomic_long_or(KOI_MUTEX_WAITERS, &lock->owner);
	for (;;) {
		set_current_state(state);
		if (koi_mutex_try(lock))
			break;
		if (signal_pending_state(state, current)) {
			answer = -EINTR;
			break;
		}
		if (ctx) {
			answer = koi_ww_check(lock, ctx);
			if (answer)
				break;
		}
		if (first)
			atomic_long_or(KOI_MUTEX_HANDOFF, &lock->owner);
		raw_spin_unlock(&lock->wait_lock);
		schedule();
		raw_spin_lock(&lock->wait_lock);
		first = list_first_entry(&lock->wait_list, struct koi_mutex_waiter, list) == &waiter;
	}
	__set_current_state(TASK_RUNNING);
	list_del(&waiter.list);
	if (list_empty(&lock->wait_list))
		atomic_long_andnot(KOI_MUTEX_WAITERS | KOI_MUTEX_HANDOFF, &lock->owner);
	raw_spin_unlock(&lock->wait_lock);
	return answer;
}

static __always_inline int koi_mutex_lock(struct mutex *lock, unsigned int state, struct ww_acquire_ctx *ctx,
					  unsigned long ip)
{
	u64 since;
	int answer;

	koi_may_sleep("kernel/locking/mutex.c", KOI_LINE(580, 586), ip);
	might_sleep();
	koi_charge();
	koi_lock_acquire(lock, KOI_LOCK_MUTEX, ip);
	if (likely(koi_mutex_try(lock)))
		return 0;
	since = koi_clock()->now_ns;
	answer = koi_mutex_wait(lock, state, ctx);
	if (answer)
		koi_lock_release(lock, KOI_LOCK_MUTEX, ip);
	else if (!koi_lock_of_core(ip))
		koi_lockdep_contended(lock, koi_clock()->now_ns - since);
	return answer;
}

noinline void mutex_lock(struct mutex *lock)
{
	koi_mutex_lock(lock, TASK_UNINTERRUPTIBLE, NULL, _RET_IP_);
}

noinline void mutex_lock_io(struct mutex *lock)
{
	koi_mutex_lock(lock, TASK_UNINTERRUPTIBLE, NULL, _RET_IP_);
}

noinline int mutex_lock_interruptible(struct mutex *lock)
{
	return koi_mutex_lock(lock, TASK_INTERRUPTIBLE, NULL, _RET_IP_);
}

noinline int mutex_lock_killable(struct mutex *lock)
{
	return koi_mutex_lock(lock, TASK_KILLABLE, NULL, _RET_IP_);
}

static noinline void koi_mutex_wake(struct mutex *lock)
{
	struct koi_mutex_waiter *first;
	unsigned long word;

	raw_spin_lock(&lock->wait_lock);
	word = atomic_long_read(&lock->owner);
	first = list_first_entry_or_null(&lock->wait_list, struct koi_mutex_waiter, list);
	if (word & KOI_MUTEX_HANDOFF && first)
		atomic_long_set(&lock->owner, (unsigned long)first->task | KOI_MUTEX_WAITERS | KOI_MUTEX_PICKUP);
	else
		atomic_long_set(&lock->owner, word & KOI_MUTEX_WAITERS);
	if (first)
		wake_up_process(first->task);
	raw_spin_unlock(&lock->wait_lock);
}

static __always_inline void koi_mutex_unlock(struct mutex *lock, unsigned long ip)
{
	koi_lock_release(lock, KOI_LOCK_MUTEX, ip);
	if (!(atomic_long_read(&lock->owner) & KOI_MUTEX_FLAGS))
		atomic_long_set(&lock->owner, 0);
	else
		koi_mutex_wake(lock);
	koi_charge();
}

noinline void mutex_unlock(struct mutex *lock)
{
	koi_mutex_unlock(lock, _RET_IP_);
}

noinline int atomic_dec_and_mutex_lock(atomic_t *count, struct mutex *lock)
{
	if (atomic_add_unless(count, -1, 1))
		return 0;
	koi_mutex_lock(lock, TASK_UNINTERRUPTIBLE, NULL, _RET_IP_);
	if (atomic_dec_and_test(count))
		return 1;
	koi_mutex_unlock(lock, _RET_IP_);
	return 0;
}

/* ---- ww_mutex: who is older waits, who is younger backs off (wait-die, and wound-wait decided by the same rule) ---- */
static int koi_ww_check(struct mutex *lock, struct ww_acquire_ctx *ctx)
{
	struct ww_mutex *ww = container_of(lock, struct ww_mutex, base);
	struct ww_acquire_ctx *held = READ_ONCE(ww->ctx);

	if (!held)
		return 0;
	if (held == ctx)
		return -EALREADY;
	return ctx->acquired > 0 && (long)(ctx->stamp - held->stamp) > 0 ? -EDEADLK : 0;
}

static __always_inline int koi_ww_lock(struct ww_mutex *lock, struct ww_acquire_ctx *ctx, unsigned int state,
				       unsigned long ip)
{
	int answer;

	might_sleep();
	if (ctx && READ_ONCE(lock->ctx) == ctx)
		return -EALREADY;
	answer = koi_mutex_lock(&lock->base, state, ctx, ip);
	if (!answer && ctx) {
		ctx->acquired++;
		WRITE_ONCE(lock->ctx, ctx);
	}
	return answer;
}

noinline int ww_mutex_lock(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	return koi_ww_lock(lock, ctx, TASK_UNINTERRUPTIBLE, _RET_IP_);
}

noinline int ww_mutex_lock_interruptible(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	return koi_ww_lock(lock, ctx, TASK_INTERRUPTIBLE, _RET_IP_);
}

noinline int ww_mutex_trylock(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	if (!koi_mutex_trylock(&lock->base, _RET_IP_))
		return 0;
	if (ctx) {
		ctx->acquired++;
		WRITE_ONCE(lock->ctx, ctx);
	}
	return 1;
}

noinline void ww_mutex_unlock(struct ww_mutex *lock)
{
	if (lock->ctx) {
		lock->ctx->acquired--;
		WRITE_ONCE(lock->ctx, NULL);
	}
	koi_mutex_unlock(&lock->base, _RET_IP_);
}

