#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: scripts/test/bench.sh [--kernel VMLINUX]
#
# Tests how results are kept and what the tables make of them and, with a
# kernel, that measuring works and counts instructions exactly.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/../lib.sh"
# shellcheck source=scripts/test/lib.sh
. "$ROOT/scripts/test/lib.sh"

kernel=
case ${1:-} in
-h | --help) usage; exit ;;
--kernel) kernel=$(readlink -f "${2:?--kernel wants a file}") ;;
'') ;;
*) die "unknown argument '$1'; see --help" ;;
esac
bench=$ROOT/scripts/bench
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Results of tests are no results.
export BUILD=$work/build
mkdir -p "$BUILD/bench"
# shellcheck source=scripts/bench/lib.sh
. "$bench/lib.sh"

rows()	# rows SYSTEM VALUE...: one a run
{
	local system=$1 value run=0

	shift
	for value; do
		run=$((run + 1))
		echo "x,$system,null-ns,ns,$value,$run,tcg,6.12.1,p"
	done
}

results_are_kept()
{
	local i

	rm -f "$RESULTS"
	[ "$(next_run x)" = 1 ]
	# Whoever appends at the same time must lose nothing.
	for ((i = 1; i <= 20; i++)); do
		rows "s$i" 1 2 3 >"$work/rows$i"
		append_rows "$work/rows$i" &
	done
	wait
	[ "$(head -n 1 "$RESULTS")" = "$COLUMNS_OF_RESULTS" ]
	[ "$(wc -l <"$RESULTS")" = 61 ]
	[ "$(sort -u "$RESULTS" | wc -l)" = 61 ]
	[ "$(next_run x)" = 4 ]
	[ "$(next_run y)" = 1 ]
}

bad_rows_are_refused()
{
	rm -f "$RESULTS"
	echo 'x,too,few' >"$work/bad"
	: >"$work/empty"
	if (append_rows "$work/bad"); then return 1; fi
	if (append_rows "$work/empty"); then return 1; fi
	[ ! -e "$RESULTS" ]
	echo 'other,columns' >"$RESULTS"
	rows a 1 >"$work/good"
	if (append_rows "$work/good"); then return 1; fi
	[ "$(cat "$RESULTS")" = other,columns ]
}

table_of()	# of the rows on standard input
{
	rm -f "$RESULTS"
	cat >"$work/rows"
	append_rows "$work/rows"
	"$bench/table" x --baseline base | tee "$work/table"
}

medians_and_ratios()
{
	# A machine that is slower in the second run is so for both.
	{ rows base 100 900 102 98 104; rows fast 50 450 51 49 52; } | table_of
	grep -qE '^null-ns +base +5 +102 ns +98\.\.900 +baseline$' "$work/table"
	grep -qE '^null-ns +fast +5 +51 ns +49\.\.450 +0\.500  0\.500\.\.0\.500$' "$work/table"
	grep -q 'accelerator tcg, Linux 6.12.1, profiles p; ratios to base' "$work/table"
	# Of an even number the mean of the middle ones, numbers and not text.
	rows base 9 10 11 100 | table_of
	grep -qE '^null-ns +base +4 +10\.50 ns +9\.\.100 ' "$work/table"
	# Runs that only one of them has do not count for the ratio.
	{ rows base 100 100; rows fast 50 50 1000; } | table_of
	grep -qE '^null-ns +fast +3 .* 0\.500  0\.500\.\.0\.500$' "$work/table"
}

no_difference_within_the_spread()
{
	{ rows base 100 100 100; rows same 90 95 101; rows less 90 95 99; } | table_of
	grep -qE '^null-ns +same .*  no difference$' "$work/table"
	grep -qE '^null-ns +less .* 0\.900\.\.0\.990$' "$work/table"
}

