#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The guest of the experiment app, run by busybox: start the server APP (redis or nginx)
# and let the client that comes with it, or Apache's, ask it REQUESTS times. Prints a row
# for each metric, in requests/s; or, if the clocks count instructions, 10^9 of which are a
# second then, in instructions of a request.
set -eu
: "${bench_unit:=seconds}"

b=/bin/busybox

fail()
{
	echo "bench: error: $*"
	exit 1
}

# till COMMAND...: wait for the server.
till()
{
	tries=0
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ "$tries" -lt 100 ] || fail "the server does not answer: $*"
		$b sleep 0.1
	done
}

# row METRIC VALUE
row()
{
	case ${2:-}/$bench_unit in
	[1-9]*/instructions)
		$b awk -v metric="$1" -v rate="$2" 'BEGIN {
			printf "app,,%s-instructions,instructions,%.0f\n", metric, 1e9 / rate }' ;;
	[1-9]*) echo "app,,$1,requests/s,$2" ;;
	*) fail "$1: the client gave '${2:-}' instead of a number: $($b tail -n 5 /tmp/out)" ;;
	esac
}

# redis METRIC TEST: 50 clients, values of 3 bytes, no pipelines: the defaults.
# shellcheck disable=SC2016 # awk expands it
redis()
{
	redis-benchmark -h 127.0.0.1 --csv -q -n "$REQUESTS" -t "$2" >/tmp/out 2>&1 ||
		fail "redis-benchmark: $($b tail -n 5 /tmp/out)"
	row "$1" "$($b awk -F '"' -v test="$2" 'tolower($2) == test { print $4 }' /tmp/out)"
}

# nginx METRIC OPTION...: 10 clients ask for nothing much.
# shellcheck disable=SC2016 # awk expands it
nginx()
{
	metric=$1
	shift
	ab -q -n "$REQUESTS" -c 10 "$@" http://127.0.0.1/ >/tmp/out 2>&1 ||
		fail "ab: $($b tail -n 5 /tmp/out)"
	if ! $b grep -q "^Complete requests: *$REQUESTS\$" /tmp/out ||
	   ! $b grep -q '^Failed requests: *0$' /tmp/out; then
		fail "ab: $($b grep requests /tmp/out)"
	fi
	row "$metric" "$($b awk '/^Requests per second:/ { print $4 }' /tmp/out)"
}

$b mkdir -p /tmp
case $APP in
redis)
	redis-server --save '' --appendonly no --daemonize no >/tmp/server 2>&1 &
	till redis-cli -h 127.0.0.1 ping
	redis redis-set set
	redis redis-get get ;;
nginx)
	/usr/sbin/nginx -g 'daemon off;' >/tmp/server 2>&1 &
	till $b wget -q -O /dev/null http://127.0.0.1/
	# Its default page: a connection for each request, and many requests on each.
	nginx nginx-conn
	nginx nginx-sess -k ;;
*)	fail "no application '$APP'" ;;
esac
