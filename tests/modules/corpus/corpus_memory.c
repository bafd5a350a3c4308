// SPDX-License-Identifier: GPL-2.0-only
/* Memory freed twice, never, wrongly or too early, accesses that no kernel survives; and the same done well. */
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/interrupt.h>
#include <linux/kobject.h>
#include <linux/kthread.h>
#include <linux/mempool.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>
#include <linux/timer.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>

#include "corpus.h"

static void *memory;
static volatile unsigned long zero;

CASE(kfree_twice) { void *p = kmalloc(64, GFP_KERNEL); kfree(p); kfree(p); }
CASE(kfree_once_ok) { void *p = kmalloc(64, GFP_KERNEL); kfree(p); p = NULL; kfree(p); }
CASE(kfree_of_the_stack) { char on_stack[64]; memory = on_stack; kfree(memory); }
CASE(kfree_of_a_global) { memory = (void *)&zero; kfree(memory); }
CASE(kfree_of_the_middle) { char *p = kmalloc(256, GFP_KERNEL); kfree(p + 32); }
CASE(kfree_sensitive_ok) { kfree_sensitive(kmalloc(256, GFP_KERNEL)); }

static void construct(void *object) { }
/* With a constructor they do not merge. */
static struct kmem_cache *cache(const char *name) { return kmem_cache_create(name, 200, 0, 0, construct); }
CASE(free_to_another_cache) { struct kmem_cache *c = cache("corpus_1"), *d = cache("corpus_2"); void *p = kmem_cache_alloc(c, GFP_KERNEL); kmem_cache_free(d, p); kmem_cache_destroy(d); kmem_cache_destroy(c); }
CASE(free_to_its_cache_ok) { struct kmem_cache *c = cache("corpus_1"), *d = cache("corpus_2"); void *p = kmem_cache_alloc(c, GFP_KERNEL); kmem_cache_free(c, p); kmem_cache_destroy(d); kmem_cache_destroy(c); }
CASE(destroy_with_objects) { struct kmem_cache *c = cache("corpus_1"); memory = kmem_cache_alloc(c, GFP_KERNEL); kmem_cache_destroy(c); }
CASE(destroy_empty_ok) { struct kmem_cache *c = cache("corpus_1"); kmem_cache_free(c, kmem_cache_alloc(c, GFP_KERNEL)); kmem_cache_destroy(c); }

CASE(kmalloc_leaked) { memory = kmalloc(100, GFP_KERNEL); }
CASE(pages_leaked) { memory = (void *)__get_free_pages(GFP_KERNEL, 2); }
CASE(pages_freed_ok) { free_pages(__get_free_pages(GFP_KERNEL, 2), 2); }
CASE(vmalloc_leaked) { memory = vmalloc(10000); }
CASE(vmalloc_freed_ok) { vfree(vmalloc(10000)); }
CASE(percpu_leaked) { memory = (void __force *)alloc_percpu(long); }
CASE(percpu_freed_ok) { free_percpu(alloc_percpu(long)); }

CASE(vfree_twice) { void *p = vmalloc(10000); vfree(p); vfree(p); }
CASE(vfree_unaligned) { memory = vmalloc(10000); vfree(memory + 1); vfree(memory); }
CASE(page_freed_twice) { unsigned long p = __get_free_page(GFP_KERNEL); free_page(p); free_page(p); }
CASE(kmalloc_of_a_negative_size) { volatile long n = -5; memory = kmalloc(n, GFP_KERNEL); }
CASE(kmalloc_too_large_nowarn_ok) { memory = kmalloc(KMALLOC_MAX_SIZE + 1 + zero, GFP_KERNEL | __GFP_NOWARN); kvfree(memory); }
CASE(pages_of_order_11) { memory = (void *)__get_free_pages(GFP_KERNEL, 11 + zero); }
CASE(pages_of_order_10_ok) { free_pages(__get_free_pages(GFP_KERNEL | __GFP_NOWARN, 10 + zero), 10); }

