#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/app.sh APP --kernel VMLINUX [OPTION]...
#
# Boot an application's image, make it if need be, and let the application's
# own check (scripts/apps/APP/check) talk to it through a forwarded port.
# Then end the application by Ctrl-C on the console. Print one line, ok or not
# ok, with the time from QEMU's start until the application answered; on failure
# also the end of the console.
#
#   --cpus N           as scripts/lupine/lupine run has it, like the next four
#   --memory MiB
#   --accel MODE
#   --cpu MODEL
#   --append WORDS
#   --image EXT2       (default build/image/APP.ext2)
#   --rewrite          with an image of its own, whose system calls are rewritten; the
#                      kernel needs CONFIG_KML. The line says how many of them are calls
#   --name TEXT        more words for the line printed
#   --ready SECONDS    the application has to answer (or end) within
#                      (default: what its manifest says, or 60)
#   --check PROGRAM    is asked in place of scripts/apps/APP/check. With --image, an APP
#                      without a check has to answer HTTP, or to end with status 0
#   --explain FILE     write what lupine run --explain says to FILE, and the console to
#                      FILE.console
#   --linked           VMLINUX is linked with the application (scripts/ukl/ukl-gcc): it has no
#                      root file system, and that of --image only says the ports
#   --lack FILE        as scripts/lupine/lupine run has it
#   --verbose          show the console and what the check says
#
# scripts/apps/check-lib.sh says how a check is called.
set -eu

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/../lib.sh"

# shellcheck disable=SC2317 # called by a trap
finish()
{
	local status=$?

	trap - EXIT
	if [ -n "$vm" ] && kill "$vm" 2>/dev/null; then
		wait "$vm" 2>/dev/null || :
	fi
	exec 5>&-
	# There may have been no machine.
	if [ -n "$explain" ]; then
		cp "$work/console" "$explain.console" || :
		cp "$work/out" "$explain" || :
	fi
	rm -rf "$work"
	exit "$status"
}

# end_guest: end the application, by Ctrl-C on the console.
end_guest()
{
	printf '\003' >&5
	for _ in {1..150}; do
		kill -0 "$vm" 2>/dev/null || return 0
		sleep 0.1
	done
}

verdict()	# verdict ok|"not ok" TEXT
{
	# What failed is told when the application has ended.
	[ "$1" = ok ] || [ -z "$explain" ] || [ -z "$vm" ] || end_guest
	echo "$1 - $app: $2"
	if [ "$1" != ok ]; then
		echo "# the end of the console:"
		tail -n 40 "$work/console" 2>/dev/null | tr -d '\r' | sed 's/^/#   /'
		[ ! -s "$work/check" ] || sed 's/^/# check: /' "$work/check"
		exit 1
	fi
	exit 0
}

complaints()
{
	"$ROOT/scripts/test/judge" --kernel-only "$work/console" |
		grep '^not ok - kernel' | head -n 3 || :
}