targets_are_judged()
{
	rm -f "$RESULTS"
	{
		for v in "microvm 100 1" "lupine-base 30 1" "microvm 200 2" "lupine-base 80 2" \
			"microvm 100 3" "lupine-base 31 3" "lupine-tiny 5 3"; do
			read -r s n r <<<"$v"
			echo "x,$s,bytes,bytes,$n,$r,tcg,6.12.1,p"
		done
	} >"$work/rows"
	append_rows "$work/rows"
	# The median of the ratios, and not the ratio of the medians.
	targets x 1 <<-END | tee "$work/out"
	lupine-base bytes ratio 0.31
	lupine-tiny bytes most 4
	lupine-general bytes ratio 1
	END
	grep -qE '^lupine-base +bytes +0\.310 +at most 0\.31 +reached$' "$work/out"
	grep -qE '^lupine-tiny +bytes +5 +at most 4 +MISSED$' "$work/out"
	if grep lupine-general "$work/out"; then return 1; fi
	# Runs from before do not count.
	echo 'lupine-base bytes ratio 0.309' | targets x 2 | tee "$work/out"
	grep -qE '^lupine-base .* 0\.355 .*MISSED$' "$work/out"
}

slowness_is_told()
{
	rm -f "$RESULTS"
	for v in "a pipe us 10 1" "b pipe us 12 1" "a pipe us 10 2" "b pipe us 11 2" \
		"a fork us 10 1" "b fork us 12 1" "a fork us 10 2" "b fork us 9 2" \
		"a copy MB/s 10 1" "b copy MB/s 12 1" "a copy MB/s 10 2" "b copy MB/s 11 2" \
		"a read MB/s 10 1" "b read MB/s 8 1" "a read MB/s 10 2" "b read MB/s 5 2"; do
		read -r s m u n r <<<"$v"
		echo "x,$s,$m,$u,$n,$r,tcg,6.12.1,p"
	done >"$work/rows"
	append_rows "$work/rows"
	slower x 1 a | tee "$work/out"
	grep -qE '^b: of 4 lines, slower than a in all runs: $' "$work/out"
	[ "$(grep -c ' times$' "$work/out")" = 2 ]
	grep -qE '^ +pipe +1\.15 times' "$work/out"
	grep -qE '^ +read +1\.62 times' "$work/out"
	slower x 1 b | grep -E '^a: of 4 lines, .* all runs: $'
}

tables_are_for_programs_too()
{
	{ rows base 100 200 100; rows less 90 100 99; } >"$work/rows"
	rm -f "$RESULTS"
	append_rows "$work/rows"
	"$bench/table" x --baseline base --csv | tee "$work/out"
	grep -qx 'null-ns,base,3,100,ns,100,200,1,1,1' "$work/out"
	grep -qx 'null-ns,less,3,99,ns,90,100,0.9000,0.5000,0.9900' "$work/out"
	[ "$(wc -l <"$work/out")" = 3 ]
}

# The paper's 1.21, and what is here; a plot for each that has one.
report_is_made()
{
	rm -f "$RESULTS"
	for v in "app microvm redis-get 1000 1" "app lupine redis-get 1500 1" \
		"app microvm redis-get 100 2" "app lupine redis-get 180 2" \
		"app microvm redis-get 10 3" "app lupine redis-get 17 3" \
		"messaging lupine-general threads-1 10 1" \
		"messaging lupine-general processes-1 11 1" \
		"messaging lupine-general threads-2 10 1"; do
		read -r e s m n r <<<"$v"
		echo "$e,$s,$m,x,$n,$r,tcg,6.12.1,p"
	done >"$work/rows"
	append_rows "$work/rows"
	"$bench/report" --output "$work/report/r.rst" --csv "$work/report/r.csv"
	grep -qx '   redis-get,lupine / microvm,1.21,1.70,1.50..1.80,3,"Lupine, table 4"' \
		"$work/report/r.rst"
	grep -q '^   processes-1/threads-1,lupine-general,1.03,1.10,1.10..1.10,1,' \
		"$work/report/r.rst"
	if grep -q 'Memory' "$work/report/r.rst"; then return 1; fi
	tee /dev/stderr <"$work/report/r.csv" | grep -c '^\(app\|messaging\),' | grep -qx 2
	"$bench/report" --output "$work/report/2.rst" --from app=2
	grep -q '^   redis-get,lupine / microvm,1.21,1.75,1.70..1.80,2,' "$work/report/2.rst"
	! command -v gnuplot >/dev/null ||
		grep -l '<svg' "$work"/report/{app,messaging}.svg
}

refused()	# refused MESSAGE COMMAND...
{
	local message=$1

	shift
	if "$@" >"$work/out" 2>&1; then return 1; fi
	grep -F -e "$message" "$work/out"
}

