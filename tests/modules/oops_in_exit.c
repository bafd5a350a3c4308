// SPDX-License-Identifier: GPL-2.0-only
/* Loads well; exit follows a NULL pointer. */
#include <linux/module.h>

static unsigned long address;
module_param(address, ulong, 0444);

static int __init oops_in_exit_init(void)
{
	pr_info("oops_in_exit: init\n");
	return 0;
}

static void __exit oops_in_exit_exit(void)
{
	pr_info("oops_in_exit: exit\n");
	*(volatile int *)address = 1;
	pr_info("oops_in_exit: never printed\n");
}

module_init(oops_in_exit_init);
module_exit(oops_in_exit_exit);
MODULE_LICENSE("GPL");
