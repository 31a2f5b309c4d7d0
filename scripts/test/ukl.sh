#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/ukl.sh [--quick] --kernel FOLDER
#
# Test applications in the kernel: link the programs of selftests/ukl with the
# objects in FOLDER, a kernel that scripts/kconfig/build made of a profile with
# +ukl, and boot them. What ukl-gcc refuses is tested, too.
#
#   --quick   only what depends on the kernel, with one libc
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
kernel='' quick=''
begin kernel:folder! quick -- "$@"
need gcc g++ mke2fs nm objdump
kernel=$(readlink -f "$kernel")
grep -qsx CONFIG_UKL=y "$kernel/.config" || die "no kernel with CONFIG_UKL in '$kernel' (--kernel)"
export UKL_KERNEL=$kernel
unset UKL_LIBC UKL_HOST UKL_KERNEL_SYMBOLS UKL_REWRITE
kml=
! grep -qx CONFIG_KML=y "$kernel/.config" || kml=1
PATH=$ROOT/scripts/ukl:$PATH
selftests=$BUILD/tree/tools/testing/selftests/ukl
app=$work/machine
cd "$work"

# On a busy machine the kernel misses ticks that it counts on, and panics.
boot_options=(--timeout 180 --accel tcg --append no_timer_check)
boot() { guest "${boot_options[@]}" "$@"; }
# A selftest counts its tests itself, and its status is the machine's.
boot_selftest() { "$ROOT/scripts/lupine/lupine" run "${boot_options[@]}" "$work/$1"; }
compile() { make -C "$selftests" OUTPUT="$work" KHDR_INCLUDES= CC=ukl-gcc CXX=ukl-g++ "${@/#/$work/}"; }
has() { grep -qx "CONFIG_$1=y" "$kernel/.config"; }

# Programs and their makefile know nothing of kernels. As in a fresh clone, this link
# compiles callsites.
[ -z "$kml" ] || rm -rf "$BUILD/callsites"
run compile process init machine network hello++
must "an unmodified makefile makes kernels" ended 0 '!system calls stay SYSCALL'
for program in process init hello++; do
	suite "the selftest $program in the kernel" boot_selftest "$program"
done

boot -e 'NAME=a  value' "$app" args one 'two  three' four=4 --five ''
outcome "arguments, environment, constructor, atexit, exit status" 7 '^constructed 1, /init args$' \
	'^argument <one>$' '^argument <two  three>$' '^argument <four=4>$' '^argument <--five>$' \
	'^argument <>$' '^environment <HOME=/>$' '^environment <NAME=a  value>$' '^atexit$' \
	'^destructor$' '^ukl: exit status 7$'
# Behind the program, nothing is the monitor's; and the kernel's end of its parameters is none.
boot "$app" args -d 'a"b' -- --kernel k --help 50%41 '%'
outcome "arguments that look like options of others" 7 '^argument <-d>$' '^argument <a"b>$' \
	'^argument <-->$' '^argument <--kernel>$' '^argument <k>$' '^argument <--help>$' \
	'^argument <50%41>$' '^argument <%>$'
boot --kernel "$app" -e 'Q="%41"' -- args -- -- x
outcome "a kernel with an application by --kernel" 7 '^environment <Q="%41">$' '^argument <-->$' \
	'^argument <x>$'
boot "$app" -- args one
outcome "one -- behind the program is nobody's" 7 '^constructed 1, /init args$' '^argument <one>$'
boot "$app" terminate
outcome "a signal ends it, as it is not init" 143 '^ukl: the application was killed by signal 15$'
boot "$app" abort
outcome "abort" 134 '^ukl: the application was killed by signal 6$'
for how in write read jump text constant data; do
	address='[0-9a-f]+'
	case $how in write | read | jump) address=0 ;; esac
	boot "$app" $how
	outcome "a wild $how is a SIGSEGV" 139 "^init\[[0-9]+\]: segfault at $address ip " \
		'^ukl: the application was killed by signal 11$' '^ukl: exit status 139$' \
		'!(BUG|Oops|panic)'
done
boot "$app" output
outcome "all output arrives before the end" 0 '^this is line 2000 of 2000$'
equal "no line of output is lost" 2000 "$(grep -c '^this is line' "$out" || :)"

press_ctrl_c()
{
	for _ in $(seq 300); do
		! grep -qs waiting console || break
		sleep 0.1
	done
	printf '\003'
	sleep 3
}

