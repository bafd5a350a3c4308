// SPDX-License-Identifier: GPL-2.0-only
/* Parameters with rules of their own, read under the parameter lock by a work. */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/workqueue.h>

static int limit = 10;
static char name[16] = "none";
static atomic_t reads = ATOMIC_INIT(0);

static int limit_set(const char *value, const struct kernel_param *kp)
{
	int n, error = kstrtoint(value, 0, &n);

	if (error)
		return error;
	if (n < 1 || n > 100)
		return -EINVAL;
	return param_set_int(value, kp);
}

static const struct kernel_param_ops limit_ops = { .set = limit_set, .get = param_get_int };
module_param_cb(limit, &limit_ops, &limit, 0644);
module_param_string(name, name, sizeof(name), 0644);

static void read_limit(struct work_struct *unused);
static DECLARE_DELAYED_WORK(work, read_limit);

static void read_limit(struct work_struct *unused)
{
	int now;

	kernel_param_lock(THIS_MODULE);
	now = limit;
	kernel_param_unlock(THIS_MODULE);
	if (now >= 1 && now <= 100)
		atomic_inc(&reads);
	schedule_delayed_work(&work, 1);
}

static int __init param_limits_init(void)
{
	schedule_delayed_work(&work, 0);
	return 0;
}

static void __exit param_limits_exit(void)
{
	msleep(50);
	cancel_delayed_work_sync(&work);
	pr_info("drivers: %s\n", atomic_read(&reads) ? "read" : "not read");
}

module_init(param_limits_init);
module_exit(param_limits_exit);

MODULE_LICENSE("GPL");
