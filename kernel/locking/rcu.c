// SPDX-License-Identifier: GPL-2.0-only
/*
 * RCU: a grace period ends when every task that was inside a reader when it began has left it, and every CPU has since
 * switched, been idle, or been seen with preemption and bottom halves allowed outside a reader. Looked at once a jiffy,
 * by a timer. Callbacks run in softirq on the CPU that queued them.
 *
 * Deviation: an expedited grace period is an ordinary one.
 */

struct koi_rcu_list {
	struct rcu_head *first, **last;
};

struct koi_rcu_cpu {
	struct koi_rcu_list next, wait, done;	/* not yet covered, covered by the running grace period, to be called */
	bool passed;				/* a quiescent state since the grace period began */
};
static DEFINE_PER_CPU(struct koi_rcu_cpu, koi_rcu_cpus);
static DEFINE_RAW_SPINLOCK(koi_rcu_lock);
static struct timer_list koi_rcu_timer;
static unsigned long koi_rcu_seq;	/* odd: a grace period runs; each counts two */
static unsigned int koi_rcu_readers;	/* tasks that the running one waits for */
static unsigned long koi_rcu_started;	/* jiffies */

int rcu_scheduler_active = 2;

static void koi_rcu_append(struct koi_rcu_list *to, struct rcu_head *head)
{
	head->next = NULL;
	if (!to->first)
		to->last = &to->first;
	*to->last = head;
	to->last = &head->next;
}

static void koi_rcu_move(struct koi_rcu_list *from, struct koi_rcu_list *to)
{
	if (!from->first)
		return;
	if (!to->first)
		to->last = &to->first;
	*to->last = from->first;
	to->last = from->last;
	from->first = NULL;
}

/* ---- readers ---- */
void __rcu_read_lock(void)
{
	current->rcu_read_lock_nesting++;
	barrier();
}

void __rcu_read_unlock(void)
{
	struct task_struct *t = current;

	barrier();
	if (--t->rcu_read_lock_nesting == 0 && unlikely(t->rcu_read_unlock_special.b.blocked)) {
		t->rcu_read_unlock_special.b.blocked = false;
		koi_rcu_readers--;
	}
	koi_charge();
}

/* The running CPU switches tasks. */
noinline void rcu_note_context_switch(bool preempt)
{
	this_cpu_ptr(&koi_rcu_cpus)->passed = true;
	if (!preempt)
		current->rcu_tasks_holdout = false;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#line 331 "kernel/rcu/tree_plugin.h"
	WARN_ONCE(!preempt && rcu_preempt_depth() > 0, "Voluntary context switch within RCU read-side critical section!");
#else
#line 320 "kernel/rcu/tree_plugin.h"
	WARN_ONCE(!preempt && rcu_preempt_depth() > 0, "Voluntary context switch within RCU read-side critical section!");
#endif
#line 78 "rcu.c"
}

bool rcu_is_watching(void)
{
	return true;
}

/* ---- grace periods ---- */
static bool koi_rcu_cpu_quiet(unsigned int cpu)
{
	struct koi_rcu_cpu *c = per_cpu_ptr(&koi_rcu_cpus, cpu);
	unsigned long area = __per_cpu_offset[cpu];
	struct task_struct *running = koi_running_on(area);
	int count = *koi_preempt_count_of(area) & ~PREEMPT_NEED_RESCHED;

	if (c->passed || is_idle_task(running))
		return true;
	/* The timer's own softirq interrupts this CPU's task. */
	if (cpu == raw_smp_processor_id())
		count -= in_serving_softirq() ? SOFTIRQ_OFFSET : 0;
	return running->rcu_read_lock_nesting == 0 && !(count & (PREEMPT_MASK | SOFTIRQ_MASK));
}

static void koi_rcu_mark(struct task_struct *t)
{
	if (t->rcu_read_lock_nesting <= 0 || t->rcu_read_unlock_special.b.blocked)
		return;
	t->rcu_read_unlock_special.b.blocked = true;
	koi_rcu_readers++;
}

/* koi_rcu_lock is held. */
static void koi_rcu_begin(void)
{
	struct task_struct *t;
	unsigned int cpu;
	bool any = false;

	for_each_online_cpu(cpu)
		any |= per_cpu_ptr(&koi_rcu_cpus, cpu)->next.first != NULL;
	if ((koi_rcu_seq & 1) || !any)
		return;
	koi_rcu_seq++;
	koi_rcu_started = jiffies;
	for_each_online_cpu(cpu) {
		struct koi_rcu_cpu *c = per_cpu_ptr(&koi_rcu_cpus, cpu);

		c->passed = false;
		koi_rcu_move(&c->next, &c->wait);
	}
	list_for_each_entry(t, &init_task.tasks, tasks)
		koi_rcu_mark(t);
}

