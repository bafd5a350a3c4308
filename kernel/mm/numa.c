// SPDX-License-Identifier: GPL-2.0-only
/* NUMA nodes as modules see them: masks, which node a CPU belongs to, distances. Where pages come from is C++. */
#include <linux/topology.h>

DEFINE_PER_CPU(int, x86_cpu_to_node_map) = NUMA_NO_NODE;
cpumask_var_t node_to_cpumask_map[MAX_NUMNODES];

static struct cpumask koi_node_cpus[KOI_MAX_NODES];

/* After the CPUs' areas are there. `node_of_cpu`: by CPU. */
void koi_numa_init(const u32 *node_of_cpu)
{
	unsigned int cpu, nid;

	nr_node_ids = nr_online_nodes = koi_nodes;
	for (nid = 0; nid < koi_nodes; nid++) {
		__set_bit(nid, node_states[N_POSSIBLE].bits);
		__set_bit(nid, node_states[N_ONLINE].bits);
		__set_bit(nid, node_states[N_NORMAL_MEMORY].bits);
		__set_bit(nid, node_states[N_MEMORY].bits);
#ifdef CONFIG_CPUMASK_OFFSTACK
		node_to_cpumask_map[nid] = &koi_node_cpus[nid];
#endif
	}
	for_each_possible_cpu(cpu) {
		nid = node_of_cpu[cpu];
		per_cpu(numa_node, cpu) = nid;
		per_cpu(x86_cpu_to_node_map, cpu) = nid;
		__set_bit(nid, node_states[N_CPU].bits);
		__set_bit(cpu, cpumask_bits(&koi_node_cpus[nid]));
#ifndef CONFIG_CPUMASK_OFFSTACK
		__set_bit(cpu, cpumask_bits(node_to_cpumask_map[nid]));
#endif
	}
}

int __node_distance(int from, int to)
{
	return from == to ? LOCAL_DISTANCE : REMOTE_DISTANCE;
}

/* Every node is online. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
int numa_nearest_node(int node, unsigned int state)
{
	if (state >= NR_NODE_STATES)
		return -EINVAL;
	if (node == NUMA_NO_NODE || node_state(node, state))
		return node;
	return first_node(node_states[state]);
}
#else
int numa_map_to_online_node(int node)
{
	return node == NUMA_NO_NODE || node_online(node) ? node : 0;
}
#endif

int memory_add_physaddr_to_nid(u64 start)
{
	return koi_nid_of(start >> PAGE_SHIFT);
}

/* The i-th of the online CPUs in `cpus`, those of `node` first. */
static unsigned int nth_cpu(const struct cpumask *cpus, unsigned int i, int node)
{
	bool at_home = node >= 0 && node < koi_nodes;
	unsigned int cpu;

	for_each_cpu_and(cpu, cpus, cpu_online_mask) {
		if (at_home && !cpumask_test_cpu(cpu, &koi_node_cpus[node]))
			continue;
		if (i-- == 0)
			return cpu;
	}
	if (!at_home)
		return nr_cpu_ids;
	for_each_cpu_and(cpu, cpus, cpu_online_mask) {
		if (!cpumask_test_cpu(cpu, &koi_node_cpus[node]) && i-- == 0)
			return cpu;
	}
	return nr_cpu_ids;
}

unsigned int cpumask_local_spread(unsigned int i, int node)
{
	return nth_cpu(cpu_online_mask, i % num_online_cpus(), node);
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
int sched_numa_find_nth_cpu(const struct cpumask *cpus, int cpu, int node)
{
	return nth_cpu(cpus, cpu, node);
}

/* Every other node is one hop away. */
const struct cpumask *sched_numa_hop_mask(unsigned int node, unsigned int hops)
{
	if (node >= koi_nodes || hops >= (koi_nodes > 1 ? 2 : 1))
		return ERR_PTR(-EINVAL);
	return hops == 0 ? &koi_node_cpus[node] : cpu_online_mask;
}
#endif
