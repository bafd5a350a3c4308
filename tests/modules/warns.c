// SPDX-License-Identifier: GPL-2.0-only
/* WARN, WARN_ON_ONCE twice, and on request BUG. */
#include <linux/module.h>

static bool bug;
module_param(bug, bool, 0444);

static noinline void warn_once(void)
{
	WARN_ON_ONCE(1);
}

static int __init warns_init(void)
{
	WARN(1, "warns: the answer is %d\n", 42);
	warn_once();
	warn_once();
	BUG_ON(bug);
	pr_info("warns: done\n");
	return 0;
}

static void __exit warns_exit(void)
{
}

module_init(warns_init);
module_exit(warns_exit);
MODULE_LICENSE("GPL");
