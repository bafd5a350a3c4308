/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The loops of the memory benchmark: one text for the kernel module and for the peers' program, so that both do the same work.
 *
 * The includer provides u32, u64, and
 *   bench_alloc(size), bench_free(p)                      kmalloc, kfree; malloc, free
 *   bench_cache_alloc(size), bench_cache_free(size, p)    a cache of one size
 *   bench_pages_alloc(order), bench_pages_free(p, order)
 *   bench_bulk_alloc(count, objects), bench_bulk_free(count, objects)   objects of BENCH_BULK_BYTES bytes; 0: failed
 *   bench_fill(p, size)                                   what must be done to a new object (clear it, touch it, nothing)
 *   bench_relax()                                         now and then, in long loops
 * and arrays bench_objects[BENCH_MOST], bench_order[BENCH_MOST], bench_sizes[BENCH_MOST].
 */
#ifndef KOI_BENCH_LOOPS_H
#define KOI_BENCH_LOOPS_H

#define BENCH_MOST 400000
#define BENCH_BULK_BYTES 256
#define BENCH_LIVE 1000
#define BENCH_RELAX_MASK 0xffff

/* Request sizes of a kernel at work, smaller ones more often; the classes' means are between powers of two, too. */
static const unsigned short bench_mix_sizes[64] = {
    8,   16,  16,  16,  24,  24,  32,  32,  32,  32,  32,  40,   40,   48,   56,   56,
    64,  64,  64,  64,  64,  64,  64,  72,  80,  80,  88,  96,   96,   96,   104,  112,
    120, 128, 128, 128, 128, 128, 136, 152, 160, 176, 192, 192,  192,  200,  232,  256,
    256, 256, 296, 320, 384, 440, 512, 512, 576, 640, 768, 1000, 1024, 1088, 2048, 4096,
};

static u64 bench_random_state;

static inline u32 bench_random(void) {
  u64 x = bench_random_state;

  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  bench_random_state = x;
  return (u32)(x >> 32);
}

static inline void bench_seed(void) { bench_random_state = 0x9e3779b97f4a7c15ULL; }

static inline u32 bench_mix_size(void) { return bench_mix_sizes[bench_random() & 63]; }

/* An empty loop with the same calls to nothing would be the floor of these; nothing is subtracted. */
static u64 bench_pair(u32 size, u32 count) {
  u32 i;

  for (i = 0; i < count; i++) {
    void* p = bench_alloc(size);

    if (!p) return 0;
    bench_fill(p, size);
    bench_free(p);
    if ((i & BENCH_RELAX_MASK) == 0) bench_relax();
  }
  return count;
}

/* The same while other objects of that size are alive. */
static u64 bench_live_pair(u32 size, u32 count) {
  u64 done;
  u32 i;

  for (i = 0; i < BENCH_LIVE; i++) bench_objects[i] = bench_alloc(size);
  done = bench_pair(size, count);
  for (i = 0; i < BENCH_LIVE; i++) bench_free(bench_objects[i]);
  return done;
}

static u64 bench_cache_pair(u32 size, u32 count) {
  u32 i;

  for (i = 0; i < count; i++) {
    void* p = bench_cache_alloc(size);

    if (!p) return 0;
    bench_fill(p, size);
    bench_cache_free(size, p);
    if ((i & BENCH_RELAX_MASK) == 0) bench_relax();
  }
  return count;
}

/* how: 0 in order, 1 in reverse, 2 shuffled. The permutation is made once. */
static u64 bench_batch(u32 size, u32 objects, u32 how, u32 rounds) {
  static u32 prepared, prepared_how = 3;
  u32 round, i;

  if (prepared != objects || prepared_how != how) {
    bench_seed();
    for (i = 0; i < objects; i++) bench_order[i] = how == 1 ? objects - 1 - i : i;
    for (i = objects - 1; how == 2 && i > 0; i--) {
      u32 j = bench_random() % (i + 1), t = bench_order[i];

      bench_order[i] = bench_order[j];
      bench_order[j] = t;
    }
    prepared = objects;
    prepared_how = how;
  }
  for (round = 0; round < rounds; round++) {
    for (i = 0; i < objects; i++) {
      void* p = bench_alloc(size);

      if (!p) return 0;
      bench_fill(p, size);
      bench_objects[i] = p;
    }
    bench_relax();
    for (i = 0; i < objects; i++) bench_free(bench_objects[bench_order[i]]);
    bench_relax();
  }
  return (u64)rounds * objects;
}

