#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/kvm.sh --kernel VMLINUX --tests DIR [OPTION]...
#
# Test kernels as guests of KVM. If KVM does not work on this machine, the tests run in two
# virtual machines where it does (scripts/test/with-kvm --help), at the same time. That takes
# five minutes on two processors that have nothing else to do, and 3 GiB of memory for each
# machine. With --quick, it takes a minute.
#
#   --kernel VMLINUX  lupine-general
#   --tests DIR       kml's kselftests, installed
#   --quick           only boot, and the kselftests mode and callentry
#   --other VMLINUX   also test this kernel, which has no CONFIG_KML
#   --smp VMLINUX     also test several processors, with this kernel (may be repeated); two, one
#                     without CONFIG_KML, are compared
#   --boot VMLINUX    also boot this kernel (may be repeated)
#   --ukl FOLDER      also test applications in this kernel (may be repeated)
#   --inside FOLDER   the images are in FOLDER, and KVM works
#   --half 1|2        with --inside: only one processor, or only several
#
# Example: scripts/test/kvm.sh --quick --kernel build/kernel/lupine-general/vmlinux \
#              --tests build/test/kselftest/kml
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

kernel='' tests='' quick='' other='' smps=() boots=() ukls=() inside='' half=''
command=("$0" "$@")
begin kernel:kernel! tests:folder! quick other:kernel smp:list boot:list ukl:list \
	inside:folder half:number -- "$@"
sources=$ROOT/scripts/test/kvm
images=${inside:-$work/images}
programs=(process init hello++)
# What a process enters the kernel by, and leaves it: a name, and the labels
stretches='SYSCALL entry_SYSCALL_64 entry_SYSCALL_64_safe_stack
after_SYSCALL entry_SYSCALL_64_after_hwframe entry_SYSCALL_64_jump
CALL entry_CALL_64
after_CALL entry_CALL_64_safe_stack entry_CALL_64_full
exceptions asm_exc_page_fault asm_exc_int3 asm_exc_general_protection error_entry error_return
exceptions sync_regs kml_leave_entry_stack
exceptions restore_regs_and_return_to_kernel native_irq_return_iret
debug asm_exc_debug paranoid_entry paranoid_exit
timer asm_sysvec_apic_timer_interrupt'

kvm() { guest --accel kvm --no-net --timeout 900 "$@"; }
says_hello() { kvm --kernel "$1" --image "$images/hello.ext2"; ended 0 '^Hello from Lupine'; }
has() { grep -qx "CONFIG_$2=y" "$(dirname "$1")/.config"; }
cpus_of() { if has "$1" SMP; then echo 2; else echo 1; fi; }
is_kml() { if has "$1" KML; then echo 1; else echo 0; fi; }

# selftests KERNEL [OPTION...]: with the console in a file that the kernel names
selftests()
{
	"$ROOT/scripts/test/kselftest.sh" --kernel "$1" --cpus "$(cpus_of "$1")" --tests "$tests" \
		--image "$images/kselftest.ext2" --timeout 3000 --test-timeout 900 \
		-e "KML_EXPECT=$(is_kml "$1")" "${@:2}"
}

selftest_suite()
{
	local title=${*:2}

	suite "kselftest kml, $(kernel_name "$1"), $(cpus_of "$1") CPU ${title%%--log*}" \
		selftests "$1" --accel kvm "${@:2}"
}

