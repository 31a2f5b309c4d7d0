# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0
#
# The harness of all tests. A test program sets its defaults and begins so:
#
#	. "$(dirname "$(readlink -f "$0")")/lib.sh"
#	kernel='' quick=''
#	begin kernel:kernel! quick -- "$@"
#
# begin reads the command line (see scripts/lib.sh) and makes the folder $work, which
# goes when the program ends. Each of these is a test, or several, and prints a line:
#
#	check TITLE COMMAND...             passes if COMMAND ends with 0; with 4 it is skipped
#	output TITLE PATTERN COMMAND...    passes if it also prints a line like PATTERN
#	refused TITLE PATTERN COMMAND...   passes if COMMAND fails with a line like PATTERN
#	outcome TITLE STATUS [PATTERN]...  judges what the last run or guest gave
#	equal TITLE WANTED GOT             passes if the two texts are the same
#	skip TITLE REASON                  says what cannot be tested here
#	suite TITLE PROGRAM...             runs another test program and counts its tests
#	checks FUNCTION...                 is a check of each, whose title is its name
#	must TITLE COMMAND...              is a check; the program ends if it fails
#	ok                                 tells whether the last of these did not fail
#	summary                            ends the program: "N passed, N failed[, N skipped]"
#
# COMMAND may be a function. It runs in a shell of its own with set -e; what it prints
# goes to build/test/log/ and is shown if it fails. These help it, and work outside, too:
#
#	run COMMAND...          sets status, and leaves the output in the file $out
#	guest OPTION...         the same for scripts/lupine/lupine run, without carriage returns
#	said PATTERN...         fails unless $out has a line like each (or "!PATTERN": none)
#	says PATTERN COMMAND... fails unless COMMAND ends with 0 and prints a line like it
#	fails PATTERN COMMAND...  fails unless COMMAND does, with a line like PATTERN
#	build_image MANIFEST [OPTION]...  makes the file system $image, or ends the program
#	need_or_skip TOOL       skips the test without the tool
#	kernel_name FILE        prints the profile that it was built of
#	wait_for SECONDS COMMAND...  waits until COMMAND succeeds, or fails
#	begin_guest NAME OPTION...   runs scripts/lupine/lupine run in the background
#	end_guest NAME          ends it, as the end of the program does
#	at_exit COMMAND...      has COMMAND run when the program ends, the last one first
#
# PATTERN is an extended regular expression, and may match a part of a line. A program
# that ends before its summary, or has run no test, has failed.

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../lib.sh"

passed=0 failed=0 skipped=0
# The outcome of the last test, 0 unless it failed.
result=0
# A command that ends with this status does not apply here; as in kselftests.
SKIP=4
# What checkpatch says of programs of the host and of tests, and does not hold there:
# they have no kernel headers, and tests press on what the compiler must not
# optimize away.
CHECKPATCH_PROGRAMS=ARRAY_SIZE,AVOID_EXTERNS,BIT_MACRO,CAMELCASE,ENOSYS,MACRO_ARG_REUSE,LEADING_SPACE,MACRO_WITH_FLOW_CONTROL,MULTIPLE_ASSIGNMENTS,PREFER_DEFINED_ATTRIBUTE_MACRO,PREFER_KERNEL_TYPES,STATIC_CONST_CHAR_ARRAY,STRCPY,TRAILING_SEMICOLON,VOLATILE
# Commits that a patch mends cannot be looked up without the kernel's git tree, and without
# the headers in it, checkpatch does not know the names of ELF's types.
CHECKPATCH_PATCHES=CAMELCASE,UNKNOWN_COMMIT_ID
at_exit=() finished='' status=0 ticker=''
subject=$(basename "$0" .sh)
LOGS=$BUILD/test/log/$subject
# As many as the last time, it is supposed.
expected=$(cat "$LOGS/.count" 2>/dev/null || :)

begin()
{
	options "$@"
	mkdir -p "$BUILD/test"
	work=$(mktemp -d "$BUILD/test/$subject.XXXXXX")
	out=$work/out
	: >"$out"
	at_end finish
	exec </dev/null
}

