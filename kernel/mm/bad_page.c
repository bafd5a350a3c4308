// SPDX-License-Identifier: GPL-2.0-only
/* What a struct page must not show when its page changes hands. C++ asks and reports (kapi/bad_page.cc). */
#include <linux/page-flags.h>

/* In the order of kapi's reasons. */
enum { KOI_PAGE_FINE, KOI_PAGE_MAPCOUNT, KOI_PAGE_MAPPING, KOI_PAGE_REFCOUNT, KOI_PAGE_FLAGS_SET };

/* A page that was handed out although somebody counts on it still, and what its count was. */
struct koi_held_page {
	unsigned long pfn;
	long count;
} koi_held_page;

static void koi_note_held_page(unsigned long pfn, long count)
{
	koi_held_page.pfn = pfn;
	koi_held_page.count = count;
}

/* Called from C++ with no upcall: a page that nobody holds any more is about to be free. */
int koi_bad_page(unsigned long pfn)
{
	const struct page *page = koi_page(pfn);

	if (page->flags & PAGE_FLAGS_CHECK_AT_FREE)
		return KOI_PAGE_FLAGS_SET;
	if (page_ref_count(page))
		return KOI_PAGE_REFCOUNT;
	if (page->mapping && page->mapping != TAIL_MAPPING)
		return KOI_PAGE_MAPPING;
	return atomic_read(&page->_mapcount) != -1 ? KOI_PAGE_MAPCOUNT : KOI_PAGE_FINE;
}

void koi_reset_bad_page(unsigned long pfn)
{
	atomic_set(&koi_page(pfn)->_mapcount, -1);
}
