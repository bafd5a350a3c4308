// SPDX-License-Identifier: GPL-2.0-only
/*
 * pv_ops: interrupt-flag operations of modules are indirect calls through this table (PARAVIRT_XXL). The flag is a word
 * of the GS area (gs:0), so that each virtual CPU has its own. Callee-save slots keep every register but rax.
 */

asm(".pushsection .text, \"ax\"\n"
    ".globl koi_save_fl\n\t.type koi_save_fl, @function\n"
    "koi_save_fl:\n\tmov %gs:0, %rax\n\tret\n\t.size koi_save_fl, . - koi_save_fl\n"
    ".globl koi_irq_disable\n\t.type koi_irq_disable, @function\n"
    "koi_irq_disable:\n\tmovq $0, %gs:0\n\tret\n\t.size koi_irq_disable, . - koi_irq_disable\n"
    ".globl koi_irq_enable\n\t.type koi_irq_enable, @function\n"
    "koi_irq_enable:\n\tmovq $0x200, %gs:0\n\tret\n\t.size koi_irq_enable, . - koi_irq_enable\n"
    ".globl koi_pv_identity\n\t.type koi_pv_identity, @function\n"
    "koi_pv_identity:\n\tmov %rdi, %rax\n\tret\n\t.size koi_pv_identity, . - koi_pv_identity\n"
    ".globl koi_pv_false\n\t.type koi_pv_false, @function\n"
    "koi_pv_false:\n\txor %eax, %eax\n\tret\n\t.size koi_pv_false, . - koi_pv_false\n"
    ".globl koi_queued_spin_unlock\n\t.type koi_queued_spin_unlock, @function\n"
    "koi_queued_spin_unlock:\n\tmovb $0, (%rdi)\n\tret\n\t.size koi_queued_spin_unlock, . - koi_queued_spin_unlock\n"
    ".popsection");

void koi_save_fl(void);
void koi_irq_disable(void);
void koi_irq_enable(void);
void koi_pv_identity(void);
void koi_pv_false(void);
void koi_queued_spin_unlock(void);
void koi_queued_spin_lock_slowpath(struct qspinlock *lock, u32 val);

static void pv_unsupported(void)
{
	koi_unsupported("a privileged operation (pv_ops)");
}

static void pv_nothing(void)
{
}

static unsigned long pv_read_cr0(void)
{
	return 0x80050033;
}

static void pv_cpuid(unsigned int *eax, unsigned int *ebx, unsigned int *ecx, unsigned int *edx)
{
	koi_cpuid(eax, ebx, ecx, edx);
}

struct paravirt_patch_template pv_ops;
struct pv_info pv_info = { .name = "koi" };

/* Every slot refuses by name unless something stands behind it. */
void koi_paravirt_init(void)
{
	void **slot = (void **)&pv_ops;
	unsigned int i;

	for (i = 0; i < sizeof(pv_ops) / sizeof(void *); i++)
		slot[i] = pv_unsupported;
	pv_ops.cpu.io_delay = pv_nothing;
#ifdef CONFIG_PARAVIRT_XXL
	pv_ops.cpu.read_cr0 = pv_read_cr0;
	pv_ops.cpu.cpuid = pv_cpuid;
	pv_ops.cpu.wbinvd = pv_nothing;
	pv_ops.cpu.start_context_switch = (void *)pv_nothing;
	pv_ops.cpu.end_context_switch = (void *)pv_nothing;
	pv_ops.irq.save_fl.func = koi_save_fl;
	pv_ops.irq.irq_disable.func = koi_irq_disable;
	pv_ops.irq.irq_enable.func = koi_irq_enable;
	pv_ops.mmu.pte_val.func = koi_pv_identity;
	pv_ops.mmu.make_pte.func = koi_pv_identity;
	pv_ops.mmu.pmd_val.func = koi_pv_identity;
	pv_ops.mmu.make_pmd.func = koi_pv_identity;
	pv_ops.mmu.pud_val.func = koi_pv_identity;
	pv_ops.mmu.make_pud.func = koi_pv_identity;
	pv_ops.mmu.pgd_val.func = koi_pv_identity;
	pv_ops.mmu.make_pgd.func = koi_pv_identity;
#if CONFIG_PGTABLE_LEVELS >= 5
	pv_ops.mmu.p4d_val.func = koi_pv_identity;
	pv_ops.mmu.make_p4d.func = koi_pv_identity;
#endif
#endif
#ifdef CONFIG_PARAVIRT_SPINLOCKS
	pv_ops.lock.queued_spin_lock_slowpath = koi_queued_spin_lock_slowpath;
	pv_ops.lock.queued_spin_unlock.func = koi_queued_spin_unlock;
	pv_ops.lock.vcpu_is_preempted.func = koi_pv_false;
	pv_ops.lock.wait = (void *)pv_nothing;
	pv_ops.lock.kick = (void *)pv_nothing;
#endif
}
