#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: scripts/test/judge.sh
#
# Shows scripts/test/judge consoles of which the verdict is known: good ones, and
# one for each way in which a run can go wrong.
set -eu

# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

begin -- "$@"

good='TAP version 13
1..2
# timeout set to 45
# selftests: kml: a
# TAP version 13
# 1..2
# ok 1 one
# ok 2 two
# # Totals: pass:2 fail:0 xfail:0 xpass:0 skip:0 error:0
ok 1 selftests: kml: a
# selftests: kml: b
ok 2 selftests: kml: b
lupine-init: exit status 0
reboot: Restarting system'

# verdict NAME EXIT LAST-LINE REASON [OPTION]...: on the console in $work/console
verdict()
{
	check "$1" judged "$@"
}

judged()
{
	run "$ROOT/scripts/test/judge" "${@:5}" "$work/console"
	[ "$(tail -n 1 "$out")" = "$3" ]
	[ -z "$4" ] || grep -F -e "not ok - $4" "$out"
	[ "$2" != 0 ] || said '!^not ok'
	ended "$2"
}

# changed SED: the good console, changed
changed()
{
	sed -E "$1" <<<"$good" >"$work/console"
}

# after PATTERN TEXT: the good console with a line more
after()
{
	awk -v pattern="$1" -v text="$2" '{ print } $0 ~ pattern { print text }' \
		<<<"$good" >"$work/console"
}

two="2 passed, 0 failed, 0 skipped"

changed ''
verdict "all passed" 0 "$two" ""
changed 's/$/\r/'
verdict "carriage returns" 0 "$two" ""
printf '%s\n%s\n' "$good" "$good" >"$work/console"
verdict "two collections" 0 "4 passed, 0 failed, 0 skipped" ""
changed 's/^(ok 2 .*)/\1 # SKIP/'
verdict "a skipped test" 0 "1 passed, 0 failed, 1 skipped" ""
verdict "a skipped test where none may be" 1 "1 passed, 0 failed, 1 skipped" \
	"skipped: kml: b" --no-skip
changed 's/^# ok 2 two/& # SKIP no such feature/'
verdict "a skipped subtest" 0 "$two" ""
changed 's/^# ok 2 two/# not ok 2 two # XFAIL known/'
verdict "a subtest expected to fail" 0 "$two" ""
after 'selftests: kml: b' '# a test says BUG: of itself'
verdict "what a test prints about bugs" 0 "$two" ""
after 'selftests: kml: b' 'Uhhuh. NMI received for unknown reason 21 on CPU 0.'
verdict "an injected NMI" 0 "$two" ""
after 'selftests: kml: b' 'b[31]: segfault at 0 ip 401000 sp 7ffe0000 error 4 in b[401000+1000]'
verdict "a segmentation fault that the test provokes" 0 "$two" ""

changed 's/^ok 2 (.*)/not ok 2 \1 # exit=1/'
verdict "a failed test" 1 "1 passed, 1 failed, 0 skipped" "kml: b # exit=1"
changed 's/^ok 2 (.*)/not ok 2 \1 # TIMEOUT 45 seconds/'
verdict "a test that took too long" 1 "1 passed, 1 failed, 0 skipped" "kml: b # TIMEOUT"
changed 's/^# ok 2 two/# not ok 2 two/'
verdict "a failed subtest of a test that passed" 1 "$two" "kml: a: passed in spite of"
changed '/^# ok 2 two/d'
verdict "a subtest without result" 1 "$two" "kml: a: 1 of 2 subtests gave a result"
after '^# ok 2 two' '# ok 3 three'
verdict "a subtest too many" 1 "$two" "kml: a: 3 results from 2 subtests"
changed '/^ok 2/d'
verdict "a test without result" 1 "1 passed, 0 failed, 0 skipped" "1 of 2 planned tests"
changed '/^ok 1/d'
verdict "results out of order" 1 "1 passed, 0 failed, 0 skipped" "kml: b: number 2 where 1 was due"
changed '/^1\.\.2/d'
verdict "no plan" 1 "$two" "kml: a: a result before the plan"
changed '/^(not )?ok|^# ok|^1\.\./d'
verdict "a header and nothing more" 1 "0 passed, 0 failed, 0 skipped" "a TAP header without a plan"
echo 'lupine-init: exit status 0' >"$work/console"
verdict "no tests at all" 1 "0 passed, 0 failed, 0 skipped" "no tests have run"
: >"$work/console"
verdict "an empty console" 1 "0 passed, 0 failed, 0 skipped" "the guest did not end by itself"
changed '/^lupine-init/d'
verdict "no exit status" 1 "$two" "the guest did not end by itself"
changed 's/exit status 0/exit status 3/'
verdict "a bad exit status" 1 "$two" "the guest ended with status 3"
after '^# selftests: kml: b' 'Bail out! cannot fork'
verdict "a test that gave up" 1 "$two" "gave up: Bail out! cannot fork"
sed '/^# ok 1 one/q' <<<"$good" >"$work/console"
verdict "a console cut short" 1 "0 passed, 0 failed, 0 skipped" "kml: a: did not end"
# shellcheck disable=SC2016 # sed's own dollar
changed 's/^# ok 2 two/# ok 2 tKernel panic - not syncing: Attempted to kill init!/; /^# # Totals/,$d'
verdict "a panic in the middle of a line" 1 "0 passed, 0 failed, 0 skipped" "kernel: # ok 2 tKernel panic"

while IFS= read -r text; do
	after '^# selftests: kml: b' "$text"
	verdict "the kernel says ${text%% at *}" 1 "$two" "kernel: "
	after '^# selftests: kml: b' "[   12.345678] $text"
	verdict "the same with a time" 1 "$two" "kernel: ${text:0:20}"
	after '^# selftests: kml: b' "$text"
	verdict "the same when only the kernel counts" 1 "0 passed, 0 failed, 0 skipped" "kernel: " \
		--kernel-only
done <<'END'
WARNING: CPU: 0 PID: 12 at kernel/fork.c:12 copy_process+0x1/0x2
BUG: unable to handle page fault for address: ffffffffdeadbeef
BUG: scheduling while atomic: a/12/0x00000002
Oops: general protection fault, probably for non-canonical address: 0000 [#1]
kernel BUG at mm/memory.c:12!
watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [a:12]
rcu: INFO: rcu_preempt self-detected stall on CPU
INFO: task a:12 blocked for more than 120 seconds.
WARNING: possible circular locking dependency detected
WARNING: inconsistent lock state
WARNING: suspicious RCU usage
WARNING: kernel stack regs at 0000 in a:12 has bad bp value 0000
list_add corruption. next->prev should be prev
a invoked oom-killer: gfp_mask=0x0, order=0
END
changed ''
verdict "the kernel had nothing to say" 0 "0 passed, 0 failed, 0 skipped" "" --kernel-only

summary
