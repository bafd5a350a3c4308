// SPDX-License-Identifier: GPL-2.0-only
/* What the lock validator has to report, and, under the names that end in _ok, what looks like it and is right. */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

static char *what = "";
module_param(what, charp, 0444);

static DEFINE_MUTEX(A);
static DEFINE_MUTEX(B);
static DEFINE_MUTEX(C);
static DEFINE_SPINLOCK(S);
static DEFINE_SPINLOCK(T);
static DEFINE_RWLOCK(R);
static DECLARE_RWSEM(W);
static DECLARE_RWSEM(X);
static DECLARE_COMPLETION(done);

struct node {
	struct node *child;
	struct mutex m;
	spinlock_t s;
};

static struct node *make_node(void)
{
	struct node *n = kzalloc(sizeof(*n), GFP_KERNEL);

	mutex_init(&n->m);
	spin_lock_init(&n->s);
	return n;
}

static void ab(void) { mutex_lock(&A); mutex_lock(&B); mutex_unlock(&B); mutex_unlock(&A); }
static void ba(void) { mutex_lock(&B); mutex_lock(&A); mutex_unlock(&A); mutex_unlock(&B); }
static void take_s(void) { spin_lock(&S); spin_unlock(&S); }
static void take_r(void) { read_lock(&R); read_unlock(&R); }

