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

#include "xarray_node.h"

/* Nodes are shared with radix trees and have their cache (radix_tree.c). */
extern struct kmem_cache *radix_tree_node_cachep;
void radix_tree_node_rcu_free(struct rcu_head *head);

/* ---- loading ---- */

/* The entry at which a walk goes on: where the state stands, or the head if it stands nowhere yet. */
static void *xarray_enter(struct xa_state *xas) {
  void *head;

  if (!xas_invalid(xas)) return xas_reload(xas);
  if (xas_error(xas)) return NULL;
  head = xa_head(xas->xa);
  if (xarray_height_for(xas->xa_index) > xarray_height(head)) {
    xas->xa_node = XAS_BOUNDS;
    return NULL;
  }
  xas->xa_node = NULL;
  return head;
}

/* Nodes whose slots are smaller than the state's order are not entered: they are what an entry of that order replaces. */
void *xas_load(struct xa_state *xas) {
  void *entry = xarray_enter(xas);
  unsigned int level = BITS_PER_LONG;

  koi_hb_acquire(xas->xa);
  /* Behind the lowest level even something that looks like a node is an entry. */
  while (level && xa_is_node(entry) && (level = xa_to_node(entry)->shift) >= xas->xa_shift)
    entry = xarray_into_entry(xas, xa_to_node(entry));
  return entry;
}

/* ---- marks: a slot above the lowest level has those that any slot below it has ---- */

static void xarray_mark_path(struct xarray_place at, unsigned int mark, bool on) {
  do {
    if (xarray_marked(at, mark) == on) return; /* and so it is from here up */
    xarray_put_mark(at, mark, on);
  } while ((on || !at.node || bitmap_empty(xarray_mark_bits(at.node, mark), XA_CHUNK_SIZE)) && xarray_up(&at));
}

bool xas_get_mark(const struct xa_state *xas, xa_mark_t mark) {
  return !xas_invalid(xas) && xarray_marked(xarray_place_of(xas), xarray_mark_number(mark));
}

void xas_set_mark(const struct xa_state *xas, xa_mark_t mark) {
  if (!xas_invalid(xas)) xarray_mark_path(xarray_place_of(xas), xarray_mark_number(mark), true);
}

void xas_clear_mark(const struct xa_state *xas, xa_mark_t mark) {
  if (!xas_invalid(xas)) xarray_mark_path(xarray_place_of(xas), xarray_mark_number(mark), false);
}

/* As for an entry that was never stored: no marks, but free where that is tracked. */
void xas_init_marks(const struct xa_state *xas) {
  unsigned int mark;

  if (xas_invalid(xas)) return;
  for (mark = 0; mark < XA_MAX_MARKS; mark++)
    xarray_mark_path(xarray_place_of(xas), mark, xarray_is_free_mark(xas->xa, mark));
}

/* A multi-index entry has its marks at its first slot: what the slots that it takes had comes there. */
static void xarray_gather_marks(struct xarray_place at, unsigned int siblings) {
  unsigned int mark, end = at.slot + 1 + siblings;

  for (mark = 0; mark < XA_MAX_MARKS; mark++) {
    unsigned long *bits = xarray_mark_bits(at.node, mark);

    if (find_next_bit(bits, end, at.slot) >= end) continue;
    xarray_put_mark(at, mark, true);
    bitmap_clear(bits, at.slot + 1, siblings);
  }
}

/* ---- the memory of nodes ---- */

static struct xa_node *xarray_node_alloc(struct xa_state *xas, gfp_t gfp) {
  if (xarray_has(xas->xa, XA_FLAGS_ACCOUNT)) gfp |= __GFP_ACCOUNT;
#ifdef CONFIG_MEMCG_KMEM
  return kmem_cache_alloc_lru(radix_tree_node_cachep, xas->xa_lru, gfp);
#else
  return kmem_cache_alloc(radix_tree_node_cachep, gfp);
#endif
}

/* Lockless readers may still be in it; the mark in `array` is what the header calls XA_RCU_FREE. */
static void xarray_node_free(struct xa_node *node) {
  node->array = (struct xarray *)2;
  call_rcu(&node->rcu_head, radix_tree_node_rcu_free);
}

