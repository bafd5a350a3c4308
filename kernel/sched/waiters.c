// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which wait queues have waiters, so that memory that goes can be asked whether a queue or an entry lies in it: the heads of their
 * lists, in a hash table with linear probing. A head stays here after its last waiter has gone, until somebody looks at it.
 * Heads on stacks are left out: nobody tells when a stack frame goes.
 */
#define KOI_WAITED_BITS 13
#define KOI_WAITED (1UL << KOI_WAITED_BITS)
#define KOI_WAITED_MOST (KOI_WAITED / 4 * 3)
#define KOI_SIMPLE 1UL			/* struct swait_queue */

static unsigned long koi_waited[KOI_WAITED];
static DECLARE_BITMAP(koi_waited_used, KOI_WAITED);
static unsigned long koi_waited_count;
/* The core is about to wait here, in memory of its own that it looks after. */
static struct list_head *koi_own_wait;

static struct list_head *koi_waited_list(unsigned long key)
{
	return (struct list_head *)(key & ~KOI_SIMPLE);
}

static __always_inline unsigned long koi_waited_slot(unsigned long key)
{
	return ((key & ~KOI_SIMPLE) * GOLDEN_RATIO_64) >> (64 - KOI_WAITED_BITS);
}

/* The slot is empty then, or holds another head, which has moved there. */
static void koi_forget_waited(unsigned long slot)
{
	unsigned long next = slot;

	for (;;) {
		next = (next + 1) % KOI_WAITED;
		if (!koi_waited[next])
			break;
		/* Not past the place that it is looked for from. */
		if ((next - koi_waited_slot(koi_waited[next])) % KOI_WAITED < (next - slot) % KOI_WAITED)
			continue;
		koi_waited[slot] = koi_waited[next];
		slot = next;
	}
	koi_waited[slot] = 0;
	__clear_bit(slot, koi_waited_used);
	koi_waited_count--;
}

/* What follows in a list; NULL: nothing, or what stands there is no list (an entry on a stack that has gone). */
static struct list_head *koi_waiter_after(struct list_head *list, struct list_head *at)
{
	struct list_head here, next;

	if (copy_from_kernel_nofault(&here, at, sizeof(here)) || here.next == list ||
	    copy_from_kernel_nofault(&next, here.next, sizeof(next)) || next.prev != at)
		return NULL;
	return here.next;
}

static void koi_forget_unwaited(void)
{
	unsigned long slot = find_next_bit(koi_waited_used, KOI_WAITED, 0);

	while (slot < KOI_WAITED) {
		struct list_head *list = koi_waited_list(koi_waited[slot]);

		if (koi_waiter_after(list, list))
			slot++;
		else
			koi_forget_waited(slot);
		slot = find_next_bit(koi_waited_used, KOI_WAITED, slot);
	}
}

static bool koi_on_some_stack(const void *p)
{
	struct task_struct *t;

	if (object_is_on_stack(p))
		return true;
	if ((unsigned long)p - vmalloc_base >= KOI_VMALLOC_BYTES)
		return false;
	list_for_each_entry(t, &init_task.tasks, tasks) {
		if ((unsigned long)p - (unsigned long)t->stack < THREAD_SIZE)
			return true;
	}
	return false;
}

static noinline void koi_remember_waited(unsigned long key)
{
	unsigned long slot = koi_waited_slot(key);

	while (koi_waited[slot] && koi_waited[slot] != key)
		slot = (slot + 1) % KOI_WAITED;
	if (koi_waited[slot] || koi_on_some_stack(koi_waited_list(key)))
		return;
	if (koi_waited_count >= KOI_WAITED_MOST) {
		koi_forget_unwaited();
		if (koi_waited_count >= KOI_WAITED_MOST) {
			pr_warn_once("koi: more than %lu wait queues have waiters: no report if the others are freed\n", KOI_WAITED_MOST);
			return;
		}
		slot = koi_waited_slot(key);
		while (koi_waited[slot])
			slot = (slot + 1) % KOI_WAITED;
	}
	koi_waited[slot] = key;
	__set_bit(slot, koi_waited_used);
	koi_waited_count++;
}

/* `waiter` is about to be put into `list`, the head of a wait queue. */
static __always_inline void koi_note_waiter(struct list_head *list, struct list_head *waiter, unsigned long kind)
{
	unsigned long key = (unsigned long)list | kind;

	if (!koi_checks_on || list == koi_own_wait)
		return;
	koi_note_armed(list);
	koi_note_armed(waiter);
	if (unlikely(koi_waited[koi_waited_slot(key)] != key))
		koi_remember_waited(key);
}
