/* SPDX-License-Identifier: GPL-2.0-only */
/* Functions that C++ provides to the core and that the kernel does not have. */
#ifndef KOI_CORE_H
#define KOI_CORE_H

/* The oops that names an operation koi lacks; does not return. May be called from anywhere. */
void __noreturn koi_unsupported(const char *what);
/* Gives the other virtual CPUs a turn; the caller spins on something that one of them holds. */
void koi_spin_wait(const void *lock);
/* The standard operations `ops` ("param_ops_int") on a parameter. */
int koi_param_set(const char *ops, const char *val, const struct kernel_param *kp);
int koi_param_get(const char *ops, char *buffer, const struct kernel_param *kp);
struct _ddebug;
/* What the flags of a pr_debug() site put before its message. */
void koi_debug_prefix(const struct _ddebug *descriptor, char *prefix, unsigned long size);
/* The fixed virtual CPU, or the host's with --cpu host. */
void koi_cpuid(unsigned int *eax, unsigned int *ebx, unsigned int *ecx, unsigned int *edx);

#endif
