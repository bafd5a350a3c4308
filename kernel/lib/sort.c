// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sorting and searching: sort()/sort_r() (heap sort, in place, O(n log n) at worst, not stable), bsearch(), and
 * list_sort() (bottom-up merge sort, stable).
 */
#include "lib.h"

#include <linux/bsearch.h>
#include <linux/list.h>
#include <linux/list_sort.h>
#include <linux/sched.h>
#include <linux/sort.h>

/* One element, swapped without a caller's swap function. */
static void sort_swap_bytes(char *a, char *b, size_t size) {
  for (; size >= 8; size -= 8, a += 8, b += 8) {
    u64 t = *(u64 *)a;

    *(u64 *)a = *(u64 *)b;
    *(u64 *)b = t;
  }
  for (; size; size--, a++, b++) {
    char t = *a;

    *a = *b;
    *b = t;
  }
}

struct sort_job {
  char *base;
  size_t size;
  cmp_r_func_t compare;
  swap_r_func_t swap_with;
  cmp_func_t plain_compare; /* of sort(): no private argument */
  swap_func_t plain_swap;
  const void *priv;
};

static int sort_compare(const struct sort_job *job, size_t a, size_t b) {
  const char *left = job->base + a * job->size, *right = job->base + b * job->size;

  return job->plain_compare ? job->plain_compare(left, right) : job->compare(left, right, job->priv);
}

static void sort_swap(const struct sort_job *job, size_t a, size_t b) {
  char *left = job->base + a * job->size, *right = job->base + b * job->size;

  if (job->plain_swap)
    job->plain_swap(left, right, (int)job->size);
  else if (job->swap_with)
    job->swap_with(left, right, (int)job->size, job->priv);
  else
    sort_swap_bytes(left, right, job->size);
}

/* Lets the element at `root` sink to its place in the heap of the first `count` elements. */
static void sort_sift_down(const struct sort_job *job, size_t root, size_t count) {
  for (;;) {
    size_t child = 2 * root + 1;

    if (child >= count) return;
    if (child + 1 < count && sort_compare(job, child, child + 1) < 0) child++;
    if (sort_compare(job, root, child) >= 0) return;
    sort_swap(job, root, child);
    root = child;
  }
}

static void sort_run(const struct sort_job *job, size_t count) {
  size_t i = count / 2;

  while (i > 0) sort_sift_down(job, --i, count);
  for (i = count; i > 1; i--) {
    sort_swap(job, 0, i - 1);
    sort_sift_down(job, 0, i - 1);
  }
}

void sort_r(void *base, size_t count, size_t size, cmp_r_func_t compare, swap_r_func_t swap, const void *priv) {
  struct sort_job job = {.base = base, .size = size, .compare = compare, .swap_with = swap, .priv = priv};

  sort_run(&job, count);
}

void sort(void *base, size_t count, size_t size, cmp_func_t compare, swap_func_t swap) {
  struct sort_job job = {.base = base, .size = size, .plain_compare = compare, .plain_swap = swap};

  sort_run(&job, count);
}

void *bsearch(const void *key, const void *base, size_t count, size_t size, cmp_func_t compare) {
  return __inline_bsearch(key, base, count, size, compare);
}

/* ---- lists ---- */

/* Merges two chains (linked by next, NULL at the end); of equals, those of `a` come first. */
static struct list_head *sort_merge(void *priv, list_cmp_func_t compare, struct list_head *a, struct list_head *b) {
  struct list_head *head = NULL, **tail = &head;

  while (a && b) {
    struct list_head **from = compare(priv, a, b) <= 0 ? &a : &b;

    *tail = *from;
    tail = &(*from)->next;
    *from = (*from)->next;
  }
  *tail = a ? a : b;
  return head;
}

/*
 * pending[k] is a sorted chain of 2^k elements or NULL, older ones in higher slots, as the digits of a counter; a new
 * element is carried upwards. 64 slots are enough for any list.
 */
void list_sort(void *priv, struct list_head *head, list_cmp_func_t compare) {
  struct list_head *pending[64] = {NULL};
  struct list_head *rest = head->next, *sorted = NULL, *previous = head;
  unsigned int k, top = 0;

  if (rest == head || rest->next == head) return;
  head->prev->next = NULL;
  while (rest) {
    struct list_head *carry = rest;

    rest = rest->next;
    carry->next = NULL;
    for (k = 0; pending[k]; k++) {
      carry = sort_merge(priv, compare, pending[k], carry);
      pending[k] = NULL;
    }
    pending[k] = carry;
    if (k > top) top = k;
  }
  for (k = 0; k <= top; k++)
    if (pending[k]) sorted = sorted ? sort_merge(priv, compare, pending[k], sorted) : pending[k];

  /* The chain becomes a ring again. */
  for (; sorted; sorted = sorted->next) {
    previous->next = sorted;
    sorted->prev = previous;
    previous = sorted;
  }
  previous->next = head;
  head->prev = previous;
}
