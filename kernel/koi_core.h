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
/* A check has spoken: the taint and the journal. */
void koi_found(const char *headline);
/* The source line of module text and its file; -1: none is known. */
int koi_source_line(unsigned long ip, char *file, unsigned long size);
/* Something that still calls `fn` of the module that goes: a "timer_list", "kthread", "irq" ... */
void koi_left_behind(const char *type, const void *fn, const char *name, int number);
/* Gives the pages of a slab that nobody can look at any more back. */
void koi_free_rcu_slab(unsigned long pfn);
/* Brings the counters of free pages up to date. */
void koi_refresh_memory_counters(void);
unsigned long koi_available_pages(void);
/* The fixed virtual CPU, or the host's with --cpu host. */
void koi_cpuid(unsigned int *eax, unsigned int *ebx, unsigned int *ecx, unsigned int *edx);

/* ---- tasks and time: src/kapi/sched.cc ---- */
/* The kernel stack of a task may be left only by these. What blocks: __state is not TASK_RUNNING. */
void koi_task_switch(void);
/* To the end of the run queue, whatever __state says. */
void koi_task_preempt(void);
/* Makes a blocked task runnable and sets its __state to TASK_RUNNING. */
void koi_task_wake(struct task_struct *t);
/* A kernel thread, blocked; its first wake-up starts koi_kthread_main(). pid 0: the next one. NULL: too many tasks. */
struct task_struct *koi_task_create(const char *comm, int cpu, int pid);
/* The kernel's yield(). */
void koi_task_yield(void);
/* Policy as in <uapi/linux/sched.h>; rt_priority 0: a fair task. */
void koi_task_priority(struct task_struct *t, int policy, int nice, unsigned int rt_priority);
void koi_task_allow(struct task_struct *t, const unsigned long *cpus);
void __noreturn koi_task_exit(long code);
/* Nobody refers to the task_struct any more. */
void koi_task_free(struct task_struct *t);
/* Nanoseconds since boot: what every clock of the kernel shows. */
u64 koi_clock_ns(void);
/* The running virtual CPU stalls. */
void koi_delay_ns(u64 ns);
/* koi_timer_interrupt() runs on `cpu` at that time; KTIME_MAX: not at all. */
void koi_clock_event(unsigned int cpu, s64 at_ns);
/* koi_tick_interrupt() runs at each tick on each CPU that runs a task. */
/* koi_ipi_interrupt() runs on `cpu` as soon as it can. */
void koi_interrupt_cpu(unsigned int cpu);
/* "BUG: scheduling while atomic", with the preempt count that is shown. */
void koi_scheduling_while_atomic(int count);
/* Does nothing but to go through the way out of koi: what is due happens. */
void koi_border(void);

/* Nonzero: an object in allocated memory has been armed or queued, so that frees are looked at. C++ reads it, and is told. */
extern unsigned int koi_frees_matter;
#define KOI_VMALLOC_BYTES (1UL << 40)
void koi_look_at_frees(void);
static __always_inline void koi_note_armed(const void *object)
{
	unsigned long address = (unsigned long)object;

	if (likely(koi_frees_matter))
		return;
	/* Kernel stacks are vmalloc areas, too; what is on the running one does not outlive its function. */
	if (unlikely(address - page_offset_base < (max_pfn << PAGE_SHIFT)) ||
	    (unlikely(address - vmalloc_base < KOI_VMALLOC_BYTES) && !object_is_on_stack(object))) {
		koi_frees_matter = 1;
		koi_look_at_frees();
	}
}

/* The running virtual CPU's clock, as the crossing thunks see it (struct VcpuClock). */
struct koi_clock {
	u64 now_ns, deadline_ns, in_fpu, crossings;
};

static __always_inline struct koi_clock *koi_clock(void)
{
	struct koi_clock *c;

	asm volatile("mov %%gs:0x20, %0" : "=r" (c));
	return c;
}

/* Calls that stay in the core cost virtual time too, so that a loop of them gets somewhere. */
#define KOI_CALL_NS 20
static __always_inline void koi_charge(void)
{
	struct koi_clock *c = koi_clock();

	c->now_ns += KOI_CALL_NS;
	if (unlikely(c->now_ns >= c->deadline_ns))
		koi_border();
}

