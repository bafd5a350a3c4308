// SPDX-License-Identifier: GPL-2.0-only
/* One misuse of a slab object per load, or (what=fine) what looks alike and is right. */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/string.h>

static char *what = "fine";
module_param(what, charp, 0);
static uint size = 40;
module_param(size, uint, 0);

static volatile char sink;

static noinline char *make(size_t bytes) { return kmalloc(bytes, GFP_KERNEL); }
static noinline void drop(char *p) { kfree(p); }

static void over_read(void)
{
	char *p = make(size);

	sink = p[round_up(size, 8)];
	drop(p);
}

static void over_write(void)
{
	char *p = make(size);

	p[round_up(size, 8)] = 1;
	drop(p);
}

/* Between the object and the next word: the canary sees it when the object is freed. */
static void over_by_one(void)
{
	char *p = make(size - 1);

	p[size - 1] = 1;
	drop(p);
}

static void under_write(void)
{
	char *p = make(size);

	p[-1] = 1;
	drop(p);
}

static void over_copy(void)
{
	char *p = make(size);
	size_t bytes = round_up(size, 8) + 16;

	memset(p, 1, bytes);
	drop(p);
}

static void after_read(void)
{
	char *p = make(size);

	drop(p);
	sink = p[3];
}

static void after_write(void)
{
	char *p = make(size);

	drop(p);
	p[3] = 1;
}

static void twice(void)
{
	char *p = make(size);

	drop(p);
	drop(p);
}

static void inside(void)
{
	char *p = make(size);

	drop(p + 8);
	drop(p);
}

static void cache(void)
{
	struct kmem_cache *c = kmem_cache_create("guard_cache", 48, 0, SLAB_HWCACHE_ALIGN, NULL);
	struct kmem_cache *plain = kmem_cache_create("guard_plain", 48, 0, 0, NULL);
	char *p = kmem_cache_alloc(plain, GFP_KERNEL);
	char *aligned = kmem_cache_alloc(c, GFP_KERNEL);

	p[48] = 1;
	kmem_cache_free(plain, p);
	kmem_cache_free(c, aligned);
	kmem_cache_destroy(plain);
	kmem_cache_destroy(c);
}

static void leave_cache(void)
{
	struct kmem_cache *c = kmem_cache_create_usercopy("guard_left", 48, 0, 0, 0, 48, NULL);
	char *p = kmem_cache_alloc(c, GFP_KERNEL);

	kmem_cache_destroy(c);
	(void)p;
}

static void constructed(void *p) { memset(p, 7, 32); }

static void fine(void)
{
	struct kmem_cache *c = kmem_cache_create("guard_made", 32, 0, 0, constructed);
	void *many[8];
	struct scatterlist sg;
	char *p, *q;
	size_t n;
	int i;

	for (n = 1; n <= 8192; n = n * 3 / 2 + 1) {
		p = kzalloc(n, GFP_KERNEL);
		if (memchr_inv(p, 0, n))
			pr_err("guard_misuse: not cleared\n");
		memset(p, 1, n);
		if (ksize(p) < n || page_address(virt_to_page(p)) > (void *)p || offset_in_page(virt_to_phys(p)) != offset_in_page(p))
			pr_err("guard_misuse: %zu\n", n);
		sg_init_one(&sg, p, n);
		if (sg_virt(&sg) != p)
			pr_err("guard_misuse: sg\n");
		q = krealloc(p, n + 100, GFP_KERNEL);
		if (memchr_inv(q, 1, n))
			pr_err("guard_misuse: moved\n");
		q[n + 99] = 1;
		kfree_sensitive(q);
	}
	for (n = 8; n <= 4096; n *= 2) {
		p = kmalloc(n, GFP_ATOMIC);
		if ((unsigned long)p & (n - 1))
			pr_err("guard_misuse: %zu is not aligned\n", n);
		kfree(p);
	}
	p = kmem_cache_alloc(c, GFP_KERNEL);
	if (memchr_inv(p, 7, 32))
		pr_err("guard_misuse: not constructed\n");
	kmem_cache_free(c, p);
	kmem_cache_destroy(c);
	c = kmem_cache_create("guard_bulk", 200, 64, 0, NULL);
	if (kmem_cache_alloc_bulk(c, GFP_KERNEL, ARRAY_SIZE(many), many) != ARRAY_SIZE(many))
		pr_err("guard_misuse: bulk\n");
	for (i = 0; i < ARRAY_SIZE(many); i++) {
		if ((unsigned long)many[i] & 63)
			pr_err("guard_misuse: bulk alignment\n");
		memset(many[i], i, 200);
	}
	kmem_cache_free_bulk(c, ARRAY_SIZE(many), many);
	kmem_cache_destroy(c);
	kfree(NULL);
	p = kstrdup("a string", GFP_KERNEL);
	if (strcmp(p, "a string"))
		pr_err("guard_misuse: string\n");
	kfree(p);
}

/* More than can be guarded, and more than the quarantine holds. */
static void many(void)
{
	void **all = kvcalloc(20000, sizeof(*all), GFP_KERNEL);
	int i;

	for (i = 0; i < 20000; i++)
		all[i] = kmalloc(24, GFP_KERNEL);
	for (i = 0; i < 20000; i++)
		kfree(all[i]);
	kvfree(all);
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{ "over_read", over_read },   { "over_write", over_write }, { "over_by_one", over_by_one }, { "under_write", under_write },
	{ "over_copy", over_copy },   { "after_read", after_read }, { "after_write", after_write }, { "twice", twice },
	{ "inside", inside },	      { "cache", cache },	    { "leave_cache", leave_cache }, { "fine", fine },
	{ "many", many },
};

static int __init guard_misuse_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		if (!strcmp(what, cases[i].name))
			cases[i].run();
	pr_info("guard_misuse: done\n");
	return 0;
}

static void __exit guard_misuse_exit(void) {}

module_init(guard_misuse_init);
module_exit(guard_misuse_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Misuses of slab objects that guard pages see");
