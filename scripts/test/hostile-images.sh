#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/hostile-images.sh [--long]
#
# Test what `lupine image` does with images that are hostile, large or unusual:
# links that lead out of the image, labels with commands, bombs, limits, and an
# interrupted run. tar and jq put the images together. Links point into
# the test's own folder, and no file outside of the result may change.
#
#   --long    with folders of twice as many files
set -eu

# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
long=''
begin long -- "$@"
need gcc objcopy debugfs e2fsck jq tar zstd xz fakeroot setfattr skopeo
# shellcheck source=scripts/test/image-lib.sh
. "$ROOT/scripts/test/image-lib.sh"

# The OCI image that is made of it makes the same file system to the byte.
there_and_back()	# there_and_back [OPTION]... IMAGE
{
	rm -rf "$work/again"
	convert "$@"
	cp "$image" "$work/first"
	cp "${image%.ext2}.conf" "$work/first.conf"
	"$lupine" image --name test --oci "$work/again" "$@"
	convert "${@:1:$# - 1}" "$work/again"
	cmp "$work/first" "$image"
	cmp "$work/first.conf" "${image%.ext2}.conf"
}

# round_trip TITLE [OPTION]... IMAGE
round_trip() { check "$1" there_and_back "${@:2}"; }

# twice [OPTION]... IMAGE: it makes the same as what is there, to the byte
twice()
{
	cp "$image" "$work/first"
	cp "${image%.ext2}.conf" "$work/first.conf"
	convert "$@"
	cmp "$work/first" "$image"
	cmp "$work/first.conf" "${image%.ext2}.conf"
}

mkdir "$work/host"

# Links of the image to folders and files of the host: followed inside the image.
mkdir -p "$work/host/etc" "$work/host/home" "$work/host/tmp"
echo mine >"$work/host/etc/resolv.conf"
echo mine >"$work/host/etc/hosts"
echo 'root:x:0:0::/root:/bin/sh' >"$work/host/passwd"
chmod 755 "$work/host/home" "$work/host/tmp"
host_state()
{
	find "$work/host" -printf '%P %y %m %U:%G %s %T@\n' | sort
	find "$work/host" -type f -exec sha256sum {} + | sort
}
host_state >"$work/before"
same_host() { host_state | diff "$work/before" -; }
up=../../../../../../../../../../..
# Accepted or refused by name: both are right.
stays_inside()
{
	run convert "$layout"
	[ "$status" = 0 ] || said '^lupine image: error: '
	said '!ended by signal'
	same_host
	[ ! -e "$image" ] || ! grep -q mine "$image"
}

untouched()	# untouched TITLE COMMAND
{
	image_with "$2" "$(label 'account intruder /x')"
	check "$1" stays_inside
}

untouched "/etc as an absolute link out of the image" "ln -s $work/host/etc etc"
untouched "/etc as a relative link" "ln -s $up$work/host/etc etc"
untouched "/root as a link" "ln -s $work/host/home root"
untouched "/tmp as a link" "ln -s $work/host/tmp tmp"
untouched "/dev as a link" "ln -s $work/host/tmp dev"
untouched "/sbin as a link" "ln -s $work/host/home sbin"
untouched "/etc/passwd as a link, and an account" \
	"mkdir etc && ln -s $work/host/passwd etc/passwd && ln -s $work/host/new etc/group"
untouched "/etc/resolv.conf as a link" "mkdir etc && ln -s $work/host/etc/resolv.conf etc/resolv.conf"
untouched "a link to itself" "ln -s etc etc && ln -s loop2 loop1 && ln -s loop1 loop2"
untouched "/etc/passwd as a named pipe" "mkdir etc && mknod etc/passwd p"

