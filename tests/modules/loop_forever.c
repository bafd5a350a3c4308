// SPDX-License-Identifier: GPL-2.0-only
/* Never comes back from init: with cpu_relax() in the loop, or with nothing at all. */
#include <linux/module.h>
#include <asm/processor.h>

static bool relax;
module_param(relax, bool, 0444);

static int __init loop_forever_init(void)
{
	pr_info("loop_forever: relax=%d\n", relax);
	for (;;) {
		if (relax)
			cpu_relax();
		else
			barrier();
	}
	return 0;
}

static void __exit loop_forever_exit(void)
{
}

module_init(loop_forever_init);
module_exit(loop_forever_exit);
MODULE_LICENSE("GPL");
