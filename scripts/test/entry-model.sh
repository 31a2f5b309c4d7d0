#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: scripts/test/entry-model.sh [--kernel VMLINUX]
#
# The models of the entry code (entry-model.c and calls.c, which say what they do) find
# no fault, and find each that there was when its code is put back. The last line is
# "N passed, N failed[, N skipped]".
#
#   --kernel VMLINUX   the code of that kernel is what the models take it for: labels,
#                      their order, the instructions of restartable stretches, and what
#                      a frame needs of a part of the entry stack
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/../lib.sh"
# shellcheck source=scripts/test/lib.sh
. "$ROOT/scripts/test/lib.sh"

kernel=
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage; exit ;;
	--kernel) [ $# -ge 2 ] || die "--kernel wants a file; see --help"
		kernel=$2; shift 2 ;;
	*) die "unknown argument '$1'; see --help" ;;
	esac
done
[ -z "$kernel" ] || [ -f "$kernel" ] || die "no kernel '$kernel'; scripts/kconfig/build makes one"
sources=$ROOT/scripts/test/entry-model
work=$BUILD/test/entry-model
mkdir -p "$work"

build()
{
	need gcc
	gcc -O2 -std=gnu11 -Wall -Wextra -Werror -Wno-missing-field-initializers \
		-o "$work/entry-model" "$sources/entry-model.c" "$sources/calls.c"
}

# finds PATTERN OPTION...: the model ends with a fault, and says so.
finds()
{
	local pattern=$1 status=0

	shift
	"$work/entry-model" "$@" >"$work/out" || status=$?
	cat "$work/out"
	[ "$status" = 1 ] || { echo "status $status, not 1"; return 1; }
	grep -qE "$pattern" "$work/out" || { echo "nothing like: $pattern"; return 1; }
}

# Labels of the code, in the order that the models have them in.
labels()
{
	local name last=0 address

	for name in asm_exc_nmi nested_nmi nested_nmi_out first_nmi repeat_nmi \
		end_repeat_nmi nmi_restore; do
		address=$(awk -v name="$name" '$3 == name { print $1; exit }' "$work/symbols")
		[ -n "$address" ] || { echo "no $name"; return 1; }
		[ $((16#$address)) -gt "$last" ] || [ "$last" = 0 ] ||
			{ echo "$name comes too early"; return 1; }
		# Addresses of the kernel are negative; from the first on they grow.
		last=$((16#$address))
	done
	for name in sync_regs kml_leave_entry_stack error_entry paranoid_entry \
		paranoid_exit common_interrupt_return native_irq_return_iret \
		asm_exc_debug asm_exc_machine_check exc_debug exc_nmi; do
		grep -q " $name\$" "$work/symbols" && continue
		# A kernel without machine checks has no such exception.
		[ "$name" = asm_exc_machine_check ] || { echo "no $name"; return 1; }
	done
}

# The code at ADDRESS, without what is no instruction of the stretch.
code_at()
{
	objdump -d --no-show-raw-insn --start-address="0x$1" --stop-address=$((16#$1 + 96)) \
		"$kernel" | awk '/^ *[0-9a-f]+:\t/ && $2 !~ /^(endbr64|nop|nopw|nopl)$/ {
			sub(/:/, "", $1); sub(/[lq]$/, "", $2); print $1, $2 }'
}

# Each stretch has the instructions that the model has, and no more up to the next label.
instructions()
{
	local label='' word want=() found=0

	check_label()
	{
		local address got next i

		[ -n "$label" ] || return 0
		address=$(awk -v name="$label" '$3 == name { print $1; exit }' "$work/symbols")
		[ -n "$address" ] || { echo "no $label"; return 1; }
		mapfile -t got < <(code_at "$address")
		for i in "${!want[@]}"; do
			[ "${got[i]#* }" = "${want[i]}" ] || {
				echo "$label, instruction $i: ${got[i]#* } in place of ${want[i]}"
				return 1
			}
		done
		[ "$1" != - ] && [ ${#want[@]} != 0 ] || return 0
		[ "${want[-1]}" != jmp ] || return 0
		next=$(awk -v name="$1" '$3 == name { print $1; exit }' "$work/symbols")
		[ "${got[${#want[@]}]% *}" = "$next" ] || {
			echo "$label: instructions are left before $1"
			return 1
		}
	}
	"$work/entry-model" --instructions >"$work/instructions"
	while read -r word; do
		case $word in
		*:) check_label "${word%:}" || return 1
			label=${word%:} want=() found=$((found + 1)) ;;
		'') check_label - || return 1
			label='' want=() ;;
		*) want+=("$word") ;;
		esac
	done <"$work/instructions"
	[ "$found" -gt 10 ] || { echo "the model has $found labels"; return 1; }
	echo "$found labels"
}

# What FUNCTION needs of the stack, with the return address
stack_of()
{
	gdb -batch -nx -ex "disassemble $1" "$kernel" 2>/dev/null | awk -F '\t' '
		$2 ~ /^push/ { n += 8 }
		$2 ~ /^sub +\$0x[0-9a-f]+,%rsp/ { sub(/.*\$/, "", $2); sub(/,.*/, "", $2)
			print $2 }
		{ lines++ }
		END { print 8 + n; exit lines < 4 }'
}

# A frame on the entry stack, and who moves it away, need less than a part of that stack.
part()
{
	local function size most=0 sum=0

	for function in sync_regs kml_leave_entry_stack get_stack_info_noinstr \
		in_task_stack in_entry_stack; do
		size=0
		while read -r n; do
			size=$((size + n))
		done < <(stack_of "$function")
		[ "$size" -ge 8 ] || { echo "no $function"; return 1; }
		echo "$function: $size bytes"
		case $function in
		kml_leave_entry_stack) [ "$size" -lt "$most" ] || most=$size ;;
		sync_regs) most=$size ;;
		*) sum=$((sum + size)) ;;
		esac
	done
	# pt_regs, the gap of a breakpoint, error_entry's return address
	sum=$((sum + most + 168 + 56 + 8))
	echo "together $sum bytes of 1024"
	[ "$sum" -lt 1024 ]
}

try "entry model: it can be built" build
[ "$result" = 0 ] || { summary || :; exit 1; }
try "entry model: no fault" "$work/entry-model"
try "entry model: the slot that follows RSP is found out" \
	finds 'pushes over .* on the entry stack' --scheme old
try "entry model: the slot that stays is found out" \
	finds 'pushes over .* on the entry stack' --scheme none
try "entry model: calls make progress and lose nothing" "$work/entry-model" --calls
for m in db-goes-back trap-goes-back; do
	try "entry model: $m is found out" finds 'no progress' --calls "$m"
done
try "entry model: interrupt-stays is found out" finds 'work is left' --calls interrupt-stays
try "entry model: number-is-lost is found out" finds 'another call' --calls number-is-lost
try "entry model: mc-is-process is found out" finds "another process's" --calls mc-is-process
if [ -n "$kernel" ]; then
	need nm objdump gdb
	nm "$kernel" >"$work/symbols"
	try "entry model: the kernel has its labels" labels
	try "entry model: stretches have its instructions" instructions
	try "entry model: a frame fits into its part of the entry stack" part
fi
summary
