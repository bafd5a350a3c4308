// SPDX-License-Identifier: GPL-2.0-only
/* struct device_driver: matching, probing, binding and letting go (Documentation/driver-api/driver-model). */

static int koi_bus_match(struct device *dev, struct device_driver *drv)
{
	return drv->bus->match ? drv->bus->match(dev, drv) : 1;
}

/* ---- devices whose driver asked for another try ---- */
struct koi_deferred {
	struct list_head list;
	struct device *dev;
};
static LIST_HEAD(koi_deferred_devices);
static bool koi_retrying;

static void koi_defer(struct device *dev)
{
	struct koi_deferred *d;

	list_for_each_entry(d, &koi_deferred_devices, list)
		if (d->dev == dev)
			return;
	d = kzalloc(sizeof(*d), GFP_KERNEL);
	if (!d)
		return;
	d->dev = get_device(dev);
	list_add_tail(&d->list, &koi_deferred_devices);
}

static void koi_forget_deferred(struct device *dev)
{
	struct koi_deferred *d;

	list_for_each_entry(d, &koi_deferred_devices, list) {
		if (d->dev != dev)
			continue;
		list_del(&d->list);
		put_device(d->dev);
		kfree(d);
		return;
	}
}

/* Each success may be what the others waited for; who fails again waits for the next one. */
static void koi_retry_deferred(void)
{
	LIST_HEAD(now);

	if (koi_retrying)
		return;
	koi_retrying = true;
	list_splice_init(&koi_deferred_devices, &now);
	while (!list_empty(&now)) {
		struct koi_deferred *d = list_first_entry(&now, struct koi_deferred, list);

		list_del(&d->list);
		if (device_attach(d->dev) < 0)
			dev_dbg(d->dev, "no driver at the second try either\n");
		put_device(d->dev);
		kfree(d);
	}
	koi_retrying = false;
}

/* ---- binding ---- */
static void koi_driver_unlink(struct device *dev)
{
	sysfs_remove_link(&dev->driver->p->kobj, kobject_name(&dev->kobj));
	sysfs_remove_link(&dev->kobj, "driver");
}

static int koi_driver_link(struct device *dev)
{
	int error;

	koi_bus_notify(dev, BUS_NOTIFY_BIND_DRIVER);
	error = sysfs_create_link(&dev->driver->p->kobj, &dev->kobj, kobject_name(&dev->kobj));
	if (error)
		return error;
	error = sysfs_create_link(&dev->kobj, &dev->driver->p->kobj, "driver");
	if (error)
		sysfs_remove_link(&dev->driver->p->kobj, kobject_name(&dev->kobj));
	return error;
}

static void koi_count_binding(struct device *dev)
{
	static u64 bindings;
	struct koi_bus *b = koi_bus_of(dev->bus);
	struct koi_bus_member *m = b ? koi_member_of(b, dev) : NULL;

	if (m)
		m->bound = ++bindings;
}

static void koi_unbind_cleanup(struct device *dev)
{
	devres_release_all(dev);
	dev->driver = NULL;
	dev_set_drvdata(dev, NULL);
	if (dev->pm_domain && dev->pm_domain->dismiss)
		dev->pm_domain->dismiss(dev);
}

static int koi_call_probe(struct device *dev, struct device_driver *drv)
{
	if (dev->bus->probe)
		return dev->bus->probe(dev);
	return drv->probe ? drv->probe(dev) : 0;
}

static void koi_report_probe(struct device *dev, struct device_driver *drv, int error)
{
	switch (error) {
	case -EPROBE_DEFER:
		koi_defer(dev);
		break;
	case -ENODEV:
	case -ENXIO:
		pr_debug("%s: probe of %s rejects match %d\n", drv->name, dev_name(dev), error);
		break;
	default:
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
		dev_err(dev, "probe with driver %s failed with error %d\n", drv->name, error);
#else
		pr_warn("%s: probe of %s failed with error %d\n", drv->name, dev_name(dev), error);
#endif
	}
}

