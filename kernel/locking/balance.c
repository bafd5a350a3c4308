// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a callback must leave as it found it: the preempt count, the interrupt flag, RCU readers, locks. The kernel itself looks
 * after some callbacks only (timers, softirqs, works, initcalls) and at some of it; what it says stands before this, and what is
 * left is said here. The state is put back, so that the run goes on.
 */
struct koi_balance {
	int count, readers;
	u32 locks;
	bool irqs_off;
};

static __always_inline struct koi_balance koi_balance(void)
{
	struct koi_balance now = {
		.count = preempt_count(), .readers = rcu_preempt_depth(), .irqs_off = irqs_disabled(),
		.locks = koi_lockdep.on ? this_cpu_read(koi_held_stack)->depth : 0,
	};

	return now;
}

static noinline __attribute__((cold)) void koi_unbalanced(struct koi_balance was, struct koi_balance is, const char *what,
							  const void *function)
{
	struct koi_held_stack *stack = this_cpu_read(koi_held_stack);

	preempt_count_set(was.count);
	current->rcu_read_lock_nesting = was.readers;
	if (is.locks > was.locks) {
		stack->depth = was.locks;
		stack->chain = stack->held[was.locks].previous_chain;
	}
	pr_err("koi: %s %ps returned with preempt_count %08x, interrupts %s, %d RCU readers, %u locks; it was called with %08x, %s, %d, %u\n",
	       what, function, is.count, is.irqs_off ? "off" : "on", is.readers, is.locks, was.count, was.irqs_off ? "off" : "on",
	       was.readers, was.locks);
	koi_found("a callback returned with another preempt count, interrupt flag, RCU reader or lock than it was called with");
	if (is.irqs_off && !was.irqs_off)
		local_irq_enable();
	else if (!is.irqs_off && was.irqs_off)
		local_irq_disable();
}

/* `was`: when `function` was called, which has returned. */
static __always_inline void koi_check_balance(struct koi_balance was, const char *what, const void *function)
{
	const struct koi_balance is = koi_balance();

	if (likely(is.count == was.count && is.readers == was.readers && is.irqs_off == was.irqs_off && is.locks <= was.locks))
		return;
	if (koi_checks_on)
		koi_unbalanced(was, is, what, function);
}

/* C++: the running task goes back to user space. Whatever ran in its system calls (exit functions, file operations, parameters) is
 * over; readers and locks that are left have been reported. */
void koi_check_user_return(void)
{
	if (!koi_checks_on || (!preempt_count() && !irqs_disabled()))
		return;
	pr_err("koi: %s[%d] returns to user space with preempt_count %08x, interrupts %s\n", current->comm, current->pid,
	       preempt_count(), irqs_disabled() ? "off" : "on");
	koi_found("a task returned to user space with preemption or interrupts off");
	preempt_count_set(0);
	local_irq_enable();
}
