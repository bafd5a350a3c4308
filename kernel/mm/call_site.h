/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The call site that memory is charged to (GsArea::site): an allocator takes it and leaves 0. A function of the core that
 * allocates more than once for its caller reads it first and sets it again before each further allocation.
 */
#ifndef KOI_CALL_SITE_H
#define KOI_CALL_SITE_H

static __always_inline unsigned int koi_site(void)
{
	unsigned int site;

	asm volatile("movl %%gs:0x18, %0" : "=r" (site));
	return site;
}

static __always_inline void koi_set_site(unsigned int site)
{
	asm volatile("movl %0, %%gs:0x18" : : "r" (site));
}

#endif
