// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations on bitmaps of any length (<linux/bitmap.h>). Bits of the last word beyond the length are ignored when
 * read; results leave them undefined or zero exactly where the kernel's contract says so.
 */
#include "lib.h"

#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/cpumask.h>

/* The bits of word `i` that belong to a bitmap of `bits` bits. */
static __always_inline unsigned long bitmap_valid(unsigned int i, unsigned int bits) {
  return (i + 1) * BITS_PER_LONG <= bits ? ~0UL : BITMAP_LAST_WORD_MASK(bits);
}

#define bitmap_each_word(i, bits) for ((i) = 0; (i) < BITS_TO_LONGS(bits); (i)++)

/* ---- predicates ---- */

bool __bitmap_equal(const unsigned long *a, const unsigned long *b, unsigned int bits) {
  unsigned int i;

  bitmap_each_word(i, bits) if ((a[i] ^ b[i]) & bitmap_valid(i, bits)) return false;
  return true;
}

/* Is (a | b) == c? */
bool __bitmap_or_equal(const unsigned long *a, const unsigned long *b, const unsigned long *c, unsigned int bits) {
  unsigned int i;

  bitmap_each_word(i, bits) if (((a[i] | b[i]) ^ c[i]) & bitmap_valid(i, bits)) return false;
  return true;
}

bool __bitmap_intersects(const unsigned long *a, const unsigned long *b, unsigned int bits) {
  unsigned int i;

  bitmap_each_word(i, bits) if (a[i] & b[i] & bitmap_valid(i, bits)) return true;
  return false;
}

bool __bitmap_subset(const unsigned long *a, const unsigned long *b, unsigned int bits) {
  unsigned int i;

  bitmap_each_word(i, bits) if (a[i] & ~b[i] & bitmap_valid(i, bits)) return false;
  return true;
}

/* ---- weights ---- */

unsigned int __bitmap_weight(const unsigned long *a, unsigned int bits) {
  unsigned int i, weight = 0;

  bitmap_each_word(i, bits) weight += hweight_long(a[i] & bitmap_valid(i, bits));
  return weight;
}

