// SPDX-License-Identifier: GPL-2.0-only
/* Uses what provider exports: loading it pins provider. */
#include <linux/module.h>

#include "provider.h"

static int __init consumer_init(void)
{
	pr_info("consumer: init %d %d\n", provider_double(21), provider_triple(5));
	pr_info("consumer: %d calls so far\n", provider_calls);
	return 0;
}

static void __exit consumer_exit(void)
{
	pr_info("consumer: exit %d\n", provider_double(1));
}

module_init(consumer_init);
module_exit(consumer_exit);
MODULE_LICENSE("GPL");
