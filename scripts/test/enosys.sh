#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: scripts/test/enosys.sh --kernel VMLINUX [--config FILE] [--accel MODE]
#
# Test that the table of options and system calls (scripts/kconfig/syscalls)
# tells the truth about a kernel: boot it with a program that asks for each call
# of the table, which must answer ENOSYS if an option that it needs is off, and
# must not if all are on. One line a call; the last is "N passed, N failed".
#
#   --config FILE   its configuration (default: .config beside the kernel)
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/../lib.sh"

kernel='' config='' options=()
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage; exit ;;
	esac
	[ $# -ge 2 ] || die "$1 wants a value; see --help"
	case $1 in
	--kernel) kernel=$2 ;;
	--config) config=$2 ;;
	--accel | --cpu | --memory) options+=("$1" "$2") ;;
	*) die "unknown argument '$1'; see --help" ;;
	esac
	shift 2
done
[ -n "$kernel" ] || die "--kernel is missing; see --help"
[ -f "$kernel" ] || die "no kernel $kernel; scripts/kconfig/build PROFILE makes one"
config=${config:-$(dirname "$kernel")/.config}
[ -f "$config" ] || die "no configuration $config; see --help"

here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir "$here/calls"
"$ROOT/scripts/kconfig/syscalls" >"$here/table"
awk -F '\t' '
	NR == FNR {
		if (/^CONFIG_[A-Za-z0-9_]+=[ym]/)
			on[substr($0, 8, index($0, "=") - 8)] = 1
		next
	}
	{
		there = "there"
		n = split($3, option, "+")
		for (i = 1; i <= n; i++)
			if (option[i] != "-" && !(option[i] in on))
				there = "missing"
		print $1, $2, there, $3
	}' "$config" "$here/table" >"$here/calls/list"

"$ROOT/scripts/apps/build" --output "$here/enosys.ext2" --add "$here/calls:/calls" \
	"$ROOT/scripts/test/enosys/manifest" >"$here/build.log" 2>&1 ||
	{ cat "$here/build.log" >&2; die "the test's image could not be made"; }
status=0
"$ROOT/scripts/lupine/run" --kernel "$kernel" --image "$here/enosys.ext2" --no-net --quiet \
	--timeout 300 --log "$here/console" "${options[@]}" </dev/null >/dev/null 2>&1 || status=$?
tr -d '\r' <"$here/console" | grep -aE '^((not )?ok - |[0-9]+ passed, )' || {
	tail -n 30 "$here/console" | sed 's/^/# /'
	die "the guest ended with status $status and reported nothing"
}
# What the console lost must not count as passed.
reported=$(tr -d '\r' <"$here/console" | grep -acE '^(not )?ok - ')
wanted=$(wc -l <"$here/calls/list")
[ "$reported" = "$wanted" ] || die "the guest reported $reported of $wanted calls"
exit "$status"
