# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0
#
# What the tests of images share; source it after `begin` (scripts/test/lib.sh). An image
# is made as $image, in a folder of its own, so that what is left behind shows.

export LUPINE_ROOT=$ROOT TMPDIR=$work
mkdir -p "$work/made"
image=$work/made/image.ext2
"$ROOT/scripts/lupine/lupine" image --help >/dev/null
lupine=$SHARED/lupine/lupine

# empty_folder: for the next image
empty_folder()
{
	rm -rf "$work/made"
	mkdir "$work/made"
}

# convert [OPTION]... IMAGE: make $image of a container image
convert()
{
	empty_folder
	timeout 60 "$lupine" image --name test --output "$image" "$@"
}

# clean [OPTION]... IMAGE: the same, and e2fsck finds nothing wrong
clean()
{
	convert "$@"
	e2fsck -fn "$image"
}

# converts TITLE [OPTION]... IMAGE
converts() { check "$1" clean "${@:2}"; }

# no_trace PATTERN COMMAND...: COMMAND fails, says why in one line, by itself and not by a
# crash, and leaves nothing
no_trace()
{
	fails "$@"
	said '!ended by signal'
	[ -z "$(ls -A "$work/made")" ]
}

# rejected TITLE PATTERN [OPTION]... IMAGE
rejected() { check "$1" no_trace "^lupine image: error: .*($2)" convert "${@:3}"; }

# in_image REQUEST: ask debugfs
in_image() { debugfs -R "$1" "$image" 2>/dev/null; }

# stat_is PATH TYPE MODE UID:GID: as debugfs's stat sees it
stat_is()
{
	run in_image "stat $1"
	tr -s ' ' <"$out" >"$out.stat"
	grep -E "Type: $2 Mode: 0?$3 " "$out.stat"
	grep "User: ${4%:*} Group: ${4#*:} " "$out.stat"
}

# has TITLE PATH TYPE MODE UID:GID
has() { check "$1" stat_is "${@:2}"; }

# size_of PATH, names_in FOLDER: in the image
size_of() { in_image "stat $1" | sed -n 's/.*Group:.*Size: \([0-9]*\).*/\1/p'; }

names_in() { in_image "ls -p $1" | cut -d/ -f6 | sed '/^$/d' | sort; }

# configuration: what the init is told
configuration() { in_image 'cat /etc/lupine-init.conf' | grep -v '^#'; }

# smaller_than MIB FILE: on the disk, with its holes
smaller_than()
{
	du -m "$2"
	[ "$(du -m "$2" | cut -f1)" -lt "$1" ]
}

# layer FILE COMMAND: a tar archive of a new folder in which COMMAND ran
layer()
{
	rm -rf "$work/files"
	mkdir "$work/files"
	fakeroot sh -c "cd '$work/files' && $2 &&
		tar --numeric-owner --xattrs --xattrs-include=* --sparse -cf - ." >"$1"
}

# Images are put together by jq and tar, so that they can be what no tool makes.
layout=$work/layout
blobs=$layout/blobs/sha256
layer "$work/base.tar" 'mkdir bin && echo app >bin/app && chmod 755 bin/app'

# blob FILE MEDIA-TYPE: put it into the layout; the descriptor is in $descriptor
blob()
{
	local sum

	sum=$(sha256sum <"$1" | cut -d' ' -f1)
	cp "$1" "$blobs/$sum"
	descriptor=$(jq -nc --arg d "sha256:$sum" --arg t "$2" --argjson s "$(stat -c %s "$1")" \
		'{ mediaType: $t, digest: $d, size: $s }')
}

begin_layout()
{
	rm -rf "$layout"
	mkdir -p "$blobs"
	echo '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
	echo '{"schemaVersion":2,"manifests":[]}' >"$layout/index.json"
}

# manifest FILTER [LAYER]...: of an image with base.tar, the LAYERs and a configuration that
# FILTER, jq's, has changed; its descriptor is in $descriptor
manifest()
{
	local layers='[]' layer

	for layer in "$work/base.tar" "${@:2}"; do
		blob "$layer" application/vnd.oci.image.layer.v1.tar
		layers=$(jq -c --argjson l "$descriptor" '. + [$l]' <<<"$layers")
	done
	jq -nc "{ os: \"linux\", architecture: \"amd64\", config: { Cmd: [\"/bin/app\"] },
		 rootfs: { type: \"layers\", diff_ids: [] } } | $1" >"$work/config"
	blob "$work/config" application/vnd.oci.image.config.v1+json
	jq -nc --argjson c "$descriptor" --argjson l "$layers" \
		'{ schemaVersion: 2, config: $c, layers: $l }' >"$work/manifest"
	blob "$work/manifest" application/vnd.oci.image.manifest.v1+json
}

# index NAME: have the layout's index name what is in $descriptor; it may have no name
index()
{
	jq -c --argjson d "$descriptor" --arg n "$1" '.manifests += [$d +
		if $n == "" then {} else { annotations: { "org.opencontainers.image.ref.name": $n } } end]' \
		"$layout/index.json" >"$work/index"
	mv "$work/index" "$layout/index.json"
}

# image_of FILTER [LAYER]...: such an image, the only one in the layout
image_of()
{
	begin_layout
	manifest "$@"
	index ''
}

# image_with COMMAND [FILTER]: its second layer is what COMMAND makes
image_with()
{
	layer "$work/e.tar" "$1"
	image_of "${2:-.}" "$work/e.tar"
}

# label TEXT: a FILTER that gives the image a manifest
label() { jq -nr --arg v "$1" '".config.Labels.\"lupine.manifest\" = \($v | tojson)"'; }
