// SPDX-License-Identifier: GPL-2.0-only
/* Two platform devices and their driver: matched by name, one deferred until the other is bound, removed in reverse order. */
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/version.h>

static bool clock_ready;
static struct platform_device *pair[2], *refused;

static ssize_t rate_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", *(int *)dev_get_drvdata(dev));
}
static DEVICE_ATTR_RO(rate);
static struct attribute *pair_attrs[] = { &dev_attr_rate.attr, NULL };
ATTRIBUTE_GROUPS(pair);

static int pair_probe(struct platform_device *pdev)
{
	int *rate = devm_kzalloc(&pdev->dev, sizeof(*rate), GFP_KERNEL);
	const int *wanted = dev_get_platdata(&pdev->dev);

	if (!rate)
		return -ENOMEM;
	if (*wanted < 0)
		return *wanted;
	if (*wanted > 1 && !clock_ready) {
		dev_info(&pdev->dev, "no clock yet\n");
		return -EPROBE_DEFER;
	}
	*rate = *wanted * 1000;
	clock_ready = true;
	platform_set_drvdata(pdev, rate);
	dev_info(&pdev->dev, "bound, irq %d\n", platform_get_irq_optional(pdev, 0));
	return 0;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
static void pair_remove(struct platform_device *pdev)
{
	dev_info(&pdev->dev, "removed\n");
}
#else
static int pair_remove(struct platform_device *pdev)
{
	dev_info(&pdev->dev, "removed\n");
	return 0;
}
#endif

static struct platform_driver pair_driver = {
	.driver = { .name = "pair", .dev_groups = pair_groups },
	.probe = pair_probe,
	.remove = pair_remove,
};

static struct platform_device *add(int id, int wanted)
{
	const struct resource irq = DEFINE_RES_IRQ(5 + id);

	return platform_device_register_resndata(NULL, "pair", id, &irq, 1, &wanted, sizeof(wanted));
}

static int __init pair_init(void)
{
	u32 a = get_random_u32(), b = get_random_u32();
	int error;

	if (get_random_u32_below(10) > 9 || a == b)
		return -EIO;
	pair[0] = add(0, 2);
	error = platform_driver_register(&pair_driver);
	if (error)
		return error;
	pair[1] = add(1, 1);
	refused = add(PLATFORM_DEVID_AUTO, -EIO);
	return PTR_ERR_OR_ZERO(pair[0]) ?: PTR_ERR_OR_ZERO(pair[1]) ?: PTR_ERR_OR_ZERO(refused);
}

static void __exit pair_exit(void)
{
	platform_driver_unregister(&pair_driver);
	platform_device_unregister(refused);
	platform_device_unregister(pair[1]);
	platform_device_unregister(pair[0]);
}

module_init(pair_init);
module_exit(pair_exit);
MODULE_DESCRIPTION("platform devices and a driver");
MODULE_LICENSE("GPL");
