// SPDX-License-Identifier: GPL-2.0-only
/* High-resolution timers: queues by expiry for each CPU and clock, in the real structures. */

static DEFINE_PER_CPU(struct hrtimer_cpu_base, hrtimer_bases);

static ktime_t koi_get_real(void)
{
	return ktime_get_with_offset(TK_OFFS_REAL);
}

static ktime_t koi_get_boot(void)
{
	return ktime_get_with_offset(TK_OFFS_BOOT);
}

static ktime_t koi_get_tai(void)
{
	return ktime_get_with_offset(TK_OFFS_TAI);
}

static const struct {
	clockid_t clock;
	ktime_t (*get_time)(void);
	ktime_t offset;
} koi_hrtimer_clocks[HRTIMER_BASE_MONOTONIC_SOFT] = {
	[HRTIMER_BASE_MONOTONIC] = { CLOCK_MONOTONIC, ktime_get, 0 },
	[HRTIMER_BASE_REALTIME] = { CLOCK_REALTIME, koi_get_real, KOI_BOOT_EPOCH_NS },
	[HRTIMER_BASE_BOOTTIME] = { CLOCK_BOOTTIME, koi_get_boot, 0 },
	[HRTIMER_BASE_TAI] = { CLOCK_TAI, koi_get_tai, KOI_BOOT_EPOCH_NS },
};

static void koi_hrtimers_init(unsigned int cpu)
{
	struct hrtimer_cpu_base *cpu_base = per_cpu_ptr(&hrtimer_bases, cpu);
	int i;

	raw_spin_lock_init(&cpu_base->lock);
	cpu_base->cpu = cpu;
	cpu_base->hres_active = 1;
	cpu_base->online = 1;
	for (i = 0; i < HRTIMER_MAX_CLOCK_BASES; i++) {
		struct hrtimer_clock_base *base = &cpu_base->clock_base[i];

		base->cpu_base = cpu_base;
		base->index = i;
		base->clockid = koi_hrtimer_clocks[i % HRTIMER_BASE_MONOTONIC_SOFT].clock;
		base->get_time = koi_hrtimer_clocks[i % HRTIMER_BASE_MONOTONIC_SOFT].get_time;
		base->offset = koi_hrtimer_clocks[i % HRTIMER_BASE_MONOTONIC_SOFT].offset;
		seqcount_raw_spinlock_init(&base->seq, &cpu_base->lock);
		timerqueue_init_head(&base->active);
	}
}

static int koi_clock_base_index(clockid_t clock)
{
	switch (clock) {
	case CLOCK_REALTIME:
		return HRTIMER_BASE_REALTIME;
	case CLOCK_BOOTTIME:
		return HRTIMER_BASE_BOOTTIME;
	case CLOCK_TAI:
		return HRTIMER_BASE_TAI;
	default:
		return HRTIMER_BASE_MONOTONIC;
	}
}

static void koi_hrtimer_init(struct hrtimer *timer, clockid_t clock, enum hrtimer_mode mode)
{
	bool soft = mode & HRTIMER_MODE_SOFT;
	int index;

	memset(timer, 0, sizeof(*timer));
	if (clock == CLOCK_REALTIME && (mode & HRTIMER_MODE_REL))
		clock = CLOCK_MONOTONIC;
	index = koi_clock_base_index(clock) + (soft ? HRTIMER_BASE_MONOTONIC_SOFT : 0);
	timer->is_soft = soft;
	timer->is_hard = !!(mode & HRTIMER_MODE_HARD);
	timer->base = &this_cpu_ptr(&hrtimer_bases)->clock_base[index];
	timerqueue_init(&timer->node);
}

void hrtimer_init(struct hrtimer *timer, clockid_t clock, enum hrtimer_mode mode)
{
	koi_hrtimer_init(timer, clock, mode);
}

