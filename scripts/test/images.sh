#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/images.sh
#
# Test scripts/apps/build: what ends up in the file system, and that each
# mistake gets its message and leaves nothing behind. Fetches no packages.
set -eu

# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
begin -- "$@"
need debugfs e2fsck
# shellcheck source=scripts/test/image-lib.sh
. "$ROOT/scripts/test/image-lib.sh"
mkdir "$work/app"

build()	# build MANIFEST [OPTION]...
{
	printf '%b' "$1" >"$work/app/manifest"
	empty_folder
	"$ROOT/scripts/apps/build" --output "$image" "${@:2}" "$work/app/manifest"
}

# mistake TITLE PATTERN MANIFEST [OPTION]...
mistake() { check "$1" no_trace "$2" build "${@:3}"; }

# What an ordinary user can and cannot read must not matter.
mkdir -p "$work/add/deep/er" "$work/add/closed"
echo 'with a name' >"$work/add/deep/er/a file"
echo 'int main(void) { return 0; }' >"$work/app/true.c"
echo 'text' >"$work/app/text"
chmod 0750 "$work/add/closed"
check "an image without packages" build 'program true.c /usr/bin/true\nfile text /etc/text 0640
account one /home/one
account two\nmemory 40\nport 1\nport 2\nspace 8\nentrypoint /usr/bin/true\nenv A=b\n' \
	--add "$work/add:/opt/added"
check "a clean file system" e2fsck -fn "$image"
has "a program" /usr/bin/true regular 0755 0:0
has "a file and its mode" /etc/text regular 0640 0:0
equal "what is in it" text "$(in_image 'cat /etc/text')"
equal "a folder added" "with a name" "$(in_image 'cat "/opt/added/deep/er/a file"')"
has "its modes, and root as its owner" /opt/added/closed directory 0750 0:0
equal "accounts" "one:x:100:100::/home/one:/usr/sbin/nologin two:x:101:101::/nonexistent:/usr/sbin/nologin" \
	"$(in_image 'cat /etc/passwd' | grep -v ^root | paste -sd' ')"
equal "groups" "one:x:100: two:x:101:" \
	"$(in_image 'cat /etc/group' | grep -E '^(one|two):' | paste -sd' ')"
has "the init" /sbin/init regular 0755 0:0
equal "what to run" "entrypoint /usr/bin/true,env A=b,hostname app" "$(configuration | paste -sd,)"
equal "for this machine" "memory=40,ports=1 2,init=$(in_image 'stat /sbin/init' | sed -n 's/.*Size: \([1-9][0-9]*\).*/\1/p')" \
	"$(paste -sd, "${image%.ext2}.conf")"
has "/tmp for everybody" /tmp directory 01777 0:0
cp "$image" "$work/first"
again()
{
	build "$(cat "$work/app/manifest")" --add "$work/add:/opt/added"
	cmp "$image" "$work/first"
}
check "the same again" again

# mmdebstrap's apt wants one of the first ten.
many_descriptors()
{
	build 'packages busybox-static\nbusybox yes\nentrypoint /bin/true\n' --refresh \
		3</dev/null 4</dev/null 5</dev/null 6</dev/null 7</dev/null 8</dev/null 9</dev/null
}
check "an image of packages, from a caller with many open files" many_descriptors

# More than a first estimate of the room: many small files.
mkdir -p "$work/many"
(cd "$work/many" && for i in {1..3000}; do echo "$i" >"file$i"; done)
truncate -s 2G "$work/many/sparse"
many()
{
	build 'entrypoint /x\nspace 1\n' --add "$work/many:/many"
	[ "$(in_image 'cat /many/file3000')" = 3000 ]
}
check "3000 files and a sparse one" many
check "sparse in the image, too" smaller_than 60 "$image"

# What Debian's scripts say of alternatives, and do not run to say
mkdir -p "$work/root/usr/bin" "$work/root/usr/share" "$work/root/var/lib"
for name in tool-one tool-two taken; do
	echo "$name" >"$work/root/usr/bin/$name"
done
touch "$work/root/usr/share/one.conf" "$work/root/usr/share/two.conf"
cat >"$work/root/var/lib/lupine.postinst" <<'END'
# package one
#!/bin/sh
if [ "$1" = configure ]; then
	update-alternatives --install /usr/bin/tool tool /usr/bin/tool-one 10 \
		--slave /usr/share/tool.conf tool.conf /usr/share/one.conf \
		--slave /usr/share/more more /usr/share/no-such-file
fi
# package two
/usr/bin/update-alternatives --quiet --install "/usr/bin/tool" tool '/usr/bin/tool-two' 50 --slave \
	/usr/share/tool.conf tool.conf /usr/share/two.conf || true
