// SPDX-License-Identifier: GPL-2.0-only
/* Calls itself until the 16 KiB of kernel stack are gone. */
#include <linux/module.h>
#include <linux/string.h>

static int depth_limit = 1000000;
module_param(depth_limit, int, 0444);

static noinline int go_deeper(int depth)
{
	volatile char frame[256];

	memset((void *)frame, depth, sizeof(frame));
	if (depth >= depth_limit)
		return frame[0];
	return go_deeper(depth + 1) + frame[depth & 255];
}

static int __init stack_overflow_init(void)
{
	pr_info("stack_overflow: before\n");
	pr_info("stack_overflow: sum %d\n", go_deeper(0));
	return 0;
}

static void __exit stack_overflow_exit(void)
{
}

module_init(stack_overflow_init);
module_exit(stack_overflow_exit);
MODULE_LICENSE("GPL");
