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
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Results of tests are no results.
export BUILD=$work/build
mkdir -p "$BUILD/bench"
RESULTS=$BUILD/bench/results.csv
HEADER='experiment,system,metric,unit,value,run,accelerator,kernel release,profile'

bench()
{
	"$ROOT/scripts/bench/bench" "$@"
}

rows()	# rows EXPERIMENT METRIC UNIT SYSTEM VALUE...: a row a run
{
	local start=$1,$4,$2,$3 value run=0

	shift 4
	for value; do
		run=$((run + 1))
		echo "$start,$value,$run,tcg,6.12.1,p"
	done
}

ns()	# ns SYSTEM VALUE...
{
	rows x null-ns ns "$@"
}

results()	# the rows on standard input are all that there are
{
	rm -f "$RESULTS"
	{ echo "$HEADER"; cat; } >"$work/rows"
	bench append "$work/rows"
}

refused()	# refused MESSAGE COMMAND...
{
	local message=$1

	shift
	if "$@" >"$work/out" 2>&1; then return 1; fi
	grep -F -e "$message" "$work/out"
}

results_are_kept()
{
	local i

	rm -f "$RESULTS"
	# Several who append at the same time lose nothing. With many rows it takes a while.
	for ((i = 1; i <= 20; i++)); do
		{ echo "$HEADER"; seq -f "x,s$i,null-ns,ns,1,%.0f,tcg,6.12.1,p" 2000; } >"$work/rows$i"
	done
	bench append "$work/rows1"
	for ((i = 2; i <= 20; i++)); do
		bench append "$work/rows$i" &
	done
	wait
	[ "$(head -n 1 "$RESULTS")" = "$HEADER" ]
	[ "$(wc -l <"$RESULTS")" = 40001 ]
	[ "$(sort -u "$RESULTS" | wc -l)" = 40001 ]
}

bad_rows_are_refused()
{
	local good='x,a,m,ns,1,1,tcg,6.12,p' bad

	{ echo "$HEADER"; echo "$good"; } >"$RESULTS"
	# shellcheck disable=SC2016 # nobody is to expand it
	for bad in x,too,few "$good,more" ',a,m,ns,1,1,tcg,6.12,p' 'x,a b,m,ns,1,1,tcg,6.12,p' \
		'x,"a",m,ns,1,1,tcg,6.12,p' 'x,a,`m`,ns,1,1,tcg,6.12,p' 'x,-a,m,ns,1,1,tcg,6.12,p' \
		'x,a,m,$(n),1,1,tcg,6.12,p' 'x,a,m,ns,,1,tcg,6.12,p' 'x,a,m,ns,1s,1,tcg,6.12,p' \
		'x,a,m,ns,nan,1,tcg,6.12,p' 'x,a,m,ns,inf,1,tcg,6.12,p' 'x,a,m,ns,0x10,1,tcg,6.12,p' \
		'x,a,m,ns,1e999,1,tcg,6.12,p' 'x,a,m,ns, 1,1,tcg,6.12,p' 'x,a,m,ns,1,0,tcg,6.12,p' \
		'x,a,m,ns,1,-1,tcg,6.12,p' 'x,a,m,ns,1,99999999999999999999,tcg,6.12,p' \
		'x,a,m,ns,1,1.5,tcg,6.12,p' 'x,a,m,ns,1,1,xen,6.12,p' 'x,a,m,ns,1,1,tcg,,p' \
		'x,a,m,ns,1,1,tcg,6.12,p;q' $'x,a\tb,m,ns,1,1,tcg,6.12,p' '' \
		"x,$(printf '%01000d' 1),m,ns,1,1,tcg,6.12,p"; do
		printf '%s\n%s\n%s\n%s\n' "$HEADER" "$good" "$bad" "$good" >"$work/bad"
		refused 'bad, line 3: ' bench append "$work/bad"
		refused 'bad, line 3: ' bench table x --results "$work/bad"
	done
	printf '%s\nx,a,m\0,ns,1,1,tcg,6.12,p\n' "$HEADER" >"$work/bad"
	refused 'a byte 0' bench append "$work/bad"
	echo "$HEADER" >"$work/bad"
	refused 'no rows' bench append "$work/bad"
	[ "$(wc -l <"$RESULTS")" = 2 ]
	echo 'other,columns' >"$RESULTS"
	{ echo "$HEADER"; echo "$good"; } >"$work/good"
	refused 'other columns' bench append "$work/good"
	refused 'other columns' bench report
	[ "$(cat "$RESULTS")" = other,columns ]
	[ -z "$(find "$BUILD/bench" -name 'results.csv.*')" ]
}

