# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0
#
# A Debian in the folder $chroot, for tests that need a fresh one; source it after
# scripts/test/lib.sh.

# make_debian SUITE PACKAGE,...: by the mirrors of this machine
make_debian()
{
	local mode=root

	[ "$(id -u)" = 0 ] || mode=unshare
	debian_mirrors | sed "s/\\b$SUITE\\b/$1/" |
		mmdebstrap --quiet --mode="$mode" --variant=minbase --include="$2" "$1" "$chroot" -
}

# chroot_run COMMAND...: as its root. Root can call chroot; others need a user namespace, as
# mmdebstrap has it. The devices of the machine are there, and the root is a mount point, so
# that tests that make a Debian of their own work in this one.
chroot_run()
{
	local user=()

	[ "$(id -u)" = 0 ] || user=(--map-root-user --map-auto)
	# shellcheck disable=SC2016 # the inner shell expands these
	unshare --mount "${user[@]}" bash -c 'mount --rbind "$1" "$1" || exit
		for f in dev proc sys; do
			mount --rbind "/$f" "$1/$f" || exit
		done
		exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C \
			DEBIAN_FRONTEND=noninteractive chroot "$@"' chroot_run "$chroot" "$@"
}
