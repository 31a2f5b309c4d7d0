#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/entry-model.sh [--kernel VMLINUX]
#
# Check that the models of the entry code (entry-model.c, calls.c and fred.c, which describe
# themselves) find no fault, and that they find each earlier fault when its code is put
# back. The last line is "N passed, N failed[, N skipped]".
#
#   --kernel VMLINUX   also check that the code of this kernel is as the models assume:
#                      labels, their order, the instructions of stretches that restart,
#                      and the size of a frame on the entry stack
#
# Example: scripts/test/entry-model.sh --kernel build/kernel/lupine-general/vmlinux
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

kernel=''
begin kernel:kernel -- "$@"
sources=$ROOT/scripts/test/entry-model

build()
{
	need gcc
	gcc -O2 -std=gnu11 -Wall -Wextra -Werror -Wno-missing-field-initializers \
		-o "$work/entry-model" "$sources"/{entry-model,calls,fred}.c
}

# finds PATTERN OPTION...: the model ends with a fault, and says so.
finds()
{
	run "$work/entry-model" "${@:2}"
	ended 1 "$1"
}

address_of()
{
	awk -v name="$1" '$3 == name { print $1; found = 1; exit }
		END { if (!found) print "no " name; exit !found }' "$work/symbols"
}

# Labels of the code, in the order that the models have them in, and others.
labels()
{
	local name

	set -o pipefail
	for name in asm_exc_nmi nested_nmi nested_nmi_out first_nmi repeat_nmi \
		end_repeat_nmi nmi_restore; do
		address_of "$name" | tee -a "$work/ordered"
	done
	sort -c -u "$work/ordered"
	for name in sync_regs kml_leave_entry_stack error_entry paranoid_entry \
		paranoid_exit common_interrupt_return native_irq_return_iret \
		asm_exc_debug exc_debug exc_nmi; do
		address_of "$name"
	done
}

# code_at ADDRESS [BYTES]: mnemonics and the labels of the model, without what is no
# instruction of the stretch.
code_at()
{
	objdump -d --no-show-raw-insn --start-address="0x$1" --stop-address=$((16#$1 + ${2:-96})) \
		"$kernel" | awk -v labels=" $(grep : "$work/instructions" | paste -sd ' ') " '
		/^[0-9a-f]+ <.*>:$/ { name = substr($2, 2, length($2) - 3) ":"
			if (index(labels, " " name " ")) print name }
		/^ *[0-9a-f]+:\t/ && $2 !~ /^(endbr64|nop|nopw|nopl)$/ { sub(/[lq]$/, "", $2); print $2 }'
}

# Each stretch has the instructions that the model has, and no more up to the next label,
# unless it ends in a jump. One of LABEL+ is somewhere behind the label.
instructions()
{
	local want code found=0

	"$work/entry-model" --instructions >"$work/instructions"
	while read -r -a want; do
		found=$((found + 1))
		if [[ ${want[0]} == *+: ]]; then
			code=" $(code_at "$(address_of "${want[0]%+:}")" 400 | paste -sd ' ') "
			[[ $code == *" ${want[*]:1} "* ]] || {
				echo "behind ${want[0]%+:} is nowhere: ${want[*]:1}"
				return 1
			}
			continue
		fi
		same_text "${want[*]}" "$(code_at "$(address_of "${want[0]%:}")" |
			head -n ${#want[@]} | paste -sd ' ')"
	done < <(awk '
		/:$/ { if (label) print label words (last != "jmp" ? " " $0 : "")
			label = $0; words = last = ""; next }
		/^$/ { if (label) print label words; label = ""; next }
		{ words = words " " $1; last = $1 }
		END { if (label) print label words }' "$work/instructions")
	[ "$found" -ge 4 ] || { echo "the model has $found labels"; return 1; }
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

must "it can be built" build
check "no fault" "$work/entry-model"
check "the slot that follows RSP is found out" \
	finds 'pushes over .* on the entry stack' --scheme old
check "the slot that stays is found out" \
	finds 'pushes over .* on the entry stack' --scheme none
check "calls make progress and lose nothing" "$work/entry-model" --calls
for m in trap-goes-back calls-again; do
	check "$m is found out" finds 'no progress' --calls "$m"
done
check "interrupts-on is found out" finds 'work is left' --calls interrupts-on
check "number-is-lost is found out" finds 'another call' --calls number-is-lost
check "mc-is-process is found out" finds "another process's" --calls mc-is-process
check "FRED: no fault" "$work/entry-model" --fred
check "FRED: int-at-0 is found out" finds 'pushed to the stack of a process' --fred int-at-0
check "FRED: no-copy is found out" finds "not the task's" --fred no-copy
check "FRED: level-stays is found out" finds 'a process runs above level 0' --fred level-stays
check "FRED: one-stack is found out" finds 'over a frame' --fred one-stack
check "FRED: intn-stays is found out" finds 'handled on the stack of a process' --fred intn-stays
check "FRED: nmi-schedules is found out" finds "not the task's" --fred nmi-schedules
if [ -n "$kernel" ]; then
	need nm objdump gdb
	nm "$kernel" >"$work/symbols"
	check "the kernel has its labels" labels
	check "stretches have its instructions" instructions
	check "a frame fits into its part of the entry stack" part
fi
summary
