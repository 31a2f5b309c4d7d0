# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# How scripts read a part of another kernel source, and fetch Debian's source
# packages. Source it after scripts/lib.sh.

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

# suite_apt SUITE FOLDER: set apt_get to options of an apt that has a state of its own in the
# folder and takes packages of a suite of Debian's that this system does not have, from its
# mirror and checked with its keys. Nothing is added to its apt configuration.
suite_apt()
{
	local apt=$2 key='' f=''

	rm -rf "$apt"
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
	# shellcheck disable=SC2016 # apt's own variables
	mirror=$(apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI)' \
		'Created-By: Packages' | awk '$1 == "Debian" && $2 !~ /-/ { print $3; exit }')
	[ -n "$mirror" ] || die "apt knows no mirror of Debian to get packages of $1 from"
	for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources}; do
		! grep -qsF "${mirror%/}" "$f" ||
			key=$(sed -nE 's,.*signed-by[=:] *(/[^] ]+).*,[signed-by=\1],Ip' "$f" | head -n 1)
		[ -z "$key" ] || break
	done
	echo "deb $key $mirror $1 main" >"$apt/sources.list"
	apt_get=(-q -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=-
		-o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts="$apt/lists/partial"
		-o Dir::State::Lists="$apt/lists" -o Dir::Cache="$apt/cache"
		-o APT::Sandbox::User="$(id -un)" -o APT::Get::AllowUnauthenticated=false
		-o Acquire::AllowInsecureRepositories=false)
	apt-get "${apt_get[@]}" update
}

# debian_kernel_source PACKAGE SUITE TARBALL: get the tarball in a package linux-source-*.
# Beside the tarball, a file .package has the version.
debian_kernel_source()
(
	package=$1 suite=$2 tarball=$3
	apt=$tarball.apt

	suite_apt "$suite" "$apt"
	apt-cache "${apt_get[@]}" show --no-all-versions "$package" >"$apt/show" ||
		die "$suite at $mirror has no $package, only" \
		    "$(apt-cache "${apt_get[@]}" pkgnames linux-source- | sort | paste -sd' '); set KSRC="
	(cd "$apt" && apt-get "${apt_get[@]}" download "$package") ||
		die "cannot download $package from $suite at $mirror"
	dpkg-deb --fsys-tarfile "$apt"/*.deb | tar -xO "./usr/src/$package.tar.xz" >"$tarball.new" ||
		die "$package has no tarball of the source"
	sed -n "s/^Version: /$package /p" "$apt/show" >"${tarball%.tar.xz}.package"
	mv "$tarball.new" "$tarball"
	rm -rf "$apt"
)

# debian_packages SUITE FOLDER PACKAGE...: unpack packages, and what they depend on, into the
# folder.
debian_packages()
(
	suite=$1 folder=$2
	shift 2
	apt=$folder.apt
	rm -rf "$folder"
	mkdir -p "$folder"
	suite_apt "$suite" "$apt"
	apt-get "${apt_get[@]}" -y -o Dir::State::status=/dev/null -o APT::Install-Recommends=no \
		--download-only install "$@" || die "the mirror $mirror does not offer $* for $suite"
	for package in "$apt"/cache/archives/*.deb; do
		dpkg-deb -x "$package" "$folder"
	done
	rm -rf "$apt"
)

# debian_program FOLDER PROGRAM [SETTING...] [-- ARGUMENT...]: write FOLDER.new/bin/PROGRAM, which
# runs the program of the packages in FOLDER/root, where FOLDER.new/root goes. A program of
# another Debian wants its own loader and libraries.
debian_program()
{
	local root=$1/root file=$1.new/bin/$2 program=$2 settings=()

	shift 2
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		settings+=("$1")
		shift
	done
	mkdir -p "${file%/*}"
	cat >"$file" <<-END
	#!/bin/sh
	exec env ${settings[*]} $root/usr/lib64/ld-linux-x86-64.so.2 \\
		--library-path $root/usr/lib/x86_64-linux-gnu $root/usr/bin/$program ${*:2} "\$@"
	END
	chmod +x "$file"
}

# fetched NAME TITLE: the folder SHARED/NAME with the programs that with-NAME runs a command on
# is there, or the function fetch makes it. The script ends here if it has the option --fetch.
# shellcheck disable=SC2154 # fetch and arguments are those of the caller's options
fetched()
{
	[ -n "$fetch" ] || [ ${#arguments[@]} -gt 0 ] || misused "a COMMAND is missing"
	BUILD=$SHARED lock "$1"
	[ -e "$SHARED/$1/bin" ] ||
		step "Fetch Debian 13's $2" logged "$BUILD/log/$1.log" fetch
	exec 9>&-
	[ -z "$fetch" ] || exit 0
}

# debian_source FOLDER PACKAGE[=VERSION] [RELEASE]: download Debian's source package into the
# folder, from this system's mirrors and without a trace in its apt configuration. RELEASE
# takes the place of the system's own release.
debian_source()
(
	download=$1 package=$2 release=${3:-$SUITE}
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
	sed -i "s/\b$SUITE\b/$release/g" "$apt/sources"/*
	apt_get=(apt-get -q -o Dir::Etc::SourceList=/dev/null
		-o Dir::Etc::SourceParts="$apt/sources" -o Dir::State::Lists="$apt/lists"
		-o Dir::Cache="$apt/cache" -o APT::Sandbox::User="$(id -un)")
	"${apt_get[@]}" update || warn "the mirrors' lists are incomplete"
	cd "$download" || exit 1
	"${apt_get[@]}" source --only-source --download-only "$package" ||
		die "the mirrors in $etc do not offer the source of $package"
	rm -rf "$apt"
)
