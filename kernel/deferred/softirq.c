// SPDX-License-Identifier: GPL-2.0-only
/* Soft interrupts: run on the way out of an interrupt, when bottom halves are allowed again, or by ksoftirqd. */

static void koi_rcu_softirq(void);
static void koi_run_tasklets(void);
static void koi_run_bh_pool(int high);
static void koi_run_hi_tasklets(void);
static struct task_struct *koi_start_thread(const char *comm, int cpu, int pid, int (*fn)(void *), void *data);
static DEFINE_PER_CPU(struct task_struct *, koi_ksoftirqd);

static void koi_irq_enter(void)
{
	preempt_count_add(HARDIRQ_OFFSET);
}

static void koi_call_softirq(unsigned int nr)
{
	switch (nr) {
	case HI_SOFTIRQ:
		koi_run_hi_tasklets();
		break;
	case TIMER_SOFTIRQ:
		koi_run_timers();
		break;
	case TASKLET_SOFTIRQ:
		koi_run_tasklets();
		break;
	case HRTIMER_SOFTIRQ:
		koi_hrtimer_softirq();
		break;
	case RCU_SOFTIRQ:
		koi_rcu_softirq();
		break;
	}
}

static const char *const koi_softirq_names[NR_SOFTIRQS] = {
	"HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED", "HRTIMER", "RCU"
};

static int koi_ksoftirqd_fn(void *unused);

static void koi_wake_ksoftirqd(void)
{
	struct task_struct **mine = this_cpu_ptr(&koi_ksoftirqd);
	unsigned int cpu = raw_smp_processor_id();
	char comm[TASK_COMM_LEN];

	if (*mine) {
		wake_up_process(*mine);
		return;
	}
	snprintf(comm, sizeof(comm), "ksoftirqd/%u", cpu);
	*mine = koi_start_thread(comm, cpu, cpu == 0 ? 14 : cpu == 1 ? 21 : 0, koi_ksoftirqd_fn, NULL);
}

/* Interrupts are off; they are on while a handler runs. */
#define KOI_SOFTIRQ_ROUNDS 10
static void koi_do_softirq(void)
{
	unsigned int *waiting = this_cpu_ptr(&koi_softirq_pending);
	int rounds = KOI_SOFTIRQ_ROUNDS;

	preempt_count_add(SOFTIRQ_OFFSET);
	while (*waiting && rounds--) {
		unsigned int now = *waiting, nr;

		*waiting = 0;
		local_irq_enable();
		for (nr = 0; nr < NR_SOFTIRQS; nr++) {
			int count = preempt_count();

			if (!(now & 1 << nr))
				continue;
			__this_cpu_inc(kstat.softirqs[nr]);
			koi_call_softirq(nr);
			if (unlikely(count != preempt_count())) {
				pr_err("huh, entered softirq %u %s %p with preempt_count %08x, exited with %08x?\n", nr,
				       koi_softirq_names[nr], koi_call_softirq, count, preempt_count());
				preempt_count_set(count);
			}
		}
		local_irq_disable();
	}
	preempt_count_sub(SOFTIRQ_OFFSET);
	if (*waiting)
		koi_wake_ksoftirqd();
}

static void koi_irq_exit(void)
{
	preempt_count_sub(HARDIRQ_OFFSET);
	if (!in_interrupt() && *this_cpu_ptr(&koi_softirq_pending)) {
		koi_do_softirq();
		local_irq_disable();
	}
}

/* The tick itself only counts (timers have events of their own); what was raised before it runs on its way out. */
void koi_tick_interrupt(void);
void koi_tick_interrupt(void)
{
	koi_count_irq(timer);
	koi_account_tick();
	koi_irq_enter();
	koi_irq_exit();
}

/* Interrupts are off. */
static void koi_raise(unsigned int nr)
{
	*this_cpu_ptr(&koi_softirq_pending) |= 1U << nr;
	if (!in_interrupt())
		koi_wake_ksoftirqd();
}

static int koi_ksoftirqd_fn(void *unused)
{
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (!*this_cpu_ptr(&koi_softirq_pending))
			schedule();
		__set_current_state(TASK_RUNNING);
		local_irq_disable();
		if (*this_cpu_ptr(&koi_softirq_pending))
			koi_do_softirq();
		local_irq_enable();
		cond_resched();
	}
	return 0;
}

/* ---- bottom halves off and on ---- */
void __local_bh_enable_ip(unsigned long ip, unsigned int cnt)
{
#line KOI_LINE(400, 386) "kernel/softirq.c"
	WARN_ON_ONCE(in_hardirq());
	/* lockdep_assert_irqs_enabled() */
#line KOI_LINE(401, 387) "kernel/softirq.c"
	WARN_ON_ONCE(koi_checks_on && irqs_disabled());
	preempt_count_sub(cnt - 1);
	if (unlikely(!in_interrupt() && *this_cpu_ptr(&koi_softirq_pending))) {
		unsigned long flags;

		local_irq_save(flags);
		koi_do_softirq();
		local_irq_restore(flags);
	}
	preempt_count_dec();
	koi_charge();
}

