#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/explain.sh --kernel VMLINUX [--tiny VMLINUX]
#
# Test `lupine run --explain`: in a guest whose kernel is lupine-general, a program asks
# for what this kernel has no options for, and ends well. Each failure is reported, with
# the option and the fragment. What the machine tells is not trusted, the tracer
# does not change what processes see of each other, and without --explain there is none.
# The table of failures is looked into for another profile and for all of the options that
# the tracer was made for.
#
#   --kernel VMLINUX   the guests' kernel
#   --tiny VMLINUX     one without devtmpfs and sysfs: a volume is mounted there, too
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
kernel='' tiny=''
begin kernel:kernel! tiny:kernel -- "$@"
table=$(dirname "$kernel")/failures
[ -f "$table" ] || die "no $table; scripts/kconfig/build makes it with the kernel"
build_image "$ROOT/scripts/test/explain/manifest"

boot() { guest --kernel "$kernel" --image "$image" --timeout 120 "$@"; }

# lacks TITLE ERROR OPTION...: reported by the last guest, with these options
lacks()
{
	local way option

	way=$(grep -A1 -E "^  $1: $2\b.* \(asks\)$" "$out" | sed -n 2p)
	for option in "${@:3}"; do
		grep -qE "^      add .*CONFIG_$option\b" <<<"$way" ||
			{ echo "$1: $2: no CONFIG_$option in '$way'"; return 1; }
	done
}

reported()
{
	local title error options bad=0

	while IFS='|' read -r title error options; do
		# shellcheck disable=SC2086 # they are several
		lacks "$title" "$error" $options || bad=1
	done
	return $bad
}

boot --explain
outcome "the application ends as without" 0 '^traced$' '^stopped: 1$' '^ended: 7$' \
	'lupine-init: exit status 0' '!the application may need'
check "each failure is reported, with the option that it needs" reported <<'END'
bpf\(\)|ENOSYS|BPF_SYSCALL
kcmp\(\)|ENOSYS|KCMP
modify_ldt\(\)|ENOSYS|MODIFY_LDT_SYSCALL
pkey_alloc\(\)|ENOSYS|X86_INTEL_MEMORY_PROTECTION_KEYS
CLONE_NEWPID|EINVAL, 2 times|PID_NS NAMESPACES
CLONE_NEWUSER|EINVAL|USER_NS NAMESPACES
CLONE_NEWNET|EINVAL|NET_NS NAMESPACES
CLONE_NEWUTS|EINVAL|UTS_NS NAMESPACES
CLONE_NEWIPC|EINVAL|IPC_NS NAMESPACES
sockets of AF_VSOCK|EAFNOSUPPORT|VSOCKETS
sockets of IPPROTO_SCTP|EPROTONOSUPPORT|IP_SCTP
sockets of NETLINK_NETFILTER|EPROTONOSUPPORT|NETFILTER
netfilter's IPT_BASE_CTL|ENOPROTOOPT|NETFILTER IP_NF_[A-Z_]+
the socket option TCP_MD5SIG|ENOPROTOOPT|TCP_MD5SIG
TCP's upper layer tls|ENOENT|TLS
TCP's congestion control bbr|ENOENT|TCP_CONG_BBR
network devices of type veth|EOPNOTSUPP|VETH
network devices of type bridge|EOPNOTSUPP|BRIDGE
ioctl\(SIOCBRADDBR\)|ENOPKG|BRIDGE
ioctl\(SIOCSIFVLAN\)|ENOPKG|VLAN_8021Q
requests like RTM_NEWRULE|EOPNOTSUPP|IP_MULTIPLE_TABLES
the family TASKSTATS of generic netlink|ENOENT|TASKSTATS
file system cgroup2|ENODEV|CGROUPS
file system overlay|ENODEV|OVERLAY_FS
/proc/self/ns/pid|ENOENT|PID_NS
/dev/fuse|ENOENT|FUSE_FS
/dev/loop7|ENOENT|BLK_DEV_LOOP
madvise\(MADV_MERGEABLE\)|EINVAL|KSM
fcntl\(F_NOTIFY\)|EINVAL|DNOTIFY
END
fragments() { said 'CONFIG_PID_NS \(kconfig-profiles/overlay/[a-z]+\.config\)' 'NAME.config becomes part of the kernel by PROFILE='; }
check "the fragment that has an option is named" fragments
others()
{
	said 'these failed, too, but for lack of no option' '^  epoll_create\(\): EINVAL \(asks\)$' \
		'^  fs no-such-fs: ENODEV' '!no-such-(file|device)'
}
check "what no option would help is told apart" others
boot -- traced
outcome "nobody is traced without --explain" 0 '^not traced$' '!the kernel lacks options'
boot --explain --entrypoint /bin/busybox -- true
outcome "a program that lacks nothing" 0 'nothing failed for lack of an option'
boot --explain --entrypoint /bin/sh -- -c 'echo up; kill -TERM $$'
outcome "one that a signal ends" 143 'nothing failed for lack of an option'
boot --explain --append init=/no/init
outcome "a kernel that panics" 255 'the init told nothing'
boot --explain -- forge
outcome "what a process tells in the place of the init" 0 'makes no sense; nothing of it is believed' \
	'!the kernel lacks options'
