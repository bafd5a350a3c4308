/* SPDX-License-Identifier: GPL-2.0-only */
/* The crossing thunks: see crossing.h for the picture. The GS offsets are struct GsArea's. */

#define GS_HOST_SP %gs:0x08
#define GS_BORDER  %gs:0x10
#define GS_CLOCK   %gs:0x20
#define CLOCK_NOW       0
#define CLOCK_DEADLINE  8
#define CLOCK_IN_FPU    16
#define CLOCK_CROSSINGS 24
#define CROSSING_COST   50
#define RECORD_BYTES    72
#define TRAP_FRAME_BYTES 176
/* What koi_cross_save_all keeps: flags, nine registers' worth, between its record and the caller's frame. */
#define SAVE_ALL_BYTES 80
/* x87, SSE, AVX, AVX-512: what kernel_fpu_begin lets a module use. */
#define XSAVE_MASK      0xe7
#define XSAVE_BYTES     4096
/* Room below a record that an upcall leaves alone: the variadic thunk's save area lies there. */
#define UPCALL_GAP      128

	.text

.macro PUSH_SAVED register
	push	%\register
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset \register, 0
.endm

.macro POP_SAVED register
	pop	%\register
	.cfi_adjust_cfa_offset -8
	.cfi_restore \register
.endm

/* Builds the BorderRecord; rbx keeps its address across the C++ call. A debugger finds the module's frame from rbx;
   `above`: bytes between the record and the caller's frame. */
.macro PUSH_BORDER above=0
	PUSH_SAVED rbp
	PUSH_SAVED rbx
	PUSH_SAVED r12
	PUSH_SAVED r13
	PUSH_SAVED r14
	PUSH_SAVED r15
	push	%r11
	.cfi_adjust_cfa_offset 8
	push	GS_BORDER
	.cfi_adjust_cfa_offset 8
	mov	%rsp, GS_BORDER
	mov	%rsp, %rbx
	.cfi_def_cfa rbx, RECORD_BYTES + \above
.endm

/* On the host stack; r12 = vector save area or 0 (the record holds the module's r12). */
.macro ENTER_HOST
	mov	GS_HOST_SP, %rsp
	mov	GS_CLOCK, %rax
	xor	%r12d, %r12d
	addq	$CROSSING_COST, CLOCK_NOW(%rax)
	incq	CLOCK_CROSSINGS(%rax)
	cmpq	$0, CLOCK_IN_FPU(%rax)
	je	11f
	lea	11f(%rip), %r10
	jmp	koi_save_vectors
11:
.endm

.macro CALL_EXPORT
	mov	koi_export_functions(%rip), %rax
	call	*(%rax,%r11,8)
.endm

/* Timers, pending oopses and preemption happen here: the C++ function has returned, no destructor is pending. */
.macro LEAVE_HOST
	mov	GS_CLOCK, %rcx
	mov	CLOCK_NOW(%rcx), %rsi
	cmp	CLOCK_DEADLINE(%rcx), %rsi
	jb	12f
	mov	%rax, %r14
	mov	%rdx, %r15
	call	*koi_border_slow_path(%rip)
	mov	%r14, %rax
	mov	%r15, %rdx
12:
	test	%r12, %r12
	je	13f
	lea	13f(%rip), %r10
	jmp	koi_restore_vectors
13:
.endm

/* What both kinds of frame keep below the return address. */
.macro POP_CALLEE_SAVED
	POP_SAVED r15
	POP_SAVED r14
	POP_SAVED r13
	POP_SAVED r12
	POP_SAVED rbx
	POP_SAVED rbp
.endm

/* Back on the kernel stack with the module's callee-saved registers; volatile ones are scrubbed. */
.macro POP_BORDER above=0
	mov	%rbx, %rsp
	.cfi_def_cfa rsp, RECORD_BYTES + \above
	pop	GS_BORDER
	.cfi_adjust_cfa_offset -8
	add	$8, %rsp
	.cfi_adjust_cfa_offset -8
	POP_CALLEE_SAVED
.endm

.macro SCRUB
	xor	%ecx, %ecx
	xor	%esi, %esi
	xor	%edi, %edi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
.endm

	.globl	koi_crossing_prologue_begin
