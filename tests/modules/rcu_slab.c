// SPDX-License-Identifier: GPL-2.0-only
/* The pages of a SLAB_TYPESAFE_BY_RCU cache stay what they are until readers have gone; those of an ordinary one do not. */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

static bool pages_lead_to(void *address)
{
	enum { PAGES = 64 };
	unsigned long pages[PAGES];
	bool found = false;
	int i;

	for (i = 0; i < PAGES; i++) {
		pages[i] = __get_free_page(GFP_NOWAIT);
		found |= pages[i] == ((unsigned long)address & PAGE_MASK);
	}
	for (i = 0; i < PAGES; i++)
		free_page(pages[i]);
	return found;
}

/* A cache with a constructor merges with no other. */
static void set_up(void *object)
{
	memset(object, 0, 72);
}

static void look(const char *name, slab_flags_t flags)
{
	struct kmem_cache *cache = kmem_cache_create(name, 72, 0, flags, set_up);
	u64 *object = kmem_cache_alloc(cache, GFP_KERNEL);
	bool early, late;

	*object = 0x0123456789abcdefULL;
	rcu_read_lock();
	kmem_cache_free(cache, object);
	kmem_cache_shrink(cache);
	early = pages_lead_to(object);
	pr_info("%s: read under RCU after the free: %s\n", name, *object == 0x0123456789abcdefULL ? "intact" : "gone");
	rcu_read_unlock();
	rcu_barrier();
	late = pages_lead_to(object);
	pr_info("%s: page in other hands before the grace period: %d, after it: %d\n", name, early, late);
	kmem_cache_destroy(cache);
}

static int __init rcu_slab_init(void)
{
	look("plain_cache", 0);
	look("rcu_cache", SLAB_TYPESAFE_BY_RCU);
	return 0;
}

static void __exit rcu_slab_exit(void)
{
}

module_init(rcu_slab_init);
module_exit(rcu_slab_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("When the pages of a cache go back");
