// SPDX-License-Identifier: GPL-2.0-only
/*
 * A repeatable pseudo-random generator with the caller's state: taus113, P. L'Ecuyer, "Tables of maximally
 * equidistributed combined LFSR generators", Mathematics of Computation 68 (1999).
 */
#include "lib.h"

#include <linux/percpu.h>
#include <linux/prandom.h>
#include <linux/random.h>

/* One component: a linear feedback shift register with trinomial parameters q and s, of k significant bits. */
static __always_inline u32 random32_component(u32 z, int q, int back, int forward, u32 mask) {
  return (z & mask) << forward ^ ((z << q ^ z) >> back);
}

u32 prandom_u32_state(struct rnd_state *state) {
  state->s1 = random32_component(state->s1, 6, 13, 18, ~1U);
  state->s2 = random32_component(state->s2, 2, 27, 2, ~7U);
  state->s3 = random32_component(state->s3, 13, 21, 7, ~15U);
  state->s4 = random32_component(state->s4, 3, 12, 13, ~127U);
  return state->s1 ^ state->s2 ^ state->s3 ^ state->s4;
}

void prandom_bytes_state(struct rnd_state *state, void *buffer, size_t size) {
  u8 *p = buffer;

  for (; size >= 4; size -= 4, p += 4) put_unaligned(prandom_u32_state(state), (u32 *)p);
  if (size) {
    u32 last = prandom_u32_state(state);

    for (; size; size--, last >>= 8) *p++ = last;
  }
}

void prandom_seed_full_state(struct rnd_state __percpu *pcpu_state) {
  int cpu, i;

  for_each_possible_cpu(cpu) {
    struct rnd_state *state = per_cpu_ptr(pcpu_state, cpu);
    u32 seeds[4];

    get_random_bytes(seeds, sizeof(seeds));
    state->s1 = __seed(seeds[0], 2U);
    state->s2 = __seed(seeds[1], 8U);
    state->s3 = __seed(seeds[2], 16U);
    state->s4 = __seed(seeds[3], 128U);
    for (i = 0; i < 10; i++) prandom_u32_state(state); /* past the correlated beginning */
  }
}
