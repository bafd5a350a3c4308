// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupt lines: the 16 legacy lines of a PC, edge-triggered, with what a booted machine has on them. Nothing raises a line by
 * itself; koi_irq_raise() does, on the running virtual CPU: the command line's --irq and `irq LINE` of a session.
 */
#include <linux/irq.h>

struct koi_irq_line {
	struct irqaction *action;
	unsigned int depth;	/* of disable_irq() */
	bool pending;		/* raised while it was disabled */
	bool ready;
	struct mutex mutex;
	unsigned int running;
	bool stuck;		/* nobody cared */
	bool in_progress;
	unsigned int seen, unhandled;	/* of the last 100,000 */
	unsigned long last_unhandled;
	unsigned int threads_handled, threads_seen;
	bool deferred;		/* what the thread will say counts at the next interrupt */
	unsigned int cpu;	/* where it is handled */
	struct irqaction booted;
};
static struct koi_irq_line koi_irq_lines[KOI_IRQ_LINES];

static irqreturn_t koi_booted_handler(int irq, void *dev_id)
{
	return IRQ_NONE;
}

/* What the drivers of a booted machine have requested. */
static const struct {
	const char *name;
	unsigned int flags;
} koi_booted_irqs[KOI_IRQ_LINES] = {
	[0] = { "timer", IRQF_NOBALANCING | IRQF_IRQPOLL | IRQF_TIMER },
	[1] = { "i8042", IRQF_SHARED },
	[4] = { "ttyS0", IRQF_SHARED },
	[8] = { "rtc0", 0 },
	[9] = { "acpi", IRQF_SHARED | (LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0) ? IRQF_ONESHOT : 0) },
	[12] = { "i8042", IRQF_SHARED },
};

static struct koi_irq_line *koi_irq_line(unsigned int irq)
{
	struct koi_irq_line *line;

	/* Line 2 is the cascade, which an IO-APIC does without. */
	if (irq >= KOI_IRQ_LINES || irq == 2)
		return NULL;
	line = &koi_irq_lines[irq];
	if (line->ready)
		return line;
	line->ready = true;
	mutex_init(&line->mutex);
	line->depth = 1;
	if (koi_booted_irqs[irq].name) {
		line->booted.handler = koi_booted_handler;
		line->booted.name = koi_booted_irqs[irq].name;
		line->booted.flags = koi_booted_irqs[irq].flags;
		line->booted.dev_id = &line->booted;
		line->action = &line->booted;
		line->depth = 0;
	}
	return line;
}

/* ---- threaded handlers ---- */
enum { KOI_IRQ_RUN_THREAD, KOI_IRQ_IS_RUNNING };

