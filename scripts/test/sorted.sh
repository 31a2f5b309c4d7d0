#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/sorted.sh --kernel VMLINUX
#
# Check that the link has sorted the kernel's tables of jump labels and static calls, and has
# lost no entry: sorted by the program of the kernel's build, tables in the reverse order are
# byte for byte what they were. A kernel with such tables sorts them, and boots.
#
# Example: scripts/test/sorted.sh --kernel build/kernel/lupine-general/vmlinux
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

kernel=''
begin kernel:kernel! -- "$@"
need --group test gcc cmp
sorttable=$(dirname "$kernel")/scripts/sorttable
[ -x "$sorttable" ] || die "no $sorttable; scripts/kconfig/build makes it beside the kernel"

gcc -O2 -Wall -Wextra -Werror -o "$work/tables" "$ROOT/scripts/test/sorted/tables.c" -lelf
cp "$kernel" "$work/vmlinux"
chmod u+w "$work/vmlinux"

not_sorted()
{
	"$work/tables" --reverse "$work/vmlinux"
	run "$work/tables" "$work/vmlinux"
	ended 1 'jump labels: entry .* too late' 'static calls: entry .* too late'
}

boots()
{
	build_image hello
	guest --kernel "$work/vmlinux" --image "$image" --memory 128 --no-net --timeout 120
	ended 0
}

sorted_again()
{
	"$sorttable" "$work/vmlinux"
	cmp "$kernel" "$work/vmlinux"
}

check "jump labels and static calls are sorted" "$work/tables" "$kernel"
check "tables in the reverse order are not" not_sorted
check "a kernel with these boots" boots
check "and the build's program sorts them, to the byte" sorted_again
summary
