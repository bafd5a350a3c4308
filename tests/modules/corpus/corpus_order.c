// SPDX-License-Identifier: GPL-2.0-only
/* Lock kinds beside each other: readers and writers, wait types, percpu-rwsems, ww_mutexes, rt_mutexes, RCU; and the same done well. */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/percpu-rwsem.h>
#include <linux/rcupdate.h>
#include <linux/rtmutex.h>
#include <linux/rwsem.h>
#include <linux/semaphore.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>
#include <linux/ww_mutex.h>

#include "corpus.h"

static DEFINE_MUTEX(a);
static DEFINE_MUTEX(b);
static DEFINE_MUTEX(c);
static DECLARE_RWSEM(rw);
static DEFINE_SPINLOCK(s);
static DEFINE_RAW_SPINLOCK(raw);
static DEFINE_RWLOCK(r);
static DEFINE_RWLOCK(r2);
static DEFINE_RT_MUTEX(rt);
static DEFINE_RT_MUTEX(rt2);
DEFINE_STATIC_PERCPU_RWSEM(percpu);
static DEFINE_WW_CLASS(ww_class);

CASE(three_mutexes_in_a_ring) { mutex_lock(&a); mutex_lock(&b); mutex_unlock(&b); mutex_unlock(&a); mutex_lock(&b); mutex_lock(&c); mutex_unlock(&c); mutex_unlock(&b); mutex_lock(&c); mutex_lock(&a); mutex_unlock(&a); mutex_unlock(&c); }
CASE(three_mutexes_in_a_row_ok) { mutex_lock(&a); mutex_lock(&b); mutex_unlock(&b); mutex_unlock(&a); mutex_lock(&b); mutex_lock(&c); mutex_unlock(&c); mutex_unlock(&b); mutex_lock(&a); mutex_lock(&c); mutex_unlock(&c); mutex_unlock(&a); }

CASE(down_read_then_write) { down_read(&rw); if (down_write_killable(&rw)) pr_info("corpus: killed\n"); }
CASE(down_read_trylock_twice_ok) { down_read(&rw); if (down_read_trylock(&rw)) up_read(&rw); up_read(&rw); }
CASE(up_read_not_held) { up_read(&rw); }
CASE(up_read_held_ok) { down_read(&rw); up_read(&rw); }

CASE(rwlocks_both_orders) { write_lock(&r); read_lock(&r2); read_unlock(&r2); write_unlock(&r); write_lock(&r2); write_lock(&r); write_unlock(&r); write_unlock(&r2); }
CASE(rwlocks_one_order_ok) { write_lock(&r); read_lock(&r2); read_unlock(&r2); write_unlock(&r); write_lock(&r); write_lock(&r2); write_unlock(&r2); write_unlock(&r); }

CASE(raw_spinlock_under_spinlock_ok) { spin_lock(&s); raw_spin_lock(&raw); raw_spin_unlock(&raw); spin_unlock(&s); }
CASE(spinlock_under_rwlock_ok) { read_lock(&r); spin_lock(&s); spin_unlock(&s); read_unlock(&r); }
CASE(mutex_in_rcu_reader) { rcu_read_lock(); mutex_lock(&a); mutex_unlock(&a); rcu_read_unlock(); }
CASE(spinlock_in_rcu_reader_ok) { rcu_read_lock(); spin_lock(&s); spin_unlock(&s); rcu_read_unlock(); }

CASE(rt_mutexes_both_orders) { rt_mutex_lock(&rt); rt_mutex_lock(&rt2); rt_mutex_unlock(&rt2); rt_mutex_unlock(&rt); rt_mutex_lock(&rt2); rt_mutex_lock(&rt); rt_mutex_unlock(&rt); rt_mutex_unlock(&rt2); }
CASE(rt_mutexes_one_order_ok) { rt_mutex_lock(&rt); rt_mutex_lock(&rt2); rt_mutex_unlock(&rt2); rt_mutex_unlock(&rt); rt_mutex_lock(&rt); rt_mutex_lock(&rt2); rt_mutex_unlock(&rt2); rt_mutex_unlock(&rt); }

CASE(percpu_write_and_mutex_both_orders) { percpu_down_write(&percpu); mutex_lock(&a); mutex_unlock(&a); percpu_up_write(&percpu); mutex_lock(&a); percpu_down_write(&percpu); percpu_up_write(&percpu); mutex_unlock(&a); }
CASE(percpu_write_and_mutex_one_order_ok) { percpu_down_write(&percpu); mutex_lock(&a); mutex_unlock(&a); percpu_up_write(&percpu); percpu_down_write(&percpu); mutex_lock(&a); mutex_unlock(&a); percpu_up_write(&percpu); }
CASE(percpu_down_write_under_spinlock) { spin_lock(&s); percpu_down_write(&percpu); percpu_up_write(&percpu); spin_unlock(&s); }
CASE(percpu_readers_ok) { percpu_down_read(&percpu); percpu_up_read(&percpu); percpu_down_write(&percpu); percpu_up_write(&percpu); }

