#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/nested.sh --kernel VMLINUX
#
# Test that a frame on the entry stack survives everything that nests above it: a page
# fault, a #DB that hits before the frame is copied, an NMI that hits the handler of
# #DB in its first or last instructions, and another page fault in the handler of the
# NMI. gdb, outside of the guest, makes them come at these places. It also makes a #DB
# come in the first instructions of SYSCALL. The kernel needs CONFIG_KML and a single
# processor.
#
# Example: scripts/test/nested.sh --kernel build/kernel/lupine-general/vmlinux
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

kernel=''
begin kernel:kernel! -- "$@"
need gdb

sources=$ROOT/scripts/test/nested

# under_gdb SCRIPT SAYS OPTION... [-- ARG]: gdb runs SCRIPT with these options of its
# own to the end, and the guest, with ARG, says what it has to.
under_gdb()
{
	local script=$1 says=$2 options=() socket guest status=0 gdb_status=0

	shift 2
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		options+=("$1")
		shift
	done

	# A path of a socket must be short.
	socket=$(mktemp -u /tmp/nested-XXXXXX)
	"$ROOT/scripts/lupine/lupine" run --kernel "$kernel" --image "$image" --no-net \
		--quiet --timeout 90 --log "$work/console" \
		--qemu -S --qemu -gdb --qemu "unix:$socket,server=on,wait=off" "$@" >/dev/null 2>&1 &
	guest=$!
	for ((i = 0; i < 100; i++)); do
		[ ! -S "$socket" ] || break
		sleep 0.1
	done
	timeout 80 gdb -batch -nx "${options[@]}" -ex "target remote $socket" \
		-x "$sources/$script" "$kernel" >"$work/gdb" 2>&1 || gdb_status=$?
	wait "$guest" || status=$?
	rm -f "$socket"
	cat "$work/gdb" "$work/console"
	[ "$gdb_status" = 0 ] || { echo "gdb ended with status $gdb_status"; return 1; }
	grep -q '^all ' "$work/gdb" || { echo "gdb did not come to the end"; return 1; }
	[ "$status" = 0 ] || { echo "the guest ended with status $status"; return 1; }
	grep -qa "^nested: $says" "$work/console"
}

# nested AT_END EXPRESSION: the NMI comes at that address of the handler of #DB.
nested()
{
	under_gdb nested.gdb '.* page faults' -ex "set \$at_end = $1" -ex "set \$where = $2"
}

build_image "$sources/manifest"
check "an NMI at the beginning of #DB" nested 0 '(unsigned long)exc_debug'
check "an NMI at the end of #DB" nested 1 '(unsigned long)paranoid_exit'
check "a step that is reported in the entry of SYSCALL" \
	under_gdb step.gdb '3 steps, 3 times' -- step
summary
