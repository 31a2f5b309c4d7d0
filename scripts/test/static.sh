#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/static.sh
#
# Run the static checks: the series applies without fuzz, patches and C files pass the
# kernel's checkpatch, scripts pass shellcheck, fragments have no faults, every
# profile can be configured, Documentation builds, and the models of the entry code
# find no fault. Documentation/lupine/contributing.rst describes each check. Print one
# line for each; the last line is "N passed, N failed[, N skipped]".
#
# Example: scripts/test/static.sh
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

begin -- "$@"
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

# faultless COMMAND...: what it prints are faults; there must be none.
faultless()
{
	run "$@"
	[ "$status" = 0 ] && [ ! -s "$out" ]
}

series_and_patches()
{
	local f name base bad=0

	diff <(patch_names | sort) <(cd patches && printf '%s\n' *.patch | sort) || bad=1
	for f in patches/*/*; do
		[ -e "$f" ] || continue
		base=$(basename "$(dirname "$f")") name=${f##*/}
		[ "$(base_of "$base")" = "$base" ] || { echo "$f: no base $base"; bad=1; }
		grep -qxF "$(grep -m 1 '^Subject: ' "$f")" "patches/$name" ||
			{ echo "$f: its Subject is not that of patches/$name"; bad=1; }
	done
	return $bad
}

# The backups of quilt are the files as they are before a patch.
overrides_differ()
{
	local f d

	for f in patches/"$BASE"/*.patch; do
		[ -d "$tree/.pc/$BASE/${f##*/}" ] || continue
		rm -rf "$work"/with-*
		for d in patches "patches/$BASE"; do
			cp -r "$tree/.pc/$BASE/${f##*/}" "$work/with-${d##*/}"
			find "$work/with-${d##*/}" -type f -empty -delete
			patch -sf -F0 -p1 -r- -d "$work/with-${d##*/}" <"$d/${f##*/}" >/dev/null 2>&1 || break
		done
		! diff -r "$work/with-patches" "$work/with-$BASE" >/dev/null 2>&1 ||
			echo "$f does what patches/${f##*/} does on Linux $BASE; remove it"
	done
}

# all_patches: the files that are applied to any base, without patches/.
all_patches()
{
	local BASE

	for BASE in "${bases[@]}"; do
		series_patches
	done | sort -u
}

patches_mailable()
{
	local f word

	for f in $(all_patches | sed 's,^,patches/,'); do
		for word in From Subject Signed-off-by; do
			grep -q "^$word: " "$f" || echo "$f: no $word:"
		done
		! grep -q '^index [0-9a-f]*\.\.' "$f" ||
			echo "$f: index lines change with every refresh; leave them out"
		[[ $f =~ ^patches/([0-9.]+/)?[0-9]{4}-[A-Za-z0-9_.-]+\.patch$ ]] ||
			echo "$f: not named NNNN-subsystem-what-it-does.patch"
	done
}

# Of the files whose names come in, from the top of the repository.
checkpatch()
{
	# It leaves a cache where it stands, and that is not to be the tree.
	sed "s,^,$ROOT/," | (cd "$work" && xargs perl "$tree/scripts/checkpatch.pl" \
		--strict --quiet --show-types --no-tree "$@")
}

checkpatch_series()
{
	all_patches | sed 's,^,patches/,' | checkpatch --ignore "$CHECKPATCH_PATCHES"
}

checkpatch_files()
{
	files 'scripts/*.[ch]' 'selftests/*.[ch]' | checkpatch --file --ignore "$CHECKPATCH_PROGRAMS"
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
	need_or_skip shellcheck
	# What is sourced uses variables of who does that.
	shell_scripts | grep -vE "^scripts/(.*/)?[a-z-]*lib\.sh$" | xargs shellcheck -x -P SCRIPTDIR
	shell_scripts | grep -E "^scripts/(.*/)?[a-z-]*lib\.sh$" | xargs shellcheck -x -P SCRIPTDIR -e SC2154,SC2034
}

# programs: those that a user starts, with their commands, a line each
programs()
{
	local f

	for f in $(shell_scripts); do
		case $f in
		# What is sourced, or runs in a guest, or is called by app.sh
		scripts/apps/*/* | scripts/test/app/check | *lib.sh | scripts/bench/guests/app.sh | \
			*/in-guest) continue ;;
		scripts/*) [ ! -x "$f" ] || echo "$f" ;;
		esac
	done
	printf 'scripts/lupine/lupine %s\n' accel cp exec guest image run
	printf 'scripts/bench/bench %s\n' run table report callpath append
	echo "$work/callsites"
}

# Every program explains itself in one form, and without doing anything: what it is called
# with, a blank line, what it does; options begin a line, one each.
scripts_help()
{
	local words

	make -s -C scripts/callsites OUT="$work"
	# They compile themselves.
	scripts/lupine/lupine --help >/dev/null
	scripts/bench/bench --help >/dev/null
	while read -r -a words; do
		timeout 60 "${words[@]}" --help </dev/null 2>&1 | awk -v program="${words[*]}" '
			{ sub(/   .*/, "") }
			NR == 1 && !/^Usage: [a-z]/ { fault = "no usage" }
			NR > 1 && !described && !/^(       [a-z]|$)/ { fault = "no blank line" }
			/^$/ { described = 1 }
			/^ *-/ && !/^  (-[a-z], )?--?[a-z][a-z0-9-]*(\[?[= ][^, ].*)?$/ { fault = $0 }
			/^  -.*, --/ && !/^  -[a-z], --[^,]*$/ { fault = "two options in a line:" $0 }
			END { if (fault != "" || !described) print program " --help: " fault }'
		[ "${PIPESTATUS[0]}" = 0 ] || echo "${words[*]} --help: status is not 0"
	done < <(programs)
}

