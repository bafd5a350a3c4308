// SPDX-License-Identifier: GPL-2.0-only
/* races.ko what=CASE: two kernel threads and what is, or is not, between them. Cases that end in _ok are correct. */
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/kthread.h>
#include <linux/llist.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/semaphore.h>
#include <linux/seqlock.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

static char *what = "counter";
module_param(what, charp, 0444);
static int rounds = 1000;
module_param(rounds, int, 0444);

struct box {
	long value;
	struct llist_node node;
	struct rcu_head rcu;
	refcount_t users;
};

static long counter;
static long message;
static int flag;
static atomic_long_t sum;
static atomic_t turns = ATOMIC_INIT(1);
static DEFINE_SPINLOCK(spin);
static DEFINE_RWLOCK(rwlock);
static DEFINE_MUTEX(mutex);
static DECLARE_RWSEM(rwsem);
static struct semaphore semaphore = __SEMAPHORE_INITIALIZER(semaphore, 1);
static DEFINE_SEQLOCK(seq);
static DECLARE_COMPLETION(ready);
static DECLARE_WAIT_QUEUE_HEAD(queue);
static unsigned long bits;
static LLIST_HEAD(boxes);
static struct box __rcu *shared;

/* ---- what each thread does: `who` is 0 or 1 ---- */
static void counter_body(long who)
{
	int i;

	for (i = 0; i < rounds; i++) {
		counter++;
		barrier();	/* or the compiler adds them up first */
	}
}

static void spin_body(long who)
{
	int i;

	for (i = 0; i < rounds; i++) {
		spin_lock(&spin);
		counter++;
		spin_unlock(&spin);
	}
}

static void mutex_body(long who)
{
	int i;

	for (i = 0; i < rounds; i++) {
		mutex_lock(&mutex);
		counter++;
		mutex_unlock(&mutex);
	}
}

static void two_locks_body(long who)
{
	if (who) {
		mutex_lock(&mutex);
		counter++;
		mutex_unlock(&mutex);
	} else {
		spin_lock(&spin);
		counter++;
		spin_unlock(&spin);
	}
}

static void atomic_body(long who)
{
	int i;

	for (i = 0; i < rounds; i++)
		atomic_long_inc(&sum);
}

static void semaphore_body(long who)
{
	down(&semaphore);
	counter++;
	up(&semaphore);
}

static void rwsem_body(long who)
{
	if (who) {
		down_write(&rwsem);
		counter++;
		up_write(&rwsem);
	} else {
		down_read(&rwsem);
		message = READ_ONCE(counter) + counter;
		up_read(&rwsem);
	}
}

static void rwlock_reader_writes_body(long who)
{
	read_lock(&rwlock);
	counter++;
	read_unlock(&rwlock);
}

static void seqlock_body(long who)
{
	unsigned int start;
	long seen;

	if (who) {
		write_seqlock(&seq);
		counter += 2;
		write_sequnlock(&seq);
		return;
	}
	do {
		start = read_seqbegin(&seq);
		seen = counter;
	} while (read_seqretry(&seq, start));
	message = seen;
}

static void completion_body(long who)
{
	if (who) {
		message = 42;
		complete(&ready);
	} else {
		wait_for_completion(&ready);
		counter = message;
	}
}

static void wait_event_body(long who)
{
	if (who) {
		message = 42;
		smp_store_release(&flag, 1);
		wake_up(&queue);
	} else {
		wait_event(queue, READ_ONCE(flag));
		counter = message;
	}
}

static void message_passing_body(long who)
{
	if (who) {
		message = 42;
		smp_store_release(&flag, 1);
	} else {
		while (!smp_load_acquire(&flag))
			cpu_relax();
		counter = message;
	}
}

static void wmb_body(long who)
{
	if (who) {
		message = 42;
		smp_wmb();
		WRITE_ONCE(flag, 1);
	} else {
		while (!READ_ONCE(flag))
			cpu_relax();
		smp_rmb();
		counter = message;
	}
}

static void no_barrier_body(long who)
{
	if (who) {
		message = 42;
		WRITE_ONCE(flag, 1);
	} else {
		while (!READ_ONCE(flag))
			cpu_relax();
		counter = message;
	}
}

static void plain_flag_body(long who)
{
	if (who) {
		flag = 1;
	} else {
		while (!READ_ONCE(flag))
			cpu_relax();
	}
}

static void once_body(long who)
{
	if (who)
		WRITE_ONCE(counter, 1);
	else
		message = READ_ONCE(counter);
}

static void bits_body(long who)
{
	if (who) {
		message = 42;
		set_bit(3, &bits);
		clear_bit_unlock(0, (unsigned long *)&counter);
	} else {
		while (test_and_set_bit_lock(0, (unsigned long *)&counter))
			cpu_relax();
		message = 43;
	}
}

static void free_box(struct rcu_head *head)
{
	struct box *b = container_of(head, struct box, rcu);

	b->value = -1;
	kfree(b);
}