# The same as an archive: its own entries are links.
mkdir "$work/p"
image_of .
echo mine >"$work/host/diary"
host_state >"$work/before"
ln -s "$work/host" "$work/p/d"
tar -C "$work/p" -cf "$work/a.tar" d
rm "$work/p/d"
mkdir "$work/p/d"
echo overwritten >"$work/p/d/diary"
chmod 6755 "$work/p/d/diary"
tar -C "$work/p" -rf "$work/a.tar" d/diary
tar -C "$layout" -rf "$work/a.tar" oci-layout index.json blobs
reads_only()
{
	convert "$work/a.tar"
	same_host
}
check "an archive with a link is read, and writes nothing" reads_only
rm "$layout/index.json"
ln -s "$work/host/diary" "$layout/index.json"
rejected "a layout whose index is a link" "index.json" "$layout"

# Links as images of Nix have them
image_with "mkdir -p nix/store/h-etc/etc home/app && ln -s /nix/store/h-etc/etc etc &&
	ln -s /home/app root && echo root:x:0:0::/:/bin/sh >nix/store/h-etc/etc/passwd"
converts "absolute links to folders of the image" "$layout"
equal "what is put through them" "lupine-init.conf" \
	"$(names_in /nix/store/h-etc/etc | grep lupine)"

# Values of the label that were commands
while read -r key value; do
	image_of "$(label "$key $value")"
	rejected "the label's $key $value" "$key '" "$layout"
done <<END
memory PATH[\$(id >$work/host/memory)]
memory 64M
memory 08
memory 0
memory 99999999999999999999
space PATH[\$(id >$work/host/space)]
space 08
space 1 2
port a/b
port &
port 0.0.0.0:2222:22
ready x
END
equal "none of them is run" 'diary etc home passwd tmp' "$(cd "$work/host" && echo *)"
image_of "$(label 'packages x')"
rejected "a label with a key for manifests" "packages" "$layout"

image_of '.config.Volumes = { "/my data": {}, "/bin 0": {} }'
converts "volumes with blanks" "$layout"
equal "their names" 'mkdir /my\040data mkdir /bin\0400' \
	"$(configuration | grep mkdir | paste -sd' ')"
image_of '.config.Env = [range(300) | "V\(.)=\(.)"]'
converts "300 variables" "$layout"
equal "all of them" 300 "$(configuration | grep -c '^env V')"

# Names
image_of .
tar -C "$layout" -cf "$work/redis:7.tar" .
converts "an archive with a colon in its name" "$work/redis:7.tar"
cd "$work"
converts "a relative one" ./redis:7.tar
cd "$OLDPWD"
cp -r "$layout" "$work/some:where"
converts "a layout with a colon in its name" "$work/some:where"
for tool in gzip xz zstd; do
	$tool -c "$work/redis:7.tar" >"$work/packed.tar"
	converts "an archive compressed by $tool" "$work/packed.tar"
done
for tool in gzip zstd 'zstd -19' xz; do
	$tool -c "$work/base.tar" >"$work/packed"
	image_of . "$work/packed"
	converts "a layer compressed by $tool" "$layout"
done
image_with "touch -- \"\$(printf 'a\\nb')\" \"\$(printf '\\377\\376 raw')\" 'üml' -x ' blank '"
converts "names of any bytes" "$layout"
names_kept()
{
	in_image 'ls -p /' >"$work/names"
	tr -d '\n' <"$work/names" | grep -qaF "$(printf '\377\376 raw')"
	grep -qaF /üml/ "$work/names"
	grep -qaF '/ blank /' "$work/names"
}
check "they stay as they are" names_kept
tar -C "$work/files" --format=pax --numeric-owner -cf "$work/e.tar" .
image_of . "$work/e.tar"
check "in pax archives too" twice "$layout"
round_trip "and in an image of it" "$layout"
part=$(printf 'n%.0s' {1..250})
path=$(printf "$part/%.0s" {1..16})
echo deep >"$work/f"
image_of_f()	# image_of_f OPTION...: with what tar makes of the file f
{
	tar -C "$work" "$@" -cf "$work/e.tar" f
	image_of . "$work/e.tar"
}
image_of_f --transform "s,^f,${path}f,"
round_trip "a path of 4,017 bytes" "$layout"
image_of_f --transform "s,^f,$path$part,"
rejected "a path of more than 4,095" "longer than 4095 bytes" "$layout"
image_of_f --transform "s,^f,$part$part,"
rejected "a name of more than 255" "longer than 255 bytes" "$layout"
image_of_f -P --transform 's,^f,../../../outside,'
converts "a path that climbs out" "$layout"
equal "it stays inside" deep "$(in_image 'cat /outside')"

