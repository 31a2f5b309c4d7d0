#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/processors.sh --kernel VMLINUX --tests DIR [OPTION]...
#
# Run kml's selftests, which are installed in DIR, on many kinds of processors that QEMU
# emulates: with and without FSGSBASE, PCID, SMAP, SMEP, LA57 and XSAVE, old and new
# ones, and with little and much memory. /proc/cpuinfo in the guest must show the
# processor that was requested.
#
#   --smp VMLINUX    also test 1, 2 and 4 processors, with this kernel
#   --la57 BZIMAGE   also test five levels of page tables, with this kernel; it must be a
#                    bzImage, because the code that unpacks it switches to them
#   --quick          test only the two processors that differ most from the usual one
#   --seconds N      begin no test after that time (default 900); tests that are left
#                    out count as skipped
#
# Example: scripts/test/processors.sh --quick --tests build/test/kselftest/kml \
#              --kernel build/kernel/lupine-general/vmlinux
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

kernel='' smp='' la57='' tests='' quick='' seconds=900
begin kernel:kernel! smp:kernel la57:kernel tests:folder! quick seconds:number -- "$@"
[ -x "$tests/run_kselftest.sh" ] || die "no installed selftests in '$tests'; see --help"
# Those that look at what a processor does to frames, flags and registers.
subset=(mode faults signals flags rsp gs fpu callentry)

# guest_on KERNEL MODEL CPUS MEMORY FLAGS: +FLAG has to be in /proc/cpuinfo, -FLAG not.
guest_on()
{
	local flag shown t selection=''

	[ "$SECONDS" -lt "$seconds" ] || { echo "no time left"; return "$SKIP"; }
	for t in "${subset[@]}"; do
		selection+=" -t kml:$t"
	done
	guest --kernel "$1" --image "$image" --cpu "$2" --cpus "$3" --memory "$4" --timeout 240 \
		--no-net --accel tcg -e KML_EXPECT=1 --entrypoint /bin/sh -- -c \
		"cat /proc/cpuinfo; grep MemTotal /proc/meminfo; exec ./run_kselftest.sh $selection"
	ended 0
	shown=" $(sed -n '/^flags[ \t]*:/{s/.*: //p;q}' "$out") "
	for flag in $5; do
		case $flag in
		+*) [[ $shown == *" ${flag#+} "* ]] || { echo "lacks ${flag#+}"; return 1; } ;;
		-*) [[ $shown != *" ${flag#-} "* ]] || { echo "has ${flag#-}"; return 1; } ;;
		esac
	done
	[ "$(grep -c '^processor' "$out")" = "$3" ] || { echo "not $3 processors"; return 1; }
	# The kernel keeps a part for itself.
	awk -v m="$4" '/^MemTotal:/ { have = $2 / 1024 }
		END { exit !(have <= m && (have > m * 0.8 || have > m - 16)) }' "$out" ||
		{ echo "not $4 MiB"; return 1; }
	"$ROOT/scripts/test/judge" "$out"
}

# on KERNEL MODEL CPUS MEMORY FLAGS
on() { check "$2, $3 of them, $4 MiB, $(kernel_name "$1")" guest_on "$@"; }

build_image "$ROOT/scripts/test/kselftest/manifest" --add "$tests:/kselftest"
# With CONFIG_KML, none of these is on, whatever the processor has.
off="-fsgsbase -smap -smep"
if [ -n "$quick" ]; then
	on "$kernel" qemu64 1 256 "$off -xsave -pcid"
	on "$kernel" max,-fsgsbase,-smap,-smep,-umip,-pcid,-xsave 1 16 "$off -xsave -pcid"
	summary
	exit
fi
on "$kernel" max 1 256 "$off +xsave"
on "$kernel" max,-fsgsbase 1 256 "$off +xsave"
on "$kernel" max,-smap,-smep,-umip 1 256 "$off"
# QEMU emulates no PCID: hosts have it, and KVM.
on "$kernel" max,-pcid 1 256 "$off -pcid"
on "$kernel" max,-la57 1 256 "$off -la57"
on "$kernel" max,-xsave 1 256 "$off -xsave"
on "$kernel" max,-xsaveopt,-xsaves,-xsavec,-avx 1 256 "$off +xsave -avx -xsaves"
on "$kernel" qemu64 1 256 "$off -xsave -pcid"
on "$kernel" kvm64 1 256 "$off -xsave -pcid"
on "$kernel" Nehalem 1 256 "$off -xsave"
on "$kernel" Haswell-noTSX 1 256 "$off +xsave"
on "$kernel" Skylake-Client 1 256 "$off +xsave"
on "$kernel" EPYC 1 256 "$off +xsave"
on "$kernel" max 1 16 "$off"
on "$kernel" max 1 32 "$off"
on "$kernel" max 1 4096 "$off"
if [ -n "$la57" ]; then
	on "$la57" max 1 256 "$off +la57"
	on "$la57" max,-la57 1 256 "$off -la57"
fi
if [ -n "$smp" ]; then
	for n in 1 2 4; do
		on "$smp" max "$n" 256 "$off"
	done
	on "$smp" qemu64 4 512 "$off -xsave"
	on "$smp" max,-fsgsbase,-pcid,-xsave 2 4096 "$off -xsave"
fi
summary
