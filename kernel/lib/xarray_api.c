// SPDX-License-Identifier: GPL-2.0-only
/*
 * The XArray's normal interface, xa_*() and __xa_*(): each call walks once, under the array's lock (the __ variants are
 * called with it held, and drop it when memory has to be waited for).
 */
#include "lib.h"

#include "xarray_node.h"

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
  bool listed = sleeps && koi_lock_is_listed(&xas->xa->xa_lock);
  bool again;

  if (listed) koi_lock_release(&xas->xa->xa_lock, KOI_LOCK_SPIN, _RET_IP_);
  if (sleeps) xarray_api_lock(xas->xa, false);
  again = xas_nomem(xas, gfp);
  if (sleeps) xarray_api_lock(xas->xa, true);
  if (listed) koi_lock_acquire(&xas->xa->xa_lock, KOI_LOCK_SPIN, _RET_IP_);
  return again;
}

/* What a store returns: the old entry or the error, zero entries being NULL to the outside. */
static void *xarray_api_result(struct xa_state *xas, void *old) {
  if (xas_error(xas)) return xas->xa_node;
  return xa_is_zero(old) ? NULL : old;
}

void *xa_load(struct xarray *xa, unsigned long index) {
  struct xa_state walk = __XA_STATE(xa, index, 0, 0);
  void *found;

  rcu_read_lock();
  for (;;) {
    found = xas_load(&walk);
    if (xa_is_zero(found)) found = NULL; /* a taken index, but nothing in it */
    if (!xas_retry(&walk, found)) break;
  }
  rcu_read_unlock();
  return found;
}

/* ---- storing ---- */

/*
 * Puts `entry` at the state's index, whatever is there or, with `wanted`, only instead of that. Returns what was there;
 * the state has the error. An index that is allocated from is no longer free with anything but NULL in it.
 */
static void *xarray_api_put(struct xa_state *xas, void *entry, void *const *wanted, gfp_t gfp) {
  bool takes_index = entry && xarray_has(xas->xa, XA_FLAGS_TRACK_FREE);
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
  struct xa_state at = __XA_STATE(xa, index, 0, 0);

  return xarray_api_result(&at, xas_store(&at, NULL));
}

void *xa_erase(struct xarray *xa, unsigned long index) {
  void *old;

  xa_lock(xa);
  old = __xa_erase(xa, index);
  xa_unlock(xa);
  return old;
}

void *__xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp) {
  struct xa_state at = __XA_STATE(xa, index, 0, 0);
  void *inside = entry;

#line KOI_LINE(1548, 1562) "lib/xarray.c"
  if (WARN_ON_ONCE(xa_is_advanced(entry))) return XA_ERROR(-EINVAL);
  /* NULL takes the index all the same. */
  if (!inside && xarray_has(xa, XA_FLAGS_TRACK_FREE)) inside = XA_ZERO_ENTRY;
  inside = xarray_api_put(&at, inside, NULL, gfp);
  return xarray_api_result(&at, inside);
}

void *xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp) {
  void *old;

  xa_lock(xa);
  old = __xa_store(xa, index, entry, gfp);
  xa_unlock(xa);
  return old;
}

void *__xa_cmpxchg(struct xarray *xa, unsigned long index, void *old, void *entry, gfp_t gfp) {
  struct xa_state at = __XA_STATE(xa, index, 0, 0);
  void *found;

#line KOI_LINE(1614, 1628) "lib/xarray.c"
  if (WARN_ON_ONCE(xa_is_advanced(entry))) return XA_ERROR(-EINVAL);
  found = xarray_api_put(&at, entry, &old, gfp);
  return xarray_api_result(&at, found);
}

int __xa_insert(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp) {
  struct xa_state at = __XA_STATE(xa, index, 0, 0);
  void *const nothing = NULL;

#line KOI_LINE(1651, 1665) "lib/xarray.c"
  if (WARN_ON_ONCE(xa_is_advanced(entry))) return -EINVAL;
  return xarray_api_put(&at, entry ?: XA_ZERO_ENTRY, &nothing, gfp) ? -EBUSY : xas_error(&at);
}

