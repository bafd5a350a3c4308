// SPDX-License-Identifier: GPL-2.0-only
/*
 * Red-black trees (<linux/rbtree.h>, <linux/rbtree_augmented.h>), after Cormen, Leiserson, Rivest, Stein,
 * "Introduction to Algorithms", chapter 13. Balanced trees are O(log n) for each operation. Children are written
 * once and whole, since some readers walk the tree without a lock.
 */
#include "lib.h"

#include <linux/interval_tree.h>
#include <linux/interval_tree_generic.h>
#include <linux/rbtree_augmented.h>

typedef void (*rbtree_rotated_t)(struct rb_node *old, struct rb_node *new);

static void rbtree_no_rotate(struct rb_node *old, struct rb_node *new) {}
static void rbtree_no_copy(struct rb_node *old, struct rb_node *new) {}
static void rbtree_no_propagate(struct rb_node *node, struct rb_node *stop) {}

static const struct rb_augment_callbacks rbtree_not_augmented = {
    .propagate = rbtree_no_propagate, .copy = rbtree_no_copy, .rotate = rbtree_no_rotate};

static __always_inline bool rbtree_red(const struct rb_node *node) { return node && rb_is_red(node); }

/* The child on one side (0 left, 1 right), as a place. */
static __always_inline struct rb_node **rbtree_child(struct rb_node *node, int side) {
  return side ? &node->rb_right : &node->rb_left;
}

/*
 * `old` goes down to `side`, its child of the other side takes its place and its colour; `old` gets `color`.
 */
static __always_inline struct rb_node *rbtree_rotate(struct rb_root *root, struct rb_node *old, int side, int color,
                                                     rbtree_rotated_t rotated) {
  struct rb_node *new = *rbtree_child(old, !side);
  struct rb_node *moved = *rbtree_child(new, side);
  struct rb_node *above = rb_parent(old);
  const unsigned long above_and_color = old->__rb_parent_color;

  WRITE_ONCE(*rbtree_child(old, !side), moved);
  if (moved) rb_set_parent(moved, old);
  WRITE_ONCE(*rbtree_child(new, side), old);
  rb_set_parent_color(old, new, color);
  new->__rb_parent_color = above_and_color;
  __rb_change_child(old, new, above, root);
  rotated(old, new);
  return new;
}

/* The new node is red; a red parent is mended by recolouring upwards and at most two rotations. */
static __always_inline void rbtree_insert(struct rb_node *node, struct rb_root *root, rbtree_rotated_t rotated) {
  for (;;) {
    struct rb_node *parent = rb_parent(node), *grandparent, *uncle;
    int side;

    if (!parent) {
      rb_set_parent_color(node, NULL, RB_BLACK);
      return;
    }
    if (rb_is_black(parent)) return;
    grandparent = rb_parent(parent); /* it exists: a root is black */
    side = grandparent->rb_right == parent;
    uncle = *rbtree_child(grandparent, !side);
    if (rbtree_red(uncle)) {
      rb_set_parent_color(uncle, grandparent, RB_BLACK);
      rb_set_parent_color(parent, grandparent, RB_BLACK);
      rb_set_parent_color(grandparent, rb_parent(grandparent), RB_RED);
      node = grandparent;
      continue;
    }
    if (*rbtree_child(parent, !side) == node) rbtree_rotate(root, parent, side, RB_RED, rotated);
    rbtree_rotate(root, grandparent, !side, RB_RED, rotated);
    return;
  }
}

/* One child of `parent` (the missing one first) lacks a black node on its paths. */
static __always_inline void rbtree_erase_color(struct rb_node *parent, struct rb_root *root, rbtree_rotated_t rotated) {
  struct rb_node *node = NULL;

  for (;;) {
    int side = parent->rb_left != node; /* the side of the deficient child */
    struct rb_node *sibling = *rbtree_child(parent, !side);

    if (rb_is_red(sibling)) {
      rbtree_rotate(root, parent, side, RB_RED, rotated);
      sibling = *rbtree_child(parent, !side);
    }
    if (!rbtree_red(sibling->rb_left) && !rbtree_red(sibling->rb_right)) {
      bool mended = rb_is_red(parent);

      rb_set_parent_color(sibling, parent, RB_RED);
      if (mended) {
        rb_set_parent_color(parent, rb_parent(parent), RB_BLACK);
        return;
      }
      node = parent;
      parent = rb_parent(node);
      if (!parent) return;
      continue;
    }
    if (!rbtree_red(*rbtree_child(sibling, !side))) sibling = rbtree_rotate(root, sibling, !side, RB_RED, rotated);
    rbtree_rotate(root, parent, side, RB_BLACK, rotated);
    rb_set_parent_color(*rbtree_child(sibling, !side), sibling, RB_BLACK);
    return;
  }
}

