# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What scripts/image/build and scripts/image/oci share; source it after
# scripts/lib.sh. Uses the variables app, manifest (may be empty), output, work
# and staging of its caller.
# shellcheck disable=SC2154

# What a manifest has for this machine: names of its files, and the rest; all other
# keys are the init's.
# shellcheck disable=SC2034 # for the callers
LOCAL_KEYS='oci|packages|remove|program|file|busybox'
# shellcheck disable=SC2034 # for the callers
HOST_KEYS="$LOCAL_KEYS|account|memory|port|space|ready"

# values KEY: the values of a key, a line each.
values()
{
	[ -n "$manifest" ] || return 0
	awk -v key="$1" '$1 == key { sub(/^[ \t]*[^ \t]+[ \t]*/, ""); print }' "$manifest"
}

# The manifest's lines for the init.
init_lines()
{
	[ -n "$manifest" ] || return 0
	awk -v host="^($HOST_KEYS)\$" '!/^[ \t]*(#|$)/ && $1 !~ host' "$manifest"
}

# A folder for the work, on the file system of the result: /tmp may be small.
# Gone whatever happens.
make_workplace()
{
	lock image
	mkdir -p "$BUILD/image" "$(dirname "$output")"
	make -s -C "$ROOT/scripts/image/init" OUT="$BUILD/image/init" ||
		die "the init does not compile"
	work=$(mktemp -d "$BUILD/image/.work-XXXXXX")
	# shellcheck disable=SC2064 # the value of now
	trap "chmod -R u+rwX '$work' 2>/dev/null; rm -rf '$work'" EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	staging=$work/staging
	mkdir "$staging"
}

# Programs and files of the manifest, and folders given: ADD...
fill_staging()
{
	local src dest mode add

	while read -r src dest; do
		[ -n "$dest" ] || die "$manifest: program: want SRC.c DEST"
		need gcc
		mkdir -p "$staging$(dirname "$dest")"
		gcc -static -Os -s -Wall -o "$staging$dest" "$(dirname "$manifest")/$src" ||
			die "$src does not compile"
	done < <(values program)
	while read -r src dest mode; do
		[ -n "$dest" ] || die "$manifest: file: want SRC DEST [MODE]"
		install -D -m "${mode:-0644}" "$(dirname "$manifest")/$src" "$staging$dest" ||
			die "$manifest: file $src cannot be copied"
	done < <(values file)
	for add; do
		mkdir -p "$staging${add#*:}"
		cp -a "${add%%:*}/." "$staging${add#*:}/" || die "--add $add: cannot be copied"
	done
}

# The init itself says what it thinks of $work/init.conf.
check_init_conf()
{
	local understood

	understood=$("$BUILD/image/init" --check "$work/init.conf") ||
		die "what $app is to run with is wrong${manifest:+: $manifest}"
	grep -qE '^(entrypoint|cmd) ' <<<"$understood" ||
		die "$app names no program to run; add an entrypoint line to a manifest"
}

assemble()
{
	fakeroot "$ROOT/scripts/image/assemble" --root "$work/root" --staging "$staging" \
		--accounts "$(values account)" --busybox "$(values busybox)" "$@"
}

# Set rewrite_options if $rewrite says so. The init refuses to start where the
# programs would end in SIGSEGV.
prepare_rewriting()
{
	rewrite_options=()
	[ -n "$rewrite" ] || return 0
	make -s -C "$ROOT/scripts/callsites" OUT="$BUILD/callsites" ||
		die "scripts/callsites does not compile (are libelf-dev and libzydis-dev installed?)"
	rewrite_options=(--rewrite "$BUILD/callsites/callsites")
	echo 'need KML' >>"$work/init.conf"
}

# write_image [ASSEMBLE-OPTION]...: $work/init.conf and $work/conf are there.
write_image()
{
	step "Make the root file system of $app" \
		assemble --init "$BUILD/image/init" --conf "$work/init.conf" \
		--space "$(values space | tail -n 1)" --output "$work/image" \
		"${rewrite_options[@]}" "$@"
	mv "$work/conf" "${output%.ext2}.conf"
	mv "$work/image" "$output"
	"$ROOT/scripts/vm/monitors" "$output" >"${output%.ext2}.monitors" 2>/dev/null
	printf '    %s: %s MB used of %s MB\n' "$output" \
		"$(du -m "$output" | cut -f1)" "$(du -m --apparent-size "$output" | cut -f1)"
}
