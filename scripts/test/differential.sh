#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/differential.sh [OPTION]...
#
# Run test suites that others wrote on a kernel with CONFIG_KML and on one without, with
# the same binaries, and print the differences. Programs of Debian also run on the former
# with their system calls rewritten (scripts/callsites). A test that differs runs again,
# alone: if it gives two results in one place, it is named as unsteady. Any other
# difference is a failure, unless scripts/test/differential/differences has a reason for
# it, and so is a complaint of a kernel. The suites are
#
#   kselftest   the kernel's selftests, those in scripts/test/differential/tests
#   kunit       KUnit
#   stress      stress-ng's cpu, vm, scheduler, pipe and interrupt classes (the last has
#               signals)
#   cpython     Python's tests of signals, threads, processes, sockets, files and ctypes
#   redis       Redis's runtest against a server
#   trinity     random system calls
#
#   --kernel VMLINUX
#                  the kernel with CONFIG_KML (default: lupine-general+suites)
#   --other VMLINUX
#                  the one without (default: lupine-general+nokml+suites)
#   --suite NAME   run only this one (may be repeated)
#   --test COLLECTION:TEST
#                  run only this selftest (may be repeated)
#   --quick        run only selftests that are quick and close to the entry code
#   --part NAME    of cpython, run only this file, of redis, only this unit (may be repeated)
#   --seconds N    run each stressor for N seconds (default 1), and trinity for 600 times as
#                  long
#   --timeout N    limit the time of each guest, in seconds (default 1200); cpython and redis
#                  get five times as long
#
# Example: scripts/test/differential.sh --suite kselftest --quick
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
# shellcheck source=scripts/sources.sh
. "$ROOT/scripts/sources.sh"

kernel=$BUILD/kernel/lupine-general+suites/vmlinux
other=$BUILD/kernel/lupine-general+nokml+suites/vmlinux
suites=() tests=() parts=() quick='' seconds=1 timeout=1200
begin kernel:kernel other:kernel suite:list test:list part:list quick seconds:number \
	timeout:number -- "$@"
kernels=("$kernel" "$other" "$kernel") only=("${tests[@]}" "${parts[@]}")
# The longest at the end, in case that somebody has no time for all.
[ ${#suites[@]} -gt 0 ] || suites=(kunit stress kselftest trinity cpython redis)
[ -z "$quick" ] || suites=(kselftest)
for s in "${suites[@]}"; do
	case $s in
	kselftest | kunit | stress | cpython | redis | trinity) ;;
	*) die "no suite '$s'; see --help" ;;
	esac
done
for p in "${parts[@]}"; do
	[[ $p =~ ^[a-z_]+(/[a-z0-9_-]+)*$ ]] || die "--part: '$p' is no file or unit of a suite"
done
for k in "${kernels[@]}"; do
	[ -f "$k" ] || die "no kernel $k; scripts/kconfig/build $(basename "$(dirname "$k")") makes it"
done
sources=$ROOT/scripts/test/differential
# It is kept for the next run.
folder=$BUILD/test/suites
# In the order of the kernels. The last has the programs rewritten.
names=(kml nokml rewritten)
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

# places SUITE: numbers of kernels that it runs on
places() { case $1 in kselftest | kunit) echo 0 1 ;; *) echo 0 1 2 ;; esac; }

# image_of N SUITE: what guests write to it is theirs alone
image_of()
{
	local rewritten=''

	[ "$1" != 2 ] || rewritten=-rewritten
	echo "$work/${2/kunit/stress}$rewritten.ext2"
}

