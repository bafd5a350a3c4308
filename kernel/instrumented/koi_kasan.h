/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Included before every source file of a module that `koi build --sanitize=address` builds: the checks that the headers of a kernel
 * without CONFIG_KASAN leave empty, and memory functions that look at what they touch.
 */
#ifndef KOI_KASAN_H
#define KOI_KASAN_H

#if defined(__SANITIZE_ADDRESS__) && !defined(__ASSEMBLY__)
#include <linux/types.h>
#include <linux/kasan-checks.h>

extern bool koi_kasan_check_read(const volatile void *p, unsigned int size) __asm__("__kasan_check_read");
extern bool koi_kasan_check_write(const volatile void *p, unsigned int size) __asm__("__kasan_check_write");
#undef kasan_check_read
#define kasan_check_read(p, size) koi_kasan_check_read(p, size)
#undef kasan_check_write
#define kasan_check_write(p, size) koi_kasan_check_write(p, size)

/* What the compiler makes of __builtin_memcpy() and its kin goes there, too. */
extern void *memcpy(void *to, const void *from, size_t bytes) __asm__("__asan_memcpy");
extern void *memmove(void *to, const void *from, size_t bytes) __asm__("__asan_memmove");
extern void *memset(void *to, int value, size_t bytes) __asm__("__asan_memset");
#endif

#endif