static int koi_irq_thread(void *data)
{
	struct irqaction *action = data;

	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (test_and_clear_bit(KOI_IRQ_RUN_THREAD, &action->thread_flags)) {
			__set_current_state(TASK_RUNNING);
			if (action->flags & IRQF_ONESHOT || koi_irq_lines[action->irq].depth == 0) {
				const struct koi_balance before = koi_balance();

				if (action->thread_fn(action->irq, action->dev_id) == IRQ_HANDLED)
					koi_irq_lines[action->irq].threads_handled++;
				koi_check_balance(before, "interrupt thread function", action->thread_fn);
			}
			clear_bit(KOI_IRQ_IS_RUNNING, &action->thread_flags);
			continue;
		}
		if (kthread_should_stop())
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

static void koi_irq_wake(struct irqaction *action)
{
	set_bit(KOI_IRQ_IS_RUNNING, &action->thread_flags);
	if (!test_and_set_bit(KOI_IRQ_RUN_THREAD, &action->thread_flags))
		wake_up_process(action->thread);
}

static irqreturn_t koi_wake_only(int irq, void *dev_id)
{
	return IRQ_WAKE_THREAD;
}

/* ---- what handlers answer ---- */
static void koi_report_bad_irq(unsigned int irq, struct koi_irq_line *line, unsigned int answer)
{
	struct irqaction *action;

	if (answer > (IRQ_HANDLED | IRQ_WAKE_THREAD))
		printk(KERN_ERR "irq event %d: bogus return value %x\n", irq, answer);
	else
		printk(KERN_ERR "irq %d: nobody cared (try booting with the \"irqpoll\" option)\n", irq);
	dump_stack();
	printk(KERN_ERR "handlers:\n");
	for (action = line->action; action; action = action->next) {
		printk(KERN_ERR "[<%p>] %ps", action->handler, action->handler);
		if (action->thread_fn)
			printk(KERN_CONT " threaded [<%p>] %ps", action->thread_fn, action->thread_fn);
		printk(KERN_CONT "\n");
	}
	koi_found(answer > (IRQ_HANDLED | IRQ_WAKE_THREAD) ? "irq event: bogus return value" : "irq: nobody cared");
}

#define KOI_BAD_REPORTS 100
#define KOI_SPURIOUS_WINDOW 100000
#define KOI_SPURIOUS_LIMIT 99900

static void koi_note_interrupt(unsigned int irq, struct koi_irq_line *line, unsigned int answer)
{
	static unsigned int reports;

	if (answer > (IRQ_HANDLED | IRQ_WAKE_THREAD)) {
		if (reports++ < KOI_BAD_REPORTS)
			koi_report_bad_irq(irq, line, answer);
		return;
	}
	if (answer == IRQ_WAKE_THREAD) {
		bool handled = line->threads_handled != line->threads_seen;

		line->threads_seen = line->threads_handled;
		if (!line->deferred) {
			line->deferred = true;
			return;
		}
		answer = handled ? IRQ_HANDLED : IRQ_NONE;
	} else if (answer & IRQ_WAKE_THREAD) {
		line->deferred = false;
	}
	if (answer == IRQ_NONE) {
		/* An odd one now and then is no trouble. */
		line->unhandled = time_after(jiffies, line->last_unhandled + HZ / 10) ? 1 : line->unhandled + 1;
		line->last_unhandled = jiffies;
	}
	if (!line->unhandled || ++line->seen < KOI_SPURIOUS_WINDOW)
		return;
	line->seen = 0;
	if (line->unhandled > KOI_SPURIOUS_LIMIT) {
		koi_report_bad_irq(irq, line, answer);
		printk(KERN_EMERG "Disabling IRQ #%d\n", irq);
		line->stuck = true;
		line->depth++;
	}
	line->unhandled = 0;
}

/* ---- an interrupt ---- */
static noinline void koi_handle_irq(unsigned int irq, struct koi_irq_line *line)
{
	struct irqaction *action;
	unsigned int answer = IRQ_NONE;

	koi_count_irq(lines[irq]);
	line->running++;
	for (action = line->action; action; action = action->next) {
		const struct koi_balance before = koi_balance();
		irqreturn_t res;

		koi_hb_acquire(action);
		res = action->handler(irq, action->dev_id);
		koi_hb_release(line);

#line KOI_LINE(161, 161) "kernel/irq/handle.c"
		if (WARN_ONCE(!irqs_disabled(), "irq %u handler %pS enabled interrupts\n", irq, action->handler))
			local_irq_disable();
		koi_check_balance(before, "interrupt handler", action->handler);
		answer |= res;
		if (res != IRQ_WAKE_THREAD)
			continue;
		if (!action->thread_fn) {
			pr_warn("genirq: IRQ %d device %s returned IRQ_WAKE_THREAD but no thread function available.", irq,
				action->name);
			continue;
		}
		koi_irq_wake(action);
	}
	koi_note_interrupt(irq, line, answer);
	line->running--;
}

/* The line goes active, on this virtual CPU and now. -EINVAL: no such line; -ENXIO: nobody listens. */
int koi_irq_raise(unsigned int irq)
{
	struct koi_irq_line *line = koi_irq_line(irq);
	unsigned long flags;

	if (!line)
		return -EINVAL;
	if (line->depth) {
		line->pending = true;
		return line->action ? 0 : -ENXIO;
	}
	/* The edge comes again when its handlers are done. */
	if (line->in_progress) {
		line->pending = true;
		return 0;
	}
	local_irq_save(flags);
	koi_irq_enter();
	line->in_progress = true;
	do {
		line->pending = false;
		koi_handle_irq(irq, line);
	} while (line->pending && !line->depth);
	line->in_progress = false;
	koi_irq_exit();
	local_irq_restore(flags);
	return 0;
}

/* C++: as an interrupt on the running virtual CPU. */
long koi_device_interrupt(unsigned int irq)
{
	return koi_irq_raise(irq);
}

/* C++, from anywhere: where the line is handled; -1: there is no such line. */
int koi_irq_cpu(unsigned int irq)
{
	struct koi_irq_line *line = koi_irq_line(irq);

	return line ? line->cpu : -1;
}

/* ---- affinity ---- */
static int koi_irq_move(unsigned int irq, const struct cpumask *mask)
{
	struct koi_irq_line *line = koi_irq_line(irq);
	unsigned int cpu;

	if (!line)
		return -EINVAL;
	cpu = cpumask_first_and(mask, cpu_online_mask);
	if (cpu >= nr_cpu_ids)
		return -EINVAL;
	line->cpu = cpu;
	return 0;
}

int irq_set_affinity(unsigned int irq, const struct cpumask *mask)
{
	return koi_irq_move(irq, mask);
}

int irq_force_affinity(unsigned int irq, const struct cpumask *mask)
{
	return koi_irq_move(irq, mask);
}

int __irq_apply_affinity_hint(unsigned int irq, const struct cpumask *mask, bool setaffinity)
{
	if (!koi_irq_line(irq))
		return -EINVAL;
	return mask && setaffinity ? koi_irq_move(irq, mask) : 0;
}

static void koi_irq_resend(unsigned int irq, struct koi_irq_line *line)
{
	if (!line->pending)
		return;
	line->pending = false;
	koi_irq_raise(irq);
}

/* ---- request and free ---- */
static int koi_irq_setup(unsigned int irq, struct koi_irq_line *line, struct irqaction *new)
{
	struct irqaction *old = line->action, **at;

	if (new->handler == koi_wake_only && !(new->flags & IRQF_ONESHOT)) {
		pr_err("genirq: Threaded irq requested with handler=NULL and !ONESHOT for %s (irq %d)\n", new->name, irq);
		return -EINVAL;
	}
	if (old && (!(old->flags & new->flags & IRQF_SHARED) || ((old->flags ^ new->flags) & IRQF_TRIGGER_MASK) ||
		    ((old->flags ^ new->flags) & IRQF_ONESHOT) || ((old->flags ^ new->flags) & IRQF_PERCPU))) {
		if (!(new->flags & IRQF_PROBE_SHARED))
			pr_err("genirq: Flags mismatch irq %d. %08x (%s) vs. %08x (%s)\n", irq, new->flags, new->name,
			       old->flags, old->name);
		return -EBUSY;
	}
	if (new->thread_fn) {
		struct task_struct *t = kthread_create(koi_irq_thread, new, "irq/%d-%s", irq, new->name);

		if (IS_ERR(t))
			return PTR_ERR(t);
		get_task_struct(t);
		new->thread = t;
		wake_up_process(t);
	}
	for (at = &line->action; *at; at = &(*at)->next)
		;
	*at = new;
	if (!old)
		line->depth = new->flags & IRQF_NO_AUTOEN ? 1 : 0;
	line->seen = line->unhandled = 0;
	if (!line->depth)
		koi_irq_resend(irq, line);
	return 0;
}

int request_threaded_irq(unsigned int irq, irq_handler_t handler, irq_handler_t thread_fn, unsigned long flags,
			 const char *name, void *dev_id)
{
	struct koi_irq_line *line;
	struct irqaction *action;
	int error;

	if (irq == IRQ_NOTCONNECTED)
		return -ENOTCONN;
	if (((flags & IRQF_SHARED) && (!dev_id || (flags & IRQF_NO_AUTOEN))) ||
	    (!(flags & IRQF_SHARED) && (flags & IRQF_COND_SUSPEND)) ||
	    ((flags & IRQF_NO_SUSPEND) && (flags & IRQF_COND_SUSPEND)))
		return -EINVAL;
	line = koi_irq_line(irq);
	if (!line || (!handler && !thread_fn))
		return -EINVAL;
	action = kzalloc(sizeof(*action), GFP_KERNEL);
	if (!action)
		return -ENOMEM;
	action->handler = handler ? handler : koi_wake_only;
	action->thread_fn = thread_fn;
	action->flags = flags;
	action->name = name;
	action->dev_id = dev_id;
	action->irq = irq;
	koi_hb_release(action);
	mutex_lock(&line->mutex);
	error = koi_irq_setup(irq, line, action);
	mutex_unlock(&line->mutex);
	if (error)
		kfree(action);
	return error;
}

int request_any_context_irq(unsigned int irq, irq_handler_t handler, unsigned long flags, const char *name, void *dev_id)
{
	int error;

	if (irq == IRQ_NOTCONNECTED)
		return -ENOTCONN;
	if (!koi_irq_line(irq))
		return -EINVAL;
	error = request_threaded_irq(irq, handler, NULL, flags, name, dev_id);
	return error ? error : IRQC_IS_HARDIRQ;
}

static void koi_wait_for_handlers(struct koi_irq_line *line)
{
	while (line->running)
		koi_spin_wait(line);
	koi_hb_acquire(line);
}

static struct irqaction *__free_irq(unsigned int irq, struct koi_irq_line *line, void *dev_id)
{
	struct irqaction *action, **at;

#line KOI_LINE(1872, 1898) "kernel/irq/manage.c"
	WARN(in_interrupt(), "Trying to free IRQ %d from IRQ context!\n", irq);
	mutex_lock(&line->mutex);
	for (at = &line->action; *at && (*at)->dev_id != dev_id; at = &(*at)->next)
		;
	action = *at;
	if (!action) {
#line KOI_LINE(1887, 1913) "kernel/irq/manage.c"
		WARN(1, "Trying to free already-free IRQ %d\n", irq);
		mutex_unlock(&line->mutex);
		return NULL;
	}
	*at = action->next;
	if (!line->action) {
		line->depth = 1;
		line->pending = false;
	}
	koi_wait_for_handlers(line);
	if (action->thread) {
		kthread_stop(action->thread);
		put_task_struct(action->thread);
	}
	mutex_unlock(&line->mutex);
	return action;
}

const void *free_irq(unsigned int irq, void *dev_id)
{
	struct koi_irq_line *line = koi_irq_line(irq);
	struct irqaction *action;
	const char *name;

	if (!line)
		return NULL;
	action = __free_irq(irq, line, dev_id);
	if (!action)
		return NULL;
	name = action->name;
	if (action != &line->booted)
		kfree(action);
	return name;
}

/* ---- off and on ---- */
void synchronize_irq(unsigned int irq)
{
	struct koi_irq_line *line = koi_irq_line(irq);
	struct irqaction *action;

	if (!line)
		return;
	koi_wait_for_handlers(line);
	for (action = line->action; action; action = action->next)
		while (test_bit(KOI_IRQ_IS_RUNNING, &action->thread_flags))
			schedule_timeout_uninterruptible(1);
}

bool synchronize_hardirq(unsigned int irq)
{
	struct koi_irq_line *line = koi_irq_line(irq);
	struct irqaction *action;

	if (!line)
		return true;
	koi_wait_for_handlers(line);
	for (action = line->action; action; action = action->next)
		if (test_bit(KOI_IRQ_IS_RUNNING, &action->thread_flags))
			return false;
	return true;
}

void disable_irq_nosync(unsigned int irq)
{
	struct koi_irq_line *line = koi_irq_line(irq);

	if (line)
		line->depth++;
}

void disable_irq(unsigned int irq)
{
	koi_might_sleep("kernel/irq/manage.c", KOI_LINE(556, 563));
	disable_irq_nosync(irq);
	synchronize_irq(irq);
}

bool disable_hardirq(unsigned int irq)
{
	disable_irq_nosync(irq);
	return synchronize_hardirq(irq);
}

static noinline void __enable_irq(unsigned int irq, struct koi_irq_line *line)
{
	if (!line->depth) {
#line KOI_LINE(781, 791) "kernel/irq/manage.c"
		WARN(1, KERN_WARNING "Unbalanced enable for IRQ %d\n", irq);
		return;
	}
	if (--line->depth == 0)
		koi_irq_resend(irq, line);
}

void enable_irq(unsigned int irq)
{
	struct koi_irq_line *line = koi_irq_line(irq);

	if (line)
		__enable_irq(irq, line);
}
