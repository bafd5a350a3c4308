// SPDX-License-Identifier: GPL-2.0-only
/*
 * seq_file: text made record by record. A buffer holds records that were shown and not yet read: [from, from + count); it
 * doubles until the first record fits.
 */

static bool koi_seq_grow(struct seq_file *m, size_t size)
{
	kvfree(m->buf);
	m->count = 0;
	m->size = size;
	m->buf = size > MAX_RW_COUNT ? NULL : kvmalloc(size, GFP_KERNEL_ACCOUNT);
	if (!m->buf)
		m->size = 0;
	return m->buf != NULL;
}

int seq_open(struct file *file, const struct seq_operations *op)
{
	struct seq_file *m;

#line KOI_LINE(61, 61) "fs/seq_file.c"
	WARN_ON(file->private_data);
	m = kzalloc(sizeof(*m), GFP_KERNEL);
	if (!m)
		return -ENOMEM;
	file->private_data = m;
	mutex_init(&m->lock);
	m->op = op;
	m->file = file;
	/* pread and pwrite have no meaning here. */
	file->f_mode &= ~FMODE_PWRITE;
	return 0;
}

/* Puts the next non-empty record into the empty buffer. 1: it is there and *p stands on it, between start and stop;
 * 0: the end; else an error. */
static int koi_seq_first(struct seq_file *m, void **p)
{
	size_t wanted;
	int error;

	*p = m->op->start(m, &m->index);
	for (;;) {
		error = PTR_ERR(*p);
		if (IS_ERR_OR_NULL(*p))
			break;
		error = m->op->show(m, *p);
		if (error < 0)
			break;
		if (error > 0)
			m->count = 0;
		if (m->count && !seq_has_overflowed(m))
			return 1;
		if (!m->count) {
			*p = m->op->next(m, *p, &m->index);
			continue;
		}
		m->op->stop(m, *p);
		wanted = m->size * 2;
		if (!koi_seq_grow(m, wanted))
			return -ENOMEM;
		*p = m->op->start(m, &m->index);
	}
	m->op->stop(m, *p);
	m->count = 0;
	return error;
}

/* Adds whole records while the reader wants more; the iterator is stopped afterwards. */
static int koi_seq_more(struct seq_file *m, void *p, size_t wanted)
{
	int error = 0;

	for (;;) {
		size_t before = m->count;
		loff_t index = m->index;

		p = m->op->next(m, p, &m->index);
		if (m->index == index) {
			pr_info_ratelimited("buggy .next function %ps did not update position index\n", m->op->next);
			m->index++;
		}
		if (IS_ERR_OR_NULL(p) || m->count >= wanted)
			break;
		error = m->op->show(m, p);
		if (error > 0) {
			m->count = before;
			error = 0;
		} else if (error || seq_has_overflowed(m)) {
			m->count = before;
			break;
		}
	}
	m->op->stop(m, p);
	return error;
}

/* Shows the text from its beginning up to `offset`; the buffer then starts there. */
static int koi_seq_skip(struct seq_file *m, loff_t offset)
{
	loff_t at = 0;

	m->index = 0;
	m->count = m->from = 0;
	while (at < offset) {
		void *p;
		int got;

		if (!m->buf && !koi_seq_grow(m, PAGE_SIZE))
			return -ENOMEM;
		got = koi_seq_first(m, &p);
		if (got <= 0)
			return got;
		/* One record at a time. */
		p = m->op->next(m, p, &m->index);
		m->op->stop(m, p);
		if (at + m->count > offset) {
			m->from = offset - at;
			m->count -= m->from;
			return 0;
		}
		at += m->count;
		m->count = 0;
	}
	return 0;
}

static int koi_seq_move(struct seq_file *m, loff_t offset)
{
	int error = koi_seq_skip(m, offset);

	m->read_pos = error ? 0 : offset;
	if (error) {
		m->index = 0;
		m->count = 0;
	}
	return error;
}

ssize_t seq_read_iter(struct kiocb *iocb, struct iov_iter *iter)
{
	struct seq_file *m = iocb->ki_filp->private_data;
	size_t copied = 0, n;
	int error = 0;
	void *p;

	if (!iov_iter_count(iter))
		return 0;
	mutex_lock(&m->lock);
	if (iocb->ki_pos == 0) {
		m->index = 0;
		m->count = 0;
	}
	if (iocb->ki_pos != m->read_pos)
		error = koi_seq_move(m, iocb->ki_pos);
	if (!error && !m->buf && !koi_seq_grow(m, PAGE_SIZE))
		error = -ENOMEM;
	if (error)
		goto out;
	if (m->count) {
		copied = copy_to_iter(m->buf + m->from, m->count, iter);
		m->count -= copied;
		m->from += copied;
	}
	if (!m->count) {
		m->from = 0;
		error = koi_seq_first(m, &p);
		if (error > 0) {
			error = koi_seq_more(m, p, iov_iter_count(iter));
			n = copy_to_iter(m->buf, m->count, iter);
			copied += n;
			m->count -= n;
			m->from = n;
		}
	}
out:
	if (copied) {
		iocb->ki_pos += copied;
		m->read_pos += copied;
	}
	n = m->count;
	mutex_unlock(&m->lock);
	return copied ? copied : n ? -EFAULT : error;
}

