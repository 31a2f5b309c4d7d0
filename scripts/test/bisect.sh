#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/bisect.sh [--full] [--topic NAME [--tip | --alone] | --from N --to N]
#                               [--only SPEC] [--fast] [--no-boot]
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
#   --topic NAME  the patches of one topic, on those of the topics that it needs, and no
#               others. The file series names the topics
#   --tip       apply them at once, and test the topic when it is complete
#   --alone     test each patch of a topic that needs no other by itself, on the source
#               without any other patch
#   --from N    begin with this patch (1), and compare with the source before it
#   --to N      end with this one (the last)
#   --full      the kernel's own x86-64 defconfig, too, without CONFIG_KML, with it
#               and with CONFIG_UKL; with what it needs to boot in a microvm, and
#               without DRM, sound, USB, Ethernet, wireless and network file systems
#   --only SPEC one of lupine-base+nokml, lupine-base, lupine-base+ukl, defconfig,
#               defconfig+kml, defconfig+ukl
#   --fast      without sparse and kernel-doc, which take most of the time
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
from='' to='' full='' no_boot='' only='' topic='' tip='' alone='' fast=''
begin full from:number to:number only:text topic:text tip alone fast no-boot -- "$@"
[ -z "$only" ] || printf '%s\n' "${specs[@]}" "${full_specs[@]}" | grep -qFx -e "$only" ||
	die "--only wants one of: ${specs[*]} ${full_specs[*]}"
used=("${topics[@]}")
if [ -n "$topic" ]; then
	printf '%s\n' "${topics[@]}" | grep -qFx -e "$topic" ||
		die "--topic wants one of: ${topics[*]}"
	[ -z "$from$to" ] || die "--topic goes without --from and --to"
	mapfile -t used < <(needs "$topic" | tr ' ' '\n'; echo "$topic")
elif [ -n "$tip$alone" ]; then
	die "--tip and --alone need --topic"
fi
[ -z "$alone" ] || [ -z "$(needs "$topic")$tip" ] ||
	die "--alone goes without --tip, and with a topic that needs no other, not with $topic"
need make gcc quilt patch sparse
"$ROOT/scripts/source/tree"
lock bisect
# It is kept for the next run.
folder=$BUILD/bisect
quilt_tree "$folder" "${used[@]}"
# Most objects are the same before and after a patch: ccache has them.
reproducibly "$tree"
[ -z "$topic" ] || from=$((${#queue[@]} - $(topic_patches "$topic" | wc -l) + 1))
# One after the other, this is the series.
alone() { go_to 0 && echo "$1" >"$QUILT_SERIES" && go_to 1; }
from=${from:-1} to=${to:-${#queue[@]}}
[ "$to" -le ${#queue[@]} ] || die "the series has ${#queue[@]} patches, and no number $to"
[ "$from" -le "$to" ] || die "--from $from is behind --to $to"
[ -z "$full" ] || specs+=("${full_specs[@]}")
[ -z "$only" ] || specs=("$only")
checks=(C=1)
if [ -n "$fast" ]; then
	# kernel-doc of 7.3 is a program in Python. (6.12 has no such variable.)
	install /dev/null "$folder/nothing"
	checks=(C=0 KERNELDOC="$folder/nothing")
fi
# A kernel whose option is in none of these patches is that without.
for t in kml ukl; do
	[[ " ${used[*]} " == *" $t "* ]] || for n in "${!specs[@]}"; do
		case $t-${specs[n]} in
		kml-lupine-base | *+"$t") unset "specs[n]" ;;
		esac
	done
done
[ ${#specs[@]} -gt 0 ] || die "the topic $topic has no $only"

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
	logged "$log" make -C "$tree" O="$o" -j"$JOBS" -Oline LOCALVERSION= W=1 \
		"${checks[@]}" "${@:3}" vmlinux
}

# selected SPEC: does its configuration differ from that of the first?
selected()
{
	case $1 in
	*+ukl) grep -q '^CONFIG_UKL=y' "$folder/$1/.config" ;;
	lupine-base | defconfig+kml) grep -q '^CONFIG_KML=y' "$folder/$1/.config" ;;
	esac
}

# before SPEC: what is known before the first patch of this run. The first build tells of
# all files, and later ones only of those that changed. Its source must not have had
# patches that are not there now.
before()
{
	local first=$folder/$1.patches now=("${queue[@]:0:from - 1}") other like=''

	configure "$1"
	for other in "${specs[@]}"; do
		[ "$other" != "$1" ] || break
		[ "${other%%+*}" != "${1%%+*}" ] || like=$other
	done
	# Without its option it is the kernel before it, once more, unless its overlay has others.
	if [ -n "$like" ] && ! selected "$1" && cmp -s "$folder/$like/.config" "$folder/$1/.config"; then
		cp "$folder/$like.known" "$folder/$1.known"
		return
	fi
	[ -z "$fast" ] || [ -e "$first" ] || first+=.fast
	if [ ! -e "$first" ] || grep -qvFx -f <(printf '%s\n' "${now[@]}") "$first"; then
		rm -rf "${folder:?}/$1" "$folder/$1".*
		configure "$1"
		compile "$1" "$folder/$1.log"
		warnings "$folder/$1.log" >"$folder/$1.complete"
		printf '%s\n' "${now[@]}" | sed '/^$/d' >"$first"
	fi
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

must "$((from - 1)) patches apply without fuzz" go_to $((from - 1))
for spec in "${specs[@]}"; do
	check "$((from - 1)) patches applied: $spec builds" before "$spec"
done
[ "$failed" = 0 ] || { summary || :; exit 1; }
[ -z "$tip" ] || from=$to
for ((n = from; n <= to; n++)); do
	p=${queue[n - 1]}
	title="${p%%-*}"
	for t in "${used[@]}"; do
		[ -n "$tip" ] || [ "$(topic_patches "$t" | head -n 1)" != "$p" ] ||
			echo "# $t: $(title "$t")"
	done
	[ -z "$tip" ] || title="topic $topic"
	if [ -n "$alone" ]; then
		title+=" alone"
		check "$title applies without fuzz" alone "$p"
	else
		check "$title applies without fuzz" go_to "$n"
	fi
	ok || break
	for spec in "${specs[@]}"; do
		if [[ $spec != *nokml && $spec != defconfig ]]; then
			configure "$spec" >/dev/null 2>&1 || :
			if ! selected "$spec"; then
				[ "$n" -lt ${#queue[@]} ] ||
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
