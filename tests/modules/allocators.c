// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocator in a random order from a fixed seed. What it prints (addresses, time stamps, contents of fresh objects)
 * must not depend on the way by which koi serves a call. leave=N keeps N of the slots alive until exit.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

static unsigned int steps = 20000;
module_param(steps, uint, 0444);
static unsigned int leave = 40;
module_param(leave, uint, 0444);

enum kind { NOTHING, KMALLOC, CACHE, PAGES, EXACT, VMALLOC, PERCPU, KINDS };

#define SLOTS 300

static struct slot {
	enum kind kind;
	void *p;
	unsigned int size;
	unsigned int cache;
} slots[SLOTS];

static struct kmem_cache *caches[3];
static u64 state = 88172645463325252ULL;
static u64 sum;

static u32 next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state >> 32;
}

/* What a fresh object holds, and where it is, goes into the sum; then it is written over. */
static void note(void *p, unsigned int size)
{
	unsigned int i;

	sum = sum * 31 + (unsigned long)p;
	for (i = 0; i < size; i += 61)
		sum = sum * 31 + ((u8 *)p)[i];
	memset(p, (u8)sum, size);
}

static void drop(struct slot *s)
{
	switch (s->kind) {
	case KMALLOC:
		if (next() % 16 == 0)
			kfree_sensitive(s->p);
		else
			kfree(s->p);
		break;
	case CACHE:
		kmem_cache_free(caches[s->cache], s->p);
		break;
	case PAGES:
		__free_pages(s->p, s->size);
		break;
	case EXACT:
		free_pages_exact(s->p, s->size);
		break;
	case VMALLOC:
		kvfree(s->p);
		break;
	case PERCPU:
		free_percpu((void __percpu *)s->p);
		break;
	default:
		break;
	}
	s->kind = NOTHING;
}

static gfp_t some_gfp(void)
{
	static const gfp_t some[] = { GFP_KERNEL, GFP_KERNEL, GFP_KERNEL, GFP_ATOMIC, GFP_KERNEL | __GFP_ZERO,
				      GFP_KERNEL_ACCOUNT, GFP_KERNEL | __GFP_RECLAIMABLE, GFP_DMA };

	return some[next() % ARRAY_SIZE(some)];
}

static void take(struct slot *s)
{
	u32 r = next();

	s->kind = KMALLOC;
	if (r % 100 < 50) {
		s->size = 1 + next() % (r % 8 == 0 ? 20000 : r % 3 ? 300 : 4096);
		s->p = kmalloc(s->size, some_gfp());
	} else if (r % 100 < 58) {
		s->size = 96;
		s->p = r & 256 ? kmalloc(96, GFP_KERNEL) : kzalloc(96, GFP_KERNEL);
	} else if (r % 100 < 78) {
		s->kind = CACHE;
		s->cache = next() % ARRAY_SIZE(caches);
		s->size = kmem_cache_size(caches[s->cache]);
		s->p = r & 256 ? kmem_cache_alloc(caches[s->cache], GFP_KERNEL) :
				 kmem_cache_zalloc(caches[s->cache], GFP_KERNEL);
	} else if (r % 100 < 88) {
		s->kind = PAGES;
		s->size = next() % 8 ? 0 : next() % 4;
		s->p = alloc_pages(some_gfp() & ~__GFP_RECLAIMABLE, s->size);
		if (s->p) {
			note(page_address(s->p), PAGE_SIZE << s->size);
			sum = sum * 31 + page_ref_count(s->p) + ((struct page *)s->p)->flags;
			if (r % 5 == 0 && s->size == 0) {
				page_ref_inc(s->p);
				page_ref_dec(s->p);
			}
			return;
		}
	} else if (r % 100 < 92) {
		s->kind = EXACT;
		s->size = 1 + next() % 30000;
		s->p = alloc_pages_exact(s->size, GFP_KERNEL);
	} else if (r % 100 < 96) {
		s->kind = VMALLOC;
		s->size = 1 + next() % 50000;
		s->p = r & 256 ? vmalloc(s->size) : kvmalloc(s->size, GFP_KERNEL);
	} else {
		s->kind = PERCPU;
		s->size = 8 + next() % 100;
		s->p = (void __force *)__alloc_percpu(s->size, 8);
		sum = sum * 31 + (unsigned long)s->p;
		if (s->p)
			return;
	}
	if (!s->p)
		s->kind = NOTHING;
	else
		note(s->p, s->size);
}

static void resize(struct slot *s)
{
	unsigned int size = next() % 6000;
	void *p;

	if (s->kind != KMALLOC)
		return;
	p = krealloc(s->p, size, GFP_KERNEL);
	if (ZERO_OR_NULL_PTR(p)) {
		s->kind = NOTHING;
		return;
	}
	s->p = p;
	s->size = size;
	note(p, size);
}

static void bulk(void)
{
	void *objects[24];
	unsigned int count = 1 + next() % ARRAY_SIZE(objects), i;

	if (!kmem_cache_alloc_bulk(caches[1], GFP_KERNEL, count, objects))
		return;
	for (i = 0; i < count; i++)
		note(objects[i], kmem_cache_size(caches[1]));
	kmem_cache_free_bulk(caches[1], count, objects);
}

static void split(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, 2);
	unsigned int i;

	if (!page)
		return;
	split_page(page, 2);
	for (i = 0; i < 4; i++)
		__free_page(page + i);
}

static int __init allocators_init(void)
{
	unsigned int i;

	caches[0] = kmem_cache_create("allocators_odd", 52, 0, 0, NULL);
	caches[1] = kmem_cache_create("allocators_line", 200, 0, SLAB_HWCACHE_ALIGN, NULL);
	caches[2] = kmem_cache_create("allocators_big", 3000, 0, 0, NULL);
	if (!caches[0] || !caches[1] || !caches[2])
		return -ENOMEM;
	for (i = 0; i < steps; i++) {
		struct slot *s = &slots[next() % SLOTS];
		u32 r = next() % 64;

		if (r == 0) {
			bulk();
		} else if (r == 1) {
			split();
		} else if (r < 6) {
			resize(s);
		} else {
			if (s->kind != NOTHING)
				drop(s);
			take(s);
		}
		if (i % 1000 == 999)
			pr_info("allocators: step %u sum %016llx\n", i + 1, sum);
	}
	for (i = leave; i < SLOTS; i++)
		drop(&slots[i]);
	pr_info("allocators: left %u slots\n", leave);
	return 0;
}

static void __exit allocators_exit(void)
{
	unsigned int i;

	for (i = 0; i < SLOTS; i++)
		drop(&slots[i]);
	for (i = 0; i < ARRAY_SIZE(caches); i++)
		kmem_cache_destroy(caches[i]);
	pr_info("allocators: done\n");
}

module_init(allocators_init);
module_exit(allocators_exit);
MODULE_DESCRIPTION("Every allocator in a random order");
MODULE_LICENSE("GPL");
