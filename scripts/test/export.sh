#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/export.sh
#
# Test what scripts/source/export wrote: git am, b4 and quilt take it on a clean
# source without fuzz, topic by topic in order, and each gives build/tree byte by byte; a
# topic applies with only those that it needs; a patch of a topic that needs no other
# applies alone; checkpatch --strict has nothing to say,
# and the mails are complete.
# The last line is "N passed, N failed[, N skipped]".
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
# shellcheck source=scripts/source/topics.sh
. "$ROOT/scripts/source/topics.sh"

begin -- "$@"
need git quilt patch perl diff

tree=$BUILD/tree
pristine=$BUILD/source/$(tree_version)
# Not the output of commands, but of the export.
out=$work/export

# no COMMAND...: it must fail.
no()
{
	if "$@"; then
		echo "unexpected: $*"
		return 1
	fi
}

# What is there before the patches, of what they touch.
touched()
{
	cat "$out"/*/mail/*.patch | sed -n 's,^\(---\|+++\) [ab]/\(.*\),\2,p' | sort -u |
		while read -r f; do
			[ ! -f "$pristine/$f" ] || echo "$f"
		done
}

# clean FOLDER: the source, sharing the files that no patch touches.
clean()
{
	local f

	cp -al "$pristine" "$1"
	touched | while read -r f; do
		cp -p "$1/$f" "$work/copy"
		mv -f "$work/copy" "$1/$f"
	done
}

# clean_git FOLDER: the same, as a git tree. git am looks at no other files.
clean_git()
{
	clean "$1"
	git -C "$1" init -q
	touched | (cd "$1" && tr '\n' '\0' |
		git add -f --pathspec-from-file=- --pathspec-file-nul)
	git -C "$1" commit -q -m clean
}

git()
{
	GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 command git \
		-c user.name=test -c user.email=test@localhost "$@"
}

# same_as_tree FOLDER: every file, what is in it, and whether it can be executed.
same_as_tree()
{
	local skip=(--exclude=.git --exclude=.pc --exclude='.lupine-*' --exclude='.checkpatch-*')

	diff -rq --no-dereference "${skip[@]}" "$tree" "$1" || return 1
	diff <(executables "$tree") <(executables "$1")
}

executables()
{
	(cd "$1" && find . \( -name .git -o -name .pc \) -prune -o -type f -perm /111 -print) | sort
}

# am MBOX OPTION...: no merge, no fuzz. git am does neither unless it is told to.
am() { git -C "$work/git" am -q "${@:2}" "$1"; }

git_am()
{
	local t

	clean_git "$work/git"
	git -C "$work/git" tag clean
	for t in "${topics[@]}"; do
		am "$out/$(folder "$t")/patches.mbox"
		git -C "$work/git" tag "$t"
	done
	[ "$(git -C "$work/git" rev-list --count HEAD)" = $((patches + 1)) ]
	same_as_tree "$work/git"
	# The threads have a mail without a patch.
	git -C "$work/git" reset -q --hard clean
	for t in "${topics[@]}"; do
		am "$out/$(folder "$t")/thread.mbox" --empty=drop
	done
	same_as_tree "$work/git"
	git -C "$work/git" reset -q --hard clean
	am "$out/lupine.mbox"
	same_as_tree "$work/git"
}

# Each topic with those that it names, and no others
needs_suffice()
{
	local t n

	[ -d "$work/git" ] || { echo "no tree of git am"; return 1; }
	for t in "${topics[@]}"; do
		git -C "$work/git" reset -q --hard clean
		for n in $(needs "$t") "$t"; do
			am "$out/$(folder "$n")/patches.mbox" ||
				{ git -C "$work/git" am --abort; echo "$n for $t"; return 1; }
		done
		echo "$t applies on: $(needs "$t")"
		for n in $(needs "$t"); do
			grep -q "^  $n: " "$out/$(folder "$t")"/mail/0000-* ||
				{ echo "its cover letter does not name $n"; return 1; }
		done
	done
	git -C "$work/git" reset -q --hard "${topics[-1]}"
}

# Each of the patches that can be sent alone, on the source and nothing else
alone_applies()
{
	local t n f

	[ -d "$work/git" ] || { echo "no tree of git am"; return 1; }
	for t in "${topics[@]}"; do
		n=$(find "$out/$(folder "$t")/alone" -name '*.patch' 2>/dev/null | wc -l)
		[ -n "$(needs "$t")" ] || [ "$n" = "$(topic_patches "$t" | wc -l)" ] ||
			{ echo "$t: $n mails for patches alone"; return 1; }
	done
	for f in "$out"/*/alone/*.patch; do
		git -C "$work/git" reset -q --hard clean
		if ! git -C "$work/git" apply --check --verbose "$f" >"$work/log" 2>&1 || ! am "$f"; then
			cat "$work/log"
			return 1
		fi
		no grep offset "$work/log" || return 1
		if ! grep -qE '^Subject: \[PATCH\] ' "$f" || [ ! -s "${f%.patch}.recipients" ] ||
		   grep -E '^(In-Reply-To|References):' "$f"; then
			echo "$f: no mail of its own"
			return 1
		fi
	done
	git -C "$work/git" reset -q --hard "${topics[-1]}"
}

by_b4()
{
	local t n

	need_or_skip b4
	clean_git "$work/git-b4"
	for t in "${topics[@]}"; do
		mkdir -p "$work/b4/$t"
		XDG_DATA_HOME=$work/b4/data XDG_CACHE_HOME=$work/b4/cache timeout 120 \
			b4 --offline-mode am -C -m "$out/$(folder "$t")/thread.mbox" \
			-o "$work/b4/$t" -n lupine 2>&1 | tee "$work/b4.log"
		n=$(find "$out/$(folder "$t")/mail" -name '*.patch' | wc -l)
		grep -q "^Total patches: $((n - 1))\$" "$work/b4.log"
		no grep -qiE 'missing|error|warning' "$work/b4.log"
		git -C "$work/git-b4" am -q "$work/b4/$t/lupine.mbx"
	done
	same_as_tree "$work/git-b4"
}

by_quilt()
{
	clean "$work/quilt"
	(cd "$work/quilt" && QUILT_PATCHES=$out/debian/patches \
		run_quilt push -a --fuzz=0 --color=never) >"$work/quilt.log" 2>&1 ||
		{ tail -n 20 "$work/quilt.log"; return 1; }
	no grep -E 'with fuzz|\(offset' "$work/quilt.log"
	same_as_tree "$work/quilt"
}

# A comparison that finds nothing whatever happens would prove nothing.
differences_found()
{
	local f=$work/git/tools/testing/selftests/kml/Makefile

	[ -f "$f" ] || { echo "no tree of git am"; return 1; }
	chmod +x "$f"
	no same_as_tree "$work/git"
	chmod -x "$f"
	echo >>"$f"
	no same_as_tree "$work/git"
	git -C "$work/git" checkout -q -- .
	rm "$work/git/arch/x86/configs/lupine_defconfig"
	no same_as_tree "$work/git"
	git -C "$work/git" checkout -q -- .
	same_as_tree "$work/git"
}

checkpatch()
{
	local f ignore bad=0

	for f in "$out"/*/mail/*.patch; do
		[[ $f != */0000-* ]] || continue
		ignore=$CHECKPATCH_PATCHES
		# Tests press on what the compiler must not optimize away.
		! grep -q '^+++ b/tools/testing/selftests/.*\.c$' "$f" ||
			ignore+=,$CHECKPATCH_PROGRAMS
		# The folder has been listed by the topic before.
		[[ $f != *-calls/* ]] || ignore+=,FILE_PATH_CHANGES
		# It leaves a cache where it stands.
		(cd "$work" && perl "$tree/scripts/checkpatch.pl" --strict --quiet --show-types \
			--no-tree --ignore "$ignore" "$f") || bad=1
	done
	return $bad
}

mails_complete()
{
	local t bad=0

	for t in "${topics[@]}"; do
		topic_complete "$t" || bad=1
	done
	return $bad
}

# Lines of the kernel that a topic may change, comments included
declare -A most=([fixes]=25 [guests]=230 [kml]=450 [calls]=300 [ukl]=250)

topic_complete()
{
	local folder f n=0 last bad=0 subject

	folder=$out/$(folder "$1")
	last=$(($(find "$folder/mail" -name '*.patch' | wc -l) - 1))
	for f in "$folder"/mail/*.patch; do
		subject=$(sed -n 's/^Subject: //p;/^$/q' "$f")
		[[ $subject == "[PATCH $(printf "%0${#last}d/%d" $n "$last")] "* ]] ||
			{ echo "$f: Subject: $subject"; bad=1; }
		# The cover letter is from the author, too, but signs nothing off.
		[ $n = 0 ] || sed '/^---$/q' "$f" | grep -q '^Signed-off-by: ' ||
			{ echo "$f: no Signed-off-by:"; bad=1; }
		[ "$(sed '/^$/q' "$f" | grep -cE '^(From|Date|Message-I[dD]|Subject): ')" = 4 ] ||
			{ echo "$f: a header is missing"; bad=1; }
		LC_ALL=C grep -nP '[^\x00-\x7f]' <(sed '/^---$/q' "$f") && bad=1
		# No message compares with a paper.
		grep -niE '\bpapers?\b|EuroSys|HotOS' <(sed '/^---$/q' "$f") &&
			{ echo "$f: names a paper"; bad=1; }
		n=$((n + 1))
	done
	# Nothing of the form may be left, and every part says what it costs.
	f=$(echo "$folder"/mail/0000-*)
	no grep -nE '\*\*\*|@[a-z]' <(sed '1,/^$/d; /^Seed.*([0-9]*):$/,$d' "$f") || bad=1
	n=$(sed -nE 's/^ *([0-9]+)  lines of the kernel.*/\1/p' "$f")
	[ "${n:-99999}" -le "${most[$1]:-9999}" ] || { echo "$f: ${n:-no} lines of the kernel"; bad=1; }
	grep -q '@' "$folder/recipients" || bad=1
	return $bad
}

# What is written is the same tomorrow, and nothing is written without need.
stable()
{
	local before

	before=$(stat -c '%i %y' "$out/lupine.mbox")
	"$ROOT/scripts/source/export" --output "$out" | grep 'up to date'
	[ "$before" = "$(stat -c '%i %y' "$out/lupine.mbox")" ]
	cp -a "$out/debian" "$work/debian"
	rm "$out/.stamp"
	"$ROOT/scripts/source/export" --output "$out"
	diff -r "$work/debian" "$out/debian"
}

mistakes_named()
{
	no "$ROOT/scripts/source/export" --reroll two >"$work/message" 2>&1
	grep -q -e "--reroll wants a number" "$work/message"
	no "$ROOT/scripts/source/export" --prefix >"$work/message" 2>&1
	grep -q -e "--prefix wants a value" "$work/message"
}

step "Export the series" "$ROOT/scripts/source/export" --output "$out"
patches=$(grep -c '\.patch$' "$out/debian/patches/series")
check "git am takes the mailboxes in order and gives build/tree" git_am
check "a topic applies with those that it needs" needs_suffice
check "a patch of a topic that needs nothing applies alone" alone_applies
check "b4 takes each thread and gives build/tree" by_b4
check "quilt takes the queue without fuzz and gives build/tree" by_quilt
check "a tree that differs is found out" differences_found
check "the mails pass checkpatch --strict" checkpatch
check "the mails are complete" mails_complete
check "the same series gives the same queue, once" stable
check "mistakes are named" mistakes_named
summary