unsigned int __bitmap_weight_and(const unsigned long *a, const unsigned long *b, unsigned int bits) {
  unsigned int i, weight = 0;

  bitmap_each_word(i, bits) weight += hweight_long(a[i] & b[i] & bitmap_valid(i, bits));
  return weight;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
unsigned int __bitmap_weight_andnot(const unsigned long *a, const unsigned long *b, unsigned int bits) {
  unsigned int i, weight = 0;

  bitmap_each_word(i, bits) weight += hweight_long(a[i] & ~b[i] & bitmap_valid(i, bits));
  return weight;
}
#endif

/* ---- word by word ---- */

void __bitmap_complement(unsigned long *dst, const unsigned long *a, unsigned int bits) {
  unsigned int i;

  bitmap_each_word(i, bits) dst[i] = ~a[i];
}

/* And, and-not: the result is cut to its length, and says whether a bit is left. */
bool __bitmap_and(unsigned long *dst, const unsigned long *a, const unsigned long *b, unsigned int bits) {
  unsigned long any = 0;
  unsigned int i;

  bitmap_each_word(i, bits) any |= dst[i] = a[i] & b[i] & bitmap_valid(i, bits);
  return any != 0;
}

bool __bitmap_andnot(unsigned long *dst, const unsigned long *a, const unsigned long *b, unsigned int bits) {
  unsigned long any = 0;
  unsigned int i;

  bitmap_each_word(i, bits) any |= dst[i] = a[i] & ~b[i] & bitmap_valid(i, bits);
  return any != 0;
}

void __bitmap_or(unsigned long *dst, const unsigned long *a, const unsigned long *b, unsigned int bits) {
  unsigned int i;

  bitmap_each_word(i, bits) dst[i] = a[i] | b[i];
}

void __bitmap_xor(unsigned long *dst, const unsigned long *a, const unsigned long *b, unsigned int bits) {
  unsigned int i;

  bitmap_each_word(i, bits) dst[i] = a[i] ^ b[i];
}

/* Takes `b` where the mask is set and `a` elsewhere. */
void __bitmap_replace(unsigned long *dst, const unsigned long *a, const unsigned long *b, const unsigned long *mask,
                      unsigned int bits) {
  unsigned int i;

  bitmap_each_word(i, bits) dst[i] = (a[i] & ~mask[i]) | (b[i] & mask[i]);
}

/* ---- runs of bits ---- */

/* Calls of set and clear differ only in what happens to the words' masked bits. */
static __always_inline void bitmap_change_run(unsigned long *map, unsigned int start, int length, bool set) {
  while (length > 0) {
    unsigned int offset = start % BITS_PER_LONG;
    int here = min_t(int, length, BITS_PER_LONG - offset);
    unsigned long mask = (here == BITS_PER_LONG ? ~0UL : (1UL << here) - 1) << offset;

    if (set)
      map[start / BITS_PER_LONG] |= mask;
    else
      map[start / BITS_PER_LONG] &= ~mask;
    start += here;
    length -= here;
  }
}

void __bitmap_set(unsigned long *map, unsigned int start, int length) { bitmap_change_run(map, start, length, true); }
void __bitmap_clear(unsigned long *map, unsigned int start, int length) { bitmap_change_run(map, start, length, false); }

/* Where `count` clear bits in a row begin, at an index that is aligned when the offset is added; > size: nowhere. */
unsigned long bitmap_find_next_zero_area_off(unsigned long *map, unsigned long size, unsigned long start,
                                             unsigned int count, unsigned long align_mask, unsigned long align_offset) {
  for (;;) {
    unsigned long index = find_next_zero_bit(map, size, start), end, taken;

    index = ((index + align_offset + align_mask) & ~align_mask) - align_offset;
    end = index + count;
    if (end > size) return end;
    taken = find_next_bit(map, end, index);
    if (taken >= end) return index;
    start = taken + 1;
  }
}

/* ---- shifts: `bits` is the length of both; vacated bits are zero ---- */

/* Word `i` of a bitmap; zero outside it, and the bits beyond its end read as zero. */
static __always_inline unsigned long bitmap_word(const unsigned long *a, long i, unsigned int bits) {
  return i < 0 || i >= (long)BITS_TO_LONGS(bits) ? 0 : a[i] & bitmap_valid(i, bits);
}

/* Both work in place: each goes in the direction that reads a word before it is overwritten. */
void __bitmap_shift_right(unsigned long *dst, const unsigned long *src, unsigned int shift, unsigned int bits) {
  unsigned int words = shift / BITS_PER_LONG, rest = shift % BITS_PER_LONG;
  long i;

  for (i = 0; i < (long)BITS_TO_LONGS(bits); i++) {
    unsigned long low = bitmap_word(src, i + words, bits) >> rest;
    unsigned long high = rest ? bitmap_word(src, i + words + 1, bits) << (BITS_PER_LONG - rest) : 0;

    dst[i] = low | high;
  }
}

/* The top word may keep bits beyond the length, as in the kernel. */
void __bitmap_shift_left(unsigned long *dst, const unsigned long *src, unsigned int shift, unsigned int bits) {
  unsigned int words = shift / BITS_PER_LONG, rest = shift % BITS_PER_LONG;
  long i;

  for (i = (long)BITS_TO_LONGS(bits) - 1; i >= 0; i--) {
    unsigned long high = i - (long)words < 0 ? 0 : src[i - words] << rest;
    unsigned long low = rest && i - (long)words - 1 >= 0 ? src[i - words - 1] >> (BITS_PER_LONG - rest) : 0;

    dst[i] = low | high;
  }
}

/* Takes out `cut` bits at `first`; those above move down, zeros come in at the top. */
void bitmap_cut(unsigned long *dst, const unsigned long *src, unsigned int first, unsigned int cut, unsigned int bits) {
  unsigned int words = BITS_TO_LONGS(bits), bit;

  if (dst != src) memmove(dst, src, words * sizeof(*dst));
  for (bit = first; bit < words * BITS_PER_LONG; bit++) {
    unsigned long from = (unsigned long)bit + cut;

    if (from < words * BITS_PER_LONG && test_bit(from, dst))
      __set_bit(bit, dst);
    else
      __clear_bit(bit, dst);
  }
}

/* ---- mapping of positions ---- */

/* The ordinal of bit `position` among the set bits, -1 when it is not set. */
static int bitmap_ordinal(const unsigned long *map, unsigned int position, unsigned int bits) {
  if (position >= bits || !test_bit(position, map)) return -1;
  return bitmap_weight(map, position);
}

static unsigned int bitmap_nth(const unsigned long *map, unsigned int n, unsigned int bits) {
  return __find_nth_bit(map, bits, n);
}

int bitmap_bitremap(int position, const unsigned long *from, const unsigned long *to, int bits) {
  int weight = bitmap_weight(to, bits);
  int n = bitmap_ordinal(from, position, bits);

  return n < 0 || !weight ? position : (int)bitmap_nth(to, n % weight, bits);
}

void bitmap_remap(unsigned long *dst, const unsigned long *src, const unsigned long *from, const unsigned long *to,
                  unsigned int bits) {
  unsigned int position;

  if (dst == src) return;
  bitmap_zero(dst, bits);
  for_each_set_bit(position, src, bits) __set_bit(bitmap_bitremap(position, from, to, bits), dst);
}

/* ---- other representations ---- */

void bitmap_from_arr32(unsigned long *map, const u32 *array, unsigned int bits) {
  unsigned int i;

  bitmap_each_word(i, bits) {
    map[i] = array[2 * i];
    if (2 * i + 1 < DIV_ROUND_UP(bits, 32)) map[i] |= (unsigned long)array[2 * i + 1] << 32;
    map[i] &= bitmap_valid(i, bits);
  }
}

void bitmap_to_arr32(u32 *array, const unsigned long *map, unsigned int bits) {
  unsigned int i;

  bitmap_each_word(i, bits) {
    unsigned long word = map[i] & bitmap_valid(i, bits);

    array[2 * i] = word;
    if (2 * i + 1 < DIV_ROUND_UP(bits, 32)) array[2 * i + 1] = word >> 32;
  }
}

/* ---- allocation ---- */

unsigned long *bitmap_alloc(unsigned int bits, gfp_t flags) {
  return kmalloc_array(BITS_TO_LONGS(bits), sizeof(unsigned long), flags);
}

unsigned long *bitmap_zalloc(unsigned int bits, gfp_t flags) { return bitmap_alloc(bits, flags | __GFP_ZERO); }

unsigned long *bitmap_alloc_node(unsigned int bits, gfp_t flags, int node) {
  return kmalloc_array_node(BITS_TO_LONGS(bits), sizeof(unsigned long), flags, node);
}

unsigned long *bitmap_zalloc_node(unsigned int bits, gfp_t flags, int node) {
  return bitmap_alloc_node(bits, flags | __GFP_ZERO, node);
}

void bitmap_free(const unsigned long *map) { kfree(map); }

/* ---- regions: aligned blocks of a power of two of bits; inlined by the headers from 6.10 on ---- */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
int bitmap_allocate_region(unsigned long *map, unsigned int position, int order) {
  unsigned int count = 1U << order;

  if (find_next_bit(map, position + count, position) < position + count) return -EBUSY;
  bitmap_set(map, position, count);
  return 0;
}

void bitmap_release_region(unsigned long *map, unsigned int position, int order) {
  bitmap_clear(map, position, 1U << order);
}

int bitmap_find_free_region(unsigned long *map, unsigned int bits, int order) {
  unsigned int position, count = 1U << order;

  for (position = 0; position + count <= bits; position += count)
    if (!bitmap_allocate_region(map, position, order)) return position;
  return -ENOMEM;
}
#endif
