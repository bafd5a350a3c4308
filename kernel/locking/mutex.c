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

/* Of a ww_mutex, with its wait_lock held. -EDEADLK: the context has to back off. */
static int koi_ww_enqueue(struct mutex *lock, struct koi_mutex_waiter *waiter);
static int koi_ww_check(struct mutex *lock, struct koi_mutex_waiter *waiter);

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
	if (!ctx) {
		list_add_tail(&waiter.list, &lock->wait_list);
	} else {
		answer = koi_ww_enqueue(lock, &waiter);
		if (answer) {
			raw_spin_unlock(&lock->wait_lock);
			return answer;
		}
	}
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
			answer = koi_ww_check(lock, &waiter);
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
	koi_might_sleep("kernel/locking/mutex.c", KOI_LINE(580, 586));
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

/*
 * ---- ww_mutex ----
 *
 * A context that holds locks may wait for one in one direction only. Wait-die: it waits for younger ones, and backs off before an older
 * one. Wound-wait: it waits for older ones, and wounds a younger one, which backs off when it would wait itself. Contexts wait in the
 * order of their age, and the rule is looked at whenever a waiter or an owner is new, since either may change while somebody waits.
 */
static bool koi_ww_older(struct ww_acquire_ctx *a, struct ww_acquire_ctx *b)
{
	return (long)(a->stamp - b->stamp) < 0;
}

/* `waiting` wants what the owner holds. */
static void koi_ww_wound(struct mutex *lock, struct ww_acquire_ctx *waiting)
{
	struct ww_acquire_ctx *held = READ_ONCE(container_of(lock, struct ww_mutex, base)->ctx);
	struct task_struct *owner = koi_mutex_owner(lock);

	if (!held || !held->acquired || !koi_ww_older(waiting, held))
		return;
	WRITE_ONCE(held->wounded, 1);
	if (owner && owner != current)
		wake_up_process(owner);
}

static bool koi_ww_must_die(struct koi_mutex_waiter *waiter, struct ww_acquire_ctx *before)
{
	return waiter->ctx->is_wait_die && waiter->ctx->acquired && koi_ww_older(before, waiter->ctx);
}

static int koi_ww_enqueue(struct mutex *lock, struct koi_mutex_waiter *waiter)
{
	struct list_head *at = &lock->wait_list;
	struct koi_mutex_waiter *other;

	list_for_each_entry_reverse(other, &lock->wait_list, list) {
		if (!other->ctx)
			continue;
		if (koi_ww_older(other->ctx, waiter->ctx)) {
			if (koi_ww_must_die(waiter, other->ctx))
				return -EDEADLK;
			break;
		}
		at = &other->list;
		if (koi_ww_must_die(other, waiter->ctx))
			wake_up_process(other->task);
	}
	list_add_tail(&waiter->list, at);
	if (!waiter->ctx->is_wait_die)
		koi_ww_wound(lock, waiter->ctx);
	return 0;
}

static int koi_ww_check(struct mutex *lock, struct koi_mutex_waiter *waiter)
{
	struct ww_acquire_ctx *held = READ_ONCE(container_of(lock, struct ww_mutex, base)->ctx);
	struct koi_mutex_waiter *other = waiter;

	if (!waiter->ctx->acquired)
		return 0;
	if (!waiter->ctx->is_wait_die)
		return READ_ONCE(waiter->ctx->wounded) ? -EDEADLK : 0;
	if (held && koi_ww_must_die(waiter, held))
		return -EDEADLK;
	list_for_each_entry_continue_reverse(other, &lock->wait_list, list)
		if (other->ctx && koi_ww_must_die(waiter, other->ctx))
			return -EDEADLK;
	return 0;
}

/* The lock has an owner with a context: those who wait for it look again. */
static void koi_ww_owned(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	struct koi_mutex_waiter *other;

	ctx->acquired++;
	WRITE_ONCE(lock->ctx, ctx);
	if (!(atomic_long_read(&lock->base.owner) & KOI_MUTEX_WAITERS))
		return;
	raw_spin_lock(&lock->base.wait_lock);
	list_for_each_entry(other, &lock->base.wait_list, list) {
		if (!other->ctx)
			continue;
		if (!ctx->is_wait_die)
			koi_ww_wound(&lock->base, other->ctx);
		else if (koi_ww_must_die(other, ctx))
			wake_up_process(other->task);
	}
	raw_spin_unlock(&lock->base.wait_lock);
}

static int koi_ww_lock(struct ww_mutex *lock, struct ww_acquire_ctx *ctx, unsigned int state)
{
	int answer;

	koi_might_sleep("kernel/locking/mutex.c", KOI_LINE(580, 586));
	if (ctx && READ_ONCE(lock->ctx) == ctx)
		return -EALREADY;
	/* Who has let go of all that it held is no longer wounded. */
	if (ctx && !ctx->acquired)
		ctx->wounded = 0;
	answer = koi_mutex_lock(&lock->base, state, ctx);
	if (!answer && ctx)
		koi_ww_owned(lock, ctx);
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
		if (!ctx->acquired)
			ctx->wounded = 0;
		koi_ww_owned(lock, ctx);
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

