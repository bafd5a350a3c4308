// SPDX-License-Identifier: GPL-2.0-only
/* xxHash, 32 and 64 bits wide (Y. Collet, "xxHash fast digest algorithm", specification version 0.1.1). */
#include "lib.h"

#include <linux/xxhash.h>

static const u32 xxhash_p32[] = {0, 2654435761U, 2246822519U, 3266489917U, 668265263U, 374761393U};
static const u64 xxhash_p64[] = {0,
                                 11400714785074694791ULL,
                                 14029467366897019727ULL,
                                 1609587929392839161ULL,
                                 9650029242287828579ULL,
                                 2870177450012600261ULL};

static u32 xxhash_rotl32(u32 x, int bits) { return x << bits | x >> (32 - bits); }
static u64 xxhash_rotl64(u64 x, int bits) { return x << bits | x >> (64 - bits); }

static u32 xxhash_round32(u32 lane, u32 input) {
  return xxhash_rotl32(lane + input * xxhash_p32[2], 13) * xxhash_p32[1];
}

static u64 xxhash_round64(u64 lane, u64 input) {
  return xxhash_rotl64(lane + input * xxhash_p64[2], 31) * xxhash_p64[1];
}

/* ---- 32 bits: stripes of 16 bytes ---- */

void xxh32_reset(struct xxh32_state *state, u32 seed) {
  memset(state, 0, sizeof(*state));
  state->v1 = seed + xxhash_p32[1] + xxhash_p32[2];
  state->v2 = seed + xxhash_p32[2];
  state->v3 = seed;
  state->v4 = seed - xxhash_p32[1];
}

static void xxhash_stripe32(struct xxh32_state *state, const u8 *p) {
  state->v1 = xxhash_round32(state->v1, get_unaligned_le32(p));
  state->v2 = xxhash_round32(state->v2, get_unaligned_le32(p + 4));
  state->v3 = xxhash_round32(state->v3, get_unaligned_le32(p + 8));
  state->v4 = xxhash_round32(state->v4, get_unaligned_le32(p + 12));
}

int xxh32_update(struct xxh32_state *state, const void *input, size_t size) {
  const u8 *p = input;

  if (!input) return -EINVAL;
  state->total_len_32 += (u32)size;
  state->large_len |= (size >= 16) | (state->total_len_32 >= 16);
  if (state->memsize + size < 16) {
    memcpy((u8 *)state->mem32 + state->memsize, p, size);
    state->memsize += size;
    return 0;
  }
  if (state->memsize) {
    size_t missing = 16 - state->memsize;

    memcpy((u8 *)state->mem32 + state->memsize, p, missing);
    xxhash_stripe32(state, (u8 *)state->mem32);
    p += missing;
    size -= missing;
  }
  for (; size >= 16; size -= 16, p += 16) xxhash_stripe32(state, p);
  memcpy(state->mem32, p, size);
  state->memsize = size;
  return 0;
}

u32 xxh32_digest(const struct xxh32_state *state) {
  const u8 *p = (const u8 *)state->mem32;
  u32 left = state->memsize;
  u32 hash = state->large_len ? xxhash_rotl32(state->v1, 1) + xxhash_rotl32(state->v2, 7) +
                                    xxhash_rotl32(state->v3, 12) + xxhash_rotl32(state->v4, 18)
                              : state->v3 + xxhash_p32[5]; /* v3 is still the seed */

  hash += state->total_len_32;
  for (; left >= 4; left -= 4, p += 4)
    hash = xxhash_rotl32(hash + get_unaligned_le32(p) * xxhash_p32[3], 17) * xxhash_p32[4];
  for (; left; left--, p++) hash = xxhash_rotl32(hash + *p * xxhash_p32[5], 11) * xxhash_p32[1];
  hash = (hash ^ hash >> 15) * xxhash_p32[2];
  hash = (hash ^ hash >> 13) * xxhash_p32[3];
  return hash ^ hash >> 16;
}