ssize_t seq_read(struct file *file, char __user *buf, size_t size, loff_t *ppos)
{
	struct kiocb kiocb = { .ki_filp = file, .ki_pos = *ppos };
	struct iov_iter iter;
	ssize_t done;

	iov_iter_ubuf(&iter, READ, buf, size);
	done = seq_read_iter(&kiocb, &iter);
	*ppos = kiocb.ki_pos;
	return done;
}

loff_t seq_lseek(struct file *file, loff_t offset, int whence)
{
	struct seq_file *m = file->private_data;
	loff_t result = -EINVAL;

	mutex_lock(&m->lock);
	if (whence == SEEK_CUR)
		offset += file->f_pos;
	if ((whence == SEEK_SET || whence == SEEK_CUR) && offset >= 0) {
		int error = offset != m->read_pos ? koi_seq_move(m, offset) : 0;

		file->f_pos = error ? 0 : offset;
		result = error ? error : offset;
	}
	mutex_unlock(&m->lock);
	return result;
}

int seq_release(struct inode *inode, struct file *file)
{
	struct seq_file *m = file->private_data;

	kvfree(m->buf);
	kfree(m);
	return 0;
}

/* ---- one record, or private data ---- */
static void *koi_single_start(struct seq_file *m, loff_t *pos)
{
	return *pos ? NULL : SEQ_START_TOKEN;
}

static void *koi_single_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return NULL;
}

static void koi_single_stop(struct seq_file *m, void *v)
{
}

int single_open(struct file *file, int (*show)(struct seq_file *, void *), void *data)
{
	struct seq_operations *op = kmalloc(sizeof(*op), GFP_KERNEL_ACCOUNT);
	int error;

	if (!op)
		return -ENOMEM;
	op->start = koi_single_start;
	op->next = koi_single_next;
	op->stop = koi_single_stop;
	op->show = show;
	error = seq_open(file, op);
	if (error)
		kfree(op);
	else
		((struct seq_file *)file->private_data)->private = data;
	return error;
}

int single_open_size(struct file *file, int (*show)(struct seq_file *, void *), void *data, size_t size)
{
	char *buf = kvmalloc(size, GFP_KERNEL_ACCOUNT);
	int error;

	if (!buf)
		return -ENOMEM;
	error = single_open(file, show, data);
	if (error) {
		kvfree(buf);
		return error;
	}
	((struct seq_file *)file->private_data)->buf = buf;
	((struct seq_file *)file->private_data)->size = size;
	return 0;
}

int single_release(struct inode *inode, struct file *file)
{
	const struct seq_operations *op = ((struct seq_file *)file->private_data)->op;
	int result = seq_release(inode, file);

	kfree(op);
	return result;
}

void *__seq_open_private(struct file *file, const struct seq_operations *op, int size)
{
	void *private = kzalloc(size, GFP_KERNEL_ACCOUNT);

	if (!private)
		return NULL;
	if (seq_open(file, op)) {
		kfree(private);
		return NULL;
	}
	((struct seq_file *)file->private_data)->private = private;
	return private;
}

int seq_open_private(struct file *file, const struct seq_operations *op, int size)
{
	return __seq_open_private(file, op, size) ? 0 : -ENOMEM;
}

int seq_release_private(struct inode *inode, struct file *file)
{
	struct seq_file *m = file->private_data;

	kfree(m->private);
	m->private = NULL;
	return seq_release(inode, file);
}

/* ---- output ---- */
static void koi_seq_overflow(struct seq_file *m)
{
	m->count = m->size;
}

void seq_vprintf(struct seq_file *m, const char *f, va_list args)
{
	if (m->count < m->size) {
		int len = vsnprintf(m->buf + m->count, m->size - m->count, f, args);

		if (m->count + len < m->size) {
			m->count += len;
			return;
		}
	}
	koi_seq_overflow(m);
}

void seq_printf(struct seq_file *m, const char *f, ...)
{
	va_list args;

	va_start(args, f);
	seq_vprintf(m, f, args);
	va_end(args);
}

void seq_putc(struct seq_file *m, char c)
{
	if (m->count < m->size)
		m->buf[m->count++] = c;
}