/* ---- the next event of a CPU ---- */
static ktime_t koi_hrtimers_next(struct hrtimer_cpu_base *cpu_base, bool soft)
{
	ktime_t first = KTIME_MAX;
	int i;

	for (i = 0; i < (soft ? HRTIMER_MAX_CLOCK_BASES : HRTIMER_BASE_MONOTONIC_SOFT); i++) {
		struct hrtimer_clock_base *base = &cpu_base->clock_base[i];
		struct timerqueue_node *node = timerqueue_getnext(&base->active);

		if (node)
			first = min(first, ktime_sub(node->expires, base->offset));
	}
	return max_t(ktime_t, first, 0);
}

/* What already waits for its softirq needs no event. */
static void koi_program_event(unsigned int cpu)
{
	unsigned int raised = per_cpu(koi_softirq_pending, cpu);
	unsigned long jiffy = koi_next_expiry(per_cpu_ptr(&koi_timer_bases, cpu));
	ktime_t at = koi_hrtimers_next(per_cpu_ptr(&hrtimer_bases, cpu), !(raised & 1 << HRTIMER_SOFTIRQ));

	if (jiffy != TIMER_NEVER && !(raised & 1 << TIMER_SOFTIRQ))
		at = min_t(ktime_t, at, (jiffy - INITIAL_JIFFIES) * TICK_NSEC);
	koi_clock_event(cpu, at);
}

/* ---- arming and cancelling ---- */
static struct hrtimer_cpu_base *koi_lock_hrtimer(const struct hrtimer *timer, unsigned long *flags)
{
	struct hrtimer_cpu_base *cpu_base = timer->base->cpu_base;

	raw_spin_lock_irqsave(&cpu_base->lock, *flags);
	return cpu_base;
}

static void koi_hrtimer_dequeue(struct hrtimer *timer)
{
	if (!(timer->state & HRTIMER_STATE_ENQUEUED))
		return;
	timer->state = HRTIMER_STATE_INACTIVE;
	timerqueue_del(&timer->base->active, &timer->node);
}

void hrtimer_start_range_ns(struct hrtimer *timer, ktime_t tim, u64 delta_ns, const enum hrtimer_mode mode)
{
	struct hrtimer_cpu_base *cpu_base, *here;
	unsigned long flags;

#line KOI_LINE(1335, 1330) "kernel/time/hrtimer.c"
	if (WARN_ON_ONCE(!timer->function))
		return;
	koi_hb_release(timer);
	cpu_base = koi_lock_hrtimer(timer, &flags);
	koi_hrtimer_dequeue(timer);
	if (mode & HRTIMER_MODE_REL)
		tim = ktime_add_safe(tim, timer->base->get_time());
	hrtimer_set_expires_range_ns(timer, tim, delta_ns);
	here = this_cpu_ptr(&hrtimer_bases);
	if (cpu_base != here && timer->base->running != timer) {
		raw_spin_unlock(&cpu_base->lock);
		timer->base = &here->clock_base[timer->base->index];
		cpu_base = here;
		raw_spin_lock(&cpu_base->lock);
	}
	timer->state = HRTIMER_STATE_ENQUEUED;
	koi_note_armed(timer);
	timerqueue_add(&timer->base->active, &timer->node);
	raw_spin_unlock(&cpu_base->lock);
	koi_program_event(cpu_base->cpu);
	local_irq_restore(flags);
}

int hrtimer_try_to_cancel(struct hrtimer *timer)
{
	struct hrtimer_cpu_base *cpu_base;
	unsigned long flags;
	int was = -1;

	if (!hrtimer_active(timer)) {
		koi_hb_acquire(timer->base->cpu_base);
		return 0;
	}
	cpu_base = koi_lock_hrtimer(timer, &flags);
	if (!hrtimer_callback_running(timer)) {
		was = !!(timer->state & HRTIMER_STATE_ENQUEUED);
		koi_hrtimer_dequeue(timer);
	}
	raw_spin_unlock_irqrestore(&cpu_base->lock, flags);
	koi_hb_acquire(cpu_base);
	return was;
}

int hrtimer_cancel(struct hrtimer *timer)
{
	int was;

	while ((was = hrtimer_try_to_cancel(timer)) < 0)
		koi_spin_wait(timer);
	return was;
}

