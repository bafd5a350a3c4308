// SPDX-License-Identifier: GPL-2.0-only
/* task_struct: the fields that modules and inlined accessors read. Scheduling state proper is C++'s. */

static struct cred koi_root_cred = {
	.usage = ATOMIC_INIT(1 << 20),
	.cap_permitted = CAP_FULL_SET,
	.cap_effective = CAP_FULL_SET,
	.cap_bset = CAP_FULL_SET,
};
static struct group_info koi_no_groups;
static struct signal_struct koi_init_signals;
static struct sighand_struct koi_init_sighand;
struct nsproxy init_nsproxy;
struct mm_struct init_mm;
struct task_struct init_task __aligned(64);
struct cred init_cred __aligned(8);

static struct koi_task_block koi_init_block;	/* the parent of all processes; nothing of it runs */

/* Fills a zeroed task_struct. `stack` is the lowest address of its kernel stack. */
void koi_task_init(struct task_struct *t, int pid, const char *comm, void *stack, struct task_struct *parent,
		   int is_kthread)
{
	unsigned int i;

	t->pid = pid;
	t->tgid = pid;
	for (i = 0; i < TASK_COMM_LEN - 1 && comm[i]; i++)
		t->comm[i] = comm[i];
	t->stack = stack;
	t->flags = (is_kthread ? PF_KTHREAD : 0) | (pid == 0 ? PF_IDLE : 0);
	WRITE_ONCE(t->__state, TASK_RUNNING);
	t->prio = t->static_prio = t->normal_prio = 120;
	t->nr_cpus_allowed = nr_cpu_ids;
	t->cpus_ptr = &t->cpus_mask;
	t->user_cpus_ptr = NULL;
	cpumask_copy(&t->cpus_mask, &__cpu_possible_mask);
	t->real_cred = t->cred = &koi_root_cred;
	t->nsproxy = &init_nsproxy;
	t->signal = t == &init_task ? &koi_init_signals : &container_of(t, struct koi_task_block, task)->signal;
	t->sighand = &koi_init_sighand;
	t->group_leader = t;
	if (!is_kthread && t != &koi_init_block.task && t != &init_task)
		parent = &koi_init_block.task;
	t->real_parent = t->parent = parent ? parent : t;
	refcount_set(&t->usage, 1);
	refcount_set(&t->stack_refcount, 1);
	INIT_LIST_HEAD(&t->tasks);
	if (pid)
		list_add_tail(&t->tasks, &init_task.tasks);
	INIT_LIST_HEAD(&t->children);
	INIT_LIST_HEAD(&t->sibling);
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	INIT_LIST_HEAD(&t->thread_group);
#endif
	INIT_LIST_HEAD(&t->signal->thread_head);
	list_add_tail(&t->thread_node, &t->signal->thread_head);
	t->signal->nr_threads = 1;
	INIT_LIST_HEAD(&t->pending.list);
	spin_lock_init(&t->alloc_lock);
	raw_spin_lock_init(&t->pi_lock);
	t->active_mm = &init_mm;
	if (!is_kthread)
		t->mm = &init_mm;
	if (pid && t != &init_task)
		koi_pid_init(t);
}

/* The task that runs on the virtual CPU whose per-CPU area starts at `area`, as schedule() leaves it; the idle task
 * runs with a preempt count of 1. */
void koi_set_current(unsigned long area, struct task_struct *t, unsigned long stack_top)
{
	t->thread_info.cpu = ((struct cpuinfo_x86 *)(area + (unsigned long)&cpu_info))->cpu_index;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
	struct pcpu_hot *hot = (void *)(area + (unsigned long)&pcpu_hot);

	hot->current_task = t;
	hot->top_of_stack = stack_top;
	hot->preempt_count = PREEMPT_ENABLED + (t->pid == 0);
#else
	*(struct task_struct **)(area + (unsigned long)&current_task) = t;
	*(unsigned long *)(area + (unsigned long)&cpu_current_top_of_stack) = stack_top;
	*(int *)(area + (unsigned long)&__preempt_count) = PREEMPT_ENABLED + (t->pid == 0);
#endif
}

struct task_struct *koi_running_on(unsigned long area)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
	return ((struct pcpu_hot *)(area + (unsigned long)&pcpu_hot))->current_task;
#else
	return *(struct task_struct **)(area + (unsigned long)&current_task);
#endif
}

/* The preempt count of a virtual CPU: C++ reads and writes it there. */
int *koi_preempt_count_of(unsigned long area)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
	return &((struct pcpu_hot *)(area + (unsigned long)&pcpu_hot))->preempt_count;
#else
	return (int *)(area + (unsigned long)&__preempt_count);
#endif
}

/* One virtual CPU's per-CPU variables, after the initial image was copied to its area. */
void koi_percpu_init(unsigned int cpu, unsigned long area)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
	struct pcpu_hot *hot = (void *)(area + (unsigned long)&pcpu_hot);

	hot->cpu_number = cpu;
	hot->preempt_count = PREEMPT_ENABLED;
#else
	*(int *)(area + (unsigned long)&cpu_number) = cpu;
	*(int *)(area + (unsigned long)&__preempt_count) = PREEMPT_ENABLED;
#endif
	*(unsigned long *)(area + (unsigned long)&this_cpu_off) = area;
	__per_cpu_offset[cpu] = area;
	((struct cpuinfo_x86 *)(area + (unsigned long)&cpu_info))->cpu_index = cpu;
}

/* Once, before the first task: CPU masks, memory bases, the first task. */
struct koi_boot_facts {
	u64 cpus;
	u64 page_offset;
	u64 page_array;
	u64 vmalloc_start;
	u64 max_pfn;
	u64 tsc_khz;
};

void koi_core_init(const struct koi_boot_facts *facts)
{
	unsigned int cpu;

	nr_cpu_ids = facts->cpus;
	for (cpu = 0; cpu < facts->cpus; cpu++) {
		__set_bit(cpu, cpumask_bits(&__cpu_possible_mask));
		__set_bit(cpu, cpumask_bits(&__cpu_online_mask));
		__set_bit(cpu, cpumask_bits(&__cpu_present_mask));
		__set_bit(cpu, cpumask_bits(&__cpu_active_mask));
	}
	atomic_set(&__num_online_cpus, facts->cpus);
	page_offset_base = facts->page_offset;
	vmemmap_base = facts->page_array;
	vmalloc_base = facts->vmalloc_start;
	max_pfn = max_low_pfn = facts->max_pfn;
	high_memory = (void *)(facts->page_offset + (facts->max_pfn << PAGE_SHIFT));
	tsc_khz = cpu_khz = facts->tsc_khz;
	koi_paravirt_init();
	init_cred.usage = koi_root_cred.usage;
	init_nsproxy.uts_ns = &init_uts_ns;
	init_nsproxy.pid_ns_for_children = &init_pid_ns;
	koi_root_cred.user_ns = &init_user_ns;
	/* An atomic_t in 6.1, a refcount_t around one in 6.12. */
	atomic_set((atomic_t *)&koi_no_groups.usage, 1 << 20);
	koi_root_cred.group_info = init_cred.group_info = &koi_no_groups;
	init_cred.user_ns = &init_user_ns;
}
