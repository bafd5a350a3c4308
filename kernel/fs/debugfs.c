// SPDX-License-Identifier: GPL-2.0-only
/* debugfs: entries are real dentries with inodes, as modules look into them; names are the tree's. */
#include <linux/debugfs.h>

struct koi_debugfs_entry {
	struct koi_vnode v;
	struct dentry dentry;
	struct inode inode;
	const struct file_operations *fops;
	char name[];
};

static struct koi_debugfs_entry koi_debugfs_root = {
	.v = { .node = KOI_VFS_SYS_KERNEL_DEBUG, .mode = S_IFDIR | 0700 },
	.dentry = { .d_name = { .name = "/" }, .d_inode = &koi_debugfs_root.inode, .d_parent = &koi_debugfs_root.dentry },
	.inode = { .i_mode = S_IFDIR | 0700 },
};

static struct koi_debugfs_entry *koi_debugfs_of(const struct dentry *dentry)
{
	return dentry ? container_of(dentry, struct koi_debugfs_entry, dentry) : &koi_debugfs_root;
}

static int koi_debugfs_open(struct koi_vnode *v, struct inode *inode, struct file *file)
{
	struct koi_debugfs_entry *e = container_of(v, struct koi_debugfs_entry, v);

	file->f_op = e->fops ? fops_get(e->fops) : NULL;
	if (!file->f_op)
		return -ENXIO;
	return file->f_op->open ? file->f_op->open(inode, file) : 0;
}

/* The tree's hold on the dentry is dropped; others may have one. */
static void koi_debugfs_free(struct koi_vnode *v)
{
	dput(&container_of(v, struct koi_debugfs_entry, v)->dentry);
}

void dput(struct dentry *dentry)
{
	if (!dentry || dentry == &koi_debugfs_root.dentry)
		return;
	spin_lock(&dentry->d_lock);
	if (--dentry->d_lockref.count) {
		spin_unlock(&dentry->d_lock);
		return;
	}
	spin_unlock(&dentry->d_lock);
	/* Only debugfs has dentries that outlive an open file. */
	if (dentry->d_fsdata)
		kfree(dentry->d_fsdata);
}

static struct dentry *koi_debugfs_new(const char *name, umode_t mode, struct dentry *parent, void *data,
				      const struct file_operations *fops)
{
	struct koi_debugfs_entry *dir, *e;
	long node;

	if (IS_ERR(parent))
		return parent;
	dir = koi_debugfs_of(parent);
	e = kzalloc(sizeof(*e) + strlen(name) + 1, GFP_KERNEL);
	if (!e) {
		pr_err("debugfs: out of free dentries, can not create %s '%s'\n", S_ISDIR(mode) ? "directory" : "file", name);
		return ERR_PTR(-ENOMEM);
	}
	strcpy(e->name, name);
	e->fops = fops;
	e->v.mode = mode;
	e->v.open = koi_debugfs_open;
	e->v.free = koi_debugfs_free;
	e->v.guarded = true;
	e->v.dentry = &e->dentry;
	koi_fill_inode(&e->inode, mode, data);
	koi_fill_dentry(&e->dentry, &e->inode, &dir->dentry, e->name);
	e->dentry.d_fsdata = e;
	e->inode.i_fop = fops;
	node = koi_vfs_add(dir->v.node, name, mode, &e->v);
	if (node > 0) {
		e->v.node = node;
		return &e->dentry;
	}
	kfree(e);
	if (node == -EEXIST) {
		unsigned long there = koi_vfs_child(dir->v.node, name, strlen(name));
		struct koi_vnode *v = koi_vfs_object(there);

		if (v && S_ISDIR(v->mode))
			pr_err("debugfs: Directory '%s' with parent '%s' already present!\n", name, dir->dentry.d_name.name);
		else
			pr_err("debugfs: File '%s' in directory '%s' already present!\n", name, dir->dentry.d_name.name);
	}
	return ERR_PTR(node == -EINVAL ? -EACCES : node);
}

struct dentry *debugfs_create_dir(const char *name, struct dentry *parent)
{
	return koi_debugfs_new(name, S_IFDIR | 0755, parent, NULL, NULL);
}

