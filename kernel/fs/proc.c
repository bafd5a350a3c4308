// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc. A struct proc_dir_entry is opaque to modules: this is koi's own. Names and places are the tree's; a parent of NULL
 * is /proc itself.
 */
struct proc_dir_entry {
	struct koi_vnode v;
	const struct proc_ops *ops;
	const struct seq_operations *seq_ops;
	int (*single_show)(struct seq_file *m, void *v);
	ssize_t (*seq_write)(struct file *file, char *buf, size_t count);
	unsigned int state_size;
	loff_t size;
	void *data;
	struct list_head openers;	/* struct koi_proc_open */
	unsigned short flags;
	char name[];
};

/* An open file whose release operation is still to be called: by close, or when the entry goes. */
struct koi_proc_open {
	struct list_head list;
	struct file *file;
};

static struct proc_dir_entry *koi_pde(struct inode *inode)
{
	return container_of(container_of(inode, struct koi_open_file, inode)->vnode, struct proc_dir_entry, v);
}

static unsigned long koi_proc_node(struct proc_dir_entry *dir)
{
	return dir ? dir->v.node : KOI_VFS_PROC;
}

/* ---- what is done with an open file ---- */
static int koi_proc_open(struct inode *inode, struct file *file)
{
	struct proc_dir_entry *de = koi_pde(inode);
	struct koi_proc_open *opener = NULL;
	int error = 0;

	if (de->single_show)
		return single_open(file, de->single_show, de->data);
	if (de->seq_ops)
		return de->state_size ? seq_open_private(file, de->seq_ops, de->state_size) :
					seq_open(file, de->seq_ops);
	if (!de->ops->proc_lseek)
		file->f_mode &= ~FMODE_LSEEK;
	if (de->ops->proc_release) {
		opener = kzalloc(sizeof(*opener), GFP_KERNEL);
		if (!opener)
			return -ENOMEM;
		opener->file = file;
	}
	if (de->ops->proc_open)
		error = de->ops->proc_open(inode, file);
	if (!opener)
		return error;
	if (error)
		kfree(opener);
	else
		list_add(&opener->list, &de->openers);
	return error;
}

static void koi_proc_close(struct proc_dir_entry *de, struct koi_proc_open *opener)
{
	struct file *file = opener->file;

	list_del(&opener->list);
	kfree(opener);
	de->ops->proc_release(file_inode(file), file);
}

static int koi_proc_release(struct inode *inode, struct file *file)
{
	struct proc_dir_entry *de = koi_pde(inode);
	struct koi_proc_open *opener;

	if (de->single_show)
		return single_release(inode, file);
	if (de->seq_ops)
		return de->state_size ? seq_release_private(inode, file) : seq_release(inode, file);
	list_for_each_entry(opener, &de->openers, list) {
		if (opener->file == file) {
			koi_proc_close(de, opener);
			break;
		}
	}
	return 0;
}

static ssize_t koi_proc_read(struct file *file, char __user *buf, size_t count, loff_t *ppos)
{
	struct proc_dir_entry *de = koi_pde(file_inode(file));

	if (de->v.gone || !de->ops->proc_read)
		return -EIO;
	return de->ops->proc_read(file, buf, count, ppos);
}

static ssize_t koi_proc_read_iter(struct kiocb *kiocb, struct iov_iter *iter)
{
	struct proc_dir_entry *de = koi_pde(file_inode(kiocb->ki_filp));

	return de->v.gone ? -EIO : de->ops->proc_read_iter(kiocb, iter);
}

static ssize_t koi_proc_write(struct file *file, const char __user *buf, size_t count, loff_t *ppos)
{
	struct proc_dir_entry *de = koi_pde(file_inode(file));

	if (de->v.gone || !de->ops->proc_write)
		return -EIO;
	return de->ops->proc_write(file, buf, count, ppos);
}

static loff_t koi_proc_lseek(struct file *file, loff_t offset, int whence)
{
	struct proc_dir_entry *de = koi_pde(file_inode(file));

	return de->v.gone ? -EINVAL : de->ops->proc_lseek(file, offset, whence);
}

static long koi_proc_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct proc_dir_entry *de = koi_pde(file_inode(file));

	return !de->v.gone && de->ops->proc_ioctl ? de->ops->proc_ioctl(file, command, argument) : -ENOTTY;
}

static const struct file_operations koi_proc_fops = {
	.read = koi_proc_read,
	.write = koi_proc_write,
	.llseek = koi_proc_lseek,
	.unlocked_ioctl = koi_proc_ioctl,
	.release = koi_proc_release,
};

static const struct file_operations koi_proc_iter_fops = {
	.read_iter = koi_proc_read_iter,
	.write = koi_proc_write,
	.llseek = koi_proc_lseek,
	.unlocked_ioctl = koi_proc_ioctl,
	.release = koi_proc_release,
};

