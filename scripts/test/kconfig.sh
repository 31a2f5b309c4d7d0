#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/kconfig.sh
#
# Test the programs that check profiles. In a copy of the profiles with faults put into
# it, the linter, the comparison with Firecracker's guest, the union, the news of
# another kernel and the tables must find each fault. The installed profiles must give
# the same configurations inside the kernel tree.
#
# Example: scripts/test/kconfig.sh
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

begin -- "$@"
"$ROOT/scripts/source/tree"
repo=$work/repo/project
profiles=$repo/kconfig-profiles
unset KSRC PROFILE APP REFERENCE

# A copy without faults, before each test.
fresh()
{
	rm -rf "$work/repo"
	mkdir -p "$repo/scripts/source" "$repo/Documentation"
	cp -a "$ROOT"/scripts/{*.sh,kconfig} "$repo/scripts"
	cp -a "$ROOT/scripts/source/bases.sh" "$repo/scripts/source"
	cp -a "$ROOT/kconfig-profiles" "$repo"
	cp -a "$ROOT/Documentation/arch" "$repo/Documentation"
}

# gives STATUS PATTERN PROGRAM ARGUMENT...: a program of the copy ends so.
gives()
{
	run "$repo/scripts/kconfig/$3" "${@:4}"
	ended "$1" "$2"
}

# faulty FUNCTION...: a check of each, in a copy of the profiles that is fresh
faulty()
{
	local function

	for function; do
		check "${function//_/ }" in_fresh_copy "$function"
	done
}
in_fresh_copy() { fresh; "$@"; }

fragments_without_faults_pass()
{
	gives 0 '' lint
	[ ! -s "$out" ]
}

# lint_finds PATTERN TEXT: what is added to a fragment is found.
lint_finds()
{
	printf '%b' "$2" >>"$profiles/apps/redis.config"
	gives 1 "^kconfig-profiles/apps/redis.config:[0-9]+: $1" lint apps/redis
	# The place is that of the fault, and nothing else is found.
	[ "$(grep -vc '^kconfig-profiles/apps/redis.config:' "$out")" = 0 ]
}

a_fragment_without_a_help_line_is_found()
{
	sed -i 2d "$profiles/apps/redis.config"
	gives 1 "^kconfig-profiles/apps/redis.config:2: the second line is no '# Help:'" lint
}

an_option_of_another_fragment_is_found()
{
	printf '\n# Again.\nCONFIG_PROC_FS=y\n' >>"$profiles/topic/process.config"
	gives 1 'files.config:[0-9]+: CONFIG_PROC_FS has this value already from kconfig-profiles/topic/process.config:[0-9]+' \
		lint
}

# An option is implied only if that is so in each profile that asks for it.
what_one_profile_implies_may_be_needed_by_another()
{
	printf '\n# For the first profile only.\nCONFIG_DEBUG_SPINLOCK=y\n' >>"$profiles/overlay/smp.config"
	gives 0 '' lint lupine-base+smp lupine-base+debug+smp
	gives 1 'smp.config:[0-9]+: CONFIG_DEBUG_SPINLOCK=y is implied: others select it' \
		lint lupine-base+debug+smp
}

what_is_said_to_be_explicit_may_be_implied()
{
	printf '\n# Explicit: whatever the profile.\nCONFIG_NET_CORE=y\n' >>"$profiles/topic/net.config"
	gives 0 '' lint lupine-base+redis
}

