// SPDX-License-Identifier: GPL-2.0-only
/* Trees of the library beside naive models: XArrays with far indices, IDs, red-black trees; and what their nodes must hold. */
#include <linux/idr.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/rbtree.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#define MODEL_SEED 7
#include "naive_model.h"

/* ---- what every node must hold: counts of its slots, marks of what is below, its way up ---- */
static void check_node(struct xarray *xa, struct xa_node *node, struct xa_node *parent)
{
	u32 slot, used = 0, values = 0, mark;
	bool last_value = false;

	SAME("a node's parent", rcu_access_pointer(node->parent) == parent, 1);
	SAME("a node's array", node->array == xa, 1);
	for (slot = 0; slot < XA_CHUNK_SIZE; slot++) {
		void *entry = rcu_dereference_raw(node->slots[slot]);

		used += !!entry;
		if (!xa_is_sibling(entry))
			last_value = xa_is_value(entry);
		values += entry && last_value;
		if (!entry || !xa_is_node(entry) || !node->shift)
			continue;
		SAME("a child's shift", xa_to_node(entry)->shift + XA_CHUNK_SHIFT, node->shift);
		SAME("a child's slot", xa_to_node(entry)->offset, slot);
		for (mark = 0; mark < XA_MAX_MARKS; mark++)
			SAME("a node's mark", test_bit(slot, node->marks[mark]),
			     !bitmap_empty(xa_to_node(entry)->marks[mark], XA_CHUNK_SIZE));
		check_node(xa, xa_to_node(entry), node);
	}
	SAME("a node's entries", node->count, used);
	SAME("a node's values", node->nr_values, values);
	SAME("a node is not empty", used > 0, 1);
}

static void check_tree(struct xarray *xa)
{
	void *head = rcu_dereference_raw(xa->xa_head), *first;
	u32 mark;

	if (!xa_is_node(head))
		return;
	for (mark = 0; mark < XA_MAX_MARKS; mark++)
		SAME("the array's mark", xa_marked(xa, (__force xa_mark_t)mark),
		     !bitmap_empty(xa_to_node(head)->marks[mark], XA_CHUNK_SIZE));
	check_node(xa, xa_to_node(head), NULL);
	first = rcu_dereference_raw(xa_to_node(head)->slots[0]);
	SAME("no higher than needed",
	     xa_to_node(head)->count == 1 && first && (!xa_to_node(head)->shift || xa_is_node(first)), 0);
}

/* ---- an XArray with few indices, near and far ---- */
#define FAR 96
static DEFINE_XARRAY(far);
static unsigned long places[FAR];	/* ascending */
static void *entries[FAR];
static u8 marks[FAR];
static u64 some_objects[8];

static void choose_places(void)
{
	static const unsigned long edges[] = { 0, 1, 62, 63, 64, 65, 4095, 4096, 262143, 262144 };
	u32 i, k;

	for (i = 0; i < FAR; i++) {
		unsigned long at = i < ARRAY_SIZE(edges) ? edges[i] : (((unsigned long)draw(1 << 20) << 44) | draw(1 << 20)) >> draw(60);

		if (i == FAR - 1)
			at = ULONG_MAX;
		for (k = 0; k < i && places[k] != at; k++)
			;
		if (k < i) {	/* drawn before */
			i--;
			continue;
		}
		for (k = i; k && places[k - 1] > at; k--)
			places[k] = places[k - 1];
		places[k] = at;
	}
}

static void *some_entry(void)
{
	return draw(2) ? xa_mk_value(draw(1000)) : &some_objects[draw(8)];
}

/* The first place at or after `from`, at most `last`, that has an entry (with the mark). FAR: none. */
static u32 model_next(u32 from, unsigned long last, int mark)
{
	for (; from < FAR && places[from] <= last; from++)
		if (entries[from] && (mark < 0 || marks[from] & 1 << mark))
			return from;
	return FAR;
}