CASE(null_pointer) { int **p = (int **)zero; pr_info("%d\n", *(volatile int *)p); }
CASE(wild_pointer) { memory = (void *)(0xdead000000000100UL + zero); pr_info("%d\n", *(volatile int *)memory); }
static const int constant[4] = { 1, 2, 3, 4 };
CASE(write_to_rodata) { *(volatile int *)&constant[zero] = 5; }
CASE(write_to_data_ok) { zero = 0; }
CASE(call_of_data) { memory = (void *)&zero; ((void (*)(void))READ_ONCE(memory))(); }
CASE(call_of_null) { ((void (*)(void))zero)(); }
CASE(division_by_zero) { pr_info("%lu\n", 100 / zero); }
CASE(bug_on) { BUG_ON(zero == 0); }
CASE(bug_on_ok) { BUG_ON(zero != 0); }
CASE(warn_on) { WARN_ON(zero == 0); }
CASE(warn_on_ok) { WARN_ON(zero != 0); }
static noinline int deep(volatile char *p) { volatile char frame[512]; frame[0] = p[0]; return zero ? 1 : deep(frame) + frame[0]; }
CASE(stack_overflow) { char c = 0; pr_info("%d\n", deep(&c)); }
static noinline void smash(unsigned long n) { char frame[16], *p = frame; OPTIMIZER_HIDE_VAR(p); memset(p, 0x41, n + zero); barrier(); }
CASE(memset_too_long) { static char small[16]; memset(small, 0x41, 64 + zero); }
CASE(stack_smashed) { smash(64); }
CASE(stack_filled_ok) { smash(16); }

CASE(strcpy_too_long) { static char small[8]; static char text[32] = "much longer than that"; strcpy(small, text); }
CASE(strcpy_short_enough_ok) { static char small[8]; static char text[32] = "short"; strcpy(small, text); }

struct left { struct timer_list timer; wait_queue_entry_t wait; };

CASE(proc_entry_twice) { proc_mkdir("corpus", NULL); proc_mkdir("corpus", NULL); remove_proc_entry("corpus", NULL); }
CASE(proc_entry_once_ok) { proc_mkdir("corpus", NULL); remove_proc_entry("corpus", NULL); }
CASE(proc_remove_of_nothing) { remove_proc_entry("corpus_not_there", NULL); }
CASE(proc_entry_left) { proc_mkdir("corpus", NULL); }
static const struct file_operations fops = { .owner = THIS_MODULE };
CASE(chrdev_left) { if (register_chrdev(240, "corpus", &fops)) pr_err("corpus: no number\n"); }
CASE(chrdev_unregistered_ok) { if (!register_chrdev(240, "corpus", &fops)) unregister_chrdev(240, "corpus"); }
static struct miscdevice misc = { .minor = MISC_DYNAMIC_MINOR, .name = "corpus", .fops = &fops };
CASE(misc_left) { if (misc_register(&misc)) pr_err("corpus: no device\n"); }
CASE(misc_deregistered_ok) { if (!misc_register(&misc)) misc_deregister(&misc); }

static void no_release(struct kobject *k) { }
static const struct kobj_type type = { .release = no_release };
static struct kobject object;
CASE(kobject_put_uninitialised) { kobject_put(&object); }
CASE(kobject_initialised_twice) { kobject_init(&object, (void *)&type); kobject_init(&object, (void *)&type); }
CASE(kobject_put_ok) { kobject_init(&object, (void *)&type); kobject_put(&object); }

static irqreturn_t handle(int irq, void *dev) { return IRQ_NONE; }
CASE(irq_freed_twice) { if (!request_irq(6, handle, 0, "corpus", (void *)&zero)) { free_irq(6, (void *)&zero); free_irq(6, (void *)&zero); } }
CASE(irq_disabled_balance) { if (!request_irq(6, handle, 0, "corpus", (void *)&zero)) { enable_irq(6); free_irq(6, (void *)&zero); } }
CASE(irq_disabled_balanced_ok) { if (!request_irq(6, handle, 0, "corpus", (void *)&zero)) { disable_irq(6); enable_irq(6); free_irq(6, (void *)&zero); } }

