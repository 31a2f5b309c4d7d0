#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/bochs.sh --kernel BZIMAGE --tests DIR [OPTION]...
#
# Run kml's kselftests, which are installed in DIR, on Bochs, a second model of the processor
# (scripts/test/with-bochs --help), and the kernel's own test of traps that MOV SS holds back,
# which QEMU does not model. That takes 5 to 10 minutes.
#
#   --kernel BZIMAGE  lupine-general+bochs
#   --lass BZIMAGE    take a processor with LASS, which keeps ring 0 from the processes' half of
#                     the addresses, and see that it is off in the first kernel, and on in this
#                     one, which has no CONFIG_KML. Linux 6.12 does not know it
#   BOCHS=PROGRAM     a variable: also run the kselftests with FRED, and without on the same
#                     processor, on a Bochs that has it (see with-bochs --program)
#
# Example: scripts/test/bochs.sh --tests build/test/kselftest/kml \
#              --kernel build/kernel/lupine-general+bochs/arch/x86/boot/bzImage
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

kernel='' tests='' lass=''
begin kernel:kernel! tests:folder! lass:kernel -- "$@"
with_bochs=$ROOT/scripts/test/with-bochs

bochs()
{
	run no_returns "$with_bochs" "${program[@]}" "$ROOT/scripts/lupine/lupine" run \
		--accel tcg --no-net "$@"
}

# shell COMMAND OPTION...: have a shell of the guest run it.
shell() { bochs --image "$image" --memory 256 --entrypoint /bin/sh "${@:2}" -- -c "$1"; }

status_is_told() { shell 'exit 7' --kernel "$kernel" --timeout 600; ended 7; }

panic_is_seen()
{
	bochs --image "$image" --memory 256 --kernel "$kernel" --timeout 600 --append rdinit=/none
	ended 255 'Kernel panic'
}

hang_is_ended()
{
	shell 'while :; do :; done' --kernel "$kernel" --timeout 30
	ended 124
}

# Whoever ends with-bochs ends the machine, though a program between them lives on. The machine
# holds standard output open.
killed_with_its_machine()
{
	local start=$SECONDS lupine=$ROOT/scripts/lupine/lupine

	# shellcheck disable=SC2016 # for the shell between them
	: "$(timeout --foreground 30 "$with_bochs" sh -c '"$@"; :' sh "$lupine" \
		run --accel tcg --no-net --image "$image" --memory 256 --kernel "$kernel" \
		--timeout 300 --entrypoint /bin/sh -- -c 'while :; do :; done')"
	echo "ended after $((SECONDS - start)) s"
	[ $((SECONDS - start)) -lt 120 ]
}

# install_x86 FOLDER [TEST]: the kernel's own 64-bit tests
install_x86()
{
	make -C "$BUILD/tree/tools/testing/selftests" TARGETS=x86 O="$work/objects-$1" \
		INSTALL_PATH="$work/$1" FORCE_TARGETS=1 CAN_BUILD_I386=0 CAN_BUILD_X86_64=1 \
		TARGETS_C_32BIT_ALL= ${2:+TARGETS_C_64BIT_ALL="$2"} install
	[ -x "$work/$1/x86/${2:-syscall_nt}_64" ]
}

# selftests TITLE KERNEL TESTS OPTION...
selftests()
{
	suite "kselftest $1, $(kernel_name "$2"), Bochs${4:+, ${*:4}}" "$with_bochs" "${program[@]}" \
		"$ROOT/scripts/test/kselftest.sh" --accel tcg --kernel "$2" --tests "$3" \
		-e KML_EXPECT=1 --timeout 2400 --test-timeout 300 "${@:4}"
}

# flag_is FLAG on|off KERNEL PATTERN OPTION...: does the kernel list it for the processor, whose
# /proc/cpuinfo has a line of that pattern?
flag_is()
{
	local has=off

	shell 'cat /proc/cpuinfo' --kernel "$3" --timeout 600 "${@:5}"
	ended 0 "$4"
	! grep -q "^flags.* $1\b" "$out" || has=on
	echo "$1 is $has, wanted: $2"
	[ "$has" = "$2" ]
}

