#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/images.sh
#
# Tests scripts/apps/build: what ends up in the file system, and that each
# mistake gets its message and leaves nothing behind. Fetches no packages.
set -eu

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/../lib.sh"

[ $# = 0 ] || { usage; exit; }
need debugfs e2fsck
mkdir -p "$BUILD/image"
work=$(mktemp -d "$BUILD/image/test-build-XXXXXX")
trap 'chmod -R u+rwX "$work"; rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
passed=0 failed=0
image=$work/out/image.ext2
mkdir "$work/app"

result()	# result NAME yes|no
{
	if [ "$2" = yes ]; then
		passed=$((passed + 1))
		echo "ok - build: $1"
	else
		failed=$((failed + 1))
		echo "not ok - build: $1"
		sed 's/^/#   /' "$work/log"
	fi
}

build()	# build MANIFEST [OPTION]...
{
	printf '%b' "$1" >"$work/app/manifest"
	shift
	rm -rf "$work/out"
	mkdir "$work/out"
	"$ROOT/scripts/apps/build" --output "$image" "$@" "$work/app/manifest" \
		>"$work/log" 2>&1
}

refused()	# refused NAME MESSAGE MANIFEST [OPTION]...
{
	local name=$1 message=$2 ok=no

	shift 2
	if ! build "$@" && grep -qE -e "$message" "$work/log" && [ -z "$(ls -A "$work/out")" ]; then
		ok=yes
	fi
	result "$name" $ok
}

in_image()
{
	debugfs -R "$1" "$image" 2>/dev/null
}

equal()	# equal NAME WANT GOT
{
	printf 'wanted: %s\ngot: %s\n' "$2" "$3" >"$work/log"
	result "$1" "$([ "$2" = "$3" ] && echo yes || echo no)"
}

mode()	# mode PATH: its mode and owner
{
	in_image "stat $1" | tr -s ' ' | awk '
		/Mode:/ { for (i = 1; i < NF; i++) if ($i == "Mode:") m = $(i + 1) }
		/^User:/ { print m, $2 ":" $4 }'
}

# What an ordinary user can and cannot read must not matter.
mkdir -p "$work/add/deep/er" "$work/add/closed"
echo 'with a name' >"$work/add/deep/er/a file"
echo 'int main(void) { return 0; }' >"$work/app/true.c"
echo 'text' >"$work/app/text"
chmod 0750 "$work/add/closed"
build 'program true.c /usr/bin/true\nfile text /etc/text 0640\naccount one /home/one
account two\nmemory 40\nport 1\nport 2\nspace 8\nentrypoint /usr/bin/true\nenv A=b\n' \
	--add "$work/add:/opt/added" && ok=yes || ok=no
result "an image without packages" "$ok"
e2fsck -fn "$image" >"$work/log" 2>&1 && ok=yes || ok=no
result "a clean file system" "$ok"
equal "a program" "0755 0:0" "$(mode /usr/bin/true)"
equal "a file and its mode" "0640 0:0 text" "$(mode /etc/text) $(in_image 'cat /etc/text')"
equal "a folder added" "with a name" "$(in_image 'cat "/opt/added/deep/er/a file"')"
equal "its modes, and root as its owner" "0750 0:0" "$(mode /opt/added/closed)"
equal "accounts" "one:x:100:100::/home/one:/usr/sbin/nologin two:x:101:101::/nonexistent:/usr/sbin/nologin" \
	"$(in_image 'cat /etc/passwd' | grep -v ^root | paste -sd' ')"
equal "groups" "one:x:100: two:x:101:" \
	"$(in_image 'cat /etc/group' | grep -E '^(one|two):' | paste -sd' ')"
equal "the init" "0755 0:0" "$(mode /sbin/init)"
equal "what to run" "entrypoint /usr/bin/true,env A=b,hostname app" \
	"$(in_image 'cat /etc/lupine-init.conf' | grep -v '^#' | paste -sd,)"
equal "for this machine" "memory=40,ports=1 2" "$(paste -sd, "${image%.ext2}.conf")"
equal "/tmp for everybody" "01777 0:0" "$(mode /tmp)"
first=$(sha256sum <<<"$(in_image 'rdump / /dev/null'; in_image 'ls -l /')")
build "$(cat "$work/app/manifest")" --add "$work/add:/opt/added"
equal "the same again" "$first" \
	"$(sha256sum <<<"$(in_image 'rdump / /dev/null'; in_image 'ls -l /')")"

# More than a first estimate of the room: many small files.
mkdir -p "$work/many"
(cd "$work/many" && for i in {1..3000}; do echo "$i" >"file$i"; done)
truncate -s 2G "$work/many/sparse"
build 'entrypoint /x\nspace 1\n' --add "$work/many:/many" && ok=yes || ok=no
[ "$(in_image 'cat /many/file3000')" = 3000 ] || ok=no
result "3000 files and a sparse one" "$ok"
[ "$(du -m "$image" | cut -f1)" -lt 60 ] && ok=yes || ok=no
result "sparse in the image, too" "$ok"

good='entrypoint /x\n'
refused "no such program source" "no-such.c does not compile" "${good}program no-such.c /x\n"
echo 'int main(void) { return' >"$work/app/wrong.c"
refused "a program that does not compile" "wrong.c does not compile" "${good}program wrong.c /x\n"
refused "no such file" "file none cannot be copied" "${good}file none /x\n"
refused "half a file line" "file 'none': want SRC DEST" "${good}file none\n"
refused "an unknown key" "entrypiont '/y' is not a key" "${good}entrypiont /y\n"
refused "an option that cannot be tested" "NONSENSE': is not an option" "${good}need NONSENSE\n"
refused "no program to run" "names no program to run" 'memory 5\n'
refused "busybox without its package" "no /bin/busybox" "${good}busybox yes\n"
refused "no such folder to add" "no folder $work/none" "$good" --add "$work/none:/x"
refused "an added folder without a place" "want DIR:/DEST" "$good" --add "$work/add:x"
refused "an image from nowhere" "there is no /no/such/image|cannot be read" \
	'oci /no/such/image\n'

"$ROOT/scripts/apps/build" no-such-app >"$work/log" 2>&1 && ok=no || ok=yes
grep -q "no application 'no-such-app'; there are: .*redis" "$work/log" || ok=no
result "an unknown application" "$ok"
"$ROOT/scripts/apps/build" --list >"$work/log" 2>&1 && ok=yes || ok=no
grep -q '^redis  *Redis' "$work/log" || ok=no
result "the list of applications" "$ok"
# Manifests without packages or registries can be tried here; all must be read.
for manifest in "$ROOT"/scripts/apps/*/manifest; do
	grep -vE '^[[:space:]]*(#|$|(oci|packages|remove|account|program|file|busybox|memory|port|space|ready)[[:space:]])' \
		"$manifest" >"$work/conf" || :
	"$BUILD/image/init" --check "$work/conf" >"$work/log" 2>&1 && ok=yes || ok=no
	result "the manifest of $(basename "$(dirname "$manifest")")" "$ok"
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
