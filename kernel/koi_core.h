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

/* ---- tasks and time: src/kapi/sched.cc ---- */
/* The kernel stack of a task may be left only by these. What blocks: __state is not TASK_RUNNING. */
void koi_task_switch(void);
/* To the end of the run queue, whatever __state says. */
void koi_task_preempt(void);
/* Makes a blocked task runnable and sets its __state to TASK_RUNNING. */
void koi_task_wake(struct task_struct *t);
/* A kernel thread, blocked; its first wake-up starts koi_kthread_main(). pid 0: the next one. NULL: too many tasks. */
struct task_struct *koi_task_create(const char *comm, int cpu, int pid);
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
/* koi_ipi_interrupt() runs on `cpu` as soon as it can. */
void koi_interrupt_cpu(unsigned int cpu);
/* "BUG: scheduling while atomic", with the preempt count that is shown. */
void koi_scheduling_while_atomic(int count);
/* Does nothing but to go through the way out of koi: what is due happens. */
void koi_border(void);

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

#endif