# boot N SUITE LOG [PART]...: one suite on kernel N, or parts of it
boot()
{
	local n=$1 suite=$2 log=$3 status=0 image

	shift 3
	image=$(image_of "$n" "$suite")
	case $suite in
	kselftest)
		"$ROOT/scripts/test/kselftest.sh" --kernel "${kernels[n]}" --tests "$folder/install" \
			--memory 1024 --timeout "$timeout" --test-timeout 120 \
			-e "KSELFTEST_PARAM_TEST_ARGS=$rseq" \
			-e "KSELFTEST_PARAM_TEST_COMPARE_TWICE_ARGS=$rseq" \
			-e "KSELFTEST_PARAM_TEST_MM_CID_ARGS=$rseq" \
			--append "$append" --log "$log" || status=$? ;;
	kunit)
		"$ROOT/scripts/lupine/lupine" run --kernel "${kernels[n]}" --image "$image" \
			--memory 1024 --timeout "$timeout" --no-net --log "$log" \
			--append "ignore_loglevel log_buf_len=1M" --entrypoint /bin/true || status=$? ;;
	stress)
		"$ROOT/scripts/lupine/lupine" run --kernel "${kernels[n]}" --image "$image" \
			--memory 1024 --timeout "$timeout" --log "$log" \
			--append "$append" -- "$seconds" \
			"${classes[@]}" || status=$? ;;
	trinity)
		"$ROOT/scripts/lupine/lupine" run --kernel "${kernels[n]}" --image "$image" \
			--timeout $((timeout + 600 * seconds)) --log "$log" --append "$append" \
			-- $((600 * seconds)) || status=$? ;;
	cpython | redis)
		[ $# -gt 0 ] || [ "$suite" = redis ] || set -- "${python_tests[@]}"
		"$ROOT/scripts/lupine/lupine" run --kernel "${kernels[n]}" --image "$image" \
			--timeout $((5 * timeout)) --log "$log" --append "$append" \
			-- "$@" || status=$? ;;
	esac
	# Failures of tests are compared below; but there has to be something.
	[ -s "$log" ] || return 1
	"$ROOT/scripts/test/judge" --kernel-only "$log" >"$log.judged" 2>&1 || :
	# What did not run would be the same on both.
	case $suite in
	kunit) ;;
	*) ! grep 'did not end' "$log.judged" || status=124 ;;
	esac
	if [ "$status" = 124 ]; then
		echo "did not end in time"
		return 1
	fi
	if [ "$suite" = kunit ]; then
		"$work/records" --kunit <"$log" | sort >"$log.records"
	else
		case $suite in
		redis) "$work/records" --redis <"$log" ;;
		*) "$work/records" <"$log" ;;
		esac >"$log.records"
		grep '^not ok' "$log.judged" | sed 's/0x[0-9a-f]*/N/g; s/[0-9][0-9.]*/N/g; s/^/kernel|/' \
			>>"$log.records" || :
		sort -u -o "$log.records" "$log.records"
	fi
	[ -s "$log.records" ]
}
# Signals are in the last one.
classes=(cpu vm scheduler pipe interrupt)
python_tests=(test_signal test_threading test_subprocess test_socket test_select test_epoll
	test_io test_ctypes test_posix test_mmap test_fcntl test_pty test_multiprocessing_fork)

# Redis's tests are in no package but that of its source.
redis_source()
{
	[ ! -d "$folder/redis/source" ] || return 0
	rm -rf "$folder/redis"
	mkdir -p "$folder/redis/new"
	debian_source "$folder/redis" redis
	tar -xf "$folder"/redis/redis_*.orig.tar.* --strip-components 1 -C "$folder/redis/new"
	mv "$folder/redis/new" "$folder/redis/source"
}

