// SPDX-License-Identifier: GPL-2.0-only
/* One parameter of each type; prints them all. */
#include <linux/module.h>

static bool a_bool;
module_param(a_bool, bool, 0444);
static bool an_invbool;
module_param(an_invbool, invbool, 0444);
static int a_bint;
module_param(a_bint, bint, 0444);
static unsigned char a_byte = 1;
module_param(a_byte, byte, 0444);
static short a_short = -2;
module_param(a_short, short, 0444);
static ushort a_ushort = 3;
module_param(a_ushort, ushort, 0444);
static int an_int = -4;
module_param(an_int, int, 0444);
MODULE_PARM_DESC(an_int, "a number");
static uint a_uint = 5;
module_param(a_uint, uint, 0444);
static long a_long = -6;
module_param(a_long, long, 0444);
static ulong a_ulong = 7;
module_param(a_ulong, ulong, 0444);
static unsigned long long a_ullong = 8;
module_param(a_ullong, ullong, 0444);
static unsigned int a_hexint = 9;
module_param(a_hexint, hexint, 0444);
static char *a_charp = "default";
module_param(a_charp, charp, 0444);
MODULE_PARM_DESC(a_charp, "some text");
static char a_string[8] = "short";
module_param_string(a_string, a_string, sizeof(a_string), 0444);
static int an_array[4] = { 1, 2 };
static int an_array_count = 2;
module_param_array(an_array, int, &an_array_count, 0444);

static int __init param_types_init(void)
{
	int i;

	pr_info("param_types: %d %d %d %u %d %u %d %u %ld %lu %llu %x '%s' '%s'\n", a_bool, an_invbool,
		a_bint, a_byte, a_short, a_ushort, an_int, a_uint, a_long, a_ulong, a_ullong, a_hexint,
		a_charp, a_string);
	for (i = 0; i < an_array_count; i++)
		pr_info("param_types: an_array[%d] = %d\n", i, an_array[i]);
	return 0;
}

static void __exit param_types_exit(void)
{
	pr_info("param_types: exit\n");
}

module_init(param_types_init);
module_exit(param_types_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("One parameter of each type");
