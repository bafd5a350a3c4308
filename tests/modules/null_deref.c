// SPDX-License-Identifier: GPL-2.0-only
/* Reads or writes through a bad pointer in init; "where" is the address. */
#include <linux/module.h>

static unsigned long where;
module_param(where, ulong, 0444);
static bool writes;
module_param(writes, bool, 0444);

static noinline int touch(volatile int *p)
{
	if (writes)
		*p = 1;
	return *p;
}

static int __init null_deref_init(void)
{
	pr_info("null_deref: before\n");
	pr_info("null_deref: got %d\n", touch((volatile int *)where));
	return 0;
}

static void __exit null_deref_exit(void)
{
	pr_info("null_deref: exit\n");
}

module_init(null_deref_init);
module_exit(null_deref_exit);
MODULE_LICENSE("GPL");
