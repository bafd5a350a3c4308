// SPDX-License-Identifier: GPL-2.0-only
/* A table in /proc/sys that stays until the module goes. */
#include <linux/module.h>
#include <linux/sysctl.h>
#include <linux/version.h>

static int level = 3, least, most = 10;
static char word[16] = "none";
static struct ctl_table_header *header;

static struct ctl_table table[] = {
	{
		.procname = "level",
		.data = &level,
		.maxlen = sizeof(level),
		.mode = 0644,
		.proc_handler = proc_dointvec_minmax,
		.extra1 = &least,
		.extra2 = &most,
	},
	{ .procname = "word", .data = word, .maxlen = sizeof(word), .mode = 0600, .proc_handler = proc_dostring },
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
	{}
#endif
};

static int __init sysctl_table_init(void)
{
	header = register_sysctl("kernel/example", table);
	return header ? 0 : -ENOMEM;
}

static void __exit sysctl_table_exit(void)
{
	unregister_sysctl_table(header);
	pr_info("level %d word %s\n", level, word);
}

module_init(sysctl_table_init);
module_exit(sysctl_table_exit);
MODULE_LICENSE("GPL");
