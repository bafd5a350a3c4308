// SPDX-License-Identifier: GPL-2.0-only
/*
 * Open files. C++ keeps the names (engine/vfs); a file's node leads to a struct koi_vnode, the first member of what the file
 * systems keep for each file. Opening makes a real struct file with its inode and dentry, and the operations are
 * called as vfs_read(), vfs_write() and __fput() call them.
 */

/* Mode bits of the node, and how a file of this kind is opened: sets file->f_op and calls the open operation. */
struct koi_vnode {
	int (*open)(struct koi_vnode *v, struct inode *inode, struct file *file);
	void (*closed)(struct koi_vnode *v, struct file *file);
	unsigned long node;
	umode_t mode;
	/* What the inode of an open file shows. */
	void *private;
	dev_t rdev;
	struct cdev *cdev;
	/* Some file systems keep dentries of their own. */
	struct dentry *dentry;
	int users;
	bool gone;
	bool guarded;	/* once it is gone, open files of it fail */
	void (*free)(struct koi_vnode *v);
};

static void koi_vnode_put(struct koi_vnode *v)
{
	if (--v->users == 0 && v->gone && v->free)
		v->free(v);
}

/* The name is gone; the object goes with its last user. */
static void koi_vnode_remove(struct koi_vnode *v)
{
	v->gone = true;
	v->users++;
	koi_vfs_remove(v->node);
	koi_vnode_put(v);
}

struct koi_open_file {
	struct file file;
	struct list_head list;
	struct task_struct *opener;
	struct koi_vnode *vnode;
	struct inode inode;
	struct dentry dentry;
	struct address_space mapping;
	struct super_block sb;
	struct file_system_type type;
	char name[];
};

static LIST_HEAD(koi_open_files);

static void koi_fill_inode(struct inode *inode, umode_t mode, void *private)
{
	inode->i_mode = mode;
	inode->i_private = private;
	atomic_set(&inode->i_count, 1);
	inode->i_ino = 1;
	init_rwsem(&inode->i_rwsem);
	spin_lock_init(&inode->i_lock);
}

static void koi_fill_dentry(struct dentry *dentry, struct inode *inode, struct dentry *parent, const char *name)
{
	dentry->d_name.name = name;
	dentry->d_name.len = strlen(name);
	dentry->d_inode = inode;
	dentry->d_parent = parent ? parent : dentry;
	spin_lock_init(&dentry->d_lock);
	dentry->d_lockref.count = 1;
	dentry->d_flags = S_ISDIR(inode->i_mode) ? DCACHE_DIRECTORY_TYPE : DCACHE_REGULAR_TYPE;
}

/* open(2) of the file behind `v` with these flags: a struct file, or an ERR_PTR. C++ has looked at the mode bits. */
struct file *koi_file_open(struct koi_vnode *v, const char *name, unsigned int flags)
{
	struct koi_open_file *o = kzalloc(sizeof(*o) + strlen(name) + 1, GFP_KERNEL);
	struct file *file = &o->file;
	int error;

	if (!o)
		return ERR_PTR(-ENOMEM);
	strcpy(o->name, name);
	o->vnode = v;
	o->inode.i_sb = &o->sb;
	o->sb.s_type = &o->type;
	o->sb.s_maxbytes = MAX_LFS_FILESIZE;
	koi_fill_inode(&o->inode, v->mode, v->private);
	o->inode.i_rdev = v->rdev;
	o->inode.i_cdev = v->cdev;
	o->inode.i_mapping = &o->mapping;
	koi_fill_dentry(&o->dentry, &o->inode, NULL, o->name);
	*(struct dentry **)&file->f_path.dentry = v->dentry ? v->dentry : &o->dentry;
	file->f_inode = v->dentry ? v->dentry->d_inode : &o->inode;
	file->f_mapping = &o->mapping;
	file->f_flags = flags;
	file->f_mode = OPEN_FMODE(flags) | FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE | FMODE_OPENED;
	mutex_init(&file->f_pos_lock);
	spin_lock_init(&file->f_lock);
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
	atomic_long_set(&file->f_count, 1);
#endif
	v->users++;
	error = v->open(v, file->f_inode, file);
	if (!error && file->f_op) {
		if ((file->f_mode & FMODE_READ) && (file->f_op->read || file->f_op->read_iter))
			file->f_mode |= FMODE_CAN_READ;
		if ((file->f_mode & FMODE_WRITE) && (file->f_op->write || file->f_op->write_iter))
			file->f_mode |= FMODE_CAN_WRITE;
		o->opener = current;
		list_add(&o->list, &koi_open_files);
		return file;
	}
	if (file->f_op)
		fops_put(file->f_op);
	koi_vnode_put(v);
	kfree(o);
	return ERR_PTR(error ? error : -ENXIO);
}

