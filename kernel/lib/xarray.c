// SPDX-License-Identifier: GPL-2.0-only
/*
 * The XArray's advanced interface, xas_*() (<linux/xarray.h>, Documentation/core-api/xarray.rst): a tree of nodes of
 * 64 slots over the bits of the index, each slot with three marks.
 *
 *   head ─► node shift 6 ─► node shift 0 ─► entries       an entry at index 0 alone stands in the head itself
 *
 * An entry of order n occupies 2^n indices: at its first slot the entry, in the others of that node sibling entries
 * that name the first. Every operation is O(levels), plus the slots that a multi-index entry covers. Headers inline much
 * of the walking, so nodes and the state (struct xa_state) keep exactly the documented meaning.
 * The caller holds the lock for changes, and at least RCU for reads: freed nodes live until a grace period has passed.
 */
#include "lib.h"

#include <linux/rcupdate.h>
#include <linux/xarray.h>

/* Nodes are shared with radix trees and have their cache (radix_tree.c). */
extern struct kmem_cache *radix_tree_node_cachep;
void radix_tree_node_rcu_free(struct rcu_head *head);

static bool xarray_tracks_free(const struct xarray *xa) { return xa->xa_flags & XA_FLAGS_TRACK_FREE; }
static bool xarray_zero_busy(const struct xarray *xa) { return xa->xa_flags & XA_FLAGS_ZERO_BUSY; }

/* ---- marks of a node's slots and of the whole array ---- */

static unsigned long *xarray_marks(struct xa_node *node, xa_mark_t mark) { return node->marks[(__force unsigned int)mark]; }

static bool xarray_mark_get(struct xa_node *node, unsigned int slot, xa_mark_t mark) {
  return test_bit(slot, xarray_marks(node, mark));
}

static bool xarray_mark_any(struct xa_node *node, xa_mark_t mark) {
  return !bitmap_empty(xarray_marks(node, mark), XA_CHUNK_SIZE);
}

static void xarray_head_mark(struct xarray *xa, xa_mark_t mark, bool set) {
  if (set)
    xa->xa_flags |= XA_FLAGS_MARK(mark);
  else
    xa->xa_flags &= ~XA_FLAGS_MARK(mark);
}

#define xarray_each_mark(mark)                                                    \
  for ((mark) = XA_MARK_0; (__force unsigned int)(mark) <= (__force unsigned int)XA_MARK_MAX; \
       (mark) = (__force xa_mark_t)((__force unsigned int)(mark) + 1))

/* ---- geometry ---- */

static unsigned int xarray_slot_of(unsigned long index, const struct xa_node *node) {
  return (index >> node->shift) & XA_CHUNK_MASK;
}

/* The last index under what the head points to. */
static unsigned long xarray_head_max(const void *head) {
  return xa_is_node(head) ? (XA_CHUNK_SIZE << xa_to_node(head)->shift) - 1 : 0;
}

/* The last index that the operation's entry covers; above 0 when an entry of several indices begins at 0. */
static unsigned long xarray_last_of(const struct xa_state *xas) {
  unsigned long last = xas->xa_index;

  if (xas->xa_shift || xas->xa_sibs) {
    unsigned long mask = ((xas->xa_sibs + 1UL) << xas->xa_shift) - 1;

    last |= mask;
    if (mask == last) last++;
  }
  return last;
}

static void *xarray_out_of_bounds(struct xa_state *xas) {
  xas->xa_node = XAS_BOUNDS;
  return NULL;
}

/* ---- walking down ---- */

/* What a slot stands for: its own entry or, of a sibling, the entry of the slot that it names, which `*offset` becomes. */
static void *xarray_entry_of(struct xa_state *xas, struct xa_node *node, unsigned int *offset) {
  void *entry = xa_entry(xas->xa, node, *offset);

  if (!xa_is_sibling(entry)) return entry;
  *offset = xa_to_sibling(entry);
  entry = xarray_entry_of(xas, node, offset); /* one level: siblings name the first slot */
  /* A node where the entry of several slots was: that is being split, so look again. */
  return xa_is_node(entry) && node->shift ? XA_RETRY_ENTRY : entry;
}

