// SPDX-License-Identifier: GPL-2.0-only
/* struct class: /sys/class/NAME, whose members are the devices. */
#include <linux/device/class.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#define KOI_CLASS const struct class
#else
#define KOI_CLASS struct class
#endif

/* What koi keeps of a registered class. */
struct koi_class {
	struct list_head list;
	KOI_CLASS *class;
	struct kset subsys;	/* /sys/class/NAME; the devices are its members */
};
static LIST_HEAD(koi_classes);

static struct koi_class *koi_class_of(KOI_CLASS *class)
{
	struct koi_class *c;

	list_for_each_entry(c, &koi_classes, list)
		if (c->class == class)
			return c;
	return NULL;
}

static ssize_t class_attr_show(struct kobject *kobj, struct attribute *attr, char *buf)
{
	struct class_attribute *a = container_of(attr, struct class_attribute, attr);
	struct koi_class *c = container_of(kobj, struct koi_class, subsys.kobj);

	return a->show ? a->show(c->class, a, buf) : -EIO;
}

static ssize_t class_attr_store(struct kobject *kobj, struct attribute *attr, const char *buf, size_t count)
{
	struct class_attribute *a = container_of(attr, struct class_attribute, attr);
	struct koi_class *c = container_of(kobj, struct koi_class, subsys.kobj);

	return a->store ? a->store(c->class, a, buf, count) : -EIO;
}

static const struct sysfs_ops koi_class_sysfs_ops = { .show = class_attr_show, .store = class_attr_store };

static void koi_class_release(struct kobject *kobj)
{
	struct koi_class *c = container_of(kobj, struct koi_class, subsys.kobj);
	KOI_CLASS *class = c->class;

	kfree(c);
	if (class->class_release)
		class->class_release((struct class *)class);
}

static struct kobj_type koi_class_type = { .sysfs_ops = &koi_class_sysfs_ops, .release = koi_class_release };

static struct kernfs_node koi_class_root_node = {
	.count = ATOMIC_INIT(1), .name = "class", .flags = KERNFS_DIR, .id = KOI_VFS_SYS_CLASS
};
static struct kobject koi_class_root = {
	.name = "class", .sd = &koi_class_root_node, .kref = KREF_INIT(1000),
	.entry = LIST_HEAD_INIT(koi_class_root.entry), .state_initialized = 1, .state_in_sysfs = 1
};

static noinline int koi_class_register(KOI_CLASS *class)
{
	struct koi_class *c = kzalloc(sizeof(*c), GFP_KERNEL);
	int error;

	if (!c)
		return -ENOMEM;
	c->class = class;
	error = kobject_set_name(&c->subsys.kobj, "%s", class->name);
	if (error) {
		kfree(c);
		return error;
	}
	c->subsys.kobj.parent = &koi_class_root;
	c->subsys.kobj.ktype = &koi_class_type;
	error = kset_register(&c->subsys);
	if (error) {
		kfree(c);
		return error;
	}
	list_add_tail(&c->list, &koi_classes);
	error = sysfs_create_groups(&c->subsys.kobj, class->class_groups);
	if (error) {
		list_del(&c->list);
		kset_unregister(&c->subsys);
	}
	return error;
}

void class_unregister(KOI_CLASS *class)
{
	struct koi_class *c = koi_class_of(class);

	if (!c)
		return;
	sysfs_remove_groups(&c->subsys.kobj, class->class_groups);
	list_del(&c->list);
	kset_unregister(&c->subsys);
}

static void koi_class_free(KOI_CLASS *class)
{
	kfree(class);
}

static struct class *koi_class_new(const char *name)
{
	struct class *class = kzalloc(sizeof(*class), GFP_KERNEL);
	int error;

	if (!class)
		return ERR_PTR(-ENOMEM);
	class->name = name;
	class->class_release = (typeof(class->class_release))koi_class_free;
	error = koi_class_register(class);
	if (!error)
		return class;
	kfree(class);
	return ERR_PTR(error);
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
int koi_tail class_register(const struct class *class)
{
	return koi_class_register(class);
}

struct class *class_create(const char *name)
{
	return koi_class_new(name);
}

bool class_is_registered(const struct class *class)
{
	return koi_class_of(class) != NULL;
}
#else
int koi_tail __class_register(struct class *class, struct lock_class_key *key)
{
	return koi_class_register(class);
}

struct class *__class_create(struct module *owner, const char *name, struct lock_class_key *key)
{
	struct class *class = koi_class_new(name);

	if (!IS_ERR(class))
		class->owner = owner;
	return class;
}
#endif

void class_destroy(KOI_CLASS *class)
{
	if (!IS_ERR_OR_NULL(class))
		class_unregister(class);
}

int class_create_file_ns(KOI_CLASS *class, const struct class_attribute *attr, const void *ns)
{
	struct koi_class *c = class ? koi_class_of(class) : NULL;

	return c ? sysfs_create_file_ns(&c->subsys.kobj, &attr->attr, ns) : -EINVAL;
}

void class_remove_file_ns(KOI_CLASS *class, const struct class_attribute *attr, const void *ns)
{
	struct koi_class *c = class ? koi_class_of(class) : NULL;

	if (c)
		sysfs_remove_file_ns(&c->subsys.kobj, &attr->attr, ns);
}