static void rcu_body(long who)
{
	struct box *b;

	if (who) {
		struct box *old;

		b = kzalloc(sizeof(*b), GFP_KERNEL);
		b->value = 7;
		spin_lock(&spin);
		old = rcu_dereference_protected(shared, lockdep_is_held(&spin));
		rcu_assign_pointer(shared, b);
		spin_unlock(&spin);
		if (old)
			call_rcu(&old->rcu, free_box);
	} else {
		rcu_read_lock();
		b = rcu_dereference(shared);
		if (b)
			counter = b->value;
		rcu_read_unlock();
	}
}

/* Published by a plain store of the pointer: what it points to is not ordered. */
static void plain_publish_body(long who)
{
	struct box *b;

	if (who) {
		b = kzalloc(sizeof(*b), GFP_KERNEL);
		b->value = 7;
		WRITE_ONCE(*(struct box **)&shared, b);
	} else {
		while (!(b = READ_ONCE(*(struct box **)&shared)))
			cpu_relax();
		counter = b->value;
	}
}

static void llist_body(long who)
{
	struct llist_node *n;
	struct box *b;

	if (who) {
		b = kzalloc(sizeof(*b), GFP_KERNEL);
		b->value = 7;
		llist_add(&b->node, &boxes);
	} else {
		while (!(n = llist_del_all(&boxes)))
			cpu_relax();
		b = llist_entry(n, struct box, node);
		counter = b->value;
		kfree(b);
	}
}

static struct box *counted;

static void refcount_body(long who)
{
	counted->value += who + 1;
	if (refcount_dec_and_test(&counted->users))
		kfree(counted);
}

static void refcount_each_body(long who)
{
	(void)READ_ONCE(counted->value);
	if (refcount_dec_and_test(&counted->users))
		kfree(counted);
}

/* ---- frees: a write of the whole object; `lent` is used by the first thread and freed by the second one ---- */
static struct box *lent;
static struct kmem_cache *box_cache;
static void give_back(void) { if (box_cache) kmem_cache_free(box_cache, lent); else kvfree(lent); }

/* Time alone orders nothing. */
static void free_body(long who)
{
	if (!who) {
		lent->value = 1;
		return;
	}
	udelay(5000);
	give_back();
}

static void free_completed_body(long who)
{
	if (!who) {
		lent->value = 1;
		complete(&ready);
		return;
	}
	wait_for_completion(&ready);
	give_back();
}

static void free_locked_body(long who)
{
	spin_lock(&spin);
	if (!who)
		lent->value = 1;
	spin_unlock(&spin);
	if (!who)
		return;
	udelay(5000);
	spin_lock(&spin);
	spin_unlock(&spin);
	give_back();
}

static void free_rcu_body(long who)
{
	if (!who) {
		rcu_read_lock();
		(void)READ_ONCE(lent->value);
		rcu_read_unlock();
		return;
	}
	udelay(5000);
	kfree_rcu(lent, rcu);
}

static void free_without_rcu_body(long who)
{
	if (!who) {
		rcu_read_lock();
		(void)READ_ONCE(lent->value);
		rcu_read_unlock();
		return;
	}
	udelay(5000);
	give_back();
}

static void data_race_body(long who)
{
	data_race(counter++);
}

static void bitfield_body(long who)
{
	((char *)&message)[who] = 1;
}

static long hash_of(long x)
{
	return x * 31;
}

static void in_callee_body(long who)
{
	counter = hash_of(counter);
}

/* ---- other contexts ---- */
static void bump_work(struct work_struct *w)
{
	counter++;
}
static DECLARE_WORK(work, bump_work);

static void bump_timer(struct timer_list *t)
{
	counter++;
}
static DEFINE_TIMER(timer, bump_timer);

static void bump_tasklet(struct tasklet_struct *t)
{
	counter++;
}
static DECLARE_TASKLET(tasklet, bump_tasklet);

static enum hrtimer_restart bump_hrtimer(struct hrtimer *t)
{
	counter++;
	return HRTIMER_NORESTART;
}
static struct hrtimer hrtimer;

static void work_case(bool flushed)
{
	counter = 1;
	schedule_work(&work);
	if (flushed)
		flush_work(&work);
	counter++;
	flush_work(&work);
}

static void timer_case(bool synced)
{
	counter = 1;
	mod_timer(&timer, jiffies + 1);
	mdelay(40);
	if (synced)
		timer_delete_sync(&timer);
	counter++;
	timer_delete_sync(&timer);
}

