#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: scripts/test/ukl-apps.sh --kernel FOLDER [redis] [memcached]
#
# Builds Debian's source packages of applications with their own makefiles and
# CC=ukl-gcc, with the kernel in FOLDER, boots what comes out, and lets the checks of
# scripts/apps talk to it. The sources stay in build/download.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/../lib.sh"
# shellcheck source=scripts/sources.sh
. "$ROOT/scripts/sources.sh"
# shellcheck source=scripts/test/lib.sh
. "$ROOT/scripts/test/lib.sh"

kernel='' apps=()
while [ $# -gt 0 ]; do
	case $1 in
	--kernel) kernel=${2:?--kernel wants a folder}; shift 2 ;;
	--help | -h) usage; exit ;;
	redis | memcached) apps+=("$1"); shift ;;
	*) die "unknown argument '$1' (see --help)" ;;
	esac
done
[ -f "$kernel/.ukl-symbols" ] || die "no kernel with CONFIG_UKL in '$kernel' (--kernel)"
[ ${#apps[@]} -gt 0 ] || apps=(redis memcached)
kernel=$(readlink -f "$kernel")
export UKL_KERNEL=$kernel
unset UKL_LIBC UKL_HOST UKL_KERNEL_SYMBOLS
need gcc make mke2fs dpkg-source
LOGS=$BUILD/test/ukl-apps
mkdir -p "$BUILD/ukl"
work=$(mktemp -d "$BUILD/ukl/apps-XXXXXX")
server=''
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
ukl_gcc=$ROOT/scripts/ukl/ukl-gcc

# unpack APP: into $work/APP.
unpack()
{
	local download=$BUILD/download/ukl/$1

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
	make -C "$work/redis/src" -j"$JOBS" CC="$ukl_gcc" MALLOC=libc redis-server
	ln -sf redis/src/redis-server "$work/kernel"
}

build_memcached()
{
	unpack memcached
	cd "$work/memcached"
	# What it tries at compile time only is what the host has.
	./configure CC="$ukl_gcc" --disable-docs
	make -j"$JOBS" memcached
	ln -sf memcached/memcached "$work/kernel"
}

# talk APP PORT [OPTION-OF-RUN... --] [ARGUMENT...]
talk()
{
	local app=$1 port=$2 check=$ROOT/scripts/apps/$1/check host status=0 options=()

	shift 2
	while [ "${1:---}" != -- ]; do
		options+=("$1")
		shift
	done
	[ $# = 0 ] || shift
	host=$(free_port)
	"$ROOT/scripts/lupine/lupine" run --timeout 120 --memory 256 -p "$host:$port" "${options[@]}" \
		"$work/kernel" "$@" </dev/null >"$work/console" 2>&1 &
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
	server=''
	return "$status"
}

talk_redis()
{
	talk redis 6379 -- --save '' --protected-mode no --bind 0.0.0.0
}

talk_memcached()
{
	# It looks for its user.
	mkdir -p "$work/root/etc"
	echo 'root:x:0:0:root:/:/bin/sh' >"$work/root/etc/passwd"
	mke2fs -q -t ext2 -d "$work/root" "$work/root.ext2" 4M
	talk memcached 11211 --image "$work/root.ext2" -- -u root
}

"$ROOT/scripts/source/prerequisites" --group ukl
for app in "${apps[@]}"; do
	try "$app is built by its own makefile, with CC=ukl-gcc" "build_$app"
	[ "$result" != 0 ] || try "$app answers, linked into the kernel" "talk_$app"
done
summary