# It refuses an option that it does not know in one line, and with status 2.
scripts_misused()
{
	local words said status

	while read -r -a words; do
		case ${words[*]} in
		# The status is that of the application, or 125; and the other is a compiler.
		*"lupine run" | *"lupine exec" | */ukl-g*) continue ;;
		esac
		status=0
		said=$(timeout 60 "${words[@]}" --no-such-option 2>&1 </dev/null) || status=$?
		[ "$status" = 2 ] && [ "$(wc -l <<<"$said")" = 1 ] ||
			echo "${words[*]} --no-such-option: status $status: $said"
	done < <(programs)
}

licences()
{
	local f

	for f in $(files Makefile 'scripts/*' 'kconfig-profiles/*' 'selftests/*' \
		'Documentation/*' '.ci/*'); do
		# Data and formats without comments cannot say it.
		case $f in
		*.[chS] | *.mk | *.sh | *.awk | *.rst | *.config | *.profile | *Makefile) ;;
		*) [ "$(head -c 2 "$f" | tr -d '\0')" = "#!" ] || continue ;;
		esac
		head -n 5 "$f" | grep -q SPDX-License-Identifier || echo "$f: no SPDX-License-Identifier"
	done
}

spelling()
{
	need_or_skip codespell
	files README Makefile series 'scripts/*' 'kconfig-profiles/*' 'Documentation/*' \
		'selftests/*' 'patches/*' |
		xargs codespell --builtin clear \
		--ignore-words-list extraversion,ist,te,ser,damon,ues,stopp
}

# Malformed tables, broken references and the like.
documentation()
{
	need_or_skip rst2html
	# Only Sphinx, which htmldocs runs, knows the toctree of an index.
	files 'Documentation/*.rst' | grep -v '/index\.rst$' |
		xargs -n 1 rst2html --report=warning --halt=warning >/dev/null
}

# As the kernel's htmldocs does it, which knows more than reStructuredText.
documentation_builds()
{
	need_or_skip sphinx-build
	scripts/source/htmldocs
}

# From the programs' --help.
manual_pages()
{
	local f pages=$work/pages bad=0

	need_or_skip man
	need_or_skip help2man
	scripts/source/man --output "$pages"
	for f in "$pages"/man1/*.1; do
		grep -q '^\.SH DESCRIPTION' "$f" || { echo "$f: no description"; bad=1; }
		if LC_ALL=C.UTF-8 man --warnings -l -Tutf8 "$f" 2>&1 >/dev/null | grep .; then
			bad=1
		fi
	done
	return $bad
}

configurations()
{
	local spec specs=()

	for spec in $(scripts/kconfig/fragments --profiles) \
		lupine-general+{nokml,nokml+stock,smp,debug,smp+debug,smp+trace+debug,smp+rt} \
		lupine-general+{hardened+framepointer+la57,qemu+firecracker} lupine-base+nokml; do
		specs+=("$spec")
	done
	scripts/kconfig/configure --output "$BUILD/kconfig/check" "${specs[@]}"
}

must "the patched tree can be made" scripts/source/tree
check "series and patches name each other" series_and_patches
check "patches of a base differ from those of the newest" faultless overrides_differ
check "patches can be mailed" faultless patches_mailable
check "patches pass checkpatch --strict" checkpatch_series
check "C files pass checkpatch --strict" checkpatch_files
check "scripts pass shellcheck" shellcheck_scripts
check "programs explain themselves" faultless scripts_help
check "programs refuse other options" faultless scripts_misused
check "files name their licence" faultless licences
check "no misspelt words" spelling
check "Documentation is well formed" documentation
check "Documentation builds with Sphinx" documentation_builds
check "manual pages are well formed" manual_pages
check "fragments have no faults" scripts/kconfig/lint
check "every profile and overlay can be configured" configurations
check "microvm is what Firecracker's guest selects" scripts/kconfig/compare
check "lupine-general has what all applications need" scripts/kconfig/union
check "the tables of options are up to date" scripts/kconfig/tables --check
suite "the models of the entry code" scripts/test/entry-model.sh
summary
