// SPDX-License-Identifier: GPL-2.0-only
/* Pages that change hands although somebody uses them, mappings of pages, and copies past the end of an object. */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "corpus.h"

CASE(page_freed_locked) { struct page *page = alloc_page(GFP_KERNEL); __SetPageLocked(page); __free_page(page); }
CASE(page_freed_unlocked_ok) { struct page *page = alloc_page(GFP_KERNEL); __SetPageLocked(page); __ClearPageLocked(page); __free_page(page); }

CASE(page_freed_private) { struct page *page = alloc_page(GFP_KERNEL); SetPagePrivate(page); set_page_private(page, 5); put_page(page); }
CASE(page_freed_private_cleared_ok)
{
	struct page *page = alloc_page(GFP_KERNEL);

	SetPagePrivate(page);
	set_page_private(page, 5);
	ClearPagePrivate(page);
	put_page(page);
}

CASE(page_freed_reserved) { unsigned long address = __get_free_pages(GFP_KERNEL, 2); SetPageReserved(virt_to_page(address + 2 * PAGE_SIZE)); free_pages(address, 2); }
CASE(page_freed_after_reserved_ok)
{
	unsigned long address = __get_free_pages(GFP_KERNEL, 2);

	SetPageReserved(virt_to_page(address + 2 * PAGE_SIZE));
	ClearPageReserved(virt_to_page(address + 2 * PAGE_SIZE));
	free_pages(address, 2);
}

CASE(page_freed_mapped) { struct page *page = alloc_page(GFP_KERNEL); atomic_set(&page->_mapcount, 0); __free_page(page); }
CASE(page_freed_with_mapping) { struct page *page = alloc_page(GFP_KERNEL); page->mapping = (void *)0x1000; __free_page(page); }
CASE(page_freed_mapping_cleared_ok) { struct page *page = alloc_page(GFP_KERNEL); page->mapping = (void *)0x1000; page->mapping = NULL; __free_page(page); }
CASE(compound_page_freed_ok) { struct page *page = alloc_pages(GFP_KERNEL | __GFP_COMP, 3); SetPageUptodate(page); get_page(page + 5); put_page(page + 5); put_page(page); }

/* Who gets the page next meets the reference that is missing. */
CASE(page_put_twice)
{
	struct page *page = alloc_page(GFP_KERNEL), *next;

	put_page(page);
	put_page(page);
	next = alloc_page(GFP_KERNEL);
	__free_page(next);
}
CASE(page_got_and_put_ok)
{
	struct page *page = alloc_page(GFP_KERNEL), *next;

	get_page(page);
	put_page(page);
	put_page(page);
	next = alloc_page(GFP_KERNEL);
	__free_page(next);
}

CASE(pages_exact_compound) { void *memory = alloc_pages_exact(5000, GFP_KERNEL | __GFP_COMP); free_pages_exact(memory, 5000); }
CASE(pages_exact_ok) { void *memory = alloc_pages_exact(5000, GFP_KERNEL | __GFP_ZERO); free_pages_exact(memory, 5000); }

static char *map_read_only(struct page **page)
{
	char *map;

	*page = alloc_page(GFP_KERNEL);
	strcpy(page_address(*page), "text");
	map = vmap(page, 1, VM_MAP, PAGE_KERNEL_RO);
	OPTIMIZER_HIDE_VAR(map);
	return map;
}
CASE(read_only_map_written)
{
	struct page *page;
	char *map = map_read_only(&page);

	map[0] = 'T';
	vunmap(map);
	__free_page(page);
}
CASE(read_only_map_read_ok)
{
	struct page *page;
	char *map = map_read_only(&page);

	if (strcmp(map, "text"))
		pr_err("BUG: another text\n");
	vunmap(map);
	__free_page(page);
}

/* The pages and their array go with the area. */
CASE(pages_given_to_area_ok)
{
	struct page **pages = kvmalloc_array(2, sizeof(*pages), GFP_KERNEL);
	char *map;

	pages[0] = alloc_page(GFP_KERNEL);
	pages[1] = alloc_page(GFP_KERNEL);
	map = vmap(pages, 2, VM_MAP | VM_MAP_PUT_PAGES, PAGE_KERNEL);
	memset(map, 1, 2 * PAGE_SIZE);
	vfree(map);
}

static void copy_out(const void *from, unsigned long bytes)
{
	OPTIMIZER_HIDE_VAR(bytes);
	if (copy_to_user((void __user *)0x10000, from, bytes) > bytes)
		pr_err("BUG: more is left than there was\n");
}
CASE(usercopy_past_region)
{
	struct kmem_cache *cache = kmem_cache_create_usercopy("corpus_region", 128, 0, 0, 16, 32, NULL);

	copy_out(kmem_cache_alloc(cache, GFP_KERNEL), 64);
}
CASE(usercopy_in_region_ok)
{
	struct kmem_cache *cache = kmem_cache_create_usercopy("corpus_region", 128, 0, 0, 16, 32, NULL);
	char *object = kmem_cache_alloc(cache, GFP_KERNEL);

	copy_out(object + 16, 32);
	kmem_cache_free(cache, object);
	kmem_cache_destroy(cache);
}
/* The compiler knows the object's size. */
CASE(usercopy_past_known_object)
{
	char *object = kmalloc(64, GFP_KERNEL);

	copy_out(object, 65);
	kfree(object);
}

static const struct corpus_case rows[] = {
	ROW(page_freed_locked), ROW(page_freed_unlocked_ok), ROW(page_freed_private), ROW(page_freed_private_cleared_ok),
	ROW(page_freed_reserved), ROW(page_freed_after_reserved_ok), ROW(page_freed_mapped), ROW(page_freed_with_mapping),
	ROW(page_freed_mapping_cleared_ok), ROW(compound_page_freed_ok), ROW(page_put_twice), ROW(page_got_and_put_ok),
	ROW(pages_exact_compound), ROW(pages_exact_ok), ROW(read_only_map_written), ROW(read_only_map_read_ok),
	ROW(pages_given_to_area_ok), ROW(usercopy_past_region), ROW(usercopy_in_region_ok),
	ROW(usercopy_past_known_object),
};
CORPUS(rows);
