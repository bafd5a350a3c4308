// SPDX-License-Identifier: GPL-2.0-only
/* Takes memory until there is none, in the way that `how` says, and gives everything back (unless keep=1). */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

static char *how = "pages";
module_param(how, charp, 0);
static bool keep;
module_param(keep, bool, 0);

/* Each block begins with a link to the one before. */
struct link {
	struct link *before;
};

struct way {
	const char *name;
	void *(*take)(void);
	void (*give)(void *p);
};

static void *take_4m(void) { return kmalloc(4UL << 20, GFP_KERNEL); }
static void *take_4m_noretry(void) { return kmalloc(4UL << 20, GFP_KERNEL | __GFP_NORETRY); }
static void *take_4m_mayfail(void) { return kmalloc(4UL << 20, GFP_KERNEL | __GFP_RETRY_MAYFAIL); }
static void *take_4m_nowarn(void) { return kmalloc(4UL << 20, GFP_KERNEL | __GFP_NOWARN); }
static void *take_4m_atomic(void) { return kmalloc(4UL << 20, GFP_ATOMIC); }
static void *take_page(void) { return (void *)__get_free_page(GFP_KERNEL); }
static void *take_page_atomic(void) { return (void *)__get_free_page(GFP_ATOMIC); }
static void *take_page_nowait(void) { return (void *)__get_free_page(GFP_NOWAIT | __GFP_NOWARN); }
static void *take_page_noretry(void) { return (void *)__get_free_page(GFP_KERNEL | __GFP_NORETRY); }
static void *take_page_mayfail(void) { return (void *)__get_free_page(GFP_KERNEL | __GFP_RETRY_MAYFAIL); }
static void *take_page_noio(void) { return (void *)__get_free_page(GFP_NOIO); }
static void *take_page_nofs(void) { return (void *)__get_free_page(GFP_NOFS); }
static void *take_page_memalloc(void) { return (void *)__get_free_page(GFP_ATOMIC | __GFP_MEMALLOC); }
static void *take_page_dma(void) { return (void *)__get_free_page(GFP_KERNEL | GFP_DMA); }
static void *take_page_nofail(void) { return (void *)__get_free_page(GFP_KERNEL | __GFP_NOFAIL); }
static void *take_order3(void) { return (void *)__get_free_pages(GFP_KERNEL, 3); }
static void *take_order4(void) { return (void *)__get_free_pages(GFP_KERNEL, 4); }
static void *take_vmalloc(void) { return vmalloc(4UL << 20); }
static void *take_vmalloc_1m(void) { return vmalloc(1UL << 20); }
static void *take_kvmalloc(void) { return kvmalloc(4UL << 20, GFP_KERNEL); }
static void *take_small(void) { return kmalloc(64, GFP_KERNEL); }
static void *take_small_atomic(void) { return kmalloc(64, GFP_ATOMIC); }
static void *take_8k_atomic(void) { return kmalloc(8192, GFP_ATOMIC); }
static void *take_1k(void) { return kmalloc(1024, GFP_KERNEL); }
static void give_page(void *p) { free_page((unsigned long)p); }
static void give_order3(void *p) { free_pages((unsigned long)p, 3); }
static void give_order4(void *p) { free_pages((unsigned long)p, 4); }
static void give_block(void *p) { kfree(p); }
static void give_vmalloc(void *p) { vfree(p); }
static void give_kvmalloc(void *p) { kvfree(p); }

static const struct way ways[] = {
	{ "4m", take_4m, give_block },
	{ "4m_noretry", take_4m_noretry, give_block },
	{ "4m_mayfail", take_4m_mayfail, give_block },
	{ "4m_nowarn", take_4m_nowarn, give_block },
	{ "4m_atomic", take_4m_atomic, give_block },
	{ "pages", take_page, give_page },
	{ "pages_atomic", take_page_atomic, give_page },
	{ "pages_nowait", take_page_nowait, give_page },
	{ "pages_noretry", take_page_noretry, give_page },
	{ "pages_mayfail", take_page_mayfail, give_page },
	{ "pages_noio", take_page_noio, give_page },
	{ "pages_nofs", take_page_nofs, give_page },
	{ "pages_memalloc", take_page_memalloc, give_page },
	{ "pages_dma", take_page_dma, give_page },
	{ "pages_nofail", take_page_nofail, give_page },
	{ "order3", take_order3, give_order3 },
	{ "order4", take_order4, give_order4 },
	{ "vmalloc", take_vmalloc, give_vmalloc },
	{ "vmalloc_1m", take_vmalloc_1m, give_vmalloc },
	{ "kvmalloc", take_kvmalloc, give_kvmalloc },
	{ "small", take_small, give_block },
	{ "small_atomic", take_small_atomic, give_block },
	{ "8k_atomic", take_8k_atomic, give_block },
	{ "1k", take_1k, give_block },
};

static int __init exhaust_init(void)
{
	struct link *last = NULL, *block;
	const struct way *way = NULL;
	unsigned long count = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ways); i++)
		if (!strcmp(ways[i].name, how))
			way = &ways[i];
	if (!way)
		return -EINVAL;
	pr_info("taking %s\n", way->name);
	while ((block = way->take())) {
		block->before = last;
		last = block;
		count++;
	}
	pr_info("%s: %lu blocks before NULL, SIGKILL pending: %d\n", way->name, count, !!fatal_signal_pending(current));
	while (last && !keep) {
		block = last;
		last = block->before;
		way->give(block);
	}
	pr_info("all given back\n");
	return 0;
}

static void __exit exhaust_exit(void)
{
	pr_info("bye\n");
}

module_init(exhaust_init);
module_exit(exhaust_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Runs out of memory on purpose");
