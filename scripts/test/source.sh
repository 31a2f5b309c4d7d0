#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/source.sh
#
# Test scripts/source/tree, port-check and scripts/kconfig/configure: what they do
# after changes of the series, and what they print for wrong versions, patches that do
# not apply, dropped options and full disks. The test uses a copy of the scripts, with
# a series of its own, and the part of the kernel source that Kconfig needs.
#
# Example: scripts/test/source.sh
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

begin -- "$@"
"$ROOT/scripts/source/tree"
version=$(tree_version)
pristine=$BUILD/source/$version

# A repository with the scripts and profiles of this one, and a small kernel.
repo=$work/repo
kernel=$work/kernel
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
export -n BASE SHARED
export BUILD=$work/build

# in_copy SCRIPT ARGUMENT...: a script of the copy
in_copy() { KSRC=${KSRC-$kernel} "$repo/scripts/$1" "${@:2}"; }
works() { says '' in_copy "$@"; }
# refuses PATTERN SCRIPT ARGUMENT...: fails with a message that names cause and cure.
refuses() { fails "$1" in_copy "${@:2}"; }

# All of a folder that can be seen: names, contents, modes, times, inodes.
state()
{
	(cd "$1" && find . -printf '%p %m %i %s %T@\n' | sort
	 find . -type f -print0 | sort -z | xargs -0r sha256sum)
}

# files_of_tree PRINT: names, or what find prints of them.
files_of_tree()
{
	(cd "$BUILD/tree" && find . -path ./.pc -prune -o -type f -printf "$1" | sort |
		grep -v '^./.lupine')
}

sums() { files_of_tree '%p\n' | (cd "$BUILD/tree" && xargs sha256sum) | sha256sum; }
modes() { files_of_tree '%p %m\n' | sha256sum; }

# commit_all FOLDER: as a git tree
commit_all()
{
	git -C "$1" init -q
	git -C "$1" add -Af .
	git -C "$1" -c user.name=x -c user.email=x@example.org commit -qm x
}

# make_patch NAME FILE SED: a patch that makes this edit.
make_patch()
{
	local d=$work/diff

	rm -rf "$d"
	mkdir -p "$d/a/$(dirname "$2")" "$d/b/$(dirname "$2")"
	cp "$kernel/$2" "$d/a/$2"
	sed "$3" "$kernel/$2" >"$d/b/$2"
	(cd "$d" && ! diff -u "a/$2" "b/$2") >"$repo/patches/$1"
}

series() { printf '%s\n' '# a comment' "$@" >"$repo/series"; }

wrong_version()
{
	mkdir -p "$work/wrong"
	printf 'VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 9\nEXTRAVERSION =\nNAME = x\n' \
		>"$work/wrong/Makefile"
	KSRC=$work/wrong refuses 'is Linux 6\.1\.9, but the series is for: ' source/tree
	tar -C "$work" -cf "$work/wrong.tar" wrong
	KSRC=$work/wrong.tar refuses 'is Linux 6\.1\.9, but' source/tree
	[ ! -e "$BUILD/tree" ]
	[ -z "$(ls "$BUILD/source")" ]
}

no_source()
{
	KSRC=$work/nothing refuses 'nothing does not exist' source/tree
	mkdir -p "$work/empty"
	KSRC=$work/empty refuses 'neither a tarball, nor a git tree, nor' source/tree
	head -c 100000 /dev/urandom >"$work/garbage.tar.xz"
	KSRC=$work/garbage.tar.xz refuses 'no tarball, or a damaged one' source/tree
	tar -C "$work" -cJf "$work/whole.tar.xz" kernel
	head -c 500000 "$work/whole.tar.xz" >"$work/cut.tar.xz"
	KSRC=$work/cut.tar.xz refuses 'no tarball, or a damaged one' source/tree
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
	[ ! -s "$out" ]
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
	said 'was modified'
	cmp "$BUILD/tree/kernel/exit.c" "$kernel/kernel/exit.c"
	cmp "$BUILD/source/$version/kernel/exit.c" "$kernel/kernel/exit.c"
}

