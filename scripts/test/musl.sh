#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: scripts/test/musl.sh [OPTION]...
#
# Test build/musl (made if it is missing): its machine code, then programs
# linked with it in every way, on this kernel with SYSCALL and with an entry for
# system calls that scripts/test/musl/with-entry.c puts in user space, and
# mutants of the code for cancellation, which must fail. With --kernel, the same
# programs in a guest. Logs are in build/test/.
#
#   --kernel VMLINUX     also in a guest with this kernel
#   --way kernel|syscall how the guest must make its system calls, default kernel
#   --guest-only         nothing on this machine
#   --cpus N, --accel A, --timeout S   as for scripts/lupine/run
#   --scale N            how long the tests take; default 50, in a guest 5
#   --program NAME       only this one (may be repeated)
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/../lib.sh"
# shellcheck source=scripts/test/lib.sh
. "$ROOT/scripts/test/lib.sh"

kernel='' way=kernel guest_only='' scale='' timeout=600
guest=()
selected=()
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage; exit ;;
	--guest-only) guest_only=1; shift; continue ;;
	esac
	[ $# -ge 2 ] || die "unknown option $1, or its value is missing; see --help"
	case $1 in
	--kernel) kernel=$2 ;;
	--way) way=$2 ;;
	--cpus | --accel) guest+=("$1" "$2") ;;
	--timeout) timeout=$2 ;;
	--scale) scale=$2 ;;
	--program) selected+=("$2") ;;
	*) die "unknown option $1; see --help" ;;
	esac
	shift 2
done
case $way in kernel | syscall) ;; *) die "--way is kernel or syscall, not '$way'" ;; esac
[ -z "$guest_only" ] || [ -n "$kernel" ] || die "--guest-only needs --kernel"
[ -z "$kernel" ] || [ -f "$kernel" ] || die "no kernel $kernel"
for program in "${selected[@]}"; do
	[ -f "$ROOT/scripts/test/musl/$program.c" ] || die "no test '$program'"
done

sources=$ROOT/scripts/test/musl
musl=$BUILD/musl
bin=$BUILD/test/musl
cc=$musl/bin/lupine-musl-gcc
programs=(calls redzone threads procs signals cancel)
cflags=(-O2 -Wall -Wextra -I "$musl/src/arch/x86_64")
# As Alpine's compilers link: libc has a name of its own there.
alpine=(-nodefaultlibs -L "$musl/rootfs/lib" -l:libc.musl-x86_64.so.1 -lgcc)

compile()
{
	local p

	need objdump readelf
	rm -rf "$bin"
	mkdir -p "$bin"/{static,static-pie,dynamic,host}
	for p in "${programs[@]}"; do
		"$cc" "${cflags[@]}" -static -o "$bin/static/$p" "$sources/$p.c"
	done
	# redzone uses libc's private __sysinfo, which only static programs can.
	for p in "${programs[@]}"; do
		[ "$p" = redzone ] && continue
		"$cc" "${cflags[@]}" -fPIE -static-pie -o "$bin/static-pie/$p" "$sources/$p.c"
		"$cc" "${cflags[@]}" -o "$bin/dynamic/$p" "$sources/$p.c" "${alpine[@]}"
	done
	"$cc" "${cflags[@]}" -o "$bin/dynamic/dl" "$sources/dl.c" "${alpine[@]}"
	readelf -d "$bin/dynamic/dl" | grep -q 'NEEDED.*libc\.musl-x86_64\.so\.1'
	"$cc" "${cflags[@]}" -shared -fPIC -o "$bin/dynamic/dl-module.so" "$sources/dl-module.c"
	# On this machine /lib has another musl, or none.
	for p in "${programs[@]}" dl; do
		[ "$p" = redzone ] && continue
		"$cc" "${cflags[@]}" -Wl,-dynamic-linker,"$musl/lib/ld-musl-x86_64.so.1" \
			-o "$bin/host/$p" "$sources/$p.c"
	done
	gcc -O2 -Wall -Wextra -o "$bin/with-entry" "$sources/with-entry.c"
}

