// SPDX-License-Identifier: GPL-2.0-only
/*
 * Radix trees (<linux/radix-tree.h>): the older face of the XArray, over the same nodes. Callers lock for themselves.
 * Node memory comes from the cache "radix_tree_node"; radix_tree_init() makes it at boot.
 */
#include "lib.h"

#include <linux/idr.h>
#include <linux/percpu.h>
#include <linux/radix-tree.h>
#include <linux/rcupdate.h>
#include <linux/xarray.h>

struct kmem_cache *radix_tree_node_cachep;
void radix_tree_node_rcu_free(struct rcu_head *head);

/* Nodes set aside by radix_tree_preload() for insertions that may not sleep; chained by their parents. */
DEFINE_PER_CPU(struct radix_tree_preload, radix_tree_preloads) = {.lock = INIT_LOCAL_LOCK(lock)};

/* A node is in its constructed state whenever it is in the cache. */
static void radix_tree_node_ctor(void *object) {
  struct xa_node *blank = memset(object, 0, sizeof(struct xa_node));

  INIT_LIST_HEAD(&blank->private_list);
}

void radix_tree_node_rcu_free(struct rcu_head *head) {
  struct xa_node *node = container_of(head, struct xa_node, rcu_head);

  radix_tree_node_ctor(node);
  kmem_cache_free(radix_tree_node_cachep, node);
}

void radix_tree_init(void) {
  radix_tree_node_cachep = kmem_cache_create("radix_tree_node", sizeof(struct xa_node), 0,
                                             SLAB_PANIC | SLAB_RECLAIM_ACCOUNT, radix_tree_node_ctor);
}

/* ---- preloading ---- */

/* Enough nodes for one insertion anywhere: two paths, less the levels they share. */
#define RADIX_TREE_PRELOAD_NODES (RADIX_TREE_MAX_PATH * 2 - 1)

/* On success the preload lock is held (preemption is off), and radix_tree_preload_end() releases it. */
static int radix_tree_fill(gfp_t gfp, unsigned int wanted) {
  gfp &= ~__GFP_ACCOUNT;
  for (;;) {
    struct radix_tree_preload *stock;
    struct xa_node *node;

    local_lock(&radix_tree_preloads.lock);
    if (this_cpu_ptr(&radix_tree_preloads)->nr >= wanted) return 0;
    local_unlock(&radix_tree_preloads.lock);
    node = kmem_cache_alloc(radix_tree_node_cachep, gfp);
    if (!node) return -ENOMEM;
    local_lock(&radix_tree_preloads.lock);
    stock = this_cpu_ptr(&radix_tree_preloads);
    RCU_INIT_POINTER(node->parent, stock->nodes);
    stock->nodes = node;
    stock->nr++;
    local_unlock(&radix_tree_preloads.lock);
  }
}

int radix_tree_preload(gfp_t gfp) {
#line KOI_LINE(366, 368) "lib/radix-tree.c"
  WARN_ON_ONCE(!gfpflags_allow_blocking(gfp));
  return radix_tree_fill(gfp, RADIX_TREE_PRELOAD_NODES);
}

/* With flags that forbid sleeping there is nothing to set aside, only the lock to take. */
int radix_tree_maybe_preload(gfp_t gfp) {
  if (gfpflags_allow_blocking(gfp)) return radix_tree_fill(gfp, RADIX_TREE_PRELOAD_NODES);
  local_lock(&radix_tree_preloads.lock);
  return 0;
}

/* Like it, but the lock is held whether or not memory was there. */
void idr_preload(gfp_t gfp) {
  if (radix_tree_fill(gfp, RADIX_TREE_MAX_PATH)) local_lock(&radix_tree_preloads.lock);
}

/* The flags with which the tree's owner wants its nodes. */
static gfp_t radix_tree_gfp(const struct xarray *root) { return root->xa_flags & __GFP_BITS_MASK & ~GFP_ZONEMASK; }

