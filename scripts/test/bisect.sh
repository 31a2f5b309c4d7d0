#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: scripts/test/bisect.sh [--full] [--topic NAME | --from N --to N] [--only SPEC] [--no-boot]
#
# Show that the series can be bisected: apply it patch by patch, and after each
# build and boot lupine-base with and without CONFIG_KML, and with CONFIG_UKL as
# soon as there is one, with an application that ends at once. Builds are those of make
# W=1 C=1, and a warning of the compiler, of sparse or of objtool that the source
# did not have before the first of these patches is a failure. Each step compiles
# what its patch changed, in build/bisect, which a later run goes on with; the
# first builds, and those after a patch of a header that is everywhere, take the
# longest. On two processors it is more than an hour, and several with --full. The
# last line is "N passed, N failed".
#
#   --topic NAME  the patches of one topic, on those that come before it. The topics are
#               named in the file series; the last patch of each is the topic complete, with
#               no later one
#   --from N    begin with this patch (1), and compare with the source before it
#   --to N      end with this one (the last)
#   --full      the kernel's own x86-64 defconfig, too, without CONFIG_KML, with it
#               and with CONFIG_UKL; with what it needs to boot in a microvm, and
#               without DRM, sound, USB, Ethernet, wireless and network file systems
#   --only SPEC one of lupine-base+nokml, lupine-base, lupine-base+ukl, defconfig,
#               defconfig+kml, defconfig+ukl
#   --no-boot   only build
#
# Patches are counted in the order of the file series. Before those that make
# CONFIG_KML and CONFIG_UKL selectable, kernels have the same configuration as the
# first, and are left out.
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
# shellcheck source=scripts/source/topics.sh
. "$ROOT/scripts/source/topics.sh"

specs=(lupine-base+nokml lupine-base lupine-base+ukl)
full_specs=(defconfig defconfig+kml defconfig+ukl)
from='' to='' full='' no_boot='' only='' topic=''
begin full from:number to:number only:text topic:text no-boot -- "$@"
[ -z "$only" ] || printf '%s\n' "${specs[@]}" "${full_specs[@]}" | grep -qFx -e "$only" ||
	die "--only wants one of: ${specs[*]} ${full_specs[*]}"
mapfile -t patches < <(series_patches)
if [ -n "$topic" ]; then
	printf '%s\n' "${topics[@]}" | grep -qFx -e "$topic" ||
		die "--topic wants one of: ${topics[*]}"
	[ -z "$from$to" ] || die "--topic goes without --from and --to"
	from=$(series_patches | grep -nFx -m 1 "$(topic_patches "$topic" | head -n 1)" | cut -d: -f1)
	to=$((from - 1 + $(topic_patches "$topic" | wc -l)))
fi
from=${from:-1}
[ -n "$to" ] || to=${#patches[@]}
[ "$to" -le ${#patches[@]} ] || die "the series has ${#patches[@]} patches, and no number $to"
[ "$from" -le "$to" ] || die "--from $from is behind --to $to"
need make gcc quilt patch sparse
"$ROOT/scripts/source/tree"
lock bisect
pristine=$BUILD/source/$(tree_version)
# It is kept for the next run.
folder=$BUILD/bisect
tree=$folder/tree
[ -z "$full" ] || specs+=("${full_specs[@]}")
[ -z "$only" ] || specs=("$only")
# As long as no source changes, nobody may take the one that is copied here.
export QUILT_PATCHES=$ROOT/patches QUILT_SERIES=$ROOT/series

# A source in which quilt goes up and down the series. It gives what it changes
# a new time, so that the objects of earlier runs are worth something.
prepare_tree()
{
	local origin

	origin=$(cat "$pristine.origin")
	if [ "$(cat "$folder/origin" 2>/dev/null)" != "$origin" ]; then
		rm -rf "$folder"
		mkdir -p "$folder"
		# A copy: kernels are built from it while the other tree may change.
		cp -a "$pristine" "$tree" || die "cannot copy the source to $tree; is the disk full?"
		printf '%s\n' "$origin" >"$folder/origin"
	fi
	# Patches may have changed since they were applied: backups decide.
	(cd "$tree" && if [ -e .pc/applied-patches ]; then
		quilt --quiltrc - pop -a -f -q
	fi; rm -rf .pc; [ "$from" = 1 ] ||
		quilt --quiltrc - push -q --fuzz=0 $((from - 1))) >"$folder/quilt.log" 2>&1 ||
		{ tail -n 5 "$folder/quilt.log" >&2; die "cannot apply $((from - 1)) patches to $tree"; }
}

# configure SPEC: the configuration of the complete series, and what the source
# does not know yet is left out.
configure()
{
	local o=$folder/$1 wanted=$folder/config/$1 overlays

	mkdir -p "$o"
	case $1 in
	defconfig*)
		make -s -C "$tree" O="$o" x86_64_defconfig
		# Warnings are compared here, and those of W=1 are no errors. Hardware that
		# no microvm has would be more than half of the time.
		"$tree/scripts/config" --file "$o/.config" -e PVH -e VIRTIO_MMIO \
			-e VIRTIO_MMIO_CMDLINE_DEVICES -d WERROR -d DRM -d SOUND \
			-d USB_SUPPORT -d WIRELESS -d ETHERNET -d NETWORK_FILESYSTEMS
		[ "$1" = defconfig ] || {
			overlays=+kml
			[ "$1" = defconfig+kml ] || overlays+=+ukl
			"$ROOT/scripts/kconfig/fragments" --flat "$overlays" >"$o/overlay.config"
			(cd "$o" && "$tree/scripts/kconfig/merge_config.sh" -m -Q .config overlay.config)
			# What is refused together with it is on in defconfig.
			"$tree/scripts/config" --file "$o/.config" -e EXPERT -d IA32_EMULATION \
				-d X86_X32_ABI -d X86_FRED -d XEN_PV -d X86_KERNEL_IBT \
				-d X86_USER_SHADOW_STACK -d MITIGATION_PAGE_TABLE_ISOLATION \
				-d AMD_MEM_ENCRYPT -d INTEL_TDX_GUEST
		} ;;
	*)
		"$ROOT/scripts/kconfig/configure" --output "$wanted" "$1"
		cp "$wanted/.config" "$o/.config" ;;
	esac
	make -s -C "$tree" O="$o" olddefconfig
}

# Without the line numbers, which every patch moves. The second of a kind in a file is
# another warning; in a header it is the same, seen by another file.
warnings()
{
	sed -nE 's,^(\./|\.\./)*([^ :]+):([0-9]+:)*( [a-z]*:)? ?(warning|error): ,\2: \5: ,p;
		s,^.*(warning: objtool: ),\1,p' "$1" |
		sed "s,$tree/,,g; s,+0x[0-9a-f]*,,g" |
		awk '{ n = /^[^:]*\.h:/ ? 1 : ++seen[$0]; print $0 (n > 1 ? " (" n ")" : "") }' | sort -u
}

compile()
{
	local o=$folder/$1 log=$2

	# Lines of several jobs must not mix.
	if [[ $1 == *+ukl ]]; then
		UKL_REWRITE=0 "$ROOT/scripts/ukl/ukl-gcc" --ukl-object -o "$o/application.o" -x c - \
			<<<"int main(void) { return 0; }"
		set -- "$1" "$log" UKL_OBJECT="$o/application.o"
	fi
	logged "$log" make -C "$tree" O="$o" -j"$JOBS" -Oline LOCALVERSION= W=1 C=1 "${@:3}" vmlinux
}

# selected SPEC: does its configuration differ from that of the first?
selected()
{
	case $1 in
	*+ukl) grep -q '^CONFIG_UKL=y' "$folder/$1/.config" ;;
	lupine-base | defconfig+kml) grep -q '^CONFIG_KML=y' "$folder/$1/.config" ;;
	esac
}

