// SPDX-License-Identifier: GPL-2.0-only
/* Wait queues and completions that go while somebody waits, and entries of them; work queues destroyed in use. */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "corpus.h"

struct object {
	wait_queue_head_t queue;
	wait_queue_entry_t entry;
	struct completion done;
	bool ready;
	bool gone;
};

static int is_called(struct wait_queue_entry *entry, unsigned int mode, int flags, void *key) { return 0; }

static void set_up(struct object *o)
{
	init_waitqueue_head(&o->queue);
	init_waitqueue_func_entry(&o->entry, is_called);
	INIT_LIST_HEAD(&o->entry.entry);
	init_completion(&o->done);
}

static struct object *made(void)
{
	struct object *o = kzalloc(sizeof(*o), GFP_KERNEL);

	if (o)
		set_up(o);
	return o;
}

static int waits(void *data) { struct object *o = data; wait_event(o->queue, o->ready); smp_store_release(&o->gone, true); return 0; }
static int waits_for_completion(void *data) { struct object *o = data; wait_for_completion(&o->done); smp_store_release(&o->gone, true); return 0; }

/* As some drivers do it, without wait_event(). */
static int waits_by_hand(void *data)
{
	struct object *o = data;
	DECLARE_WAITQUEUE(entry, current);

	add_wait_queue(&o->queue, &entry);
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
	if (!o->ready)
		remove_wait_queue(&o->queue, &entry);
	return 0;
}

static void until_it_waits(int (*fn)(void *), struct object *o) { kthread_run(fn, o, "waiter"); msleep(10); }
static void let_go(struct object *o) { o->ready = true; wake_up(&o->queue); while (!smp_load_acquire(&o->gone)) msleep(1); }

CASE(free_queue_with_waiter) { struct object *o = made(); until_it_waits(waits, o); kfree(o); }
CASE(free_queue_after_wait_ok) { struct object *o = made(); until_it_waits(waits, o); let_go(o); kfree(o); }
CASE(free_other_than_queue_ok) { struct object *o = made(), *p = made(); until_it_waits(waits, o); kfree(p); let_go(o); kfree(o); }

CASE(free_completion_with_waiter) { struct object *o = made(); until_it_waits(waits_for_completion, o); kfree(o); }
CASE(free_completion_after_wait_ok) { struct object *o = made(); until_it_waits(waits_for_completion, o); complete(&o->done); while (!smp_load_acquire(&o->gone)) msleep(1); kfree(o); }

static DECLARE_WAIT_QUEUE_HEAD(queue);
CASE(free_queued_entry) { struct object *o = made(); add_wait_queue(&queue, &o->entry); kfree(o); }
CASE(free_removed_entry_ok) { struct object *o = made(); add_wait_queue(&queue, &o->entry); wake_up(&queue); remove_wait_queue(&queue, &o->entry); kfree(o); }
CASE(free_queue_with_entry) { struct object *o = made(), *p = made(); add_wait_queue(&o->queue, &p->entry); kfree(o); kfree(p); }
CASE(free_queue_and_entry_in_order_ok) { struct object *o = made(), *p = made(); add_wait_queue_exclusive(&o->queue, &p->entry); remove_wait_queue(&o->queue, &p->entry); kfree(o); kfree(p); }
CASE(vfree_queued_entry) { struct object *o = vzalloc(sizeof(*o)); set_up(o); add_wait_queue(&queue, &o->entry); vfree(o); }
CASE(vfree_removed_entry_ok) { struct object *o = vzalloc(sizeof(*o)); set_up(o); add_wait_queue(&queue, &o->entry); remove_wait_queue(&queue, &o->entry); vfree(o); }
CASE(free_pages_with_queue) { struct object *o = (void *)get_zeroed_page(GFP_KERNEL); set_up(o); until_it_waits(waits_by_hand, o); free_page((unsigned long)o); }
CASE(free_pages_after_wait_ok) { struct object *o = (void *)get_zeroed_page(GFP_KERNEL); set_up(o); until_it_waits(waits, o); let_go(o); free_page((unsigned long)o); }

static struct kmem_cache *cache;
CASE(cache_free_queued_entry) { struct object *o; cache = KMEM_CACHE(object, 0); o = kmem_cache_zalloc(cache, GFP_KERNEL); set_up(o); add_wait_queue(&queue, &o->entry); kmem_cache_free(cache, o); kmem_cache_destroy(cache); }
CASE(cache_free_removed_entry_ok) { struct object *o; cache = KMEM_CACHE(object, 0); o = kmem_cache_zalloc(cache, GFP_KERNEL); set_up(o); add_wait_queue(&queue, &o->entry); remove_wait_queue(&queue, &o->entry); kmem_cache_free(cache, o); kmem_cache_destroy(cache); }

