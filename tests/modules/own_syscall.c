// SPDX-License-Identifier: GPL-2.0-only
/* Uses the syscall instruction itself, as no module may: getpid. */
#include <linux/module.h>

static int __init own_syscall_init(void)
{
	long number = 39;

	pr_info("own_syscall: before\n");
	asm volatile("syscall" : "+a"(number) : : "rcx", "r11", "memory");
	pr_info("own_syscall: after, %ld\n", number);
	return 0;
}

static void __exit own_syscall_exit(void)
{
}

module_init(own_syscall_init);
module_exit(own_syscall_exit);
MODULE_LICENSE("GPL");
