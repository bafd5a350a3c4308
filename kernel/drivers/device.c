// SPDX-License-Identifier: GPL-2.0-only
/* struct device: /sys/devices, links from its class, and the nodes in /dev. */

/* ---- the files that every device has ---- */
static const char *koi_device_node_name(struct device *dev, umode_t *mode, char **made)
{
	*made = NULL;
	if (dev->class && dev->class->devnode)
		*made = dev->class->devnode(dev, mode);
	if (*made)
		return *made;
	if (!strchr(dev_name(dev), '!'))
		return dev_name(dev);
	*made = kstrdup(dev_name(dev), GFP_KERNEL);
	if (*made)
		strreplace(*made, '!', '/');
	return *made;
}

static ssize_t uevent_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	umode_t mode = 0;
	const char *name;
	char *made;
	int len = 0;

	if (!MAJOR(dev->devt))
		return 0;
	name = koi_device_node_name(dev, &mode, &made);
	len += sysfs_emit_at(buf, len, "MAJOR=%u\nMINOR=%u\n", MAJOR(dev->devt), MINOR(dev->devt));
	if (name)
		len += sysfs_emit_at(buf, len, "DEVNAME=%s\n", name);
	if (mode)
		len += sysfs_emit_at(buf, len, "DEVMODE=%#o\n", mode & 0777);
	kfree(made);
	return len;
}

static ssize_t uevent_store(struct device *dev, struct device_attribute *attr, const char *buf, size_t count)
{
	kobject_uevent(&dev->kobj, KOBJ_CHANGE);
	return count;
}
static DEVICE_ATTR_RW(uevent);

static ssize_t dev_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u:%u\n", MAJOR(dev->devt), MINOR(dev->devt));
}
static DEVICE_ATTR_RO(dev);

/* ---- life ---- */
static void device_release(struct kobject *kobj)
{
	struct device *dev = kobj_to_dev(kobj);

	devres_release_all(dev);
	if (dev->release)
		dev->release(dev);
	else if (dev->type && dev->type->release)
		dev->type->release(dev);
	else if (dev->class && dev->class->dev_release)
		dev->class->dev_release(dev);
	else
#line KOI_LINE(2510, 2634) "drivers/base/core.c"
		WARN(1, KERN_ERR "Device '%s' does not have a release() function, it is broken and must be fixed. See Documentation/core-api/kobject.rst.\n",
		     dev_name(dev));
}

static struct kobj_type koi_device_type = { .release = device_release, .sysfs_ops = &koi_device_sysfs_ops };

/* Not const in older kernels. */
static struct kobject *koi_devices_kobj(struct kobject *kobj, struct kernfs_node *kn, const char *name, unsigned long place)
{
	kn->id = place;
	kn->name = kobj->name = name;
	kn->flags = KERNFS_DIR;
	kobj->sd = kn;
	if (!kobj->state_initialized) {
		kref_init(&kobj->kref);
		INIT_LIST_HEAD(&kobj->entry);
		atomic_set(&kn->count, 1);
	}
	kobj->state_initialized = kobj->state_in_sysfs = 1;
	return kobj;
}

static struct kobject *koi_virtual_root(void)
{
	static struct kernfs_node devices_node, virtual_node;
	static struct kobject devices, virtual;

	koi_devices_kobj(&devices, &devices_node, "devices", KOI_VFS_SYS_DEVICES);
	koi_devices_kobj(&virtual, &virtual_node, "virtual", KOI_VFS_SYS_DEVICES_VIRTUAL);
	virtual.parent = &devices;
	return &virtual;
}

static struct kobject *koi_devices_root(void)
{
	return koi_virtual_root()->parent;
}

void device_initialize(struct device *dev)
{
	kobject_init(&dev->kobj, &koi_device_type);
	INIT_LIST_HEAD(&dev->dma_pools);
	mutex_init(&dev->mutex);
	spin_lock_init(&dev->devres_lock);
	INIT_LIST_HEAD(&dev->devres_head);
	spin_lock_init(&dev->power.lock);
	dev->power.early_init = true;
	dev->power.disable_depth = 1;
	dev->power.runtime_status = RPM_SUSPENDED;
	INIT_LIST_HEAD(&dev->power.entry);
	init_completion(&dev->power.completion);
	complete_all(&dev->power.completion);
	init_waitqueue_head(&dev->power.wait_queue);
	set_dev_node(dev, NUMA_NO_NODE);
	INIT_LIST_HEAD(&dev->links.consumers);
	INIT_LIST_HEAD(&dev->links.suppliers);
	INIT_LIST_HEAD(&dev->links.defer_sync);
}

struct device *get_device(struct device *dev)
{
	return dev ? kobj_to_dev(kobject_get(&dev->kobj)) : NULL;
}