/* Steps into the node, to the slot of the index; a sibling leads to the slot that has the entry. */
static void *xarray_step_down(struct xa_state *xas, struct xa_node *node) {
  unsigned int offset = xarray_slot_of(xas->xa_index, node);
  void *entry = xarray_entry_of(xas, node, &offset);

  xas->xa_node = node;
  xas->xa_offset = offset;
  return entry;
}

/* The head if the walk begins anew, else what the state points at. */
static void *xarray_begin(struct xa_state *xas) {
  void *entry;

  if (xas_valid(xas)) return xas_reload(xas);
  if (xas_error(xas)) return NULL;
  entry = xa_head(xas->xa);
  if (xas->xa_index > xarray_head_max(entry)) return xarray_out_of_bounds(xas);
  xas->xa_node = NULL;
  return entry;
}

void *xas_load(struct xa_state *xas) {
  void *entry = xarray_begin(xas);

  koi_hb_acquire(xas->xa);
  while (xa_is_node(entry)) {
    struct xa_node *node = xa_to_node(entry);

    if (xas->xa_shift > node->shift) break;
    entry = xarray_step_down(xas, node);
    if (node->shift == 0) break;
  }
  return entry;
}

/* ---- nodes ---- */

static gfp_t xarray_gfp(const struct xa_state *xas, gfp_t gfp) {
  return xas->xa->xa_flags & XA_FLAGS_ACCOUNT ? gfp | __GFP_ACCOUNT : gfp;
}

static struct xa_node *xarray_node_new(struct xa_state *xas, gfp_t gfp) {
#ifdef CONFIG_MEMCG_KMEM
  return kmem_cache_alloc_lru(radix_tree_node_cachep, xas->xa_lru, xarray_gfp(xas, gfp));
#else
  return kmem_cache_alloc(radix_tree_node_cachep, xarray_gfp(xas, gfp));
#endif
}

static void xarray_node_free(struct xa_node *node) {
  node->array = (struct xarray *)2; /* XA_RCU_FREE: lockless readers may still see it */
  call_rcu(&node->rcu_head, radix_tree_node_rcu_free);
}

static void xarray_updated(struct xa_state *xas, struct xa_node *node) {
  if (xas->xa_update) xas->xa_update(node);
}

/* Nodes that xas_nomem() or xas_split_alloc() set aside and nobody used; they are chained by their parents. */
void xas_destroy(struct xa_state *xas) {
  struct xa_node *node = xas->xa_alloc, *next;

  for (; node; node = next) {
    next = rcu_dereference_raw(node->parent);
    radix_tree_node_rcu_free(&node->rcu_head);
  }
  xas->xa_alloc = NULL;
}

/* After an operation failed with -ENOMEM: gets a node with the caller's flags. true: try again. */
bool xas_nomem(struct xa_state *xas, gfp_t gfp) {
  if (xas->xa_node != XA_ERROR(-ENOMEM)) {
    xas_destroy(xas);
    return false;
  }
  xas->xa_alloc = xarray_node_new(xas, gfp);
  if (!xas->xa_alloc) return false;
  xas->xa_alloc->parent = NULL;
  xas->xa_node = XAS_RESTART;
  return true;
}

/* A node below the slot that the state points at, with the shift of its slots. NULL: the state has -ENOMEM. */
static struct xa_node *xarray_node_below(struct xa_state *xas, unsigned int shift) {
  struct xa_node *parent = xas->xa_node, *node = xas->xa_alloc;

  if (xas_invalid(xas)) return NULL;
  if (node) {
    xas->xa_alloc = rcu_dereference_raw(node->parent);
  } else {
    node = xarray_node_new(xas, GFP_NOWAIT | __GFP_NOWARN);
    if (!node) {
      xas_set_err(xas, -ENOMEM);
      return NULL;
    }
  }
  if (parent) {
    node->offset = xas->xa_offset;
    parent->count++;
    xarray_updated(xas, parent);
  }
  node->shift = shift;
  node->count = 0;
  node->nr_values = 0;
  RCU_INIT_POINTER(node->parent, parent);
  node->array = xas->xa;
  return node;
}

/* ---- growing ---- */

