// SPDX-License-Identifier: GPL-2.0-only
/*
 * Searching bitmaps: first, next, last and n-th set or clear bit, of one bitmap or a combination of several
 * (<linux/find.h>). All of them return the size of the bitmap, or more, when there is no such bit.
 */
#include "lib.h"

#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/find.h>

/* The first bit at or after `start` of the words that WORD(i) yields. */
#define FIND_BIT_NEXT(WORD, size, start)                                      \
  ({                                                                          \
    unsigned long size_ = (size), start_ = (start), found_ = size_;           \
    if (start_ < size_) {                                                     \
      unsigned long i_ = start_ / BITS_PER_LONG;                              \
      unsigned long word_ = WORD(i_) & BITMAP_FIRST_WORD_MASK(start_);        \
      while (!word_ && ++i_ * BITS_PER_LONG < size_) word_ = WORD(i_);        \
      if (word_) found_ = min(i_ * BITS_PER_LONG + __ffs(word_), size_);      \
    }                                                                         \
    found_;                                                                   \
  })

#define FIND_BIT_ONE(i) a[i]
#define FIND_BIT_ZERO(i) ~a[i]
#define FIND_BIT_AND(i) (a[i] & b[i])
#define FIND_BIT_ANDNOT(i) (a[i] & ~b[i])
#define FIND_BIT_OR(i) (a[i] | b[i])
#define FIND_BIT_AND_AND(i) (a[i] & b[i] & c[i])
#define FIND_BIT_AND_ANDNOT(i) (a[i] & b[i] & ~c[i])

unsigned long _find_first_bit(const unsigned long *a, unsigned long size) { return FIND_BIT_NEXT(FIND_BIT_ONE, size, 0); }

unsigned long _find_first_zero_bit(const unsigned long *a, unsigned long size) {
  return FIND_BIT_NEXT(FIND_BIT_ZERO, size, 0);
}

unsigned long _find_first_and_bit(const unsigned long *a, const unsigned long *b, unsigned long size) {
  return FIND_BIT_NEXT(FIND_BIT_AND, size, 0);
}

unsigned long _find_next_bit(const unsigned long *a, unsigned long size, unsigned long start) {
  return FIND_BIT_NEXT(FIND_BIT_ONE, size, start);
}

unsigned long _find_next_zero_bit(const unsigned long *a, unsigned long size, unsigned long start) {
  return FIND_BIT_NEXT(FIND_BIT_ZERO, size, start);
}

unsigned long _find_next_and_bit(const unsigned long *a, const unsigned long *b, unsigned long size, unsigned long start) {
  return FIND_BIT_NEXT(FIND_BIT_AND, size, start);
}

unsigned long _find_next_andnot_bit(const unsigned long *a, const unsigned long *b, unsigned long size,
                                    unsigned long start) {
  return FIND_BIT_NEXT(FIND_BIT_ANDNOT, size, start);
}

unsigned long _find_last_bit(const unsigned long *a, unsigned long size) {
  unsigned long i = BITS_TO_LONGS(size);

  if (!size) return size;
  if (size % BITS_PER_LONG) {
    unsigned long word = a[--i] & BITMAP_LAST_WORD_MASK(size);

    if (word) return i * BITS_PER_LONG + __fls(word);
  }
  while (i--)
    if (a[i]) return i * BITS_PER_LONG + __fls(a[i]);
  return size;
}

/* ---- the n-th set bit, counted from 0 ---- */

static unsigned long find_bit_nth_of_word(unsigned long word, unsigned long n) {
  for (; n; n--) word &= word - 1;
  return __ffs(word);
}

#define FIND_BIT_NTH(WORD, size, n)                                                 \
  ({                                                                                \
    unsigned long size_ = (size), n_ = (n), i_ = 0, found_ = size_;                 \
    for (; i_ * BITS_PER_LONG < size_; i_++) {                                      \
      unsigned long word_ = WORD(i_), weight_;                                      \
      if ((i_ + 1) * BITS_PER_LONG > size_) word_ &= BITMAP_LAST_WORD_MASK(size_);  \
      weight_ = hweight_long(word_);                                                \
      if (n_ < weight_) {                                                           \
        found_ = i_ * BITS_PER_LONG + find_bit_nth_of_word(word_, n_);              \
        break;                                                                      \
      }                                                                             \
      n_ -= weight_;                                                                \
    }                                                                               \
    found_;                                                                         \
  })

unsigned long __find_nth_bit(const unsigned long *a, unsigned long size, unsigned long n) {
  return FIND_BIT_NTH(FIND_BIT_ONE, size, n);
}

unsigned long __find_nth_and_bit(const unsigned long *a, const unsigned long *b, unsigned long size, unsigned long n) {
  return FIND_BIT_NTH(FIND_BIT_AND, size, n);
}

unsigned long __find_nth_andnot_bit(const unsigned long *a, const unsigned long *b, unsigned long size, unsigned long n) {
  return FIND_BIT_NTH(FIND_BIT_ANDNOT, size, n);
}

/* What later kernels added. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
unsigned long _find_next_or_bit(const unsigned long *a, const unsigned long *b, unsigned long size, unsigned long start) {
  return FIND_BIT_NEXT(FIND_BIT_OR, size, start);
}
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
unsigned long __find_nth_and_andnot_bit(const unsigned long *a, const unsigned long *b, const unsigned long *c,
                                        unsigned long size, unsigned long n) {
  return FIND_BIT_NTH(FIND_BIT_AND_ANDNOT, size, n);
}
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
unsigned long _find_first_and_and_bit(const unsigned long *a, const unsigned long *b, const unsigned long *c,
                                      unsigned long size) {
  return FIND_BIT_NEXT(FIND_BIT_AND_AND, size, 0);
}
#endif

/* The next byte of the bitmap that has a bit set. */
unsigned long find_next_clump8(unsigned long *clump, const unsigned long *a, unsigned long size, unsigned long start) {
  unsigned long bit = _find_next_bit(a, size, start);

  if (bit >= size) return size;
  bit = round_down(bit, 8);
  *clump = a[bit / BITS_PER_LONG] >> bit % BITS_PER_LONG & 0xff;
  return bit;
}
