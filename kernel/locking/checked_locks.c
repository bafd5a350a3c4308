// SPDX-License-Identifier: GPL-2.0-only
/* The lock functions that modules link to: the core's own (own_locks.h), and what the lock validator wants to know. */
#undef _raw_spin_lock
#undef _raw_spin_lock_irq
#undef _raw_spin_lock_irqsave
#undef _raw_spin_lock_bh
#undef _raw_spin_trylock
#undef _raw_spin_trylock_bh
#undef _raw_spin_unlock
#undef _raw_spin_unlock_irq
#undef _raw_spin_unlock_irqrestore
#undef _raw_spin_unlock_bh
#undef _raw_read_lock
#undef _raw_read_lock_irq
#undef _raw_read_lock_irqsave
#undef _raw_read_lock_bh
#undef _raw_read_trylock
#undef _raw_read_unlock
#undef _raw_read_unlock_irq
#undef _raw_read_unlock_irqrestore
#undef _raw_read_unlock_bh
#undef _raw_write_lock
#undef _raw_write_lock_nested
#undef _raw_write_lock_irq
#undef _raw_write_lock_irqsave
#undef _raw_write_lock_bh
#undef _raw_write_trylock
#undef _raw_write_unlock
#undef _raw_write_unlock_irq
#undef _raw_write_unlock_irqrestore
#undef _raw_write_unlock_bh
#undef __mutex_init
#undef mutex_lock
#undef mutex_lock_io
#undef mutex_lock_interruptible
#undef mutex_lock_killable
#undef mutex_trylock
#undef mutex_unlock
#undef ww_mutex_lock
#undef ww_mutex_lock_interruptible
#undef ww_mutex_trylock
#undef ww_mutex_unlock
#undef atomic_dec_and_mutex_lock
#undef _atomic_dec_and_lock
#undef _atomic_dec_and_lock_irqsave
#undef _atomic_dec_and_raw_lock
#undef _atomic_dec_and_raw_lock_irqsave
#undef rt_mutex_lock
#undef rt_mutex_lock_interruptible
#undef rt_mutex_lock_killable
#undef rt_mutex_trylock
#undef rt_mutex_unlock
#undef __init_rwsem
#undef down_read
#undef down_read_interruptible
#undef down_read_killable
#undef down_read_trylock
#undef down_write
#undef down_write_killable
#undef down_write_trylock
#undef up_read
#undef up_write
#undef downgrade_write
#undef __rcu_read_lock
#undef __rcu_read_unlock
#undef __local_bh_enable_ip

/* How the validator sees them. A reader in an interrupt does not wait behind writers that wait. */
#define KOI_HOW_spin KOI_LOCK_SPIN
#define KOI_HOW_read (KOI_LOCK_RWLOCK | (in_interrupt() ? 2 : 1))
#define KOI_HOW_write KOI_LOCK_RWLOCK
/* Shared with others of its kind? */
#define KOI_HB_spin false
#define KOI_HB_read true
#define KOI_HB_write false