int seq_write(struct seq_file *m, const void *data, size_t len)
{
	if (m->count + len < m->size) {
		memcpy(m->buf + m->count, data, len);
		m->count += len;
		return 0;
	}
	koi_seq_overflow(m);
	return -1;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
void __seq_puts(struct seq_file *m, const char *s)
{
	seq_write(m, s, strlen(s));
}
#else
void seq_puts(struct seq_file *m, const char *s)
{
	seq_write(m, s, strlen(s));
}
#endif

void seq_put_decimal_ull(struct seq_file *m, const char *delimiter, unsigned long long num)
{
	seq_printf(m, "%s%llu", delimiter ? delimiter : "", num);
}

void seq_put_decimal_ll(struct seq_file *m, const char *delimiter, long long num)
{
	seq_printf(m, "%s%lld", delimiter ? delimiter : "", num);
}

void seq_escape_mem(struct seq_file *m, const char *src, size_t len, unsigned int flags, const char *esc)
{
	char *to = m->buf + m->count;
	size_t room = m->count < m->size ? m->size - m->count : 0;
	int made = string_escape_mem(src, len, to, room, flags, esc);

	if (made < room)
		m->count += made;
	else
		koi_seq_overflow(m);
}

/* Fills up to the width that seq_setwidth() asked for, then `c` unless it is NUL. */
void seq_pad(struct seq_file *m, char c)
{
	int missing = m->pad_until - (int)m->count;

	if (missing > 0) {
		if (m->count + missing >= m->size) {
			koi_seq_overflow(m);
			return;
		}
		memset(m->buf + m->count, ' ', missing);
		m->count += missing;
	}
	if (c)
		seq_putc(m, c);
}

void seq_hex_dump(struct seq_file *m, const char *prefix_str, int prefix_type, int rowsize, int groupsize, const void *buf,
		  size_t len, bool ascii)
{
	size_t at;

	if (rowsize != 16 && rowsize != 32)
		rowsize = 16;
	for (at = 0; at < len && !seq_has_overflowed(m); at += rowsize) {
		size_t row = min_t(size_t, len - at, rowsize);
		int made;

		if (prefix_type == DUMP_PREFIX_ADDRESS)
			seq_printf(m, "%s%p: ", prefix_str, buf + at);
		else if (prefix_type == DUMP_PREFIX_OFFSET)
			seq_printf(m, "%s%.8x: ", prefix_str, (unsigned int)at);
		else
			seq_printf(m, "%s", prefix_str);
		made = hex_dump_to_buffer(buf + at, row, rowsize, groupsize, m->buf + m->count,
					  m->size > m->count ? m->size - m->count : 0, ascii);
		if (made >= m->size - m->count) {
			koi_seq_overflow(m);
		} else {
			m->count += made;
			seq_putc(m, '\n');
		}
	}
}

/* ---- lists as sequences ---- */
struct list_head *seq_list_start(struct list_head *head, loff_t pos)
{
	struct list_head *at;

	list_for_each(at, head)
		if (pos-- == 0)
			return at;
	return NULL;
}

struct list_head *seq_list_start_head(struct list_head *head, loff_t pos)
{
	return pos ? seq_list_start(head, pos - 1) : head;
}

struct list_head *seq_list_next(void *v, struct list_head *head, loff_t *ppos)
{
	struct list_head *next = ((struct list_head *)v)->next;

	++*ppos;
	return next == head ? NULL : next;
}

struct list_head *seq_list_start_rcu(struct list_head *head, loff_t pos)
{
	return seq_list_start(head, pos);
}

struct list_head *seq_list_start_head_rcu(struct list_head *head, loff_t pos)
{
	return seq_list_start_head(head, pos);
}

struct list_head *seq_list_next_rcu(void *v, struct list_head *head, loff_t *ppos)
{
	return seq_list_next(v, head, ppos);
}

struct hlist_node *seq_hlist_start(struct hlist_head *head, loff_t pos)
{
	struct hlist_node *at;

	hlist_for_each(at, head)
		if (pos-- == 0)
			return at;
	return NULL;
}

struct hlist_node *seq_hlist_start_head(struct hlist_head *head, loff_t pos)
{
	return pos ? seq_hlist_start(head, pos - 1) : SEQ_START_TOKEN;
}

struct hlist_node *seq_hlist_next(void *v, struct hlist_head *head, loff_t *ppos)
{
	++*ppos;
	return v == SEQ_START_TOKEN ? head->first : ((struct hlist_node *)v)->next;
}

struct hlist_node *seq_hlist_start_rcu(struct hlist_head *head, loff_t pos)
{
	return seq_hlist_start(head, pos);
}

struct hlist_node *seq_hlist_start_head_rcu(struct hlist_head *head, loff_t pos)
{
	return seq_hlist_start_head(head, pos);
}

struct hlist_node *seq_hlist_next_rcu(void *v, struct hlist_head *head, loff_t *ppos)
{
	return seq_hlist_next(v, head, ppos);
}