# A reference that microvm is equal to, made of microvm itself.
reference()
{
	mkdir -p "$work/reference"
	"$ROOT/scripts/kconfig/configure" --output "$work/microvm" microvm
	awk -v differences="$profiles/$BASE/differences" '
		BEGIN {
			while ((getline line <differences) > 0) {
				split(line, word, " ")
				if (word[1] ~ /^(renamed|gone|derived)$/)
					print "CONFIG_" word[2] "=y"
				if (word[1] == "differs")
					print "CONFIG_" word[2] "=12345"
				if (word[1] == "renamed")
					skip[word[3]] = 1
				if (word[1] ~ /^(new|differs)$/)
					skip[word[2]] = 1
			}
		}
		{
			s = $0
			sub(/^# /, "", s)
			sub(/^CONFIG_/, "", s)
			sub(/[ =].*/, "", s)
			if (!(s in skip))
				print
		}' "$work/microvm/.config" >"$work/reference/firecracker-guest-x86_64-6.1.config"
	: >"$work/reference/firecracker-guest-x86_64-6.18.config"
}

microvm_is_compared_with_what_it_is_equal_to()
{
	reference
	gives 0 '^[0-9]{4} options of the guest compared; 2 that it did not know' \
		compare --reference "$work/reference"
}

differences_from_the_guest_are_found()
{
	local guest=$work/reference/firecracker-guest-x86_64-6.1.config

	reference
	printf 'CONFIG_NO_SUCH_THING=y\nCONFIG_VLAN_8021Q=y\n' >>"$guest"
	sed -i 's/^CONFIG_VETH=y$/# CONFIG_VETH is not set/; s/^CONFIG_NR_CPUS=64$/CONFIG_NR_CPUS=8/
		s/^CONFIG_FRONTSWAP=y$//; s/^CONFIG_AUTOFS_FS=y$//' "$guest"
	echo 'gone INET it was on the way' >>"$profiles/$BASE/differences"
	gives 1 '' compare --reference "$work/reference"
	said '^lost CONFIG_NO_SUCH_THING=y, unknown to Linux' \
		'^lost CONFIG_VLAN_8021Q=y' '^grown CONFIG_VETH=y' \
		'^CONFIG_NR_CPUS is 64 and not 8' 'CONFIG_FRONTSWAP needs no entry' \
		'CONFIG_INET is not gone'
}

# The profile itself, against an honest reference.
options_that_microvm_lost_or_grew_are_found()
{
	reference
	sed -i 's/^CONFIG_VETH=y$//' "$profiles/microvm/microvm-drivers.config"
	printf '\n# More.\nCONFIG_VLAN_8021Q=y\n' >>"$profiles/microvm/microvm-net.config"
	gives 1 '' compare --reference "$work/reference"
	said '^lost CONFIG_VETH=y' '^grown CONFIG_VLAN_8021Q=y'
}

without_a_reference_there_is_no_comparison()
{
	gives 4 'no firecracker-guest-x86_64-6.1.config in .*/nowhere' compare --reference "$work/nowhere"
}

an_option_that_lupine_general_lacks_is_found()
{
	sed -i '/^CONFIG_SIGNALFD=y/d' "$profiles/topic/process.config"
	printf '\n# No clients here.\n# CONFIG_UNIX is not set\n' >>"$profiles/topic/files.config"
	sed -i '/^CONFIG_UNIX=y/d' "$profiles/topic/sockets.config"
	gives 1 '' union
	said '^lupine-general lacks CONFIG_SIGNALFD, needed by postgresql$' \
		'^lupine-general lacks CONFIG_UNIX, needed by .*nginx'
}

the_kernel_in_build_tree_is_no_news_to_itself()
{
	gives 0 '^tinyconfig: 0 changed$' news --profile lupine-base "$BUILD/tree"
	said '^lupine-base: 0 new, 0 vanished, 0 refused, 0 needless$'
}

news_of_another_kernel_are_found()
{
	local source=$work/other

	# What the run before took of a kernel source is enough of one.
	rm -rf "$source"
	cp -a "$BUILD/kconfig/news-source" "$source"
	sed -i 's/^config EPOLL$/config EPOLL_NG/; s/^config KALLSYMS$/config SHINY\n\tbool "Shiny"\n\n&/
		s/default 32 if !UML/default 64 if !UML/' "$source/init/Kconfig"
	sed -i 's/^menuconfig WLAN$/menuconfig WLAN_NG/' "$source/drivers/net/wireless/Kconfig"
	sed -i 's/^config VIRTIO_BLK$/&\n\tdepends on SHINY_BUS/' "$source/drivers/block/Kconfig"
	sed -i 's/^SUBLEVEL *=.*/SUBLEVEL = 999/' "$source/Makefile"
	tar -C "$work" -cf "$work/other.tar" other
	gives 1 '' news --profile lupine-general "$work/other.tar"
	said "^# Linux ${BASE/./\\.}\.999, compared with ${BASE/./\\.}\." \
		'^lupine-general: 4 new, 1 vanished, 3 refused, 1 needless$' \
		'refused +CONFIG_EPOLL=y of kconfig-profiles/topic/process.config:[0-9]+: there is no such option' \
		'refused +CONFIG_VIRTIO_BLK=y of kconfig-profiles/topic/disk.config:[0-9]+: it stays off' \
		'^ +needs SHINY_BUS' 'needless +CONFIG_WLAN=n of kconfig-profiles/topic/net.config:[0-9]+' \
		'^tinyconfig: 1 changed' '^  changed +CONFIG_INIT_ENV_ARG_LIMIT=64, which was 32$' \
		'vanished +CONFIG_EPOLL$' 'new +CONFIG_EPOLL_NG=y' 'new +CONFIG_SHINY=n'
}

what_is_no_kernel_source_is_refused()
{
	gives 1 'nowhere does not exist' news "$work/nowhere"
	mkdir -p "$work/empty"
	gives 1 'holds no kernel source' news "$work/empty"
	head -c 1000 /dev/urandom >"$work/garbage.tar"
	gives 1 'no tarball, or a damaged one|holds no kernel source' news "$work/garbage.tar"
	gives 1 'needs the other kernel source' news
}

tables_that_are_not_up_to_date_are_found()
{
	local version

	version=$(tree_version)
	gives 0 '' tables
	printf '\n# More.\nCONFIG_TIMERFD=y\n' >>"$profiles/apps/haproxy.config"
	gives 1 '' tables --check
	said '^\+ .*EPOLL FUTEX .*TIMERFD' 'is not up to date; run: make tables'
	gives 0 '' tables
	gives 0 '' tables --check
	sed -i "s/made from Linux $version/made from Linux 6.12.1/" \
		"$repo/Documentation/lupine/options.rst"
	gives 4 '' tables --check
}

an_option_without_a_class_is_found()
{
	sed -i '/^\tcrypto/d' "$profiles/microvm/classes"
	gives 1 'CONFIG_CRYPTO_DH .*crypto/Kconfig.* has no class' tables
}

# What the documentation does not list, and what it lists without reason.
a_refusal_that_is_not_documented_is_found()
{
	sed -i 's/^X86_SGX  /X86_MCE  /' "$repo/Documentation/arch/x86/kml.rst"
	gives 1 '' refused KML
	said '^not ok - .*kml.rst has' '^> X86_SGX$' '^< X86_MCE$' '^[0-9]+ passed, 1 failed'
}

# The paper's Table 1: each of its rows is found in the source.
the_Table_1_of_the_paper_is_found_in_the_source()
{
	local option calls call

	"$ROOT/scripts/kconfig/syscalls" >"$out"
	while read -r option calls; do
		for call in $calls; do
			said "^$call$(printf '\t')[0-9]+$(printf '\t')$option$(printf '\t')"
		done
	done <<-END
		ADVISE_SYSCALLS madvise fadvise64
		AIO io_setup io_destroy io_submit io_cancel io_getevents
		BPF_SYSCALL bpf
		EPOLL epoll_ctl epoll_create epoll_wait epoll_pwait
		EVENTFD eventfd eventfd2
		FANOTIFY fanotify_init fanotify_mark
		FHANDLE open_by_handle_at name_to_handle_at
		FILE_LOCKING flock
		FUTEX futex set_robust_list get_robust_list
		INOTIFY_USER inotify_init inotify_add_watch inotify_rm_watch
		SIGNALFD signalfd signalfd4
		TIMERFD timerfd_create timerfd_gettime timerfd_settime
	END
	# What is always there needs no option.
	said "^copy_file_range$(printf '\t')326$(printf '\t')-$(printf '\t')"
}

applications_are_profiles()
{
	gives 0 '' fragments --spec apps/redis+smp
	[ "$(cat "$out")" = lupine-base+redis+smp ]
	gives 0 '' fragments apps/redis
	said '/kconfig-profiles/topic/net.config$' '/kconfig-profiles/apps/redis.config$'
	gives 1 "no application 'nope'; there are: .*redis" fragments apps/nope
	sed -i 's/^# Uses: net$/# Uses: nope/' "$profiles/apps/redis.config"
	gives 1 "apps/redis.config uses 'nope', but there is no such fragment" fragments apps/redis
	# All twenty of the paper, and each has an image to go with it.
	[ "$("$ROOT/scripts/kconfig/fragments" --apps | wc -l)" = 20 ]
	for app in $("$ROOT/scripts/kconfig/fragments" --apps); do
		[ -f "$ROOT/scripts/apps/$app/manifest" ] || { echo "no image of $app"; return 1; }
	done
}

kmake() { make -s -C "$BUILD/tree" O="$work/in-tree" "$@"; }

# same_inside SPEC TARGET...: the kernel's own targets give the same.
same_inside()
{
	"$ROOT/scripts/kconfig/configure" --output "$work/spec" "$1"
	rm -rf "$work/in-tree"
	kmake "${@:2}"
	diff "$work/in-tree/.config" "$work/spec/.config"
}

profiles_give_the_same_inside_the_tree()
{
	same_inside lupine-general lupine_defconfig
	same_inside lupine-base lupine_base_defconfig
	same_inside lupine-tiny lupine_tiny_defconfig
	same_inside lupine-base+redis tinyconfig lupine-base.config lupine-redis.config
	same_inside microvm tinyconfig lupine-microvm.config
}

make_help_lists_them()
{
	local name

	kmake help >"$out"
	for name in $("$ROOT/scripts/kconfig/fragments" --profiles) \
		$("$ROOT/scripts/kconfig/fragments" --overlays); do
		said "^ +lupine-${name#lupine-}\.config +- [A-Za-z]"
	done
	said '^ +lupine_defconfig ' '^ +lupine_base_defconfig ' '^ +lupine_tiny_defconfig '
}

# low_memory_goes OPTION [SETTING]...: what counts on the first megabyte being reserved
# goes with CONFIG_GUEST_LOW_MEMORY off only. -NAME is an option that must be off for it.
low_memory_goes()
{
	local option=$1 config=$work/in-tree/.config name

	rm -rf "$work/in-tree"
	kmake x86_64_defconfig
	for name in HYPERVISOR_GUEST GUEST_LOW_MEMORY "$@"; do
		case $name in
		-*) echo "# CONFIG_${name#-} is not set" ;;
		*) echo "CONFIG_$name=y" ;;
		esac
	done >>"$config"
	kmake olddefconfig
	# It is a test only if that one can be had.
	grep -x "CONFIG_$option=y" "$config"
	! grep -x CONFIG_GUEST_LOW_MEMORY=y "$config" ||
		{ echo "GUEST_LOW_MEMORY is on together with $option"; return 1; }
}

