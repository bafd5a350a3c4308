// SPDX-License-Identifier: GPL-2.0-only
/* Kernel threads: what a task_struct's worker_private points to, stopping, parking. */

enum koi_kthread_bits { KOI_SHOULD_STOP, KOI_SHOULD_PARK, KOI_IS_PARKED, KOI_PER_CPU, KOI_LEAVES };

struct koi_kthread {
	unsigned long flags;
	unsigned int cpu;
	int result;
	int (*fn)(void *);
	void *data;
	struct completion parked;
	struct completion exited;
};

static struct koi_task_block koi_kthreadd_block;
#define koi_kthreadd (koi_kthreadd_block.task)

static struct koi_kthread *koi_kthread_of(struct task_struct *t)
{
#line KOI_LINE(75, 76) "kernel/kthread.c"
	WARN_ON(!(t->flags & PF_KTHREAD));
	return t->worker_private;
}

/* ---- life ---- */
static void koi_cred_exit(struct task_struct *t);

static void koi_exit_task(long code)
{
	struct task_struct *t = current;

	koi_cred_exit(t);
	t->exit_code = code;
	t->flags |= PF_EXITING;
	preempt_count_set(PREEMPT_ENABLED);
	koi_task_exit(code);
}

void __noreturn kthread_exit(long result)
{
	struct koi_kthread *k = koi_kthread_of(current);

	k->result = result;
	__set_bit(KOI_LEAVES, &k->flags);
	complete(&k->exited);
	koi_exit_task(0);
	unreachable();
}

void __noreturn kthread_complete_and_exit(struct completion *done, long code)
{
	/* Whoever waits may unload the module: the thread never comes back to it. */
	__set_bit(KOI_LEAVES, &koi_kthread_of(current)->flags);
	if (done)
		complete(done);
	kthread_exit(code);
}

/* C++: an oops or BUG ends the running task; whoever waits for its end must hear of it. */
void koi_task_dying(void)
{
	struct koi_kthread *k = current->flags & PF_KTHREAD ? current->worker_private : NULL;

	current->flags |= PF_EXITING;
	/* Its pool goes on without it. */
	if (current->flags & PF_WQ_WORKER)
		wq_worker_sleeping_now(current);
	if (k)
		complete(&k->exited);
	koi_close_files();
}

/* C++: the first thing a kernel thread does. */
/* What the thread still holds is said at its end. */
static __always_inline int koi_kthread_call(struct koi_kthread *k)
{
	int (*function)(void *) = k->fn;
	struct koi_balance before = koi_balance();
	int result = function(k->data);
	const struct koi_balance after = koi_balance();

	before.readers = after.readers;
	before.locks = after.locks;
	koi_check_balance(before, "thread function", function);
	return result;
}

void koi_kthread_main(void)
{
	struct koi_kthread *k = koi_kthread_of(current);
	int result = -EINTR;

	if (!test_bit(KOI_SHOULD_STOP, &k->flags)) {
		kthread_parkme();
		if (!test_bit(KOI_SHOULD_STOP, &k->flags))
			result = koi_kthread_call(k);
	}
	kthread_exit(result);
}

/* Used again, never given back: a task_struct may go when nothing can be called in C++. */
static struct koi_kthread *koi_spare_kthreads;

static struct koi_kthread *koi_kthread_alloc(void)
{
	struct koi_kthread *k = koi_spare_kthreads;

	if (!k)
		return kzalloc(sizeof(*k), GFP_ATOMIC);
	koi_spare_kthreads = k->data;
	memset(k, 0, sizeof(*k));
	return k;
}

static void koi_kthread_put(struct koi_kthread *k)
{
	k->data = koi_spare_kthreads;
	koi_spare_kthreads = k;
}

static struct task_struct *koi_kthread_create(int (*fn)(void *), void *data, const char *comm, int pid)
{
	struct koi_kthread *k = koi_kthread_alloc();
	struct task_struct *t;

	if (!k)
		return ERR_PTR(-ENOMEM);
	k->fn = fn;
	k->data = data;
	init_completion(&k->parked);
	init_completion(&k->exited);
	t = koi_task_create(comm, -1, pid);
	if (!t) {
		koi_kthread_put(k);
		return ERR_PTR(-EAGAIN);
	}
	t->worker_private = k;
	t->vfork_done = &k->exited;
	t->real_parent = t->parent = &koi_kthreadd;
	WRITE_ONCE(t->__state, TASK_UNINTERRUPTIBLE);
	return t;
}

static void koi_kthread_free(struct task_struct *t)
{
	if ((t->flags & PF_KTHREAD) && t->worker_private)
		koi_kthread_put(t->worker_private);
	t->worker_private = NULL;
}

struct task_struct *kthread_create_on_node(int (*fn)(void *data), void *data, int node, const char fmt[], ...)
{
	char comm[64];
	va_list args;

	va_start(args, fmt);
	vsnprintf(comm, sizeof(comm), fmt, args);
	va_end(args);
	koi_might_alloc();
	return koi_kthread_create(fn, data, comm, 0);
}

