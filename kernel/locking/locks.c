// SPDX-License-Identifier: GPL-2.0-only
/* Spinlocks and rwlocks on the real lock words. The slow paths give the other virtual CPUs a turn until the word is
 * free. Functions that succeed cost a little virtual time, so that a loop around them gets somewhere. */

void koi_queued_spin_lock_slowpath(struct qspinlock *lock, u32 val)
{
	while (atomic_read(&lock->val) != 0 || atomic_cmpxchg_acquire(&lock->val, 0, _Q_LOCKED_VAL) != 0)
		koi_spin_wait(lock);
}

/* Exported beside the pv_ops slot that leads there. */
void native_queued_spin_lock_slowpath(struct qspinlock *lock, u32 val)
{
	koi_queued_spin_lock_slowpath(lock, val);
}

void queued_read_lock_slowpath(struct qrwlock *lock)
{
	/* The fast path has counted this reader. */
	while (atomic_read(&lock->cnts) & _QW_LOCKED)
		koi_spin_wait(lock);
}

void queued_write_lock_slowpath(struct qrwlock *lock)
{
	while (atomic_read(&lock->cnts) != 0 || atomic_cmpxchg_acquire(&lock->cnts, 0, _QW_LOCKED) != 0)
		koi_spin_wait(lock);
}

/* ---- the plain lock and unlock functions of all three kinds ---- */
#define KOI_LOCK_FUNCTIONS(kind, type)						\
void _raw_##kind##_lock(type *lock)						\
{										\
	koi_charge();								\
	preempt_disable();							\
	do_raw_##kind##_lock(lock);						\
}										\
										\
void _raw_##kind##_unlock(type *lock)						\
{										\
	do_raw_##kind##_unlock(lock);						\
	preempt_enable();							\
	koi_charge();								\
}										\
										\
void _raw_##kind##_lock_irq(type *lock)						\
{										\
	local_irq_disable();							\
	preempt_disable();							\
	do_raw_##kind##_lock(lock);						\
}										\
										\
void _raw_##kind##_unlock_irq(type *lock)					\
{										\
	do_raw_##kind##_unlock(lock);						\
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
	do_raw_##kind##_lock(lock);						\
	return flags;								\
}										\
										\
void _raw_##kind##_unlock_irqrestore(type *lock, unsigned long flags)		\
{										\
	do_raw_##kind##_unlock(lock);						\
	local_irq_restore(flags);						\
	preempt_enable();							\
	koi_charge();								\
}										\
										\
void _raw_##kind##_lock_bh(type *lock)						\
{										\
	__local_bh_disable_ip(_RET_IP_, SOFTIRQ_LOCK_OFFSET);			\
	do_raw_##kind##_lock(lock);						\
}										\
										\
void _raw_##kind##_unlock_bh(type *lock)					\
{										\
	do_raw_##kind##_unlock(lock);						\
	__local_bh_enable_ip(_RET_IP_, SOFTIRQ_LOCK_OFFSET);			\
}										\
										\
int _raw_##kind##_trylock(type *lock)						\
{										\
	koi_charge();								\
	preempt_disable();							\
	if (do_raw_##kind##_trylock(lock))					\
		return 1;							\
	preempt_enable();							\
	return 0;								\
}

KOI_LOCK_FUNCTIONS(spin, raw_spinlock_t)
KOI_LOCK_FUNCTIONS(read, rwlock_t)
KOI_LOCK_FUNCTIONS(write, rwlock_t)

int _raw_spin_trylock_bh(raw_spinlock_t *lock)
{
	__local_bh_disable_ip(_RET_IP_, SOFTIRQ_LOCK_OFFSET);
	if (do_raw_spin_trylock(lock))
		return 1;
	__local_bh_enable_ip(_RET_IP_, SOFTIRQ_LOCK_OFFSET);
	return 0;
}

void _raw_write_lock_nested(rwlock_t *lock, int subclass)
{
	_raw_write_lock(lock);
}

int in_lock_functions(unsigned long addr)
{
	return 0;
}

/* ---- a count that takes a lock when it reaches zero ---- */
int _atomic_dec_and_lock(atomic_t *count, spinlock_t *lock)
{
	if (atomic_add_unless(count, -1, 1))
		return 0;
	spin_lock(lock);
	if (atomic_dec_and_test(count))
		return 1;
	spin_unlock(lock);
	return 0;
}

int _atomic_dec_and_lock_irqsave(atomic_t *count, spinlock_t *lock, unsigned long *flags)
{
	if (atomic_add_unless(count, -1, 1))
		return 0;
	spin_lock_irqsave(lock, *flags);
	if (atomic_dec_and_test(count))
		return 1;
	spin_unlock_irqrestore(lock, *flags);
	return 0;
}

int _atomic_dec_and_raw_lock(atomic_t *count, raw_spinlock_t *lock)
{
	if (atomic_add_unless(count, -1, 1))
		return 0;
	raw_spin_lock(lock);
	if (atomic_dec_and_test(count))
		return 1;
	raw_spin_unlock(lock);
	return 0;
}

int _atomic_dec_and_raw_lock_irqsave(atomic_t *count, raw_spinlock_t *lock, unsigned long *flags)
{
	if (atomic_add_unless(count, -1, 1))
		return 0;
	raw_spin_lock_irqsave(lock, *flags);
	if (atomic_dec_and_test(count))
		return 1;
	raw_spin_unlock_irqrestore(lock, *flags);
	return 0;
}
