// SPDX-License-Identifier: GPL-2.0-only
/* Locks in the wrong order, at the wrong time, for too long or once too often; and locks that are right. */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

#include "corpus.h"

static DEFINE_MUTEX(a);
static DEFINE_MUTEX(b);
static DECLARE_RWSEM(rw);
static DECLARE_RWSEM(rw2);
static DEFINE_SPINLOCK(s);
static DEFINE_SPINLOCK(t);
static DEFINE_RWLOCK(r);

CASE(mutex_then_rwsem_both_orders) { mutex_lock(&a); down_read(&rw); up_read(&rw); mutex_unlock(&a); down_write(&rw); mutex_lock(&a); mutex_unlock(&a); up_write(&rw); }
CASE(mutex_then_rwsem_ok) { mutex_lock(&a); down_read(&rw); up_read(&rw); mutex_unlock(&a); mutex_lock(&a); down_write(&rw); up_write(&rw); mutex_unlock(&a); }

CASE(spinlocks_both_orders) { spin_lock(&s); spin_lock(&t); spin_unlock(&t); spin_unlock(&s); spin_lock(&t); spin_lock(&s); spin_unlock(&s); spin_unlock(&t); }
CASE(spinlocks_trylock_back_ok) { spin_lock(&s); spin_lock(&t); spin_unlock(&t); spin_unlock(&s); spin_lock(&t); if (spin_trylock(&s)) spin_unlock(&s); spin_unlock(&t); }

static int takes_b_then_a(void *unused) { mutex_lock(&b); mutex_lock(&a); mutex_unlock(&a); mutex_unlock(&b); return 0; }
static int takes_a_then_b(void *unused) { mutex_lock(&a); mutex_lock(&b); mutex_unlock(&b); mutex_unlock(&a); return 0; }
CASE(threads_one_after_another) { kthread_run(takes_a_then_b, NULL, "corpus_1"); msleep(20); kthread_run(takes_b_then_a, NULL, "corpus_2"); msleep(20); }
CASE(threads_in_one_order_ok) { kthread_run(takes_a_then_b, NULL, "corpus_1"); msleep(20); kthread_run(takes_a_then_b, NULL, "corpus_2"); msleep(20); }

CASE(rwsem_readers_both_orders) { down_read(&rw); down_read(&rw2); up_read(&rw2); up_read(&rw); down_write(&rw2); down_write(&rw); up_write(&rw); up_write(&rw2); }
CASE(rwsem_readers_one_order_ok) { down_read(&rw); down_read(&rw2); up_read(&rw2); up_read(&rw); down_write(&rw); down_write(&rw2); up_write(&rw2); up_write(&rw); }

CASE(rwsem_upgrade) { down_read(&rw); if (down_write_trylock(&rw)) up_write(&rw); else pr_info("corpus: busy\n"); down_read(&rw); up_read(&rw); up_read(&rw); }
CASE(rwsem_downgrade_ok) { down_write(&rw); downgrade_write(&rw); up_read(&rw); }

CASE(mutex_unlock_not_held) { mutex_unlock(&a); }
CASE(mutex_unlock_held_ok) { mutex_lock(&a); mutex_unlock(&a); }

static int unlocks(void *unused) { mutex_unlock(&a); return 0; }
CASE(mutex_unlocked_by_another) { mutex_lock(&a); kthread_run(unlocks, NULL, "corpus"); msleep(20); }

CASE(up_write_not_held) { up_write(&rw); }
CASE(up_write_held_ok) { down_write(&rw); up_write(&rw); }
CASE(spin_unlock_not_held) { preempt_disable(); spin_unlock(&s); }
CASE(spin_unlock_held_ok) { spin_lock(&s); spin_unlock(&s); }
CASE(read_unlock_not_held) { preempt_disable(); read_unlock(&r); }
CASE(read_unlock_held_ok) { read_lock(&r); read_unlock(&r); }

