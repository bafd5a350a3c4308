// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files that the kernel itself opens. koi's virtual files are all there are: the host's are never seen, and none can be
 * made (-EROFS).
 */
struct file *filp_open(const char *path, int flags, umode_t mode)
{
	unsigned long node = koi_vfs_find(path);
	struct koi_vnode *v;
	char name[64];

	if (node == ~0UL)
		koi_unsupported("filp_open() of a file that koi itself fills");
	if (!node)
		return ERR_PTR(flags & O_CREAT ? -EROFS : -ENOENT);
	v = koi_vfs_object(node);
	if (!v || !v->open)
		return ERR_PTR(flags & (O_WRONLY | O_RDWR) ? -EISDIR : -EACCES);
	koi_vfs_name(node, name, sizeof(name));
	return koi_file_open(v, name, flags | O_LARGEFILE);
}

int filp_close(struct file *file, fl_owner_t id)
{
	int error = file->f_op->flush ? file->f_op->flush(file, id) : 0;

	koi_file_close(file);
	return error;
}

static ssize_t koi_kernel_io(struct file *file, void *buffer, size_t count, loff_t *pos, bool write)
{
	struct kvec part = { .iov_base = buffer, .iov_len = min_t(size_t, count, MAX_RW_COUNT) };
	struct kiocb kiocb = { .ki_filp = file, .ki_pos = pos ? *pos : 0 };
	struct iov_iter iter;
	ssize_t done;

	if (write ? !file->f_op->write_iter || file->f_op->write : !file->f_op->read_iter || file->f_op->read) {
		pr_warn_ratelimited("kernel %s not supported for file %pD4 (pid: %d comm: %.20s)\n", write ? "write" : "read", file,
				    current->pid, current->comm);
		return -EINVAL;
	}
	iov_iter_kvec(&iter, write ? WRITE : READ, &part, 1, part.iov_len);
	done = write ? file->f_op->write_iter(&kiocb, &iter) : file->f_op->read_iter(&kiocb, &iter);
	if (done > 0 && pos)
		*pos = kiocb.ki_pos;
	return done;
}

ssize_t kernel_read(struct file *file, void *buffer, size_t count, loff_t *pos)
{
#line KOI_LINE(414, 513) "fs/read_write.c"
	if (WARN_ON_ONCE(!(file->f_mode & FMODE_READ)))
		return -EINVAL;
	if (!(file->f_mode & FMODE_CAN_READ))
		return -EINVAL;
	return koi_kernel_io(file, buffer, count, pos, false);
}

ssize_t kernel_write(struct file *file, const void *buffer, size_t count, loff_t *pos)
{
#line KOI_LINE(504, 603) "fs/read_write.c"
	if (WARN_ON_ONCE(!(file->f_mode & FMODE_WRITE)))
		return -EBADF;
	if (!(file->f_mode & FMODE_CAN_WRITE))
		return -EINVAL;
	return koi_kernel_io(file, (void *)buffer, count, pos, true);
}