#define KOI_CHECKED_LOCKS(kind, type)						\
static __always_inline void koi_take_##kind(type *lock, unsigned long ip)	\
{										\
	u64 since;								\
										\
	if (likely(do_raw_##kind##_trylock(lock)))				\
		return;								\
	since = koi_clock()->now_ns;						\
	koi_lock_waits(lock, ip);						\
	do_raw_##kind##_lock(lock);						\
	koi_lock_contended(lock, since);					\
}										\
										\
void _raw_##kind##_lock(type *lock)						\
{										\
	koi_charge();								\
	preempt_disable();							\
	koi_lock_acquire(lock, KOI_HOW_##kind, _RET_IP_);			\
	koi_take_##kind(lock, _RET_IP_);					\
	koi_hb_lock(lock, KOI_HB_##kind);					\
}										\
										\
void _raw_##kind##_unlock(type *lock)						\
{										\
	koi_lock_release(lock, KOI_HOW_##kind, _RET_IP_);			\
	koi_hb_unlock(lock, KOI_HB_##kind);					\
	do_raw_##kind##_unlock(lock);						\
	preempt_enable();							\
	koi_charge();								\
}										\
										\
void _raw_##kind##_lock_irq(type *lock)						\
{										\
	local_irq_disable();							\
	preempt_disable();							\
	koi_lock_acquire(lock, KOI_HOW_##kind, _RET_IP_);			\
	koi_take_##kind(lock, _RET_IP_);					\
	koi_hb_lock(lock, KOI_HB_##kind);					\
}										\
										\
void _raw_##kind##_unlock_irq(type *lock)					\
{										\
	koi_lock_release(lock, KOI_HOW_##kind, _RET_IP_);			\
	koi_hb_unlock(lock, KOI_HB_##kind);					\
	do_raw_##kind##_unlock(lock);						\
	koi_lock_irqs_on();							\
	local_irq_enable();							\
	preempt_enable();							\
	koi_charge();								\
}										\
										\
unsigned long _raw_##kind##_lock_irqsave(type *lock)				\
{										\
	unsigned long flags;							\
										\
	local_irq_save(flags);							\
	preempt_disable();							\
	koi_lock_acquire(lock, KOI_HOW_##kind, _RET_IP_);			\
	koi_take_##kind(lock, _RET_IP_);					\
	koi_hb_lock(lock, KOI_HB_##kind);					\
	return flags;								\
}										\
										\
void _raw_##kind##_unlock_irqrestore(type *lock, unsigned long flags)		\
{										\
	koi_lock_release(lock, KOI_HOW_##kind, _RET_IP_);			\
	koi_hb_unlock(lock, KOI_HB_##kind);					\
	do_raw_##kind##_unlock(lock);						\
	if (flags & X86_EFLAGS_IF)						\
		koi_lock_irqs_on();						\
	local_irq_restore(flags);						\
	preempt_enable();							\
	koi_charge();								\
}										\
										\
void _raw_##kind##_lock_bh(type *lock)						\
{										\
	__local_bh_disable_ip(_RET_IP_, SOFTIRQ_LOCK_OFFSET);			\
	koi_lock_acquire(lock, KOI_HOW_##kind, _RET_IP_);			\
	koi_take_##kind(lock, _RET_IP_);					\
	koi_hb_lock(lock, KOI_HB_##kind);					\
}										\
										\
void _raw_##kind##_unlock_bh(type *lock)					\
{										\
	koi_lock_release(lock, KOI_HOW_##kind, _RET_IP_);			\
	koi_hb_unlock(lock, KOI_HB_##kind);					\
	do_raw_##kind##_unlock(lock);						\
	koi_lock_softirqs_on(SOFTIRQ_LOCK_OFFSET);				\
	koi_as___local_bh_enable_ip(_RET_IP_, SOFTIRQ_LOCK_OFFSET);		\
}										\
										\
int _raw_##kind##_trylock(type *lock)						\
{										\
	koi_charge();								\
	preempt_disable();							\
	if (do_raw_##kind##_trylock(lock)) {					\
		koi_lock_acquire(lock, KOI_HOW_##kind | KOI_LOCK_TRY, _RET_IP_); \
		koi_hb_lock(lock, KOI_HB_##kind);				\
		return 1;							\
	}									\
	preempt_enable();							\
	return 0;								\
}

KOI_CHECKED_LOCKS(spin, raw_spinlock_t)
KOI_CHECKED_LOCKS(read, rwlock_t)
KOI_CHECKED_LOCKS(write, rwlock_t)

int _raw_spin_trylock_bh(raw_spinlock_t *lock)
{
	if (!koi_as__raw_spin_trylock_bh(lock))
		return 0;
	koi_lock_acquire(lock, KOI_LOCK_SPIN | KOI_LOCK_TRY, _RET_IP_);
	koi_hb_lock(lock, false);
	return 1;
}

void _raw_write_lock_nested(rwlock_t *lock, int subclass)
{
	koi_charge();
	preempt_disable();
	koi_lock_acquire(lock, KOI_LOCK_RWLOCK, _RET_IP_);
	do_raw_write_lock(lock);
	koi_hb_lock(lock, false);
}

void __local_bh_enable_ip(unsigned long ip, unsigned int cnt)
{
	koi_lock_softirqs_on(cnt);
	koi_as___local_bh_enable_ip(ip, cnt);
}

/* A count that takes a lock when it reaches zero. */
#define KOI_CHECKED_DEC(name, type)						\
int name(atomic_t *count, type *lock)						\
{										\
	koi_hb_atomic(count);							\
	if (!koi_as_##name(count, lock))					\
		return 0;							\
	koi_lock_acquire(lock, KOI_LOCK_SPIN, _RET_IP_);			\
	koi_hb_lock(lock, false);						\
	return 1;								\
}										\
										\
int name##_irqsave(atomic_t *count, type *lock, unsigned long *flags)		\
{										\
	koi_hb_atomic(count);							\
	if (!koi_as_##name##_irqsave(count, lock, flags))			\
		return 0;							\
	koi_lock_acquire(lock, KOI_LOCK_SPIN, _RET_IP_);			\
	koi_hb_lock(lock, false);						\
	return 1;								\
}

KOI_CHECKED_DEC(_atomic_dec_and_lock, spinlock_t)
KOI_CHECKED_DEC(_atomic_dec_and_raw_lock, raw_spinlock_t)

/* ---- mutexes ---- */
void __mutex_init(struct mutex *lock, const char *name, struct lock_class_key *key)
{
	koi_as___mutex_init(lock, name, key);
	koi_lock_init(lock, sizeof(*lock), name, _RET_IP_);
}

static __always_inline int koi_checked_mutex_lock(struct mutex *lock, unsigned int state, unsigned long ip)
{
	u64 since;
	int answer;

	koi_might_sleep("kernel/locking/mutex.c", KOI_LINE(580, 586));
	might_sleep();
	if (unlikely(!lock->wait_list.next) && koi_lockdep.on)
		koi_lockdep_uninitialised();
	koi_charge();
	koi_lock_acquire(lock, KOI_LOCK_MUTEX, ip);
	if (likely(koi_mutex_try(lock))) {
		koi_hb_lock(lock, false);
		return 0;
	}
	since = koi_clock()->now_ns;
	koi_lock_waits(lock, ip);
	answer = koi_mutex_wait(lock, state, NULL);
	if (answer) {
		koi_lock_release(lock, KOI_LOCK_MUTEX, ip);
	} else {
		koi_lock_contended(lock, since);
		koi_hb_lock(lock, false);
	}
	return answer;
}

void mutex_lock(struct mutex *lock)
{
	koi_checked_mutex_lock(lock, TASK_UNINTERRUPTIBLE, _RET_IP_);
}

void mutex_lock_io(struct mutex *lock)
{
	koi_checked_mutex_lock(lock, TASK_UNINTERRUPTIBLE, _RET_IP_);
}

int mutex_lock_interruptible(struct mutex *lock)
{
	return koi_checked_mutex_lock(lock, TASK_INTERRUPTIBLE, _RET_IP_);
}

int mutex_lock_killable(struct mutex *lock)
{
	return koi_checked_mutex_lock(lock, TASK_KILLABLE, _RET_IP_);
}

int mutex_trylock(struct mutex *lock)
{
	if (!koi_as_mutex_trylock(lock))
		return 0;
	koi_lock_acquire(lock, KOI_LOCK_MUTEX | KOI_LOCK_TRY, _RET_IP_);
	koi_hb_lock(lock, false);
	return 1;
}

void mutex_unlock(struct mutex *lock)
{
	koi_lock_release(lock, KOI_LOCK_MUTEX, _RET_IP_);
	koi_hb_unlock(lock, false);
	koi_as_mutex_unlock(lock);
}

int atomic_dec_and_mutex_lock(atomic_t *count, struct mutex *lock)
{
	koi_hb_atomic(count);
	if (!koi_as_atomic_dec_and_mutex_lock(count, lock))
		return 0;
	koi_lock_acquire(lock, KOI_LOCK_MUTEX, _RET_IP_);
	koi_hb_lock(lock, false);
	return 1;
}

/* Locks of one context are taken in any order; the back-off keeps them from a deadlock. Without one they are mutexes. */
static __always_inline u32 koi_ww_how(struct ww_acquire_ctx *ctx)
{
	return ctx ? KOI_LOCK_MUTEX | KOI_LOCK_TRY : KOI_LOCK_MUTEX;
}

int ww_mutex_lock(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	int answer = koi_as_ww_mutex_lock(lock, ctx);

	if (!answer) {
		koi_lock_acquire(&lock->base, koi_ww_how(ctx), _RET_IP_);
		koi_hb_lock(lock, false);
	}
	return answer;
}

int ww_mutex_lock_interruptible(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	int answer = koi_as_ww_mutex_lock_interruptible(lock, ctx);

	if (!answer) {
		koi_lock_acquire(&lock->base, koi_ww_how(ctx), _RET_IP_);
		koi_hb_lock(lock, false);
	}
	return answer;
}

int ww_mutex_trylock(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	if (!koi_as_ww_mutex_trylock(lock, ctx))
		return 0;
	koi_lock_acquire(&lock->base, KOI_LOCK_MUTEX | KOI_LOCK_TRY, _RET_IP_);
	koi_hb_lock(lock, false);
	return 1;
}

void ww_mutex_unlock(struct ww_mutex *lock)
{
	koi_lock_release(&lock->base, KOI_LOCK_MUTEX, _RET_IP_);
	koi_hb_unlock(lock, false);
	koi_as_ww_mutex_unlock(lock);
}

/* ---- rt_mutexes ---- */
#define KOI_CHECKED_RT(name, type, result)					\
type name(struct rt_mutex *lock)						\
{										\
	int answer = 0;								\
										\
	koi_might_sleep("kernel/locking/rtmutex_api.c", 29);			\
	koi_lock_acquire(lock, KOI_LOCK_RT, _RET_IP_);				\
	result koi_as_##name(lock);						\
	if (answer)								\
		koi_lock_release(lock, KOI_LOCK_RT, _RET_IP_);			\
	else									\
		koi_hb_lock(lock, false);					\
	return (type)answer;							\
}

KOI_CHECKED_RT(rt_mutex_lock, void, )
KOI_CHECKED_RT(rt_mutex_lock_interruptible, int, answer =)
KOI_CHECKED_RT(rt_mutex_lock_killable, int, answer =)

int rt_mutex_trylock(struct rt_mutex *lock)
{
	if (!koi_as_rt_mutex_trylock(lock))
		return 0;
	koi_lock_acquire(lock, KOI_LOCK_RT | KOI_LOCK_TRY, _RET_IP_);
	koi_hb_lock(lock, false);
	return 1;
}

void rt_mutex_unlock(struct rt_mutex *lock)
{
	koi_lock_release(lock, KOI_LOCK_RT, _RET_IP_);
	koi_hb_unlock(lock, false);
	koi_as_rt_mutex_unlock(lock);
}

/* ---- semaphores for readers and writers ---- */
void __init_rwsem(struct rw_semaphore *sem, const char *name, struct lock_class_key *key)
{
	koi_as___init_rwsem(sem, name, key);
	koi_lock_init(sem, sizeof(*sem), name, _RET_IP_);
}

static __always_inline int koi_checked_rwsem(struct rw_semaphore *sem, bool writer, int state, int line, unsigned long ip)
{
	u32 how = KOI_LOCK_RWSEM | (writer ? 0 : 1);
	u64 since;
	int answer;

	koi_might_sleep("kernel/locking/rwsem.c", line);
	might_sleep();
	koi_charge();
	koi_lock_acquire(sem, how, ip);
	if (!(atomic_long_read(&sem->count) & KOI_RWSEM_WAITERS) && koi_rwsem_try(sem, writer)) {
		koi_hb_lock(sem, !writer);
		return 0;
	}
	since = koi_clock()->now_ns;
	koi_lock_waits(sem, ip);
	answer = koi_rwsem_wait(sem, writer, state);
	if (answer) {
		koi_lock_release(sem, how, ip);
	} else {
		koi_lock_contended(sem, since);
		koi_hb_lock(sem, !writer);
	}
	return answer;
}

void down_read(struct rw_semaphore *sem)
{
	koi_checked_rwsem(sem, false, TASK_UNINTERRUPTIBLE, KOI_LINE(1519, 1523), _RET_IP_);
}

int down_read_interruptible(struct rw_semaphore *sem)
{
	return koi_checked_rwsem(sem, false, TASK_INTERRUPTIBLE, KOI_LINE(1528, 1532), _RET_IP_);
}

int down_read_killable(struct rw_semaphore *sem)
{
	return koi_checked_rwsem(sem, false, TASK_KILLABLE, KOI_LINE(1542, 1546), _RET_IP_);
}

int down_read_trylock(struct rw_semaphore *sem)
{
	if (!koi_as_down_read_trylock(sem))
		return 0;
	koi_lock_acquire(sem, KOI_LOCK_RWSEM | KOI_LOCK_TRY | 1, _RET_IP_);
	koi_hb_lock(sem, true);
	return 1;
}

void down_write(struct rw_semaphore *sem)
{
	koi_checked_rwsem(sem, true, TASK_UNINTERRUPTIBLE, KOI_LINE(1572, 1576), _RET_IP_);
}

int down_write_killable(struct rw_semaphore *sem)
{
	return koi_checked_rwsem(sem, true, TASK_KILLABLE, KOI_LINE(1583, 1587), _RET_IP_);
}

int down_write_trylock(struct rw_semaphore *sem)
{
	if (!koi_as_down_write_trylock(sem))
		return 0;
	koi_lock_acquire(sem, KOI_LOCK_RWSEM | KOI_LOCK_TRY, _RET_IP_);
	koi_hb_lock(sem, false);
	return 1;
}

void up_read(struct rw_semaphore *sem)
{
	koi_lock_release(sem, KOI_LOCK_RWSEM | 1, _RET_IP_);
	koi_hb_unlock(sem, true);
	koi_as_up_read(sem);
}

void up_write(struct rw_semaphore *sem)
{
	koi_lock_release(sem, KOI_LOCK_RWSEM, _RET_IP_);
	koi_hb_unlock(sem, false);
	koi_as_up_write(sem);
}

/* Of a percpu-rwsem the writers only: a reader's way out is in the module, where nobody sees it. */
void percpu_down_write(struct percpu_rw_semaphore *sem)
{
	koi_might_sleep("kernel/locking/percpu-rwsem.c", KOI_LINE(226, 228));
	koi_lock_acquire(sem, KOI_LOCK_RWSEM, _RET_IP_);
	koi_percpu_down_write(sem);
}

void percpu_up_write(struct percpu_rw_semaphore *sem)
{
	koi_lock_release(sem, KOI_LOCK_RWSEM, _RET_IP_);
	koi_percpu_up_write(sem);
}

void downgrade_write(struct rw_semaphore *sem)
{
	koi_hb_unlock(sem, false);
	koi_as_downgrade_write(sem);
	if (koi_lockdep.on)
		koi_lockdep_downgrade(sem);
}

/* ---- RCU readers ---- */
void __rcu_read_lock(void)
{
	koi_as___rcu_read_lock();
	koi_lock_acquire(&koi_rcu_lock_map, KOI_LOCK_RCU | 2, _RET_IP_);
}

void __rcu_read_unlock(void)
{
	koi_as___rcu_read_unlock();
	if (koi_lockdep.on) {
#line KOI_LINE(431, 442) "kernel/rcu/tree_plugin.h"
		WARN_ON_ONCE(rcu_preempt_depth() < 0);
	}
	koi_lock_release(&koi_rcu_lock_map, KOI_LOCK_RCU | 2, _RET_IP_);
}
