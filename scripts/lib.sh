# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the scripts share; source it, do not run it:
#
#	. "$(dirname "$(readlink -f "$0")")/../lib.sh"
#
# Sets ROOT (the repository), BASE (the kernel that the series is applied to), BUILD (where
# generated files go), SHARED (those that do not depend on the base) and JOBS.

ROOT=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
BUILD=${BUILD:-$ROOT/build}
# A relative BUILD means the same folder for every script.
case $BUILD in
/*) ;;
*) BUILD=$PWD/$BUILD ;;
esac
JOBS=${JOBS:-$(nproc)}
export JOBS
# What was given to the front door's make is no business of the kernel's.
unset MAKEFLAGS MFLAGS MAKELEVEL
# Messages of the tools are parsed, and sorting must not depend on the user.
export LC_ALL=C
# Nor must file modes, where cd leads, and what grep prints.
umask 022
unset CDPATH GREP_OPTIONS GREP_COLOR GREP_COLORS
# Nor the bytes that git writes, nor who owns the repository whose scripts already run.
# (Settings from the environment win over all files.) A hook of git has variables that name
# its own repository.
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_PREFIX GIT_CONFIG_PARAMETERS \
	GIT_TEMPLATE_DIR GIT_EXTERNAL_DIFF
n=0
for setting in core.autocrlf=false core.eol=lf core.safecrlf=false color.ui=false \
	diff.noprefix=false diff.mnemonicPrefix=false mailinfo.scissors=false \
	am.keepcr=false commit.gpgsign=false core.hooksPath=/dev/null init.templateDir= \
	core.attributesFile=/dev/null tar.umask=022 "safe.directory=$ROOT"; do
	export "GIT_CONFIG_KEY_$n=${setting%%=*}" "GIT_CONFIG_VALUE_$n=${setting#*=}"
	n=$((n + 1))
done
export GIT_CONFIG_COUNT=$n
unset n setting

# die MESSAGE...: one clear message, then the end.
die()
{
	printf '%s: error: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

warn() { printf '%s: warning: %s\n' "${0##*/}" "$*" >&2; }

# shellcheck source=scripts/source/bases.sh
. "$ROOT/scripts/source/bases.sh"

# make splits lists of files at blanks, and the kernel's refuses them and colons.
case $ROOT$BUILD in
*[[:space:]:]*) die "the path '$ROOT' or '$BUILD' has a blank or a colon, which the kernel's" \
	"makefiles cannot handle; move the project, or set BUILD= to another folder" ;;
esac

# at_end COMMAND...: have it run when the script ends, be it by a signal.
at_end()
{
	# shellcheck disable=SC2064 # the words are as they are now
	trap "$(printf '%q ' "$@")" EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
}

# need [--group NAME] TOOL...: the tools without which the caller cannot work, and
# where prerequisites has them, if make setup leaves them out.
need()
{
	local tool cure='make setup'

	# The package lupine-tools has no makefile.
	[ -e "$ROOT/Makefile" ] || cure="$ROOT/scripts/source/prerequisites --group image oci vm"
	if [ "$1" = --group ]; then
		cure="scripts/source/prerequisites --group $2"
		shift 2
	fi
	for tool; do
		command -v "$tool" >/dev/null || die "'$tool' is missing; $cure installs it"
	done
}

