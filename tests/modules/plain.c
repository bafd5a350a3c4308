// SPDX-License-Identifier: GPL-2.0-only
/* The smallest module, timed by the start-up benchmark and damaged by the hostile-input tests. */
#include <linux/module.h>

static int __init plain_init(void)
{
	pr_info("plain: init\n");
	return 0;
}

static void __exit plain_exit(void)
{
	pr_info("plain: exit\n");
}

module_init(plain_init);
module_exit(plain_exit);
MODULE_LICENSE("GPL");
