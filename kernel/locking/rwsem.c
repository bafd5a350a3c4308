// SPDX-License-Identifier: GPL-2.0-only
/*
 * Read-write semaphores. The count word: bit 0 a writer holds it, bit 1 somebody waits, readers from bit 8 on, as the
 * inlined rwsem_is_locked() expects. Waiters queue in order; a run of readers at the head is let in together.
 */
#define KOI_RWSEM_WRITER 1L
#define KOI_RWSEM_WAITERS 2L
#define KOI_RWSEM_READER 256L

struct koi_rwsem_waiter {
	struct list_head list;
	struct task_struct *task;	/* NULL: let in */
	bool writer;
};

void __init_rwsem(struct rw_semaphore *sem, const char *name, struct lock_class_key *key)
{
	atomic_long_set(&sem->count, 0);
	raw_spin_lock_init(&sem->wait_lock);
	INIT_LIST_HEAD(&sem->wait_list);
	atomic_long_set(&sem->owner, 0);
#ifdef CONFIG_RWSEM_SPIN_ON_OWNER
	osq_lock_init(&sem->osq);
#endif
}

static bool koi_rwsem_try(struct rw_semaphore *sem, bool writer)
{
	long count = atomic_long_read(&sem->count);

	if (count & KOI_RWSEM_WRITER || (writer && count >= KOI_RWSEM_READER))
		return false;
	atomic_long_add(writer ? KOI_RWSEM_WRITER : KOI_RWSEM_READER, &sem->count);
	atomic_long_set(&sem->owner, (unsigned long)current | (writer ? 0 : 1));
	return true;
}

/* The wait lock is held: lets in who comes first. */
static void koi_rwsem_let_in(struct rw_semaphore *sem)
{
	struct koi_rwsem_waiter *waiter;

	while ((waiter = list_first_entry_or_null(&sem->wait_list, struct koi_rwsem_waiter, list))) {
		struct task_struct *task = waiter->task;
		bool writer = waiter->writer;

		if (!koi_rwsem_try(sem, writer))
			break;
		atomic_long_set(&sem->owner, (unsigned long)task | (writer ? 0 : 1));
		list_del(&waiter->list);
		smp_store_release(&waiter->task, NULL);
		wake_up_process(task);
		if (writer)
			break;
	}
	if (list_empty(&sem->wait_list))
		atomic_long_andnot(KOI_RWSEM_WAITERS, &sem->count);
}

static noinline int koi_rwsem_wait(struct rw_semaphore *sem, bool writer, int state)
{
	struct koi_rwsem_waiter waiter = { .task = current, .writer = writer };
	int answer = 0;

	raw_spin_lock_irq(&sem->wait_lock);
	if (list_empty(&sem->wait_list) && koi_rwsem_try(sem, writer)) {
		raw_spin_unlock_irq(&sem->wait_lock);
		return 0;
	}
	list_add_tail(&waiter.list, &sem->wait_list);
	atomic_long_or(KOI_RWSEM_WAITERS, &sem->count);
	for (;;) {
		set_current_state(state);
		if (!smp_load_acquire(&waiter.task))
			break;
		if (signal_pending_state(state, current)) {
			answer = -EINTR;
			list_del(&waiter.list);
			koi_rwsem_let_in(sem);
			break;
		}
		raw_spin_unlock_irq(&sem->wait_lock);
		schedule();
		raw_spin_lock_irq(&sem->wait_lock);
	}
	__set_current_state(TASK_RUNNING);
	raw_spin_unlock_irq(&sem->wait_lock);
	return answer;
}

static int koi_rwsem_lock(struct rw_semaphore *sem, bool writer, int state)
{
	if (writer)
		koi_might_sleep("kernel/locking/rwsem.c", KOI_LINE(1572, 1576));
	else
		koi_might_sleep("kernel/locking/rwsem.c", KOI_LINE(1519, 1523));
	koi_charge();
	if (!(atomic_long_read(&sem->count) & KOI_RWSEM_WAITERS) && koi_rwsem_try(sem, writer))
		return 0;
	return koi_rwsem_wait(sem, writer, state);
}

static void koi_rwsem_unlock(struct rw_semaphore *sem, long hold)
{
	unsigned long flags;

	if (hold == KOI_RWSEM_WRITER)
		atomic_long_set(&sem->owner, 0);
	if (atomic_long_sub_return(hold, &sem->count) & KOI_RWSEM_WAITERS) {
		raw_spin_lock_irqsave(&sem->wait_lock, flags);
		koi_rwsem_let_in(sem);
		raw_spin_unlock_irqrestore(&sem->wait_lock, flags);
	}
	koi_charge();
}

