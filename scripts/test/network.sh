#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/network.sh --kernel VMLINUX [--full]
#
# Talk to guests over forwarded ports as users do: many connections at once, a large
# answer, half-closed connections, UDP, ports below 1024, and ports that cannot be had.
#
#   --kernel VMLINUX   the guests' kernel
#   --full             also redis-benchmark, wrk, ab, hey and pgbench, with their defaults
#                      or a hundred connections, and a DNS server
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
kernel='' full=''
begin kernel:kernel! full -- "$@"
need --group test socat curl

# A guest that sends back what it gets by TCP, half-closed or not, and by UDP, and has a
# file of 64 MiB.
cat >"$work/manifest" <<'END'
packages busybox-static socat
busybox yes
file serve /serve 755
entrypoint /serve
space 80
END
cat >"$work/serve" <<'END'
#!/bin/sh
mkdir /www
truncate -s 64M /www/large
httpd -f -v -p 80 -h /www &
socat TCP-LISTEN:7,fork,reuseaddr,backlog=300 PIPE &
socat UDP-RECVFROM:7,fork PIPE &
until netstat -ltn | grep -q ':7 ' && netstat -lun | grep -q ':7 '; do
	sleep 0.1
done
echo serving
wait
END
build_image "$work/manifest"

server=
# start_guest IMAGE PATTERN OPTION...: in the background, until the pattern is on its console
start_guest()
{
	local _

	# What the last one said is not meant.
	: >"$work/console"
	"$ROOT/scripts/lupine/lupine" run --kernel "$kernel" --image "$1" --memory 256 --timeout 600 \
		"${@:3}" >"$work/console" 2>&1 &
	server=$!
	for _ in {1..300}; do
		! grep -qaE "$2" "$work/console" || return 0
		kill -0 "$server" 2>/dev/null || break
		sleep 0.1
	done
	cat "$work/console"
	return 1
}