static bool koi_file_is_dead(struct file *file)
{
	struct koi_vnode *v = container_of(file, struct koi_open_file, file)->vnode;

	return v->guarded && v->gone;
}

static ssize_t koi_call_iter(struct file *file, char __user *buffer, size_t count, bool write)
{
	struct iov_iter iter;
	struct kiocb kiocb = { .ki_filp = file, .ki_pos = file->f_pos };
	ssize_t done;

	iov_iter_ubuf(&iter, write ? WRITE : READ, buffer, count);
	done = write ? file->f_op->write_iter(&kiocb, &iter) : file->f_op->read_iter(&kiocb, &iter);
	if (done >= 0)
		file->f_pos = kiocb.ki_pos;
	return done;
}

/* read(2) and write(2) at the file's position. */
long koi_file_read(struct file *file, char __user *buffer, unsigned long count)
{
	loff_t pos = file->f_pos;
	ssize_t done;

	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	if (koi_file_is_dead(file))
		return -EIO;
	if (!(file->f_mode & FMODE_CAN_READ))
		return -EINVAL;
	if (!file->f_op->read)
		return koi_call_iter(file, buffer, count, false);
	done = file->f_op->read(file, buffer, count, &pos);
	if (!(file->f_mode & FMODE_STREAM))
		file->f_pos = pos;
	return done;
}

long koi_file_write(struct file *file, const char __user *buffer, unsigned long count)
{
	loff_t pos = file->f_pos;
	ssize_t done;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	if (koi_file_is_dead(file))
		return -EIO;
	if (!(file->f_mode & FMODE_CAN_WRITE))
		return -EINVAL;
	if (!file->f_op->write)
		return koi_call_iter(file, (char __user *)buffer, count, true);
	done = file->f_op->write(file, buffer, count, &pos);
	if (!(file->f_mode & FMODE_STREAM))
		file->f_pos = pos;
	return done;
}

long koi_file_seek(struct file *file, long offset, int whence)
{
	if (!file->f_op->llseek || !(file->f_mode & FMODE_LSEEK))
		return -ESPIPE;
	return file->f_op->llseek(file, offset, whence);
}

long koi_file_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	if (!file->f_op->unlocked_ioctl)
		return -ENOTTY;
	return file->f_op->unlocked_ioctl(file, command, argument);
}

void koi_file_close(struct file *file)
{
	struct koi_open_file *o = container_of(file, struct koi_open_file, file);
	struct koi_vnode *v = o->vnode;

	list_del(&o->list);
	if (file->f_op->flush)
		file->f_op->flush(file, NULL);
	if (file->f_op->release)
		file->f_op->release(file->f_inode, file);
	if (v->closed)
		v->closed(v, file);
	fops_put(file->f_op);
	koi_vnode_put(v);
	kfree(o);
}

/* The running task dies: what it has open is closed. */
void koi_close_files(void)
{
	struct koi_open_file *o;
	bool more;

	do {
		more = false;
		list_for_each_entry(o, &koi_open_files, list) {
			if (o->opener == current) {
				more = true;
				break;
			}
		}
		if (more)
			koi_file_close(&o->file);
	} while (more);
}

/* ---- the plain operations that modules use as their own ---- */
int simple_open(struct inode *inode, struct file *file)
{
	if (inode->i_private)
		file->private_data = inode->i_private;
	return 0;
}

ssize_t simple_read_from_buffer(void __user *to, size_t count, loff_t *ppos, const void *from, size_t available)
{
	loff_t pos = *ppos;
	size_t left;

	if (pos < 0)
		return -EINVAL;
	if (pos >= available || !count)
		return 0;
	count = min_t(size_t, count, available - pos);
	left = copy_to_user(to, from + pos, count);
	if (left == count)
		return -EFAULT;
	count -= left;
	*ppos = pos + count;
	return count;
}

ssize_t simple_write_to_buffer(void *to, size_t available, loff_t *ppos, const void __user *from, size_t count)
{
	loff_t pos = *ppos;
	size_t left;

	if (pos < 0)
		return -EINVAL;
	if (pos >= available || !count)
		return 0;
	count = min_t(size_t, count, available - pos);
	left = copy_from_user(to + pos, from, count);
	if (left == count)
		return -EFAULT;
	count -= left;
	*ppos = pos + count;
	return count;
}