/* 0: bound. The device is locked. */
static int really_probe(struct device *dev, struct device_driver *drv)
{
	int error;

	if (!list_empty(&dev->devres_head)) {
		dev_crit(dev, "Resources present before probing\n");
		return -EBUSY;
	}
	dev->driver = drv;
	if (dev->bus->dma_configure) {
		error = dev->bus->dma_configure(dev);
		if (error) {
			koi_unbind_cleanup(dev);
			goto report;
		}
	}
	error = koi_driver_link(dev);
	if (error) {
		koi_bus_notify(dev, BUS_NOTIFY_DRIVER_NOT_BOUND);
		koi_unbind_cleanup(dev);
		goto report;
	}
	error = koi_call_probe(dev, drv);
	if (!error) {
		error = device_add_groups(dev, drv->dev_groups);
		if (!error)
			goto bound;
		if (dev->bus->remove)
			dev->bus->remove(dev);
		else if (drv->remove)
			drv->remove(dev);
	} else if (error > 0) {
		pr_debug("%s: probe of %s returned %d\n", drv->name, dev_name(dev), error);
		error = -error;
	}
	koi_driver_unlink(dev);
	koi_bus_notify(dev, BUS_NOTIFY_DRIVER_NOT_BOUND);
	if (dev->bus->dma_cleanup)
		dev->bus->dma_cleanup(dev);
	koi_unbind_cleanup(dev);
report:
	koi_report_probe(dev, drv, error);
	return error;
bound:
	koi_forget_deferred(dev);
	koi_count_binding(dev);
	koi_bus_notify(dev, BUS_NOTIFY_BOUND_DRIVER);
	kobject_uevent(&dev->kobj, KOBJ_BIND);
	return 0;
}

/* 1: bound now. 0: no match, or the driver does not want it. Negative: an error of matching. The device is locked. */
static int koi_try_driver(struct device_driver *drv, struct device *dev)
{
	int match = koi_bus_match(dev, drv);

	if (match == -EPROBE_DEFER) {
		koi_defer(dev);
		return 0;
	}
	if (match <= 0)
		return match;
	return really_probe(dev, drv) == 0;
}

static int koi_attach_one(struct device_driver *drv, void *dev)
{
	return koi_try_driver(drv, dev);
}

/* 1: it has a driver now or had one. 0: none wants it. */
int device_attach(struct device *dev)
{
	int bound = 0;

	device_lock(dev);
	if (dev->driver)
		bound = 1;
	else if (dev->bus && koi_bus_of(dev->bus))
		bound = bus_for_each_drv(dev->bus, NULL, dev, koi_attach_one);
	device_unlock(dev);
	if (bound == 1)
		koi_retry_deferred();
	return bound;
}

static int koi_driver_attach_one(struct device *dev, void *data)
{
	int bound = 0;

	device_lock(dev);
	if (!dev->driver)
		bound = koi_try_driver(data, dev);
	device_unlock(dev);
	if (bound == 1)
		koi_retry_deferred();
	return 0;
}

int driver_attach(
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
	const
#endif
	struct device_driver *drv)
{
	return bus_for_each_dev(drv->bus, NULL, (void *)drv, koi_driver_attach_one);
}

/* The driver is named by the caller: no probe. The device is locked by the caller. */
int device_bind_driver(struct device *dev)
{
	int error = koi_driver_link(dev);

	if (!error)
		koi_count_binding(dev);
	koi_bus_notify(dev, error ? BUS_NOTIFY_DRIVER_NOT_BOUND : BUS_NOTIFY_BOUND_DRIVER);
	return error;
}

static void koi_release_locked(struct device *dev)
{
	struct device_driver *drv = dev->driver;

	if (!drv)
		return;
	device_remove_groups(dev, drv->dev_groups);
	koi_driver_unlink(dev);
	koi_bus_notify(dev, BUS_NOTIFY_UNBIND_DRIVER);
	if (dev->bus && dev->bus->remove)
		dev->bus->remove(dev);
	else if (drv->remove)
		drv->remove(dev);
	if (dev->bus && dev->bus->dma_cleanup)
		dev->bus->dma_cleanup(dev);
	koi_unbind_cleanup(dev);
	koi_bus_notify(dev, BUS_NOTIFY_UNBOUND_DRIVER);
	kobject_uevent(&dev->kobj, KOBJ_UNBIND);
}

