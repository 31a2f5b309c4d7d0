#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/clock.sh --kernel VMLINUX [--seconds N] [--stop N] [--no-rtc]
#
# Compare the date and the monotonic clock of a guest with the host's: after boot (they
# must be right within 20 ms), after N busy seconds (100 ms), and after QEMU was stopped
# for a while (100 ms, within 60 s). scripts/test/clock/date.c describes how.
#
#   --kernel VMLINUX   the guest's kernel
#   --seconds N        keep the guest busy for N seconds (default 10)
#   --stop N           stop QEMU for N seconds (default 5)
#   --no-rtc           give the guest no real-time clock
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
kernel='' seconds=10 stop=5 no_rtc=''
begin kernel:kernel! seconds:number stop:number no-rtc -- "$@"

compile_here "$ROOT/scripts/test/clock/date.c"
cat >"$work/manifest" <<'END'
packages busybox-static
busybox yes
program date.c /date
file serve /serve 755
entrypoint /serve
END
cat >"$work/serve" <<'END'
#!/bin/sh
/date serve 7 &
while :; do :; done
END
build_image "$work/manifest"
port=$(free_port)
: >"$work/console"
"$ROOT/scripts/lupine/lupine" run --kernel "$kernel" --image "$image" -p "$port:7" \
	${no_rtc:+--qemu -machine --qemu rtc=off} \
	--timeout $((seconds + stop + 600)) >"$work/console" 2>&1 &
guest=$!
at_exit kill "$guest"
for _ in {1..600}; do
	! grep -qa '^serving' "$work/console" || break
	sleep 0.1
done

# in_step MILLISECONDS: a busy host gets a second and a third try
in_step()
{
	local _

	for _ in 1 2 3; do
		! "$work/date" ask "$port" "$work/first" "$1" || return 0
	done
	tail -n 5 "$work/console"
	return 1
}

soon()
{
	local start=$SECONDS

	"$@"
	[ $((SECONDS - start)) -le 60 ]
}

by_tsc() { grep -aE 'tsc_early_khz=[1-9]' "/proc/$(pgrep -P "$guest" qemu)/cmdline"; }
check "the guest knows the frequency of its counter" by_tsc
check "both clocks after boot" in_step 20
sleep "$seconds"
check "both clocks after $seconds busy s" in_step 100
qemu=$(pgrep -P "$guest" qemu)
kill -STOP "$qemu"
sleep "$stop"
kill -CONT "$qemu"
check "both clocks after QEMU was stopped for $stop s" soon in_step 100
summary
