#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/gdb.sh --kernel VMLINUX [--other VMLINUX] [OPTION]...
#
# Run Debian's gdb in a guest, on a program of ours (scripts/test/gdb/target.c) and on
# Debian's. Each file scripts/test/gdb/*.gdb is one run. It has commands for gdb, and
# comments that say what gdb must answer: "#= REGEX" stands for a line, in this order.
# "# kml only" is for kernels with CONFIG_KML.
#
#   --other VMLINUX   run the same with this kernel; gdb must answer the same, apart
#                     from addresses and process numbers
#   --case NAME       run only this file (may be repeated)
#
# Example: scripts/test/gdb.sh --kernel build/kernel/lupine-general/vmlinux
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

kernel='' other='' cases=()
begin kernel:kernel! other:kernel case:list -- "$@"
kernels=("$kernel" ${other:+"$other"})
sources=$ROOT/scripts/test/gdb
if [ ${#cases[@]} = 0 ]; then
	for c in "$sources"/*.gdb; do
		cases+=("$(basename "$c" .gdb)")
	done
fi
for c in "${cases[@]}"; do
	[ -f "$sources/$c.gdb" ] || die "no case '$c' in $sources"
done

prepare()
{
	need gcc
	mkdir "$work/add"
	gcc -g -O0 -Wall -Wextra -fno-pie -no-pie -pthread -fdebug-prefix-map="$sources=." \
		-o "$work/add/target" "$sources/target.c"
	cp "$sources"/*.gdb "$sources/target.c" "$work/add/"
}

# cases_on N: all with kernel N; the output of each is in $work/N/CASE.
cases_on()
{
	local n=$1 kml=1

	mkdir "$work/$n"
	grep -qaF entry_CALL_64 "${kernels[n]}" || kml=0
	guest --kernel "${kernels[n]}" --image "$image" --no-net --quiet \
		--timeout 400 -- "$kml" "${cases[@]}"
	awk -v dir="$work/$n" '
		/^=== begin / { out = dir "/" $3; printf "" >out; next }
		/^=== end / { print "=== status " $4 >out; close(out); out = ""; next }
		out { print >out }' "$out"
	ended 0
	"$ROOT/scripts/test/judge" --kernel-only "$out"
}

# as_expected N CASE: whether gdb said what it had to, in this order.
as_expected()
{
	local out=$work/$1/$2

	[ -f "$out" ] || { echo "it did not run"; return 1; }
	cat "$out"
	awk 'FNR == NR {
			if (sub(/^#= /, "")) { want[++n] = $0; where[n] = FNR }
			next
		}
		BEGIN { at = 1 }
		at <= n && $0 ~ want[at] { at++ }
		END {
			if (!n) { print "expects nothing"; exit 1 }
			if (at <= n) {
				print "missing, line " where[at] ": " want[at]
				exit 1
			}
			print n " lines as expected"
		}' "$sources/$2.gdb" "$out"
	# gdb gives up at the first error, and ends with status 0 nevertheless.
	if grep -E "^[^ ]*: Error in sourced command file" "$out"; then
		return 1
	fi
	grep -qx '=== status 0' "$out"
}

# What may differ: where the stack and libraries are, who is who, when threads
# are noticed, and what Documentation names (AT_SYSINFO, FSGSBASE in AT_HWCAP2).
normalized()
{
	sed -E '/^\[(New )?Thread /d; /^[0-9]+ +AT_(SYSINFO|HWCAP2) /d
		s/0x0*7f[0-9a-f]{6,}/ADDRESS/g; s/\b(LWP|process|Thread|pid) [0-9]+/\1 N/g
		s,/proc/[0-9]+/,/proc/N/,; s/^(status 0 after) [0-9]+ s/\1 N s/' "$1"
}

same() { diff <(normalized "$work/1/$1") <(normalized "$work/0/$1"); }

must "the program for gdb can be compiled" prepare
build_image "$sources/manifest" --add "$work/add:/tests"
for n in "${!kernels[@]}"; do
	name=$(kernel_name "${kernels[n]}")
	check "the guest with $name" cases_on "$n"
	for c in "${cases[@]}"; do
		if grep -q '^# kml only' "$sources/$c.gdb" && [ ! -f "$work/$n/$c" ] &&
		   ! grep -qaF entry_CALL_64 "${kernels[n]}"; then
			continue
		fi
		check "$c, $name" as_expected "$n" "$c"
	done
done
for c in "${cases[@]}"; do
	[ -n "$other" ] || break
	grep -q '^# kml only' "$sources/$c.gdb" || check "$c, no difference" same "$c"
done
summary
