// SPDX-License-Identifier: GPL-2.0-only
/* memory_bugs.ko what=CASE: one bad access each, and (_ok) one that only looks like it. */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

static char *what = "heap_write";
module_param(what, charp, 0444);

static char global_array[13];
static char other_array[16];
static volatile int index_of;	/* the compiler must not see where an index leads */

struct record {
	int length;
	char text[16];
	void (*done)(void);
};

static void heap_write(int beyond)
{
	char *p = kmalloc(123, GFP_KERNEL);

	index_of = 122 + beyond;
	p[index_of] = 1;
	kfree(p);
}

static void heap_full_slot(int beyond)
{
	char *p = kmalloc(64, GFP_KERNEL);

	index_of = 63 + beyond;
	p[index_of] = 1;
	kfree(p);
}

static void heap_read(int beyond)
{
	struct record *r = kzalloc(sizeof(*r), GFP_KERNEL);
	int *words = (int *)r;

	index_of = sizeof(*r) / sizeof(int) - 1 + beyond;
	pr_info("word %d\n", words[index_of]);
	kfree(r);
}

static void use_after_free(int bad)
{
	struct record *r = kzalloc(sizeof(*r), GFP_KERNEL);

	if (bad)
		kfree(r);
	r->length = 7;
	if (!bad)
		kfree(r);
}

static void free_twice(int bad)
{
	char *p = kmalloc(40, GFP_KERNEL);

	kfree(p);
	if (bad)
		kfree(p);
}

static void copy(int beyond)
{
	char *p = kmalloc(40, GFP_KERNEL);

	memset(other_array, 'x', sizeof(other_array));
	index_of = 16 + beyond;
	OPTIMIZER_HIDE_VAR(p);	/* FORTIFY_SOURCE knows its size otherwise */
	memcpy(p + 24, other_array, 16);
	memset(p, 0, 40 + index_of - 16);
	kfree(p);
}

static void global(int beyond)
{
	index_of = 12 + beyond;
	global_array[index_of] = 1;
}

static noinline void fill(char *text, int count)
{
	int i;

	for (i = 0; i < count; i++)
		text[i] = 'a';
}

static void stack(int beyond)
{
	char text[20];

	fill(text, 20 + beyond);
	pr_info("%.3s\n", text);
}

static void grow(int bad)
{
	char *p = kmalloc(32, GFP_KERNEL);
	char *q = krealloc(p, 200, GFP_KERNEL);

	index_of = 150;
	(bad ? p : q)[bad ? 3 : index_of] = 1;
	kfree(q);
}

static const struct {
	const char *name;
	void (*run)(int bad);
} cases[] = {
	{ "heap_write", heap_write },
	{ "heap_full_slot", heap_full_slot },
	{ "heap_read", heap_read },
	{ "use_after_free", use_after_free },
	{ "free_twice", free_twice },
	{ "copy", copy },
	{ "global", global },
	{ "stack", stack },
	{ "grow", grow },
};

static int __init memory_bugs_init(void)
{
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		n = strlen(cases[i].name);
		if (strncmp(what, cases[i].name, n))
			continue;
		if (!what[n])
			cases[i].run(1);
		else if (!strcmp(what + n, "_ok"))
			cases[i].run(0);
	}
	return 0;
}

static void __exit memory_bugs_exit(void)
{
	pr_info("%c%c\n", global_array[0] + 'a', other_array[0] + 'a');
}

module_init(memory_bugs_init);
module_exit(memory_bugs_exit);
MODULE_DESCRIPTION("Accesses to memory that is nobody's");
MODULE_LICENSE("GPL");