table()
{
	bench table x --baseline base | tee "$work/table"
}

medians_and_ratios()
{
	# A machine that is slower in the second run is so for both.
	{ ns base 100 900 102 98 104; ns fast 50 450 51 49 52; } | results
	table
	grep -qE '^null-ns +base +5 +102 ns +98\.\.900 +baseline$' "$work/table"
	grep -qE '^null-ns +fast +5 +51 ns +49\.\.450 +0\.500  0\.500\.\.0\.500$' "$work/table"
	grep -q '^x, runs 1 to 5: accelerator tcg, Linux 6.12.1, profiles p; ratios to base$' \
		"$work/table"
	bench table x --baseline base --from 5 | grep -qE '^null-ns +fast +1 +52 ns '
	# Of an even number the mean of the middle ones, numbers and not text.
	ns base 9 10 11 100 | results
	table
	grep -qE '^null-ns +base +4 +10\.50 ns +9\.\.100 ' "$work/table"
	# Runs that only one of them has do not count for the ratio.
	{ ns base 100 100; ns fast 50 50 1000; } | results
	table
	grep -qE '^null-ns +fast +3 .* 0\.500  0\.500\.\.0\.500$' "$work/table"
}

no_difference_within_the_spread()
{
	{ ns base 100 100 100; ns same 90 95 101; ns less 90 95 99; } | results
	table
	grep -qE '^null-ns +same .*  no difference$' "$work/table"
	grep -qE '^null-ns +less .* 0\.900\.\.0\.990$' "$work/table"
}

targets_are_judged()
{
	{
		rows size vmlinux bytes microvm 100 200 400
		rows size vmlinux bytes lupine-base 15 34 62
		rows memory least-hello MiB lupine-base 14 15 15
		rows app redis-get requests/s microvm 100 100 100
		rows app redis-get requests/s lupine 129 130 131
		rows app redis-get requests/s lupine-general 127 127 127
	} | results
	# The median of the ratios, and not the ratio of the medians.
	bench table size | tee "$work/out"
	grep -qE '^lupine-base +vmlinux +0\.155 +at most 0\.16 of microvm +reached$' "$work/out"
	if grep lupine-general "$work/out"; then return 1; fi
	# Runs from before do not count.
	bench table size --from 2 | tee "$work/out"
	grep -qE '^lupine-base +vmlinux +0\.16[23] .* MISSED$' "$work/out"
	bench table memory | grep -E '^lupine-base +least-hello +15 +at most 14 +MISSED$'
	bench table app | tee "$work/out"
	grep -qE '^lupine +redis-get +1\.300 +at least 1\.30 of microvm +reached$' "$work/out"
	grep -qE '^lupine-general +redis-get +0\.977 +at least 0\.98 of lupine +MISSED$' "$work/out"
}

slowness_is_told()
{
	{
		rows lmbench pipe us microvm 10 10; rows lmbench pipe us b 12 11
		rows lmbench fork us microvm 10 10; rows lmbench fork us b 12 9
		rows lmbench copy MB/s microvm 10 10; rows lmbench copy MB/s b 12 11
		rows lmbench read MB/s microvm 10 10; rows lmbench read MB/s b 8 5
		rows control control-null-1 ns a 10 10; rows control control-null-1024 ns a 11 12
		rows messaging threads-2 ns a 10 10; rows messaging processes-2 ns a 9 12
	} | results
	bench table lmbench | tee "$work/out"
	grep -qE '^b: of 4 lines, slower than microvm in all runs: $' "$work/out"
	[ "$(grep -c ' times, ' "$work/out")" = 2 ]
	grep -qE '^ +pipe +1\.15 times' "$work/out"
	grep -qE '^ +read +1\.62 times' "$work/out"
	bench table lmbench --baseline b | grep -E '^microvm: of 4 lines, .* all runs: $'
	bench table control | grep -E '^ +a +control-null-1024 +1\.100\.\.1\.200$'
	bench table messaging | grep -E '^ +a +processes-2 +0\.900\.\.1\.200  no difference$'
}

