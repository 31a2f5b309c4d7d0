/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Functions to try callsites on. Each has system calls which can be rewritten, or
 * which must not be, and FUNCTION says in a comment section which: the text is
 * what --verbose says of all sites of it.
 *
 * Nobody runs this.
 */

	.macro	FUNCTION name:req, what:req
	.section .expected, "", @progbits
	.ascii	"\name \what\n"
	.text
	.balign	16
	.globl	\name
	.type	\name, @function
\name:
	.cfi_startproc
	.endm

	.macro	END name:req
	.cfi_endproc
	.size	\name, . - \name
	.endm

/* What compilers make of system calls */
FUNCTION number, "rewritten"
	endbr64
	mov	$39, %eax
	syscall
	ret
END number

FUNCTION number_error, "rewritten"
	mov	$1, %eax
	syscall
	cmp	$-4096, %rax
	ja	1f
	ret
1:	neg	%eax
	mov	%eax, errno(%rip)
	or	$-1, %rax
	ret
END number_error

FUNCTION read_error, "rewritten"
	xor	%eax, %eax
	syscall
	cmp	$-4096, %rax
	ja	1f
	ret
1:	or	$-1, %rax
	ret
END read_error

FUNCTION any_number, "rewritten"
	mov	%rdi, %rax
	mov	%rsi, %rdi
	mov	8(%rsp), %r9
	syscall
	cmp	$-4095, %rax
	jae	1f
	ret
1:	or	$-1, %rax
	ret
END any_number

/* A branch to SYSCALL itself: only what begins there is replaced. */
FUNCTION shared_syscall, "rewritten"
	test	%edi, %edi
	mov	$2, %eax
	jz	1f
	mov	$3, %eax
1:	syscall
	cmp	$-4096, %rax
	ja	2f
	ret
2:	or	$-1, %rax
	ret
END shared_syscall

FUNCTION frame, "rewritten"
	push	%rbp
	mov	%rsp, %rbp
	sub	$32, %rsp
	mov	%edi, -4(%rbp)
	mov	%rsp, %rsi
	mov	%rdi, 8(%rsi)
	mov	$39, %eax
	syscall
	mov	-4(%rbp), %eax
	leave
	ret
END frame

FUNCTION aligned_frame, "rewritten"
	push	%rbp
	mov	%rsp, %rbp
	and	$-64, %rsp
	sub	$128, %rsp
	mov	%rdi, 120(%rsp)
	mov	$39, %eax
	syscall
	leave
	ret
END aligned_frame

FUNCTION loop, "rewritten"
	mov	$202, %r8d
1:	mov	(%rdi), %edx
	test	%edx, %edx
	jz	2f
	mov	$202, %eax
	syscall
	jmp	1b
2:	ret
END loop

FUNCTION unmap, "rewritten"
	mov	$11, %eax
	syscall
	cmp	$-4096, %rax
	ja	1f
	ret
1:	or	$-1, %rax
	ret
END unmap

FUNCTION switch, "rewritten"
	cmp	$2, %edi
	ja	3f
	lea	switch_table(%rip), %rdx
	movslq	(%rdx, %rdi, 4), %rax
	add	%rdx, %rax
	jmp	*%rax
1:	mov	$39, %eax
	syscall
	ret
2:	mov	$102, %eax
	syscall
	ret
3:	xor	%eax, %eax
	ret
END switch
	.section .rodata
	.balign	4
switch_table:
	.long	1b - switch_table
	.long	2b - switch_table
	.long	3b - switch_table

/* The red zone, in all its forms */
FUNCTION redzone, "red zone in use"
	mov	%rdi, -8(%rsp)
	mov	$39, %eax
	syscall
	mov	-8(%rsp), %rax
	ret
END redzone

FUNCTION redzone_compare, "red zone in use"
	mov	%rdi, -128(%rsp)
	mov	%rsi, %rax
	syscall
	cmp	$-4096, %rax
	ja	1f
	ret
1:	mov	-128(%rsp), %rax
	ret
END redzone_compare

