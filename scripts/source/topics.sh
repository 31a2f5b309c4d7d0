# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0
#
# What the file series says of topics. Source it after scripts/lib.sh.
#
# A line "# topic NAME needs NAME...: TITLE" begins a topic, which ends where the next one
# begins. Topics are in the order in which they are applied.

mapfile -t topics < <(sed -nE 's/^# topic ([a-z]+)( needs [a-z ]+)?: .*/\1/p' "$ROOT/series")
[ ${#topics[@]} -gt 0 ] || die "the file series has no line '# topic NAME: TITLE'"

# topic_patches TOPIC: the names of its patches.
topic_patches()
{
	awk -v topic="$1" '/^# topic / { now = $3; sub(/:$/, "", now) }
		{ sub(/[ \t]*#.*/, "") }
		NF && topic == now' "$ROOT/series"
}

# needs TOPIC: the topics that it needs.
needs()
{
	sed -nE "s/^# topic $1 needs ([a-z ]+): .*/\1/p" "$ROOT/series"
}

# title TOPIC
title()
{
	sed -nE "s/^# topic $1( needs [a-z ]+)?: //p" "$ROOT/series"
}

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
