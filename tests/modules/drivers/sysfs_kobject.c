// SPDX-License-Identifier: GPL-2.0-only
/* A kobject with attributes and a release function; debugfs beside it. */
#include <linux/debugfs.h>
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

struct thing {
	struct kobject kobj;
	struct mutex lock;
	int level;
};

static struct thing *thing;
static struct dentry *directory;
static u32 knob = 7;

static ssize_t level_show(struct kobject *kobj, struct kobj_attribute *attr, char *to)
{
	struct thing *t = container_of(kobj, struct thing, kobj);
	int level;

	mutex_lock(&t->lock);
	level = t->level;
	mutex_unlock(&t->lock);
	return sysfs_emit(to, "%d\n", level);
}

static ssize_t level_store(struct kobject *kobj, struct kobj_attribute *attr, const char *from, size_t count)
{
	struct thing *t = container_of(kobj, struct thing, kobj);
	int level, error = kstrtoint(from, 0, &level);

	if (error)
		return error;
	mutex_lock(&t->lock);
	t->level = level;
	mutex_unlock(&t->lock);
	sysfs_notify(kobj, NULL, "level");
	return count;
}

static struct kobj_attribute level_attr = __ATTR_RW(level);
static struct attribute *thing_attrs[] = { &level_attr.attr, NULL };
ATTRIBUTE_GROUPS(thing);

static void thing_release(struct kobject *kobj)
{
	struct thing *t = container_of(kobj, struct thing, kobj);

	mutex_destroy(&t->lock);
	kfree(t);
}

static const struct kobj_type thing_type = {
	.sysfs_ops = &kobj_sysfs_ops,
	.release = thing_release,
	.default_groups = thing_groups,
};

static int __init sysfs_kobject_init(void)
{
	int error;

	thing = kzalloc(sizeof(*thing), GFP_KERNEL);
	if (!thing)
		return -ENOMEM;
	mutex_init(&thing->lock);
	error = kobject_init_and_add(&thing->kobj, (struct kobj_type *)&thing_type, kernel_kobj, "driver_thing");
	if (error) {
		kobject_put(&thing->kobj);
		return error;
	}
	directory = debugfs_create_dir("driver_thing", NULL);
	debugfs_create_u32("knob", 0644, directory, &knob);
	return 0;
}

static void __exit sysfs_kobject_exit(void)
{
	debugfs_remove_recursive(directory);
	kobject_put(&thing->kobj);
	pr_info("drivers: released\n");
}

module_init(sysfs_kobject_init);
module_exit(sysfs_kobject_exit);

MODULE_LICENSE("GPL");
