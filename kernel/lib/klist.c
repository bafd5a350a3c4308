// SPDX-License-Identifier: GPL-2.0-only
/*
 * klist: a list that may change while somebody walks it. A node that is deleted stays linked, marked dead, until the last
 * walker that stands on it has gone on. The mark is the lowest bit of the pointer to its list.
 */
#include <linux/klist.h>

#define KLIST_DEAD 1UL

static struct klist *klist_of(const struct klist_node *node) {
  return (struct klist *)((unsigned long)node->n_klist & ~KLIST_DEAD);
}

static bool klist_is_dead(const struct klist_node *node) { return (unsigned long)node->n_klist & KLIST_DEAD; }

void klist_init(struct klist *k, void (*on_add)(struct klist_node *), void (*on_gone)(struct klist_node *)) {
  *k = (struct klist){.put = on_gone, .get = on_add};
  spin_lock_init(&k->k_lock);
  INIT_LIST_HEAD(&k->k_list);
}

/* Puts a node in before or behind what stands at `at`, as `link` does. */
static void klist_link(struct klist *k, struct klist_node *node, struct list_head *at,
                       void (*link)(struct list_head *node, struct list_head *at)) {
  kref_init(&node->n_ref);
  INIT_LIST_HEAD(&node->n_node);
  node->n_klist = k;
  if (k->get) k->get(node);
  spin_lock(&k->k_lock);
  link(&node->n_node, at);
  spin_unlock(&k->k_lock);
}

void klist_add_head(struct klist_node *node, struct klist *k) { klist_link(k, node, &k->k_list, list_add); }
void klist_add_tail(struct klist_node *node, struct klist *k) { klist_link(k, node, &k->k_list, list_add_tail); }

void klist_add_behind(struct klist_node *node, struct klist_node *pos) {
  klist_link(klist_of(pos), node, &pos->n_node, list_add);
}

void klist_add_before(struct klist_node *node, struct klist_node *pos) {
  klist_link(klist_of(pos), node, &pos->n_node, list_add_tail);
}

/* Who waits in klist_remove() for a node to be let go. */
struct klist_waiter {
  struct list_head list;
  struct klist_node *node;
  struct task_struct *task;
  bool gone;
};
static LIST_HEAD(klist_waiters);
static DEFINE_SPINLOCK(klist_waiters_lock);

/* The last reference: off the list; the list's lock is held. */
static void klist_unlink(struct kref *ref) {
  struct klist_node *node = container_of(ref, struct klist_node, n_ref);
  struct klist_waiter *waiter, *next;

#line KOI_LINE(188, 189) "lib/klist.c"
  WARN_ON(!klist_is_dead(node));
  list_del(&node->n_node);
  spin_lock(&klist_waiters_lock);
  list_for_each_entry_safe(waiter, next, &klist_waiters, list) {
    if (waiter->node != node) continue;
    list_del(&waiter->list);
    waiter->gone = true;
    wake_up_process(waiter->task);
  }
  spin_unlock(&klist_waiters_lock);
  node->n_klist = NULL;
}

/* One reference less. The list's own goes when the node `dies`; with the last one its owner hears that it is gone. */
static void klist_drop(struct klist_node *node, bool dies) {
  struct klist *k = klist_of(node);
  void (*on_gone)(struct klist_node *) = k->put; /* with its last node the list may go */
  bool gone;

  spin_lock(&k->k_lock);
  if (dies) {
#line KOI_LINE(68, 69) "lib/klist.c"
    WARN_ON(klist_is_dead(node));
    node->n_klist = (void *)((unsigned long)node->n_klist | KLIST_DEAD);
  }
  gone = kref_put(&node->n_ref, klist_unlink);
  spin_unlock(&k->k_lock);
  if (gone && on_gone) on_gone(node);
}

void klist_del(struct klist_node *node) { klist_drop(node, true); }

void klist_remove(struct klist_node *node) {
  struct klist_waiter waiter = {.node = node, .task = current};

  spin_lock(&klist_waiters_lock);
  list_add(&waiter.list, &klist_waiters);
  spin_unlock(&klist_waiters_lock);
  klist_del(node);
  for (;;) {
    set_current_state(TASK_UNINTERRUPTIBLE);
    if (READ_ONCE(waiter.gone)) break;
    schedule();
  }
  __set_current_state(TASK_RUNNING);
}

int klist_node_attached(struct klist_node *node) { return node->n_klist != NULL; }

void klist_iter_init_node(struct klist *k, struct klist_iter *i, struct klist_node *node) {
  bool held = node && kref_get_unless_zero(&node->n_ref);

  *i = (struct klist_iter){.i_cur = held ? node : NULL, .i_klist = k};
}

void klist_iter_init(struct klist *k, struct klist_iter *i) { *i = (struct klist_iter){.i_klist = k}; }

void klist_iter_exit(struct klist_iter *i) {
  if (!i->i_cur) return;
  klist_drop(i->i_cur, false);
  i->i_cur = NULL;
}

static struct klist_node *klist_step(struct klist_iter *i, bool forward) {
  struct klist *k = i->i_klist;
  struct klist_node *last = i->i_cur, *found = NULL;
  struct list_head *at = last ? &last->n_node : &k->k_list;
  unsigned long flags;

  spin_lock_irqsave(&k->k_lock, flags);
  for (at = forward ? at->next : at->prev; at != &k->k_list; at = forward ? at->next : at->prev) {
    struct klist_node *node = container_of(at, struct klist_node, n_node);

    if (klist_is_dead(node)) continue;
    kref_get(&node->n_ref);
    found = node;
    break;
  }
  spin_unlock_irqrestore(&k->k_lock, flags);
  if (last) klist_drop(last, false);
  i->i_cur = found;
  return found;
}

struct klist_node *klist_next(struct klist_iter *i) { return klist_step(i, true); }
struct klist_node *klist_prev(struct klist_iter *i) { return klist_step(i, false); }
