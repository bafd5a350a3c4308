// SPDX-License-Identifier: GPL-2.0-only
/* Platform devices and drivers: devices that nothing can discover, matched by name (Documentation/driver-api/driver-model). */
#include <linux/platform_device.h>
#include <linux/idr.h>

/* ---- the bus ---- */
static const struct platform_device_id *koi_platform_id(const struct platform_driver *drv, struct platform_device *pdev)
{
	const struct platform_device_id *id;

	for (id = drv->id_table; id && id->name[0]; id++)
		if (!strcmp(pdev->name, id->name))
			return id;
	return NULL;
}

static int platform_match(struct device *dev,
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
			  const
#endif
			  struct device_driver *drv)
{
	struct platform_device *pdev = to_platform_device(dev);
	const struct platform_driver *pdrv = container_of(drv, struct platform_driver, driver);

	if (pdrv->id_table) {
		pdev->id_entry = koi_platform_id(pdrv, pdev);
		return pdev->id_entry != NULL;
	}
	return !strcmp(pdev->name, drv->name);
}

/* What __platform_driver_probe() leaves in place of a probe function that may be gone. */
static int koi_platform_probe_fail(struct platform_device *pdev)
{
	return -ENXIO;
}

static int platform_probe(struct device *dev)
{
	struct platform_driver *drv = to_platform_driver(dev->driver);
	struct platform_device *pdev = to_platform_device(dev);
	int error = drv->probe ? drv->probe(pdev) : 0;

	if (drv->probe == koi_platform_probe_fail)
		return -ENXIO;
	if (drv->prevent_deferred_probe && error == -EPROBE_DEFER) {
		dev_warn(dev, "probe deferral not supported\n");
		error = -ENXIO;
	}
	return error;
}

static void platform_remove(struct device *dev)
{
	struct platform_driver *drv = to_platform_driver(dev->driver);
	struct platform_device *pdev = to_platform_device(dev);

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
	if (drv->remove)
		drv->remove(pdev);
#else
	if (drv->remove_new) {
		drv->remove_new(pdev);
	} else if (drv->remove) {
		int error = drv->remove(pdev);

		if (error)
			dev_warn(dev, "remove callback returned a non-zero value. This will be ignored.\n");
	}
#endif
}

static int platform_uevent(
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	const
#endif
	struct device *dev, struct kobj_uevent_env *env)
{
	return add_uevent_var(env, "MODALIAS=platform:%s", to_platform_device(dev)->name);
}

static ssize_t modalias_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "platform:%s\n", to_platform_device(dev)->name);
}
static DEVICE_ATTR_RO(modalias);
static struct attribute *koi_platform_attrs[] = { &dev_attr_modalias.attr, NULL };
ATTRIBUTE_GROUPS(koi_platform);

/* Constant in newer kernels: as the header declares it. */
typeof(platform_bus_type) platform_bus_type = {
	.name = "platform",
	.dev_groups = koi_platform_groups,
	.match = platform_match,
	.uevent = platform_uevent,
	.probe = platform_probe,
	.remove = platform_remove,
};
struct device platform_bus = { .init_name = "platform" };

/* The bus is there from its first use on. */
static int koi_platform_start(void)
{
	static struct kernfs_node node;
	int error;

	if (koi_bus_of(&platform_bus_type))
		return 0;
	koi_devices_kobj(&platform_bus.kobj, &node, "platform", KOI_VFS_SYS_DEVICES_PLATFORM);
	platform_bus.kobj.parent = koi_devices_root();
	mutex_init(&platform_bus.mutex);
	error = bus_register(&platform_bus_type);
	if (!error)
		koi_vfs_disown(koi_bus_of(&platform_bus_type)->subsys.kobj.sd->id);
	return error;
}

/* ---- devices ---- */
static DEFINE_IDA(koi_platform_ida);

struct koi_platform_object {
	struct platform_device pdev;
	char name[];
};

static void koi_platform_release(struct device *dev)
{
	struct platform_device *pdev = to_platform_device(dev);

	kfree(dev->platform_data);
	kfree(pdev->resource);
	kfree(container_of(pdev, struct koi_platform_object, pdev));
}

struct platform_device *platform_device_alloc(const char *name, int id)
{
	struct koi_platform_object *object = kzalloc(sizeof(*object) + strlen(name) + 1, GFP_KERNEL);

	if (!object)
		return NULL;
	strcpy(object->name, name);
	object->pdev.name = object->name;
	object->pdev.id = id;
	device_initialize(&object->pdev.dev);
	object->pdev.dev.release = koi_platform_release;
	return &object->pdev;
}

