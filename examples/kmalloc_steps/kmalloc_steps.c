// SPDX-License-Identifier: GPL-2.0-only
/*
 * How much does kmalloc() really hand out?
 *
 * Asks for start, start + step, start + 2 * step, ... bytes and prints what came back, until the
 * allocator says no. Everything is held to the end, and freed before init returns.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/init.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/slab.h>

#define MAX_STEPS 1024

static unsigned long start = 100;
module_param(start, ulong, 0444);
MODULE_PARM_DESC(start, "first size in bytes (default 100)");

static unsigned long step = 200000;
module_param(step, ulong, 0444);
MODULE_PARM_DESC(step, "bytes to add each time (default 200000)");

static void *blocks[MAX_STEPS];

static void free_blocks(unsigned int count)
{
	while (count--)
		kfree(blocks[count]);
}

static int __init kmalloc_steps_init(void)
{
	u64 asked_total = 0, got_total = 0;
	unsigned long asked = start;
	unsigned int row;

	pr_info("%4s %12s %12s %12s %8s\n", "row", "asked", "got", "waste", "waste %");
	for (row = 0; row < MAX_STEPS; row++, asked += step) {
		u64 got, tenths;

		blocks[row] = kmalloc(asked, GFP_KERNEL);
		if (!blocks[row]) {
			pr_err("kmalloc(%lu) failed after %u blocks: asked %llu, got %llu, wasted %llu bytes\n",
			       asked, row, asked_total, got_total, got_total - asked_total);
			free_blocks(row);
			return -ENOMEM;
		}
		got = ksize(blocks[row]);
		/* Tenths of a percent of what we got, rounded to the nearest. */
		tenths = got ? div64_u64((got - asked) * 1000 + got / 2, got) : 0;
		pr_info("%4u %12lu %12llu %12llu %6llu.%llu\n", row + 1, asked, got, got - asked,
			div_u64(tenths, 10), tenths - 10 * div_u64(tenths, 10));
		asked_total += asked;
		got_total += got;
	}
	pr_info("%u blocks: asked %llu, got %llu, wasted %llu bytes\n",
		row, asked_total, got_total, got_total - asked_total);
	free_blocks(row);
	return 0;
}

static void __exit kmalloc_steps_exit(void)
{
}

module_init(kmalloc_steps_init);
module_exit(kmalloc_steps_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A table of what kmalloc() hands out for growing sizes");
