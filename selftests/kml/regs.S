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
	STUB int88, int $88
	STUB int_system, int $0xf5
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
	STUB load_gs, mov %gs:0x30, %rdx
	STUB load_ds, mov %eax, %ds
	STUB fwait, fwait
	STUB divss, divss %xmm1, %xmm0
	STUB nop10, .byte 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0

	STUB call_entry, call *0xffffffffff600c00
	STUB jump_entry, jmp *0xffffffffff600c00
	STUB call_stub, call *0x050f0000(%rcx)

/*
 * long kml_by_NAME(nr, a, b, c, d, e, f): a system call in either way, for C.
 * As in any function that C calls, nothing of use is below RSP here.
 */
	.macro	BY name:req, insn:vararg
	.globl	kml_by_\name
	.type	kml_by_\name, @function
kml_by_\name:
	mov	%rdi, %rax
	mov	%rsi, %rdi
	mov	%rdx, %rsi
	mov	%rcx, %rdx
	mov	%r8, %r10
	mov	%r9, %r8
	mov	8(%rsp), %r9
	\insn
	ret
	.size	kml_by_\name, . - kml_by_\name

/* The child of vfork() uses the stack: the return address must be off it. */
	.globl	kml_vfork_by_\name
	.type	kml_vfork_by_\name, @function
kml_vfork_by_\name:
	pop	%rdi
	mov	$58, %eax
	\insn
	push	%rdi
	ret
	.size	kml_vfork_by_\name, . - kml_vfork_by_\name

/*
 * A restorer: where signal handlers return to. RSP is one word into the frame.
 */
	.globl	kml_restore_by_\name
	.type	kml_restore_by_\name, @function
	nop
kml_restore_by_\name:
	mov	$15, %eax
	\insn
	ud2
	.size	kml_restore_by_\name, . - kml_restore_by_\name

/*
 * long kml_storm_by_NAME(nr, result, rounds): the same call many times, with a
 * pattern in every register that must survive, in some vectors and in the red
 * zone, which an inlined call has to step over. Returns 0, or a bit for what
 * was found wrong first: 1 result, 2 register, 4 vector, 8 red zone, 16 RSP.
 */
	.globl	kml_storm_by_\name
	.type	kml_storm_by_\name, @function
kml_storm_by_\name:
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	%rdi			/* 16(%rsp) in the loop: nr */
	push	%rsi			/* 8(%rsp): result */
	push	%rdx			/* 0(%rsp): rounds */
	mov	$-128, %rcx
1:	lea	0x5eed(%rcx), %rdx
	mov	%rdx, (%rsp, %rcx)
	add	$8, %rcx
	jnz	1b
	.balign	16
2:	mov	$0xb0b0b0b0b0b0, %rbx
	mov	$0xdddddddddddd, %rdi
	mov	$0x515151515151, %rsi
	mov	$0xd8d8d8d8d8d8, %rdx
	mov	$0x080808080808, %r8
	mov	$0x090909090909, %r9
	mov	$0x101010101010, %r10
	mov	$0x121212121212, %r12
	mov	$0x131313131313, %r13
	mov	$0x141414141414, %r14
	mov	$0x151515151515, %r15
	movq	%rbx, %xmm0
	movq	%r12, %xmm5
	movq	%r13, %xmm10
	movq	%r14, %xmm15
	mov	%rsp, %rbp
	mov	16(%rsp), %rax
	lea	-128(%rsp), %rsp
	\insn
	lea	128(%rsp), %rsp
	cmp	%rsp, %rbp
	jne	16f
	cmp	8(%rsp), %rax
	jne	11f
	mov	$0xb0b0b0b0b0b0, %rax
	cmp	%rax, %rbx
	jne	12f
	movq	%xmm0, %rcx
	cmp	%rax, %rcx
	jne	14f
	mov	$0xdddddddddddd, %rax
	cmp	%rax, %rdi
	jne	12f
	mov	$0x515151515151, %rax
	cmp	%rax, %rsi
	jne	12f
	mov	$0xd8d8d8d8d8d8, %rax
	cmp	%rax, %rdx
	jne	12f
	mov	$0x080808080808, %rax
	cmp	%rax, %r8
	jne	12f
	mov	$0x090909090909, %rax
	cmp	%rax, %r9
	jne	12f
	mov	$0x101010101010, %rax
	cmp	%rax, %r10
	jne	12f
	mov	$0x121212121212, %rax
	cmp	%rax, %r12
	jne	12f
	movq	%xmm5, %rcx
	cmp	%rax, %rcx
	jne	14f
	mov	$0x131313131313, %rax
	cmp	%rax, %r13
	jne	12f
	movq	%xmm10, %rcx
	cmp	%rax, %rcx
	jne	14f
	mov	$0x141414141414, %rax
	cmp	%rax, %r14
	jne	12f
	movq	%xmm15, %rcx
	cmp	%rax, %rcx
	jne	14f
	mov	$0x151515151515, %rax
	cmp	%rax, %r15
	jne	12f
	mov	$-128, %rcx
3:	lea	0x5eed(%rcx), %rdx
	cmp	%rdx, (%rsp, %rcx)
	jne	18f
	add	$8, %rcx
	jnz	3b
	decq	(%rsp)
	jnz	2b
	xor	%eax, %eax
	jmp	20f
11:	mov	$1, %eax
	jmp	20f
12:	mov	$2, %eax
	jmp	20f
14:	mov	$4, %eax
	jmp	20f
18:	mov	$8, %eax
	jmp	20f
16:	mov	%rbp, %rsp
	mov	$16, %eax
20:	add	$24, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	ret
	.size	kml_storm_by_\name, . - kml_storm_by_\name
	.endm

	BY syscall, syscall
	BY call, call *0xffffffffff600c00
	.macro	CALL_AS_STUB
	mov	$0xfffffffffa510c00, %rcx
	call	*0x050f0000(%rcx)
	.endm

	BY stub, CALL_AS_STUB

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