koi_crossing_prologue_begin:

	.globl	koi_cross
	.type	koi_cross, @function
	.balign 16
koi_cross:
	.cfi_startproc
	PUSH_BORDER
	ENTER_HOST
	CALL_EXPORT
	LEAVE_HOST
	POP_BORDER
	xor	%edx, %edx
	SCRUB
	ret
	.cfi_endproc
	.size	koi_cross, . - koi_cross

/* Returns 16 bytes in rax:rdx. */
	.globl	koi_cross_pair
	.type	koi_cross_pair, @function
	.balign 16
koi_cross_pair:
	.cfi_startproc
	PUSH_BORDER
	ENTER_HOST
	CALL_EXPORT
	LEAVE_HOST
	POP_BORDER
	SCRUB
	ret
	.cfi_endproc
	.size	koi_cross_pair, . - koi_cross_pair

/* Eight words of stack arguments are copied, whatever the export takes: they are readable stack of the caller. */
	.globl	koi_cross_stack
	.type	koi_cross_stack, @function
	.balign 16
koi_cross_stack:
	.cfi_startproc
	PUSH_BORDER
	ENTER_HOST
	pushq	RECORD_BYTES+56(%rbx)
	pushq	RECORD_BYTES+48(%rbx)
	pushq	RECORD_BYTES+40(%rbx)
	pushq	RECORD_BYTES+32(%rbx)
	pushq	RECORD_BYTES+24(%rbx)
	pushq	RECORD_BYTES+16(%rbx)
	pushq	RECORD_BYTES+8(%rbx)
	pushq	RECORD_BYTES(%rbx)
	CALL_EXPORT
	LEAVE_HOST
	POP_BORDER
	xor	%edx, %edx
	SCRUB
	ret
	.cfi_endproc
	.size	koi_cross_stack, . - koi_cross_stack

/* r11 = index | fixed arguments << 32. A register save area and a va_list go below the record on the kernel stack (the
   module's side, so that %pV may pass the list on); the C++ function gets the list's address after its fixed
   arguments. */
	.globl	koi_cross_variadic
	.type	koi_cross_variadic, @function
	.balign 16
koi_cross_variadic:
	.cfi_startproc
	mov	%r11, %r10
	mov	%r11d, %r11d
	shr	$32, %r10
	PUSH_BORDER
	push	%r9
	push	%r8
	push	%rcx
	push	%rdx
	push	%rsi
	push	%rdi
	mov	%rsp, %rax
	push	%rax			/* reg_save_area */
	lea	RECORD_BYTES(%rbx), %rax
	push	%rax			/* overflow_arg_area */
	pushq	$48			/* fp_offset: past the save area, no floating point */
	mov	%r10d, %eax
	shl	$3, %eax
	movl	$48, 4(%rsp)
	mov	%eax, (%rsp)		/* gp_offset */
	mov	%rsp, %rax
	cmp	$2, %r10d
	cmovb	%rax, %rsi
	cmove	%rax, %rdx
	cmp	$3, %r10d
	cmove	%rax, %rcx
	cmp	$4, %r10d
	cmove	%rax, %r8
	cmova	%rax, %r9
	ENTER_HOST
	CALL_EXPORT
	LEAVE_HOST
	POP_BORDER
	xor	%edx, %edx
	SCRUB
	ret
	.cfi_endproc
	.size	koi_cross_variadic, . - koi_cross_variadic

/* Every register kept, none returned: __SCT__preempt_schedule and its like. */
	.globl	koi_cross_save_all
	.type	koi_cross_save_all, @function
	.balign 16
koi_cross_save_all:
	.cfi_startproc
	pushfq
	.cfi_adjust_cfa_offset 8
	PUSH_SAVED rax
	PUSH_SAVED rcx
	PUSH_SAVED rdx
	PUSH_SAVED rsi
	PUSH_SAVED rdi
	PUSH_SAVED r8
	PUSH_SAVED r9
	PUSH_SAVED r10
	push	72(%rsp)		/* the return address again, so that the record is an ordinary one */
	.cfi_adjust_cfa_offset 8
	PUSH_BORDER SAVE_ALL_BYTES
	ENTER_HOST
	CALL_EXPORT
	LEAVE_HOST
	POP_BORDER SAVE_ALL_BYTES
	add	$8, %rsp
	.cfi_adjust_cfa_offset -8
	POP_SAVED r10
	POP_SAVED r9
	POP_SAVED r8
	POP_SAVED rdi
	POP_SAVED rsi
	POP_SAVED rdx
	POP_SAVED rcx
	POP_SAVED rax
	popfq
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_endproc
	.size	koi_cross_save_all, . - koi_cross_save_all

