// SPDX-License-Identifier: GPL-2.0-only
/*
 * Objects in bulk: what koi's short way for them must leave to the long one, case by case ("what"). leaf.sh compares the two,
 * and what each case says.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>

#define COUNT 8

static char *what = "order";
module_param(what, charp, 0444);

static struct kmem_cache *cache, *other;
static void *objects[COUNT];

struct locked {
	spinlock_t lock;
	char rest[200];
};

static int index_of(void *object)
{
	int i;

	for (i = 0; i < COUNT; i++)
		if (objects[i] == object)
			return i;
	return -1;
}

/* What comes next off the freelist, by place in the array that was freed. */
static void tell_order(void)
{
	void *again[COUNT];
	int i;

	for (i = 0; i < COUNT; i++)
		again[i] = kmem_cache_alloc(cache, GFP_KERNEL);
	pr_info("bulk: order %d %d %d %d %d %d %d %d\n", index_of(again[0]), index_of(again[1]), index_of(again[2]),
		index_of(again[3]), index_of(again[4]), index_of(again[5]), index_of(again[6]), index_of(again[7]));
	for (i = 0; i < COUNT; i++)
		kmem_cache_free(cache, again[i]);
}

static int take(void **array)
{
	return kmem_cache_alloc_bulk(cache, GFP_KERNEL, COUNT, array);
}

static void order(void)
{
	take(objects);
	kmem_cache_free_bulk(cache, COUNT, objects);
	tell_order();
}

/* Half of them from other call sites. */
static void sites(void)
{
	int i;

	take(objects);
	for (i = 0; i < COUNT; i += 2) {
		kmem_cache_free(cache, objects[i]);
		objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
	}
	kmem_cache_free_bulk(cache, COUNT, objects);
	tell_order();
}

/* The array's first pointer stands twice, found when the rest is free already. */
static void twice(void)
{
	take(objects);
	objects[0] = objects[5];
	kmem_cache_free_bulk(cache, COUNT, objects);
}

static void others(void)
{
	void *mine;

	take(objects);
	mine = objects[3];
	objects[3] = kmem_cache_alloc(other, GFP_KERNEL);
	kmem_cache_free_bulk(cache, COUNT, objects);
	objects[3] = mine;
	kmem_cache_free(cache, mine);
	tell_order();
}

/* Not the start of an object. */
static void inside(void)
{
	take(objects);
	objects[2] += 8;
	kmem_cache_free_bulk(cache, COUNT, objects);
}

/* Half of the array lies in the page behind an area. */
static void free_beyond(void)
{
	void **array = vmalloc(PAGE_SIZE);

	take(objects);
	memcpy(array + PAGE_SIZE / sizeof(*array) - COUNT / 2, objects, sizeof(objects) / 2);
	kmem_cache_free_bulk(cache, COUNT, array + PAGE_SIZE / sizeof(*array) - COUNT / 2);
}

static void take_beyond(void)
{
	void **array = vmalloc(PAGE_SIZE);

	take(array + PAGE_SIZE / sizeof(*array) - COUNT / 2);
}

/* A lock that is held goes with its object. */
static void held_lock(void)
{
	struct locked *one;

	take(objects);
	one = objects[4];
	spin_lock_init(&one->lock);
	spin_lock(&one->lock);
	kmem_cache_free_bulk(cache, COUNT, objects);
	preempt_enable();
}

static void free_lock(void)
{
	struct locked *one;

	take(objects);
	one = objects[4];
	spin_lock_init(&one->lock);
	spin_lock(&one->lock);
	spin_unlock(&one->lock);
	kmem_cache_free_bulk(cache, COUNT, objects);
	tell_order();
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{ "order", order }, { "sites", sites }, { "twice", twice }, { "others", others }, { "inside", inside },
	{ "free_beyond", free_beyond }, { "take_beyond", take_beyond }, { "held_lock", held_lock }, { "free_lock", free_lock },
};

static int __init bulk_init(void)
{
	int i;

	cache = kmem_cache_create("koi_bulk", sizeof(struct locked), 0, 0, NULL);
	other = kmem_cache_create("koi_bulk_other", 200, 0, 0, NULL);
	/* The first object makes a slab: from here on there is one to take from. */
	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
	kmem_cache_free(other, kmem_cache_alloc(other, GFP_KERNEL));
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		if (!strcmp(cases[i].name, what))
			cases[i].run();
	pr_info("bulk: %s is done\n", what);
	return 0;
}

static void __exit bulk_exit(void)
{
	kmem_cache_destroy(other);
	kmem_cache_destroy(cache);
}

module_init(bulk_init);
module_exit(bulk_exit);
MODULE_DESCRIPTION("Objects in bulk, with mistakes");
MODULE_LICENSE("GPL");
