// SPDX-License-Identifier: GPL-2.0-only
/*
 * The XArray's normal interface, xa_*() and __xa_*(): each call walks once, under the array's lock (the __ variants are
 * called with it held, and drop it when memory has to be waited for).
 */
#include "lib.h"

#include <linux/rcupdate.h>
#include <linux/xarray.h>

static void xarray_api_lock(struct xarray *xa, bool lock) {
  unsigned int kind = (__force unsigned int)xa->xa_flags & 3;

  if (kind == XA_LOCK_IRQ) {
    if (lock)
      xa_lock_irq(xa);
    else
      xa_unlock_irq(xa);
  } else if (kind == XA_LOCK_BH) {
    if (lock)
      xa_lock_bh(xa);
    else
      xa_unlock_bh(xa);
  } else if (lock) {
    xa_lock(xa);
  } else {
    xa_unlock(xa);
  }
}

/* xas_nomem() for callers that hold the lock: it is dropped around an allocation that may sleep. */
static bool xarray_api_retry(struct xa_state *xas, gfp_t gfp) {
  bool sleeps = xas->xa_node == XA_ERROR(-ENOMEM) && gfpflags_allow_blocking(gfp);
  bool again;

  if (sleeps) xarray_api_lock(xas->xa, false);
  again = xas_nomem(xas, gfp);
  if (sleeps) xarray_api_lock(xas->xa, true);
  return again;
}

/* What a store returns: the old entry or the error, zero entries being NULL to the outside. */
static void *xarray_api_result(struct xa_state *xas, void *old) {
  if (xas_error(xas)) return xas->xa_node;
  return xa_is_zero(old) ? NULL : old;
}

static bool xarray_api_tracks_free(const struct xarray *xa) { return xa->xa_flags & XA_FLAGS_TRACK_FREE; }

void *xa_load(struct xarray *xa, unsigned long index) {
  XA_STATE(xas, xa, index);
  void *entry;

  rcu_read_lock();
  do {
    entry = xas_load(&xas);
  } while (!xa_is_zero(entry) && xas_retry(&xas, entry));
  rcu_read_unlock();
  return xa_is_zero(entry) ? NULL : entry;
}

/* ---- storing ---- */

/*
 * Puts `entry` at the state's index, whatever is there or, with `wanted`, only instead of that. Returns what was there;
 * the state has the error. An index that is allocated from is no longer free with anything but NULL in it.
 */
static void *xarray_api_put(struct xa_state *xas, void *entry, void *const *wanted, gfp_t gfp) {
  bool takes_index = entry && xarray_api_tracks_free(xas->xa);
  void *found;

  do {
    if (wanted) {
      found = xas_load(xas);
      if (found != *wanted) {
        xas_destroy(xas);
        return found;
      }
    }
    found = xas_store(xas, entry);
    if (takes_index) xas_clear_mark(xas, XA_FREE_MARK);
  } while (xarray_api_retry(xas, gfp));
  return found;
}

void *__xa_erase(struct xarray *xa, unsigned long index) {
  XA_STATE(xas, xa, index);
  void *old = xas_store(&xas, NULL);

  return xarray_api_result(&xas, old);
}

void *xa_erase(struct xarray *xa, unsigned long index) {
  void *old;

  xa_lock(xa);
  old = __xa_erase(xa, index);
  xa_unlock(xa);
  return old;
}

void *__xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp) {
  XA_STATE(xas, xa, index);

#line KOI_LINE(1548, 1562) "lib/xarray.c"
  if (WARN_ON_ONCE(xa_is_advanced(entry))) return XA_ERROR(-EINVAL);
  /* NULL takes the index all the same. */
  if (!entry && xarray_api_tracks_free(xa)) entry = XA_ZERO_ENTRY;
  entry = xarray_api_put(&xas, entry, NULL, gfp);
  return xarray_api_result(&xas, entry);
}

void *xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp) {
  xa_lock(xa);
  entry = __xa_store(xa, index, entry, gfp);
  xa_unlock(xa);
  return entry;
}

void *__xa_cmpxchg(struct xarray *xa, unsigned long index, void *old, void *entry, gfp_t gfp) {
  XA_STATE(xas, xa, index);

#line KOI_LINE(1614, 1628) "lib/xarray.c"
  if (WARN_ON_ONCE(xa_is_advanced(entry))) return XA_ERROR(-EINVAL);
  entry = xarray_api_put(&xas, entry, &old, gfp);
  return xarray_api_result(&xas, entry);
}

