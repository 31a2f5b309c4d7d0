#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/differential.sh [OPTION]...
#
# Run the kernel's own test suites on a kernel with CONFIG_KML and on one without, with
# the same binaries, and print the differences. The suites are the kernel's selftests
# (those in scripts/test/differential/tests), KUnit, and stress-ng's cpu, vm, scheduler,
# pipe and interrupt classes (the last has signals). A test that differs runs again,
# alone: if it gives two results on one kernel, it is named as unsteady. Any other
# difference is a failure, unless scripts/test/differential/differences has a reason for
# it, and so is a complaint of a kernel.
#
#   --kernel VMLINUX
#                  the kernel with CONFIG_KML (default: lupine-general+suites)
#   --other VMLINUX
#                  the one without (default: lupine-general+nokml+suites)
#   --suite NAME   run only kselftest, kunit or stress (may be repeated)
#   --test COLLECTION:TEST
#                  run only this selftest (may be repeated)
#   --quick        run only selftests that are quick and close to the entry code
#   --seconds N    run each stressor for N seconds (default 1)
#   --timeout N    limit the time of each guest, in seconds (default 1200)
#
# Example: scripts/test/differential.sh --suite kselftest --quick
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

kernel=$BUILD/kernel/lupine-general+suites/vmlinux
other=$BUILD/kernel/lupine-general+nokml+suites/vmlinux
suites=() tests=() quick='' seconds=1 timeout=1200
begin kernel:kernel other:kernel suite:list test:list quick seconds:number \
	timeout:number -- "$@"
kernels=("$kernel" "$other") only=("${tests[@]}")
# The longest at the end, in case that somebody has no time for all.
[ ${#suites[@]} -gt 0 ] || suites=(kunit stress kselftest)
[ -z "$quick" ] || suites=(kselftest)
for s in "${suites[@]}"; do
	case $s in kselftest | kunit | stress) ;; *) die "no suite '$s'; see --help" ;; esac
done
for k in "${kernels[@]}"; do
	[ -f "$k" ] || die "no kernel $k; scripts/kconfig/build $(basename "$(dirname "$k")") makes it"
done
sources=$ROOT/scripts/test/differential
# It is kept for the next run.
folder=$BUILD/test/suites
# In the order of the kernels.
names=(kml nokml)
# QEMU 7.2 takes the stack of a far return in ring 3 for the kernel's, and SMAP
# makes that fatal; with CONFIG_KML, SMAP is off anyway.
append="kunit.enable=0 clearcpuid=smap"
# Threads and rounds; by default it takes hours here.
rseq="-t 4 -r 500"

# The selftests of the patched tree, from a copy: their Makefiles write into it.
compile()
{
	local objects=$folder/objects collections

	collections=$(wanted | cut -d' ' -f1 | sort -u | paste -sd' ')
	if cmp -s "$folder/stamp" <(cat "$BUILD/tree/.lupine-stamp"; echo "$collections"); then
		return 0
	fi
	rm -rf "$folder/tree" "$folder/install"
	mkdir -p "$folder" "$objects"
	lock_shared tree
	cp -al "$BUILD/tree" "$folder/tree"
	make -s -C "$folder/tree" O="$objects" headers
	# -i, as some want what only other architectures or later compilers have, and
	# nothing of a collection would be installed then; those that the list names have
	# to be there, or it is an error. khugepaged forgets to include the header of
	# KSFT_SKIP.
	make -i -s -j"$JOBS" -C "$folder/tree/tools/testing/selftests" TARGETS="$collections" \
		O="$objects" KHDR_INCLUDES="-isystem $objects/usr/include" CAN_BUILD_I386=0 \
		EXTRA_CFLAGS=-DKSFT_SKIP=4 INSTALL_PATH="$folder/install" install
	rm -rf "$folder/tree"
	cp "$folder/install/kselftest-list.txt" "$folder/install/all"
	(cat "$BUILD/tree/.lupine-stamp"; echo "$collections") >"$folder/stamp"
}

# wanted: lines of the list, "COLLECTION TEST...".
wanted() { sed -n "${quick:+/^quick /!d;} s/^quick //; s/^$BASE //; /^[^#0-9]/p" "$sources/tests"; }