cp "$kernel" "$work/vmlinux"
refused "a kernel without a table" "no such file|No such file .* scripts/kconfig/failures PROFILE" \
	"$ROOT/scripts/lupine/lupine" run --kernel "$work/vmlinux" --image "$image" --explain

# Nobody makes the node of the disk there.
volume()
{
	boot --kernel "$tiny" -v "$work/volume:/data" --entrypoint /bin/sh -- -c "$@"
}
if [ -n "$tiny" ]; then
	volume 'echo kept >/data/file'
	outcome "a volume without devtmpfs and sysfs" 0
	volume 'cat /data/file'
	outcome "keeps what was written" 0 '^kept$'
	boot --kernel "$tiny" --append 'lupine="--mount ext2%20/dev/nothing%20/x"'
	outcome "a disk without a node" 125 'no /dev/nothing: add CONFIG_DEVTMPFS to the kernel'
fi

# The table itself. One of the things that each rule for reading the source finds, so that
# a change of the source that a rule does not know is seen here
each_rule()
{
	local id bad=0

	while read -r id; do
		grep -q "^$id	" "$table" || { echo "not in the table: $id"; bad=1; }
	done <<-'LIST'
		call 0
		namespace 268435456
		fs ext2
		family 1
		protocol 6
		protocol 132
		link veth
		congestion cubic
		ulp tls
		device fuse
		device net/tun
		device ttyS#
		device ptmx
		device rtc#
		device loop#
		device null
		netlink 0
		rtnetlink 16
		rtnetlink 32
		genl TASKSTATS
		proc version
		proc net/tcp
		proc self/maps
		proc self/ns/net
		sockopt 0 64
		sockopt 41 64
		sockopt 1 2
		sockopt 6 1
		sockopt 17 1
		sockopt 0 1
		sockopt 41 16
		madvise 4
		prctl 15
		fcntl 1024
		lock 6
		binfmt script
		ioctl 35093
		ioctl 21505
		ioctl 21523
		ioctl 26113
		ioctl 4704
	LIST
	return $bad
}
check "each rule finds something in the source" each_rule
in_table() { grep -qE "^$1	[^	]+	$2$" "$work/table" || { echo "no line $1 ... $2"; grep "^$1" "$work/table"; return 1; }; }
other_profile()
{
	"$ROOT/scripts/kconfig/failures" lupine-general+suites >"$work/table"
	# What this profile has
	in_table 'call 154' -
	in_table 'namespace 536870912' -
	in_table 'fs hugetlbfs' -
	# And lacks
	in_table 'link veth' 'CONFIG_VETH \(kconfig-profiles/overlay/docker\.config\)'
}
check "another profile has another table" other_profile

# The program waits, says so, and that is no part of the table.
in_turn()
{
	flock "$BUILD/.lock-kconfig" sleep 3 &
	sleep 0.5
	"$ROOT/scripts/kconfig/failures" lupine-general+suites >"$work/later" 2>"$work/said"
	grep 'waiting for another program' "$work/said"
	diff "$work/table" "$work/later"
}

check "and the same while another program has the lock" in_turn
summary
