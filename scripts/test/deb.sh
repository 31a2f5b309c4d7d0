#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/deb.sh [--suite NAME] [FOLDER]
#
# Test the packages that scripts/source/deb wrote to build/deb (or FOLDER):
# versions, lintian, and installing, using, upgrading and removing them in a
# Debian that mmdebstrap makes, which takes a network and minutes: this machine's
# release, or NAME. The packaged kernel boots and runs a program that the packaged
# libc compiled.
# The last line is "N passed, N failed[, N skipped]".
# shellcheck disable=SC2016 # dpkg-query and hooks expand these
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

suite=$SUITE
begin suite:text ... -- "$@"
# shellcheck source=scripts/test/debian.sh
. "$ROOT/scripts/test/debian.sh"
debs=${arguments[0]:-$BUILD/deb}
need --group deb dpkg-deb mmdebstrap
debs=$(readlink -f "$debs")
ls "$debs"/lupine-musl_*.deb >/dev/null 2>&1 || die "no packages in $debs; scripts/source/deb makes them"

series=$(dpkg-parsechangelog -l "$ROOT/scripts/source/debian/changelog" -S Version)
chroot=$work/chroot
image=$(basename "$(ls "$debs"/linux-image-*_amd64.deb 2>/dev/null)")
release=${image#linux-image-}
release=${release%%_*}

field() { dpkg-deb -f "$debs"/"$1"_*.deb "$2"; }

versions()
{
	local p

	[ "$(field lupine-tools Version)" = "$series" ]
	[ "$(field lupine-musl Version)" = "1.2.3-lupine$series" ]
	[ -n "$image" ] || { echo "no kernel packaged"; return 0; }
	for p in "linux-image-$release" linux-libc-dev; do
		[[ $(field "$p" Version) =~ ^${BASE/./\\.}\.[0-9]+-lupine$series$ ]]
	done
	[[ $release == "$BASE".* ]]
	# A later series, and a later kernel of the same series, are upgrades.
	dpkg --compare-versions "$(field linux-libc-dev Version)" lt "$BASE.9999-lupine1"
	dpkg --compare-versions "6.12.50-lupine9" lt "6.12.50-lupine10"
	# And what Debian 12 has of the headers is older.
	dpkg --compare-versions "$(field linux-libc-dev Version)" gt "6.1.999-1"
}

changelogs()
{
	local p

	for p in "$debs"/*.deb; do
		dpkg-deb --fsys-tarfile "$p" |
			tar -xO --wildcards './usr/share/doc/*/changelog*.gz' | zcat >"$work/changelog"
		grep -qE "^(lupine|linux-lupine) \((${BASE/./\\.}\.[0-9]+-lupine)?$series\)" "$work/changelog" ||
			{ echo "$p: changelog:"; head -n 3 "$work/changelog"; return 1; }
	done
}

linted()
{
	need_or_skip lintian
	lintian --fail-on none --no-cfg --allow-root "$debs"/*.deb | tee "$work/lintian"
	# The kernel's own packaging puts files into /lib/modules. Debian 13's lintian names /lib.
	! grep '^E:' "$work/lintian" | grep -v 'aliased-location \[lib/\(modules\|\]\)'
}

# A Debian, with what the packages depend on, so that no more is downloaded.
make_chroot()
{
	local depends

	depends=$(for p in lupine-musl lupine-tools; do
		field "$p" Depends | tr ',' '\n' | sed 's/^ *//; s/[ (|].*//'
	done | awk 'NF' | sort -u | paste -sd,)
	make_debian "$suite" "$depends"
	mkdir -p "$chroot/debs" "$chroot/etc/kernel/postinst.d" "$chroot/etc/kernel/postrm.d"
	cp "$debs"/*.deb "$chroot/debs"
	# Boot loaders and initramfs-tools hook in here.
	for p in postinst postrm; do
		printf '#!/bin/sh\necho "%s $1 $2" >>/var/log/kernel-hooks\n' "$p" \
			>"$chroot/etc/kernel/$p.d/zz-test"
		chmod 755 "$chroot/etc/kernel/$p.d/zz-test"
	done
	chroot_run dpkg-query -W -f '${Package}\n' | sort >"$work/packages.before"
	files >"$work/files.before"
}

# All that packages own or leave, but for dpkg's and apt's own records.
files()
{
	(cd "$chroot" && find . -xdev \( -path ./proc -o -path ./sys -o -path ./debs -o \
		-path ./tmp -o -path ./var/lib/dpkg -o -path ./var/lib/apt -o \
		-path ./var/cache -o -path ./var/log -o -path ./dev \) -prune -o \
		-printf '%y %p\n') | sort
}

# The same packages with an older version, as of the series before.
make_older()
{
	local d p version

	mkdir -p "$chroot/older"
	for p in "$debs"/*.deb; do
		d=$work/repack
		rm -rf "$d"
		dpkg-deb -R "$p" "$d"
		version=$(dpkg-deb -f "$p" Version)
		sed -i "s/^Version: .*/Version: ${version%"$series"}0/" "$d/DEBIAN/control"
		echo old >"$d/usr/share/doc/$(dpkg-deb -f "$p" Package)/only-in-the-old-one"
		dpkg-deb --root-owner-group -b "$d" "$chroot/older"
	done
}

installing()
{
	# The headers of a later kernel may be there.
	chroot_run sh -c 'apt-get -q -y --no-install-recommends --allow-downgrades install /older/*.deb'
	[ "$(chroot_run dpkg-query -W -f '${Version}' lupine-tools)" = 0 ]
	chroot_run test -e /usr/share/doc/lupine-musl/only-in-the-old-one
}

upgrading()
{
	chroot_run sh -c 'apt-get -q -y --no-install-recommends install /debs/*.deb'
	[ "$(chroot_run dpkg-query -W -f '${Version}' lupine-tools)" = "$series" ]
	[ "$(chroot_run dpkg-query -W -f '${db:Status-Status}' lupine-musl)" = installed ]
	if chroot_run test -e /usr/share/doc/lupine-musl/only-in-the-old-one; then
		echo "a file of the old version is left"
		return 1
	fi
	[ -z "$(chroot_run dpkg --audit)" ]
	[ -z "$image" ] || {
		chroot_run test -s "/boot/vmlinuz-$release"
		grep -q "^postinst $release /boot/vmlinuz-$release" "$chroot/var/log/kernel-hooks"
		chroot_run grep -q '^CONFIG_KML=y' "/boot/config-$release"
		chroot_run grep -q VSYSCALL_KML_CALL /usr/include/x86_64-linux-gnu/asm/vsyscall.h
	}
}

libc_works()
{
	cat >"$chroot/tmp/try.c" <<-'END'
	#include <stdio.h>
	#include <sys/auxv.h>
	int main(void)
	{
		return printf("entry: %s\n", getauxval(32) ? "CALL" : "SYSCALL") < 0;
	}
	END
	chroot_run lupine-musl-gcc -O2 -static -o /tmp/try /tmp/try.c
	chroot_run /tmp/try | grep -x 'entry: SYSCALL'
	chroot_run lupine-musl-gcc -O2 -o /tmp/try-dynamic /tmp/try.c
	chroot_run /usr/lib/lupine-musl/rootfs/lib/ld-musl-x86_64.so.1 /tmp/try-dynamic |
		grep -x 'entry: SYSCALL'
}

tools_work()
{
	chroot_run lupine --help | grep -q 'Usage: lupine COMMAND'
	chroot_run env BUILD=/tmp/build lupine run --help | grep -qi '^usage'
	fails "no command 'nothing'" chroot_run lupine nothing
	chroot_run test -s /usr/share/man/man1/lupine-run.1.gz
	chroot_run env BUILD=/tmp/build lupine build --list | grep -q hello
}

# The packaged kernel runs what the packaged libc compiled, by CALL.
kernel_boots()
{
	[ -n "$image" ] || { echo "no kernel packaged"; return $SKIP; }
	need_or_skip qemu-system-x86_64
	mkdir -p "$work/app"
	cp "$chroot/tmp/try" "$work/app/try"
	"$ROOT/scripts/apps/build" --add "$work/app:/opt" --output "$work/try.ext2" hello
	guest --kernel "$chroot/boot/vmlinuz-$release" --image "$work/try.ext2" \
		--entrypoint /opt/try --timeout 150
	ended 0 'entry: CALL'
}

removing()
{
	local p headers

	for p in lupine-tools lupine-musl ${release:+"linux-image-$release"}; do
		chroot_run apt-get -q -y purge "$p"
	done
	[ -z "$image" ] || grep -q "^postrm $release" "$chroot/var/log/kernel-hooks"
	rm -rf "$chroot"/tmp/try*
	rm -rf "$chroot/tmp/build" "$chroot/older"
	chroot_run dpkg-query -W -f '${Package}\n' | sort | diff "$work/packages.before" -
	# The headers are the system's and stay, with files of their own; since Debian 13 some are
	# below /usr/lib/linux.
	headers='/usr/include\|/usr/lib/linux\(/\|$\)\|/usr/share/doc/linux-libc-dev'
	files | grep -v "$headers" >"$work/files.after"
	grep -v "$headers" "$work/files.before" | diff - "$work/files.after"
}

check "versions and their order" versions
check "changelogs" changelogs
check "lintian finds no error" linted
must "a Debian $suite can be made" make_chroot
check "packages of the series before can be made" make_older
check "packages install" installing
check "packages upgrade" upgrading
check "the libc compiles, and its programs run" libc_works
check "the command lupine works" tools_work
check "the kernel boots, and programs make calls" kernel_boots
check "packages are removed without a trace" removing
summary
