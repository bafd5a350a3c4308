// SPDX-License-Identifier: GPL-2.0-only
/* A directory under a rw_semaphore: lookups share it, a rename takes it alone and goes on as a reader. */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/rwsem.h>
#include <linux/slab.h>

struct name {
	struct list_head link;
	char text[16];
};

static DECLARE_RWSEM(sem);
static LIST_HEAD(directory);
static struct task_struct *threads[3];
static atomic_t lookups = ATOMIC_INIT(0);

static bool lookup(const char *text)
{
	struct name *n;

	list_for_each_entry(n, &directory, link)
		if (!strcmp(n->text, text))
			return true;
	return false;
}

static int look(void *unused)
{
	while (!kthread_should_stop()) {
		down_read(&sem);
		lookup("b");
		up_read(&sem);
		atomic_inc(&lookups);
		usleep_range(20, 40);
	}
	return 0;
}

static int rename_one(void *unused)
{
	int round = 0;

	while (!kthread_should_stop()) {
		struct name *n = kzalloc(sizeof(*n), GFP_KERNEL);

		if (!n)
			break;
		snprintf(n->text, sizeof(n->text), "%d", round++);
		if (down_write_killable(&sem)) {
			kfree(n);
			break;
		}
		list_add(&n->link, &directory);
		downgrade_write(&sem);
		lookup(n->text);
		up_read(&sem);
		usleep_range(50, 100);
	}
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

static int __init rwsem_directory_init(void)
{
	threads[0] = kthread_run(look, NULL, "rwsem/0");
	threads[1] = kthread_run(look, NULL, "rwsem/1");
	threads[2] = kthread_run(rename_one, NULL, "rwsem/2");
	return 0;
}

static void __exit rwsem_directory_exit(void)
{
	struct name *n, *next;
	int i;

	msleep(10);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		kthread_stop(threads[i]);
	list_for_each_entry_safe(n, next, &directory, link)
		kfree(n);
	pr_info("drivers: %s\n", atomic_read(&lookups) ? "looked up" : "nothing");
}

module_init(rwsem_directory_init);
module_exit(rwsem_directory_exit);

MODULE_LICENSE("GPL");
