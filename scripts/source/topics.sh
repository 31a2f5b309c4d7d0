# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0
#
# What the file series says of topics, and a source in which patches come and go. Source it
# after scripts/lib.sh.
#
# A line "# topic NAME needs NAME...: TITLE" begins a topic, which ends where the next one
# begins. Topics are in the order in which they are applied.

mapfile -t topics < <(sed -nE 's/^# topic ([a-z]+)( needs [a-z ]+)?: .*/\1/p' "$ROOT/series")
[ ${#topics[@]} -gt 0 ] || die "the file series has no line '# topic NAME: TITLE'"

# topic_patches TOPIC: the files of its patches, below patches/, for this base.
topic_patches()
{
	awk -v topic="$1" '/^# topic / { now = $3; sub(/:$/, "", now) }
		{ sub(/[ \t]*#.*/, "") }
		NF && topic == now' "$ROOT/series" | of_base
}

# needs TOPIC: the topics that it needs.
needs() { sed -nE "s/^# topic $1 needs ([a-z ]+): .*/\1/p" "$ROOT/series"; }

# title TOPIC
title() { sed -nE "s/^# topic $1( needs [a-z ]+)?: //p" "$ROOT/series"; }

# folder TOPIC: its name in the export, which sorts in the order to apply them.
folder()
{
	local n=1 t

	for t in "${topics[@]}"; do
		[ "$t" != "$1" ] || break
		n=$((n + 1))
	done
	printf '%02d-%s\n' "$n" "$1"
}

# quilt_tree FOLDER TOPIC...: set tree to FOLDER/tree, a copy of the source without patches,
# and queue to the names of those that go_to applies there. The copy is kept: quilt
# gives what it changes a new time, so that objects of earlier builds are worth something.
quilt_tree()
{
	local folder=$1 pristine t

	pristine=$BUILD/source/$(tree_version)
	tree=$folder/tree
	if ! cmp -s "$pristine.origin" "$folder/origin"; then
		rm -rf "$folder"
		mkdir -p "$folder"
		# No links: kernels are built from it while the other tree may change.
		cp -a "$pristine" "$tree" || die "cannot copy the source to $tree; is the disk full?"
		cp "$pristine.origin" "$folder/origin"
	fi
	mapfile -t queue < <(for t in "${@:2}"; do topic_patches "$t"; done)
	export QUILT_PATCHES=$ROOT/patches QUILT_SERIES=$folder/series
	cd "$tree" || die "cannot enter $tree"
	# Patches may have changed since they were applied: backups decide.
	if [ -e .pc/applied-patches ]; then
		run_quilt pop -a -f -q >"$folder/quilt.log" 2>&1 ||
			{ cat "$folder/quilt.log" >&2; die "remove $folder, and try again"; }
		rm -rf .pc
	fi
	printf '%s\n' "${queue[@]}" >"$QUILT_SERIES"
}

# go_to NUMBER: have that many of them applied.
go_to()
{
	local have

	cd "$tree" || die "cannot enter $tree"
	have=$(run_quilt applied 2>/dev/null | wc -l)
	if [ "$have" -lt "$1" ]; then
		run_quilt push -q --fuzz=0 --color=never $(($1 - have))
	elif [ "$have" -gt "$1" ]; then
		run_quilt pop -q $((have - $1))
	fi
}
