#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: scripts/test/lkdtm.sh --kernel VMLINUX [--kernel VMLINUX]... [NAME]...
#
# What does the kernel notice of its own faults? Provoke each that LKDTM has, or
# those named, in a guest of its own, and say of each kernel
#
#   caught      the kernel reported it, and ended: panic
#   missed      LKDTM says FAIL: the fault had its effect
#   refused     LKDTM says XFAIL, or the fault is not built: an option is missing
#   back        it did no harm, or was prevented
#   hung        the guest did not come back
#
# Kernels with the overlay lkdtm are needed. The console of each guest is in
# build/lkdtm/. Faults that only hang a processor until a watchdog comes, and
# measurements of time, are left out.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/../lib.sh"

kernels=() names=()
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage; exit ;;
	--kernel) [ $# -ge 2 ] || die "--kernel wants a file; see --help"
		kernels+=("$2"); shift 2 ;;
	-*) die "unknown argument '$1'; see --help" ;;
	*) names+=("$1"); shift ;;
	esac
done
[ ${#kernels[@]} -gt 0 ] || die "no kernel; see --help"
for kernel in "${kernels[@]}"; do
	[ -f "$kernel" ] ||
		die "no kernel '$kernel'; scripts/kconfig/build lupine-base+lkdtm makes one"
done
for name in "${names[@]}"; do
	[[ $name =~ ^[A-Z0-9_]+$ ]] || die "'$name' is no name of a fault"
done

left_out=' HARDLOCKUP SOFTLOCKUP SMP_CALL_LOCKUP SPINLOCKUP HUNG_TASK LOOP '
left_out+=' ATOMIC_TIMING REFCOUNT_TIMING '
image=$BUILD/lkdtm/crash.ext2
mkdir -p "$BUILD/lkdtm"
"$ROOT/scripts/apps/build" --output "$image" "$ROOT/scripts/test/crash/manifest" \
	>"$BUILD/lkdtm/image.log" 2>&1 || {
	cat "$BUILD/lkdtm/image.log" >&2
	die "the image cannot be made"
}

# guest KERNEL NAME: its console is in $console, and the status in status
guest()
{
	console=$BUILD/lkdtm/$(basename "$(dirname "$(readlink -f "$1")")").$2
	status=0
	"$ROOT/scripts/lupine/run" --kernel "$1" --image "$image" --no-net --quiet --accel tcg \
		--timeout 60 --append ignore_loglevel -- "$2" </dev/null >"$console" 2>&1 ||
		status=$?
}

judge()
{
	if grep -qa 'lkdtm: FAIL' "$console"; then
		echo missed
	elif [ "$status" = 255 ]; then
		echo caught
	elif [ "$status" = 124 ]; then
		echo hung
	elif grep -qa 'lkdtm: XFAIL' "$console" || grep -qa "crash: no $1" "$console"; then
		echo refused
	else
		echo back
	fi
}

if [ ${#names[@]} = 0 ]; then
	guest "${kernels[0]}" list
	mapfile -t names < <(tr -d '\r' <"$console" | grep -axE '[A-Z0-9_]{3,}')
	[ ${#names[@]} -gt 0 ] || {
		tail -n 5 "$console" >&2
		die "${kernels[0]} has no LKDTM; take the overlay lkdtm"
	}
fi
printf '%-32s' fault
for kernel in "${kernels[@]}"; do
	printf '  %-24s' "$(basename "$(dirname "$(readlink -f "$kernel")")")"
done
echo
for name in "${names[@]}"; do
	[[ $left_out != *" $name "* ]] || continue
	printf '%-32s' "$name"
	for kernel in "${kernels[@]}"; do
		guest "$kernel" "$name"
		printf '  %-24s' "$(judge "$name")"
	done
	echo
done
