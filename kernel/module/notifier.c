// SPDX-License-Identifier: GPL-2.0-only
/* Notifier chains: singly linked, by descending priority, equal ones in the order of registration. */

static int notifier_insert(struct notifier_block **list, struct notifier_block *n, bool unique_priority)
{
	while (*list) {
		if (*list == n) {
#line KOI_LINE(28, 31) "kernel/notifier.c"
			WARN(1, "notifier callback %ps already registered", n->notifier_call);
			return -EEXIST;
		}
		if (n->priority > (*list)->priority)
			break;
		if (n->priority == (*list)->priority && unique_priority)
			return -EBUSY;
		list = &(*list)->next;
	}
	n->next = *list;
	rcu_assign_pointer(*list, n);
	return 0;
}

static int notifier_remove(struct notifier_block **list, struct notifier_block *n)
{
	while (*list) {
		if (*list == n) {
			rcu_assign_pointer(*list, n->next);
			return 0;
		}
		list = &(*list)->next;
	}
	return -ENOENT;
}

static noinline int notifier_call_chain(struct notifier_block *n, unsigned long action, void *data)
{
	int ret = NOTIFY_DONE;

	while (n) {
		struct notifier_block *next = n->next;

		ret = n->notifier_call(n, action, data);
		if (ret & NOTIFY_STOP_MASK)
			break;
		n = next;
	}
	return ret;
}

int blocking_notifier_chain_register(struct blocking_notifier_head *nh, struct notifier_block *n)
{
	return notifier_insert(&nh->head, n, false);
}

int blocking_notifier_chain_register_unique_prio(struct blocking_notifier_head *nh, struct notifier_block *n)
{
	return notifier_insert(&nh->head, n, true);
}

int blocking_notifier_chain_unregister(struct blocking_notifier_head *nh, struct notifier_block *n)
{
	return notifier_remove(&nh->head, n);
}

/* As modules call it: whoever may not sleep is told. */
void koi_checked_down_read(struct rw_semaphore *sem) __asm__("down_read");
void koi_checked_up_read(struct rw_semaphore *sem) __asm__("up_read");
static struct blocking_notifier_head koi_module_chain;

noinline int blocking_notifier_call_chain(struct blocking_notifier_head *nh, unsigned long val, void *v)
{
	int ret;

	/* The loader's chain is never empty in a kernel. */
	if (!nh->head && nh != &koi_module_chain)
		return NOTIFY_DONE;
	koi_checked_down_read(&nh->rwsem);
	ret = notifier_call_chain(nh->head, val, v);
	koi_checked_up_read(&nh->rwsem);
	return ret;
}

int atomic_notifier_chain_register(struct atomic_notifier_head *nh, struct notifier_block *n)
{
	return notifier_insert(&nh->head, n, false);
}

int atomic_notifier_chain_unregister(struct atomic_notifier_head *nh, struct notifier_block *n)
{
	return notifier_remove(&nh->head, n);
}

int atomic_notifier_call_chain(struct atomic_notifier_head *nh, unsigned long val, void *v)
{
	return notifier_call_chain(nh->head, val, v);
}

int raw_notifier_chain_register(struct raw_notifier_head *nh, struct notifier_block *n)
{
	return notifier_insert(&nh->head, n, false);
}

int raw_notifier_chain_unregister(struct raw_notifier_head *nh, struct notifier_block *n)
{
	return notifier_remove(&nh->head, n);
}

int raw_notifier_call_chain(struct raw_notifier_head *nh, unsigned long val, void *v)
{
	return notifier_call_chain(nh->head, val, v);
}

/* ---- modules coming and going ---- */
static BLOCKING_NOTIFIER_HEAD(koi_module_chain);

int register_module_notifier(struct notifier_block *nb)
{
	return blocking_notifier_chain_register(&koi_module_chain, nb);
}

int unregister_module_notifier(struct notifier_block *nb)
{
	return blocking_notifier_chain_unregister(&koi_module_chain, nb);
}

/* 0, or the negative errno with which a notifier of MODULE_STATE_COMING refuses the module. */
int koi_module_notify(struct module *m, unsigned long state)
{
	int ret = blocking_notifier_call_chain(&koi_module_chain, state, m);

	return ret & NOTIFY_STOP_MASK ? notifier_to_errno(ret) : 0;
}

/* ---- reboot, panic and die chains: modules may register, the events that koi has are called ---- */
struct atomic_notifier_head panic_notifier_list = ATOMIC_NOTIFIER_INIT(panic_notifier_list);
static BLOCKING_NOTIFIER_HEAD(koi_reboot_chain);
static ATOMIC_NOTIFIER_HEAD(koi_die_chain);

int register_reboot_notifier(struct notifier_block *nb)
{
	return blocking_notifier_chain_register(&koi_reboot_chain, nb);
}

int unregister_reboot_notifier(struct notifier_block *nb)
{
	return blocking_notifier_chain_unregister(&koi_reboot_chain, nb);
}

/* Nothing suspends the machine, and its memory stays as it is: these are registered, and never called. */
static BLOCKING_NOTIFIER_HEAD(koi_pm_chain);
static BLOCKING_NOTIFIER_HEAD(koi_memory_chain);

int register_pm_notifier(struct notifier_block *nb)
{
	return blocking_notifier_chain_register(&koi_pm_chain, nb);
}

int unregister_pm_notifier(struct notifier_block *nb)
{
	return blocking_notifier_chain_unregister(&koi_pm_chain, nb);
}

#undef register_memory_notifier
#undef unregister_memory_notifier
int register_memory_notifier(struct notifier_block *nb)
{
	return blocking_notifier_chain_register(&koi_memory_chain, nb);
}

void unregister_memory_notifier(struct notifier_block *nb)
{
	blocking_notifier_chain_unregister(&koi_memory_chain, nb);
}

int register_die_notifier(struct notifier_block *nb)
{
	return atomic_notifier_chain_register(&koi_die_chain, nb);
}

int unregister_die_notifier(struct notifier_block *nb)
{
	return atomic_notifier_chain_unregister(&koi_die_chain, nb);
}
