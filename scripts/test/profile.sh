#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/profile.sh
#
# Test `make profile`: a program needs two of the things that it asks for, one after the
# other. The options of these two are found, and no other; so is that nothing helps. So are
# those of a program that becomes part of the kernel. Builds some kernels, which takes minutes.
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
begin -- "$@"
"$ROOT/scripts/source/tree" --bare
build_image "$ROOT/scripts/test/profile/manifest"
folder=$BUILD/profiles
rm -f "$folder"/{draft,derived}-{needs,ukl-linked}.config

derive() { run "$ROOT/scripts/apps/profile" --image "$image" "$@" needs; }

found()
{
	cat "$work/found"
	[ "$(grep '^CONFIG' "$work/found" | sort | paste -sd' ')" = "CONFIG_EPOLL=y CONFIG_PROC_FS=y" ]
	cmp "$work/found" "$folder/derived-needs.config"
	grep -qxE '# epoll_create1\(\): ENOSYS( \(needs\))?' "$work/found"
	[ ! -e "$folder/draft-needs.config" ]
}
# The options of what failed harmlessly
left_out()
{
	said 'add.* KCMP' 'without.* KCMP.*: works, left out' 'without.* NET.*: works, left out'
}
builds()
{
	"$ROOT/scripts/kconfig/configure" --output "$work/derived" lupine-base+derived-needs
	grep -qx CONFIG_EPOLL=y "$work/derived/.config"
}
kernels() { said "^    [0-9]+ tries, $1 of them with kernels of their own"; }

derive --output "$work/found"
outcome "the options that a program needs are found" 0 'the check passes with (EPOLL PROC_FS|PROC_FS EPOLL)'
check "and no other" found
check "with one kernel, that of the result, which is booted twice" kernels 2
check "what it can do without is left out" left_out
check "the fragment is one like others" builds

cat >"$work/never" <<'END'
#!/bin/sh
exit 1
END
chmod +x "$work/never"
derive --check "$work/never" --profile lupine-base+derived-needs
outcome "what no option helps is said" 1 'nothing failed for lack of an option'
derive --profile lupine-grand
outcome "a profile that there is not" 1 "no profile 'lupine-grand'"
# The kernel in whose place the others are taken has not what this one needs: all are built.
derive --no-build --on lupine-base
outcome "no kernel may be built, and the other one lacks the option" 1 'nothing failed for lack of an option'

run "$ROOT/scripts/apps/profile" --output "$work/linked" --ukl "$ROOT/scripts/test/profile/linked.c"
linked() { grep -qx CONFIG_TIMERFD=y "$work/linked"; said 'ukl-linked is the kernel with the program, and passes'; }
outcome "a program that becomes part of the kernel" 0 'the check passes with TIMERFD'
check "is linked with the kernel that was found, and passes there, too" linked
refused "a port of an application" "port is for --ukl" "$ROOT/scripts/apps/profile" --port 80 redis
refused "an application that there is not" "no application" "$ROOT/scripts/apps/profile" nowhere
refused "a name that is none" "no name of an application" "$ROOT/scripts/apps/profile" ../redis
summary