int platform_device_add_resources(struct platform_device *pdev, const struct resource *res, unsigned int num)
{
	struct resource *own = NULL;

	if (res) {
		own = kmemdup(res, sizeof(*res) * num, GFP_KERNEL);
		if (!own)
			return -ENOMEM;
	}
	kfree(pdev->resource);
	pdev->resource = own;
	pdev->num_resources = num;
	return 0;
}

int platform_device_add_data(struct platform_device *pdev, const void *data, size_t size)
{
	void *own = NULL;

	if (data) {
		own = kmemdup(data, size, GFP_KERNEL);
		if (!own)
			return -ENOMEM;
	}
	kfree(pdev->dev.platform_data);
	pdev->dev.platform_data = own;
	return 0;
}

static int koi_platform_name(struct platform_device *pdev)
{
	int id;

	switch (pdev->id) {
	case PLATFORM_DEVID_NONE:
		return dev_set_name(&pdev->dev, "%s", pdev->name);
	case PLATFORM_DEVID_AUTO:
		id = ida_alloc(&koi_platform_ida, GFP_KERNEL);
		if (id < 0)
			return id;
		pdev->id = id;
		pdev->id_auto = true;
		return dev_set_name(&pdev->dev, "%s.%d.auto", pdev->name, pdev->id);
	default:
		return dev_set_name(&pdev->dev, "%s.%d", pdev->name, pdev->id);
	}
}

/* Memory and port ranges are claimed in their trees; other resources are the device's own affair. */
static struct resource *koi_resource_root(struct resource *r)
{
	if (r->parent)
		return r->parent;
	if (resource_type(r) == IORESOURCE_MEM)
		return &iomem_resource;
	return resource_type(r) == IORESOURCE_IO ? &ioport_resource : NULL;
}

static void koi_platform_unclaim(struct platform_device *pdev, u32 count)
{
	while (count--) {
		if (pdev->resource[count].parent)
			release_resource(&pdev->resource[count]);
	}
}

static int koi_platform_claim(struct platform_device *pdev)
{
	u32 i;

	for (i = 0; i < pdev->num_resources; i++) {
		struct resource *r = &pdev->resource[i];

		if (!r->name)
			r->name = dev_name(&pdev->dev);
		if (koi_resource_root(r) && insert_resource(koi_resource_root(r), r)) {
			dev_err(&pdev->dev, "failed to claim resource %d: %pR\n", i, r);
			koi_platform_unclaim(pdev, i);
			return -EBUSY;
		}
	}
	return 0;
}

int platform_device_add(struct platform_device *pdev)
{
	int error;

	if (!pdev)
		return -EINVAL;
	error = koi_platform_start();
	if (error)
		return error;
	if (!pdev->dev.parent)
		pdev->dev.parent = &platform_bus;
	pdev->dev.bus = &platform_bus_type;
	error = koi_platform_name(pdev);
	if (!error)
		error = koi_platform_claim(pdev);
	if (!error) {
		error = device_add(&pdev->dev);
		if (error)
			koi_platform_unclaim(pdev, pdev->num_resources);
	}
	if (error && pdev->id_auto) {
		ida_free(&koi_platform_ida, pdev->id);
		pdev->id = PLATFORM_DEVID_AUTO;
		pdev->id_auto = false;
	}
	return error;
}

void platform_device_del(struct platform_device *pdev)
{
	if (IS_ERR_OR_NULL(pdev))
		return;
	device_del(&pdev->dev);
	if (pdev->id_auto) {
		ida_free(&koi_platform_ida, pdev->id);
		pdev->id = PLATFORM_DEVID_AUTO;
	}
	koi_platform_unclaim(pdev, pdev->num_resources);
}

void platform_device_put(struct platform_device *pdev)
{
	if (!IS_ERR_OR_NULL(pdev))
		put_device(&pdev->dev);
}

int platform_device_register(struct platform_device *pdev)
{
	device_initialize(&pdev->dev);
	return platform_device_add(pdev);
}

void platform_device_unregister(struct platform_device *pdev)
{
	platform_device_del(pdev);
	platform_device_put(pdev);
}

int platform_add_devices(struct platform_device **devs, int num)
{
	int i, error = 0;

	for (i = 0; i < num && !error; i++)
		error = platform_device_register(devs[i]);
	if (error)
		for (i -= 2; i >= 0; i--)
			platform_device_unregister(devs[i]);
	return error;
}

struct platform_device *platform_device_register_full(const struct platform_device_info *info)
{
	struct platform_device *pdev;
	int error;