FUNCTION redzone_frame, "red zone in use"
	push	%rbp
	mov	%rsp, %rbp
	mov	%edi, -20(%rbp)
	mov	$39, %eax
	syscall
	mov	-20(%rbp), %eax
	pop	%rbp
	ret
END redzone_frame

FUNCTION redzone_part, "red zone in use"
	push	%rbp
	mov	%rsp, %rbp
	sub	$16, %rsp
	mov	%edi, -20(%rbp)
	mov	$39, %eax
	syscall
	mov	-20(%rbp), %eax
	leave
	ret
END redzone_part

FUNCTION redzone_copy, "red zone in use"
	mov	%rsp, %rdx
	sub	$16, %rdx
	mov	%rdi, 8(%rdx)
	mov	$39, %eax
	syscall
	mov	8(%rdx), %rax
	ret
END redzone_copy

FUNCTION redzone_pointer, "red zone in use"
	lea	-16(%rsp), %rsi
	mov	$39, %eax
	syscall
	mov	(%rsi), %rax
	ret
END redzone_pointer

FUNCTION redzone_after_pop, "red zone in use"
	push	%rdi
	mov	%rsp, %rdx
	pop	%rax
	mov	$39, %eax
	syscall
	mov	(%rdx), %rax
	ret
END redzone_after_pop

/* The tail of a function that uses it, under a name of its own */
FUNCTION redzone_head, "red zone in use"
	mov	%rdi, -8(%rsp)
	mov	$39, %eax
	syscall
	jmp	redzone_tail
END redzone_head

FUNCTION redzone_tail, "red zone in use"
	mov	$102, %eax
	syscall
	ret
END redzone_tail

/* Somebody comes to the middle. */
FUNCTION jump_to_syscall, "jumped into"
	test	%edi, %edi
	jz	1f
	mov	$39, %eax
1:	syscall
	ret
END jump_to_syscall

FUNCTION jump_to_compare, "jumped into"
	mov	%rdi, %rax
	test	%esi, %esi
	jz	1f
	syscall
1:	cmp	$-4096, %rax
	ja	2f
	ret
2:	or	$-1, %rax
	ret
END jump_to_compare

FUNCTION jump_from_afar, "jumped into"
	mov	$39, %eax
afar:	syscall
	ret
END jump_from_afar

	/* Not even in a function */
	.balign	16
	jmp	afar
	.skip	300, 0xcc

FUNCTION short_jump_outside, "jumped into"
	mov	$39, %eax
near:	syscall
	ret
END short_jump_outside
	jz	near

FUNCTION overlap, "jumped into"
	test	%edi, %edi
	jz	2f
	jmp	2f + 1
2:	mov	$0x90, %eax
	syscall
	.skip	8, 0x90
	ret
END overlap

FUNCTION table_to_syscall, "jumped into"
	mov	$39, %eax
	cmp	$1, %edi
	ja	3f
	lea	bad_table(%rip), %rdx
	movslq	(%rdx, %rdi, 4), %rcx
	add	%rdx, %rcx
	jmp	*%rcx
1:	mov	$40, %eax
2:	syscall
	ret
3:	xor	%eax, %eax
	ret
END table_to_syscall
	.section .rodata
	.balign	4
bad_table:
	.long	1b - bad_table
	.long	2b - bad_table

FUNCTION word_in_data, "jumped into"
	mov	$39, %eax
1:	syscall
	ret
END word_in_data
	.section .data
	.balign	8
	.quad	1b

FUNCTION cancellation_range, "jumped into"
	mov	$39, %eax
	.globl	range_begin
range_begin:
	syscall
	ret
END cancellation_range

FUNCTION address_taken, "jumped into"
	mov	$39, %eax
taken:	syscall
	ret
END address_taken

FUNCTION takes_address, "none"
	lea	taken(%rip), %rax
	ret
END takes_address

FUNCTION computed_jump, "not known to be code"
	lea	1f(%rip), %rax
	lea	(%rax, %rdi, 2), %rax
	jmp	*%rax
1:	mov	$39, %eax
	syscall
	ret
END computed_jump

