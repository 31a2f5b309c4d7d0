# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0
#
# What the review scripts share: run a test, print one line for it, count.
# Source it after scripts/lib.sh.

passed=0 failed=0 skipped=0
LOGS=$BUILD/test
# The outcome of the last test, 0 or not.
result=0
# What checkpatch says of programs of the host and of tests, and does not hold there:
# they have no kernel headers, and tests press on what the compiler must not
# optimize away.
CHECKPATCH_PROGRAMS=ARRAY_SIZE,AVOID_EXTERNS,BIT_MACRO,CAMELCASE,ENOSYS,MACRO_ARG_REUSE,LEADING_SPACE,MACRO_WITH_FLOW_CONTROL,MULTIPLE_ASSIGNMENTS,PREFER_DEFINED_ATTRIBUTE_MACRO,PREFER_KERNEL_TYPES,STATIC_CONST_CHAR_ARRAY,STRCPY,TRAILING_SEMICOLON,VOLATILE
# Commits that a patch mends cannot be looked up without the kernel's git tree.
CHECKPATCH_PATCHES=UNKNOWN_COMMIT_ID
# A test that exits with this status does not apply here; as in kselftests.
SKIP=4

# log_name TITLE: where the output of a test goes.
log_name()
{
	local name

	name=$(tr -cs 'A-Za-z0-9+.\n' '-' <<<"$1")
	mkdir -p "$LOGS"
	echo "$LOGS/${name%-}.log"
}

# Where a script sets deadline, nothing begins later than that many seconds after
# its start, and what is running then is ended; both count as skipped.
deadline=

out_of_time()
{
	[ -n "$deadline" ] && [ "$SECONDS" -ge "$deadline" ]
}

# in_time TITLE COMMAND...: sets bounded to the command with what time is left; fails
# if there is none.
in_time()
{
	local title=$1 left=$((${deadline:-0} - SECONDS))

	shift
	bounded=("$@")
	[ -n "$deadline" ] || return 0
	if [ "$left" -lt 10 ]; then
		skipped=$((skipped + 1))
		result=$SKIP
		echo "ok - $title # SKIP no time left of $deadline s"
		return 1
	fi
	[ "$(type -t "$1")" != file ] || bounded=(timeout -k 20 "$left" "$@")
}

# try TITLE COMMAND...: one test; it passes if the command does. Its output is
# in build/test/ and is shown when it fails. Sets result, and returns no status:
# as part of a condition it would switch off set -e in what it calls.
try()
{
	local title=$1 log start status=0

	shift
	in_time "$title" "$@" || return 0
	set -- "${bounded[@]}"
	log=$(log_name "$title")
	start=$(date +%s%N)
	# In a shell of its own, so that set -e works in functions, too.
	set +e
	(set -e; "$@") </dev/null >"$log" 2>&1
	status=$?
	set -e
	if [ "$status" = 124 ] && out_of_time; then
		echo "ended, no time left of $deadline s" >>"$log"
		status=$SKIP
	fi
	case $status in
	0)
		passed=$((passed + 1))
		echo "ok - $title ($(seconds_since "$start") s)" ;;
	"$SKIP")
		skipped=$((skipped + 1))
		echo "ok - $title # SKIP $(tail -n 1 "$log")" ;;
	*)
		failed=$((failed + 1))
		echo "not ok - $title ($(seconds_since "$start") s, status $status, log: $log)"
		tail -n 30 "$log" | sed 's/^/#   /' ;;
	esac
	result=$status
	[ "$status" != "$SKIP" ] || result=0
}

# suite TITLE COMMAND...: a program with many tests. Its last line says
# "N passed, N failed[, N skipped]", or else each of its lines beginning with
# "ok" or "not ok" is one. A failure that it did not count is one, too.
suite()
{
	local title=$1 log start status=0 p f s

	shift
	in_time "$title" "$@" || return 0
	set -- "${bounded[@]}"
	log=$(log_name "$title")
	start=$(date +%s%N)
	echo "# $title"
	set +e
	"$@" </dev/null 2>&1 | tee "$log" |
		grep -E --line-buffered '^(#  |(not )?ok |skip)' | tr -d '\r'
	status=${PIPESTATUS[0]}
	set -e
	read -r p f s < <(tr -d '\r' <"$log" | awk '
		/^[0-9]+ passed, [0-9]+ failed/ { total = $1 " " $3 " " $5 + 0 }
		/^ok .*# SKIP/ { skip++; next }
		/^ok / { ok++ }
		/^not ok / { bad++ }
		END { print total != "" ? total : ok + 0 " " bad + 0 " " skip + 0 }')
	if [ "$status" = 124 ] && out_of_time; then
		s=$((s + 1))
		echo "ok - the rest of $title # SKIP no time left of $deadline s"
	elif [ "$status" != 0 ] && [ "$f" = 0 ]; then
		f=1
		echo "not ok - $title: ended with status $status"
	elif [ $((p + f + s)) = 0 ]; then
		f=1
		echo "not ok - $title: ran no test"
	fi
	if [ "$f" != 0 ]; then
		tail -n 40 "$log" | tr -d '\r' | sed 's/^/#   /'
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	echo "# $title: $p passed, $f failed, $s skipped in $(seconds_since "$start") s (log: $log)"
	result=$f
}

# summary: the last line, and the status.
summary()
{
	if [ "$skipped" = 0 ]; then
		echo "$passed passed, $failed failed"
	else
		echo "$passed passed, $failed failed, $skipped skipped"
	fi
	[ "$failed" = 0 ]
}