static void fires(struct timer_list *t) { }
static DEFINE_TIMER(timer, fires);
CASE(timer_added_twice) { timer.expires = jiffies + 100; add_timer(&timer); add_timer(&timer); }
CASE(timer_modified_ok) { timer.expires = jiffies + 100; add_timer(&timer); mod_timer(&timer, jiffies + 200); del_timer_sync(&timer); }
static void waits_for_itself(struct timer_list *t) { module_put(THIS_MODULE); }
static DEFINE_TIMER(putting_timer, waits_for_itself);
CASE(module_put_once_too_often) { mod_timer(&putting_timer, jiffies + 1); msleep(20); module_put(THIS_MODULE); module_put(THIS_MODULE); }
CASE(module_get_and_put_ok) { if (try_module_get(THIS_MODULE)) module_put(THIS_MODULE); }

static DECLARE_WAIT_QUEUE_HEAD(queue);
CASE(wait_entry_removed_ok) { struct left *l = kzalloc(sizeof(*l), GFP_KERNEL); init_waitqueue_entry(&l->wait, current); add_wait_queue(&queue, &l->wait); remove_wait_queue(&queue, &l->wait); kfree(l); }
CASE(ida_freed_ok) { static DEFINE_IDA(ida); int id = ida_alloc(&ida, GFP_KERNEL); if (id >= 0) ida_free(&ida, id); ida_destroy(&ida); }
CASE(ida_free_unallocated) { static DEFINE_IDA(ida); ida_free(&ida, 3); }

static const struct corpus_case rows[] = {
	ROW(kfree_twice), ROW(kfree_once_ok), ROW(kfree_of_the_stack), ROW(kfree_of_a_global), ROW(kfree_of_the_middle), ROW(kfree_sensitive_ok),
	ROW(free_to_another_cache), ROW(free_to_its_cache_ok), ROW(destroy_with_objects), ROW(destroy_empty_ok), ROW(kmalloc_leaked),
	ROW(pages_leaked), ROW(pages_freed_ok), ROW(vmalloc_leaked), ROW(vmalloc_freed_ok), ROW(percpu_leaked), ROW(percpu_freed_ok),
	ROW(vfree_twice), ROW(vfree_unaligned), ROW(page_freed_twice), ROW(kmalloc_of_a_negative_size), ROW(kmalloc_too_large_nowarn_ok), ROW(pages_of_order_11),
	ROW(pages_of_order_10_ok), ROW(null_pointer), ROW(wild_pointer), ROW(write_to_rodata), ROW(write_to_data_ok), ROW(call_of_data),
	ROW(call_of_null), ROW(division_by_zero), ROW(bug_on), ROW(bug_on_ok), ROW(warn_on), ROW(warn_on_ok), ROW(stack_overflow),
	ROW(memset_too_long), ROW(stack_smashed), ROW(stack_filled_ok), ROW(strcpy_too_long), ROW(strcpy_short_enough_ok), ROW(proc_entry_twice),
	ROW(proc_entry_once_ok), ROW(proc_remove_of_nothing), ROW(proc_entry_left), ROW(chrdev_left), ROW(chrdev_unregistered_ok), ROW(misc_left),
	ROW(misc_deregistered_ok), ROW(kobject_put_uninitialised), ROW(kobject_initialised_twice), ROW(kobject_put_ok), ROW(irq_freed_twice),
	ROW(irq_disabled_balance), ROW(irq_disabled_balanced_ok), ROW(timer_added_twice), ROW(timer_modified_ok),
	ROW(module_put_once_too_often), ROW(module_get_and_put_ok), ROW(wait_entry_removed_ok),
	ROW(ida_freed_ok), ROW(ida_free_unallocated),
};

CORPUS(rows);