void rb_insert_color(struct rb_node *node, struct rb_root *root) { rbtree_insert(node, root, rbtree_no_rotate); }

void __rb_insert_augmented(struct rb_node *node, struct rb_root *root, rbtree_rotated_t rotated) {
  rbtree_insert(node, root, rotated);
}

void __rb_erase_color(struct rb_node *parent, struct rb_root *root, rbtree_rotated_t rotated) {
  rbtree_erase_color(parent, root, rotated);
}

void rb_erase(struct rb_node *node, struct rb_root *root) {
  struct rb_node *unbalanced = __rb_erase_augmented(node, root, &rbtree_not_augmented);

  if (unbalanced) rbtree_erase_color(unbalanced, root, rbtree_no_rotate);
}

/* ---- walking ---- */

static struct rb_node *rbtree_end(const struct rb_root *root, int side) {
  struct rb_node *node = root->rb_node;

  while (node && *rbtree_child(node, side)) node = *rbtree_child(node, side);
  return node;
}

static struct rb_node *rbtree_step(const struct rb_node *from, int side) {
  struct rb_node *node = (struct rb_node *)from, *parent;

  if (RB_EMPTY_NODE(node)) return NULL;
  if (*rbtree_child(node, side)) {
    node = *rbtree_child(node, side);
    while (*rbtree_child(node, !side)) node = *rbtree_child(node, !side);
    return node;
  }
  while ((parent = rb_parent(node)) && node == *rbtree_child(parent, side)) node = parent;
  return parent;
}

struct rb_node *rb_first(const struct rb_root *root) { return rbtree_end(root, 0); }
struct rb_node *rb_last(const struct rb_root *root) { return rbtree_end(root, 1); }
struct rb_node *rb_next(const struct rb_node *node) { return rbtree_step(node, 1); }
struct rb_node *rb_prev(const struct rb_node *node) { return rbtree_step(node, 0); }

/* The first leaf below `node` in postorder. */
static struct rb_node *rbtree_deepest(struct rb_node *node) {
  struct rb_node *below;

  while ((below = node->rb_left ?: node->rb_right)) node = below;
  return node;
}

struct rb_node *rb_first_postorder(const struct rb_root *root) {
  return root->rb_node ? rbtree_deepest(root->rb_node) : NULL;
}

struct rb_node *rb_next_postorder(const struct rb_node *node) {
  struct rb_node *above = node ? rb_parent(node) : NULL, *right = above ? above->rb_right : NULL;

  /* After the left subtree comes the right one, after that the node above both. */
  return right && right != node ? rbtree_deepest(right) : above;
}

/* ---- replacing ---- */

static void rbtree_adopt(struct rb_node *new) {
  if (new->rb_left) rb_set_parent(new->rb_left, new);
  if (new->rb_right) rb_set_parent(new->rb_right, new);
}

void rb_replace_node(struct rb_node *victim, struct rb_node *new, struct rb_root *root) {
  *new = *victim;
  rbtree_adopt(new);
  __rb_change_child(victim, new, rb_parent(victim), root);
}

void rb_replace_node_rcu(struct rb_node *victim, struct rb_node *new, struct rb_root *root) {
  *new = *victim;
  rbtree_adopt(new);
  __rb_change_child_rcu(victim, new, rb_parent(victim), root); /* last: lockless readers then see it whole */
}

/* ---- interval trees: the header's generic code over struct interval_tree_node ---- */

#define RBTREE_START(node) ((node)->start)
#define RBTREE_LAST(node) ((node)->last)
INTERVAL_TREE_DEFINE(struct interval_tree_node, rb, unsigned long, __subtree_last, RBTREE_START, RBTREE_LAST, ,
                     interval_tree)
