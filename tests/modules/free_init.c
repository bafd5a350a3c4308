// SPDX-License-Identifier: GPL-2.0-only
/* What is left in memory that was freed, and what a later owner finds there. */
#include <linux/module.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>

/* volatile: the compiler must not know what was freed. */
static unsigned int byte_at(const void *p, unsigned int offset)
{
	return ((const volatile unsigned char *)p)[offset];
}

static void ctor(void *object)
{
	memset(object, 0x11, 256);
}

static void look_into(const char *what, struct kmem_cache *cache)
{
	unsigned char *object = kmem_cache_alloc(cache, GFP_KERNEL);

	memset(object, 0xa5, 256);
	kmem_cache_free(cache, object);
	pr_info("%s: %02x after free\n", what, byte_at(object, 60));
	kmem_cache_destroy(cache);
}

static int __init free_init_init(void)
{
	unsigned char *object = kmalloc(200, GFP_KERNEL), *page, *large;

	memset(object, 0xa5, 200);
	kfree(object);
	pr_info("kmalloc: %02x after free\n", byte_at(object, 60));
	large = kmalloc(20000, GFP_KERNEL);
	memset(large, 0xa5, 20000);
	kfree(large);
	pr_info("large: %02x after free\n", byte_at(large, 9000));
	page = (unsigned char *)__get_free_page(GFP_KERNEL);
	memset(page, 0xa5, PAGE_SIZE);
	free_page((unsigned long)page);
	pr_info("page: %02x after free\n", byte_at(page, 60));
	look_into("cache", kmem_cache_create("fi_plain", 256, 0, 0, NULL));
	look_into("ctor", kmem_cache_create("fi_ctor", 256, 0, 0, ctor));
	look_into("rcu", kmem_cache_create("fi_rcu", 256, 0, SLAB_TYPESAFE_BY_RCU, NULL));
	pr_info("want_init_on_free: %d, on_alloc: %d\n", want_init_on_free(), want_init_on_alloc(GFP_KERNEL));
	return 0;
}

static void __exit free_init_exit(void)
{
}

module_init(free_init_init);
module_exit(free_init_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("init_on_free");