# The symbol for each SYSCALL instruction must be one where it has to stay.
syscalls_left()
{
	objdump -d --no-show-raw-insn "$musl/lib/libc.so" | awk '
		/^[0-9a-f]+ <.*>:$/ { f = $2; gsub(/[<>:]/, "", f) }
		/\tsyscall *$/ { n[f]++ }
		/\tcall +\*.*<__sysinfo>/ { calls++ }
		END {
			want["vfork"] = want["__restore_rt"] = want["syscall_insn"] = 1
			want["__set_thread_area"] = 1
			want["__clone"] = want["__unmapself"] = 2
			for (f in n)
				if (n[f] != want[f]) { print "SYSCALL in " f; bad = 1 }
			for (f in want)
				if (!n[f]) { print "no SYSCALL in " f; bad = 1 }
			print calls + 0 " calls through __sysinfo"
			exit bad || calls < 400
		}'
}

# No function that calls the entry may address memory below the stack pointer.
red_zone_unused()
{
	objdump -d --no-show-raw-insn "$1" | awk '
		/^[0-9a-f]+ <.*>:$/ { f = $2; below = 0; calls[f] = 0 }
		/-0x[0-9a-f]+\(%rsp/ { low[f] = $0 }
		/\tcall +\*.*<__sysinfo>/ { calls[f]++; n++ }
		END {
			for (f in low)
				if (calls[f]) { print f, low[f]; bad = 1 }
			print n + 0 " calls through __sysinfo"
			exit bad || !n
		}'
}

# And the test of the red zone must use one.
red_zone_used()
{
	local n

	n=$(objdump -d --no-show-raw-insn "$bin/static/redzone" | awk '
		/^[0-9a-f]+ <leaf[0-6]>:$/ { f = $2 }
		/^$/ { f = "" }
		f && /\(%rsp/ && /-0x/ && !/\tlea / { used[f] = 1 }
		END { for (f in used) n++; print n + 0 }')
	echo "$n of 7 functions use the red zone"
	[ "$n" = 7 ]
}

red_zone_matters()
{
	local status=0

	"$cc" "${cflags[@]}" -D__NO_RED_ZONE -static -o "$bin/redzone-unsafe" "$sources/redzone.c"
	"$bin/redzone-unsafe" || status=$?
	[ "$status" = 1 ]
}

# mutant NAME SED: cancel, with a change to the code that it tests. It must fail
# or hang; the change must be one.
mutant()
{
	local c=$bin/$1.c status=0

	sed "$2" "$musl/src/src/thread/pthread_cancel.c" >"$c"
	! cmp -s "$c" "$musl/src/src/thread/pthread_cancel.c" || return 99
	gcc -std=c99 -nostdinc -ffreestanding -D_XOPEN_SOURCE=700 -Os -mno-red-zone \
		-D__NO_RED_ZONE -w -I "$musl/src/arch/x86_64" -I "$musl/src/arch/generic" \
		-I "$musl/src/src/include" -I "$musl/src/src/internal" \
		-I "$musl/include" -c -o "$bin/$1.o" "$c"
	"$cc" "${cflags[@]}" -DHANG_SECONDS=3 -static -o "$bin/$1" "$sources/cancel.c" "$bin/$1.o"
	timeout 60 "$bin/$1" 50 || status=$?
	echo "# status $status"
	[ "$status" != 0 ]
}

# rounds PROGRAM SCALE: its argument.
rounds()
{
	case $1 in
	dl) echo "$bin/dynamic/dl-module.so" ;;
	calls) echo $(($2 * 200)) ;;
	redzone) echo $(($2 * 20)) ;;
	cancel) echo $(($2 * 10)) ;;
	*) echo "$2" ;;
	esac
}

