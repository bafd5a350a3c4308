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

/* Allocates the first free ID in [*nextid, max] and stores it before the entry can be seen. */
int idr_alloc_u32(struct idr *idr, void *ptr, u32 *nextid, unsigned long max, gfp_t gfp) {
  struct xarray *xa = &idr->idr_rt;
  unsigned int base = idr->idr_base;
  unsigned long id = *nextid;
  XA_STATE(xas, xa, 0);

#line KOI_LINE(41, 41) "lib/idr.c"
  if (WARN_ON_ONCE(!(xa->xa_flags & ROOT_IS_IDR))) xa->xa_flags |= IDR_RT_MARKER;
  id = id < base ? 0 : id - base;
  do {
    xas.xa_index = id;
    xas_reset(&xas);
    if (max < base || max - base < id) {
      xas_set_err(&xas, -ENOSPC);
      continue;
    }
    xas_find_marked(&xas, max - base, XA_FREE_MARK);
    if (xas.xa_node == XAS_RESTART)
      xas_set_err(&xas, -ENOSPC);
    else
      *nextid = xas.xa_index + base;
    xas_store(&xas, idr_inside(ptr));
    xas_clear_mark(&xas, XA_FREE_MARK);
  } while (xas_nomem(&xas, gfp));
  return xas_error(&xas);
}

/* [start, end); an end of 0 or less means up to INT_MAX. */
int idr_alloc(struct idr *idr, void *ptr, int start, int end, gfp_t gfp) {
  u32 id = start;
  int error;

#line KOI_LINE(86, 86) "lib/idr.c"
  if (WARN_ON_ONCE(start < 0)) return -EINVAL;
  error = idr_alloc_u32(idr, ptr, &id, end > 0 ? end - 1 : INT_MAX, gfp);
  return error ? error : (int)id;
}