# images SUITE: with system calls as they are, and rewritten
images()
{
	local manifest=$sources/$1/manifest with=() python

	[ ! -e "$(image_of 0 "$1")" ] || return 0
	[ "$1" != redis ] || with=(--add "$folder/redis/source:/redis")
	if [ "$1" = cpython ]; then
		cp "$sources/cpython"/* "$work"
		# The package has the version of python3 in its name.
		python=$(apt-cache depends python3 | sed -n 's/^ *Depends: python\(3\.[0-9]*\)$/\1/p')
		echo "packages libpython$python-testsuite" >>"$work/manifest"
		manifest=$work/manifest
	fi
	"$ROOT/scripts/apps/build" --output "$(image_of 0 "$1")" "${with[@]}" "$manifest"
	"$ROOT/scripts/apps/build" --output "$(image_of 2 "$1")" --rewrite "${with[@]}" "$manifest"
}

# boots SUITE SUFFIX [PART]...: everywhere at once, as a guest has one processor
boots()
{
	local n pids=() status=0

	# Groups of their own, as Ctrl-C does not reach what runs in the background.
	set -m
	trap 'for n in "${pids[@]}"; do kill -- "-$n" 2>/dev/null || :; done; exit 130' INT TERM
	for n in $(places "$1"); do
		boot "$n" "$1" "$folder/${names[n]}.$2" "${@:3}" >"$folder/${names[n]}.$2.out" 2>&1 &
		pids+=($!)
	done
	for n in $(places "$1"); do
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

# judge_test SUITE TEST A B: one that differs between these two places. What is not the
# same twice in one of them is unsteady, and is skipped by name.
judge_test()
{
	local suite=$1 test=$2 a=$folder/$3.$1.records b=$folder/$4.$1.records n unsteady=''

	if runs_again "$suite" && [ "$test" != kernel ]; then
		for n in "$3" "$4"; do
			cmp -s <(of "$test" "$folder/$n.again1.records") \
				<(of "$test" "$folder/$n.again2.records") || unsteady+=" $n"
		done
		a=$folder/$3.again2.records b=$folder/$4.again2.records
	fi
	echo "lines of $3 (<) and of $4 (>):"
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

runs_again() { [[ " kselftest cpython redis " == *" $1 "* ]]; }

# again SUITE TEST...: those that differ, alone, twice in each place
again()
{
	local list=$folder/install/kselftest-list.txt i suite=$1 parts=()

	shift
	if [ "$suite" != kselftest ]; then
		# cpython:test.FILE.CLASS.TEST, cpython:FILE, redis:UNIT: TEST
		mapfile -t parts < <(printf '%s\n' "$@" | sed -n \
			's/^cpython:\(test\.\)\{0,1\}\([^.]*\).*/\2/p; s/^redis:\([^:]*\):.*/\1/p' | sort -u)
		for i in 1 2; do
			[ ${#parts[@]} = 0 ] || boots "$suite" "again$i" "${parts[@]}" || :
		done
		return 0
	fi
	cp "$list" "$list.all"
	printf '%s\n' "$@" | grep -vx kernel >"$list" || :
	if [ -s "$list" ]; then
		for i in 1 2; do
			boots kselftest "again$i" || :
		done
	fi
	mv "$list.all" "$list"
}

# compare SUITE PLACE: with the kernel without CONFIG_KML
compare()
{
	local suite=$1 test a=$folder/$2.$1.records b=$folder/nokml.$1.records total

	total=$(cat "$a" "$b" | cut -d'|' -f1 | sort -u | wc -l)
	local tests=()

	mapfile -t tests < <(differing "$a" "$b")
	if runs_again "$suite" && [ ${#tests[@]} -gt 0 ]; then
		check "$suite, $2: ${#tests[@]} that differ, again" again "$suite" "${tests[@]}"
	fi
	echo "# $suite, $2: $total tests, $((total - ${#tests[@]})) the same, $(
		grep -c '|= passed\||ok' "$a" || :) verdicts ok"
	for test in "${tests[@]}"; do
		check "$suite, $2: $test" judge_test "$suite" "$test" "$2" nokml
	done
	# Not one test for each of those that are the same: they have their names
	# in the records.
	[ ${#only[@]} -gt 0 ] || check \
		"$suite, $2: $((total - ${#tests[@]})) tests say the same as without CONFIG_KML" \
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
	kunit)
		check "an image for kunit" images stress ;;
	*)
		if [ "$s" = redis ]; then
			check "the source of Redis" redis_source
			ok || continue
		fi
		check "images for $s" images "$s" ;;
	esac
	ok || continue
	check "$s runs" boots "$s" "$s" "${parts[@]}"
	ok || continue
	compare "$s" kml
	[[ " $(places "$s") " != *" 2 "* ]] || compare "$s" rewritten
done
summary
