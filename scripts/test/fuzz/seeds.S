/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Small ELF files to begin with, one for each of the tables that callsites reads.
 * SEED selects one; nobody runs it.
 */
	.text
	.globl	_start
	.type	_start, @function
_start:
	.cfi_startproc
#if SEED == 1		/* .gcc_except_table, with its personality */
	.cfi_personality 0x1b, personality
	.cfi_lsda 0x1b, pads
#endif
	push	%rbx
	.cfi_adjust_cfa_offset 8
	mov	$39, %eax
	syscall
begin:
	call	other
end:
	pop	%rbx
	.cfi_adjust_cfa_offset -8
	ret
pad:	mov	$102, %eax
	syscall
	pop	%rbx
	ret
	.cfi_endproc
	.size	_start, . - _start

#if SEED == 1
personality:
	ret
	.section .gcc_except_table, "a"
pads:
	.byte	0xff, 0xff, 1
	.uleb128 table_end - table
table:
	.uleb128 begin - _start
	.uleb128 end - begin
	.uleb128 pad - _start
	.uleb128 0
table_end:
	.text
#endif

	.type	other, @function
other:
#if SEED == 2		/* a jump table of offsets, and one of words */
	cmp	$2, %edi
	ja	3f
	lea	offsets(%rip), %rdx
	movslq	(%rdx, %rdi, 4), %rax
	add	%rdx, %rax
	jmp	*%rax
1:	mov	$39, %eax
	syscall
	ret
2:	lea	words(%rip), %rdx
	jmp	*(%rdx, %rdi, 8)
3:	xor	%eax, %eax
	ret
	.section .rodata
	.balign	4
offsets:
	.long	1b - offsets, 2b - offsets, 3b - offsets
	.section .data
	.balign	8
words:	.quad	1b, 3b
	.text
#elif SEED == 3		/* restartable sequences */
1:	mov	(%rdi), %edx
	mov	$39, %eax
	syscall
2:	ret
3:	ret
	.section __rseq_cs, "aw"
	.balign	32
	.long	0, 0
	.quad	1b, 2b - 1b, 3b
	.text
#elif SEED == 4		/* Go's table of functions: 1.18 and later */
	mov	$1, %eax
	syscall
	cmp	$-4096, %rax
	ret
	.section .gopclntab, "a"
	.balign	8
pclntab:
	.long	0xfffffff1
	.byte	0, 0, 1, 8
	.quad	2, 0, _start, 0, 0, 0, 0, functions - pclntab
functions:
	.long	0, 0, other - _start, 0, 64
	.text
#elif SEED == 5		/* 1.2 to 1.17 */
	mov	$1, %eax
	syscall
	ret
	.section .gopclntab, "a"
	.balign	8
pclntab:
	.long	0xfffffffa
	.byte	0, 0, 1, 8
	.quad	2, 0, 0, 0, 0, 0, functions - pclntab
functions:
	.quad	_start, 0, other, 0, other + 64
	.text
#elif SEED == 6		/* calls that were system calls */
	call	*0xffffffffff601138
	mov	%rdi, %rax
	call	*0xffffffffff601ff8
	nop
	ja	1f
	ret
1:	or	$-1, %rax
	ret
#elif SEED == 7		/* numbers, the stack, other units */
	mov	$435, %r9d
	sub	$32, %rsp
	test	%edi, %edi
	jz	1f
	mov	%rdi, -8(%rsp)
1:	mov	%r9d, %eax
	syscall
	cmp	$-4095, %rax
	jae	2f
	add	$32, %rsp
	jmp	_start
2:	or	$-1, %rax
	leave
	ret
#else
	ret
#endif
	.size	other, . - other
	.section .note.GNU-stack, "", @progbits
