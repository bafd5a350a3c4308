// SPDX-License-Identifier: GPL-2.0-only
/* Asking without waiting: expedited grace periods, which are ordinary ones here, and those of SRCU. */

unsigned long start_poll_synchronize_rcu_expedited(void)
{
	return start_poll_synchronize_rcu();
}

void start_poll_synchronize_rcu_expedited_full(struct rcu_gp_oldstate *old)
{
	start_poll_synchronize_rcu_full(old);
}

void cond_synchronize_rcu_expedited(unsigned long old)
{
	cond_synchronize_rcu(old);
}

void cond_synchronize_rcu_expedited_full(struct rcu_gp_oldstate *old)
{
	cond_synchronize_rcu_full(old);
}

unsigned long get_state_synchronize_srcu(struct srcu_struct *s)
{
	return (READ_ONCE(koi_srcu_of(s)->seq) + 3) & ~1UL;
}

static void koi_srcu_poll_done(struct rcu_head *head)
{
	kfree(head);
}

unsigned long start_poll_synchronize_srcu(struct srcu_struct *s)
{
	unsigned long state = get_state_synchronize_srcu(s);
	struct rcu_head *head = kmalloc(sizeof(*head), GFP_ATOMIC);

	if (!head)
		koi_unsupported("start_poll_synchronize_srcu() when memory has run out");
	call_srcu(s, head, koi_srcu_poll_done);
	return state;
}

bool poll_state_synchronize_srcu(struct srcu_struct *s, unsigned long old)
{
	koi_charge();
	return (long)(READ_ONCE(koi_srcu_of(s)->seq) - old) >= 0;
}

unsigned long srcu_batches_completed(struct srcu_struct *s)
{
	return READ_ONCE(koi_srcu_of(s)->seq) >> 1;
}
