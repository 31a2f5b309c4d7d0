#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: scripts/test/crash.sh --kernel VMLINUX
#
# Crash a kernel in several ways and see that its report is honest: what went
# wrong, where, and on which stack. The kernel needs the overlay lkdtm.
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
[ -f "$kernel" ] || die "no kernel '$kernel'; scripts/kconfig/build lupine-base+lkdtm makes one"

image=$BUILD/test/crash.ext2
# crash NAME PATTERN...: each must be in the report, and the guest must not go on.
crash()
{
	local name=$1 pattern status=0 console=$BUILD/test/crash-$1.console

	shift
	"$ROOT/scripts/lupine/run" --kernel "$kernel" --image "$image" --no-net --quiet \
		--timeout 60 --append ignore_loglevel -- "$name" </dev/null \
		>"$console" 2>&1 || status=$?
	cat "$console"
	[ "$status" = 255 ] || { echo "status $status, not that of a panic"; return 1; }
	for pattern; do
		grep -qaE "$pattern" "$console" || { echo "nothing like: $pattern"; return 1; }
	done
	# The first RIP is the report's; whatever the entry code does on the way to
	# the report must not be taken for the culprit.
	! grep -aE -m 1 'RIP: ' "$console" | grep -qE 'kml_|entry|asm_exc'
}

try "crash: the image can be made" "$ROOT/scripts/apps/build" --output "$image" \
	"$ROOT/scripts/test/crash/manifest"
# The functions that LKDTM does it in, or what they call.
try "crash: a stack that is used up" crash EXHAUST_STACK \
	'TASK stack guard page was hit at' 'RIP: 0010:(recursive_loop|.*memset)' \
	'Comm: crash'
try "crash: a write through a null pointer" crash ACCESS_NULL \
	'kernel NULL pointer dereference' 'RIP: 0010:lkdtm_ACCESS_NULL' 'Comm: crash'
# The stack of a process, but it is the kernel that is there.
try "crash: a call of a null pointer" crash EXEC_NULL \
	'kernel NULL pointer dereference' 'supervisor instruction fetch' \
	'RIP: 0010:0x0' 'execute_location' 'Comm: crash'
try "crash: BUG()" crash BUG 'kernel BUG at' 'RIP: 0010:lkdtm_BUG'
try "crash: panic()" crash PANIC 'Kernel panic - not syncing: dumptest'
summary
