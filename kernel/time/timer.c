// SPDX-License-Identifier: GPL-2.0-only
/*
 * timer_list: a timer wheel for each CPU, with the kernel's granularity, so that a timer fires at the same jiffy.
 *
 * Nine levels of 64 buckets; a level's buckets are eight times as long as those of the level below. A timer goes into
 * the lowest level that reaches its expiry, rounded up to the next bucket, and never moves again. A bucket's timers run
 * last in, first out, those of higher levels first (Documentation: kernel/time/timer.c's head comment).
 *
 * Deviation: a deferrable timer does not wait for its CPU to leave idleness.
 */
#define WHEEL_LEVELS 9
#define WHEEL_BITS 6
#define WHEEL_SLOTS (1 << WHEEL_BITS)
#define WHEEL_SHIFT 3
#define WHEEL_SIZE (WHEEL_LEVELS * WHEEL_SLOTS)
#define WHEEL_START(level) ((unsigned long)(WHEEL_SLOTS - 1) << (((level) - 1) * WHEEL_SHIFT))
#define WHEEL_CUTOFF WHEEL_START(WHEEL_LEVELS)
#define WHEEL_MAX (WHEEL_CUTOFF - (1UL << ((WHEEL_LEVELS - 1) * WHEEL_SHIFT)))
#define TIMER_NEVER (~0UL)

struct koi_timer_base {
	raw_spinlock_t lock;
	struct timer_list *running;
	unsigned long clk;		/* the wheel's own time; at most jiffies */
	unsigned long expiry[WHEEL_SIZE];	/* of each bucket in use */
	DECLARE_BITMAP(used, WHEEL_SIZE);
	struct hlist_head buckets[WHEEL_SIZE];
};
static DEFINE_PER_CPU(struct koi_timer_base, koi_timer_bases);

/* Softirqs that wait: bits by number. */
static DEFINE_PER_CPU(unsigned int, koi_softirq_pending);
static void koi_program_event(unsigned int cpu);

static unsigned long koi_next_expiry(struct koi_timer_base *base)
{
	unsigned long next = TIMER_NEVER;
	unsigned int slot;

	for_each_set_bit(slot, base->used, WHEEL_SIZE) {
		if (next == TIMER_NEVER || time_before(base->expiry[slot], next))
			next = base->expiry[slot];
	}
	return next;
}

/* Without pending timers in between the wheel's time follows jiffies. */
static void koi_forward(struct koi_timer_base *base)
{
	unsigned long now = READ_ONCE(jiffies);
	unsigned long next;

	if ((long)(now - base->clk) < 1)
		return;
	next = koi_next_expiry(base);
	if (next == TIMER_NEVER || time_after(next, now))
		base->clk = now;
	else if (time_after(next, base->clk))
		base->clk = next;
}

static unsigned int koi_bucket(struct koi_timer_base *base, unsigned long expires, unsigned long *bucket_expiry)
{
	unsigned long clk = base->clk;
	unsigned long delta = expires - clk;
	unsigned int level, shift;

	if ((long)delta < 0) {
		*bucket_expiry = clk;
		return clk % WHEEL_SLOTS;
	}
	if (delta >= WHEEL_CUTOFF)
		expires = clk + WHEEL_MAX;
	for (level = 0; level < WHEEL_LEVELS - 1 && delta >= WHEEL_START(level + 1); level++)
		;
	shift = level * WHEEL_SHIFT;
	expires = (expires + (1UL << shift)) >> shift;
	*bucket_expiry = expires << shift;
	return level * WHEEL_SLOTS + expires % WHEEL_SLOTS;
}

static void koi_enqueue_timer(struct koi_timer_base *base, struct timer_list *timer)
{
	unsigned long expiry;
	unsigned int slot = koi_bucket(base, timer->expires, &expiry);

	koi_note_armed(timer);
	hlist_add_head(&timer->entry, &base->buckets[slot]);
	__set_bit(slot, base->used);
	base->expiry[slot] = expiry;
	timer->flags = (timer->flags & ~TIMER_ARRAYMASK) | slot << TIMER_ARRAYSHIFT;
}

static void koi_unlink_timer(struct timer_list *timer, bool clear)
{
	__hlist_del(&timer->entry);
	if (clear)
		timer->entry.pprev = NULL;
	timer->entry.next = LIST_POISON2;
}