/* u64 koi_leaf_return(u64 result): back to the module from a leaf, as koi_cross returns. */
	.globl	koi_leaf_return
	.type	koi_leaf_return, @function
	.balign 16
koi_leaf_return:
	mov	%rdi, %rax
	xor	%edx, %edx
	SCRUB
	ret
	.size	koi_leaf_return, . - koi_leaf_return

/* u64 koi_leaf_return_cleared(u64 result, u64 address, u64 bytes): the same, with that memory cleared. A module has no
   vector registers, which a crossing does not keep either, but inside kernel_fpu_begin(): there general ones do it. */
	.globl	koi_leaf_return_cleared
	.type	koi_leaf_return_cleared, @function
	.balign 64
koi_leaf_return_cleared:
	mov	GS_CLOCK, %rcx
	mov	%rdi, %rax
	cmpq	$0, CLOCK_IN_FPU(%rcx)
	jne	7f
	cmp	$32, %rdx
	jbe	5f
	cmpb	$0, koi_has_avx(%rip)
	je	4f
	vpxor	%xmm0, %xmm0, %xmm0
	cmp	$128, %rdx
	ja	2f
	/* 33 to 128 bytes: from both ends */
	vmovdqu	%ymm0, (%rsi)
	vmovdqu	%ymm0, -32(%rsi,%rdx)
	cmp	$64, %rdx
	jbe	1f
	vmovdqu	%ymm0, 32(%rsi)
	vmovdqu	%ymm0, -64(%rsi,%rdx)
1:	vzeroupper
	jmp	9f
	/* the last 128 bytes, then all before them */
2:	lea	-128(%rsi,%rdx), %rcx
	vmovdqu	%ymm0, (%rcx)
	vmovdqu	%ymm0, 32(%rcx)
	vmovdqu	%ymm0, 64(%rcx)
	vmovdqu	%ymm0, 96(%rcx)
	.balign 16
3:	vmovdqu	%ymm0, (%rsi)
	vmovdqu	%ymm0, 32(%rsi)
	vmovdqu	%ymm0, 64(%rsi)
	vmovdqu	%ymm0, 96(%rsi)
	sub	$-128, %rsi
	cmp	%rcx, %rsi
	jb	3b
	vzeroupper
	jmp	9f
	/* without AVX: where half as much at a time is still quicker than a string instruction */
4:	cmp	$1024, %rdx
	ja	7f
	pxor	%xmm0, %xmm0
	movups	%xmm0, -32(%rsi,%rdx)
	movups	%xmm0, -16(%rsi,%rdx)
	lea	-32(%rsi,%rdx), %rcx
41:	movups	%xmm0, (%rsi)
	movups	%xmm0, 16(%rsi)
	add	$32, %rsi
	cmp	%rcx, %rsi
	jb	41b
	jmp	9f
5:	cmp	$8, %rdx
	jb	8f
	cmp	$16, %rdx
	jb	6f
	pxor	%xmm0, %xmm0
	movups	%xmm0, (%rsi)
	movups	%xmm0, -16(%rsi,%rdx)
	jmp	9f
6:	movq	$0, (%rsi)
	movq	$0, -8(%rsi,%rdx)
	jmp	9f
	/* general registers; all of the result's are needed, so it waits in r8 */
7:	mov	%rax, %r8
	mov	%rsi, %rdi
	mov	%rdx, %rcx
	shr	$3, %rcx
	xor	%eax, %eax
	rep stosq
	mov	%rdi, %rsi
	mov	%r8, %rax
	and	$7, %edx
8:	test	%rdx, %rdx
	je	9f
81:	movb	$0, (%rsi)
	inc	%rsi
	dec	%rdx
	jne	81b
9:	xor	%edx, %edx
	SCRUB
	ret
	.size	koi_leaf_return_cleared, . - koi_leaf_return_cleared

