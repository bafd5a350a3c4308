// SPDX-License-Identifier: GPL-2.0-only
/*
 * Integer identifiers: idr_*() maps IDs to pointers, ida_*() only hands IDs out (<linux/idr.h>).
 *
 * An IDR's tree is laid out as an XArray that tracks free slots (mark 0). A stored NULL, which reserves an ID, is a
 * zero entry. An IDA has a bitmap of 1024 IDs at each index, or, while only low bits are set, those bits as a value.
 */
#include "lib.h"

#include <linux/idr.h>
#include <linux/rcupdate.h>
#include <linux/xarray.h>

/* The IDR's own view of an entry. */
static void *idr_outside(void *entry) { return xa_is_zero(entry) ? NULL : entry; }
static void *idr_inside(void *ptr) { return ptr ? ptr : XA_ZERO_ENTRY; }

/*
 * Takes the first free index from the state's up to `last`. *id is that index, `base` up, before the entry can be seen.
 * Returns 0, -ENOSPC or -ENOMEM.
 */
static int idr_take(struct xa_state *at, unsigned long last, void *ptr, unsigned long base, u32 *id) {
  if (at->xa_index > last) return -ENOSPC;
  xas_find_marked(at, last, XA_FREE_MARK);
  if (at->xa_node == XAS_RESTART) return -ENOSPC; /* there are free ones, beyond `last` */
  *id = at->xa_index + base;
  xas_store(at, idr_inside(ptr));
  xas_clear_mark(at, XA_FREE_MARK);
  return xas_error(at);
}

/* Allocates the first free ID in [*nextid, max], which *nextid becomes. */
int idr_alloc_u32(struct idr *idr, void *ptr, u32 *nextid, unsigned long max, gfp_t gfp) {
  const unsigned long base = idr->idr_base, first = max_t(unsigned long, *nextid, base) - base;
  struct xa_state at = __XA_STATE(&idr->idr_rt, first, 0, 0);
  int error;

#line KOI_LINE(41, 41) "lib/idr.c"
  if (WARN_ON_ONCE(!(at.xa->xa_flags & ROOT_IS_IDR))) at.xa->xa_flags |= IDR_RT_MARKER;
  do {
    xas_set(&at, first);
    error = max < base ? -ENOSPC : idr_take(&at, max - base, ptr, base, nextid);
  } while (xas_nomem(&at, gfp));
  return error;
}

/* Ends of 0 and less stand for no limit. */
static unsigned long idr_last(int end) { return end > 0 ? end - 1 : INT_MAX; }

/* [start, end); an end of 0 or less means up to INT_MAX. */
int idr_alloc(struct idr *idr, void *ptr, int start, int end, gfp_t gfp) {
  u32 first_free = start;
  int error;

#line KOI_LINE(86, 86) "lib/idr.c"
  if (WARN_ON_ONCE(start < 0)) return -EINVAL;
  error = idr_alloc_u32(idr, ptr, &first_free, idr_last(end), gfp);
  return error < 0 ? error : (int)first_free;
}

/* From where the last one ended, then from the start again. */
int idr_alloc_cyclic(struct idr *idr, void *ptr, int start, int end, gfp_t gfp) {
  const u32 from[] = {max_t(u32, idr->idr_next, start), start};
  int error = -ENOSPC;
  unsigned int turn;

  for (turn = 0; turn < ARRAY_SIZE(from) && error == -ENOSPC; turn++) {
    u32 found = from[turn];

    if (turn && from[0] <= from[turn]) break; /* everything was looked at */
    error = idr_alloc_u32(idr, ptr, &found, idr_last(end), gfp);
    if (error) continue;
    idr->idr_next = found + 1;
    return found;
  }
  return error;
}

void *idr_find(const struct idr *idr, unsigned long id) {
  XA_STATE(xas, (struct xarray *)&idr->idr_rt, id - idr->idr_base);
  void *entry;

  do entry = xas_load(&xas);
  while (xa_is_retry(entry) && xas_retry(&xas, entry));
  return idr_outside(entry);
}

void *idr_remove(struct idr *idr, unsigned long id) {
  XA_STATE(xas, &idr->idr_rt, id - idr->idr_base);

  return idr_outside(xas_store(&xas, NULL));
}

