// SPDX-License-Identifier: GPL-2.0-only
/* init returns -errno. */
#include <linux/module.h>

static int error = 19;
module_param(error, int, 0444);
MODULE_PARM_DESC(error, "positive errno to return (default 19, ENODEV)");

static int __init init_fails_init(void)
{
	pr_info("init_fails: returning %d\n", -error);
	return -error;
}

static void __exit init_fails_exit(void)
{
	pr_info("init_fails: exit\n");
}

module_init(init_fails_init);
module_exit(init_fails_exit);
MODULE_LICENSE("GPL");
