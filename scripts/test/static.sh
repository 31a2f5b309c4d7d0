#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: scripts/test/static.sh
#
# The static checks: the series applies without fuzz and its patches are as
# the kernel's checkpatch wants them, fragments have no faults and every profile
# can be configured, scripts pass shellcheck, C files pass checkpatch, spelling, and
# the models of the entry code find no fault.
# Prints a line for each; the last line is "N passed, N failed[, N skipped]".
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/../lib.sh"
# shellcheck source=scripts/test/lib.sh
. "$ROOT/scripts/test/lib.sh"

case ${1:-} in
-h | --help) usage; exit ;;
'') ;;
*) die "unknown argument '$1'; see --help" ;;
esac
cd "$ROOT"
tree=$BUILD/tree

# files PATTERN...: what git knows or would add, else what is there.
files()
{
	if [ -e .git ]; then
		git ls-files -z -c -o --exclude-standard -- "$@"
	else
		local pattern
		for pattern; do
			find . -path ./build -prune -o -path "./$pattern" -type f -printf '%P\0'
		done
	fi | sort -zu | while IFS= read -r -d '' f; do
		[ ! -f "$f" ] || printf '%s\n' "$f"
	done
}

patches()
{
	sed -e 's/[ \t]*#.*//' -e '/^[ \t]*$/d' series
}

series_complete()
{
	local bad=0 f

	# Whoever forgets either half of a change must be told.
	for f in $(patches); do
		[ -f "patches/$f" ] || { echo "series names patches/$f, which is missing"; bad=1; }
	done
	for f in patches/*.patch; do
		[ -f "$f" ] || continue
		patches | grep -qxF "${f#patches/}" || { echo "$f is not in series"; bad=1; }
	done
	patches | sort | uniq -d | grep . && { echo "named twice"; bad=1; }
	return $bad
}

patches_mailable()
{
	local bad=0 f

	[ -n "$(patches)" ] || { echo "the series is empty"; return $SKIP; }
	for f in $(patches | sed 's,^,patches/,'); do
		grep -q '^From: ' "$f" || { echo "$f: no From:"; bad=1; }
		grep -q '^Subject: ' "$f" || { echo "$f: no Subject:"; bad=1; }
		grep -q '^Signed-off-by: ' "$f" || { echo "$f: no Signed-off-by:"; bad=1; }
		grep -q '^index [0-9a-f]*\.\.' "$f" && {
			echo "$f: index lines change with every refresh; leave them out"; bad=1; }
		[[ $f =~ ^patches/[0-9]{4}-[A-Za-z0-9_.-]+\.patch$ ]] || {
			echo "$f: not named NNNN-subsystem-what-it-does.patch"; bad=1; }
	done
	return $bad
}

checkpatch_series()
{
	[ -n "$(patches)" ] || { echo "the series is empty"; return $SKIP; }
	# checkpatch leaves a cache where it stands, and that is not to be the tree.
	local cwd status=0

	cwd=$(mktemp -d)
	patches | sed "s,^,$ROOT/patches/," | (cd "$cwd" && xargs \
		perl "$tree/scripts/checkpatch.pl" --strict --quiet --no-tree \
		--ignore "$CHECKPATCH_PATCHES") || status=$?
	rm -rf "$cwd"
	return $status
}

checkpatch_files()
{
	local list cwd status=0

	list=$(files 'scripts/*.[ch]' 'selftests/*.[ch]' | sed "s,^,$ROOT/,")
	[ -n "$list" ] || { echo "no C files"; return $SKIP; }
	# checkpatch leaves a cache where it stands.
	cwd=$(mktemp -d)
	(cd "$cwd" && xargs perl "$tree/scripts/checkpatch.pl" --strict --quiet \
		--no-tree --show-types --file --ignore "$CHECKPATCH_PROGRAMS" <<<"$list") || status=$?
	rm -rf "$cwd"
	return $status
}

shell_scripts()
{
	local f

	files 'scripts/*' '.ci/*' 'selftests/*' | while read -r f; do
		case $(head -c 64 "$f" | tr -d '\0' | head -n 1) in
		'#!'*sh) echo "$f" ;;
		*'shellcheck shell='*) echo "$f" ;;
		esac
	done
}

shellcheck_scripts()
{
	command -v shellcheck >/dev/null || { echo "no shellcheck"; return $SKIP; }
	# What is sourced uses variables of who does that.
	shell_scripts | grep -vE "^scripts/(.*/)?[a-z-]*lib\.sh$" | xargs shellcheck -x -P SCRIPTDIR
	shell_scripts | grep -E "^scripts/(.*/)?[a-z-]*lib\.sh$" | xargs shellcheck -x -P SCRIPTDIR -e SC2154,SC2034
}

