// SPDX-License-Identifier: GPL-2.0-only
/* Exports a function, a GPL-only function and a variable to consumer and proprietary. */
#include <linux/module.h>

#include "provider.h"

int provider_calls;
EXPORT_SYMBOL(provider_calls);

int provider_double(int x)
{
	provider_calls++;
	return 2 * x;
}
EXPORT_SYMBOL(provider_double);

int provider_triple(int x)
{
	provider_calls++;
	return 3 * x;
}
EXPORT_SYMBOL_GPL(provider_triple);

static int __init provider_init(void)
{
	pr_info("provider: init\n");
	return 0;
}

static void __exit provider_exit(void)
{
	pr_info("provider: exit after %d calls\n", provider_calls);
}

module_init(provider_init);
module_exit(provider_exit);
MODULE_LICENSE("GPL");