static void koi_bind(struct task_struct *t, const struct cpumask *mask)
{
	koi_allow(t, mask);
	t->flags |= PF_NO_SETAFFINITY;
}

void kthread_bind(struct task_struct *t, unsigned int cpu)
{
#line KOI_LINE(524, 525) "kernel/kthread.c"
	if (WARN_ON(!(READ_ONCE(t->__state) & TASK_UNINTERRUPTIBLE)))
		return;
	koi_bind(t, cpumask_of(cpu));
}

void kthread_bind_mask(struct task_struct *t, const struct cpumask *mask)
{
	koi_bind(t, mask);
}

struct task_struct *kthread_create_on_cpu(int (*fn)(void *data), void *data, unsigned int cpu, const char *format)
{
	struct task_struct *t = kthread_create_on_node(fn, data, cpu_to_node(cpu), format, cpu);

	if (IS_ERR(t))
		return t;
	kthread_bind(t, cpu);
	koi_kthread_of(t)->cpu = cpu;
	return t;
}

/* The kernel's own threads; cpu < 0: anywhere. NULL: none can be made. */
static struct task_struct *koi_start_thread(const char *comm, int cpu, int pid, int (*fn)(void *), void *data)
{
	struct task_struct *t = koi_kthread_create(fn, data, comm, pid);

	if (IS_ERR(t))
		return NULL;
	if (cpu >= 0)
		koi_bind(t, cpumask_of(cpu));
	wake_up_process(t);
	return t;
}

/* ---- stopping and parking ---- */
bool kthread_should_stop(void)
{
	koi_charge();
	if (!test_bit(KOI_SHOULD_STOP, &koi_kthread_of(current)->flags))
		return false;
	koi_hb_acquire(&koi_kthread_of(current)->flags);
	return true;
}

bool __kthread_should_park(struct task_struct *t)
{
	return test_bit(KOI_SHOULD_PARK, &koi_kthread_of(t)->flags);
}

bool kthread_should_park(void)
{
	koi_charge();
	return __kthread_should_park(current);
}

bool kthread_freezable_should_stop(bool *was_frozen)
{
	might_sleep();
	if (was_frozen)
		*was_frozen = false;
	return kthread_should_stop();
}

void *kthread_func(struct task_struct *t)
{
	return koi_kthread_of(t)->fn;
}

void *kthread_data(struct task_struct *t)
{
	return koi_kthread_of(t)->data;
}

int kthread_stop(struct task_struct *t)
{
	struct koi_kthread *k;
	int result;

	get_task_struct(t);
	k = koi_kthread_of(t);
	koi_hb_release(&k->flags);
	set_bit(KOI_SHOULD_STOP, &k->flags);
	kthread_unpark(t);
	/* Interruptible waits end, as with a signal. */
	set_tsk_thread_flag(t, TIF_NOTIFY_SIGNAL);
	wake_up_process(t);
	koi_own_wait = &k->exited.wait.task_list;
	wait_for_completion(&k->exited);
	result = k->result;
	put_task_struct(t);
	return result;
}

int kthread_stop_put(struct task_struct *t)
{
	int result = kthread_stop(t);

	put_task_struct(t);
	return result;
}

void kthread_parkme(void)
{
	struct koi_kthread *k = koi_kthread_of(current);

	for (;;) {
		set_current_state(TASK_PARKED);
		if (!test_bit(KOI_SHOULD_PARK, &k->flags))
			break;
		complete(&k->parked);
		schedule();
	}
	__set_current_state(TASK_RUNNING);
}

int kthread_park(struct task_struct *t)
{
	struct koi_kthread *k = koi_kthread_of(t);

#line KOI_LINE(658, 659) "kernel/kthread.c"
	if (WARN_ON(t->flags & PF_EXITING))
		return -ENOSYS;
#line KOI_LINE(661, 662) "kernel/kthread.c"
	if (WARN_ON_ONCE(test_bit(KOI_SHOULD_PARK, &k->flags)))
		return -EBUSY;
	set_bit(KOI_SHOULD_PARK, &k->flags);
	if (t != current) {
		wake_up_process(t);
		koi_own_wait = &k->parked.wait.task_list;
		wait_for_completion(&k->parked);
	}
	return 0;
}

void kthread_unpark(struct task_struct *t)
{
	struct koi_kthread *k = koi_kthread_of(t);

	if (!test_bit(KOI_SHOULD_PARK, &k->flags))
		return;
	reinit_completion(&k->parked);
	clear_bit(KOI_SHOULD_PARK, &k->flags);
	wake_up_state(t, TASK_PARKED);
}

static void koi_kthreads_init(void)
{
	koi_task_init(&koi_init_block.task, 1, "init", NULL, &init_task, 0);
	WRITE_ONCE(koi_init_block.task.__state, TASK_INTERRUPTIBLE);
	koi_task_init(&koi_kthreadd, 2, "kthreadd", NULL, &init_task, 1);
	WRITE_ONCE(koi_kthreadd.__state, TASK_INTERRUPTIBLE);
	init_task.thread_pid = &koi_idle_pid;
}
