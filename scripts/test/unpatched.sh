#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/unpatched.sh PROFILE+nokml+stock[+OVERLAY...]
#
# Check that a kernel without the options of the series equals the unpatched kernel.
# Build the original source with the configuration of
# build/kernel/PROFILE+nokml+stock, which must have been built, in build/unpatched/, and
# compare .text of both byte by byte. On a difference, name the first function that
# differs. Patches that fix the kernel itself ("Fixes:") are applied to both.
#
# Example: scripts/test/unpatched.sh lupine-general+nokml+stock
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

begin ... -- "$@"
[ ${#arguments[@]} = 1 ] || die "needs PROFILE+nokml+stock; see --help"
spec=${arguments[0]}
patched=$BUILD/kernel/$spec
source=$BUILD/source/$(tree_version)
output=$BUILD/unpatched/$spec
[ -f "$patched/.lupine-built" ] || die "no kernel in $patched; scripts/kconfig/build $spec makes it"
! grep -q '^CONFIG_KML=y' "$patched/.config" || die "$spec has CONFIG_KML=y"
need cmp nm objcopy objdump patch
lock "unpatched-$spec"
lock_shared tree
mkdir -p "$output"

# The source to compare with: a copy with the fixes, and with the room for AT_SYSINFO that
# each auxiliary vector has, whatever the options: it is a part of a structure that all
# processes have, and so of many addresses.
vector=arch/x86/include/uapi/asm/auxvec.h
fixes=$(series_patches | sed "s|^|$ROOT/patches/|" | xargs grep -l '^Fixes: ' || :)
mend()
{
	local stamp mended=$BUILD/unpatched/source f

	stamp=$(echo "$fixes" | xargs cat "$0" "$source.origin" | sha256sum)
	[ "$(cat "$mended.stamp" 2>/dev/null)" = "$stamp" ] || {
		rm -rf "$mended" "$mended.stamp"
		# Of links: patch writes new files.
		cp -al "$source" "$mended"
		for f in $fixes; do
			patch -s -d "$mended" -p1 --fuzz=0 <"$f" >&2 ||
				die "${f#"$ROOT/"} does not apply without the rest of the series"
		done
		series_patches | sed "s|^|$ROOT/patches/|" | xargs cat |
			awk -v end=" b/$vector\$" '/^diff --git /{ on = $0 ~ end } on' |
			patch -s -d "$mended" -p1 --fuzz=0 >&2 ||
			die "the series changes $vector in a way that cannot be had alone"
		echo "$stamp" >"$mended.stamp"
	}
	source=$mended
}
lock unpatched-source
mend
echo "    both with $(echo "$fixes" | wc -l) patches of the series that fix the kernel"

reproducibly "$BUILD/tree"

unpatched()
{
	local differing

	if ! cmp -s "$patched/.config" "$output/.config.patched"; then
		cp "$patched/.config" "$output/.config"
		logged "$output/build.log" make -s -C "$source" O="$output" olddefconfig
		cp "$patched/.config" "$output/.config.patched"
	fi
	# What the series adds may be missing there, and what it lets one select,
	# and nothing else.
	differing=$(diff "$patched/.config" "$output/.config" |
		grep -E '^[<>] (CONFIG_|# CONFIG_)' |
		grep -vE '^< (# CONFIG_[A-Z0-9_]* is not set|CONFIG_HAVE_[A-Z0-9_]*=y)$' || :)
	[ -z "$differing" ] || {
		echo "$differing" >&2
		die "the configurations differ in more than options of the series"
	}
	logged "$output/build.log" make -C "$source" O="$output" -j"$JOBS" \
		V="${V:-0}" LOCALVERSION= vmlinux
}

# text FOLDER FILE: the bytes of .text of its vmlinux.
text()
{
	objcopy -O binary --only-section=.text "$1/vmlinux" "$2"
	[ "$(stat -c %s "$2")" -gt 100000 ] || { echo "the .text of $1/vmlinux is too small"; return 1; }
}

function_at()
{
	nm -n "$1/vmlinux" | awk -v want="ffffffff$2" '
		$1 > want { exit }
		{ name = $3 }
		END { print name }'
}

# A shift makes everything behind it differ: the first difference counts.
same()
{
	local offset start address

	text "$patched" "$output/text.patched"
	text "$output" "$output/text.unpatched"
	! cmp -s "$output/text.patched" "$output/text.unpatched" || { rm "$output"/text.*; return 0; }
	offset=$(cmp "$output/text.patched" "$output/text.unpatched" 2>&1 |
		sed -n 's/.* byte \([0-9]*\).*/\1/p')
	[ -n "$offset" ] || offset=$(stat -c %s "$output"/text.* | sort -n | head -n 1)
	start=$(objdump -h -j .text "$patched/vmlinux" | awk '$2 == ".text" { print $4 }')
	address=$(printf '%08x' $((16#${start: -8} + offset - 1)))
	echo "they differ from address ffffffff$address on, in $(function_at "$patched" "$address")" \
		"(patched) or $(function_at "$output" "$address") (unpatched); see $output/text.*"
	return 1
}

must "the unpatched kernel of $spec can be built" unpatched
check "the .text of $spec is that of the unpatched kernel" same
summary
