#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/lack.sh --kernel VMLINUX --base VMLINUX
#
# Test `lupine run --lack`: a program that asks for what lupine-base has not gets the same
# answers on that kernel, and on lupine-general, which is told to lack it. Another profile
# lacks other things, and the kernel as it is has all of them.
#
#   --kernel VMLINUX   lupine-general
#   --base VMLINUX     lupine-base
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
kernel='' base=''
begin kernel:kernel! base:kernel! -- "$@"
table=$(dirname "$base")/failures
[ -f "$table" ] || die "no $table; scripts/kconfig/build makes it with the kernel"
build_image "$ROOT/scripts/test/lack/manifest"

boot() { guest --kernel "$kernel" --image "$image" --timeout 120 "$@"; }
answers() { grep -aE '^[a-z0-9 ]+: (ok|E[A-Z]+).?$' "$out" | tr -d '\r'; }

boot
outcome "the kernel as it is has all" 0 '^epoll: ok' '^setlk: ok' '^inet6: ok' '^only v6: ok' \
	'^proc: ok' '!: E'
boot --kernel "$base"
outcome "lupine-base itself" 0 '^epoll: ENOSYS'
answers >"$work/real"
boot --lack "$table"
outcome "a kernel that lacks what lupine-base does" 0 '^epoll: ENOSYS' '^setlk: EACCES' \
	'^getlk: EINVAL' '^getfl: ok' '^unix: ENOSYS' '^proc: ENOENT'
answers >"$work/as-if"
same() { [ -s "$work/real" ] && diff "$work/real" "$work/as-if"; }
check "gives the same answers" same
boot --lack "$table" --entrypoint /script
outcome "without scripts" 126 '/script: a script, and BINFMT_SCRIPT is off: add CONFIG_BINFMT_SCRIPT'
boot --entrypoint /script
outcome "and with them" 0 '^a script'
boot --lack "$table" --user 1000
outcome "without users" 0 'running as root instead of user 1000, .*add CONFIG_MULTIUSER' '^setuid: ENOSYS'
boot --lack "$table" --explain
outcome "what failed is explained as on that kernel" 0 'the kernel lacks options for these' \
	'^  fcntl\(F_SETLK\): EACCES' '^      add CONFIG_FILE_LOCKING' '^      add CONFIG_EPOLL'

"$ROOT/scripts/kconfig/failures" --output "$work/net" lupine-base+net >"$work/log" 2>&1 ||
	{ cat "$work/log"; die "no table of lupine-base+net"; }
boot --lack "$work/net"
outcome "one with a network has sockets of one family" 0 '^inet: ok' '^udp: ok' '^unix: EAFNOSUPPORT' \
	'^pair: EAFNOSUPPORT' '^inet6: EAFNOSUPPORT' '^packet: EAFNOSUPPORT' '^epoll: ENOSYS'
boot --lack "$(dirname "$kernel")/failures"
outcome "its own table takes nothing away" 0 '!: E'

refused "a table that there is not" "No such file .* scripts/kconfig/failures PROFILE" \
	"$ROOT/scripts/lupine/lupine" run --kernel "$kernel" --image "$image" --lack "$work/nothing"
echo "no table" >"$work/log.none"
refused "a file that is none" "is none of scripts/kconfig/failures" \
	"$ROOT/scripts/lupine/lupine" run --kernel "$kernel" --image "$image" --lack "$work/log.none"
summary
