#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/enosys.sh --kernel VMLINUX [--as PROFILE]
#
# Test the table of options and system calls (scripts/kconfig/syscalls) on a kernel:
# boot it with a program that makes each call of the table. A call must fail with
# ENOSYS if an option that it needs is off, and must not if all are on. Print one line
# for each call; the last line is "N passed, N failed". The kernel's .config lies beside it.
#
#   --as PROFILE   let the kernel lack what PROFILE does (lupine run --lack), and expect
#                  what the kernel of PROFILE does
#
# Example: scripts/test/enosys.sh --kernel build/kernel/lupine-base/vmlinux
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

kernel='' as='' lack=()
begin kernel:kernel! as:text -- "$@"
config=$(dirname "$kernel")/.config
[ -f "$config" ] || die "no configuration $config beside the kernel"
if [ -n "$as" ]; then
	"$ROOT/scripts/kconfig/configure" --output "$work/as" "$as" >"$work/log" 2>&1 ||
		{ cat "$work/log"; die "no configuration of $as"; }
	"$ROOT/scripts/kconfig/failures" --output "$work/lack" "$as" >"$work/log" 2>&1 ||
		{ cat "$work/log"; die "no table of what $as lacks"; }
	config=$work/as/.config
	lack=(--lack "$work/lack")
fi

mkdir "$work/calls"
"$ROOT/scripts/kconfig/syscalls" >"$work/table"
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
	}' "$config" "$work/table" >"$work/calls/list"

# What the console lost must not count as passed.
calls()
{
	guest --kernel "$kernel" --image "$image" --no-net --quiet --timeout 300 "${lack[@]}"
	[ "$(grep -acE '^(not )?ok - ' "$out")" = "$(wc -l <"$work/calls/list")" ] ||
		{ echo "not ok - the guest reported not all of the calls"; return 1; }
	return "$status"
}

build_image "$ROOT/scripts/test/enosys/manifest" --add "$work/calls:/calls"
suite "calls of $(kernel_name "$kernel")${as:+ as $as}" calls
summary