fred_kernel() { kernel=$BUILD/kernel/$1/arch/x86/boot/bzImage; }

# Of each kernel, what instructions events take.
with_fred()
{
	local switch kml=lupine-general+bochs+fred stock=lupine-general+nokml+stock+bochs+fred

	must "kernel $kml" "$ROOT/scripts/kconfig/build" "$kml"
	must "kernel $stock" "$ROOT/scripts/kconfig/build" "$stock"
	mkdir "$work/tests"
	must "counts.c can be compiled" gcc -O2 -static -mno-red-zone -Wall -Wextra -Werror \
		-o "$work/tests/counts" "$ROOT/scripts/test/bochs/counts.c"
	build_image "$ROOT/scripts/test/kselftest/manifest" --add "$work/tests:/tests"
	program=(--program "$BOCHS")
	for switch in on off; do
		fred_kernel "$kml"
		check "fred=$switch is what the processor has" flag_is fred "$switch" "$kernel" '^flags' \
			--cpu wildcat_lake --append "fred=$switch"
		# On this Bochs, pkeys hangs with FRED and without.
		selftests kml "$kernel" "$tests" --cpu wildcat_lake --append "fred=$switch" \
			--skip kml:pkeys
		check "what CALL takes is counted, fred=$switch" counts "$switch" CALL
		fred_kernel "$stock"
		check "what SYSCALL takes is counted without CONFIG_KML, fred=$switch" \
			counts "$switch" SYSCALL
	done
	must "the kernel's x86 selftests can be compiled" install_x86 x86-all
	check "they run without CONFIG_KML, fred=on" verdicts without
	fred_kernel "$kml"
	check "they run with CONFIG_KML, fred=on" verdicts with
	check "they say the same" as_without
}

# verdicts OF: what the x86 selftests say with FRED, without numbers
verdicts()
{
	run "$with_bochs" "${program[@]}" "$ROOT/scripts/test/kselftest.sh" --accel tcg \
		--kernel "$kernel" --tests "$work/x86-all" --cpu wildcat_lake --append fred=on \
		--timeout 1200 --test-timeout 120
	sed -nE 's/^(ok|not ok) [0-9]+ selftests: x86: ([a-z0-9_]+).*/\2 \1/p' "$out" | sort >"$work/$1"
	[ "$(wc -l <"$work/$1")" -ge 15 ]
}

# Those that differ are the ones that differ without FRED, too, for which differential.sh has the
# reasons, and sysret_rip, which fails on this Bochs without CONFIG_KML.
as_without()
{
	local known='int_signal|iopl|ioperm|sysret_rip|sysret_ss_attrs|test_vsyscall'

	cat "$work/with"
	! diff "$work/without" "$work/with" | grep '^[<>]' | grep -vE "^. ($known)_64 "
}

counts()
{
	bochs --image "$image" --memory 256 --kernel "$kernel" --cpu wildcat_lake \
		--append "fred=$1" --timeout 600 --entrypoint /tests/counts
	ended 0 "^counts: getppid.. by $2 " '^counts: NMI' '^counts: timer interrupt'
	grep -a '^counts' "$out"
}

model=() program=()
[ -z "$lass" ] || model=(--cpu arrow_lake)
"$with_bochs" --fetch || {
	skip "Bochs" "Debian 13's Bochs cannot be had, see above"
	summary
	exit
}
build_image "$ROOT/scripts/test/kselftest/manifest" --add "$tests:/kselftest"
checks status_is_told panic_is_seen hang_is_ended killed_with_its_machine
selftests kml "$kernel" "$tests" "${model[@]}"
# It looks at what QEMU does not have; differential.sh runs the kernel's others.
must "mov_ss_trap can be compiled" install_x86 x86 mov_ss_trap
selftests x86 "$kernel" "$work/x86"
if [ -n "$lass" ]; then
	processor='^model name.*Ultra 5 245K'
	check "LASS is on without CONFIG_KML" flag_is lass on "$lass" "$processor" "${model[@]}"
	check "LASS is off with CONFIG_KML" flag_is lass off "$kernel" "$processor" "${model[@]}"
fi
[ -z "${BOCHS:-}" ] || with_fred
summary
