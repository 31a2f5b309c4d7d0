#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/lkdtm.sh --kernel VMLINUX [--kernel VMLINUX]... [NAME]...
#
# Find out which of its own faults the kernel detects. Provoke each fault of LKDTM, or
# those named, in a guest of its own, and print for each kernel
#
#   caught      the kernel reported the fault, and panicked
#   missed      LKDTM says FAIL: the fault had its effect
#   refused     LKDTM says XFAIL, or the fault is not built: an option is missing
#   back        the fault did no harm, or was prevented
#   hung        the guest did not come back
#
# The kernels need the overlay lkdtm. The console of each guest is in build/lkdtm/.
# Faults that only hang a processor until a watchdog comes, and measurements of time,
# are left out.
#
# Example: scripts/test/lkdtm.sh --kernel build/kernel/lupine-base+lkdtm/vmlinux
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

kernels=()
begin kernel:list! ... -- "$@"
names=("${arguments[@]}")
for kernel in "${kernels[@]}"; do
	[ -f "$kernel" ] || die "no kernel '$kernel'; scripts/kconfig/build lupine-base+lkdtm makes one"
done
for name in "${names[@]}"; do
	[[ $name =~ ^[A-Z0-9_]+$ ]] || die "'$name' is no name of a fault"
done

left_out=' HARDLOCKUP SOFTLOCKUP SMP_CALL_LOCKUP SPINLOCKUP HUNG_TASK LOOP '
left_out+=' ATOMIC_TIMING REFCOUNT_TIMING '
mkdir -p "$BUILD/lkdtm"
build_image "$ROOT/scripts/test/crash/manifest"

# crash KERNEL NAME: sets status; the console is in $out, and is kept.
crash()
{
	guest --kernel "$1" --image "$image" --no-net --quiet --accel tcg --timeout 60 \
		--append ignore_loglevel -- "$2"
	cp "$out" "$BUILD/lkdtm/$(kernel_name "$1").$2"
}

judge()
{
	if grep -qa 'lkdtm: FAIL' "$out"; then
		echo missed
	elif [ "$status" = 255 ]; then
		echo caught
	elif [ "$status" = 124 ]; then
		echo hung
	elif grep -qa 'lkdtm: XFAIL' "$out" || grep -qa "crash: no $1" "$out"; then
		echo refused
	else
		echo back
	fi
}

if [ ${#names[@]} = 0 ]; then
	crash "${kernels[0]}" list
	mapfile -t names < <(grep -axE '[A-Z0-9_]{3,}' "$out")
	[ ${#names[@]} -gt 0 ] || die "${kernels[0]} has no LKDTM; take the overlay lkdtm"
fi
printf '%-32s' fault
for kernel in "${kernels[@]}"; do
	printf '  %-24s' "$(kernel_name "$kernel")"
done
echo
for name in "${names[@]}"; do
	[[ $left_out != *" $name "* ]] || continue
	printf '%-32s' "$name"
	for kernel in "${kernels[@]}"; do
		crash "$kernel" "$name"
		printf '  %-24s' "$(judge "$name")"
	done
	echo
done