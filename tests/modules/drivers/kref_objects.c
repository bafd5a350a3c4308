// SPDX-License-Identifier: GPL-2.0-only
/* Objects with references, found by name under a mutex: the last put takes the mutex to take the object out. */
#include <linux/delay.h>
#include <linux/kref.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>

struct object {
	struct kref ref;
	struct list_head link;
	struct mutex lock;
	int id, uses;
};

static LIST_HEAD(objects);
static DEFINE_MUTEX(objects_lock);
static struct task_struct *users[3];
static atomic_t made = ATOMIC_INIT(0), gone = ATOMIC_INIT(0);

static void object_release(struct kref *ref)
{
	struct object *o = container_of(ref, struct object, ref);

	list_del(&o->link);
	mutex_unlock(&objects_lock);
	mutex_destroy(&o->lock);
	kfree(o);
	atomic_inc(&gone);
}

static void object_put(struct object *o)
{
	kref_put_mutex(&o->ref, object_release, &objects_lock);
}

static struct object *object_get(int id)
{
	struct object *o;

	mutex_lock(&objects_lock);
	list_for_each_entry(o, &objects, link) {
		if (o->id == id) {
			kref_get(&o->ref);
			goto out;
		}
	}
	o = kzalloc(sizeof(*o), GFP_KERNEL);
	if (o) {
		kref_init(&o->ref);
		mutex_init(&o->lock);
		o->id = id;
		list_add(&o->link, &objects);
		atomic_inc(&made);
	}
out:
	mutex_unlock(&objects_lock);
	return o;
}

static int use(void *unused)
{
	int round = 0;

	while (!kthread_should_stop()) {
		struct object *o = object_get(round++ % 3);

		if (o) {
			mutex_lock(&o->lock);
			o->uses++;
			mutex_unlock(&o->lock);
			object_put(o);
		}
		usleep_range(20, 40);
	}
	return 0;
}

static int __init kref_objects_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(users); i++)
		users[i] = kthread_run(use, NULL, "kref/%d", i);
	return 0;
}

static void __exit kref_objects_exit(void)
{
	int i;

	msleep(20);
	for (i = 0; i < ARRAY_SIZE(users); i++)
		kthread_stop(users[i]);
	pr_info("drivers: %s\n", atomic_read(&made) == atomic_read(&gone) ? "all gone" : "some stay");
}

module_init(kref_objects_init);
module_exit(kref_objects_exit);

MODULE_LICENSE("GPL");