#ifdef CONFIG_XARRAY_MULTI
/* Of first..last, the largest aligned block that begins at first, as far as one node's slots can hold it. */
static void xarray_api_block(struct xa_state *xas, unsigned long first, unsigned long last) {
  unsigned int slot, more, shift = 0;

  /* One level up as long as the block is at least all of a node there. */
  while (shift + XA_CHUNK_SHIFT < BITS_PER_LONG) {
    unsigned long node = (XA_CHUNK_SIZE << shift) - 1;

    if (first & node || last - first < node) break;
    shift += XA_CHUNK_SHIFT;
  }
  /* The slots that the range fills behind the first one, as far as the node has them. */
  slot = first >> shift & XA_CHUNK_MASK;
  more = min_t(unsigned long, XA_CHUNK_MASK - slot, (last - first - ((1UL << shift) - 1)) >> shift);
  xas_set(xas, first);
  xas->xa_shift = shift;
  xas->xa_sibs = more;
}

void *xa_store_range(struct xarray *xa, unsigned long first, unsigned long last, void *entry, gfp_t gfp) {
  struct xa_state at = __XA_STATE(xa, first, 0, 0);
  bool done = false;

#line KOI_LINE(1726, 1740) "lib/xarray.c"
  if (WARN_ON_ONCE(xa_is_internal(entry)) || last < first) return XA_ERROR(-EINVAL);
  do {
    xas_lock(&at);
    while (!done) {
      unsigned long size;

      xarray_api_block(&at, first, last);
      size = (at.xa_sibs + 1UL) << at.xa_shift;
      xas_store(&at, entry);
      if (xas_error(&at)) break;
      /* An erased range may have met nodes that are smaller: what the store kept of the block is what counts. */
      size = min(size, (at.xa_sibs + 1UL) << at.xa_shift);
      done = last - first < size;
      first += size;
    }
    xas_unlock(&at);
  } while (xas_nomem(&at, gfp));
  return xarray_api_result(&at, NULL);
}
#endif

/* ---- allocating an index: the first slot with the free mark ---- */

