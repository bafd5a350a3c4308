// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reference counts that share a word with a spinlock (<linux/lockref.h>): while the lock is free both are changed by
 * one compare-and-exchange, otherwise under the lock. A negative count marks a dead object. Also the plain atomic
 * counters that take a lock when they reach zero.
 */
#include "lib.h"

#include <linux/atomic.h>
#include <linux/lockref.h>
#include <linux/spinlock.h>

/* What a change of the count found. */
enum lockref_outcome { LOCKREF_CHANGED, LOCKREF_REFUSED, LOCKREF_BUSY };

/* Adds `delta` while the lock is free, unless the old count is below `least`. */
static enum lockref_outcome lockref_add_unlocked(struct lockref *lockref, int delta, int least, int *new_count) {
#if USE_CMPXCHG_LOCKREF
  struct lockref old = {.lock_count = READ_ONCE(lockref->lock_count)};

  while (arch_spin_value_unlocked(old.lock.rlock.raw_lock)) {
    struct lockref new = old;
    u64 seen = old.lock_count;

    if (old.count < least) return LOCKREF_REFUSED;
    new.count += delta;
    *new_count = new.count;
    if (try_cmpxchg64_relaxed(&lockref->lock_count, &seen, new.lock_count)) return LOCKREF_CHANGED;
    old.lock_count = seen;
  }
#endif
  return LOCKREF_BUSY;
}

/* The same under the lock if need be. */
static bool lockref_add(struct lockref *lockref, int delta, int least) {
  int count;
  bool change;

  switch (lockref_add_unlocked(lockref, delta, least, &count)) {
    case LOCKREF_CHANGED:
      return true;
    case LOCKREF_REFUSED:
      return false;
    case LOCKREF_BUSY:
      break;
  }
  spin_lock(&lockref->lock);
  change = lockref->count >= least;
  if (change) lockref->count += delta;
  spin_unlock(&lockref->lock);
  return change;
}

/* The kernel's header changed these from int to bool in between; the register is the same. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0)
#define LOCKREF_BOOL bool
#else
#define LOCKREF_BOOL int
#endif

void lockref_get(struct lockref *lockref) { lockref_add(lockref, 1, INT_MIN); }
LOCKREF_BOOL lockref_get_not_zero(struct lockref *lockref) { return lockref_add(lockref, 1, 1); }
LOCKREF_BOOL lockref_get_not_dead(struct lockref *lockref) { return lockref_add(lockref, 1, 0); }
LOCKREF_BOOL lockref_put_not_zero(struct lockref *lockref) { return lockref_add(lockref, -1, 2); }

/* The new count, -1 if the lock was taken or the count not positive. */
int lockref_put_return(struct lockref *lockref) {
  int count;

  return lockref_add_unlocked(lockref, -1, 1, &count) == LOCKREF_CHANGED ? count : -1;
}

/* Decrements unless it would become zero; then it returns false with the lock held. */
LOCKREF_BOOL lockref_put_or_lock(struct lockref *lockref) {
  int count;
  bool change = lockref_add_unlocked(lockref, -1, 2, &count) == LOCKREF_CHANGED;

  if (change) return true;
  spin_lock(&lockref->lock);
  koi_lock_acquire(&lockref->lock, KOI_LOCK_SPIN, _RET_IP_);
  koi_hb_lock(&lockref->lock, false);
  change = lockref->count > 1;
  if (change) {
    lockref->count--;
    koi_lock_release(&lockref->lock, KOI_LOCK_SPIN, _RET_IP_);
    koi_hb_unlock(&lockref->lock, false);
    spin_unlock(&lockref->lock);
  }
  return change;
}

/* Under the lock. */
void lockref_mark_dead(struct lockref *lockref) {
  assert_spin_locked(&lockref->lock);
  lockref->count = -128;
}
