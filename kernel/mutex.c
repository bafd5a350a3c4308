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

void __mutex_init(struct mutex *lock, const char *name, struct lock_class_key *key)
{
	atomic_long_set(&lock->owner, 0);
	raw_spin_lock_init(&lock->wait_lock);
	INIT_LIST_HEAD(&lock->wait_list);
#ifdef CONFIG_MUTEX_SPIN_ON_OWNER
	osq_lock_init(&lock->osq);
#endif
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

int mutex_trylock(struct mutex *lock)
{
	koi_charge();
	return koi_mutex_try(lock);
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

static int koi_mutex_lock(struct mutex *lock, unsigned int state, struct ww_acquire_ctx *ctx)
{
	might_sleep();
	koi_charge();
	return koi_mutex_try(lock) ? 0 : koi_mutex_wait(lock, state, ctx);
}

void mutex_lock(struct mutex *lock)
{
	koi_mutex_lock(lock, TASK_UNINTERRUPTIBLE, NULL);
}

void mutex_lock_io(struct mutex *lock)
{
	koi_mutex_lock(lock, TASK_UNINTERRUPTIBLE, NULL);
}

int mutex_lock_interruptible(struct mutex *lock)
{
	return koi_mutex_lock(lock, TASK_INTERRUPTIBLE, NULL);
}

int mutex_lock_killable(struct mutex *lock)
{
	return koi_mutex_lock(lock, TASK_KILLABLE, NULL);
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

void mutex_unlock(struct mutex *lock)
{
	if (!(atomic_long_read(&lock->owner) & KOI_MUTEX_FLAGS))
		atomic_long_set(&lock->owner, 0);
	else
		koi_mutex_wake(lock);
	koi_charge();
}

int atomic_dec_and_mutex_lock(atomic_t *count, struct mutex *lock)
{
	if (atomic_add_unless(count, -1, 1))
		return 0;
	mutex_lock(lock);
	if (atomic_dec_and_test(count))
		return 1;
	mutex_unlock(lock);
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

static int koi_ww_lock(struct ww_mutex *lock, struct ww_acquire_ctx *ctx, unsigned int state)
{
	int answer;

	might_sleep();
	if (ctx && READ_ONCE(lock->ctx) == ctx)
		return -EALREADY;
	answer = koi_mutex_lock(&lock->base, state, ctx);
	if (!answer && ctx) {
		ctx->acquired++;
		WRITE_ONCE(lock->ctx, ctx);
	}
	return answer;
}

int ww_mutex_lock(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	return koi_ww_lock(lock, ctx, TASK_UNINTERRUPTIBLE);
}

int ww_mutex_lock_interruptible(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	return koi_ww_lock(lock, ctx, TASK_INTERRUPTIBLE);
}

int ww_mutex_trylock(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	if (!mutex_trylock(&lock->base))
		return 0;
	if (ctx) {
		ctx->acquired++;
		WRITE_ONCE(lock->ctx, ctx);
	}
	return 1;
}

void ww_mutex_unlock(struct ww_mutex *lock)
{
	if (lock->ctx) {
		lock->ctx->acquired--;
		WRITE_ONCE(lock->ctx, NULL);
	}
	mutex_unlock(&lock->base);
}

