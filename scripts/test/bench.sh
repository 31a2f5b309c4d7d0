#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/bench.sh [--kernel VMLINUX [--full]]
#
# Test how results are kept and what the tables make of them and, with a kernel, that
# measuring works and counts instructions exactly.
#
#   --kernel VMLINUX   also measure this kernel
#   --full             also what takes minutes: Redis beside another system, and in several guests
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

kernel='' full=''
begin kernel:kernel full -- "$@"
[ -z "$kernel" ] || kernel=$(readlink -f "$kernel")
# Packages need not be fetched again.
cache=$SHARED/image/cache
# Results of tests are no results. The programs take the folder of this base below it.
export SHARED=$work/build BUILD=$work/build
[ "$BASE" = "$usual_base" ] || BUILD=$SHARED/$BASE
mkdir -p "$BUILD/bench"
RESULTS=$BUILD/bench/results.csv
HEADER='experiment,system,metric,unit,value,run,accelerator,kernel release,profile'

bench() { "$ROOT/scripts/bench/bench" "$@"; }

# measure EXPERIMENT OPTION...: the only results are those of the kernel
measure()
{
	rm -f "$RESULTS"
	bench run "$1" --accel tcg --kernel "a=$kernel:p" "${@:2}"
}

# tells EXPERIMENT OPTION... -- PATTERN...: the table has lines like these.
tells()
{
	local words=()

	while [ "$1" != -- ]; do
		words+=("$1")
		shift
	done
	says '' bench table "${words[@]}"
	said "${@:2}"
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

ns() { rows x null-ns ns "$@"; }

results()	# the rows on standard input are all that there are
{
	rm -f "$RESULTS"
	{ echo "$HEADER"; cat; } >"$work/rows"
	bench append "$work/rows"
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
		fails 'bad, line 3: ' bench append "$work/bad"
		fails 'bad, line 3: ' bench table x --results "$work/bad"
	done
	printf '%s\nx,a,m\0,ns,1,1,tcg,6.12,p\n' "$HEADER" >"$work/bad"
	fails 'a byte 0' bench append "$work/bad"
	echo "$HEADER" >"$work/bad"
	fails 'no rows' bench append "$work/bad"
	[ "$(wc -l <"$RESULTS")" = 2 ]
	echo 'other,columns' >"$RESULTS"
	{ echo "$HEADER"; echo "$good"; } >"$work/good"
	fails 'other columns' bench append "$work/good"
	fails 'other columns' bench report
	[ "$(cat "$RESULTS")" = other,columns ]
	[ -z "$(find "$BUILD/bench" -name 'results.csv.*')" ]
}

releases_are_beside_each_other()
{
	{ echo "$HEADER"; ns base 9 10 12; ns gone 7; } >"$work/old"
	{ echo "$HEADER"; ns base 15; ns new 7; rows y size bytes base 4; } | sed 's/6\.12\.1/7.3.4/' \
		>"$work/new"
	says '' bench releases "$work/old" "$work/new"
	wanted=$(cat <<-END
		experiment,accelerator,metric,system,unit,6.12.1,7.3.4,7.3.4/6.12.1
		x,tcg,null-ns,base,ns,10,15,1.500
	END
	)
	same_text "$wanted" "$(cat "$out")"
	fails 'all results are those of Linux 6.12.1;' bench releases "$work/old"
	fails 'no results in ' bench releases "$work/old" "$work/none"
	fails 'want FILE' bench releases
}

medians_and_ratios()
{
	# A machine that is slower in the second run is so for both.
	{ ns base 100 900 102 98 104; ns fast 50 450 51 49 52; } | results
	tells x --baseline base -- '^null-ns +base +5 +102 ns +98\.\.900 +baseline$' \
		'^null-ns +fast +5 +51 ns +49\.\.450 +0\.500  0\.500\.\.0\.500$' \
		'^x, runs 1 to 5: accelerator tcg, Linux 6.12.1, profiles p; ratios to base$'
	tells x --baseline base --from 5 -- '^null-ns +fast +1 +52 ns '
	# Of an even number the mean of the middle ones, numbers and not text.
	ns base 9 10 11 100 | results
	tells x --baseline base -- '^null-ns +base +4 +10\.50 ns +9\.\.100 '
	# Runs that only one of them has do not count for the ratio.
	{ ns base 100 100; ns fast 50 50 1000; } | results
	tells x --baseline base -- '^null-ns +fast +3 .* 0\.500  0\.500\.\.0\.500$'
}

no_difference_within_the_spread()
{
	{ ns base 100 100 100; ns same 90 95 101; ns less 90 95 99; } | results
	tells x --baseline base -- '^null-ns +same .*  no difference$' \
		'^null-ns +less .* 0\.900\.\.0\.990$'
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
	tells size -- '^lupine-base +vmlinux +0\.155 +at most 0\.16 of microvm +reached$' '!lupine-general'
	# Runs from before do not count.
	tells size --from 2 -- '^lupine-base +vmlinux +0\.16[23] .* MISSED$'
	tells memory -- '^lupine-base +least-hello +15 +at most 14 +MISSED$'
	tells app -- '^lupine +redis-get +1\.300 +at least 1\.30 of microvm +reached$' \
		'^lupine-general +redis-get +0\.977 +at least 0\.98 of lupine +MISSED$'
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
	tells lmbench -- '^b: of 4 lines, slower than microvm in all runs: $' \
		'^ +pipe +1\.15 times' '^ +read +1\.62 times'
	[ "$(grep -c ' times, ' "$out")" = 2 ]
	tells lmbench --baseline b -- '^microvm: of 4 lines, .* all runs: $'
	tells control -- '^ +a +control-null-1024 +1\.100\.\.1\.200$'
	tells messaging -- '^ +a +processes-2 +0\.900\.\.1\.200  no difference$'
}

tables_are_for_programs_too()
{
	{ ns base 100 200 100; ns less 90 100 99; } | results
	tells x --baseline base --csv -- '^null-ns,base,3,100,ns,100,200,1,1,1$' \
		'^null-ns,less,3,99,ns,90,100,0.9000,0.5000,0.9900$'
	[ "$(wc -l <"$out")" = 3 ]
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

# Each line is MESSAGE|ARGUMENTS of bench; KERNEL is no kernel, SMALL one without programs.
mistakes_are_named()
{
	local message words

	rm -f "$RESULTS"
	small_kernel
	echo text >"$work/none"
	while IFS='|' read -r message words; do
		words=${words//KERNEL/a=$work/none}
		# shellcheck disable=SC2086 # they are several
		fails "$message" bench ${words//SMALL/a=$work/small}
	done <<-'END'
		want EXPERIMENT|table
		no runs of syscall|table syscall
		want NAME=VMLINUX|run syscall --kernel vmlinux
		no file /nowhere|run syscall --kernel a=/nowhere
		--runs wants a number|run syscall --runs many --kernel KERNEL
		--unit wants instructions or ns|run syscall --unit s --kernel KERNEL
		only TCG counts|run --accel kvm --unit instructions syscall --kernel KERNEL
		is no kernel|run --accel tcg --runs 1 syscall --kernel KERNEL
		ended with status|run --accel tcg --runs 1 syscall --kernel SMALL
		no file /nowhere|run size --kernel a=/nowhere
		is no kernel|run size --kernel KERNEL:lupine-base --limits
		no limit is known|run size --kernel SMALL --limits
		is given twice|run size --kernel SMALL --kernel SMALL
		is no name of a profile|run size --kernel SMALL:a,b
		--unit wants|run boot --unit ns --kernel KERNEL
		only TCG counts|run --accel kvm boot --unit instructions --kernel KERNEL
		want APP=NAME|run memory --accel tcg --app hello --kernel SMALL
		there is no --kernel b|run memory --app hello=b --accel tcg --kernel SMALL
		no file /nowhere|run lmbench --kernel a=/nowhere
		no experiment 'x'|run x
		takes no --messages|run lmbench --messages 100 --kernel SMALL
		--app x: app has redis and nginx|run app --app x --kernel SMALL
		--messages wants|run echo --messages 10
		--requests wants a number|run app --requests many
		--peer x: want NAME=COMMAND|run peers --peer x
		no command, or its quotes|run peers --peer x='"q
		no command, or its quotes|run peers --hello x=$(id)
		--main x: want NAME=ADDRESS|run peers --main x
		want a hexadecimal ADDRESS|run peers --main x=12g
		takes no --peer|run boot --peer x=y
		--guests wants a number|run scale --guests 1
		make bench writes it|report
		want auto, tcg or kvm|run lmbench --accel xen --kernel KERNEL
	END
	fails 'no vmlinux with symbols' bench callpath --kernel "$work/none"
	fails "no call 'x'" bench callpath --kernel "$work/none" --call x
	[ ! -e "$RESULTS" ]
	[ -z "$(find "$BUILD/bench" -name '.work-*')" ]
}

counts_are_exact()
{
	measure syscall --runs 2 --unit instructions
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
	measure syscall --runs 1 --unit ns
	awk -F, '$4 == "ns" { n++; if ($5 < 1 || $5 > 1e6) bad = 1 }
		 END { exit bad || n < 3 }' "$RESULTS"
}

lmbench_has_all_lines()
{
	measure lmbench --runs 1
	awk -F, 'NR > 1 { n++; if ($5 <= 0 || ($4 != "us" && $4 != "MB/s")) bad = 1 }
		 END { exit bad || n != 39 }' "$RESULTS"
}

work_between_calls_counts()
{
	measure busy --runs 1 --unit instructions
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
	measure messaging --runs 1 --unit instructions
	awk -F, 'NR > 1 { n++; if ($5 < 100) bad = 1 } END { exit bad || n != 10 }' "$RESULTS"
}

size_is_told()
{
	local bytes

	rm -f "$RESULTS"
	bench run size --kernel "a=$kernel" --top 5 | tee "$work/shown"
	strip -o "$work/stripped" "$kernel"
	bytes=$(stat -c %s "$work/stripped")
	grep -qF "size,a,vmlinux,bytes,$bytes,1,-,$BASE." "$RESULTS"
	# The sections and what is between them are all of the file.
	awk -v all="$bytes" '/by section$/ { on = 1; next } /^a:/ { on = 0 }
		on { sum += $1; n++ } END { exit sum != all || n < 5 }' "$work/shown"
}

kernels_do_not_grow()
{
	bench run size --limits --kernel "a=$kernel:lupine-general"
	# It can fail.
	fails 'too large' bench run size --limits --kernel "a=$kernel:lupine-tiny"
}

booting_does_not_wait()
{
	measure boot --runs 2 --unit instructions --top 300 >"$work/shown"
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
			  sum[2] > total * 0.9 && sum[2] <= total * 1.001) }' "$work/shown"
}

a_small_guest_is_enough()
{
	"$ROOT/scripts/apps/build" hello
	"$ROOT/scripts/test/app.sh" hello --kernel "$kernel" --memory 14 --accel tcg
	says '^ +[0-9]+  free$' bench run memory --accel tcg --owners --kernel "a=$kernel"
	said '! -[0-9]'
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
	says '' bench "$@"
	said '!run 1 of 3'
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
		fails 'a: (in a row of its guest, |a row of its guest is none|the guest printed 0 )' \
			measure syscall --runs 1 --unit ns
	done
	[ ! -e "$RESULTS" ]
	rm -f "$BUILD"/bench/syscall*
}

# The same machine, started by a command of its own, takes the same instructions.
peers_are_measured_alike()
{
	local machine words

	mkdir -p "$SHARED/image" "$cache"
	ln -sfn "$cache" "$SHARED/image/cache"
	make -s -C "$ROOT/scripts/bench" OUT="$BUILD/bench" "$BUILD/bench/hello/hello"
	machine="qemu-system-x86_64 -M microvm,x-option-roms=off,rtc=on,acpi=off -accel tcg -cpu max -m @MEMORY@"
	machine+=" -nodefaults -no-user-config -display none -no-reboot -serial null -kernel $kernel"
	words="console=ttyS0 root=/dev/vda rw quiet panic=-1 reboot=t nokaslr"
	machine+=" -drive if=none,id=d,format=raw,snapshot=on,file=$BUILD/bench"
	measure peers --requests 2000 --ready 20 --most 24 \
		--peer "same=$machine/redis.ext2 -device virtio-blk-device,drive=d -device virtio-net-device,netdev=peer -append '$words ip=10.0.2.15::10.0.2.2:255.255.255.0::eth0:off'" \
		--hello "same=${machine/@MEMORY@/64}/hello.ext2 -device virtio-blk-device,drive=d -append '$words'" \
		--main same="$(nm "$BUILD/bench/hello/hello" | sed -n 's/ T main$//p')"
	awk -F, '
		NR == 1 { next }
		{ v[$2, $3] = $5; metric[$3] }
		END {
			for (m in metric) {
				if (m == "idle" || m == "idle-kernel" || m == "image")
					continue
				n++
				a = v["a", m]; b = v["same", m]
				# A boot that is not told the frequency of the TSC, as by
				# lupine run, measures it, which takes as long as it takes.
				print m, a, b
				if (m ~ /^hello/)
					bad = bad || a < 1e6 || b < 1e6
				else
					bad = bad || !a || b < a * 0.9 || b > a * 1.1
			}
			exit bad || n != 8
		}' "$RESULTS"
}

guests_share_a_snapshot()
{
	mkdir -p "$SHARED/image" "$cache"
	ln -sfn "$cache" "$SHARED/image/cache"
	measure scale --runs 1 --guests 3
	awk -F, '
		{ v[$3] = $5 }
		END { exit !(v["snapshot-answer"] > 0 &&
			     v["snapshot-answer"] < v["boot-answer"] &&
			     v["snapshot-further"] > 1000 &&
			     v["snapshot-further"] < v["boot-further"] * 0.7 && v["idle"] > 0) }' \
		"$RESULTS"
}

nothing_of_the_user()
{
	results <<-END
	boot,lupine-base,null,ns,7,1,kvm,6.12.1,lupine-base+smp
	boot,jane,null,ns,8,1,kvm,6.12.1-jane,apps/jane
	END
	"$ROOT/scripts/bench/hardware"
	cat "$BUILD/bench/hardware.txt"
	grep -x 'boot,lupine-base,null,ns,7,1,kvm,6.12.1,lupine-base+smp' "$BUILD/bench/hardware.txt"
	grep -x 'boot,withheld,null,ns,8,1,kvm,-,withheld' "$BUILD/bench/hardware.txt"
	! grep -iwE "jane|$BUILD" "$BUILD/bench/hardware.txt"
}

checks nothing_of_the_user results_are_kept bad_rows_are_refused medians_and_ratios \
	no_difference_within_the_spread targets_are_judged slowness_is_told \
	tables_are_for_programs_too releases_are_beside_each_other report_is_made \
	runs_are_numbered_and_resumed \
	mistakes_are_named
[ -z "$kernel" ] || checks counts_are_exact path_adds_up times_are_taken \
	lmbench_has_all_lines work_between_calls_counts processes_talk size_is_told \
	kernels_do_not_grow booting_does_not_wait a_small_guest_is_enough \
	interrupted_runs_go_on bad_guests_are_refused
[ -z "$full" ] || checks peers_are_measured_alike guests_share_a_snapshot
summary
