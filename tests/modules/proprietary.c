// SPDX-License-Identifier: GPL-2.0-only
/* Says it is proprietary: what provider exports to everybody it may use. */
#include <linux/module.h>

#include "provider.h"

static int __init proprietary_init(void)
{
	pr_info("proprietary: init %d\n", provider_double(4));
	return 0;
}

static void __exit proprietary_exit(void)
{
	pr_info("proprietary: exit\n");
}

module_init(proprietary_init);
module_exit(proprietary_exit);
MODULE_LICENSE("Proprietary");
