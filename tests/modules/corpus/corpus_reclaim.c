// SPDX-License-Identifier: GPL-2.0-only
/* Reclaim as a lock: allocations that may reclaim, and shrinkers that need what is held there; locks that library functions take. */
#include <linux/interrupt.h>
#include <linux/kref.h>
#include <linux/lockref.h>
#include <linux/sched/mm.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/version.h>
#include <linux/xarray.h>
#include "corpus.h"

static DEFINE_MUTEX(cache_lock);
static DEFINE_SPINLOCK(list_lock);
static bool tries;

static unsigned long cached(struct shrinker *s, struct shrink_control *control) { return 1; }

static unsigned long shrink(struct shrinker *s, struct shrink_control *control)
{
	if (tries) {
		if (!mutex_trylock(&cache_lock))
			return SHRINK_STOP;
	} else {
		mutex_lock(&cache_lock);
	}
	mutex_unlock(&cache_lock);
	return SHRINK_STOP;
}

/* All memory is taken, so that the shrinkers run, and given back. */
static void run_short_of_memory(void)
{
	struct page *page, *next;
	LIST_HEAD(pages);

	while ((page = alloc_pages(GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN, 9)))
		list_add(&page->lru, &pages);
	list_for_each_entry_safe(page, next, &pages, lru)
		__free_pages(page, 9);
}

static void with_shrinker(void (*run)(void))
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	struct shrinker *s = shrinker_alloc(0, "corpus");

	if (!s)
		return;
	s->count_objects = cached;
	s->scan_objects = shrink;
	shrinker_register(s);
	run();
	shrinker_free(s);
#else
	static struct shrinker s = { .count_objects = cached, .scan_objects = shrink, .seeks = DEFAULT_SEEKS };

	if (register_shrinker(&s, "corpus"))
		return;
	run();
	unregister_shrinker(&s);
#endif
}

static void allocate(gfp_t gfp)
{
	void *volatile p = kmalloc(100, gfp);

	kfree(p);
}

static void allocate_under_the_lock(void) { mutex_lock(&cache_lock); allocate(GFP_KERNEL); mutex_unlock(&cache_lock); }
static void under_the_lock_then_short(void) { allocate_under_the_lock(); run_short_of_memory(); }
static void short_then_under_the_lock(void) { run_short_of_memory(); allocate_under_the_lock(); }
static void nofs_under_the_lock(void)
{
	run_short_of_memory();
	mutex_lock(&cache_lock);
	allocate(GFP_NOFS);
	mutex_unlock(&cache_lock);
}
static void in_nofs_scope_under_the_lock(void)
{
	unsigned int scope;

	run_short_of_memory();
	scope = memalloc_nofs_save();
	allocate_under_the_lock();
	memalloc_nofs_restore(scope);
}
static void before_the_lock(void)
{
	run_short_of_memory();
	allocate(GFP_KERNEL);
	mutex_lock(&cache_lock);
	mutex_unlock(&cache_lock);
}

CASE(kmalloc_under_the_shrinkers_lock) { with_shrinker(short_then_under_the_lock); }
CASE(kmalloc_under_the_shrinkers_lock_first) { with_shrinker(under_the_lock_then_short); }
CASE(kmalloc_before_the_shrinkers_lock_ok) { with_shrinker(before_the_lock); }
CASE(kmalloc_nofs_under_the_shrinkers_lock_ok) { with_shrinker(nofs_under_the_lock); }
CASE(kmalloc_in_nofs_scope_ok) { with_shrinker(in_nofs_scope_under_the_lock); }
CASE(shrinker_that_only_tries_ok) { tries = true; with_shrinker(under_the_lock_then_short); }

static void tasklet_allocates(struct tasklet_struct *unused) { allocate(GFP_KERNEL); }
static void tasklet_allocates_atomic(struct tasklet_struct *unused) { allocate(GFP_ATOMIC); }
static void run_tasklet(void (*function)(struct tasklet_struct *))
{
	static struct tasklet_struct tasklet;

	tasklet_setup(&tasklet, function);
	tasklet_schedule(&tasklet);
	tasklet_kill(&tasklet);
}
CASE(reclaim_in_tasklet) { run_tasklet(tasklet_allocates); }
CASE(no_reclaim_in_tasklet_ok) { run_tasklet(tasklet_allocates_atomic); }

/* Locks that come and go with the last reference. */
struct object {
	struct kref ref;
	refcount_t users;
	struct lockref counted;
};
static struct object object;
static void released(struct kref *ref) { mutex_unlock(&cache_lock); }
CASE(kref_put_mutex_ok) { kref_init(&object.ref); kref_put_mutex(&object.ref, released, &cache_lock); mutex_lock(&cache_lock); mutex_unlock(&cache_lock); }
static void keeps(struct kref *ref) { }
CASE(kref_put_mutex_kept) { kref_init(&object.ref); kref_put_mutex(&object.ref, keeps, &cache_lock); }
CASE(refcount_dec_and_lock_ok)
{
	unsigned long flags;

	refcount_set(&object.users, 2);
	if (refcount_dec_and_lock(&object.users, &list_lock))
		spin_unlock(&list_lock);
	if (refcount_dec_and_lock(&object.users, &list_lock))
		spin_unlock(&list_lock);
	refcount_set(&object.users, 1);
	if (refcount_dec_and_lock_irqsave(&object.users, &list_lock, &flags))
		spin_unlock_irqrestore(&list_lock, flags);
}
CASE(sleep_after_refcount_dec_and_lock)
{
	refcount_set(&object.users, 1);
	if (!refcount_dec_and_lock(&object.users, &list_lock))
		return;
	allocate(GFP_KERNEL);
	spin_unlock(&list_lock);
}
CASE(lockref_put_or_lock_ok)
{
	spin_lock_init(&object.counted.lock);
	object.counted.count = 1;
	if (!lockref_put_or_lock(&object.counted)) {
		lockref_mark_dead(&object.counted);
		spin_unlock(&object.counted.lock);
	}
}

/* Stores that allocate drop the array's lock for it, though their caller took it. */
static DEFINE_XARRAY_FLAGS(array, XA_FLAGS_LOCK_BH);
static void looks(struct tasklet_struct *unused) { xa_lock(&array); xa_unlock(&array); }
CASE(xa_store_that_drops_the_lock_ok)
{
	unsigned long i;

	run_tasklet(looks);
	xa_lock_bh(&array);
	for (i = 0; i < 200; i++)
		__xa_store(&array, i << 12, &array, GFP_KERNEL);
	xa_unlock_bh(&array);
	xa_destroy(&array);
}

static const struct corpus_case rows[] = {
	ROW(kmalloc_under_the_shrinkers_lock), ROW(kmalloc_under_the_shrinkers_lock_first), ROW(kmalloc_before_the_shrinkers_lock_ok),
	ROW(kmalloc_nofs_under_the_shrinkers_lock_ok), ROW(kmalloc_in_nofs_scope_ok), ROW(shrinker_that_only_tries_ok),
	ROW(reclaim_in_tasklet), ROW(no_reclaim_in_tasklet_ok), ROW(kref_put_mutex_ok), ROW(kref_put_mutex_kept),
	ROW(refcount_dec_and_lock_ok), ROW(sleep_after_refcount_dec_and_lock), ROW(lockref_put_or_lock_ok),
	ROW(xa_store_that_drops_the_lock_ok),
};

CORPUS(rows);
