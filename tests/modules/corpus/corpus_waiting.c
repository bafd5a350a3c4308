// SPDX-License-Identifier: GPL-2.0-only
/* Every way to memory that may wait, where nobody may; beside each what is right there. */
#include <linux/gfp.h>
#include <linux/interrupt.h>
#include <linux/delay.h>
#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/version.h>
#include <linux/vmalloc.h>

#include "corpus.h"

static DEFINE_SPINLOCK(spin);

#define UNDER_SPINLOCK(statement) do { spin_lock(&spin); statement; spin_unlock(&spin); } while (0)

CASE(alloc_pages_kernel_under_spinlock)
{
	struct page *page;

	UNDER_SPINLOCK(page = alloc_pages(GFP_KERNEL, 0));
	__free_pages(page, 0);
}
CASE(alloc_pages_atomic_under_spinlock_ok)
{
	struct page *page;

	UNDER_SPINLOCK(page = alloc_pages(GFP_ATOMIC, 0); __free_pages(page, 0));
	page = alloc_pages(GFP_KERNEL, 0);
	__free_pages(page, 0);
}
CASE(alloc_block_kernel_under_spinlock)
{
	struct page *page;

	UNDER_SPINLOCK(page = alloc_pages(GFP_KERNEL, 3));
	__free_pages(page, 3);
}
CASE(alloc_block_nowait_under_spinlock_ok)
{
	struct page *page;

	UNDER_SPINLOCK(page = alloc_pages(GFP_NOWAIT, 3));
	if (page)
		__free_pages(page, 3);
}
/* The second page comes from where the first one went. */
CASE(second_page_kernel_in_rcu_reader)
{
	struct page *page = alloc_page(GFP_KERNEL);

	__free_page(page);
	rcu_read_lock();
	page = alloc_page(GFP_KERNEL);
	rcu_read_unlock();
	__free_page(page);
}
CASE(second_page_kernel_after_rcu_reader_ok)
{
	struct page *page = alloc_page(GFP_KERNEL);

	rcu_read_lock();
	__free_page(page);
	rcu_read_unlock();
	page = alloc_page(GFP_KERNEL);
	__free_page(page);
}
CASE(get_free_pages_kernel_irqs_off)
{
	unsigned long flags, address;

	local_irq_save(flags);
	address = __get_free_pages(GFP_KERNEL, 1);
	local_irq_restore(flags);
	free_pages(address, 1);
}
CASE(get_free_pages_atomic_irqs_off_ok)
{
	unsigned long flags, address;

	local_irq_save(flags);
	address = __get_free_pages(GFP_ATOMIC, 1);
	free_pages(address, 1);
	local_irq_restore(flags);
}
CASE(get_zeroed_page_kernel_preempt_off)
{
	unsigned long address;

	preempt_disable();
	address = get_zeroed_page(GFP_KERNEL);
	preempt_enable();
	free_page(address);
}
CASE(get_zeroed_page_atomic_preempt_off_ok)
{
	unsigned long address;

	preempt_disable();
	address = get_zeroed_page(GFP_ATOMIC);
	preempt_enable();
	free_page(address);
}
CASE(pages_exact_kernel_under_spinlock)
{
	void *memory;

	UNDER_SPINLOCK(memory = alloc_pages_exact(3 * PAGE_SIZE, GFP_KERNEL));
	free_pages_exact(memory, 3 * PAGE_SIZE);
}
CASE(pages_exact_atomic_under_spinlock_ok)
{
	void *memory;

	UNDER_SPINLOCK(memory = alloc_pages_exact(3 * PAGE_SIZE, GFP_ATOMIC));
	free_pages_exact(memory, 3 * PAGE_SIZE);
}
CASE(pages_bulk_kernel_under_spinlock)
{
	struct page *pages[4] = {};
	unsigned long n;

	UNDER_SPINLOCK(n = alloc_pages_bulk_array(GFP_KERNEL, 4, pages));
	while (n--)
		__free_page(pages[n]);
}
CASE(pages_bulk_atomic_under_spinlock_ok)
{
	struct page *pages[4] = {};
	unsigned long n;

	UNDER_SPINLOCK(n = alloc_pages_bulk_array(GFP_ATOMIC, 4, pages));
	while (n--)
		__free_page(pages[n]);
}
CASE(large_kmalloc_kernel_under_spinlock)
{
	void *memory;

	UNDER_SPINLOCK(memory = kmalloc(100000, GFP_KERNEL));
	kfree(memory);
}
CASE(large_kmalloc_atomic_under_spinlock_ok)
{
	void *memory;

	UNDER_SPINLOCK(memory = kmalloc(100000, GFP_ATOMIC); kfree(memory));
}
CASE(krealloc_kernel_under_spinlock)
{
	void *memory = kmalloc(64, GFP_KERNEL);

	UNDER_SPINLOCK(memory = krealloc(memory, 500, GFP_KERNEL));
	kfree(memory);
}
/* What fits already is not allocated again. */
CASE(krealloc_that_fits_under_spinlock_ok)
{
	void *memory = kmalloc(64, GFP_KERNEL);

	UNDER_SPINLOCK(memory = krealloc(memory, 50, GFP_KERNEL));
	kfree(memory);
}
CASE(vmalloc_under_spinlock)
{
	void *memory;

	UNDER_SPINLOCK(memory = vmalloc(PAGE_SIZE));
	vfree(memory);
}
CASE(vmalloc_outside_spinlock_ok)
{
	void *memory;

	UNDER_SPINLOCK(memory = NULL);
	memory = vmalloc(PAGE_SIZE);
	vfree(memory);
}
/* No gfp bit makes vmalloc fit for this: the search for addresses sleeps. */
CASE(vmalloc_atomic_under_spinlock)
{
	void *memory;

	UNDER_SPINLOCK(memory = __vmalloc(PAGE_SIZE, GFP_ATOMIC));
	vfree(memory);
}
static void *mapping;
static void tasklet_vmallocs(struct tasklet_struct *t) { mapping = vmalloc(PAGE_SIZE); }
static DECLARE_TASKLET(mapping_tasklet, tasklet_vmallocs);
CASE(vmalloc_in_tasklet) { tasklet_schedule(&mapping_tasklet); msleep(50); }
static void tasklet_vfrees(struct tasklet_struct *t) { vfree(mapping); }
static DECLARE_TASKLET(freeing_tasklet, tasklet_vfrees);
CASE(vfree_in_tasklet_ok) { mapping = vmalloc(PAGE_SIZE); tasklet_schedule(&freeing_tasklet); msleep(50); }

