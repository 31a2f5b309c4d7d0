#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/urunc.sh --kernel VMLINUX [--programs FOLDER]
#
# Run images of `lupine pack` as Kubernetes would: by crictl, containerd and urunc. Pods answer
# on their network, take arguments and variables, and are logged and stopped; twenty of them run
# at once; one is killed, one fails, one has a broken image; and nothing is left of them. VMLINUX
# is of lupine-general+pci+urunc.
#
#   --programs FOLDER   has urunc, containerd-shim-urunc-v2 and crictl (default: those of PATH)
#
# Nobody packages the three, and a program from elsewhere is no part of this test, so it is
# skipped where they are missing: "go install sigs.k8s.io/cri-tools/cmd/crictl@latest", and
# urunc as https://urunc.io/installation says. Where KVM does not work, QEMU emulates. All runs
# in namespaces of its own, as root.
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

# The end of this one process ends all others, mounts and networks.
if [ "${1:-}" != --inside ] && [[ " $* " != *" -h "* && " $* " != *" --help "* ]]; then
	exec unshare --mount --pid --fork --kill-child --mount-proc "$0" --inside "$@"
fi
[ "${1:-}" != --inside ] || shift
kernel='' programs=''
begin kernel:kernel! programs:text -- "$@"
PATH=${programs:+$(readlink -f "$programs"):}$PATH
for program in urunc containerd-shim-urunc-v2 crictl; do
	if ! command -v "$program" >/dev/null; then
		skip "urunc" "there is no $program, see --help"
		summary
		exit
	fi
done
[ -e /dev/kvm ] || { skip "urunc" "it wants /dev/kvm, even if that does not work"; summary; exit; }

"$ROOT/scripts/source/prerequisites" --group urunc

export TMPDIR=$work
lupine=$SHARED/lupine/lupine
cri=unix://$work/containerd.sock
mkdir "$work"/{bin,cni,upper}

# A network that only containers and their clients are in: images are made outside of it.
mount -t tmpfs none /run
ip netns add test
inside() { nsenter --net=/run/netns/test "$@"; }
inside ip link set lo up
# No bridge: up to version 0.6, all of urunc's guests under QEMU have one hardware address.
cat >"$work/cni/10-test.conflist" <<END
{ "cniVersion": "0.4.0", "name": "test", "plugins": [ { "type": "ptp", "ipam": { "type": "host-local",
  "dataDir": "$work/addresses",
  "ranges": [[ { "subnet": "10.55.0.0/24" } ]], "routes": [ { "dst": "0.0.0.0/0" } ] } } ] }
END
if [ "$("$ROOT/scripts/lupine/lupine" accel)" != kvm ]; then
	gcc -O2 -Wall -static -o "$work/bin/qemu-system-x86_64" "$ROOT/scripts/test/urunc/qemu.c"
	# Only for what runs in here
	mount -t tmpfs none "$work/upper"
	at_exit umount -l "$work/upper"
	mkdir "$work/upper"/{new,work}
	cp "$(command -v qemu-system-x86_64)" "$work/upper/new/lupine-test-qemu"
	mount -t overlay -o "lowerdir=/usr/lib,upperdir=$work/upper/new,workdir=$work/upper/work" \
		none /usr/lib
fi
cat >"$work/containerd.toml" <<END
version = 2
root = "$work/containerd"
state = "/run/containerd"
[grpc]
  address = "$work/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:pause"
  disable_cgroup = true
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$work/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    default_runtime_name = "urunc"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.urunc]
    runtime_type = "io.containerd.urunc.v2"
END
PATH=$work/bin:$PATH inside containerd -c "$work/containerd.toml" >"$work/containerd.log" 2>&1 &

printf 'runtime-endpoint: %s\nimage-endpoint: %s\ntimeout: 60\n' "$cri" "$cri" >"$work/crictl.yaml"
crictl() { timeout 120 crictl -c "$work/crictl.yaml" "$@"; }
ctr() { timeout 120 ctr -a "$work/containerd.sock" -n k8s.io "$@"; }

# pack NAME [OPTION]...: the file system $work/NAME.ext2 as the image localhost/NAME:NAME
pack()
{
	"$lupine" pack --kernel "$kernel" --name "$1" --to "oci-archive:$work/$1.tar" "${@:2}" \
		"$work/$1.ext2"
	ctr images import --base-name "localhost/$1" "$work/$1.tar"
	rm "$work/$1.tar"
}

images_are_imported()
{
	local name

	wait_for 20 ctr version >/dev/null 2>&1 || { cat "$work/containerd.log"; return 1; }
	cp "$ROOT/scripts/test/urunc/pause.c" "$work"
	printf '%s\n' 'program pause.c /pause' 'entrypoint /pause' >"$work/pause.manifest"
	"$ROOT/scripts/lupine/lupine" image --manifest "$work/pause.manifest" --name pause \
		--oci "$work/pause"
	skopeo copy "oci:$work/pause:pause" "oci-archive:$work/pause.tar:pause"
	ctr images import --base-name localhost/pause "$work/pause.tar"
	for name in redis nginx; do
		"$ROOT/scripts/apps/build" --output "$work/$name.ext2" "$name"
		pack "$name"
	done
	printf '%s\n' 'packages busybox-static' 'busybox yes' 'entrypoint /bin/sh' \
		'cmd -c' 'cmd echo failing; exit 7' >"$work/fails.manifest"
	"$ROOT/scripts/apps/build" --output "$work/fails.ext2" "$work/fails.manifest"
	pack fails
	# A kernel that boots nowhere: it has no program headers.
	cp "$kernel" "$work/half"
	dd if=/dev/zero of="$work/half" bs=1 seek=64 count=224 conv=notrunc
	kernel=$work/half
	cp "$work/fails.ext2" "$work/broken.ext2"
	pack broken
}