int __xa_insert(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp) {
  XA_STATE(xas, xa, index);
  void *const nothing = NULL;

#line KOI_LINE(1651, 1665) "lib/xarray.c"
  if (WARN_ON_ONCE(xa_is_advanced(entry))) return -EINVAL;
  return xarray_api_put(&xas, entry ?: XA_ZERO_ENTRY, &nothing, gfp) ? -EBUSY : xas_error(&xas);
}

#ifdef CONFIG_XARRAY_MULTI
/* Of first..last, the largest aligned block that begins at first, as far as one node's slots can hold it. */
static void xarray_api_block(struct xa_state *xas, unsigned long first, unsigned long last) {
  unsigned int shift = 0;
  unsigned long slots = last - first;

  xas_set(xas, first);
  while (!(first & XA_CHUNK_MASK) && slots >= XA_CHUNK_MASK) {
    first >>= XA_CHUNK_SHIFT;
    slots = slots == ULONG_MAX ? slots >> XA_CHUNK_SHIFT : ((slots + 1) >> XA_CHUNK_SHIFT) - 1;
    shift += XA_CHUNK_SHIFT;
    if (shift + XA_CHUNK_SHIFT >= BITS_PER_LONG) break;
  }
  if ((first & XA_CHUNK_MASK) + slots > XA_CHUNK_MASK) slots = XA_CHUNK_MASK - (first & XA_CHUNK_MASK);
  xas->xa_shift = shift;
  xas->xa_sibs = slots;
}

void *xa_store_range(struct xarray *xa, unsigned long first, unsigned long last, void *entry, gfp_t gfp) {
  XA_STATE(xas, xa, 0);

#line KOI_LINE(1726, 1740) "lib/xarray.c"
  if (WARN_ON_ONCE(xa_is_internal(entry)) || last < first) return XA_ERROR(-EINVAL);
  do {
    xas_lock(&xas);
    for (;;) {
      unsigned long size;

      xarray_api_block(&xas, first, last);
      size = (xas.xa_sibs + 1UL) << xas.xa_shift;
      xas_store(&xas, entry);
      if (xas_error(&xas)) break;
      /* An erased range may have met nodes that are smaller: what the store kept of the block is what counts. */
      size = min(size, (xas.xa_sibs + 1UL) << xas.xa_shift);
      if (last - first < size) break;
      first += size;
    }
    xas_unlock(&xas);
  } while (xas_nomem(&xas, gfp));
  return xarray_api_result(&xas, NULL);
}
#endif

/* ---- allocating an index: the first slot with the free mark ---- */

int __xa_alloc(struct xarray *xa, u32 *id, void *entry, struct xa_limit limit, gfp_t gfp) {
  XA_STATE(xas, xa, 0);

#line KOI_LINE(1833, 1850) "lib/xarray.c"
  if (WARN_ON_ONCE(xa_is_advanced(entry))) return -EINVAL;
#line KOI_LINE(1835, 1852) "lib/xarray.c"
  if (WARN_ON_ONCE(!xarray_api_tracks_free(xa))) return -EINVAL;
  do {
    xas.xa_index = limit.min;
    xas_find_marked(&xas, limit.max, XA_FREE_MARK);
    if (xas.xa_node == XAS_RESTART) {
      xas_destroy(&xas);
      return -EBUSY;
    }
    *id = xas.xa_index;
    xas_store(&xas, entry ?: XA_ZERO_ENTRY);
    xas_clear_mark(&xas, XA_FREE_MARK);
  } while (xarray_api_retry(&xas, gfp));
  return xas_error(&xas);
}

/* From *next upwards, then from the start: 1 says that it went round. */
int __xa_alloc_cyclic(struct xarray *xa, u32 *id, void *entry, struct xa_limit limit, u32 *next, gfp_t gfp) {
  const struct xa_limit upper = {.min = max(limit.min, *next), .max = limit.max};
  bool round = false;
  int error = __xa_alloc(xa, id, entry, upper, gfp);

  if (error && upper.min > limit.min) {
    error = __xa_alloc(xa, id, entry, limit, gfp);
    round = true;
  } else if (!error) {
    round = xa->xa_flags & XA_FLAGS_ALLOC_WRAPPED; /* the last id was the largest of all */
    xa->xa_flags &= ~XA_FLAGS_ALLOC_WRAPPED;
  }
  if (error) return error;
  *next = *id + 1;
  if (!*next) xa->xa_flags |= XA_FLAGS_ALLOC_WRAPPED;
  return round;
}

/* ---- marks ---- */

