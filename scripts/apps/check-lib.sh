# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the applications' checks share. A check begins with
#
#	. "$(dirname "$(readlink -f "$0")")/../check-lib.sh"
#	check_arguments "$@"
#
# which sets mode to ready, work or console; and host and port, or console and
# status. scripts/test/app.sh says how checks are called.
# shellcheck disable=SC2034 # for the checks

set -eu
export LC_ALL=C
mode='' host='' port='' console='' status='' answer='' head='' body=''

# wrong WHAT: the application did not do what it should.
wrong()
{
	printf '%s\n' "$*" >&2
	exit 1
}

right()
{
	printf '  %s: as expected\n' "$*"
}

# equal WHAT WANT GOT
equal()
{
	[ "$2" = "$3" ] || wrong "$1: got '${3:0:300}' instead of '${2:0:300}'"
	right "$1"
}

check_arguments()
{
	case $#:${1:-} in
	3:--ready) mode=ready host=$2 port=$3 ;;
	3:--console) mode=console console=$2 status=$3 ;;
	2:[!-]*) mode=work host=$1 port=$2 ;;
	*)
		echo "Usage: check [--ready] HOST PORT" >&2
		echo "       check --console FILE STATUS" >&2
		exit 2 ;;
	esac
}

# printed LINE: the console has it as a line of its own.
printed()
{
	tr -d '\r' <"$console" | grep -qxF -e "$1" || wrong "not on the console: $1"
	right "the console says '$1'"
}

# request METHOD PATH [HEADER...] [< BODY]: sets answer (the status), head and
# body. Reads until the server closes, or as far as Content-Length says.
request()
{
	local method=$1 path=$2 line length=-1 data='' chunked=''

	shift 2
	[ "$method" = GET ] || [ "$method" = HEAD ] || data=$(cat)
	exec 3<>"/dev/tcp/$host/$port"
	{
		printf '%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n' "$method" "$path" "$host"
		[ $# = 0 ] || printf '%s\r\n' "$@"
		[ -z "$data" ] || printf 'Content-Length: %d\r\n' ${#data}
		printf '\r\n%s' "$data"
	} >&3
	IFS= read -r -t 60 -u 3 line || wrong "$method $path: no answer"
	line=${line%$'\r'}
	[[ $line =~ ^HTTP/1\.[01]\ ([0-9]{3}) ]] || wrong "$method $path: not HTTP: $line"
	answer=${BASH_REMATCH[1]}
	head='' body=''
	while IFS= read -r -t 60 -u 3 line; do
		line=${line%$'\r'}
		[ -n "$line" ] || break
		head+=$line$'\n'
		case ${line,,} in
		content-length:*) length=${line#*: } ;;
		transfer-encoding:*chunked*) chunked=1 ;;
		esac
	done
	if [ "$method" = HEAD ] || [ "$answer" = 304 ] || [ "$length" = 0 ]; then
		:
	elif [ -n "$chunked" ]; then
		while IFS= read -r -t 60 -u 3 line; do
			length=$((16#${line%%[$'\r;']*}))
			[ "$length" != 0 ] || break
			IFS= read -r -t 60 -N "$length" -u 3 data || wrong "$path: a chunk is cut short"
			body+=$data
			IFS= read -r -t 60 -u 3 line
		done
	elif [ "$length" -gt 0 ]; then
		IFS= read -r -t 60 -N "$length" -u 3 body ||
			wrong "$method $path: ${#body} of $length bytes"
	else
		body=$(timeout 60 cat <&3)
	fi
	exec 3>&-
}

# An attempt that fails quietly, for --ready.
answers()
{
	(request GET "${1:-/}") >/dev/null 2>&1
}