/* A new top node above `head`, with the head's marks in its slot 0. */
static void xarray_put_on_top(struct xa_state *xas, struct xa_node *node, void *head) {
  struct xarray *xa = xas->xa;
  xa_mark_t mark;

  node->count = 1;
  node->nr_values = xa_is_value(head);
  RCU_INIT_POINTER(node->slots[0], head);
  xarray_each_mark(mark) {
    if (xarray_tracks_free(xa) && mark == XA_FREE_MARK) {
      bitmap_fill(xarray_marks(node, mark), XA_CHUNK_SIZE);
      if (!xa_marked(xa, mark)) __clear_bit(0, xarray_marks(node, mark));
      xarray_head_mark(xa, mark, true);
    } else if (xa_marked(xa, mark)) {
      __set_bit(0, xarray_marks(node, mark));
    }
  }
  if (xa_is_node(head)) {
    xa_to_node(head)->offset = 0;
    rcu_assign_pointer(xa_to_node(head)->parent, node);
  }
  rcu_assign_pointer(xa->xa_head, xa_mk_node(node));
  xarray_updated(xas, node);
}

/* Makes the tree tall enough. Returns the shift at which the walk down begins (0: the head is the slot), or -ENOMEM. */
static int xarray_grow(struct xa_state *xas, void *head) {
  unsigned long last = xarray_last_of(xas);
  unsigned int shift = 0;

  if (!head) {
    if (last == 0) return 0;
    while ((last >> shift) >= XA_CHUNK_SIZE) shift += XA_CHUNK_SHIFT;
    return shift + XA_CHUNK_SHIFT;
  }
  if (xa_is_node(head)) shift = xa_to_node(head)->shift + XA_CHUNK_SHIFT;
  xas->xa_node = NULL;
  while (last > xarray_head_max(head)) {
    struct xa_node *node = xarray_node_below(xas, shift);

    if (!node) return -ENOMEM;
    xarray_put_on_top(xas, node, head);
    head = xa_mk_node(node);
    shift += XA_CHUNK_SHIFT;
    xas->xa_node = NULL; /* the next one goes on top, not below */
  }
  return shift;
}

/*
 * Points the state at the slot for its entry and makes the nodes on the way. Returns what is in the slot. Without
 * `allow_root` index 0 gets a node too. On failure the state has the error.
 */
static void *xarray_make_slot(struct xa_state *xas, bool allow_root) {
  struct xarray *xa = xas->xa;
  struct xa_node *node = xas->xa_node;
  void __rcu **slot;
  void *entry;
  int shift;

  if (xas_top(node)) {
    entry = xa_head_locked(xa);
    xas->xa_node = NULL;
    if (!entry && xarray_zero_busy(xa)) entry = XA_ZERO_ENTRY;
    shift = xarray_grow(xas, entry);
    if (shift < 0) return NULL;
    if (!shift && !allow_root) shift = XA_CHUNK_SHIFT;
    entry = xa_head_locked(xa);
    slot = &xa->xa_head;
  } else if (xas_error(xas)) {
    return NULL;
  } else {
    shift = node->shift;
    entry = xa_entry_locked(xa, node, xas->xa_offset);
    slot = &node->slots[xas->xa_offset];
  }
  while (shift > xas->xa_shift) {
    shift -= XA_CHUNK_SHIFT;
    if (!entry) {
      node = xarray_node_below(xas, shift);
      if (!node) break;
      if (xarray_tracks_free(xa)) bitmap_fill(xarray_marks(node, XA_FREE_MARK), XA_CHUNK_SIZE);
      rcu_assign_pointer(*slot, xa_mk_node(node));
    } else if (xa_is_node(entry)) {
      node = xa_to_node(entry);
    } else {
      break; /* an entry that covers more than ours */
    }
    entry = xarray_step_down(xas, node);
    slot = &node->slots[xas->xa_offset];
  }
  return entry;
}

/*
 * Makes every node that storing single entries over the state's range needs, from the top of the range down, so that
 * the state ends at its beginning, ready for them. On failure it has the error and its range again.
 */