static void (*inside)(void);
static enum hrtimer_restart on_hrtimer(struct hrtimer *t) { inside(); complete(&done); return HRTIMER_NORESTART; }
static void run_in_hardirq(void (*f)(void))
{
	static struct hrtimer t;

	inside = f;
	hrtimer_init(&t, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	t.function = on_hrtimer;
	hrtimer_start(&t, ms_to_ktime(2), HRTIMER_MODE_REL_HARD);
	wait_for_completion(&done);
}
static void on_timer(struct timer_list *t) { inside(); complete(&done); }
static DEFINE_TIMER(timer, on_timer);
static void run_in_softirq(void (*f)(void))
{
	inside = f;
	mod_timer(&timer, jiffies + 1);
	wait_for_completion(&done);
}
static int on_thread(void *unused) { inside(); complete(&done); return 0; }
static void run_in_thread(void (*f)(void))
{
	inside = f;
	kthread_run(on_thread, NULL, "lock_order");
	wait_for_completion(&done);
	msleep(20);
}

/* order */
static void abba(void) { ab(); ba(); }
static void abba_threads(void) { run_in_thread(ab); run_in_thread(ba); }
static void one_order_ok(void) { ab(); ab(); run_in_thread(ab); }
static void three(void)
{
	ab();
	mutex_lock(&B); mutex_lock(&C); mutex_unlock(&C); mutex_unlock(&B);
	mutex_lock(&C); mutex_lock(&A); mutex_unlock(&A); mutex_unlock(&C);
}
static void three_ok(void)
{
	ab();
	mutex_lock(&B); mutex_lock(&C); mutex_unlock(&C); mutex_unlock(&B);
	mutex_lock(&A); mutex_lock(&C); mutex_unlock(&C); mutex_unlock(&A);
}
static void trylock_ok(void) { ab(); mutex_lock(&B); if (mutex_trylock(&A)) mutex_unlock(&A); mutex_unlock(&B); }
static void readers_order(void)
{
	down_read(&W); down_read(&X); up_read(&X); up_read(&W);
	down_read(&X); down_read(&W); up_read(&W); up_read(&X);
}
static void of_objects(void)
{
	struct node *x = make_node(), *y = make_node();

	spin_lock(&x->s); spin_lock(&S); spin_unlock(&S); spin_unlock(&x->s);
	spin_lock(&S); spin_lock(&y->s); spin_unlock(&y->s); spin_unlock(&S);
	kfree(x); kfree(y);
}
static void of_objects_ok(void)
{
	struct node *x = make_node(), *y = make_node();

	spin_lock(&x->s); spin_lock(&S); spin_unlock(&S); spin_unlock(&x->s);
	spin_lock(&y->s); spin_lock(&S); spin_unlock(&S); spin_unlock(&y->s);
	kfree(x); kfree(y);
}

/* nesting */
static void same_class(void)
{
	struct node *x = make_node(), *y = make_node();

	mutex_lock(&x->m);
	mutex_lock(&y->m);
	mutex_unlock(&y->m);
	mutex_unlock(&x->m);
	kfree(x); kfree(y);
}
static void same_class_ok(void)
{
	struct node *x = make_node(), *y = make_node();

	mutex_lock(&x->m);
	mutex_lock_nested(&y->m, SINGLE_DEPTH_NESTING);
	y->child = x;	/* else the compiler makes one function of this and same_class() */
	mutex_unlock(&y->m);
	mutex_unlock(&x->m);
	kfree(x); kfree(y);
}
static void read_twice(void) { read_lock(&R); read_lock(&R); read_unlock(&R); read_unlock(&R); }

/* interrupts */
static void hardirq(void) { take_s(); run_in_hardirq(take_s); }
static void hardirq_ok(void) { unsigned long f; spin_lock_irqsave(&S, f); spin_unlock_irqrestore(&S, f); run_in_hardirq(take_s); }
static void hardirq_reader_ok(void) { take_r(); run_in_hardirq(take_r); }
static void softirq(void) { take_s(); run_in_softirq(take_s); }
static void softirq_ok(void) { spin_lock_bh(&S); spin_unlock_bh(&S); run_in_softirq(take_s); }
static void hardirq_chain(void)
{
	run_in_hardirq(take_s);
	spin_lock(&T); spin_unlock(&T);
	spin_lock_irq(&S); spin_lock(&T); spin_unlock(&T); spin_unlock_irq(&S);
}
static void hardirq_chain_ok(void)
{
	run_in_hardirq(take_s);
	spin_lock_irq(&T); spin_unlock_irq(&T);
	spin_lock_irq(&S); spin_lock(&T); spin_unlock(&T); spin_unlock_irq(&S);
}

/* contexts */
static void mutex_in_spin(void) { spin_lock(&S); mutex_lock(&A); mutex_unlock(&A); spin_unlock(&S); }
static void spin_in_mutex_ok(void) { mutex_lock(&A); spin_lock(&S); spin_unlock(&S); mutex_unlock(&A); }
static void alloc_in_spin(void) { void *p; spin_lock(&S); p = kmalloc(64, GFP_KERNEL); spin_unlock(&S); kfree(p); }
static void alloc_in_spin_ok(void) { void *p; spin_lock(&S); p = kmalloc(64, GFP_ATOMIC); spin_unlock(&S); kfree(p); }
static void sleep_in_rcu(void) { rcu_read_lock(); might_sleep(); rcu_read_unlock(); }
static void sleep_after_rcu_ok(void) { rcu_read_lock(); rcu_read_unlock(); might_sleep(); }

/* balance and lifetime */
static void unlock_twice(void) { mutex_lock(&A); mutex_unlock(&A); mutex_unlock(&A); }
static void unlock_out_of_order_ok(void) { mutex_lock(&A); mutex_lock(&B); mutex_unlock(&A); mutex_unlock(&B); }
static void free_held(void) { struct node *x = make_node(); mutex_lock(&x->m); kfree(x); }
static void free_ok(void) { struct node *x = make_node(); mutex_lock(&x->m); mutex_unlock(&x->m); kfree(x); ab(); }
static void kept(void) { mutex_lock(&A); }
static void thread_keeps(void) { run_in_thread(kept); }
static void work_fn(struct work_struct *w) { mutex_lock(&A); mutex_unlock(&A); }
static void work_keeps_fn(struct work_struct *w) { mutex_lock(&A); complete(&done); }
static DECLARE_WORK(work, work_fn);
static DECLARE_WORK(work_keeps, work_keeps_fn);
static void work_leak(void) { schedule_work(&work_keeps); wait_for_completion(&done); msleep(20); }
static void work_ok(void) { schedule_work(&work); flush_work(&work); }
/* waiting for a callback under a lock that the callback takes */
static struct workqueue_struct *queue;
static void run_work(void) { schedule_work(&work); msleep(20); }
static void flush_holding(void) { run_work(); mutex_lock(&A); flush_work(&work); mutex_unlock(&A); }
static void cancel_holding(void) { run_work(); mutex_lock(&A); cancel_work_sync(&work); mutex_unlock(&A); }
static void queue_holding(void)
{
	queue = alloc_workqueue("lock_order_wq", 0, 0);
	queue_work(queue, &work); msleep(20);
	mutex_lock(&A); flush_workqueue(queue); mutex_unlock(&A);
	destroy_workqueue(queue);
}
static void flush_other_lock_ok(void) { run_work(); mutex_lock(&B); flush_work(&work); cancel_work_sync(&work); mutex_unlock(&B); }
static void on_wait_timer(struct timer_list *t) { spin_lock(&S); spin_unlock(&S); }
static DEFINE_TIMER(wait_timer, on_wait_timer);
static void run_timer(void) { mod_timer(&wait_timer, jiffies + 1); msleep(50); }
static void timer_holding(void) { run_timer(); spin_lock_bh(&S); del_timer_sync(&wait_timer); spin_unlock_bh(&S); }
static void timer_other_lock_ok(void) { run_timer(); spin_lock_bh(&T); del_timer_sync(&wait_timer); spin_unlock_bh(&T); }
static void timer_not_waited_for_ok(void) { run_timer(); spin_lock_bh(&S); del_timer(&wait_timer); spin_unlock_bh(&S); }
struct job { struct work_struct w; };
static void free_job(struct work_struct *w) { mutex_lock(&A); mutex_unlock(&A); kfree(container_of(w, struct job, w)); complete(&done); }
static void work_frees_itself_ok(void)
{
	struct job *j = kzalloc(sizeof(*j), GFP_KERNEL);
	INIT_WORK(&j->w, free_job);
	schedule_work(&j->w);
	wait_for_completion(&done);
	msleep(20);
}
static void uninitialised(void) { struct mutex *m = kzalloc(sizeof(*m), GFP_KERNEL); mutex_lock(m); mutex_unlock(m); kfree(m); }
static void on_stack_ok(void) { struct mutex m; mutex_init(&m); mutex_lock(&m); mutex_unlock(&m); }

#define E(n) { #n, n }
static const struct { const char *name; void (*f)(void); } cases[] = {
	E(abba), E(abba_threads), E(one_order_ok), E(three), E(three_ok), E(trylock_ok), E(readers_order), E(of_objects),
	E(of_objects_ok), E(same_class), E(same_class_ok), E(read_twice), E(hardirq), E(hardirq_ok), E(hardirq_reader_ok),
	E(softirq), E(softirq_ok), E(hardirq_chain), E(hardirq_chain_ok), E(mutex_in_spin), E(spin_in_mutex_ok),
	E(alloc_in_spin), E(alloc_in_spin_ok), E(sleep_in_rcu), E(sleep_after_rcu_ok), E(unlock_twice),
	E(unlock_out_of_order_ok), E(free_held), E(free_ok), E(kept), E(thread_keeps), E(work_leak), E(work_ok),
	E(flush_holding), E(cancel_holding), E(queue_holding), E(flush_other_lock_ok), E(timer_holding), E(timer_other_lock_ok),
	E(timer_not_waited_for_ok), E(work_frees_itself_ok), E(uninitialised), E(on_stack_ok),
};

static int __init lock_order_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		if (strcmp(cases[i].name, what))
			continue;
		cases[i].f();
		return 0;
	}
	return -EINVAL;
}

static void __exit lock_order_exit(void)
{
}

module_init(lock_order_init);
module_exit(lock_order_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Lock patterns, wrong and right");
