// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory pools: elements kept aside, for when the allocator has none. The pool is a stack of pointers; an allocation that
 * may wait sleeps until somebody gives an element back.
 */
#include <linux/mempool.h>

#include "call_site.h"

static void mempool_push(mempool_t *pool, void *element)
{
	pool->elements[pool->curr_nr++] = element;
}

static void *mempool_pop(mempool_t *pool)
{
	return pool->elements[--pool->curr_nr];
}

void mempool_exit(mempool_t *pool)
{
	while (pool->curr_nr)
		pool->free(mempool_pop(pool), pool->pool_data);
	kfree(pool->elements);
	pool->elements = NULL;
}

void mempool_destroy(mempool_t *pool)
{
	if (!pool)
		return;
	mempool_exit(pool);
	kfree(pool);
}

int mempool_init_node(mempool_t *pool, int min_nr, mempool_alloc_t *alloc_fn, mempool_free_t *free_fn, void *pool_data,
		      gfp_t gfp, int node)
{
	const unsigned int site = koi_site();

	spin_lock_init(&pool->lock);
	pool->min_nr = min_nr;
	pool->curr_nr = 0;
	pool->pool_data = pool_data;
	pool->alloc = alloc_fn;
	pool->free = free_fn;
	init_waitqueue_head(&pool->wait);
	pool->elements = kmalloc_array_node(min_nr, sizeof(void *), gfp, node);
	if (!pool->elements)
		return -ENOMEM;
	while (pool->curr_nr < pool->min_nr) {
		void *element;

		koi_set_site(site);
		element = pool->alloc(gfp, pool->pool_data);
		if (!element) {
			mempool_exit(pool);
			return -ENOMEM;
		}
		mempool_push(pool, element);
	}
	return 0;
}

static mempool_t *mempool_make(int min_nr, mempool_alloc_t *alloc_fn, mempool_free_t *free_fn, void *pool_data, gfp_t gfp,
			       int node)
{
	const unsigned int site = koi_site();
	mempool_t *pool = kzalloc_node(sizeof(*pool), gfp, node);

	if (!pool)
		return NULL;
	koi_set_site(site);
	if (mempool_init_node(pool, min_nr, alloc_fn, free_fn, pool_data, gfp, node)) {
		kfree(pool);
		return NULL;
	}
	return pool;
}

/* Grows or shrinks the reserve; -ENOMEM: it stays as it is, or fills up as elements come back. */
int mempool_resize(mempool_t *pool, int new_min_nr)
{
	const unsigned int site = koi_site();
	void **elements, *element;
	unsigned long flags;

	koi_might_sleep("mm/mempool.c", KOI_LINE(325, 335));
	spin_lock_irqsave(&pool->lock, flags);
	if (new_min_nr <= pool->min_nr) {
		while (new_min_nr < pool->curr_nr) {
			element = mempool_pop(pool);
			spin_unlock_irqrestore(&pool->lock, flags);
			pool->free(element, pool->pool_data);
			spin_lock_irqsave(&pool->lock, flags);
		}
		pool->min_nr = new_min_nr;
		spin_unlock_irqrestore(&pool->lock, flags);
		return 0;
	}
	spin_unlock_irqrestore(&pool->lock, flags);

	koi_set_site(site);
	elements = kmalloc_array(new_min_nr, sizeof(*elements), GFP_KERNEL);
	if (!elements)
		return -ENOMEM;
	spin_lock_irqsave(&pool->lock, flags);
	if (new_min_nr <= pool->min_nr) {
		spin_unlock_irqrestore(&pool->lock, flags);
		kfree(elements);
		return 0;
	}
	memcpy(elements, pool->elements, pool->curr_nr * sizeof(*elements));
	kfree(pool->elements);
	pool->elements = elements;
	pool->min_nr = new_min_nr;
	while (pool->curr_nr < pool->min_nr) {
		spin_unlock_irqrestore(&pool->lock, flags);
		koi_set_site(site);
		element = pool->alloc(GFP_KERNEL, pool->pool_data);
		if (!element)
			return 0;
		spin_lock_irqsave(&pool->lock, flags);
		if (pool->curr_nr < pool->min_nr) {
			mempool_push(pool, element);
		} else {
			spin_unlock_irqrestore(&pool->lock, flags);
			pool->free(element, pool->pool_data);
			return 0;
		}
	}
	spin_unlock_irqrestore(&pool->lock, flags);
	return 0;
}

static void *mempool_take(mempool_t *pool)
{
	void *element = NULL;
	unsigned long flags;

	spin_lock_irqsave(&pool->lock, flags);
	if (pool->curr_nr)
		element = mempool_pop(pool);
	spin_unlock_irqrestore(&pool->lock, flags);
	return element;
}