# start POD IMAGE [ARGUMENT]...: begin a pod with one container; their identifiers are in
# $work/POD.pod and $work/POD.container
start()
{
	local pod=$work/$1

	jq -n --arg name "$1" --arg logs "$work/logs" '{ metadata: { name: $name, namespace: "test",
		uid: $name, attempt: 1 }, log_directory: $logs, linux: {} }' >"$pod.pod.json"
	printf '%s\n' "${@:3}" | jq -Rn --arg name "$1" --arg image "localhost/$2:$2" '{
		metadata: { name: $name }, image: { image: $image }, args: [inputs | select(. != "")],
		log_path: "\($name).log", envs: [ { key: "VARIABLE", value: "of the pod" } ],
		linux: { resources: { memory_limit_in_bytes: 134217728 } } }' >"$pod.json"
	crictl runp --runtime urunc "$pod.pod.json" >"$pod.pod"
	# urunc (seen: 0.5) now and then misses that it is to start the monitor.
	for _ in {1..5}; do
		crictl create "$(cat "$pod.pod")" "$pod.json" "$pod.pod.json" >"$pod.container"
		crictl start "$(cat "$pod.container")"
		! wait_for 3 begun "$1" || return 0
		echo "urunc has not started the monitor of $1"
		crictl rm -f "$(cat "$pod.container")"
	done
	return 1
}

# Does its process do what it is for, or has it ended?
begun()
{
	crictl inspect "$(cat "$work/$1.container")" >"$work/inspected"
	[ "$(jq -r .status.state "$work/inspected")" != CONTAINER_RUNNING ] ||
		! grep -aqs ^urunc "/proc/$(jq .info.pid "$work/inspected")/cmdline"
}

address() { crictl inspectp "$(cat "$work/$1.pod")" | jq -r .status.network.ip; }
state() { crictl inspect "$(cat "$work/$1.container")" | jq -r .status.state; }
has_state() { [ "$(state "$1")" = "$2" ]; }
pong() { [ "$(inside timeout 5 redis-cli -h "$(address "$1")" ping)" = PONG ]; }

# answers POD COMMAND...: within a minute, or its log is shown
answers()
{
	wait_for 60 "${@:2}" && return
	cat "$work/logs/$1.log"
	return 1
}

end()
{
	crictl stopp "$(cat "$work/$1.pod")"
	crictl rmp -f "$(cat "$work/$1.pod")"
}

redis_answers_on_the_pod_network()
{
	start redis redis --protected-mode no --maxmemory 32mb
	answers redis pong redis
	says '^33554432$' inside timeout 5 redis-cli -h "$(address redis)" config get maxmemory
	wait_for 10 grep -q 'Ready to accept connections' "$work/logs/redis.log"
	# What is for people is no part of the log.
	! grep -E 'Linux version|Memory:' "$work/logs/redis.log"
}

nginx_answers()
{
	start nginx nginx
	answers nginx inside timeout 5 curl -sf "http://$(address nginx)/" -o "$work/page"
	says 'nginx' cat "$work/page"
	end nginx
}

a_stopped_pod_ends()
{
	local before=$SECONDS

	crictl stop -t 5 "$(cat "$work/redis.container")"
	has_state redis CONTAINER_EXITED
	[ $((SECONDS - before)) -lt 15 ]
	end redis
}

a_killed_machine_is_noticed()
{
	start killed redis --protected-mode no
	answers killed pong killed
	pkill -KILL -f 'rootfs.ext2'
	wait_for 10 has_state killed CONTAINER_EXITED
	[ "$(crictl inspect "$(cat "$work/killed.container")" | jq .status.exitCode)" = 137 ]
	end killed
}

the_status_of_what_fails_is_in_its_log()
{
	start fails fails
	wait_for 60 has_state fails CONTAINER_EXITED
	says 'failing$' tr -d '\r' <"$work/logs/fails.log"
	says 'lupine-init: exit status 7' cat "$work/logs/fails.log"
	end fails
}

a_broken_image_ends()
{
	start broken broken || :
	wait_for 60 has_state broken CONTAINER_EXITED
	end broken
}

twenty_at_once()
{
	local i

	for i in {1..20}; do
		start "many$i" redis --protected-mode no
		answers "many$i" pong "many$i"
	done
	# All of them share this machine's processors.
	for i in {1..20}; do
		answers "many$i" pong "many$i"
	done
	for i in {1..20}; do
		end "many$i"
	done
}

nothing_is_left()
{
	local left=0

	crictl ps -aq >"$work/left"
	crictl pods -q >>"$work/left"
	[ ! -s "$work/left" ] || { crictl ps -a; crictl pods; left=1; }
	# The last shims need a moment.
	wait_for 10 no_process || { ps ax; left=1; }
	! grep -E "/run/containerd/.*(rootfs|shm)|/run/netns/cni" /proc/mounts || left=1
	! inside ip -o link | grep -E 'tap|veth' || left=1
	return "$left"
}

no_process() { ! pgrep -f 'containerd-shim|rootfs.ext2|/pause$'; }

must "images are imported" images_are_imported
checks redis_answers_on_the_pod_network nginx_answers a_stopped_pod_ends \
	a_killed_machine_is_noticed the_status_of_what_fails_is_in_its_log a_broken_image_ends \
	twenty_at_once nothing_is_left
summary
