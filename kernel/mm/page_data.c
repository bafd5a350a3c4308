// SPDX-License-Identifier: GPL-2.0-only
/* Exported data of memory management: zones, counters and static keys that inlined accessors read. */
#include <linux/vmstat.h>
#include <linux/mmzone.h>
#include <linux/swap.h>

DEFINE_STATIC_KEY_TRUE(init_on_alloc);
DEFINE_STATIC_KEY_FALSE(init_on_free);
DEFINE_STATIC_KEY_FALSE(devmap_managed_key);
DEFINE_STATIC_KEY_FALSE(hugetlb_optimize_vmemmap_key);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
DEFINE_STATIC_KEY_FALSE(memcg_kmem_online_key);
#else
DEFINE_STATIC_KEY_FALSE(memcg_kmem_enabled_key);
#endif
DEFINE_STATIC_KEY_FALSE(memcg_sockets_enabled_key);

struct pglist_data koi_node0;
#ifdef CONFIG_NUMA
struct pglist_data *node_data[MAX_NUMNODES] = { &koi_node0 };
#endif
#define KOI_MAX_NODES 8
static unsigned int koi_nodes = 1;
static unsigned long koi_node_first_pfn[KOI_MAX_NODES];

static unsigned int koi_nid_of(unsigned long pfn)
{
	unsigned int nid = koi_nodes - 1;

	while (nid > 0 && pfn < koi_node_first_pfn[nid])
		nid--;
	return nid;
}

atomic_long_t _totalram_pages;
unsigned long zero_pfn;
int movable_zone = ZONE_MOVABLE;
atomic_long_t nr_swap_pages;
atomic_long_t vm_zone_stat[NR_VM_ZONE_STAT_ITEMS] __cacheline_aligned;
atomic_long_t vm_node_stat[NR_VM_NODE_STAT_ITEMS] __cacheline_aligned;
#ifdef CONFIG_VM_EVENT_COUNTERS
DEFINE_PER_CPU(struct vm_event_state, vm_event_states);
#endif

/* One zone as the page allocator has it; in pages. */
struct koi_zone_facts {
	u64 start, spanned, present, managed;
	u64 min, low, high;
	u64 lowmem_reserve[3];
};

/*
 * At boot, node by node in their order, when the page allocator knows their zones: DMA, DMA32, Normal. `node`: zeroed
 * room for one; the first has its own.
 */
void koi_publish_node(unsigned int nid, struct pglist_data *node, u64 first_pfn, const struct koi_zone_facts *facts)
{
	static const enum zone_type types[] = { ZONE_DMA, ZONE_DMA32, ZONE_NORMAL };
	static const char *const names[] = { "DMA", "DMA32", "Normal" };
	unsigned int i, j;

	/* What cache_line_size() reads. */
	boot_cpu_data.x86_cache_alignment = 64;
	boot_cpu_data.x86_clflush_size = 64;
	if (nid == 0)
		node = &koi_node0;
#ifdef CONFIG_NUMA
	node_data[nid] = node;
#endif
	koi_node_first_pfn[nid] = first_pfn;
	koi_nodes = nid + 1;
	node->node_id = nid;
	node->node_start_pfn = first_pfn;
	for (i = 0; i < 3; i++) {
		struct zone *z = &node->node_zones[types[i]];

		z->zone_pgdat = node;
#ifdef CONFIG_NUMA
		z->node = nid;
#endif
		z->name = names[i];
		spin_lock_init(&z->lock);
		z->zone_start_pfn = facts[i].start;
		z->spanned_pages = facts[i].spanned;
		z->present_pages = facts[i].present;
		atomic_long_set(&z->managed_pages, facts[i].managed);
		z->_watermark[WMARK_MIN] = facts[i].min;
		z->_watermark[WMARK_LOW] = facts[i].low;
		z->_watermark[WMARK_HIGH] = facts[i].high;
		for (j = 0; j < 3; j++)
			z->lowmem_reserve[types[j]] = facts[i].lowmem_reserve[j];
		if (facts[i].present)
			node->nr_zones = types[i] + 1;
		node->node_present_pages += facts[i].present;
		if (facts[i].present)
			node->node_spanned_pages = facts[i].start + facts[i].spanned - first_pfn;
		atomic_long_add(facts[i].managed, &_totalram_pages);
	}
}

