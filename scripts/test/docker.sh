#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/docker.sh --kernel VMLINUX
#
# Run Debian's dockerd in a guest of the overlay docker, and containers in it: what Docker's
# own check of a kernel says, an image that is imported, networks, ports, limits, and what a
# container may not do.
# shellcheck disable=SC2016 # the guest's shells expand these
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
kernel=''
begin kernel:kernel! -- "$@"

lupine=$ROOT/scripts/lupine/lupine
name=docker-test.$$
port=$(free_port)
cat >"$work/manifest" <<'END'
packages docker.io iptables busybox-static ca-certificates bash
busybox yes
memory 768
space 400
mount cgroup2 none /sys/fs/cgroup
mount tmpfs none /var/lib/docker size=300m
sysctl net.ipv4.ip_forward 1
entrypoint /usr/sbin/dockerd
END
build_image "$work/manifest"

in_guest() { timeout 120 "$lupine" exec "$name" "$@"; }
container() { in_guest docker run --rm "$@"; }

daemon_answers()
{
	if ! wait_for 180 in_guest docker info 2>/dev/null; then
		"$lupine" guest log "$name"
		return 1
	fi
	run in_guest docker info
	# A guest has nowhere to swap to.
	sed -i '/^WARNING: No swap limit support/d' "$out"
	said '!^WARNING'
}

# In the part of it that has what Docker cannot do without
its_check_finds_all()
{
	# busybox's zcat reads nothing else.
	gzip <"$(dirname "$kernel")/.config" >"$work/config.gz"
	"$lupine" cp "$work/config.gz" "$name:/tmp/config.gz"
	# It fails if it misses anything, as file systems that nobody uses here.
	in_guest bash /usr/share/docker.io/contrib/check-config.sh /tmp/config.gz >"$work/check" || :
	sed 's/\x1b\[[0-9;]*m//g; /^Optional/,$d' "$work/check" | tee "$work/needed"
	grep -q 'CONFIG_NAMESPACES: enabled' "$work/needed"
	! grep missing "$work/needed"
}

runs_an_imported_image()
{
	mkdir -p "$work/root/bin" "$work/root/www"
	echo "served by a container" >"$work/root/www/index.html"
	"$lupine" cp "$name:/bin/busybox" "$work/root/bin/busybox"
	ln -s busybox "$work/root/bin/sh"
	tar -C "$work/root" -cf "$work/root.tar" .
	"$lupine" cp "$work/root.tar" "$name:/tmp/root.tar"
	in_guest docker import -c 'ENV PATH=/bin' /tmp/root.tar hello
	says '^hello from a container$' container hello busybox echo "hello from a container"
}

has_its_own_world()
{
	says '^ *1 sh -c' container hello sh -c 'busybox ps -o pid,args; true'
	says '^other$' container -h other hello busybox hostname
	fails 'permission denied' container hello busybox mount -t proc proc /www
	in_guest docker run --name kept hello sh -c 'echo kept >/www/new'
	in_guest docker diff kept | grep -x 'A /www/new'
	fails 'No such file' container hello busybox ls /www/new
	in_guest docker rm kept
}

status_arrives()
{
	local status=0

	container hello sh -c 'exit 42' || status=$?
	[ "$status" = 42 ]
}

has_a_network()
{
	says ' 0% packet loss' container hello busybox ping -c 2 172.17.0.1
	in_guest docker run -d --name web -p 8080:80 hello busybox httpd -f -h /www
	says 'served by a container' curl -sS --max-time 20 "http://127.0.0.1:$port"
	in_guest docker rm -f web
}

is_limited()
{
	local status=0

	# Killed for lack of memory
	container -m 16m hello sh -c 'busybox dd if=/dev/zero of=/dev/null bs=64M count=1' || status=$?
	[ "$status" = 137 ]
	says '^16777216$' container -m 16m hello busybox cat /sys/fs/cgroup/memory.max
	fails "can't fork" container --pids-limit 4 hello \
		sh -c 'for i in 1 2 3 4 5 6; do busybox sleep 5 & done; wait'
}

begin_guest "$name" --exec --kernel "$kernel" --image "$image" -p "$port:8080"
must "dockerd answers, and has all that it looks for" daemon_answers
checks its_check_finds_all runs_an_imported_image has_its_own_world status_arrives \
	has_a_network is_limited
summary