# unchanged PATTERN: a refused tree leaves the one that is there.
unchanged()
{
	local before

	before=$(state "$BUILD/tree" | sha256sum)
	refuses "$1" source/tree
	[ "$before" = "$(state "$BUILD/tree" | sha256sum)" ]
	[ ! -e "$BUILD/tree.new" ]
}

broken_patch()
{
	make_patch 0004-broken.patch kernel/fork.c '5i /* x */'
	sed -i 's/^ .*/ nonsense/' "$repo/patches/0004-broken.patch"
	series 0001-first.patch 0002-second.patch 0004-broken.patch
	unchanged 'patch 0004-broken.patch .* does not apply'
	said 'kernel/fork.c'
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
	KSRC=$kernel setsid "$repo/scripts/source/tree" >"$out" 2>&1 &
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
		'[am]' 'keepcr = true' '[commit]' 'gpgsign = true' '[tar]' 'umask = 077' \
		'[diff]' 'external = false' >"$work/home/.gitconfig"
	mkdir -p "$work/home/.config/git"
	echo '* text eol=crlf' >"$work/home/.config/git/attributes"
}

line_ends()
{
	hostile_git
	mkdir "$work/clone-of"
	(cd "$ROOT" && if [ -e .git ]; then git ls-files -z .gitattributes scripts/*.sh scripts/source patches; else
		find .gitattributes scripts/*.sh scripts/source patches -type f -print0; fi |
		xargs -0 cp --parents -t "$work/clone-of")
	commit_all "$work/clone-of"
	# As the user's own git, with nothing of scripts/lib.sh.
	env -u GIT_CONFIG_COUNT HOME="$work/home" git clone -q "$work/clone-of" "$work/clone"
	! grep -rlI $'\r$' "$work/clone/scripts" "$work/clone/patches" || return 1
	"$work/clone/scripts/source/tree" --help | grep -q '^Usage'
}

odd_user()
{
	local names

	names=$(modes)
	hostile_git
	commit_all "$kernel"
	mkdir -p "$work/tmp dir"
	(
		umask 077
		export HOME=$work/home CDPATH=.:$work GREP_OPTIONS=--color=always LANG=de_DE.UTF-8
		export TMPDIR="$work/tmp dir" COLUMNS=20 TERM=dumb
		# As a hook of git has them
		export GIT_DIR=$work/nowhere GIT_WORK_TREE=$work GIT_INDEX_FILE=$work/index
		unset GIT_CONFIG_COUNT
		KSRC=$kernel works source/tree
	)
	rm -r "$kernel/.git"
	! grep -rlI $'\r$' "$BUILD/tree/kernel" "$BUILD/tree/init" || return 1
	[ "$names" = "$(modes)" ]
}

# The project and the source belong to somebody else, who lets nobody write, and there is
# no home.
another_user()
{
	local nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups) user

	user=("${nobody[@]}" env -u HOME "BUILD=$work/theirs" GIT_CONFIG_COUNT=0 "KSRC=$kernel"
		"$repo/scripts/source/tree")
	[ "$(id -u)" = 0 ] || { echo "needs root"; return $SKIP; }
	chmod a+rx "$work"
	"${nobody[@]}" test -x "$work" || { echo "no other user gets to $work"; return $SKIP; }
	mkdir -p "$repo/selftests/kml" "$work/theirs"
	echo x >"$repo/selftests/kml/new"
	chown 65534 "$work/theirs"
	commit_all "$repo"
	chmod -R a-w,a+rX "$repo" "$kernel"
	says '' "${user[@]}" --bare </dev/null
	[ -f "$work/theirs/tree/tools/testing/selftests/kml/new" ]
	mkdir "$kernel/.git"
	git -C "$kernel" init -q
	fails 'git cannot read KSRC=.*: detected dubious ownership' "${user[@]}"
	chmod -R u+w "$repo" "$kernel"
	rm -r "$repo/.git" "$kernel/.git" "$repo/selftests" "$work/theirs"
}

indented_diff()
{
	{
		printf 'Subject: an example\n\n  --- a/init/main.c\n  +++ b/init/main.c\n'
		printf '  @@ -1,1 +1,2 @@\n   // SPDX-License-Identifier: GPL-2.0-only\n  +/* by accident */\n\n---\n'
		cat "$repo/patches/0001-first.patch"
	} >"$repo/patches/0004-indented.patch"
	series 0004-indented.patch
	refuses 'patches/0004-indented.patch:3: the message has an indented diff' source/tree
	rm "$repo/patches/0004-indented.patch"
	series 0001-first.patch '0002-second.patch # why' '' 0003-third.patch
}

