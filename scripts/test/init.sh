#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/init.sh
#
# Test how the init reads its configuration and the kernel's command line, on
# this machine. What it does as PID 1 is tested by booting: scripts/test/guests.sh.
set -eu

# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
begin -- "$@"
init=$work/init
make -s -C "$ROOT/scripts/init" OUT="$init"

# reads CONFIG [LUPINE]: what the init makes of them
reads()
{
	printf '%b' "$1" >"$work/conf"
	run env ${2:+"lupine=$2"} "$init" --check "$work/conf"
}

# understood TITLE CONFIG OUTPUT [LUPINE]
understood()
{
	reads "$2" "${4:-}"
	check "$1" printed "$3"
}

printed()
{
	[ "$status" = 0 ]
	printf '%b' "$1" | diff - "$out"
}

# wrong TITLE CONFIG MESSAGE [LUPINE]
wrong()
{
	reads "$2" "${4:-}"
	check "$1" with_message "$3"
}

with_message()
{
	cat "$out"
	[ "$status" = 125 ]
	grep -qF -e "$1" "$out"
}

understood "words stay words" 'entrypoint /bin/a b\ncmd  c\ncmd\n' \
	'entrypoint /bin/a b\ncmd  c\ncmd \n'
understood "comments and empty lines" '# one\n\n  # two\nuser redis:redis\n' 'user redis:redis\n'
understood "escapes" 'env A=1\\n2\\\\3\n' 'env A=1\\n2\\\\3\n'
understood "the last setting of a variable counts" 'env A=1\nenv B=2\nenv A=3\n' \
	'env A=3\nenv B=2\n'
understood "a variable that begins like another" 'env AB=1\nenv A=2\n' 'env AB=1\nenv A=2\n'
understood "no newline at the end" 'workdir /x' 'workdir /x\n'
# shellcheck disable=SC2016 # the guest's shell is to see it
understood "the shell form" 'shell echo $HOME; exit 3\n' \
	'entrypoint /bin/sh\nentrypoint -c\nentrypoint echo $HOME; exit 3\n'
understood "signals by name" 'stop SIGQUIT\n' 'stop SIGQUIT\n'
understood "signals by number" 'stop 15\n' 'stop 15\n'
understood "real-time signals" 'stop SIGRTMIN+3\n' 'stop SIGRTMIN+3\n'
understood "arguments replaced, program kept" 'entrypoint /e\ncmd old\n' \
	'entrypoint /e\ncmd new\ncmd two words\ncmd \n' '--args new two%20words %-'
understood "program replaced, its arguments gone" 'entrypoint /e\ncmd old\n' \
	'entrypoint /f\n' '--entrypoint /f'
understood "shell form replaced" 'shell old\n' 'entrypoint /f\ncmd a\n' '--entrypoint /f --args a'
understood "environment added and replaced" 'env A=1\n' 'env A=2 3\nenv B=%\n' \
	'--env A=2%203 --env B=%25'
understood "user and folder replaced" 'user a\nworkdir /a\n' 'workdir /b\nuser b\n' \
	'--user b --workdir /b'
wrong "an unknown key" 'entrypont /x\n' ":1: entrypont '/x' is not a key"
wrong "an unknown option" 'need NO_SUCH_THING\n' "is not an option that init can test"
wrong "a variable without value" '\nenv A\n' ":2: env 'A': is not NAME=VALUE"
wrong "a relative folder" 'workdir x\n' "is not an absolute path"
wrong "no such signal" 'stop SIGNOTHING\n' "is not a signal"
wrong "a key without value" 'user\n' "has no value"
wrong "entrypoint and shell" 'entrypoint /a\nshell b\n' "both entrypoint and shell"
understood "a folder with a blank" 'mkdir /my\\040data 0750 app\n' 'mkdir /my\\040data 0750 app\n'
wrong "a blank that makes it two words" 'mkdir /my data\n' ":1: mkdir '/my data': wants an octal mode"
understood "a mount from the command line" 'user a\n' \
	'user a\nmount ext2 /dev/vdb /a\\040b rw\n' '--mount ext2%20/dev/vdb%20/a\040b%20rw'
wrong "a wrong mount from the command line" 'user a\n' \
	"command line: lupine: mount 'ext2 /dev/vdb': want TYPE SOURCE DIR" '--mount ext2%20/dev/vdb'
wrong "a wrong variable from the command line" 'user a\n' \
	"command line: lupine: env 'A': is not NAME=VALUE" '--env A'
