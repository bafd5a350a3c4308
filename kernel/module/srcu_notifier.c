// SPDX-License-Identifier: GPL-2.0-only
/* Notifier chains whose readers are SRCU's, and calls that can be taken back. */

void srcu_init_notifier_head(struct srcu_notifier_head *nh)
{
	mutex_init(&nh->mutex);
	if (init_srcu_struct(&nh->srcu) < 0)
		koi_unsupported("an SRCU notifier chain when memory has run out");
	nh->head = NULL;
}

int srcu_notifier_chain_register(struct srcu_notifier_head *nh, struct notifier_block *n)
{
	int answer;

	mutex_lock(&nh->mutex);
	answer = notifier_insert(&nh->head, n, false);
	mutex_unlock(&nh->mutex);
	return answer;
}

int srcu_notifier_chain_unregister(struct srcu_notifier_head *nh, struct notifier_block *n)
{
	int answer;

	mutex_lock(&nh->mutex);
	answer = notifier_remove(&nh->head, n);
	mutex_unlock(&nh->mutex);
	synchronize_srcu(&nh->srcu);
	return answer;
}

int srcu_notifier_call_chain(struct srcu_notifier_head *nh, unsigned long val, void *v)
{
	int reader = srcu_read_lock(&nh->srcu);
	int answer = notifier_call_chain(nh->head, val, v);

	srcu_read_unlock(&nh->srcu, reader);
	return answer;
}

/* Up to the one that refuses; those before it are then told `val_down`. */
static noinline int koi_notify_robust(struct notifier_block *first, unsigned long val_up, unsigned long val_down, void *v)
{
	struct notifier_block *n, *undo;
	int answer = NOTIFY_DONE;

	for (n = first; n; n = n->next) {
		answer = n->notifier_call(n, val_up, v);
		if (answer & NOTIFY_STOP_MASK)
			break;
	}
	if (answer & NOTIFY_STOP_MASK) {
		for (undo = first; undo != n; undo = undo->next) {
			if (undo->notifier_call(undo, val_down, v) & NOTIFY_STOP_MASK)
				break;
		}
	}
	return answer;
}

int blocking_notifier_call_chain_robust(struct blocking_notifier_head *nh, unsigned long val_up, unsigned long val_down,
					void *v)
{
	int answer;

	if (!rcu_access_pointer(nh->head))
		return NOTIFY_DONE;
	koi_checked_down_read(&nh->rwsem);
	answer = koi_notify_robust(nh->head, val_up, val_down, v);
	koi_checked_up_read(&nh->rwsem);
	return answer;
}

int atomic_notifier_chain_register_unique_prio(struct atomic_notifier_head *nh, struct notifier_block *n)
{
	return notifier_insert(&nh->head, n, true);
}