/* After -ENOMEM: a node from the tree's flags, or, where those may not sleep, from the stock. */
static bool radix_tree_retry(struct xa_state *xas) {
  gfp_t gfp = radix_tree_gfp(xas->xa);
  struct radix_tree_preload *stock;

  if (xas->xa_node != XA_ERROR(-ENOMEM)) return xas_nomem(xas, gfp);
  if (!gfpflags_allow_blocking(gfp) && !in_interrupt()) {
    stock = this_cpu_ptr(&radix_tree_preloads);
    if (stock->nr) {
      xas->xa_alloc = stock->nodes;
      stock->nodes = rcu_dereference_raw(xas->xa_alloc->parent);
      stock->nr--;
      xas->xa_alloc->parent = NULL;
      xas_reset(xas);
      return true;
    }
  }
  return xas_nomem(xas, gfp);
}

/* ---- entries ---- */

int radix_tree_insert(struct xarray *root, unsigned long index, void *item) {
  XA_STATE(xas, root, index);

  do {
    if (xas_load(&xas)) {
      xas_set_err(&xas, -EEXIST);
      continue;
    }
    xas_store(&xas, item);
  } while (radix_tree_retry(&xas));
  return xas_error(&xas);
}

void *radix_tree_lookup(const struct xarray *root, unsigned long index) {
  XA_STATE(xas, (struct xarray *)root, index);
  void *entry;

  do entry = xas_load(&xas);
  while (xas_retry(&xas, entry) && !xa_is_zero(entry));
  return xa_is_zero(entry) ? NULL : entry;
}

/* Where the entry stands; it is replaced there by radix_tree_replace_slot(). */
static void __rcu **radix_tree_slot(const struct xa_state *xas) {
  return xas->xa_node ? &xas->xa_node->slots[xas->xa_offset] : &xas->xa->xa_head;
}

void __rcu **radix_tree_lookup_slot(const struct xarray *root, unsigned long index) {
  XA_STATE(xas, (struct xarray *)root, index);

  return xas_load(&xas) ? radix_tree_slot(&xas) : NULL;
}

/* A new entry in an occupied slot; it may not change whether the slot is empty or holds a value. */
void radix_tree_replace_slot(struct xarray *root, void __rcu **slot, void *item) {
  const void *was = rcu_dereference_raw(*slot);
  bool in_head = slot == (void __rcu **)&root->xa_head;

#line KOI_LINE(886, 888) "lib/radix-tree.c"
  WARN_ON_ONCE(!in_head && (!was != !item || xa_is_value(was) != xa_is_value(item)));
  rcu_assign_pointer(*slot, item);
}

/* Deletes if the entry is `item`, or whatever it is if that is NULL. */
void *radix_tree_delete_item(struct xarray *root, unsigned long index, void *item) {
  XA_STATE(xas, root, index);
  void *entry = xas_load(&xas);

  if (!entry || (item && entry != item)) return NULL;
  xas_store(&xas, NULL);
  return entry;
}

void *radix_tree_delete(struct xarray *root, unsigned long index) { return radix_tree_delete_item(root, index, NULL); }

/* ---- tags are the XArray's marks ---- */

static xa_mark_t radix_tree_mark(unsigned int tag) { return (__force xa_mark_t)tag; }

/* The entry, or NULL, and then nothing happens. */
static void *radix_tree_retag(struct xarray *root, unsigned long index, unsigned int tag, bool on) {
  struct xa_state at = __XA_STATE(root, index, 0, 0);
  void *item = xas_load(&at);

  if (!item) return NULL;
  (on ? xas_set_mark : xas_clear_mark)(&at, radix_tree_mark(tag));
  return item;
}

void *radix_tree_tag_set(struct xarray *root, unsigned long index, unsigned int tag) {
  return radix_tree_retag(root, index, tag, true);
}

