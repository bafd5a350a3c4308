// SPDX-License-Identifier: GPL-2.0-only
/* pr_debug() and static branches, which are code that changes; formatted memory; scanned text; rate limits. */
#include <linux/jump_label.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/slab.h>

static DEFINE_STATIC_KEY_FALSE(off_at_first);
static DEFINE_STATIC_KEY_TRUE(on_at_first);

static char *misuse = "";
module_param(misuse, charp, 0444);

static void show_branches(const char *when)
{
	pr_info("messages: branches %s: %d %d\n", when, static_branch_unlikely(&off_at_first) ? 1 : 0,
		static_branch_likely(&on_at_first) ? 1 : 0);
}

static void change_branches(void)
{
	show_branches("at first");
	static_branch_inc(&off_at_first);
	static_branch_inc(&off_at_first);
	static_branch_disable(&on_at_first);
	show_branches("changed");
	static_branch_dec(&off_at_first);
	show_branches("one user left");
	static_branch_dec(&off_at_first);
	static_branch_enable(&on_at_first);
	show_branches("at last");
}

static noinline int format(char *buffer, size_t size, const char *fmt, ...)
{
	va_list args;
	int length;

	va_start(args, fmt);
	length = vsnprintf(buffer, size, fmt, args);
	va_end(args);
	return length;
}

static int __init messages_init(void)
{
	char word[8], untouched[8] = "before";
	int number = 0, i, stored;
	char *text;

	if (strcmp(misuse, "size") == 0) {
		i = format(untouched, (size_t)INT_MAX + 1, "%d", 5);
		pr_info("messages: %d %s\n", i, untouched);
		return 0;
	}
	if (strcmp(misuse, "panic") == 0)
		panic("asked for %d\n", 1);
	pr_debug("a debug line %d\n", 7);
	change_branches();
	text = kasprintf(GFP_KERNEL, "%s=%d", "answer", 42);
	stored = sscanf(text, "%6s=%d", word, &number);
	pr_info("messages: %s: %d stored: %s, %d\n", text, stored, word, number);
	kfree(text);
	for (i = 0; i < 12; i++) {
		if (printk_ratelimit())
			pr_info("messages: limited %d\n", i);
	}
	return 0;
}

static void __exit messages_exit(void)
{
	pr_debug("exit\n");
}

module_init(messages_init);
module_exit(messages_exit);
MODULE_LICENSE("GPL");