static loff_t koi_seek(struct file *file, loff_t offset, int whence, loff_t size)
{
	switch (whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		offset += file->f_pos;
		break;
	case SEEK_END:
		offset += size;
		break;
	default:
		return -EINVAL;
	}
	if (offset < 0)
		return -EINVAL;
	file->f_pos = offset;
	return offset;
}

loff_t noop_llseek(struct file *file, loff_t offset, int whence)
{
	return file->f_pos;
}

loff_t default_llseek(struct file *file, loff_t offset, int whence)
{
	return koi_seek(file, offset, whence, i_size_read(file_inode(file)));
}

loff_t generic_file_llseek(struct file *file, loff_t offset, int whence)
{
	return koi_seek(file, offset, whence, i_size_read(file_inode(file)));
}

loff_t fixed_size_llseek(struct file *file, loff_t offset, int whence, loff_t size)
{
	loff_t target = whence == SEEK_CUR ? file->f_pos + offset : whence == SEEK_END ? size + offset : offset;

	if (target > size)
		return -EINVAL;
	return koi_seek(file, offset, whence, size);
}

loff_t no_seek_end_llseek(struct file *file, loff_t offset, int whence)
{
	return whence == SEEK_SET || whence == SEEK_CUR ? koi_seek(file, offset, whence, 0) : -EINVAL;
}

int nonseekable_open(struct inode *inode, struct file *file)
{
	file->f_mode &= ~(FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE);
	return 0;
}

int stream_open(struct inode *inode, struct file *file)
{
	file->f_mode &= ~(FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE | FMODE_ATOMIC_POS);
	file->f_mode |= FMODE_STREAM;
	return 0;
}

/* ---- DEFINE_SIMPLE_ATTRIBUTE ---- */
struct koi_simple_attr {
	int (*get)(void *data, u64 *value);
	int (*set)(void *data, u64 value);
	void *data;
	const char *fmt;
	char text[32];
	size_t bytes;	/* of text, once it was made */
	struct mutex lock;
};

int simple_attr_open(struct inode *inode, struct file *file, int (*get)(void *, u64 *), int (*set)(void *, u64),
		     const char *fmt)
{
	struct koi_simple_attr *a = kzalloc(sizeof(*a), GFP_KERNEL);

	if (!a)
		return -ENOMEM;
	a->get = get;
	a->set = set;
	a->data = inode->i_private;
	a->fmt = fmt;
	mutex_init(&a->lock);
	file->private_data = a;
	return nonseekable_open(inode, file);
}

int simple_attr_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}

ssize_t simple_attr_read(struct file *file, char __user *buf, size_t len, loff_t *ppos)
{
	struct koi_simple_attr *a = file->private_data;
	ssize_t ret;

	if (!a->get)
		return -EACCES;
	ret = mutex_lock_interruptible(&a->lock);
	if (ret)
		return ret;
	if (!*ppos || !a->bytes) {
		u64 value;

		ret = a->get(a->data, &value);
		if (ret)
			goto out;
		a->bytes = scnprintf(a->text, sizeof(a->text), a->fmt, (unsigned long long)value);
	}
	ret = simple_read_from_buffer(buf, len, ppos, a->text, a->bytes);
out:
	mutex_unlock(&a->lock);
	return ret;
}

static ssize_t koi_simple_attr_write(struct file *file, const char __user *buf, size_t len, bool is_signed)
{
	struct koi_simple_attr *a = file->private_data;
	char text[32];
	size_t bytes = min(sizeof(text) - 1, len);
	long long negative = 0;
	unsigned long long value;
	ssize_t ret;

	if (!a->set)
		return -EACCES;
	ret = mutex_lock_interruptible(&a->lock);
	if (ret)
		return ret;
	ret = -EFAULT;
	if (copy_from_user(text, buf, bytes))
		goto out;
	text[bytes] = '\0';
	ret = is_signed ? kstrtoll(text, 0, &negative) : kstrtoull(text, 0, &value);
	if (ret)
		goto out;
	ret = a->set(a->data, is_signed ? (u64)negative : value);
	if (!ret)
		ret = len;
out:
	mutex_unlock(&a->lock);
	return ret;
}

ssize_t simple_attr_write(struct file *file, const char __user *buf, size_t len, loff_t *ppos)
{
	return koi_simple_attr_write(file, buf, len, false);
}

ssize_t simple_attr_write_signed(struct file *file, const char __user *buf, size_t len, loff_t *ppos)
{
	return koi_simple_attr_write(file, buf, len, true);
}

/* For programs with pointers of 32 bits. */
long compat_ptr_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	if (!file->f_op->unlocked_ioctl)
		return -ENOIOCTLCMD;
	return file->f_op->unlocked_ioctl(file, command, (unsigned long)compat_ptr(argument));
}