at_exit() { at_exit=("$(printf '%q ' "$@")" "${at_exit[@]}"); }

# shellcheck disable=SC2317 # called by a trap
finish()
{
	local status=$? command

	trap - EXIT
	stop_ticker
	for command in "${at_exit[@]}"; do
		eval "$command" || :
	done
	# Tests make folders that only root can empty.
	chmod -R u+rwX "$work" 2>/dev/null || :
	rm -rf "$work"
	if [ -z "$finished" ] && [ $((passed + failed + skipped)) != 0 ]; then
		echo "not ok - $subject: ended before its summary (status $status)"
		[ "$status" != 0 ] || status=1
	fi
	exit "$status"
}

# report ok|"not ok" TITLE [MORE]: the line for a test, and the count.
report()
{
	case $1${3:-} in
	"not ok"*) failed=$((failed + 1)) result=1 ;;
	*"# SKIP"*) skipped=$((skipped + 1)) result=0 ;;
	*) passed=$((passed + 1)) result=0 ;;
	esac
	echo "$1 - $subject: $2${3:-}"
}

# timed TITLE COMMAND...: with its output, but on a terminal with a line, too, that says
# which test of how many is running, and since when.
timed()
{
	local title=$1

	shift
	mkdir -p "$LOGS"
	start=$(date +%s%N)
	log=$LOGS/$(tr -cs 'A-Za-z0-9+.\n' '-' <<<"${title:0:100}").log
	if [ -t 2 ]; then
		while :; do
			printf '\r\033[K\033[?7l%s: test %d%s, %d:%02d: %s\033[?7h' "$subject" \
				$((passed + failed + skipped + 1)) "${expected:+ of $expected}" \
				$((SECONDS / 60)) $((SECONDS % 60)) "$title" >&2
			sleep 1
		done &
		ticker=$!
	fi
	# No condition, as that would switch off set -e in what is called.
	set +e
	(set -e; "$@")
	timed=$?
	set -e
	stop_ticker
}

stop_ticker()
{
	[ -n "$ticker" ] || return 0
	{ kill "$ticker" && wait "$ticker"; } 2>/dev/null || :
	ticker=
	printf '\r\033[K' >&2
}

to_log() { "$@" >"$log" 2>&1; }

check()
{
	timed "$1" to_log "${@:2}"
	case $timed in
	0) report ok "$1" " ($(seconds_since "$start") s)" ;;
	"$SKIP") skip "$1" "$(tail -n 1 "$log")" ;;
	*) report "not ok" "$1" " ($(seconds_since "$start") s, status $timed, log: $log)"
		tail -n 40 "$log" | sed 's/^/#   /' ;;
	esac
}

checks()
{
	local function

	for function; do
		check "${function//_/ }" "$function"
	done
}

ok() { [ "$result" = 0 ]; }
must() { check "$@"; ok || { summary || :; exit 1; }; }
skip() { report ok "$1" " # SKIP $2"; }
output() { check "$1" says "${@:2}"; }
refused() { check "$1" fails "${@:2}"; }
outcome() { check "$1" shown_and_ended "${@:2}"; }
equal() { check "$1" same_text "${@:2}"; }

show_tests()
{
	set -o pipefail
	"$@" 2>&1 | tee "$log" |
		sed -unE 's/\r//g; /^ *(#  |(not )?ok |skip)/s/^/  /p'
}

