#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/exec.sh --kernel VMLINUX
#
# Test `lupine exec` and `lupine cp`: what goes into a program in a guest and comes out of it,
# terminals, signals and statuses, many at once, what is left when one of the ends goes away,
# and that nothing which a guest sends gets at files of the host.
# shellcheck disable=SC2016 # the guest's shells expand these
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
kernel=''
begin kernel:kernel! -- "$@"

lupine=$ROOT/scripts/lupine/lupine
name=exec-test.$$

# entry NAME MODE CONTENT: a file of an archive, as cpio's "newc" has it
entry()
{
	printf '070701%08x%08x%08x%08x%08x%08x%08x' 1 "$2" 0 0 1 0 ${#3}
	printf '%08x%08x%08x%08x%08x%08x' 0 0 0 0 $((${#1} + 1)) 0
	printf '%s\0' "$1"
	head -c $((-(111 + ${#1}) & 3)) /dev/zero
	printf %s "$3"
	head -c $((-${#3} & 3)) /dev/zero
}

# archive FILE [NAME MODE CONTENT]...: below a folder
archive()
{
	local file=$1

	shift
	entry . 040755 '' >"$file"
	while [ $# -gt 0 ]; do
		entry "$1" "$2" "$3" >>"$file"
		shift 3
	done
	entry 'TRAILER!!!' 0 '' >>"$file"
}

cp "$ROOT/scripts/test/exec/liar.c" "$work"
archive "$work/good" file 0104755 content
archive "$work/above" ../stolen 0100644 content
archive "$work/absolute" "$work/stolen" 0100644 content
archive "$work/link" link 0120777 "$work" link/stolen 0100644 content
archive "$work/device" null 020666 ''
entry . 0120777 "$work" >"$work/toplink"
entry 'TRAILER!!!' 0 '' >>"$work/toplink"
entry . 040755 '' >"$work/cut"
cat >"$work/manifest" <<'END'
packages busybox-static
busybox yes
account somebody /home/somebody
program liar.c /liar
file good /good
file above /above
file absolute /absolute
file link /link
file device /device
file toplink /toplink
file cut /cut
entrypoint /bin/sh
entrypoint -c
entrypoint trap 'exit 7' TERM INT; echo begun; [ -z "$0" ] || nc -ll -p 80 -e /bin/true & while :; do sleep 1000 & wait $!; done
cmd
env COLOUR=blue and green
mkdir /var/here
workdir /var/here
END
build_image "$work/manifest"

x() { timeout 60 "$lupine" exec "$@"; }
in_guest() { timeout 60 "$lupine" exec "$name" "$@"; }

# runs PATTERN: a process of that command line is in the guest
runs() { in_guest ps -o args | grep -v grep | grep -q "$1"; }
rests() { ! runs "$1"; }

as_the_application()
{
	local words

	says '^blue and green$' in_guest sh -c 'echo "$COLOUR"'
	says '^/var/here$' in_guest pwd
	says '^0:0$' in_guest sh -c 'echo $(id -u):$(id -g)'
	says '^red$' x -e COLOUR=red "$name" sh -c 'echo $COLOUR'
	says '^/tmp$' x -w /tmp "$name" pwd
	says '^somebody$' x -u somebody "$name" id -un
	# Words stay words.
	in_guest printf '%s|' 'a b' '' '$x' "line
break" '%20' | diff - <(printf 'a b||$x|line\nbreak|%%20|')
	# 200 of 500 bytes
	mapfile -t words < <(printf '%0500d\n' {1..200})
	[ "$(in_guest sh -c 'echo $#' "${words[@]}")" = 199 ]
}

outputs_are_apart()
{
	in_guest sh -c 'echo out; echo err >&2' >"$work/o" 2>"$work/e"
	diff "$work/o" <(echo out)
	diff "$work/e" <(echo err)
}

statuses_arrive()
{
	local status=0

	in_guest sh -c 'exit 42' || status=$?
	[ "$status" = 42 ]
	status=0
	in_guest sh -c 'kill -9 $$' || status=$?
	[ "$status" = 137 ]
	status=0
	in_guest nothing-there 2>"$work/e" || status=$?
	[ "$status" = 127 ]
	grep 'nothing-there: not found in PATH' "$work/e"
	status=0
	in_guest /etc || status=$?
	[ "$status" = 126 ]
}

# More than fits anywhere, both ways, and the end of it
everything_arrives()
{
	head -c 3000000 /dev/urandom >"$work/data"
	x -i "$name" cat <"$work/data" >"$work/o"
	cmp "$work/o" "$work/data"
	[ "$(x -i "$name" sha256sum <"$work/data")" = "$(sha256sum <"$work/data")" ]
	[ "$(in_guest head -c 3000000 /dev/zero | wc -c)" = 3000000 ]
	# Without -i it has no input, and takes none of the caller's.
	[ "$(printf 'one\ntwo\n' | (in_guest cat; cat))" = $'one\ntwo' ]
}

# Who does not read stops the program, and nobody else.
slow_readers_wait()
{
	in_guest sh -c 'yes | head -c 1000000; echo done >/tmp/slow' | (sleep 4; wc -c) >"$work/o" &
	sleep 2
	says 'No such file' in_guest sh -c 'cat /tmp/slow 2>&1; :'
	wait $!
	[ "$(<"$work/o")" = 1000000 ]
	says 'done' in_guest cat /tmp/slow
}

# What has ended is over, though others have its output open.
what_has_ended_is_over()
{
	local start=$SECONDS

	in_guest sh -c 'sleep 500 & echo begun' | grep begun
	[ $((SECONDS - start)) -lt 30 ]
	runs 'sleep 500'
	in_guest sh -c 'kill $(pidof sleep)' || :
}

signals_arrive()
{
	local status=0

	"$lupine" exec "$name" \
		sh -c 'trap "echo caught; exit 9" USR1; echo set; while :; do sleep 0.1; done' \
		>"$work/o" &
	wait_for 20 grep -q set "$work/o"
	kill -USR1 $!
	wait $! || status=$?
	cat "$work/o"
	[ "$status" = 9 ]
	grep caught "$work/o"
}

# As a terminal that is closed
killed_here_ended_there()
{
	"$lupine" exec "$name" sleep 501 &
	wait_for 20 runs 'sleep 501'
	kill -KILL $!
	wait_for 20 rests 'sleep 501'
	wait $! || :
}

# script(1) gives us a terminal, and types what comes.
on_a_terminal()
{
	script -qec "stty rows 33 cols 77; $(printf '%q ' "$lupine" exec -t "$name" sh)" /dev/null \
		< <(printf 'stty size; tty; echo $TERM; sleep 502\n'
			wait_for 20 runs 'sleep 502' || :
			printf '\003'; sleep 1; printf 'exit $(expr 40 + 2)\n'; sleep 3) \
		>"$work/o" || [ $? = 42 ]
	tr -d '\r' <"$work/o" | tee "$work/plain"
	grep -x '33 77' "$work/plain"
	grep -x '/dev/pts/[0-9]*' "$work/plain"
	wait_for 20 rests 'sleep 502'
	fails 'standard input is no terminal' x -t "$name" sh
}

# The socket takes sixteen, and the others wait.
many_at_once()
{
	local i

	for i in {1..40}; do
		in_guest sh -c "sleep 0.2; echo $i" >"$work/many$i" &
	done
	wait
	cat "$work"/many* | sort -n | diff - <(seq 40)
}

copies_files()
{
	head -c 1000001 /dev/urandom >"$work/data"
	chmod 751 "$work/data"
	"$lupine" cp "$work/data" "$name:/tmp/there"
	says '^751 ' in_guest stat -c '%a %s' /tmp/there
	"$lupine" cp "$name:/tmp/there" "$work/back"
	cmp "$work/data" "$work/back"
	[ "$(stat -c %a "$work/back")" = 751 ]
	# Into a folder, and over a file
	"$lupine" cp "$name:/tmp/there" "$work"
	cmp "$work/data" "$work/there"
	"$lupine" cp "$name:/tmp/there" "$work/there"
	"$lupine" cp "$work/data" "$name:/tmp"
	"$lupine" cp "$work/data" "$name:/tmp"
	in_guest cmp /tmp/data /tmp/there
	: >"$work/nothing"
	"$lupine" cp "$work/nothing" "$name:/tmp/nothing"
	says '^0$' in_guest stat -c %s /tmp/nothing
}

copies_folders()
{
	mkdir -p "$work/tree/a b/c" "$work/tree/empty"
	echo one >"$work/tree/one"
	echo two >"$work/tree/a b/c/two"
	ln -s "a b/c/two" "$work/tree/to-two"
	ln -s /nowhere "$work/tree/dangling"
	chmod 700 "$work/tree/a b"
	touch -d 2001-02-03 "$work/tree/one"
	"$lupine" cp "$work/tree" "$name:/tmp"
	"$lupine" cp "$name:/tmp/tree" "$work/tree2"
	diff -r --no-dereference "$work/tree" "$work/tree2"
	(cd "$work/tree" && find . -printf '%p %m %l\n' | sort) >"$work/o"
	(cd "$work/tree2" && find . -printf '%p %m %l\n' | sort) | diff "$work/o" -
	[ "$(stat -c %Y "$work/tree2/one")" = "$(stat -c %Y "$work/tree/one")" ]
	# A folder is not mixed with another one.
	fails 'tree is there already' "$lupine" cp "$work/tree" "$name:/tmp"
	fails 'tree is there already' "$lupine" cp "$name:/tmp/tree" "$work"
	# A link on the way here is the caller's.
	ln -s "$work" "$work/way"
	"$lupine" cp "$name:/tmp/tree" "$work/way/tree3"
	diff -r --no-dereference "$work/tree" "$work/tree3"
}

copies_fail_whole()
{
	fails '/tmp/none: No such file' "$lupine" cp "$name:/tmp/none" "$work/none"
	fails 'none: No such file' "$lupine" cp "$work/none" "$name:/tmp"
	fails '/dev/null: neither a file nor a folder' "$lupine" cp "$name:/dev/null" "$work/none"
	fails 'No such file' "$lupine" cp "$work/data" "$name:/tmp/none/file"
	fails 'No such file' "$lupine" cp "$name:/tmp/there" "$work/none/file"
	fails 'one of the two' "$lupine" cp "$work/data" "$work/data2"
	fails 'begins with /' "$lupine" cp "$name:tmp/there" "$work/none"
	# More than the guest's memory
	truncate -s 200M "$work/large"
	fails 'No space left' "$lupine" cp "$work/large" "$name:/tmp/large"
	[ ! -e "$work/none" ]
	# Interrupted in the middle
	timeout -s INT 0.5 "$lupine" cp "$work/large" "$name:/tmp/large" || :
	sleep 1
	says '^0$' in_guest sh -c 'ls -a /tmp | grep -c lupine-cp; :'
	! ls "$work"/*lupine-cp*
}

# begin_liar ARCHIVE: whoever copies next gets that from it.
begin_liar()
{
	# Its greeting ends all that runs.
	in_guest sh -c "/liar $1 & wait" || :
	sleep 1
}

# Each time a guest of its own, as nobody reaches its init afterwards.
liars_get_at_nothing()
{
	local archive

	for archive in good above absolute link device toplink cut; do
		begin_liar "/$archive"
		run "$lupine" cp "$name:/any" "$work/stolen-by-$archive"
		[ ! -e "$work/stolen" ]
		if [ "$archive" = good ]; then
			ended 0
			[ "$(<"$work/stolen-by-good/file")" = content ]
			[ "$(stat -c %a "$work/stolen-by-good/file")" = 755 ]
		else
			ended failure
			[ ! -e "$work/stolen-by-$archive" ]
		fi
		"$lupine" guest stop "$name" || :
		begin_guest "${machine[@]}" --exec
		wait_for 30 in_guest true
	done
}

garbage_is_refused()
{
	begin_liar garbage
	fails 'cannot be reached any more' in_guest true
	says 'makes no sense' "$lupine" guest log "$name"
	# The application is not disturbed.
	run "$lupine" guest stop "$name"
	ended 7
}

# What runs there ends with the machine.
ends_with_the_machine()
{
	local status=0

	x "$name" sleep 503 2>"$work/e" &
	wait_for 20 runs 'sleep 503'
	run "$lupine" guest stop "$name"
	ended 7
	wait $! || status=$?
	cat "$work/e"
	echo "status $status"
	[ "$status" = 125 ] || [ "$status" = 143 ]
	fails "does not run any more" in_guest true
}

# What runs programs is not to be killed for lack of memory, and they are.
runs_on_without_memory()
{
	says '^-1000$' in_guest sh -c 'cat "/proc/$PPID/oom_score_adj"'
	says '^0$' in_guest cat /proc/self/oom_score_adj
}

from_a_snapshot()
{
	wait_for 60 test -e "$work/snapshot"
	says '^blue and green$' in_guest sh -c 'echo "$COLOUR"'
	[ "$(x -i "$name" sha256sum <"$work/data")" = "$(sha256sum <"$work/data")" ]
	run "$lupine" guest stop "$name"
	ended 7
}

mistakes_are_named()
{
	fails "no guest 'none-of-that-name'" x none-of-that-name true
	fails 'needs the NAME' x "$name"
	fails 'is not NAME=VALUE' x -e =x "$name" true
	fails 'give -d NAME' "$lupine" run --exec --kernel "$kernel" --image "$image"
	fails '--exec and --no-net exclude' "$lupine" run --exec -d "$name-2" --no-net \
		--kernel "$kernel" --image "$image"
}

machine=("$name" --kernel "$kernel" --image "$image" --memory 64)
begin_guest "${machine[@]}" --exec --no-outbound
must "a program runs" in_guest true
checks as_the_application outputs_are_apart statuses_arrive everything_arrives slow_readers_wait \
	what_has_ended_is_over signals_arrive killed_here_ended_there on_a_terminal many_at_once \
	copies_files copies_folders copies_fail_whole runs_on_without_memory mistakes_are_named \
	ends_with_the_machine
begin_guest "${machine[@]}" --exec
check "what a lying guest sends gets at nothing" liars_get_at_nothing
check "garbage is refused" garbage_is_refused
end_guest "$name"
begin_guest "${machine[@]}"
refused "without --exec" "was started without --exec" in_guest true
end_guest "$name"
begin_guest "${machine[@]}" --exec --snapshot "$work/snapshot" -p "$(free_port):80" -- serve
check "in a machine that goes on after it was saved" from_a_snapshot
"$lupine" run --detach "$name" --snapshot "$work/snapshot"
check "in one that starts from it" from_a_snapshot
summary