tables_are_for_programs_too()
{
	{ ns base 100 200 100; ns less 90 100 99; } | results
	bench table x --baseline base --csv | tee "$work/out"
	grep -qx 'null-ns,base,3,100,ns,100,200,1,1,1' "$work/out"
	grep -qx 'null-ns,less,3,99,ns,90,100,0.9000,0.5000,0.9900' "$work/out"
	[ "$(wc -l <"$work/out")" = 3 ]
}

# The paper's 1.21, and what is here; a plot for each that has one.
report_is_made()
{
	{
		rows app redis-get x microvm 1000 100 10
		rows app redis-get x lupine 1500 180 17
		rows messaging threads-1 x lupine-general 10
		rows messaging processes-1 x lupine-general 11
		rows messaging threads-2 x lupine-general 10
	} | results
	bench report --output "$work/report/r.rst" --csv "$work/report/r.csv"
	grep -qx '   redis-get,lupine / microvm,1.21,1.70,1.50..1.80,3,"Lupine, table 4"' \
		"$work/report/r.rst"
	grep -q '^   processes-1/threads-1,lupine-general,1.03,1.10,1.10..1.10,1,' \
		"$work/report/r.rst"
	if grep -q 'Memory' "$work/report/r.rst"; then return 1; fi
	tee /dev/stderr <"$work/report/r.csv" | grep -c '^\(app\|messaging\),' | grep -qx 2
	bench report --output "$work/report/2.rst" --from app=2
	grep -q '^   redis-get,lupine / microvm,1.21,1.75,1.70..1.80,2,' "$work/report/2.rst"
	! command -v gnuplot >/dev/null ||
		grep -l '<svg' "$work"/report/{app,messaging}.svg
}

# An object file that says which Linux it is, in place of a kernel
small_kernel()
{
	echo 'char banner[] = "Linux version 6.12.1 (by somebody)";' |
		gcc -x c -c -o "$work/small" -
}

runs_are_numbered_and_resumed()
{
	rm -f "$RESULTS"
	small_kernel
	set -- run size --kernel "a=$work/small:p" --top 0
	bench "$@"
	bench "$@"
	grep -qE '^size,a,vmlinux,bytes,[0-9]+,2,-,6\.12\.1,p$' "$RESULTS"
	# Of a session, what is done is not done again.
	bench "$@" --resume
	[ "$(wc -l <"$RESULTS")" = 4 ]
	bench "$@" --resume | grep '^==> size: done before$'
	[ "$(wc -l <"$RESULTS")" = 4 ]
	# Its report has the runs of the session only.
	grep -q '^    size, runs 3 to 3: ' "$BUILD/bench/report.rst"
	# Unless that is wanted, or the runs are others.
	bench "$@" --resume --again
	bench "$@" --resume --runs 2
	[ "$(wc -l <"$RESULTS")" = 6 ]
	tail -n 1 "$RESULTS" | grep ',5,-,6\.12\.1,p$'
}

