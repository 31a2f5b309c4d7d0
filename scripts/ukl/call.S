/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ukl-gcc links an application with such a stub for each function of the kernel that it
 * may call. The stub hands the six registers for arguments to the kernel in memory, as
 * struct ukl_call has it (arch/x86/include/uapi/asm/ukl.h), and returns what comes back.
 * It keeps the registers that a function has to keep, as the kernel's function does.
 */
#define NR_arch_prctl	158
#define ARCH_UKL_CALL	0x6001

	.macro	UKL_FUNCTION name, number
	.globl	\name
	.type	\name, @function
\name:
	.cfi_startproc
	sub	$72, %rsp
	.cfi_adjust_cfa_offset 72
	movq	$\number, (%rsp)
	mov	%rdi, 8(%rsp)
	mov	%rsi, 16(%rsp)
	mov	%rdx, 24(%rsp)
	mov	%rcx, 32(%rsp)
	mov	%r8, 40(%rsp)
	mov	%r9, 48(%rsp)
	mov	$ARCH_UKL_CALL, %edi
	mov	%rsp, %rsi
	mov	$NR_arch_prctl, %eax
	syscall
	test	%rax, %rax
	jnz	1f
	mov	56(%rsp), %rax
	add	$72, %rsp
	.cfi_adjust_cfa_offset -72
	ret
1:	/* Another kernel, or one that has been told to refuse the system call */
	ud2
	.cfi_endproc
	.size	\name, . - \name
	.endm

	.section .note.GNU-stack, "", @progbits
	.text