static struct ww_mutex ww1, ww2;
CASE(ww_mutexes_without_a_context) { ww_mutex_init(&ww1, &ww_class); ww_mutex_init(&ww2, &ww_class); ww_mutex_lock(&ww1, NULL); ww_mutex_lock(&ww2, NULL); ww_mutex_unlock(&ww2); ww_mutex_unlock(&ww1); }
CASE(ww_mutexes_any_order_ok)
{
	struct ww_acquire_ctx ctx;

	ww_mutex_init(&ww1, &ww_class);
	ww_mutex_init(&ww2, &ww_class);
	ww_acquire_init(&ctx, &ww_class);
	if (!ww_mutex_lock(&ww1, &ctx)) {
		if (!ww_mutex_lock(&ww2, &ctx))
			ww_mutex_unlock(&ww2);
		ww_mutex_unlock(&ww1);
	}
	ww_acquire_fini(&ctx);
	ww_acquire_init(&ctx, &ww_class);
	if (!ww_mutex_lock(&ww2, &ctx)) {
		if (!ww_mutex_lock(&ww1, &ctx))
			ww_mutex_unlock(&ww1);
		ww_mutex_unlock(&ww2);
	}
	ww_acquire_fini(&ctx);
}

CASE(synchronize_rcu_expedited_in_reader) { rcu_read_lock(); synchronize_rcu_expedited(); rcu_read_unlock(); }
DEFINE_STATIC_SRCU(srcu);
CASE(synchronize_srcu_in_rcu_reader) { rcu_read_lock(); synchronize_srcu(&srcu); rcu_read_unlock(); }
CASE(synchronize_rcu_in_srcu_reader_ok) { int i = srcu_read_lock(&srcu); synchronize_rcu(); srcu_read_unlock(&srcu, i); }

CASE(vmalloc_under_spinlock) { void *p; spin_lock(&s); p = vmalloc(10000); spin_unlock(&s); vfree(p); }
CASE(vmalloc_under_mutex_ok) { void *p; mutex_lock(&a); p = vmalloc(10000); mutex_unlock(&a); vfree(p); }
CASE(kthread_created_under_spinlock) { spin_lock(&s); kthread_create(NULL, NULL, "corpus"); spin_unlock(&s); }
static int ends(void *unused) { return 0; }
CASE(kthread_created_under_mutex_ok) { mutex_lock(&a); kthread_run(ends, NULL, "corpus"); mutex_unlock(&a); msleep(20); }
static struct work_struct work;
static void works(struct work_struct *w) { }
CASE(flush_work_under_spinlock) { INIT_WORK(&work, works); schedule_work(&work); spin_lock(&s); flush_work(&work); spin_unlock(&s); }
CASE(queue_work_under_spinlock_ok) { INIT_WORK(&work, works); spin_lock(&s); schedule_work(&work); spin_unlock(&s); flush_work(&work); }
CASE(rt_mutex_under_spinlock) { spin_lock(&s); rt_mutex_lock(&rt); rt_mutex_unlock(&rt); spin_unlock(&s); }
CASE(rt_mutex_trylock_ok) { if (rt_mutex_trylock(&rt)) rt_mutex_unlock(&rt); }

static struct semaphore sem;
CASE(semaphore_by_two_ok) { sema_init(&sem, 1); down(&sem); up(&sem); if (!down_trylock(&sem)) up(&sem); }
CASE(down_timeout_ok) { sema_init(&sem, 1); down(&sem); if (!down_timeout(&sem, 10)) pr_err("corpus: twice\n"); up(&sem); }

static const struct corpus_case rows[] = {
	ROW(three_mutexes_in_a_ring), ROW(three_mutexes_in_a_row_ok), ROW(down_read_then_write), ROW(down_read_trylock_twice_ok),
	ROW(up_read_not_held), ROW(up_read_held_ok), ROW(rwlocks_both_orders), ROW(rwlocks_one_order_ok),
	ROW(raw_spinlock_under_spinlock_ok), ROW(spinlock_under_rwlock_ok), ROW(mutex_in_rcu_reader),
	ROW(spinlock_in_rcu_reader_ok), ROW(rt_mutexes_both_orders), ROW(rt_mutexes_one_order_ok), ROW(percpu_write_and_mutex_both_orders),
	ROW(percpu_write_and_mutex_one_order_ok), ROW(percpu_down_write_under_spinlock), ROW(percpu_readers_ok),
	ROW(ww_mutexes_without_a_context), ROW(ww_mutexes_any_order_ok), ROW(synchronize_rcu_expedited_in_reader),
	ROW(synchronize_srcu_in_rcu_reader), ROW(synchronize_rcu_in_srcu_reader_ok), ROW(vmalloc_under_spinlock), ROW(vmalloc_under_mutex_ok),
	ROW(kthread_created_under_spinlock), ROW(kthread_created_under_mutex_ok), ROW(flush_work_under_spinlock),
	ROW(queue_work_under_spinlock_ok), ROW(rt_mutex_under_spinlock), ROW(rt_mutex_trylock_ok), ROW(semaphore_by_two_ok), ROW(down_timeout_ok),
};

CORPUS(rows);
