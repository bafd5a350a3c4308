// SPDX-License-Identifier: GPL-2.0-only
/* Entry thunks that the compiler's output calls: they keep every register. */

asm(".pushsection .text, \"ax\"\n"
    ".globl __fentry__\n\t.type __fentry__, @function\n"
    "__fentry__:\n\tret\n\t.size __fentry__, . - __fentry__\n"
    ".globl __x86_return_thunk\n\t.type __x86_return_thunk, @function\n"
    "__x86_return_thunk:\n\tret\n\tint3\n\t.size __x86_return_thunk, . - __x86_return_thunk\n"
    ".popsection");

#define KOI_THUNK(reg)								\
	asm(".pushsection .text, \"ax\"\n"					\
	    ".globl __x86_indirect_thunk_" #reg "\n\t"				\
	    ".type __x86_indirect_thunk_" #reg ", @function\n"			\
	    "__x86_indirect_thunk_" #reg ":\n\tjmp *%" #reg "\n\tint3\n\t"	\
	    ".size __x86_indirect_thunk_" #reg ", . - __x86_indirect_thunk_" #reg "\n" \
	    ".popsection")

KOI_THUNK(rax);
KOI_THUNK(rbx);
KOI_THUNK(rcx);
KOI_THUNK(rdx);
KOI_THUNK(rsi);
KOI_THUNK(rdi);
KOI_THUNK(rbp);
KOI_THUNK(r8);
KOI_THUNK(r9);
KOI_THUNK(r10);
KOI_THUNK(r11);
KOI_THUNK(r12);
KOI_THUNK(r13);
KOI_THUNK(r14);
KOI_THUNK(r15);