CASE(vfree_under_spinlock)
{
	void *memory = vmalloc(PAGE_SIZE);

	UNDER_SPINLOCK(vfree(memory));
}
CASE(vfree_after_spinlock_ok)
{
	void *memory = vmalloc(PAGE_SIZE);

	UNDER_SPINLOCK(memset(memory, 0, PAGE_SIZE));
	vfree(memory);
}
CASE(kvmalloc_kernel_under_spinlock)
{
	void *memory;

	UNDER_SPINLOCK(memory = kvmalloc(100, GFP_KERNEL));
	kvfree(memory);
}
CASE(kvmalloc_nowait_under_spinlock_ok)
{
	void *memory;

	UNDER_SPINLOCK(memory = kvmalloc(100, GFP_NOWAIT); kvfree(memory));
}
CASE(kvfree_of_vmalloc_under_spinlock)
{
	void *memory = kvmalloc(8 << 20, GFP_KERNEL);

	UNDER_SPINLOCK(kvfree(memory));
}
CASE(kvfree_of_kmalloc_under_spinlock_ok)
{
	void *memory = kvmalloc(2000, GFP_KERNEL);

	UNDER_SPINLOCK(kvfree(memory));
}
static void *map_one(struct page **page, bool locked)
{
	void *memory;

	*page = alloc_page(GFP_KERNEL);
	if (locked)
		spin_lock(&spin);
	memory = vmap(page, 1, VM_MAP, PAGE_KERNEL);
	if (locked)
		spin_unlock(&spin);
	return memory;
}
CASE(vmap_under_spinlock)
{
	struct page *page;

	vunmap(map_one(&page, true));
	__free_page(page);
}
CASE(vunmap_under_spinlock)
{
	struct page *page;
	void *memory = map_one(&page, false);

	UNDER_SPINLOCK(vunmap(memory));
	__free_page(page);
}
CASE(vmap_outside_spinlock_ok)
{
	struct page *page;

	vunmap(map_one(&page, false));
	__free_page(page);
}
CASE(alloc_percpu_under_spinlock)
{
	int __percpu *counter;

	UNDER_SPINLOCK(counter = alloc_percpu(int));
	free_percpu(counter);
}
CASE(alloc_percpu_atomic_under_spinlock_ok)
{
	int __percpu *counter;

	UNDER_SPINLOCK(counter = alloc_percpu_gfp(int, GFP_ATOMIC); free_percpu(counter));
}
CASE(mempool_alloc_kernel_under_spinlock)
{
	mempool_t *pool = mempool_create_kmalloc_pool(2, 64);
	void *element;

	UNDER_SPINLOCK(element = mempool_alloc(pool, GFP_KERNEL));
	mempool_free(element, pool);
	mempool_destroy(pool);
}
CASE(mempool_alloc_atomic_under_spinlock_ok)
{
	mempool_t *pool = mempool_create_kmalloc_pool(2, 64);
	void *element;

	UNDER_SPINLOCK(element = mempool_alloc(pool, GFP_ATOMIC); mempool_free(element, pool));
	mempool_destroy(pool);
}
CASE(mempool_create_under_spinlock)
{
	mempool_t *pool;

	UNDER_SPINLOCK(pool = mempool_create_kmalloc_pool(2, 64));
	mempool_destroy(pool);
}
CASE(mempool_resize_under_spinlock)
{
	mempool_t *pool = mempool_create_kmalloc_pool(2, 64);

	UNDER_SPINLOCK(mempool_resize(pool, 1));
	mempool_destroy(pool);
}
CASE(mempool_resize_ok)
{
	mempool_t *pool = mempool_create_kmalloc_pool(2, 64);

	mempool_resize(pool, 4);
	mempool_resize(pool, 1);
	mempool_destroy(pool);
}
CASE(cache_create_under_spinlock)
{
	struct kmem_cache *cache;

	UNDER_SPINLOCK(cache = kmem_cache_create("corpus_waiting", 72, 0, 0, NULL));
	kmem_cache_destroy(cache);
}
CASE(cache_shrink_under_spinlock)
{
	struct kmem_cache *cache = kmem_cache_create("corpus_waiting", 72, 0, 0, NULL);

	UNDER_SPINLOCK(kmem_cache_shrink(cache));
	kmem_cache_destroy(cache);
}
CASE(cache_destroy_under_spinlock)
{
	struct kmem_cache *cache = kmem_cache_create("corpus_waiting", 72, 0, 0, NULL);

	UNDER_SPINLOCK(kmem_cache_destroy(cache));
}
CASE(cache_life_outside_spinlock_ok)
{
	struct kmem_cache *cache = kmem_cache_create("corpus_waiting", 72, 0, 0, NULL);
	void *object;

	UNDER_SPINLOCK(object = kmem_cache_alloc(cache, GFP_ATOMIC); kmem_cache_free(cache, object));
	kmem_cache_shrink(cache);
	kmem_cache_destroy(cache);
}
static unsigned long none_to_count(struct shrinker *s, struct shrink_control *sc) { return 0; }
static unsigned long none_to_scan(struct shrinker *s, struct shrink_control *sc) { return SHRINK_STOP; }
static void shrinker_comes_and_goes(bool locked)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	struct shrinker *s;

	if (locked)
		spin_lock(&spin);
	s = shrinker_alloc(0, "corpus");
	if (locked)
		spin_unlock(&spin);
	s->count_objects = none_to_count;
	s->scan_objects = none_to_scan;
	shrinker_register(s);
	shrinker_free(s);