void xas_create_range(struct xa_state *xas) {
  unsigned long first = xas->xa_index, at = xarray_last_of(xas);
  unsigned char shift = xas->xa_shift, sibs = xas->xa_sibs;

  xas->xa_shift = 0;
  xas->xa_sibs = 0;
  for (;; at = (at & ~XA_CHUNK_MASK) - 1) {
    xas->xa_index = at > first ? at : first;
    xas_reset(xas);
    xarray_make_slot(xas, true);
    if (xas_error(xas)) {
      xas->xa_shift = shift;
      xas->xa_sibs = sibs;
      break;
    }
    if (at <= (first | XA_CHUNK_MASK)) break;
  }
  xas->xa_index = first;
  if (xas_is_node(xas)) xas->xa_offset = xarray_slot_of(first, xas->xa_node);
}

/* ---- shrinking ---- */

/* Takes top nodes off that hold nothing but slot 0. */
static void xarray_lower(struct xa_state *xas, struct xa_node *node) {
  struct xarray *xa = xas->xa;

  for (;;) {
    void *entry;

    if (node->count != 1) return;
    entry = xa_entry_locked(xa, node, 0);
    if (!entry || (!xa_is_node(entry) && node->shift)) return;
    if (xa_is_zero(entry) && xarray_zero_busy(xa)) entry = NULL;
    xas->xa_node = XAS_BOUNDS;
    RCU_INIT_POINTER(xa->xa_head, entry);
    if (xarray_tracks_free(xa) && !xarray_mark_get(node, 0, XA_FREE_MARK)) xarray_head_mark(xa, XA_FREE_MARK, false);
    node->count = 0;
    node->nr_values = 0;
    if (!xa_is_node(entry)) RCU_INIT_POINTER(node->slots[0], XA_RETRY_ENTRY);
    xarray_updated(xas, node);
    xarray_node_free(node);
    if (!xa_is_node(entry)) return;
    node = xa_to_node(entry);
    node->parent = NULL;
  }
}

/* The node may be empty: it and those above that become empty go. */
static void xarray_prune(struct xa_state *xas) {
  struct xa_node *node = xas->xa_node;

  while (!node->count) {
    struct xa_node *parent = xa_parent_locked(xas->xa, node);

    xas->xa_node = parent;
    xas->xa_offset = node->offset;
    xarray_node_free(node);
    if (!parent) {
      xas->xa->xa_head = NULL;
      xas->xa_node = XAS_BOUNDS;
      return;
    }
    RCU_INIT_POINTER(parent->slots[xas->xa_offset], NULL);
    parent->count--;
    node = parent;
    xarray_updated(xas, node);
  }
  if (!node->parent) xarray_lower(xas, node);
}

/* Lets readers who are in the node look again, slot by slot, up to one that has a node of its own: that is returned. */
static struct xa_node *xarray_retire_slots(struct xa_state *xas, struct xa_node *node, unsigned int from) {
  for (; from < XA_CHUNK_SIZE; from++) {
    void *entry = xa_entry_locked(xas->xa, node, from);

    if (xa_is_node(entry) && node->shift) return xa_to_node(entry);
    if (entry) RCU_INIT_POINTER(node->slots[from], XA_RETRY_ENTRY);
  }
  return NULL;
}

/* Frees a whole subtree that an entry replaces: children before parents, by its own depth, without recursion. */
static void xarray_free_below(struct xa_state *xas, struct xa_node *top) {
  struct xa_node *node = top, *child, *parent;
  unsigned int from = 0;

  while (node) {
    child = xarray_retire_slots(xas, node, from);
    if (child) {
      node = child;
      from = 0;
      continue;
    }
    from = node->offset + 1;
    parent = node == top ? NULL : xa_parent_locked(xas->xa, node);
    node->nr_values = 0;
    node->count = 0;
    xarray_updated(xas, node);
    xarray_node_free(node);
    node = parent;
  }
}

/* ---- storing ---- */

static void xarray_recount(struct xa_state *xas, struct xa_node *node, int count, int values) {
  if (!node || (!count && !values)) return;
  node->count += count;
  node->nr_values += values;
  xarray_updated(xas, node);
  if (count < 0) xarray_prune(xas);
}

