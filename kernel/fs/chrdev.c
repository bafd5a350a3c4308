// SPDX-License-Identifier: GPL-2.0-only
/* Character devices: who has which numbers (C++ keeps the regions), which cdev serves them, and the files of /dev. */
#include <linux/cdev.h>

/* ---- which cdev serves which numbers ---- */
struct koi_cdev_range {
	struct list_head list;
	dev_t first;
	unsigned int count;
	struct cdev *cdev;
};
static LIST_HEAD(koi_cdev_ranges);

/* The smallest range wins, as a more special one is meant to. */
static struct cdev *koi_cdev_find(dev_t dev)
{
	struct koi_cdev_range *r, *best = NULL;

	list_for_each_entry(r, &koi_cdev_ranges, list)
		if (dev >= r->first && dev - r->first < r->count && (!best || r->count < best->count))
			best = r;
	return best ? best->cdev : NULL;
}

static void koi_cdev_unmap(struct cdev *cdev)
{
	struct koi_cdev_range *r, *next;

	list_for_each_entry_safe(r, next, &koi_cdev_ranges, list) {
		if (r->cdev != cdev)
			continue;
		list_del(&r->list);
		kfree(r);
	}
}

static void koi_cdev_default_release(struct kobject *kobj)
{
	kobject_put(kobj->parent);
}

static void koi_cdev_dynamic_release(struct kobject *kobj)
{
	struct kobject *parent = kobj->parent;

	kfree(container_of(kobj, struct cdev, kobj));
	kobject_put(parent);
}

/* Not const in older kernels: as kobject_init() takes them. */
static struct kobj_type koi_cdev_default_type = { .release = koi_cdev_default_release };
static struct kobj_type koi_cdev_dynamic_type = { .release = koi_cdev_dynamic_release };

void cdev_init(struct cdev *cdev, const struct file_operations *fops)
{
	memset(cdev, 0, sizeof(*cdev));
	INIT_LIST_HEAD(&cdev->list);
	kobject_init(&cdev->kobj, &koi_cdev_default_type);
	cdev->ops = fops;
}

struct cdev *cdev_alloc(void)
{
	struct cdev *cdev = kzalloc(sizeof(*cdev), GFP_KERNEL);

	if (cdev) {
		INIT_LIST_HEAD(&cdev->list);
		kobject_init(&cdev->kobj, &koi_cdev_dynamic_type);
	}
	return cdev;
}

int cdev_add(struct cdev *cdev, dev_t dev, unsigned int count)
{
	struct koi_cdev_range *r;

	cdev->dev = dev;
	cdev->count = count;
#line KOI_LINE(486, 486) "fs/char_dev.c"
	if (WARN_ON(dev == WHITEOUT_DEV))
		return -EBUSY;
	r = kzalloc(sizeof(*r), GFP_KERNEL);
	if (!r)
		return -ENOMEM;
	r->first = dev;
	r->count = count;
	r->cdev = cdev;
	list_add(&r->list, &koi_cdev_ranges);
	kobject_get(cdev->kobj.parent);
	return 0;
}

void cdev_del(struct cdev *cdev)
{
	koi_cdev_unmap(cdev);
	kobject_put(&cdev->kobj);
}

void cdev_set_parent(struct cdev *cdev, struct kobject *kobj)
{
#line KOI_LINE(510, 517) "fs/char_dev.c"
	WARN_ON(!kobj->state_initialized);
	cdev->kobj.parent = kobj;
}

int cdev_device_add(struct cdev *cdev, struct device *dev)
{
	int error;

	if (dev->devt) {
		cdev_set_parent(cdev, &dev->kobj);
		error = cdev_add(cdev, dev->devt, 1);
		if (error)
			return error;
	}
	error = device_add(dev);
	if (error && dev->devt)
		cdev_del(cdev);
	return error;
}

void cdev_device_del(struct cdev *cdev, struct device *dev)
{
	device_del(dev);
	if (dev->devt)
		cdev_del(cdev);
}

/* ---- regions of numbers ---- */
/* A range may go over several majors; each has its own region. */
static unsigned int koi_region_end(dev_t from, dev_t to)
{
	dev_t next = MKDEV(MAJOR(from) + 1, 0);

	return min(next, to) - from;
}

int register_chrdev_region(dev_t from, unsigned int count, const char *name)
{
	dev_t to = from + count, at, part;

	for (at = from; at < to; at += part) {
		int got;

		part = koi_region_end(at, to);
		got = koi_chrdev_take(MAJOR(at), MINOR(at), part, name);
		if (got < 0) {
			while (at > from) {
				part = koi_region_end(from, at);
				koi_chrdev_release(MAJOR(from), MINOR(from), part);
				from += part;
			}
			return got;
		}
	}
	return 0;
}

int alloc_chrdev_region(dev_t *dev, unsigned int baseminor, unsigned int count, const char *name)
{
	int major = koi_chrdev_take(0, baseminor, count, name);

	if (major < 0)
		return major;
	*dev = MKDEV(major, baseminor);
	return 0;
}