void down_read(struct rw_semaphore *sem)
{
	koi_rwsem_lock(sem, false, TASK_UNINTERRUPTIBLE);
}

int down_read_interruptible(struct rw_semaphore *sem)
{
	return koi_rwsem_lock(sem, false, TASK_INTERRUPTIBLE);
}

int down_read_killable(struct rw_semaphore *sem)
{
	return koi_rwsem_lock(sem, false, TASK_KILLABLE);
}

int down_read_trylock(struct rw_semaphore *sem)
{
	koi_charge();
	return koi_rwsem_try(sem, false);
}

void down_write(struct rw_semaphore *sem)
{
	koi_rwsem_lock(sem, true, TASK_UNINTERRUPTIBLE);
}

int down_write_killable(struct rw_semaphore *sem)
{
	return koi_rwsem_lock(sem, true, TASK_KILLABLE);
}

int down_write_trylock(struct rw_semaphore *sem)
{
	koi_charge();
	return koi_rwsem_try(sem, true);
}

void up_read(struct rw_semaphore *sem)
{
	koi_rwsem_unlock(sem, KOI_RWSEM_READER);
}

void up_write(struct rw_semaphore *sem)
{
	koi_rwsem_unlock(sem, KOI_RWSEM_WRITER);
}

void downgrade_write(struct rw_semaphore *sem)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&sem->wait_lock, flags);
	atomic_long_add(KOI_RWSEM_READER - KOI_RWSEM_WRITER, &sem->count);
	atomic_long_set(&sem->owner, (unsigned long)current | 1);
	koi_rwsem_let_in(sem);
	raw_spin_unlock_irqrestore(&sem->wait_lock, flags);
}

#ifdef CONFIG_DEBUG_LOCK_ALLOC
#error "koi's locks know nothing of lockdep yet"
#endif

/* ---- percpu_rw_semaphore: readers count on their CPU unless a writer is about ---- */
#include <linux/percpu-rwsem.h>

int __percpu_init_rwsem(struct percpu_rw_semaphore *sem, const char *name, struct lock_class_key *key)
{
	sem->read_count = alloc_percpu(int);
	if (!sem->read_count)
		return -ENOMEM;
	memset(&sem->rss, 0, sizeof(sem->rss));
	rcuwait_init(&sem->writer);
	init_waitqueue_head(&sem->waiters);
	atomic_set(&sem->block, 0);
	return 0;
}

void percpu_free_rwsem(struct percpu_rw_semaphore *sem)
{
	if (!sem->read_count)
		return;
	free_percpu(sem->read_count);
	sem->read_count = NULL;
}

static int koi_percpu_readers(struct percpu_rw_semaphore *sem)
{
	unsigned int cpu;
	int sum = 0;

	for_each_possible_cpu(cpu)
		sum += *per_cpu_ptr(sem->read_count, cpu);
	return sum;
}

/* Called with preemption off when a writer is about. */
bool __percpu_down_read(struct percpu_rw_semaphore *sem, bool try)
{
	if (!atomic_read(&sem->block)) {
		this_cpu_inc(*sem->read_count);
		return true;
	}
	if (try)
		return false;
	preempt_enable();
	wait_event(sem->waiters, !atomic_read(&sem->block));
	preempt_disable();
	this_cpu_inc(*sem->read_count);
	return true;
}

static void koi_percpu_down_write(struct percpu_rw_semaphore *sem)
{
	/* From now on readers come to __percpu_down_read() and __percpu_up_read()'s wake-up. */
	sem->rss.gp_state++;
	wait_event(sem->waiters, atomic_cmpxchg(&sem->block, 0, 1) == 0);
	rcuwait_wait_event(&sem->writer, koi_percpu_readers(sem) == 0, TASK_UNINTERRUPTIBLE);
	/* What readers did is known by the grace period that the kernel waits for here. */
	koi_hb_grace_period();
}

static void koi_percpu_up_write(struct percpu_rw_semaphore *sem)
{
	koi_hb_atomic(&sem->rss.gp_state);
	atomic_set_release(&sem->block, 0);
	sem->rss.gp_state--;
	wake_up_all(&sem->waiters);
}

bool percpu_is_read_locked(struct percpu_rw_semaphore *sem)
{
	return koi_percpu_readers(sem) != 0 && !atomic_read(&sem->block);
}