what_counts_on_the_first_megabyte_refuses_its_use()
{
	low_memory_goes CRASH_DUMP KEXEC
	low_memory_goes INTEL_TDX_HOST -KEXEC -KEXEC_FILE -CRASH_DUMP -HIBERNATION X86_X2APIC \
		KVM KVM_INTEL CMA
	low_memory_goes XEN_DOM0 XEN XEN_PVH
	low_memory_goes HYPERV
}

while IFS='|' read -r title pattern text; do
	check "$title" in_fresh_copy lint_finds "$pattern" "$text"
done <<'END'
an option that the kernel does not have is found|Linux [0-9.]+ has no CONFIG_NO_SUCH_THING|\n# Why.\nCONFIG_NO_SUCH_THING=y\n
an option that cannot be set is found|CONFIG_SECCOMP_FILTER cannot be set|\n# Why.\nCONFIG_SECCOMP_FILTER=y\n
an option that others select is found|CONFIG_NET_FAILOVER=y is implied: others select it|\n# Why.\nCONFIG_NET_FAILOVER=y\n
an option that has the value by default is found|CONFIG_NET_CORE=y is implied: it is the default here|\n# Why.\nCONFIG_NET_CORE=y\n
an option that does not get its value is found|CONFIG_E1000=y is not what comes out|\n# Why.\nCONFIG_E1000=y\n
an option that is set twice is found|CONFIG_AIO is set twice|\n# Why.\nCONFIG_AIO=y\n\n# Why not.\n# CONFIG_AIO is not set\n
a group without a reason is found|no comment says why the group with CONFIG_AIO|\nCONFIG_AIO=y\n
options out of order are found|CONFIG_AIO stands after CONFIG_TIMERFD: not sorted|\n# Why.\nCONFIG_TIMERFD=y\nCONFIG_AIO=y\n
a mistyped setting is found|a setting with a mistake in it|\n# Why.\n# CONFIG_AIO=y\n
other text is found|neither a setting nor a comment|AIO=y\n
END
# static.sh checks the fragments, tables and profiles as they are.
check "CONFIG_KML refuses what it cannot go with" "$ROOT/scripts/kconfig/refused"
faulty fragments_without_faults_pass an_option_of_another_fragment_is_found \
	a_fragment_without_a_help_line_is_found what_one_profile_implies_may_be_needed_by_another \
	what_is_said_to_be_explicit_may_be_implied an_option_that_lupine_general_lacks_is_found \
	the_kernel_in_build_tree_is_no_news_to_itself news_of_another_kernel_are_found \
	what_is_no_kernel_source_is_refused \
	an_option_without_a_class_is_found the_Table_1_of_the_paper_is_found_in_the_source \
	a_refusal_that_is_not_documented_is_found \
	applications_are_profiles \
	profiles_give_the_same_inside_the_tree make_help_lists_them \
	what_counts_on_the_first_megabyte_refuses_its_use
# The page of tables in Documentation is about the usual version, and these know the
# reference for it.
[ "$BASE" != "$usual_base" ] || faulty microvm_is_compared_with_what_it_is_equal_to \
	differences_from_the_guest_are_found options_that_microvm_lost_or_grew_are_found \
	without_a_reference_there_is_no_comparison tables_that_are_not_up_to_date_are_found
summary
