/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ELF files that no linker makes, written by hand: DAMAGE selects one. callsites has
 * to say what is wrong with each, soon, or do without it. The file is what .text has.
 */
#if DAMAGE == 1
#define BASE	0
#else
#define BASE	0x1000
#endif
	.text
file:
	.byte	0x7f, 'E', 'L', 'F', 2, 1, 1, 0
	.quad	0
	.short	3, 62			/* ET_DYN, EM_X86_64 */
	.long	1
	.quad	BASE + code - file
	.quad	headers - file, sections - file
	.long	0
	.short	64, 56, NUM_HEADERS, 64, NUM_SECTIONS, 4

	.macro	LOAD flags, start, end, addr
	.long	1, \flags
	.quad	\start - file, \addr, \addr, \end - \start, \end - \start, 1
	.endm
headers:
#if DAMAGE == 2
	/* The second half of the code belongs to a segment of data, too. */
	LOAD	6, half, text_end, BASE+half-file
#elif DAMAGE == 3
	/* The same bytes at another address */
	LOAD	5, code, text_end, 0x100000
#endif
#if DAMAGE == 1
	LOAD	5, code, text_end, 0
	LOAD	4, frames, end, 0x100000
#else
	LOAD	5, code, text_end, BASE+code-file
	LOAD	4, frames, end, BASE+frames-file
#endif
headers_end:
	.set	NUM_HEADERS, (headers_end - headers) / 56

code:
	/* What is before it, at address 0? */
	syscall
	cmp	$-4096, %rax
	ja	1f
	ret
1:	jmp	*%rax
	.skip	64, 0x90
half:
	.skip	64, 0x90
	ret
text_end:

frames:
#if DAMAGE == 4 || DAMAGE == 5
	/* All functions share a table of landing pads, or one without any. */
	.set	NUM_FRAMES, 20000
	.set	NUM_PADS, 100000
	.set	PAD, 5 - DAMAGE
#else
	.set	NUM_FRAMES, 1
	.set	NUM_PADS, 1
	.set	PAD, 0
#endif
	.long	cie_end - cie
cie:	.long	0
	.byte	1, 'z', 'L', 'R', 0, 1, 0x78, 16, 2, 0x1b, 0x1b
	.balign	4
cie_end:
#if DAMAGE != 1
	.rept	NUM_FRAMES
	.long	20
	.long	. - frames
	.long	code - ., 8
	.byte	4
	.long	pads - .
	.balign	4
	.endr
#endif
	.long	0
pads:
	.byte	0xff, 0xff, 1
	.uleb128 pads_end - pads_start
pads_start:
	.rept	NUM_PADS
	.byte	0, 1, PAD, 0
	.endr
pads_end:

	.balign	8
	.macro	SECTION name, type, flags, addr, start, end, link, entry
	.long	\name, \type
	.quad	\flags, \addr, \start - file, \end - \start
	.long	\link, 0
	.quad	1, \entry
	.endm
sections:
	.skip	64
	SECTION	text_name-names, 1, 6, BASE+code-file, code, text_end, 0, 0
#if DAMAGE == 1
	SECTION	frame_name-names, 1, 2, 0x100000, frames, pads, 0, 0
#else
	SECTION	frame_name-names, 1, 2, BASE+frames-file, frames, pads, 0, 0
#endif
	/* A function of the whole segment */
	SECTION	0, 2, 0, 0, symbols, symbols_end, 4, 24
	SECTION	0, 3, 0, 0, names, names_end, 0, 0
#if DAMAGE == 6
	/* The same symbols again, and again */
	.rept	100
	SECTION	0, 2, 0, 0, symbols, symbols_end, 4, 24
	.endr
	.set	NUM_SECTIONS, 105
#else
	.set	NUM_SECTIONS, 5
#endif
names:
	.byte	0
text_name:
	.asciz	".text"
frame_name:
	.asciz	".eh_frame"
names_end:
	.balign	8
symbols:
	.skip	24
#if DAMAGE == 6
	.skip	24000
#endif
	.long	0
	.byte	0x12, 0
	.short	1
#if DAMAGE == 1
	.quad	0, text_end - code
#else
	.quad	BASE + code - file, text_end - code
#endif
symbols_end:
end:
