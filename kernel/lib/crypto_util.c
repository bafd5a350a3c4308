// SPDX-License-Identifier: GPL-2.0-only
/*
 * The small functions that cryptographic modules share: comparison in constant time, exclusive or, counters, and the
 * ChaCha block function (D. Bernstein, "ChaCha, a variant of Salsa20"; RFC 7539).
 */
#include "lib.h"

#include <crypto/algapi.h>
#include <crypto/chacha.h>
#if __has_include(<crypto/utils.h>)
#include <crypto/utils.h>
#endif

/* Zero if equal. The time depends on the size alone, so every byte is read and the optimiser sees no early end. */
noinline unsigned long __crypto_memneq(const void *a, const void *b, size_t size) {
  const u8 *p = a, *q = b;
  unsigned long difference = 0;

  for (; size >= 8; size -= 8, p += 8, q += 8) {
    difference |= get_unaligned((const u64 *)p) ^ get_unaligned((const u64 *)q);
    lib_hide(difference);
  }
  for (; size; size--, p++, q++) {
    difference |= *p ^ *q;
    lib_hide(difference);
  }
  return difference;
}

void __crypto_xor(u8 *dst, const u8 *a, const u8 *b, unsigned int size) {
  for (; size >= 8; size -= 8, dst += 8, a += 8, b += 8)
    put_unaligned(get_unaligned((const u64 *)a) ^ get_unaligned((const u64 *)b), (u64 *)dst);
  for (; size; size--) *dst++ = *a++ ^ *b++;
}

/* Adds one to a big-endian number. */
void crypto_inc(u8 *number, unsigned int size) {
  while (size--)
    if (++number[size]) return;
}

/* ---- ChaCha: a state of sixteen words ---- */

static void crypto_util_quarter(u32 *x, int a, int b, int c, int d) {
  x[a] += x[b];
  x[d] = rol32(x[d] ^ x[a], 16);
  x[c] += x[d];
  x[b] = rol32(x[b] ^ x[c], 12);
  x[a] += x[b];
  x[d] = rol32(x[d] ^ x[a], 8);
  x[c] += x[d];
  x[b] = rol32(x[b] ^ x[c], 7);
}

static void crypto_util_chacha(u32 x[16], int rounds) {
  int i;

#line KOI_LINE(21, 21) "lib/crypto/chacha.c"
  WARN_ON_ONCE(rounds != 20 && rounds != 12);
  for (i = 0; i < rounds; i += 2) {
    crypto_util_quarter(x, 0, 4, 8, 12);
    crypto_util_quarter(x, 1, 5, 9, 13);
    crypto_util_quarter(x, 2, 6, 10, 14);
    crypto_util_quarter(x, 3, 7, 11, 15);
    crypto_util_quarter(x, 0, 5, 10, 15);
    crypto_util_quarter(x, 1, 6, 11, 12);
    crypto_util_quarter(x, 2, 7, 8, 13);
    crypto_util_quarter(x, 3, 4, 9, 14);
  }
}

/* One block of key stream; the block counter in the state goes on. */
void chacha_block_generic(u32 *state, u8 *stream, int rounds) {
  u32 x[16];
  int i;

  memcpy(x, state, sizeof(x));
  crypto_util_chacha(x, rounds);
  for (i = 0; i < 16; i++) put_unaligned_le32(x[i] + state[i], stream + 4 * i);
  state[12]++;
}

/* HChaCha: a key from a key and a nonce, for the X variants. */
void hchacha_block_generic(const u32 *state, u32 *out, int rounds) {
  u32 x[16];

  memcpy(x, state, sizeof(x));
  crypto_util_chacha(x, rounds);
  memcpy(out, x, 16);
  memcpy(out + 4, x + 12, 16);
}
