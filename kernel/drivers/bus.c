// SPDX-License-Identifier: GPL-2.0-only
/* struct bus_type: /sys/bus/NAME with its devices and drivers. Who drives what is driver.c's. */
#include <linux/device/bus.h>
#include <linux/device/driver.h>
#include <linux/klist.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#define KOI_BUS const struct bus_type
#else
#define KOI_BUS struct bus_type
#endif

/* What koi keeps of a registered bus. */
struct koi_bus {
	struct list_head list;
	KOI_BUS *bus;
	struct kset subsys;	/* /sys/bus/NAME */
	struct kset *devices_dir, *drivers_dir;
	struct klist devices;	/* struct koi_bus_member */
	struct klist drivers;	/* struct driver_private */
	struct blocking_notifier_head notifier;
	bool autoprobe;
};
static LIST_HEAD(koi_buses);

struct koi_bus_member {
	struct klist_node node;
	struct device *dev;
	u64 bound;	/* counts bindings: the driver that goes lets the last one go first */
};

struct driver_private {
	struct kobject kobj;
	struct klist_node node;
	struct device_driver *driver;
};

static struct koi_bus *koi_bus_of(KOI_BUS *bus)
{
	struct koi_bus *b;

	list_for_each_entry(b, &koi_buses, list)
		if (b->bus == bus)
			return b;
	return NULL;
}

static struct koi_bus_member *koi_member(struct klist_node *node)
{
	return node ? container_of(node, struct koi_bus_member, node) : NULL;
}

static struct driver_private *koi_driver(struct klist_node *node)
{
	return node ? container_of(node, struct driver_private, node) : NULL;
}

/* A member lives as long as somebody walks over it, and its device with it. */
static void koi_member_get(struct klist_node *node)
{
	get_device(koi_member(node)->dev);
}

static void koi_member_put(struct klist_node *node)
{
	struct koi_bus_member *m = koi_member(node);

	put_device(m->dev);
	kfree(m);
}

static void koi_driver_get(struct klist_node *node)
{
	kobject_get(&koi_driver(node)->kobj);
}

static void koi_driver_put(struct klist_node *node)
{
	kobject_put(&koi_driver(node)->kobj);
}

static struct koi_bus_member *koi_member_of(struct koi_bus *b, struct device *dev)
{
	struct koi_bus_member *m;

	list_for_each_entry(m, &b->devices.k_list, node.n_node)
		if (m->dev == dev && klist_node_attached(&m->node))
			return m;
	return NULL;
}

/* ---- attributes ---- */
static ssize_t bus_attr_show(struct kobject *kobj, struct attribute *attr, char *buf)
{
	struct bus_attribute *a = container_of(attr, struct bus_attribute, attr);
	struct koi_bus *b = container_of(kobj, struct koi_bus, subsys.kobj);

	return a->show ? a->show(b->bus, buf) : 0;
}

static ssize_t bus_attr_store(struct kobject *kobj, struct attribute *attr, const char *buf, size_t count)
{
	struct bus_attribute *a = container_of(attr, struct bus_attribute, attr);
	struct koi_bus *b = container_of(kobj, struct koi_bus, subsys.kobj);

	return a->store ? a->store(b->bus, buf, count) : 0;
}
static const struct sysfs_ops koi_bus_sysfs_ops = { .show = bus_attr_show, .store = bus_attr_store };

static void bus_release(struct kobject *kobj)
{
	kfree(container_of(kobj, struct koi_bus, subsys.kobj));
}
static struct kobj_type koi_bus_ktype = { .sysfs_ops = &koi_bus_sysfs_ops, .release = bus_release };

static struct kernfs_node koi_bus_root_node = {
	.count = ATOMIC_INIT(1), .name = "bus", .flags = KERNFS_DIR, .id = KOI_VFS_SYS_BUS
};
static struct kobject koi_bus_root = {
	.name = "bus", .sd = &koi_bus_root_node, .kref = KREF_INIT(1000),
	.entry = LIST_HEAD_INIT(koi_bus_root.entry), .state_initialized = 1, .state_in_sysfs = 1
};

