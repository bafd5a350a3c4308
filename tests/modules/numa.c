// SPDX-License-Identifier: GPL-2.0-only
/* Which node memory comes from, as a module on a machine with several nodes sees it. */
#include <linux/module.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/percpu.h>
#include <linux/kthread.h>
#include <linux/topology.h>
#include <linux/completion.h>
#include <linux/delay.h>

static char *how = "all";
module_param(how, charp, 0444);

static struct completion done;

static int nid_of(const void *p)
{
	return p ? page_to_nid(virt_to_page(p)) : -1;
}

static void masks(void)
{
	int node, cpu;

	pr_info("nodes: %u ids, %d online, %*pbl have memory, %*pbl have CPUs\n", nr_node_ids, num_online_nodes(),
		nodemask_pr_args(&node_states[N_MEMORY]), nodemask_pr_args(&node_states[N_CPU]));
	for_each_online_node(node) {
		pr_info("node %d: CPUs %*pbl, distance to 0 %d, zones %d, starts at %lu, %lu present\n", node,
			cpumask_pr_args(cpumask_of_node(node)), node_distance(node, 0), NODE_DATA(node)->nr_zones,
			NODE_DATA(node)->node_start_pfn, node_present_pages(node));
	}
	for_each_online_cpu(cpu)
		pr_info("cpu %d: node %d, spread %u\n", cpu, cpu_to_node(cpu), cpumask_local_spread(cpu, 1));
}

/* On every CPU: whatever is not asked for otherwise comes from the CPU's own node. */
static int on_cpu(void *unused)
{
	struct page *page = alloc_page(GFP_KERNEL);
	void *object = kmalloc(1000, GFP_KERNEL), *large = kmalloc(100000, GFP_KERNEL), *area = vmalloc(5000);

	pr_info("cpu %d: numa_node_id %d, page %d, object %d, large %d, vmalloc %d\n", raw_smp_processor_id(),
		numa_node_id(), page_to_nid(page), nid_of(object), nid_of(large), page_to_nid(vmalloc_to_page(area)));
	__free_page(page);
	kfree(object);
	kfree(large);
	vfree(area);
	complete(&done);
	return 0;
}

static void from_each_cpu(void)
{
	int cpu;

	for_each_online_cpu(cpu) {
		struct task_struct *t = kthread_create_on_node(on_cpu, NULL, cpu_to_node(cpu), "on%d", cpu);

		if (IS_ERR(t))
			return;
		kthread_bind(t, cpu);
		init_completion(&done);
		wake_up_process(t);
		wait_for_completion(&done);
	}
}

static void asked_for(void)
{
	struct kmem_cache *cache = kmem_cache_create("numa_objects", 300, 0, 0, NULL);
	int node;

	for_each_online_node(node) {
		struct page *page = alloc_pages_node(node, GFP_KERNEL, 2);
		void *small = kmalloc_node(64, GFP_KERNEL, node), *object = kmem_cache_alloc_node(cache, GFP_KERNEL, node);
		void *large = kmalloc_node(50000, GFP_KERNEL, node), *area = vmalloc_node(9000, node);
		void *either = kvmalloc_node(300000, GFP_KERNEL, node);

		pr_info("node %d: page %d, small %d, object %d, large %d, vmalloc %d, kvmalloc %d\n", node,
			page_to_nid(page), nid_of(small), nid_of(object), nid_of(large),
			page_to_nid(vmalloc_to_page(area)),
			is_vmalloc_addr(either) ? page_to_nid(vmalloc_to_page(either)) : nid_of(either));
		pr_info("node %d: zone %s of node %d\n", node, page_zone(page)->name, page_zone(page)->zone_pgdat->node_id);
		__free_pages(page, 2);
		kfree(small);
		kmem_cache_free(cache, object);
		kfree(large);
		vfree(area);
		kvfree(either);
	}
	kmem_cache_destroy(cache);
}

/* Blocks of one node only, until it has no more; then from wherever there is memory. */
static void to_the_end(void)
{
	struct page *page, *first = NULL;
	int node = num_online_nodes() - 1;
	unsigned long count = 0;

	while ((page = alloc_pages_node(node, GFP_KERNEL | __GFP_THISNODE | __GFP_NOWARN | __GFP_NORETRY, 4))) {
		if (page_to_nid(page) != node)
			pr_err("a page of node %d\n", page_to_nid(page));
		page->private = (unsigned long)first;
		first = page;
		count++;
	}
	pr_info("node %d: more than half: %d\n", node, count > node_present_pages(node) / 32);
	page = alloc_pages_node(node, GFP_KERNEL, 4);
	pr_info("node %d: then from node %d\n", node, page ? page_to_nid(page) : -1);
	if (page)
		__free_pages(page, 4);
	while (first) {
		page = first;
		first = (struct page *)page->private;
		__free_pages(page, 4);
	}
}

static int __init numa_init(void)
{
	if (!strcmp(how, "nonode")) {
		/* volatile: gcc must not see that there is no such node. */
		volatile int node = 7;

		pr_info("object on a node that is not there: %d\n", nid_of(kmalloc_node(100, GFP_KERNEL, node)) >= 0);
		pr_info("page on it: %p\n", alloc_pages_node(node, GFP_KERNEL, 0));
		return 0;
	}
	masks();
	from_each_cpu();
	asked_for();
	to_the_end();
	return 0;
}

static void __exit numa_exit(void)
{
	pr_info("numa: bye\n");
}

module_init(numa_init);
module_exit(numa_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Memory by node");
