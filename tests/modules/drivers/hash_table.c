// SPDX-License-Identifier: GPL-2.0-only
/* A hash table: buckets with a lock each, lookups under RCU. */
#include <linux/delay.h>
#include <linux/hash.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/rculist.h>
#include <linux/refcount.h>
#include <linux/slab.h>

#define BITS 4

struct node {
	struct hlist_node link;
	struct rcu_head rcu;
	u32 key;
	refcount_t users;
};

struct bucket {
	spinlock_t lock;
	struct hlist_head head;
};

static struct bucket *buckets;
static struct task_struct *threads[3];
static atomic_t live = ATOMIC_INIT(0);

static struct bucket *bucket_of(u32 key)
{
	return &buckets[hash_32(key, BITS)];
}

static struct node *node_get(u32 key)
{
	struct node *n;

	rcu_read_lock();
	hlist_for_each_entry_rcu(n, &bucket_of(key)->head, link) {
		if (n->key == key && refcount_inc_not_zero(&n->users)) {
			rcu_read_unlock();
			return n;
		}
	}
	rcu_read_unlock();
	return NULL;
}

static void node_put(struct node *n)
{
	if (refcount_dec_and_test(&n->users)) {
		atomic_dec(&live);
		kfree_rcu(n, rcu);
	}
}

static void node_insert(u32 key)
{
	struct bucket *b = bucket_of(key);
	struct node *n = kzalloc(sizeof(*n), GFP_KERNEL), *old;

	if (!n)
		return;
	n->key = key;
	refcount_set(&n->users, 1);
	atomic_inc(&live);
	spin_lock(&b->lock);
	hlist_for_each_entry(old, &b->head, link) {
		if (old->key == key) {
			spin_unlock(&b->lock);
			node_put(n);
			return;
		}
	}
	hlist_add_head_rcu(&n->link, &b->head);
	spin_unlock(&b->lock);
}

static void node_remove(u32 key)
{
	struct bucket *b = bucket_of(key);
	struct node *n;

	spin_lock(&b->lock);
	hlist_for_each_entry(n, &b->head, link) {
		if (n->key == key) {
			hlist_del_rcu(&n->link);
			spin_unlock(&b->lock);
			node_put(n);
			return;
		}
	}
	spin_unlock(&b->lock);
}

static int work_on_it(void *data)
{
	u32 key = (unsigned long)data;

	while (!kthread_should_stop()) {
		struct node *n = node_get(key % 20);

		if (n)
			node_put(n);
		else
			node_insert(key % 20);
		if (key % 3 == 0)
			node_remove((key + 5) % 20);
		key++;
		usleep_range(10, 30);
	}
	return 0;
}

static int __init hash_table_init(void)
{
	unsigned long i;

	buckets = kcalloc(1 << BITS, sizeof(*buckets), GFP_KERNEL);
	if (!buckets)
		return -ENOMEM;
	for (i = 0; i < 1 << BITS; i++)
		spin_lock_init(&buckets[i].lock);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		threads[i] = kthread_run(work_on_it, (void *)i, "hash/%lu", i);
	return 0;
}

static void __exit hash_table_exit(void)
{
	u32 i;

	msleep(10);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		kthread_stop(threads[i]);
	for (i = 0; i < 20; i++)
		node_remove(i);
	rcu_barrier();
	kfree(buckets);
	pr_info("drivers: %d live\n", atomic_read(&live));
}

module_init(hash_table_init);
module_exit(hash_table_exit);

MODULE_LICENSE("GPL");