static bool koi_detach_timer(struct koi_timer_base *base, struct timer_list *timer)
{
	unsigned int slot = (timer->flags & TIMER_ARRAYMASK) >> TIMER_ARRAYSHIFT;

	if (!timer_pending(timer))
		return false;
	koi_unlink_timer(timer, true);
	if (slot < WHEEL_SIZE && hlist_empty(&base->buckets[slot]))
		__clear_bit(slot, base->used);
	return true;
}

static struct koi_timer_base *koi_lock_base(struct timer_list *timer, unsigned long *flags)
{
	struct koi_timer_base *base = per_cpu_ptr(&koi_timer_bases, timer->flags & TIMER_CPUMASK);

	raw_spin_lock_irqsave(&base->lock, *flags);
	return base;
}

void init_timer_key(struct timer_list *timer, void (*func)(struct timer_list *), unsigned int flags, const char *name,
		    struct lock_class_key *key)
{
	timer->entry.pprev = NULL;
	timer->function = func;
	timer->flags = flags | raw_smp_processor_id();
}

#define KOI_MOD_PENDING_ONLY 1
#define KOI_MOD_REDUCE 2

static int koi_mod_timer(struct timer_list *timer, unsigned long expires, unsigned int options, int cpu)
{
	struct koi_timer_base *base;
	unsigned long flags;
	bool pending;

	koi_hb_release(timer);
	base = koi_lock_base(timer, &flags);
	pending = timer_pending(timer);
	if (!timer->function)
		goto unchanged;
	if (pending && (options & KOI_MOD_REDUCE) && time_before_eq(timer->expires, expires))
		goto unchanged;
	if (pending && timer->expires == expires)
		goto unchanged;
	if (!pending && (options & KOI_MOD_PENDING_ONLY))
		goto unchanged;
	koi_detach_timer(base, timer);
	/* It moves to the CPU that arms it, but not away from under its running callback. */
	if (cpu < 0)
		cpu = raw_smp_processor_id();
	if (base->running != timer && (timer->flags & TIMER_CPUMASK) != cpu) {
		raw_spin_unlock(&base->lock);
		timer->flags = (timer->flags & ~TIMER_BASEMASK) | cpu;
		base = per_cpu_ptr(&koi_timer_bases, cpu);
		raw_spin_lock(&base->lock);
	}
	koi_forward(base);
	timer->expires = expires;
	koi_enqueue_timer(base, timer);
	cpu = timer->flags & TIMER_CPUMASK;
	raw_spin_unlock(&base->lock);
	koi_program_event(cpu);
	local_irq_restore(flags);
	return pending;
unchanged:
	raw_spin_unlock_irqrestore(&base->lock, flags);
	return pending;
}

int mod_timer(struct timer_list *timer, unsigned long expires)
{
	return koi_mod_timer(timer, expires, 0, -1);
}

int mod_timer_pending(struct timer_list *timer, unsigned long expires)
{
	return koi_mod_timer(timer, expires, KOI_MOD_PENDING_ONLY, -1);
}

int timer_reduce(struct timer_list *timer, unsigned long expires)
{
	return koi_mod_timer(timer, expires, KOI_MOD_REDUCE, -1);
}

void add_timer(struct timer_list *timer)
{
#line KOI_LINE(1242, 1294) "kernel/time/timer.c"
	if (WARN_ON_ONCE(timer_pending(timer)))
		return;
	koi_mod_timer(timer, timer->expires, 0, -1);
}

void add_timer_on(struct timer_list *timer, int cpu)
{
#line KOI_LINE(1264, 1353) "kernel/time/timer.c"
	if (WARN_ON_ONCE(timer_pending(timer)))
		return;
	koi_mod_timer(timer, timer->expires, 0, cpu);
}

void add_timer_local(struct timer_list *timer)
{
#line KOI_LINE(0, 1310) "kernel/time/timer.c"
	if (WARN_ON_ONCE(timer_pending(timer)))
		return;
	timer->flags |= TIMER_PINNED;
	koi_mod_timer(timer, timer->expires, 0, -1);
}

void add_timer_global(struct timer_list *timer)
{
#line KOI_LINE(0, 1327) "kernel/time/timer.c"
	if (WARN_ON_ONCE(timer_pending(timer)))
		return;
	timer->flags &= ~TIMER_PINNED;
	koi_mod_timer(timer, timer->expires, 0, -1);
}

