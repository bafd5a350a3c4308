// SPDX-License-Identifier: GPL-2.0-only
/*
 * Walking through an XArray from a state: the next entry, the next marked one, neighbours, conflicts, and measuring
 * entries of several indices. The tree itself is in xarray.c.
 *
 * A search looks at one node at a time: scan for a slot of interest, move the state's index there, and go up or down
 * accordingly. Between calls the state stands at the last entry found, or it is at XAS_RESTART with the index from
 * which a later call, with more room, goes on.
 */
#include "lib.h"

#include "xarray_node.h"

/* ---- searching ---- */

/* What a search is for: entries with a mark or, with XA_PRESENT in its place, any. */
struct xarray_search {
  struct xa_state *xas;
  unsigned long max;
  xa_mark_t mark;
};

enum xarray_outcome { XARRAY_FOUND, XARRAY_BEYOND_MAX, XARRAY_EXHAUSTED };

static bool xarray_wants_any(const struct xarray_search *search) { return search->mark == XA_PRESENT; }

/* The first slot from `slot` on that holds, or has below it, what is looked for; XA_CHUNK_SIZE if there is none. */
static unsigned int xarray_scan(const struct xarray_search *search, struct xa_node *node, unsigned int slot) {
  const void *entry;

  if (!xarray_wants_any(search))
    return find_next_bit(xarray_mark_bits(node, xarray_mark_number(search->mark)), XA_CHUNK_SIZE, slot);
  for (; slot < XA_CHUNK_SIZE; slot++) {
    entry = xa_entry(search->xas->xa, node, slot);
    if (entry && !xa_is_sibling(entry)) break;
  }
  return slot;
}

/* The index becomes the first one of a slot of the state's node, or the one behind it. false: there are no more. */
static bool xarray_aim(struct xa_state *xas, unsigned long slot) {
  unsigned int shift = xas->xa_node->shift;
  unsigned long base = xas->xa_index >> shift & ~(unsigned long)XA_CHUNK_MASK;

  xas->xa_index = (base + slot) << shift;
  return slot <= (ULONG_MAX >> shift) - base;
}

/* Goes on from a slot of the state's node. *found may be NULL where a search for free slots is over. */
static enum xarray_outcome xarray_search_from(const struct xarray_search *search, unsigned int slot, void **found) {
  struct xa_state *xas = search->xas;

  for (;;) {
    struct xa_node *node = xas->xa_node;
    void *entry;

    slot = xarray_scan(search, node, slot);
    if (!xarray_aim(xas, slot)) return XARRAY_EXHAUSTED;
    if (slot == XA_CHUNK_SIZE) {
      xas->xa_node = xa_parent(xas->xa, node);
      if (!xas->xa_node) return XARRAY_EXHAUSTED;
      slot = node->offset + 1;
      continue;
    }
    if (xas->xa_index > search->max) return XARRAY_BEYOND_MAX;
    entry = xarray_into(xas, node);
    if (xa_is_node(entry)) {
      xas->xa_node = xa_to_node(entry);
      slot = 0;
      continue;
    }
    /* Empty but marked: free, if the mark means that; else somebody is just emptying it. */
    if (entry || xarray_is_free_mark(xas->xa, xarray_mark_number(search->mark))) {
      *found = entry;
      return XARRAY_FOUND;
    }
    slot++;
  }
}

static void *xarray_not_found(struct xa_state *xas, enum xarray_outcome outcome) {
  xas->xa_node = outcome == XARRAY_BEYOND_MAX ? XAS_RESTART : XAS_BOUNDS;
  return NULL;
}

/* The next entry at or after the index; later calls go on from there. */
void *xas_find(struct xa_state *xas, unsigned long max) {
  const struct xarray_search search = {.xas = xas, .max = max, .mark = XA_PRESENT};
  enum xarray_outcome outcome;
  unsigned int slot;
  void *entry;

  koi_hb_acquire(xas->xa);
  if (xas->xa_node == XAS_BOUNDS || xas_error(xas)) return NULL;
  if (max < xas->xa_index) return xarray_not_found(xas, XARRAY_EXHAUSTED);
  if (xas->xa_node == XAS_RESTART) {
    entry = xas_load(xas);
    if (entry) return entry;
  } else if (!xas->xa_node) {
    xas->xa_index = 1; /* behind the entry in the head, which was the last result */
  }
  if (!xas_is_node(xas)) return xarray_not_found(xas, XARRAY_EXHAUSTED);
  slot = xas->xa_offset;
  /* At the lowest level the index may have been moved on within an entry of several indices. */
  if (!xas->xa_node->shift) slot = max_t(unsigned int, slot, xas->xa_index & XA_CHUNK_MASK);
  outcome = xarray_search_from(&search, slot + 1, &entry);
  if (outcome == XARRAY_FOUND) return entry;
  if (outcome == XARRAY_BEYOND_MAX) xas->xa_index = max + 1;
  return xarray_not_found(xas, outcome);
}

/*
 * The next marked entry. When there is none up to `max` the state is at XAS_RESTART if slots beyond `max` are left, at
 * XAS_BOUNDS, with the first index behind the tree, if not: allocating an index relies on the difference.
 */
