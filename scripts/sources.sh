# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# How scripts read a part of another kernel source, and fetch Debian's source
# packages. Source it after scripts/lib.sh.

# source_version FOLDER: VERSION.PATCHLEVEL.SUBLEVEL and EXTRAVERSION of its Makefile.
source_version()
{
	awk -F ' *= *' '/^VERSION *=/ { v = $2 } /^PATCHLEVEL *=/ { p = $2 }
		/^SUBLEVEL *=/ { s = $2 } /^EXTRAVERSION *=/ { e = $2 }
		/^NAME *=/ { exit }
		END { if (v == "") exit 1; print v "." p "." s e }' "$1/Makefile" 2>/dev/null
}

# source_tarball TARBALL FOLDER PATTERN...: what matches, of a tarball whose
# names begin with one folder.
source_tarball()
{
	local tarball=$1 folder=$2 from=() w

	shift 2
	for w; do
		from+=("*/$w")
	done
	# A pattern that matches nothing is no fault of the tarball. Most kernels
	# keep no two names of a file, but a link may stand for one.
	tar -xf "$tarball" -C "$folder" --strip-components=1 --no-same-owner \
		--wildcards "${from[@]}" 2>"$folder/.tar" ||
		grep -q 'Not found in archive' "$folder/.tar" ||
		die "cannot unpack $tarball: no tarball, or a damaged one"
	rm -f "$folder/.tar"
}

# source_extract KSRC FOLDER PATTERN...: of a kernel source (a directory, a
# tarball, a git tree, of which the last commit is taken, or a Debian package
# linux-source-*.deb) the files that match, to the folder, which is made anew.
source_extract()
{
	local ksrc=$1 folder=$2 from=() w

	shift 2
	rm -rf "$folder"
	mkdir -p "$folder"
	if [[ $ksrc == *.deb ]]; then
		need dpkg-deb
		dpkg-deb --fsys-tarfile "$ksrc" 2>/dev/null |
			tar -xO --wildcards './usr/src/linux-source-*.tar.*' \
			>"$folder.tarball" 2>/dev/null || {
			rm -f "$folder.tarball"
			die "cannot unpack $ksrc: no package linux-source-*, or a damaged one"
		}
		source_tarball "$folder.tarball" "$folder" "$@"
		rm -f "$folder.tarball"
	elif [ -f "$ksrc" ]; then
		source_tarball "$ksrc" "$folder" "$@"
	elif git -C "$ksrc" rev-parse --verify -q 'HEAD^{commit}' >/dev/null 2>&1 &&
	     { [ -e "$ksrc/.git" ] || [ -f "$ksrc/HEAD" ]; }; then
		git -C "$ksrc" archive --format=tar HEAD >"$folder/.tar" ||
			die "cannot read the commit of $ksrc"
		tar -xf "$folder/.tar" -C "$folder" --wildcards "$@" 2>/dev/null || :
		rm -f "$folder/.tar"
	else
		for w; do
			from+=(-o -path "./$w")
		done
		(cd "$ksrc" && find . -type f \( -false "${from[@]}" \) -print0 |
			tar -cf - --null -T -) | tar -xf - -C "$folder"
	fi
}

# debian_source FOLDER PACKAGE[=VERSION]: download Debian's source package into the
# folder, from this system's mirrors and without a trace in its apt configuration.
debian_source()
(
	download=$1 package=$2
	apt=$download/apt etc='' list='' parts=''

	command -v apt-get >/dev/null || die "no apt-get to download the source of $package with"
	rm -rf "$apt"
	mkdir -p "$apt/lists/partial" "$apt/sources" "$apt/cache/archives/partial"

	# The same entries, but for sources.
	eval "$(apt-config shell etc Dir::Etc/d list Dir::Etc::sourcelist/f \
		parts Dir::Etc::sourceparts/d)"
	for f in "$list" "$parts"/*.list; do
		[ ! -f "$f" ] || sed -n 's/^[[:space:]]*deb[[:space:]]/deb-src /p' "$f" \
			>"$apt/sources/$(basename "$f")"
	done
	for f in "$parts"/*.sources; do
		[ ! -f "$f" ] || sed 's/^Types:.*/Types: deb-src/I' "$f" \
			>"$apt/sources/$(basename "$f")"
	done
	apt_get=(apt-get -q -o Dir::Etc::SourceList=/dev/null
		-o Dir::Etc::SourceParts="$apt/sources" -o Dir::State::Lists="$apt/lists"
		-o Dir::Cache="$apt/cache" -o APT::Sandbox::User="$(id -un)")
	"${apt_get[@]}" update || warn "the mirrors' lists are incomplete"
	cd "$download" || exit 1
	"${apt_get[@]}" source --only-source --download-only "$package" ||
		die "the mirrors in $etc do not offer the source of $package"
	rm -rf "$apt"
)
