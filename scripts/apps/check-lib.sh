# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# The words of the applications' checks: scripts/apps/APP/check sources this file and
# asks its questions with them. Three callers, scripts/test/app.sh first, run it as
#
#   check --ready HOST PORT         do the questions before `ready` get their answers?
#   check HOST PORT                 do all of them?
#   check --console FILE STATUS     of an application that listens on no port: did it
#                                   print what `console` says and end as it says?
#
# Each question prints a line; the first wrong answer ends the check. Questions are asked
# with the usual clients. What they answer is the guest's text: it is only compared, and
# shown with its control characters quoted.
# shellcheck disable=SC2034 # for the checks

set -eu
export LC_ALL=C
folder=$(dirname "$(readlink -f "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# No client reads the user's settings.
export HOME=$work
mode='' host='' port='' file='' status='' got=''

case $#:${1:-} in
3:--ready) mode=ready host=$2 port=$3 ;;
3:--console) mode=console file=$2 status=$3 ;;
2:[!-]*) mode=work host=$1 port=$2 ;;
*)
	echo "Usage: check [--ready] HOST PORT" >&2
	echo "       check --console FILE STATUS" >&2
	exit 2 ;;
esac

# answer WHAT WANTED yes|no: report whether $got is the answer wanted
answer()
{
	local short=${got:0:300}

	if [ "$3" != yes ]; then
		printf '%s: got %s, wanted %s\n' "$1" "${short@Q}" "$2" >&2
		exit 1
	fi
	printf '  %s: as expected\n' "$1"
}

# expect WHAT TEXT COMMAND...: the command prints exactly TEXT, but for newlines at the end
expect()
{
	got=$("${@:3}" 2>&1) || :
	answer "$1" "'${2:0:300}'" "$([ "$got" = "$2" ] && echo yes)"
}

# match WHAT PATTERN COMMAND...: the command prints something like PATTERN, the shell's
match()
{
	got=$("${@:3}" 2>&1) || :
	# shellcheck disable=SC2053 # a pattern
	answer "$1" "something like '$2'" "$([[ $got == $2 ]] && echo yes)"
}

# ready: the questions so far tell whether the application is there.
ready() { [ "$mode" = work ] || exit 0; }

# console STATUS LINE...: the application ended with STATUS and printed each of the LINEs.
console()
{
	local line

	[ "$mode" = console ] || { echo "the application listens on no port" >&2; exit 1; }
	got=$status
	answer "exit status" "$1" "$([ "$status" = "$1" ] && echo yes)"
	got=$(tr -d '\0\r' <"$file" | tail -n 40)
	for line in "${@:2}"; do
		answer "the console says '$line'" "that line" \
			"$(tr -d '\r' <"$file" | grep -qxF -e "$line" && echo yes)"
	done
}

# body PATH [OPTION OF CURL]...: what the server has there
body() { curl -qsS --noproxy '*' --max-time 100 "${@:2}" "http://$host:$port$1"; }

# http PATH [OPTION OF CURL]...: the same behind its status and headers
http() { body "$@" -i | tr -d '\r'; }

# lines LINE...: send them as they are; print what comes back until the server hangs up
lines() { printf '%s\r\n' "$@" | nc -w 20 "$host" "$port" | tr -d '\r'; }
