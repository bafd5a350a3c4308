// SPDX-License-Identifier: GPL-2.0-only
/* Memory pools beside a naive model: elements by number, an allocator with a budget, the reserve as an array. */
#include <linux/mempool.h>
#include <linux/module.h>
#include <linux/slab.h>

#define ELEMENTS 96
#define MOST_RESERVED 24

static ulong operations = 200000;
module_param(operations, ulong, 0444);
static ulong seed = 1;
module_param(seed, ulong, 0444);

enum where { OUTSIDE, IN_RESERVE, IN_USE };

static char elements[ELEMENTS];
static enum where places[ELEMENTS];
static unsigned int budget;	/* how many more elements the allocator gives */

/* What the pool is to have. */
static int reserve[MOST_RESERVED], reserved, wanted;
static int in_use[ELEMENTS], used;

static u64 state;
static unsigned int random_below(unsigned int n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (u32)state % n;
}

static int lowest_outside(void)
{
	int i;

	for (i = 0; i < ELEMENTS; i++)
		if (places[i] == OUTSIDE)
			return i;
	return -1;
}

static int last_taken = -1;

static void *take(gfp_t gfp, void *data)
{
	int i = lowest_outside();

	if (!budget || i < 0)
		return NULL;
	budget--;
	places[i] = IN_USE;
	last_taken = i;
	return &elements[i];
}

static int last_given = -1;

static void give(void *element, void *data)
{
	last_given = (char *)element - elements;
	places[last_given] = OUTSIDE;
	budget++;
}

static bool agrees(const mempool_t *pool, ulong op)
{
	int i;

	if (pool->curr_nr != reserved || pool->min_nr != wanted) {
		pr_err("operation %lu: reserve %d of %d, model %d of %d\n", op, pool->curr_nr, pool->min_nr, reserved, wanted);
		return false;
	}
	for (i = 0; i < reserved; i++) {
		if (pool->elements[i] != &elements[reserve[i]]) {
			pr_err("operation %lu: place %d of the reserve holds another element\n", op, i);
			return false;
		}
	}
	return true;
}

static void model_fill(void)
{
	/* The pool has asked the allocator by now: what it got lies behind what it had. */
	while (reserved < wanted) {
		int i;

		for (i = 0; i < ELEMENTS && places[i] != IN_USE; i++)
			;
		for (; i < ELEMENTS; i++) {
			int j;

			if (places[i] != IN_USE)
				continue;
			for (j = 0; j < used && in_use[j] != i; j++)
				;
			if (j == used)
				break;
		}
		if (i == ELEMENTS)
			return;
		places[i] = IN_RESERVE;
		reserve[reserved++] = i;
	}
}

static bool alloc_one(mempool_t *pool, ulong op)
{
	bool fresh = budget && lowest_outside() >= 0;
	int expected = fresh ? lowest_outside() : reserved ? reserve[reserved - 1] : -1;
	char *got = mempool_alloc(pool, GFP_NOWAIT);

	if ((got ? got - elements : -1) != expected) {
		pr_err("operation %lu: got %ld, expected %d\n", op, got ? (long)(got - elements) : -1, expected);
		return false;
	}
	if (!got)
		return true;
	if (!fresh)
		reserved--;
	places[expected] = IN_USE;
	in_use[used++] = expected;
	return true;
}

static bool free_one(mempool_t *pool, ulong op)
{
	int at = random_below(used), i = in_use[at];

	in_use[at] = in_use[--used];
	last_given = -1;
	mempool_free(&elements[i], pool);
	if (reserved < wanted) {
		places[i] = IN_RESERVE;
		reserve[reserved++] = i;
		return last_given == -1;
	}
	return last_given == i;
}

static void resize(mempool_t *pool)
{
	int to = 1 + random_below(MOST_RESERVED);

	wanted = to;
	if (to < reserved) {
		reserved = to;
		mempool_resize(pool, to);
		return;
	}
	mempool_resize(pool, to);
	model_fill();
}

static int __init mempool_model_init(void)
{
	mempool_t *pool;
	ulong op, failed = 0;

	state = seed * 0x9e3779b97f4a7c15ULL | 1;
	budget = 8;
	wanted = 8;
	pool = mempool_create(8, take, give, NULL);
	if (!pool)
		return -ENOMEM;
	model_fill();
	for (op = 0; op < operations; op++) {
		unsigned int what = random_below(100);
		bool fine = true;

		if (what < 45)
			fine = alloc_one(pool, op);
		else if (what < 90 && used)
			fine = free_one(pool, op);
		else if (what < 96)
			budget = random_below(ELEMENTS / 2);
		else
			resize(pool);
		if (!fine || !agrees(pool, op)) {
			pr_err("operation %lu of seed %lu differs\n", op, seed);
			failed++;
			break;
		}
	}
	while (used)
		mempool_free(&elements[in_use[--used]], pool);
	mempool_destroy(pool);
	for (op = 0; op < ELEMENTS; op++)
		failed += places[op] != OUTSIDE;
	pr_info("%lu operations on memory pools, %lu differences\n", operations, failed);
	return failed ? -EINVAL : 0;
}

static void __exit mempool_model_exit(void)
{
}

module_init(mempool_model_init);
module_exit(mempool_model_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Memory pools beside a model");