/* Data that looks like it */
FUNCTION data_behind, "not known to be code"
	xor	%eax, %eax
	ret
	.byte	0xb8, 0x27, 0, 0, 0, 0x0f, 0x05, 0xc3
END data_behind

FUNCTION undecodable, "function not understood"
	test	%edi, %edi
	jz	1f
	mov	$39, %eax
	syscall
	ret
1:	.byte	0x06
END undecodable

FUNCTION inside_constant, "none"
	mov	$0x050f, %eax
	movabs	$0x050f00000027b8, %rdx
	ret
END inside_constant

/* No stack, or not one's own */
FUNCTION vfork, "clone or vfork"
	pop	%rdi
	mov	$58, %eax
	syscall
	push	%rdi
	test	%eax, %eax
	jnz	1f
	mov	$39, %eax
	syscall
1:	ret
END vfork

FUNCTION clone, "clone or vfork"
	mov	$56, %eax
	syscall
	test	%rax, %rax
	jz	1f
	ret
1:	mov	$39, %eax
	syscall
	call	*%rbx
	hlt
END clone

FUNCTION clone_number_elsewhere, "clone or vfork"
	mov	$435, %r9d
	test	%edi, %edi
	jz	1f
	nop
1:	mov	%r9d, %eax
	syscall
	cmp	$-4096, %rax
	ja	2f
	ret
2:	or	$-1, %rax
	ret
END clone_number_elsewhere

FUNCTION restorer, "signal return"
	mov	$15, %eax
	syscall
	ud2
END restorer

FUNCTION unmapself, "stack may be gone|exit"
	mov	$11, %eax
	syscall
	xor	%edi, %edi
	mov	$60, %eax
	syscall
END unmapself

FUNCTION unmapself_and_more, "stack may be gone|exit"
	mov	$11, %eax
	syscall
	mov	$202, %eax
	syscall
	mov	$60, %eax
	syscall
END unmapself_and_more

FUNCTION stack_switched, "function not understood"
	mov	(%rdi), %rsp
	mov	$39, %eax
	syscall
	mov	8(%rdi), %rsp
	ret
END stack_switched

FUNCTION restartable, "restartable sequence"
1:	mov	(%rdi), %edx
	mov	$39, %eax
	syscall
	mov	%edx, (%rdi)
2:	ret
3:	ret
END restartable
	.section __rseq_cs, "aw"
	.balign	32
	.long	0, 0
	.quad	1b, 2b - 1b, 3b

/* What SYSCALL leaves in registers */
FUNCTION rcx_used, "registers in use"
	mov	$39, %eax
	syscall
	mov	%rcx, %rax
	ret
END rcx_used

FUNCTION r11_used, "registers in use"
	mov	%rdi, %rax
	syscall
	cmp	$-4096, %rax
	ja	1f
	push	%r11
	pop	%rax
	ret
1:	or	$-1, %rax
	ret
END r11_used

FUNCTION flags_used, "registers in use"
	cmp	%rsi, %rdi
	mov	$39, %eax
	syscall
	mov	%rax, %rdx
	jne	1f
	xor	%eax, %eax
1:	ret
END flags_used

/* Other instructions that make room */
FUNCTION other_test, "rewritten"
	mov	%rdi, %rax
	syscall
	test	%rax, %rax
	js	1f
	ret
1:	or	$-1, %rax
	ret
END other_test

FUNCTION other_limit, "rewritten"
	mov	%rdi, %rax
	syscall
	cmp	$-100, %rax
	ja	1f
	ret
1:	or	$-1, %rax
	ret
END other_limit

FUNCTION unknown_number, "rewritten"
	mov	$1000, %eax
	syscall
	ret
END unknown_number

FUNCTION stack_argument, "rewritten"
	push	%rbx
	mov	0x10(%rsp), %rax
	syscall
	pop	%rbx
	ret
END stack_argument

FUNCTION argument_store, "rewritten"
	mov	%r11, 8(%rsp)
	syscall
	ret
END argument_store

FUNCTION two_before, "rewritten"
	mov	%rdi, %rsi
	xor	%eax, %eax
	syscall
	ret