/* The new pointer may be NULL; the old one comes back, or -ENOENT for an ID that is not in use. */
void *idr_replace(struct idr *idr, void *ptr, unsigned long id) {
  struct xa_state at = __XA_STATE(&idr->idr_rt, id - idr->idr_base, 0, 0);
  void *old = xas_load(&at);

  if (old) {
    xas_store(&at, idr_inside(ptr));
    return idr_outside(old);
  }
  return ERR_PTR(-ENOENT);
}

/* The entry at or after *nextid, with *nextid set to its ID; reserved IDs are passed over. */
void *idr_get_next_ul(struct idr *idr, unsigned long *nextid) {
  unsigned long base = idr->idr_base, id = *nextid;
  XA_STATE(xas, &idr->idr_rt, id < base ? 0 : id - base);
  void *entry;

  for (;;) {
    entry = xas_find(&xas, ULONG_MAX);
    if (!entry) return NULL;
    if (!xas_retry(&xas, entry)) break;
  }
  *nextid = xas.xa_index + base;
  return entry;
}

void *idr_get_next(struct idr *idr, int *nextid) {
  unsigned long found = *nextid;
  void *ptr = idr_get_next_ul(idr, &found);

#line KOI_LINE(271, 271) "lib/idr.c"
  if (WARN_ON_ONCE(found > INT_MAX)) ptr = NULL;
  else *nextid = found;
  return ptr;
}

/* Calls `visit` for each entry until it returns something else than 0. The callback may remove entries. */
int idr_for_each(const struct idr *idr, int (*visit)(int id, void *ptr, void *data), void *data) {
  unsigned long id = 0;
  void *entry;

  for (; (entry = idr_get_next_ul((struct idr *)idr, &id)); id++) {
    int result;

#line KOI_LINE(208, 208) "lib/idr.c"
    if (WARN_ON_ONCE(id > INT_MAX)) break;
    result = visit(id, entry, data);
    if (result) return result;
  }
  return 0;
}

void idr_destroy(struct idr *idr) {
  struct xa_state xas = {.xa = &idr->idr_rt, .xa_shift = BITS_PER_LONG, .xa_node = XAS_RESTART};

  xas_store(&xas, NULL);
  idr->idr_rt.xa_flags |= IDR_RT_MARKER;
}

/* ---- IDA ---- */

/* Bits that a value entry can hold. */
#define IDR_IDA_INLINE_BITS (BITS_PER_LONG - 1)

/*
 * The bits of one index, wherever they are: in a bitmap of their own, or in `inlined`, which is the value entry's (or
 * those of no entry at all) until idr_ida_keep() puts it back.
 */
struct idr_ida_leaf {
  struct ida_bitmap *bitmap; /* NULL: the bits are `inlined` */
  unsigned long inlined;
};

static struct idr_ida_leaf idr_ida_open(void *entry) {
  if (xa_is_value(entry)) return (struct idr_ida_leaf){.inlined = xa_to_value(entry)};
  return (struct idr_ida_leaf){.bitmap = entry};
}

static unsigned long *idr_ida_bits(struct idr_ida_leaf *leaf) { return leaf->bitmap ? leaf->bitmap->bitmap : &leaf->inlined; }
static unsigned int idr_ida_room(const struct idr_ida_leaf *leaf) { return leaf->bitmap ? IDA_BITMAP_BITS : IDR_IDA_INLINE_BITS; }

static bool idr_ida_has(struct idr_ida_leaf *leaf, unsigned int bit) {
  return bit < idr_ida_room(leaf) && test_bit(bit, idr_ida_bits(leaf));
}

/* The changed leaf becomes the entry at the state; one without bits goes. The index is free as long as one bit is. */
static void idr_ida_keep(struct xa_state *at, struct idr_ida_leaf *leaf) {
  bool empty = bitmap_empty(idr_ida_bits(leaf), idr_ida_room(leaf));

  if (empty) {
    xas_store(at, NULL);
    kfree(leaf->bitmap);
    return;
  }
  xas_store(at, leaf->bitmap ? (void *)leaf->bitmap : xa_mk_value(leaf->inlined));
  if (leaf->bitmap && bitmap_full(leaf->bitmap->bitmap, IDA_BITMAP_BITS))
    xas_clear_mark(at, XA_FREE_MARK);
  else
    xas_set_mark(at, XA_FREE_MARK);
}

/*
 * Takes bit `bit` of the state's index. A bit that the leaf has no room for moves it to the `spare` bitmap, which is then
 * NULL. Returns 0, -EAGAIN if there is no spare one, or what a store may fail with.
 */
