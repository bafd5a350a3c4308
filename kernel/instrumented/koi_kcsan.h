/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Included before every source file of a module that `koi build --sanitize=thread` builds. The headers of a kernel without
 * CONFIG_KCSAN leave its hooks empty; here they call koi, which so hears of what the compiler does not see: inlined
 * atomics and bit operations, barriers, user copies, sections that the code declares atomic.
 */
#ifndef KOI_KCSAN_H
#define KOI_KCSAN_H

#if defined(__SANITIZE_THREAD__) && !defined(__ASSEMBLY__)
#include <linux/kcsan-checks.h>

/* Other names than the header's own functions of these names, which do nothing. */
extern void koi_kcsan_check_access(const volatile void *ptr, unsigned long size, int type) __asm__("__kcsan_check_access");
extern void koi_kcsan_mb(void) __asm__("__kcsan_mb");
extern void koi_kcsan_wmb(void) __asm__("__kcsan_wmb");
extern void koi_kcsan_rmb(void) __asm__("__kcsan_rmb");
extern void koi_kcsan_release(void) __asm__("__kcsan_release");
extern void koi_kcsan_atomic_next(int n) __asm__("__kcsan_atomic_next");
extern void koi_kcsan_atomic_begin(void) __asm__("__kcsan_atomic_begin");
extern void koi_kcsan_atomic_end(void) __asm__("__kcsan_atomic_end");
extern void koi_kcsan_disable(void) __asm__("__kcsan_disable_current");
extern void koi_kcsan_enable(void) __asm__("__kcsan_enable_current");

#undef kcsan_check_access
#define kcsan_check_access(ptr, size, type) koi_kcsan_check_access(ptr, size, type)
#undef kcsan_mb
#define kcsan_mb() koi_kcsan_mb()
#undef kcsan_wmb
#define kcsan_wmb() koi_kcsan_wmb()
#undef kcsan_rmb
#define kcsan_rmb() koi_kcsan_rmb()
#undef kcsan_release
#define kcsan_release() koi_kcsan_release()
#define kcsan_atomic_next(n) koi_kcsan_atomic_next(n)
#define kcsan_nestable_atomic_begin() koi_kcsan_atomic_begin()
#define kcsan_nestable_atomic_end() koi_kcsan_atomic_end()
#define kcsan_flat_atomic_begin() koi_kcsan_atomic_begin()
#define kcsan_flat_atomic_end() koi_kcsan_atomic_end()
#define kcsan_disable_current() koi_kcsan_disable()
#define kcsan_enable_current() koi_kcsan_enable()
#define kcsan_enable_current_nowarn() koi_kcsan_enable()
#endif

#endif
