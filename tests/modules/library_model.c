// SPDX-License-Identifier: GPL-2.0-only
/* Library functions beside naive ones: the XArray, rational_best_approximation(), mapping iterators of scatterlists. */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/rational.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/xarray.h>

#define MODEL_SEED 1
#include "naive_model.h"

/* ---- the XArray: ranges of indices with one entry each; id 0 is nothing ---- */
#define INDICES 8192
struct span { u32 first, last; bool marked; };
static DEFINE_XARRAY(array);
static u16 *owner;	/* of each index */
static struct span *ranges;	/* by id */
static u32 ids;

static void model_drop(u32 id)
{
	u32 i;

	for (i = ranges[id].first; i <= ranges[id].last; i++)
		owner[i] = 0;
}

static void count_conflicts(u32 first, u32 order, u32 *conflicts, bool *larger)
{
	XA_STATE_ORDER(xas, &array, first, order);
	void *entry;

	*conflicts = 0;
	*larger = false;
	xas_lock(&xas);
	xas_for_each_conflict(&xas, entry) {
		u32 id = xa_to_value(entry);

		SAME("a conflict is there", id != 0 && owner[max(first, ranges[id].first)] == id, 1);
		*larger |= ranges[id].first < first || ranges[id].last > first + (1u << order) - 1;
		++*conflicts;
	}
	xas_unlock(&xas);
}

static void store(u32 first, u32 order)
{
	XA_STATE_ORDER(xas, &array, first, order);
	u32 i, last = first + (1u << order) - 1, id = ++ids, conflicts, want = 0;
	bool larger;

	for (i = first; i <= last; i++)
		want += owner[i] && (i == first || owner[i] != owner[i - 1]);
	count_conflicts(first, order, &conflicts, &larger);
	SAME("conflicts", conflicts, want);
	for (i = first; i <= last; i++) {
		u32 old = owner[i];

		if (!old)
			continue;
		if (larger)
			SAME("erased", xa_to_value(xa_erase(&array, i)), old);
		model_drop(old);
	}
	do {
		xas_lock(&xas);
		xas_store(&xas, xa_mk_value(id));
		xas_unlock(&xas);
	} while (xas_nomem(&xas, GFP_KERNEL));
	SAME("stored", xas_error(&xas), 0);
	ranges[id] = (struct span){ first, last, false };
	for (i = first; i <= last; i++)
		owner[i] = id;
	if (draw(3) == 0) {
		xa_set_mark(&array, first, XA_MARK_1);
		ranges[id].marked = true;
	} else {
		xa_clear_mark(&array, first, XA_MARK_1);	/* what was replaced may have left its own */
	}
}

static void compare(void)
{
	XA_STATE(xas, &array, 0);
	unsigned long index;
	void *entry;
	u32 i, found = 0, marked = 0, want = 0, want_marked = 0;

	for (i = 0; i < INDICES; i++) {
		entry = xa_load(&array, i);
		SAME("loaded", entry ? xa_to_value(entry) : 0, owner[i]);
		if (owner[i] && (!i || owner[i] != owner[i - 1])) {
			want++;
			want_marked += ranges[owner[i]].marked;
		}
	}
	rcu_read_lock();
	xas_for_each(&xas, entry, ULONG_MAX) {
		found++;
		if (draw(4) == 0) {
			xas_pause(&xas);
			SAME("paused behind it", xas.xa_index, ranges[xa_to_value(entry)].last + 1ul);
		}
	}
	rcu_read_unlock();
	SAME("found", found, want);
	xa_for_each_marked(&array, index, entry, XA_MARK_1) {
		SAME("is marked", ranges[xa_to_value(entry)].marked, 1);
		marked++;
	}
	SAME("marked", marked, want_marked);
}