wrong "control characters are made visible" 'workdir a\\033[2J\n' "workdir 'a\\033[2J': is not"
wrong "a key of the host" 'memory 64\n' ":1: memory '64': is not for the init"
wrong "an option that cannot be changed" 'user a\n' "unknown option --limit" '--limit nofile%201'
wrong "a disk that is none" 'user a\n' "@../x: want @vda to @vdz" '@../x'
wrong "a disk that is not there" 'user a\n' "@vdz: No such file or directory" '@vdz'
wrong "an unknown override" 'user a\n' "unknown option --usr" '--usr b'
wrong "an override without value" 'user a\n' "--user has no value" '--user'

# as_urunit CONFIG FILE VARIABLE|WORD...: the same program as urunc's init. FILE, if it is not
# empty, is what urunc hands over; without it variables are words of the kernel's command line.
ln -s init "$work/urunit"
as_urunit()
{
	local variables=(HOME=/ TERM=linux) told

	printf '%b' "$1" >"$work/conf"
	printf '%b' "$2" >"$work/told"
	told=$2
	shift 2
	[ -z "$told" ] || variables+=("URUNIT_CONFIG=$work/told")
	while [[ ${1:-} == *=* ]]; do
		variables+=("$1")
		shift
	done
	run env -i "${variables[@]}" "$work/urunit" --check "$work/conf" "$@"
}

usual_path=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
as_urunit 'entrypoint /e\ncmd old\nenv PATH=/own\nenv A=1\n' '' A=2 $usual_path HOSTNAME=pod \
	URUNIT_DEFROUTE=1 new "'two" "words'" "'one'" "it's" "'open" ''
check "urunc's words" printed 'entrypoint /e\ncmd new\ncmd two words\ncmd one\ncmd it'\''s\ncmd '\''open\ncmd \nenv PATH=/own\nenv A=2\nenv HOSTNAME=pod\nhostname pod\n'
as_urunit 'cmd old\nuser app\n' '' PATH=/other
check "without words, the image's program and user" printed \
	'cmd old\nenv PATH=/other\nuser app\n'
as_urunit 'shell echo hello\n' '' more
check "words behind the shell form" printed \
	'entrypoint /bin/sh\nentrypoint -c\nentrypoint echo hello\ncmd more\n'
as_urunit 'cmd a\nuser app\nworkdir /app\n' \
	"UES\n$usual_path\nA=b c\nEMPTY=\nUEE\nUCS\nUID:1000\nGID:50\nWD:/data\nUCE\n\0\0\0" B=no
check "urunc's file" printed 'cmd a\nenv A=b c\nenv EMPTY=\nworkdir /data\nuser 1000:50\n'
as_urunit 'cmd a\nuser app\nworkdir /app\n' 'UCS\nUID:0\nGID:0\nWD:/\nUCE\n'
check "root in / is what engines say where nobody does" printed \
	'cmd a\nworkdir /app\nuser app\n'
as_urunit 'cmd a\n' 'UES\nno variable\n=x\nA.B-C=1\nB=2\nHOSTNAME=-bad\nUEE\nXYZ\nUZS\n'
check "a name that cannot be is no reason to stop" said '^env B=2$' '^cmd a$'
as_urunit 'cmd a\n' 'UES\nA=1\n'
outcome "a file that is cut" 125 'ends within its section UES'
as_urunit 'cmd a\n' 'UCS\nUID:x\nUCE\n'
outcome "a user that is no number" 125 "UID 'x' .* no numbers"
as_urunit 'cmd a\n' 'UCS\nWD:data\nUCE\n'
outcome "a relative folder from urunc" 125 'is not an absolute path'
as_urunit 'cmd a\n' 'UBS\nMP:/data\nUBE\n'
outcome "a volume without its disk" 125 'a volume wants a line ID:'
as_urunit 'cmd a\n' "UBS\n$(printf 'ID:a\\nMP:/a\\n%.0s' {1..30})UBE\n"
outcome "more volumes than disks" 125 'more than 25 volumes'
rm "$work/told"
run env -i "URUNIT_CONFIG=$work/told" "$work/urunit" --check "$work/conf"
outcome "a file that is not there" 125 'No such file.*add CONFIG_BLK_DEV_INITRD'
run "$init" --check "$work/conf" word
outcome "words are for urunit" 125 '^Usage'

run "$init" --check "$work/none"
outcome "no file" 125 'No such file'
run "$init"
outcome "started by hand, it explains itself" 125 '^Usage'
summary
