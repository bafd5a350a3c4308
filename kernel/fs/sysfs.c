// SPDX-License-Identifier: GPL-2.0-only
/*
 * sysfs: a directory for each kobject, a file for each attribute. A directory's struct kernfs_node carries its node number in
 * `id`. Files read through show() into one page, and write through store().
 */
struct koi_sysfs_file {
	struct koi_vnode v;
	struct kobject *kobj;
	struct attribute *attr;
	struct bin_attribute *bin;	/* binary files; then attr is its attribute */
	struct kernfs_node kn;
};

static unsigned long koi_sysfs_node(const struct kernfs_node *kn)
{
	return kn ? kn->id : KOI_VFS_SYS;
}

static noinline __cold void sysfs_warn_dup_cold(unsigned long dir, const char *name) asm("sysfs_warn_dup.cold");
static noinline void sysfs_warn_dup_cold(unsigned long dir, const char *name)
{
	char *path = kzalloc(PATH_MAX, GFP_KERNEL);

	/* From the root of sysfs, whose own path is "/". */
	if (path)
		koi_vfs_path(dir, path, PATH_MAX);
	pr_warn("sysfs: cannot create duplicate filename '%s/%s'\n",
		!path ? "" : dir == KOI_VFS_SYS ? "/" : path + strlen("/sys"), name);
	dump_stack();
	kfree(path);
}

/* ---- directories ---- */
noinline int sysfs_create_dir_ns(struct kobject *kobj, const void *ns)
{
	struct kernfs_node *parent, *kn;
	long node;

#line KOI_LINE(46, 46) "fs/sysfs/dir.c"
	if (WARN_ON(!kobj))
		return -EINVAL;
	parent = kobj->parent ? kobj->parent->sd : NULL;
	if (kobj->parent && !parent)
		return -ENOENT;
	node = koi_vfs_add(koi_sysfs_node(parent), kobject_name(kobj), S_IFDIR | 0755, NULL);
	if (node == -EEXIST)
		sysfs_warn_dup_cold(koi_sysfs_node(parent), kobject_name(kobj));
	if (node < 0)
		return node;
	kn = kzalloc(sizeof(*kn), GFP_KERNEL);
	if (!kn) {
		koi_vfs_remove(node);
		return -ENOMEM;
	}
	atomic_set(&kn->count, 1);
	kn->parent = parent;
	kn->name = kstrdup(kobject_name(kobj), GFP_KERNEL);
	kn->flags = KERNFS_DIR;
	kn->mode = S_IFDIR | 0755;
	kn->priv = kobj;
	kn->id = node;
	kobj->sd = kn;
	return 0;
}

static void koi_sysfs_drop(unsigned long node)
{
	unsigned long below;
	struct koi_vnode *v;

	/* Attribute files are freed; the nodes of kobjects below stay behind, as their owners have them. */
	while ((below = koi_vfs_first_child(node)) != 0)
		koi_sysfs_drop(below);
	v = koi_vfs_object(node);
	if (v)
		koi_vnode_remove(v);
	else
		koi_vfs_remove(node);
}

void sysfs_remove_dir(struct kobject *kobj)
{
	struct kernfs_node *kn = kobj->sd;

	kobj->sd = NULL;
	if (!kn)
		return;
	koi_sysfs_drop(kn->id);
	kernfs_put(kn);
}

void kernfs_get(struct kernfs_node *kn)
{
	if (kn)
		atomic_inc(&kn->count);
}

void kernfs_put(struct kernfs_node *kn)
{
	if (!kn || !atomic_dec_and_test(&kn->count))
		return;
	if ((kn->flags & KERNFS_TYPE_MASK) == KERNFS_DIR) {
		kfree(kn->name);
		kfree(kn);
	}
}

/* ---- open files ---- */
static struct koi_sysfs_file *koi_sysfs_of(struct file *file)
{
	return container_of(container_of(file, struct koi_open_file, file)->vnode, struct koi_sysfs_file, v);
}

