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

# compiled OUTPUT SOURCE [FLAG...]: a program of ours, compiled if need be.
compiled()
{
	local output=$1 source=$2

	shift 2
	[ ! "$output" -nt "$source" ] || return 0
	need gcc
	mkdir -p "$(dirname "$output")"
	gcc -std=gnu11 -O2 -Wall -Wextra -Werror "$@" -o "$output.$$" "$source" ||
		die "$source does not compile"
	mv "$output.$$" "$output"
}

# guest_image NAME: build/bench/NAME.ext2 with NAME.c as its only program, which
# is /sbin/init. At a fixed address, as debuggers look for places in it.
guest_image()
{
	local init=$BUILD/bench/$1-init image=$BUILD/bench/$1.ext2

	compiled "$init" "$ROOT/scripts/bench/$1.c" -static -no-pie
	if [ "$image" -nt "$init" ] && [ "$image" -nt "$ROOT/scripts/image/assemble" ]; then
		return
	fi
	need fakeroot mke2fs
	fakeroot "$ROOT/scripts/image/assemble" --root "$work/root" --init "$init" \
		--space 1 --output "$work/image" || die "the image of $1 cannot be made"
	mv "$work/image" "$image"
}

# guest_command KIND ACCEL VMLINUX IMAGE WORDS [ARGUMENT OF scripts/vm/run...]:
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
	command=("$ROOT/scripts/vm/run" --quiet --no-net --accel "$accel"
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