# Hard links
layer "$work/e.tar" "cp -r ../p . && ln p/d/diary second"
tar -C "$work/files" -cf "$work/links.tar" p second
tar --delete -f "$work/links.tar" p
image_of . "$work/e.tar" "$work/links.tar"
converts "a hard link to a file of a lower layer" "$layout"
equal "its number of links" 2 "$(in_image 'stat /second' | sed -n 's/^Links: \([0-9]*\).*/\1/p')"
image_of . "$work/links.tar"
rejected "a hard link to nothing" "which is not there" "$layout"

# Indexes
begin_layout
manifest .
amd64=$descriptor
jq -nc --argjson d "$amd64" '{ schemaVersion: 2, manifests: [
	($d + { platform: { os: "linux", architecture: "amd64" } }),
	{ mediaType: $d.mediaType, size: 5, digest: ("sha256:" + "a" * 64), platform: { os: "linux", architecture: "arm64" } },
	{ mediaType: $d.mediaType, size: 5, digest: ("sha256:" + "b" * 64), platform: { os: "unknown", architecture: "unknown" },
	  annotations: { "vnd.docker.reference.type": "attestation-manifest" } } ] }' >"$work/nested"
blob "$work/nested" application/vnd.oci.image.index.v1+json
index both
converts "an index in the index, with an attestation and without the other platform's blobs" "$layout"
rejected "a platform whose blobs are not there" "no such file" --platform linux/arm64 "$layout"
rejected "a platform that is not there" "is for linux/amd64, linux/arm64, not linux/riscv64; see --platform" \
	--platform linux/riscv64 "$layout"
manifest '.config.Cmd = ["/second"]'
index second
rejected "several tags, and none is named" "has several images; choose one by .*:TAG: both, second" "$layout"
rejected "a tag that is not there" "there is no image 'third' in it; there are: both, second" "$layout:third"
converts "one of several tags" "$layout:second"
equal "it is that one" 'cmd /second' "$(configuration | grep ^cmd)"
converts "an image by its digest" "$layout@$(jq -r .digest <<<"$amd64")"
equal "the list of them" 'both second' "$("$lupine" image --list "$layout" | paste -sd' ')"
cp "$work/nested" "$work/deep"
for _ in 1 2 3 4 5 6 7 8 9; do
	blob "$work/deep" application/vnd.oci.image.index.v1+json
	jq -nc --argjson d "$descriptor" '{ schemaVersion: 2, manifests: [$d] }' >"$work/deep"
done
begin_layout
blob "$work/deep" application/vnd.oci.image.index.v1+json
index ''
rejected "indexes without end" "(more than 8 indexes|no such file)" "$layout"

# Configurations
while IFS='|' read -r title pattern filter; do
	image_of "$filter"
	rejected "$title" "$pattern" "$layout"