static const struct file_operations koi_debugfs_noop_fops = {
	.open = simple_open,
	.llseek = noop_llseek,
};

struct dentry *debugfs_create_file(const char *name, umode_t mode, struct dentry *parent, void *data,
				   const struct file_operations *fops)
{
	if (!(mode & S_IFMT))
		mode |= S_IFREG;
#line KOI_LINE(421, 431) "fs/debugfs/inode.c"
	BUG_ON(!S_ISREG(mode));
	return koi_debugfs_new(name, mode, parent, data, fops ? fops : &koi_debugfs_noop_fops);
}

struct dentry *debugfs_create_file_unsafe(const char *name, umode_t mode, struct dentry *parent, void *data,
					  const struct file_operations *fops)
{
	return debugfs_create_file(name, mode, parent, data, fops);
}

void debugfs_create_file_size(const char *name, umode_t mode, struct dentry *parent, void *data,
			      const struct file_operations *fops, loff_t file_size)
{
	struct dentry *dentry = debugfs_create_file(name, mode, parent, data, fops);

	if (!IS_ERR(dentry))
		i_size_write(d_inode(dentry), file_size);
}

struct dentry *debugfs_create_symlink(const char *name, struct dentry *parent, const char *target)
{
	struct dentry *dentry = koi_debugfs_new(name, S_IFLNK | 0777, parent, NULL, NULL);

	if (!IS_ERR(dentry))
		koi_vfs_set_target(koi_debugfs_of(dentry)->v.node, target);
	return dentry;
}

struct dentry *debugfs_lookup(const char *name, struct dentry *parent)
{
	struct koi_debugfs_entry *dir;
	struct dentry *found;
	unsigned long node;

	if (!name || IS_ERR(parent))
		return NULL;
	dir = koi_debugfs_of(parent);
	node = koi_vfs_child(dir->v.node, name, strlen(name));
	if (!node)
		return NULL;
	found = &container_of(koi_vfs_object(node), struct koi_debugfs_entry, v)->dentry;
	found->d_lockref.count++;
	return found;
}

static void koi_debugfs_remove_tree(struct koi_vnode *v)
{
	unsigned long below;

	while ((below = koi_vfs_first_child(v->node)) != 0)
		koi_debugfs_remove_tree(koi_vfs_object(below));
	koi_vnode_remove(v);
}

/* Removes directories with their contents. */
void debugfs_remove(struct dentry *dentry)
{
	if (!IS_ERR_OR_NULL(dentry))
		koi_debugfs_remove_tree(&koi_debugfs_of(dentry)->v);
}

void debugfs_lookup_and_remove(const char *name, struct dentry *parent)
{
	struct dentry *dentry = debugfs_lookup(name, parent);

	if (!dentry)
		return;
	debugfs_remove(dentry);
	dput(dentry);
}

bool debugfs_initialized(void)
{
	return true;
}

const struct file_operations *debugfs_real_fops(const struct file *file)
{
	return koi_debugfs_of(file->f_path.dentry)->fops;
}

int debugfs_file_get(struct dentry *dentry)
{
	return koi_debugfs_of(dentry)->v.gone ? -EIO : 0;
}

void debugfs_file_put(struct dentry *dentry)
{
}

ssize_t debugfs_attr_read(struct file *file, char __user *buf, size_t len, loff_t *ppos)
{
	int error = debugfs_file_get(file->f_path.dentry);

	return error ? error : simple_attr_read(file, buf, len, ppos);
}

ssize_t debugfs_attr_write(struct file *file, const char __user *buf, size_t len, loff_t *ppos)
{
	int error = debugfs_file_get(file->f_path.dentry);

	return error ? error : simple_attr_write(file, buf, len, ppos);
}

ssize_t debugfs_attr_write_signed(struct file *file, const char __user *buf, size_t len, loff_t *ppos)
{
	int error = debugfs_file_get(file->f_path.dentry);

	return error ? error : simple_attr_write_signed(file, buf, len, ppos);
}

