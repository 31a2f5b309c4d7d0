#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: scripts/test/export.sh
#
# Tests what scripts/source/export wrote: git am, b4 and quilt take it on a clean
# source without fuzz, each gives build/tree byte by byte, checkpatch --strict
# has nothing to say, and the mails are complete.
# The last line is "N passed, N failed[, N skipped]".
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

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
	cat "$out"/mail/*.patch | sed -n 's,^\(---\|+++\) [ab]/\(.*\),\2,p' | sort -u |
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

git_am()
{
	clean_git "$work/git"
	# No merge, no fuzz: git am does neither unless it is told to.
	git -C "$work/git" am -q "$out/lupine.mbox"
	[ "$(git -C "$work/git" rev-list --count HEAD)" = $((patches + 1)) ]
	same_as_tree "$work/git"
	# The thread has a mail without a patch.
	git -C "$work/git" reset -q --hard HEAD~"$patches"
	git -C "$work/git" am -q --empty=drop "$out/lupine-thread.mbox"
	same_as_tree "$work/git"
}

by_b4()
{
	need_or_skip b4
	mkdir -p "$work/b4"
	XDG_DATA_HOME=$work/b4/data XDG_CACHE_HOME=$work/b4/cache timeout 120 \
		b4 --offline-mode am -C -m "$out/lupine-thread.mbox" -o "$work/b4" -n lupine 2>&1 |
		tee "$work/b4.log"
	grep -q "^Total patches: $patches\$" "$work/b4.log"
	no grep -qiE 'missing|error|warning' "$work/b4.log"
	clean_git "$work/git-b4"
	git -C "$work/git-b4" am -q "$work/b4/lupine.mbx"
	same_as_tree "$work/git-b4"
}

by_quilt()
{
	clean "$work/quilt"
	(cd "$work/quilt" && QUILT_PATCHES=$out/debian/patches \
		quilt --quiltrc - push -a --fuzz=0 --color=never) >"$work/quilt.log" 2>&1 ||
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

	for f in "$out"/mail/*.patch; do
		[[ $f != */0000-* ]] || continue
		ignore=$CHECKPATCH_PATCHES
		# Tests press on what the compiler must not optimize away.
		! grep -q '^+++ b/tools/testing/selftests/.*\.c$' "$f" ||
			ignore+=,$CHECKPATCH_PROGRAMS
		# It leaves a cache where it stands.
		(cd "$work" && perl "$tree/scripts/checkpatch.pl" --strict --quiet --show-types \
			--no-tree --ignore "$ignore" "$f") || bad=1
	done
	return $bad
}

mails_complete()
{
	local f n=0 bad=0 subject

	for f in "$out"/mail/*.patch; do
		subject=$(sed -n 's/^Subject: //p;/^$/q' "$f")
		[[ $subject == "[PATCH $(printf '%02d/%d' $n "$patches")] "* ]] ||
			{ echo "$f: Subject: $subject"; bad=1; }
		# The cover letter is from the author, too, but signs nothing off.
		[ $n = 0 ] || sed '/^---$/q' "$f" | grep -q '^Signed-off-by: ' ||
			{ echo "$f: no Signed-off-by:"; bad=1; }
		[ "$(sed '/^$/q' "$f" | grep -cE '^(From|Date|Message-I[dD]|Subject): ')" = 4 ] ||
			{ echo "$f: a header is missing"; bad=1; }
		LC_ALL=C grep -nP '[^\x00-\x7f]' <(sed '/^---$/q' "$f") && bad=1
		n=$((n + 1))
	done
	[ "$n" = $((patches + 1)) ]
	# Nothing of the form may be left, and every figure says how it was taken.
	f=$(echo "$out"/mail/0000-*)
	no grep -nE '\*\*\*|@[a-z]' <(sed '1,/^$/d; /^Seed.*([0-9]*):$/,$d' "$f")
	grep -q 'accelerator tcg' "$f"
	grep -q '@' "$out/recipients"
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
check "git am takes the mailboxes and gives build/tree" git_am
check "b4 takes the mailbox and gives build/tree" by_b4
check "quilt takes the queue without fuzz and gives build/tree" by_quilt
check "a tree that differs is found out" differences_found
check "the mails pass checkpatch --strict" checkpatch
check "the mails are complete" mails_complete
check "the same series gives the same queue, once" stable
check "mistakes are named" mistakes_named
summary
