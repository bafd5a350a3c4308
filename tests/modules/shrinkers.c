// SPDX-License-Identifier: GPL-2.0-only
/* A shrinker with a thousand objects that says what it is asked for; "take" takes all memory, so that it is asked. */
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/shrinker.h>
#include <linux/version.h>

static bool take;
module_param(take, bool, 0);
static unsigned long have = 1000, calls, smallest = ULONG_MAX;

static unsigned long count_them(struct shrinker *s, struct shrink_control *sc)
{
	return have;
}

static unsigned long scan_them(struct shrinker *s, struct shrink_control *sc)
{
	const unsigned long freed = min(have, sc->nr_to_scan);

	have -= freed;
	calls++;
	smallest = min(smallest, sc->nr_to_scan);
	return freed;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
static struct shrinker *shrinker;

static int shrinker_comes(void)
{
	shrinker = shrinker_alloc(0, "koi-test-%d", 1);
	if (!shrinker)
		return -ENOMEM;
	shrinker->count_objects = count_them;
	shrinker->scan_objects = scan_them;
	shrinker_register(shrinker);
	return 0;
}

static void shrinker_goes(void)
{
	shrinker_free(shrinker);
}
#else
static struct shrinker shrinker = {
	.count_objects = count_them, .scan_objects = scan_them, .seeks = DEFAULT_SEEKS,
};

static int shrinker_comes(void)
{
	return register_shrinker(&shrinker, "koi-test-%d", 1);
}

static void shrinker_goes(void)
{
	unregister_shrinker(&shrinker);
}
#endif

/* Until the shrinker has been asked, and nothing came of it. */
static void take_all(void)
{
	LIST_HEAD(pages);
	struct page *page, *next;

	while ((page = alloc_pages(GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN, 0)))
		list_add(&page->lru, &pages);
	list_for_each_entry_safe(page, next, &pages, lru)
		__free_page(page);
}

static int __init shrinkers_init(void)
{
	const int error = shrinker_comes();

	if (!error && take)
		take_all();
	return error;
}

static void __exit shrinkers_exit(void)
{
	shrinker_goes();
	pr_info("shrinkers: %lu calls, smallest %lu, %lu left\n", calls, calls ? smallest : 0, have);
}

module_init(shrinkers_init);
module_exit(shrinkers_exit);
MODULE_LICENSE("GPL");