bool hrtimer_active(const struct hrtimer *timer)
{
	koi_charge();
	return timer->state != HRTIMER_STATE_INACTIVE || timer->base->running == timer;
}

ktime_t __hrtimer_get_remaining(const struct hrtimer *timer, bool adjust)
{
	return ktime_sub(timer->node.expires, timer->base->get_time());
}

/* How many whole intervals the expiry was moved by, so that it lies after `now`. */
u64 hrtimer_forward(struct hrtimer *timer, ktime_t now, ktime_t interval)
{
	ktime_t late = ktime_sub(now, hrtimer_get_expires(timer));
	u64 overruns = 1;

	if (late < 0)
		return 0;
#line KOI_LINE(1061, 1056) "kernel/time/hrtimer.c"
	if (WARN_ON(timer->state & HRTIMER_STATE_ENQUEUED))
		return 0;
	if (interval < hrtimer_resolution)
		interval = hrtimer_resolution;
	if (late >= interval) {
		overruns = ktime_divns(late, ktime_to_ns(interval));
		hrtimer_add_expires_ns(timer, ktime_to_ns(interval) * overruns);
		if (hrtimer_get_expires_tv64(timer) > now)
			return overruns;
		overruns++;
	}
	hrtimer_add_expires(timer, interval);
	return overruns;
}

/* ---- expiry ---- */
static noinline void koi_run_hrtimer(struct hrtimer_cpu_base *cpu_base, struct hrtimer *timer, unsigned long flags)
{
	struct hrtimer_clock_base *base = timer->base;
	enum hrtimer_restart (*function)(struct hrtimer *) = timer->function;
	enum hrtimer_restart answer;
	struct koi_balance before;

	base->running = timer;
	koi_hrtimer_dequeue(timer);
	raw_spin_unlock_irqrestore(&cpu_base->lock, flags);
	before = koi_balance();
	koi_hb_acquire(timer);
	answer = function(timer);
	koi_hb_release(cpu_base);
	koi_check_balance(before, "hrtimer function", function);
	raw_spin_lock_irq(&cpu_base->lock);
	if (answer != HRTIMER_NORESTART && !(timer->state & HRTIMER_STATE_ENQUEUED)) {
		timer->state = HRTIMER_STATE_ENQUEUED;
		timerqueue_add(&base->active, &timer->node);
	}
	base->running = NULL;
}

/* Runs what is due on the hard or the soft clock bases. `flags`: the interrupt state of the callbacks. */
static void koi_run_hrtimers(struct hrtimer_cpu_base *cpu_base, int first, unsigned long flags)
{
	u64 now = koi_clock_ns();
	int i;

	for (i = first; i < first + HRTIMER_BASE_MONOTONIC_SOFT; i++) {
		struct hrtimer_clock_base *base = &cpu_base->clock_base[i];
		struct timerqueue_node *node;

		while ((node = timerqueue_getnext(&base->active))) {
			struct hrtimer *timer = container_of(node, struct hrtimer, node);

			if ((s64)ktime_add(now, base->offset) < hrtimer_get_softexpires_tv64(timer))
				break;
			koi_run_hrtimer(cpu_base, timer, flags);
		}
	}
}

static bool koi_soft_hrtimers_due(struct hrtimer_cpu_base *cpu_base, u64 now)
{
	int i;

	for (i = HRTIMER_BASE_MONOTONIC_SOFT; i < HRTIMER_MAX_CLOCK_BASES; i++) {
		struct hrtimer_clock_base *base = &cpu_base->clock_base[i];
		struct timerqueue_node *node = timerqueue_getnext(&base->active);

		if (node && (s64)ktime_add(now, base->offset) >= node->expires)
			return true;
	}
	return false;
}