static void compare_far(void)
{
	u32 i, k, want, count;
	unsigned long index, first, last;
	void *entry, *found[FAR];

	check_tree(&far);
	for (i = 0; i < FAR; i++) {
		SAME("a far entry", xa_load(&far, places[i]), entries[i]);
		for (k = 0; k < XA_MAX_MARKS; k++)
			SAME("its mark", xa_get_mark(&far, places[i], (__force xa_mark_t)k), !!(marks[i] & 1 << k));
	}
	i = draw(FAR);
	k = i + draw(FAR - i);
	first = places[i];
	last = places[k];
	want = i;
	count = 0;
	xa_for_each_range(&far, index, entry, first, last) {
		want = model_next(want, last, -1);
		SAME("in its turn", want < FAR && index == places[want] && entry == entries[want], 1);
		want++;
		found[count++] = entry;
	}
	SAME("to the end", model_next(want, last, -1), FAR);
	SAME("extracted", xa_extract(&far, found, first, last, FAR, XA_PRESENT), count);
	for (k = 0; k < XA_MAX_MARKS; k++) {
		want = 0;
		xa_for_each_marked(&far, index, entry, (__force xa_mark_t)k) {
			want = model_next(want, ULONG_MAX, k);
			SAME("marked, in its turn", want < FAR && index == places[want] && entry == entries[want], 1);
			want++;
		}
		SAME("all that are marked", model_next(want, ULONG_MAX, k), FAR);
	}
	index = first;
	entry = xa_find(&far, &index, last, XA_PRESENT);
	want = model_next(i, last, -1);
	SAME("found", entry, want < FAR ? entries[want] : NULL);
	entry = xa_find_after(&far, &index, ULONG_MAX, XA_PRESENT);
	want = model_next(want < FAR ? want + 1 : i + 1, ULONG_MAX, -1);
	SAME("found after", entry, want < FAR ? entries[want] : NULL);
}

static void walk_beside(void)
{
	u32 i = draw(FAR), steps;
	unsigned long at = places[i];
	XA_STATE(xas, &far, at);
	bool forward = draw(2);
	void *entry;

	rcu_read_lock();
	entry = xas_load(&xas);
	SAME("the walk begins", entry, entries[i]);
	for (steps = 0; steps < 140; steps++) {
		if (draw(9) == 0)
			forward = !forward;
		entry = forward ? xas_next(&xas) : xas_prev(&xas);
		at += forward ? 1 : -1;
		SAME("the walk's index", xas.xa_index, at);
		for (i = 0; i < FAR && places[i] != at; i++)
			;
		SAME("the walk's entry", entry, i < FAR ? entries[i] : NULL);
	}
	rcu_read_unlock();
}

static void step_far(void)
{
	u32 i = draw(FAR), what = draw(9), mark = draw(XA_MAX_MARKS);
	void *entry = some_entry(), *old = entries[i];

	if (what < 3) {
		SAME("replaced", xa_store(&far, places[i], entry, GFP_KERNEL), old);
		entries[i] = entry;
	} else if (what < 5) {
		SAME("erased", xa_erase(&far, places[i]), old);
		entries[i] = NULL;
		marks[i] = 0;
	} else if (what < 7) {
		xa_set_mark(&far, places[i], (__force xa_mark_t)mark);
		if (old)
			marks[i] |= 1 << mark;
	} else if (what == 7) {
		xa_clear_mark(&far, places[i], (__force xa_mark_t)mark);
		marks[i] &= ~(1 << mark);
	} else {
		SAME("inserted", xa_insert(&far, places[i], entry, GFP_KERNEL), old ? -EBUSY : 0);
		if (!old)
			entries[i] = entry;
	}
}

static void try_far(void)
{
	u32 step, i;

	choose_places();
	for (step = 0; step < 3000; step++) {
		step_far();
		if (step % 40 == 0)
			compare_far();
		if (step % 40 == 20)
			walk_beside();
		if (step % 500 == 499)	/* almost empty: the tree becomes low again */
			for (i = 1; i < FAR; i++) {
				xa_erase(&far, places[i]);
				entries[i] = NULL;
				marks[i] = 0;
			}
	}
	xa_destroy(&far);
	SAME("nothing is left", xa_empty(&far), 1);
}

/* ---- ranges: sums of nodes that an update function hears of ---- */
static int heard;
static void hear(struct xa_node *node)
{
	heard++;
}