void unregister_chrdev_region(dev_t from, unsigned int count)
{
	dev_t to = from + count;

	while (from < to) {
		unsigned int part = koi_region_end(from, to);

		koi_chrdev_release(MAJOR(from), MINOR(from), part);
		from += part;
	}
}

/* The cdevs that __register_chrdev() made, to be found by number again. */
struct koi_chrdev {
	struct list_head list;
	unsigned int major, baseminor, count;
	struct cdev *cdev;
};
static LIST_HEAD(koi_chrdevs);

int __register_chrdev(unsigned int major, unsigned int baseminor, unsigned int count, const char *name,
		      const struct file_operations *fops)
{
	struct koi_chrdev *c;
	int got = koi_chrdev_take(major, baseminor, count, name);
	int error = -ENOMEM;

	if (got < 0)
		return got;
	c = kzalloc(sizeof(*c), GFP_KERNEL);
	if (!c)
		goto release;
	c->major = got;
	c->baseminor = baseminor;
	c->count = count;
	c->cdev = cdev_alloc();
	if (!c->cdev)
		goto free;
	c->cdev->owner = fops->owner;
	c->cdev->ops = fops;
	kobject_set_name(&c->cdev->kobj, "%s", name);
	error = cdev_add(c->cdev, MKDEV(got, baseminor), count);
	if (error) {
		kobject_put(&c->cdev->kobj);
		goto free;
	}
	list_add(&c->list, &koi_chrdevs);
	return major ? 0 : got;
free:
	kfree(c);
release:
	koi_chrdev_release(got, baseminor, count);
	return error;
}

void __unregister_chrdev(unsigned int major, unsigned int baseminor, unsigned int count, const char *name)
{
	struct koi_chrdev *c, *next;

	if (!koi_chrdev_release(major, baseminor, count))
		return;
	list_for_each_entry_safe(c, next, &koi_chrdevs, list) {
		if (c->major != major || c->baseminor != baseminor || c->count != count)
			continue;
		list_del(&c->list);
		cdev_del(c->cdev);
		kfree(c);
	}
}

/* ---- the files of /dev ---- */
static int koi_chrdev_open(struct koi_vnode *v, struct inode *inode, struct file *file)
{
	struct cdev *cdev = koi_cdev_find(v->rdev);

	if (!cdev || !try_module_get(cdev->owner))
		return -ENXIO;
	if (!kobject_get_unless_zero(&cdev->kobj)) {
		module_put(cdev->owner);
		return -ENXIO;
	}
	inode->i_cdev = cdev;
	file->f_op = fops_get(cdev->ops);
	if (file->f_op) {
		int error = file->f_op->open ? file->f_op->open(inode, file) : 0;

		if (!error)
			return 0;
		module_put(cdev->owner);
		kobject_put(&cdev->kobj);
		return error;
	}
	module_put(cdev->owner);
	kobject_put(&cdev->kobj);
	return -ENXIO;
}

static void koi_chrdev_closed(struct koi_vnode *v, struct file *file)
{
	struct cdev *cdev = file->f_inode->i_cdev;
	struct module *owner = cdev->owner;

	kobject_put(&cdev->kobj);
	module_put(owner);
}

static void koi_dev_node_free(struct koi_vnode *v)
{
	kfree(v);
}

/* mknod /dev/NAME: directories on the way are made. 0, or a negative errno. */
int koi_mknod(const char *name, unsigned int mode, dev_t dev)
{
	unsigned long dir = KOI_VFS_DEV;
	struct koi_vnode *v;
	const char *slash;
	long node;

	while ((slash = strchr(name, '/')) != NULL) {
		unsigned long below = koi_vfs_child(dir, name, slash - name);

		if (!below) {
			char *part = kmemdup_nul(name, slash - name, GFP_KERNEL);

			node = part ? koi_vfs_add(dir, part, S_IFDIR | 0755, NULL) : -ENOMEM;
			kfree(part);
			if (node < 0)
				return node;
			below = node;
		}
		dir = below;
		name = slash + 1;
	}
	v = kzalloc(sizeof(*v), GFP_KERNEL);
	if (!v)
		return -ENOMEM;
	v->open = koi_chrdev_open;
	v->closed = koi_chrdev_closed;
	v->free = koi_dev_node_free;
	v->mode = S_IFCHR | (mode & 0777);
	v->rdev = dev;
	node = koi_vfs_add(dir, name, v->mode, v);
	if (node < 0) {
		kfree(v);
		return node;
	}
	v->node = node;
	return 0;
}

/* Removes the file if it is still that device's. */
void koi_rmnod(const char *name, dev_t dev)
{
	unsigned long node = KOI_VFS_DEV;
	struct koi_vnode *v;

	while (node && *name) {
		size_t len = strcspn(name, "/");

		node = koi_vfs_child(node, name, len);
		name += len + (name[len] == '/');
	}
	v = node ? koi_vfs_object(node) : NULL;
	if (v && S_ISCHR(v->mode) && v->rdev == dev)
		koi_vnode_remove(v);
}