static void takes_s(struct timer_list *unused) { spin_lock(&s); spin_unlock(&s); }
static DEFINE_TIMER(timer, takes_s);
CASE(timer_takes_a_plain_spinlock) { spin_lock(&s); spin_unlock(&s); mod_timer(&timer, jiffies + 1); msleep(50); }
CASE(timer_takes_a_bh_spinlock_ok) { spin_lock_bh(&s); spin_unlock_bh(&s); mod_timer(&timer, jiffies + 1); msleep(50); }

static void takes_t(struct tasklet_struct *unused) { spin_lock(&t); spin_unlock(&t); }
static DECLARE_TASKLET(tasklet, takes_t);
CASE(tasklet_takes_a_plain_spinlock) { spin_lock(&t); spin_unlock(&t); tasklet_schedule(&tasklet); msleep(50); }
CASE(tasklet_takes_a_bh_spinlock_ok) { spin_lock_bh(&t); spin_unlock_bh(&t); tasklet_schedule(&tasklet); msleep(50); }

static enum hrtimer_restart hits_hardirq(struct hrtimer *unused) { spin_lock(&s); spin_unlock(&s); return HRTIMER_NORESTART; }
static void hrtimer_once(enum hrtimer_restart (*function)(struct hrtimer *))
{
	static struct hrtimer hrtimer;

	hrtimer_init(&hrtimer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	hrtimer.function = function;
	hrtimer_start(&hrtimer, ms_to_ktime(5), HRTIMER_MODE_REL_HARD);
	msleep(50);
}
CASE(hrtimer_takes_a_bh_spinlock) { spin_lock_bh(&s); spin_unlock_bh(&s); hrtimer_once(hits_hardirq); }
CASE(hrtimer_takes_an_irq_spinlock_ok) { spin_lock_irq(&s); spin_unlock_irq(&s); hrtimer_once(hits_hardirq); }

static enum hrtimer_restart mutex_in_hardirq(struct hrtimer *unused) { if (mutex_trylock(&a)) mutex_unlock(&a); mutex_lock(&b); mutex_unlock(&b); return HRTIMER_NORESTART; }
CASE(hrtimer_takes_a_mutex) { hrtimer_once(mutex_in_hardirq); }

static enum hrtimer_restart reads_in_hardirq(struct hrtimer *unused) { read_lock(&r); read_unlock(&r); return HRTIMER_NORESTART; }
CASE(writer_with_irqs_on) { write_lock(&r); write_unlock(&r); hrtimer_once(reads_in_hardirq); }
CASE(writer_with_irqs_off_ok) { read_lock(&r); read_unlock(&r); write_lock_irq(&r); write_unlock_irq(&r); hrtimer_once(reads_in_hardirq); }

static enum hrtimer_restart irq_takes_t(struct hrtimer *unused) { spin_lock(&t); spin_unlock(&t); return HRTIMER_NORESTART; }
CASE(irq_safe_then_unsafe) { hrtimer_once(irq_takes_t); spin_lock(&s); spin_unlock(&s); spin_lock_irq(&t); spin_lock(&s); spin_unlock(&s); spin_unlock_irq(&t); }
CASE(irq_safe_then_safe_ok) { hrtimer_once(irq_takes_t); spin_lock_irq(&s); spin_unlock_irq(&s); spin_lock_irq(&t); spin_lock(&s); spin_unlock(&s); spin_unlock_irq(&t); }

struct node { struct mutex m; spinlock_t s; int value; };
static struct node *node(void)
{
	struct node *n = kzalloc(sizeof(*n), GFP_KERNEL);

	mutex_init(&n->m);
	spin_lock_init(&n->s);
	return n;
}
CASE(two_nodes_unordered) { struct node *n = node(), *m = node(); mutex_lock(&n->m); mutex_lock(&m->m); mutex_unlock(&m->m); mutex_unlock(&n->m); kfree(n); kfree(m); }
/* Not the same code as the case above, or the compiler makes one function of both. */
CASE(two_nodes_nested_ok) { struct node *n = node(), *m = node(); n->value = 1; mutex_lock(&n->m); mutex_lock_nested(&m->m, SINGLE_DEPTH_NESTING); mutex_unlock(&m->m); mutex_unlock(&n->m); kfree(n); kfree(m); }

CASE(node_freed_while_locked) { struct node *n = node(); mutex_lock(&n->m); kfree(n); }
CASE(node_freed_unlocked_ok) { struct node *n = node(); mutex_lock(&n->m); mutex_unlock(&n->m); kfree(n); }
CASE(node_freed_while_spinlocked) { struct node *n = node(); spin_lock(&n->s); kfree(n); preempt_enable(); }
CASE(node_initialised_while_locked) { struct node *n = node(); mutex_lock(&n->m); mutex_init(&n->m); kfree(n); }
CASE(mutex_never_initialised) { struct node *n = kzalloc(sizeof(*n), GFP_KERNEL); mutex_lock(&n->m); mutex_unlock(&n->m); kfree(n); }
CASE(mutex_initialised_ok) { struct node *n = node(); mutex_lock(&n->m); mutex_unlock(&n->m); mutex_destroy(&n->m); kfree(n); }

static int keeps_a(void *unused) { mutex_lock(&a); return 0; }
CASE(thread_ends_with_a_mutex) { kthread_run(keeps_a, NULL, "corpus"); msleep(20); }
static int gives_a_back(void *unused) { mutex_lock(&a); mutex_unlock(&a); return 0; }
CASE(thread_ends_without_ok) { kthread_run(gives_a_back, NULL, "corpus"); msleep(20); }
static void work_keeps_b(struct work_struct *w) { mutex_lock(&b); }
static DECLARE_WORK(keeping_work, work_keeps_b);
CASE(work_ends_with_a_mutex) { schedule_work(&keeping_work); msleep(20); }
static void work_gives_b_back(struct work_struct *w) { mutex_lock(&b); mutex_unlock(&b); }
static DECLARE_WORK(fair_work, work_gives_b_back);
CASE(work_ends_without_ok) { schedule_work(&fair_work); msleep(20); }
CASE(init_ends_with_a_mutex) { mutex_lock(&a); }
CASE(init_ends_with_an_rwsem) { down_read(&rw); }

CASE(mutex_lock_twice) { mutex_lock(&a); if (mutex_lock_interruptible(&a)) pr_info("corpus: interrupted\n"); }
CASE(mutex_trylock_twice_ok) { mutex_lock(&a); if (mutex_trylock(&a)) pr_err("corpus: twice\n"); mutex_unlock(&a); }
CASE(read_lock_twice) { read_lock(&r); read_lock(&r); read_unlock(&r); read_unlock(&r); }
static enum hrtimer_restart reads_twice(struct hrtimer *unused) { read_lock(&r); read_lock(&r); read_unlock(&r); read_unlock(&r); return HRTIMER_NORESTART; }
CASE(read_lock_twice_in_hardirq_ok) { hrtimer_once(reads_twice); }
CASE(rcu_twice_ok) { rcu_read_lock(); rcu_read_lock(); rcu_read_unlock(); rcu_read_unlock(); }

DEFINE_STATIC_SRCU(srcu);
CASE(synchronize_srcu_in_reader) { int i = srcu_read_lock(&srcu); synchronize_srcu(&srcu); srcu_read_unlock(&srcu, i); }
CASE(synchronize_srcu_after_reader_ok) { int i = srcu_read_lock(&srcu); synchronize_rcu(); srcu_read_unlock(&srcu, i); synchronize_srcu(&srcu); }
CASE(synchronize_rcu_in_reader) { rcu_read_lock(); synchronize_rcu(); rcu_read_unlock(); }
CASE(synchronize_rcu_after_reader_ok) { rcu_read_lock(); rcu_read_unlock(); synchronize_rcu(); }
CASE(rcu_unlock_without_lock) { rcu_read_unlock(); }

CASE(bh_enable_irqs_off) { local_bh_disable(); local_irq_disable(); local_bh_enable(); local_irq_enable(); }
CASE(bh_enable_irqs_on_ok) { local_irq_disable(); local_irq_enable(); local_bh_disable(); local_bh_enable(); }

static void on_cpu(void *unused) { }
CASE(smp_call_irqs_off) { local_irq_disable(); smp_call_function(on_cpu, NULL, 1); local_irq_enable(); }
CASE(smp_call_irqs_on_ok) { smp_call_function(on_cpu, NULL, 1); }
static void on_cpu_sleeps(void *unused) { msleep(1); }
CASE(ipi_sleeps) { on_each_cpu(on_cpu_sleeps, NULL, 1); }

static struct work_struct own_work;
static void flushes_itself(struct work_struct *w) { flush_work(w); }
CASE(work_flushes_itself) { INIT_WORK(&own_work, flushes_itself); schedule_work(&own_work); msleep(300000); }
static void works_on(struct work_struct *w) { }
CASE(work_flushed_by_another_ok) { INIT_WORK(&own_work, works_on); schedule_work(&own_work); flush_work(&own_work); }

static const struct corpus_case rows[] = {
	ROW(mutex_then_rwsem_both_orders), ROW(mutex_then_rwsem_ok), ROW(spinlocks_both_orders), ROW(spinlocks_trylock_back_ok),
	ROW(threads_one_after_another), ROW(threads_in_one_order_ok), ROW(rwsem_readers_both_orders), ROW(rwsem_readers_one_order_ok),
	ROW(rwsem_upgrade), ROW(rwsem_downgrade_ok), ROW(mutex_unlock_not_held), ROW(mutex_unlock_held_ok), ROW(mutex_unlocked_by_another),
	ROW(up_write_not_held), ROW(up_write_held_ok), ROW(spin_unlock_not_held), ROW(spin_unlock_held_ok), ROW(read_unlock_not_held),
	ROW(read_unlock_held_ok), ROW(timer_takes_a_plain_spinlock), ROW(timer_takes_a_bh_spinlock_ok), ROW(tasklet_takes_a_plain_spinlock),
	ROW(tasklet_takes_a_bh_spinlock_ok), ROW(hrtimer_takes_a_bh_spinlock), ROW(hrtimer_takes_an_irq_spinlock_ok), ROW(hrtimer_takes_a_mutex),
	ROW(writer_with_irqs_on), ROW(writer_with_irqs_off_ok), ROW(irq_safe_then_unsafe), ROW(irq_safe_then_safe_ok), ROW(two_nodes_unordered),
	ROW(two_nodes_nested_ok), ROW(node_freed_while_locked), ROW(node_freed_unlocked_ok), ROW(node_freed_while_spinlocked),
	ROW(node_initialised_while_locked), ROW(mutex_never_initialised), ROW(mutex_initialised_ok), ROW(thread_ends_with_a_mutex),
	ROW(thread_ends_without_ok), ROW(work_ends_with_a_mutex), ROW(work_ends_without_ok), ROW(init_ends_with_a_mutex),
	ROW(init_ends_with_an_rwsem), ROW(mutex_lock_twice), ROW(mutex_trylock_twice_ok), ROW(read_lock_twice), ROW(read_lock_twice_in_hardirq_ok), ROW(rcu_twice_ok),
	ROW(synchronize_srcu_in_reader), ROW(synchronize_srcu_after_reader_ok), ROW(synchronize_rcu_in_reader), ROW(synchronize_rcu_after_reader_ok), ROW(rcu_unlock_without_lock),
	ROW(bh_enable_irqs_off), ROW(bh_enable_irqs_on_ok), ROW(smp_call_irqs_off), ROW(smp_call_irqs_on_ok), ROW(ipi_sleeps),
	ROW(work_flushes_itself), ROW(work_flushed_by_another_ok),
};

CORPUS(rows);
