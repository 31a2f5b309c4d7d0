#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/kselftest.sh --kernel VMLINUX --tests DIR [OPTION]...
#
# Boot a kernel, run kselftests in it and judge the result. DIR is what
# `make -C tools/testing/selftests TARGETS=... INSTALL_PATH=DIR install` made.
# The console with its KTAP is shown as it comes; the last line is
# "N passed, N failed, N skipped". The exit status is 0 only if all tests that
# were planned ran and none failed, the kernel reported no bug, warning, stall
# or lock problem, and the guest ended by itself. scripts/test/judge decides that.
#
#   --collection NAME     only these tests (may be repeated)
#   --test COLLECTION:TEST   only this test (may be repeated)
#   --skip COLLECTION:TEST   all tests but this one (may be repeated)
#   --cpus N              virtual processors (default 1)
#   --memory MiB          (default 256)
#   --timeout SECONDS     for everything (default 300)
#   --test-timeout SECONDS   for each test, instead of what its settings say
#   --no-skip             a skipped test is a failure
#   --nmi N               with N non-maskable interrupts a second; the kernel's
#                         complaints about them are left out
#   --mce N               the same with machine checks, for a kernel with X86_MCE
#   --append WORDS        as scripts/lupine/lupine run has it, like the next five
#   --qemu WORD
#   --accel MODE
#   --cpu MODEL
#   --monitor SOCKET
#   -e NAME=VALUE
#   --image EXT2          an image with the tests, instead of making one
#   --log FILE            keep the console
set -eu

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/../lib.sh"

# What the tests are linked with and the image's packages do not bring.
copy_libraries()
{
	local lib

	find "$tests" -type f -perm -u+x -exec ldd {} + 2>/dev/null |
	awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u |
	while read -r lib; do
		case ${lib##*/} in
		libc.so.* | libm.so.* | libpthread.* | librt.* | libdl.* | libgcc_s.*) ;;
		*) cp -L "$lib" "$work/lib/" ;;
		esac
	done
}

main()
{
	local kernel='' tests='' selection=() machine=() timeout=300 memory=256 no_skip=''
	local test_timeout='' row='' log='' status=0 run_status=0 skips=() name only=() groups=() image=''
	work=''

	options kernel:kernel! tests:folder! collection:list=groups test:list=only skip:list \
		timeout:number test-timeout:number memory:number log:text image:file no-skip nmi:guest \
		mce:guest cpus:guest append:guest qemu:guest accel:guest cpu:guest monitor:guest e:guest -- "$@"
	for name in "${groups[@]}"; do
		selection+=(-c "$name")
	done
	for name in "${only[@]}"; do
		selection+=(-t "$name")
	done
	if [ ! -x "$tests/run_kselftest.sh" ] || [ ! -r "$tests/kselftest-list.txt" ]; then
		die "$tests has no installed kselftests (run_kselftest.sh, kselftest-list.txt)"
	fi
	[ -s "$tests/kselftest-list.txt" ] || die "$tests/kselftest-list.txt names no test"
	if [ ${#skips[@]} -gt 0 ]; then
		[ ${#selection[@]} = 0 ] || die "--skip excludes --test and --collection"
		for name in "${skips[@]}"; do
			grep -qxF "$name" "$tests/kselftest-list.txt" ||
				die "--skip $name: $tests has no such test"
		done
		while read -r name; do
			selection+=(-t "$name")
		done < <(grep -vxF "$(printf '%s\n' "${skips[@]}")" "$tests/kselftest-list.txt")
		[ ${#selection[@]} -gt 0 ] || die "--skip leaves no test"
	fi
	[ -z "$test_timeout" ] || selection+=(-o "$test_timeout")

	mkdir -p "$BUILD/vm"
	work=$(mktemp -d "$BUILD/vm/kselftest-XXXXXX")
	at_end rm -rf "$work"
	if [ -z "$image" ]; then
		image=$work/root.ext2
		mkdir "$work/lib"
		copy_libraries
		logged "$work/build.log" "$ROOT/scripts/apps/build" --output "$image" \
			--add "$tests:/kselftest" --add "$work/lib:/usr/lib/x86_64-linux-gnu" \
			"$ROOT/scripts/test/kselftest/manifest" ||
			die "the image with the tests could not be made"
	fi

	[[ " ${machine[*]} " != *" --nmi "* ]] || row=NMI
	[[ " ${machine[*]} " != *" --mce "* ]] || row=MCE
	if [ -n "$row" ]; then
		# Each of them makes the kernel speak, in the middle of the tests'
		# lines. Its log is shown at the end instead; a panic still is at once.
		# shellcheck disable=SC2016 # for the guest's shell
		selection=(-c './run_kselftest.sh "$@"; status=$?
			dmesg | grep -Ev "NMI: |NMI received|Dazed and confused|Do you have a strange" |
				grep -Ev "mce: .*(Hardware Error|Machine check events logged|Uncorrected memory)"
			awk -v row=$0: "\$1 == row { for (i = 2; \$i ~ /^[0-9]+\$/; i++) n += \$i }
				END { print \"# \" row, n + 0; exit !n }" /proc/interrupts ||
				{ echo "none of them came"; status=1; }
			exit $status' "$row" "${selection[@]}")
		machine+=(--append "loglevel=0 log_buf_len=8M" --entrypoint /bin/sh)
	fi
	log=${log:-$work/console}
	"$ROOT/scripts/lupine/lupine" run --kernel "$kernel" --image "$image" \
		--memory "$memory" --timeout "$timeout" --log "$log" "${machine[@]}" \
		-- "${selection[@]}" </dev/null || run_status=$?
	if [ "$run_status" = 125 ] && ! grep -q 'exit status 125' "$log" 2>/dev/null; then
		die "the guest could not be started"
	fi

	echo "# kselftest: the verdict"
	[ "$run_status" != 124 ] || echo "not ok - still running after $timeout s"
	"$ROOT/scripts/test/judge" ${no_skip:+--no-skip} "$log" >"$work/verdict" || status=1
	[ "$run_status" = 0 ] || status=1
	if [ "$status" != 0 ]; then
		echo "# the end of the console:"
		tail -n 40 "$log" | tr -d '\r' | sed 's/^/#   /'
	fi
	cat "$work/verdict"
	exit "$status"
}

main "$@"