/* ---- files of one number ---- */
#define KOI_DEBUGFS_FOPS(name, opener)						\
	static const struct file_operations name = {				\
		.open = opener,							\
		.release = simple_attr_release,					\
		.read = debugfs_attr_read,					\
		.write = debugfs_attr_write,					\
		.llseek = no_seek_end_llseek,					\
	}

#define KOI_DEBUGFS_OPEN(kind, get, set, format, suffix)				\
	static int koi_debugfs_##kind##_open##suffix(struct inode *inode, struct file *file) \
	{									\
		return simple_attr_open(inode, file, get, set, format);		\
	}									\
	KOI_DEBUGFS_FOPS(koi_debugfs_##kind##_fops##suffix, koi_debugfs_##kind##_open##suffix)

/* A file without write (read) permission has no set (get) function. */
#define KOI_DEBUGFS_CREATE(kind, function, type, get, set, format)		\
	KOI_DEBUGFS_OPEN(kind, get, set, format, );				\
	KOI_DEBUGFS_OPEN(kind, get, NULL, format, _ro);				\
	KOI_DEBUGFS_OPEN(kind, NULL, set, format, _wo);				\
	void function(const char *name, umode_t mode, struct dentry *parent, type *value) \
	{									\
		debugfs_create_file_unsafe(name, mode, parent, value,		\
					   !(mode & 0222)   ? &koi_debugfs_##kind##_fops_ro : \
					   !(mode & 0444)   ? &koi_debugfs_##kind##_fops_wo : \
							      &koi_debugfs_##kind##_fops); \
	}

#define KOI_DEBUGFS_ACCESS(type)						\
	static int koi_debugfs_##type##_get(void *data, u64 *value)		\
	{									\
		*value = *(type *)data;						\
		return 0;							\
	}									\
	static int koi_debugfs_##type##_set(void *data, u64 value)		\
	{									\
		*(type *)data = value;						\
		return 0;							\
	}
typedef unsigned long ulong_value;
KOI_DEBUGFS_ACCESS(u8)
KOI_DEBUGFS_ACCESS(u16)
KOI_DEBUGFS_ACCESS(u32)
KOI_DEBUGFS_ACCESS(u64)
KOI_DEBUGFS_ACCESS(size_t)
KOI_DEBUGFS_ACCESS(ulong_value)

static int koi_debugfs_atomic_get(void *data, u64 *value)
{
	*value = atomic_read((atomic_t *)data);
	return 0;
}

static int koi_debugfs_atomic_set(void *data, u64 value)
{
	atomic_set(data, value);
	return 0;
}

#define KOI_DEBUGFS_NUMBER(name, type, format) \
	KOI_DEBUGFS_CREATE(name, debugfs_create_##name, type, koi_debugfs_##type##_get, koi_debugfs_##type##_set, format)
KOI_DEBUGFS_NUMBER(u8, u8, "%llu\n")
KOI_DEBUGFS_NUMBER(u16, u16, "%llu\n")
KOI_DEBUGFS_NUMBER(u32, u32, "%llu\n")
KOI_DEBUGFS_NUMBER(u64, u64, "%llu\n")
KOI_DEBUGFS_NUMBER(x8, u8, "0x%02llx\n")
KOI_DEBUGFS_NUMBER(x16, u16, "0x%04llx\n")
KOI_DEBUGFS_NUMBER(x32, u32, "0x%08llx\n")
KOI_DEBUGFS_NUMBER(x64, u64, "0x%016llx\n")
KOI_DEBUGFS_NUMBER(size_t, size_t, "%llu\n")
KOI_DEBUGFS_NUMBER(ulong, ulong_value, "%llu\n")
KOI_DEBUGFS_CREATE(atomic, debugfs_create_atomic_t, atomic_t, koi_debugfs_atomic_get, koi_debugfs_atomic_set, "%lld\n")

/* ---- bool, string, blob ---- */
ssize_t debugfs_read_file_bool(struct file *file, char __user *buf, size_t count, loff_t *ppos)
{
	char text[2] = { *(bool *)file->private_data ? 'Y' : 'N', '\n' };
	int error = debugfs_file_get(file->f_path.dentry);

	return error ? error : simple_read_from_buffer(buf, count, ppos, text, 2);
}

ssize_t debugfs_write_file_bool(struct file *file, const char __user *buf, size_t count, loff_t *ppos)
{
	bool value;
	int error = kstrtobool_from_user(buf, count, &value);

	if (!error) {
		error = debugfs_file_get(file->f_path.dentry);
		if (error)
			return error;
		*(bool *)file->private_data = value;
	}
	/* What is no bool is taken and ignored. */
	return error == -EFAULT ? error : count;
}

static const struct file_operations koi_debugfs_bool_fops = {
	.read = debugfs_read_file_bool,
	.write = debugfs_write_file_bool,
	.open = simple_open,
	.llseek = default_llseek,
};

void debugfs_create_bool(const char *name, umode_t mode, struct dentry *parent, bool *value)
{
	debugfs_create_file_unsafe(name, mode, parent, value, &koi_debugfs_bool_fops);
}

static ssize_t koi_debugfs_read_str(struct file *file, char __user *buf, size_t count, loff_t *ppos)
{
	const char *text = *(char **)file->private_data;
	char *copy = kasprintf(GFP_KERNEL, "%s\n", text);
	ssize_t done;

	if (!copy)
		return -ENOMEM;
	done = simple_read_from_buffer(buf, count, ppos, copy, strlen(copy));
	kfree(copy);
	return done;
}

static ssize_t koi_debugfs_write_str(struct file *file, const char __user *buf, size_t count, loff_t *ppos)
{
	char **value = file->private_data, *old = *value, *text;

	if (*ppos)
		return -EINVAL;
	text = memdup_user_nul(buf, min_t(size_t, count, PAGE_SIZE));
	if (IS_ERR(text))
		return PTR_ERR(text);
	strim(text);
	*value = text;
	kfree(old);
	return count;
}

static const struct file_operations koi_debugfs_str_fops = {
	.read = koi_debugfs_read_str,
	.write = koi_debugfs_write_str,
	.open = simple_open,
	.llseek = default_llseek,
};

static const struct file_operations koi_debugfs_str_ro_fops = {
	.read = koi_debugfs_read_str,
	.open = simple_open,
	.llseek = default_llseek,
};

void debugfs_create_str(const char *name, umode_t mode, struct dentry *parent, char **value)
{
	debugfs_create_file_unsafe(name, mode, parent, value,
				   mode & 0222 ? &koi_debugfs_str_fops : &koi_debugfs_str_ro_fops);
}

static ssize_t koi_debugfs_read_blob(struct file *file, char __user *buf, size_t count, loff_t *ppos)
{
	struct debugfs_blob_wrapper *blob = file->private_data;

	return simple_read_from_buffer(buf, count, ppos, blob->data, blob->size);
}

static const struct file_operations koi_debugfs_blob_fops = {
	.read = koi_debugfs_read_blob,
	.open = simple_open,
	.llseek = default_llseek,
};

struct dentry *debugfs_create_blob(const char *name, umode_t mode, struct dentry *parent, struct debugfs_blob_wrapper *blob)
{
	return debugfs_create_file_unsafe(name, mode & 0444, parent, blob, &koi_debugfs_blob_fops);
}

static int koi_debugfs_show_u32_array(struct seq_file *m, void *unused)
{
	struct debugfs_u32_array *array = m->private;
	u32 i;

	for (i = 0; i < array->n_elements; i++)
		seq_printf(m, "%u%c", array->array[i], i + 1 == array->n_elements ? '\n' : ' ');
	return 0;
}

static int koi_debugfs_open_u32_array(struct inode *inode, struct file *file)
{
	return single_open(file, koi_debugfs_show_u32_array, inode->i_private);
}

static const struct file_operations koi_debugfs_u32_array_fops = {
	.open = koi_debugfs_open_u32_array,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
};

void debugfs_create_u32_array(const char *name, umode_t mode, struct dentry *parent, struct debugfs_u32_array *array)
{
	debugfs_create_file_unsafe(name, mode, parent, array, &koi_debugfs_u32_array_fops);
}