int __xa_alloc(struct xarray *xa, u32 *id, void *entry, struct xa_limit limit, gfp_t gfp) {
  struct xa_state at = __XA_STATE(xa, limit.min, 0, 0);

#line KOI_LINE(1833, 1850) "lib/xarray.c"
  if (WARN_ON_ONCE(xa_is_advanced(entry))) return -EINVAL;
#line KOI_LINE(1835, 1852) "lib/xarray.c"
  if (WARN_ON_ONCE(!xarray_has(xa, XA_FLAGS_TRACK_FREE))) return -EINVAL;
  for (; xas_find_marked(&at, limit.max, XA_FREE_MARK), at.xa_node != XAS_RESTART; at.xa_index = limit.min) {
    *id = at.xa_index;
    xas_store(&at, entry ?: XA_ZERO_ENTRY);
    xas_clear_mark(&at, XA_FREE_MARK);
    if (!xarray_api_retry(&at, gfp)) return xas_error(&at);
  }
  xas_destroy(&at);
  return -EBUSY;
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

/* An index without an entry has no marks: nothing happens. */
static void xarray_api_mark(struct xarray *xa, unsigned long index, xa_mark_t mark, bool on) {
  struct xa_state at = __XA_STATE(xa, index, 0, 0);

  if (!xas_load(&at)) return;
  if (on)
    xas_set_mark(&at, mark);
  else
    xas_clear_mark(&at, mark);
}

static void xarray_api_mark_locked(struct xarray *xa, unsigned long index, xa_mark_t mark, bool on) {
  xa_lock(xa);
  xarray_api_mark(xa, index, mark, on);
  xa_unlock(xa);
}

void __xa_set_mark(struct xarray *xa, unsigned long index, xa_mark_t mark) { xarray_api_mark(xa, index, mark, true); }
void __xa_clear_mark(struct xarray *xa, unsigned long index, xa_mark_t mark) { xarray_api_mark(xa, index, mark, false); }
void xa_set_mark(struct xarray *xa, unsigned long index, xa_mark_t mark) { xarray_api_mark_locked(xa, index, mark, true); }
void xa_clear_mark(struct xarray *xa, unsigned long index, xa_mark_t mark) {
  xarray_api_mark_locked(xa, index, mark, false);
}

bool xa_get_mark(struct xarray *xa, unsigned long index, xa_mark_t mark) {
  struct xa_state at = __XA_STATE(xa, index, 0, 0);
  bool marked;

  rcu_read_lock();
  marked = xas_load(&at) ? xas_get_mark(&at, mark) : false;
  rcu_read_unlock();
  return marked;
}

/* ---- finding ---- */

/* From where the state is, with RCU held; what a writer is just moving is looked at again. */
static void *xarray_api_next(struct xa_state *xas, unsigned long max, xa_mark_t filter) {
  bool any = xarray_mark_number(filter) >= XA_MAX_MARKS;
  void *found;

  do found = any ? xas_find(xas, max) : xas_find_marked(xas, max, filter);
  while (xas_retry(xas, found));
  return found;
}

void *xa_find(struct xarray *xa, unsigned long *index, unsigned long max, xa_mark_t filter) {
  struct xa_state from = __XA_STATE(xa, *index, 0, 0);
  void *found;

  rcu_read_lock();
  found = xarray_api_next(&from, max, filter);
  rcu_read_unlock();
  if (found) *index = from.xa_index;
  return found;
}

/*
 * Whether the state's entry began at or before `index`: a search for a mark has gone back to its beginning then, one for
 * any entry has not, and the state's index is not the first one of its slot.
 */
static bool xarray_api_began_by(const struct xa_state *xas, unsigned long index) {
  const struct xa_node *node = xas->xa_node;

  if (xas->xa_index <= index || !node) return xas->xa_index <= index;
  return xarray_slot_of(xas->xa_index, node) > xas->xa_offset || xas->xa_index & ~(ULONG_MAX << node->shift);
}

/* The next entry behind the one that *index lies in. */
void *xa_find_after(struct xarray *xa, unsigned long *index, unsigned long max, xa_mark_t filter) {
  struct xa_state from = __XA_STATE(xa, *index + 1, 0, 0);
  void *found = NULL;

  if (*index == ULONG_MAX) return NULL;
  rcu_read_lock();
  do found = xarray_api_next(&from, max, filter);
  while (found && xarray_api_began_by(&from, *index));
  rcu_read_unlock();
  if (found) *index = from.xa_index;
  return found;
}

unsigned int xa_extract(struct xarray *xa, void **dst, unsigned long start, unsigned long max, unsigned int n,
                        xa_mark_t filter) {
  struct xa_state from = __XA_STATE(xa, start, 0, 0);
  unsigned int copied = 0;
  void *found;

  rcu_read_lock();
  for (; copied < n; dst[copied++] = found) {
    found = xarray_api_next(&from, max, filter);
    if (!found) break;
  }
  rcu_read_unlock();
  return copied;
}

/* ---- the end of an array ---- */

/* Takes out a node that its user found to hold nothing of worth. The lock is held. */
void xa_delete_node(struct xa_node *node, xa_update_node_t update) {
  struct xarray_place at = {.xa = node->array, .node = node};
  struct xa_state all = __XA_STATE(at.xa, 0, xarray_height(xa_mk_node(node)), 0);

  xarray_up(&at);
  all.xa_index = (unsigned long)at.slot << all.xa_shift;
  all.xa_node = at.node;
  all.xa_offset = at.slot;
  xas_set_update(&all, update);
  xas_store(&all, NULL);
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