void _local_bh_enable(void)
{
#line KOI_LINE(393, 379) "kernel/softirq.c"
	WARN_ON_ONCE(in_hardirq());
	preempt_count_sub(SOFTIRQ_DISABLE_OFFSET);
}

/* ---- tasklets ---- */
struct koi_tasklets {
	struct tasklet_struct *first;
	struct tasklet_struct **last;
};
static DEFINE_PER_CPU(struct koi_tasklets, koi_tasklet_list);
static DEFINE_PER_CPU(struct koi_tasklets, koi_hi_tasklet_list);

static void koi_queue_tasklet(struct tasklet_struct *t, struct koi_tasklets *list, unsigned int nr)
{
	unsigned long flags;

	koi_hb_release(t);
	local_irq_save(flags);
	t->next = NULL;
	if (!list->first)
		list->last = &list->first;
	*list->last = t;
	list->last = &t->next;
	koi_raise(nr);
	local_irq_restore(flags);
}

void __tasklet_schedule(struct tasklet_struct *t)
{
	koi_queue_tasklet(t, this_cpu_ptr(&koi_tasklet_list), TASKLET_SOFTIRQ);
}

void __tasklet_hi_schedule(struct tasklet_struct *t)
{
	koi_queue_tasklet(t, this_cpu_ptr(&koi_hi_tasklet_list), HI_SOFTIRQ);
}

static void koi_tasklet_call(struct tasklet_struct *t)
{
	const void *function = t->use_callback ? (void *)t->callback : (void *)t->func;
	struct koi_balance before = koi_balance();

	koi_hb_acquire(t);
	if (t->use_callback)
		t->callback(t);
	else
		t->func(t->data);
	koi_hb_release(t);
	/* The softirq's own check is about the count. */
	before.count = preempt_count();
	koi_check_balance(before, "tasklet", function);
}

static noinline void koi_tasklet_action(struct koi_tasklets *list, unsigned int nr)
{
	struct tasklet_struct *t, *next;

	local_irq_disable();
	t = list->first;
	list->first = NULL;
	local_irq_enable();
	for (; t; t = next) {
		next = t->next;
		if (tasklet_trylock(t)) {
			if (!atomic_read(&t->count)) {
				if (!test_and_clear_bit(TASKLET_STATE_SCHED, &t->state))
#line KOI_LINE(798, 781) "kernel/softirq.c"
					WARN_ONCE(1, "tasklet SCHED state not set: %s %pS\n",
						  t->use_callback ? "callback" : "func",
						  t->use_callback ? (void *)t->callback : (void *)t->func);
				else
					wake_up_var(&t->state);
				koi_tasklet_call(t);
				tasklet_unlock(t);
				continue;
			}
			tasklet_unlock(t);
		}
		koi_queue_tasklet(t, list, nr);
	}
}

static void koi_run_tasklets(void)
{
	koi_run_bh_pool(0);
	koi_tasklet_action(this_cpu_ptr(&koi_tasklet_list), TASKLET_SOFTIRQ);
}

static void koi_run_hi_tasklets(void)
{
	koi_run_bh_pool(1);
	koi_tasklet_action(this_cpu_ptr(&koi_hi_tasklet_list), HI_SOFTIRQ);
}

void tasklet_setup(struct tasklet_struct *t, void (*callback)(struct tasklet_struct *))
{
	t->next = NULL;
	t->state = 0;
	atomic_set(&t->count, 0);
	t->callback = callback;
	t->use_callback = true;
	t->data = 0;
}

void tasklet_init(struct tasklet_struct *t, void (*func)(unsigned long), unsigned long data)
{
	t->next = NULL;
	t->state = 0;
	atomic_set(&t->count, 0);
	t->func = func;
	t->use_callback = false;
	t->data = data;
}

void tasklet_unlock(struct tasklet_struct *t)
{
	smp_mb__before_atomic();
	clear_bit(TASKLET_STATE_RUN, &t->state);
	smp_mb__after_atomic();
	wake_up_var(&t->state);
}

void tasklet_unlock_wait(struct tasklet_struct *t)
{
	wait_var_event(&t->state, !test_bit(TASKLET_STATE_RUN, &t->state));
}

void tasklet_unlock_spin_wait(struct tasklet_struct *t)
{
	while (test_bit(TASKLET_STATE_RUN, &t->state))
		koi_spin_wait(t);
}

void tasklet_kill(struct tasklet_struct *t)
{
	if (in_interrupt())
		pr_notice("Attempt to kill tasklet from interrupt\n");
	wait_var_event(&t->state, !test_and_set_bit(TASKLET_STATE_SCHED, &t->state));
	tasklet_unlock_wait(t);
	koi_hb_acquire(t);
	clear_bit(TASKLET_STATE_SCHED, &t->state);
	wake_up_var(&t->state);
}