# The last line of the program says how many tests there were; without such a line each
# that begins with "ok" or "not ok" is one.
suite()
{
	local p f s

	echo "# $1"
	timed "$1" show_tests "${@:2}"
	read -r p f s < <(tr -d '\r' <"$log" | awk '
		/^[0-9]+ passed, [0-9]+ failed/ { total = $1 " " $3 " " $5 + 0 }
		/^ok .*# SKIP/ { skip++; next }
		/^ok / { ok++ }
		/^not ok / { bad++ }
		END { print total != "" ? total : ok + 0 " " bad + 0 " " skip + 0 }')
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	result=$f
	if [ "$timed" = "$SKIP" ] && [ "$f" = 0 ]; then
		skip "$1" "$(tail -n 1 "$log")"
	elif [ "$timed" != 0 ] && [ "$f" = 0 ]; then
		report "not ok" "$1" ": ended with status $timed"
	elif [ $((p + f + s)) = 0 ]; then
		report "not ok" "$1" ": ran no test"
	fi
	ok || tail -n 40 "$log" | tr -d '\r' | sed 's/^/#   /'
	echo "# $1: $p passed, $f failed, $s skipped in $(seconds_since "$start") s (log: $log)"
}

summary()
{
	finished=1
	mkdir -p "$LOGS"
	[ $((passed + failed + skipped)) != 0 ] || report "not ok" "it has run no test"
	echo $((passed + failed + skipped)) >"$LOGS/.count"
	echo "$passed passed, $failed failed$([ "$skipped" = 0 ] || echo ", $skipped skipped")"
	[ "$failed" = 0 ]
}

run()
{
	set +e
	(set -e; "$@") >"$out" 2>&1
	status=$?
	set -e
	# In a check, for its log.
	[ "$BASH_SUBSHELL" = 0 ] || cat "$out"
}

no_returns()
{
	set -o pipefail
	"$@" 2>&1 | tr -d '\r'
}

guest() { run no_returns "$ROOT/scripts/lupine/lupine" run "$@"; }

said()
{
	local pattern bad=0

	for pattern; do
		[ -n "$pattern" ] || continue
		if [[ $pattern == !* ]]; then
			! grep -aE -e "${pattern#!}" "$out" || { echo "unwanted: $pattern"; bad=1; }
		else
			grep -aqE -e "$pattern" "$out" || { echo "no line like: $pattern"; bad=1; }
		fi
	done
	return $bad
}

# ended STATUS|failure PATTERN...: neither a time-out nor a signal is a failure as meant here.
ended()
{
	said "${@:2}" || return 1
	case $1-$status in
	failure-0 | failure-124 | failure-12[6-9] | failure-1[3-9]? | failure-2??) ;;
	failure-* | "$status-$1") return 0 ;;
	esac
	echo "ended with status $status, not $1"
	return 1
}

shown_and_ended() { cat "$out"; ended "$@"; }
says() { run "${@:2}"; ended 0 "$1"; }
fails() { run "${@:2}"; ended failure "$1"; }
# kernel_name FILE: the profile that a kernel was built of, which its folder is named after.
kernel_name()
{
	local name

	name=$(readlink -f "$1")
	[[ $name == */kernel/*/* ]] || name=kernel/$(basename "$(dirname "$name")")
	name=${name##*kernel/}
	echo "${name%%/*}"
}

need_or_skip() { command -v "$1" >/dev/null || { echo "no $1"; exit $SKIP; }; }
same_text() { diff <(printf '%s\n' "$1") <(printf '%s\n' "$2"); }

wait_for()
{
	local end=$((SECONDS + $1))

	until "${@:2}"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

begin_guest()
{
	at_exit forget_guest "$1"
	"$ROOT/scripts/lupine/lupine" run --detach "$@"
}

end_guest() { "$ROOT/scripts/lupine/lupine" guest stop "$1" >/dev/null 2>&1 || :; }

forget_guest()
{
	end_guest "$1"
	"$ROOT/scripts/lupine/lupine" guest remove "$1" >/dev/null 2>&1 || :
}

# compile_here FILE.c: a program for this machine in $work, and its source for a manifest
compile_here()
{
	need --group test gcc
	cp "$1" "$work"
	gcc -Wall -O2 -o "$work/$(basename "$1" .c)" "$1"
}

build_image()
{
	image=$work/$subject.ext2
	run "$ROOT/scripts/apps/build" --output "$image" "${@:2}" "$1"
	[ "$status" = 0 ] || { tail -n 20 "$out" >&2; die "the image of $1 cannot be made"; }
}