mistakes_are_named()
{
	rm -f "$RESULTS"
	refused 'which experiment' "$bench/table"
	refused 'make bench-syscall writes it' "$bench/table" syscall
	refused 'want NAME=VMLINUX' "$bench/syscall" --kernel vmlinux
	refused 'no file /nowhere' "$bench/syscall" --kernel a=/nowhere
	refused '--runs wants a number' "$bench/syscall" --runs many --kernel "a=$0"
	refused '--unit wants' "$bench/syscall" --unit s --kernel "a=$0"
	refused 'only TCG counts' "$bench/syscall" --accel kvm --unit instructions --kernel "a=$0"
	refused 'neither vmlinux' "$bench/syscall" --accel tcg --runs 1 --kernel "a=$0"
	refused 'no vmlinux with symbols' "$bench/callpath" --kernel "$0"
	refused 'no file /nowhere' "$bench/size" --kernel a=/nowhere
	refused 'no ELF file' "$bench/size" --kernel "a=$0:lupine-base" --limits
	refused 'no limit is known' "$bench/size" --kernel "a=$0" --limits
	refused '--unit wants' "$bench/boot" --unit ns --kernel "a=$0"
	refused 'only TCG counts' "$bench/boot" --accel kvm --unit instructions --kernel "a=$0"
	refused 'want APP=NAME' "$bench/memory" hello --kernel "a=$0"
	refused 'there is no --kernel b' "$bench/memory" hello=b --accel tcg --kernel "a=$0"
	refused 'no file /nowhere' "$bench/lmbench" --kernel a=/nowhere
	refused "no experiment 'x'" "$bench/processes" x
	refused 'no file /nowhere' "$bench/processes" --kernel a=/nowhere busy
	refused "no application 'x'" "$bench/app" x
	refused '--messages wants' "$bench/echo" --messages 10
	refused '--requests wants a number' "$bench/app" --requests many
	refused "no experiment 'x'" "$bench/all" x
	refused 'make bench writes it' "$bench/report"
	refused 'want auto, tcg or kvm' "$bench/lmbench" --accel xen --kernel "a=$0"
	[ ! -e "$RESULTS" ]
	[ -z "$(find "$BUILD/bench" -name '.work-*')" ]
}

counts_are_exact()
{
	rm -f "$RESULTS"
	"$bench/syscall" --accel tcg --runs 2 --unit instructions --kernel "a=$kernel:p" \
		--baseline a
	# Whole numbers, the same in both runs, and more for more work.
	awk -F, 'NR > 1 {
			if ($5 != int($5) || $5 < 50 || ($2 $3 in v && v[$2 $3] != $5))
				exit bad = 1
			v[$2 $3] = $5 + 0
			n++
		 }
		 END {
			for (s in v) {
				sub(/(null|read|write)-instructions$/, "", s)
				if (v[s "read-instructions"] <= v[s "null-instructions"])
					bad = 1
			}
			exit bad || n < 6
		 }' "$RESULTS"
}

path_adds_up()
{
	local measured shown

	measured=$(awk -F, '$2 ~ /^a(-syscall)?$/ && $3 == "null-instructions" { print $5 + 0 }' \
		"$RESULTS" | head -n 1)
	"$bench/callpath" --kernel "$kernel" --entry syscall | tee "$work/path"
	shown=$(sed -n 's/.*: \([0-9]*\) instructions, .*/\1/p' "$work/path")
	[ "$shown" = "$measured" ]
	grep -q ' entry_SYSCALL_64$' "$work/path"
}

times_are_taken()
{
	"$bench/syscall" --accel tcg --runs 1 --unit ns --kernel "a=$kernel:p" --baseline a
	awk -F, '$4 == "ns" { n++; if ($5 < 1 || $5 > 1e6) bad = 1 }
		 END { exit bad || n < 3 }' "$RESULTS"
}

lmbench_has_all_lines()
{
	rm -f "$RESULTS"
	"$bench/lmbench" --accel tcg --runs 1 --kernel "a=$kernel:p"
	awk -F, 'NR > 1 { n++; if ($5 <= 0 || ($4 != "us" && $4 != "MB/s")) bad = 1 }
		 END { exit bad || n != 39 }' "$RESULTS"
}

