#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/ptregs.sh --kernel VMLINUX
#
# Check that kml_call_table of a kernel with CONFIG_KML has every system call that
# needs all registers of the process; scripts/test/ptregs/ptregs.c describes how. Then
# add such a call to the disassembly, and check that the test finds it.
#
# Example: scripts/test/ptregs.sh --kernel build/kernel/lupine-general/vmlinux
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

kernel=''
begin kernel:kernel! -- "$@"
need gcc objdump awk
list=$ROOT/scripts/test/ptregs/list

gcc -O2 -Wall -Wextra -Werror -o "$work/ptregs" "$ROOT/scripts/test/ptregs/ptregs.c"
objdump -d --no-show-raw-insn "$kernel" >"$work/code"

complete() { "$work/ptregs" "$kernel" "$list" <"$work/code"; }

# finds PATTERN FUNCTION INSTRUCTION: what is wrong with one more instruction there.
finds()
{
	awk -v begin="<$2>:" -v insn="$3" '
		{ print }
		$2 == begin { print "ffffffff80000000:\t" insn; n++ }
		END { exit n != 1 }' "$work/code" >"$work/mutant"
	run "$work/ptregs" "$kernel" "$list" <"$work/mutant"
	ended 1 "$1"
	# Beside two lines of statistics
	[ "$(wc -l <"$out")" = 3 ]
}

check "kml_call_table has all system calls that need all registers" complete
check "a system call that refers to them is found" \
	finds '^__x64_sys_getppid refers to the registers' \
	__x64_sys_getppid 'lea    0x3f58(%rax),%rdi'
check "a function that reads one of them is found" \
	finds '^ksys_read refers to the registers' ksys_read 'mov    0x3f80(%rax),%rbx'
check "a system call that leads to another's need is found" \
	finds '^system call 110: __x64_sys_getppid > copy_process > copy_thread' \
	__x64_sys_getppid 'call   ffffffff80000000 <copy_process>'
check "one that exits is found" \
	finds '^system call 0: __x64_sys_read > ksys_read > do_exit' \
	ksys_read 'jmp    ffffffff80000000 <do_exit>'
summary
