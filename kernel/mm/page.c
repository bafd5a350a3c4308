// SPDX-License-Identifier: GPL-2.0-only
/*
 * struct page of the blocks that the page allocator hands out: what the inlined accessors read. C++ owns the pages; here
 * is only their mirror in the vmemmap array.
 */

#define KOI_PAGE_FLAGS(zone) ((((unsigned long)(zone) & ZONES_MASK) << ZONES_PGSHIFT) | KOI_NO_CPUPID)
#if !defined(LAST_CPUPID_NOT_IN_PAGE_FLAGS) && defined(CONFIG_NUMA_BALANCING)
#define KOI_NO_CPUPID ((unsigned long)LAST_CPUPID_MASK << LAST_CPUPID_PGSHIFT)
#else
#define KOI_NO_CPUPID 0UL
#endif

/* What C++ must know of this configuration: struct MemoryFacts. */
const struct koi_mm_facts {
	u64 slab_buckets, kfence, random_kmalloc_caches, memcg;
	u64 page_refcount, page_mapcount;
	void *free_counter, *zone_free_counters[3];
	u64 page_flags[3];
	u64 node_bytes, zonelist_of_no_node;
} koi_mm_facts = {
	.slab_buckets = IS_ENABLED(CONFIG_SLAB_BUCKETS),
	.kfence = IS_ENABLED(CONFIG_KFENCE),
	.random_kmalloc_caches = IS_ENABLED(CONFIG_RANDOM_KMALLOC_CACHES),
	.memcg = IS_ENABLED(CONFIG_MEMCG_KMEM) || IS_ENABLED(CONFIG_MEMCG),
	.page_refcount = offsetof(struct page, _refcount),
	.page_mapcount = offsetof(struct page, _mapcount),
	.free_counter = (void *)&vm_zone_stat[NR_FREE_PAGES],
	.zone_free_counters = {
		(void *)&koi_node0.node_zones[ZONE_DMA].vm_stat[NR_FREE_PAGES],
		(void *)&koi_node0.node_zones[ZONE_DMA32].vm_stat[NR_FREE_PAGES],
		(void *)&koi_node0.node_zones[ZONE_NORMAL].vm_stat[NR_FREE_PAGES],
	},
	.page_flags = { KOI_PAGE_FLAGS(ZONE_DMA), KOI_PAGE_FLAGS(ZONE_DMA32), KOI_PAGE_FLAGS(ZONE_NORMAL) },
	.node_bytes = sizeof(struct pglist_data),
	.zonelist_of_no_node = offsetof(struct pglist_data, node_zonelists[0]._zonerefs[0].zone_idx),
};

static struct page *koi_page(unsigned long pfn)
{
	return (struct page *)vmemmap_base + pfn;
}

static enum zone_type koi_zone_of(unsigned long pfn)
{
	if (pfn < (16UL << 20 >> PAGE_SHIFT))
		return ZONE_DMA;
	return pfn < (1UL << 32 >> PAGE_SHIFT) ? ZONE_DMA32 : ZONE_NORMAL;
}

/* A page in use, before anybody set a flag: zone and node, no last CPU. */
static unsigned long koi_page_links(unsigned long pfn)
{
	return KOI_PAGE_FLAGS(koi_zone_of(pfn)) | ((unsigned long)koi_nid_of(pfn) & NODES_MASK) << NODES_PGSHIFT;
}

/* The counters that inlined accessors read follow each block. */
static void koi_count_free(unsigned long pfn, long pages)
{
	atomic_long_add(pages, &vm_zone_stat[NR_FREE_PAGES]);
	atomic_long_add(pages, &NODE_DATA(koi_nid_of(pfn))->node_zones[koi_zone_of(pfn)].vm_stat[NR_FREE_PAGES]);
}

static void koi_note_held_page(unsigned long pfn, long count);

/* `compound`: the block is one compound page (__GFP_COMP). */
void koi_page_allocated(unsigned long pfn, unsigned int order, int compound)
{
	struct page *page = koi_page(pfn);
	unsigned long flags = koi_page_links(pfn);
	unsigned long i, count = 1UL << order;

	koi_count_free(pfn, -(long)count);
	for (i = 0; i < count; i++) {
		struct page *p = page + i;

		if (unlikely(page_ref_count(p)))
			koi_note_held_page(pfn + i, page_ref_count(p));
		p->flags = flags;
		p->private = 0;
		p->mapping = NULL;
		atomic_set(&p->_mapcount, -1);
		atomic_set(&p->_refcount, i == 0);
		p->lru.next = p->lru.prev = NULL;
	}
	if (!compound || order == 0)
		return;
	__set_bit(PG_head, &page->flags);
	for (i = 1; i < count; i++) {
		(page + i)->compound_head = (unsigned long)page + 1;
		(page + i)->mapping = TAIL_MAPPING;
	}
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	((struct folio *)page)->_flags_1 = (flags & ~0xffUL) | order;
#ifdef CONFIG_64BIT
	((struct folio *)page)->_folio_nr_pages = count;
#endif
#else
	page[1].compound_order = order;
#ifdef CONFIG_64BIT
	page[1].compound_nr = count;
#endif
#endif
}