void device_release_driver(struct device *dev)
{
	device_lock(dev);
	koi_release_locked(dev);
	device_unlock(dev);
}

static int koi_rescan_one(struct device *dev, void *unused)
{
	int bound = dev->driver ? 0 : device_attach(dev);

	return bound < 0 ? bound : 0;
}

int bus_rescan_devices(KOI_BUS *bus)
{
	return bus_for_each_dev(bus, NULL, NULL, koi_rescan_one);
}

int device_reprobe(struct device *dev)
{
	if (dev->driver)
		device_release_driver(dev);
	return koi_rescan_one(dev, NULL);
}

/* ---- /sys/bus/BUS/drivers/NAME ---- */
static ssize_t drv_attr_show(struct kobject *kobj, struct attribute *attr, char *buf)
{
	struct driver_attribute *a = container_of(attr, struct driver_attribute, attr);

	return a->show ? a->show(container_of(kobj, struct driver_private, kobj)->driver, buf) : -EIO;
}

static ssize_t drv_attr_store(struct kobject *kobj, struct attribute *attr, const char *buf, size_t count)
{
	struct driver_attribute *a = container_of(attr, struct driver_attribute, attr);

	return a->store ? a->store(container_of(kobj, struct driver_private, kobj)->driver, buf, count) : -EIO;
}

static void driver_release(struct kobject *kobj)
{
	kfree(container_of(kobj, struct driver_private, kobj));
}
static const struct sysfs_ops koi_driver_sysfs_ops = { .show = drv_attr_show, .store = drv_attr_store };
static struct kobj_type koi_driver_ktype = { .sysfs_ops = &koi_driver_sysfs_ops, .release = driver_release };

static ssize_t unbind_store(struct device_driver *drv, const char *buf, size_t count)
{
	struct device *dev = bus_find_device_by_name(drv->bus, NULL, buf);
	bool mine = dev && dev->driver == drv;

	if (mine)
		device_release_driver(dev);
	put_device(dev);
	return mine ? count : -ENODEV;
}
static DRIVER_ATTR_WO(unbind);

static ssize_t bind_store(struct device_driver *drv, const char *buf, size_t count)
{
	struct device *dev = bus_find_device_by_name(drv->bus, NULL, buf);
	int error = -ENODEV;

	if (dev && koi_bus_match(dev, drv) > 0) {
		device_lock(dev);
		error = dev->driver ? -EBUSY : really_probe(dev, drv);
		device_unlock(dev);
	}
	put_device(dev);
	return error ? error : count;
}
static DRIVER_ATTR_WO(bind);

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#define KOI_DRIVER const struct device_driver
#else
#define KOI_DRIVER struct device_driver
#endif

int driver_create_file(KOI_DRIVER *drv, const struct driver_attribute *attr)
{
	return drv ? sysfs_create_file(&drv->p->kobj, &attr->attr) : -EINVAL;
}

void driver_remove_file(KOI_DRIVER *drv, const struct driver_attribute *attr)
{
	if (drv)
		sysfs_remove_file(&drv->p->kobj, &attr->attr);
}

struct device_driver *driver_find(const char *name, KOI_BUS *bus)
{
	struct koi_bus *b = koi_bus_of(bus);
	struct kobject *k = b ? kset_find_obj(b->drivers_dir, name) : NULL;

	if (!k)
		return NULL;
	kobject_put(k);		/* the caller keeps the driver from going, as with the kernel's */
	return container_of(k, struct driver_private, kobj)->driver;
}

static int koi_driver_populate(struct koi_bus *b, struct device_driver *drv)
{
	int error = sysfs_create_groups(&drv->p->kobj, drv->bus->drv_groups);

	if (!error)
		error = sysfs_create_groups(&drv->p->kobj, drv->groups);
	if (!error && !drv->suppress_bind_attrs)
		error = driver_create_file(drv, &driver_attr_unbind);
	if (!error && !drv->suppress_bind_attrs)
		error = driver_create_file(drv, &driver_attr_bind);
	return error;
}

