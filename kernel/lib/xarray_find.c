// SPDX-License-Identifier: GPL-2.0-only
/*
 * Walking through an XArray from a state: the next entry, the next marked one, neighbours, conflicts, and splitting and
 * measuring entries of several indices. The tree itself is in xarray.c.
 */
#include "lib.h"

#include <linux/rcupdate.h>
#include <linux/xarray.h>

/* What a search looks for: any entry, or a mark. */
#define XARRAY_FIND_ANY XA_PRESENT

static void *xarray_find_nothing(struct xa_state *xas) {
  xas->xa_node = XAS_BOUNDS;
  return NULL;
}

/* The state goes to a slot of its node, and the index with it. false: that is beyond the last index there is. */
static bool xarray_find_move_to(struct xa_state *xas, unsigned long offset) {
  unsigned int shift = xas->xa_node->shift;
  unsigned long base = xas->xa_index & (~XA_CHUNK_MASK << shift);

  xas->xa_offset = offset;
  xas->xa_index = base + (offset << shift);
  return xas->xa_index >= base && (offset << shift) >> shift == offset;
}

static bool xarray_find_accepts(const struct xa_state *xas, const void *entry, xa_mark_t what) {
  if (what == XARRAY_FIND_ANY) return entry && !xa_is_sibling(entry);
  /* A marked but empty slot is what a search for free slots wants; otherwise it is just being emptied. */
  return entry || (xas->xa->xa_flags & XA_FLAGS_TRACK_FREE && what == XA_FREE_MARK);
}

/* Leaves the place so that a later call goes on behind the current entry, even when the lock was dropped. */
void xas_pause(struct xa_state *xas) {
  struct xa_node *node = xas->xa_node;
  unsigned long end, first;

  if (xas_invalid(xas)) return;
  xas->xa_node = XAS_RESTART;
  if (!node) { /* behind the entry in the head */
    xas->xa_index++;
    return;
  }
  end = xas->xa_offset + 1UL;
  while (end < XA_CHUNK_SIZE && xa_is_sibling(xa_entry(xas->xa, node, end))) end++;
  first = xas->xa_index >> node->shift;
  xas->xa_index = (first + end - xas->xa_offset) << node->shift;
  if (!xas->xa_index) xas->xa_node = XAS_BOUNDS;
}

/* Goes on from the slot behind the current one. Leaves xa_node NULL when the tree is exhausted. */
static void *xarray_find_onward(struct xa_state *xas, unsigned long max, xa_mark_t what) {
  if (!xarray_find_move_to(xas, xas->xa_offset + 1UL)) return xarray_find_nothing(xas);
  while (xas->xa_node && xas->xa_index <= max) {
    struct xa_node *node = xas->xa_node;
    unsigned int next = xas->xa_offset;
    void *entry;

    if (next == XA_CHUNK_SIZE) { /* the index is that of the slot behind our parent's already */
      xas->xa_offset = node->offset + 1;
      xas->xa_node = xa_parent(xas->xa, node);
      continue;
    }
    if (what != XARRAY_FIND_ANY) {
      next = find_next_bit(node->marks[(__force unsigned int)what], XA_CHUNK_SIZE, next);
      if (next != xas->xa_offset) {
        if (!xarray_find_move_to(xas, next)) return xarray_find_nothing(xas);
        continue;
      }
    }
    entry = xa_entry(xas->xa, node, next);
    if (xa_is_node(entry)) {
      xas->xa_node = xa_to_node(entry);
      xas->xa_offset = 0;
      continue;
    }
    if (xarray_find_accepts(xas, entry, what)) return entry;
    if (!xarray_find_move_to(xas, next + 1UL)) return xarray_find_nothing(xas);
  }
  return NULL;
}

/* The next entry at or after the index; later calls go on from there. */
void *xas_find(struct xa_state *xas, unsigned long max) {
  void *entry;

  koi_hb_acquire(xas->xa);
  if (xas_error(xas) || xas->xa_node == XAS_BOUNDS) return NULL;
  if (xas->xa_index > max) return xarray_find_nothing(xas);
  if (!xas->xa_node) { /* the only entry, at 0, was the last result */
    xas->xa_index = 1;
    return xarray_find_nothing(xas);
  }
  if (xas->xa_node == XAS_RESTART) {
    entry = xas_load(xas);
    if (entry || xas_not_node(xas->xa_node)) return entry;
  } else if (!xas->xa_node->shift) {
    xas->xa_offset = xas->xa_index & XA_CHUNK_MASK; /* it may stand behind the first slot of a multi-index entry */
  }
  entry = xarray_find_onward(xas, max, XARRAY_FIND_ANY);
  if (!xas->xa_node) xas->xa_node = XAS_BOUNDS;
  return entry;
}

/*
 * The next marked entry. When there is none up to `max` the state is at XAS_RESTART if slots beyond `max` are left, at
 * XAS_BOUNDS, with the first index behind the tree, if not: allocating an index relies on the difference.
 */
