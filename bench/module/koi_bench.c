// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's side of the memory benchmark. A line written to /proc/koi_bench runs one of the loops of loops.h; reading
 * the file tells what it returned. Time is measured from outside: inside the machine it is virtual.
 */
#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

static void **bench_objects;
static u32 *bench_order;
static u32 *bench_sizes;
static struct kmem_cache *caches[8];	/* 64, 128, ... 8192 */
static struct kmem_cache *bulk_cache;

static __always_inline void *bench_alloc(u32 size)
{
	return __kmalloc(size, GFP_KERNEL);
}

static __always_inline void bench_free(void *p)
{
	kfree(p);
}

static __always_inline void *bench_cache_alloc(u32 size)
{
	return kmem_cache_alloc(caches[ilog2(size) - 6], GFP_KERNEL);
}

static __always_inline void bench_cache_free(u32 size, void *p)
{
	kmem_cache_free(caches[ilog2(size) - 6], p);
}

static __always_inline void *bench_pages_alloc(u32 order)
{
	return alloc_pages(GFP_KERNEL, order);
}

static __always_inline void bench_pages_free(void *p, u32 order)
{
	__free_pages(p, order);
}

static __always_inline u32 bench_bulk_alloc(u32 count, void **objects)
{
	return kmem_cache_alloc_bulk(bulk_cache, GFP_KERNEL, count, objects);
}

static __always_inline void bench_bulk_free(u32 count, void **objects)
{
	kmem_cache_free_bulk(bulk_cache, count, objects);
}

static __always_inline void bench_fill(void *p, u32 size)
{
}

static __always_inline void bench_relax(void)
{
	cond_resched();
}

#include "loops.h"

static u64 result;

static ssize_t bench_write(struct file *file, const char __user *buffer, size_t length, loff_t *at)
{
	char line[64], name[16];
	u32 a = 0, b = 0, c = 0, d = 0;

	if (length >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, buffer, length))
		return -EFAULT;
	line[length] = 0;
	if (sscanf(line, "%15s %u %u %u %u", name, &a, &b, &c, &d) < 2)
		return -EINVAL;
	result = bench_run(name, a, b, c, d);
	return result ? length : -ENOMEM;
}

static ssize_t bench_read(struct file *file, char __user *buffer, size_t length, loff_t *at)
{
	char line[32];
	int n = snprintf(line, sizeof(line), "%llu\n", result);

	return simple_read_from_buffer(buffer, length, at, line, n);
}

static const struct proc_ops bench_ops = {
	.proc_read = bench_read,
	.proc_write = bench_write,
};

static int __init bench_init(void)
{
	u32 i;

	bench_objects = vzalloc(BENCH_MOST * sizeof(*bench_objects));
	bench_order = vzalloc(BENCH_MOST * sizeof(*bench_order));
	bench_sizes = vzalloc(BENCH_MOST * sizeof(*bench_sizes));
	bulk_cache = kmem_cache_create("koi_bench_bulk", BENCH_BULK_BYTES, 0, 0, NULL);
	for (i = 0; i < ARRAY_SIZE(caches); i++)
		caches[i] = kmem_cache_create("koi_bench", 64 << i, 0, 0, NULL);
	if (!bench_objects || !bench_order || !bench_sizes || !bulk_cache || !caches[7])
		return -ENOMEM;
	return proc_create("koi_bench", 0600, NULL, &bench_ops) ? 0 : -ENOMEM;
}

static void __exit bench_exit(void)
{
	u32 i;

	remove_proc_entry("koi_bench", NULL);
	for (i = 0; i < ARRAY_SIZE(caches); i++)
		kmem_cache_destroy(caches[i]);
	kmem_cache_destroy(bulk_cache);
	vfree(bench_sizes);
	vfree(bench_order);
	vfree(bench_objects);
}

module_init(bench_init);
module_exit(bench_exit);
MODULE_DESCRIPTION("Loops over the memory allocators, for koi's benchmark");
MODULE_LICENSE("GPL");