# What is to run, in $folder/install/kselftest-list.txt.
choose()
{
	local collection chosen t missing=0 list=$folder/install/kselftest-list.txt

	set -f
	while read -r collection chosen; do
		for t in $chosen; do
			case $t in
			'*') grep "^$collection:" "$folder/install/all" && continue ;;
			-*) grep -qxF "$collection:${t#-}" "$folder/install/all" && continue ;;
			# mm installs its programs for a script that runs them all.
			*) [ ! -x "$folder/install/$collection/$t" ] ||
				{ echo "$collection:$t"; continue; } ;;
			esac
			echo "no $collection:$t" >&2
			missing=1
		done
	done < <(wanted) >"$list.new"
	set +f
	wanted | sed -n 's/^\([^ ]*\) .* -\([^ ]*\).*/\1:\2/p' >"$list.not"
	grep -vxF -f "$list.not" "$list.new" >"$list"
	if [ ${#only[@]} -gt 0 ]; then
		printf '%s\n' "${only[@]}" >"$list.only"
		! grep -vxF -f "$list" "$list.only" || missing=1
		mv "$list.only" "$list"
	fi
	[ "$missing" = 0 ]
}

# boot N SUITE LOG [--test T]...: one suite on kernel N.
boot()
{
	local n=$1 suite=$2 log=$3 status=0

	shift 3
	case $suite in
	kselftest)
		"$ROOT/scripts/test/kselftest.sh" --kernel "${kernels[n]}" --tests "$folder/install" \
			--memory 1024 --timeout "$timeout" --test-timeout 120 \
			-e "KSELFTEST_PARAM_TEST_ARGS=$rseq" \
			-e "KSELFTEST_PARAM_TEST_COMPARE_TWICE_ARGS=$rseq" \
			-e "KSELFTEST_PARAM_TEST_MM_CID_ARGS=$rseq" \
			--append "$append" --log "$log" "$@" || status=$? ;;
	kunit)
		"$ROOT/scripts/lupine/lupine" run --kernel "${kernels[n]}" --image "$image" \
			--memory 1024 --timeout "$timeout" --no-net --log "$log" \
			--append "ignore_loglevel log_buf_len=1M" --entrypoint /bin/true || status=$? ;;
	stress)
		"$ROOT/scripts/lupine/lupine" run --kernel "${kernels[n]}" --image "$image" \
			--memory 1024 --timeout "$timeout" --log "$log" \
			--append "$append" -- "$seconds" \
			"${classes[@]}" || status=$? ;;
	esac
	# Failures of tests are compared below; but there has to be something.
	[ -s "$log" ] || return 1
	"$ROOT/scripts/test/judge" --kernel-only "$log" >"$log.judged" 2>&1 || :
	# What did not run would be the same on both.
	if [ "$status" = 124 ] || { [ "$suite" != kunit ] && grep 'did not end' "$log.judged"; }; then
		echo "ended after $timeout s, or before"
		return 1
	fi
	if [ "$suite" = kunit ]; then
		"$work/records" --kunit <"$log" | sort >"$log.records"
	else
		"$work/records" <"$log" >"$log.records"
		grep '^not ok' "$log.judged" | sed 's/0x[0-9a-f]*/N/g; s/[0-9][0-9.]*/N/g; s/^/kernel|/' \
			>>"$log.records" || :
		sort -u -o "$log.records" "$log.records"
	fi
	[ -s "$log.records" ]
}
# Signals are in the last one.
classes=(cpu vm scheduler pipe interrupt)

# boots SUITE SUFFIX: on both kernels at once, as a guest has one processor.
boots()
{
	local n pids=() status=0

	# Groups of their own, as Ctrl-C does not reach what runs in the background.
	set -m
	trap 'for n in "${pids[@]}"; do kill -- "-$n" 2>/dev/null || :; done; exit 130' INT TERM
	for n in 0 1; do
		boot "$n" "$1" "$folder/${names[n]}.$2" >"$folder/${names[n]}.$2.out" 2>&1 &
		pids+=($!)
	done
	for n in 0 1; do
		wait "${pids[n]}" || { status=1; tail -n 20 "$folder/${names[n]}.$2.out"; }
	done
	trap - INT TERM
	return "$status"
}