work_between_calls_counts()
{
	rm -f "$RESULTS"
	"$bench/processes" --accel tcg --runs 1 --unit instructions --kernel "a=$kernel:p" busy
	# A turn is two instructions.
	awk -F, 'NR > 1 { v[$2, $3] = $5; system_[$2] }
		 END {
			m = "busy-instructions-"
			for (s in system_) {
				n++
				d = v[s, m "320"] - v[s, m "160"]
				if (d < 319 || d > 321)
					bad = 1
			}
			exit bad || !n
		 }' "$RESULTS"
}

processes_talk()
{
	rm -f "$RESULTS"
	"$bench/processes" --accel tcg --runs 1 --unit instructions --kernel "a=$kernel:p" messaging
	awk -F, 'NR > 1 { n++; if ($5 < 100) bad = 1 } END { exit bad || n != 10 }' "$RESULTS"
}

size_is_told()
{
	local bytes

	rm -f "$RESULTS"
	"$bench/size" --kernel "a=$kernel" --top 5 | tee "$work/out"
	strip -o "$work/stripped" "$kernel"
	bytes=$(stat -c %s "$work/stripped")
	grep -q "^size,a,vmlinux,bytes,$bytes,1,-,6\.12" "$RESULTS"
	# The sections and what is between them are all of the file.
	awk -v all="$bytes" '/by section$/ { on = 1; next } /^a:/ { on = 0 }
		on { sum += $1; n++ } END { exit sum != all || n < 5 }' "$work/out"
}

kernels_do_not_grow()
{
	"$bench/size" --limits --kernel "a=$kernel:lupine-general"
	# It can fail.
	if "$bench/size" --limits --kernel "a=$kernel:lupine-tiny"; then return 1; fi
}

booting_does_not_wait()
{
	rm -f "$RESULTS"
	"$bench/boot" --accel tcg --runs 2 --unit instructions --kernel "a=$kernel:p" \
		--top 300 >"$work/out"
	grep ",init-instructions," "$RESULTS"
	# About the same in both runs, and no loop that waits for a clock:
	# each 10 ms would be 10 million.
	awk -F, '$3 == "init-instructions" { v[n++] = $5 }
		 END { d = v[0] - v[1]
		       exit n != 2 || d > v[0] / 20 || -d > v[0] / 20 ||
			    v[0] < 1e6 || v[0] > 45e6 }' "$RESULTS"
	# All of them are in the lists.
	awk '/^a: [0-9]+ instructions, by phase/ { total = $2; list = 1; next }
	     /^a: by function/ { list = 2; next }
	     list { sum[list] += $1 }
	     END { exit !(total && sum[1] > total * 0.99 && sum[1] <= total &&
			  sum[2] > total * 0.9 && sum[2] <= total * 1.001) }' "$work/out"
}

a_small_guest_is_enough()
{
	"$ROOT/scripts/apps/build" hello
	"$ROOT/scripts/test/app.sh" hello --kernel "$kernel" --memory 14 --accel tcg
	"$bench/memory" --accel tcg --owners --kernel "a=$kernel" | tee "$work/out"
	grep -qE '^ +[0-9]+  free$' "$work/out"
	if grep -- ' -[0-9]' "$work/out"; then return 1; fi
}

try "bench: results are kept, whoever appends" results_are_kept
try "bench: bad rows are refused" bad_rows_are_refused
try "bench: medians and ratios" medians_and_ratios
try "bench: no difference within the spread" no_difference_within_the_spread
try "bench: targets are judged" targets_are_judged
try "bench: it is told where a kernel is slower" slowness_is_told
try "bench: tables are for programs, too" tables_are_for_programs_too
try "bench: the report has the paper's figures, and ours" report_is_made
try "bench: mistakes are named" mistakes_are_named
if [ -n "$kernel" ]; then
	try "bench: instructions are counted exactly" counts_are_exact
	if command -v gdb >/dev/null; then
		try "bench: the path of a call adds up" path_adds_up
	fi
	try "bench: times are taken" times_are_taken
	try "bench: lmbench's list is measured" lmbench_has_all_lines
	try "bench: work between system calls counts" work_between_calls_counts
	try "bench: threads and processes talk" processes_talk
	try "bench: the size is told, and where it comes from" size_is_told
	try "bench: kernels do not grow" kernels_do_not_grow
	try "bench: booting does not wait" booting_does_not_wait
	try "bench: a small guest is enough" a_small_guest_is_enough
fi
summary
