# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# How to run programs that are linked with a kernel's own parser of Kconfig.
# Source it in place of scripts/lib.sh.

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../lib.sh"
fragments=$ROOT/scripts/kconfig/fragments

# kconfig_source FOLDER: use this kernel source instead of build/tree.
kconfig_source()
{
	tree=$1
	# A folder to configure in; it is kept, with the compiled parser.
	work=$BUILD/kconfig/$(basename "$tree")
}
kconfig_source "$BUILD/tree"

# kconfig_groups FOLDER SEPARATOR SPEC...: write the fragments of each profile over
# tinyconfig to a file in FOLDER below $work, and add to the array groups, separated, the
# names of the file and of the fragments.
kconfig_groups()
{
	local spec files

	for spec in "${@:3}"; do
		files=$("$fragments" "$spec") || exit 1
		kconfig_overlay "$work/$1/${spec//\//:}" "$spec"
		groups+=(${groups[0]:+"$2"} "$1/${spec//\//:}")
		mapfile -t -O ${#groups[@]} groups <<<"$files"
	done
}

# kconfig_folder NAME: an empty folder in $work
kconfig_folder()
{
	rm -rf "${work:?}/$1"
	mkdir -p "$work/$1"
}

# sum_kconfig FOLDER: note the sum of all files of a kernel source that configurations
# depend on, since reading them takes time. Few patches change one.
sum_kconfig()
{
	(cd "$1" && find . -path ./.pc -prune -o -type f \( -name 'Kconfig*' -o \
		-path './scripts/kconfig/*' -o -path './kernel/configs/*' \) -print0 |
		sort -z | xargs -0 sha256sum | sha256sum) >"$1/.lupine-kconfig"
}

# kconfig_identity: print what the result of a fragment depends on beside the
# fragment, that is, the kernel's files and the compiler.
kconfig_identity()
{
	cat "$tree/.lupine-kconfig"
	gcc --version | head -n 1
	ld --version | head -n 1
}

# kconfig_prepare: have $work with the parser and tinyconfig.out, which all profiles
# start from. Leaves the lock "kconfig" taken.
kconfig_prepare()
{
	local identity

	[ -f "$tree/.lupine-kconfig" ] || die "no patched kernel source in $tree; run: make tree"
	need make gcc bison flex sha256sum
	identity=$(kconfig_identity)
	lock kconfig
	mkdir -p "$work"
	if [ -f "$work/tinyconfig.out" ] && [ "$(cat "$work/.tiny-of" 2>/dev/null)" = "$identity" ]; then
		return 0
	fi
	# A tiny.config here would be a target for make: tinyconfig would find it
	# made, and leave its options out. So the result has another name.
	rm -f "$work/.tiny-of" "$work/tiny.config"
	# Callers may have switched set -e off; half a configuration must not stay.
	logged "$work/tinyconfig.log" make -s -C "$tree" O="$work" tinyconfig ||
		die "make tinyconfig fails in $tree"
	cp "$work/.config" "$work/tinyconfig.out" || die "cannot write $work/tinyconfig.out"
	echo "$identity" >"$work/.tiny-of"
}

# kconfig_run PROGRAM CONFIG ARGUMENT...: scripts/kconfig/PROGRAM.c, linked with
# this kernel's parser, in the environment that the kernel's Makefile makes. Prints its
# output; the status is 1 if it found a fault, and 2 if it failed.
kconfig_run()
{
	local program=$1 status=0

	shift
	logged "$work/build-$program.log" make -s -f "$ROOT/scripts/kconfig/Makefile" \
		TREE="$tree" WORK="$work" "$work/$program" ||
		die "cannot build scripts/kconfig/$program.c against this kernel's parser"
	# The target is named like those for which make does not want a complete .config.
	# The parser warns of each line that a later one replaces, which nobody wants to read.
	make -s -C "$work" --no-print-directory --eval "$program-config: ; @./$program Kconfig $*" \
		"$program-config" >"$work/$program.out" 2>"$work/$program.log" || status=$?
	cat "$work/$program.out"
	[ "$status" != 0 ] || return 0
	# Programs that find a fault print it. One that printed nothing did not get that far.
	[ ! -s "$work/$program.out" ] || return 1
	grep -v 'override: reassigning' "$work/$program.log" >&2 || :
	return 2
}

# kconfig_overlay CONFIG SPEC: write the fragments of a profile over tinyconfig to a
# file, for the parser to complete. The later line wins, as in merge_config.sh.
kconfig_overlay()
{
	local list files

	list=$("$fragments" "$2") || return 1
	mapfile -t files <<<"$list"
	cat "$work/tinyconfig.out" "${files[@]}" | tac | awk -F '[ =]' '
		/^CONFIG_|^# CONFIG_[^ ]+ is not set$/ { if (seen[$1 == "#" ? $2 : $1]++) next }
		{ print }' | tac >"$1"
}
