/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Enter user code with every register chosen by the test, stack pointer and
 * flags included, and come back from a signal handler.
 *
 * A wrong entry path shows as one register or flag that is not what it was,
 * so the tests must own all of them, which C cannot offer.
 */

	/* Offsets in gregset_t, see enum in <sys/ucontext.h>. */
#define R_R8	0
#define R_R9	8
#define R_R10	16
#define R_R11	24
#define R_R12	32
#define R_R13	40
#define R_R14	48
#define R_R15	56
#define R_RDI	64
#define R_RSI	72
#define R_RBP	80
#define R_RBX	88
#define R_RDX	96
#define R_RAX	104
#define R_RCX	112
#define R_RSP	120
#define R_RIP	128
#define R_EFL	136

	.section .tbss, "awT", @nobits
	.balign	8
	.globl	kml_saved_rsp
	.type	kml_saved_rsp, @object
	.size	kml_saved_rsp, 8
kml_saved_rsp:
	.zero	8
kml_target:
	.zero	8

	.text

/*
 * void kml_enter(const greg_t *regs)
 *
 * Load @regs and jump to regs[REG_RIP]. Returns when a signal handler sets
 * RIP to kml_resume. The saved stack pointer lives in TLS, so that threads
 * can do this side by side; FS base must be intact at kml_resume.
 */
	.globl	kml_enter
	.type	kml_enter, @function
kml_enter:
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, %fs:kml_saved_rsp@tpoff
	mov	R_RIP(%rdi), %rax
	mov	%rax, %fs:kml_target@tpoff
	mov	R_R8(%rdi), %r8
	mov	R_R9(%rdi), %r9
	mov	R_R10(%rdi), %r10
	mov	R_R11(%rdi), %r11
	mov	R_R12(%rdi), %r12
	mov	R_R13(%rdi), %r13
	mov	R_R14(%rdi), %r14
	mov	R_R15(%rdi), %r15
	mov	R_RSI(%rdi), %rsi
	mov	R_RBP(%rdi), %rbp
	mov	R_RBX(%rdi), %rbx
	mov	R_RDX(%rdi), %rdx
	mov	R_RAX(%rdi), %rax
	mov	R_RCX(%rdi), %rcx
	pushq	R_EFL(%rdi)
	popfq
	/* MOV and JMP leave the flags alone. */
	mov	R_RSP(%rdi), %rsp
	mov	R_RDI(%rdi), %rdi
	jmp	*%fs:kml_target@tpoff

	.globl	kml_resume
	.type	kml_resume, @function
kml_resume:
	mov	%fs:kml_saved_rsp@tpoff, %rsp
	/* With IF: in ring 0, POPF would clear it. */
	pushq	$0x202
	popfq
	movq	$0, %fs:kml_saved_rsp@tpoff
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	ret
	.size	kml_resume, . - kml_resume
	.globl	kml_enter_end
kml_enter_end:

/* One instruction each; the label after it is where RIP stands for a trap. */
	.macro	STUB name:req, insn:vararg
	.balign	16
	.globl	kml_do_\name
	.type	kml_do_\name, @function
kml_do_\name:
	\insn
	.globl	kml_after_\name
kml_after_\name:
	int3
	.size	kml_do_\name, . - kml_do_\name
	.endm

	STUB int3, int3
	STUB int3_long, .byte 0xcd, 3
	STUB int4, int $4
	STUB int80, int $0x80
	STUB ud2, ud2
	STUB div, div %rcx
	STUB load, mov (%rax), %rdx
	STUB store, mov %rdx, (%rax)
	STUB or_zero, lock orb $0, (%rax)
	STUB jump, jmp *%rax
	STUB call, call *%rax
	STUB push, push %rdx
	STUB pop, pop %rdx
	STUB syscall, syscall
	STUB pause, pause
	STUB cli, cli
	STUB hlt, hlt
	STUB in, in $0x80, %al
	STUB rdmsr, rdmsr
	STUB mov_cr0, mov %cr0, %rax
	STUB rdfsbase, rdfsbase %rax
	STUB rdgsbase, rdgsbase %rax
	STUB load_ds, mov %eax, %ds
	STUB fwait, fwait
	STUB divss, divss %xmm1, %xmm0

/* Spin until a signal handler moves RIP away. */
	.balign	16
	.globl	kml_do_spin
	.type	kml_do_spin, @function
kml_do_spin:
	pause
	jmp	kml_do_spin
	.globl	kml_after_spin
kml_after_spin:
	int3
	.size	kml_do_spin, . - kml_do_spin

	.section .note.GNU-stack, "", @progbits
