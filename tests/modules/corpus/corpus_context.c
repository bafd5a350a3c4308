// SPDX-License-Identifier: GPL-2.0-only
/* Who sleeps where nobody may, and who leaves a context other than as it was. */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/semaphore.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "corpus.h"

static DEFINE_SPINLOCK(spin);
static DEFINE_MUTEX(mutex);
static DECLARE_RWSEM(rwsem);
#ifdef DEFINE_SEMAPHORE_ONE
#endif
static struct semaphore semaphore = __SEMAPHORE_INITIALIZER(semaphore, 1);
static DECLARE_COMPLETION(completion);
static DECLARE_WAIT_QUEUE_HEAD(queue);
static void *memory;

CASE(mutex_under_spinlock) { spin_lock(&spin); mutex_lock(&mutex); mutex_unlock(&mutex); spin_unlock(&spin); }
CASE(mutex_before_spinlock_ok) { mutex_lock(&mutex); spin_lock(&spin); spin_unlock(&spin); mutex_unlock(&mutex); }
CASE(mutex_trylock_under_spinlock_ok) { spin_lock(&spin); if (mutex_trylock(&mutex)) mutex_unlock(&mutex); spin_unlock(&spin); }

CASE(down_read_irqs_off) { local_irq_disable(); down_read(&rwsem); up_read(&rwsem); local_irq_enable(); }
CASE(down_read_irqs_on_again_ok) { local_irq_disable(); local_irq_enable(); down_read(&rwsem); up_read(&rwsem); }

CASE(down_write_preempt_off) { preempt_disable(); down_write(&rwsem); up_write(&rwsem); preempt_enable(); }
CASE(down_write_trylock_preempt_off_ok) { preempt_disable(); if (down_write_trylock(&rwsem)) up_write(&rwsem); preempt_enable(); }

CASE(down_under_spinlock) { spin_lock(&spin); down(&semaphore); up(&semaphore); spin_unlock(&spin); }
CASE(up_under_spinlock_ok) { down(&semaphore); spin_lock(&spin); up(&semaphore); spin_unlock(&spin); }

CASE(wait_under_spinlock) { complete(&completion); spin_lock(&spin); wait_for_completion(&completion); spin_unlock(&spin); }
CASE(complete_under_spinlock_ok) { spin_lock(&spin); complete(&completion); spin_unlock(&spin); wait_for_completion(&completion); }

CASE(kmalloc_kernel_under_spinlock) { spin_lock(&spin); memory = kmalloc(64, GFP_KERNEL); spin_unlock(&spin); kfree(memory); }
CASE(kmalloc_atomic_under_spinlock_ok) { spin_lock(&spin); memory = kmalloc(64, GFP_ATOMIC); spin_unlock(&spin); kfree(memory); }
CASE(kmalloc_nowait_under_spinlock_ok) { spin_lock(&spin); memory = kmalloc(64, GFP_NOWAIT); spin_unlock(&spin); kfree(memory); }

CASE(kmalloc_kernel_in_rcu_reader) { rcu_read_lock(); memory = kmalloc(64, GFP_KERNEL); rcu_read_unlock(); kfree(memory); }
CASE(kmalloc_kernel_after_rcu_reader_ok) { rcu_read_lock(); rcu_read_unlock(); memory = kmalloc(64, GFP_KERNEL); kfree(memory); }

CASE(kmalloc_kernel_irqs_off) { unsigned long f; local_irq_save(f); memory = kmalloc(64, GFP_KERNEL); local_irq_restore(f); kfree(memory); }
CASE(kfree_irqs_off_ok) { unsigned long f; memory = kmalloc(64, GFP_KERNEL); local_irq_save(f); kfree(memory); local_irq_restore(f); }

CASE(kmalloc_kernel_bh_off) { local_bh_disable(); memory = kmalloc(64, GFP_KERNEL); local_bh_enable(); kfree(memory); }
CASE(kmalloc_atomic_bh_off_ok) { local_bh_disable(); memory = kmalloc(64, GFP_ATOMIC); local_bh_enable(); kfree(memory); }

