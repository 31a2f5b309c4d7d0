#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: scripts/test/ptregs.sh --kernel VMLINUX
#
# See that kml_call_table of a kernel with CONFIG_KML misses no system call that
# needs all registers of the process: scripts/test/ptregs/ptregs.c says how. Then see that
# the check finds such a call, in a disassembly with one more of them.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/../lib.sh"
# shellcheck source=scripts/test/lib.sh
. "$ROOT/scripts/test/lib.sh"

case ${1:-} in
-h | --help) usage; exit ;;
--kernel) [ $# = 2 ] || die "--kernel needs one VMLINUX; see --help" ;;
*) die "needs --kernel VMLINUX; see --help" ;;
esac
kernel=$2
[ -f "$kernel" ] || die "there is no $kernel; run: scripts/kconfig/build"
need gcc objdump awk
list=$ROOT/scripts/test/ptregs/list
LOGS=$BUILD/test/ptregs
mkdir -p "$LOGS"
work=$(mktemp -d "$BUILD/ptregs.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

gcc -O2 -Wall -Wextra -Werror -o "$work/ptregs" "$ROOT/scripts/test/ptregs/ptregs.c"
objdump -d --no-show-raw-insn "$kernel" >"$work/code"

complete()
{
	"$work/ptregs" "$kernel" "$list" <"$work/code"
}

# finds PATTERN FUNCTION INSTRUCTION: what is wrong with one more instruction there.
finds()
{
	local status=0

	awk -v begin="<$2>:" -v insn="$3" '
		{ print }
		$2 == begin { print "ffffffff80000000:\t" insn; n++ }
		END { exit n != 1 }' "$work/code" >"$work/mutant"
	"$work/ptregs" "$kernel" "$list" <"$work/mutant" >"$work/found" || status=$?
	cat "$work/found"
	[ "$status" = 1 ]
	[ "$(wc -l <"$work/found")" = 1 ]
	grep -qE -e "$1" "$work/found"
}

try "ptregs: kml_call_table has all system calls that need all registers" complete
try "ptregs: a system call that refers to them is found" \
	finds '^__x64_sys_getppid refers to the registers' \
	__x64_sys_getppid 'lea    0x3f58(%rax),%rdi'
try "ptregs: a function that reads one of them is found" \
	finds '^ksys_read refers to the registers' ksys_read 'mov    0x3f80(%rax),%rbx'
try "ptregs: a system call that leads to another's need is found" \
	finds '^system call 110: __x64_sys_getppid > copy_process > copy_thread' \
	__x64_sys_getppid 'call   ffffffff80000000 <copy_process>'
try "ptregs: one that exits is found" \
	finds '^system call 0: __x64_sys_read > ksys_read > do_exit' \
	ksys_read 'jmp    ffffffff80000000 <do_exit>'
summary