void *radix_tree_tag_clear(struct xarray *root, unsigned long index, unsigned int tag) {
  return radix_tree_retag(root, index, tag, false);
}

int radix_tree_tag_get(const struct xarray *root, unsigned long index, unsigned int tag) {
  XA_STATE(xas, (struct xarray *)root, index);

  return xas_load(&xas) && xas_get_mark(&xas, radix_tree_mark(tag));
}

int radix_tree_tagged(const struct xarray *root, unsigned int tag) { return xa_marked(root, radix_tree_mark(tag)); }

/* ---- iteration ---- */

/*
 * The headers walk a chunk, the slots of one leaf from iter->index up to iter->next_index, and come here for the next.
 * A tagged chunk has a bit for each slot from the current one on in iter->tags.
 */
void __rcu **radix_tree_next_chunk(const struct xarray *root, struct radix_tree_iter *iter, unsigned int flags) {
  unsigned int tag = flags & RADIX_TREE_ITER_TAG_MASK;
  bool tagged = flags & RADIX_TREE_ITER_TAGGED;
  XA_STATE(xas, (struct xarray *)root, iter->next_index);
  void *entry;

  if (!xas.xa_index && iter->index) return NULL; /* the index went round */
  if (flags & RADIX_TREE_ITER_CONTIG) {
    entry = xas_load(&xas);
    if (!entry || (tagged && !xas_get_mark(&xas, radix_tree_mark(tag)))) return NULL;
  } else {
    entry = tagged ? xas_find_marked(&xas, ULONG_MAX, radix_tree_mark(tag)) : xas_find(&xas, ULONG_MAX);
    if (!entry) return NULL;
  }
  iter->index = xas.xa_index;
  iter->node = xas.xa_node;
  if (!xas.xa_node) {
    iter->next_index = 1;
    iter->tags = 1;
  } else {
    iter->next_index = (iter->index | XA_CHUNK_MASK) + 1;
    if (tagged) iter->tags = xas.xa_node->marks[tag][0] >> xas.xa_offset;
  }
  return radix_tree_slot(&xas);
}

/* The iteration goes on from the next index by a walk of its own: the lock may be dropped. */
void __rcu **radix_tree_iter_resume(void __rcu **slot, struct radix_tree_iter *iter) {
  iter->tags = 0;
  iter->next_index = ++iter->index;
  return NULL;
}

void radix_tree_iter_delete(struct xarray *root, struct radix_tree_iter *iter, void __rcu **slot) {
  radix_tree_delete_item(root, iter->index, NULL);
  if (!root->xa_head || !xa_is_node(root->xa_head)) iter->index = iter->next_index;
}

unsigned int radix_tree_gang_lookup(const struct xarray *root, void **results, unsigned long first, unsigned int max) {
  XA_STATE(xas, (struct xarray *)root, first);
  unsigned int count = 0;
  void *entry;

  while (count < max && (entry = xas_find(&xas, ULONG_MAX)))
    if (!xas_retry(&xas, entry)) results[count++] = entry;
  return count;
}

unsigned int radix_tree_gang_lookup_tag(const struct xarray *root, void **results, unsigned long first,
                                        unsigned int max, unsigned int tag) {
  XA_STATE(xas, (struct xarray *)root, first);
  unsigned int count = 0;
  void *entry;

  while (count < max && (entry = xas_find_marked(&xas, ULONG_MAX, radix_tree_mark(tag))))
    if (!xas_retry(&xas, entry)) results[count++] = entry;
  return count;
}

unsigned int radix_tree_gang_lookup_tag_slot(const struct xarray *root, void __rcu ***results, unsigned long first,
                                             unsigned int max, unsigned int tag) {
  XA_STATE(xas, (struct xarray *)root, first);
  unsigned int count = 0;

  while (count < max && xas_find_marked(&xas, ULONG_MAX, radix_tree_mark(tag))) results[count++] = radix_tree_slot(&xas);
  return count;
}
