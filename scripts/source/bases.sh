# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0
#
# The kernels that the series is for, its bases, and which files make the series of one.
# scripts/lib.sh sources this; contributing.rst describes the layout.
#
# Sets BASE, SHARED (the folder for everything that has nothing to do with a kernel) and
# BUILD (what is made from this base: SHARED itself for the usual one, else SHARED/BASE).

# The newest comes first. patches/NAME is for it.
bases=(7.3 6.12)
usual_base=6.12

# base_of VERSION: the base that this version of Linux belongs to, or nothing.
base_of()
{
	local base

	for base in "${bases[@]}"; do
		case $1 in
		"$base" | "$base"[.-]*) echo "$base" ;;
		esac
	done
}

# nearest_base VERSION: the base whose patches come closest to a version of Linux, that is
# the newest of those that are not newer.
nearest_base()
{
	local base

	for base in "${bases[@]}"; do
		[ "$(printf '%s\n' "$base" "$1" | sort -V | head -n 1)" != "$base" ] || break
	done
	echo "$base"
}

# source_version KSRC: VERSION.PATCHLEVEL.SUBLEVEL and EXTRAVERSION of a kernel source,
# which is a directory, a tarball or a git tree.
source_version()
{
	if [ -f "$1" ]; then
		tar -xOf "$1" --wildcards --no-wildcards-match-slash --occurrence=1 '*/Makefile'
	elif ! { [ -e "$1/.git" ] || [ -f "$1/HEAD" ]; } || ! git -C "$1" show HEAD:Makefile; then
		cat "$1/Makefile"
	fi 2>/dev/null | awk -F ' *= *' '/^VERSION *=/ { v = $2 } /^PATCHLEVEL *=/ { p = $2 }
		/^SUBLEVEL *=/ { s = $2 } /^EXTRAVERSION *=/ { e = $2 }
		/^NAME *=/ { exit }
		END { if (v == "") exit 1; print v "." p "." s e }'
}

if [ -z "${BASE:-}" ] && [ -n "${KSRC:-}" ]; then
	BASE=$(base_of "$(source_version "$KSRC")")
fi
BASE=${BASE:-$usual_base}
[ "$BASE" != newest ] || BASE=${bases[0]}
[ "$(base_of "$BASE")" = "$BASE" ] || die "BASE=$BASE, but the series is for: ${bases[*]}"

# A script that another one calls finds BUILD as that has set it.
for base in "${bases[@]}"; do
	[ "$BUILD" != "${SHARED:-}/$base" ] || BUILD=$SHARED
done
SHARED=$BUILD
[ "$BASE" = "$usual_base" ] || BUILD=$SHARED/$BASE
unset base
export BASE BUILD SHARED

# The source that is taken without KSRC: that of Debian's package, which is installed for
# the usual base. prerequisites downloads those of others, from this suite.
base_suite=trixie-backports
KSRC_DEFAULT=/usr/src/linux-source-$BASE.tar.xz
if [ "$BASE" != "$usual_base" ] && [ ! -e "$KSRC_DEFAULT" ]; then
	KSRC_DEFAULT=$SHARED/download/linux-source-$BASE.tar.xz
fi

# patch_file NAME [BASE]: its file below patches/: that of the base, if there is one.
patch_file()
{
	if [ -e "$ROOT/patches/${2:-$BASE}/$1" ]; then
		echo "${2:-$BASE}/$1"
	else
		echo "$1"
	fi
}

# has_diff FILE: does the patch change anything? A base leaves a patch out by a file that
# only has a message, which says why.
has_diff() { ! [ -f "$ROOT/patches/$1" ] || grep -q '^--- [^ ]' "$ROOT/patches/$1"; }

# of_base: the files below patches/ that this base has for the names in standard input.
of_base()
{
	local name file

	while read -r name; do
		file=$(patch_file "$name")
		! has_diff "$file" || echo "$file"
	done
}

# patch_names: the names in the file series, in its order.
patch_names() { sed -e 's/[ \t]*#.*//' -e '/^[ \t]*$/d' "$ROOT/series" 2>/dev/null; }

# series_patches: the files of the series for this base, below patches/, in its order.
series_patches() { patch_names | of_base; }