/* From a leaf, or from its stub while leaves are off: r9d = export index. */
	.globl	koi_leaf_slow
	.type	koi_leaf_slow, @function
	.balign 16
koi_leaf_slow:
	mov	%r9d, %r11d
	jmp	koi_cross
	.size	koi_leaf_slow, . - koi_leaf_slow

	.globl	koi_crossing_prologue_end
koi_crossing_prologue_end:

/* Inside kernel_fpu_begin: the module's vector registers survive the C++ call. r10 = where to go on; r12 = the area. */
	.balign 16
koi_save_vectors:
	sub	$XSAVE_BYTES, %rsp
	and	$-64, %rsp
	mov	%rsp, %r12
	mov	%rdx, %r13
	xor	%eax, %eax
	mov	%rax, 512(%rsp)
	mov	%rax, 520(%rsp)
	mov	%rax, 528(%rsp)
	mov	%rax, 536(%rsp)
	mov	%rax, 544(%rsp)
	mov	%rax, 552(%rsp)
	mov	%rax, 560(%rsp)
	mov	%rax, 568(%rsp)
	mov	$XSAVE_MASK, %eax
	xor	%edx, %edx
	xsave64	(%rsp)
	mov	%r13, %rdx
	jmp	*%r10

	.balign 16
koi_restore_vectors:
	mov	%rax, %r14
	mov	%rdx, %r15
	mov	$XSAVE_MASK, %eax
	xor	%edx, %edx
	xrstor64 (%r12)
	mov	%r14, %rax
	mov	%r15, %rdx
	jmp	*%r10

/* u64 koi_upcall(u64 function, const u64 arguments[6]) */
	.globl	koi_upcall
	.type	koi_upcall, @function
	.balign 16
koi_upcall:
	.cfi_startproc
	/* Its caller's frame lies below the module's: only after a signal frame does a debugger believe that. */
	.cfi_signal_frame
	PUSH_SAVED rbp
	PUSH_SAVED rbx
	PUSH_SAVED r12
	PUSH_SAVED r13
	PUSH_SAVED r14
	PUSH_SAVED r15
	push	GS_HOST_SP
	.cfi_adjust_cfa_offset 8
	mov	%rsp, GS_HOST_SP
	mov	%rdi, %rax
	mov	%rsi, %r10
	mov	0(%r10), %rdi
	mov	8(%r10), %rsi
	mov	16(%r10), %rdx
	mov	24(%r10), %rcx
	mov	32(%r10), %r8
	mov	40(%r10), %r9
	mov	GS_BORDER, %rsp
	sub	$UPCALL_GAP, %rsp
	/* the module returns to a stub in the window, so that no host address lies on its stack */
	pushq	koi_upcall_return_stub_address(%rip)
	xor	%ebx, %ebx
	xor	%ebp, %ebp
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	xor	%r14d, %r14d
	xor	%r15d, %r15d
	jmp	*%rax
	.globl	koi_upcall_return
koi_upcall_return:
	mov	GS_HOST_SP, %rsp
	pop	GS_HOST_SP
	.cfi_adjust_cfa_offset -8
	POP_CALLEE_SAVED
	ret
	.cfi_endproc
	.size	koi_upcall, . - koi_upcall

/* How a debugger goes on from koi_trap_entry: the CFA is the interrupted rsp, *(rbx + 136) (DW_CFA_def_cfa_expression),
   and each register lies at rbx + its place in the TrapFrame (DW_CFA_expression: DWARF number, length, breg3). */
