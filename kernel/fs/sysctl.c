// SPDX-License-Identifier: GPL-2.0-only
/* /proc/sys: tables that modules register. Directories come with the first entry below them and go with the last. */
#include <linux/sysctl.h>

struct koi_sysctl_file {
	struct koi_vnode v;
	struct list_head list;
	struct ctl_table_header *header;
	struct ctl_table *entry;
};

struct koi_sysctl_set {
	struct ctl_table_header header;	/* what the module holds */
	struct list_head files;
};

static ssize_t koi_sysctl_call(struct kiocb *kiocb, struct iov_iter *iter, bool write)
{
	struct koi_open_file *o = container_of(kiocb->ki_filp, struct koi_open_file, file);
	struct koi_sysctl_file *f = container_of(o->vnode, struct koi_sysctl_file, v);
	size_t count = iov_iter_count(iter);
	char *buffer;
	ssize_t error;

	if (f->v.gone)
		return -ENOENT;
	if (!f->entry->proc_handler)
		return -EINVAL;
	if (count >= KMALLOC_MAX_SIZE)
		return -ENOMEM;
	buffer = kvzalloc(count + 1, GFP_KERNEL);
	if (!buffer)
		return -ENOMEM;
	error = -EFAULT;
	if (write && _copy_from_iter(buffer, count, iter) != count)
		goto out;
	error = f->entry->proc_handler(f->entry, write, buffer, &count, &kiocb->ki_pos);
	if (!error && !write && _copy_to_iter(buffer, count, iter) < count)
		error = -EFAULT;
out:
	kvfree(buffer);
	return error ?: count;
}

static ssize_t koi_sysctl_read(struct kiocb *kiocb, struct iov_iter *iter)
{
	return koi_sysctl_call(kiocb, iter, false);
}

static ssize_t koi_sysctl_write(struct kiocb *kiocb, struct iov_iter *iter)
{
	return koi_sysctl_call(kiocb, iter, true);
}

static const struct file_operations koi_sysctl_fops = {
	.read_iter = koi_sysctl_read,
	.write_iter = koi_sysctl_write,
	.llseek = default_llseek,
};

/* Even root does only what the mode says. */
static int koi_sysctl_open(struct koi_vnode *v, struct inode *inode, struct file *file)
{
	if (((file->f_mode & FMODE_READ) && !(v->mode & S_IRUSR)) || ((file->f_mode & FMODE_WRITE) && !(v->mode & S_IWUSR)))
		return -EACCES;
	file->f_op = &koi_sysctl_fops;
	return 0;
}

static void koi_sysctl_free(struct koi_vnode *v)
{
	kfree(container_of(v, struct koi_sysctl_file, v));
}

/* Any directory of /proc/sys. */
static struct koi_vnode koi_sysctl_dir;

/* The directory `path` below `dir`, made if need be; 0: a file is in the way, or out of memory. */
static unsigned long koi_sysctl_mkdir(unsigned long dir, const char *path)
{
	while (dir && *path) {
		size_t length = strcspn(path, "/");
		unsigned long next = koi_vfs_child(dir, path, length);

		if (length && !next) {
			char *name = kstrndup(path, length, GFP_KERNEL);
			long made = name ? koi_vfs_add(dir, name, S_IFDIR | 0555, &koi_sysctl_dir) : 0;

			kfree(name);
			next = made > 0 ? made : 0;
		}
		if (length)
			dir = next;
		path += length;
		path += *path == '/';
	}
	return dir;
}

static void koi_sysctl_rmdir(const char *path)
{
	char *left = kstrdup(path, GFP_KERNEL), *slash;

	while (left && *left) {
		unsigned long dir = koi_vfs_find(left);

		if (dir && koi_vfs_object(dir) == &koi_sysctl_dir && !koi_vfs_first_child(dir))
			koi_vfs_remove(dir);
		slash = strrchr(left, '/');
		*(slash ?: left) = '\0';
	}
	kfree(left);
}

static void koi_sysctl_remove(struct koi_sysctl_set *set)
{
	struct koi_sysctl_file *f, *next;

	list_for_each_entry_safe(f, next, &set->files, list) {
		char *path = kmalloc(PATH_MAX, GFP_KERNEL), *slash;

		list_del(&f->list);
		if (path)
			koi_vfs_path(f->v.node, path, PATH_MAX);
		koi_vnode_remove(&f->v);
		slash = path ? strrchr(path, '/') : NULL;
		if (slash) {
			*slash = '\0';
			koi_sysctl_rmdir(path);
		}
		kfree(path);
	}
	kfree(set);
}

