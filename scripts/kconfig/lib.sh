# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What runs with the kernel's own parser of Kconfig. Source it after
# scripts/lib.sh, with tree set to the kernel source.

# A folder to configure in; it is kept, with the compiled parser.
work=$BUILD/kconfig/$(basename "$tree")

kmake()
{
	make -s -C "$tree" O="$work" "$@"
}

# What Kconfig makes of fragments depends on its files and on the compiler.
# scripts/source/tree leaves a sum of the former: reading them all takes time.
kconfig_identity()
{
	{
		cat "$tree/.lupine-kconfig"
		gcc --version | head -n 1
		ld --version | head -n 1
	} | sha256sum
}

# kconfig_prepare: have $work with the parser and tinyconfig.out, which is what all
# profiles start from. Leaves the lock "kconfig" taken.
kconfig_prepare()
{
	local identity

	[ -f "$tree/.lupine-kconfig" ] || die "no patched kernel source in $tree; run: make tree"
	need make gcc bison flex sha256sum
	identity=$(kconfig_identity)
	lock kconfig
	mkdir -p "$work"
	if [ -f "$work/tinyconfig.out" ] &&
	   [ "$(cat "$work/.tiny-of" 2>/dev/null)" = "$identity" ]; then
		return 0
	fi
	rm -f "$work/.tiny-of" "$work"/{verify,lint,options}
	# A tiny.config here would be a target for make: tinyconfig would find it
	# made, and leave its options out. So the result has another name.
	rm -f "$work/tiny.config"
	# Callers may have switched set -e off; half a configuration must not stay.
	logged "$work/merge.log" kmake tinyconfig || die "make tinyconfig fails in $tree"
	cp "$work/.config" "$work/tinyconfig.out" || die "cannot write $work/tinyconfig.out"
	echo "$identity" >"$work/.tiny-of"
}

# kconfig_merge FRAGMENT...: the fragments over tinyconfig, in $work/.config.
kconfig_merge()
{
	cp "$work/tinyconfig.out" "$work/.config"
	(cd "$work" && logged "$work/merge.log" \
		"$tree/scripts/kconfig/merge_config.sh" -m -Q .config "$@")
	logged "$work/merge.log" kmake olddefconfig
}

# kconfig_run PROGRAM CONFIG ARGUMENT...: scripts/kconfig/PROGRAM.c, linked with
# this kernel's parser, in the environment that the kernel's Makefile makes.
kconfig_run()
{
	local program=$1 sources=("$ROOT/scripts/kconfig/$1.c" "$ROOT"/scripts/kconfig/fragment.[ch])
	local objects=("$work"/scripts/kconfig/{confdata,expr,lexer.lex,menu}.o
		       "$work"/scripts/kconfig/{parser.tab,preprocess,symbol,util}.o)

	shift
	if [ -z "$(find "$work/$program" -newer "${sources[0]}" -newer "${sources[1]}" \
		-newer "${sources[2]}" 2>/dev/null)" ]; then
		logged "$work/build-$program.log" gcc -O1 -Wall -I"$tree/scripts/kconfig" \
			-I"$tree/scripts/include" -o "$work/$program" \
			"${sources[@]:0:2}" "${objects[@]}" ||
			die "cannot build scripts/kconfig/$program.c against this kernel's parser"
	fi
	# Named like the targets for which make does not want a complete .config.
	make -s -C "$work" --no-print-directory \
		--eval "$program-config: ; @./$program Kconfig $*" "$program-config"
}

# kconfig_overlay CONFIG SPEC: the fragments of a profile over tinyconfig, for
# programs that read and complete it themselves: merge_config.sh takes its time.
kconfig_overlay()
{
	local list

	list=$("$ROOT/scripts/kconfig/fragments" "$2") || return 1
	# The later line wins.
	# shellcheck disable=SC2086 # one file a line, without blanks
	(IFS=$'\n'; cat "$work/tinyconfig.out" $list) >"$1"
}