/* ---- the lock validator: src/kapi/lockdep.cc ---- */
void koi_lockdep_acquire(const void *lock, unsigned int how, unsigned long ip);
void koi_lockdep_release(const void *lock, unsigned int how, unsigned long ip);
/* Shared from now on. */
void koi_lockdep_downgrade(const void *lock);
/* An initialiser that tells the lock's name ran, called from `ip`. */
void koi_lockdep_init(const void *lock, unsigned long size, const char *name, unsigned long ip);
/* Interrupts go on (soft: bottom halves) while the running task holds locks. */
void koi_lockdep_irqs_on(int soft);
/* A task begins to wait for a lock. */
void koi_lockdep_waits(const void *lock, unsigned long ip);
/* A task waited that long for a lock. */
void koi_lockdep_contended(const void *lock, u64 wait_ns);
/* The locks of a worker whose function came back with them: listed, and given up. */
void koi_lockdep_show_held(void);
/* What debug_show_held_locks() prints and, with interrupts off, what is known of the last interrupt events. */
void koi_lockdep_describe(int irqs_off);
/* A mutex that no initialiser ever saw. */
void koi_lockdep_uninitialised(void);
/* "suspicious RCU usage": what the kernel's RCU_LOCKDEP_WARN() in that place says. */
void koi_lockdep_suspicious_rcu(const char *file, unsigned int line, const char *what);

/* ---- virtual files: src/kapi/vfs.cc ---- */
/* The directories that are always there: enum Place of src/engine/vfs/tree.h. */
enum koi_vfs_place {
	KOI_VFS_ROOT = 1,
	KOI_VFS_PROC,
	KOI_VFS_SYS,
	KOI_VFS_DEV,
	KOI_VFS_SYS_KERNEL,
	KOI_VFS_SYS_KERNEL_DEBUG,
	KOI_VFS_SYS_KERNEL_MM,
	KOI_VFS_SYS_CLASS,
	KOI_VFS_SYS_DEVICES,
	KOI_VFS_SYS_DEVICES_VIRTUAL,
	KOI_VFS_SYS_BUS,
	KOI_VFS_SYS_FS,
	KOI_VFS_SYS_FIRMWARE,
	KOI_VFS_SYS_HYPERVISOR,
	KOI_VFS_SYS_POWER,
	KOI_VFS_SYS_MODULE,
	KOI_VFS_SYS_DEV,
	KOI_VFS_SYS_DEV_CHAR,
	KOI_VFS_SYS_DEV_BLOCK,
	KOI_VFS_SYS_DEVICES_PLATFORM,
};
/* A node below the directory `parent`: its number, or -EEXIST, -ENOENT, -ENOTDIR, -EINVAL. `object` is a struct koi_vnode of
 * files, the file system's own of directories. */
long koi_vfs_add(unsigned long parent, const char *name, unsigned int mode, void *object);
/* With everything below it. */
void koi_vfs_remove(unsigned long node);
int koi_vfs_rename(unsigned long node, const char *name);
/* Makes a link lead to `target`: an absolute path, or a node's number. */
void koi_vfs_set_target(unsigned long node, const char *target);
void koi_vfs_set_target_node(unsigned long node, unsigned long target);
/* 0: there is none. */
unsigned long koi_vfs_child(unsigned long parent, const char *name, unsigned long len);
/* By path, following links; 0: there is none; ~0UL: one that C++ fills. */
unsigned long koi_vfs_find(const char *path);
unsigned long koi_vfs_first_child(unsigned long parent);
void *koi_vfs_object(unsigned long node);
void *koi_vfs_parent_object(unsigned long node);
void koi_vfs_name(unsigned long node, char *buffer, unsigned long size);
/* The absolute path; its length. */
long koi_vfs_path(unsigned long node, char *buffer, unsigned long size);
/* Not the calling module's. */
void koi_vfs_disown(unsigned long node);
/* The running task dies: closes what it has open. */
void koi_close_files(void);
/* Numbers of character devices. The major number, or a negative errno after the kernel's words. */
int koi_chrdev_take(unsigned int major, unsigned int base_minor, unsigned int count, const char *name);
/* 0: nobody had them. */
int koi_chrdev_release(unsigned int major, unsigned int base_minor, unsigned int count);

/* A task and what only its process has. */
struct koi_task_block {
	struct task_struct task;
	struct signal_struct signal;
	sigset_t allowed, allowed_kernel;	/* kernel threads: what they take from anyone, from the kernel only */
	sigset_t by_kernel;			/* pending ones that the kernel sent */
	union {
		struct pid pid;
		char room[sizeof(struct pid) + sizeof(struct upid)];
	} pid;
};

/* The line that a check has in the kernel's file of either series. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#define KOI_LINE(line_6_1, line_6_12) line_6_12
#else
#define KOI_LINE(line_6_1, line_6_12) line_6_1
#endif
/* Functions that have no frame below what they call last, as in the kernel. */
#define koi_tail __attribute__((optimize("optimize-sibling-calls")))

#endif