# usage: print the comment at the head of the script, which documents it.
usage()
{
	awk 'NR == 1 || /SPDX/ { next } !/^#/ { exit }
	     { sub(/^# ?/, ""); print }' "$0" | sed '1{/^$/d}'
}

# The command line of a program is read in one way:
#
#	kernel='' quick='' seconds=900 names=() machine=()
#	options kernel:kernel! quick seconds:number name:list cpus:guest -- "$@"
#
# Each word before "--" is NAME[:KIND][!], an option --NAME (or -N, if one letter) that
# sets the variable NAME (with _ in place of -). KIND says what its value has to be:
# kernel, file or folder that exists, number, text, list (text that is added to the array
# NAMEs, or to ARRAY with list=ARRAY), or guest (added to the array machine together with
# the option, for scripts/lupine/lupine run). Without KIND it is a switch, and 1 if given. "!"
# marks options that must be there. With the word "..." other arguments go to the array arguments, and with
# the word "+" the first of them and all words behind it do, since it is a command whose options
# are its own; without, they are errors.

# misused MESSAGE...: what is wrong with the command line, then the end with status 2.
misused()
{
	printf '%s: error: %s; see --help\n' "${0##*/}" "$*" >&2
	exit 2
}

# set_option KIND NAME VALUE WORD: check the value and set the variable.
# Its own variables have a prefix, since an option sets the variable of its name.
set_option()
{
	local option_array

	case $1 in
	kernel) [ -f "$3" ] || die "--$2: no kernel '$3'; scripts/kconfig/build makes one" ;;
	file) [ -f "$3" ] || die "--$2: no file '$3'" ;;
	folder) [ -d "$3" ] || die "--$2: no folder '$3'" ;;
	number) [[ $3 =~ ^(0|[1-9][0-9]{0,8})$ ]] || misused "--$2 wants a number, not '$3'" ;;
	guest) machine+=("$4" "$3"); return ;;
	list*)
		option_array=${2//-/_}s
		[[ $1 != *=* ]] || option_array=${1#*=}
		declare -n option_list=$option_array
		option_list+=("$3")
		return ;;
	esac
	printf -v "${2//-/_}" %s "$3"
}

# shellcheck disable=SC2034 # machine and arguments are the caller's
options()
{
	local option_name option_missing=' '
	declare -A option_kinds=()

	while [ "$1" != -- ]; do
		option_name=${1%%[:!]*}
		[[ $1 != *! ]] || option_missing+="$option_name "
		option_kinds[$option_name]=${1#"$option_name"}
		option_kinds[$option_name]=${option_kinds[$option_name]//[:!]/}
		shift
	done
	shift
	arguments=()
	while [ $# -gt 0 ]; do
		option_name=${1#--}
		[[ $1 != -[a-z] ]] || option_name=${1#-}
		case $1 in
		-h | --help) usage; exit ;;
		-?*) [ -n "${option_kinds[$option_name]+x}" ] || misused "unknown option '$1'" ;;
		*) if [ -n "${option_kinds[+]+x}" ]; then
				arguments=("$@")
				break
			fi
			[ -n "${option_kinds[...]+x}" ] || misused "unknown argument '$1'"
			arguments+=("$1")
			shift
			continue ;;
		esac
		if [ -z "${option_kinds[$option_name]}" ]; then
			printf -v "${option_name//-/_}" 1
			shift
			continue
		fi
		[ $# -ge 2 ] || misused "$1 wants a value"
		set_option "${option_kinds[$option_name]}" "$option_name" "$2" "$1"
		option_missing=${option_missing/" $option_name "/ }
		shift 2
	done
	option_name=${option_missing%% }
	[ -z "${option_name// }" ] || misused "missing:${option_name//" "/" --"}"
}

# seconds_since START: elapsed time from a $(date +%s%N).
seconds_since()
{
	local ns=$(($(date +%s%N) - $1))

	printf '%d.%d' $((ns / 1000000000)) $((ns / 100000000 % 10))
}

# step TITLE COMMAND...: say what is being done, do it, say how long it took.
step()
{
	local title=$1 start

	shift
	start=$(date +%s%N)
	printf '==> %s\n' "$title"
	"$@"
	printf '    %s: %s s\n' "$title" "$(seconds_since "$start")"
}

# count_objects EXPECTED: show on the terminal how many objects the output of make, which is
# standard input, has named, of how many, and the time left; 0 means that nobody knows.
count_objects()
{
	local expected=$1 start=$SECONDS shown=$SECONDS n=0 left line

	# No new line at the end of a narrow terminal, from where \r would not lead back
	trap 'printf "\r\033[K\033[?7h"' EXIT
	printf '\033[?7l'
	while IFS= read -r line; do
		[[ $line == *.o ]] || continue
		n=$((n + 1))
		[ "$SECONDS" != "$shown" ] || continue
		shown=$SECONDS
		left=$(((shown - start) * (expected - n) / n))
		if [ "$n" -ge "$expected" ]; then
			printf '\r    %d objects done\033[K' "$n"
			continue
		fi
		printf '\r    %d of about %d objects done\033[K' "$n" "$expected"
		# The first ones say little about the rest.
		[ $((n * 20)) -lt "$expected" ] ||
			printf ', %d:%02d min left' $((left / 60)) $((left % 60))
	done
}

# logged LOG COMMAND...: run with the output in LOG, and on the terminal too
# if V=1. A failure shows the end of the log and where the rest is. A caller that sets
# objects_expected to a number of objects gets them counted on a terminal.
logged()
{
	local log=$1 status=0

	shift
	mkdir -p "$(dirname "$log")"
	if [ "${V:-0}" != 0 ]; then
		"$@" 2>&1 | tee "$log"
		status=${PIPESTATUS[0]}
	elif [ -n "${objects_expected:-}" ] && [ -t 1 ]; then
		"$@" 2>&1 | tee "$log" | count_objects "$objects_expected"
		status=${PIPESTATUS[0]}
	else
		"$@" >"$log" 2>&1 || status=$?
	fi
	[ "$status" = 0 ] && return 0
	if [ "${V:-0}" = 0 ]; then
		# The cause is seldom the last line when jobs run in parallel.
		grep -nE '(error|Error|ERROR)[: ]|undefined reference|No space left|\*\*\*' \
			"$log" | head -n 20 >&2 || :
		printf '    ... the end of %s:\n' "$log" >&2
		tail -n 15 "$log" >&2
	fi
	return "$status"
}

# publish NEW FINAL: put a finished folder into the place of the one before.
publish()
{
	rm -rf "$2.old"
	[ ! -e "$2" ] || mv "$2" "$2.old"
	mv "$1" "$2"
	rm -rf "$2.old"
}

# lock NAME: one at a time; a second run waits for the first one.
lock()
{
	mkdir -p "$BUILD"
	exec 9>"$BUILD/.lock-$1"
	if ! flock -n 9; then
		printf '    waiting for another program to be done with the %s\n' "$1" >&2
		flock 9
	fi
}

# run_quilt COMMAND...: as everybody's settings would have it, and with a TMPDIR without blanks,
# which quilt 0.68 takes for several words
run_quilt() { TMPDIR=$BUILD quilt --quiltrc - "$@"; }

# lock_shared NAME: while this runs, nobody gets the lock NAME.
lock_shared()
{
	mkdir -p "$BUILD"
	exec 8>"$BUILD/.lock-$1"
	if ! flock -s -n 8; then
		printf '    waiting for another program to be done with the %s\n' "$1" >&2
		flock -s 8
	fi
}

# conf_numbers FILE KEY: what the .conf beside an image has for memory, ports or ready,
# which goes into arithmetic and command lines: numbers between blanks, or nothing.
conf_numbers()
{
	local words

	[ -f "$1" ] || return 0
	words=$(sed -n "s/^$2=//p" "$1" | tail -n 1)
	[[ $words =~ ^([1-9][0-9]{0,7}( [1-9][0-9]{0,7})*)?$ ]] ||
		die "$1: $2 '${words//[^[:print:]]/?}': want numbers; make the image again"
	printf '%s\n' "$words"
}

# A port that nobody uses. vm/run looks again, as does QEMU.
free_port()
{
	local port

	while :; do
		port=$((20000 + RANDOM % 10000))
		(exec 4<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
	done
	echo "$port"
}

# The release of Debian that packages and their sources are taken of: the machine's own.
# shellcheck disable=SC1091 # os-release is the system's
SUITE=${SUITE:-$(. /etc/os-release 2>/dev/null; echo "${DEBIAN_CODENAME:-${VERSION_CODENAME:-sid}}")}

# debian_mirrors: those of SUITE that apt knows, in the words of sources.list.
debian_mirrors()
{
	# shellcheck disable=SC2016 # apt's own variables
	apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' 2>/dev/null |
	awk -v suite="$SUITE" '
		$1 == "Debian" && index($2 "-", suite "-") == 1 && $5 == "main" && !seen[$3 $4]++ {
			print "deb", $3, $4, $5
		}'
}

# need_mirrors: ends the script if there are none.
need_mirrors()
{
	[[ $SUITE =~ ^[a-z]+$ ]] || die "SUITE wants the name of a release, as in: SUITE=trixie"
	[ -n "$(debian_mirrors)" ] ||
		die "apt knows no mirror of Debian $SUITE; add one to its sources, then apt-get update"
}

# reproducibly TREE: have what is built now of this kernel source be the same
# whenever, wherever and by whomever it is built. The comparison of .text needs
# that. (Not CCACHE_BASEDIR: it makes __FILE__ a relative path, which the
# kernel's -fmacro-prefix-map does not know, and strings differ by the folder.)
reproducibly()
{
	KBUILD_BUILD_TIMESTAMP=$(date -u -r "$1/COPYING")
	export KBUILD_BUILD_TIMESTAMP
	export KBUILD_BUILD_USER=lupine KBUILD_BUILD_HOST=lupine KBUILD_BUILD_VERSION=1
	if [ -d /usr/lib/ccache ]; then
		PATH=/usr/lib/ccache:$PATH
	fi
}

# tree_version: that of the kernel in build/tree, or nothing.
tree_version() { sed -n 's/^version //p' "$BUILD/tree/.lupine-version" 2>/dev/null; }