static int koi_delete(struct timer_list *timer, bool shutdown)
{
	struct koi_timer_base *base;
	unsigned long flags;
	bool was;

	if (!timer_pending(timer) && !shutdown) {
		koi_charge();
		return 0;
	}
	base = koi_lock_base(timer, &flags);
	was = koi_detach_timer(base, timer);
	if (shutdown)
		timer->function = NULL;
	raw_spin_unlock_irqrestore(&base->lock, flags);
	if (was >= 0)
		koi_hb_acquire(base);
	return was;
}

/* -1: its callback runs on another CPU, or right here. */
static int koi_try_delete(struct timer_list *timer, bool shutdown)
{
	struct koi_timer_base *base;
	unsigned long flags;
	int was = -1;

	base = koi_lock_base(timer, &flags);
	if (base->running != timer)
		was = koi_detach_timer(base, timer);
	if (shutdown)
		timer->function = NULL;
	raw_spin_unlock_irqrestore(&base->lock, flags);
	if (was >= 0)
		koi_hb_acquire(base);
	return was;
}

static noinline int koi_delete_sync(struct timer_list *timer, bool shutdown)
{
	unsigned long flags;
	int was;

	if (koi_calls_module(timer->function)) {
		local_irq_save(flags);
		koi_map_touch(timer);
		local_irq_restore(flags);
	}

#line KOI_LINE(1564, 1658) "kernel/time/timer.c"
	WARN_ON(in_hardirq() && !(timer->flags & TIMER_IRQSAFE));
	while ((was = koi_try_delete(timer, shutdown)) < 0)
		koi_spin_wait(timer);
	return was;
}

int timer_delete(struct timer_list *timer)
{
	return koi_delete(timer, false);
}

int timer_shutdown(struct timer_list *timer)
{
	return koi_delete(timer, true);
}

int try_to_del_timer_sync(struct timer_list *timer)
{
	return koi_try_delete(timer, false);
}

int timer_delete_sync(struct timer_list *timer)
{
	return koi_delete_sync(timer, false);
}

int timer_shutdown_sync(struct timer_list *timer)
{
	return koi_delete_sync(timer, true);
}

/* The older names, exported by early 6.1 kernels. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#undef del_timer
#undef del_timer_sync
int koi_del_timer(struct timer_list *timer) __asm__("del_timer");
int koi_del_timer(struct timer_list *timer)
{
	return koi_delete(timer, false);
}

int koi_del_timer_sync(struct timer_list *timer) __asm__("del_timer_sync");
int koi_del_timer_sync(struct timer_list *timer)
{
	return koi_delete_sync(timer, false);
}
#endif

/* ---- expiry: TIMER_SOFTIRQ ---- */
static noinline void koi_call_timer(struct koi_timer_base *base, struct timer_list *timer)
{
	void (*function)(struct timer_list *) = timer->function;
	bool irqsafe = timer->flags & TIMER_IRQSAFE;
	struct koi_balance before;
	int count = preempt_count();

	base->running = timer;
	koi_unlink_timer(timer, true);
#line KOI_LINE(1739, 1833) "kernel/time/timer.c"
	if (WARN_ON_ONCE(!function)) {
		base->running = NULL;
		return;
	}
	if (irqsafe)
		raw_spin_unlock(&base->lock);
	else
		raw_spin_unlock_irq(&base->lock);
	count = preempt_count();
	before = koi_balance();
	koi_hb_acquire(timer);
	if (koi_calls_module(function)) {
		/* The callback may free its timer. */
		koi_map_acquire(timer);
		function(timer);
		koi_map_release(timer);
	} else {
		function(timer);
	}
	koi_hb_release(base);
	if (count != preempt_count()) {
#line KOI_LINE(1707, 1801) "kernel/time/timer.c"
		WARN_ONCE(1, "timer: %pS preempt leak: %08x -> %08x\n", function, count, preempt_count());
		preempt_count_set(count);
	}
	koi_check_balance(before, "timer function", function);
	if (irqsafe)
		raw_spin_lock(&base->lock);
	else
		raw_spin_lock_irq(&base->lock);
	base->running = NULL;
}

