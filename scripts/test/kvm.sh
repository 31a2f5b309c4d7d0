#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/kvm.sh --kernel VMLINUX --tests DIR [OPTION]...
#
# Test kernels as guests of KVM. If KVM does not work on this machine, the tests run in a
# virtual machine where it does (scripts/test/with-kvm --help). That takes half an hour, and
# 3 GiB of memory, on a machine that is idle; --quick takes a tenth of that.
#
#   --kernel VMLINUX  lupine-general
#   --tests DIR       kml's kselftests, installed
#   --quick           only boot, and the kselftests mode and callentry
#   --smp VMLINUX     also test two processors, with this kernel
#   --other VMLINUX   also test this kernel, which has no CONFIG_KML
#   --boot VMLINUX    also boot this kernel (may be repeated)
#   --ukl FOLDER      also test applications in this kernel
#   --inside FOLDER   the images are in FOLDER, and KVM works
#
# Example: scripts/test/kvm.sh --quick --kernel build/kernel/lupine-general/vmlinux \
#              --tests build/test/kselftest/kml
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

kernel='' tests='' quick='' smp='' other='' boots=() ukl='' inside=''
command=("$0" "$@")
begin kernel:kernel! tests:folder! quick smp:kernel other:kernel boot:list ukl:folder \
	inside:folder -- "$@"
programs=(process init hello++)

link_programs()
{
	PATH=$ROOT/scripts/ukl:$PATH UKL_KERNEL=$ukl make -C "$BUILD/tree/tools/testing/selftests/ukl" \
		OUTPUT="$images" KHDR_INCLUDES='' CC=ukl-gcc CXX=ukl-g++ "${programs[@]/#/$images/}"
}

kvm() { guest --accel kvm --no-net --timeout 900 "$@"; }

says_hello() { kvm --kernel "$1" --image "$images/hello.ext2"; ended 0 '^Hello from Lupine'; }

# selftests KERNEL CPUS EXPECT [OPTION...]
selftests()
{
	suite "kselftest kml, $(kernel_name "$1"), $2 CPU${4:+, ${*:4}}" \
		"$ROOT/scripts/test/kselftest.sh" --accel kvm --kernel "$1" --cpus "$2" \
		--tests "$tests" --image "$images/kselftest.ext2" --timeout 2400 \
		--test-timeout 600 -e "KML_EXPECT=$3" "${@:4}"
}

if [ -z "$inside" ]; then
	images=$work/images
	mkdir "$images"
	"$ROOT/scripts/apps/build" --output "$images/hello.ext2" hello
	"$ROOT/scripts/apps/build" --output "$images/kselftest.ext2" --add "$tests:/kselftest" \
		"$ROOT/scripts/test/kselftest/manifest"
	[ -n "$quick" ] || "$ROOT/scripts/apps/build" redis
	[ -z "$ukl" ] || must "applications are linked with the kernel" link_programs
	within=(timeout 3400 "$ROOT/scripts/test/with-kvm")
	if [ "$("$ROOT/scripts/lupine/lupine" accel)" = kvm ]; then
		within=()
	elif ! "$ROOT/scripts/test/with-kvm" --fetch; then
		skip "guests of KVM" "Debian 13's kernel and QEMU cannot be had, see above"
		summary
		exit
	fi
	suite "guests of KVM" "${within[@]}" "${command[@]}" --inside "$images"
	summary
	exit
fi

images=$inside
check "$(kernel_name "$kernel") boots" says_hello "$kernel"
if [ -n "$quick" ]; then
	selftests "$kernel" 1 1 --test kml:mode --test kml:callentry
	summary
	exit
fi
for k in "${boots[@]}"; do
	check "${k#"$BUILD/kernel/"} boots" says_hello "$k"
done
suite "application redis" "$ROOT/scripts/test/app.sh" redis --kernel "$kernel" --accel kvm
selftests "$kernel" 1 1
selftests "$kernel" 1 1 --nmi 20 --test kml:callstorm
[ -z "$other" ] || selftests "$other" 1 0
[ -z "$smp" ] || selftests "$smp" 2 1
for program in ${ukl:+"${programs[@]}"}; do
	suite "the selftest $program in the kernel" "$ROOT/scripts/lupine/lupine" run --accel kvm \
		--timeout 900 "$images/$program"
done
summary
