// SPDX-License-Identifier: GPL-2.0-only
/* The attribute files of devices in sysfs, and the ready-made ones for numbers. */
static ssize_t dev_attr_show(struct kobject *kobj, struct attribute *attr, char *buf)
{
	struct device_attribute *a = container_of(attr, struct device_attribute, attr);
	ssize_t done = a->show ? a->show(kobj_to_dev(kobj), a, buf) : -EIO;

	if (done >= (ssize_t)PAGE_SIZE)
		printk("dev_attr_show: %pS returned bad count\n", a->show);
	return done;
}

static ssize_t dev_attr_store(struct kobject *kobj, struct attribute *attr, const char *buf, size_t count)
{
	struct device_attribute *a = container_of(attr, struct device_attribute, attr);

	return a->store ? a->store(kobj_to_dev(kobj), a, buf, count) : -EIO;
}

static const struct sysfs_ops koi_device_sysfs_ops = { .show = dev_attr_show, .store = dev_attr_store };

ssize_t device_show_ulong(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lx\n", *(unsigned long *)container_of(attr, struct dev_ext_attribute, attr)->var);
}

ssize_t device_show_int(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", *(int *)container_of(attr, struct dev_ext_attribute, attr)->var);
}

ssize_t device_show_bool(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", *(bool *)container_of(attr, struct dev_ext_attribute, attr)->var);
}

ssize_t device_store_ulong(struct device *dev, struct device_attribute *attr, const char *buf, size_t size)
{
	unsigned long value;
	int error = kstrtoul(buf, 0, &value);

	if (error)
		return error;
	*(unsigned long *)container_of(attr, struct dev_ext_attribute, attr)->var = value;
	return size;
}

ssize_t device_store_int(struct device *dev, struct device_attribute *attr, const char *buf, size_t size)
{
	long value;
	int error = kstrtol(buf, 0, &value);

	if (error)
		return error;
	if (value > INT_MAX || value < INT_MIN)
		return -EINVAL;
	*(int *)container_of(attr, struct dev_ext_attribute, attr)->var = value;
	return size;
}

ssize_t device_store_bool(struct device *dev, struct device_attribute *attr, const char *buf, size_t size)
{
	if (kstrtobool(buf, container_of(attr, struct dev_ext_attribute, attr)->var) < 0)
		return -EINVAL;
	return size;
}

int device_create_file(struct device *dev, const struct device_attribute *attr)
{
	if (!dev)
		return 0;
#line KOI_LINE(3050, 3118) "drivers/base/core.c"
	WARN((attr->attr.mode & S_IWUGO) && !attr->store, "Attribute %s: write permission without 'store'\n", attr->attr.name);
#line KOI_LINE(3053, 3121) "drivers/base/core.c"
	WARN((attr->attr.mode & S_IRUGO) && !attr->show, "Attribute %s: read permission without 'show'\n", attr->attr.name);
	return sysfs_create_file(&dev->kobj, &attr->attr);
}

void device_remove_file(struct device *dev, const struct device_attribute *attr)
{
	if (dev)
		sysfs_remove_file(&dev->kobj, &attr->attr);
}

int device_create_bin_file(struct device *dev, const struct bin_attribute *attr)
{
	return dev ? sysfs_create_bin_file(&dev->kobj, attr) : -EINVAL;
}

void device_remove_bin_file(struct device *dev, const struct bin_attribute *attr)
{
	if (dev)
		sysfs_remove_bin_file(&dev->kobj, attr);
}

int device_add_groups(struct device *dev, const struct attribute_group **groups)
{
	return sysfs_create_groups(&dev->kobj, groups);
}

void device_remove_groups(struct device *dev, const struct attribute_group **groups)
{
	sysfs_remove_groups(&dev->kobj, groups);
}