static bool koi_rcu_over(void)
{
	unsigned int cpu;

	if (koi_rcu_readers)
		return false;
	for_each_online_cpu(cpu) {
		if (!koi_rcu_cpu_quiet(cpu))
			return false;
		per_cpu_ptr(&koi_rcu_cpus, cpu)->passed = true;
	}
	return true;
}

static void koi_rcu_look(struct timer_list *unused)
{
	unsigned long flags;
	unsigned int cpu;

	raw_spin_lock_irqsave(&koi_rcu_lock, flags);
	if ((koi_rcu_seq & 1) && koi_rcu_over()) {
		koi_rcu_seq++;
		for_each_online_cpu(cpu) {
			struct koi_rcu_cpu *c = per_cpu_ptr(&koi_rcu_cpus, cpu);

			koi_rcu_move(&c->wait, &c->done);
			if (!c->done.first)
				continue;
			if (cpu == raw_smp_processor_id())
				koi_raise(RCU_SOFTIRQ);
			else
				koi_interrupt_cpu(cpu);
		}
		koi_rcu_begin();
	}
	if (koi_rcu_seq & 1)
		mod_timer(&koi_rcu_timer, jiffies + 1);
	raw_spin_unlock_irqrestore(&koi_rcu_lock, flags);
}

/* Part of every inter-processor interrupt. */
static void koi_rcu_ipi(void)
{
	if (this_cpu_ptr(&koi_rcu_cpus)->done.first)
		koi_raise(RCU_SOFTIRQ);
}

/* kvfree_rcu(): instead of a function there is the head's offset in the object, or the object itself. */
#define KOI_KVFREE_OFFSETS 4096
static noinline void koi_rcu_call(struct rcu_head *head)
{
	rcu_callback_t func = head->func;
	struct koi_balance before = koi_balance();

	koi_hb_grace_period();
	if ((unsigned long)func < KOI_KVFREE_OFFSETS)
		kvfree((void *)head - (unsigned long)func);
	else
		func(head);
	/* The softirq's own check is about the count. */
	before.count = preempt_count();
	koi_check_balance(before, "RCU callback", func);
}

static void koi_rcu_softirq(void)
{
	struct koi_rcu_cpu *c = this_cpu_ptr(&koi_rcu_cpus);
	struct rcu_head *head, *next;

	local_irq_disable();
	head = c->done.first;
	c->done.first = NULL;
	local_irq_enable();
	for (; head; head = next) {
		next = head->next;
		koi_rcu_call(head);
	}
}

void call_rcu(struct rcu_head *head, rcu_callback_t func)
{
	unsigned long flags;

#line KOI_LINE(2828, 3077) "kernel/rcu/tree.c"
	WARN_ON_ONCE((unsigned long)head & (sizeof(void *) - 1));
	head->func = func;
	raw_spin_lock_irqsave(&koi_rcu_lock, flags);
	koi_rcu_append(&this_cpu_ptr(&koi_rcu_cpus)->next, head);
	koi_rcu_begin();
	if (!timer_pending(&koi_rcu_timer))
		mod_timer(&koi_rcu_timer, jiffies + 1);
	raw_spin_unlock_irqrestore(&koi_rcu_lock, flags);
}

void call_rcu_hurry(struct rcu_head *head, rcu_callback_t func)
{
	call_rcu(head, func);
}

struct koi_rcu_object {
	struct rcu_head head;
	void *object;
};

static void koi_rcu_free_object(struct rcu_head *head)
{
	struct koi_rcu_object *o = container_of(head, struct koi_rcu_object, head);

	kvfree(o->object);
	kfree(o);
}