interrupted()
{
	press_ctrl_c | no_returns "$ROOT/scripts/lupine/lupine" run "${boot_options[@]}" \
		--log console "$app" wait
}
run interrupted
outcome "Ctrl-C on the console" 130 '^waiting$' 'ukl: the application was killed by signal 2$'

# The same objects as a program of the host, in a file system for the guest.
hosted()
{
	mkdir -p root/bin root/dev host
	make -s -C "$selftests" OUTPUT="$work/host" KHDR_INCLUDES= LDFLAGS=-static "$work/host/machine"
	mv host/machine root/bin/hosted
	mke2fs -q -t ext2 -d root root.ext2 16M
}
check "a root file system with a program of the host" hosted
boot --image root.ext2 "$app" exec /bin/hosted args x
outcome "exec of a program from a root file system" 0 '^constructed 1, /bin/hosted args$' \
	'^argument <x>$' '^ended with 7$'
boot "$app" exec /bin/hosted
outcome "exec without a file system" 0 '^exec: No such file or directory$' '^ended with 9$'
truncate -s 1M empty.ext2
mke2fs -q -t ext2 empty.ext2
boot --image empty.ext2 "$app" exec /bin/hosted
outcome "an empty root file system" 0 '^ended with 9$'

# Network: configured before main() begins.
echo_server()
{
	local port server line

	port=$(free_port)
	"$ROOT/scripts/lupine/lupine" run "${boot_options[@]}" -p "$port:7" "$app" echo 7 >raw 2>&1 &
	server=$!
	for _ in $(seq 600); do
		! grep -qs listening raw || break
		sleep 0.1
	done
	{ printf 'hello kernel\nquit\n' >&4; read -r line <&4; } 4<>"/dev/tcp/127.0.0.1/$port"
	wait $server
	cat raw
	[ "$line" = 'hello kernel' ]
}
if has IP_PNP; then
	check "a TCP server, the network being ready before main" echo_server
else
	skip "a TCP server" "no network in $(basename "$kernel")"
fi
# What an application does before main(), too, finds everything ready.
if has IP_PNP_DHCP; then
	boot network
	outcome "the network is ready before main, by ip=" 0 '^address 10\.0\.2\.15$' \
		'^pnp #MANUAL$' '^pnp nameserver 10\.0\.2\.3$'
	boot --append ip=dhcp network
	outcome "the network is ready before main, by DHCP" 0 '^address 10\.0\.2\.15$' \
		'^pnp #PROTO: DHCP$'
	boot --no-net network
	outcome "no network" 0 '^eth0: No such device$' '^main$'
else
	skip "the network before main" "no DHCP in $(basename "$kernel")"
fi

# entries KERNEL: are most, some or none of its program's system calls calls of stubs? A
# static program has about 110, and each stub, which several sites can share, has "call *0x050f0000(%rcx)".
entries()
{
	local n

	n=$(grep -aoP '\xff\x91\x00\x00\x0f\x05' "$1" | wc -l) || :
	if [ "$n" -gt 30 ]; then
		echo most
	elif [ "$n" -gt 0 ]; then
		echo some
	else
		echo none
	fi
}
if [ -z "$kml" ]; then
	equal "SYSCALL stays SYSCALL without CONFIG_KML" none "$(entries "$app")"
else
	equal "most system calls of glibc are calls" most "$(entries "$app")"
	rm machine
	UKL_REWRITE=0 run compile machine
	outcome "UKL_REWRITE=0 is a build like others" 0
	equal "UKL_REWRITE=0 leaves them" none "$(entries "$app")"
fi

