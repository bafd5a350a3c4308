// SPDX-License-Identifier: GPL-2.0-only
/* Oopses in deferred and asynchronous work, and in what wakes and notifies. */
#include <linux/completion.h>
#include <linux/cpuhotplug.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/async.h>
#include <linux/percpu-refcount.h>
#include <linux/umh.h>
#include <linux/kthread.h>
#include <linux/notifier.h>
#include <linux/smp.h>
#include <linux/srcu.h>
#include <linux/timer.h>
#include <linux/wait.h>
#include <linux/wait_bit.h>
#include <linux/workqueue.h>

#include "upcall.h"

static void on_timer(struct timer_list *t) { upcall_oops(); }
static enum hrtimer_restart on_hrtimer(struct hrtimer *t) { return upcall_oops(); }
static void on_work(struct work_struct *work) { upcall_oops(); }
static void on_tasklet(struct tasklet_struct *t) { upcall_oops(); }
static void on_irq_work(struct irq_work *work) { upcall_oops(); }
static void on_rcu(struct rcu_head *head) { upcall_oops(); }
static void on_cpu(void *unused) { upcall_oops(); }
static long on_cpu_work(void *unused) { return upcall_oops(); }
static int on_cpu_online(unsigned int cpu) { return upcall_oops(); }
static int in_thread(void *unused) { return upcall_oops(); }
static void on_kthread_work(struct kthread_work *work) { upcall_oops(); }
static int on_event(struct notifier_block *block, unsigned long event, void *data) { return upcall_oops(); }
static int on_bit(struct wait_bit_key *key, int mode) { return upcall_oops(); }
static int on_wake(struct wait_queue_entry *entry, unsigned int mode, int flags, void *key) { return upcall_oops(); }

static DEFINE_TIMER(timer, on_timer);
static struct hrtimer hrtimer;
static DECLARE_WORK(work, on_work);
static DECLARE_DELAYED_WORK(delayed, on_work);
static DECLARE_TASKLET(tasklet, on_tasklet);
static void on_async(void *data, async_cookie_t cookie) { upcall_oops(); }
static void on_confirm(struct percpu_ref *r) { upcall_oops(); }
static void on_release(struct percpu_ref *r) { }
static int on_umh_init(struct subprocess_info *info, struct cred *new) { return upcall_oops(); }
static void on_umh_cleanup(struct subprocess_info *info) { upcall_oops(); }
static void on_rcu_tasks(struct rcu_head *head) { upcall_oops(); }
static struct rcu_head tasks_head;
static struct percpu_ref ref;
static char *no_words[] = { NULL };

static void helper(int (*init)(struct subprocess_info *info, struct cred *new),
		   void (*cleanup)(struct subprocess_info *info))
{
	call_usermodehelper_exec(call_usermodehelper_setup("/none", no_words, no_words, GFP_KERNEL, init, cleanup, NULL),
				 UMH_NO_WAIT);
	msleep(10);
}

static void newer_kinds(void)
{
	if (KIND("cpuhp_prepare"))
		cpuhp_setup_state(CPUHP_BP_PREPARE_DYN, "upcall:prepare", on_cpu_online, NULL);
	if (KIND("async")) {
		async_schedule(on_async, NULL);
		msleep(10);
	}
	if (KIND("umh_init"))
		helper(on_umh_init, NULL);
	if (KIND("umh_cleanup"))
		helper(NULL, on_umh_cleanup);
	if (KIND("rcu_tasks")) {
		call_rcu_tasks(&tasks_head, on_rcu_tasks);
		rcu_barrier_tasks();
	}
	if (KIND("ref_confirm") || KIND("ref_confirm_here")) {
		percpu_ref_init(&ref, on_release, KIND("ref_confirm_here") ? PERCPU_REF_INIT_ATOMIC : 0, GFP_KERNEL);
		percpu_ref_kill_and_confirm(&ref, on_confirm);
		msleep(100);
	}
}

static struct irq_work irq_work = IRQ_WORK_INIT(on_irq_work);
static struct rcu_head head;
DEFINE_STATIC_SRCU(srcu);
static struct notifier_block block = { .notifier_call = on_event };
static RAW_NOTIFIER_HEAD(raw_chain);
static ATOMIC_NOTIFIER_HEAD(atomic_chain);
static BLOCKING_NOTIFIER_HEAD(blocking_chain);
static DECLARE_WAIT_QUEUE_HEAD(queue);
static struct kthread_work kthread_work;
static unsigned long word = 1;

static void start(void)
{
	if (KIND("timer"))
		mod_timer(&timer, jiffies + 2);
	if (KIND("hrtimer")) {
		hrtimer_init(&hrtimer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
		hrtimer.function = on_hrtimer;
		hrtimer_start(&hrtimer, ms_to_ktime(1), HRTIMER_MODE_REL);
	}
	if (KIND("work"))
		schedule_work(&work);
	if (KIND("delayed_work"))
		schedule_delayed_work(&delayed, 2);
	if (KIND("tasklet"))
		tasklet_schedule(&tasklet);
	if (KIND("irq_work"))
		irq_work_queue(&irq_work);
	if (KIND("rcu"))
		call_rcu(&head, on_rcu);
	if (KIND("srcu"))
		call_srcu(&srcu, &head, on_rcu);
	if (KIND("smp_call"))
		smp_call_function_single(1, on_cpu, NULL, 1);
	if (KIND("smp_call_here"))
		smp_call_function_single(raw_smp_processor_id(), on_cpu, NULL, 1);
	if (KIND("work_on_cpu"))
		work_on_cpu(1, on_cpu_work, NULL);
	if (KIND("cpuhp"))
		cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "upcall:online", on_cpu_online, NULL);
	newer_kinds();
	if (KIND("kthread"))
		kthread_run(in_thread, NULL, "upcall");
	if (KIND("kthread_work")) {
		struct kthread_worker *worker = kthread_create_worker(0, "upcall");

		kthread_init_work(&kthread_work, on_kthread_work);
		if (!IS_ERR(worker))
			kthread_queue_work(worker, &kthread_work);
	}
}

static void notify(void)
{
	raw_notifier_chain_register(&raw_chain, &block);
	if (KIND("raw_notifier"))
		raw_notifier_call_chain(&raw_chain, 1, NULL);
	if (KIND("atomic_notifier")) {
		atomic_notifier_chain_register(&atomic_chain, &block);
		atomic_notifier_call_chain(&atomic_chain, 1, NULL);
	}
	if (KIND("robust_notifier")) {
		blocking_notifier_chain_register(&blocking_chain, &block);
		blocking_notifier_call_chain_robust(&blocking_chain, 1, 2, NULL);
	}
	if (KIND("blocking_notifier")) {
		blocking_notifier_chain_register(&blocking_chain, &block);
		blocking_notifier_call_chain(&blocking_chain, 1, NULL);
	}
	if (KIND("wait_bit"))
		wait_on_bit_action(&word, 0, on_bit, TASK_UNINTERRUPTIBLE);
	if (KIND("wake_function")) {
		static struct wait_queue_entry entry;

		init_waitqueue_func_entry(&entry, on_wake);
		add_wait_queue(&queue, &entry);
		wake_up(&queue);
	}
}

static int __init upcall_deferred_init(void)
{
	OOPS_IF("init");
	start();
	notify();
	msleep(100);
	return 0;
}

static void __exit upcall_deferred_exit(void)
{
	OOPS_IF("exit");
}

module_init(upcall_deferred_init);
module_exit(upcall_deferred_exit);
MODULE_LICENSE("GPL");