/* The state's owner hears of every node whose counts change. */
static void xarray_count(struct xa_state *xas, struct xa_node *node, int entries, int values) {
  node->count += entries;
  node->nr_values += values;
  if (xas->xa_update) xas->xa_update(node);
}

/* Nodes are set aside in a chain of parents. */
static struct xa_node *xarray_spare(struct xa_state *xas) {
  struct xa_node *spare = xas->xa_alloc;

  if (spare) xas->xa_alloc = rcu_dereference_raw(spare->parent);
  return spare;
}

/* Gives back what xas_nomem() or xas_split_alloc() set aside and nobody used. */
void xas_destroy(struct xa_state *xas) {
  struct xa_node *unused;

  while ((unused = xarray_spare(xas))) radix_tree_node_rcu_free(&unused->rcu_head);
}

/* After an operation failed with -ENOMEM: gets a node with the caller's flags. true: try again. */
bool xas_nomem(struct xa_state *xas, gfp_t gfp) {
  struct xa_node *spare;

  if (xas_error(xas) == -ENOMEM) {
    spare = xarray_node_alloc(xas, gfp);
    xas->xa_alloc = spare;
    if (spare) {
      RCU_INIT_POINTER(spare->parent, NULL);
      xas_reset(xas);
    }
    return spare != NULL;
  }
  xas_destroy(xas);
  return false;
}

/* ---- growing ---- */

/* A node without entries, to hang at `at`, its slots of 2^shift indices. NULL: the state has -ENOMEM. */
static struct xa_node *xarray_node_for(struct xa_state *xas, struct xarray_place at, unsigned int shift) {
  struct xa_node *fresh = xarray_spare(xas) ?: xarray_node_alloc(xas, GFP_NOWAIT | __GFP_NOWARN);

  if (!fresh) {
    xas_set_err(xas, -ENOMEM);
    return NULL;
  }
  fresh->array = at.xa;
  RCU_INIT_POINTER(fresh->parent, at.node);
  fresh->offset = at.node ? at.slot : 0;
  fresh->shift = shift;
  fresh->nr_values = fresh->count = 0;
  if (xarray_has(at.xa, XA_FLAGS_TRACK_FREE))
    bitmap_fill(xarray_mark_bits(fresh, xarray_mark_number(XA_FREE_MARK)), XA_CHUNK_SIZE);
  return fresh;
}

/* Puts a node between the head and what hangs there, which becomes its slot 0 with the marks that the head has. */
static bool xarray_raise(struct xa_state *xas, void *below) {
  struct xarray_place head = {.xa = xas->xa}, first = head;
  unsigned int mark;

  first.node = xarray_node_for(xas, head, xarray_height(below));
  if (!first.node) return false;
  for (mark = 0; mark < XA_MAX_MARKS; mark++) {
    xarray_put_mark(first, mark, xarray_marked(head, mark));
    if (xarray_is_free_mark(head.xa, mark)) xarray_put_mark(head, mark, true); /* the other slots are */
  }
  RCU_INIT_POINTER(*xarray_cell(first), below);
  if (xa_is_node(below)) {
    rcu_assign_pointer(xa_to_node(below)->parent, first.node);
    xa_to_node(below)->offset = first.slot;
  }
  rcu_assign_pointer(*xarray_cell(head), xa_mk_node(first.node));
  xarray_count(xas, first.node, 1, xa_is_value(below));
  return true;
}

/* An empty node where the state stands and nothing is yet. Returns the entry for it; NULL: the state has -ENOMEM. */
static void *xarray_hang(struct xa_state *xas, unsigned int shift) {
  struct xarray_place at = xarray_place_of(xas);
  struct xa_node *fresh = xarray_node_for(xas, at, shift);

  if (!fresh) return NULL;
  rcu_assign_pointer(*xarray_cell(at), xa_mk_node(fresh));
  if (at.node) xarray_count(xas, at.node, 1, 0);
  return xa_mk_node(fresh);
}

/* What is added to the first index that the operation's entry covers to get the last one. */
static unsigned long xarray_span(const struct xa_state *xas) { return ((1UL + xas->xa_sibs) << xas->xa_shift) - 1; }