symbols='int_sqrt msleep strnlen_user jiffies_64'
if [ "$(nm "$kernel/vmlinux.o" | grep -cE " [A-TV-Z] (${symbols// /|})$")" = 4 ]; then
	echo 'unsigned long int_sqrt(unsigned long); int main(void) { return int_sqrt(144); }' >call.c
	refused "a function of the kernel is not found by accident" \
		'^ukl: the kernel has int_sqrt; --ukl-kernel-symbol=int_sqrt allows its use$' \
		ukl-gcc call.c -o call
	check "a function of the kernel is found if it is named" \
		ukl-gcc --ukl-kernel-symbol=int_sqrt call.c -o call
	boot call
	outcome "a function of the kernel is called" 12
	refused "a symbol that the kernel lacks" '^ukl: error: the kernel in .* has no symbol no_such$' \
		ukl-gcc --ukl-kernel-symbol=no_such call.c -o call
	# By place, and by the global offset table
	for flags in '' '-fPIC -mno-direct-extern-access'; do
		rm -f call
		CFLAGS=$flags UKL_KERNEL_SYMBOLS=$symbols run compile call
		outcome "the selftest call is linked ($flags)" 0
		suite "the selftest call in the kernel ($flags)" boot_selftest call
	done
else
	skip "functions of the kernel" "$(basename "$kernel") lacks one of $symbols"
fi

if [ -n "$quick" ]; then
	summary
	exit
fi

# The other libc.
if [ -f "$SHARED/musl/lib/musl-gcc.specs" ]; then
	rm process machine
	UKL_LIBC=musl run compile process machine
	must "musl: the makefile" ended 0
	suite "the selftest process with musl" boot_selftest process
	boot "$app" args x
	outcome "musl: arguments, constructor, destructor" 7 '^constructed 1, /init args$' \
		'^argument <x>$' '^atexit$' '^destructor$'
else
	skip musl "no build/musl (make musl)"
fi

# What cannot be, and says so.
echo 'int f(void) { return 1; } int main(void) { return f(); }' >main.c
echo 'int g(void); int main(void) { return g(); }' >missing.c
echo 'int f(void) { return 1; }' >nomain.c
echo '#include <dlfcn.h>
int main(void) { return !dlopen("libm.so.6", RTLD_NOW); }' >dl.c
gcc -shared -fPIC -o libf.so main.c
gcc -static -o finished main.c
gcc -o pie main.c
gcc -m32 -c -ffreestanding -fno-pie main.c -o main32.o
refused "-shared" 'no shared libraries' ukl-gcc -shared -fPIC main.c -o lib.so
refused "a shared library" 'a shared library .* cannot become part of a kernel' \
	ukl-gcc main.c ./libf.so -o main
refused "a library without a static version" 'a library has no static version' \
	ukl-gcc main.c -L. -lf -o main
refused "a finished program" 'a finished program cannot become part of a kernel' \
	ukl-gcc finished -o main
refused "a finished program that can be relocated" 'cannot become part of a kernel' \
	ukl-gcc pie -o main
refused "no main" 'no object or library on the command line has main' ukl-gcc nomain.c -o main
refused "an object for another processor" 'compile without -m32' ukl-gcc main32.o -o main
refused "what is missing is named" 'missing.c.*undefined reference to .g' ukl-gcc missing.c -o main
refused "no kernel" 'make ukl-kernel' ukl-gcc --ukl-kernel=/nowhere main.c -o main
refused "no such libc" "no libc 'klibc'" ukl-gcc --ukl-libc=klibc main.c -o main
output "dlopen is warned of" "warning: Using 'dlopen' in statically linked" ukl-gcc dl.c -o dl
boot dl
outcome "dlopen fails" 1

# What configure and builds run themselves
echo 'int main(void) { return 5; }' >five.c
on_host() { ukl-gcc five.c -o "$1" && "./$1"; }
run on_host conftest
outcome "configure's programs run on the host" 5
UKL_HOST='mk*' run on_host mktable
outcome "so do those that UKL_HOST names" 5
run on_host gentable
outcome "a build that runs a kernel is told of UKL_HOST" 139 '^ukl: gentable is a kernel; UKL_HOST=gentable'
run on_host autotest
outcome "and those that builds are known to run" 5
output "other uses of the compiler are its own" '^gcc ' ukl-gcc --version

# Unusual command lines
mkdir 'a folder'
cp main.c 'a folder/main file.c'
printf '"%s" -o "a folder/a program"\n' 'a folder/main file.c' >arguments
check "a file with arguments, and paths with blanks" ukl-gcc @arguments
boot 'a folder/a program'
outcome "a program of such a path" 1
check "objects of -flto alone" ukl-gcc -flto -fno-fat-lto-objects -O2 main.c -o lto
mkfifo fifo
to_fifo() { timeout 100 cat fifo >got & ukl-gcc main.c -o fifo; [ -p fifo ]; wait; [ -s got ]; }
check "a device that -o names stays one" to_fifo
boot got
outcome "and gets the kernel" 1

# At the same time, from the same objects, leaving nothing
both() { ukl-gcc main.c -o one & ukl-gcc main.c -o two; wait $!; }
check "two links at a time" both
for program in one two; do
	boot $program
	outcome "two links at a time: $program" 1
done
equal "nothing is left over" '' "$(find . -name '*.ukl-*')"
summary
