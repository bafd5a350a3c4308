// SPDX-License-Identifier: GPL-2.0-only
/*
 * RCU for code that other tasks may stand in. A grace period of the tasks flavour ends when every task that could run when
 * it began has since given up its CPU of itself; one of the trace flavour, when every reader of rcu_read_lock_trace()
 * has left. Both are looked at once a jiffy, by a work; its callbacks run there, in order, with bottom halves off. The rude
 * flavour waits for every CPU to pass through the scheduler, which a grace period of plain RCU covers.
 */

struct koi_rcu_flavour {
	struct koi_rcu_list list;
	bool running;
	struct work_struct work;
	void (*begin)(struct task_struct *t);
	bool (*holds)(struct task_struct *t);
};

static struct workqueue_struct *koi_rcu_tasks_wq(void);

static void koi_rcu_tasks_begin(struct task_struct *t)
{
	t->rcu_tasks_holdout = READ_ONCE(t->__state) == TASK_RUNNING && !is_idle_task(t);
}

static bool koi_rcu_tasks_holds(struct task_struct *t)
{
	return t->rcu_tasks_holdout;
}

static void koi_rcu_trace_begin(struct task_struct *t)
{
	t->trc_reader_special.b.need_qs = READ_ONCE(t->trc_reader_nesting) > 0;
}

static bool koi_rcu_trace_holds(struct task_struct *t)
{
	return t->trc_reader_special.b.need_qs;
}

static void koi_rcu_flavour_work(struct work_struct *work);

static struct koi_rcu_flavour koi_rcu_tasks = {
	.work = __WORK_INITIALIZER(koi_rcu_tasks.work, koi_rcu_flavour_work),
	.begin = koi_rcu_tasks_begin,
	.holds = koi_rcu_tasks_holds,
};
static struct koi_rcu_flavour koi_rcu_trace = {
	.work = __WORK_INITIALIZER(koi_rcu_trace.work, koi_rcu_flavour_work),
	.begin = koi_rcu_trace_begin,
	.holds = koi_rcu_trace_holds,
};

static bool koi_rcu_flavour_waits(struct koi_rcu_flavour *f)
{
	struct task_struct *t;

	list_for_each_entry(t, &init_task.tasks, tasks) {
		if (f->holds(t))
			return true;
	}
	return false;
}

static void koi_rcu_flavour_work(struct work_struct *work)
{
	struct koi_rcu_flavour *f = container_of(work, struct koi_rcu_flavour, work);
	struct rcu_head *head, *next;
	struct task_struct *t;
	unsigned long flags;

	while (true) {
		raw_spin_lock_irqsave(&koi_rcu_lock, flags);
		head = f->list.first;
		f->list.first = NULL;
		f->running = head != NULL;
		raw_spin_unlock_irqrestore(&koi_rcu_lock, flags);
		if (!head)
			return;
		list_for_each_entry(t, &init_task.tasks, tasks)
			f->begin(t);
		do
			schedule_timeout_idle(1);
		while (koi_rcu_flavour_waits(f));
		for (; head; head = next) {
			next = head->next;
			local_bh_disable();
			koi_rcu_call(head);
			local_bh_enable();
		}
	}
}

static void koi_rcu_flavour_call(struct koi_rcu_flavour *f, struct rcu_head *head, rcu_callback_t func)
{
	unsigned long flags;
	bool start;

	head->func = func;
	raw_spin_lock_irqsave(&koi_rcu_lock, flags);
	koi_rcu_append(&f->list, head);
	start = !f->running;
	f->running = true;
	raw_spin_unlock_irqrestore(&koi_rcu_lock, flags);
	if (start)
		queue_work(koi_rcu_tasks_wq(), &f->work);
}

/* Callbacks run in order, so that this is the barrier, too. */
static void koi_rcu_flavour_wait(struct koi_rcu_flavour *f)
{
	struct koi_rcu_wait wait;

	might_sleep();
	init_completion(&wait.done);
	koi_rcu_flavour_call(f, &wait.head, koi_rcu_wake);
	wait_for_completion(&wait.done);
}

void call_rcu_tasks(struct rcu_head *head, rcu_callback_t func)
{
	koi_rcu_flavour_call(&koi_rcu_tasks, head, func);
}

void synchronize_rcu_tasks(void)
{
	koi_rcu_flavour_wait(&koi_rcu_tasks);
}

void rcu_barrier_tasks(void)
{
	koi_rcu_flavour_wait(&koi_rcu_tasks);
}

void call_rcu_tasks_trace(struct rcu_head *head, rcu_callback_t func)
{
	koi_rcu_flavour_call(&koi_rcu_trace, head, func);
}

void synchronize_rcu_tasks_trace(void)
{
	koi_rcu_flavour_wait(&koi_rcu_trace);
}

void rcu_barrier_tasks_trace(void)
{
	koi_rcu_flavour_wait(&koi_rcu_trace);
}

/* The outermost rcu_read_unlock_trace() of a reader that a grace period waits for. */
void rcu_read_unlock_trace_special(struct task_struct *t)
{
	t->trc_reader_special.b.need_qs = false;
	WRITE_ONCE(t->trc_reader_nesting, 0);
}

void synchronize_rcu_tasks_rude(void)
{
	synchronize_rcu();
}

void call_rcu_tasks_rude(struct rcu_head *head, rcu_callback_t func)
{
	call_rcu(head, func);
}

void rcu_barrier_tasks_rude(void)
{
	rcu_barrier();
}