static void koi_kvfree_call(struct rcu_head *head, void *object)
{
	struct koi_rcu_object *o;

	if (head) {
		call_rcu(head, (rcu_callback_t)((void *)head - object));
		return;
	}
	might_sleep();
	o = kmalloc(sizeof(*o), GFP_KERNEL);
	if (o) {
		o->object = object;
		call_rcu(&o->head, koi_rcu_free_object);
		return;
	}
	synchronize_rcu();
	kvfree(object);
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
void kvfree_call_rcu(struct rcu_head *head, void *ptr)
{
	koi_kvfree_call(head, ptr);
}
#else
void kvfree_call_rcu(struct rcu_head *head, rcu_callback_t func)
{
	koi_kvfree_call(head, head ? (void *)head - (unsigned long)func : (void *)func);
}
#endif

struct koi_rcu_wait {
	struct rcu_head head;
	struct completion done;
};

static void koi_rcu_wake(struct rcu_head *head)
{
	complete(&container_of(head, struct koi_rcu_wait, head)->done);
}

/* The kernel's RCU_LOCKDEP_WARN() of the functions that wait for readers: a reader would wait for itself. */
#define KOI_NO_READER(file, line, function) do {							\
	static bool warned;										\
													\
	if (unlikely(rcu_preempt_depth()) && koi_checks_on && !warned) {				\
		warned = true;										\
		koi_lockdep_suspicious_rcu(file, line, "Illegal " function " read-side critical section");\
	}												\
} while (0)

static void koi_wait_for_readers(void)
{
	struct koi_rcu_wait wait;

	init_completion(&wait.done);
	call_rcu(&wait.head, koi_rcu_wake);
	wait_for_completion(&wait.done);
}

void synchronize_rcu(void)
{
	KOI_NO_READER("kernel/rcu/tree.c", KOI_LINE(3574, 4113), "synchronize_rcu() in RCU");
	koi_wait_for_readers();
}

void synchronize_rcu_expedited(void)
{
	KOI_NO_READER("kernel/rcu/tree_exp.h", KOI_LINE(929, 946), "synchronize_rcu_expedited() in RCU");
	koi_wait_for_readers();
}

/* Callbacks of one CPU run in order; so one more behind the last of each. */
static void koi_rcu_barrier_call(void *info)
{
	struct koi_rcu_wait *waits = info;

	call_rcu(&waits[raw_smp_processor_id()].head, koi_rcu_wake);
}

void rcu_barrier(void)
{
	struct koi_rcu_wait *waits = kcalloc(nr_cpu_ids, sizeof(*waits), GFP_KERNEL);
	unsigned int cpu;

	if (!waits) {
		synchronize_rcu();
		return;
	}
	for_each_online_cpu(cpu)
		init_completion(&waits[cpu].done);
	on_each_cpu(koi_rcu_barrier_call, waits, 1);
	for_each_online_cpu(cpu)
		wait_for_completion(&waits[cpu].done);
	kfree(waits);
}

void kvfree_rcu_barrier(void)
{
	rcu_barrier();
}

/* ---- polling ---- */
unsigned long get_state_synchronize_rcu(void)
{
	return (READ_ONCE(koi_rcu_seq) + 3) & ~1UL;
}

static void koi_rcu_poll_done(struct rcu_head *head)
{
	kfree(head);
}

unsigned long start_poll_synchronize_rcu(void)
{
	unsigned long state = get_state_synchronize_rcu();
	struct rcu_head *head = kmalloc(sizeof(*head), GFP_ATOMIC);

	if (head)
		call_rcu(head, koi_rcu_poll_done);
	return state;
}

bool poll_state_synchronize_rcu(unsigned long old)
{
	koi_charge();
	return (long)(READ_ONCE(koi_rcu_seq) - old) >= 0;
}

void cond_synchronize_rcu(unsigned long old)
{
	if (!poll_state_synchronize_rcu(old))
		synchronize_rcu();
}

unsigned long get_completed_synchronize_rcu(void)
{
	return READ_ONCE(koi_rcu_seq) & ~1UL;
}

void rcu_force_quiescent_state(void)
{
}

void get_state_synchronize_rcu_full(struct rcu_gp_oldstate *old)
{
	old->rgos_norm = old->rgos_exp = get_state_synchronize_rcu();
}

void start_poll_synchronize_rcu_full(struct rcu_gp_oldstate *old)
{
	old->rgos_norm = old->rgos_exp = start_poll_synchronize_rcu();
}

bool poll_state_synchronize_rcu_full(struct rcu_gp_oldstate *old)
{
	return poll_state_synchronize_rcu(old->rgos_norm);
}

void cond_synchronize_rcu_full(struct rcu_gp_oldstate *old)
{
	cond_synchronize_rcu(old->rgos_norm);
}

void get_completed_synchronize_rcu_full(struct rcu_gp_oldstate *old)
{
	old->rgos_norm = old->rgos_exp = get_completed_synchronize_rcu();
}

/* Every grace period takes its ordinary time. */
void rcu_expedite_gp(void)
{
}

void rcu_unexpedite_gp(void)
{
}