static void store_order(struct xarray *xa, unsigned long first, u32 order, void *entry)
{
	XA_STATE_ORDER(xas, xa, first, order);

	do {
		xas_lock(&xas);
		xas_store(&xas, entry);
		xas_unlock(&xas);
	} while (xas_nomem(&xas, GFP_KERNEL));
	SAME("an order stored", xas_error(&xas), 0);
}

static void try_ranges(void)
{
	static DEFINE_XARRAY(ranges);
	XA_STATE(xas, &ranges, 0);
	u32 round, i;

	for (round = 0; round < 60; round++) {
		unsigned long first = draw(5000), last = first + (draw(3) ? draw(300) : draw(9000));
		u32 order = draw(13);

		SAME("a range", xa_err(xa_store_range(&ranges, first, last, xa_mk_value(round), GFP_KERNEL)), 0);
		check_tree(&ranges);
		for (i = 0; i < 20; i++) {
			unsigned long at = first + draw(last - first + 1);

			SAME("in the range", xa_load(&ranges, at), xa_mk_value(round));
		}
		if (round % 3 == 0)
			xa_destroy(&ranges);
		first = (unsigned long)draw(100) << order;
		store_order(&ranges, first, order, &some_objects[1]);
		check_tree(&ranges);
		SAME("an order's last", xa_load(&ranges, first + (1ul << order) - 1), &some_objects[1]);
		SAME("an order", xa_get_order(&ranges, first), order);
		SAME("an order erased", xa_erase(&ranges, first), &some_objects[1]);
		check_tree(&ranges);
		xa_destroy(&ranges);
	}
	xas_set_update(&xas, hear);
	for (i = 0; i < 130; i++) {
		xas_set(&xas, i);
		do {
			xas_lock(&xas);
			xas_store(&xas, xa_mk_value(i));
			xas_unlock(&xas);
		} while (xas_nomem(&xas, GFP_KERNEL));
	}
	SAME("heard of what changed", heard, 133);
	xas_set_order(&xas, 256, 7);
	do {
		xas_lock(&xas);
		xas_create_range(&xas);
		xas_unlock(&xas);
	} while (xas_nomem(&xas, GFP_KERNEL));
	SAME("room for a range", xas.xa_index * 10 + !xas_error(&xas), 2561);
	xa_destroy(&ranges);
}

/* ---- IDs ---- */
#define IDS 700
static void try_idr(u32 base)
{
	DEFINE_IDR(idr);
	static void *owner[IDS];
	u32 step, i, next = 0;
	int id, want;

	idr_init_base(&idr, base);
	memset(owner, 0, sizeof(owner));
	for (step = 0; step < 6000; step++) {
		u32 what = draw(8), start = base + draw(IDS - base - 1), end = start + 1 + draw(IDS - start);
		void *ptr = &some_objects[draw(8)];

		if (what < 3) {
			bool cyclic = what == 2;
			u32 from = cyclic && next > start ? next : start;

			for (i = from; i < end && owner[i]; i++)
				;
			if (i >= end && from > start)
				for (i = start; i < end && owner[i]; i++)
					;
			want = i < end ? (int)i : -ENOSPC;
			id = cyclic ? idr_alloc_cyclic(&idr, ptr, start, end, GFP_KERNEL) : idr_alloc(&idr, ptr, start, end, GFP_KERNEL);
			SAME("an id", id, want);
			if (id >= 0 && id < IDS) {
				owner[id] = ptr;
				if (cyclic)
					next = id + 1;
			}
		} else if (what < 6) {
			SAME("removed", idr_remove(&idr, start), owner[start]);
			owner[start] = NULL;
		} else if (what == 6) {
			void *old = idr_replace(&idr, ptr, start);

			SAME("an id's old pointer", old, owner[start] ?: ERR_PTR(-ENOENT));
			if (owner[start])
				owner[start] = ptr;
		} else {
			id = start;
			for (i = start; i < IDS && !owner[i]; i++)
				;
			SAME("the next pointer", idr_get_next(&idr, &id), i < IDS ? owner[i] : NULL);
			if (i < IDS)
				SAME("the next id", id, i);
		}
		SAME("looked up", idr_find(&idr, start), owner[start]);
		if (step % 1500 == 0)
			check_tree(&idr.idr_rt);
	}
	idr_destroy(&idr);
	SAME("no id is in use", idr_is_empty(&idr), 1);
}