void put_device(struct device *dev)
{
	if (dev)
		kobject_put(&dev->kobj);
}

int dev_set_name(struct device *dev, const char *fmt, ...)
{
	va_list args;
	int error;

	va_start(args, fmt);
	error = kobject_set_name_vargs(&dev->kobj, fmt, args);
	va_end(args);
	return error;
}

/* ---- a device's place ---- */
/* The directory between a parent and the devices of one class: it goes with the last of them. */
static void koi_glue_release(struct kobject *kobj)
{
	kfree(kobj);
}
static struct kobj_type koi_glue_type = { .release = koi_glue_release, .sysfs_ops = &kobj_sysfs_ops };
static LIST_HEAD(koi_glue_dirs);	/* by kobject.entry: these are in no set */

static struct kobject *koi_glue_dir(struct kobject *parent, const char *name)
{
	struct kobject *k;

	list_for_each_entry(k, &koi_glue_dirs, entry)
		if (k->parent == parent && !strcmp(kobject_name(k), name))
			return kobject_get(k);
	k = kzalloc(sizeof(*k), GFP_KERNEL);
	if (!k)
		return ERR_PTR(-ENOMEM);
	kobject_init(k, &koi_glue_type);
	if (kobject_add(k, parent, "%s", name)) {
		kobject_put(k);
		return ERR_PTR(-EINVAL);
	}
	list_add_tail(&k->entry, &koi_glue_dirs);
	return k;
}

static void koi_drop_glue_dir(struct kobject *k)
{
	if (!k || k->ktype != &koi_glue_type)
		return;
	/* Its own reference, and those of the devices below. */
	if (kref_read(&k->kref) == 1)
		list_del_init(&k->entry);
	kobject_put(k);
}

static struct kobject *koi_device_parent(struct device *dev)
{
	struct device *parent = dev->parent;

	if (!dev->class)
		return parent ? &parent->kobj : dev->kobj.parent ? dev->kobj.parent : koi_devices_root();
	if (!parent)
		return koi_glue_dir(koi_virtual_root(), dev->class->name);
	if (parent->class)
		return &parent->kobj;
	return koi_glue_dir(&parent->kobj, dev->class->name);
}

static void koi_device_unlink(struct device *dev)
{
	struct koi_class *c = dev->class ? koi_class_of(dev->class) : NULL;
	char number[24];
	umode_t mode = 0;
	char *made;
	const char *name;

	if (MAJOR(dev->devt)) {
		unsigned long node;

		name = koi_device_node_name(dev, &mode, &made);
		if (name)
			koi_rmnod(name, dev->devt);
		kfree(made);
		snprintf(number, sizeof(number), "%u:%u", MAJOR(dev->devt), MINOR(dev->devt));
		node = koi_vfs_child(KOI_VFS_SYS_DEV_CHAR, number, strlen(number));
		if (node)
			koi_vfs_remove(node);
		device_remove_file(dev, &dev_attr_dev);
	}
	koi_bus_remove_device(dev);
	if (c) {
		sysfs_remove_link(&dev->kobj, "subsystem");
		sysfs_remove_link(&c->subsys.kobj, dev_name(dev));
	}
	if (dev->class)
		device_remove_groups(dev, dev->class->dev_groups);
	if (dev->type)
		device_remove_groups(dev, dev->type->groups);
	device_remove_groups(dev, dev->groups);
	device_remove_file(dev, &dev_attr_uevent);
}

static int koi_device_populate(struct device *dev)
{
	struct koi_class *c = dev->class ? koi_class_of(dev->class) : NULL;
	int error = device_create_file(dev, &dev_attr_uevent);

	if (!error && c) {
		error = sysfs_create_link(&dev->kobj, &c->subsys.kobj, "subsystem");
		if (!error)
			error = sysfs_create_link(&c->subsys.kobj, &dev->kobj, dev_name(dev));
	}
	if (!error && dev->class)
		error = device_add_groups(dev, dev->class->dev_groups);
	if (!error && dev->type)
		error = device_add_groups(dev, dev->type->groups);
	if (!error)
		error = device_add_groups(dev, dev->groups);
	if (!error)
		error = koi_bus_add_device(dev);
	if (!error && MAJOR(dev->devt)) {
		char number[24];
		umode_t mode = 0;
		const char *name;
		char *made;

		error = device_create_file(dev, &dev_attr_dev);
		snprintf(number, sizeof(number), "%u:%u", MAJOR(dev->devt), MINOR(dev->devt));
		if (!error)
			error = koi_sysfs_link(KOI_VFS_SYS_DEV_CHAR, dev->kobj.sd->id, number, true);
		if (!error) {
			name = koi_device_node_name(dev, &mode, &made);
			/* devtmpfs keeps its complaints to itself. */
			if (name)
				koi_mknod(name, mode ? mode : 0600, dev->devt);
			kfree(made);
		}
	}
	return error;
}