static int idr_ida_take(struct xa_state *at, struct idr_ida_leaf leaf, unsigned int bit, struct ida_bitmap **spare) {
  bool moves = bit >= idr_ida_room(&leaf);

  if (moves) {
    if (!*spare) return -EAGAIN;
    bitmap_zero((*spare)->bitmap, IDA_BITMAP_BITS); /* an attempt before may have failed */
    (*spare)->bitmap[0] = leaf.inlined;
    leaf.bitmap = *spare;
  }
  __set_bit(bit, idr_ida_bits(&leaf));
  idr_ida_keep(at, &leaf);
  if (moves && !xas_error(at)) *spare = NULL;
  return xas_error(at);
}

/* One attempt under the lock: the ID, or the error; -EAGAIN: a spare bitmap is needed. */
static int idr_ida_try(struct xa_state *at, unsigned int min, unsigned int max, struct ida_bitmap **spare) {
  unsigned int bit = min % IDA_BITMAP_BITS;
  struct idr_ida_leaf leaf;
  int error;

  for (xas_set(at, min / IDA_BITMAP_BITS);; xas_set(at, at->xa_index + 1)) {
    leaf = idr_ida_open(xas_find_marked(at, max / IDA_BITMAP_BITS, XA_FREE_MARK));
    if (at->xa_node == XAS_RESTART || at->xa_index > max / IDA_BITMAP_BITS) return -ENOSPC;
    if (at->xa_index > min / IDA_BITMAP_BITS) bit = 0; /* `min` lies in an index before */
    if (bit < idr_ida_room(&leaf)) bit = find_next_zero_bit(idr_ida_bits(&leaf), idr_ida_room(&leaf), bit);
    if (bit < IDA_BITMAP_BITS) break;
  }
  if (at->xa_index * IDA_BITMAP_BITS + bit > max) return -ENOSPC;
  error = idr_ida_take(at, leaf, bit, spare);
  return error ? error : (int)(at->xa_index * IDA_BITMAP_BITS + bit);
}

int ida_alloc_range(struct ida *ida, unsigned int min, unsigned int max, gfp_t gfp) {
  struct xa_state at = __XA_STATE(&ida->xa, 0, 0, 0);
  struct ida_bitmap *spare = NULL;
  unsigned long flags;
  bool again;
  int id;

  if (min > INT_MAX) return -ENOSPC;
  max = min_t(unsigned int, max, INT_MAX);
  do {
    xas_lock_irqsave(&at, flags);
    id = idr_ida_try(&at, min, max, &spare);
    xas_unlock_irqrestore(&at, flags);
    if (id == -EAGAIN) {
      spare = kzalloc(sizeof(*spare), gfp);
      if (!spare) id = -ENOMEM;
      again = spare != NULL;
    } else {
      again = id == -ENOMEM && xas_nomem(&at, gfp);
    }
  } while (again);
  xas_destroy(&at);
  kfree(spare);
  return id;
}

void ida_free(struct ida *ida, unsigned int id) {
  struct xa_state at = __XA_STATE(&ida->xa, id / IDA_BITMAP_BITS, 0, 0);
  unsigned int bit = id % IDA_BITMAP_BITS;
  struct idr_ida_leaf leaf;
  unsigned long flags;
  bool taken;

  if (id > INT_MAX) return;
  xas_lock_irqsave(&at, flags);
  leaf = idr_ida_open(xas_load(&at));
  taken = idr_ida_has(&leaf, bit);
  if (taken) {
    __clear_bit(bit, idr_ida_bits(&leaf));
    idr_ida_keep(&at, &leaf);
  }
  xas_unlock_irqrestore(&at, flags);
#line KOI_LINE(527, 527) "lib/idr.c"
  WARN(!taken, "ida_free called for id=%d which is not allocated.\n", id);
}

/* Every number is free again, and so is the memory. */
void ida_destroy(struct ida *ida) {
  struct xa_state at = __XA_STATE(&ida->xa, 0, 0, 0);
  unsigned long flags;
  void *entry;

  xas_lock_irqsave(&at, flags);
  while ((entry = xas_find(&at, ULONG_MAX))) {
    struct idr_ida_leaf leaf = idr_ida_open(entry);

    xas_store(&at, NULL);
    kfree(leaf.bitmap);
  }
  xas_unlock_irqrestore(&at, flags);
}
