#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/judge.sh
#
# Test the judge of kselftests with consoles whose verdict is known: good ones, and one
# for each way in which a run can fail.
#
# Example: scripts/test/judge.sh
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

# verdict TITLE EXIT "PASSED FAILED SKIPPED" REASON SED [OPTION]...: on the good console,
# changed
verdict()
{
	sed -E "$5" <<<"$good" >"$work/console"
	check "$1" judged "${@:2:3}" "${@:6}"
}

judged()
{
	local passed failed skipped

	read -r passed failed skipped <<<"$2"
	run "$ROOT/scripts/test/judge" "${@:4}" "$work/console"
	[ "$(tail -n 1 "$out")" = "$passed passed, $failed failed, $skipped skipped" ]
	[ -z "$3" ] || grep -F -e "not ok - $3" "$out"
	[ "$1" != 0 ] || said '!^not ok'
	ended "$1"
}

verdict 'all passed' 0 '2 0 0' '' ''
verdict 'carriage returns' 0 '2 0 0' '' 's/$/\r/'
verdict 'two collections' 0 '4 0 0' '' 'H; $!d; x; s/^\n//; s/.*/&\n&/'
verdict 'a skipped test' 0 '1 0 1' '' 's/^(ok 2 .*)/\1 # SKIP/'
verdict 'a skipped test where none may be' 1 '1 0 1' 'skipped: kml: b' \
	's/^(ok 2 .*)/\1 # SKIP/' --no-skip
verdict 'a skipped subtest' 0 '2 0 0' '' 's/^# ok 2 two/& # SKIP no such feature/'
verdict 'a subtest expected to fail' 0 '2 0 0' '' 's/^# ok 2 two/# not ok 2 two # XFAIL known/'
verdict 'what a test prints about bugs' 0 '2 0 0' '' \
	'/selftests: kml: b/a # a test says BUG: of itself'
verdict 'an injected NMI' 0 '2 0 0' '' \
	'/selftests: kml: b/a Uhhuh. NMI received for unknown reason 21 on CPU 0.'
verdict 'a segmentation fault that the test provokes' 0 '2 0 0' '' \
	'/selftests: kml: b/a b[31]: segfault at 0 ip 401000 sp 7ffe0000 error 4 in b[401000+1000]'

verdict 'a failed test' 1 '1 1 0' 'kml: b # exit=1' 's/^ok 2 (.*)/not ok 2 \1 # exit=1/'
verdict 'a test that took too long' 1 '1 1 0' 'kml: b # TIMEOUT' \
	's/^ok 2 (.*)/not ok 2 \1 # TIMEOUT 45 seconds/'
verdict 'a failed subtest of a test that passed' 1 '2 0 0' 'kml: a: passed in spite of' \
	's/^# ok 2 two/# not ok 2 two/'
verdict 'a subtest without result' 1 '2 0 0' 'kml: a: 1 of 2 subtests gave a result' \
	'/^# ok 2 two/d'
verdict 'a subtest too many' 1 '2 0 0' 'kml: a: 3 results from 2 subtests' \
	'/^# ok 2 two/a # ok 3 three'
verdict 'a test without result' 1 '1 0 0' '1 of 2 planned tests' '/^ok 2/d'
verdict 'results out of order' 1 '1 0 0' 'kml: b: number 2 where 1 was due' '/^ok 1/d'
verdict 'no plan' 1 '2 0 0' 'kml: a: a result before the plan' '/^1\.\.2/d'
verdict 'a header and nothing more' 1 '0 0 0' 'a TAP header without a plan' \
	'/^(not )?ok|^# ok|^1\.\./d'
verdict 'no tests at all' 1 '0 0 0' 'no tests have run' '/^lupine-init/!d'
verdict 'an empty console' 1 '0 0 0' 'the guest did not end by itself' 'd'
verdict 'no exit status' 1 '2 0 0' 'the guest did not end by itself' '/^lupine-init/d'
verdict 'a bad exit status' 1 '2 0 0' 'the guest ended with status 3' \
	's/exit status 0/exit status 3/'
verdict 'a test that gave up' 1 '2 0 0' 'gave up: Bail out! cannot fork' \
	'/^# selftests: kml: b/a Bail out! cannot fork'
verdict 'a console cut short' 1 '0 0 0' 'kml: a: did not end' '/^# ok 1 one/q'
# shellcheck disable=SC2016 # sed's own dollar
verdict 'a panic in the middle of a line' 1 '0 0 0' 'kernel: # ok 2 tKernel panic' \
	's/^# ok 2 two/# ok 2 tKernel panic - not syncing: Attempted to kill init!/; /^# # Totals/,$d'

while IFS= read -r text; do
	verdict "the kernel says ${text%% at *}" 1 '2 0 0' 'kernel: ' "/^# selftests: kml: b/a $text"
	verdict 'the same with a time' 1 '2 0 0' "kernel: ${text:0:20}" \
		"/^# selftests: kml: b/a [   12.345678] $text"
	verdict 'the same when only the kernel counts' 1 '0 0 0' 'kernel: ' \
		"/^# selftests: kml: b/a $text" --kernel-only
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
verdict 'the kernel had nothing to say' 0 '0 0 0' '' '' --kernel-only
summary