CASE(cache_kernel_under_spinlock)
{
	struct kmem_cache *cache = kmem_cache_create("corpus_cache", 64, 0, 0, NULL);

	spin_lock(&spin);
	memory = kmem_cache_alloc(cache, GFP_KERNEL);
	spin_unlock(&spin);
	kmem_cache_free(cache, memory);
	kmem_cache_destroy(cache);
}
CASE(cache_atomic_under_spinlock_ok)
{
	struct kmem_cache *cache = kmem_cache_create("corpus_cache", 64, 0, 0, NULL);

	spin_lock(&spin);
	memory = kmem_cache_alloc(cache, GFP_ATOMIC);
	spin_unlock(&spin);
	kmem_cache_free(cache, memory);
	memory = kmem_cache_alloc(cache, GFP_KERNEL);
	kmem_cache_free(cache, memory);
	kmem_cache_destroy(cache);
}
CASE(cache_bulk_kernel_under_spinlock)
{
	struct kmem_cache *cache = kmem_cache_create("corpus_cache", 64, 0, 0, NULL);
	void *objects[4];

	spin_lock(&spin);
	if (kmem_cache_alloc_bulk(cache, GFP_KERNEL, 4, objects))
		kmem_cache_free_bulk(cache, 4, objects);
	spin_unlock(&spin);
	kmem_cache_destroy(cache);
}
CASE(cache_bulk_atomic_under_spinlock_ok)
{
	struct kmem_cache *cache = kmem_cache_create("corpus_cache", 64, 0, 0, NULL);
	void *objects[4];

	spin_lock(&spin);
	if (kmem_cache_alloc_bulk(cache, GFP_ATOMIC, 4, objects))
		kmem_cache_free_bulk(cache, 4, objects);
	spin_unlock(&spin);
	kmem_cache_destroy(cache);
}

CASE(might_sleep_under_spinlock) { spin_lock(&spin); might_sleep(); spin_unlock(&spin); }
CASE(might_sleep_ok) { spin_lock(&spin); spin_unlock(&spin); might_sleep(); }

CASE(cond_resched_under_spinlock) { spin_lock(&spin); cond_resched(); spin_unlock(&spin); }
CASE(cond_resched_lock_ok) { spin_lock(&spin); cond_resched_lock(&spin); spin_unlock(&spin); }

CASE(wait_event_under_spinlock) { spin_lock(&spin); wait_event(queue, true); spin_unlock(&spin); }
CASE(wake_up_under_spinlock_ok) { spin_lock(&spin); wake_up(&queue); spin_unlock(&spin); wait_event(queue, true); }

CASE(msleep_under_spinlock) { spin_lock(&spin); msleep(5); spin_unlock(&spin); }
CASE(mdelay_under_spinlock_ok) { spin_lock(&spin); mdelay(5); spin_unlock(&spin); }

CASE(schedule_preempt_off) { preempt_disable(); schedule(); preempt_enable(); }
CASE(schedule_ok) { preempt_disable(); preempt_enable(); schedule(); }

CASE(msleep_in_rcu_reader) { rcu_read_lock(); msleep(5); rcu_read_unlock(); }
CASE(udelay_in_rcu_reader_ok) { rcu_read_lock(); udelay(5); rcu_read_unlock(); msleep(5); }

static void timer_sleeps(struct timer_list *t) { mutex_lock(&mutex); mutex_unlock(&mutex); }
static DEFINE_TIMER(sleepy_timer, timer_sleeps);
CASE(mutex_in_timer) { mod_timer(&sleepy_timer, jiffies + 1); msleep(50); }
static void timer_tries(struct timer_list *t) { spin_lock(&spin); spin_unlock(&spin); }
static DEFINE_TIMER(good_timer, timer_tries);
CASE(spinlock_in_timer_ok) { mod_timer(&good_timer, jiffies + 1); msleep(50); }

static void tasklet_allocates(struct tasklet_struct *t) { kfree(kmalloc(64, GFP_KERNEL)); }
static DECLARE_TASKLET(greedy_tasklet, tasklet_allocates);
CASE(kmalloc_kernel_in_tasklet) { tasklet_schedule(&greedy_tasklet); msleep(50); }
static void tasklet_atomic(struct tasklet_struct *t) { kfree(kmalloc(64, GFP_ATOMIC)); }
static DECLARE_TASKLET(good_tasklet, tasklet_atomic);
CASE(kmalloc_atomic_in_tasklet_ok) { tasklet_schedule(&good_tasklet); msleep(50); }

