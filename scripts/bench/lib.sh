# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the measuring scripts share; source it after scripts/lib.sh.

# shellcheck disable=SC2034 # for the callers
RESULTS=$BUILD/bench/results.csv
COLUMNS_OF_RESULTS='experiment,system,metric,unit,value,run,accelerator,kernel release,profile'

# Kernels, images and logs of this run; gone whatever happens.
make_workplace()
{
	mkdir -p "$BUILD/bench"
	work=$(mktemp -d "$BUILD/bench/.work-XXXXXX")
	# shellcheck disable=SC2064 # the value of now
	trap "rm -rf '$work'" EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
}

# next_run EXPERIMENT: runs are numbered on from those that are there.
next_run()
{
	[ -f "$RESULTS" ] || { echo 1; return; }
	awk -F, -v experiment="$1" '
		$1 == experiment && $6 + 0 > last { last = $6 + 0 }
		END { print last + 1 }' "$RESULTS"
}

# append_rows FILE: to the results, all or nothing, whoever else does so.
append_rows()
{
	local fd head

	awk -F, 'NF != 9 { bad = 1 } END { exit bad || !NR }' "$1" ||
		die "$1: rows want 9 fields: $COLUMNS_OF_RESULTS"
	exec {fd}>"$BUILD/bench/.lock"
	flock "$fd"
	if [ -f "$RESULTS" ]; then
		read -r head <"$RESULTS"
		[ "$head" = "$COLUMNS_OF_RESULTS" ] ||
			die "$RESULTS has other columns than these; move it away"
		cat "$RESULTS" "$1" >"$RESULTS.new"
	else
		{ echo "$COLUMNS_OF_RESULTS"; cat "$1"; } >"$RESULTS.new"
	fi
	mv "$RESULTS.new" "$RESULTS"
	exec {fd}>&-
}

