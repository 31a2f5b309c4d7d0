/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a kernel with CONFIG_UKL runs until scripts/ukl/ukl-gcc links it again
 * with an application.
 */
#include <asm/unistd_64.h>

	.section .ukl.text, "ax"
	.globl ukl_entry
ukl_entry:
	movl	$__NR_write, %eax
	movl	$2, %edi
	lea	message(%rip), %rsi
	movl	$message_size, %edx
	syscall
	movl	$__NR_exit_group, %eax
	movl	$1, %edi
	syscall
message:
	.ascii	"ukl: this kernel has no application; ukl-gcc links it with one\n"
	.set	message_size, . - message
	.section .note.GNU-stack, "", @progbits