static void work_leaks(struct work_struct *w) { preempt_disable(); }
static DECLARE_WORK(leaky_work, work_leaks);
CASE(work_leaves_preempt_off) { schedule_work(&leaky_work); msleep(50); }
static void work_reader(struct work_struct *w) { rcu_read_lock(); }
static DECLARE_WORK(reader_work, work_reader);
CASE(work_leaves_rcu_reader) { schedule_work(&reader_work); msleep(50); }
static void work_balanced(struct work_struct *w) { preempt_disable(); rcu_read_lock(); rcu_read_unlock(); preempt_enable(); }
static DECLARE_WORK(balanced_work, work_balanced);
CASE(work_balanced_ok) { schedule_work(&balanced_work); msleep(50); }

static void timer_leaks(struct timer_list *t) { preempt_disable(); }
static DEFINE_TIMER(leaky_timer, timer_leaks);
CASE(timer_leaves_preempt_off) { mod_timer(&leaky_timer, jiffies + 1); msleep(50); }

CASE(init_leaves_preempt_off) { preempt_disable(); }
CASE(init_preempt_balanced_ok) { preempt_disable(); preempt_disable(); preempt_enable(); preempt_enable(); }
CASE(init_leaves_irqs_off) { local_irq_disable(); }
CASE(init_irqs_balanced_ok) { unsigned long f; local_irq_save(f); local_irq_restore(f); }
CASE(init_leaves_spinlock) { spin_lock(&spin); }
CASE(init_spinlock_balanced_ok) { spin_lock_irq(&spin); spin_unlock_irq(&spin); }

static const struct corpus_case rows[] = {
	ROW(mutex_under_spinlock), ROW(mutex_before_spinlock_ok), ROW(mutex_trylock_under_spinlock_ok), ROW(down_read_irqs_off),
	ROW(down_read_irqs_on_again_ok), ROW(down_write_preempt_off), ROW(down_write_trylock_preempt_off_ok),
	ROW(down_under_spinlock), ROW(up_under_spinlock_ok), ROW(wait_under_spinlock), ROW(complete_under_spinlock_ok),
	ROW(kmalloc_kernel_under_spinlock), ROW(kmalloc_atomic_under_spinlock_ok), ROW(kmalloc_nowait_under_spinlock_ok),
	ROW(kmalloc_kernel_in_rcu_reader), ROW(kmalloc_kernel_after_rcu_reader_ok), ROW(kmalloc_kernel_irqs_off), ROW(kfree_irqs_off_ok),
	ROW(kmalloc_kernel_bh_off), ROW(kmalloc_atomic_bh_off_ok), ROW(might_sleep_under_spinlock), ROW(might_sleep_ok),
	ROW(cond_resched_under_spinlock), ROW(cond_resched_lock_ok), ROW(wait_event_under_spinlock), ROW(wake_up_under_spinlock_ok),
	ROW(msleep_under_spinlock), ROW(mdelay_under_spinlock_ok), ROW(schedule_preempt_off), ROW(schedule_ok),
	ROW(msleep_in_rcu_reader), ROW(udelay_in_rcu_reader_ok), ROW(mutex_in_timer), ROW(spinlock_in_timer_ok),
	ROW(cache_kernel_under_spinlock), ROW(cache_atomic_under_spinlock_ok),
	ROW(cache_bulk_kernel_under_spinlock), ROW(cache_bulk_atomic_under_spinlock_ok),
	ROW(kmalloc_kernel_in_tasklet), ROW(kmalloc_atomic_in_tasklet_ok), ROW(work_leaves_preempt_off), ROW(work_leaves_rcu_reader),
	ROW(work_balanced_ok), ROW(timer_leaves_preempt_off), ROW(init_leaves_preempt_off), ROW(init_preempt_balanced_ok),
	ROW(init_leaves_irqs_off), ROW(init_irqs_balanced_ok), ROW(init_leaves_spinlock), ROW(init_spinlock_balanced_ok),
};

CORPUS(rows);
