// SPDX-License-Identifier: GPL-2.0-only
/* Exported data with the real types. What depends on the run (addresses, CPU count, seed) C++ writes at boot. */

/* ---- per-CPU ---- */
#if __has_include(<asm/current.h>) && LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
DEFINE_PER_CPU_ALIGNED(struct pcpu_hot, pcpu_hot);
/* The linker script of the kernel makes this alias; here both are places of the same variable: see module.c. */
asm(".globl const_pcpu_hot\n\t.set const_pcpu_hot, pcpu_hot");
#else
DEFINE_PER_CPU(struct task_struct *, current_task);
DEFINE_PER_CPU(int, __preempt_count);
DEFINE_PER_CPU_READ_MOSTLY(int, cpu_number);
DEFINE_PER_CPU(unsigned long, cpu_current_top_of_stack);
#endif
DEFINE_PER_CPU_READ_MOSTLY(unsigned long, this_cpu_off);
DEFINE_PER_CPU(int, numa_node);
DEFINE_PER_CPU_READ_MOSTLY(struct cpuinfo_x86, cpu_info);
DEFINE_PER_CPU(struct kernel_cpustat, kernel_cpustat);
DEFINE_PER_CPU(struct kernel_stat, kstat);

unsigned long __per_cpu_offset[NR_CPUS];

/* ---- CPUs and nodes ---- */
struct cpumask __cpu_possible_mask, __cpu_online_mask, __cpu_present_mask, __cpu_active_mask, __cpu_dying_mask;
atomic_t __num_online_cpus = ATOMIC_INIT(1);
unsigned int nr_cpu_ids = NR_CPUS;
const DECLARE_BITMAP(cpu_all_bits, NR_CPUS) = CPU_BITS_ALL;
nodemask_t node_states[NR_NODE_STATES];
unsigned int nr_node_ids = 1;
unsigned int nr_online_nodes = 1;
struct cpuinfo_x86 boot_cpu_data;

/* ---- memory layout: what the inlined address arithmetic reads ---- */
unsigned long phys_base;
unsigned long page_offset_base;
unsigned long vmalloc_base;
unsigned long vmemmap_base;
unsigned long empty_zero_page[PAGE_SIZE / sizeof(unsigned long)] __aligned(PAGE_SIZE);
unsigned long max_pfn, max_low_pfn, min_low_pfn;
u64 physical_mask = ((1ULL << 46) - 1);
#ifdef CONFIG_AMD_MEM_ENCRYPT
u64 sme_me_mask;	/* memory is not encrypted */
#endif
unsigned int pgdir_shift = 39;
unsigned int ptrs_per_p4d = 1;
unsigned int __pgtable_l5_enabled;
pteval_t __default_kernel_pte_mask = ~0UL;
pteval_t __supported_pte_mask = ~0UL;
void *high_memory;

/* C++ writes the caches' handles here; modules' inlined kmalloc reads them. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
kmem_buckets kmalloc_caches[NR_KMALLOC_TYPES];
#else
struct kmem_cache *kmalloc_caches[NR_KMALLOC_TYPES][KMALLOC_SHIFT_HIGH + 1];
#endif

/* ---- time ---- */
/* jiffies and jiffies_64 are one variable, as the kernel's linker script makes them. Modules get another address for
 * `jiffies`: a page whose reads trap. */
u64 jiffies_64 __cacheline_aligned = INITIAL_JIFFIES;
asm(".globl jiffies\n\t.set jiffies, jiffies_64");
unsigned long loops_per_jiffy = 1 << 12;
unsigned int tsc_khz = 2000000;
unsigned int cpu_khz = 2000000;

/* ---- state words ---- */
enum system_states system_state = SYSTEM_RUNNING;
int panic_timeout;
int panic_on_warn;
int oops_in_progress;
int console_printk[4] = { 7, 4, 1, 7 };
char *saved_command_line;
struct uts_namespace init_uts_ns = {
	.name = {
		.sysname = "Linux",
		.nodename = "koi",
		.release = UTS_RELEASE,
#ifdef UTS_VERSION
		.version = UTS_VERSION,
#endif
		.machine = UTS_MACHINE,
		.domainname = "(none)",
	},
};
struct user_namespace init_user_ns;
struct pid_namespace init_pid_ns;
struct resource ioport_resource = { .name = "PCI IO", .start = 0, .end = 0xffff, .flags = IORESOURCE_IO };
struct resource iomem_resource = { .name = "PCI mem", .start = 0, .end = -1, .flags = IORESOURCE_MEM };
