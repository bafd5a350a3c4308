// SPDX-License-Identifier: GPL-2.0-only
/* Lock-less singly linked lists (<linux/llist.h>): many may add at once; taking off needs one taker or a lock. */
#include "lib.h"

#include <linux/llist.h>

/* Was the list empty before? */
bool llist_add_batch(struct llist_node *first, struct llist_node *last, struct llist_head *head) {
  struct llist_node *old = READ_ONCE(head->first);

  koi_hb_atomic(&head->first);
  do last->next = old;
  while (!try_cmpxchg(&head->first, &old, first));
  return !old;
}

struct llist_node *llist_del_first(struct llist_head *head) {
  struct llist_node *entry = smp_load_acquire(&head->first);

  while (entry && !try_cmpxchg(&head->first, &entry, READ_ONCE(entry->next))) {
  }
  koi_hb_atomic(&head->first);
  return entry;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
/* Takes off the first entry only if it is `this`. */
bool llist_del_first_this(struct llist_head *head, struct llist_node *this) {
  struct llist_node *entry = smp_load_acquire(&head->first);

  do
    if (entry != this) return false;
  while (!try_cmpxchg(&head->first, &entry, READ_ONCE(entry->next)));
  koi_hb_atomic(&head->first);
  return true;
}
#endif

struct llist_node *llist_reverse_order(struct llist_node *head) {
  struct llist_node *reversed = NULL;

  while (head) {
    struct llist_node *entry = head;

    head = head->next;
    entry->next = reversed;
    reversed = entry;
  }
  return reversed;
}