mistakes_are_named()
{
	rm -f "$RESULTS"
	small_kernel
	echo text >"$work/none"
	# shellcheck disable=SC2317 # called by refused()
	run() { bench run "$@"; }
	refused 'want EXPERIMENT' bench table
	refused 'no runs of syscall' bench table syscall
	refused 'want NAME=VMLINUX' run syscall --kernel vmlinux
	refused 'no file /nowhere' run syscall --kernel a=/nowhere
	refused '--runs wants a number' run syscall --runs many --kernel "a=$work/none"
	refused '--unit wants instructions or ns' run syscall --unit s --kernel "a=$work/none"
	refused 'only TCG counts' run --accel kvm --unit instructions syscall --kernel "a=$work/none"
	refused 'is no kernel' run --accel tcg --runs 1 syscall --kernel "a=$work/none"
	refused 'ended with status' run --accel tcg --runs 1 syscall --kernel "a=$work/small"
	refused 'no vmlinux with symbols' bench callpath --kernel "$work/none"
	refused "no call 'x'" bench callpath --kernel "$work/none" --call x
	refused 'no file /nowhere' run size --kernel a=/nowhere
	refused 'is no kernel' run size --kernel "a=$work/none:lupine-base" --limits
	refused 'no limit is known' run size --kernel "a=$work/small" --limits
	refused 'is given twice' run size --kernel "a=$work/small" --kernel "a=$work/small"
	refused 'is no name of a profile' run size --kernel "a=$work/small:a,b"
	refused '--unit wants' run boot --unit ns --kernel "a=$work/none"
	refused 'only TCG counts' run --accel kvm boot --unit instructions --kernel "a=$work/none"
	refused 'want APP=NAME' run memory --accel tcg --app hello --kernel "a=$work/small"
	refused 'there is no --kernel b' run memory --app hello=b --accel tcg \
		--kernel "a=$work/small"
	refused 'no file /nowhere' run lmbench --kernel a=/nowhere
	refused "no experiment 'x'" run x
	refused 'takes no --messages' run lmbench --messages 100 --kernel "a=$work/small"
	refused '--app x: app has redis and nginx' run app --app x --kernel "a=$work/small"
	refused '--messages wants' run echo --messages 10
	refused '--requests wants a number' run app --requests many
	refused 'make bench writes it' bench report
	refused 'want auto, tcg or kvm' run lmbench --accel xen --kernel "a=$work/none"
	[ ! -e "$RESULTS" ]
	[ -z "$(find "$BUILD/bench" -name '.work-*')" ]
}

counts_are_exact()
{
	rm -f "$RESULTS"
	bench run syscall --accel tcg --runs 2 --unit instructions --kernel "a=$kernel:p"
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
	bench callpath --kernel "$kernel" --entry syscall --list | tee "$work/path"
	shown=$(sed -n 's/.*: \([0-9]*\) instructions, .*/\1/p' "$work/path")
	[ "$shown" = "$measured" ]
	grep -q ' entry_SYSCALL_64$' "$work/path"
	grep -q 'the-caller .* syscall' "$work/path"
}

times_are_taken()
{
	bench run syscall --accel tcg --runs 1 --unit ns --kernel "a=$kernel:p"
	awk -F, '$4 == "ns" { n++; if ($5 < 1 || $5 > 1e6) bad = 1 }
		 END { exit bad || n < 3 }' "$RESULTS"
}

lmbench_has_all_lines()
{
	rm -f "$RESULTS"
	bench run lmbench --accel tcg --runs 1 --kernel "a=$kernel:p"
	awk -F, 'NR > 1 { n++; if ($5 <= 0 || ($4 != "us" && $4 != "MB/s")) bad = 1 }
		 END { exit bad || n != 39 }' "$RESULTS"
}

work_between_calls_counts()
{
	rm -f "$RESULTS"
	bench run busy --accel tcg --runs 1 --unit instructions --kernel "a=$kernel:p"
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
	bench run messaging --accel tcg --runs 1 --unit instructions --kernel "a=$kernel:p"
	awk -F, 'NR > 1 { n++; if ($5 < 100) bad = 1 } END { exit bad || n != 10 }' "$RESULTS"
}

size_is_told()
{
	local bytes

	rm -f "$RESULTS"
	bench run size --kernel "a=$kernel" --top 5 | tee "$work/out"
	strip -o "$work/stripped" "$kernel"
	bytes=$(stat -c %s "$work/stripped")
	grep -q "^size,a,vmlinux,bytes,$bytes,1,-,6\.12" "$RESULTS"
	# The sections and what is between them are all of the file.
	awk -v all="$bytes" '/by section$/ { on = 1; next } /^a:/ { on = 0 }
		on { sum += $1; n++ } END { exit sum != all || n < 5 }' "$work/out"
}

kernels_do_not_grow()
{
	bench run size --limits --kernel "a=$kernel:lupine-general"
	# It can fail.
	refused 'too large' bench run size --limits --kernel "a=$kernel:lupine-tiny"
}