/* A multi-index entry has its marks at its first slot: the siblings' move there. */
static void xarray_gather_marks(const struct xa_state *xas) {
  unsigned int first = xas->xa_offset, limit = first + xas->xa_sibs + 1;
  xa_mark_t mark;

  xarray_each_mark(mark) {
    unsigned long *marks = xarray_marks(xas->xa_node, mark);

    if (find_next_bit(marks, limit, first + 1) == limit) continue;
    __set_bit(first, marks);
    bitmap_clear(marks, first + 1, xas->xa_sibs);
  }
}

void *xas_store(struct xa_state *xas, void *entry) {
  bool root_allowed = !xa_is_node(entry) && !xa_is_zero(entry), value = xa_is_value(entry);
  void *old = entry ? xarray_make_slot(xas, root_allowed) : xas_load(xas);
  void __rcu **slot = &xas->xa->xa_head;
  struct xa_node *node;
  void *first, *next;
  unsigned int offset, last;
  int count = 0, values = 0;

  if (xas_invalid(xas)) return old;
  koi_hb_release(xas->xa);
  node = xas->xa_node;
  if (node && xas->xa_shift < node->shift) xas->xa_sibs = 0;
  if (old == entry && !xas->xa_sibs) return old;
  offset = xas->xa_offset;
  last = offset + xas->xa_sibs;
  if (node) {
    slot = &node->slots[offset];
    if (xas->xa_sibs) xarray_gather_marks(xas);
  }
  if (!entry) xas_init_marks(xas);

  /* first: the old entry whose slots we are in; next: what this slot holds, perhaps its sibling. */
  first = next = old;
  for (;;) {
    rcu_assign_pointer(*slot, entry);
    if (xa_is_node(next) && (!node || node->shift)) xarray_free_below(xas, xa_to_node(next));
    if (!node) break;
    count += !next - !entry;
    values += value - xa_is_value(first); /* siblings of a value count as values */
    if (entry) {
      if (offset == last) break;
      if (!xa_is_sibling(entry)) entry = xa_mk_sibling(xas->xa_offset);
    } else if (offset == XA_CHUNK_MASK) {
      break;
    }
    next = xa_entry_locked(xas->xa, node, ++offset);
    if (!xa_is_sibling(next)) {
      if (!entry && offset > last) break; /* erased to the end of the old entry */
      first = next;
    }
    slot++;
  }
  xarray_recount(xas, node, count, values);
  return old;
}

/* ---- marks ---- */

bool xas_get_mark(const struct xa_state *xas, xa_mark_t mark) {
  if (xas_invalid(xas)) return false;
  if (!xas->xa_node) return xa_marked(xas->xa, mark);
  return xarray_mark_get(xas->xa_node, xas->xa_offset, mark);
}

void xas_set_mark(const struct xa_state *xas, xa_mark_t mark) {
  struct xa_node *node = xas->xa_node;
  unsigned int offset = xas->xa_offset;

  if (xas_invalid(xas)) return;
  for (; node; node = xa_parent_locked(xas->xa, node)) {
    if (__test_and_set_bit(offset, xarray_marks(node, mark))) return;
    offset = node->offset;
  }
  if (!xa_marked(xas->xa, mark)) xarray_head_mark(xas->xa, mark, true);
}

void xas_clear_mark(const struct xa_state *xas, xa_mark_t mark) {
  struct xa_node *node = xas->xa_node;
  unsigned int offset = xas->xa_offset;

  if (xas_invalid(xas)) return;
  for (; node; node = xa_parent_locked(xas->xa, node)) {
    if (!__test_and_clear_bit(offset, xarray_marks(node, mark))) return;
    if (xarray_mark_any(node, mark)) return;
    offset = node->offset;
  }
  if (xa_marked(xas->xa, mark)) xarray_head_mark(xas->xa, mark, false);
}

/* As for an entry that was never stored: no marks, but free where that is tracked. */
void xas_init_marks(const struct xa_state *xas) {
  xa_mark_t mark;

  xarray_each_mark(mark) {
    if (xarray_tracks_free(xas->xa) && mark == XA_FREE_MARK)
      xas_set_mark(xas, mark);
    else
      xas_clear_mark(xas, mark);
  }
}