wanted()
{
	[ ${#selected[@]} = 0 ] || [[ " ${selected[*]} " = *" $1 "* ]]
}

on_host()
{
	local kind p dir

	try "musl: SYSCALL stays only where a call cannot be made" syscalls_left
	try "musl: libc.so keeps nothing below the stack pointer" red_zone_unused "$musl/lib/libc.so"
	try "musl: the test of the red zone uses it" red_zone_used
	try "musl: the test of the red zone fails without stepping over it" red_zone_matters
	for kind in static static-pie dynamic; do
		dir=$kind
		[ "$kind" != dynamic ] || dir=host
		for p in "${programs[@]}" dl; do
			if [ ! -x "$bin/$dir/$p" ] || ! wanted "$p"; then
				continue
			fi
			try "musl: $p, $kind" timeout 300 "$bin/$dir/$p" \
				"$(rounds "$p" "${scale:-50}")"
			try "musl: $p, $kind, with an entry" env MUSL_TEST_WAY=shim \
				timeout 300 "$bin/with-entry" "$bin/$dir/$p" \
				"$(rounds "$p" "${scale:-50}")"
		done
	done
	wanted cancel || return 0
	try "musl: mutant that does not look at the entry fails" mutant blind \
		's/return uc->uc_mcontext.MC_PC == __sysinfo$/return 0/'
	try "musl: mutant that acts on calls that are no cancellation points fails" \
		mutant no-return-address 's/&& \*(uintptr_t \*)uc->.* == (uintptr_t)__cp_end/\&\& 1/'
	try "musl: mutant that acts after the system call fails" mutant late \
		's/return uc->uc_mcontext.MC_PC == __sysinfo$/return 1/'
	try "musl: mutant that acts at the return address fails" mutant too-late \
		's/pc < (uintptr_t)__cp_end/pc <= (uintptr_t)__cp_end/'
	try "musl: mutant that leaves the return address on the stack fails" mutant stack \
		's/MC_SP += sizeof(uintptr_t)/MC_SP += 0/'
}

image()
{
	"$ROOT/scripts/apps/build" --output "$bin/root.ext2" \
		--add "$bin/static:/tests/static" --add "$bin/static-pie:/tests/static-pie" \
		--add "$bin/dynamic:/tests/dynamic" --add "$musl/rootfs/lib:/usr/lib" \
		"$sources/manifest"
}

# A container image as Alpine makes them, with the libc that Debian ships.
alpine_image()
{
	local root=$bin/alpine layout=$bin/alpine-layout

	need umoci
	rm -rf "$root" "$layout"
	mkdir -p "$root/lib" "$root/bin" "$root/tmp"
	cp -L /lib/ld-musl-x86_64.so.1 "$root/lib/"
	ln -s ld-musl-x86_64.so.1 "$root/lib/libc.musl-x86_64.so.1"
	cp "$bin/dynamic/calls" "$bin/dynamic/threads" "$root/bin/"
	umoci init --layout "$layout"
	umoci new --image "$layout:calls"
	umoci insert --rootless --image "$layout:calls" "$root" /
	umoci config --image "$layout:calls" --config.entrypoint /bin/calls --config.cmd 100
	"$ROOT/scripts/lupine/lupine" image --output "$bin/alpine.ext2" "$layout:calls"
	"$ROOT/scripts/lupine/lupine" image --musl --output "$bin/alpine-musl.ext2" "$layout:calls"
	debugfs -R "dump /lib/ld-musl-x86_64.so.1 $bin/alpine-libc" "$bin/alpine-musl.ext2"
	cmp "$bin/alpine-libc" "$musl/rootfs/lib/ld-musl-x86_64.so.1"
}

alpine()
{
	"$ROOT/scripts/lupine/run" --kernel "$kernel" --image "$bin/$1.ext2" --no-net \
		--quiet --timeout "$timeout" -e "MUSL_TEST_WAY=$way" "${guest[@]}"
}

in_guest()
{
	"$ROOT/scripts/lupine/run" --kernel "$kernel" --image "$bin/root.ext2" --no-net \
		--quiet --timeout "$timeout" -e "MUSL_TEST_WAY=$way" "${guest[@]}" \
		-- "${scale:-5}" "${selected[@]}"
}

try "musl: build/musl" "$ROOT/scripts/musl/build"
[ "$result" != 0 ] || try "musl: the tests compile" compile
if [ "$result" != 0 ]; then
	summary || :
	exit 1
fi
[ -n "$guest_only" ] || on_host
if [ -n "$kernel" ]; then
	try "musl: image with the tests" image
	[ "$result" != 0 ] || suite "musl in a guest" in_guest
	try "musl: container image with another musl, and with ours" alpine_image
	if [ "$result" = 0 ]; then
		try "musl: container image as it is" alpine alpine
		try "musl: container image with our libc" alpine alpine-musl
	fi
fi
summary
