// SPDX-License-Identifier: GPL-2.0-only
/*
 * Blocks of memory: copy, fill, compare and scan, as declared by <linux/string.h>.
 *
 * Copies and fills use the string instructions, as the kernel's own do on a CPU with fast strings: at a fault
 * the registers then say how far the copy got. Short ones are done in whole words, without their start-up cost.
 */
#include "lib.h"

#include <linux/bitops.h>

/* Below this many bytes words are faster than `rep movsb`. */
#define MEMORY_SHORT_BYTES 64

typedef u64 __attribute__((may_alias, aligned(1))) memory_u64;
typedef u32 __attribute__((may_alias, aligned(1))) memory_u32;
typedef u16 __attribute__((may_alias, aligned(1))) memory_u16;

static __always_inline void memory_rep_movsb(void *to, const void *from, size_t bytes) {
  asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
}

/* Reads everything of a block of up to 16 bytes before it writes any of it: right for overlapping blocks too. */
static __always_inline void memory_move_to_16(char *to, const char *from, size_t bytes) {
  if (bytes >= 8) {
    u64 first = *(const memory_u64 *)from, last = *(const memory_u64 *)(from + bytes - 8);

    *(memory_u64 *)to = first;
    *(memory_u64 *)(to + bytes - 8) = last;
  } else if (bytes >= 4) {
    u32 first = *(const memory_u32 *)from, last = *(const memory_u32 *)(from + bytes - 4);

    *(memory_u32 *)to = first;
    *(memory_u32 *)(to + bytes - 4) = last;
  } else if (bytes >= 2) {
    u16 first = *(const memory_u16 *)from, last = *(const memory_u16 *)(from + bytes - 2);

    *(memory_u16 *)to = first;
    *(memory_u16 *)(to + bytes - 2) = last;
  } else if (bytes) {
    *to = *from;
  }
}

static __always_inline void *memory_copy(void *dest, const void *src, size_t bytes) {
  char *to = dest;
  const char *from = src;

  if (bytes > MEMORY_SHORT_BYTES) {
    memory_rep_movsb(to, from, bytes);
    return dest;
  }
  for (; bytes > 16; bytes -= 8, to += 8, from += 8) {
    *(memory_u64 *)to = *(const memory_u64 *)from;
    lib_hide(to);
  }
  memory_move_to_16(to, from, bytes);
  return dest;
}

void *memcpy(void *dest, const void *src, size_t bytes) { return memory_copy(dest, src, bytes); }
void *__memcpy(void *dest, const void *src, size_t bytes) { return memory_copy(dest, src, bytes); }

static __always_inline void *memory_move(void *dest, const void *src, size_t bytes) {
  char *to = dest;
  const char *from = src;

  if (bytes <= 16) {
    memory_move_to_16(to, from, bytes);
  } else if ((size_t)(to - from) >= bytes) { /* below the source, or clear of it: forwards is right */
    memory_rep_movsb(to, from, bytes);
  } else {
    /* From the top down, a word at a time; what is left is at most 16 bytes and is read before it is written. */
    for (; bytes > 16; bytes -= 8) {
      *(memory_u64 *)(to + bytes - 8) = *(const memory_u64 *)(from + bytes - 8);
      lib_hide(bytes);
    }
    memory_move_to_16(to, from, bytes);
  }
  return dest;
}

void *memmove(void *dest, const void *src, size_t bytes) { return memory_move(dest, src, bytes); }
void *__memmove(void *dest, const void *src, size_t bytes);
void *__memmove(void *dest, const void *src, size_t bytes) { return memory_move(dest, src, bytes); }

static __always_inline void *memory_fill(void *dest, int value, size_t bytes) {
  char *to = dest;
  u64 word = (u8)value * 0x0101010101010101ULL;

  if (bytes > MEMORY_SHORT_BYTES) {
    void *cursor = dest;

    asm volatile("rep stosb" : "+D"(cursor), "+c"(bytes) : "a"(value) : "memory");
    return dest;
  }
  if (bytes >= 8) {
    for (; bytes > 8; bytes -= 8, to += 8) {
      *(memory_u64 *)to = word;
      lib_hide(to);
    }
    *(memory_u64 *)(to + bytes - 8) = word;
    return dest;
  }
  for (; bytes; bytes--) {
    *to++ = (char)value;
    lib_hide(to);
  }
  return dest;
}

void *memset(void *dest, int value, size_t bytes) { return memory_fill(dest, value, bytes); }
void *__memset(void *dest, int value, size_t bytes) { return memory_fill(dest, value, bytes); }

/* ---- comparison ---- */

int memcmp(const void *left, const void *right, size_t bytes) {
  const u8 *a = left, *b = right;

  for (; bytes >= 8; bytes -= 8, a += 8, b += 8)
    if (*(const memory_u64 *)a != *(const memory_u64 *)b) {
      bytes = 8; /* the difference is in this word: the byte loop finds it */
      break;
    }
  for (; bytes; bytes--, a++, b++)
    if (*a != *b) return *a - *b;
  return 0;
}

int bcmp(const void *left, const void *right, size_t bytes) { return memcmp(left, right, bytes); }

/* ---- scanning ---- */

void *memchr(const void *s, int c, size_t bytes) {
  const u8 *p = s;

  for (; bytes; bytes--, p++)
    if (*p == (u8)c) return (void *)p;
  return NULL;
}

/* Like memchr, but returns one past the area when the byte is not there. */
void *memscan(void *s, int c, size_t bytes) {
  u8 *p = s;

  for (; bytes && *p != (u8)c; bytes--) p++;
  return p;
}

/* The first byte that is not `c`; NULL when all are. */
void *memchr_inv(const void *s, int c, size_t bytes) {
  const u8 *p = s;
  u64 word = (u8)c * 0x0101010101010101ULL;

  for (; bytes >= 8; bytes -= 8, p += 8)
    if (*(const memory_u64 *)p != word) break;
  for (; bytes; bytes--, p++)
    if (*p != (u8)c) return (void *)p;
  return NULL;
}

/* Number of set bits in a block. */
size_t memweight(const void *s, size_t bytes) {
  const u8 *p = s;
  size_t weight = 0;

  for (; bytes; bytes--) weight += hweight8(*p++);
  return weight;
}

void memcpy_and_pad(void *dest, size_t dest_bytes, const void *src, size_t bytes, int pad) {
  if (dest_bytes <= bytes) {
    memcpy(dest, src, dest_bytes);
    return;
  }
  memcpy(dest, src, bytes);
  memset((char *)dest + bytes, pad, dest_bytes - bytes);
}

/* Concatenates two NULL-terminated arrays of pointers into a new one, for the macro memcat_p(). */
void **__memcat_p(void **a, void **b) {
  size_t na = 0, nb = 0;
  void **both;

  while (a[na]) na++;
  while (b[nb]) nb++;
  both = kmalloc_array(na + nb + 1, sizeof(*both), GFP_KERNEL);
  if (!both) return NULL;
  memcpy(both, a, na * sizeof(*both));
  memcpy(both + na, b, (nb + 1) * sizeof(*both));
  return both;
}

#ifdef CONFIG_ARCH_HAS_UACCESS_FLUSHCACHE
/* There is no persistent memory whose cache lines would have to be written back. */
void __memcpy_flushcache(void *dest, const void *src, size_t bytes) { memory_copy(dest, src, bytes); }
#endif
