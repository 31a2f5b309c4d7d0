#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/musl.sh [OPTION]...
#
# Test build/musl, which is made if it is missing: its machine code, programs that are
# linked with it in every way, and mutants of the code for cancellation, which must
# fail. The programs run on this kernel, with SYSCALL and with an entry for system calls
# that scripts/test/musl/with-entry.c puts into user space, and with --kernel in a guest.
#
#   --kernel VMLINUX     also test in a guest with this kernel, which has CONFIG_KML
#   --program NAME       test only this program (may be repeated)
#
# Example: scripts/test/musl.sh --kernel build/kernel/lupine-general/vmlinux
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

kernel='' programs=()
begin kernel:kernel program:list -- "$@"
sources=$ROOT/scripts/test/musl
musl=$SHARED/musl
bin=$work/bin
cc=$musl/bin/lupine-musl-gcc
all=("$sources"/{calls,redzone,cancel,dl}.c "$ROOT/scripts/test/workout"/*.c)
for program in "${programs[@]}"; do
	[[ " ${all[*]} " == *"/$program.c "* ]] || die "no test '$program'"
done
cflags=(-O2 -Wall -Wextra -I "$musl/src/arch/x86_64" -I "$ROOT/scripts/test/workout")
# As Alpine's compilers link: libc has a name of its own there.
alpine=(-nodefaultlibs -L "$musl/rootfs/lib" -l:libc.musl-x86_64.so.1 -lgcc)

compile()
{
	local source p

	need objdump readelf
	# What is dynamic differs: on this machine /lib has another musl, or none.
	mkdir -p "$bin"/{static,static-pie,dynamic,here/dynamic}
	ln -s ../static ../static-pie "$bin/here/"
	for source in "${all[@]}"; do
		p=$(basename "$source" .c)
		[ "$p" = dl ] || "$cc" "${cflags[@]}" -static -o "$bin/static/$p" "$source"
		# redzone uses libc's private __sysinfo, which only static programs can.
		[ "$p" != redzone ] || continue
		[ "$p" = dl ] ||
			"$cc" "${cflags[@]}" -fPIE -static-pie -o "$bin/static-pie/$p" "$source"
		"$cc" "${cflags[@]}" -o "$bin/dynamic/$p" "$source" "${alpine[@]}"
		"$cc" "${cflags[@]}" -Wl,-dynamic-linker,"$musl/lib/ld-musl-x86_64.so.1" \
			-o "$bin/here/dynamic/$p" "$source"
	done
	readelf -d "$bin/dynamic/dl" | grep -q 'NEEDED.*libc\.musl-x86_64\.so\.1'
	"$cc" "${cflags[@]}" -shared -fPIC -o "$bin/dynamic/dl-module.so" "$sources/dl-module.c"
	cp "$bin/dynamic/dl-module.so" "$bin/here/dynamic/"
	gcc -O2 -Wall -Wextra -I "$ROOT/scripts/test/workout" -o "$bin/with-entry" \
		"$sources/with-entry.c"
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
	"$cc" "${cflags[@]}" -D__NO_RED_ZONE -static -o "$bin/redzone-unsafe" "$sources/redzone.c"
	run "$bin/redzone-unsafe"
	ended 1
}

# mutant NAME SED: cancel, with a change to the code that it tests. It must fail
# or hang; the change must be one.
mutant()
{
	local c=$bin/$1.c

	sed "$2" "$musl/src/src/thread/pthread_cancel.c" >"$c"
	! cmp -s "$c" "$musl/src/src/thread/pthread_cancel.c" || return 99
	gcc -std=c99 -nostdinc -ffreestanding -D_XOPEN_SOURCE=700 -Os -mno-red-zone \
		-D__NO_RED_ZONE -w -I "$musl/src/arch/x86_64" -I "$musl/src/arch/generic" \
		-I "$musl/src/src/include" -I "$musl/src/src/internal" \
		-I "$musl/include" -c -o "$bin/$1.o" "$c"
	"$cc" "${cflags[@]}" -DHANG_SECONDS=3 -static -o "$bin/$1" "$sources/cancel.c" "$bin/$1.o"
	run timeout 60 "$bin/$1" 50
	echo "# status $status"
	[ "$status" != 0 ]
}

# here WAY COMMAND...: all programs on this machine, by COMMAND
here()
{
	env ${1:+MUSL_TEST_WAY="$1"} TMPDIR="$work" TESTS="$bin/here" WITH="${*:2}" \
		sh "$sources/in-guest" 50 "${programs[@]}"
}

on_host()
{
	check "SYSCALL stays only where a call cannot be made" syscalls_left
	check "libc.so keeps nothing below the stack pointer" red_zone_unused "$musl/lib/libc.so"
	check "the test of the red zone uses it" red_zone_used
	check "the test of the red zone fails without stepping over it" red_zone_matters
	suite "on this machine" here '' timeout 300
	suite "on this machine, with an entry" here shim timeout 300 "$bin/with-entry"
	[ ${#programs[@]} = 0 ] || [[ " ${programs[*]} " == *" cancel "* ]] || return 0
	check "mutant that does not look at the entry fails" mutant blind \
		's/return uc->uc_mcontext.MC_PC == __sysinfo$/return 0/'
	check "mutant that acts on calls that are no cancellation points fails" \
		mutant no-return-address 's/&& \*(uintptr_t \*)uc->.* == (uintptr_t)__cp_end/\&\& 1/'
	check "mutant that acts after the system call fails" mutant late \
		's/return uc->uc_mcontext.MC_PC == __sysinfo$/return 1/'
	check "mutant that acts at the return address fails" mutant too-late \
		's/pc < (uintptr_t)__cp_end/pc <= (uintptr_t)__cp_end/'
	check "mutant that leaves the return address on the stack fails" mutant stack \
		's/MC_SP += sizeof(uintptr_t)/MC_SP += 0/'
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

# in_guest IMAGE [ARGUMENT]...
in_guest()
{
	guest --kernel "$kernel" --image "$1" --no-net --quiet --timeout 600 \
		-e MUSL_TEST_WAY=kernel "${@:2}"
	ended 0
}

must "build/musl" "$ROOT/scripts/musl/build"
must "the tests compile" compile
on_host
if [ -n "$kernel" ]; then
	build_image "$sources/manifest" --add "$bin/static:/tests/static" \
		--add "$bin/static-pie:/tests/static-pie" --add "$bin/dynamic:/tests/dynamic" \
		--add "$musl/rootfs/lib:/usr/lib"
	suite "in a guest" in_guest "$image" -- 5 "${programs[@]}"
	check "a container image with another musl, and with ours" alpine_image
	if ok; then
		check "the container image as it is" in_guest "$bin/alpine.ext2"
		check "the container image with our libc" in_guest "$bin/alpine-musl.ext2"
	fi
fi
summary