static void *mempool_get(mempool_t *pool, gfp_t gfp)
{
	gfp_t first;
	void *element;

#line KOI_LINE(401, 411) "mm/mempool.c"
	VM_WARN_ON_ONCE(gfp & __GFP_ZERO);
	if (gfpflags_allow_blocking(gfp))
		koi_might_alloc();
	gfp |= __GFP_NOMEMALLOC | __GFP_NORETRY | __GFP_NOWARN;
	first = gfp & ~(__GFP_DIRECT_RECLAIM | __GFP_IO);
	for (;;) {
		DEFINE_WAIT(wait);

		element = pool->alloc(first, pool->pool_data);
		if (!element)
			element = mempool_take(pool);
		if (element)
			return element;
		if (first != gfp) {
			first = gfp;
			continue;
		}
		if (!(gfp & __GFP_DIRECT_RECLAIM))
			return NULL;
		prepare_to_wait(&pool->wait, &wait, TASK_UNINTERRUPTIBLE);
		if (!pool->curr_nr)
			schedule_timeout(5 * HZ);
		finish_wait(&pool->wait, &wait);
	}
}

void mempool_free(void *element, mempool_t *pool)
{
	unsigned long flags;

	if (unlikely(!element))
		return;
	if (READ_ONCE(pool->curr_nr) < pool->min_nr) {
		spin_lock_irqsave(&pool->lock, flags);
		if (pool->curr_nr < pool->min_nr) {
			mempool_push(pool, element);
			spin_unlock_irqrestore(&pool->lock, flags);
			wake_up(&pool->wait);
			return;
		}
		spin_unlock_irqrestore(&pool->lock, flags);
	}
	pool->free(element, pool->pool_data);
}

#ifdef mempool_alloc	/* 6.10: a macro that names the function behind it */
mempool_t *mempool_create_node_noprof(int min_nr, mempool_alloc_t *alloc_fn, mempool_free_t *free_fn, void *pool_data,
				      gfp_t gfp, int node)
{
	return mempool_make(min_nr, alloc_fn, free_fn, pool_data, gfp, node);
}

int mempool_init_noprof(mempool_t *pool, int min_nr, mempool_alloc_t *alloc_fn, mempool_free_t *free_fn, void *pool_data)
{
	return mempool_init_node(pool, min_nr, alloc_fn, free_fn, pool_data, GFP_KERNEL, NUMA_NO_NODE);
}

void *mempool_alloc_noprof(mempool_t *pool, gfp_t gfp)
{
	return mempool_get(pool, gfp);
}
#else
mempool_t *mempool_create(int min_nr, mempool_alloc_t *alloc_fn, mempool_free_t *free_fn, void *pool_data)
{
	return mempool_make(min_nr, alloc_fn, free_fn, pool_data, GFP_KERNEL, NUMA_NO_NODE);
}

mempool_t *mempool_create_node(int min_nr, mempool_alloc_t *alloc_fn, mempool_free_t *free_fn, void *pool_data, gfp_t gfp,
			       int node)
{
	return mempool_make(min_nr, alloc_fn, free_fn, pool_data, gfp, node);
}

int mempool_init(mempool_t *pool, int min_nr, mempool_alloc_t *alloc_fn, mempool_free_t *free_fn, void *pool_data)
{
	return mempool_init_node(pool, min_nr, alloc_fn, free_fn, pool_data, GFP_KERNEL, NUMA_NO_NODE);
}

void *mempool_alloc(mempool_t *pool, gfp_t gfp)
{
	return mempool_get(pool, gfp);
}
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
void *mempool_alloc_preallocated(mempool_t *pool)
{
	return mempool_take(pool);
}

void *mempool_kvmalloc(gfp_t gfp, void *pool_data)
{
	return kvmalloc((size_t)pool_data, gfp);
}

void mempool_kvfree(void *element, void *pool_data)
{
	kvfree(element);
}
#endif

void *mempool_alloc_slab(gfp_t gfp, void *pool_data)
{
	return kmem_cache_alloc((struct kmem_cache *)pool_data, gfp);
}

void mempool_free_slab(void *element, void *pool_data)
{
	kmem_cache_free((struct kmem_cache *)pool_data, element);
}

void *mempool_kmalloc(gfp_t gfp, void *pool_data)
{
	return kmalloc((size_t)pool_data, gfp);
}

void mempool_kfree(void *element, void *pool_data)
{
	kfree(element);
}

void *mempool_alloc_pages(gfp_t gfp, void *pool_data)
{
	return alloc_pages(gfp, (int)(long)pool_data);
}

void mempool_free_pages(void *element, void *pool_data)
{
	__free_pages(element, (int)(long)pool_data);
}
