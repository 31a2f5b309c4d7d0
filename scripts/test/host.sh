#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/host.sh [--suite NAME] [COMMAND [ARGUMENT]...]
#
# Test this repository on a fresh Debian 13 (NAME: another release), in a folder that
# mmdebstrap makes: a clone, `make run` until Redis answers, and what depends on the
# versions of compiler, libc, QEMU and packages. This takes a network and half an hour.
# With a COMMAND, only that runs there, in the clone. The Debian stays in
# build/host/NAME for the next run; deleting the folder loses nothing.
#
# Example: scripts/test/host.sh scripts/test/app.sh nginx --kernel build/kernel/lupine-general/vmlinux
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
# shellcheck source=scripts/test/debian.sh
. "$ROOT/scripts/test/debian.sh"

suite=trixie arguments=()
begin suite:text + -- "$@"
need --group image mmdebstrap git
chroot=$SHARED/host/$suite
general=build/kernel/lupine-general/vmlinux

fresh()
{
	[ ! -e "$chroot/root/lupine" ] || return 0
	rm -rf "$chroot"
	mkdir -p "$SHARED/host"
	make_debian "$suite" ca-certificates,git,make
	# One of the tests is another user, who has to reach the clone.
	chmod a+x "$chroot/root"
}

# The last commit
clone()
{
	git -C "$ROOT" bundle create -q - HEAD | chroot_run sh -c 'cat >/tmp/bundle &&
		git init -q /root/lupine && cd /root/lupine && git fetch -q /tmp/bundle HEAD &&
		git reset -q --hard FETCH_HEAD'
}

there()
{
	# shellcheck disable=SC2016 # the inner shell expands these
	chroot_run sh -c 'cd /root/lupine && exec "$@"' there "$@"
}

redis_answers()
{
	local port line='' making

	port=$(free_port)
	there setsid make run PORTS="$port:6379" </dev/null &
	making=$!
	while [ "$line" != +PONG ] && kill -0 "$making"; do
		sleep 2
		line=$(exec 4<>"/dev/tcp/127.0.0.1/$port" && echo PING >&4 && timeout 5 head -c 5 <&4) || :
	done
	kill -- "-$(pgrep -P "$making")" || :
	[ "$line" = +PONG ]
}

must "a Debian $suite can be made" fresh
must "the repository can be cloned" clone
if [ ${#arguments[@]} -gt 0 ]; then
	suite "$suite: ${arguments[*]}" there "${arguments[@]}"
	summary
	exit
fi
must "make run, and Redis answers" redis_answers
there scripts/source/prerequisites --group source build image oci vm test bench deb >"$out" 2>&1
must "kernel lupine-general" there scripts/kconfig/build --vmlinux lupine-general
for test in kconfig.sh images.sh "callsites.sh --kernel $general" "bench.sh --kernel $general" \
	"guests.sh --kernel $general"; do
	# shellcheck disable=SC2086 # a command line
	suite "$suite: $test" there scripts/test/$test
done
for app in "$ROOT"/scripts/apps/*/check; do
	app=$(basename "$(dirname "$app")")
	suite "$suite: application $app" there scripts/test/app.sh "$app" --kernel "$general"
done
must "packages are made" there scripts/source/deb
suite "$suite: packages" there scripts/test/deb.sh
summary