static noinline void koi_hrtimer_softirq(void)
{
	struct hrtimer_cpu_base *cpu_base = this_cpu_ptr(&hrtimer_bases);
	unsigned long flags;

	raw_spin_lock_irqsave(&cpu_base->lock, flags);
	koi_run_hrtimers(cpu_base, HRTIMER_BASE_MONOTONIC_SOFT, flags);
	raw_spin_unlock_irqrestore(&cpu_base->lock, flags);
	koi_program_event(raw_smp_processor_id());
}

/* ---- sleeping ---- */
static enum hrtimer_restart koi_hrtimer_wake(struct hrtimer *timer)
{
	struct hrtimer_sleeper *sleeper = container_of(timer, struct hrtimer_sleeper, timer);
	struct task_struct *task = sleeper->task;

	sleeper->task = NULL;
	if (task)
		wake_up_process(task);
	return HRTIMER_NORESTART;
}

void hrtimer_init_sleeper(struct hrtimer_sleeper *sleeper, clockid_t clock, enum hrtimer_mode mode)
{
	koi_hrtimer_init(&sleeper->timer, clock, mode);
	sleeper->timer.function = koi_hrtimer_wake;
	sleeper->task = current;
}

void hrtimer_sleeper_start_expires(struct hrtimer_sleeper *sleeper, enum hrtimer_mode mode)
{
	hrtimer_start_expires(&sleeper->timer, mode);
}

int schedule_hrtimeout_range_clock(ktime_t *expires, u64 delta, const enum hrtimer_mode mode, clockid_t clock)
{
	struct hrtimer_sleeper sleeper;

	if (expires && *expires == 0) {
		__set_current_state(TASK_RUNNING);
		return 0;
	}
	if (!expires) {
		schedule();
		return -EINTR;
	}
	hrtimer_init_sleeper_on_stack(&sleeper, clock, mode);
	hrtimer_set_expires_range_ns(&sleeper.timer, *expires, delta);
	hrtimer_sleeper_start_expires(&sleeper, mode);
	if (likely(sleeper.task))
		schedule();
	hrtimer_cancel(&sleeper.timer);
	destroy_hrtimer_on_stack(&sleeper.timer);
	__set_current_state(TASK_RUNNING);
	return !sleeper.task ? 0 : -EINTR;
}

int schedule_hrtimeout_range(ktime_t *expires, u64 delta, const enum hrtimer_mode mode)
{
	return schedule_hrtimeout_range_clock(expires, delta, mode, CLOCK_MONOTONIC);
}

int schedule_hrtimeout(ktime_t *expires, const enum hrtimer_mode mode)
{
	return schedule_hrtimeout_range(expires, 0, mode);
}

void usleep_range_state(unsigned long min, unsigned long max, unsigned int state)
{
	ktime_t end = ktime_add_us(ktime_get(), min);
	u64 delta = (u64)(max - min) * NSEC_PER_USEC;

	do {
		__set_current_state(state);
	} while (schedule_hrtimeout_range(&end, delta, HRTIMER_MODE_ABS));
}

/* ---- the interrupt ---- */
static void koi_raise(unsigned int nr);
static void koi_irq_enter(void);
static void koi_irq_exit(void);

/* C++ calls it, with interrupts off, on the stack of what the CPU runs. */
void koi_timer_interrupt(void)
{
	struct hrtimer_cpu_base *cpu_base = this_cpu_ptr(&hrtimer_bases);
	unsigned long next = koi_next_expiry(this_cpu_ptr(&koi_timer_bases));
	unsigned long flags;

	koi_count_irq(timer);
	koi_irq_enter();
	raw_spin_lock_irqsave(&cpu_base->lock, flags);
	koi_run_hrtimers(cpu_base, 0, flags);
	raw_spin_unlock_irqrestore(&cpu_base->lock, flags);
	if (next != TIMER_NEVER && time_after_eq(READ_ONCE(jiffies), next))
		koi_raise(TIMER_SOFTIRQ);
	if (koi_soft_hrtimers_due(cpu_base, koi_clock_ns()))
		koi_raise(HRTIMER_SOFTIRQ);
	koi_irq_exit();
	koi_program_event(raw_smp_processor_id());
}
