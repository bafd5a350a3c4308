// SPDX-License-Identifier: GPL-2.0-only
/* Offsets, sizes and constants of this kernel that C++ needs, by name: "task_struct.pid", "sizeof task_struct", "HZ". */

struct koi_layout_entry {
	const char *name;
	u64 value;
};

#define KOI_OFFSET(type, field) { #type "." #field, offsetof(struct type, field) }
#define KOI_SIZE(type) { "sizeof " #type, sizeof(struct type) }
#define KOI_CONST(name) { #name, (u64)(name) }

const struct koi_layout_entry koi_layout[] = {
	KOI_SIZE(task_struct),
	KOI_SIZE(koi_task_block),
	KOI_OFFSET(task_struct, pid),
	KOI_OFFSET(task_struct, tgid),
	KOI_OFFSET(task_struct, comm),
	KOI_OFFSET(task_struct, __state),
	KOI_OFFSET(task_struct, flags),
	KOI_OFFSET(task_struct, stack),
	KOI_OFFSET(task_struct, exit_state),
	KOI_OFFSET(task_struct, thread_info),
	KOI_OFFSET(task_struct, rcu_read_lock_nesting),
	KOI_SIZE(module),
	KOI_OFFSET(module, state),
	KOI_OFFSET(module, name),
	KOI_OFFSET(module, init),
	KOI_OFFSET(module, exit),
	KOI_OFFSET(module, refcnt),
	KOI_OFFSET(module, taints),
	KOI_SIZE(page),
	KOI_SIZE(resource),
	KOI_OFFSET(resource, start),
	KOI_OFFSET(resource, end),
	KOI_OFFSET(resource, name),
	KOI_OFFSET(resource, flags),
	KOI_OFFSET(resource, desc),
	KOI_SIZE(dentry),
	KOI_OFFSET(dentry, d_parent),
	KOI_OFFSET(dentry, d_name),
	KOI_OFFSET(dentry, d_inode),
	{ "qstr.name", offsetof(struct qstr, name) },
	{ "qstr.len", offsetof(struct qstr, len) },
	KOI_SIZE(file),
	KOI_OFFSET(file, f_path),
	{ "file.f_path.dentry", offsetof(struct file, f_path) + offsetof(struct path, dentry) },
	KOI_OFFSET(file, f_op),
	KOI_SIZE(inode),
	KOI_SIZE(device),
	KOI_OFFSET(rtc_time, tm_sec),
	KOI_OFFSET(rtc_time, tm_min),
	KOI_OFFSET(rtc_time, tm_hour),
	KOI_OFFSET(rtc_time, tm_mday),
	KOI_OFFSET(rtc_time, tm_mon),
	KOI_OFFSET(rtc_time, tm_year),
	KOI_OFFSET(va_format, fmt),
	KOI_OFFSET(va_format, va),
	KOI_SIZE(ratelimit_state),
	KOI_OFFSET(ratelimit_state, interval),
	KOI_OFFSET(ratelimit_state, burst),
	KOI_OFFSET(ratelimit_state, printed),
	KOI_OFFSET(ratelimit_state, missed),
	KOI_OFFSET(ratelimit_state, flags),
	KOI_OFFSET(ratelimit_state, begin),
#ifdef CONFIG_DYNAMIC_DEBUG_CORE
	{ "sizeof _ddebug", sizeof(struct _ddebug) },
	KOI_OFFSET(_ddebug, modname),
	KOI_OFFSET(_ddebug, function),
	KOI_OFFSET(_ddebug, filename),
	KOI_OFFSET(_ddebug, format),
#ifdef CONFIG_JUMP_LABEL
	KOI_OFFSET(_ddebug, key),
#endif
#endif
	KOI_OFFSET(task_struct, rcu_read_lock_nesting),
	KOI_SIZE(kernel_param),
	KOI_CONST(HZ),
	KOI_CONST(NR_CPUS),
	KOI_CONST(THREAD_SIZE),
	KOI_CONST(PAGE_SIZE),
	KOI_CONST(LINUX_VERSION_CODE),
	KOI_CONST(GFP_KERNEL),
	KOI_CONST(GFP_ATOMIC),
	KOI_CONST(__GFP_NOWARN),
	KOI_CONST(__GFP_ZERO),
	KOI_CONST(__GFP_COMP),
	KOI_CONST(__GFP_NOFAIL),
	KOI_CONST(__GFP_NORETRY),
	KOI_CONST(KMALLOC_SHIFT_HIGH),
	KOI_CONST(NR_KMALLOC_TYPES),
	KOI_CONST(KMALLOC_MAX_CACHE_SIZE),
	KOI_CONST(KMALLOC_MAX_SIZE),
#ifdef CONFIG_MODULE_DECOMPRESS
	{ "CONFIG_MODULE_DECOMPRESS", 1 },
	{ "CONFIG_MODULE_COMPRESS_GZIP", IS_ENABLED(CONFIG_MODULE_COMPRESS_GZIP) },
	{ "CONFIG_MODULE_COMPRESS_XZ", IS_ENABLED(CONFIG_MODULE_COMPRESS_XZ) },
#endif
#ifdef CONFIG_RANDOM_KMALLOC_CACHES
	{ "CONFIG_RANDOM_KMALLOC_CACHES", 1 },
#endif
	{ NULL, 0 },
};

/* Strings of this kernel. */
const char koi_release[] = UTS_RELEASE;
#ifdef UTS_VERSION
const char koi_version[] = UTS_VERSION;
#else
const char koi_version[] = "";
#endif
const char koi_compiler[] = LINUX_COMPILER;

#define INCLUDE_VERMAGIC
#include <linux/vermagic.h>
const char koi_vermagic[] = VERMAGIC_STRING;
