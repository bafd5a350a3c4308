// SPDX-License-Identifier: GPL-2.0-only
/* A file in /proc that lists what a thread changes: seq_file with a mutex from start to stop. */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

struct row {
	struct list_head link;
	int number;
};

static LIST_HEAD(rows);
static DEFINE_MUTEX(lock);
static struct task_struct *thread;

static void *rows_start(struct seq_file *m, loff_t *position)
{
	mutex_lock(&lock);
	return seq_list_start(&rows, *position);
}

static void *rows_next(struct seq_file *m, void *v, loff_t *position)
{
	return seq_list_next(v, &rows, position);
}

static void rows_stop(struct seq_file *m, void *v)
{
	mutex_unlock(&lock);
}

static int rows_show(struct seq_file *m, void *v)
{
	seq_printf(m, "row %d\n", list_entry(v, struct row, link)->number);
	return 0;
}

static const struct seq_operations rows_ops = {
	.start = rows_start, .next = rows_next, .stop = rows_stop, .show = rows_show,
};

static int add_rows(void *unused)
{
	int number = 0;

	while (!kthread_should_stop()) {
		struct row *r = kmalloc(sizeof(*r), GFP_KERNEL);

		if (!r)
			break;
		r->number = number++;
		mutex_lock(&lock);
		list_add_tail(&r->link, &rows);
		mutex_unlock(&lock);
		msleep_interruptible(5);
	}
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

static int __init proc_seq_init(void)
{
	if (!proc_create_seq("driver_rows", 0444, NULL, &rows_ops))
		return -ENOMEM;
	thread = kthread_run(add_rows, NULL, "proc_seq");
	if (IS_ERR(thread)) {
		remove_proc_entry("driver_rows", NULL);
		return PTR_ERR(thread);
	}
	return 0;
}

static void __exit proc_seq_exit(void)
{
	struct row *r, *next;

	remove_proc_entry("driver_rows", NULL);
	kthread_stop(thread);
	list_for_each_entry_safe(r, next, &rows, link)
		kfree(r);
	pr_info("drivers: closed\n");
}

module_init(proc_seq_init);
module_exit(proc_seq_exit);

MODULE_LICENSE("GPL");
