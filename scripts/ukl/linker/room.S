/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Room for the stubs of scripts/callsites, which finds it by its name. A kernel gets no
 * segment for them. In a stub, the return address is always on top of the stack.
 */
	.text
	.type	__callsites_room, @object
__callsites_room:
	.cfi_startproc
	.skip	16384, 0xcc
	.cfi_endproc
	.size	__callsites_room, . - __callsites_room

	.section .note.GNU-stack, "", @progbits
