// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is still in use when its memory goes: DEBUG_OBJECTS_FREE for timers, high-resolution timers and works, wait queues, and what
 * keeps calling into a module that is being unloaded. Looked for among what is armed, queued and registered, so that
 * modules need nothing compiled in.
 */
struct koi_range {
	unsigned long begin, end;
};

static bool koi_in(struct koi_range range, const void *p)
{
	return (unsigned long)p - range.begin < range.end - range.begin;
}

static noinline __attribute__((noclone)) void debug_print_object(const char *type, const void *object, const void *hint)
{
	static int limit;

	if (limit++ >= 5)
		return;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#line 514 "lib/debugobjects.c"
	WARN(1, KERN_ERR "ODEBUG: free active (active state 0) object: %p object type: %s hint: %pS\n", object, type, hint);
#else
#line 515 "lib/debugobjects.c"
	WARN(1, KERN_ERR "ODEBUG: free active (active state 0) object type: %s hint: %pS\n", type, hint);
#endif
#line 36 "leftovers.c"
}

/* True: the object lies in memory that goes, and has been reported: it has to be taken out of use. Otherwise (text) it may
 * still call a function that goes. */
static bool koi_check_object(struct koi_range memory, const char *type, const void *object, const void *fn, bool text)
{
	if (koi_in(memory, object)) {
		debug_print_object(type, object, fn);
		return true;
	}
	if (text && koi_in(memory, fn))
		koi_left_behind(type, fn, NULL, 0);
	return false;
}

#include "left_waiting.c"

static bool koi_check_timers(struct koi_range memory, bool text, unsigned int cpu)
{
	struct koi_timer_base *base = per_cpu_ptr(&koi_timer_bases, cpu);
	struct timer_list *timer;
	unsigned int slot;

	for_each_set_bit(slot, base->used, WHEEL_SIZE) {
		hlist_for_each_entry(timer, &base->buckets[slot], entry) {
			const void *fn = timer->function;

			if (fn == delayed_work_timer_fn)
				fn = container_of(timer, struct delayed_work, timer)->work.func;
			if (koi_check_object(memory, "timer_list", timer, fn, text)) {
				timer_delete(timer);
				return true;
			}
		}
	}
	return false;
}

static bool koi_check_hrtimers(struct koi_range memory, bool text, unsigned int cpu)
{
	struct hrtimer_cpu_base *cpu_base = per_cpu_ptr(&hrtimer_bases, cpu);
	struct timerqueue_node *node;
	int i;

	for (i = 0; i < HRTIMER_MAX_CLOCK_BASES; i++) {
		for (node = timerqueue_getnext(&cpu_base->clock_base[i].active); node; node = timerqueue_iterate_next(node)) {
			struct hrtimer *timer = container_of(node, struct hrtimer, node);

			if (koi_check_object(memory, "hrtimer", timer, timer->function, text)) {
				hrtimer_try_to_cancel(timer);
				return true;
			}
		}
	}
	return false;
}

static bool koi_check_pool(struct koi_range memory, bool text, struct koi_pool *pool)
{
	struct work_struct *work;

	if (!pool->works.next)
		return false;
	list_for_each_entry(work, &pool->works, entry) {
		if (koi_check_object(memory, "work_struct", work, work->func, text)) {
			cancel_work(work);
			return true;
		}
	}
	return false;
}

static bool koi_check_works(struct koi_range memory, bool text)
{
	unsigned int cpu, i;
	bool found = false;

	for (i = 0; i < 2; i++) {
		for_each_possible_cpu(cpu)
			found |= koi_check_pool(memory, text, &(*per_cpu_ptr(&koi_cpu_pools, cpu))[i]);
		found |= koi_check_pool(memory, text, &koi_unbound_pools[i]);
	}
	return found;
}

/* Each round takes what it reports out of use, so that the rounds come to an end; what merely calls is said once. */
static void koi_check_active(struct koi_range memory, bool text)
{
	unsigned int cpu;
	bool found;

	koi_check_waiting(memory, text);
	do {
		found = koi_check_works(memory, text);
		for_each_possible_cpu(cpu) {
			found |= koi_check_timers(memory, text, cpu);
			found |= koi_check_hrtimers(memory, text, cpu);
		}
		text = false;
	} while (found);
}

/* A work that runs may free itself; its function may not go. */
static void koi_check_running_works(struct koi_range memory)
{
	struct koi_worker *worker;

	list_for_each_entry(worker, &koi_workers, all) {
		if (worker->current_work && koi_in(memory, worker->current_func))
			koi_left_behind("work_struct", worker->current_func, worker->task->comm, worker->task->pid);
	}
}

/* C++: memory of the allocators goes. Context: before it is given back. */
void koi_check_freed(const void *address, unsigned long size) asm("debug_check_no_obj_freed");
void koi_check_freed(const void *address, unsigned long size)
{
	koi_check_active((struct koi_range){ (unsigned long)address, (unsigned long)address + size }, false);
}

static void koi_check_tasks(struct koi_range memory)
{
	struct task_struct *t;

	list_for_each_entry(t, &init_task.tasks, tasks) {
		struct koi_kthread *k = (t->flags & PF_KTHREAD) ? t->worker_private : NULL;

		if (k && !test_bit(KOI_LEAVES, &k->flags) && koi_in(memory, k->fn))
			koi_left_behind("kthread", k->fn, t->comm, t->pid);
	}
}

static void koi_check_irqs(struct koi_range memory)
{
	unsigned int irq;

	for (irq = 0; irq < KOI_IRQ_LINES; irq++) {
		struct irqaction *action;

		for (action = koi_irq_lines[irq].action; action; action = action->next) {
			if (koi_in(memory, action->handler) || koi_in(memory, action->thread_fn))
				koi_left_behind("irq", koi_in(memory, action->handler) ? (void *)action->handler :
						(void *)action->thread_fn, action->name, irq);
		}
	}
}

/* Chains with no lock to take: nobody else runs while the module goes. */
static void koi_check_chain(struct koi_range memory, struct notifier_block **list)
{
	while (*list) {
		struct notifier_block *n = *list;

		if (koi_in(memory, n) || koi_in(memory, n->notifier_call)) {
			koi_left_behind("notifier", n->notifier_call, NULL, 0);
			/* The block itself is about to go; a call through it would find anything. */
			*list = n->next;
		} else {
			list = &n->next;
		}
	}
}

static void koi_check_notifiers(struct koi_range memory)
{
	koi_check_chain(memory, &koi_module_chain.head);
	koi_check_chain(memory, &koi_reboot_chain.head);
	koi_check_chain(memory, &koi_die_chain.head);
	koi_check_chain(memory, &panic_notifier_list.head);
	koi_check_chain(memory, &koi_pm_chain.head);
	koi_check_chain(memory, &koi_memory_chain.head);
}

/* C++: a module's memory goes, after its exit function. */
void koi_module_leftovers(unsigned long begin, unsigned long end)
{
	struct koi_range memory = { begin, end };

	koi_check_active(memory, true);
	koi_check_running_works(memory);
	koi_check_tasks(memory);
	koi_check_irqs(memory);
	koi_check_notifiers(memory);
}