void wakeme_after_rcu(struct rcu_head *head)
{
	complete(&container_of(head, struct rcu_synchronize, head)->completion);
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
void __wait_rcu_gp(bool checktiny, unsigned int state, int n, call_rcu_func_t *calls, struct rcu_synchronize *waits)
#else
void __wait_rcu_gp(bool checktiny, int n, call_rcu_func_t *calls, struct rcu_synchronize *waits)
#endif
{
	int i;

	for (i = 0; i < n; i++) {
		init_completion(&waits[i].completion);
		calls[i](&waits[i].head, wakeme_after_rcu);
	}
	for (i = 0; i < n; i++)
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
		wait_for_completion_state(&waits[i].completion, state);
#else
		wait_for_completion(&waits[i].completion);
#endif
}

/* ---- SRCU: its own counters, hung on the structure's pointer to per-CPU data ---- */
struct koi_srcu {
	unsigned long readers[2];
	unsigned long seq;	/* odd: a grace period runs; each counts two */
	unsigned int index;
	struct mutex lock;
	wait_queue_head_t drained;
};

static struct koi_srcu *koi_srcu_of(struct srcu_struct *s)
{
	struct koi_srcu *mine = (void __force *)READ_ONCE(s->sda);

	if (mine)
		return mine;
	mine = kzalloc(sizeof(*mine), GFP_ATOMIC);
	if (!mine)
		koi_unsupported("an srcu_struct when memory has run out");
	mutex_init(&mine->lock);
	init_waitqueue_head(&mine->drained);
	s->sda = (void __percpu __force *)mine;
	return mine;
}

int init_srcu_struct(struct srcu_struct *s)
{
	memset(s, 0, sizeof(*s));
	koi_srcu_of(s);
	return 0;
}

void cleanup_srcu_struct(struct srcu_struct *s)
{
	struct koi_srcu *mine = koi_srcu_of(s);

#line KOI_LINE(600, 656) "kernel/rcu/srcutree.c"
	if (WARN_ON(mine->readers[0] || mine->readers[1]))
		return;
	s->sda = NULL;
	kfree(mine);
}

int __srcu_read_lock(struct srcu_struct *s)
{
	struct koi_srcu *mine = koi_srcu_of(s);
	int index = mine->index & 1;

	mine->readers[index]++;
	return index;
}

void __srcu_read_unlock(struct srcu_struct *s, int index)
{
	struct koi_srcu *mine = koi_srcu_of(s);

	koi_hb_release(s);
	if (--mine->readers[index] == 0)
		wake_up(&mine->drained);
}

void synchronize_srcu(struct srcu_struct *s)
{
	struct koi_srcu *mine = koi_srcu_of(s);
	int round;

	KOI_NO_READER("kernel/rcu/srcutree.c", KOI_LINE(1230, 1388), "synchronize_srcu() in same-type SRCU (or in RCU)");
	koi_might_sleep("kernel/rcu/srcutree.c", KOI_LINE(1238, 1396));
	/* Twice, so that a reader that read the index before the first turn is waited for. */
	mutex_lock(&mine->lock);
	mine->seq++;
	for (round = 0; round < 2; round++) {
		int old = mine->index++ & 1;

		wait_event(mine->drained, mine->readers[old] == 0);
	}
	mine->seq++;
	mutex_unlock(&mine->lock);
	koi_hb_acquire(s);
}

void synchronize_srcu_expedited(struct srcu_struct *s)
{
	synchronize_srcu(s);
}

struct koi_srcu_call {
	struct work_struct work;
	struct srcu_struct *s;
	struct rcu_head *head;
};

static void koi_srcu_work(struct work_struct *work)
{
	struct koi_srcu_call *call = container_of(work, struct koi_srcu_call, work);
	struct rcu_head *head = call->head;

	synchronize_srcu(call->s);
	kfree(call);
	local_bh_disable();
	head->func(head);
	local_bh_enable();
}

static struct workqueue_struct *koi_srcu_wq(void);

void call_srcu(struct srcu_struct *s, struct rcu_head *head, rcu_callback_t func)
{
	struct koi_srcu_call *call = kmalloc(sizeof(*call), GFP_ATOMIC);

	if (!call)
		koi_unsupported("call_srcu() when memory has run out");
	head->func = func;
	call->s = s;
	call->head = head;
	INIT_WORK(&call->work, koi_srcu_work);
	queue_work(koi_srcu_wq(), &call->work);
}

void srcu_barrier(struct srcu_struct *s)
{
	flush_workqueue(koi_srcu_wq());
}

static void koi_rcu_init(void)
{
	timer_setup(&koi_rcu_timer, koi_rcu_look, 0);
}