/* The height that the tree needs for the operation's entry. */
static unsigned int xarray_height_of(const struct xa_state *xas) {
  unsigned long span = xarray_span(xas), last = xas->xa_index | span;

  /* Where the entry would be the whole of the tree it needs a slot to stand in: one level more. */
  return xarray_height_for(last > span ? last : last + !!span);
}

/* The state at the head of a tree that is high enough for its entry. Returns the height, or -ENOMEM, which it then has. */
static int xarray_make_room(struct xa_state *xas) {
  unsigned int needed = xarray_height_of(xas);
  struct xarray_place head = {.xa = xas->xa};
  void *below;

  xas->xa_node = NULL;
  for (;;) {
    below = xarray_look(head);
    if (!below && xarray_has(xas->xa, XA_FLAGS_ZERO_BUSY)) below = XA_ZERO_ENTRY;
    if (!below) return needed; /* whatever the first node there will be */
    if (xarray_height(below) >= needed) return xarray_height(below);
    if (!xarray_raise(xas, below)) return -ENOMEM;
  }
}

/*
 * Points the state at the slot for its entry and makes the nodes on the way. Returns what is in the slot. Without
 * `head_will_do` index 0 gets a node too. On failure the state has the error.
 */
static void *xarray_reach(struct xa_state *xas, bool head_will_do) {
  int level;
  void *entry;

  if (xas_error(xas)) return NULL;
  if (xas_is_node(xas)) {
    level = xas->xa_node->shift;
  } else {
    level = xarray_make_room(xas);
    if (level < 0) return NULL;
    if (!head_will_do) level = max(level, XA_CHUNK_SHIFT);
  }
  for (entry = xarray_look(xarray_place_of(xas)); level > xas->xa_shift; level = xas->xa_node->shift) {
    if (!entry) entry = xarray_hang(xas, level - XA_CHUNK_SHIFT);
    if (!entry || !xa_is_node(entry)) break; /* no memory, or an entry that covers more than ours */
    entry = xarray_into_entry(xas, xa_to_node(entry));
  }
  return entry;
}

/*
 * Makes every node that storing single entries over the state's range needs, from the top of the range down, so that
 * the state ends at its beginning, ready for them. On failure it has the error and its range again.
 */
void xas_create_range(struct xa_state *xas) {
  const struct xa_state range = *xas;
  unsigned long last = xas->xa_index | xarray_span(xas), chunk = last >> XA_CHUNK_SHIFT;

  xas->xa_shift = xas->xa_sibs = 0;
  do {
    xas->xa_index = min(last, chunk << XA_CHUNK_SHIFT | XA_CHUNK_MASK);
    xas_reset(xas);
    xarray_reach(xas, true);
  } while (!xas_error(xas) && chunk-- > range.xa_index >> XA_CHUNK_SHIFT);
  xas->xa_index = range.xa_index;
  if (xas_is_node(xas)) {
    xas->xa_offset = xarray_slot_of(xas->xa_index, xas->xa_node);
  } else if (xas_error(xas)) {
    xas->xa_shift = range.xa_shift;
    xas->xa_sibs = range.xa_sibs;
  }
}

/* ---- shrinking ---- */

/* What may stand in the head instead of this topmost node: all that it holds, in slot 0, and no part of a larger slot. */
static void *xarray_lone_entry(struct xarray_place first) {
  void *entry = first.node->count == 1 ? xarray_look(first) : NULL;

  return !first.node->shift || xa_is_node(entry) ? entry : NULL;
}

/* Takes top nodes off that hold nothing but slot 0. The state, if it stood in one of them, starts anew. */
static void xarray_lower(struct xa_state *xas, struct xa_node *top) {
  struct xarray_place head = {.xa = xas->xa}, first = {.xa = xas->xa, .node = top};
  unsigned int free_mark = xarray_mark_number(XA_FREE_MARK);
  void *entry;

  while (first.node && (entry = xarray_lone_entry(first))) {
    struct xa_node *gone = first.node;

    xas->xa_node = XAS_BOUNDS;
    if (xarray_is_free_mark(head.xa, free_mark)) xarray_put_mark(head, free_mark, xarray_marked(first, free_mark));
    if (xa_is_node(entry)) {
      first.node = xa_to_node(entry);
      RCU_INIT_POINTER(first.node->parent, NULL);
    } else {
      RCU_INIT_POINTER(*xarray_cell(first), XA_RETRY_ENTRY); /* for readers who are in it */
      first.node = NULL;
      if (xa_is_zero(entry) && xarray_has(head.xa, XA_FLAGS_ZERO_BUSY)) entry = NULL;
    }
    rcu_assign_pointer(*xarray_cell(head), entry);
    xarray_count(xas, gone, -gone->count, -gone->nr_values);
    xarray_node_free(gone);
  }
}

