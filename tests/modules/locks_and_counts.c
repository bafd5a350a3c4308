// SPDX-License-Identifier: GPL-2.0-only
/* Locks with counts, and what trylocks answer. */
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/local_lock.h>
#include <linux/lockref.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/percpu-rwsem.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/seqlock.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/srcu.h>
#include <linux/version.h>
#include <linux/workqueue.h>

#define P(format, ...) pr_info(format "\n", ##__VA_ARGS__)

struct d {
	local_lock_t l;
	int v;
};
static DEFINE_PER_CPU(struct d, pd) = {.l = INIT_LOCAL_LOCK(l)};
DEFINE_STATIC_PERCPU_RWSEM(ps);
static DEFINE_SEQLOCK(sq);
static DEFINE_MUTEX(m);
static void test(void)
{
	unsigned long f;
	unsigned s;
	struct lockref lr;
	local_lock(&pd.l);
	this_cpu_inc(pd.v);
	P("pc %x", preempt_count());
	local_unlock(&pd.l);
	local_lock_irqsave(&pd.l, f);
	P("irq %d", irqs_disabled());
	local_unlock_irqrestore(&pd.l, f);
	percpu_down_read(&ps);
	P("prd %d", percpu_down_read_trylock(&ps));
	percpu_up_read(&ps);
	percpu_up_read(&ps);
	percpu_down_write(&ps);
	P("w %d", percpu_down_read_trylock(&ps));
	percpu_up_write(&ps);
	s = read_seqbegin(&sq);
	write_seqlock(&sq);
	P("retry %d", read_seqretry(&sq, s));
	write_sequnlock(&sq);
	s = read_seqbegin(&sq);
	P("retry %d", read_seqretry(&sq, s));
	lr.count = 1;
	spin_lock_init(&lr.lock);
	lockref_get(&lr);
	P("lr %d nz %d", lr.count, lockref_get_not_zero(&lr));
	P("pr %d", lockref_put_return(&lr));
	P("pol %d", lockref_put_or_lock(&lr));
	P("pol %d c %d", lockref_put_or_lock(&lr), lr.count);
	lockref_mark_dead(&lr);
	spin_unlock(&lr.lock);
	P("dead %d nd %d", lr.count, lockref_get_not_dead(&lr));
	P("nz %d", lockref_get_not_zero(&lr));
	P("try %d", mutex_trylock(&m));
	P("locked %d try %d", mutex_is_locked(&m), mutex_trylock(&m));
	mutex_unlock(&m);
	P("int %d", mutex_lock_interruptible(&m));
	mutex_unlock(&m);
	P("kill %d", mutex_lock_killable(&m));
	{
		atomic_t a = ATOMIC_INIT(1);
		mutex_unlock(&m);
		P("adm %d", atomic_dec_and_mutex_lock(&a, &m));
		mutex_unlock(&m);
	}
}

static void counts(void)
{
	static DEFINE_SPINLOCK(lock);
	static DEFINE_MUTEX(mutex);
	refcount_t count = REFCOUNT_INIT(2);
	unsigned long flags;

	P("not last %d", refcount_dec_and_lock(&count, &lock));
	P("last %d", refcount_dec_and_lock(&count, &lock));
	spin_unlock(&lock);
	refcount_set(&count, 1);
	P("last %d", refcount_dec_and_lock_irqsave(&count, &lock, &flags));
	spin_unlock_irqrestore(&lock, flags);
	refcount_set(&count, 1);
	P("last %d", refcount_dec_and_mutex_lock(&count, &mutex));
	mutex_unlock(&mutex);
}

static int __init locks_and_counts_init(void)
{
	test();
	counts();
	return 0;
}

static void __exit locks_and_counts_exit(void)
{
}

module_init(locks_and_counts_init);
module_exit(locks_and_counts_exit);
MODULE_LICENSE("GPL");
