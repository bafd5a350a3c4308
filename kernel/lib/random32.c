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

/* The registers have high bits alone; seeds below these would leave them all zero. */
static const u32 random32_least_seed[] = {2, 8, 16, 128};

void prandom_seed_full_state(struct rnd_state __percpu *states) {
  u32 seed[ARRAY_SIZE(random32_least_seed)];
  int cpu, i;

  for_each_possible_cpu(cpu) {
    struct rnd_state *state = per_cpu_ptr(states, cpu);
    u32 *const registers[] = {&state->s1, &state->s2, &state->s3, &state->s4};

    get_random_bytes(seed, sizeof(seed));
    for (i = 0; i < ARRAY_SIZE(seed); i++) *registers[i] = __seed(seed[i], random32_least_seed[i]);
    for (i = 0; i < 10; i++) prandom_u32_state(state); /* past the correlated beginning */
  }
}
