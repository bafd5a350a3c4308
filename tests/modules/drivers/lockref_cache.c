// SPDX-License-Identifier: GPL-2.0-only
/* Cached objects counted by a lockref; the cleaner takes only those that nobody uses. */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/lockref.h>
#include <linux/module.h>
#include <linux/rculist.h>
#include <linux/slab.h>

struct cached {
	struct lockref ref;
	struct list_head link;
	struct rcu_head rcu;
	int id;
};

static LIST_HEAD(cache);
static DEFINE_SPINLOCK(cache_lock);
static struct task_struct *users[2];

static struct cached *cached_get(int id)
{
	struct cached *c, *found = NULL;

	rcu_read_lock();
	list_for_each_entry_rcu(c, &cache, link) {
		if (c->id == id && lockref_get_not_dead(&c->ref)) {
			found = c;
			break;
		}
	}
	rcu_read_unlock();
	return found;
}

static void cached_put(struct cached *c)
{
	if (lockref_put_or_lock(&c->ref))
		return;
	/* The last user: it stays in the cache. */
	c->ref.count = 0;
	spin_unlock(&c->ref.lock);
}

static int cached_add(int id)
{
	struct cached *c = kzalloc(sizeof(*c), GFP_KERNEL);

	if (!c)
		return -ENOMEM;
	spin_lock_init(&c->ref.lock);
	c->id = id;
	spin_lock(&cache_lock);
	list_add_rcu(&c->link, &cache);
	spin_unlock(&cache_lock);
	return 0;
}

static int clean(void)
{
	struct cached *c, *next;
	int cleaned = 0;

	spin_lock(&cache_lock);
	list_for_each_entry_safe(c, next, &cache, link) {
		spin_lock(&c->ref.lock);
		if (c->ref.count == 0) {
			lockref_mark_dead(&c->ref);
			list_del_rcu(&c->link);
			kfree_rcu(c, rcu);
			cleaned++;
		}
		spin_unlock(&c->ref.lock);
	}
	spin_unlock(&cache_lock);
	return cleaned;
}

static int use(void *unused)
{
	int id = 0;

	while (!kthread_should_stop()) {
		struct cached *c = cached_get(id % 4);

		if (c) {
			usleep_range(10, 20);
			cached_put(c);
		} else {
			cached_add(id % 4);
		}
		id++;
		usleep_range(10, 20);
	}
	return 0;
}

static int __init lockref_cache_init(void)
{
	users[0] = kthread_run(use, NULL, "lockref/0");
	users[1] = kthread_run(use, NULL, "lockref/1");
	return 0;
}

static void __exit lockref_cache_exit(void)
{
	int cleaned = 0, i;

	for (i = 0; i < 10; i++) {
		msleep(1);
		cleaned += clean();
	}
	kthread_stop(users[0]);
	kthread_stop(users[1]);
	cleaned += clean();
	rcu_barrier();
	pr_info("drivers: %s, %s\n", cleaned ? "cleaned" : "never cleaned", list_empty(&cache) ? "empty" : "not empty");
}

module_init(lockref_cache_init);
module_exit(lockref_cache_exit);

MODULE_LICENSE("GPL");