done <<'END'
for another processor|the image is for architecture arm64, not amd64|.architecture = "arm64"
for another system|the image is for os windows, not linux|.os = "windows"
no architecture|the image does not say its architecture|del(.architecture)
no program to run|names no program to run; add an entrypoint|del(.config.Cmd)
an entrypoint that is no list|Entrypoint is of JSON type string|.config.Entrypoint = "/bin/app"
an argument that is no string|something that is no string|.config.Cmd = ["a", 5]
a configuration that is no object|is not a JSON object|"just a string"
a port that is none|ExposedPorts: '99999/tcp' is not a port|.config.ExposedPorts = { "99999/tcp": {} }
a signal that is none|SIGNOTHING': is not a signal|.config.StopSignal = "SIGNOTHING"
a relative folder|is not an absolute path|.config.WorkingDir = "relative"
a label that wants files of this machine|file '/etc/shadow /srv/shadow': is not for an image's label|.config.Labels."lupine.manifest" = "memory 64\nfile /etc/shadow /srv/shadow"
END
image_of 'del(.config.Cmd)'
echo 'entrypoint /bin/app' >"$work/manifest"
converts "no program in the image, but in the manifest" "$layout" --manifest "$work/manifest"

# Damage: sha_of WHAT is the file's name of a blob, WHAT an expression for the manifest
sha_of()
{
	local sum

	sum=$(jq -r '.manifests[0].digest[7:]' "$layout/index.json")
	[ -z "$1" ] || sum=$(jq -r "$1.digest[7:]" "$blobs/$sum")
	echo "$blobs/$sum"
}
while IFS='|' read -r title pattern what command; do
	image_of .
	[ "$what" = index ] && file=$layout/index.json || file=$(sha_of "${what#manifest}")
	case $command in
	remove) rm "$file" ;;
	shorten) truncate -s -1000 "$file" ;;
	change) printf x | dd of="$file" bs=1 seek=2000 conv=notrunc status=none ;;
	text) echo '{"manifests": [' >"$file" ;;
	esac
	rejected "$title" "$pattern" "$layout"
done <<'END'
a layout without index|cannot be read: index.json|index|remove
an index that is no JSON|cannot be read: .*is no JSON|index|text
a manifest that is missing|cannot be read: .*no such file|manifest|remove
a configuration that is missing|cannot be read: .*no such file|.config|remove
a layer that is missing|cannot be read: .*no such file|.layers[0]|remove
a layer cut short|cannot be read: .*cut short|.layers[0]|shorten
a layer that has been changed|cannot be read: .*does not match its digest|.layers[0]|change
END
echo 'not a tar archive' | gzip >"$work/e.tar"
image_of . "$work/e.tar"
rejected "a layer that is no archive" "cannot be (unpacked|read)" "$layout"
head -c 5000 "$work/base.tar" | gzip >"$work/e.tar"
image_of . "$work/e.tar"
rejected "a layer that ends early" "cannot be (unpacked|read)" "$layout"

