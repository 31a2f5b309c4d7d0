#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/unpatched.sh [--quick] PROFILE+nokml+stock[+OVERLAY...]
#
# Check that a kernel without the options of the series equals the unpatched kernel.
# Build the original source with the configuration of
# build/kernel/PROFILE+nokml+stock, which must have been built, in build/unpatched/, and
# compare .text of both byte by byte. On a difference, name the first function that
# differs. Patches that change the kernel whatever its options are applied to both: those
# that fix it ("Fixes:"), and the topic boot.
#
#   --quick   compile only what the series changes, in both sources, and compare the code of
#             these objects. No kernel has to be built
#
# Example: scripts/test/unpatched.sh lupine-general+nokml+stock
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
# shellcheck source=scripts/source/topics.sh
. "$ROOT/scripts/source/topics.sh"

quick=''
begin quick ... -- "$@"
[ ${#arguments[@]} = 1 ] || die "needs PROFILE+nokml+stock; see --help"
spec=${arguments[0]}
patched=$BUILD/kernel/$spec
source=$BUILD/source/$(tree_version)
output=$BUILD/unpatched/$spec
if [ -n "$quick" ]; then
	output=$BUILD/unpatched/quick
	patched=$output/patched
	"$ROOT/scripts/kconfig/configure" --output "$patched" "$spec"
fi
[ -n "$quick" ] || [ -f "$patched/.lupine-built" ] || die "no kernel in $patched; scripts/kconfig/build $spec makes it"
! grep -q '^CONFIG_KML=y' "$patched/.config" || die "$spec has CONFIG_KML=y"
need cmp nm objcopy objdump patch
lock "unpatched-$spec"
lock_shared tree
mkdir -p "$output"

# The source to compare with: a copy with these patches, and with the room for AT_SYSINFO that
# each auxiliary vector has, whatever the options: it is a part of a structure that all
# processes have, and so of many addresses.
vector=arch/x86/include/uapi/asm/auxvec.h
for_all=$(series_patches | sed "s|^|$ROOT/patches/|" | xargs grep -l '^Fixes: ' || :
	topic_patches boot | sed "s|^|$ROOT/patches/|")
mend()
{
	local stamp mended=$BUILD/unpatched/source f

	stamp=$(echo "$for_all" | xargs cat "$0" "$source.origin" | sha256sum)
	[ "$(cat "$mended.stamp" 2>/dev/null)" = "$stamp" ] || {
		rm -rf "$mended" "$mended.stamp"
		# Of links: patch writes new files.
		cp -al "$source" "$mended"
		for f in $for_all; do
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
echo "    both with $(echo "$for_all" | wc -l) patches of the series that change every kernel"

reproducibly "$BUILD/tree"

configure()
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
}

# compile SOURCE FOLDER TARGET...
compile()
{
	logged "$2/build.log" make -C "$1" O="$2" -j"$JOBS" V="${V:-0}" LOCALVERSION= "${@:3}"
}

unpatched()
{
	configure
	compile "$source" "$output" vmlinux
}

# The objects of the files that the series changes, and that both sources have. What is
# left out by its options may not compile: then it does not in either source.
objects()
{
	series_patches | sed "s|^|$ROOT/patches/|" | xargs sed -n 's,^+++ b/\(.*\)\.[cS]$,\1.o,p' |
		sort -u | grep -vE '^(tools|scripts|arch/x86/boot)/|\.lds\.o$' | while read -r o; do
			[ -z "$(find "$source/${o%.o}".[cS] 2>/dev/null)" ] || echo "$o"
		done
}

both_compile()
{
	local o

	configure
	mapfile -t objects < <(objects)
	for o in "${objects[@]}"; do
		rm -f "$patched/$o" "$output/$o"
	done
	compile "$BUILD/tree" "$patched" -k "${objects[@]}" || :
	compile "$source" "$output" -k "${objects[@]}" || :
	for o in "${objects[@]}"; do
		[ ! -f "$patched/$o" ] || echo "$o"
	done >"$patched/compiled"
	for o in "${objects[@]}"; do
		[ ! -f "$output/$o" ] || echo "$o"
	done | diff "$patched/compiled" -
	echo "$(wc -l <"$patched/compiled") of ${#objects[@]} objects"
	[ "$(wc -l <"$patched/compiled")" -ge 20 ]
}

code() { objdump -dr --no-show-raw-insn "$1" | sed 1,3d; }

same_objects()
{
	local o differing=0

	while read -r o; do
		code "$patched/$o" >"$work/a"
		code "$output/$o" >"$work/b"
		cmp -s "$work/a" "$work/b" || {
			differing=1
			echo "$o differs:"
			diff "$work/a" "$work/b" | head -n 10
		}
	done <"$patched/compiled"
	return "$differing"
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

if [ -n "$quick" ]; then
	must "what the series changes compiles in both sources" both_compile
	check "the code of these objects is that of the unpatched kernel, $spec" same_objects
	summary
	exit
fi
must "the unpatched kernel of $spec can be built" unpatched
check "the .text of $spec is that of the unpatched kernel" same
summary
