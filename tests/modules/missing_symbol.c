// SPDX-License-Identifier: GPL-2.0-only
/* Calls a function that every distribution kernel exports and koi does not have. */
#include <linux/acpi.h>
#include <linux/module.h>

static int __init missing_symbol_init(void)
{
	acpi_status status;

	pr_info("missing_symbol: before the call\n");
	status = acpi_evaluate_object(NULL, "_STA", NULL, NULL);
	pr_info("missing_symbol: after the call, status %u\n", status);
	return 0;
}

static void __exit missing_symbol_exit(void)
{
	pr_info("missing_symbol: exit\n");
}

module_init(missing_symbol_init);
module_exit(missing_symbol_exit);
MODULE_LICENSE("GPL");
