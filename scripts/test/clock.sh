#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/clock.sh --kernel VMLINUX [--seconds N]
#
# Compare the date of a guest with the host's: after boot, after N busy seconds, and
# after QEMU was stopped for a while. The guest says its date to each connection; what it
# says has to lie between the host's before and after, give or take the 20 ms that
# Documentation/lupine/images.rst promises.
#
#   --kernel VMLINUX   the guest's kernel
#   --seconds N        (default 10)
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
kernel='' seconds=10
begin kernel:kernel! seconds:number -- "$@"
need --group test socat gcc

cp "$ROOT/scripts/test/clock/date.c" "$work"
cat >"$work/manifest" <<'END'
packages busybox-static socat
busybox yes
program date.c /date
file serve /serve 755
entrypoint /serve
END
cat >"$work/serve" <<'END'
#!/bin/sh
socat TCP-LISTEN:7,fork,reuseaddr EXEC:/date &
until netstat -ltn | grep -q ':7 '; do
	sleep 0.1
done
echo serving
while :; do :; done
END
build_image "$work/manifest"
port=$(free_port)
"$ROOT/scripts/lupine/lupine" run --kernel "$kernel" --image "$image" -p "$port:7" \
	--timeout $((seconds + 300)) >"$work/console" 2>&1 &
guest=$!
at_exit kill "$guest"
for _ in {1..600}; do
	! grep -qa '^serving' "$work/console" || break
	sleep 0.1
done

# in_step: the best of five, as the host may have other things to do.
in_step()
{
	local before answer after error least=999999999999 i

	for i in 1 2 3 4 5; do
		before=$(date +%s%N)
		read -r -t 20 answer <"/dev/tcp/127.0.0.1/$port" || { cat "$work/console"; return 1; }
		after=$(date +%s%N)
		[[ $answer =~ ^[1-9][0-9]{18}$ ]] || { echo "no date: ${answer@Q}"; return 1; }
		error=0
		[ "$answer" -ge "$before" ] || error=$((before - answer))
		[ "$answer" -le "$after" ] || error=$((answer - after))
		echo "try $i: off by $((error / 1000)) us beyond the $(((after - before) / 1000)) us that it took"
		[ "$error" -ge "$least" ] || least=$error
	done
	[ "$least" -le 20000000 ]
}

by_tsc() { grep -aE 'tsc_early_khz=[1-9]' "/proc/$(pgrep -P "$guest" qemu)/cmdline"; }
check "the guest knows the frequency of its counter" by_tsc
check "the date after boot" in_step
sleep "$seconds"
check "the date after $seconds busy s" in_step
qemu=$(pgrep -P "$guest" qemu)
kill -STOP "$qemu"
sleep 5
kill -CONT "$qemu"
check "the date after QEMU was stopped for 5 s" in_step
summary
