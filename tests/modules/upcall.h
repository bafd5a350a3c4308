/* SPDX-License-Identifier: GPL-2.0-only */
/* Modules that oops inside one kind of upcall: "kind" names it. */
#ifndef UPCALL_H
#define UPCALL_H

#include <linux/module.h>

static char *kind = "none";
module_param(kind, charp, 0444);

static noinline int upcall_oops(void)
{
	volatile int *volatile nowhere = NULL;

	return *nowhere;
}

#define KIND(name) (!strcmp(kind, name))
#define OOPS_IF(name) do { if (KIND(name)) upcall_oops(); } while (0)

#endif