	if (info->properties)
		koi_unsupported("platform_device_register_full() with properties");
	pdev = platform_device_alloc(info->name, info->id);
	if (!pdev)
		return ERR_PTR(-ENOMEM);
	pdev->dev.parent = info->parent;
	pdev->dev.fwnode = info->fwnode;
	if (info->dma_mask) {
		pdev->platform_dma_mask = info->dma_mask;
		pdev->dev.dma_mask = &pdev->platform_dma_mask;
		pdev->dev.coherent_dma_mask = info->dma_mask;
	}
	error = platform_device_add_resources(pdev, info->res, info->num_res);
	if (!error)
		error = platform_device_add_data(pdev, info->data, info->size_data);
	if (!error)
		error = platform_device_add(pdev);
	if (!error)
		return pdev;
	platform_device_put(pdev);
	return ERR_PTR(error);
}

/* ---- resources ---- */
struct resource *platform_get_resource(struct platform_device *pdev, unsigned int type, unsigned int num)
{
	u32 i;

	for (i = 0; i < pdev->num_resources; i++) {
		if (resource_type(&pdev->resource[i]) == type && num-- == 0)
			return &pdev->resource[i];
	}
	return NULL;
}

struct resource *platform_get_resource_byname(struct platform_device *pdev, unsigned int type, const char *name)
{
	u32 i;

	for (i = 0; i < pdev->num_resources; i++) {
		struct resource *r = &pdev->resource[i];

		if (r->name && resource_type(r) == type && !strcmp(r->name, name))
			return r;
	}
	return NULL;
}

static int koi_irq_of(const struct resource *r)
{
	return r ? (int)r->start : -ENXIO;
}

int platform_get_irq_optional(struct platform_device *pdev, unsigned int num)
{
	return koi_irq_of(platform_get_resource(pdev, IORESOURCE_IRQ, num));
}

int platform_get_irq(struct platform_device *pdev, unsigned int num)
{
	int irq = platform_get_irq_optional(pdev, num);

	return irq < 0 ? dev_err_probe(&pdev->dev, irq, "IRQ index %u not found\n", num) : irq;
}

int platform_get_irq_byname_optional(struct platform_device *pdev, const char *name)
{
	return koi_irq_of(platform_get_resource_byname(pdev, IORESOURCE_IRQ, name));
}

int platform_get_irq_byname(struct platform_device *pdev, const char *name)
{
	int irq = platform_get_irq_byname_optional(pdev, name);

	return irq < 0 ? dev_err_probe(&pdev->dev, irq, "IRQ %s not found\n", name) : irq;
}

int platform_irq_count(struct platform_device *pdev)
{
	int count = 0;

	while (platform_get_irq_optional(pdev, count) >= 0)
		count++;
	return count;
}

/* ---- drivers ---- */
int __platform_driver_register(struct platform_driver *drv, struct module *owner)
{
	int error = koi_platform_start();

	if (error)
		return error;
	drv->driver.owner = owner;
	drv->driver.bus = &platform_bus_type;
	return driver_register(&drv->driver);
}

void platform_driver_unregister(struct platform_driver *drv)
{
	driver_unregister(&drv->driver);
}

static int koi_is_bound(struct device *dev, void *unused)
{
	return 1;
}

/* For devices that are there already; nothing is probed later. */
int __platform_driver_probe(struct platform_driver *drv, int (*probe)(struct platform_device *), struct module *owner)
{
	int error;

	drv->prevent_deferred_probe = true;
	drv->driver.suppress_bind_attrs = true;
	drv->probe = probe;
	error = __platform_driver_register(drv, owner);
	if (error)
		return error;
	drv->probe = koi_platform_probe_fail;
	if (driver_for_each_device(&drv->driver, NULL, NULL, koi_is_bound))
		return 0;
	platform_driver_unregister(drv);
	return -ENODEV;
}

void platform_unregister_drivers(struct platform_driver *const *drivers, unsigned int count)
{
	while (count--)
		platform_driver_unregister(drivers[count]);
}

int __platform_register_drivers(struct platform_driver *const *drivers, unsigned int count, struct module *owner)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		int error = __platform_driver_register(drivers[i], owner);

		if (error) {
			pr_err("failed to register platform driver %ps: %d\n", drivers[i], error);
			platform_unregister_drivers(drivers, i);
			return error;
		}
	}
	return 0;
}

struct platform_device *__platform_create_bundle(struct platform_driver *drv, int (*probe)(struct platform_device *),
						 struct resource *res, unsigned int num, const void *data, size_t size,
						 struct module *owner)
{
	struct platform_device *pdev = platform_device_alloc(drv->driver.name, PLATFORM_DEVID_NONE);
	int error = pdev ? platform_device_add_resources(pdev, res, num) : -ENOMEM;

	if (!error)
		error = platform_device_add_data(pdev, data, size);
	if (!error)
		error = platform_device_add(pdev);
	if (!error) {
		error = __platform_driver_probe(drv, probe, owner);
		if (!error)
			return pdev;
		platform_device_del(pdev);
	}
	platform_device_put(pdev);
	return ERR_PTR(error);
}
