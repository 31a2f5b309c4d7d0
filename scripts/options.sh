# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0
#
# The command line of a program, read in one way. Source it after scripts/lib.sh:
#
#	kernel='' quick='' seconds=900 names=() machine=()
#	options kernel:kernel! quick seconds:number name:list cpus:guest -- "$@"
#
# Each word before "--" is NAME[:KIND][!], an option --NAME that sets the variable NAME
# (with _ in place of -). KIND says what its value has to be: kernel, file or folder that
# exists, number, text, list (text that is added to the array NAMEs), or guest (added to
# the array machine together with the option, for scripts/lupine/run). Without KIND it is
# a switch, and 1 if given. "!" marks options that must be there. With the word "..."
# other arguments go to the array arguments; without, they are errors.

# set_option KIND NAME VALUE: check the value and set the variable.
set_option()
{
	local variable=${2//-/_}

	case $1 in
	kernel) [ -f "$3" ] || die "--$2: no kernel '$3'; scripts/kconfig/build makes one" ;;
	file) [ -f "$3" ] || die "--$2: no file '$3'" ;;
	folder) [ -d "$3" ] || die "--$2: no folder '$3'" ;;
	number) [[ $3 =~ ^[1-9][0-9]{0,8}$ ]] || die "--$2 wants a number, not '$3'" ;;
	guest) machine+=("--$2" "$3"); return ;;
	list) declare -n list=${variable}s; list+=("$3"); return ;;
	esac
	printf -v "$variable" %s "$3"
}

options()
{
	local spec name required=' '
	declare -A kinds=()

	for spec; do
		shift
		[ "$spec" != -- ] || break
		name=${spec%%[:!]*}
		[[ $spec != *! ]] || required+="$name "
		spec=${spec%!}
		kinds[$name]=${spec#"$name"}
	done
	arguments=()
	while [ $# -gt 0 ]; do
		name=${1#--}
		case $1 in
		-h | --help) usage; exit ;;
		--?*) [ -n "${kinds[$name]+x}" ] || die "unknown option '$1'; see --help" ;;
		*) if [ -z "${kinds[...]+x}" ] || [[ $1 == -* ]]; then
				die "unknown argument '$1'; see --help"
			fi
			arguments+=("$1")
			shift
			continue ;;
		esac
		if [ -z "${kinds[$name]}" ]; then
			printf -v "${name//-/_}" 1
			shift
			continue
		fi
		[ $# -ge 2 ] || die "$1 wants a value; see --help"
		set_option "${kinds[$name]#:}" "$name" "$2"
		required=${required/" $name "/ }
		shift 2
	done
	name=${required%% }
	[ -z "${name// }" ] || die "missing: ${name//" "/" --"}; see --help"
}
