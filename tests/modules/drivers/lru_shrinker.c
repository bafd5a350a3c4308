// SPDX-License-Identifier: GPL-2.0-only
/* A cache that gives back memory on demand: its shrinker only tries its lock and never allocates. */
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/version.h>

struct page_entry {
	struct list_head link;
	char data[200];
};

static LIST_HEAD(lru);
static DEFINE_SPINLOCK(lru_lock);
static DEFINE_MUTEX(fill_lock);
static unsigned long count;

static unsigned long lru_count(struct shrinker *s, struct shrink_control *control)
{
	return READ_ONCE(count);
}

static unsigned long lru_scan(struct shrinker *s, struct shrink_control *control)
{
	unsigned long freed = 0;
	LIST_HEAD(mine);

	if (!spin_trylock(&lru_lock))
		return SHRINK_STOP;
	while (freed < control->nr_to_scan && !list_empty(&lru)) {
		list_move(lru.prev, &mine);
		WRITE_ONCE(count, count - 1);
		freed++;
	}
	spin_unlock(&lru_lock);
	while (!list_empty(&mine)) {
		struct page_entry *e = list_first_entry(&mine, struct page_entry, link);

		list_del(&e->link);
		kfree(e);
	}
	return freed ? freed : SHRINK_STOP;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
static struct shrinker *shrinker;

static int shrinker_start(void)
{
	shrinker = shrinker_alloc(0, "driver-lru");
	if (!shrinker)
		return -ENOMEM;
	shrinker->count_objects = lru_count;
	shrinker->scan_objects = lru_scan;
	shrinker_register(shrinker);
	return 0;
}

static void shrinker_end(void)
{
	shrinker_free(shrinker);
}
#else
static struct shrinker shrinker = {
	.count_objects = lru_count,
	.scan_objects = lru_scan,
	.seeks = DEFAULT_SEEKS,
};

static int shrinker_start(void)
{
	return register_shrinker(&shrinker, "driver-lru");
}

static void shrinker_end(void)
{
	unregister_shrinker(&shrinker);
}
#endif

static int __init lru_shrinker_init(void)
{
	int i, error = shrinker_start();

	if (error)
		return error;
	mutex_lock(&fill_lock);
	for (i = 0; i < 300; i++) {
		struct page_entry *e = kmalloc(sizeof(*e), GFP_KERNEL);

		if (!e)
			break;
		spin_lock(&lru_lock);
		list_add(&e->link, &lru);
		WRITE_ONCE(count, count + 1);
		spin_unlock(&lru_lock);
	}
	mutex_unlock(&fill_lock);
	return 0;
}

static void __exit lru_shrinker_exit(void)
{
	struct page_entry *e, *next;
	unsigned int order;

	/* More than there is, so that reclaim has to begin. */
	for (order = 10; order; order--) {
		struct page *page = alloc_pages(GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY, order);

		if (page)
			__free_pages(page, order);
	}
	shrinker_end();
	list_for_each_entry_safe(e, next, &lru, link)
		kfree(e);
	pr_info("drivers: closed\n");
}

module_init(lru_shrinker_init);
module_exit(lru_shrinker_exit);

MODULE_LICENSE("GPL");
