#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/review.sh [--profile PROFILE] [--no-boot] PATCH
#
# Show what a patch of the series does. Build the kernel before it and after it, print
# the disassembly of each function that differs, boot the kernel, and run the tests
# that the file series names behind the patch. PATCH is the beginning of its name: 0022.
#
# The patches of CONFIG_KML come before the option can be selected. The comparison is made
# with the option forced on; the kernel that boots is that of the complete topic then.
# A second review compiles only what differs from the first one.
#
#   --profile PROFILE   the configuration, without what the source does not know yet
#                       (lupine-base, with the overlay that has the topic's name if there
#                       is one, and what the tests need: the least to compile)
#   --no-boot           only compare
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
# shellcheck source=scripts/source/topics.sh
. "$ROOT/scripts/source/topics.sh"

# What most kselftests need beyond lupine-base, and the compiler has done soon: a test that
# needs more says that it is skipped.
what_tests_need()
{
	grep -E '^CONFIG_(ADVISE|BINFMT|COREDUMP|DEVTMPFS|ELF_CORE|EPOLL|FUTEX|POSIX|PROC|TMPFS)' \
		"$ROOT/selftests/kml/config"
}

# compile NUMBER TARGET: with that many patches. CONFIG_KML is forced on before it has a
# prompt; that edit is taken back, since quilt would stumble over it.
compile()
{
	local kconfig=arch/x86/Kconfig forced='' status=0

	go_to "$1" || return
	mkdir -p "$objects"
	cp "$work/config/.config" "$objects/.config"
	[ -n "$chosen" ] || what_tests_need >>"$objects/.config"
	if sed -n '/^config KML$/,/^$/p' "$kconfig" | grep -q '^	bool$'; then
		cp -p "$kconfig" "$work/Kconfig"
		sed -i '/^config KML$/,/^$/s/^\tbool$/\tdef_bool y/' "$kconfig"
		forced=1
	fi
	make -s O="$objects" olddefconfig
	make O="$objects" -j"$JOBS" -Oline LOCALVERSION= "$2" || status=$?
	[ -z "$forced" ] || cp -p "$work/Kconfig" "$kconfig"
	return "$status"
}

# The objects, to compare with: objtool writes to those that are there.
keep_objects()
{
	rm -rf "$work/before"
	mkdir "$work/before"
	(cd "$objects" && find . -name '*.o' ! -name '*.mod.o' ! -name 'vmlinux*' \
		! -path './scripts/*' ! -path './tools/*' -print0 |
		xargs -0 cp -p --parents -t "$work/before")
	touch "$work/stamp"
}

# The code of an object, without addresses, which all change if one function grows.
disassemble()
{
	[ ! -f "$1" ] || objdump -dr --no-show-raw-insn "$1" | sed -E \
		-e 's/^[0-9a-f]+ (<.*>:)$/\1/' -e 's/^ *[0-9a-f]+:\t/\t/' \
		-e 's/^\t+[0-9a-f]+: (R_)/\t\t\1/' -e 's/\b[0-9a-f]+ <([^+>]*)[^>]*>/<\1>/' \
		-e 's/(R_X86_64_[A-Z0-9]+\t\.[a-z._]+)\+0x[0-9a-f]+/\1/' |
		sed '/^$/d; /^Disassembly\|file format/d'
}

# Functions that differ, object by object.
compare()
{
	local o n=0

	while read -r o; do
		cmp -s "$objects/$o" "$work/before/$o" && continue
		diff -U 4 --show-function-line='^<.*>:$' --label "before/$o" --label "after/$o" \
			<(disassemble "$work/before/$o") <(disassemble "$objects/$o") && continue
		n=$((n + 1))
	done < <(cd "$objects" && find . -name '*.o' -newer "$work/stamp" ! -name '*.mod.o' \
		! -name 'vmlinux*' ! -path './scripts/*' ! -path './tools/*' | sort)
	echo "# $n objects have other code"
}

# sizes: of the functions in both kernels.
sizes()
{
	if command -v python3 >/dev/null; then
		"$tree/scripts/bloat-o-meter" "$work/vmlinux.before" "$objects/vmlinux" || :
	else
		size "$work/vmlinux.before" "$objects/vmlinux"
	fi
}

# tests_of PATCH: those named behind it in the file series.
tests_of()
{
	awk -v patch="$1" '$1 == patch && sub(/^[^#]*#/, "")' "$ROOT/series" |
		tr ' ' '\n' | grep -xE '[a-z]+:[a-z_]+' || :
}

install_tests()
{
	make -s -C "$BUILD/tree/tools/testing/selftests" TARGETS=kml \
		O="$work/kselftest" INSTALL_PATH="$work/tests" FORCE_TARGETS=1 install
}

boot()
{
	local t options=() kml=0

	! grep -q '^CONFIG_KML=y' "$objects/.config" || kml=1
	for t in $(tests_of "${patch##*/}"); do
		options+=(--test "$t")
	done
	check "the kernel boots" "$ROOT/scripts/test/app.sh" hello \
		--kernel "$objects/vmlinux"
	[ ${#options[@]} -gt 0 ] || { echo "# the file series names no tests for $patch"; return; }
	check "the tests can be installed" install_tests
	! ok || suite "tests of $patch" "$ROOT/scripts/test/kselftest.sh" \
		--kernel "$objects/vmlinux" --memory 512 --tests "$work/tests" \
		-e "KML_EXPECT=$kml" "${options[@]}"
}

main()
{
	local profile='' chosen no_boot='' list n t topic='' end

	options no-boot profile:text ... -- "$@"
	patch=${arguments[0]:-}
	[[ $patch =~ ^[0-9]{4}[A-Za-z0-9_.-]*$ ]] ||
		die "needs the number of a patch, as in: make review PATCH=0022"
	mapfile -t list < <(series_patches)
	for ((n = 1; n <= ${#list[@]}; n++)); do
		[[ ${list[n - 1]##*/} != "$patch"* ]] || break
	done
	[ "$n" -le ${#list[@]} ] || die "the series has no patch $patch"
	patch=${list[n - 1]}
	for t in "${topics[@]}"; do
		! topic_patches "$t" | grep -qFx "$patch" || topic=$t
	done
	chosen=$profile
	[ -n "$chosen" ] || profile=lupine-base
	[ -n "$chosen" ] || [ ! -e "$ROOT/kconfig-profiles/overlay/$topic.config" ] ||
		profile+=+$topic
	need make gcc quilt patch objdump
	"$ROOT/scripts/source/tree"
	lock review
	lock_shared tree

	work=$BUILD/review
	objects=$work/$profile
	LOGS=$work/log
	quilt_tree "$work" "${topics[@]}"
	reproducibly "$tree"
	"$ROOT/scripts/kconfig/configure" --output "$work/config" "$profile"
	step "Build before $patch" logged "$work/before.log" compile $((n - 1)) vmlinux
	cp "$objects/vmlinux" "$work/vmlinux.before"
	keep_objects
	step "Build after $patch" logged "$work/after.log" compile "$n" vmlinux
	compare
	sizes
	[ -z "$no_boot" ] || return 0
	# What cannot be selected yet cannot run yet.
	end=$(series_patches | grep -nFx "$(topic_patches "$topic" | tail -n 1)" | cut -d: -f1)
	if sed -n '/^config KML$/,/^$/p' arch/x86/Kconfig | grep -q '^	bool$'; then
		step "Build the complete topic" logged "$work/topic.log" compile "$end" vmlinux
	fi
	boot
	summary
}

main "$@"