int bus_create_file(KOI_BUS *bus, struct bus_attribute *attr)
{
	struct koi_bus *b = koi_bus_of(bus);

	return b ? sysfs_create_file(&b->subsys.kobj, &attr->attr) : -EINVAL;
}

void bus_remove_file(KOI_BUS *bus, struct bus_attribute *attr)
{
	struct koi_bus *b = koi_bus_of(bus);

	if (b)
		sysfs_remove_file(&b->subsys.kobj, &attr->attr);
}

static ssize_t drivers_autoprobe_show(KOI_BUS *bus, char *buf)
{
	return sysfs_emit(buf, "%d\n", koi_bus_of(bus)->autoprobe);
}

static ssize_t drivers_autoprobe_store(KOI_BUS *bus, const char *buf, size_t count)
{
	koi_bus_of(bus)->autoprobe = buf[0] != '0';
	return count;
}
static BUS_ATTR_RW(drivers_autoprobe);

static ssize_t drivers_probe_store(KOI_BUS *bus, const char *buf, size_t count)
{
	struct device *dev = bus_find_device_by_name(bus, NULL, buf);
	int error;

	if (!dev)
		return -ENODEV;
	error = device_attach(dev);
	put_device(dev);
	return error < 0 ? error : count;
}
static BUS_ATTR_WO(drivers_probe);

static struct attribute *koi_bus_attrs[] = { &bus_attr_drivers_probe.attr, &bus_attr_drivers_autoprobe.attr, NULL };
static const struct attribute_group koi_bus_group = { .attrs = koi_bus_attrs };

/* ---- life ---- */
static void koi_bus_remove_dirs(struct koi_bus *b)
{
	kset_unregister(b->drivers_dir);
	kset_unregister(b->devices_dir);
	kset_unregister(&b->subsys);
}

int bus_register(KOI_BUS *bus)
{
	struct koi_bus *b = kzalloc(sizeof(*b), GFP_KERNEL);
	int error;

	if (!b)
		return -ENOMEM;
	b->bus = bus;
	b->autoprobe = true;
	BLOCKING_INIT_NOTIFIER_HEAD(&b->notifier);
	klist_init(&b->devices, koi_member_get, koi_member_put);
	klist_init(&b->drivers, koi_driver_get, koi_driver_put);
	error = kobject_set_name(&b->subsys.kobj, "%s", bus->name);
	b->subsys.kobj.parent = &koi_bus_root;
	b->subsys.kobj.ktype = &koi_bus_ktype;
	if (!error)
		error = kset_register(&b->subsys);
	if (error) {
		kfree(b);
		return error;
	}
	b->devices_dir = kset_create_and_add("devices", NULL, &b->subsys.kobj);
	b->drivers_dir = kset_create_and_add("drivers", NULL, &b->subsys.kobj);
	if (!b->devices_dir || !b->drivers_dir) {
		koi_bus_remove_dirs(b);
		return -ENOMEM;
	}
	list_add_tail(&b->list, &koi_buses);
	error = sysfs_create_group(&b->subsys.kobj, &koi_bus_group);
	if (!error)
		error = sysfs_create_groups(&b->subsys.kobj, bus->bus_groups);
	if (error) {
		list_del(&b->list);
		koi_bus_remove_dirs(b);
	}
	return error;
}

void bus_unregister(KOI_BUS *bus)
{
	struct koi_bus *b = koi_bus_of(bus);

	if (!b)
		return;
	sysfs_remove_groups(&b->subsys.kobj, bus->bus_groups);
	sysfs_remove_group(&b->subsys.kobj, &koi_bus_group);
	list_del(&b->list);
	koi_bus_remove_dirs(b);
}

/* ---- members ---- */
static void koi_bus_notify(struct device *dev, unsigned long event)
{
	struct koi_bus *b = dev->bus ? koi_bus_of(dev->bus) : NULL;

	if (b)
		blocking_notifier_call_chain(&b->notifier, event, dev);
}