static int sysfs_kf_seq_show(struct seq_file *m, void *unused)
{
	struct koi_sysfs_file *f = m->private;
	const struct sysfs_ops *ops = f->kobj->ktype->sysfs_ops;
	ssize_t count;

	if (f->v.gone)
		return -ENODEV;
	if (m->size - m->count < PAGE_SIZE) {
		m->count = m->size;
		return 0;
	}
	memset(m->buf + m->count, 0, PAGE_SIZE);
#line KOI_LINE(48, 48) "fs/sysfs/file.c"
	if (WARN_ON_ONCE(!ops->show))
		return -EINVAL;
	count = ops->show(f->kobj, f->attr, m->buf + m->count);
	if (count < 0)
		return count;
	if (count >= (ssize_t)PAGE_SIZE) {
		printk("fill_read_buffer: %pS returned bad count\n", ops->show);
		count = PAGE_SIZE - 1;
	}
	m->count += count;
	return 0;
}

static ssize_t kernfs_fop_read_iter(struct kiocb *kiocb, struct iov_iter *iter)
{
	struct file *file = kiocb->ki_filp;
	struct koi_sysfs_file *f = koi_sysfs_of(file);
	size_t count = min_t(size_t, iov_iter_count(iter), PAGE_SIZE);
	ssize_t done;
	char *buf;

	if (!f->bin)
		return seq_read_iter(kiocb, iter);
	if (f->v.gone)
		return -ENODEV;
	if (f->bin->size && kiocb->ki_pos >= f->bin->size)
		return 0;
	if (f->bin->size)
		count = min_t(size_t, count, f->bin->size - kiocb->ki_pos);
	if (!f->bin->read)
		return -EIO;
	buf = kzalloc(PAGE_SIZE, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	done = f->bin->read(file, f->kobj, f->bin, buf, kiocb->ki_pos, count);
	if (done > 0 && copy_to_iter(buf, done, iter) != done)
		done = -EFAULT;
	if (done > 0)
		kiocb->ki_pos += done;
	kfree(buf);
	return done;
}

static ssize_t kernfs_fop_write_iter(struct kiocb *kiocb, struct iov_iter *iter)
{
	struct file *file = kiocb->ki_filp;
	struct koi_sysfs_file *f = koi_sysfs_of(file);
	size_t count = min_t(size_t, iov_iter_count(iter), PAGE_SIZE);
	ssize_t done = -ENODEV;
	char *buf;

	if (f->bin && f->bin->size) {
		if (kiocb->ki_pos >= f->bin->size)
			return -EFBIG;
		count = min_t(size_t, count, f->bin->size - kiocb->ki_pos);
	}
	buf = kmalloc(count + 1, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	if (copy_from_iter(buf, count, iter) != count) {
		done = -EFAULT;
		goto out;
	}
	buf[count] = '\0';
	if (f->v.gone)
		goto out;
	if (!count)
		done = 0;
	else if (f->bin)
		done = f->bin->write ? f->bin->write(file, f->kobj, f->bin, buf, kiocb->ki_pos, count) : -EIO;
	else
		done = f->kobj->ktype->sysfs_ops->store(f->kobj, f->attr, buf, count);
	if (done > 0)
		kiocb->ki_pos += done;
out:
	kfree(buf);
	return done;
}

static int koi_sysfs_release(struct inode *inode, struct file *file)
{
	return koi_sysfs_of(file)->bin ? 0 : single_release(inode, file);
}

static const struct file_operations koi_sysfs_fops = {
	.read_iter = kernfs_fop_read_iter,
	.write_iter = kernfs_fop_write_iter,
	.llseek = generic_file_llseek,
	.release = koi_sysfs_release,
};

static int koi_sysfs_open(struct koi_vnode *v, struct inode *inode, struct file *file)
{
	struct koi_sysfs_file *f = container_of(v, struct koi_sysfs_file, v);
	const struct sysfs_ops *ops = f->kobj->ktype ? f->kobj->ktype->sysfs_ops : NULL;

	if (!f->bin) {
#line KOI_LINE(269, 282) "fs/sysfs/file.c"
		if (WARN(!ops, KERN_ERR "missing sysfs attribute operations for kobject: %s\n", kobject_name(f->kobj)))
			return -EINVAL;
		if ((file->f_mode & FMODE_READ) && !ops->show)
			return -EACCES;
		if ((file->f_mode & FMODE_WRITE) && !ops->store)
			return -EACCES;
	}
	file->f_op = &koi_sysfs_fops;
	if (f->bin) {
		i_size_write(inode, f->bin->size);
		file->private_data = f;
		return 0;
	}
	return single_open(file, sysfs_kf_seq_show, f);
}

static void koi_sysfs_free(struct koi_vnode *v)
{
	kfree(container_of(v, struct koi_sysfs_file, v));
}

/* ---- files ---- */
static noinline int koi_sysfs_add_file(unsigned long dir, struct kobject *kobj, struct attribute *attr,
				       struct bin_attribute *bin, umode_t mode) asm("sysfs_add_file_mode_ns");
static noinline int koi_sysfs_add_file(unsigned long dir, struct kobject *kobj, struct attribute *attr,
				       struct bin_attribute *bin, umode_t mode)
{
	struct koi_sysfs_file *f = kzalloc(sizeof(*f), GFP_KERNEL);
	long node;

	if (!f)
		return -ENOMEM;
	f->kobj = kobj;
	f->attr = attr;
	f->bin = bin;
	f->v.open = koi_sysfs_open;
	f->v.free = koi_sysfs_free;
	f->v.mode = S_IFREG | (mode & 0777);
	atomic_set(&f->kn.count, 1);
	f->kn.name = attr->name;
	f->kn.flags = KERNFS_FILE;
	node = koi_vfs_add(dir, attr->name, f->v.mode, &f->v);
	if (node < 0) {
		kfree(f);
		if (node == -EEXIST)
			sysfs_warn_dup_cold(dir, attr->name);
		return node;
	}
	f->v.node = f->kn.id = node;
	return 0;
}

static void koi_sysfs_remove_name(unsigned long dir, const char *name)
{
	unsigned long node = koi_vfs_child(dir, name, strlen(name));

	if (node)
		koi_sysfs_drop(node);
}

int sysfs_create_file_ns(struct kobject *kobj, const struct attribute *attr, const void *ns)
{
#line KOI_LINE(355, 368) "fs/sysfs/file.c"
	if (WARN_ON(!kobj || !kobj->sd || !attr))
		return -EINVAL;
	return koi_sysfs_add_file(kobj->sd->id, kobj, (struct attribute *)attr, NULL, attr->mode);
}

void sysfs_remove_file_ns(struct kobject *kobj, const struct attribute *attr, const void *ns)
{
	if (kobj->sd)
		koi_sysfs_remove_name(kobj->sd->id, attr->name);
}

bool sysfs_remove_file_self(struct kobject *kobj, const struct attribute *attr)
{
	sysfs_remove_file_ns(kobj, attr, NULL);
	return true;
}

void sysfs_remove_files(struct kobject *kobj, const struct attribute *const *attrs)
{
	for (; *attrs; attrs++)
		sysfs_remove_file_ns(kobj, *attrs, NULL);
}

int sysfs_create_files(struct kobject *kobj, const struct attribute *const *attrs)
{
	int i, error = 0;

	for (i = 0; attrs[i] && !error; i++)
		error = sysfs_create_file_ns(kobj, attrs[i], NULL);
	if (error)
		while (--i > 0)
			sysfs_remove_file_ns(kobj, attrs[i - 1], NULL);
	return error;
}

int sysfs_create_bin_file(struct kobject *kobj, const struct bin_attribute *bin)
{
#line KOI_LINE(570, 583) "fs/sysfs/file.c"
	if (WARN_ON(!kobj || !kobj->sd || !bin))
		return -EINVAL;
	return koi_sysfs_add_file(kobj->sd->id, kobj, (struct attribute *)&bin->attr, (struct bin_attribute *)bin,
				  bin->attr.mode);
}

void sysfs_remove_bin_file(struct kobject *kobj, const struct bin_attribute *bin)
{
	if (kobj->sd)
		koi_sysfs_remove_name(kobj->sd->id, bin->attr.name);
}

static unsigned long koi_sysfs_group_dir(struct kobject *kobj, const char *name)
{
	return !kobj->sd ? 0 : name ? koi_vfs_child(kobj->sd->id, name, strlen(name)) : kobj->sd->id;
}

int sysfs_add_file_to_group(struct kobject *kobj, const struct attribute *attr, const char *group)
{
	unsigned long dir = koi_sysfs_group_dir(kobj, group);

	return dir ? koi_sysfs_add_file(dir, kobj, (struct attribute *)attr, NULL, attr->mode) : -ENOENT;
}

void sysfs_remove_file_from_group(struct kobject *kobj, const struct attribute *attr, const char *group)
{
	unsigned long dir = koi_sysfs_group_dir(kobj, group);

	if (dir)
		koi_sysfs_remove_name(dir, attr->name);
}

/* ---- groups ---- */
#ifdef SYSFS_GROUP_INVISIBLE
#define KOI_GROUP_INVISIBLE SYSFS_GROUP_INVISIBLE
#else
#define KOI_GROUP_INVISIBLE 0
#endif
#define KOI_ATTRIBUTE_MODES (SYSFS_PREALLOC | 0664)

static void koi_sysfs_remove_group_files(unsigned long dir, const struct attribute_group *grp)
{
	struct bin_attribute *const *bin;
	struct attribute *const *attr;

	for (attr = grp->attrs; attr && *attr; attr++)
		koi_sysfs_remove_name(dir, (*attr)->name);
	for (bin = grp->bin_attrs; bin && *bin; bin++)
		koi_sysfs_remove_name(dir, (*bin)->attr.name);
}

static int create_files(unsigned long dir, struct kobject *kobj, const struct attribute_group *grp, bool update)
{
	int i, error = 0;

	for (i = 0; grp->attrs && grp->attrs[i] && !error; i++) {
		struct attribute *attr = grp->attrs[i];
		umode_t mode = attr->mode;

		if (update)
			koi_sysfs_remove_name(dir, attr->name);
		if (grp->is_visible) {
			mode = grp->is_visible(kobj, attr, i) & ~KOI_GROUP_INVISIBLE;
			if (!mode)
				continue;
		}
#line KOI_LINE(59, 71) "fs/sysfs/group.c"
		WARN(mode & ~KOI_ATTRIBUTE_MODES, "Attribute %s: Invalid permissions 0%o\n", attr->name, mode);
		error = koi_sysfs_add_file(dir, kobj, attr, NULL, mode & KOI_ATTRIBUTE_MODES);
	}
	for (i = 0; !error && grp->bin_attrs && grp->bin_attrs[i]; i++) {
		struct bin_attribute *bin = grp->bin_attrs[i];
		umode_t mode = bin->attr.mode;

		if (update)
			koi_sysfs_remove_name(dir, bin->attr.name);
		if (grp->is_bin_visible) {
			mode = grp->is_bin_visible(kobj, bin, i) & ~KOI_GROUP_INVISIBLE;
			if (!mode)
				continue;
		}
#line KOI_LINE(88, 101) "fs/sysfs/group.c"
		WARN(mode & ~KOI_ATTRIBUTE_MODES, "Attribute %s: Invalid permissions 0%o\n", bin->attr.name, mode);
		error = koi_sysfs_add_file(dir, kobj, &bin->attr, bin, mode & KOI_ATTRIBUTE_MODES);
	}
	if (error)
		koi_sysfs_remove_group_files(dir, grp);
	return error;
}

static bool koi_group_invisible(struct kobject *kobj, const struct attribute_group *grp)
{
	if (!KOI_GROUP_INVISIBLE)
		return false;
	if (grp->attrs && grp->attrs[0] && grp->is_visible)
		return grp->is_visible(kobj, grp->attrs[0], 0) & KOI_GROUP_INVISIBLE;
	if (grp->bin_attrs && grp->bin_attrs[0] && grp->is_bin_visible)
		return grp->is_bin_visible(kobj, grp->bin_attrs[0], 0) & KOI_GROUP_INVISIBLE;
	return false;
}

static noinline int internal_create_group(struct kobject *kobj, bool update, const struct attribute_group *grp)
{
	long dir;
	int error;

#line KOI_LINE(115, 128) "fs/sysfs/group.c"
	if (WARN_ON(!kobj || (!update && !kobj->sd)))
		return -EINVAL;
	if (!kobj->sd)
		return -EINVAL;
	if (!grp->attrs && !grp->bin_attrs) {
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#line KOI_LINE(122, 0) "fs/sysfs/group.c"
		WARN(1, "sysfs: (bin_)attrs not set by subsystem for group: %s/%s\n", kobj->name, grp->name ?: "");
		return -EINVAL;
#else
		return 0;
#endif
	}
	dir = kobj->sd->id;
	if (grp->name) {
		dir = update ? koi_vfs_child(kobj->sd->id, grp->name, strlen(grp->name)) : 0;
		if (koi_group_invisible(kobj, grp)) {
			if (dir)
				koi_sysfs_drop(dir);
			return 0;
		}
		if (!dir) {
			update = false;
			dir = koi_vfs_add(kobj->sd->id, grp->name, S_IFDIR | 0755, NULL);
			if (dir == -EEXIST)
				sysfs_warn_dup_cold(kobj->sd->id, grp->name);
			if (dir < 0)
				return dir;
		}
	}
	error = create_files(dir, kobj, grp, update);
	if (error && grp->name && !update)
		koi_sysfs_drop(dir);
	return error;
}

int koi_tail sysfs_create_group(struct kobject *kobj, const struct attribute_group *grp)
{
	return internal_create_group(kobj, false, grp);
}

int koi_tail sysfs_update_group(struct kobject *kobj, const struct attribute_group *grp)
{
	return internal_create_group(kobj, true, grp);
}

void sysfs_remove_group(struct kobject *kobj, const struct attribute_group *grp)
{
	unsigned long dir = koi_sysfs_group_dir(kobj, grp->name);

	if (!dir) {
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#line KOI_LINE(278, 0) "fs/sysfs/group.c"
		WARN(grp->name != NULL, KERN_WARNING "sysfs group '%s' not found for kobject '%s'\n", grp->name,
		     kobject_name(kobj));
#endif
		return;
	}
	koi_sysfs_remove_group_files(dir, grp);
	if (grp->name)
		koi_sysfs_drop(dir);
}

void sysfs_remove_groups(struct kobject *kobj, const struct attribute_group **groups)
{
	for (; groups && *groups; groups++)
		sysfs_remove_group(kobj, *groups);
}

int sysfs_create_groups(struct kobject *kobj, const struct attribute_group **groups)
{
	int i, error = 0;

	for (i = 0; groups && groups[i]; i++) {
		error = sysfs_create_group(kobj, groups[i]);
		if (!error)
			continue;
		while (--i >= 0)
			sysfs_remove_group(kobj, groups[i]);
		break;
	}
	return error;
}

/* ---- links ---- */
static int koi_sysfs_link(unsigned long dir, unsigned long target, const char *name, bool warn)
{
	long node = koi_vfs_add(dir, name, S_IFLNK | 0777, NULL);

	if (node == -EEXIST && warn)
		sysfs_warn_dup_cold(dir, name);
	if (node < 0)
		return node;
	koi_vfs_set_target_node(node, target);
	return 0;
}

static noinline int sysfs_do_create_link_sd(struct kobject *kobj, struct kobject *target, const char *name, bool warn)
{
	if (!target || !target->sd)
		return target ? -ENOENT : -EFAULT;
	return koi_sysfs_link(kobj ? kobj->sd->id : KOI_VFS_SYS, target->sd->id, name, warn);
}

int koi_tail sysfs_create_link(struct kobject *kobj, struct kobject *target, const char *name)
{
	return sysfs_do_create_link_sd(kobj, target, name, true);
}

int koi_tail sysfs_create_link_nowarn(struct kobject *kobj, struct kobject *target, const char *name)
{
	return sysfs_do_create_link_sd(kobj, target, name, false);
}

void sysfs_remove_link(struct kobject *kobj, const char *name)
{
	koi_sysfs_remove_name(kobj && kobj->sd ? kobj->sd->id : KOI_VFS_SYS, name);
}

/* ---- text ---- */
int sysfs_emit(char *buf, const char *fmt, ...)
{
	va_list args;
	int len;

#line KOI_LINE(740, 753) "fs/sysfs/file.c"
	if (WARN(!buf || offset_in_page(buf), "invalid sysfs_emit: buf:%p\n", buf))
		return 0;
	va_start(args, fmt);
	len = vscnprintf(buf, PAGE_SIZE, fmt, args);
	va_end(args);
	return len;
}

int sysfs_emit_at(char *buf, int at, const char *fmt, ...)
{
	va_list args;
	int len;

#line KOI_LINE(768, 781) "fs/sysfs/file.c"
	if (WARN(!buf || offset_in_page(buf) || at < 0 || at >= PAGE_SIZE, "invalid sysfs_emit_at: buf:%p at:%d\n", buf, at))
		return 0;
	va_start(args, fmt);
	len = vscnprintf(buf + at, PAGE_SIZE - at, fmt, args);
	va_end(args);
	return len;
}

/* Pollers would be woken; nothing polls. */
void sysfs_notify(struct kobject *kobj, const char *dir, const char *attr)
{
}