stop_guest()
{
	[ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null || :
	server=
}
at_exit stop_guest

# echoes N: N connections are open at once, and each gets its own answer. Dropped ones
# would be tried again after one, three and seven seconds.
echoes()
{
	local i fd fds=() answer start=$SECONDS

	for ((i = 0; i < $1; i++)); do
		exec {fd}<>"/dev/tcp/127.0.0.1/$tcp" || return 1
		fds+=("$fd")
	done
	for i in "${!fds[@]}"; do
		echo "question $i" >&"${fds[i]}"
	done
	for i in "${!fds[@]}"; do
		read -r -t 30 answer <&"${fds[i]}" || { echo "no answer $i"; return 1; }
		[ "$answer" = "question $i" ] || { echo "$i: $answer"; return 1; }
		fd=${fds[i]}
		exec {fd}>&-
	done
	[ $((SECONDS - start)) -le 12 ] || { echo "it took $((SECONDS - start)) s"; return 1; }
}

half_closed()
{
	[ "$(head -c 100000 /dev/zero | tr '\0' y | socat -t 20 - "TCP:127.0.0.1:$tcp" | wc -c)" = 100000 ]
}

datagrams()
{
	local i answer

	for i in 1 2 3; do
		read -r -t 10 answer < <(echo "datagram $i" | socat -t 10 - "UDP:127.0.0.1:$udp") ||
			{ echo "no answer to datagram $i"; return 1; }
		[ "$answer" = "datagram $i" ] || { echo "$i: $answer"; return 1; }
	done
}

# One that is lost is lost each time. On a busy host, an answer may take two seconds.
wrk_loses_none()
{
	local _

	for _ in 1 2 3; do
		says 'Requests/sec' timeout 60 wrk -c 100 -d 8 "http://127.0.0.1:$http/"
		grep 'Socket errors' "$out" || return 0
	done
	return 1
}

get_pgbench()
{
	local folder=/usr/lib/postgresql version

	version=$(debugfs -R "ls -p $folder" "$work/pg.ext2" | sed -nE 's,^(/[0-9]+){4}/([0-9]+)/.*,\2,p')
	debugfs -R "dump $folder/$version/bin/pgbench $work/pgbench" "$work/pg.ext2"
	chmod +x "$work/pgbench"
	"$work/pgbench" --version
}

# questions udp|tcp PORT NUMBER: for name.example, each by a client of its own
questions()
{
	local question='\22\64\1\0\0\1\0\0\0\0\0\0\4name\7example\0\0\1\0\1' i

	# TCP wants the length first.
	[ "$1" = udp ] || question='\0\36'$question
	for ((i = 0; i < $3; i++)); do
		{
			printf '%b' "$question" >&4
			timeout 10 dd bs=512 count=1 <&4 2>/dev/null | od -An -v -tu1 | tr -d '\n' |
				grep -E ' 0 +4 +10 +1 +2 +3$' || { echo "no answer to question $i"; return 1; }
		} 4<>"/dev/$1/127.0.0.1/$2"
	done
}

# The guest's httpd prints who asks.
client_address() { grep -aE '10\.0\.2\.2\]?:[0-9]+' "$work/console"; }

large() { [ "$(curl -sS --max-time 120 "http://127.0.0.1:$http/large" | wc -c)" = $((64 << 20)) ]; }

tcp=$(free_port) http=$(free_port) udp=$(free_port)
ports=(-p "$tcp:7" -p "$http:80" -p "$udp:7/udp")
start_guest "$image" '^serving' "${ports[@]}" >"$work/start" 2>&1 || :
equal "the guest serves" '' "$(cat "$work/start")"
check "one connection" echoes 1
check "200 connections at once" echoes 200
check "a half-closed connection" half_closed
check "UDP" datagrams
check "64 MiB" large
check "the server sees the address of the user network" client_address
stop_guest
low=$((RANDOM % 300 + 700))
while [ "$(id -u)" = 0 ] && grep -q "$(printf ':%04X 0' "$low")" /proc/net/tcp; do
	low=$((low + 1))
done
if [ "$(id -u)" = 0 ]; then
	start_guest "$image" '^serving' -p "$low:7" >"$work/start" 2>&1 || :
	tcp=$low check "a port below 1024" echoes 1
	stop_guest
	chmod a+rx "$work"
	if [ "$low" -lt "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" ]; then
		refused "a port below 1024 without rights" "port $low needs rights" \
			setpriv --reuid 65534 --regid 65534 --clear-groups env "LUPINE_ROOT=$ROOT" \
			"$SHARED/lupine/lupine" run --kernel "$kernel" --image "$image" -p "$low:7"
	fi
fi
no_guest=("$ROOT/scripts/lupine/lupine" run --kernel "$kernel" --image "$image" --timeout 20)
refused "a port that is given twice" "port $tcp of 127.0.0.1 is in use" \
	"${no_guest[@]}" -p "$tcp:7" -p "$tcp:80"
refused "a UDP port that is given twice" "port $udp of 127.0.0.1 is in use" \
	"${no_guest[@]}" -p "$udp:7/udp" -p "$udp:8/udp"
refused "an address of IPv6" 'an IPv4 ADDRESS as 127.0.0.1: QEMU forwards no IPv6' \
	"${no_guest[@]}" -p '[::1]:1:2'
refused "another protocol" 'want \[ADDRESS:\]HOST:GUEST\[/tcp\|/udp\]' "${no_guest[@]}" -p 1:2/sctp
if [ -n "$full" ]; then
	need --group test redis-benchmark wrk ab hey
	"$ROOT/scripts/apps/build" --output "$work/redis.ext2" redis >"$out" 2>&1 || cat "$out"
	start_guest "$work/redis.ext2" 'Ready to accept' -p "$tcp:6379" >"$work/start" 2>&1 || :
	# All of its tests, fifty connections; fewer requests, since emulation takes its time
	check "redis-benchmark" timeout 500 redis-benchmark -q -p "$tcp" -n 20000
	stop_guest
	"$ROOT/scripts/apps/build" --output "$work/nginx.ext2" nginx >"$out" 2>&1 || cat "$out"
	start_guest "$work/nginx.ext2" 'nginx|init' -p "$http:80" >"$work/start" 2>&1 || :
	curl -sS --retry 60 --retry-delay 1 --retry-all-errors -o "$out" "http://127.0.0.1:$http/"
	check "wrk -c 100 loses no connection" wrk_loses_none
	output "ab -c 100" '^Failed requests: +0$' timeout 120 ab -q -c 100 -n 5000 "http://127.0.0.1:$http/"
	output "hey" '\[200\].*200 responses' timeout 120 hey "http://127.0.0.1:$http/"
	stop_guest
	# Debian has pgbench in the package of the server, so that the image has it.
	"$ROOT/scripts/apps/build" --output "$work/pg.ext2" postgresql >"$out" 2>&1 || cat "$out"
	check "pgbench is in the image" get_pgbench
	start_guest "$work/pg.ext2" 'init' -p "$tcp:5432" >"$work/start" 2>&1 || :
	# It makes its data folder first.
	while kill -0 "$server" && ! pg_isready -q -t 2 -h 127.0.0.1 -p "$tcp"; do
		sleep 1
	done
	pgbench=(timeout 120 "$work/pgbench" -h 127.0.0.1 -p "$tcp" -U postgres)
	check "pgbench makes its tables" "${pgbench[@]}" -i postgres
	output "pgbench" '^number of transactions actually processed: 10/10' "${pgbench[@]}" postgres
	stop_guest
	printf '%s\n' 'packages unbound busybox-static' 'busybox yes' 'file conf /conf' \
		'entrypoint /usr/sbin/unbound' 'cmd -d' 'cmd -c' 'cmd /conf' >"$work/manifest"
	printf '%s\n' server: ' interface: 0.0.0.0' ' access-control: 0.0.0.0/0 allow' \
		' username: ""' ' chroot: ""' ' directory: "/"' ' pidfile: ""' ' use-syslog: no' \
		' local-zone: "example." static' ' local-data: "name.example. A 10.1.2.3"' >"$work/conf"
	build_image "$work/manifest"
	start_guest "$image" 'start of service' -p "$udp:53/udp" -p "$tcp:53" >"$work/start" 2>&1 || :
	check "a DNS server answers 200 questions by UDP" questions udp "$udp" 200
	check "and by TCP" questions tcp "$tcp" 5
	stop_guest
fi
summary