static int koi_bus_add_device(struct device *dev)
{
	struct koi_bus *b = dev->bus ? koi_bus_of(dev->bus) : NULL;
	struct koi_bus_member *m;
	int error;

	if (!b)
		return 0;
	m = kzalloc(sizeof(*m), GFP_KERNEL);
	if (!m)
		return -ENOMEM;
	error = device_add_groups(dev, dev->bus->dev_groups);
	if (!error)
		error = sysfs_create_link(&b->devices_dir->kobj, &dev->kobj, dev_name(dev));
	if (!error)
		error = sysfs_create_link(&dev->kobj, &b->subsys.kobj, "subsystem");
	if (error) {
		kfree(m);
		return error;
	}
	m->dev = dev;
	klist_add_tail(&m->node, &b->devices);
	return 0;
}

static void koi_bus_remove_device(struct device *dev)
{
	struct koi_bus *b = dev->bus ? koi_bus_of(dev->bus) : NULL;
	struct koi_bus_member *m = b ? koi_member_of(b, dev) : NULL;

	if (!m)
		return;
	sysfs_remove_link(&dev->kobj, "subsystem");
	sysfs_remove_link(&b->devices_dir->kobj, dev_name(dev));
	device_remove_groups(dev, dev->bus->dev_groups);
	klist_del(&m->node);
}

/* ---- walks ---- */
int bus_for_each_dev(KOI_BUS *bus, struct device *start, void *data, int (*fn)(struct device *dev, void *data))
{
	struct koi_bus *b = koi_bus_of(bus);
	struct koi_bus_member *m, *first;
	struct klist_iter i;
	int error = 0;

	if (!b)
		return -EINVAL;
	first = start ? koi_member_of(b, start) : NULL;
	klist_iter_init_node(&b->devices, &i, first ? &first->node : NULL);
	while (!error && (m = koi_member(klist_next(&i))))
		error = fn(m->dev, data);
	klist_iter_exit(&i);
	return error;
}

struct device *bus_find_device(KOI_BUS *bus, struct device *start, const void *data,
			       int (*match)(struct device *dev, const void *data))
{
	struct koi_bus *b = koi_bus_of(bus);
	struct koi_bus_member *m, *first;
	struct device *found = NULL;
	struct klist_iter i;

	if (!b)
		return NULL;
	first = start ? koi_member_of(b, start) : NULL;
	klist_iter_init_node(&b->devices, &i, first ? &first->node : NULL);
	while (!found && (m = koi_member(klist_next(&i))))
		if (match(m->dev, data))
			found = get_device(m->dev);
	klist_iter_exit(&i);
	return found;
}

int bus_for_each_drv(KOI_BUS *bus, struct device_driver *start, void *data, int (*fn)(struct device_driver *, void *))
{
	struct koi_bus *b = koi_bus_of(bus);
	struct driver_private *d;
	struct klist_iter i;
	int error = 0;

	if (!b)
		return -EINVAL;
	klist_iter_init_node(&b->drivers, &i, start ? &start->p->node : NULL);
	while (!error && (d = koi_driver(klist_next(&i))))
		error = fn(d->driver, data);
	klist_iter_exit(&i);
	return error;
}

/* sysfs hands over what was written, with its newline. */
int device_match_name(struct device *dev, const void *name)
{
	return sysfs_streq(dev_name(dev), name);
}

int device_match_fwnode(struct device *dev, const void *fwnode)
{
	return fwnode && dev_fwnode(dev) == fwnode;
}

int device_match_devt(struct device *dev, const void *devt)
{
	return dev->devt == *(const dev_t *)devt;
}

int device_match_any(struct device *dev, const void *unused)
{
	return 1;
}

int bus_register_notifier(KOI_BUS *bus, struct notifier_block *nb)
{
	struct koi_bus *b = koi_bus_of(bus);

	return b ? blocking_notifier_chain_register(&b->notifier, nb) : -EINVAL;
}

int bus_unregister_notifier(KOI_BUS *bus, struct notifier_block *nb)
{
	struct koi_bus *b = koi_bus_of(bus);

	return b ? blocking_notifier_chain_unregister(&b->notifier, nb) : -EINVAL;
}

struct kset *bus_get_kset(KOI_BUS *bus)
{
	struct koi_bus *b = koi_bus_of(bus);

	return b ? &b->subsys : NULL;
}