# The first build tells of all files, and later ones only of those that changed. Its
# source must not have had more of the series than what is compared with.
start_over()
{
	rm -rf "${folder:?}/$1" "$folder/$1".*
	configure "$1"
	compile "$1" "$folder/$1.log"
	warnings "$folder/$1.log" >"$folder/$1.complete"
	echo "$2" >"$folder/$1.number"
}

# before SPEC NUMBER: what is known before the first patch of this run.
before()
{
	local number

	number=$(cat "$folder/$1.number" 2>/dev/null || echo 99999)
	[ "$number" -le "$2" ] || start_over "$1" "$2"
	configure "$1"
	compile "$1" "$folder/$1.log"
	warnings "$folder/$1.log" | sort -u - "$folder/$1.complete" >"$folder/$1.known"
}

# build SPEC: what the patch changed, and compare what compilers say.
build()
{
	local new

	configure "$1"
	compile "$1" "$folder/$1.log"
	new=$(warnings "$folder/$1.log" | comm -13 "$folder/$1.known" -)
	[ -z "$new" ] || { printf 'new warnings:\n%s\n' "$new"; return 1; }
}

# boots SPEC: the application ends well.
boots()
{
	local memory=() kernel=$folder/$1/vmlinux

	[[ $1 != defconfig* ]] || memory=(--memory 256)
	if [[ $1 == *+ukl ]]; then
		says '' "$ROOT/scripts/lupine/lupine" run --timeout 60 "${memory[@]}" "$kernel"
	else
		says '' "$ROOT/scripts/test/app.sh" hello --kernel "$kernel" "${memory[@]}"
	fi
}

# The next patch.
push()
{
	cd "$tree"
	quilt --quiltrc - push --fuzz=0 --color=never
}

prepare_tree
for spec in "${specs[@]}"; do
	check "$((from - 1)) of the series applied: $spec builds" before "$spec" $((from - 1))
done
[ "$failed" = 0 ] || { summary || :; exit 1; }
for ((n = from; n <= to; n++)); do
	p=${patches[n - 1]}
	title="${p%%-*}"
	for t in "${topics[@]}"; do
		[ "$(topic_patches "$t" | head -n 1)" != "$p" ] || echo "# $t: $(title "$t")"
	done
	check "$title applies without fuzz" push
	ok || break
	for spec in "${specs[@]}"; do
		if [[ $spec != *nokml && $spec != defconfig ]]; then
			configure "$spec" >/dev/null 2>&1 || :
			if ! selected "$spec"; then
				[ "$n" -lt ${#patches[@]} ] ||
					check "$title: $spec has its option" selected "$spec"
				continue
			fi
		fi
		check "$title: $spec builds without new warnings" build "$spec"
		ok || continue
		[ -z "$no_boot" ] || continue
		check "$title: $spec boots" boots "$spec"
	done
done
summary
