// SPDX-License-Identifier: GPL-2.0-only
/* Sets of CPUs: what <linux/cpumask.h> leaves out of line. There is one memory node, so no CPU is nearer than another. */
#include "lib.h"

#include <linux/cpumask.h>

/* The next CPU after `n`, going round; with `wrap` nr_cpumask_bits when that passes `start` again. */
unsigned int cpumask_next_wrap(int n, const struct cpumask *mask, int start, bool wrap) {
  for (;; n = -1, wrap = true) {
    unsigned int next = cpumask_next(n, mask);
    bool passes = n < start && (unsigned int)start <= next;

    if (passes && wrap) return nr_cpumask_bits;
    if (next < nr_cpumask_bits) return next;
  }
}

#ifdef CONFIG_CPUMASK_OFFSTACK
bool alloc_cpumask_var_node(cpumask_var_t *mask, gfp_t flags, int node) {
  *mask = kmalloc_node(cpumask_size(), flags, node);
  return *mask != NULL;
}

void free_cpumask_var(cpumask_var_t mask) { kfree(mask); }
#endif


/* Each call goes on where the CPU's last one ended, so that callers are spread over the mask. */
static DEFINE_PER_CPU(int, cpumask_last_chosen);

unsigned int cpumask_any_and_distribute(const struct cpumask *a, const struct cpumask *b) {
  unsigned int next = cpumask_next_and(__this_cpu_read(cpumask_last_chosen), a, b);

  if (next >= nr_cpu_ids) next = cpumask_first_and(a, b);
  if (next < nr_cpu_ids) __this_cpu_write(cpumask_last_chosen, next);
  return next;
}

unsigned int cpumask_any_distribute(const struct cpumask *mask) { return cpumask_any_and_distribute(mask, mask); }
