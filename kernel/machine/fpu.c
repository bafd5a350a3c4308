// SPDX-License-Identifier: GPL-2.0-only
/*
 * kernel_fpu_begin() and its end. The flag in the virtual CPU's clock makes every way into C++ keep the module's vector
 * registers (host/crossing.S); preemption is off in between, so that no other task comes to use them.
 */
#include <asm/fpu/api.h>

/* struct VcpuClock, through the GS area. */
static void koi_fpu_set(unsigned long in_use)
{
	unsigned long clock;

	asm volatile("mov %%gs:0x20, %0" : "=r" (clock));
	*(volatile unsigned long *)(clock + 16) = in_use;
}

static bool koi_fpu_in_use(void)
{
	unsigned long clock;

	asm volatile("mov %%gs:0x20, %0" : "=r" (clock));
	return *(volatile unsigned long *)(clock + 16) != 0;
}

bool irq_fpu_usable(void)
{
	return !in_nmi() && !koi_fpu_in_use();
}

void kernel_fpu_begin_mask(unsigned int kfpu_mask)
{
	static const u32 mxcsr = 0x1f80;	/* the power-on value */

	preempt_disable();
#line KOI_LINE(438, 438) "arch/x86/kernel/fpu/core.c"
	WARN_ON_ONCE(!irq_fpu_usable());
	koi_fpu_set(1);
	if (kfpu_mask & KFPU_MXCSR)
		asm volatile("ldmxcsr %0" : : "m" (mxcsr));
	if (kfpu_mask & KFPU_387)
		asm volatile("fninit");
}

void kernel_fpu_end(void)
{
	koi_fpu_set(0);
	preempt_enable();
}
