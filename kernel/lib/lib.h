/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every file of kernel/lib/ includes first.
 *
 * These files are guest text: the library functions that modules link to, compiled by Kbuild against the user's
 * headers into core.o. They work only on memory handed to them and keep no state of their own, so a bad pointer
 * oopses inside them with their own registers, as it does in the kernel.
 *
 * Rules for the files here: a function that the kernel exports has the kernel's name and prototype and is global;
 * everything else is static and carries its file's name as a prefix (all files end up in one translation unit).
 * No floating point, no vector instructions, no FORTIFY wrappers (the wrappers call what is defined here).
 */
#ifndef KOI_KERNEL_LIB_H
#define KOI_KERNEL_LIB_H

#ifndef __NO_FORTIFY
#ifdef _LINUX_FORTIFY_STRING_H_
#error "define __NO_FORTIFY before the first kernel header: the functions here are what the wrappers wrap"
#endif
#define __NO_FORTIFY
#endif

#include <linux/bug.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/version.h>
#if __has_include(<linux/unaligned.h>)
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

/*
 * Hides a value from the optimiser: keeps gcc from recognising a copy, fill or scan loop and turning it into a call
 * of the very function that the loop implements.
 */
#define lib_hide(value) asm volatile("" : "+r"(value))

#endif
