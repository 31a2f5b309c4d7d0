#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/profile.sh
#
# Test `make profile`: a program needs two of the things that it asks for, one after the
# other. The options of these two are found, and no other; so is that nothing helps. Builds
# some kernels, which takes minutes.
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
begin -- "$@"
"$ROOT/scripts/source/tree" --bare
build_image "$ROOT/scripts/test/profile/manifest"
folder=$BUILD/profiles
rm -f "$folder"/{draft,derived}-needs.config

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
derive --output "$work/found"
outcome "the options that a program needs are found" 0 'the check passes with (EPOLL PROC_FS|PROC_FS EPOLL)'
check "and no other" found
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
refused "an application that there is not" "no application" "$ROOT/scripts/apps/profile" nowhere
refused "a name that is none" "no name of an application" "$ROOT/scripts/apps/profile" ../redis
summary
