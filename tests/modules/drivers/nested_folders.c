// SPDX-License-Identifier: GPL-2.0-only
/* A tree of folders: parents before children, two of a kind by address and with an annotation. */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>

struct folder {
	struct mutex lock;
	struct folder *parent;
	int files;
};

static struct folder *root, *children[2];
static struct task_struct *threads[2];

static struct folder *folder_new(struct folder *parent)
{
	struct folder *f = kzalloc(sizeof(*f), GFP_KERNEL);

	if (f) {
		mutex_init(&f->lock);
		f->parent = parent;
	}
	return f;
}

static void lock_two(struct folder *a, struct folder *b)
{
	if (a > b)
		swap(a, b);
	mutex_lock_nested(&a->lock, 1);
	mutex_lock_nested(&b->lock, 2);
}

static void move_file(struct folder *from, struct folder *to)
{
	mutex_lock(&root->lock);
	lock_two(from, to);
	from->files--;
	to->files++;
	mutex_unlock(&to->lock);
	mutex_unlock(&from->lock);
	mutex_unlock(&root->lock);
}

static int move_files(void *data)
{
	unsigned long from = (unsigned long)data;

	while (!kthread_should_stop()) {
		move_file(children[from], children[1 - from]);
		usleep_range(20, 40);
	}
	return 0;
}

static int __init nested_folders_init(void)
{
	root = folder_new(NULL);
	children[0] = folder_new(root);
	children[1] = folder_new(root);
	if (!root || !children[0] || !children[1]) {
		kfree(children[1]);
		kfree(children[0]);
		kfree(root);
		return -ENOMEM;
	}
	threads[0] = kthread_run(move_files, (void *)0, "folders/0");
	threads[1] = kthread_run(move_files, (void *)1, "folders/1");
	return 0;
}

static void __exit nested_folders_exit(void)
{
	msleep(10);
	kthread_stop(threads[0]);
	kthread_stop(threads[1]);
	pr_info("drivers: %d in all\n", children[0]->files + children[1]->files);
	kfree(children[1]);
	kfree(children[0]);
	kfree(root);
}

module_init(nested_folders_init);
module_exit(nested_folders_exit);

MODULE_LICENSE("GPL");