#define MANY 5000
static void try_ida(void)
{
	static u8 taken[MANY];
	DEFINE_IDA(ida);
	u32 step, i;

	for (step = 0; step < 9000; step++) {
		u32 first = draw(MANY - 1), last = first + draw(MANY - first);
		int id;

		if (draw(5) < 4) {
			if (draw(2))
				first = draw(2) ? 0 : 1000;
			last = max(last, first);
			for (i = first; i <= last && taken[i]; i++)
				;
			id = ida_alloc_range(&ida, first, last, GFP_KERNEL);
			SAME("a number", id, i <= last ? (int)i : -ENOSPC);
			if (id >= 0)
				taken[id] = 1;
		} else {
			for (i = first; i < MANY && !taken[i]; i++)
				;
			if (i < MANY) {
				ida_free(&ida, i);
				taken[i] = 0;
			}
		}
	}
	for (i = 0; i < MANY; i++)
		if (taken[i] && draw(2))
			ida_free(&ida, i);
	ida_destroy(&ida);
	SAME("no number is in use", ida_is_empty(&ida), 1);
}

/* ---- red-black trees ---- */
#define KEYS 300
struct leaf { struct rb_node node; u32 key; bool in; };
static struct leaf keys[KEYS], spare[KEYS];
static struct rb_root_cached tree = RB_ROOT_CACHED;

static bool before(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct leaf, node)->key < rb_entry(b, struct leaf, node)->key;
}

/* The black nodes on each way down, which must be as many everywhere; below a red node there is no red one. */
static u32 black_height(struct rb_node *node)
{
	u32 left, right;
	bool black;

	if (!node)
		return 1;
	black = node->__rb_parent_color & 1;
	if (!black) {
		SAME("red under red", node->rb_left && !(node->rb_left->__rb_parent_color & 1), 0);
		SAME("red under red, right", node->rb_right && !(node->rb_right->__rb_parent_color & 1), 0);
	}
	left = black_height(node->rb_left);
	right = black_height(node->rb_right);
	SAME("as many black ones", left, right);
	return left + black;
}

static void check_order(void)
{
	struct rb_node *node = rb_first_cached(&tree), *back = rb_last(&tree.rb_root);
	struct leaf *at, *next;
	u32 i, count = 0, seen = 0;

	black_height(tree.rb_root.rb_node);
	SAME("the first is kept", rb_first(&tree.rb_root), node);
	for (i = 0; i < KEYS; i++) {
		if (!keys[i].in)
			continue;
		count++;
		SAME("the next key", node && rb_entry(node, struct leaf, node)->key == i, 1);
		node = node ? rb_next(node) : NULL;
	}
	for (i = KEYS; i-- > 0;) {
		if (!keys[i].in)
			continue;
		SAME("the key before", back && rb_entry(back, struct leaf, node)->key == i, 1);
		back = back ? rb_prev(back) : NULL;
	}
	SAME("both ends", node == NULL && back == NULL, 1);
	rbtree_postorder_for_each_entry_safe(at, next, &tree.rb_root, node)
		seen++;
	SAME("all below before those above", seen, count);
}

static void try_rbtree(void)
{
	u32 step, i;

	for (i = 0; i < KEYS; i++)
		keys[i].key = spare[i].key = i;
	for (step = 0; step < 6000; step++) {
		struct leaf *key = &keys[draw(KEYS)];

		if (!key->in) {
			rb_add_cached(&key->node, &tree, before);
			key->in = true;
		} else if (draw(3)) {
			rb_erase_cached(&key->node, &tree);
			key->in = false;
		} else {	/* another takes its place, and it that one's */
			rb_replace_node_cached(&key->node, &spare[key->key].node, &tree);
			key->node = (struct rb_node){};
			rb_replace_node_cached(&spare[key->key].node, &key->node, &tree);
		}
		if (step % 20 == 0)
			check_order();
	}
}

static int __init library_trees_init(void)
{
	try_far();
	try_ranges();
	try_idr(0);
	try_idr(1);
	try_ida();
	try_rbtree();
	pr_info("library_trees: %u differences\n", differences);
	return 0;
}

static void __exit library_trees_exit(void)
{
}

module_init(library_trees_init);
module_exit(library_trees_exit);
MODULE_LICENSE("GPL");