/* The state's node has lost entries. If it has none left it goes, and so do those above that it was the last in. */
static void xarray_trim(struct xa_state *xas) {
  struct xarray_place at = xarray_place_of(xas);

  while (at.node && !at.node->count) {
    struct xa_node *empty = at.node;

    xarray_up(&at);
    RCU_INIT_POINTER(*xarray_cell(at), NULL);
    xarray_node_free(empty);
    if (at.node) xarray_count(xas, at.node, -1, 0);
  }
  xas->xa_offset = at.slot;
  xas->xa_node = at.node ? at.node : XAS_BOUNDS;
  if (at.node && !rcu_access_pointer(at.node->parent)) xarray_lower(xas, at.node);
}

/* Frees the subtree that an entry has replaced, as deep as it is; readers who are in it look again. */
static void xarray_free_below(struct xa_state *xas, struct xa_node *node) {
  struct xarray_place at = {.xa = xas->xa, .node = node};

  for (; at.slot < XA_CHUNK_SIZE; at.slot++) {
    void *entry = xarray_look(at);

    if (node->shift && xa_is_node(entry))
      xarray_free_below(xas, xa_to_node(entry));
    else if (entry)
      RCU_INIT_POINTER(*xarray_cell(at), XA_RETRY_ENTRY);
  }
  xarray_count(xas, node, -node->count, -node->nr_values);
  xarray_node_free(node);
}

/* ---- storing ---- */

/* Fills the slots from `at` up to `end` with the entry and its siblings, or empties them. */
static void xarray_fill(struct xa_state *xas, struct xarray_place at, unsigned int end, void *entry) {
  void *old, *owner = NULL, *sibling = entry ? xa_mk_sibling(at.slot) : NULL;
  bool value = xa_is_value(entry);
  int entries = 0, values = 0;

  for (; at.slot < end; at.slot++, entry = sibling) {
    old = xarray_look(at);
    if (!xa_is_sibling(old)) owner = old; /* the siblings of a value count as values */
    entries += (entry != NULL) - (old != NULL);
    values += (int)value - (int)xa_is_value(owner);
    rcu_assign_pointer(*xarray_cell(at), entry);
    if (at.node->shift && xa_is_node(old)) xarray_free_below(xas, xa_to_node(old));
  }
  if (entries || values) xarray_count(xas, at.node, entries, values);
  if (entries < 0) xarray_trim(xas);
}

void *xas_store(struct xa_state *xas, void *entry) {
  /* Neither looks like an entry that may stand in the head. */
  void *old = entry ? xarray_reach(xas, !xa_is_node(entry) && !xa_is_zero(entry)) : xas_load(xas);
  struct xarray_place at = xarray_place_of(xas);
  unsigned int end;

  if (xas_invalid(xas)) return old;
  koi_hb_release(xas->xa);
  /* In a slot that is larger than its order the entry has no siblings. */
  if (at.node && at.node->shift > xas->xa_shift) xas->xa_sibs = 0;
  if (!xas->xa_sibs && entry == old) return old;
  if (at.node && xas->xa_sibs) xarray_gather_marks(at, xas->xa_sibs);
  if (!entry) xas_init_marks(xas);
  if (!at.node) {
    rcu_assign_pointer(*xarray_cell(at), entry);
    if (xa_is_node(old)) xarray_free_below(xas, xa_to_node(old));
    return old;
  }
  end = at.slot + 1 + xas->xa_sibs;
  /* No sibling may stay without its entry. */
  while (!entry && end < XA_CHUNK_SIZE && xa_is_sibling(xa_entry_locked(xas->xa, at.node, end))) end++;
  xarray_fill(xas, at, end, entry);
  return old;
}