# outcomes CONSOLE: what each kselftest there came to
outcomes()
{
	tr -d '\r' <"$1" | awk '
		/^# selftests: / { test = $NF }
		match($0, /^# (not )?ok [0-9]+ /) {
			skip = sub(/ *# *SKIP.*/, "")
			text = substr($0, RLENGTH + 1)
			print test, text, skip ? "skip" : $2 == "ok" ? "ok" : "not ok" }' | sort
}

# all_selftests KERNEL: and there is no difference from what TCG gave
all_selftests()
{
	local name

	name=$(kernel_name "$1")
	selftest_suite "$1" --log "$work/$name.kvm"
	[ ! -f "$images/$name.tcg" ] ||
		check "each of them gives what it gives under TCG" same_outcomes "$images/$name.tcg" \
			"$work/$name.kvm"
}

same_outcomes()
{
	local n

	n=$(outcomes "$1" | wc -l)
	[ "$n" -gt 100 ] || { echo "$1 has only $n"; return 1; }
	diff <(outcomes "$1") <(outcomes "$2")
}

# without_kml KERNEL...: those that both kernels run, one of which has no CONFIG_KML
without_kml()
{
	local name

	for name; do
		outcomes "$work/$(kernel_name "$name").kvm" | grep -v ' skip$' >"$work/$(is_kml "$name")"
	done
	join -t '|' <(sed 's/ \(ok\|not ok\)$/|\1/' "$work/0") \
		<(sed 's/ \(ok\|not ok\)$/|\1/' "$work/1") >"$work/both"
	awk -F '|' '$2 != $3; END { print NR " tests"; exit NR < 100 }' "$work/both"
	! awk -F '|' '$2 != $3' "$work/both" | grep .
}

# count EVENT:KEY...: have the host count these of KVM's events
count()
{
	local event at

	[ -w "$events" ] || { echo "$events cannot be written"; exit $SKIP; }
	for event; do
		at=$events/${event%%:*}/trigger
		echo "!hist:keys=${event#*:}" 2>/dev/null >"$at" || :
		echo "hist:keys=${event#*:}" >"$at"
	done
}

# counted EVENT [VALUE]: it came, with this value of the key
counted()
{
	cat "$events/$1/hist"
	grep -Eq "^\{ [a-z_]+: +${2:-[0-9]+} \}" "$events/$1/hist" || { echo "no $1 ${2:-}"; return 1; }
}

# swapped KERNEL HYP: on a host with too little memory, a guest reads what it has written; and
# so many times it was told of a page that the host had not there.
swapped()
{
	local group

	group=/sys/fs/cgroup/kvm-$(kernel_name "$1")
	grep -q partition /proc/swaps || { echo "no swap"; exit $SKIP; }
	mkdir -p "$group"
	at_exit rmdir "$group"
	echo 72M >"$group/memory.max"
	echo "$BASHPID" >"$group/cgroup.procs"
	taskset -cp 0 "$BASHPID"
	count kvm_async_pf_not_present:common_pid kvm_pv_eoi:common_pid
	kvm --kernel "$1" --image "$images/pv.ext2" --memory 96 --append ignore_loglevel \
		-- memory 64 2
	ended 0 '^pv: round 2, 0 wrong words' "^pv: HYP interrupts $2" '^pv: stolen ticks [1-9]' \
		'kvm-clock: Using msrs' 'Switched to clocksource kvm-clock'
	counted kvm_async_pf_not_present
	counted kvm_pv_eoi
	grep -E '^pgmajfault [1-9]' "$group/memory.stat"
}

# Four processors on one of the host: the last idles, so that an interrupt for two of the
# others is not one for all but the sender. Hypercalls: 5 is KVM_HC_KICK_CPU, 10
# KVM_HC_SEND_IPI.
uses_what_kvm_offers()
{
	taskset -cp 0 "$BASHPID"
	count kvm_pv_eoi:common_pid kvm_hypercall:nr kvm_pv_tlb_flush:need_flush_tlb
	kvm --kernel "$1" --image "$images/pv.ext2" --cpus 4 --append ignore_loglevel -- busy 4
	ended 0 '^pv: stolen ticks [1-9]' 'kvm-clock: Using msrs' 'PV spinlocks enabled' \
		'setup PV IPIs' 'setup pv remote TLB flush'
	counted kvm_pv_eoi
	counted kvm_hypercall 5
	counted kvm_hypercall 10
	counted kvm_pv_tlb_flush 1
}

list_entry()
{
	objdump -d --no-show-raw-insn "$kernel" | awk -v stretches="$stretches" '
		BEGIN {
			n = split(stretches, line, "\n")
			for (i = 1; i <= n; i++) {
				m = split(line[i], word, " ")
				for (k = 2; k <= m; k++)
					stretch[word[k]] = word[1]
			}
		}
		/^[0-9a-f]+ <.*>:$/ {
			name = substr($2, 2, length($2) - 3)
			found[name] = name in stretch
		}
		/^ *[0-9a-f]+:\t/ && found[name] {
			print substr($1, 1, length($1) - 1), stretch[name]
		}
		END {
			for (name in stretch)
				if (!found[name]) {
					print "no " name >"/dev/stderr"
					exit 1
				}
		}' >"$images/entry"
}

# The host takes the processor from the guest all the time, and counts where. An exit from the
# guest for an interrupt of the host is SVM's 96, or VMX's 1.
take_processor()
{
	taskset -cp 0 $$ >/dev/null
	(count 'kvm_exit:guest_rip.hex:size=8192 if (isa==2&&exit_reason==96)||(isa==1&&exit_reason==1)')
	"$images/preempt" &
	preempt=$!
	at_exit end "$preempt"
}

# end PID: with what it has started
# shellcheck disable=SC2317 # called by a trap, too
end() { pkill -P "$1" || :; kill "$1" 2>/dev/null || :; }

taken_everywhere()
{
	end "$preempt"
	awk 'NR == FNR { if ($2 == "guest_rip:") hits[$3] = $6; next }
		{ n[$2] += hits[$1] }
		END {
			for (name in n) {
				print name ": " n[name]
				bad += !n[name]
			}
			exit bad || !length(n)
		}' "$events/kvm_exit/hist" "$images/entry"
}

make_images()
{
	"$ROOT/scripts/apps/build" --output "$images/hello.ext2" hello
	"$ROOT/scripts/apps/build" --output "$images/kselftest.ext2" --add "$tests:/kselftest" \
		"$ROOT/scripts/test/kselftest/manifest"
	[ -z "$quick" ] || return 0
	"$ROOT/scripts/apps/build" redis
	"$ROOT/scripts/apps/build" --output "$images/pv.ext2" "$sources/manifest"
	gcc -O2 -Wall -Wextra -Werror -static -o "$images/preempt" "$sources/preempt.c"
}

# link_programs FOLDER: into one that is named after it
link_programs()
{
	local new=$images/${1##*/}

	mkdir "$new"
	PATH=$ROOT/scripts/ukl:$PATH UKL_KERNEL=$1 make -C "$BUILD/tree/tools/testing/selftests/ukl" \
		OUTPUT="$new" KHDR_INCLUDES='' CC=ukl-gcc CXX=ukl-g++ "${programs[@]/#/$new/}"
}

# under_tcg KERNEL: what KVM is compared with. The same QEMU emulates the same processor.
under_tcg()
{
	PATH=$SHARED/kvm/bin:$PATH selftests "$1" --accel tcg --cpu EPYC-v4,check=off \
		--log "$images/$(kernel_name "$1").tcg"
}

# inside HALF: in a machine with KVM
inside() { "${within[@]}" "${command[@]}" --inside "$images" --half "$1"; }

# The second machine runs while the first does.
second()
{
	tail -n +1 -f --pid="$second" "$work/second"
	return "$(cat "$work/second.status")"
}

if [ -z "$inside" ]; then
	need --group build objdump gcc
	mkdir "$images"
	must "the images can be made" make_images
	for k in "${ukls[@]}"; do
		must "applications are linked with ${k##*/}" link_programs "$k"
	done
	within=(timeout --foreground 7000 "$ROOT/scripts/test/with-kvm") second=''
	if [ "$("$ROOT/scripts/lupine/lupine" accel)" = kvm ]; then
		within=()
	elif ! "$ROOT/scripts/test/with-kvm" --fetch; then
		skip "guests of KVM" "Debian 13's kernel and QEMU cannot be had, see above"
		summary
		exit
	fi
	[ -n "$quick" ] || must "the entry code has its labels" list_entry
	if [ ${#smps[@]} -gt 0 ]; then
		(
			status=0
			inside 2 >"$work/second" 2>&1 || status=$?
			echo "$status" >"$work/second.status"
		) &
		second=$!
		at_exit end "$second"
	fi
	if [ -z "$quick" ] && [ ${#within[@]} -gt 0 ]; then
		for k in "$kernel" ${other:+"$other"}; do
			suite "kselftest kml, $(kernel_name "$k"), TCG" under_tcg "$k"
		done
	fi
	suite "guests of KVM" inside 1
	[ -z "$second" ] || suite "guests of KVM with several processors" second
	summary
	exit
fi

events=/sys/kernel/tracing/events/kvm
if [ "$half" = 2 ]; then
	for k in "${smps[@]}"; do
		check "$(kernel_name "$k") uses what KVM offers to 4 CPUs" uses_what_kvm_offers "$k"
		all_selftests "$k"
		[ "$(is_kml "$k")" = 0 ] ||
			selftest_suite "$k" --nmi 5 --test kml:tracing --test kml:callstorm
	done
	[ ${#smps[@]} != 2 ] ||
		check "tests give the same without CONFIG_KML" without_kml "${smps[@]}"
	for k in "${ukls[@]}"; do
		for program in "${programs[@]}"; do
			suite "the selftest $program in ${k##*/}" "$ROOT/scripts/lupine/lupine" run \
				--accel kvm --cpus "$(cpus_of "$k/vmlinux")" --timeout 900 \
				"$images/${k##*/}/$program"
		done
	done
	summary
	exit
fi
check "$(kernel_name "$kernel") boots" says_hello "$kernel"
if [ -n "$quick" ]; then
	selftest_suite "$kernel" --test kml:mode --test kml:callentry
	summary
	exit
fi
for k in "${boots[@]}"; do
	check "${k#"$BUILD/kernel/"} boots" says_hello "$k"
done
if [ -w "$events" ]; then
	take_processor
	all_selftests "$kernel"
	check "the host took the processor in each stretch of the entry code" taken_everywhere
else
	all_selftests "$kernel"
	skip "a host that takes the processor" "$events cannot be written"
fi
selftest_suite "$kernel" --nmi 20 --test kml:callstorm
suite "application redis" "$ROOT/scripts/test/app.sh" redis --kernel "$kernel" --accel kvm
suite "snapshots" "$ROOT/scripts/test/snapshot.sh" --kernel "$kernel"
check "$(kernel_name "$kernel") runs while the host swaps" swapped "$kernel" '(-1|0)$'
if [ -n "$other" ]; then
	check "$(kernel_name "$other") is told of pages that the host swaps" swapped "$other" '[1-9]'
	all_selftests "$other"
	check "tests give the same without CONFIG_KML" without_kml "$kernel" "$other"
fi
summary
