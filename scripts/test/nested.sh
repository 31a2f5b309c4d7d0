#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: scripts/test/nested.sh --kernel VMLINUX
#
# A frame on the entry stack survives what nests above it: a page fault, a #DB that
# hits it before its frame is copied, an NMI that hits the handler of #DB in its first
# or last instructions, and another page fault in the handler of the NMI. gdb, from
# outside, has them come where they are wanted. In the same way, a #DB comes in the first
# instructions of SYSCALL. The kernel needs CONFIG_KML and a single processor.
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
[ -f "$kernel" ] || die "no kernel '$kernel'; scripts/kconfig/build makes one"
need gdb

work=$BUILD/test/nested
mkdir -p "$work"
sources=$ROOT/scripts/test/nested

# guest NAME SCRIPT SAYS OPTION... [-- ARG]: gdb runs SCRIPT with these options of its
# own to the end, and the guest, with ARG, says what it has to.
guest()
{
	local name=$1 script=$2 says=$3 options=() socket guest status=0 gdb_status=0

	shift 3
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		options+=("$1")
		shift
	done

	# A path of a socket must be short.
	socket=$(mktemp -u /tmp/nested-XXXXXX)
	"$ROOT/scripts/lupine/run" --kernel "$kernel" --image "$work/root.ext2" --no-net \
		--quiet --timeout 90 --log "$work/$name.console" \
		--qemu -S --qemu -gdb --qemu "unix:$socket,server=on,wait=off" "$@" \
		</dev/null >/dev/null 2>&1 &
	guest=$!
	for ((i = 0; i < 100; i++)); do
		[ ! -S "$socket" ] || break
		sleep 0.1
	done
	timeout 80 gdb -batch -nx "${options[@]}" -ex "target remote $socket" \
		-x "$sources/$script" "$kernel" \
		>"$work/$name.gdb" 2>&1 </dev/null || gdb_status=$?
	wait "$guest" || status=$?
	rm -f "$socket"
	cat "$work/$name.gdb" "$work/$name.console"
	[ "$gdb_status" = 0 ] || { echo "gdb ended with status $gdb_status"; return 1; }
	grep -q '^all ' "$work/$name.gdb" || { echo "gdb did not come to the end"; return 1; }
	[ "$status" = 0 ] || { echo "the guest ended with status $status"; return 1; }
	grep -qa "^nested: $says" "$work/$name.console"
}

# nested NAME AT_END EXPRESSION: the NMI comes at that address of the handler of #DB.
nested()
{
	guest "$1" nested.gdb '.* page faults' -ex "set \$at_end = $2" -ex "set \$where = $3"
}

try "nested: the image can be made" "$ROOT/scripts/apps/build" --output "$work/root.ext2" \
	"$sources/manifest"
[ "$result" = 0 ] || { summary || :; exit 1; }
try "nested: an NMI at the beginning of #DB" nested begin 0 '(unsigned long)exc_debug'
try "nested: an NMI at the end of #DB" nested end 1 '(unsigned long)paranoid_exit'
try "nested: a step that is reported in the entry of SYSCALL" \
	guest step step.gdb '3 steps, 3 times' -- step
summary
