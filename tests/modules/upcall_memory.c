// SPDX-License-Identifier: GPL-2.0-only
/* Oopses in what the allocators and the library call back. */
#include <linux/bsearch.h>
#include <linux/idr.h>
#include <linux/mempool.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/version.h>

#include "upcall.h"

static void constructor(void *object)
{
	upcall_oops();
}

static int compare(const void *a, const void *b)
{
	return upcall_oops();
}

static int compare_fine(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void swap_elements(void *a, void *b, int size)
{
	upcall_oops();
}

static void *pool_alloc(gfp_t gfp, void *data)
{
	OOPS_IF("mempool_alloc");
	return kmalloc(64, gfp);
}

static void pool_free(void *element, void *data)
{
	OOPS_IF("mempool_free");
	kfree(element);
}

static int idr_callback(int id, void *p, void *data)
{
	return upcall_oops();
}

static unsigned long shrinker_count(struct shrinker *s, struct shrink_control *control)
{
	OOPS_IF("shrinker_count");
	return 100;
}

static unsigned long shrinker_scan(struct shrinker *s, struct shrink_control *control)
{
	OOPS_IF("shrinker_scan");
	return SHRINK_STOP;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
static struct shrinker *shrinker;

static int make_shrinker(void)
{
	shrinker = shrinker_alloc(0, "upcall");
	if (!shrinker)
		return -ENOMEM;
	shrinker->count_objects = shrinker_count;
	shrinker->scan_objects = shrinker_scan;
	shrinker_register(shrinker);
	return 0;
}
#else
static struct shrinker shrinker = { .count_objects = shrinker_count, .scan_objects = shrinker_scan, .seeks = DEFAULT_SEEKS };

static int make_shrinker(void)
{
	return register_shrinker(&shrinker, "upcall");
}
#endif

/* Takes memory until the kernel asks the shrinkers. */
static int press(void)
{
	int i;

	if (make_shrinker())
		return -ENOMEM;
	for (i = 0; i < 100000; i++) {
		if (!alloc_pages(GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY, 10))
			break;
	}
	return 0;
}

static int __init upcall_memory_init(void)
{
	static int numbers[4] = { 3, 1, 4, 2 };
	int key = 2;

	if (KIND("constructor"))
		kmem_cache_alloc(kmem_cache_create("upcall", 100, 0, 0, constructor), GFP_KERNEL);
	if (KIND("sort_compare"))
		sort(numbers, 4, sizeof(int), compare, NULL);
	if (KIND("sort_swap"))
		sort(numbers, 4, sizeof(int), compare_fine, swap_elements);
	if (KIND("bsearch"))
		bsearch(&key, numbers, 4, sizeof(int), compare);
	if (KIND("mempool_alloc") || KIND("mempool_free"))
		mempool_destroy(mempool_create(2, pool_alloc, pool_free, NULL));
	if (KIND("idr_for_each")) {
		static DEFINE_IDR(idr);

		if (idr_alloc(&idr, numbers, 0, 0, GFP_KERNEL) >= 0)
			idr_for_each(&idr, idr_callback, NULL);
	}
	if (KIND("shrinker_count") || KIND("shrinker_scan"))
		press();
	pr_err("upcall_memory: %s did not oops\n", kind);
	return -EINVAL;
}

module_init(upcall_memory_init);
MODULE_LICENSE("GPL");