#else
	static struct shrinker s = { .count_objects = none_to_count, .scan_objects = none_to_scan, .seeks = 2 };

	if (locked)
		spin_lock(&spin);
	if (register_shrinker(&s, "corpus"))
		pr_err("corpus: no shrinker\n");
	if (locked)
		spin_unlock(&spin);
	unregister_shrinker(&s);
#endif
}
CASE(shrinker_under_spinlock) { shrinker_comes_and_goes(true); }
CASE(shrinker_ok) { shrinker_comes_and_goes(false); }

static const struct corpus_case rows[] = {
	ROW(alloc_pages_kernel_under_spinlock), ROW(alloc_pages_atomic_under_spinlock_ok),
	ROW(alloc_block_kernel_under_spinlock), ROW(alloc_block_nowait_under_spinlock_ok),
	ROW(second_page_kernel_in_rcu_reader), ROW(second_page_kernel_after_rcu_reader_ok),
	ROW(get_free_pages_kernel_irqs_off), ROW(get_free_pages_atomic_irqs_off_ok),
	ROW(get_zeroed_page_kernel_preempt_off), ROW(get_zeroed_page_atomic_preempt_off_ok),
	ROW(pages_exact_kernel_under_spinlock), ROW(pages_exact_atomic_under_spinlock_ok),
	ROW(pages_bulk_kernel_under_spinlock), ROW(pages_bulk_atomic_under_spinlock_ok),
	ROW(large_kmalloc_kernel_under_spinlock), ROW(large_kmalloc_atomic_under_spinlock_ok),
	ROW(krealloc_kernel_under_spinlock), ROW(krealloc_that_fits_under_spinlock_ok),
	ROW(vmalloc_under_spinlock), ROW(vmalloc_outside_spinlock_ok),
	ROW(vmalloc_atomic_under_spinlock), ROW(vmalloc_in_tasklet), ROW(vfree_in_tasklet_ok),
	ROW(vfree_under_spinlock), ROW(vfree_after_spinlock_ok),
	ROW(kvmalloc_kernel_under_spinlock), ROW(kvmalloc_nowait_under_spinlock_ok),
	ROW(kvfree_of_vmalloc_under_spinlock), ROW(kvfree_of_kmalloc_under_spinlock_ok),
	ROW(vmap_under_spinlock), ROW(vunmap_under_spinlock), ROW(vmap_outside_spinlock_ok),
	ROW(alloc_percpu_under_spinlock), ROW(alloc_percpu_atomic_under_spinlock_ok),
	ROW(mempool_alloc_kernel_under_spinlock), ROW(mempool_alloc_atomic_under_spinlock_ok),
	ROW(mempool_create_under_spinlock), ROW(mempool_resize_under_spinlock), ROW(mempool_resize_ok),
	ROW(cache_create_under_spinlock), ROW(cache_shrink_under_spinlock), ROW(cache_destroy_under_spinlock),
	ROW(cache_life_outside_spinlock_ok), ROW(shrinker_under_spinlock), ROW(shrinker_ok),
};
CORPUS(rows);
