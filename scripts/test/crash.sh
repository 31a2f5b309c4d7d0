#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/crash.sh --kernel VMLINUX
#
# Test that the kernel reports its own crashes correctly with CONFIG_KML, although
# processes run in ring 0. LKDTM of a kernel with the overlay lkdtm makes it crash in a
# guest, and the report must name the crash and its place.
#
# Example: scripts/test/crash.sh --kernel build/kernel/lupine-base+lkdtm/vmlinux
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

kernel=''
begin kernel:kernel! -- "$@"

# crash NAME PATTERN...: each must be in the report, and the guest must not go on.
crash()
{
	guest --kernel "$kernel" --image "$image" --no-net --quiet --timeout 60 \
		--append ignore_loglevel -- "$1"
	# 255 is the status of a panic.
	ended 255 "${@:2}"
	# The first RIP is the report's; whatever the entry code does on the way to
	# the report must not be taken for the culprit.
	! grep -aE -m 1 'RIP: ' "$out" | grep -qE 'kml_|entry|asm_exc'
}

build_image "$ROOT/scripts/test/crash/manifest"
# The functions that LKDTM does it in, or what they call.
check "a stack that is used up" crash EXHAUST_STACK \
	'TASK stack guard page was hit at' 'RIP: 0010:(recursive_loop|.*memset)' 'Comm: crash'
check "a write through a null pointer" crash ACCESS_NULL \
	'kernel NULL pointer dereference' 'RIP: 0010:lkdtm_ACCESS_NULL' 'Comm: crash'
# The stack of a process, but it is the kernel that is there.
check "a call of a null pointer" crash EXEC_NULL \
	'kernel NULL pointer dereference' 'supervisor instruction fetch' \
	'RIP: 0010:0x0' 'execute_location' 'Comm: crash'
check "BUG()" crash BUG 'kernel BUG at' 'RIP: 0010:lkdtm_BUG'
check "panic()" crash PANIC 'Kernel panic - not syncing: dumptest'
summary