main()
{
	local kernel='' image='' name='' lack='' linked='' root=() ready='' verbose='' rewrite='' check='' machine=() arguments=()
	local ports host started elapsed status=0 complaint

	work='' vm='' explain=''
	options kernel:kernel! image:file name:text ready:number check:file explain:text lack:file \
		rewrite verbose linked cpus:guest \
		memory:guest accel:guest cpu:guest append:guest ... -- "$@"
	[ ${#arguments[@]} = 1 ] || misused "needs one APP"
	app=${arguments[0]}
	name=${name:+ $name}
	[ -n "$check" ] || check=$ROOT/scripts/apps/$app/check
	[ -n "$image" ] && [ ! -e "$check" ] && check=$ROOT/scripts/test/app/check
	[ -x "$check" ] || die "application '$app' has no check ($check)"
	need --group test curl mariadb mosquitto_sub nc psql redis-cli

	work=$(mktemp -d)
	at_end finish
	if [ -n "$rewrite" ]; then
		[ -z "$image" ] || die "--rewrite makes an image of its own; --image excludes it"
		image=$work/$app.ext2
		"$ROOT/scripts/apps/build" --rewrite --output "$image" "$app" >"$work/build" 2>&1 || {
			cat "$work/build" >&2
			die "the image of $app could not be made"
		}
		name+=$(awk '$4 ~ /%$/ { last = $3 " of " $2 }
			END { print ", " (last == "" ? "nothing" : last) " system calls rewritten" }' \
			"$work/build")
	elif [ -z "$image" ]; then
		image=$SHARED/image/$app.ext2
		if [ ! -e "$image" ] && ! "$ROOT/scripts/apps/build" "$app" >"$work/build" 2>&1; then
			cat "$work/build" >&2
			die "the image of $app could not be made"
		fi
	fi
	ports=$(conf_numbers "${image%.ext2}.conf" ports)
	[ -n "$ready" ] || ready=$(conf_numbers "${image%.ext2}.conf" ready)
	ready=${ready:-60}
	[ -n "$linked" ] || root=(--image "$image")
	[ -z "$lack" ] || machine+=(--lack "$lack")
	if [ -n "$explain" ]; then
		machine+=(--explain)
		[[ $explain = /* ]] || explain=$PWD/$explain
	fi

	if [ -z "$ports" ]; then
		started=$(date +%s%N)
		"$ROOT/scripts/lupine/lupine" run --kernel "$kernel" "${root[@]}" --quiet --timeout "$ready" \
			--log "$work/console" "${machine[@]}" </dev/null >"$work/out" 2>&1 || status=$?
		elapsed=$(seconds_since "$started")
		[ -z "$verbose" ] || cat "$work/out"
		"$check" --console "$work/console" "$status" >"$work/check" 2>&1 ||
			verdict "not ok" "ended with status $status, the check failed$name"
		complaint=$(complaints)
		[ -z "$complaint" ] || verdict "not ok" "${complaint#not ok - }$name"
		verdict ok "ran for $elapsed s, ended with status $status$name"
	fi

	host=$(free_port)
	mkfifo "$work/stdin"
	started=$(date +%s%N)
	"$ROOT/scripts/lupine/lupine" run --kernel "$kernel" "${root[@]}" --quiet \
		-p "$host:${ports%% *}" --log "$work/console" "${machine[@]}" \
		<"$work/stdin" >"$work/out" 2>&1 &
	vm=$!
	exec 5>"$work/stdin"

	# An attempt before the guest is up hangs, so each has its own end: a late
	# one, where an answer takes long, lest requests pile up.
	until timeout $((2 + ($(date +%s%N) - started) / 4000000000)) "$check" --ready 127.0.0.1 "$host" >/dev/null 2>&1; do
		if ! kill -0 "$vm" 2>/dev/null; then
			# The console is shown anyway, if there is any.
			[ -s "$work/console" ] || cat "$work/out" >>"$work/check"
			vm=''
			verdict "not ok" "the guest ended before the application answered$name"
		fi
		[ $(($(date +%s%N) - started)) -lt "${ready}000000000" ] ||
			verdict "not ok" "no answer within $ready s$name"
		sleep 0.02
	done
	elapsed=$(seconds_since "$started")
	timeout 120 "$check" 127.0.0.1 "$host" >"$work/check" 2>&1 ||
		verdict "not ok" "answered after $elapsed s, the check failed$name"
	[ -z "$verbose" ] || cat "$work/check"

	end_guest
	if kill -0 "$vm" 2>/dev/null; then
		verdict "not ok" "works, but is still there 15 s after Ctrl-C$name"
	fi
	wait "$vm" || status=$?
	vm=''
	[ -z "$verbose" ] || cat "$work/out"
	complaint=$(complaints)
	[ -z "$complaint" ] || verdict "not ok" "${complaint#not ok - }$name"
	[ "$status" != 255 ] || verdict "not ok" "works, but the machine did not end cleanly$name"
	verdict ok "answered after $elapsed s, works, ended with status $status$name"
}

main "$@"
