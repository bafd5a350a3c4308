// SPDX-License-Identifier: GPL-2.0-only
/*
 * The out-of-line part of refcount_t: the WARNs of the inlined operations, and the operations that take a lock when
 * the count drops to zero. A count that went wrong is pinned at REFCOUNT_SATURATED: it leaks rather than being used
 * after free.
 */
#include "lib.h"

#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>

bool refcount_dec_if_one(refcount_t *r) {
  int one = 1;

  koi_hb_atomic(&r->refs);
  return atomic_try_cmpxchg_release(&r->refs, &one, 0);
}

/* Decrements unless the count is one. false: it is one, and was left. */
bool refcount_dec_not_one(refcount_t *r) {
  unsigned int count = atomic_read(&r->refs);

  koi_hb_atomic(&r->refs);
  for (;;) {
    if (count == REFCOUNT_SATURATED) return true;
    if (count == 1) return false;
    if (count == 0) {
#line KOI_LINE(87, 87) "lib/refcount.c"
      WARN_ONCE(true, "refcount_t: underflow; use-after-free.\n");
      return true;
    }
    if (atomic_try_cmpxchg_release(&r->refs, (int *)&count, count - 1)) return true;
  }
}

/*
 * Drops a reference, the last one under a lock: `take` is done if the count is about to become zero and `give` if it did
 * not. The value: whether it was the last reference, and then the caller holds the lock, which the validator is told.
 */
#define REFCOUNT_LAST(r, lock, how, take, give)  \
  ({                                             \
    bool last_ = !refcount_dec_not_one(r);       \
                                                 \
    if (last_) {                                 \
      take;                                      \
      koi_lock_acquire(lock, how, _RET_IP_);     \
      koi_hb_lock(lock, false);                  \
      last_ = refcount_dec_and_test(r);          \
      if (!last_) {                              \
        koi_lock_release(lock, how, _RET_IP_);   \
        koi_hb_unlock(lock, false);              \
        give;                                    \
      }                                          \
    }                                            \
    last_;                                       \
  })

bool refcount_dec_and_mutex_lock(refcount_t *r, struct mutex *lock) {
  return REFCOUNT_LAST(r, lock, KOI_LOCK_MUTEX, mutex_lock(lock), mutex_unlock(lock));
}

bool refcount_dec_and_lock(refcount_t *r, spinlock_t *lock) {
  return REFCOUNT_LAST(r, lock, KOI_LOCK_SPIN, spin_lock(lock), spin_unlock(lock));
}

bool refcount_dec_and_lock_irqsave(refcount_t *r, spinlock_t *lock, unsigned long *flags) {
  return REFCOUNT_LAST(r, lock, KOI_LOCK_SPIN, spin_lock_irqsave(lock, *flags), spin_unlock_irqrestore(lock, *flags));
}

/*
 * Last, because each WARN carries the line that it has in the kernel's file. Each site warns once a boot, as
 * there.
 */
#define REFCOUNT_WARN_ONCE(text) WARN_ONCE(1, "refcount_t: " text ".\n")

void refcount_warn_saturate(refcount_t *r, enum refcount_saturation_type kind) {
  refcount_set(r, REFCOUNT_SATURATED);
  switch (kind) {
    case REFCOUNT_ADD_NOT_ZERO_OVF:
#line 19 "lib/refcount.c"
      REFCOUNT_WARN_ONCE("saturated; leaking memory");
      break;
    case REFCOUNT_ADD_OVF:
#line 22 "lib/refcount.c"
      REFCOUNT_WARN_ONCE("saturated; leaking memory");
      break;
    case REFCOUNT_ADD_UAF:
#line 25 "lib/refcount.c"
      REFCOUNT_WARN_ONCE("addition on 0; use-after-free");
      break;
    case REFCOUNT_SUB_UAF:
#line 28 "lib/refcount.c"
      REFCOUNT_WARN_ONCE("underflow; use-after-free");
      break;
    case REFCOUNT_DEC_LEAK:
#line 31 "lib/refcount.c"
      REFCOUNT_WARN_ONCE("decrement hit 0; leaking memory");
      break;
    default:
#line 34 "lib/refcount.c"
      REFCOUNT_WARN_ONCE("unknown saturation event!?");
  }
}