static int try_xarray(void)
{
	const u32 steps = 1500;
	u32 step;

	owner = kvcalloc(INDICES, sizeof(*owner), GFP_KERNEL);
	ranges = kvcalloc(steps + 1, sizeof(*ranges), GFP_KERNEL);
	if (!owner || !ranges)
		return -ENOMEM;
	for (step = 0; step < steps; step++) {
		u32 order = draw(8) ? draw(6) : draw(13), at = draw(INDICES) >> order << order;

		if (draw(4)) {
			store(at, order);
		} else {
			u32 old = owner[at];
			void *entry = xa_erase(&array, at);

			SAME("erased", entry ? xa_to_value(entry) : 0, old);
			if (old)
				model_drop(old);
		}
		if (step % 50 == 0)
			compare();
	}
	compare();
	xa_destroy(&array);
	SAME("empty", xa_empty(&array), 1);
	kvfree(owner);
	kvfree(ranges);
	return 0;
}

/* ---- fractions: no other one within the limits is nearer ---- */
static u64 distance(u64 n, u64 d, u64 p, u64 q)	/* times n's and p's denominators and a common factor */
{
	u64 a = n * q, b = p * d;

	return a > b ? a - b : b - a;
}

static void try_fractions(void)
{
	u32 i;

	for (i = 0; i < 3000; i++) {
		unsigned long n = 1 + draw(2000), d = 1 + draw(2000), top = 1 + draw(30), bottom = 1 + draw(30), p = 0, q = 0, a, b;

		rational_best_approximation(n, d, top, bottom, &p, &q);
		SAME("within its limits", p <= top && q <= bottom && q > 0, 1);
		for (a = 0; a <= top && q; a++)
			for (b = 1; b <= bottom; b++)
				if (distance(n, d, a, b) * q < distance(n, d, p, q) * b) {
					SAME("the nearest fraction", p * 1000 + q, a * 1000 + b);
					a = top;
					break;
				}
	}
}

/* ---- scatterlists: pieces beside the bytes of the whole ---- */
static int try_pieces(void)
{
	u32 round;

	for (round = 0; round < 60; round++) {
		u32 i, count = 1 + draw(6), total = 0, seen = 0, skip;
		struct scatterlist sg[6];
		struct sg_mapping_iter miter;
		void *memory[6];
		u32 orders[6];
		u8 value = 0;

		sg_init_table(sg, count);
		for (i = 0; i < count; i++) {
			u32 pages = 1u << draw(3), offset = draw(pages * PAGE_SIZE - 1), bytes = 1 + draw(pages * PAGE_SIZE - offset - 1), k;

			orders[i] = ilog2(pages);
			memory[i] = (void *)__get_free_pages(GFP_KERNEL, orders[i]);
			if (!memory[i])
				return -ENOMEM;
			for (k = 0; k < bytes; k++)
				((u8 *)memory[i])[offset + k] = value++;
			sg_set_page(&sg[i], virt_to_page(memory[i]), bytes, offset);
			total += bytes;
		}
		skip = draw(total);
		sg_miter_start(&miter, sg, count, SG_MITER_FROM_SG | (draw(2) ? SG_MITER_ATOMIC : 0));
		SAME("skipped", sg_miter_skip(&miter, skip), 1);
		seen = skip;
		while (sg_miter_next(&miter)) {
			u32 k;

			SAME("a piece in one page", offset_in_page(miter.addr) + miter.length <= PAGE_SIZE, 1);
			if (draw(3) == 0)
				miter.consumed = 1 + draw(miter.length);
			for (k = 0; k < miter.consumed; k++)
				SAME("a byte", ((u8 *)miter.addr)[k], (u8)(seen + k));
			seen += miter.consumed;
		}
		sg_miter_stop(&miter);
		SAME("all bytes", seen, total);
		SAME("skipped too far", sg_miter_skip(&miter, 1), 0);
		for (i = 0; i < count; i++)
			free_pages((unsigned long)memory[i], orders[i]);
	}
	return 0;
}

/* ---- indices that are allocated ---- */
static DEFINE_XARRAY_ALLOC(allocating);

