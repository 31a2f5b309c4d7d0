#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: scripts/test/source.sh
#
# Tests scripts/source/tree, port-check and scripts/kconfig/configure: what they do
# with changes of the series, and what they say about wrong versions, patches that do
# not apply, dropped options and full disks. Works on a copy of the scripts, with
# a series of its own, and on the part of the kernel source that Kconfig needs.
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

"$ROOT/scripts/source/tree"
version=$(sed -n 's/^version //p' "$BUILD/tree/.lupine-version")
pristine=$BUILD/source/$version
LOGS=$BUILD/test/source
work=$(mktemp -d "$BUILD/review.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# A repository with the scripts and profiles of this one, and a small kernel.
repo=$work/repo
kernel=$work/kernel
output=$work/output
mkdir -p "$repo/patches" "$repo/Documentation" "$kernel"
cp -a "$ROOT/scripts" "$ROOT/kconfig-profiles" "$repo"
: >"$repo/series"
(cd "$pristine" && {
	find . -name 'Kconfig*' -type f
	find scripts arch/x86/configs kernel/configs -type f
	printf '%s\n' Makefile Kbuild COPYING arch/x86/Makefile* \
		kernel/fork.c kernel/exit.c init/main.c
	find tools/include/tools tools/testing/selftests/lib -type f
} | sed "s,^\./,," | sort -u | xargs cp -a --parents -t "$kernel")
# None of ours may decide for the copy.
unset KSRC PROFILE APP
export BUILD=$work/build

run()	# run COMMAND...: status and output of a script of the copy
{
	status=0
	KSRC=${KSRC-$kernel} "$repo/scripts/$1" "${@:2}" >"$output" 2>&1 || status=$?
	cat "$output"
}

# refused PATTERN COMMAND...: fails with a message that names cause and cure.
refused()
{
	local pattern=$1

	shift
	run "$@"
	[ "$status" != 0 ] || { echo "was not refused"; return 1; }
	grep -qE -e "$pattern" "$output" || { echo "the message lacks: $pattern"; return 1; }
}

works()
{
	run "$@"
	[ "$status" = 0 ]
}

# All of a folder that can be seen: names, contents, modes, times, inodes.
state()
{
	(cd "$1" && find . -printf '%p %m %i %s %T@\n' | sort
	 find . -type f -print0 | sort -z | xargs -0r sha256sum)
}

# patch NAME FILE SED: a patch that makes this edit.
make_patch()
{
	local d=$work/diff

	rm -rf "$d"
	mkdir -p "$d/a/$(dirname "$2")" "$d/b/$(dirname "$2")"
	cp "$kernel/$2" "$d/a/$2"
	sed "$3" "$kernel/$2" >"$d/b/$2"
	(cd "$d" && ! diff -u "a/$2" "b/$2") >"$repo/patches/$1"
}

series()
{
	printf '%s\n' '# a comment' "$@" >"$repo/series"
}

wrong_version()
{
	mkdir -p "$work/wrong"
	printf 'VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 9\nEXTRAVERSION =\nNAME = x\n' \
		>"$work/wrong/Makefile"
	KSRC=$work/wrong refused 'is Linux 6\.1\.9, but the series is for Linux 6\.12' source/tree
	tar -C "$work" -cf "$work/wrong.tar" wrong
	KSRC=$work/wrong.tar refused 'is Linux 6\.1\.9, but' source/tree
	[ ! -e "$BUILD/tree" ]
	[ -z "$(ls "$BUILD/source")" ]
}

no_source()
{
	KSRC=$work/nothing refused 'nothing does not exist' source/tree
	mkdir -p "$work/empty"
	KSRC=$work/empty refused 'neither a tarball, nor a git tree, nor' source/tree
	head -c 100000 /dev/urandom >"$work/garbage.tar.xz"
	KSRC=$work/garbage.tar.xz refused 'no tarball, or a damaged one' source/tree
	tar -C "$work" -cJf "$work/whole.tar.xz" kernel
	head -c 500000 "$work/whole.tar.xz" >"$work/cut.tar.xz"
	KSRC=$work/cut.tar.xz refused 'no tarball, or a damaged one' source/tree
	[ ! -e "$BUILD/tree" ]
	[ -z "$(ls "$BUILD/source")" ]
}

first_tree()
{
	make_patch 0001-first.patch kernel/fork.c '5i /* first */'
	make_patch 0002-second.patch init/main.c '5i /* second */'
	make_patch 0003-third.patch kernel/fork.c '900i /* third */'
	series 0001-first.patch '0002-second.patch # why' '' 0003-third.patch
	works source/tree --bare
	[ -z "$(find "$BUILD/tree/arch/x86/configs" -name 'lupine*')" ]
	works source/tree
	grep -q '/\* first \*/' "$BUILD/tree/kernel/fork.c"
	grep -q '/\* third \*/' "$BUILD/tree/kernel/fork.c"
	grep -q '/\* second \*/' "$BUILD/tree/init/main.c"
	grep -q "^version $version" "$BUILD/tree/.lupine-version"
	[ -s "$BUILD/tree/arch/x86/configs/lupine_defconfig" ]
	head -n 2 "$BUILD/tree/arch/x86/configs/lupine-base.config" | grep -q '^# Help: '
	state "$BUILD/source/$version" >"$work/pristine.state"
}

nothing_to_do()
{
	local before start ms

	before=$(state "$BUILD/tree" | sha256sum)
	start=$(date +%s%N)
	works source/tree
	ms=$((($(date +%s%N) - start) / 1000000))
	echo "$ms ms"
	[ ! -s "$output" ]
	[ "$before" = "$(state "$BUILD/tree" | sha256sum)" ]
	# A loaded machine may be slow, but unpacking takes many seconds.
	[ "$ms" -lt 3000 ]
}

in_tree()
{
	local o=$work/in-tree spec=lupine-base+nokml+stock

	# What the kernel's own targets make of the installed files is the same.
	"$repo/scripts/kconfig/configure" "$spec"
	make -s -C "$BUILD/tree" O="$o" tinyconfig lupine-base.config \
		lupine-nokml.config lupine-stock.config
	diff "$o/.config" "$BUILD/kernel/$spec/.config"
	make -s -C "$BUILD/tree" O="$o" lupine_defconfig
	grep -q '^CONFIG_VIRTIO_NET=y' "$o/.config"
	make -s -C "$BUILD/tree" O="$o" help | grep -q 'lupine-base.config'
}

times_kept()
{
	local fork main fork_time

	fork=$(stat -c '%i %Y' "$BUILD/tree/kernel/fork.c")
	main=$(stat -c '%i %y' "$BUILD/tree/init/main.c")
	fork_time=${fork#* }
	sleep 1.1
	series 0001-first.patch 0002-second.patch
	works source/tree
	[ "$main" = "$(stat -c '%i %y' "$BUILD/tree/init/main.c")" ]
	[ "$fork_time" -lt "$(stat -c %Y "$BUILD/tree/kernel/fork.c")" ]
	# What no patch touches any more must look changed, too.
	sleep 1.1
	fork_time=$(stat -c %Y "$BUILD/tree/kernel/fork.c")
	series 0002-second.patch
	works source/tree
	cmp "$BUILD/tree/kernel/fork.c" "$kernel/kernel/fork.c"
	[ "$fork_time" -lt "$(stat -c %Y "$BUILD/tree/kernel/fork.c")" ]
	[ "$main" = "$(stat -c '%i %y' "$BUILD/tree/init/main.c")" ]
}

pristine_kept()
{
	state "$BUILD/source/$version" | diff "$work/pristine.state" -
	# Written to through a hard link of the tree, it is made anew.
	echo '/* slip */' >>"$BUILD/tree/kernel/exit.c"
	touch -d '1 hour ago' "$BUILD/tree/kernel/exit.c"
	series 0001-first.patch 0002-second.patch
	works source/tree
	grep -q 'was modified' "$output"
	cmp "$BUILD/tree/kernel/exit.c" "$kernel/kernel/exit.c"
	cmp "$BUILD/source/$version/kernel/exit.c" "$kernel/kernel/exit.c"
}

# unchanged PATTERN: a refused tree leaves the one that is there.
unchanged()
{
	local before

	before=$(state "$BUILD/tree" | sha256sum)
	refused "$1" source/tree
	[ "$before" = "$(state "$BUILD/tree" | sha256sum)" ]
	[ ! -e "$BUILD/tree.new" ]
}

broken_patch()
{
	make_patch 0004-broken.patch kernel/fork.c '5i /* x */'
	sed -i 's/^ .*/ nonsense/' "$repo/patches/0004-broken.patch"
	series 0001-first.patch 0002-second.patch 0004-broken.patch
	unchanged 'patch 0004-broken.patch .* does not apply'
	grep -q 'kernel/fork.c' "$output"
}

fuzzy_patch()
{
	make_patch 0004-fuzzy.patch kernel/fork.c '20i /* x */'
	# patch(1) would apply it with fuzz: only the outermost line is wrong.
	awk '/^ / && !done { print " nonsense"; done = 1; next } { print }' \
		"$repo/patches/0004-fuzzy.patch" >"$work/p"
	mv "$work/p" "$repo/patches/0004-fuzzy.patch"
	(cd "$kernel" && patch -p1 --dry-run <"$repo/patches/0004-fuzzy.patch")
	series 0004-fuzzy.patch
	unchanged 'patch 0004-fuzzy.patch .* without fuzz'
}

missing_patch()
{
	series 0001-first.patch 0009-nowhere.patch
	unchanged '0009-nowhere.patch'
}

edited_tree()
{
	series 0001-first.patch 0002-second.patch
	works source/tree
	sleep 1.1
	# As an editor does that renames.
	sed -i '1i /* by hand */' "$BUILD/tree/kernel/fork.c"
	series 0002-second.patch
	unchanged 'was edited and the series lacks it: .*kernel/fork.c'
	rm -r "$BUILD/tree"
	works source/tree
}

overlay_clash()
{
	mkdir -p "$repo/selftests/lib"
	echo x >"$repo/selftests/lib/Makefile"
	unchanged 'would replace tools/testing/selftests/lib/Makefile of the kernel'
	rm -r "$repo/selftests"
	mkdir -p "$repo/Documentation/arch"
	echo new >"$repo/Documentation/arch/page.rst"
	works source/tree
	cmp "$repo/Documentation/arch/page.rst" "$BUILD/tree/Documentation/arch/page.rst"
}

interrupted()
{
	local before pid

	before=$(state "$BUILD/tree" | sha256sum)
	series 0001-first.patch
	KSRC=$kernel setsid "$repo/scripts/source/tree" >"$output" 2>&1 &
	pid=$!
	sleep 0.3
	kill -TERM -- "-$pid"
	wait "$pid" || :
	[ ! -e "$BUILD/tree.new" ]
	[ "$before" = "$(state "$BUILD/tree" | sha256sum)" ]
	works source/tree
	grep -q '/\* first \*/' "$BUILD/tree/kernel/fork.c"
}

# The settings of git that change bytes, ask for keys or run programs.
hostile_git()
{
	mkdir -p "$work/home/hooks"
	printf '#!/bin/sh\nexit 1\n' >"$work/home/hooks/pre-commit"
	chmod +x "$work/home/hooks/pre-commit"
	printf '%s\n' '[core]' 'autocrlf = true' 'safecrlf = true' "hooksPath = $work/home/hooks" \
		'[diff]' 'noprefix = true' '[color]' 'ui = always' '[mailinfo]' 'scissors = true' \
		'[am]' 'keepcr = true' '[commit]' 'gpgsign = true' >"$work/home/.gitconfig"
}

line_ends()
{
	hostile_git
	mkdir "$work/clone-of"
	(cd "$ROOT" && if [ -e .git ]; then git ls-files -z .gitattributes scripts/*.sh scripts/source patches; else
		find .gitattributes scripts/*.sh scripts/source patches -type f -print0; fi |
		xargs -0 cp --parents -t "$work/clone-of")
	git -C "$work/clone-of" init -q
	git -C "$work/clone-of" add -A
	git -C "$work/clone-of" -c user.name=x -c user.email=x@example.org commit -qm x
	# As the user's own git, with nothing of scripts/lib.sh.
	env -u GIT_CONFIG_COUNT HOME="$work/home" git clone -q "$work/clone-of" "$work/clone"
	! grep -rlI $'\r$' "$work/clone/scripts" "$work/clone/patches" || return 1
	"$work/clone/scripts/source/tree" --help | grep -q '^usage'
}

odd_user()
{
	local names

	names=$(cd "$BUILD/tree" && find . -path ./.pc -prune -o -type f -printf '%p %m\n' | sort |
		grep -v '^./.lupine' | sha256sum)
	hostile_git
	git -C "$kernel" init -q
	git -C "$kernel" add -Af .
	git -C "$kernel" -c user.name=x -c user.email=x@example.org commit -qm x
	mkdir -p "$work/tmp dir"
	(
		umask 077
		export HOME=$work/home CDPATH=.:$work GREP_OPTIONS=--color=always LANG=de_DE.UTF-8
		export TMPDIR="$work/tmp dir" COLUMNS=20 TERM=dumb
		unset GIT_CONFIG_COUNT
		KSRC=$kernel works source/tree
	)
	rm -r "$kernel/.git"
	! grep -rlI $'\r$' "$BUILD/tree/kernel" "$BUILD/tree/init" || return 1
	[ "$names" = "$(cd "$BUILD/tree" && find . -path ./.pc -prune -o -type f -printf '%p %m\n' | sort |
		grep -v '^./.lupine' | sha256sum)" ]
}

indented_diff()
{
	{
		printf 'Subject: an example\n\n  --- a/init/main.c\n  +++ b/init/main.c\n'
		printf '  @@ -1,1 +1,2 @@\n   // SPDX-License-Identifier: GPL-2.0-only\n  +/* by accident */\n\n---\n'
		cat "$repo/patches/0001-first.patch"
	} >"$repo/patches/0004-indented.patch"
	series 0004-indented.patch
	refused 'patches/0004-indented.patch:3: the message has an indented diff' source/tree
	rm "$repo/patches/0004-indented.patch"
	series 0001-first.patch '0002-second.patch # why' '' 0003-third.patch
}

path_with_blank()
{
	BUILD="$work/a blank" refused "has a blank or a colon" source/tree
	[ ! -e "$work/a blank" ]
}

illegal_package()
{
	cp "$repo"/kconfig-profiles/profile/{lupine-tiny,my_profile}.profile
	refused "'my_profile' cannot be part of a package's name" source/deb --kernel my_profile
	rm "$repo/kconfig-profiles/profile/my_profile.profile"
}

other_sources()
{
	local names

	names=$(cd "$BUILD/tree" && find . -path ./.pc -prune -o -type f -print | sort |
		grep -v '^./.lupine' | xargs sha256sum | sha256sum)
	git -C "$kernel" init -q
	git -C "$kernel" add -Af .
	git -C "$kernel" -c user.name=x -c user.email=x@example.org commit -qm x
	KSRC=$kernel works source/tree
	grep -q '^source git ' "$BUILD/tree/.lupine-version"
	[ "$names" = "$(cd "$BUILD/tree" && find . -path ./.pc -prune -o -type f -print | sort |
		grep -v '^./.lupine' | xargs sha256sum | sha256sum)" ]
	rm -r "$kernel/.git"
	KSRC=$work/whole.tar.xz works source/tree
	grep -q '^source tarball ' "$BUILD/tree/.lupine-version"
	[ "$names" = "$(cd "$BUILD/tree" && find . -path ./.pc -prune -o -type f -print | sort |
		grep -v '^./.lupine' | xargs sha256sum | sha256sum)" ]
}

# The same patches on a source that moved on.
port_check()
{
	local other=$work/other before

	mkdir -p "$other"
	(cd "$kernel" && cp -a --parents Makefile kernel/fork.c kernel/exit.c init/main.c "$other")
	make_patch 0001-first.patch kernel/fork.c '20i /* first */'
	make_patch 0002-second.patch init/main.c '20i /* second */'
	make_patch 0003-third.patch kernel/exit.c '20i /* third */'
	series 0001-first.patch 0002-second.patch 0003-third.patch
	works source/port-check "$other"
	grep -q 'patches that apply: 3, problems: 0' "$output"
	# Lines above, an outermost line of the context, the line itself.
	sed -i '1i /* one line more */' "$other/kernel/fork.c"
	sed -i '17s,$,/* changed */,' "$other/init/main.c"
	sed -i '19s,$,/* changed */,' "$other/kernel/exit.c"
	before=$(state "$other")
	refused '^  0001 .* offsets  *1  *1  *0  *0$' source/port-check "$other"
	grep -q '^  0002 .* FUZZ  *1  *0  *1  *0$' "$output"
	grep -q 'init/main.c:17 hunk 1, fuzz 1' "$output"
	grep -q '^  0003 .* CONFLICT  *1  *0  *0  *1$' "$output"
	grep -q 'kernel/exit.c:17 hunk 1 does not apply' "$output"
	grep -q 'patches that apply: 1, problems: 2' "$output"
	[ "$before" = "$(state "$other")" ]
	# What fails because of an earlier one, what is gone, what is there already.
	make_patch 0004-fourth.patch kernel/exit.c '20i /* fourth */'
	mkdir -p "$other/Documentation/arch" "$repo/Documentation/arch"
	echo new | tee "$repo/Documentation/arch/other.rst" >"$other/Documentation/arch/other.rst"
	rm "$other/init/main.c"
	series 0001-first.patch 0002-second.patch 0003-third.patch 0004-fourth.patch
	tar -C "$work" -cJf "$work/other.tar.xz" other
	refused 'init/main.c: there is no such file' source/port-check "$work/other.tar.xz"
	grep -q '^  0004 .* CONFLICT .*(after 0003)$' "$output"
	grep -q 'Documentation/arch/other.rst exists there' "$output"
	rm -r "$repo/Documentation/arch/other.rst" "$other"
	refused 'does not exist' source/port-check "$work/nothing"
	refused 'no kernel source' source/port-check "$work/empty"
	refused 'no tarball, or a damaged one' source/port-check "$work/garbage.tar.xz"
	KSRC='' refused 'needs the other kernel source' source/port-check
}

full_disk()
{
	unshare -rm true 2>/dev/null || { echo "no user namespaces"; return $SKIP; }
	mkdir -p "$work/small"
	export kernel repo work
	# shellcheck disable=SC2016 # the inner shell expands it
	unshare -rm bash -c '
		mount -t tmpfs -o size=4m none "$work/small" || exit 99
		BUILD=$work/small/build KSRC=$kernel "$repo/scripts/source/tree"
		status=$?
		find "$work/small/build" -name "tree*" -o -name "tmp.*" | sed "s/^/left behind: /"
		exit $status' >"$output" 2>&1 && { cat "$output"; return 1; }
	cat "$output"
	grep -q 'no space left in .*BUILD= to another disk' "$output"
	if grep "^left behind: " "$output"; then
		return 1
	fi
}

dropped_option()
{
	printf '%s\n' '# SPDX-License-Identifier: GPL-2.0' '# Help: x' '' \
		CONFIG_E1000=y CONFIG_NO_SUCH_THING=y >"$repo/kconfig-profiles/overlay/dropped.config"
	refused 'CONFIG_E1000=y of kconfig-profiles/overlay/dropped.config:4 became n' \
		kconfig/configure lupine-base+nokml+stock+dropped
	grep -q 'needs PCI \[=n\]' "$output"
	grep -q 'CONFIG_NO_SUCH_THING=y of .*:5: Linux .* has no such option' "$output"
	[ ! -e "$BUILD/kernel/lupine-base+nokml+stock+dropped" ]
	# And one that stays although it is not wanted.
	printf '%s\n' '# SPDX-License-Identifier: GPL-2.0' '# Help: x' '' \
		'# CONFIG_VIRTIO is not set' >"$repo/kconfig-profiles/overlay/dropped.config"
	refused 'CONFIG_VIRTIO=n of kconfig-profiles/overlay/dropped.config:4 became y' \
		kconfig/configure lupine-base+nokml+stock+dropped
	grep -q 'VIRTIO_MENU' "$output"
	rm "$repo/kconfig-profiles/overlay/dropped.config"
}

# Each line of this fragment but the first is wrong, and each is named.
sloppy_lines()
{
	local here='^kconfig-profiles/overlay/sloppy\.config' mistake='a setting with a mistake in it; want .*'

	printf '%s\n' '# SPDX-License-Identifier: GPL-2.0' '# Help: x' '' CONFIG_KEYS=y CONFIG_KEYS=n \
		'  CONFIG_SWAP=y' 'CONFIG_EPOLL = y' '#CONFIG_AIO is not set' AIO=y CONFIG_AIO=yes \
		'CONFIG_AIO=y # why' 'CONFIG_CMDLINE="a' CONFIG_EXT4_FS=m CONFIG_AIO=m \
		'# CONFIG_EARLY_PRINTK is not set' >"$repo/kconfig-profiles/overlay/sloppy.config"
	refused "$here:5: has another value in this file already: KEYS" \
		kconfig/configure lupine-base+nokml+stock+sloppy || return 1
	rm "$repo/kconfig-profiles/overlay/sloppy.config"
	[ ! -e "$BUILD/kernel/lupine-base+nokml+stock+sloppy" ] || return 1
	local pattern
	for pattern in "$here:6: $mistake:   CONFIG_SWAP=y" "$here:7: $mistake: CONFIG_EPOLL = y" \
		"$here:8: $mistake: #CONFIG_AIO is not set" "$here:9: neither a setting nor .*: AIO=y" \
		"$here:10: is not a value; want .*: CONFIG_AIO=yes" \
		"$here:11: is not a value; want .*: CONFIG_AIO=y # why" \
		"$here:12: is not a value; want .*: CONFIG_CMDLINE=\"a" \
		'^CONFIG_EXT4_FS=m of .*:13 became' 'a module needs CONFIG_MODULES=y; or build it in' \
		'^CONFIG_AIO=m of .*:14 became' 'cannot be a module: want y or n' \
		'^CONFIG_EARLY_PRINTK=n of .*:15 contradicts y of '; do
		grep -qE -e "$pattern" "$output" || { echo "no line matches: $pattern"; return 1; }
	done
}

override_allowed()
{
	printf '%s\n' '# SPDX-License-Identifier: GPL-2.0' '# Help: x' '' \
		'# Overrides: no early messages.' '# CONFIG_EARLY_PRINTK is not set' \
		>"$repo/kconfig-profiles/overlay/quiet.config"
	works kconfig/configure lupine-base+nokml+stock+quiet
	grep -qx '# CONFIG_EARLY_PRINTK is not set' "$BUILD/kernel/lupine-base+nokml+stock+quiet/.config"
	rm "$repo/kconfig-profiles/overlay/quiet.config"
}

unknown_names()
{
	refused "no profile 'nope'; there are: .*lupine-base" kconfig/configure nope
	refused "no overlay 'nope'; there are: .*nokml" kconfig/configure lupine-base+nope
	refused 'needs PROFILE' kconfig/configure
	refused "no profile 'nope'" kconfig/build nope
	[ ! -e "$BUILD/kernel/nope" ]
}

overlay_wins()
{
	run kconfig/fragments --flat lupine-tiny
	[ "$status" = 0 ]
	grep -qx 'CONFIG_CC_OPTIMIZE_FOR_SIZE=y' "$output"
	if grep -q "^CONFIG_CC_OPTIMIZE_FOR_PERFORMANCE=y" "$output"; then
		return 1
	fi
	[ "$(grep -c 'CC_OPTIMIZE_FOR_SIZE' "$output")" = 1 ]
}

# A terminal sees how many objects there are; logs, and all other output, do not.
progress_shown()
{
	# shellcheck disable=SC2016 # the inner shell expands it
	printf '%s\n' 'set -eu' ". $repo/scripts/lib.sh" \
		'objects() { for n in 1 2 3; do echo "  CC  $n.o"; sleep 1.1; done; false; }' \
		"objects_expected=3 logged $work/count.log objects || echo failed" >"$work/count"
	script -qec "bash $work/count" /dev/null </dev/null >"$output"
	cat "$output"
	grep -q '[12] of about 3 objects done.* min left' "$output"
	grep -q failed "$output"
	[ "$(wc -l <"$work/count.log")" = 3 ]
	bash "$work/count" >"$output"
	[ "$(cat "$output")" = failed ]
	V=1 bash "$work/count" >"$output"
	[ "$(wc -l <"$output")" = 4 ]
}

try "a terminal sees how much of a kernel is done" progress_shown
try "a source of another version is refused" wrong_version
try "what is no kernel source is refused" no_source
try "the series is applied" first_tree
[ "$result" = 0 ] || { summary || :; exit 1; }
try "a second run does nothing" nothing_to_do
try "profiles and defconfigs work inside the tree" in_tree
try "only what changed gets a new time" times_kept
try "the unpacked source stays as it came" pristine_kept
try "a patch that does not apply leaves the tree alone" broken_patch
try "a patch that needs fuzz is refused" fuzzy_patch
try "a patch that is missing is refused" missing_patch
try "edits that are in no patch are not lost" edited_tree
try "our files do not replace the kernel's" overlay_clash
try "an interrupted run leaves the tree alone" interrupted
try "git trees and tarballs give the same tree" other_sources
try "a clone by a git that converts line ends works" line_ends
try "neither git's settings nor the environment change the tree" odd_user
try "a patch with an indented diff in its message is refused" indented_diff
try "a path with a blank is refused at once" path_with_blank
try "make deb refuses a profile that cannot name a package at once" illegal_package
try "each patch is judged on another source" port_check
try "a full disk is reported" full_disk
try "an option that got lost is reported with its reason" dropped_option
try "a line of a fragment that means nothing is refused by name" sloppy_lines
try "a fragment may override another one if it says so" override_allowed
try "unknown profiles and overlays are refused" unknown_names
try "later fragments win" overlay_wins
summary
