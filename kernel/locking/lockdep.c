// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lock validator's fast path. What a lock function of the core does for a module is put on the running task's list of
 * held locks; if the same lock was taken the same way on top of the same chain before, that is all. Everything else goes
 * to C++ (src/engine/lockdep, whose held_locks.h has the same structures).
 *
 * The core's own use of its lock functions is not looked at (own_locks.h): its locks are not those of the kernel it
 * stands for.
 */
#define KOI_MAX_HELD 48
#define KOI_LOCK_CACHE 4096
#define KOI_LOCK_GENERATIONS 1024

#define KOI_LOCK_TRY 4
#define KOI_LOCK_SOFTIRQ 8
#define KOI_LOCK_HARDIRQ 16
#define KOI_LOCK_HARDIRQS_ON 32
#define KOI_LOCK_SOFTIRQS_ON 64
#define KOI_LOCK_KIND(n) ((n) << 8)
#define KOI_LOCK_SPIN KOI_LOCK_KIND(0)
#define KOI_LOCK_RWLOCK KOI_LOCK_KIND(1)
#define KOI_LOCK_MUTEX KOI_LOCK_KIND(2)
#define KOI_LOCK_RWSEM KOI_LOCK_KIND(3)
#define KOI_LOCK_RT KOI_LOCK_KIND(4)
#define KOI_LOCK_RCU KOI_LOCK_KIND(5)
#define KOI_LOCK_MAP KOI_LOCK_KIND(6)

struct koi_held_lock {
	u64 lock, ip, previous_chain, since_ns;
	u32 class_id, how;
};

struct koi_held_stack {
	u32 depth, untracked;
	u64 chain, hard_marked, soft_marked;
	struct koi_held_lock held[KOI_MAX_HELD];
};

struct koi_lock_cache_entry {
	u64 lock, chain;
	u32 how, generation;
	u64 next_chain;
	u32 class_id, reserved;
};

/* Of a class: taken exclusively, and shared. */
struct koi_lock_stat {
	u64 acquisitions, hold_total_ns, hold_min_ns, hold_max_ns, contentions, wait_total_ns, wait_min_ns, wait_max_ns;
	u32 acquired_bounces, contended_bounces, last_cpu, reserved;
};

/* Written by C++. */
struct koi_lockdep {
	unsigned long on, modules_begin, modules_size;
	struct koi_lock_cache_entry *cache;
	u32 *generations;
	struct koi_lock_stat *stats;
} koi_lockdep;
DEFINE_PER_CPU(struct koi_held_stack *, koi_held_stack);
/* What rcu_read_lock() holds. */
unsigned long koi_rcu_lock_map;

static __always_inline bool koi_interrupts_on(void)
{
	unsigned long flag;

	asm volatile("mov %%gs:0, %0" : "=r" (flag));
	return flag != 0;
}

static __always_inline u32 koi_lock_context(void)
{
	int count = preempt_count();
	u32 context = koi_interrupts_on() ? KOI_LOCK_HARDIRQS_ON : 0;

	if (likely(!(count & (HARDIRQ_MASK | NMI_MASK | SOFTIRQ_MASK))))
		return context | KOI_LOCK_SOFTIRQS_ON;
	if (count & (HARDIRQ_MASK | NMI_MASK))
		context |= KOI_LOCK_HARDIRQ;
	else if (count & SOFTIRQ_OFFSET)
		context |= KOI_LOCK_SOFTIRQ;
	return count & SOFTIRQ_MASK ? context : context | KOI_LOCK_SOFTIRQS_ON;
}