void *xas_find_marked(struct xa_state *xas, unsigned long max, xa_mark_t mark) {
  const struct xarray_search search = {.xas = xas, .max = max, .mark = mark};
  enum xarray_outcome outcome = XARRAY_EXHAUSTED;
  void *entry;

  if (xas_error(xas)) return NULL;
  if (max < xas->xa_index) return xarray_not_found(xas, XARRAY_BEYOND_MAX);
  if (xas->xa_node && xas_top(xas->xa_node)) { /* a walk begins: the entry that the index lies in is the first candidate */
    xas_reset(xas);
    entry = xas_load(xas);
    if (xas_get_mark(xas, mark)) {
      struct xa_node *node = xas->xa_node;

      if (!node) return entry;
      if (xarray_slot_of(xas->xa_index, node) != xas->xa_offset) xarray_aim(xas, xas->xa_offset);
      if (entry || xarray_is_free_mark(xas->xa, xarray_mark_number(mark))) return entry;
    }
  }
  if (xas_is_node(xas)) {
    outcome = xarray_search_from(&search, xas->xa_offset + 1, &entry);
    if (outcome == XARRAY_FOUND) return entry;
  } else if (!xas->xa_node) {
    xas->xa_index = 1; /* there was only the entry in the head */
  }
  if (xas->xa_index > max) outcome = XARRAY_BEYOND_MAX;
  return xarray_not_found(xas, outcome);
}

/* Leaves the place so that a later call goes on behind the current entry, even when the lock was dropped. */
void xas_pause(struct xa_state *xas) {
  struct xarray_place behind = xarray_place_of(xas);
  bool more = true;

  if (xas_invalid(xas)) return;
  if (behind.node) {
    do behind.slot++;
    while (behind.slot < XA_CHUNK_SIZE && xa_is_sibling(xa_entry(xas->xa, behind.node, behind.slot)));
    more = xarray_aim(xas, behind.slot);
  } else {
    xas->xa_index++; /* the entry in the head */
  }
  xas->xa_node = more ? XAS_RESTART : XAS_BOUNDS;
}

/* ---- conflicts: the entries that the range of the state's order overlaps ---- */

/* From one place of the range to the next, which is at the range's own level or below. false: the range ends. */
static bool xarray_next_in_range(const struct xa_state *xas, struct xarray_place *at) {
  void *entry;

  /* The last slot of a node below the range's level: the next one is behind where that node hangs. */
  while (at->slot == XA_CHUNK_MASK && at->node->shift != xas->xa_shift) {
    xarray_up(at);
    if (!at->node) return false;
  }
  if (at->node->shift == xas->xa_shift && (at->slot & xas->xa_sibs) == xas->xa_sibs) return false;
  at->slot++;
  while (xa_is_node(entry = xarray_look(*at))) {
    at->node = xa_to_node(entry);
    at->slot = 0;
  }
  return true;
}

/*
 * The entries that the state's range overlaps, one a call; NULL when there are no more, and then the state is where
 * the range's entry would be stored.
 */
void *xas_find_conflict(struct xa_state *xas) {
  struct xarray_place at;
  void *entry = NULL;

  if (xas_error(xas) || !xas->xa_node) return NULL; /* an entry in the head was the only one */
  if (!xas_is_node(xas)) {
    struct xa_state deep = *xas; /* below the range's order too */

    deep.xa_shift = 0;
    xas_reset(&deep);
    entry = xas_load(&deep);
    xas->xa_node = deep.xa_node;
    xas->xa_offset = deep.xa_offset;
    if (!xas_is_node(xas)) return entry;
  }
  at = xarray_place_of(xas);
  while (!entry && at.node->shift <= xas->xa_shift && xarray_next_in_range(xas, &at)) {
    entry = xarray_look(at);
    if (xa_is_sibling(entry)) entry = NULL;
  }
  /* At the end of a range of slots the state goes back to its first one. */
  if (!entry && at.node && at.node->shift == xas->xa_shift) at.slot -= xas->xa_sibs;
  xas->xa_node = at.node;
  xas->xa_offset = at.slot;
  return entry;
}

/* ---- neighbours, for xas_next() and xas_prev(); an index wraps at either end ---- */

static void *xarray_beside(struct xa_state *xas, unsigned long step) {
  unsigned long before = xas->xa_index;
  struct xa_node *node = xas->xa_node;
  void *entry;

  if (xas_frozen(node)) return xas_load(xas); /* in error, or never walked: not moved either */
  xas->xa_index += step;
  /* Up to the node that has both; where none has, the walk begins anew. */
  while (!xas_top(node) && !xarray_same_node(node, before, xas->xa_index)) node = xa_parent(xas->xa, node);
  if (xas_top(node)) {
    xas_reset(xas);
    return xas_load(xas);
  }
  /* Sibling entries are the caller's to see: it counts slots. */
  do entry = xarray_into(xas, node);
  while (node->shift && xa_is_node(entry) && (node = xa_to_node(entry)));
  return entry;
}

void *__xas_next(struct xa_state *xas) { return xarray_beside(xas, 1); }
void *__xas_prev(struct xa_state *xas) { return xarray_beside(xas, -1UL); }

/* ---- the order of the entry at the state: its slots are a power of two, the siblings those behind the first ---- */

int xas_get_order(struct xa_state *xas) {
  struct xarray_place at = xarray_place_of(xas);
  unsigned int end = at.slot + 1;

  if (!at.node) return 0;
  while (end < XA_CHUNK_SIZE && xa_is_sibling(xa_entry(at.xa, at.node, end))) end++;
  return at.node->shift + ilog2(end - at.slot);
}

int xa_get_order(struct xarray *xa, unsigned long index) {
  XA_STATE(walk, xa, index);
  int order;

  rcu_read_lock();
  order = xas_load(&walk) ? xas_get_order(&walk) : 0;
  rcu_read_unlock();
  return order;
}