scripts_help()
{
	local f bad=0

	# Every program explains itself, and without doing anything.
	for f in $(shell_scripts); do
		case $f in
		# What is sourced, or runs in a guest.
		scripts/apps/*/* | *lib.sh | scripts/bench/guests/app.sh | */in-guest) continue ;;
		scripts/*) [ -x "$f" ] || continue ;;
		*) continue ;;
		esac
		timeout 10 "./$f" --help </dev/null | grep -qi '^ *usage' || {
			echo "$f --help prints no usage"
			bad=1
		}
	done
	return $bad
}

licences()
{
	local f bad=0

	for f in $(files Makefile 'scripts/*' 'kconfig-profiles/*' 'selftests/*' \
		'Documentation/*' '.ci/*'); do
		# Data and formats without comments cannot say it.
		case $f in
		*.[chS] | *.mk | *.sh | *.awk | *.rst | *.config | *.profile | *Makefile) ;;
		*) [ "$(head -c 2 "$f")" = "#!" ] || continue ;;
		esac
		head -n 5 "$f" | grep -q SPDX-License-Identifier || {
			echo "$f: no SPDX-License-Identifier"
			bad=1
		}
	done
	return $bad
}

spelling()
{
	command -v codespell >/dev/null || { echo "no codespell"; return $SKIP; }
	files README Makefile series 'scripts/*' 'kconfig-profiles/*' 'Documentation/*' \
		'selftests/*' 'patches/*' |
		xargs codespell --builtin clear \
		--ignore-words-list extraversion,ist,te,ser,damon
}

# Malformed tables, broken references and the like.
documentation()
{
	local f bad=0

	command -v rst2html >/dev/null || { echo "no rst2html"; return $SKIP; }
	for f in $(files 'Documentation/*.rst'); do
		rst2html --report=warning --halt=warning "$f" >/dev/null || bad=1
	done
	return $bad
}

# As the kernel's htmldocs does it, which knows more than reStructuredText.
documentation_builds()
{
	command -v sphinx-build >/dev/null || { echo "no sphinx-build"; return $SKIP; }
	scripts/source/htmldocs
}

# From the programs' --help.
manual_pages()
{
	local f pages=$BUILD/check-man bad=0

	command -v man >/dev/null || { echo "no man"; return $SKIP; }
	scripts/source/man --output "$pages"
	for f in "$pages"/man1/*.1; do
		grep -q '^\.SH DESCRIPTION' "$f" || { echo "$f: no description"; bad=1; }
		if LC_ALL=C.UTF-8 man --warnings -l -Tutf8 "$f" 2>&1 >/dev/null | grep .; then
			bad=1
		fi
	done
	rm -r "$pages"
	return $bad
}

configurations()
{
	local spec base=''

	[ -n "$(patches)" ] || base=+nokml+stock
	for spec in $(scripts/kconfig/fragments --profiles) \
		lupine-general+{nokml,nokml+stock,smp,debug,smp+debug,smp+trace+debug,smp+rt} \
		lupine-general+{hardened+framepointer+la57,qemu+firecracker} lupine-base+nokml; do
		[ -z "$base" ] || spec=${spec%+nokml*}$base
		scripts/kconfig/configure --output "$BUILD/kconfig/check/$spec" "$spec"
	done
}

try "the patched tree can be made" scripts/source/tree
[ "$result" = 0 ] || { summary || :; exit 1; }
try "series and patches name each other" series_complete
try "patches can be mailed" patches_mailable
try "patches pass checkpatch --strict" checkpatch_series
try "C files pass checkpatch --strict" checkpatch_files
try "scripts pass shellcheck" shellcheck_scripts
try "scripts explain themselves" scripts_help
try "files name their licence" licences
try "no misspelt words" spelling
try "Documentation is well formed" documentation
try "Documentation builds with Sphinx" documentation_builds
try "manual pages are well formed" manual_pages
try "fragments have no faults" scripts/kconfig/lint
try "every profile and overlay can be configured" configurations
try "microvm is what Firecracker's guest selects" scripts/kconfig/compare
try "lupine-general has what all applications need" scripts/kconfig/union
try "the tables of options are up to date" scripts/kconfig/tables --check
suite "the models of the entry code" scripts/test/entry-model.sh
summary
