// SPDX-License-Identifier: GPL-2.0-only
/* Memory and port ranges of platform devices, resource trees, static calls that change their target, a trace event of its own. */
#include <linux/ioport.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/static_call.h>

#define CREATE_TRACE_POINTS
#include "trace_event.h"

static struct resource ranges[] = {
	DEFINE_RES_MEM(0xfe000000, 0x1000), DEFINE_RES_IO(0x300, 8), DEFINE_RES_IRQ(5),
};
static struct resource bus = DEFINE_RES_MEM_NAMED(0x10000000, 0x100000, "bus");
static struct platform_device *first;

static int plus(int x)
{
	return x + 1;
}

static int twice(int x)
{
	return x * 2;
}

DEFINE_STATIC_CALL(change, plus);
DEFINE_STATIC_CALL_NULL(maybe, *plus);

static void static_calls(void)
{
	int before = static_call(change)(10), null;

	static_call_update(change, twice);
	null = static_call_query(maybe) == NULL;
	static_call_update(maybe, twice);
	pr_info("static call: %d, then %d; null %d, then %d\n", before, static_call(change)(10), null,
		static_call(maybe)(4));
}

static int __init resources_init(void)
{
	struct platform_device *second;
	struct resource a = DEFINE_RES_MEM_NAMED(0x10000000, 0x100, "a"), b = DEFINE_RES_MEM_NAMED(0x10000080, 0x100, "b");
	struct resource around = DEFINE_RES_MEM_NAMED(0x10000000, 0x1000, "around");

	first = platform_device_register_simple("resources", 1, ranges, ARRAY_SIZE(ranges));
	if (IS_ERR(first))
		return PTR_ERR(first);
	pr_info("mem %llx io %llx irq %d\n", (u64)platform_get_resource(first, IORESOURCE_MEM, 0)->start,
		(u64)platform_get_resource(first, IORESOURCE_IO, 0)->start, platform_get_irq(first, 0));
	pr_info("%pR\n", platform_get_resource(first, IORESOURCE_MEM, 0));
	second = platform_device_register_simple("resources", 2, ranges, 2);
	pr_info("the same again: %d\n", !IS_ERR(second));
	if (!IS_ERR(second))
		platform_device_unregister(second);
	pr_info("request a: %d\n", request_resource(&bus, &a));
	pr_info("request b: %d\n", request_resource(&bus, &b));
	pr_info("around a: %d\n", insert_resource(&bus, &around));
	pr_info("a is in %s\n", a.parent->name);
	pr_info("release a: %d\n", release_resource(&a));
	pr_info("release around: %d\n", release_resource(&around));
	pr_info("region: %d\n", request_mem_region(0xfe000100, 16, "x") != NULL);
	pr_info("in the region: %d\n", request_mem_region(0xfe000108, 4, "y") != NULL);
	release_mem_region(0xfe000100, 16);
	release_mem_region(0xfe000100, 16);
	static_calls();
	trace_koi_step(1, 2);
	pr_info("trace event %s\n", trace_koi_step_enabled() ? "on" : "off");
	return 0;
}

static void __exit resources_exit(void)
{
	platform_device_unregister(first);
}

module_init(resources_init);
module_exit(resources_exit);
MODULE_DESCRIPTION("Resource trees and static calls");
MODULE_LICENSE("GPL");