static const struct file_operations koi_proc_seq_fops = {
	.read_iter = seq_read_iter,
	.llseek = seq_lseek,
	.release = koi_proc_release,
};

static int koi_proc_open_node(struct koi_vnode *v, struct inode *inode, struct file *file)
{
	struct proc_dir_entry *de = container_of(v, struct proc_dir_entry, v);

	file->f_op = de->single_show || de->seq_ops ? &koi_proc_seq_fops :
		     de->ops->proc_read_iter	    ? &koi_proc_iter_fops : &koi_proc_fops;
	return koi_proc_open(inode, file);
}

static void koi_proc_free(struct koi_vnode *v)
{
	kfree(container_of(v, struct proc_dir_entry, v));
}

/* ---- registration ---- */
static noinline struct proc_dir_entry *proc_register(unsigned long dir, struct proc_dir_entry *de)
{
	long node = koi_vfs_add(dir, de->name, de->v.mode, &de->v);

	if (node > 0) {
		de->v.node = node;
		return de;
	}
	if (node == -EEXIST) {
		char parent[64];

		koi_vfs_name(dir, parent, sizeof(parent));
#line KOI_LINE(400, 399) "fs/proc/generic.c"
		WARN(1, "proc_dir_entry '%s%s/%s' already registered\n", dir == KOI_VFS_PROC ? "/" : "", parent, de->name);
	}
	koi_proc_free(&de->v);
	return NULL;
}

/* Walks the directories of a name like "driver/x": the last name, and the node of its directory; NULL: there is none. */
static noinline const char *__xlate_proc_name(const char *name, unsigned long *dir)
{
	const char *at = name, *slash;

	while ((slash = strchr(at, '/')) != NULL) {
		*dir = koi_vfs_child(*dir, at, slash - at);
		if (!*dir) {
#line KOI_LINE(175, 174) "fs/proc/generic.c"
			WARN(1, "name '%s'\n", name);
			return NULL;
		}
		at = slash + 1;
	}
	return at;
}

static bool koi_is_number(const char *name)
{
	if (*name == '0' && name[1])
		return false;
	while (isdigit(*name))
		name++;
	return !*name;
}

static noinline struct proc_dir_entry *__proc_create(unsigned long *dir, const char *name, umode_t mode)
{
	const char *last = __xlate_proc_name(name, dir);
	struct proc_dir_entry *de;
	unsigned int len;

	if (!last)
		return NULL;
	len = strlen(last);
	if (len == 0 || len >= 256) {
#line KOI_LINE(429, 428) "fs/proc/generic.c"
		WARN(1, "name len %u\n", len);
		return NULL;
	}
	if (len == 1 && last[0] == '.') {
#line KOI_LINE(433, 432) "fs/proc/generic.c"
		WARN(1, "name '.'\n");
		return NULL;
	}
	if (len == 2 && last[0] == '.' && last[1] == '.') {
#line KOI_LINE(437, 436) "fs/proc/generic.c"
		WARN(1, "name '..'\n");
		return NULL;
	}
	if (*dir == KOI_VFS_PROC && koi_is_number(last)) {
#line KOI_LINE(441, 440) "fs/proc/generic.c"
		WARN(1, "create '/proc/%s' by hand\n", last);
		return NULL;
	}
	de = kzalloc(sizeof(*de) + len + 1, GFP_KERNEL);
	if (!de)
		return NULL;
	strcpy(de->name, last);
	de->v.mode = mode;
	de->v.open = koi_proc_open_node;
	de->v.free = koi_proc_free;
	INIT_LIST_HEAD(&de->openers);
	return de;
}

static struct proc_dir_entry *koi_proc_new(const char *name, umode_t mode, unsigned long *dir, void *data)
{
	struct proc_dir_entry *de;

	if ((mode & S_IFMT) == 0)
		mode |= S_IFREG;
	if ((mode & S_IALLUGO) == 0)
		mode |= S_IRUGO;
#line KOI_LINE(573, 572) "fs/proc/generic.c"
	if (WARN_ON_ONCE(!S_ISREG(mode)))
		return NULL;
	de = __proc_create(dir, name, mode);
	if (de) {
		de->data = data;
		de->v.private = data;
	}
	return de;
}

struct proc_dir_entry *koi_tail proc_mkdir_data(const char *name, umode_t mode, struct proc_dir_entry *parent, void *data)
{
	unsigned long dir = koi_proc_node(parent);
	struct proc_dir_entry *de = __proc_create(&dir, name, S_IFDIR | (mode ? mode : 0555));

	if (!de)
		return NULL;
	de->data = data;
	return proc_register(dir, de);
}

struct proc_dir_entry *koi_tail proc_mkdir_mode(const char *name, umode_t mode, struct proc_dir_entry *parent)
{
	return proc_mkdir_data(name, mode, parent, NULL);
}

struct proc_dir_entry *koi_tail proc_mkdir(const char *name, struct proc_dir_entry *parent)
{
	return proc_mkdir_data(name, 0, parent, NULL);
}