void __xa_set_mark(struct xarray *xa, unsigned long index, xa_mark_t mark) {
  XA_STATE(xas, xa, index);

  if (xas_load(&xas)) xas_set_mark(&xas, mark);
}

void __xa_clear_mark(struct xarray *xa, unsigned long index, xa_mark_t mark) {
  XA_STATE(xas, xa, index);

  if (xas_load(&xas)) xas_clear_mark(&xas, mark);
}

void xa_set_mark(struct xarray *xa, unsigned long index, xa_mark_t mark) {
  xa_lock(xa);
  __xa_set_mark(xa, index, mark);
  xa_unlock(xa);
}

void xa_clear_mark(struct xarray *xa, unsigned long index, xa_mark_t mark) {
  xa_lock(xa);
  __xa_clear_mark(xa, index, mark);
  xa_unlock(xa);
}

bool xa_get_mark(struct xarray *xa, unsigned long index, xa_mark_t mark) {
  XA_STATE(xas, xa, index);
  bool set;

  rcu_read_lock();
  set = xas_load(&xas) && xas_get_mark(&xas, mark);
  rcu_read_unlock();
  return set;
}

/* ---- finding ---- */

static void *xarray_api_next(struct xa_state *xas, unsigned long max, xa_mark_t filter) {
  return (__force unsigned int)filter < XA_MAX_MARKS ? xas_find_marked(xas, max, filter) : xas_find(xas, max);
}

void *xa_find(struct xarray *xa, unsigned long *index, unsigned long max, xa_mark_t filter) {
  XA_STATE(xas, xa, *index);
  void *entry;

  rcu_read_lock();
  do entry = xarray_api_next(&xas, max, filter);
  while (xas_retry(&xas, entry));
  rcu_read_unlock();
  if (entry) *index = xas.xa_index;
  return entry;
}

/* The next entry behind the one that *index lies in. */
void *xa_find_after(struct xarray *xa, unsigned long *index, unsigned long max, xa_mark_t filter) {
  XA_STATE(xas, xa, *index + 1);
  void *entry;

  if (xas.xa_index == 0) return NULL;
  rcu_read_lock();
  for (;;) {
    entry = xarray_api_next(&xas, max, filter);
    if (xas_invalid(&xas)) break;
    /* Still the entry that began before us? A search for a mark has gone back to its beginning, one for any has not. */
    if (xas.xa_index <= *index) continue;
    if (xas.xa_node && (xas.xa_index & ((XA_CHUNK_SIZE << xas.xa_node->shift) - 1)) >
                           (unsigned long)xas.xa_offset << xas.xa_node->shift)
      continue;
    if (!xas_retry(&xas, entry)) break;
  }
  rcu_read_unlock();
  if (entry) *index = xas.xa_index;
  return entry;
}

unsigned int xa_extract(struct xarray *xa, void **dst, unsigned long start, unsigned long max, unsigned int n,
                        xa_mark_t filter) {
  XA_STATE(xas, xa, start);
  unsigned int count = 0;
  void *entry;

  if (!n) return 0;
  rcu_read_lock();
  while (count < n && (entry = xarray_api_next(&xas, max, filter)))
    if (!xas_retry(&xas, entry)) dst[count++] = entry;
  rcu_read_unlock();
  return count;
}

/* ---- the end of an array ---- */

/* Takes out a node that its user found to hold nothing of worth. The lock is held. */
void xa_delete_node(struct xa_node *node, xa_update_node_t update) {
  struct xa_state xas = {
      .xa = node->array,
      .xa_index = (unsigned long)node->offset << (node->shift + XA_CHUNK_SHIFT),
      .xa_shift = node->shift + XA_CHUNK_SHIFT,
      .xa_offset = node->offset,
      .xa_node = xa_parent_locked(node->array, node),
      .xa_update = update,
  };

  xas_store(&xas, NULL);
}

/* Forgets all entries and frees all nodes: one store of nothing over the largest range there is. */
void xa_destroy(struct xarray *xa) {
  struct xa_state xas = {.xa = xa, .xa_shift = BITS_PER_LONG, .xa_node = XAS_RESTART};
  unsigned long flags;

  xas_lock_irqsave(&xas, flags);
  xas_store(&xas, NULL);
  xas.xa_node = NULL;
  xas_init_marks(&xas);
  if (xa->xa_flags & XA_FLAGS_ZERO_BUSY) xa->xa_flags &= ~XA_FLAGS_MARK(XA_FREE_MARK);
  xas_unlock_irqrestore(&xas, flags);
}