END two_before

FUNCTION one_of_each, "rewritten"
	xor	%eax, %eax
	syscall
	mov	%rax, %rdx
	ret
END one_of_each

/* Both need the instruction in between. */
FUNCTION shared_instruction, "rewritten|no room"
	pop	%rdx
	xor	%eax, %eax
	syscall
	mov	$39, %eax
	syscall
	push	%rdx
	ret
END shared_instruction

/* Nothing that fits */
FUNCTION alone, "no room"
	pop	%rax
	syscall
	push	%rax
	ret
END alone

FUNCTION may_fault, "no room"
	mov	(%rdi), %rax
	syscall
	ret
END may_fault

FUNCTION counts_from_rip, "no room"
	mov	errno(%rip), %eax
	syscall
	ret
END counts_from_rip

FUNCTION stack_pointer, "no room"
	mov	%rsp, %rsi
	syscall
	ret
END stack_pointer

FUNCTION far_argument, "no room"
	mov	120(%rsp), %rax
	syscall
	ret
END far_argument

/* A handler asks whether it was before or after the system call: libc's way to cancel. */
FUNCTION cancellation_point, "copied"
range_start:
	mov	(%rdi), %eax
	test	%eax, %eax
	jnz	1f
	mov	%rdi, %r11
	mov	%rsi, %rax
	mov	%rdx, %rdi
	mov	errno(%rip), %esi
	mov	8(%rsp), %r8
	mov	%r11, 8(%rsp)
	syscall
range_end:
	ret
1:	jmp	cancel
END cancellation_point

FUNCTION compares, "none"
	lea	range_start(%rip), %rax
	cmp	%rax, %rdi
	jb	1f
	lea	range_end(%rip), %rax
	cmp	%rax, %rdi
	jae	1f
	call	cancel
1:	ret
END compares

/*
 * The same with addresses that are in the file, as glibc 2.41 of Debian has them. In a
 * program at a fixed address the linker makes numbers of them, which may be no addresses.
 */
#ifdef SHARED
#define NAMED_BY_WORDS "copied"
#else
#define NAMED_BY_WORDS "jumped into"
#endif
FUNCTION cancellation_by_got, NAMED_BY_WORDS
.Lgot_start:
	mov	%rdi, %rax
	mov	%rsi, %rdi
	mov	%rdx, %rsi
	mov	%r8, 8(%rsp)
	syscall
.Lgot_end:
	ret
END cancellation_by_got

FUNCTION compares_got, "none"
	cmp	.Lgot_start@GOTPCREL(%rip), %rdi
	jb	1f
	cmp	.Lgot_end@GOTPCREL(%rip), %rdi
	jae	1f
	call	cancel
1:	ret
END compares_got

#ifdef SHARED
/* These words are at odd addresses, which a table of relative relocations cannot have. */
FUNCTION cancellation_by_words, "copied"
	mov	%rdi, %rax
	mov	%rsi, %rdi
	mov	%rdx, %rsi
	mov	%r8, 8(%rsp)
.Lword_start:
	syscall
.Lword_end:
	ret
END cancellation_by_words

	.data
	.balign	8
	.byte	0
	.quad	.Lword_start, .Lword_end
	.text
#endif

FUNCTION cancel, "none"
	ret
END cancel

/* The same where it is not simple, or the address of a label is used otherwise */
FUNCTION cancellation_with_frame, "jumped into"
	push	%rbx
	mov	%rsi, %rax
	syscall
frame_end:
	pop	%rbx
	ret
END cancellation_with_frame

FUNCTION compares_frame, "none"
	lea	frame_end(%rip), %rax
	ret
END compares_frame

FUNCTION cancellation_in_memory, "jumped into"
	mov	%rsi, %rax
	syscall
memory_end:
	ret
END cancellation_in_memory

FUNCTION compares_memory, "none"
	cmp	memory_end(%rip), %rdi
	ret
END compares_memory

	.section .bss
errno:	.long	0

	.section .note.GNU-stack, "", @progbits
