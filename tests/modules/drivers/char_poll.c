// SPDX-License-Identifier: GPL-2.0-only
/* A character device with a wait queue, poll and blocking reads; what is written can be read again. */
#include <linux/fs.h>
#include <linux/kfifo.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#define SIZE 256

struct channel {
	struct mutex lock;
	wait_queue_head_t readers, writers;
	struct kfifo fifo;
};

static struct channel channel;

static ssize_t channel_read(struct file *file, char __user *to, size_t count, loff_t *position)
{
	unsigned int copied;
	int error;

	if (mutex_lock_interruptible(&channel.lock))
		return -ERESTARTSYS;
	while (kfifo_is_empty(&channel.fifo)) {
		mutex_unlock(&channel.lock);
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		if (*position)
			return 0;
		if (wait_event_interruptible(channel.readers, !kfifo_is_empty(&channel.fifo)))
			return -ERESTARTSYS;
		if (mutex_lock_interruptible(&channel.lock))
			return -ERESTARTSYS;
	}
	error = kfifo_to_user(&channel.fifo, to, count, &copied);
	mutex_unlock(&channel.lock);
	if (error)
		return error;
	*position += copied;
	wake_up_interruptible(&channel.writers);
	return copied;
}

static ssize_t channel_write(struct file *file, const char __user *from, size_t count, loff_t *position)
{
	unsigned int copied;
	int error;

	if (mutex_lock_interruptible(&channel.lock))
		return -ERESTARTSYS;
	error = kfifo_from_user(&channel.fifo, from, min_t(size_t, count, kfifo_avail(&channel.fifo)), &copied);
	mutex_unlock(&channel.lock);
	if (error)
		return error;
	wake_up_interruptible(&channel.readers);
	return copied ? copied : -ENOSPC;
}

static __poll_t channel_poll(struct file *file, poll_table *wait)
{
	__poll_t mask = 0;

	poll_wait(file, &channel.readers, wait);
	poll_wait(file, &channel.writers, wait);
	mutex_lock(&channel.lock);
	if (!kfifo_is_empty(&channel.fifo))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (!kfifo_is_full(&channel.fifo))
		mask |= EPOLLOUT | EPOLLWRNORM;
	mutex_unlock(&channel.lock);
	return mask;
}

static const struct file_operations channel_ops = {
	.owner = THIS_MODULE,
	.read = channel_read,
	.write = channel_write,
	.poll = channel_poll,
	.llseek = noop_llseek,
};

static struct miscdevice channel_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "channel",
	.fops = &channel_ops,
};

static int __init char_poll_init(void)
{
	int error;

	mutex_init(&channel.lock);
	init_waitqueue_head(&channel.readers);
	init_waitqueue_head(&channel.writers);
	error = kfifo_alloc(&channel.fifo, SIZE, GFP_KERNEL);
	if (error)
		return error;
	error = misc_register(&channel_device);
	if (error)
		kfifo_free(&channel.fifo);
	return error;
}

static void __exit char_poll_exit(void)
{
	misc_deregister(&channel_device);
	kfifo_free(&channel.fifo);
	pr_info("drivers: closed\n");
}

module_init(char_poll_init);
module_exit(char_poll_exit);

MODULE_LICENSE("GPL");
