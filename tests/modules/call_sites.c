// SPDX-License-Identifier: GPL-2.0-only
/* Allocations of every kind, each from a function of its own, so that a memory report can be checked line by line. */
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/mempool.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>
#include <linux/string_helpers.h>
#include <linux/vmalloc.h>

static bool leak;
module_param(leak, bool, 0444);

static uint size = 60;
module_param(size, uint, 0444);

struct later {
	struct rcu_head rcu;
	char data[100];
};

static struct kmem_cache *cache;

static noinline void site_kmalloc(void)
{
	int i;

	for (i = 0; i < 3; i++)
		kfree(kmalloc(100, GFP_KERNEL));
}

static noinline void site_kmalloc_variable(void)
{
	kfree(kmalloc(size, GFP_KERNEL));
}

static noinline void site_large(void)
{
	kfree(kmalloc(20000, GFP_KERNEL));
}

static noinline void site_krealloc(void)
{
	void *p = krealloc(NULL, 40, GFP_KERNEL);

	p = krealloc(p, 50, GFP_KERNEL);
	kfree(p);
}

static noinline void site_cache(void)
{
	void *p = kmem_cache_alloc(cache, GFP_KERNEL);

	if (p)
		kmem_cache_free(cache, p);
}

static noinline void site_pages(void)
{
	free_pages(__get_free_pages(GFP_KERNEL, 2), 2);
}

static noinline void site_exact(void)
{
	void *p = alloc_pages_exact(9000, GFP_KERNEL);

	if (p)
		free_pages_exact(p, 9000);
}

static noinline void site_vmalloc(void)
{
	vfree(vmalloc(10000));
}

static noinline void site_percpu(void)
{
	free_percpu(alloc_percpu(u64));
}

static noinline void site_kstrdup(const char *text)
{
	kfree(kstrdup(text, GFP_KERNEL));
}

static noinline void site_argv_split(void)
{
	argv_free(argv_split(GFP_KERNEL, "one two three", NULL));
}

static noinline void site_mempool(void)
{
	mempool_destroy(mempool_create_kmalloc_pool(4, 200));
}

/* What the kernel allocates for itself is nobody's: not even that of a call before, which needed nothing. */
static noinline void site_of_nothing(void)
{
	kfree(kstrdup(NULL, GFP_KERNEL));
	proc_mkdir("koi_call_sites", NULL);
	remove_proc_subtree("koi_call_sites", NULL);
}

#ifdef vmalloc	/* 6.10: a macro that names the function behind it */
static void *(*volatile allocate)(unsigned long bytes) = vmalloc_noprof;
#else
static void *(*volatile allocate)(unsigned long bytes) = vmalloc;
#endif

static noinline void site_pointer(void)
{
	vfree(allocate(5000));
}

static noinline void site_later(void)
{
	struct later *later = kmalloc(sizeof(*later), GFP_KERNEL);

	if (later)
		kfree_rcu(later, rcu);
}

static noinline void *site_leak(void)
{
	return kmalloc(33, GFP_KERNEL);
}

static int __init call_sites_init(void)
{
	cache = kmem_cache_create("koi_call_sites", 72, 0, 0, NULL);
	if (!cache)
		return -ENOMEM;
	site_kmalloc();
	site_kmalloc_variable();
	site_large();
	site_krealloc();
	site_cache();
	site_pages();
	site_exact();
	site_vmalloc();
	site_percpu();
	site_kstrdup("seven78");
	site_argv_split();
	site_mempool();
	site_of_nothing();
	site_pointer();
	return 0;
}

static void __exit call_sites_exit(void)
{
	kmem_cache_destroy(cache);
	site_later();
	if (leak && site_leak() && site_leak())
		pr_info("call_sites: leaves two blocks behind\n");
}

module_init(call_sites_init);
module_exit(call_sites_exit);
MODULE_LICENSE("GPL");
