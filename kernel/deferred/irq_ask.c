// SPDX-License-Identifier: GPL-2.0-only
/* Interrupt lines: what can be asked about one, waking its thread by hand, and handlers that go with their device. */

bool irq_has_action(unsigned int irq)
{
	struct koi_irq_line *line = koi_irq_line(irq);

	return line && line->action;
}

/* No line here has a status bit that drivers may look at. */
bool irq_check_status_bit(unsigned int irq, unsigned int bitmask)
{
	return false;
}

void irq_wake_thread(unsigned int irq, void *dev_id)
{
	struct koi_irq_line *line = koi_irq_line(irq);
	struct irqaction *action;

	for (action = line ? line->action : NULL; action; action = action->next) {
		if (action->dev_id != dev_id)
			continue;
		if (action->thread)
			koi_irq_wake(action);
		return;
	}
}

struct koi_irq_devres {
	unsigned int irq;
	void *dev_id;
};

static void devm_irq_release(struct device *dev, void *res)
{
	struct koi_irq_devres *held = res;

	free_irq(held->irq, held->dev_id);
}

static int devm_irq_match(struct device *dev, void *res, void *data)
{
	struct koi_irq_devres *held = res, *wanted = data;

	return held->irq == wanted->irq && held->dev_id == wanted->dev_id;
}

static struct koi_irq_devres *koi_irq_devres_new(unsigned int irq, void *dev_id)
{
	struct koi_irq_devres *held = devres_alloc(devm_irq_release, sizeof(*held), GFP_KERNEL);

	if (held)
		*held = (struct koi_irq_devres){ irq, dev_id };
	return held;
}

int devm_request_threaded_irq(struct device *dev, unsigned int irq, irq_handler_t handler, irq_handler_t thread_fn,
			      unsigned long flags, const char *name, void *dev_id)
{
	struct koi_irq_devres *held = koi_irq_devres_new(irq, dev_id);
	int error;

	if (!held)
		return -ENOMEM;
	error = request_threaded_irq(irq, handler, thread_fn, flags, name ?: dev_name(dev), dev_id);
	if (error)
		devres_free(held);
	else
		devres_add(dev, held);
	return error;
}

int devm_request_any_context_irq(struct device *dev, unsigned int irq, irq_handler_t handler, unsigned long flags,
				 const char *name, void *dev_id)
{
	struct koi_irq_devres *held = koi_irq_devres_new(irq, dev_id);
	int answer;

	if (!held)
		return -ENOMEM;
	answer = request_any_context_irq(irq, handler, flags, name ?: dev_name(dev), dev_id);
	if (answer < 0)
		devres_free(held);
	else
		devres_add(dev, held);
	return answer;
}

void devm_free_irq(struct device *dev, unsigned int irq, void *dev_id)
{
	struct koi_irq_devres wanted = { irq, dev_id };

#line KOI_LINE(143, 144) "kernel/irq/devres.c"
	WARN_ON(devres_destroy(dev, devm_irq_release, devm_irq_match, &wanted));
	free_irq(irq, dev_id);
}