void koi_page_freed(unsigned long pfn, unsigned int order)
{
	struct page *page = koi_page(pfn);
	unsigned long flags = koi_page_links(pfn);
	unsigned long i, count = 1UL << order;

	koi_count_free(pfn, count);
	for (i = 0; i < count; i++) {
		struct page *p = page + i;

		p->flags = flags;
		p->compound_head = 0;
		p->mapping = NULL;
		atomic_set(&p->_mapcount, -1);
		atomic_set(&p->_refcount, 0);
	}
}

/* split_page(): every page of the block gets a reference of its own. */
void koi_page_split(unsigned long pfn, unsigned int order)
{
	struct page *page = koi_page(pfn);
	unsigned long i;

	for (i = 1; i < 1UL << order; i++)
		atomic_set(&(page + i)->_refcount, 1);
}

int koi_page_is_compound(unsigned long pfn)
{
	return test_bit(PG_head, &koi_page(pfn)->flags) || (READ_ONCE(koi_page(pfn)->compound_head) & 1);
}

/* A slab's pages carry the mark of one: bit PG_slab, later a page type. */
void koi_page_slab(unsigned long pfn, unsigned int order, int is_slab)
{
	struct page *page = koi_page(pfn);

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
	if (is_slab)
		__folio_set_slab(page_folio(page));
	else
		__folio_clear_slab(page_folio(page));
#else
	__assign_bit(PG_slab, &page->flags, is_slab);
#endif
}

/* 6.6 and later mark a slab on the node's list of partial slabs by another bit of the flags. */
void koi_page_slab_partial(unsigned long pfn, int partial)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	__assign_bit(PG_workingset, &koi_page(pfn)->flags, partial);
#endif
}

void koi_page_to_list(unsigned long pfn, struct list_head *list)
{
	list_add(&koi_page(pfn)->lru, list);
}

/* ---- page fragments: small pieces of one compound page, which lives until all of them and the cache let go ---- */

static void frag_put(struct page *page, unsigned int count)
{
	page = compound_head(page);
	if (page_ref_sub_and_test(page, count))
		__folio_put(page_folio(page));
}

void page_frag_free(void *addr)
{
	frag_put(virt_to_head_page(addr), 1);
}

void __page_frag_cache_drain(struct page *page, unsigned int count)
{
	frag_put(page, count);
}

/* Takes a fresh block, with as many references as there can be pieces. */
static bool frag_refill(struct page_frag_cache *nc, gfp_t gfp)
{
	const unsigned int order = get_order(PAGE_FRAG_CACHE_MAX_SIZE);
	struct page *page = alloc_pages(gfp | __GFP_COMP | __GFP_NOWARN | __GFP_NORETRY | __GFP_NOMEMALLOC, order);

	nc->size = page ? PAGE_FRAG_CACHE_MAX_SIZE : PAGE_SIZE;
	if (!page)
		page = alloc_pages(gfp, 0);
	nc->va = page ? page_address(page) : NULL;
	if (!page)
		return false;
	page_ref_add(page, PAGE_FRAG_CACHE_MAX_SIZE);
	nc->pfmemalloc = false;
	nc->pagecnt_bias = PAGE_FRAG_CACHE_MAX_SIZE + 1;
	nc->offset = nc->size;
	return true;
}

/* Pieces are cut from the end. */
static void *frag_cut(struct page_frag_cache *nc, unsigned int size, gfp_t gfp, unsigned int align_mask)
{
	int offset;

	if (!nc->va && !frag_refill(nc, gfp))
		return NULL;
	offset = (int)nc->offset - (int)size;
	if (offset < 0) {
		struct page *page = virt_to_page(nc->va);

		if (page_ref_sub_and_test(page, nc->pagecnt_bias)) {
			set_page_count(page, PAGE_FRAG_CACHE_MAX_SIZE + 1);
			nc->pagecnt_bias = PAGE_FRAG_CACHE_MAX_SIZE + 1;
			nc->offset = nc->size;
		} else if (!frag_refill(nc, gfp)) {
			return NULL;
		}
		offset = (int)nc->offset - (int)size;
		if (offset < 0)
			return NULL;
	}
	nc->pagecnt_bias--;
	offset &= align_mask;
	nc->offset = offset;
	return nc->va + offset;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
void *__page_frag_alloc_align(struct page_frag_cache *nc, unsigned int size, gfp_t gfp, unsigned int align_mask)
{
	return frag_cut(nc, size, gfp, align_mask);
}

void page_frag_cache_drain(struct page_frag_cache *nc)
{
	if (!nc->va)
		return;
	frag_put(virt_to_head_page(nc->va), nc->pagecnt_bias);
	nc->va = NULL;
}
#else
void *page_frag_alloc_align(struct page_frag_cache *nc, unsigned int size, gfp_t gfp, unsigned int align_mask)
{
	return frag_cut(nc, size, gfp, align_mask);
}
#endif

void put_pages_list(struct list_head *pages)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, pages, lru) {
		list_del(&page->lru);
		put_page(page);
	}
	INIT_LIST_HEAD(pages);
}