int device_add(struct device *dev)
{
	struct koi_class *c;
	struct kobject *parent;
	int error = -EINVAL;

	dev = get_device(dev);
	if (!dev)
		return -EINVAL;
	if (dev->init_name) {
		dev_set_name(dev, "%s", dev->init_name);
		dev->init_name = NULL;
	}
	if (!dev_name(dev))
		goto out;
	if (dev->class && !koi_class_of(dev->class))
		goto out;
	get_device(dev->parent);
	parent = koi_device_parent(dev);
	error = PTR_ERR_OR_ZERO(parent);
	if (error)
		goto put_parent;
	dev->kobj.parent = parent;
	error = kobject_add(&dev->kobj, dev->kobj.parent, NULL);
	if (error) {
		koi_drop_glue_dir(parent);
		goto put_parent;
	}
	error = koi_device_populate(dev);
	if (error) {
		koi_device_unlink(dev);
		kobject_del(&dev->kobj);
		koi_drop_glue_dir(parent);
		goto put_parent;
	}
	c = dev->class ? koi_class_of(dev->class) : NULL;
	if (c && dev->class->dev_uevent) {
		struct kobj_uevent_env *env = kzalloc(sizeof(*env), GFP_KERNEL);

		if (env)
			dev->class->dev_uevent(dev, env);
		kfree(env);
	}
	/* The members of a class are found through its set, of which they are no kobjects. */
	if (c) {
		spin_lock(&c->subsys.list_lock);
		list_add_tail(&dev->kobj.entry, &c->subsys.list);
		spin_unlock(&c->subsys.list_lock);
	}
	koi_bus_notify(dev, BUS_NOTIFY_ADD_DEVICE);
	koi_bus_probe_device(dev);
	goto out;
put_parent:
	put_device(dev->parent);
out:
	put_device(dev);
	return error;
}

void device_del(struct device *dev)
{
	struct kobject *glue = dev->kobj.parent;

	koi_bus_notify(dev, BUS_NOTIFY_DEL_DEVICE);
	koi_bus_forget_device(dev);
	list_del_init(&dev->kobj.entry);
	koi_device_unlink(dev);
	koi_bus_notify(dev, BUS_NOTIFY_REMOVED_DEVICE);
	devres_release_all(dev);
	kobject_del(&dev->kobj);
	koi_drop_glue_dir(glue);
	put_device(dev->parent);
}

int device_register(struct device *dev)
{
	device_initialize(dev);
	return device_add(dev);
}

void device_unregister(struct device *dev)
{
	device_del(dev);
	put_device(dev);
}

static void koi_device_create_release(struct device *dev)
{
	kfree(dev);
}

static struct device *koi_device_create(KOI_CLASS *class, struct device *parent, dev_t devt, void *drvdata,
					const struct attribute_group **groups, const char *fmt, va_list args)
{
	struct device *dev;
	int error;

	if (IS_ERR_OR_NULL(class))
		return ERR_PTR(-ENODEV);
	dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	if (!dev)
		return ERR_PTR(-ENOMEM);
	device_initialize(dev);
	dev->devt = devt;
	dev->class = class;
	dev->parent = parent;
	dev->groups = groups;
	dev->release = koi_device_create_release;
	dev_set_drvdata(dev, drvdata);
	error = kobject_set_name_vargs(&dev->kobj, fmt, args);
	if (!error)
		error = device_add(dev);
	if (!error)
		return dev;
	put_device(dev);
	return ERR_PTR(error);
}

struct device *device_create(KOI_CLASS *class, struct device *parent, dev_t devt, void *drvdata, const char *fmt, ...)
{
	struct device *dev;
	va_list args;

	va_start(args, fmt);
	dev = koi_device_create(class, parent, devt, drvdata, NULL, fmt, args);
	va_end(args);
	return dev;
}

struct device *device_create_with_groups(KOI_CLASS *class, struct device *parent, dev_t devt, void *drvdata,
					 const struct attribute_group **groups, const char *fmt, ...)
{
	struct device *dev;
	va_list args;

	va_start(args, fmt);
	dev = koi_device_create(class, parent, devt, drvdata, groups, fmt, args);
	va_end(args);
	return dev;
}

void device_destroy(KOI_CLASS *class, dev_t devt)
{
	struct koi_class *c = koi_class_of(class);
	struct kobject *k;

	if (!c)
		return;
	list_for_each_entry(k, &c->subsys.list, entry) {
		struct device *dev = kobj_to_dev(k);

		if (dev->devt == devt) {
			device_unregister(dev);
			return;
		}
	}
}
