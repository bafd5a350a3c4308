// SPDX-License-Identifier: GPL-2.0-only
/*
 * DEBUG_ATOMIC_SLEEP on production binaries: who may sleep is asked on every call that may, and on the calls that the
 * module's own might_sleep() and cond_resched() are compiled to.
 */
static int koi_checks_on;
unsigned int koi_frees_matter;

/* C++, before the first task: --checks. */
void koi_set_checks(int on)
{
	koi_checks_on = on;
}

static void koi_sleeping_in_atomic(const char *file, int line) asm("__might_resched.cold");
static noinline __attribute__((noclone)) void koi_sleeping_in_atomic(const char *file, int line)
{
	static unsigned long last;

	if (last && time_before(jiffies, last + HZ))
		return;
	last = jiffies;
	pr_err("BUG: sleeping function called from invalid context at %s:%d\n", file, line);
	pr_err("in_atomic(): %d, irqs_disabled(): %d, non_block: %d, pid: %d, name: %s\n", in_atomic(), irqs_disabled(),
	       0, current->pid, current->comm);
	pr_err("preempt_count: %x, expected: %x\n", preempt_count(), 0);
	pr_err("RCU nest depth: %d, expected: %u\n", rcu_preempt_depth(), 0);
	koi_lockdep_describe(irqs_disabled());
	dump_stack();
	koi_found("BUG: sleeping function called from invalid context");
}

static __always_inline bool koi_may_not_sleep(void)
{
	if (likely(!preempt_count() && !irqs_disabled() && !rcu_preempt_depth()))
		return false;
	return koi_checks_on && !(current->flags & PF_EXITING);
}

/* In place of might_sleep(): the place is the kernel's. */
static __always_inline void koi_might_sleep(const char *file, int line)
{
	if (unlikely(koi_may_not_sleep()))
		koi_sleeping_in_atomic(file, line);
}

/* C++: an allocation that may wait. */
void koi_might_alloc(void)
{
	koi_might_sleep("include/linux/sched/mm.h", KOI_LINE(274, 321));
}

/* C++: a function that may sleep whatever its gfp bits say. In the order of kapi::Sleeper. */
void koi_might_sleep_in(unsigned int sleeper)
{
	static const struct {
		const char *file;
		int line;
	} places[] = {
		{ "mm/vmalloc.c", KOI_LINE(1673, 2030) },
		{ "mm/vmalloc.c", KOI_LINE(2858, 3419) },
		{ "mm/vmalloc.c", KOI_LINE(2879, 3467) },
		{ "mm/vmalloc.c", KOI_LINE(2907, 3503) },
		{ "mm/vmalloc.c", KOI_LINE(2280, 3001) },
		{ "kernel/locking/mutex.c", KOI_LINE(580, 586) },
		{ "include/linux/percpu-rwsem.h", 49 },
	};

	koi_might_sleep(places[sleeper].file, places[sleeper].line);
}

/* What inlined might_sleep() and cond_resched() lead to; the place is the caller's, which C++ knows. */
static noinline __used int koi_inline_might_sleep(void)
{
	if (unlikely(koi_may_not_sleep())) {
		char file[128];
		int line = koi_source_line(_RET_IP_, file, sizeof(file));

		if (line >= 0)
			koi_sleeping_in_atomic(file, line);
	}
	return __cond_resched();
}