int driver_register(struct device_driver *drv)
{
	struct koi_bus *b = koi_bus_of(drv->bus);
	int error;

	if (!b) {
		pr_err("Driver '%s' was unable to register with bus_type '%s' because the bus was not initialized.\n",
		       drv->name, drv->bus->name);
		return -EINVAL;
	}
	if ((drv->bus->probe && drv->probe) || (drv->bus->remove && drv->remove) || (drv->bus->shutdown && drv->shutdown))
		pr_warn("Driver '%s' needs updating - please use bus_type methods\n", drv->name);
	if (driver_find(drv->name, drv->bus)) {
		pr_err("Error: Driver '%s' is already registered, aborting...\n", drv->name);
		return -EBUSY;
	}
	drv->p = kzalloc(sizeof(*drv->p), GFP_KERNEL);
	if (!drv->p)
		return -ENOMEM;
	drv->p->driver = drv;
	drv->p->kobj.kset = b->drivers_dir;
	error = kobject_init_and_add(&drv->p->kobj, &koi_driver_ktype, NULL, "%s", drv->name);
	if (error) {
		kobject_put(&drv->p->kobj);
		drv->p = NULL;
		return error;
	}
	klist_add_tail(&drv->p->node, &b->drivers);
	error = b->autoprobe ? driver_attach(drv) : 0;
	if (!error)
		error = koi_driver_populate(b, drv);
	if (error)
		driver_unregister(drv);
	else
		kobject_uevent(&drv->p->kobj, KOBJ_ADD);
	return error;
}

static struct device *koi_last_bound(struct koi_bus *b, struct device_driver *drv)
{
	struct koi_bus_member *m, *last = NULL;

	list_for_each_entry(m, &b->devices.k_list, node.n_node)
		if (m->dev->driver == drv && (!last || m->bound > last->bound))
			last = m;
	return last ? get_device(last->dev) : NULL;
}

static void koi_release_all(struct koi_bus *b, struct device_driver *drv)
{
	struct device *dev;

	while ((dev = koi_last_bound(b, drv))) {
		device_release_driver(dev);
		put_device(dev);
	}
}

void driver_unregister(struct device_driver *drv)
{
	if (!drv || !drv->p) {
#line KOI_LINE(270, 270) "drivers/base/driver.c"
		WARN(1, "Unexpected driver unregister!\n");
		return;
	}
	if (!drv->suppress_bind_attrs) {
		driver_remove_file(drv, &driver_attr_bind);
		driver_remove_file(drv, &driver_attr_unbind);
	}
	sysfs_remove_groups(&drv->p->kobj, drv->groups);
	sysfs_remove_groups(&drv->p->kobj, drv->bus->drv_groups);
	klist_remove(&drv->p->node);
	koi_release_all(koi_bus_of(drv->bus), drv);
	kobject_put(&drv->p->kobj);
	drv->p = NULL;
}

/* ---- walks over a driver's devices ---- */
struct koi_driver_walk {
	const struct device_driver *drv;
	void *data;
	int (*fn)(struct device *dev, void *data);
};

static int koi_walk_if_mine(struct device *dev, void *data)
{
	struct koi_driver_walk *walk = data;

	return dev->driver == walk->drv ? walk->fn(dev, walk->data) : 0;
}

int driver_for_each_device(struct device_driver *drv, struct device *start, void *data,
			   int (*fn)(struct device *, void *))
{
	struct koi_driver_walk walk = { drv, data, fn };

	return drv ? bus_for_each_dev(drv->bus, start, &walk, koi_walk_if_mine) : -EINVAL;
}

/* ---- from device.c ---- */
static void koi_bus_probe_device(struct device *dev)
{
	struct koi_bus *b = dev->bus ? koi_bus_of(dev->bus) : NULL;

	if (b && b->autoprobe)
		device_attach(dev);
}

static void koi_bus_forget_device(struct device *dev)
{
	koi_forget_deferred(dev);
	device_release_driver(dev);
}
