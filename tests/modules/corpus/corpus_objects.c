// SPDX-License-Identifier: GPL-2.0-only
/* Kernel objects registered twice, never taken back or given up too often: kobjects, devices, notifiers, threads; and done well. */
#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/kobject.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/notifier.h>
#include <linux/proc_fs.h>
#include <linux/reboot.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include <linux/timer.h>
#include <linux/vmalloc.h>

#include "corpus.h"

CASE(kobject_named_twice) { struct kobject *k = kobject_create_and_add("corpus", kernel_kobj), *l = kobject_create_and_add("corpus", kernel_kobj); kobject_put(l); kobject_put(k); }
CASE(kobject_named_once_ok) { struct kobject *k = kobject_create_and_add("corpus", kernel_kobj); kobject_put(k); k = kobject_create_and_add("corpus", kernel_kobj); kobject_put(k); }
CASE(kobject_left) { if (!kobject_create_and_add("corpus_left", kernel_kobj)) pr_err("corpus: none\n"); }
static void no_release(struct kobject *k) { }
static const struct kobj_type type = { .release = no_release };
static struct kobject object;
CASE(kobject_without_a_name) { kobject_init(&object, (void *)&type); if (!kobject_add(&object, NULL, "%s", "")) pr_err("corpus: added\n"); }
CASE(kobject_put_too_often) { kobject_init(&object, (void *)&type); kobject_put(&object); kobject_put(&object); }
CASE(kobject_get_and_put_ok) { kobject_init(&object, (void *)&type); kobject_get(&object); kobject_put(&object); kobject_put(&object); }
static struct kobject without_type;
CASE(kobject_without_a_type) { kobject_init(&without_type, NULL); }

static struct device device;
CASE(device_without_release) { device_initialize(&device); dev_set_name(&device, "corpus"); if (!device_add(&device)) device_unregister(&device); }
static void device_done(struct device *d) { }
CASE(device_with_release_ok) { device_initialize(&device); device.release = device_done; dev_set_name(&device, "corpus"); if (!device_add(&device)) device_unregister(&device); }

static ssize_t value_show(struct kobject *k, struct kobj_attribute *attr, char *buf) { return sysfs_emit(buf, "1\n"); }
static struct kobj_attribute value = __ATTR_RO(value);
CASE(attribute_twice) { struct kobject *k = kobject_create_and_add("corpus", kernel_kobj); if (sysfs_create_file(k, &value.attr) || !sysfs_create_file(k, &value.attr)) pr_err("corpus: not so\n"); kobject_put(k); }
CASE(attribute_once_ok) { struct kobject *k = kobject_create_and_add("corpus", kernel_kobj); if (!sysfs_create_file(k, &value.attr)) sysfs_remove_file(k, &value.attr); kobject_put(k); }

CASE(debugfs_twice) { struct dentry *d = debugfs_create_dir("corpus", NULL); debugfs_create_dir("corpus", NULL); debugfs_remove(d); }
CASE(debugfs_once_ok) { struct dentry *d = debugfs_create_dir("corpus", NULL); debugfs_remove(d); }
CASE(debugfs_left) { debugfs_create_dir("corpus_left", NULL); }

CASE(proc_in_no_directory) { proc_mkdir("corpus/below", NULL); }
CASE(proc_in_a_directory_ok) { struct proc_dir_entry *d = proc_mkdir("corpus", NULL); proc_mkdir("below", d); remove_proc_subtree("corpus", NULL); }

static int noted(struct notifier_block *n, unsigned long action, void *data) { return NOTIFY_DONE; }
static struct notifier_block note = { .notifier_call = noted };
static BLOCKING_NOTIFIER_HEAD(chain);
CASE(notifier_twice) { blocking_notifier_chain_register(&chain, &note); blocking_notifier_chain_register(&chain, &note); }
CASE(notifier_once_ok) { blocking_notifier_chain_register(&chain, &note); blocking_notifier_call_chain(&chain, 1, NULL); blocking_notifier_chain_unregister(&chain, &note); }
CASE(reboot_notifier_left) { register_reboot_notifier(&note); }
CASE(reboot_notifier_taken_back_ok) { register_reboot_notifier(&note); unregister_reboot_notifier(&note); }
CASE(module_notifier_left) { register_module_notifier(&note); }
CASE(module_notifier_taken_back_ok) { register_module_notifier(&note); unregister_module_notifier(&note); }