# add_kernel NAME=VMLINUX[:PROFILE]: to names, profiles and files; a copy in $work,
# lest a build change it meanwhile.
add_kernel()
{
	local name=${1%%=*} file=${1#*=} profile=''

	if [ "$name" = "$1" ] || [ -z "$name" ] || [[ $name == *[!A-Za-z0-9.+_-]* ]]; then
		die "--kernel $1: want NAME=VMLINUX[:PROFILE]"
	fi
	if [ ! -f "$file" ] && [ -f "${file%:*}" ]; then
		profile=${file##*:}
		file=${file%:*}
	fi
	[ -f "$file" ] || die "--kernel $1: no file $file; scripts/kconfig/build makes kernels"
	[ ! -e "$work/$name" ] || die "--kernel $name is given twice"
	if [ -z "$profile" ]; then
		case $(readlink -f "$file") in
		"$(readlink -m "$BUILD")"/kernel/*/vmlinux)
			profile=$(basename "$(dirname "$(readlink -f "$file")")") ;;
		*) profile=- ;;
		esac
	fi
	[[ $profile != *,* ]] || die "--kernel $1: no comma in a profile's name"
	names+=("$name")
	profiles+=("$profile")
	files+=("$file")
	cp --reflink=auto "$file" "$work/$name"
}

# compiled OUTPUT SOURCE [FLAG...]: a program of ours, compiled if need be.
compiled()
{
	local output=$1 source=$2

	shift 2
	if [ "$output" -nt "$source" ] && [ "$output" -nt "$ROOT/scripts/bench/guest.h" ]; then
		return 0
	fi
	need gcc
	mkdir -p "$(dirname "$output")"
	gcc -std=gnu11 -O2 -Wall -Wextra -Werror "$@" -o "$output.$$" "$source" ||
		die "$source does not compile"
	mv "$output.$$" "$output"
}

# guest_image NAME [FLAG...]: build/bench/NAME.ext2 with NAME.c as its only program,
# which is /sbin/init. At a fixed address, as debuggers look for places in it.
guest_image()
{
	local init=$BUILD/bench/$1-init image=$BUILD/bench/$1.ext2 source=$ROOT/scripts/bench/$1.c

	shift
	compiled "$init" "$source" -static -no-pie "$@"
	if [ "$image" -nt "$init" ] && [ "$image" -nt "$ROOT/scripts/lupine/ext2.c" ]; then
		return
	fi
	# It reads no configuration; an image has to name a program, though.
	printf 'space 1\nentrypoint /sbin/init\n' >"$work/manifest"
	"$ROOT/scripts/lupine/lupine" image --name guest --manifest "$work/manifest" --init "$init" \
		--output "$work/guest.ext2" >/dev/null || die "the image of $init cannot be made"
	mv "$work/guest.ext2" "$image"
}

# guest_command KIND ACCEL VMLINUX IMAGE WORDS [ARGUMENT OF scripts/lupine/run...]:
# set command, which boots it with the kernel parameters WORDS.
# KIND instructions: the guest's clocks count instructions, one ns each. Without
# the timer of the local APIC: finding out its frequency takes 100 ms, which are
# 100 million instructions, and QEMU half a minute for them.
guest_command()
{
	local kind=$1 accel=$2 kernel=$3 image=$4 words=$5 options=()

	shift 5
	case $kind/$accel in
	instructions/tcg)
		words+=" nolapic_timer tsc=reliable tsc_early_khz=1000000"
		options+=(--qemu -icount --qemu "shift=0,sleep=off") ;;
	*/tcg)
		# On a busy machine the guest fails to calibrate it, and goes
		# by its timer interrupts.
		if [ -z "${tsc_khz:-}" ]; then
			compiled "$BUILD/bench/tsc-khz" "$ROOT/scripts/bench/tsc-khz.c"
			tsc_khz=$("$BUILD/bench/tsc-khz")
		fi
		words+=" tsc=reliable tsc_early_khz=$tsc_khz" ;;
	instructions/*) die "only TCG counts instructions" ;;
	esac
	# shellcheck disable=SC2034 # for the callers
	command=("$ROOT/scripts/lupine/run" --quiet --no-net --accel "$accel"
		--kernel "$kernel" --image "$image" --append "nokaslr $words"
		"${options[@]}" "$@")
}

# progress DONE ALL START TITLE: a line with the time that is left.
progress()
{
	local left=''

	if [ "$1" -gt 0 ]; then
		left=$((($(date +%s%N) - $3) * ($2 - $1) / ($1 * 1000000000)))
		left=", about $((left / 60)):$(printf %02d $((left % 60))) left"
	fi
	printf '    [%d/%d] %s%s\n' $(($1 + 1)) "$2" "$4" "$left" >&2
}

# Times say little while others want the processors, too.
say_if_busy()
{
	awk -v processors="$(nproc)" '$1 > processors + 0.5 {
		printf "The machine is busy: load %s on %d processors. " \
		       "Times are less sure than usual.\n", $1, processors
	}' /proc/loadavg
}

# add_profiles SPEC...: the kernels of these profiles, built if need be. What QEMU
# needs to boot microvm is no other system.
add_profiles()
{
	local spec

	"$ROOT/scripts/source/prerequisites" --group source build image vm
	"$ROOT/scripts/source/tree"
	for spec; do
		"$ROOT/scripts/kconfig/build" "$spec"
		add_kernel "${spec%+mmio}=$BUILD/kernel/$spec/vmlinux:$spec"
	done
}

# release VMLINUX: of the kernel, from its own banner.
release()
{
	strings -n 12 "$1" | awk '/^Linux version [0-9]/ { print $3; found = 1; exit }
		END { exit !found }' || die "$1 does not say which Linux it is"
}

# For awk: of a list of numbers, which blanks separate, the median and the ends.
MEDIAN='
function median(list,	n, v, i, j, x) {
	n = split(list, v, " ")
	for (i = 2; i <= n; i++) {
		x = v[i] + 0
		for (j = i - 1; j >= 1 && v[j] + 0 > x; j--)
			v[j + 1] = v[j]
		v[j + 1] = x
	}
	return n % 2 ? v[(n + 1) / 2] + 0 : (v[n / 2] + v[n / 2 + 1]) / 2
}
function extreme(list, sign,	n, v, i, x) {
	n = split(list, v, " ")
	x = v[1] + 0
	for (i = 2; i <= n; i++)
		if ((v[i] - x) * sign > 0)
			x = v[i] + 0
	return x
}
function lowest(list) { return extreme(list, -1) }
function highest(list) { return extreme(list, 1) }
'

# turns UNIT: in how many of $runs. Instructions hardly differ from one to the next.
turns()
{
	if [ "$1" = instructions ] && [ "$runs" -gt 2 ]; then
		echo 2
	else
		echo "$runs"
	fi
}

# targets EXPERIMENT FROM: judge the runs from number FROM on by the lines on
# standard input, "SYSTEM METRIC ratio|least|most LIMIT": of the ratio to microvm in
# the same run (at most or, with least, at least the limit), or of the value itself,
# the median counts.
targets()
{
	awk -F, -v experiment="$1" -v from="$2" "$MEDIAN"'
	FNR == NR {
		split($0, w, " ")
		system_[++n] = w[1]; metric[n] = w[2]; kind[n] = w[3]; limit[n] = w[4]
		next
	}
	FNR > 1 && $1 == experiment && $6 + 0 >= from { value[$2, $3, $6] = $5 + 0; run[$6] = 1 }
	END {
		for (i = 1; i <= n; i++) {
			list = ""
			for (r in run) {
				if (!((system_[i], metric[i], r) in value))
					continue
				v = value[system_[i], metric[i], r]
				if (kind[i] != "most") {
					if (!(("microvm", metric[i], r) in value))
						continue
					v /= value["microvm", metric[i], r]
				}
				list = list " " v
			}
			if (list == "")
				continue
			if (!shown++)
				printf "\n%-18s %-20s %10s  %-15s\n", "target of", "metric", "is", "wanted"
			m = median(list)
			least = kind[i] == "least"
			printf "%-18s %-20s %10s  %-15s  %s\n", system_[i], metric[i],
			       kind[i] == "most" ? m : sprintf("%.3f", m),
			       (least ? "at least " : "at most ") limit[i],
			       (least ? m >= limit[i] + 0 : m <= limit[i] + 0) ? "reached" : "MISSED"
		}
		if (!shown)
			print "\nno targets: they are ratios to the system microvm, which was not measured"
	}' - "$RESULTS"
}

# slower EXPERIMENT FROM BASELINE: where a system is slower than the baseline in each
# of the runs from number FROM on, and so not by the spread alone.
slower()
{
	awk -F, -v experiment="$1" -v from="$2" -v baseline="$3" '
		NR == 1 || $1 != experiment || $6 + 0 < from { next }
		{
			# Of bandwidths the reciprocal.
			value[$2, $3, $6] = $4 == "us" ? $5 : ($5 > 0 ? 1 / $5 : 0)
			system_[$2] = metric[$3] = run[$6] = 1
		}
		END {
			for (s in system_) {
				if (s == baseline)
					continue
				lines = ""
				for (m in metric) {
					all = 1
					sum = n = 0
					for (r in run) {
						a = value[s, m, r]
						b = value[baseline, m, r]
						if (b <= 0)
							continue
						if (a <= b)
							all = 0
						sum += a / b
						n++
					}
					total[s]++
					if (n && all)
						lines = lines sprintf("    %-16s %.2f times\n", m, sum / n)
				}
				printf "\n%s: of %d lines, slower than %s in all runs: %s\n", s,
				       total[s], baseline, lines == "" ? "none" : ""
				printf "%s", lines
			}
		}' "$RESULTS"
}