# Limits
image_of .
rejected "more entries than allowed" "more than 2 entries; --limit-entries" --limit-entries 2 "$layout"
rejected "more bytes than allowed" "more than 100 bytes.*--limit-bytes" --limit-bytes 100 "$layout"
rejected "a larger configuration than allowed" "--limit-config" --limit-config 10 "$layout"
rejected "less memory than it takes" "(memory|allocate|error)" --limit-memory 20000000 "$layout"
image_with 'mkdir -p a/b/c/d/e && ln -s x y && ln -s a x && mkdir etc'
rejected "deeper folders than allowed" "more than 4 deep; --limit-depth" --limit-depth 4 "$layout"
layer "$work/l.tar" 'rm -rf * && ln -s l2 etc && ln -s l3 l2 && ln -s l4 l3 && mkdir l4'
image_of . "$work/l.tar"
rejected "more links than allowed" "more than 2 symbolic links to follow; --limit-links" --limit-links 2 "$layout"
converts "as many as allowed" --limit-links 3 "$layout"
(cd "$work" && truncate -s 1T bomb && tar --format=pax --sparse -cf e.tar bomb && rm bomb)
image_of . "$work/e.tar"
rejected "a hole of 1 TiB" "--limit-bytes N allows more" "$layout"
converts "a hole of 1 TiB that is allowed" --limit-bytes 2000000000000 "$layout"
check "it takes no room" smaller_than 20 "$image"
round_trip "and none in an image of it" --limit-bytes 2000000000000 "$layout"
yes | head -c 200M | gzip -c >"$work/bomb"
image_of . "$work/bomb"
rejected "a layer that is no archive but large" "(--limit-bytes|cannot be unpacked)" --limit-bytes 1000000 "$layout"
(cd "$work" && head -c 200M /dev/zero >f && tar -cf - f | gzip >bomb && rm f)
image_of . "$work/bomb"
rejected "a small layer that becomes large" "--limit-bytes N allows more" --limit-bytes 100000000 "$layout"
gzip -c "$work/redis:7.tar" >"$work/small.tgz"
rejected "a compressed archive that becomes large" "--limit-bytes N allows more" --limit-bytes 5000 "$work/small.tgz"
printf '[%.0s' {1..100000} >"$layout/index.json"
rejected "JSON without end" "is no JSON" "$layout"
mkfifo "$work/pipe"
rejected "a named pipe as an archive" "is not a file" "$work/pipe"
image_of .
rm "$layout/index.json"
mkfifo "$layout/index.json"
rejected "a named pipe as an index" "index.json is no file" "$layout"
image_of .
for b in "$blobs"/*; do
	rm "$b"
	mkfifo "$b"
done
rejected "named pipes as blobs" "no such file" "$layout"
x=$(printf 'x%.0s' {1..2500})
tar -C "$work/host" --format=pax --pax-option "SCHILY.xattr.user.one:=$x,SCHILY.xattr.user.two:=$x" -cf "$work/e.tar" diary
image_of . "$work/e.tar"
rejected "more attributes than a block has room for" "extended attributes take more" "$layout"

within_30_s()	# within_30_s TITLE: the layout is converted so quickly
{
	local start=$SECONDS

	converts "$1" "$layout"
	check "in less than 30 s" [ $((SECONDS - start)) -lt 30 ]
}

# Many files in a folder: time grows with their number.
count=$((long ? 200000 : 100000))
mkdir "$work/m" && (cd "$work/m" && seq -f %06g $count | xargs touch)
tar -C "$work" --numeric-owner --owner 0 --group 0 -cf "$work/e.tar" m
rm -rf "$work/m"
image_of . "$work/e.tar"
within_30_s "$count files in a folder"
equal "the last one is there" 0 "$(size_of "/m/$count")"

# That folder is made opaque as often as it has files: they are of the same layer.
mkdir "$work/m"
touch "$work/m/.wh..wh..opq"
tar -C "$work" -cf "$work/one.tar" m/.wh..wh..opq
head -c 512 "$work/one.tar" >"$work/many"
for ((i = 1; i < count; i *= 2)); do
	cat "$work/many" "$work/many" >"$work/more"
	mv "$work/more" "$work/many"
done
head -c 1024 /dev/zero >>"$work/many"
tar -Af "$work/e.tar" "$work/many"
image_of . "$work/e.tar"
rm -rf "$work/m" "$work/many"
within_30_s "a folder that a layer clears $count times"
equal "its files are there" 0 "$(size_of "/m/$count")"

# All numbers of users are taken; the search ends soon.
image_with 'mkdir etc && seq -f y:x:%.0f:0::: 100 199999 >etc/passwd' "$(label 'account x')"
rejected "an account, where no number is left" "no number below 65536 left for the account x" "$layout"
image_with 'mkdir etc && seq -f y:x:%.0f:0::: 100 140 >etc/passwd && echo a:x:141: >etc/group' "$(label 'account x')"
converts "an account, where some are taken" "$layout"
equal "its number" "x:x:142:142::/nonexistent:/usr/sbin/nologin" "$(in_image 'cat /etc/passwd' | tail -n 1)"

image_with "mkdir etc && printf 'y:x:100:0:::\\n\\0z:x:101:0:::\\n' >etc/passwd" "$(label 'account x')"
rejected "a list of users that hides some behind a NUL byte" "/etc/passwd of the image has a NUL byte" "$layout"

# A program that the rewriter of system calls does not want is none of its business.
mkdir "$work/x"
gcc -DDAMAGE=2 -c -o "$work/x/forged.o" "$ROOT/scripts/test/callsites/damaged.S"
objcopy -O binary -j .text "$work/x/forged.o" "$work/x/forged"
tar -C "$work/x" -cf "$work/e.tar" forged
image_of . "$work/e.tar"
output "a program whose segments overlap, with --rewrite" \
	'warning: /forged: its system calls stay as they are: its segments overlap' clean --rewrite "$layout"
same_file()
{
	in_image "dump /forged $work/x/copy"
	cmp "$work/x/forged" "$work/x/copy"
}
check "it stays as it is" same_file

# The result
layer "$work/e.tar" "mkdir -p d/e && echo 1 >d/1 && echo 2 >d/e/2 && ln d/1 d/3 && truncate -s 1M d/hole && echo >>d/hole && setfattr -n user.a -v b d/1 && mknod d/p p"
image_of '.config += { Env: ["A=b\\c\nsecond", "E="], Volumes: { "/v w": {} },
	ExposedPorts: { "80/tcp": {} }, Labels: { "lupine.manifest": "memory 64\nneed EPOLL" } }' "$work/e.tar"
convert "$layout" >"$out" 2>&1
check "twice the same to the byte" twice "$layout"
round_trip "an image of it makes the same to the byte" "$layout"
check "other tools read that image" \
	skopeo --insecure-policy copy -q "oci:$work/again:test" "oci:$work/copy:test"
make_image_here() { "$lupine" image --name test --output "$image" "$layout"; }
not_replaced()
{
	fails 'is there and is no regular file' make_image_here
	same_host
}
for what in mkdir mkfifo "ln -s $work/host/diary"; do
	empty_folder
	$what "$image"
	check "no output in place of what ${what%% *} made" not_replaced
done

# Interrupted at any time, nothing is left, and no process.
(cd "$work" && head -c 300M /dev/urandom >f && tar -cf e.tar f && rm f)
image_of . "$work/e.tar"
gives_up_rights()
{
	local pid child seen=no

	empty_folder
	"$lupine" image --name test --output "$image" "$layout" &
	pid=$!
	while [ $seen = no ] && kill -0 $pid 2>/dev/null; do
		for child in $(pgrep -P $pid); do
			cp "/proc/$child/status" "$work/status" 2>/dev/null || continue
			if grep '^Seccomp:.*2$' "$work/status" && grep '^NoNewPrivs:.*1$' "$work/status"; then
				seen=yes
			fi
		done
	done
	wait $pid
	[ $seen = yes ]
}
check "the process that reads it has given up its rights" gives_up_rights

# On a quick machine it may be complete.
leaves_nothing()	# leaves_nothing SIGNAL DELAY
{
	local pid status=0

	empty_folder
	# A shell would have SIGINT ignored in the background.
	env --default-signal=INT "$lupine" image --name test --output "$image" "$layout" &
	pid=$!
	sleep "$2"
	kill -s "$1" $pid 2>/dev/null || :
	wait $pid || status=$?
	# The process that removes the rest gets its turn late on a busy machine.
	for _ in {1..100}; do
		pgrep -f -- "--output $image" || break
		sleep 0.2
	done
	ls -A "$work/made"
	[ $status != 0 ] || return 0
	echo "$1" >>"$work/interrupted"
	[ $status -gt 128 ]
	# It may have been complete, but not have ended yet.
	if [ -e "$image" ]; then
		[ -e "$work/made/image.conf" ]
		e2fsck -fn "$image"
	else
		[ -z "$(ls -A "$work/made")" ]
	fi
	! pgrep -f -- "--output $image"
}
for signal in TERM INT KILL; do
	for delay in 0.05 0.2 0.5; do
		check "SIG$signal after $delay s leaves nothing" leaves_nothing $signal $delay
	done
	check "SIG$signal came in time" grep -x $signal "$work/interrupted"
done

summary