static int waits_to_stop(void *unused) { while (!kthread_should_stop()) schedule_timeout_interruptible(HZ); return 0; }
CASE(thread_stopped_twice) { struct task_struct *t = kthread_run(waits_to_stop, NULL, "corpus"); get_task_struct(t); kthread_stop(t); kthread_stop(t); put_task_struct(t); }
static int ends(void *unused) { return 0; }
CASE(thread_stopped_after_its_end_ok) { struct task_struct *t = kthread_create(ends, NULL, "corpus"); get_task_struct(t); wake_up_process(t); msleep(20); kthread_stop(t); put_task_struct(t); }
CASE(bind_of_a_running_thread) { struct task_struct *t = kthread_run(waits_to_stop, NULL, "corpus"); msleep(20); kthread_bind(t, 0); kthread_stop(t); }
CASE(bind_of_a_new_thread_ok) { struct task_struct *t = kthread_create(waits_to_stop, NULL, "corpus"); kthread_bind(t, 0); wake_up_process(t); kthread_stop(t); }
CASE(negative_timeout) { set_current_state(TASK_INTERRUPTIBLE); schedule_timeout(-5); }
CASE(endless_timeout_ok) { DECLARE_COMPLETION_ONSTACK(done); complete(&done); wait_for_completion_timeout(&done, MAX_SCHEDULE_TIMEOUT); }

static LIST_HEAD(list);
static struct list_head entry;
CASE(list_del_uninitialised) { entry.next = &list; entry.prev = &list; list_del(&entry); }
CASE(list_del_added_ok) { list_add(&entry, &list); list_del(&entry); }
CASE(list_head_overwritten) { list.prev = &entry; list_add_tail(&entry, &list); }

static struct kmem_cache *cache;
static void construct(void *object) { }
static void fires(struct timer_list *t) { }
static enum hrtimer_restart rings(struct hrtimer *t) { return HRTIMER_NORESTART; }
struct armed { struct timer_list timer; struct hrtimer hrtimer; };
static void arm(struct armed *o) { timer_setup(&o->timer, fires, 0); mod_timer(&o->timer, jiffies + 100); }
static void arm_high(struct armed *o) { hrtimer_init(&o->hrtimer, CLOCK_MONOTONIC, HRTIMER_MODE_REL); o->hrtimer.function = rings; hrtimer_start(&o->hrtimer, ms_to_ktime(500), HRTIMER_MODE_REL); }
CASE(armed_timer_in_a_freed_object) { struct armed *o; cache = kmem_cache_create("corpus", sizeof(*o), 0, 0, construct); o = kmem_cache_alloc(cache, GFP_KERNEL); arm(o); kmem_cache_free(cache, o); kmem_cache_destroy(cache); }
CASE(deleted_timer_in_a_freed_object_ok) { struct armed *o; cache = kmem_cache_create("corpus", sizeof(*o), 0, 0, construct); o = kmem_cache_alloc(cache, GFP_KERNEL); arm(o); del_timer_sync(&o->timer); kmem_cache_free(cache, o); kmem_cache_destroy(cache); }
CASE(armed_hrtimer_in_freed_pages) { struct armed *o = (void *)__get_free_page(GFP_KERNEL); arm_high(o); free_page((unsigned long)o); }
CASE(cancelled_hrtimer_in_freed_pages_ok) { struct armed *o = (void *)__get_free_page(GFP_KERNEL); arm_high(o); hrtimer_cancel(&o->hrtimer); free_page((unsigned long)o); }
CASE(armed_timer_in_a_freed_area) { struct armed *o = vmalloc(sizeof(*o)); arm(o); vfree(o); }
CASE(deleted_timer_in_a_freed_area_ok) { struct armed *o = vmalloc(sizeof(*o)); arm(o); del_timer_sync(&o->timer); vfree(o); }

static void does_nothing(struct tasklet_struct *t) { }
static DECLARE_TASKLET(quiet_tasklet, does_nothing);
CASE(tasklet_killed_ok) { tasklet_schedule(&quiet_tasklet); tasklet_kill(&quiet_tasklet); }

static const struct corpus_case rows[] = {
	ROW(kobject_named_twice), ROW(kobject_named_once_ok), ROW(kobject_left), ROW(kobject_without_a_name), ROW(kobject_put_too_often),
	ROW(kobject_get_and_put_ok), ROW(kobject_without_a_type), ROW(device_without_release), ROW(device_with_release_ok), ROW(attribute_twice),
	ROW(attribute_once_ok), ROW(debugfs_twice), ROW(debugfs_once_ok), ROW(debugfs_left), ROW(proc_in_no_directory), ROW(proc_in_a_directory_ok),
	ROW(notifier_twice), ROW(notifier_once_ok), ROW(reboot_notifier_left), ROW(reboot_notifier_taken_back_ok), ROW(module_notifier_left),
	ROW(module_notifier_taken_back_ok), ROW(thread_stopped_twice), ROW(thread_stopped_after_its_end_ok),
	ROW(bind_of_a_running_thread), ROW(bind_of_a_new_thread_ok), ROW(negative_timeout), ROW(endless_timeout_ok), ROW(list_del_uninitialised),
	ROW(list_del_added_ok), ROW(list_head_overwritten), ROW(armed_timer_in_a_freed_object), ROW(deleted_timer_in_a_freed_object_ok),
	ROW(armed_hrtimer_in_freed_pages), ROW(cancelled_hrtimer_in_freed_pages_ok), ROW(armed_timer_in_a_freed_area),
	ROW(deleted_timer_in_a_freed_area_ok), ROW(tasklet_killed_ok),
};

CORPUS(rows);