static void hrtimer_case(void)
{
	hrtimer_init(&hrtimer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	hrtimer.function = bump_hrtimer;
	counter = 1;
	hrtimer_start(&hrtimer, ms_to_ktime(1), HRTIMER_MODE_REL);
	msleep(20);
	hrtimer_cancel(&hrtimer);
	counter++;
}

static void tasklet_case(void)
{
	counter = 1;
	tasklet_schedule(&tasklet);
	tasklet_kill(&tasklet);
	counter++;
}

static void irq_off_case(bool off)
{
	unsigned long flags;
	int i;

	preempt_disable();
	hrtimer_init(&hrtimer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED);
	hrtimer.function = bump_hrtimer;
	hrtimer_start(&hrtimer, ns_to_ktime(20000), HRTIMER_MODE_REL_PINNED);
	for (i = 0; i < 1000; i++) {
		if (off)
			local_irq_save(flags);
		counter++;
		if (off)
			local_irq_restore(flags);
	}
	preempt_enable();
	hrtimer_cancel(&hrtimer);
}

static void call_here(void *unused)
{
	counter++;
}

static void smp_call_case(void)
{
	int cpu;

	for_each_online_cpu(cpu)
		smp_call_function_single(cpu, call_here, NULL, 1);
	counter++;
}

/* ---- */
static const struct {
	const char *name;
	void (*body)(long who);
} cases[] = {
	{ "counter", counter_body },
	{ "two_locks", two_locks_body },
	{ "rwlock_reader_writes", rwlock_reader_writes_body },
	{ "no_barrier", no_barrier_body },
	{ "plain_flag", plain_flag_body },
	{ "plain_publish", plain_publish_body },
	{ "refcount", refcount_body },
	{ "in_callee", in_callee_body },
	{ "free", free_body },
	{ "cache_free", free_body },
	{ "vmalloc_free", free_body },
	{ "vmalloc_free_completed_ok", free_completed_body },
	{ "free_without_rcu", free_without_rcu_body },
	{ "free_completed_ok", free_completed_body },
	{ "cache_free_completed_ok", free_completed_body },
	{ "free_locked_ok", free_locked_body },
	{ "free_rcu_ok", free_rcu_body },
	{ "spin_ok", spin_body },
	{ "mutex_ok", mutex_body },
	{ "atomic_ok", atomic_body },
	{ "semaphore_ok", semaphore_body },
	{ "rwsem_ok", rwsem_body },
	{ "seqlock_ok", seqlock_body },
	{ "completion_ok", completion_body },
	{ "wait_event_ok", wait_event_body },
	{ "message_passing_ok", message_passing_body },
	{ "wmb_ok", wmb_body },
	{ "once_ok", once_body },
	{ "bits_ok", bits_body },
	{ "rcu_ok", rcu_body },
	{ "llist_ok", llist_body },
	{ "refcount_ok", refcount_each_body },
	{ "data_race_ok", data_race_body },
	{ "bytes_ok", bitfield_body },
};

static void (*body)(long who);

static int thread(void *who)
{
	body((long)who);
	atomic_inc(&turns);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

static void two_threads(void)
{
	struct task_struct *t[2];
	long who;

	for (who = 0; who < 2; who++) {
		t[who] = kthread_create(thread, (void *)who, "racer/%ld", who);
		if (IS_ERR(t[who]))
			return;
		if (num_online_cpus() > 1)
			kthread_bind(t[who], who);
	}
	wake_up_process(t[0]);
	wake_up_process(t[1]);
	while (atomic_read(&turns) < 3)
		msleep(1);
	for (who = 0; who < 2; who++)
		kthread_stop(t[who]);
}

static int __init races_init(void)
{
	size_t i;

	counted = kzalloc(sizeof(*counted), GFP_KERNEL);
	if (!counted)
		return -ENOMEM;
	refcount_set(&counted->users, 2);
	if (!strncmp(what, "cache_free", 10))
		box_cache = KMEM_CACHE(box, 0);
	if (!strncmp(what, "vmalloc", 7))
		lent = vzalloc(sizeof(*lent));
	else
		lent = box_cache ? kmem_cache_zalloc(box_cache, GFP_KERNEL) : kzalloc(sizeof(*lent), GFP_KERNEL);
	if (!lent)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		if (strcmp(cases[i].name, what))
			continue;
		body = cases[i].body;
		two_threads();
	}
	if (!strcmp(what, "work_ok"))
		work_case(true);
	else if (!strcmp(what, "work"))
		work_case(false);
	else if (!strcmp(what, "timer_ok"))
		timer_case(true);
	else if (!strcmp(what, "timer"))
		timer_case(false);
	else if (!strcmp(what, "hrtimer_ok"))
		hrtimer_case();
	else if (!strcmp(what, "tasklet_ok"))
		tasklet_case();
	else if (!strcmp(what, "irq_off_ok"))
		irq_off_case(true);
	else if (!strcmp(what, "irq_on"))
		irq_off_case(false);
	else if (!strcmp(what, "smp_call_ok"))
		smp_call_case();
	pr_info("counter %ld\n", counter);
	return 0;
}

static void __exit races_exit(void)
{
	struct box *b = rcu_dereference_raw(shared);

	rcu_barrier();
	kfree(b);
	if (strcmp(what, "refcount") && strcmp(what, "refcount_ok"))
		kfree(counted);
	if (!strstr(what, "free"))
		kfree(lent);
	kmem_cache_destroy(box_cache);
}

module_init(races_init);
module_exit(races_exit);
MODULE_DESCRIPTION("Accesses that are, and are not, ordered");
MODULE_LICENSE("GPL");