booting_does_not_wait()
{
	rm -f "$RESULTS"
	bench run boot --accel tcg --runs 2 --unit instructions --kernel "a=$kernel:p" \
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
	bench run memory --accel tcg --owners --kernel "a=$kernel" | tee "$work/out"
	grep -qE '^ +[0-9]+  free$' "$work/out"
	if grep -- ' -[0-9]' "$work/out"; then return 1; fi
}

# A complete run is in the results, nothing else is left, and the rest comes later.
interrupted_runs_go_on()
{
	local pid i

	rm -rf "$RESULTS" "$BUILD/bench/session"
	set -- run boot --accel tcg --runs 3 --unit seconds --kernel "a=$kernel:p" --resume
	# Not the function, which would be a shell of its own.
	"$ROOT/scripts/bench/bench" "$@" &
	pid=$!
	for ((i = 0; i < 600; i++)); do
		[ ! -e "$RESULTS" ] || break
		sleep 0.1
	done
	kill "$pid"
	if wait "$pid"; then return 1; fi
	[ -z "$(find "$BUILD/bench" -name '.work-*')" ]
	if pgrep -f "qemu.*$BUILD/"; then return 1; fi
	grep -c '^boot,' "$RESULTS" | grep -x '[12]'
	bench "$@" 2>&1 | tee "$work/out"
	if grep 'run 1 of 3' "$work/out"; then return 1; fi
	grep -o '^boot,a,init-seconds,s,[0-9.]*,[123],' "$RESULTS" | wc -l | grep -x 3
	grep -c '^boot,' "$RESULTS" | grep -x 3
	bench "$@" | grep 'boot: done before'
}

# The guest is not trusted either.
bad_guests_are_refused()
{
	local bad

	rm -f "$RESULTS"
	for bad in 'syscall,,null-ns,ns,nan' 'syscall,,a b,ns,1' 'syscall,x,null-ns,ns,1' \
		'syscall,,null-ns,ns,1,2' 'other,,null-ns,ns,1'; do
		cat >"$work/init.c" <<-END
		#include <stdio.h>
		#include <sys/reboot.h>
		#include "$ROOT/scripts/init/status.h"
		int main(void)
		{
			puts("$bad");
			fflush(stdout);
			sync();
			status_tell(0);
			reboot(RB_AUTOBOOT);
		}
		END
		mkdir -p "$BUILD/bench"
		gcc -static -o "$BUILD/bench/syscall-init" "$work/init.c"
		if bench run syscall --accel tcg --runs 1 --unit ns --kernel "a=$kernel" \
			>"$work/out" 2>&1; then return 1; fi
		grep -E 'a: (in a row of its guest, |a row of its guest is none|the guest printed 0 )' "$work/out"
	done
	[ ! -e "$RESULTS" ]
	rm -f "$BUILD"/bench/syscall*
}

try "bench: results are kept, whoever appends" results_are_kept
try "bench: bad rows are refused, with their line" bad_rows_are_refused
try "bench: medians and ratios" medians_and_ratios
try "bench: no difference within the spread" no_difference_within_the_spread
try "bench: targets are judged" targets_are_judged
try "bench: it is told where a kernel is slower" slowness_is_told
try "bench: tables are for programs, too" tables_are_for_programs_too
try "bench: the report has the paper's figures, and ours" report_is_made
try "bench: runs are numbered, and resumed" runs_are_numbered_and_resumed
try "bench: mistakes are named" mistakes_are_named
if [ -n "$kernel" ]; then
	try "bench: instructions are counted exactly" counts_are_exact
	try "bench: the path of a call adds up" path_adds_up
	try "bench: times are taken" times_are_taken
	try "bench: lmbench's list is measured" lmbench_has_all_lines
	try "bench: work between system calls counts" work_between_calls_counts
	try "bench: threads and processes talk" processes_talk
	try "bench: the size is told, and where it comes from" size_is_told
	try "bench: kernels do not grow" kernels_do_not_grow
	try "bench: booting does not wait" booting_does_not_wait
	try "bench: a small guest is enough" a_small_guest_is_enough
	try "bench: interrupted runs go on" interrupted_runs_go_on
	try "bench: guests that print other rows are refused" bad_guests_are_refused
fi
summary
