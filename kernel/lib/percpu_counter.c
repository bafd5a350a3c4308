// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters with a part for each CPU (<linux/percpu_counter.h>): a CPU adds to its own part, and moves it into the common
 * count when it reaches the batch. The common count alone is therefore only approximate.
 */
#include "lib.h"

#include <linux/cpumask.h>
#include <linux/percpu.h>
#include <linux/percpu_counter.h>

int percpu_counter_batch __read_mostly = 32;

static void percpu_counter_begin(struct percpu_counter *counter, s64 amount, s32 __percpu *parts,
                                 struct lock_class_key *key) {
  raw_spin_lock_init(&counter->lock);
  lockdep_set_class(&counter->lock, key);
#ifdef CONFIG_HOTPLUG_CPU
  INIT_LIST_HEAD(&counter->list);
#endif
  counter->count = amount;
  counter->counters = parts;
}

#ifdef percpu_counter_init_many
/* Several counters share one allocation, part by part. */
int __percpu_counter_init_many(struct percpu_counter *counters, s64 amount, gfp_t gfp, u32 count,
                               struct lock_class_key *key) {
  size_t stride = ALIGN(sizeof(s32), __alignof__(s32));
  void __percpu *parts = __alloc_percpu_gfp(count * stride, __alignof__(s32), gfp);
  u32 i;

  if (!parts) {
    counters[0].counters = NULL;
    return -ENOMEM;
  }
  for (i = 0; i < count; i++) percpu_counter_begin(&counters[i], amount, parts + i * stride, key);
  return 0;
}

void percpu_counter_destroy_many(struct percpu_counter *counters, u32 count) {
  u32 i;

#line KOI_LINE(0, 232) "lib/percpu_counter.c"
  if (WARN_ON_ONCE(!counters) || !counters[0].counters) return;
  free_percpu(counters[0].counters);
  for (i = 0; i < count; i++) counters[i].counters = NULL;
}
#else
int __percpu_counter_init(struct percpu_counter *counter, s64 amount, gfp_t gfp, struct lock_class_key *key) {
  s32 __percpu *parts = alloc_percpu_gfp(s32, gfp);

  percpu_counter_begin(counter, amount, parts, key);
  return parts ? 0 : -ENOMEM;
}

void percpu_counter_destroy(struct percpu_counter *counter) {
  if (!counter->counters) return;
  free_percpu(counter->counters);
  counter->counters = NULL;
}
#endif

void percpu_counter_set(struct percpu_counter *counter, s64 amount) {
  unsigned long flags;
  int cpu;

  raw_spin_lock_irqsave(&counter->lock, flags);
  for_each_possible_cpu(cpu) *per_cpu_ptr(counter->counters, cpu) = 0;
  counter->count = amount;
  raw_spin_unlock_irqrestore(&counter->lock, flags);
}

/* Moves this CPU's part, and `amount`, into the common count. Interrupts are off. */
static void percpu_counter_fold(struct percpu_counter *counter, s64 amount) {
  s32 part;

  raw_spin_lock(&counter->lock);
  part = __this_cpu_read(*counter->counters);
  counter->count += part + amount;
  __this_cpu_sub(*counter->counters, part);
  raw_spin_unlock(&counter->lock);
}

void percpu_counter_add_batch(struct percpu_counter *counter, s64 amount, s32 batch) {
  unsigned long flags;
  s64 part;

  local_irq_save(flags);
  part = __this_cpu_read(*counter->counters) + amount;
  if (abs(part) >= batch)
    percpu_counter_fold(counter, amount);
  else
    this_cpu_add(*counter->counters, amount);
  local_irq_restore(flags);
}

void percpu_counter_sync(struct percpu_counter *counter) {
  unsigned long flags;

  local_irq_save(flags);
  percpu_counter_fold(counter, 0);
  local_irq_restore(flags);
}

s64 __percpu_counter_sum(struct percpu_counter *counter) {
  unsigned long flags;
  s64 sum;
  int cpu;

  raw_spin_lock_irqsave(&counter->lock, flags);
  sum = counter->count;
  for_each_online_cpu(cpu) sum += *per_cpu_ptr(counter->counters, cpu);
  raw_spin_unlock_irqrestore(&counter->lock, flags);
  return sum;
}

/* -1, 0 or 1; exact sums are made only when the approximate count is too near. */
int __percpu_counter_compare(struct percpu_counter *counter, s64 rhs, s32 batch) {
  s64 count = percpu_counter_read(counter);

  if (abs(count - rhs) <= batch * num_online_cpus()) count = percpu_counter_sum(counter);
  return count > rhs ? 1 : count < rhs ? -1 : 0;
}