/* One step: a random slot's object goes, another one of a random size comes. */
static u64 bench_mix(u32 slots, u32 steps) {
  u32 i;

  bench_seed();
  for (i = 0; i < slots; i++) bench_objects[i] = 0;
  for (i = 0; i < steps; i++) {
    u32 slot = (u32)((u64)bench_random() * slots >> 32);
    u32 size = bench_mix_size();
    void* p;

    if (bench_objects[slot]) bench_free(bench_objects[slot]);
    p = bench_alloc(size);
    if (!p) return 0;
    bench_fill(p, size);
    bench_objects[slot] = p;
    if ((i & BENCH_RELAX_MASK) == 0) bench_relax();
  }
  for (i = 0; i < slots; i++)
    if (bench_objects[i]) bench_free(bench_objects[i]);
  return steps;
}

static u64 bench_pages(u32 order, u32 count) {
  u32 i;

  for (i = 0; i < count; i++) {
    void* p = bench_pages_alloc(order);

    if (!p) return 0;
    bench_fill(p, 4096u << order);
    bench_pages_free(p, order);
    if ((i & BENCH_RELAX_MASK) == 0) bench_relax();
  }
  return count;
}

static u64 bench_bulk(u32 objects, u32 rounds) {
  u32 i, j;

  for (i = 0; i < rounds; i++) {
    if (!bench_bulk_alloc(objects, bench_objects)) return 0;
    for (j = 0; j < objects; j++) bench_fill(bench_objects[j], BENCH_BULK_BYTES);
    bench_bulk_free(objects, bench_objects);
    if ((i & BENCH_RELAX_MASK) == 0) bench_relax();
  }
  return (u64)rounds * objects;
}

/* Waste: each returns the bytes asked for that are alive. */
static u64 bench_live_bytes;

static u64 bench_waste_fill(u32 objects) {
  u32 i;

  bench_seed();
  bench_live_bytes = 0;
  for (i = 0; i < objects; i++) {
    bench_sizes[i] = bench_mix_size();
    bench_objects[i] = bench_alloc(bench_sizes[i]);
    if (!bench_objects[i]) return 0;
    bench_fill(bench_objects[i], bench_sizes[i]);
    bench_live_bytes += bench_sizes[i];
    if ((i & BENCH_RELAX_MASK) == 0) bench_relax();
  }
  return bench_live_bytes;
}

static u64 bench_waste_churn(u32 objects, u32 steps) {
  u32 i;

  for (i = 0; i < steps; i++) {
    u32 slot = (u32)((u64)bench_random() * objects >> 32);

    bench_free(bench_objects[slot]);
    bench_live_bytes -= bench_sizes[slot];
    bench_sizes[slot] = bench_mix_size();
    bench_objects[slot] = bench_alloc(bench_sizes[slot]);
    if (!bench_objects[slot]) return 0;
    bench_fill(bench_objects[slot], bench_sizes[slot]);
    bench_live_bytes += bench_sizes[slot];
    if ((i & BENCH_RELAX_MASK) == 0) bench_relax();
  }
  return bench_live_bytes;
}

/* Frees a random tenth after the other until `keep` of 10 are left. */
static u64 bench_waste_thin(u32 objects, u32 keep) {
  u32 i;

  for (i = 0; i < objects; i++) {
    if (!bench_objects[i] || bench_random() % 10 < keep) continue;
    bench_free(bench_objects[i]);
    bench_objects[i] = 0;
    bench_live_bytes -= bench_sizes[i];
  }
  return bench_live_bytes;
}

/* "pair 256 1000000": 0 is what a failed or unknown loop returns. */
static u64 bench_run(const char* name, u32 a, u32 b, u32 c, u32 d) {
  switch (name[0] << 8 | name[1]) {
    case 'p' << 8 | 'a':
      return name[2] == 'i' ? bench_pair(a, b) : bench_pages(a, b);
    case 'l' << 8 | 'i':
      return bench_live_pair(a, b);
    case 'c' << 8 | 'a':
      return bench_cache_pair(a, b);
    case 'b' << 8 | 'a':
      return bench_batch(a, b, c, d);
    case 'm' << 8 | 'i':
      return bench_mix(a, b);
    case 'b' << 8 | 'u':
      return bench_bulk(a, b);
    case 'w' << 8 | 'f':
      return bench_waste_fill(a);
    case 'w' << 8 | 'c':
      return bench_waste_churn(a, b);
    case 'w' << 8 | 't':
      return bench_waste_thin(a, b);
  }
  return 0;
}

#endif
