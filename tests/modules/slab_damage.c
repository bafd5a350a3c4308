// SPDX-License-Identifier: GPL-2.0-only
/* Misuses of kmalloc'ed memory that slub_debug finds, one at a time, and two caches to look at in sysfs. */
#include <linux/module.h>
#include <linux/slab.h>

static char *what = "none";
module_param(what, charp, 0444);

static struct kmem_cache *first, *second;
static void *held;

static void *hide(void *p)
{
	asm volatile("" : "+r" (p));
	return p;
}

static noinline void misuse(void)
{
	char *p = kmalloc(64, GFP_KERNEL), *q;

	if (!strcmp(what, "overflow")) {
		q = hide(p);
		q[64] = 1;
		kfree(p);
	} else if (!strcmp(what, "after_free")) {
		kfree(p);
		q = hide(p);
		q[3] = 'x';
		p = kmalloc(64, GFP_KERNEL);
		kfree(p);
	} else if (!strcmp(what, "double")) {
		kfree(p);
		kfree(hide(p));
	} else if (!strcmp(what, "inner")) {
		kfree(hide(p + 8));
		kfree(p);
	} else {
		kfree(p);
	}
}

static int __init slab_damage_init(void)
{
	first = kmem_cache_create("koi_first", 1000, 0, 0, NULL);
	second = kmem_cache_create("koi_second", 1000, 0, 0, NULL);
	if (!first || !second)
		return -ENOMEM;
	held = kmem_cache_alloc(first, GFP_KERNEL);
	misuse();
	pr_info("slab_damage: done\n");
	return 0;
}

static void __exit slab_damage_exit(void)
{
	kmem_cache_free(first, held);
	kmem_cache_destroy(second);
	kmem_cache_destroy(first);
}

module_init(slab_damage_init);
module_exit(slab_damage_exit);
MODULE_LICENSE("GPL");