# differing A B: the tests whose records differ.
differing() { { comm -3 "$1" "$2" || :; } | sed 's/^\t//' | cut -d'|' -f1 | sort -u; }

# of TEST RECORDS
of()
{
	grep -F "$1|" "$2" | grep "^$(sed 's/[][\.*^$/]/\\&/g' <<<"$1")|" || :
}

# explained TEST A B: whether all lines that differ have a reason.
explained()
{
	local line test regex reason

	while IFS= read -r line; do
		while IFS=$'\t' read -r test regex reason; do
			[ "$test" = "$1" ] || continue
			if grep -qE -e "$regex" <<<"$line"; then
				echo "$reason"
				continue 2
			fi
		done < <(grep -v '^[[:space:]]*\(#\|$\)' "$sources/differences")
		return 1
	done < <({ comm -3 <(of "$1" "$2") <(of "$1" "$3") || :; } | sed 's/^\t//; s/^[^|]*|//')
	return 0
}

# judge_test SUITE TEST A B: one that differs. What is not the same twice on one
# kernel is unsteady, and is skipped by name.
judge_test()
{
	local suite=$1 test=$2 a=$3 b=$4 n unsteady=''

	if [ "$suite" = kselftest ] && [ "$test" != kernel ]; then
		for n in 0 1; do
			cmp -s <(of "$test" "$folder/${names[n]}.again1.records") \
				<(of "$test" "$folder/${names[n]}.again2.records") ||
				unsteady+=" ${names[n]}"
		done
		a=$folder/kml.again2.records b=$folder/nokml.again2.records
	fi
	echo "lines of the kernel with CONFIG_KML (<) and of the other (>):"
	if diff <(of "$test" "$a") <(of "$test" "$b"); then
		echo "unsteady: differed among all, and not among those that did"
		return "$SKIP"
	fi
	if [ -n "$unsteady" ]; then
		echo "unsteady: two runs differ on:$unsteady"
		return "$SKIP"
	fi
	explained "$test" "$a" "$b"
}

# again TEST...: those that differ, alone, twice on each kernel.
again()
{
	local list=$folder/install/kselftest-list.txt i

	cp "$list" "$list.all"
	printf '%s\n' "$@" | grep -vx kernel >"$list" || :
	if [ -s "$list" ]; then
		for i in 1 2; do
			boots kselftest "again$i" || :
		done
	fi
	mv "$list.all" "$list"
}

compare()
{
	local suite=$1 test a=$folder/kml.$1.records b=$folder/nokml.$1.records total

	total=$(cat "$a" "$b" | cut -d'|' -f1 | sort -u | wc -l)
	local tests=()

	mapfile -t tests < <(differing "$a" "$b")
	if [ "$suite" = kselftest ] && [ ${#tests[@]} -gt 0 ]; then
		check "$suite: ${#tests[@]} that differ, again" again "${tests[@]}"
	fi
	echo "# $suite: $total tests, $((total - ${#tests[@]})) the same, $(
		grep -c '|= passed\||ok' "$a" || :) verdicts ok with CONFIG_KML"
	for test in "${tests[@]}"; do
		check "$suite: $test" judge_test "$suite" "$test" "$a" "$b"
	done
	# Not one test for each of those that are the same: they have their names
	# in the records.
	[ ${#only[@]} -gt 0 ] || check "$suite: $((total - ${#tests[@]})) tests say the same on both" \
		test "$total" -gt "${#tests[@]}"
}

need comm diff gcc
gcc -O2 -Wall -Wextra -Werror -o "$work/records" "$sources/records.c"
mkdir -p "$folder"
for s in "${suites[@]}"; do
	case $s in
	kselftest)
		check "the selftests compile" compile
		! ok || check "the selftests of the list are there" choose
		ok || continue ;;
	*)
		build_image "$sources/manifest" ;;
	esac
	check "$s on both kernels" boots "$s" "$s"
	ok || continue
	compare "$s"
done
summary
