/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Places in an XArray, for the files that walk it: a place is one slot of a node, or the head, which is the slot above
 * the topmost node. Whatever goes up or down the tree goes from place to place; the head needs no cases of its own.
 */
#ifndef KOI_KERNEL_LIB_XARRAY_NODE_H
#define KOI_KERNEL_LIB_XARRAY_NODE_H

#include <linux/bitmap.h>
#include <linux/rcupdate.h>
#include <linux/xarray.h>

struct xarray_place {
  struct xarray *xa;
  struct xa_node *node; /* NULL: the head */
  unsigned int slot;
};

/* Where a state stands that is neither in error nor out of the tree. */
static inline struct xarray_place xarray_place_of(const struct xa_state *xas) {
  return (struct xarray_place){.xa = xas->xa, .node = xas->xa_node, .slot = xas->xa_offset};
}

static inline void __rcu **xarray_cell(struct xarray_place at) {
  return at.node ? &at.node->slots[at.slot] : &at.xa->xa_head;
}

/* What stands there, for whoever holds the lock. */
static inline void *xarray_look(struct xarray_place at) {
  return rcu_dereference_protected(*xarray_cell(at), lockdep_is_held(&at.xa->xa_lock));
}

/* From a slot of a node to the place where that node hangs. false: it was the head. */
static inline bool xarray_up(struct xarray_place *at) {
  struct xa_node *from = at->node;

  if (!from) return false;
  at->slot = from->offset;
  at->node = xa_parent_locked(at->xa, from);
  return true;
}

/* ---- indices ---- */

static inline unsigned int xarray_slot_of(unsigned long index, const struct xa_node *node) {
  return index >> node->shift & XA_CHUNK_MASK;
}

/* Both indices lie under the node if one of them does. The bits are shifted out in two steps: together they may be 66. */
static inline bool xarray_same_node(const struct xa_node *node, unsigned long one, unsigned long other) {
  return !((one ^ other) >> node->shift >> XA_CHUNK_SHIFT);
}

/* The bits of an index that the tree below the head tells apart: 0 if an entry stands in the head itself. */
static inline unsigned int xarray_height(const void *head) {
  return xa_is_node(head) ? xa_to_node(head)->shift + XA_CHUNK_SHIFT : 0;
}

/* The height that an array with `index` in it needs. */
static inline unsigned int xarray_height_for(unsigned long index) {
  return roundup(fls64(index), XA_CHUNK_SHIFT);
}

/* ---- marks ---- */

static inline bool xarray_has(const struct xarray *xa, gfp_t flag) { return (xa->xa_flags & flag) != 0; }

static inline unsigned long *xarray_mark_bits(struct xa_node *node, unsigned int mark) { return node->marks[mark]; }

static inline xa_mark_t xarray_mark(unsigned int number) { return (__force xa_mark_t)number; }
static inline unsigned int xarray_mark_number(xa_mark_t mark) { return (__force unsigned int)mark; }

/* In an array that hands out indices this mark says that a slot is free, or that one below is. */
static inline bool xarray_is_free_mark(const struct xarray *xa, unsigned int mark) {
  return mark == xarray_mark_number(XA_FREE_MARK) && xarray_has(xa, XA_FLAGS_TRACK_FREE);
}

static inline bool xarray_marked(struct xarray_place at, unsigned int mark) {
  return at.node ? test_bit(at.slot, xarray_mark_bits(at.node, mark)) : xa_marked(at.xa, xarray_mark(mark));
}

static inline void xarray_put_mark(struct xarray_place at, unsigned int mark, bool on) {
  gfp_t flag = XA_FLAGS_MARK(xarray_mark(mark));

  if (at.node)
    __assign_bit(at.slot, xarray_mark_bits(at.node, mark), on);
  else
    at.xa->xa_flags = (at.xa->xa_flags & ~flag) | (on ? flag : 0);
}

/* ---- down ---- */

/* The state goes to the slot of its index in `node`. Returns what is in that slot, perhaps a sibling entry. */
static inline void *xarray_into(struct xa_state *xas, struct xa_node *node) {
  xas->xa_node = node;
  xas->xa_offset = xarray_slot_of(xas->xa_index, node);
  return xa_entry(xas->xa, node, xas->xa_offset);
}

/* Likewise, but on to the slot that has the entry of several slots. */
static inline void *xarray_into_entry(struct xa_state *xas, struct xa_node *node) {
  void *entry = xarray_into(xas, node);

  if (!xa_is_sibling(entry)) return entry;
  xas->xa_offset = xa_to_sibling(entry);
  entry = xa_entry(xas->xa, node, xas->xa_offset);
  /* A node where the entry of several slots was: somebody is splitting that one. */
  return node->shift && xa_is_node(entry) ? XA_RETRY_ENTRY : entry;
}

#endif
