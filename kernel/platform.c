// SPDX-License-Identifier: GPL-2.0-only
/*
 * Platform devices without drivers: what a module that makes one for itself needs (its name, its bus, its resources).
 * Nothing is matched, probed or shown in sysfs.
 */
#include <linux/platform_device.h>

/* Constant in newer kernels: as the header declares it. */
typeof(platform_bus_type) platform_bus_type = { .name = "platform" };
struct device platform_bus = { .init_name = "platform" };

struct koi_platform_object {
	struct platform_device pdev;
	char name[];
};

static void koi_platform_release(struct device *dev)
{
	struct platform_device *pdev = to_platform_device(dev);

	kfree(dev->platform_data);
	kfree(pdev->resource);
	kfree(dev->kobj.name);
	kfree(container_of(pdev, struct koi_platform_object, pdev));
}

static int koi_platform_fill(struct platform_device *pdev, const struct platform_device_info *info)
{
	pdev->dev.parent = info->parent ? info->parent : &platform_bus;
	pdev->dev.fwnode = info->fwnode;
	pdev->dev.bus = &platform_bus_type;
	if (info->num_res) {
		pdev->resource = kmemdup(info->res, sizeof(*info->res) * info->num_res, GFP_KERNEL);
		if (!pdev->resource)
			return -ENOMEM;
		pdev->num_resources = info->num_res;
	}
	if (info->data) {
		pdev->dev.platform_data = kmemdup(info->data, info->size_data, GFP_KERNEL);
		if (!pdev->dev.platform_data)
			return -ENOMEM;
	}
	if (info->dma_mask) {
		pdev->platform_dma_mask = info->dma_mask;
		pdev->dev.dma_mask = &pdev->platform_dma_mask;
		pdev->dev.coherent_dma_mask = info->dma_mask;
	}
	if (pdev->id == PLATFORM_DEVID_NONE)
		pdev->dev.kobj.name = kasprintf(GFP_KERNEL, "%s", pdev->name);
	else
		pdev->dev.kobj.name = kasprintf(GFP_KERNEL, "%s.%d", pdev->name, pdev->id);
	return pdev->dev.kobj.name ? 0 : -ENOMEM;
}

struct platform_device *platform_device_register_full(const struct platform_device_info *info)
{
	struct koi_platform_object *object;
	int error;

	if (info->id == PLATFORM_DEVID_AUTO || info->properties)
		koi_unsupported("platform_device_register_full() with an automatic id or properties");
	object = kzalloc(sizeof(*object) + strlen(info->name) + 1, GFP_KERNEL);
	if (!object)
		return ERR_PTR(-ENOMEM);
	strcpy(object->name, info->name);
	object->pdev.name = object->name;
	object->pdev.id = info->id;
	object->pdev.dev.release = koi_platform_release;
	kref_init(&object->pdev.dev.kobj.kref);
	error = koi_platform_fill(&object->pdev, info);
	if (error) {
		koi_platform_release(&object->pdev.dev);
		return ERR_PTR(error);
	}
	return &object->pdev;
}

static void koi_platform_last_put(struct kref *kref)
{
	koi_platform_release(container_of(kref, struct device, kobj.kref));
}

void platform_device_put(struct platform_device *pdev)
{
	if (!IS_ERR_OR_NULL(pdev))
		kref_put(&pdev->dev.kobj.kref, koi_platform_last_put);
}

void platform_device_unregister(struct platform_device *pdev)
{
	platform_device_put(pdev);
}

struct resource *platform_get_resource(struct platform_device *pdev, unsigned int type, unsigned int num)
{
	u32 i;

	for (i = 0; i < pdev->num_resources; i++) {
		if (resource_type(&pdev->resource[i]) == type && num-- == 0)
			return &pdev->resource[i];
	}
	return NULL;
}
