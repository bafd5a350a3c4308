// SPDX-License-Identifier: GPL-2.0-only
/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012), and hsiphash, which on 64-bit machines is SipHash-1-3 cut to 32 bits.
 * The functions for a few integers hash the bytes those integers have in memory.
 */
#include "lib.h"

#include <linux/siphash.h>

struct siphash_state {
  u64 v0, v1, v2, v3;
};

static __always_inline u64 siphash_rotl(u64 x, int bits) { return x << bits | x >> (64 - bits); }

static __always_inline void siphash_rounds(struct siphash_state *s, int count) {
  for (; count; count--) {
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = siphash_rotl(s->v1, 13) ^ s->v0;
    s->v3 = siphash_rotl(s->v3, 16) ^ s->v2;
    s->v0 = siphash_rotl(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = siphash_rotl(s->v1, 17) ^ s->v2;
    s->v3 = siphash_rotl(s->v3, 21) ^ s->v0;
    s->v2 = siphash_rotl(s->v2, 32);
  }
}

static __always_inline void siphash_absorb(struct siphash_state *s, u64 word, int rounds) {
  s->v3 ^= word;
  siphash_rounds(s, rounds);
  s->v0 ^= word;
}

/* The whole function: `compress` rounds for each word, `finish` at the end; the last word carries the length. */
static __always_inline u64 siphash_bytes(const u8 *p, size_t size, u64 key0, u64 key1, int compress, int finish) {
  struct siphash_state s = {key0 ^ 0x736f6d6570736575ULL, key1 ^ 0x646f72616e646f6dULL, key0 ^ 0x6c7967656e657261ULL,
                            key1 ^ 0x7465646279746573ULL};
  u64 last = (u64)size << 56;
  size_t i;

  for (i = 0; i + 8 <= size; i += 8) siphash_absorb(&s, get_unaligned_le64(p + i), compress);
  for (; i < size; i++) last |= (u64)p[i] << (8 * (i & 7));
  siphash_absorb(&s, last, compress);
  s.v2 ^= 0xff;
  siphash_rounds(&s, finish);
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

u64 __siphash_unaligned(const void *data, size_t size, const siphash_key_t *key) {
  return siphash_bytes(data, size, key->key[0], key->key[1], 2, 4);
}

u64 siphash_1u64(const u64 a, const siphash_key_t *key) { return __siphash_unaligned(&a, sizeof(a), key); }

u64 siphash_2u64(const u64 a, const u64 b, const siphash_key_t *key) {
  const u64 words[] = {a, b};

  return __siphash_unaligned(words, sizeof(words), key);
}

u64 siphash_3u64(const u64 a, const u64 b, const u64 c, const siphash_key_t *key) {
  const u64 words[] = {a, b, c};

  return __siphash_unaligned(words, sizeof(words), key);
}

u64 siphash_4u64(const u64 a, const u64 b, const u64 c, const u64 d, const siphash_key_t *key) {
  const u64 words[] = {a, b, c, d};

  return __siphash_unaligned(words, sizeof(words), key);
}

u64 siphash_1u32(const u32 a, const siphash_key_t *key) { return __siphash_unaligned(&a, sizeof(a), key); }

u64 siphash_3u32(const u32 a, const u32 b, const u32 c, const siphash_key_t *key) {
  const u32 words[] = {a, b, c};

  return __siphash_unaligned(words, sizeof(words), key);
}

u32 __hsiphash_unaligned(const void *data, size_t size, const hsiphash_key_t *key) {
  return siphash_bytes(data, size, key->key[0], key->key[1], 1, 3);
}

u32 hsiphash_1u32(const u32 a, const hsiphash_key_t *key) { return __hsiphash_unaligned(&a, sizeof(a), key); }

u32 hsiphash_2u32(const u32 a, const u32 b, const hsiphash_key_t *key) {
  const u32 words[] = {a, b};

  return __hsiphash_unaligned(words, sizeof(words), key);
}

u32 hsiphash_3u32(const u32 a, const u32 b, const u32 c, const hsiphash_key_t *key) {
  const u32 words[] = {a, b, c};

  return __hsiphash_unaligned(words, sizeof(words), key);
}

u32 hsiphash_4u32(const u32 a, const u32 b, const u32 c, const u32 d, const hsiphash_key_t *key) {
  const u32 words[] = {a, b, c, d};

  return __hsiphash_unaligned(words, sizeof(words), key);
}