/* Free pages as C++ counts them, zone by zone, node by node. */
void koi_publish_free_pages(const u64 *zones)
{
	static const enum zone_type types[] = { ZONE_DMA, ZONE_DMA32, ZONE_NORMAL };
	unsigned long sum = 0;
	unsigned int i;

	for (i = 0; i < 3 * koi_nodes; i++) {
		atomic_long_set(&NODE_DATA(i / 3)->node_zones[types[i % 3]].vm_stat[NR_FREE_PAGES], zones[i]);
		sum += zones[i];
	}
	atomic_long_set(&vm_zone_stat[NR_FREE_PAGES], sum);
}

void si_meminfo(struct sysinfo *val)
{
	koi_refresh_memory_counters();
	val->totalram = totalram_pages();
	val->sharedram = 0;
	val->freeram = atomic_long_read(&vm_zone_stat[NR_FREE_PAGES]);
	val->bufferram = 0;
	val->totalhigh = 0;
	val->freehigh = 0;
	val->mem_unit = PAGE_SIZE;
}

/* What could be had without swapping: as /proc/meminfo has it. */
long si_mem_available(void)
{
	return koi_available_pages();
}

/* There are no device pages. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
bool __put_devmap_managed_folio_refs(struct folio *folio, int refs)
{
	return false;
}
#else
bool __put_devmap_managed_page_refs(struct page *page, int refs)
{
	return false;
}
#endif

unsigned long vm_memory_committed(void)
{
	return 0;
}

void all_vm_events(unsigned long *ret)
{
	memset(ret, 0, NR_VM_EVENT_ITEMS * sizeof(unsigned long));
}

/* Counters of other subsystems' pages. */
void mod_node_page_state(struct pglist_data *pgdat, enum node_stat_item item, long delta)
{
	atomic_long_add(delta, &pgdat->vm_stat[item]);
	atomic_long_add(delta, &vm_node_stat[item]);
}

void __mod_node_page_state(struct pglist_data *pgdat, enum node_stat_item item, long delta)
{
	mod_node_page_state(pgdat, item, delta);
}

void mod_zone_page_state(struct zone *zone, enum zone_stat_item item, long delta)
{
	atomic_long_add(delta, &zone->vm_stat[item]);
	atomic_long_add(delta, &vm_zone_stat[item]);
}

void __mod_zone_page_state(struct zone *zone, enum zone_stat_item item, long delta)
{
	mod_zone_page_state(zone, item, delta);
}

void inc_zone_page_state(struct page *page, enum zone_stat_item item)
{
	mod_zone_page_state(page_zone(page), item, 1);
}

void dec_zone_page_state(struct page *page, enum zone_stat_item item)
{
	mod_zone_page_state(page_zone(page), item, -1);
}

void __inc_zone_page_state(struct page *page, enum zone_stat_item item)
{
	mod_zone_page_state(page_zone(page), item, 1);
}

void __dec_zone_page_state(struct page *page, enum zone_stat_item item)
{
	mod_zone_page_state(page_zone(page), item, -1);
}

/* Is there memory behind an address of the direct map? */
bool __virt_addr_valid(unsigned long x)
{
	return x >= page_offset_base && (x - page_offset_base) >> PAGE_SHIFT < max_pfn;
}

/* A page's contents. */
void clear_page_orig(void *page)
{
	memset(page, 0, PAGE_SIZE);
}

void clear_page_rep(void *page)
{
	memset(page, 0, PAGE_SIZE);
}

void clear_page_erms(void *page)
{
	memset(page, 0, PAGE_SIZE);
}

void copy_page(void *to, void *from)
{
	memcpy(to, from, PAGE_SIZE);
}