static void try_allocating(void)
{
	u32 id = 99, next = 2, i;
	void *one = xa_mk_value(1), *two = xa_mk_value(2);

	for (i = 0; i < 4; i++) {
		SAME("an id", xa_alloc(&allocating, &id, i ? one : NULL, XA_LIMIT(0, 3), GFP_KERNEL), 0);
		SAME("in order", id, i);
	}
	SAME("no id is left", xa_alloc(&allocating, &id, one, XA_LIMIT(0, 3), GFP_KERNEL), -EBUSY);
	SAME("NULL is reserved", xa_load(&allocating, 0) == NULL, 1);
	xa_erase(&allocating, 1);
	SAME("the one that was given back", xa_alloc(&allocating, &id, two, XA_LIMIT(0, 3), GFP_KERNEL), 0);
	SAME("its id", id, 1);
	xa_erase(&allocating, 1);
	xa_erase(&allocating, 3);
	SAME("onward", xa_alloc_cyclic(&allocating, &id, one, XA_LIMIT(0, 3), &next, GFP_KERNEL), 0);
	SAME("from 2", id * 10 + next, 34);
	SAME("round", xa_alloc_cyclic(&allocating, &id, one, XA_LIMIT(0, 3), &next, GFP_KERNEL), 1);
	SAME("to 1", id * 10 + next, 12);
	SAME("full", xa_alloc_cyclic(&allocating, &id, one, XA_LIMIT(0, 3), &next, GFP_KERNEL), -EBUSY);
	SAME("busy", xa_insert(&allocating, 2, two, GFP_KERNEL), -EBUSY);
	SAME("busy with NULL", xa_insert(&allocating, 0, two, GFP_KERNEL), -EBUSY);
	SAME("inserted", xa_insert(&allocating, 200, two, GFP_KERNEL), 0);
	SAME("not another's", xa_cmpxchg(&allocating, 200, one, NULL, GFP_KERNEL) == two, 1);
	SAME("is there", xa_load(&allocating, 200) == two, 1);
	SAME("exchanged", xa_cmpxchg(&allocating, 200, two, one, GFP_KERNEL) == two, 1);
	SAME("stored", xa_store(&allocating, 200, NULL, GFP_KERNEL) == one, 1);
	SAME("its index stays taken", xa_alloc(&allocating, &id, one, XA_LIMIT(200, 200), GFP_KERNEL), -EBUSY);
	xa_destroy(&allocating);
}

/* ---- words ---- */
static void try_words(void)
{
	static const struct { const char *line, *name, *value, *rest; } words[] = {
		{ "a=1  b", "a", "1", "b" },
		{ "a", "a", NULL, "" },
		{ "a=\"x y\" z", "a", "x y", "z" },
		{ "\"a=x y\" z", "a", "x y", "z" },
		{ "=1=2 x", "=1", "2", "x" },
		{ "a=b=c", "a", "b=c", "" },
		{ "a=\"", "a", "", "" },
		{ "\"a=\" b", "a", "", "b" },
		{ "\"", "", NULL, "" },
		{ "a=\"b\"c d", "a", "b\"c", "d" },
	};
	static const char * const yes[] = { "y", "Yes", "t", "1", "on", "ON!" }, * const no[] = { "n", "False", "0", "off", "oF" };
	static const char * const neither[] = { "", "o", "ox", "2", "\x11", "e" };
	char text[32], *name, *value, *rest;
	bool answer;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		strscpy(text, words[i].line, sizeof(text));
		rest = next_arg(text, &name, &value);
		SAME("a name", i * 10 + strcmp(name, words[i].name), i * 10);
		SAME("a value", !value == !words[i].value && (!value || !strcmp(value, words[i].value)) ? i : 100, i);
		SAME("the rest", i * 10 + strcmp(rest, words[i].rest), i * 10);
	}
	for (i = 0; i < ARRAY_SIZE(yes); i++)
		SAME("yes", !kstrtobool(yes[i], &answer) && answer ? i : 100, i);
	for (i = 0; i < ARRAY_SIZE(no); i++)
		SAME("no", !kstrtobool(no[i], &answer) && !answer ? i : 100, i);
	for (i = 0; i < ARRAY_SIZE(neither); i++)
		SAME("neither", kstrtobool(neither[i], &answer), -EINVAL);
}

static int __init library_model_init(void)
{
	int error = try_xarray() ?: try_pieces();

	try_fractions();
	try_allocating();
	try_words();
	pr_info("library_model: %u differences\n", differences);
	return error;
}

static void __exit library_model_exit(void)
{
}

module_init(library_model_init);
module_exit(library_model_exit);
MODULE_LICENSE("GPL");