.macro TRAPPED_FRAME
	.cfi_escape 0x0f, 4, 0x73, 0x88, 0x01, 0x06
	.cfi_escape 0x10, 15, 2, 0x73, 0x00
	.cfi_escape 0x10, 14, 2, 0x73, 0x08
	.cfi_escape 0x10, 13, 2, 0x73, 0x10
	.cfi_escape 0x10, 12, 2, 0x73, 0x18
	.cfi_escape 0x10, 6, 2, 0x73, 0x20
	.cfi_escape 0x10, 3, 2, 0x73, 0x28
	.cfi_escape 0x10, 11, 2, 0x73, 0x30
	.cfi_escape 0x10, 10, 2, 0x73, 0x38
	.cfi_escape 0x10, 9, 3, 0x73, 0xc0, 0x00
	.cfi_escape 0x10, 8, 3, 0x73, 0xc8, 0x00
	.cfi_escape 0x10, 0, 3, 0x73, 0xd0, 0x00
	.cfi_escape 0x10, 2, 3, 0x73, 0xd8, 0x00
	.cfi_escape 0x10, 1, 3, 0x73, 0xe0, 0x00
	.cfi_escape 0x10, 4, 3, 0x73, 0xe8, 0x00
	.cfi_escape 0x10, 5, 3, 0x73, 0xf0, 0x00
	.cfi_escape 0x10, 16, 3, 0x73, 0xf8, 0x00
.endm

/* After sigreturn: the registers are in the staging frame, koi_trap_entered copies them to the frame made here. */
	.globl	koi_trap_entry
	.type	koi_trap_entry, @function
	.balign 16
koi_trap_entry:
	.cfi_startproc
	.cfi_signal_frame
	cld
	mov	GS_HOST_SP, %rsp
	xor	%r12d, %r12d
	mov	GS_CLOCK, %rax
	cmpq	$0, CLOCK_IN_FPU(%rax)
	je	1f
	lea	1f(%rip), %r10
	jmp	koi_save_vectors
1:
	sub	$TRAP_FRAME_BYTES, %rsp
	mov	%rsp, %rbx
	/* For debuggers: rbx is the TrapFrame, and holds every register of the interrupted code. */
	TRAPPED_FRAME
	mov	%rsp, %rdi
	call	koi_trap_entered
	test	%r12, %r12
	je	2f
	lea	2f(%rip), %r10
	jmp	koi_restore_vectors
2:
	mov	%rbx, %rdi
	/* rip and rflags go below the interrupted stack pointer: kernel code has no red zone */
	mov	136(%rdi), %rsp
	pushq	120(%rdi)
	pushq	128(%rdi)
	mov	0(%rdi), %r15
	mov	8(%rdi), %r14
	mov	16(%rdi), %r13
	mov	24(%rdi), %r12
	mov	32(%rdi), %rbp
	mov	40(%rdi), %rbx
	mov	48(%rdi), %r11
	mov	56(%rdi), %r10
	mov	64(%rdi), %r9
	mov	72(%rdi), %r8
	mov	80(%rdi), %rax
	mov	88(%rdi), %rcx
	mov	96(%rdi), %rdx
	mov	104(%rdi), %rsi
	mov	112(%rdi), %rdi
	popfq
	ret
	.cfi_endproc
	.size	koi_trap_entry, . - koi_trap_entry

/* void koi_fiber_switch(u64* save_sp, u64 new_sp) */
	.globl	koi_fiber_switch
	.type	koi_fiber_switch, @function
	.balign 16
koi_fiber_switch:
	.cfi_startproc
	PUSH_SAVED rbp
	PUSH_SAVED rbx
	PUSH_SAVED r12
	PUSH_SAVED r13
	PUSH_SAVED r14
	PUSH_SAVED r15
	mov	%rsp, (%rdi)
	mov	%rsi, %rsp
	POP_CALLEE_SAVED
	ret
	.cfi_endproc
	.size	koi_fiber_switch, . - koi_fiber_switch

/* The first switch to a fiber lands here: r12 = entry, r13 = its argument. */
	.globl	koi_fiber_start
	.type	koi_fiber_start, @function
koi_fiber_start:
	.cfi_startproc
	/* Its caller is where the thread left its own stack: the word at rsp leads to that stack pointer, below which
	   koi_fiber_switch has pushed. CFA = **rsp + 56. */
	.cfi_escape 0x0f, 6, 0x77, 0x00, 0x06, 0x06, 0x23, 56
	.cfi_offset r15, -56
	.cfi_offset r14, -48
	.cfi_offset r13, -40
	.cfi_offset r12, -32
	.cfi_offset rbx, -24
	.cfi_offset rbp, -16
	mov	%r13, %rdi
	xor	%ebp, %ebp
	call	*%r12
	ud2
	.cfi_endproc
	.size	koi_fiber_start, . - koi_fiber_start

	.section .note.GNU-stack,"",@progbits
