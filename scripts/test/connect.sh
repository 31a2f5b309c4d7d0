#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/connect.sh --kernel VMLINUX
#
# Test `lupine run --on-connect`: no machine runs before somebody connects, nobody's request is
# lost, what is sent arrives, machines end when they are idle and start again, and sockets
# may be systemd's.
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
kernel=''
begin kernel:kernel! -- "$@"

compile_here "$ROOT/scripts/test/connect/socket.c"
cat >"$work/manifest" <<'END'
packages busybox-static
busybox yes
program socket.c /socket
file serve /serve 755
file answer /answer 755
entrypoint /serve
END
cat >"$work/serve" <<'END'
#!/bin/sh
echo booted
trap 'echo asked to stop; exit 0' INT
[ "$1" != fail ] || exit 3
/socket serve 80 /answer &
while :; do wait; done
END
cat >"$work/answer" <<'END'
#!/bin/sh
read what
case $what in
boot) cat /proc/sys/kernel/random/boot_id ;;
sum) sha256sum ;;
many) head -c 3000000 /dev/zero | sha256sum; head -c 3000000 /dev/zero ;;
stay) sleep 8; echo stayed ;;
end) kill -INT 1 ;;
esac
END
build_image "$work/manifest"
guest=("$ROOT/scripts/lupine/lupine" run --kernel "$kernel" --image "$image" --memory 64)

# begin_server [OPTION]... [-- WORD...]: sets port, server and console
begin_server()
{
	port=$(free_port)
	console=$work/console-$port
	(
		status=0
		"${guest[@]}" --on-connect -p "$port:80" "$@" >"$console" 2>&1 &
		echo $! >"$work/server"
		echo "$port" >"$work/port"
		wait $! || status=$?
		echo $status >"$console.status"
	) 2>/dev/null &
	wait_for 10 listens || :
	server=$(<"$work/server")
	at_exit end_server "$server" "$console.status"
}

# The last that it does is to write its status, into a folder that goes with the test.
end_server()
{
	kill "$1" 2>/dev/null || :
	wait_for 10 test -e "$2" || :
}

# ended_with STATUS: the server, within ten seconds
ended_with()
{
	wait_for 10 test -e "$console.status"
	grep -x "$1" "$console.status"
}

listens() { grep -q ":$(printf %04X "$port") 00000000:0000 0A" /proc/net/tcp; }
# Its child, and that one's QEMU
machine() { pgrep -P "$server"; }
runs() { [ -n "$(machine)" ] && pgrep -P "$(machine)" >/dev/null; }
rests() { [ -z "$(machine)" ]; }

# ask WORD: what the guest answers
ask() { echo "$1" | timeout 60 "$work/socket" ask "$port"; }

starts_by_the_first()
{
	sleep 1
	rests
	[ ! -s "$console" ]
	ask boot | grep -xE '[0-9a-f-]{36}'
	runs
}

starts_from_it()
{
	rests
	ask boot | grep -xE '[0-9a-f-]{36}'
	runs
	cat "$console"
	grep -c booted "$console" | grep -x 1
}

# all_answered NUMBER: of so many requests at once, by the same machine
all_answered()
{
	local i

	for ((i = 1; i <= $1; i++)); do
		ask boot >"$work/reply$1-$i" &
	done
	wait
	sort "$work/reply$1"-* | uniq -c | tee /dev/stderr | grep -qE "^ *$1 [0-9a-f-]{36}\$"
}

nothing_is_lost()
{
	all_answered 20
	[ "$(grep -c booted "$console")" = 1 ]
}

# While the server reads, and when it has read all and the client has closed its half
arrives_whole()
{
	ask many >"$work/many"
	[ "$(head -n 1 "$work/many")" = "$(tail -n +2 "$work/many" | sha256sum)" ]
	[ "$(tail -n +2 "$work/many" | wc -c)" = 3000000 ]
	printf 'sum\n%2000000d' 7 >"$work/sent"
	[ "$("$work/socket" ask "$port" <"$work/sent")" = "$(tail -n +2 "$work/sent" | sha256sum)" ]
}

