// SPDX-License-Identifier: GPL-2.0-only
/* Many cheap readers of a table that is seldom rebuilt: a percpu_rw_semaphore. */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/percpu-rwsem.h>
#include <linux/slab.h>

DEFINE_STATIC_PERCPU_RWSEM(sem);
static int *table;
static int size = 8;
static struct task_struct *readers[3];
static atomic_t wrong = ATOMIC_INIT(0);

static int read_table(void *unused)
{
	while (!kthread_should_stop()) {
		int i;

		percpu_down_read(&sem);
		for (i = 0; i < size; i++)
			if (table[i] != size)
				atomic_inc(&wrong);
		percpu_up_read(&sem);
		usleep_range(40, 80);
	}
	return 0;
}

static int rebuild(int entries)
{
	int *fresh = kmalloc_array(entries, sizeof(*fresh), GFP_KERNEL), *old;
	int i;

	if (!fresh)
		return -ENOMEM;
	for (i = 0; i < entries; i++)
		fresh[i] = entries;
	percpu_down_write(&sem);
	old = table;
	table = fresh;
	size = entries;
	percpu_up_write(&sem);
	kfree(old);
	return 0;
}

static int __init percpu_rwsem_config_init(void)
{
	int i, error = rebuild(8);

	if (error)
		return error;
	for (i = 0; i < ARRAY_SIZE(readers); i++)
		readers[i] = kthread_run(read_table, NULL, "config/%d", i);
	return 0;
}

static void __exit percpu_rwsem_config_exit(void)
{
	int i;

	for (i = 1; i < 10; i++) {
		if (rebuild(i * 4))
			break;
		msleep(1);
	}
	for (i = 0; i < ARRAY_SIZE(readers); i++)
		kthread_stop(readers[i]);
	kfree(table);
	pr_info("drivers: %d wrong\n", atomic_read(&wrong));
}

module_init(percpu_rwsem_config_init);
module_exit(percpu_rwsem_config_exit);

MODULE_LICENSE("GPL");