u32 xxh32(const void *input, size_t size, u32 seed) {
  struct xxh32_state state;

  xxh32_reset(&state, seed);
  if (size) xxh32_update(&state, input, size);
  return xxh32_digest(&state);
}

void xxh32_copy_state(struct xxh32_state *dst, const struct xxh32_state *src) { memcpy(dst, src, sizeof(*dst)); }

/* ---- 64 bits: stripes of 32 bytes ---- */

void xxh64_reset(struct xxh64_state *state, u64 seed) {
  memset(state, 0, sizeof(*state));
  state->v1 = seed + xxhash_p64[1] + xxhash_p64[2];
  state->v2 = seed + xxhash_p64[2];
  state->v3 = seed;
  state->v4 = seed - xxhash_p64[1];
}

static void xxhash_stripe64(struct xxh64_state *state, const u8 *p) {
  state->v1 = xxhash_round64(state->v1, get_unaligned_le64(p));
  state->v2 = xxhash_round64(state->v2, get_unaligned_le64(p + 8));
  state->v3 = xxhash_round64(state->v3, get_unaligned_le64(p + 16));
  state->v4 = xxhash_round64(state->v4, get_unaligned_le64(p + 24));
}

int xxh64_update(struct xxh64_state *state, const void *input, size_t size) {
  const u8 *p = input;

  if (!input) return -EINVAL;
  state->total_len += size;
  if (state->memsize + size < 32) {
    memcpy((u8 *)state->mem64 + state->memsize, p, size);
    state->memsize += size;
    return 0;
  }
  if (state->memsize) {
    size_t missing = 32 - state->memsize;

    memcpy((u8 *)state->mem64 + state->memsize, p, missing);
    xxhash_stripe64(state, (u8 *)state->mem64);
    p += missing;
    size -= missing;
  }
  for (; size >= 32; size -= 32, p += 32) xxhash_stripe64(state, p);
  memcpy(state->mem64, p, size);
  state->memsize = size;
  return 0;
}

static u64 xxhash_merge64(u64 hash, u64 lane) {
  return (hash ^ xxhash_round64(0, lane)) * xxhash_p64[1] + xxhash_p64[4];
}

u64 xxh64_digest(const struct xxh64_state *state) {
  const u8 *p = (const u8 *)state->mem64;
  u32 left = state->memsize;
  u64 hash;

  if (state->total_len >= 32) {
    hash = xxhash_rotl64(state->v1, 1) + xxhash_rotl64(state->v2, 7) + xxhash_rotl64(state->v3, 12) +
           xxhash_rotl64(state->v4, 18);
    hash = xxhash_merge64(hash, state->v1);
    hash = xxhash_merge64(hash, state->v2);
    hash = xxhash_merge64(hash, state->v3);
    hash = xxhash_merge64(hash, state->v4);
  } else {
    hash = state->v3 + xxhash_p64[5];
  }
  hash += state->total_len;
  for (; left >= 8; left -= 8, p += 8)
    hash = xxhash_rotl64(hash ^ xxhash_round64(0, get_unaligned_le64(p)), 27) * xxhash_p64[1] + xxhash_p64[4];
  if (left >= 4) {
    hash = xxhash_rotl64(hash ^ get_unaligned_le32(p) * xxhash_p64[1], 23) * xxhash_p64[2] + xxhash_p64[3];
    p += 4;
    left -= 4;
  }
  for (; left; left--, p++) hash = xxhash_rotl64(hash ^ *p * xxhash_p64[5], 11) * xxhash_p64[1];
  hash = (hash ^ hash >> 33) * xxhash_p64[2];
  hash = (hash ^ hash >> 29) * xxhash_p64[3];
  return hash ^ hash >> 32;
}

u64 xxh64(const void *input, size_t size, u64 seed) {
  struct xxh64_state state;

  xxh64_reset(&state, seed);
  if (size) xxh64_update(&state, input, size);
  return xxh64_digest(&state);
}

void xxh64_copy_state(struct xxh64_state *dst, const struct xxh64_state *src) { memcpy(dst, src, sizeof(*dst)); }