static __always_inline void koi_lock_acquire(const void *address, u32 how, unsigned long ip)
{
	u64 lock = (unsigned long)address;
	struct koi_held_stack *stack;
	struct koi_lock_cache_entry *entry;
	struct koi_held_lock *held;

	if (unlikely(!koi_lockdep.on))
		return;
	how |= koi_lock_context();
	stack = this_cpu_read(koi_held_stack);
	entry = &koi_lockdep.cache[(u32)((lock >> 3) ^ (lock >> 15) ^ stack->chain ^ how) % KOI_LOCK_CACHE];
	if (unlikely(entry->lock != lock || entry->chain != stack->chain || entry->how != how ||
		     stack->depth == KOI_MAX_HELD ||
		     entry->generation != koi_lockdep.generations[(u32)((lock >> 3) ^ (lock >> 13)) % KOI_LOCK_GENERATIONS])) {
		koi_lockdep_acquire(address, how, ip);
		return;
	}
	held = &stack->held[stack->depth++];
	held->lock = lock;
	held->ip = ip;
	held->previous_chain = stack->chain;
	held->since_ns = koi_clock()->now_ns;
	held->class_id = entry->class_id;
	held->how = how;
	stack->chain = entry->next_chain;
}

static __always_inline void koi_lock_release(const void *address, u32 how, unsigned long ip)
{
	struct koi_held_stack *stack;
	struct koi_held_lock *held;
	struct koi_lock_stat *stat;
	u64 hold;

	if (unlikely(!koi_lockdep.on))
		return;
	stack = this_cpu_read(koi_held_stack);
	held = &stack->held[stack->depth - 1];
	if (unlikely(!stack->depth || held->lock != (unsigned long)address)) {
		koi_lockdep_release(address, how, ip);
		return;
	}
	stack->depth--;
	stack->chain = held->previous_chain;
	stat = &koi_lockdep.stats[held->class_id * 2 + !!(held->how & 3)];
	hold = koi_clock()->now_ns - held->since_ns;
	if (unlikely(hold < stat->hold_min_ns || !stat->acquisitions))
		stat->hold_min_ns = hold;
	stat->acquisitions++;
	stat->hold_total_ns += hold;
	if (unlikely(hold > stat->hold_max_ns))
		stat->hold_max_ns = hold;
	/* CPUs count from one: 0 is none. */
	if (unlikely(stat->last_cpu != raw_smp_processor_id() + 1)) {
		stat->acquired_bounces += stat->last_cpu != 0;
		stat->last_cpu = raw_smp_processor_id() + 1;
	}
}

/* Did a module take it, that runs here? What the core takes for itself is on no list. */
static bool koi_lock_is_listed(const void *address)
{
	struct koi_held_stack *stack;
	u32 i;

	if (!koi_lockdep.on)
		return false;
	stack = this_cpu_read(koi_held_stack);
	for (i = 0; i < stack->depth; i++)
		if (stack->held[i].lock == (unsigned long)address)
			return true;
	return false;
}

/* Hard interrupts go on, for a module: what its task holds is held with interrupts on. */
static __always_inline void koi_lock_irqs_on(void)
{
	struct koi_held_stack *stack;

	if (unlikely(!koi_lockdep.on))
		return;
	stack = this_cpu_read(koi_held_stack);
	if (unlikely(stack->depth && stack->hard_marked != stack->chain))
		koi_lockdep_irqs_on(0);
}

/* `count` is about to be taken off the preempt count. */
static __always_inline void koi_lock_softirqs_on(unsigned int count)
{
	struct koi_held_stack *stack;

	if (unlikely(!koi_lockdep.on))
		return;
	stack = this_cpu_read(koi_held_stack);
	if (unlikely(stack->depth && stack->soft_marked != stack->chain && koi_interrupts_on() &&
		     !((preempt_count() - count) & (SOFTIRQ_MASK | HARDIRQ_MASK))))
		koi_lockdep_irqs_on(1);
}

static __always_inline void koi_lock_init(const void *lock, unsigned long size, const char *name, unsigned long ip)
{
	if (koi_lockdep.on)
		koi_lockdep_init(lock, size, name, ip);
}

/* Somebody else has the lock that is wanted at `ip`. */
static __always_inline void koi_lock_waits(const void *lock, unsigned long ip)
{
	if (koi_lockdep.on)
		koi_lockdep_waits(lock, ip);
}

static __always_inline void koi_lock_contended(const void *lock, u64 since)
{
	if (koi_lockdep.on)
		koi_lockdep_contended(lock, koi_clock()->now_ns - since);
}
