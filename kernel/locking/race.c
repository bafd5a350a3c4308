// SPDX-License-Identifier: GPL-2.0-only
/*
 * What orders accesses, told to the data-race detector (src/runtime/race_checks.h) once a module is loaded that was built
 * with --sanitize=thread. The core itself is not instrumented, and what its own locks order is not told: only what a
 * module can rely on.
 */
/* Written by C++. */
unsigned int koi_racing;

void koi_race_release(const void *object);
void koi_race_acquire(const void *object);
void koi_race_atomic(const void *word);
void koi_race_grace_period(void);

/* What the running context did happened before whatever acquires the object next. */
static __always_inline void koi_hb_release(const volatile void *object)
{
	if (unlikely(koi_racing))
		koi_race_release((const void *)object);
}

static __always_inline void koi_hb_acquire(const volatile void *object)
{
	if (unlikely(koi_racing))
		koi_race_acquire((const void *)object);
}

/* A lock was taken and given up. */
static __always_inline void koi_hb_sync(const volatile void *object)
{
	koi_hb_acquire(object);
	koi_hb_release(object);
}

/* Locks with readers: these are ordered with writers, not among themselves. */
static __always_inline void koi_hb_lock(const void *lock, bool shared)
{
	koi_hb_acquire(lock);
	if (!shared)
		koi_hb_acquire(lock + 1);
}

static __always_inline void koi_hb_unlock(const void *lock, bool shared)
{
	koi_hb_release(lock + shared);
}

/* A fully ordered atomic operation on a word that modules change with inlined ones, too. */
static __always_inline void koi_hb_atomic(const volatile void *word)
{
	if (unlikely(koi_racing))
		koi_race_atomic((const void *)word);
}

/* Every context has passed a quiescent state. */
static __always_inline void koi_hb_grace_period(void)
{
	if (unlikely(koi_racing))
		koi_race_grace_period();
}
