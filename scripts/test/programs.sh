#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/programs.sh --kernel VMLINUX [--set NAME]... [--program NAME]...
#
# Run programs of Debian that press on a kernel in different ways: compilers, runtimes with
# threads and compilers of their own, tracers, sanitizers, emulators, servers. Each file of
# scripts/test/programs/SET is a shell script that runs in the guest of that set, in a folder
# of its own, and fails if the program does not do what it should. The kernel must not
# complain.
#
#   --set NAME       only this one (may be repeated): tools, servers, browser; tracers, which
#                    is left out otherwise, needs a kernel with the overlay trace
#   --program NAME   only this one (may be repeated)
#
# Example: scripts/test/programs.sh --kernel build/kernel/lupine-general/vmlinux --program git
# shellcheck disable=SC2016 # the guest expands these
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
kernel='' sets=() programs=()
begin kernel:kernel! set:list program:list -- "$@"
sources=$ROOT/scripts/test/programs
lupine=$ROOT/scripts/lupine/lupine
chosen=("${sets[@]}")
[ ${#chosen[@]} -gt 0 ] || chosen=(tools servers browser)
for s in "${chosen[@]}"; do
	[ -f "$sources/$s/manifest" ] || die "no set '$s' in $sources"
done

in_guest() { timeout 400 "$lupine" exec "$name" "$@"; }

# program NAME: as root, in a folder of its own
program()
{
	in_guest sh -euxc '
		# within SECONDS COMMAND...: until it succeeds
		within()
		{
			local left=$1
			shift
			until "$@"; do
				left=$((left - 1))
				[ "$left" -gt 0 ] || return 1
				sleep 1
			done
		}
		mkdir -p "/tmp/$1"
		cd "/tmp/$1"
		. "/t/$1"' sh "$1"
}

kernel_is_content()
{
	"$lupine" guest log "$name" | tr -d '\r' >"$work/console"
	"$ROOT/scripts/test/judge" --kernel-only "$work/console"
}

for s in "${chosen[@]}"; do
	wanted=()
	for file in "$sources/$s"/*; do
		p=$(basename "$file")
		[ "$p" != manifest ] || continue
		[ ${#programs[@]} = 0 ] || [[ " ${programs[*]} " == *" $p "* ]] || continue
		wanted+=("$p")
	done
	[ ${#wanted[@]} -gt 0 ] || continue
	build_image "$sources/$s/manifest" --add "$sources/$s:/t"
	name=programs-$s.$$
	begin_guest "$name" --exec --kernel "$kernel" --image "$image" \
		--memory "$(sed -n 's/^memory //p' "$sources/$s/manifest")"
	must "a guest with $s" in_guest true
	for p in "${wanted[@]}"; do
		check "$p" program "$p"
	done
	end_guest "$name"
	check "the kernel does not complain" kernel_is_content
done
summary
