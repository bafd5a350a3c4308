// SPDX-License-Identifier: GPL-2.0-only
/* steps.ko steps=N: code of which some lines run, some never, and some N times. */
#include <linux/kernel.h>
#include <linux/module.h>

static int steps = 3;
module_param(steps, int, 0444);

static noinline int twice(int x)
{
	if (x > 100)
		return x + 1;	/* never */
	return 2 * x;
}

static noinline int sum(int n)
{
	int i, total = 0;

	for (i = 0; i < n; i++)
		total += twice(i);	/* each step */
	return total;
}

static noinline void never(void)
{
	pr_info("never\n");	/* never */
}

static int __init steps_init(void)
{
	int total = sum(steps);

	if (total < 0)
		never();	/* never */
	pr_info("total %d\n", total);	/* once */
	return 0;
}

static void __exit steps_exit(void)
{
	pr_info("done\n");	/* once */
}

module_init(steps_init);
module_exit(steps_exit);
MODULE_DESCRIPTION("Lines that run, and lines that do not");
MODULE_LICENSE("GPL");
