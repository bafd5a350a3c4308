// SPDX-License-Identifier: GPL-2.0-only
/* Slabs of SLAB_TYPESAFE_BY_RCU caches: a reader may still look at an object of theirs, so the pages go back after a grace
 * period. */

static void koi_slab_grace_period_over(struct rcu_head *head)
{
	koi_free_rcu_slab(page_to_pfn(container_of(head, struct page, rcu_head)));
}

/* C++: the slab that begins at this frame has no object any more. */
void koi_free_slab_after_grace_period(unsigned long pfn)
{
	call_rcu(&pfn_to_page(pfn)->rcu_head, koi_slab_grace_period_over);
}