struct proc_dir_entry *koi_tail proc_create_mount_point(const char *name)
{
	return proc_mkdir_data(name, 0, NULL, NULL);
}

struct proc_dir_entry *koi_tail proc_create_data(const char *name, umode_t mode, struct proc_dir_entry *parent,
						 const struct proc_ops *ops, void *data)
{
	unsigned long dir = koi_proc_node(parent);
	struct proc_dir_entry *de = koi_proc_new(name, mode, &dir, data);

	if (!de)
		return NULL;
	de->ops = ops;
	return proc_register(dir, de);
}

struct proc_dir_entry *koi_tail proc_create(const char *name, umode_t mode, struct proc_dir_entry *parent,
					    const struct proc_ops *ops)
{
	return proc_create_data(name, mode, parent, ops, NULL);
}

struct proc_dir_entry *koi_tail proc_create_seq_private(const char *name, umode_t mode, struct proc_dir_entry *parent,
							const struct seq_operations *ops, unsigned int state_size,
							void *data)
{
	unsigned long dir = koi_proc_node(parent);
	struct proc_dir_entry *de = koi_proc_new(name, mode, &dir, data);

	if (!de)
		return NULL;
	de->seq_ops = ops;
	de->state_size = state_size;
	return proc_register(dir, de);
}

struct proc_dir_entry *koi_tail proc_create_single_data(const char *name, umode_t mode, struct proc_dir_entry *parent,
							int (*show)(struct seq_file *, void *), void *data)
{
	unsigned long dir = koi_proc_node(parent);
	struct proc_dir_entry *de = koi_proc_new(name, mode, &dir, data);

	if (!de)
		return NULL;
	de->single_show = show;
	return proc_register(dir, de);
}

struct proc_dir_entry *proc_symlink(const char *name, struct proc_dir_entry *parent, const char *dest)
{
	unsigned long dir = koi_proc_node(parent);
	struct proc_dir_entry *de = __proc_create(&dir, name, S_IFLNK | 0777);

	if (!de)
		return NULL;
	de = proc_register(dir, de);
	if (de)
		koi_vfs_set_target(de->v.node, dest);
	return de;
}

void proc_set_size(struct proc_dir_entry *de, loff_t size)
{
	de->size = size;
}

void proc_set_user(struct proc_dir_entry *de, kuid_t uid, kgid_t gid)
{
	/* Everyone is root here. */
}

void *proc_get_parent_data(const struct inode *inode)
{
	struct proc_dir_entry *parent = koi_vfs_parent_object(koi_pde((struct inode *)inode)->v.node);

	return parent ? parent->data : NULL;
}

/* ---- removal ---- */
static void koi_proc_remove_one(struct proc_dir_entry *de)
{
	while (!list_empty(&de->openers))
		koi_proc_close(de, list_first_entry(&de->openers, struct koi_proc_open, list));
	koi_vnode_remove(&de->v);
}

static void koi_proc_remove_tree(struct proc_dir_entry *de)
{
	unsigned long below;

	while ((below = koi_vfs_first_child(de->v.node)) != 0)
		koi_proc_remove_tree(koi_vfs_object(below));
	koi_proc_remove_one(de);
}

void remove_proc_entry(const char *name, struct proc_dir_entry *parent)
{
	unsigned long dir = koi_proc_node(parent), node, below;
	const char *last = __xlate_proc_name(name, &dir);
	struct proc_dir_entry *de;
	char first[64], in[64];

	if (!last)
		return;
	node = koi_vfs_child(dir, last, strlen(last));
	de = node ? koi_vfs_object(node) : NULL;
	if (!de) {
#line KOI_LINE(734, 733) "fs/proc/generic.c"
		WARN(1, "name '%s'\n", name);
		return;
	}
	below = koi_vfs_first_child(node);
	if (below) {
		koi_vfs_name(below, first, sizeof(first));
		koi_vfs_name(dir, in, sizeof(in));
#line KOI_LINE(740, 739) "fs/proc/generic.c"
		WARN(1, "%s: removing non-empty directory '%s%s/%s', leaking at least '%s'\n", __func__,
		     dir == KOI_VFS_PROC ? "/" : "", in, de->name, first);
	}
	koi_proc_remove_one(de);
}

int remove_proc_subtree(const char *name, struct proc_dir_entry *parent)
{
	unsigned long dir = koi_proc_node(parent), node;
	const char *last = __xlate_proc_name(name, &dir);
	struct proc_dir_entry *de;

	if (!last)
		return -ENOENT;
	node = koi_vfs_child(dir, last, strlen(last));
	de = node ? koi_vfs_object(node) : NULL;
	if (!de)
		return -ENOENT;
	koi_proc_remove_tree(de);
	return 0;
}

void proc_remove(struct proc_dir_entry *de)
{
	if (de)
		koi_proc_remove_tree(de);
}