static bool koi_sysctl_is_plain(const struct ctl_table *entry)
{
	proc_handler *h = (proc_handler *)entry->proc_handler;

	return h == (proc_handler *)proc_dostring || h == (proc_handler *)proc_dobool || h == (proc_handler *)proc_dointvec ||
	       h == (proc_handler *)proc_douintvec || h == (proc_handler *)proc_dointvec_minmax ||
	       h == (proc_handler *)proc_douintvec_minmax || h == (proc_handler *)proc_dou8vec_minmax ||
	       h == (proc_handler *)proc_doulongvec_minmax;
}

static int koi_sysctl_complain(const char *path, const struct ctl_table *entry, const char *what)
{
	pr_err("sysctl table check failed: %s/%s %s\n", path, entry->procname, what);
	return -EINVAL;
}

static int koi_sysctl_check(const char *path, const struct ctl_table *entry)
{
	int error = 0;

	if (koi_sysctl_is_plain(entry)) {
		if (!entry->data)
			error = koi_sysctl_complain(path, entry, "No data");
		if (!entry->maxlen)
			error = koi_sysctl_complain(path, entry, "No maxlen");
	}
	if (!entry->proc_handler)
		error = koi_sysctl_complain(path, entry, "No proc_handler");
	if ((entry->mode & (S_IRUGO | S_IWUGO)) != entry->mode) {
		pr_err("sysctl table check failed: %s/%s bogus .mode 0%o\n", path, entry->procname, entry->mode);
		error = -EINVAL;
	}
	return error;
}

static int koi_sysctl_add(struct koi_sysctl_set *set, const char *path, unsigned long dir, struct ctl_table *entry)
{
	struct koi_sysctl_file *f = kzalloc(sizeof(*f), GFP_KERNEL);
	long node;

	if (!f)
		return -ENOMEM;
	f->header = &set->header;
	f->entry = entry;
	f->v.mode = S_IFREG | entry->mode;
	f->v.open = koi_sysctl_open;
	f->v.free = koi_sysctl_free;
	node = koi_vfs_add(dir, entry->procname, f->v.mode, &f->v);
	if (node < 0) {
		kfree(f);
		if (node == -EEXIST)
			pr_err("sysctl duplicate entry: /%s/%s\n", path, entry->procname);
		return node;
	}
	f->v.node = node;
	list_add_tail(&f->list, &set->files);
	return 0;
}

static int koi_sysctl_fill(struct koi_sysctl_set *set, const char *path, struct ctl_table *table, size_t size)
{
	unsigned long proc_sys = koi_sysctl_mkdir(KOI_VFS_PROC, "sys"), dir;
	struct ctl_table *entry;
	int error = 0;

	for (entry = table; entry < table + size && entry->procname && !error; entry++) {
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
		if (entry->child) {
			char *below = kasprintf(GFP_KERNEL, "%s%s%s", path, *path ? "/" : "", entry->procname);

			error = below ? koi_sysctl_fill(set, below, entry->child, INT_MAX / sizeof(*entry)) : -ENOMEM;
			kfree(below);
			continue;
		}
#endif
		error = koi_sysctl_check(path, entry);
	}
	dir = error ? 0 : koi_sysctl_mkdir(proc_sys, path);
	if (!error && !dir)
		error = -ENOTDIR;
	for (entry = table; entry < table + size && entry->procname && !error; entry++) {
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
		if (entry->child)
			continue;
#endif
		error = koi_sysctl_add(set, path, dir, entry);
	}
	return error;
}

static struct ctl_table_header *koi_sysctl_register(const char *path, struct ctl_table *table, size_t size)
{
	struct koi_sysctl_set *set = kzalloc(sizeof(*set), GFP_KERNEL);

	if (!set)
		return NULL;
	INIT_LIST_HEAD(&set->files);
	set->header.ctl_table = table;
	if (koi_sysctl_fill(set, path, table, size) == 0)
		return &set->header;
	koi_sysctl_remove(set);
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
	dump_stack();
#endif
	return NULL;
}

/* An older table ends at an entry without a name. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
struct ctl_table_header *register_sysctl_sz(const char *path, struct ctl_table *table, size_t size)
{
	return koi_sysctl_register(path, table, size);
}
#else
struct ctl_table_header *register_sysctl(const char *path, struct ctl_table *table)
{
	return koi_sysctl_register(path, table, INT_MAX / sizeof(*table));
}

struct ctl_table_header *register_sysctl_table(struct ctl_table *table)
{
	return koi_sysctl_register("", table, INT_MAX / sizeof(*table));
}
#endif

void unregister_sysctl_table(struct ctl_table_header *header)
{
	if (header)
		koi_sysctl_remove(container_of(header, struct koi_sysctl_set, header));
}