ends_when_idle()
{
	local first

	first=$(ask boot)
	# Not while somebody is connected.
	ask stay | grep -x stayed
	grep 'asked to stop' "$console" && return 1
	wait_for 20 rests
	grep 'asked to stop' "$console"
	[ "$(ask boot)" != "$first" ]
	grep -c booted "$console" | grep -x 2
}

# The machine ends by itself, and the next one starts.
starts_again()
{
	ask end || :
	wait_for 10 rests
	ask boot | grep -xE '[0-9a-f-]{36}'
}

ended_by()
{
	local qemu

	qemu=$(pgrep -P "$(machine)")
	kill "-$1" "$server"
	ended_with "$2"
	wait_for 5 test ! -e "/proc/$qemu"
}

fails_with_its_status()
{
	ask boot && return 1
	grep 'ended before its application was ready' "$console"
	ended_with 3
}

by_systemd()
{
	local port answer='' _

	command -v systemd-socket-activate >/dev/null || { echo "no systemd"; exit "$SKIP"; }
	port=$(free_port)
	systemd-socket-activate -l "127.0.0.1:$port" "${guest[@]}" --on-connect -p "$port:80" \
		-p "$(free_port):81" >"$work/systemd" 2>&1 &
	for _ in {1..100}; do
		answer=$(ask boot 2>/dev/null) || :
		[ -z "$answer" ] || break
		sleep 0.1
	done
	kill $!
	wait $! || :
	cat "$work/systemd"
	grep -xE '[0-9a-f-]{36}' <<<"$answer"
	# A socket that nobody knows
	systemd-socket-activate -l "127.0.0.1:$port" "${guest[@]}" --on-connect \
		-p "$(free_port):80" >"$work/systemd" 2>&1 &
	wait_for 10 listens || :
	ask boot || :
	wait $! || :
	grep "a socket for port $port, has no -p $port:GUEST" "$work/systemd"
}

mistakes_are_named()
{
	local other

	other=$(free_port)
	fails 'wants ports to listen on' "${guest[@]}" --on-connect
	fails 'a UDP port has no connections' "${guest[@]}" --on-connect -p "$other:53/udp"
	fails 'leave -d out' "${guest[@]}" --on-connect -d x -p "$other:80"
	fails '--idle is for --on-connect' "${guest[@]}" --idle 5
	fails "port $port of 127.0.0.1 is in use" "${guest[@]}" --on-connect -p "$port:80"
	fails "port $other of 127.0.0.1 is in use" "${guest[@]}" --on-connect -p "$other:80" \
		-p "$other:81"
}

begin_server
check "the first connection starts the machine" starts_by_the_first
check "what is sent arrives, and the end of it" arrives_whole
check "a machine that has ended starts again" starts_again
check "killed, it leaves no machine behind" ended_by KILL 137
begin_server --idle 3
check "of twenty requests at the start none is lost" nothing_is_lost
check "a machine that nobody asks ends, and starts again" ends_when_idle
check "a signal ends the machine, too" ended_by TERM 143
begin_server --idle 3 --snapshot "$work/snapshot"
check "the first request makes a snapshot" starts_by_the_first
sleep 5
check "the next one starts from it" starts_from_it
check "the status of a signal" ended_by INT 130
(ulimit -n 80 && begin_server)
port=$(<"$work/port")
server=$(<"$work/server")
console=$work/console-$port
# More than there are descriptors for wait for their turn.
check "of sixty requests to a server with few descriptors none is lost" all_answered 60
end_server "$server" "$console.status"
begin_server -- fail
check "an application that fails is not started again" fails_with_its_status
begin_server
checks by_systemd mistakes_are_named
summary