void *xas_find_marked(struct xa_state *xas, unsigned long max, xa_mark_t mark) {
  void *entry = NULL;

  if (xas_error(xas)) return NULL;
  if (xas->xa_index > max) goto none;
  if (!xas->xa_node) {
    xas->xa_index = 1;
    goto none;
  }
  if (xas_top(xas->xa_node)) {
    xas_reset(xas);
    entry = xas_load(xas);
    if (xas_valid(xas) && xas_get_mark(xas, mark)) {
      struct xa_node *node = xas->xa_node;

      /* Inside an entry of several indices: its first one. */
      if (node && ((xas->xa_index >> node->shift) & XA_CHUNK_MASK) != xas->xa_offset)
        xas->xa_index = (xas->xa_index & (~XA_CHUNK_MASK << node->shift)) + ((unsigned long)xas->xa_offset << node->shift);
      if (!node || xarray_find_accepts(xas, entry, mark)) return entry;
    }
    if (xas_not_node(xas->xa_node)) {
      if (!xas->xa_node) xas->xa_index = 1;
      goto none;
    }
  }
  entry = xarray_find_onward(xas, max, mark);
  if (xas_is_node(xas) && xas->xa_index <= max) return entry;

none:
  xas->xa_node = xas->xa_index > max ? XAS_RESTART : XAS_BOUNDS;
  return NULL;
}

/* The state goes on to the next slot of its range, at its own level or below, and to what stands there. false: the range ends. */
static bool xarray_conflict_step(struct xa_state *xas, void **entry) {
  struct xa_node *node = xas->xa_node;

  /* Below the range's level a node that ends goes on in its parent. */
  while (node->shift != xas->xa_shift && xas->xa_offset == XA_CHUNK_MASK) {
    xas->xa_offset = node->offset;
    node = xas->xa_node = xa_parent_locked(xas->xa, node);
    if (!node) return false;
  }
  if (node->shift == xas->xa_shift && (xas->xa_offset & xas->xa_sibs) == xas->xa_sibs) return false;
  xas->xa_offset++;
  while (xa_is_node(*entry = xa_entry_locked(xas->xa, xas->xa_node, xas->xa_offset))) {
    xas->xa_node = xa_to_node(*entry);
    xas->xa_offset = 0;
  }
  return true;
}

/*
 * The entries that the state's range overlaps, one a call; NULL when there are no more, and then the state is where
 * the range's entry would be stored.
 */
void *xas_find_conflict(struct xa_state *xas) {
  void *entry;

  if (xas_error(xas) || !xas->xa_node) return NULL;
  if (xas_top(xas->xa_node)) {
    unsigned char shift = xas->xa_shift;

    xas_reset(xas);
    xas->xa_shift = 0; /* all the way down */
    entry = xas_load(xas);
    xas->xa_shift = shift;
    if (entry || xas_not_node(xas->xa_node)) return entry;
  }
  if (xas->xa_node->shift > xas->xa_shift) return NULL; /* an empty slot that is larger than the range */
  while (xarray_conflict_step(xas, &entry)) {
    if (entry && !xa_is_sibling(entry)) return entry;
  }
  xas->xa_offset -= xas->xa_sibs;
  return NULL;
}

/* ---- neighbours, for xas_next() and xas_prev(); an index may wrap at either end ---- */

static void *xarray_find_beside(struct xa_state *xas, int step) {
  void *entry;
  int offset;

  if (!xas_frozen(xas->xa_node)) xas->xa_index += step;
  if (!xas->xa_node) return xarray_find_nothing(xas);
  if (xas_not_node(xas->xa_node)) return xas_load(xas);

  offset = xas->xa_offset;
  if (offset != (int)((xas->xa_index >> xas->xa_node->shift) & XA_CHUNK_MASK)) offset += step;
  while (offset < 0 || offset == (int)XA_CHUNK_SIZE) {
    offset = xas->xa_node->offset + step;
    xas->xa_node = xa_parent(xas->xa, xas->xa_node);
    if (!xas->xa_node) return xarray_find_nothing(xas);
  }
  xas->xa_offset = offset;
  for (entry = xa_entry(xas->xa, xas->xa_node, offset); xa_is_node(entry);
       entry = xa_entry(xas->xa, xas->xa_node, xas->xa_offset)) {
    xas->xa_node = xa_to_node(entry);
    xas->xa_offset = (xas->xa_index >> xas->xa_node->shift) & XA_CHUNK_MASK;
  }
  return entry;
}

void *__xas_next(struct xa_state *xas) { return xarray_find_beside(xas, 1); }
void *__xas_prev(struct xa_state *xas) { return xarray_find_beside(xas, -1); }

/* ---- the order of the entry at the state: its slots double while siblings follow ---- */

int xas_get_order(struct xa_state *xas) {
  int order = 0;

  if (!xas->xa_node) return 0;
  while (xas->xa_offset + (1U << order) < XA_CHUNK_SIZE &&
         xa_is_sibling(xa_entry(xas->xa, xas->xa_node, xas->xa_offset + (1U << order))))
    order++;
  return order + xas->xa_node->shift;
}

int xa_get_order(struct xarray *xa, unsigned long index) {
  XA_STATE(xas, xa, index);
  int order = 0;

  rcu_read_lock();
  if (xas_load(&xas)) order = xas_get_order(&xas);
  rcu_read_unlock();
  return order;
}
