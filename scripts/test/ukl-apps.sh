#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/ukl-apps.sh --kernel FOLDER [redis] [memcached]
#
# Build Debian's source packages of applications with their own makefiles and
# CC=ukl-gcc, with the kernel in FOLDER, boot what comes out, and let the checks of
# scripts/apps talk to it. The sources stay in build/download.
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
# shellcheck source=scripts/sources.sh
. "$ROOT/scripts/sources.sh"
kernel=''
begin kernel:folder! ... -- "$@"
[ ${#arguments[@]} -gt 0 ] || arguments=(redis memcached)
for app in "${arguments[@]}"; do
	[[ $app =~ ^(redis|memcached)$ ]] || die "unknown application '$app'; see --help"
done
UKL_KERNEL=$(readlink -f "$kernel")
export UKL_KERNEL
unset UKL_LIBC UKL_HOST UKL_KERNEL_SYMBOLS UKL_REWRITE
PATH=$ROOT/scripts/ukl:$PATH

# unpack APP: into $work/APP.
unpack()
{
	local download=$SHARED/download/ukl/$1

	if [ ! -d "$download" ]; then
		rm -rf "$download.new"
		mkdir -p "$download.new"
		debian_source "$download.new" "$1"
		mv "$download.new" "$download"
	fi
	# apt-get has checked the hashes against the archive's signature.
	dpkg-source --no-check -x "$download"/*.dsc "$work/$1"
}

build_redis()
{
	unpack redis
	make -C "$work/redis/src" -j"$JOBS" CC=ukl-gcc MALLOC=libc redis-server
}

build_memcached()
{
	unpack memcached
	cd "$work/memcached"
	# What it tries at compile time only is what the host has.
	./configure CC=ukl-gcc --disable-docs
	make -j"$JOBS" memcached
}

# talk APP PORT OPTION-OR-ARGUMENT-OF-RUN...
talk()
{
	local check=$ROOT/scripts/apps/$1/check host server status=0

	host=$(free_port)
	"$ROOT/scripts/lupine/lupine" run --timeout 120 --memory 256 -p "$host:$2" "${@:3}" \
		>"$work/console" 2>&1 &
	server=$!
	for _ in $(seq 300); do
		# An attempt before the guest is up hangs.
		! timeout 2 "$check" --ready 127.0.0.1 "$host" >/dev/null 2>&1 || break
		kill -0 "$server" 2>/dev/null || break
		sleep 0.1
	done
	timeout 120 "$check" 127.0.0.1 "$host" || status=$?
	tr -d '\r' <"$work/console" | tail -n 30
	kill "$server" 2>/dev/null || :
	wait "$server" || :
	return "$status"
}

talk_redis()
{
	talk redis 6379 "$work/redis/src/redis-server" --save '' --protected-mode no --bind 0.0.0.0
}

talk_memcached()
{
	# It looks for its user.
	mkdir -p "$work/root/etc" "$work/root/dev"
	echo 'root:x:0:0:root:/:/bin/sh' >"$work/root/etc/passwd"
	mke2fs -q -t ext2 -d "$work/root" "$work/root.ext2" 4M
	talk memcached 11211 --image "$work/root.ext2" "$work/memcached/memcached" -u root
}

"$ROOT/scripts/source/prerequisites" --group ukl
need gcc make mke2fs dpkg-source
for app in "${arguments[@]}"; do
	check "$app is built by its own makefile, with CC=ukl-gcc" "build_$app"
	! ok || check "$app answers, linked into the kernel" "talk_$app"
done
summary
