// SPDX-License-Identifier: GPL-2.0-only
/* What C++ asks for the files of /proc that list what drivers registered. Called between tasks: nothing here may call out. */

/* The i-th handler on an interrupt line; NULL: there are no more. */
const char *koi_irq_action(unsigned int irq, unsigned int i)
{
	const struct irqaction *action;

	if (!koi_irq_line(irq))
		return NULL;
	for (action = koi_irq_lines[irq].action; action && i; action = action->next)
		i--;
	return action ? action->name : NULL;
}

/* The i-th line of /proc/misc; NULL: there are no more. */
const char *koi_misc_device(unsigned int i, unsigned int *minor)
{
	struct miscdevice *m;

	list_for_each_entry(m, &koi_misc_list, list) {
		if (i-- == 0) {
			*minor = m->minor;
			return m->name;
		}
	}
	if (i >= ARRAY_SIZE(koi_boot_misc))
		return NULL;
	*minor = koi_boot_misc[i].minor;
	return koi_boot_misc[i].name;
}
