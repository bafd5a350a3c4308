// SPDX-License-Identifier: GPL-2.0-only
/* Oopses in the operations of files: /proc/upcall, /proc/upcall_seq, debugfs, /dev/upcall, sysfs, parameters. */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/kobject.h>
#include <linux/miscdevice.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#include "upcall.h"

static int op_open(struct inode *inode, struct file *file) { OOPS_IF("open"); return 0; }
static int op_release(struct inode *inode, struct file *file) { OOPS_IF("release"); return 0; }
static ssize_t op_read(struct file *file, char __user *buf, size_t n, loff_t *pos) { OOPS_IF("read"); return 0; }
static ssize_t op_write(struct file *file, const char __user *buf, size_t n, loff_t *pos) { OOPS_IF("write"); return n; }

static const struct file_operations device_operations = {
	.owner = THIS_MODULE, .open = op_open, .release = op_release, .read = op_read, .write = op_write,
};
static struct miscdevice device = { .minor = MISC_DYNAMIC_MINOR, .name = "upcall", .fops = &device_operations };

static int proc_op_open(struct inode *inode, struct file *file) { OOPS_IF("proc_open"); return 0; }
static int proc_op_release(struct inode *inode, struct file *file) { OOPS_IF("proc_release"); return 0; }
static ssize_t proc_op_read(struct file *file, char __user *buf, size_t n, loff_t *pos) { OOPS_IF("proc_read"); return 0; }
static ssize_t proc_op_write(struct file *file, const char __user *buf, size_t n, loff_t *pos)
{
	OOPS_IF("proc_write");
	return n;
}
static const struct proc_ops proc_operations = {
	.proc_open = proc_op_open, .proc_release = proc_op_release, .proc_read = proc_op_read, .proc_write = proc_op_write,
};

static void *seq_op_start(struct seq_file *m, loff_t *pos) { OOPS_IF("seq_start"); return *pos < 2 ? pos : NULL; }
static void *seq_op_next(struct seq_file *m, void *v, loff_t *pos) { OOPS_IF("seq_next"); return ++*pos < 2 ? pos : NULL; }
static void seq_op_stop(struct seq_file *m, void *v) { OOPS_IF("seq_stop"); }
static int seq_op_show(struct seq_file *m, void *v) { OOPS_IF("seq_show"); seq_puts(m, "line\n"); return 0; }
static const struct seq_operations seq_ops = {
	.start = seq_op_start, .next = seq_op_next, .stop = seq_op_stop, .show = seq_op_show,
};
static int single(struct seq_file *m, void *v) { OOPS_IF("single_show"); return 0; }

static int number_get(void *data, u64 *value) { OOPS_IF("attribute_get"); return 0; }
static int number_set(void *data, u64 value) { OOPS_IF("attribute_set"); return 0; }
DEFINE_DEBUGFS_ATTRIBUTE(number, number_get, number_set, "%llu\n");
DEFINE_SIMPLE_ATTRIBUTE(simple_number, number_get, number_set, "%llu\n");

static ssize_t value_show(struct kobject *k, struct kobj_attribute *a, char *buf) { OOPS_IF("kobj_show"); return 0; }
static ssize_t value_store(struct kobject *k, struct kobj_attribute *a, const char *buf, size_t n)
{
	OOPS_IF("kobj_store");
	return n;
}
static struct kobj_attribute value = __ATTR_RW(value);
static struct kobject *directory;

static void object_release(struct kobject *k) { upcall_oops(); }
static const struct kobj_type object_type = { .release = object_release };
static struct kobject object;

static int parameter_set(const char *text, const struct kernel_param *p) { OOPS_IF("param_set"); return 0; }
static int parameter_get(char *buffer, const struct kernel_param *p) { OOPS_IF("param_get"); return 0; }
static const struct kernel_param_ops parameter_ops = { .set = parameter_set, .get = parameter_get };
module_param_cb(own, &parameter_ops, NULL, 0644);

static struct dentry *debug;

#include <linux/sysctl.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
static int sysctl_value(const struct ctl_table *entry, int write, void *buffer, size_t *length, loff_t *pos)
#else
static int sysctl_value(struct ctl_table *entry, int write, void *buffer, size_t *length, loff_t *pos)
#endif
{
	OOPS_IF("sysctl");
	*length = 0;
	return 0;
}

static struct ctl_table sysctl_entries[] = {
	{ .procname = "value", .mode = 0444, .proc_handler = sysctl_value },
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
	{}
#endif
};
static struct ctl_table_header *sysctl_header;

static int __init upcall_files_init(void)
{
	sysctl_header = register_sysctl("upcall", sysctl_entries);
	proc_create("upcall", 0644, NULL, &proc_operations);
	proc_create_seq("upcall_seq", 0444, NULL, &seq_ops);
	proc_create_single("upcall_single", 0444, NULL, single);
	debug = debugfs_create_file("upcall", 0644, NULL, NULL, &number);
	debugfs_create_file("upcall_simple", 0644, NULL, NULL, &simple_number);
	misc_register(&device);
	directory = kobject_create_and_add("upcall", kernel_kobj);
	if (directory && sysfs_create_file(directory, &value.attr))
		return -ENOMEM;
	if (KIND("kobject_release")) {
		kobject_init(&object, &object_type);
		kobject_put(&object);
	}
	return 0;
}

static void __exit upcall_files_exit(void)
{
	unregister_sysctl_table(sysctl_header);
}

module_init(upcall_files_init);
module_exit(upcall_files_exit);
MODULE_LICENSE("GPL");
