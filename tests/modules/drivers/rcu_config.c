// SPDX-License-Identifier: GPL-2.0-only
/* A configuration that is replaced as a whole: readers follow one pointer, the old one goes by kfree_rcu(). */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

struct config {
	int low, high;
	struct rcu_head rcu;
};

static struct config __rcu *config;
static DEFINE_MUTEX(update_lock);
static struct task_struct *readers[3];
static atomic_t torn = ATOMIC_INIT(0);

static int set_config(int low)
{
	struct config *fresh = kzalloc(sizeof(*fresh), GFP_KERNEL), *old;

	if (!fresh)
		return -ENOMEM;
	fresh->low = low;
	fresh->high = low + 100;
	mutex_lock(&update_lock);
	old = rcu_replace_pointer(config, fresh, lockdep_is_held(&update_lock));
	mutex_unlock(&update_lock);
	if (old)
		kfree_rcu(old, rcu);
	return 0;
}

static int read_config(void *unused)
{
	while (!kthread_should_stop()) {
		struct config *c;

		rcu_read_lock();
		c = rcu_dereference(config);
		if (c && c->high - c->low != 100)
			atomic_inc(&torn);
		rcu_read_unlock();
		usleep_range(50, 100);
	}
	return 0;
}

static int __init rcu_config_init(void)
{
	int i, error = set_config(0);

	if (error)
		return error;
	for (i = 0; i < ARRAY_SIZE(readers); i++)
		readers[i] = kthread_run(read_config, NULL, "rcu_config/%d", i);
	return 0;
}

static void __exit rcu_config_exit(void)
{
	struct config *last;
	int i;

	for (i = 1; i < 40; i++) {
		if (set_config(i))
			break;
		usleep_range(100, 200);
	}
	for (i = 0; i < ARRAY_SIZE(readers); i++)
		kthread_stop(readers[i]);
	last = rcu_dereference_protected(config, 1);
	RCU_INIT_POINTER(config, NULL);
	synchronize_rcu();
	kfree(last);
	pr_info("drivers: %d torn\n", atomic_read(&torn));
}

module_init(rcu_config_init);
module_exit(rcu_config_exit);

MODULE_LICENSE("GPL");
