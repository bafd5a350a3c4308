// SPDX-License-Identifier: GPL-2.0-only
/* struct page of the blocks that the page allocator hands out: what the inlined accessors read. */

static struct page *koi_page(unsigned long pfn)
{
	return (struct page *)vmemmap_base + pfn;
}

/* `compound`: the block is one compound page (__GFP_COMP). */
void koi_page_allocated(unsigned long pfn, unsigned int order, int compound)
{
	struct page *page = koi_page(pfn);
	unsigned long i, count = 1UL << order;

	for (i = 0; i < count; i++) {
		struct page *p = page + i;

		p->flags = 0;
		p->private = 0;
		p->mapping = NULL;
		atomic_set(&p->_mapcount, -1);
		set_page_count(p, i == 0 ? 1 : 0);
		p->lru.next = p->lru.prev = NULL;
	}
	if (!compound || order == 0)
		return;
	__SetPageHead(page);
	for (i = 1; i < count; i++)
		(page + i)->compound_head = (unsigned long)page + 1;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	((struct folio *)page)->_flags_1 = order;
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
	unsigned long i, count = 1UL << order;

	for (i = 0; i < count; i++) {
		(page + i)->flags = 0;
		(page + i)->compound_head = 0;
		set_page_count(page + i, 0);
	}
}

/* split_page(): every page of the block gets a reference of its own. */
void koi_page_split(unsigned long pfn, unsigned int order)
{
	struct page *page = koi_page(pfn);
	unsigned long i;

	for (i = 1; i < 1UL << order; i++)
		set_page_count(page + i, 1);
}