/* Nothing of the module runs any more in these but what waits. */
static struct object still;
CASE(waiter_left_at_exit) { set_up(&still); until_it_waits(waits, &still); }
static void wake_waiter(void) { let_go(&still); }
CASE(waiter_woken_at_exit_ok) { set_up(&still); until_it_waits(waits, &still); corpus_at_exit = wake_waiter; }
/* A queue of somebody else's that outlives the module. */
static struct wait_queue_head *others;
CASE(entry_left_at_exit) { set_up(&still); others = bit_waitqueue(&still, 0); add_wait_queue(others, &still.entry); }
static void remove_entry(void) { remove_wait_queue(others, &still.entry); }
CASE(entry_removed_at_exit_ok) { entry_left_at_exit(); corpus_at_exit = remove_entry; }

/* ---- work queues ---- */
static struct workqueue_struct *wq;
static struct work_struct work, other;
static struct delayed_work delayed;
static int turns;
static void no_work(struct work_struct *w) { }
static void slow_work(struct work_struct *w) { msleep(20); }
static void again(struct work_struct *w) { msleep(1); if (++turns < 15) queue_work(wq, w); }
static void destroys_its_own(struct work_struct *w) { destroy_workqueue(wq); }
static void queue_other(struct timer_list *t) { queue_work(wq, &other); }
static DEFINE_TIMER(queues_other, queue_other);

static void begin(work_func_t fn) { wq = alloc_workqueue("corpus", 0, 0); INIT_WORK(&work, fn); INIT_WORK(&other, no_work); INIT_DELAYED_WORK(&delayed, no_work); }

CASE(destroy_with_delayed_work) { begin(no_work); queue_delayed_work(wq, &delayed, 100); destroy_workqueue(wq); }
CASE(destroy_with_cancelled_delayed_work_ok) { begin(no_work); queue_delayed_work(wq, &delayed, 100); cancel_delayed_work_sync(&delayed); destroy_workqueue(wq); }
CASE(destroy_with_expired_delayed_work_ok) { begin(no_work); queue_delayed_work(wq, &delayed, 1); msleep(50); destroy_workqueue(wq); }
CASE(destroy_with_delayed_work_elsewhere_ok) { begin(no_work); schedule_delayed_work(&delayed, 10); destroy_workqueue(wq); cancel_delayed_work_sync(&delayed); }
CASE(destroy_with_pending_and_running_ok) { begin(slow_work); queue_work(wq, &work); queue_work(wq, &other); msleep(5); destroy_workqueue(wq); }
CASE(destroy_while_it_queues_itself) { begin(again); queue_work(wq, &work); destroy_workqueue(wq); }
CASE(destroy_after_chained_work_ok) { turns = 10; begin(again); queue_work(wq, &work); destroy_workqueue(wq); }
CASE(destroy_while_others_queue) { begin(slow_work); queue_work(wq, &work); mod_timer(&queues_other, jiffies + 2); destroy_workqueue(wq); }
CASE(destroy_after_others_queued_ok) { begin(slow_work); queue_work(wq, &work); mod_timer(&queues_other, jiffies + 1); msleep(20); del_timer_sync(&queues_other); destroy_workqueue(wq); }
CASE(destroy_from_own_work) { begin(destroys_its_own); queue_work(wq, &work); ssleep(300); }
CASE(destroy_from_others_work_ok) { begin(destroys_its_own); schedule_work(&work); flush_work(&work); }

static const struct corpus_case rows[] = {
	ROW(free_queue_with_waiter), ROW(free_queue_after_wait_ok), ROW(free_other_than_queue_ok), ROW(free_completion_with_waiter),
	ROW(free_completion_after_wait_ok), ROW(free_queued_entry), ROW(free_removed_entry_ok), ROW(free_queue_with_entry),
	ROW(free_queue_and_entry_in_order_ok), ROW(vfree_queued_entry), ROW(vfree_removed_entry_ok), ROW(free_pages_with_queue),
	ROW(free_pages_after_wait_ok), ROW(cache_free_queued_entry), ROW(cache_free_removed_entry_ok), ROW(waiter_left_at_exit),
	ROW(waiter_woken_at_exit_ok), ROW(entry_left_at_exit), ROW(entry_removed_at_exit_ok),
	ROW(destroy_with_delayed_work), ROW(destroy_with_cancelled_delayed_work_ok), ROW(destroy_with_expired_delayed_work_ok),
	ROW(destroy_with_delayed_work_elsewhere_ok), ROW(destroy_with_pending_and_running_ok), ROW(destroy_while_it_queues_itself),
	ROW(destroy_after_chained_work_ok), ROW(destroy_while_others_queue), ROW(destroy_after_others_queued_ok),
	ROW(destroy_from_own_work), ROW(destroy_from_others_work_ok),
};

CORPUS(rows);
