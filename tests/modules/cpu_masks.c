// SPDX-License-Identifier: GPL-2.0-only
/* Sets of CPUs and of nodes. */
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/srcu.h>
#include <linux/version.h>
#include <linux/workqueue.h>

#define P(format, ...) pr_info(format "\n", ##__VA_ARGS__)

static void test(void)
{
	cpumask_var_t m;
	nodemask_t n = NODE_MASK_NONE;
	int c, k = 0;
	P("alloc %d", alloc_cpumask_var(&m, GFP_KERNEL));
	cpumask_clear(m);
	cpumask_set_cpu(1, m);
	cpumask_set_cpu(5, m);
	P("%*pbl w %u first %u last %u next %u", cpumask_pr_args(m), cpumask_weight(m), cpumask_first(m),
	  cpumask_last(m), cpumask_next(1, m));
	P("and %u", cpumask_any_and(m, cpumask_of(1)));
	P("but %u", cpumask_any_but(m, 1));
	P("parse %d", cpulist_parse("0-3,7", m));
	P("%*pbl", cpumask_pr_args(m));
	P("hex %d %*pb", cpumask_parse("f0", m), cpumask_pr_args(m));
	for_each_cpu(c, m) k += c;
	P("k %d", k);
	P("spread %u %u", cpumask_local_spread(0, -1) < nr_cpu_ids, cpumask_local_spread(1, -1) < nr_cpu_ids);
	P("sub %d eq %d int %d", cpumask_subset(cpumask_of(4), m), cpumask_equal(m, m),
	  cpumask_intersects(m, cpumask_of(1)));
	cpumask_andnot(m, m, cpumask_of(4));
	P("%*pbl", cpumask_pr_args(m));
	cpumask_xor(m, m, cpumask_of(4));
	cpumask_shift_left(m, m, 1);
	P("%*pbl", cpumask_pr_args(m));
	P("t %d", cpumask_test_and_clear_cpu(0, m));
	P("wrap %d", cpumask_next_wrap(1, cpu_online_mask, 1, false) <= nr_cpu_ids);
	P("dist %d", cpumask_any_distribute(cpu_online_mask) < nr_cpu_ids);
	P("anddist %d", cpumask_any_and_distribute(cpu_online_mask, cpumask_of(1)) == 1);
	P("nth %u", cpumask_nth(1, cpu_online_mask));
	free_cpumask_var(m);
	node_set(0, n);
	P("%*pbl w %d f %d", nodemask_pr_args(&n), nodes_weight(n), first_node(n));
	P("on %d st %d", num_online_nodes(), node_state(0, N_MEMORY));
	P("node %d", cpu_to_node(0));
}

static int __init cpu_masks_init(void)
{
	test();
	return 0;
}

static void __exit cpu_masks_exit(void)
{
}

module_init(cpu_masks_init);
module_exit(cpu_masks_exit);
MODULE_LICENSE("GPL");
