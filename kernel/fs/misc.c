// SPDX-License-Identifier: GPL-2.0-only
/* Misc devices: one minor of major 10 each. */
#include <linux/miscdevice.h>

static LIST_HEAD(koi_misc_list);
static DEFINE_MUTEX(koi_misc_mutex);
static struct cdev *koi_misc_cdev;
static struct class *koi_misc_class;

/* What a booted machine has: /proc/misc. */
struct koi_boot_misc {
	unsigned int minor;
	const char *name;
};
static const struct koi_boot_misc koi_boot_misc[] = {
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	{ 259, "cpu_dma_latency" }, { 1, "psaux" }, { 258, "udmabuf" }, { 228, "hpet" }, { 229, "fuse" },
	{ 257, "userfaultfd" }, { 231, "snapshot" }, { 183, "hw_random" }, { 256, "vga_arbiter" },
#else
	{ 125, "cpu_dma_latency" }, { 1, "psaux" }, { 228, "hpet" }, { 126, "userfaultfd" }, { 231, "snapshot" },
	{ 183, "hw_random" }, { 127, "vga_arbiter" },
#endif
};

static bool koi_misc_minor_taken(unsigned int minor)
{
	struct miscdevice *m;
	int i;

	for (i = 0; i < ARRAY_SIZE(koi_boot_misc); i++)
		if (koi_boot_misc[i].minor == minor)
			return true;
	list_for_each_entry(m, &koi_misc_list, list)
		if (m->minor == minor)
			return true;
	return false;
}

/* A free minor for MISC_DYNAMIC_MINOR; negative: there is none. */
static int koi_misc_free_minor(void)
{
	int minor;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	/* The dynamic range lies above the old numbers, and is filled from below. */
	for (minor = MISC_DYNAMIC_MINOR + 1; minor <= MINORMASK; minor++)
#else
	for (minor = 127; minor >= 0; minor--)
#endif
		if (!koi_misc_minor_taken(minor))
			return minor;
	return -EBUSY;
}

static int koi_misc_open(struct inode *inode, struct file *file)
{
	const struct file_operations *fops = NULL;
	struct miscdevice *m;

	mutex_lock(&koi_misc_mutex);
	list_for_each_entry(m, &koi_misc_list, list) {
		if (m->minor == iminor(inode)) {
			fops = fops_get(m->fops);
			break;
		}
	}
	mutex_unlock(&koi_misc_mutex);
	if (!fops)
		return -ENODEV;
	/* The driver finds its own device from here. */
	file->private_data = m;
	replace_fops(file, fops);
	return file->f_op->open ? file->f_op->open(inode, file) : 0;
}

static const struct file_operations koi_misc_fops = {
	.open = koi_misc_open,
	.llseek = noop_llseek,
};

static char *koi_misc_devnode(const struct device *dev, umode_t *mode)
{
	const struct miscdevice *m = dev_get_drvdata(dev);

	if (mode && m->mode)
		*mode = m->mode;
	return m->nodename ? kstrdup(m->nodename, GFP_KERNEL) : NULL;
}

/* The class and the cdev of major 10 are made for the first device. */
static int koi_misc_init(void)
{
	static struct class class = { .name = "misc", .devnode = (void *)koi_misc_devnode };
	int error;

	if (koi_misc_class)
		return 0;
	error = koi_class_register(&class);
	if (error)
		return error;
	koi_vfs_disown(koi_class_of(&class)->subsys.kobj.sd->id);
	koi_misc_cdev = cdev_alloc();
	if (!koi_misc_cdev)
		return -ENOMEM;
	koi_misc_cdev->ops = &koi_misc_fops;
	error = cdev_add(koi_misc_cdev, MKDEV(MISC_MAJOR, 0), MINORMASK + 1);
	if (!error)
		koi_misc_class = &class;
	return error;
}

int misc_register(struct miscdevice *misc)
{
	bool dynamic = misc->minor == MISC_DYNAMIC_MINOR;
	int error;

	INIT_LIST_HEAD(&misc->list);
	mutex_lock(&koi_misc_mutex);
	error = koi_misc_init();
	if (!error && dynamic) {
		int minor = koi_misc_free_minor();

		if (minor < 0)
			error = minor;
		else
			misc->minor = minor;
	} else if (!error && koi_misc_minor_taken(misc->minor)) {
		error = -EBUSY;
	}
	if (!error) {
		misc->this_device = device_create_with_groups(koi_misc_class, misc->parent, MKDEV(MISC_MAJOR, misc->minor),
							      misc, misc->groups, "%s", misc->name);
		if (IS_ERR(misc->this_device)) {
			error = PTR_ERR(misc->this_device);
			if (dynamic)
				misc->minor = MISC_DYNAMIC_MINOR;
		} else {
			list_add(&misc->list, &koi_misc_list);
		}
	}
	mutex_unlock(&koi_misc_mutex);
	return error;
}

void misc_deregister(struct miscdevice *misc)
{
#line KOI_LINE(247, 280) "drivers/char/misc.c"
	if (WARN_ON(list_empty(&misc->list)))
		return;
	mutex_lock(&koi_misc_mutex);
	list_del(&misc->list);
	device_destroy(koi_misc_class, MKDEV(MISC_MAJOR, misc->minor));
	mutex_unlock(&koi_misc_mutex);
}