# package without-its-file
update-alternatives --install /usr/bin/tool tool /usr/bin/no-such-file 90
# package over-a-file
update-alternatives --install /usr/bin/taken taken /usr/bin/tool-one 5
# package in-a-loop
for i in a b; do update-alternatives --install /usr/bin/$i $i /usr/bin/tool-one 5; done
# package substituted
update-alternatives --install /usr/bin/c c `echo /usr/bin/tool-one` 5
# package climbing
update-alternatives --install /usr/bin/../../d d /usr/bin/tool-one 5
# package relative
update-alternatives --install e e /usr/bin/tool-one 5
# package with-a-folder
update-alternatives --install /usr/bin/f ../f /usr/bin/tool-one 5
# package cut-short
update-alternatives --install /usr/bin/g g
# package without-a-number
update-alternatives --install /usr/bin/h h /usr/bin/tool-one high
# package with-half-a-slave
update-alternatives --install /usr/bin/i i /usr/bin/tool-one 5 --slave /usr/bin/j j
# package that-removes
update-alternatives --remove tool /usr/bin/tool-two
# package of-certificates
	if [ -x /usr/sbin/update-ca-certificates ]; then update-ca-certificates; fi
# package of-certificates-too
update-ca-certificates --fresh
# package with-its-cache
/usr/lib/x86_64-linux-gnu/gio-querymodules /usr/lib/x86_64-linux-gnu/gio/modules
# package of-nothing
glib-compile-schemas /usr/share/glib-2.0/schemas
# package of-another-program
# update-mime-database is only mentioned
my-update-mime-database && update-mime-database.dpkg-old=1
END
mkdir -p "$work/root/usr/lib/x86_64-linux-gnu/gio/modules" "$work/root/usr/share/ca-certificates" \
	"$work/root/usr/share/mime/packages"
touch "$work/root/usr/lib/x86_64-linux-gnu/gio/modules/giomodule.cache"
alternatives()
{
	local package

	tar -C "$work/root" -cf "$work/root.tar" .
	printf 'entrypoint /usr/bin/tool\n' >"$work/app/manifest"
	run "$ROOT/scripts/lupine/lupine" image --output "$image" --manifest "$work/app/manifest" \
		--layer "$work/root.tar"
	for package in in-a-loop substituted climbing relative with-a-folder cut-short \
		without-a-number with-half-a-slave; do
		said "$package: the alternatives that its script makes are left out"
	done
	ended 0 "!(one|two|file|removes): the alternatives" \
		'of-certificates: its script is not run, so there is no /etc/ssl/certs/ca-certificates.crt' \
		'!(too|cache|nothing|program): its script is not run'
	in_image 'stat /usr/bin/tool' | grep 'Fast link dest: "/etc/alternatives/tool"'
	in_image 'stat /etc/alternatives/tool' | grep 'Fast link dest: "/usr/bin/tool-two"'
	in_image 'stat /usr/share/tool.conf' | grep 'dest: "/etc/alternatives/tool.conf"'
	in_image 'stat /etc/alternatives/tool.conf' | grep 'dest: "/usr/share/two.conf"'
	[ "$(in_image 'cat /usr/bin/taken')" = taken ]
	in_image 'ls -p /etc/alternatives' | grep -c / | grep -x 4
	in_image 'ls -p /usr/bin' | grep -c / | grep -x 6
	in_image 'ls -p /var/lib' | grep postinst && return 1
	e2fsck -fn "$image"
}
checks alternatives

good='entrypoint /x\n'
mistake "no such program source" "no-such.c does not compile" "${good}program no-such.c /x\n"
echo 'int main(void) { return' >"$work/app/wrong.c"
mistake "a program that does not compile" "wrong.c does not compile" "${good}program wrong.c /x\n"
mistake "no such file" "file none cannot be copied" "${good}file none /x\n"
mistake "half a file line" "file 'none': want SRC DEST" "${good}file none\n"
mistake "an unknown key" "entrypiont '/y' is not a key" "${good}entrypiont /y\n"
mistake "an option that cannot be tested" "NONSENSE': is not an option" "${good}need NONSENSE\n"
mistake "no program to run" "names no program to run" 'memory 5\n'
mistake "busybox without its package" "no /bin/busybox" "${good}busybox yes\n"
mistake "no such folder to add" "no folder $work/none" "$good" --add "$work/none:/x"
mistake "an added folder without a place" "want DIR:/DEST" "$good" --add "$work/add:x"
mistake "an image from nowhere" "there is no /no/such/image|cannot be read" 'oci /no/such/image\n'

refused "an unknown application" "no application 'no-such-app'; there are: .*redis" \
	"$ROOT/scripts/apps/build" no-such-app
output "the list of applications" '^redis  *Redis' "$ROOT/scripts/apps/build" --list
# Manifests without packages or registries can be tried here; all must be read.
for manifest in "$ROOT"/scripts/apps/*/manifest; do
	grep -vE '^[[:space:]]*(#|$|(oci|packages|remove|account|program|file|busybox|memory|port|space|ready)[[:space:]])' \
		"$manifest" >"$work/conf" || :
	check "the manifest of $(basename "$(dirname "$manifest")")" \
		"$SHARED/image/init" --check "$work/conf"
done
summary