path_with_blank()
{
	BUILD="$work/a blank" refuses "has a blank or a colon" source/tree
	[ ! -e "$work/a blank" ]
}

illegal_package()
{
	cp "$repo"/kconfig-profiles/profile/{lupine-tiny,my_profile}.profile
	refuses "'my_profile' cannot be part of a package's name" source/deb --kernel my_profile
	rm "$repo/kconfig-profiles/profile/my_profile.profile"
}

other_sources()
{
	local names

	names=$(sums)
	commit_all "$kernel"
	KSRC=$kernel works source/tree
	grep -q '^source git ' "$BUILD/tree/.lupine-version"
	[ "$names" = "$(sums)" ]
	rm -r "$kernel/.git"
	KSRC=$work/whole.tar.xz works source/tree
	grep -q '^source tarball ' "$BUILD/tree/.lupine-version"
	[ "$names" = "$(sums)" ]
}

# One series for two kernels: some files differ, and one base leaves a patch out.
two_bases()
{
	local newer=$work/newer own=$repo/patches/$usual_base

	mkdir "$own"
	make_patch 0004-differs.patch kernel/exit.c '40i /* usual */'
	mv "$repo/patches/0004-differs.patch" "$own"
	make_patch 0004-differs.patch kernel/exit.c '40i /* newest */'
	make_patch 0005-new.patch init/main.c '40i /* new */'
	printf 'Subject: x\n\nLinux has it.\n' >"$own/0005-new.patch"
	series 0001-first.patch 0004-differs.patch 0005-new.patch
	works source/tree
	said ' 2 patches applied'
	grep -q '/\* usual \*/' "$BUILD/tree/kernel/exit.c"
	[ "$(cd "$BUILD/tree" && quilt --quiltrc - top)" = "$usual_base/0004-differs.patch" ]
	cp -a "$kernel" "$newer"
	sed -i "1,/^NAME/{s/^VERSION = .*/VERSION = ${bases[0]%.*}/
		s/^PATCHLEVEL = .*/PATCHLEVEL = ${bases[0]#*.}/}" "$newer/Makefile"
	KSRC=$newer works source/tree --bare
	grep -q '/\* newest \*/' "$BUILD/${bases[0]}/tree/kernel/exit.c"
	grep -q '/\* new \*/' "$BUILD/${bases[0]}/tree/init/main.c"
	BASE=$usual_base KSRC=$newer refuses "which is not BASE=$usual_base" source/tree
	BASE=${bases[0]} refuses "which is not BASE=${bases[0]}" source/tree
	BASE=5.4 refuses 'BASE=5.4, but the series is for: ' source/tree
	rm -r "$own" "$repo"/patches/000[45]* "$newer" "${BUILD:?}/${bases[0]}"
	series 0001-first.patch
	works source/tree
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
	said 'patches that apply: 3, problems: 0'
	# Lines above, an outermost line of the context, the line itself.
	sed -i '1i /* one line more */' "$other/kernel/fork.c"
	sed -i '17s,$,/* changed */,' "$other/init/main.c"
	sed -i '19s,$,/* changed */,' "$other/kernel/exit.c"
	before=$(state "$other")
	refuses '^  0001 .* offsets  *1  *1  *0  *0$' source/port-check "$other"
	said '^  0002 .* FUZZ  *1  *0  *1  *0$' 'init/main.c:17 hunk 1, fuzz 1' \
		'^  0003 .* CONFLICT  *1  *0  *0  *1$' 'kernel/exit.c:17 hunk 1 does not apply' \
		'patches that apply: 1, problems: 2'
	[ "$before" = "$(state "$other")" ]
	# What fails because of an earlier one, what is gone, what is there already.
	make_patch 0004-fourth.patch kernel/exit.c '20i /* fourth */'
	mkdir -p "$other/Documentation/arch" "$repo/Documentation/arch"
	echo new | tee "$repo/Documentation/arch/other.rst" >"$other/Documentation/arch/other.rst"
	rm "$other/init/main.c"
	series 0001-first.patch 0002-second.patch 0003-third.patch 0004-fourth.patch
	tar -C "$work" -cJf "$work/other.tar.xz" other
	refuses 'init/main.c: there is no such file' source/port-check "$work/other.tar.xz"
	said '^  0004 .* CONFLICT .*\(after 0003\)$'
	said 'Documentation/arch/other.rst exists there'
	rm -r "$repo/Documentation/arch/other.rst" "$other"
	refuses 'does not exist' source/port-check "$work/nothing"
	refuses 'no kernel source' source/port-check "$work/empty"
	refuses 'no tarball, or a damaged one' source/port-check "$work/garbage.tar.xz"
	KSRC='' refuses 'needs the other kernel source' source/port-check
}

full_disk()
{
	unshare -rm true 2>/dev/null || { echo "no user namespaces"; return $SKIP; }
	mkdir -p "$work/small"
	export kernel repo work
	# shellcheck disable=SC2016 # the inner shell expands it
	fails 'no space left in .*BUILD= to another disk' unshare -rm bash -c '
		mount -t tmpfs -o size=4m none "$work/small" || exit 99
		BUILD=$work/small/build KSRC=$kernel "$repo/scripts/source/tree"
		status=$?
		find "$work/small/build" -name "tree*" -o -name "tmp.*" | sed "s/^/left behind: /"
		exit $status'
	said '!^left behind: '
}

# fragment NAME LINE...: one of the copy, with the settings from its fourth line on.
fragment()
{
	printf '%s\n' '# SPDX-License-Identifier: GPL-2.0' '# Help: x' '' "${@:2}" \
		>"$repo/kconfig-profiles/overlay/$1.config"
}

dropped_option()
{
	fragment dropped CONFIG_E1000=y CONFIG_NO_SUCH_THING=y
	refuses 'CONFIG_E1000=y of kconfig-profiles/overlay/dropped.config:4 became n' \
		kconfig/configure lupine-base+nokml+stock+dropped
	said 'needs PCI \[=n\]' 'CONFIG_NO_SUCH_THING=y of .*:5: Linux .* has no such option'
	[ ! -e "$BUILD/kernel/lupine-base+nokml+stock+dropped" ]
	# And one that stays although it is not wanted.
	fragment dropped '# CONFIG_VIRTIO is not set'
	refuses 'CONFIG_VIRTIO=n of kconfig-profiles/overlay/dropped.config:4 became y' \
		kconfig/configure lupine-base+nokml+stock+dropped
	said 'VIRTIO_MENU'
	rm "$repo/kconfig-profiles/overlay/dropped.config"
}

# Each line of this fragment but the first is wrong, and each is named.
sloppy_lines()
{
	local here='^kconfig-profiles/overlay/sloppy\.config' mistake='a setting with a mistake in it; want .*'

	fragment sloppy CONFIG_KEYS=y CONFIG_KEYS=n \
		'  CONFIG_SWAP=y' 'CONFIG_EPOLL = y' '#CONFIG_AIO is not set' AIO=y CONFIG_AIO=yes \
		'CONFIG_AIO=y # why' 'CONFIG_CMDLINE="a' CONFIG_EXT4_FS=m CONFIG_AIO=m \
		'# CONFIG_EARLY_PRINTK is not set'
	refuses "$here:5: has another value in this file already: KEYS" \
		kconfig/configure lupine-base+nokml+stock+sloppy
	rm "$repo/kconfig-profiles/overlay/sloppy.config"
	[ ! -e "$BUILD/kernel/lupine-base+nokml+stock+sloppy" ]
	said "$here:6: $mistake:   CONFIG_SWAP=y" "$here:7: $mistake: CONFIG_EPOLL = y" \
		"$here:8: $mistake: #CONFIG_AIO is not set" "$here:9: neither a setting nor .*: AIO=y" \
		"$here:10: is not a value; want .*: CONFIG_AIO=yes" \
		"$here:11: is not a value; want .*: CONFIG_AIO=y # why" \
		"$here:12: is not a value; want .*: CONFIG_CMDLINE=\"a" \
		'^CONFIG_EXT4_FS=m of .*:13 became' 'a module needs CONFIG_MODULES=y; or build it in' \
		'^CONFIG_AIO=m of .*:14 became' 'cannot be a module: want y or n' \
		'^CONFIG_EARLY_PRINTK=n of .*:15 contradicts y of '
}

override_allowed()
{
	fragment quiet '# Overrides: no early messages.' '# CONFIG_EARLY_PRINTK is not set'
	works kconfig/configure lupine-base+nokml+stock+quiet
	grep -qx '# CONFIG_EARLY_PRINTK is not set' "$BUILD/kernel/lupine-base+nokml+stock+quiet/.config"
	rm "$repo/kconfig-profiles/overlay/quiet.config"
}

unknown_names()
{
	refuses "no profile 'nope'; there are: .*lupine-base" kconfig/configure nope
	refuses "no overlay 'nope'; there are: .*nokml" kconfig/configure lupine-base+nope
	refuses 'needs PROFILE' kconfig/configure
	refuses "no profile 'nope'" kconfig/build nope
	[ ! -e "$BUILD/kernel/nope" ]
}

overlay_wins()
{
	works kconfig/fragments --flat lupine-tiny
	said '^CONFIG_CC_OPTIMIZE_FOR_SIZE=y$' '!^CONFIG_CC_OPTIMIZE_FOR_PERFORMANCE=y'
	[ "$(grep -c 'CC_OPTIMIZE_FOR_SIZE' "$out")" = 1 ]
}

# A terminal sees how many objects there are; logs, and all other output, do not.
progress_shown()
{
	# shellcheck disable=SC2016 # the inner shell expands it
	printf '%s\n' 'set -eu' ". $repo/scripts/lib.sh" \
		'objects() { for n in 1 2 3; do echo "  CC  $n.o"; sleep 1.1; done; false; }' \
		"objects_expected=3 logged $work/count.log objects || echo failed" >"$work/count"
	run script -qec "bash $work/count" /dev/null
	said $'^\e\\[\\?7l' '[12] of about 3 objects done.* min left' $'\e\\[\\?7h' failed
	[ "$(wc -l <"$work/count.log")" = 3 ]
	[ "$(bash "$work/count" 2>"$work/shown")" = failed ]
	V=1 bash "$work/count" >"$out" 2>"$work/shown"
	[ "$(wc -l <"$out")" = 4 ]
}

check "a terminal sees how much of a kernel is done" progress_shown
check "a source of another version is refused" wrong_version
check "what is no kernel source is refused" no_source
must "the series is applied" first_tree
check "a second run does nothing" nothing_to_do
check "profiles and defconfigs work inside the tree" in_tree
check "only what changed gets a new time" times_kept
check "the unpacked source stays as it came" pristine_kept
check "a patch that does not apply leaves the tree alone" broken_patch
check "a patch that needs fuzz is refused" fuzzy_patch
check "a patch that is missing is refused" missing_patch
check "edits that are in no patch are not lost" edited_tree
check "our files do not replace the kernel's" overlay_clash
check "an interrupted run leaves the tree alone" interrupted
check "git trees and tarballs give the same tree" other_sources
check "each base has its own patches" two_bases
check "a clone by a git that converts line ends works" line_ends
check "neither git's settings nor the environment change the tree" odd_user
check "another user, who has no home and may write nowhere else" another_user
check "a patch with an indented diff in its message is refused" indented_diff
check "a path with a blank is refused at once" path_with_blank
check "make deb refuses a profile that cannot name a package at once" illegal_package
check "each patch is judged on another source" port_check
check "a full disk is reported" full_disk
check "an option that got lost is reported with its reason" dropped_option
check "a line of a fragment that means nothing is refused by name" sloppy_lines
check "a fragment may override another one if it says so" override_allowed
check "unknown profiles and overlays are refused" unknown_names
check "later fragments win" overlay_wins
summary