/* From where the last one ended, then from the start again. */
int idr_alloc_cyclic(struct idr *idr, void *ptr, int start, int end, gfp_t gfp) {
  u32 id = max_t(u32, idr->idr_next, start);
  int max = end > 0 ? end - 1 : INT_MAX;
  int error = idr_alloc_u32(idr, ptr, &id, max, gfp);

  if (error == -ENOSPC && id > start) {
    id = start;
    error = idr_alloc_u32(idr, ptr, &id, max, gfp);
  }
  if (error) return error;
  idr->idr_next = id + 1;
  return id;
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
  XA_STATE(xas, &idr->idr_rt, id - idr->idr_base);
  void *old = xas_load(&xas);

  if (!old) return ERR_PTR(-ENOENT);
  xas_store(&xas, idr_inside(ptr));
  return idr_outside(old);
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
  unsigned long id = *nextid;
  void *entry = idr_get_next_ul(idr, &id);

#line KOI_LINE(271, 271) "lib/idr.c"
  if (WARN_ON_ONCE(id > INT_MAX)) return NULL;
  *nextid = id;
  return entry;
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

/* The bits of an index as they are: a bitmap, a value's bits copied to `scratch`, or none. */
static unsigned long *idr_ida_bits(void *entry, unsigned long *scratch, unsigned int *size) {
  if (entry && !xa_is_value(entry)) {
    *size = IDA_BITMAP_BITS;
    return ((struct ida_bitmap *)entry)->bitmap;
  }
  *scratch = entry ? xa_to_value(entry) : 0;
  *size = IDR_IDA_INLINE_BITS;
  return scratch;
}

/*
 * Takes bit `bit` of the state's index, whose entry is `entry`. `spare` is used if the bits need a bitmap. Returns false
 * if one is needed and there is none.
 */
static bool idr_ida_take(struct xa_state *xas, void *entry, unsigned int bit, struct ida_bitmap **spare) {
  struct ida_bitmap *bitmap = entry;

  if (!entry || xa_is_value(entry)) {
    unsigned long value = entry ? xa_to_value(entry) : 0;

    if (bit < IDR_IDA_INLINE_BITS) {
      xas_store(xas, xa_mk_value(value | 1UL << bit));
      return true;
    }
    bitmap = *spare;
    if (!bitmap) return false;
    bitmap->bitmap[0] = value;
    __set_bit(bit, bitmap->bitmap);
    xas_store(xas, bitmap);
    if (!xas_error(xas)) *spare = NULL;
    return true;
  }
  __set_bit(bit, bitmap->bitmap);
  if (bitmap_full(bitmap->bitmap, IDA_BITMAP_BITS)) xas_clear_mark(xas, XA_FREE_MARK);
  return true;
}

/* One attempt under the lock: the ID, or the error; -EAGAIN: a spare bitmap is needed. */
static int idr_ida_try(struct xa_state *xas, unsigned int min, unsigned int max, struct ida_bitmap **spare) {
  unsigned int from = min % IDA_BITMAP_BITS;

  xas_set(xas, min / IDA_BITMAP_BITS);
  for (;;) {
    void *entry = xas_find_marked(xas, max / IDA_BITMAP_BITS, XA_FREE_MARK);
    unsigned long scratch, index = xas->xa_index;
    unsigned int size, bit, id;
    unsigned long *bits;

    if (xas->xa_node == XAS_RESTART || index > max / IDA_BITMAP_BITS) return -ENOSPC;
    if (index > min / IDA_BITMAP_BITS) from = 0;
    bits = idr_ida_bits(entry, &scratch, &size);
    bit = from < size ? find_next_zero_bit(bits, size, from) : from;
    if (bit >= IDA_BITMAP_BITS) { /* none free at or after `from`: the next index */
      xas_set(xas, index + 1);
      continue;
    }
    id = index * IDA_BITMAP_BITS + bit;
    if (id > max) return -ENOSPC;
    if (!idr_ida_take(xas, entry, bit, spare)) return -EAGAIN;
    return xas_error(xas) ? xas_error(xas) : (int)id;
  }
}

int ida_alloc_range(struct ida *ida, unsigned int min, unsigned int max, gfp_t gfp) {
  XA_STATE(xas, &ida->xa, 0);
  struct ida_bitmap *spare = NULL;
  unsigned long flags;
  int id;

  if ((int)min < 0) return -ENOSPC;
  if ((int)max < 0) max = INT_MAX;
  for (;;) {
    xas_lock_irqsave(&xas, flags);
    id = idr_ida_try(&xas, min, max, &spare);
    xas_unlock_irqrestore(&xas, flags);
    if (id == -EAGAIN) {
      spare = kzalloc(sizeof(*spare), gfp);
      if (spare) continue;
      id = -ENOMEM;
    } else if (id == -ENOMEM && xas_nomem(&xas, gfp)) {
      continue;
    }
    break;
  }
  xas_destroy(&xas);
  kfree(spare);
  return id;
}

void ida_free(struct ida *ida, unsigned int id) {
  XA_STATE(xas, &ida->xa, id / IDA_BITMAP_BITS);
  unsigned int bit = id % IDA_BITMAP_BITS;
  struct ida_bitmap *bitmap;
  unsigned long flags;
  void *entry;

  if ((int)id < 0) return;
  xas_lock_irqsave(&xas, flags);
  entry = bitmap = xas_load(&xas);
  if (xa_is_value(entry)) {
    unsigned long value = xa_to_value(entry);

    if (bit >= IDR_IDA_INLINE_BITS || !(value & 1UL << bit)) goto not_allocated;
    value &= ~(1UL << bit);
    xas_store(&xas, value ? xa_mk_value(value) : NULL);
    if (value) xas_set_mark(&xas, XA_FREE_MARK);
  } else {
    if (!bitmap || !test_bit(bit, bitmap->bitmap)) goto not_allocated;
    __clear_bit(bit, bitmap->bitmap);
    xas_set_mark(&xas, XA_FREE_MARK);
    if (bitmap_empty(bitmap->bitmap, IDA_BITMAP_BITS)) {
      kfree(bitmap);
      xas_store(&xas, NULL);
    }
  }
  xas_unlock_irqrestore(&xas, flags);
  return;

not_allocated:
  xas_unlock_irqrestore(&xas, flags);
#line KOI_LINE(527, 527) "lib/idr.c"
  WARN(1, "ida_free called for id=%d which is not allocated.\n", id);
}

void ida_destroy(struct ida *ida) {
  XA_STATE(xas, &ida->xa, 0);
  unsigned long flags;
  void *entry;

  xas_lock_irqsave(&xas, flags);
  xas_for_each(&xas, entry, ULONG_MAX) {
    if (!xa_is_value(entry)) kfree(entry);
    xas_store(&xas, NULL);
  }
  xas_unlock_irqrestore(&xas, flags);
}
