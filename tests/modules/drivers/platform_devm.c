// SPDX-License-Identifier: GPL-2.0-only
/* A platform driver whose probe takes everything managed: memory, and an action at the end that frees its interrupt. */
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#define IRQ 5

struct state {
	struct device *dev;
	spinlock_t lock;
	unsigned int interrupts;
};

static struct platform_device *device;
static unsigned int counted;

static irqreturn_t on_irq(int irq, void *data)
{
	struct state *s = data;

	spin_lock(&s->lock);
	s->interrupts++;
	spin_unlock(&s->lock);
	return IRQ_HANDLED;
}

static void at_end(void *data)
{
	struct state *s = data;

	free_irq(IRQ, s);
	counted = s->interrupts;
}

static int state_probe(struct platform_device *pdev)
{
	struct state *s = devm_kzalloc(&pdev->dev, sizeof(*s), GFP_KERNEL);
	int error;

	if (!s)
		return -ENOMEM;
	s->dev = &pdev->dev;
	spin_lock_init(&s->lock);
	platform_set_drvdata(pdev, s);
	error = request_irq(IRQ, on_irq, 0, "platform_devm", s);
	if (error)
		return error;
	return devm_add_action_or_reset(&pdev->dev, at_end, s);
}

static struct platform_driver driver = {
	.probe = state_probe,
	.driver = { .name = "platform_devm" },
};

static int __init platform_devm_init(void)
{
	int error = platform_driver_register(&driver);

	if (error)
		return error;
	device = platform_device_register_simple("platform_devm", PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(device)) {
		platform_driver_unregister(&driver);
		return PTR_ERR(device);
	}
	return 0;
}

static void __exit platform_devm_exit(void)
{
	msleep(50);
	platform_device_unregister(device);
	platform_driver_unregister(&driver);
	pr_info("drivers: %u interrupts\n", counted);
}

module_init(platform_devm_init);
module_exit(platform_devm_exit);

MODULE_LICENSE("GPL");
