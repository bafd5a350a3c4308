// SPDX-License-Identifier: GPL-2.0-only
/* An ordered index: a red-black tree under a reader-writer lock. */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/rbtree.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

struct entry {
	struct rb_node node;
	int key;
};

static struct rb_root tree = RB_ROOT;
static DEFINE_RWLOCK(lock);
static struct task_struct *readers[2], *writer;
static atomic_t unordered = ATOMIC_INIT(0);

static bool insert(struct entry *fresh)
{
	struct rb_node **at = &tree.rb_node, *parent = NULL;

	while (*at) {
		struct entry *e = rb_entry(*at, struct entry, node);

		parent = *at;
		if (fresh->key == e->key)
			return false;
		at = fresh->key < e->key ? &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&fresh->node, parent, at);
	rb_insert_color(&fresh->node, &tree);
	return true;
}

static int read_tree(void *unused)
{
	while (!kthread_should_stop()) {
		struct rb_node *node;
		int last = -1;

		read_lock(&lock);
		for (node = rb_first(&tree); node; node = rb_next(node)) {
			int key = rb_entry(node, struct entry, node)->key;

			if (key <= last)
				atomic_inc(&unordered);
			last = key;
		}
		read_unlock(&lock);
		usleep_range(20, 50);
	}
	return 0;
}

static int write_tree(void *unused)
{
	u32 key = 1;

	while (!kthread_should_stop()) {
		struct entry *fresh = kmalloc(sizeof(*fresh), GFP_KERNEL), *old = NULL;
		struct rb_node *first;

		if (!fresh)
			break;
		fresh->key = key = key * 7 % 101;
		write_lock(&lock);
		if (!insert(fresh)) {
			old = fresh;
		} else if (key % 2) {
			first = rb_first(&tree);
			old = rb_entry(first, struct entry, node);
			rb_erase(first, &tree);
		}
		write_unlock(&lock);
		kfree(old);
		usleep_range(10, 20);
	}
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

static int __init rbtree_index_init(void)
{
	writer = kthread_run(write_tree, NULL, "rbtree/writer");
	readers[0] = kthread_run(read_tree, NULL, "rbtree/0");
	readers[1] = kthread_run(read_tree, NULL, "rbtree/1");
	return 0;
}

static void __exit rbtree_index_exit(void)
{
	struct entry *e, *next;

	msleep(10);
	kthread_stop(writer);
	kthread_stop(readers[0]);
	kthread_stop(readers[1]);
	rbtree_postorder_for_each_entry_safe(e, next, &tree, node)
		kfree(e);
	pr_info("drivers: %d unordered\n", atomic_read(&unordered));
}

module_init(rbtree_index_init);
module_exit(rbtree_index_exit);

MODULE_LICENSE("GPL");
