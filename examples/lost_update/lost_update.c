// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two threads count visitors. Each reads the total, writes a line into the book, whose lock makes it wait at times, and stores the
 * total plus one: whoever is held up in between stores what is too little by then. On most runs nobody is, and the total is
 * right; `koi explore` finds a schedule in which it is not. With locked=1 the total is read under the lock.
 */
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>

#define VISITS 4

static bool locked;
module_param(locked, bool, 0444);
MODULE_PARM_DESC(locked, "read the total under the lock too");

static DEFINE_MUTEX(book);
static long total, lines;
static DECLARE_COMPLETION(done);

static void visit(void)
{
	long seen;

	if (locked) {
		mutex_lock(&book);
		lines++;
		total++;
		mutex_unlock(&book);
		return;
	}
	seen = READ_ONCE(total);
	mutex_lock(&book);
	lines++;
	mutex_unlock(&book);
	WRITE_ONCE(total, seen + 1);
}

static int counter(void *unused)
{
	int i;

	for (i = 0; i < VISITS; i++)
		visit();
	kthread_complete_and_exit(&done, 0);
}

static int __init lost_update_init(void)
{
	struct task_struct *t = kthread_run(counter, NULL, "north");

	if (IS_ERR(t))
		return PTR_ERR(t);
	t = kthread_run(counter, NULL, "south");
	if (!IS_ERR(t))
		wait_for_completion(&done);
	wait_for_completion(&done);
	if (IS_ERR(t))
		return PTR_ERR(t);
	pr_info("%ld visitors, %ld lines in the book\n", total, lines);
	return total == lines ? 0 : -EUCLEAN;
}

static void __exit lost_update_exit(void)
{
}

module_init(lost_update_init);
module_exit(lost_update_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("An update that is lost between a read and a write");
