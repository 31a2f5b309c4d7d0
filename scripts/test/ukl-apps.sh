#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/ukl-apps.sh --kernel FOLDER [redis] [memcached] [socat] [gperf]
#                                [stunnel4]
#
# Build Debian's source packages of applications with their own makefiles and
# CC=ukl-gcc, with the kernel in FOLDER, boot what comes out, and let the checks of
# scripts/apps talk to it, or compare what it prints with what a program of the host does.
# The sources stay in build/download.
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
# shellcheck source=scripts/sources.sh
. "$ROOT/scripts/sources.sh"
kernel=''
begin kernel:folder! ... -- "$@"
[ ${#arguments[@]} -gt 0 ] || arguments=(redis memcached socat gperf stunnel4)
for app in "${arguments[@]}"; do
	[[ $app =~ ^(redis|memcached|socat|gperf|stunnel4)$ ]] || die "unknown application '$app'; see --help"
done
UKL_KERNEL=$(readlink -f "$kernel")
export UKL_KERNEL
unset UKL_LIBC UKL_HOST UKL_KERNEL_SYMBOLS UKL_REWRITE
PATH=$ROOT/scripts/ukl:$PATH

# unpack APP [FOLDER]: into $work/FOLDER, or $work/APP.
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
	dpkg-source --no-check -x "$download"/*.dsc "$work/${2:-$1}"
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

# twice APP [FOLDER/]TARGET OPTION-OF-CONFIGURE...: once for the host, and once as a kernel
twice()
{
	unpack "$1" "$1-host"
	unpack "$1" "$1-kernel"
	(cd "$work/$1-host" && ./configure CC=gcc CXX=g++ LDFLAGS=-static "${@:3}")
	(cd "$work/$1-kernel" && ./configure CC=ukl-gcc CXX=ukl-g++ "${@:3}")
	make -C "$work/$1-host/$(dirname "$2")" -j"$JOBS" "$(basename "$2")"
	make -C "$work/$1-kernel/$(dirname "$2")" -j"$JOBS" "$(basename "$2")"
}

# same PROGRAM ARGUMENT...: APP-host/PROGRAM and the kernel APP-kernel/PROGRAM print the same
same()
{
	cd "$work"
	"${1/\//-host/}" "${@:2}" >said </dev/null
	# Terminals end lines by CR, too. gperf writes under which name it was called.
	sed -i 's/\r$//; /Command-line:/d' said
	[ -s said ]
	"$ROOT/scripts/lupine/lupine" run --timeout 100 --append no_timer_check --image root.ext2 \
		"${1/\//-kernel/}" "${@:2}" </dev/null >console 2>&1
	# The rest of the console is the kernel's.
	tr -d '\r' <console | grep -xFf said | diff said - || { cat console; return 1; }
}

# C: fork, exec, a pseudo-terminal, and a shell with a pipeline on it
build_socat() { twice socat socat --disable-openssl --disable-readline --disable-libwrap; }

talk_socat()
{
	same socat/socat -u SYSTEM:'test -t 1 && seq 1 1000 | sort -n | tail -n 20',pty,setsid,ctty \
		STDOUT
}

# C++: a generator of tables
build_gperf() { twice gperf all; }
talk_gperf() { same gperf/src/gperf words; }

# TLS, a thread for each connection, and a program that it starts
build_stunnel4() { twice stunnel4 src/stunnel --disable-libwrap --disable-systemd --disable-fips; }

# tls_answer PORT FILE: what a client gets of a server that may have to start first
tls_answer()
{
	local _

	for _ in $(seq 100); do
		! echo word | timeout 20 openssl s_client -quiet -connect "127.0.0.1:$1" >"$2" 2>"$2.log" ||
			return 0
		sleep 0.3
	done
	cat "$2.log"
	return 1
}

talk_stunnel4()
{
	local ours theirs servers i clients=()

	cd "$work"
	ours=$(free_port)
	mkdir -p root tls
	openssl req -x509 -newkey rsa:2048 -nodes -keyout tls/key -out tls/cert -days 30 -subj /CN=x
	cat tls/key tls/cert >root/pem
	printf '%s\n' 'seq 1 1000 | sort -n | tail -n 3' 'head -n 1 | sed s/^/got-/' >root/script
	printf '%s\n' 'foreground = yes' 'pid =' 'cert = /pem' '[x]' 'accept = 4430' \
		'exec = /bin/sh' 'execArgs = sh /script' >root/conf
	sed "s,/pem,$work/root/pem,; s,/script,$work/root/script,; s,4430,127.0.0.1:$ours," root/conf >tls/conf
	printf '%s\n' 'packages busybox-static' 'busybox yes' 'file root/conf /conf' 'file root/pem /pem' \
		'file root/script /script' 'entrypoint /bin/sh' >tls.manifest
	"$ROOT/scripts/apps/build" --output tls.ext2 tls.manifest
	stunnel4-host/src/stunnel tls/conf >tls/host 2>&1 &
	servers=$!
	theirs=$(free_port)
	"$ROOT/scripts/lupine/lupine" run --timeout 100 --append no_timer_check --image tls.ext2 \
		-p "$theirs:4430" stunnel4-kernel/src/stunnel /conf >console 2>&1 &
	servers+=" $!"
	tls_answer "$ours" tls/want
	tls_answer "$theirs" tls/got
	# At once
	for i in 1 2 3 4 5; do
		tls_answer "$theirs" "tls/got$i" &
		clients+=($!)
	done
	wait "${clients[@]}"
	# shellcheck disable=SC2086 # they are two
	kill $servers
	tail -n 20 console
	cat tls/want
	grep -qx got-word tls/want
	for i in '' 1 2 3 4 5; do
		cmp tls/want "tls/got$i"
	done
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
	mke2fs -q -t ext2 -d "$work/root" "$work/memcached.ext2" 4M
	talk memcached 11211 --image "$work/memcached.ext2" "$work/memcached/memcached" -u root
}

"$ROOT/scripts/source/prerequisites" --group ukl
# The file system of those that are built twice
seq -f 'word%g' 100 >"$work/words"
printf '%s\n' 'packages busybox-static' 'busybox yes' 'file words /words' 'entrypoint /bin/sh' \
	>"$work/manifest"
build_image "$work/manifest" && mv "$image" "$work/root.ext2"
need gcc make mke2fs dpkg-source openssl
for app in "${arguments[@]}"; do
	check "$app is built by its own makefile, with CC=ukl-gcc" "build_$app"
	! ok || check "$app answers, linked into the kernel" "talk_$app"
done
summary
