// SPDX-License-Identifier: GPL-2.0-only
// Memory that is charged to the caller's memory cgroup: at load as much as asked for, given back at unload.
//   how=kmalloc|cache|plain|pages|vmalloc|percpu|nowait|nofail   size, count: of the objects (pages: of the blocks)
#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

static char *how = "kmalloc";
module_param(how, charp, 0444);
static unsigned int size = 200;
module_param(size, uint, 0444);
static unsigned int count = 1000;
module_param(count, uint, 0444);

static struct kmem_cache *cache;
static void **objects;
static unsigned int got;

static void *allocate(void)
{
	if (!strcmp(how, "kmalloc"))
		return kmalloc(size, GFP_KERNEL_ACCOUNT);
	if (!strcmp(how, "nowait"))
		return kmalloc(size, GFP_NOWAIT | __GFP_ACCOUNT);
	if (!strcmp(how, "nofail"))
		return kmalloc(size, GFP_KERNEL_ACCOUNT | __GFP_NOFAIL);
	if (!strcmp(how, "cache"))
		return kmem_cache_alloc(cache, GFP_KERNEL);
	if (!strcmp(how, "pages"))
		return (void *)__get_free_pages(GFP_KERNEL_ACCOUNT, get_order(size));
	if (!strcmp(how, "vmalloc"))
		return __vmalloc(size, GFP_KERNEL_ACCOUNT);
	if (!strcmp(how, "percpu"))
		return (void __force *)__alloc_percpu_gfp(size, 8, GFP_KERNEL_ACCOUNT);
	return kmalloc(size, GFP_KERNEL);
}

static void release(void *object)
{
	if (!strcmp(how, "cache"))
		kmem_cache_free(cache, object);
	else if (!strcmp(how, "pages"))
		free_pages((unsigned long)object, get_order(size));
	else if (!strcmp(how, "vmalloc"))
		vfree(object);
	else if (!strcmp(how, "percpu"))
		free_percpu((void __percpu __force *)object);
	else
		kfree(object);
}

static void release_all(void)
{
	while (got)
		release(objects[--got]);
	vfree(objects);
	kmem_cache_destroy(cache);
}

static int __init memcg_init(void)
{
	objects = vmalloc(array_size(count, sizeof(*objects)));
	if (!strcmp(how, "cache"))
		cache = kmem_cache_create("memcg_test", size, 0, SLAB_ACCOUNT, NULL);
	if (!objects || (!strcmp(how, "cache") && !cache)) {
		release_all();
		return -ENOMEM;
	}
	for (; got < count; got++) {
		objects[got] = allocate();
		if (!objects[got])
			break;
	}
	pr_info("memcg: %s of %u: %u of %u\n", how, size, got, count);
	return 0;
}

static void __exit memcg_exit(void)
{
	release_all();
}

module_init(memcg_init);
module_exit(memcg_exit);
MODULE_DESCRIPTION("Allocations charged to a memory cgroup");
MODULE_LICENSE("GPL");