static void koi_run_timers(void)
{
	struct koi_timer_base *base = this_cpu_ptr(&koi_timer_bases);
	unsigned int level, slot;
	unsigned long next;

	raw_spin_lock_irq(&base->lock);
	while ((next = koi_next_expiry(base)) != TIMER_NEVER && time_after_eq(READ_ONCE(jiffies), next)) {
		struct hlist_head due[WHEEL_LEVELS] = { };

		for_each_set_bit(slot, base->used, WHEEL_SIZE) {
			if (base->expiry[slot] != next)
				continue;
			hlist_move_list(&base->buckets[slot], &due[slot / WHEEL_SLOTS]);
			__clear_bit(slot, base->used);
		}
		base->clk = next + 1;
		for (level = WHEEL_LEVELS; level-- > 0;) {
			while (!hlist_empty(&due[level]))
				koi_call_timer(base, hlist_entry(due[level].first, struct timer_list, entry));
		}
	}
	raw_spin_unlock_irq(&base->lock);
	koi_program_event(raw_smp_processor_id());
}

/* ---- sleeping with a timer ---- */
struct koi_sleeper {
	struct timer_list timer;
	struct task_struct *task;
};

static void koi_sleep_over(struct timer_list *timer)
{
	struct koi_sleeper *sleeper = container_of(timer, struct koi_sleeper, timer);

	wake_up_process(sleeper->task);
}

signed long schedule_timeout(signed long timeout)
{
	struct koi_sleeper sleeper;
	unsigned long end;

	if (timeout == MAX_SCHEDULE_TIMEOUT) {
		schedule();
		return timeout;
	}
	if (timeout < 0) {
		printk(KERN_ERR "schedule_timeout: wrong timeout value %lx\n", timeout);
		dump_stack();
		__set_current_state(TASK_RUNNING);
		return 0;
	}
	end = timeout + READ_ONCE(jiffies);
	sleeper.task = current;
	timer_setup_on_stack(&sleeper.timer, koi_sleep_over, 0);
	koi_mod_timer(&sleeper.timer, end, 0, -1);
	schedule();
	timer_delete_sync(&sleeper.timer);
	destroy_timer_on_stack(&sleeper.timer);
	timeout = end - READ_ONCE(jiffies);
	return timeout < 0 ? 0 : timeout;
}

/* These jump to schedule_timeout(), as the kernel's do: they are no frames in a call trace. */
#define KOI_TAIL_CALL __attribute__((optimize("optimize-sibling-calls")))

KOI_TAIL_CALL signed long schedule_timeout_interruptible(signed long timeout)
{
	__set_current_state(TASK_INTERRUPTIBLE);
	return schedule_timeout(timeout);
}

KOI_TAIL_CALL signed long schedule_timeout_killable(signed long timeout)
{
	__set_current_state(TASK_KILLABLE);
	return schedule_timeout(timeout);
}

KOI_TAIL_CALL signed long schedule_timeout_uninterruptible(signed long timeout)
{
	__set_current_state(TASK_UNINTERRUPTIBLE);
	return schedule_timeout(timeout);
}

KOI_TAIL_CALL signed long schedule_timeout_idle(signed long timeout)
{
	__set_current_state(TASK_IDLE);
	return schedule_timeout(timeout);
}

long io_schedule_timeout(long timeout)
{
	return schedule_timeout(timeout);
}

/* Until 6.11 msleep() added a jiffy of its own. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
#define KOI_MSLEEP_EXTRA 0
#else
#define KOI_MSLEEP_EXTRA 1
#endif

void msleep(unsigned int msecs)
{
	unsigned long timeout = msecs_to_jiffies(msecs) + KOI_MSLEEP_EXTRA;

	while (timeout)
		timeout = schedule_timeout_uninterruptible(timeout);
}

unsigned long msleep_interruptible(unsigned int msecs)
{
	unsigned long timeout = msecs_to_jiffies(msecs) + KOI_MSLEEP_EXTRA;

	while (timeout && !signal_pending(current))
		timeout = schedule_timeout_interruptible(timeout);
	return jiffies_to_msecs(timeout);
}

static void koi_timers_init(unsigned int cpu)
{
	struct koi_timer_base *base = per_cpu_ptr(&koi_timer_bases, cpu);

	raw_spin_lock_init(&base->lock);
	base->clk = INITIAL_JIFFIES;
}
