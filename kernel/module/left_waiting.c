// SPDX-License-Identifier: GPL-2.0-only
/* Wait queues with waiters, and entries of wait queues, in memory that goes. No kernel looks for them: the words are koi's. */

static bool koi_waits_as_task(wait_queue_func_t fn)
{
	return fn == default_wake_function || fn == autoremove_wake_function || fn == woken_wake_function || fn == wake_bit_function;
}

/* Who waits: a task, or what is called instead. */
static void koi_describe_waiter(char *text, size_t size, unsigned long kind, struct list_head *waiter, struct task_struct **task)
{
	struct wait_queue_entry *entry = container_of(waiter, struct wait_queue_entry, entry);
	struct wait_queue_entry copy = { };

	*task = NULL;
	if (kind == KOI_SIMPLE)
		*task = container_of(waiter, struct swait_queue, task_list)->task;
	else if (!copy_from_kernel_nofault(&copy, entry, sizeof(copy)) && koi_waits_as_task(copy.func))
		*task = copy.private;
	if (*task)
		snprintf(text, size, "%s/%d waits", (*task)->comm, (*task)->pid);
	else
		snprintf(text, size, "%ps waits to be called", copy.func);
}

static noinline void koi_report_waiting(const char *what, const void *object, bool text, unsigned long kind, struct list_head *waiter)
{
	struct task_struct *task;
	char who[96];

	koi_describe_waiter(who, sizeof(who), kind, waiter, &task);
	if (text) {
		koi_left_behind(what, object, task ? task->comm : NULL, task ? task->pid : 0);
		return;
	}
	pr_err("koi: a %s is freed while %s: %px\n", what, who, object);
	dump_stack();
	koi_found("a wait queue or an entry of one is freed in use");
}

/* A queue goes: its waiters must not look for it later. */
static void koi_take_queue_out(struct list_head *list)
{
	struct list_head *waiter;

	while ((waiter = koi_waiter_after(list, list)))
		list_del_init(waiter);
}

/* True: something was found, and has been taken out of use; the table may be another one. */
static bool koi_check_queue(struct koi_range memory, bool text, unsigned long slot)
{
	unsigned long kind = koi_waited[slot] & KOI_SIMPLE;
	struct list_head *list = koi_waited_list(koi_waited[slot]);
	struct list_head *waiter = koi_waiter_after(list, list);

	if (koi_in(memory, list)) {
		koi_forget_waited(slot);
		if (!waiter)
			return true;
		koi_report_waiting("wait queue with waiters", list, text, kind, waiter);
		koi_take_queue_out(list);
		return true;
	}
	for (; waiter; waiter = koi_waiter_after(list, waiter)) {
		if (koi_in(memory, waiter)) {
			koi_report_waiting("wait queue entry", waiter, text, kind, waiter);
			list_del_init(waiter);
			return true;
		}
		if (text && kind != KOI_SIMPLE && koi_in(memory, container_of(waiter, struct wait_queue_entry, entry)->func)) {
			koi_left_behind("wait queue entry", container_of(waiter, struct wait_queue_entry, entry)->func, NULL, 0);
			list_del_init(waiter);
			return true;
		}
	}
	return false;
}

static void koi_check_waiting(struct koi_range memory, bool text)
{
	unsigned long slot = 0;

	while (koi_waited_count) {
		slot = find_next_bit(koi_waited_used, KOI_WAITED, slot);
		if (slot >= KOI_WAITED)
			break;
		/* From the start again: printing may have let others wait. */
		slot = koi_check_queue(memory, text, slot) ? 0 : slot + 1;
	}
}
