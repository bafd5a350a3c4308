// SPDX-License-Identifier: GPL-2.0-only
/* Oopses in what a bus calls: match, probe, remove, managed resources, the device's release. */
#include <linux/device.h>
#include <linux/version.h>

#include "upcall.h"

static void action(void *data) { OOPS_IF("devm_action"); }
static int probe(struct device *dev)
{
	OOPS_IF("probe");
	return devm_add_action(dev, action, NULL);
}
static void removed(struct device *dev) { OOPS_IF("remove"); }
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
static int match(struct device *dev, const struct device_driver *drv) { OOPS_IF("match"); return 1; }
#else
static int match(struct device *dev, struct device_driver *drv) { OOPS_IF("match"); return 1; }
#endif
static struct bus_type bus = { .name = "upcall", .match = match, .probe = probe, .remove = removed };
static struct device_driver driver = { .name = "upcall", .bus = &bus, .owner = THIS_MODULE };
static void device_gone(struct device *dev) { OOPS_IF("device_release"); }
static struct device on_bus = { .init_name = "upcall", .bus = &bus, .release = device_gone };

static int __init upcall_driver_init(void)
{
	if (KIND("match") || KIND("probe") || KIND("devm_action") || KIND("remove") || KIND("device_release")) {
		if (bus_register(&bus) || driver_register(&driver) || device_register(&on_bus))
			return -EINVAL;
		device_unregister(&on_bus);
		driver_unregister(&driver);
		bus_unregister(&bus);
	}
	return 0;
}

module_init(upcall_driver_init);
MODULE_LICENSE("GPL");
