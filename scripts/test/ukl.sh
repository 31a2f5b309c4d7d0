#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: scripts/test/ukl.sh [--quick] --kernel FOLDER
#
# Tests applications in the kernel: links the programs of selftests/ukl with the
# objects in FOLDER, a kernel that scripts/kconfig/build made of a profile with
# +ukl, and boots them. What ukl-gcc refuses is tested, too.
#
#   --quick   only what depends on the kernel, with one libc
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/../lib.sh"

kernel='' quick=''
while [ $# -gt 0 ]; do
	case $1 in
	--kernel) kernel=${2:?--kernel wants a folder}; shift 2 ;;
	--quick) quick=1; shift ;;
	--help | -h) usage; exit ;;
	*) die "unknown option $1 (see --help)" ;;
	esac
done
[ -f "$kernel/.ukl-symbols" ] || die "no kernel with CONFIG_UKL in '$kernel' (--kernel)"
kernel=$(readlink -f "$kernel")
need gcc g++ mke2fs nm
export UKL_KERNEL=$kernel
unset UKL_LIBC UKL_HOST UKL_KERNEL_SYMBOLS
kml=
! grep -qx CONFIG_KML=y "$kernel/.config" || kml=1

mkdir -p "$BUILD/ukl"
work=$(mktemp -d "$BUILD/ukl/test-XXXXXX")
server=''
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
passed=0 failed=0 skipped=0 status=0
PATH=$ROOT/scripts/ukl:$PATH
cd "$work"

# result NAME CONDITION: the output that explains it is in $work/out
result()
{
	if [ "$2" = yes ]; then
		passed=$((passed + 1))
		echo "ok - ukl: $1"
	else
		failed=$((failed + 1))
		echo "not ok - ukl: $1 (status $status)"
		sed 's/^/#   /' out
	fi
}

# check NAME STATUS [LINE]...: each LINE is a pattern of a whole line of the output;
# !LINE must not be there
check()
{
	local name=$1 want=$2 line ok=yes

	shift 2
	[ "$status" = "$want" ] || ok=no
	for line; do
		if [[ $line == !* ]]; then
			! grep -qxE -e "${line#!}" out || { ok=no; echo "# unexpected: $line"; }
		else
			grep -qxE -e "$line" out || { ok=no; echo "# no line: $line"; }
		fi
	done
	result "$name" $ok
}

# guest PROGRAM [ARGUMENT]...: what vm/run takes
guest()
{
	status=0
	"$ROOT/scripts/lupine/lupine" run --timeout 60 --accel tcg "$@" </dev/null >raw 2>&1 || status=$?
	tr -d '\r' <raw >out
}

# try_gcc COMMAND...: on the host
try_gcc()
{
	status=0
	"$@" >out 2>&1 </dev/null || status=$?
}

# Programs and their makefile know nothing of kernels.
mkdir programs
cp "$ROOT"/selftests/ukl/* programs
# As in a fresh clone, where the first link compiles callsites.
[ -z "$kml" ] || rm -rf "$BUILD/callsites"
try_gcc make -C programs CC=ukl-gcc CXX=ukl-g++
check "an unmodified makefile makes kernels" 0 '!ukl: warning: system calls stay SYSCALL.*'
[ "$status" = 0 ] || { sed "s,^,#   ," out; exit 1; }
process=programs/process

guest -e 'NAME=a  value' "$process" args one 'two  three' four=4 --five ''
check "arguments, environment, constructor, atexit, exit status" 7 'constructed 1, ukl args' \
	'argument <one>' 'argument <two  three>' 'argument <four=4>' 'argument <--five>' \
	'argument <>' 'environment <HOME=/>' 'environment <NAME=a  value>' atexit destructor \
	'ukl: exit status 7'
# Behind the program, nothing is vm/run's; and the kernel's end of its parameters is none.
guest "$process" args -d 'a"b' -- --kernel k --help 50%41 '%'
check "arguments that look like options of others" 7 'argument <-d>' 'argument <a"b>' 'argument <-->' \
	'argument <--kernel>' 'argument <k>' 'argument <--help>' 'argument <50%41>' 'argument <%>'
guest --kernel "$process" -e 'Q="%41"' -- args -- -- x
check "a kernel with an application by --kernel" 7 'environment <Q="%41">' 'argument <-->' 'argument <x>'
guest "$process" -- args one
check "one -- behind the program is nobody's" 7 'constructed 1, ukl args' 'argument <one>'
guest programs/hello++
check "C++: order of constructors, exceptions, streams, threads" 3 'caught too big' \
	'caught out of range' 'in a thread, of thread' '1 ff 1.5'
grep -xE 'made (early|global)|at exit|gone (global|early)' out | paste -sd, >order
status=$(cat order)
result "C++: constructors and destructors in order" \
	"$([ "$status" = 'made early,made global,at exit,gone global,gone early' ] && echo yes)"
guest "$process" threads
check "threads, their variables, locks" 0 'threads 4 of 4, sum 80000, mine 42 0'
guest "$process" signals
check "signals; SIGTERM ends it, as it is not init" 143 'signals 1' 'timer ticks, sum' \
	'ukl: the application was killed by signal 15'
guest "$process" fork
check "fork, and copies on write" 0 'child 6, mine 1 1 1' 'child killed by 11'
guest "$process" orphans
check "orphans are reaped" 0 'orphans left 0, parent of all 1'
guest "$process" memory
check "bss, break and mmap" 0 'break grew enough, bad 0'
guest "$process" libc
check "formats, locale, files without a file system, libm" 0 \
	'3.142 No such file or directory ff' 'file contents' 'pow 1.41421'
guest "$process" names
check "getaddrinfo of numbers" 0 'address 192.0.2.1'
for how in write read jump text constant data; do
	address='[0-9a-f]+'
	case $how in write | read | jump) address=0 ;; esac
	guest "$process" wild $how
	check "a wild $how is a SIGSEGV" 139 "ukl\[[0-9]+\]: segfault at $address ip .*" \
		'ukl: the application was killed by signal 11' 'ukl: exit status 139' \
		'!.*(BUG|Oops|panic).*'
done
guest "$process" abort
check "abort" 134 'ukl: the application was killed by signal 6'
guest "$process" output
grep -c '^this is line' out >lines || :
check "all output arrives before the end" 0 'this is line 2000 of 2000'
status=$(cat lines)
result "no line of output is lost" "$([ "$status" = 2000 ] && echo yes)"
status=0
(
	for _ in $(seq 300); do
		! grep -qs waiting console || break
		sleep 0.1
	done
	printf '\003'
	sleep 3
) | "$ROOT/scripts/lupine/lupine" run --timeout 60 --accel tcg --log console "$process" wait >raw 2>&1 || status=$?
tr -d '\r' <raw >out
check "Ctrl-C on the console" 130 'waiting' '.*ukl: the application was killed by signal 2'

# The same objects as a program of the host, in a file system for the guest.
mkdir -p root/bin
make -s -B -C programs CC="gcc -static" LDFLAGS=-static process >out 2>&1 || cat out
mv programs/process root/bin/hosted
make -s -C programs CC=ukl-gcc process >out 2>&1 || cat out
mke2fs -q -t ext2 -d root root.ext2 16M >out 2>&1
guest --image root.ext2 "$process" exec /bin/hosted args x
check "exec of a program from a root file system" 0 'constructed 1, /bin/hosted args' \
	'argument <x>' 'ended with 7'
# Process 1 waits in the kernel, where signals find it, too.
guest programs/init tracer
check "process 1 stops for a tracer, and goes on" 0 'process 1 stops' 'process 1 goes on'
guest programs/init freeze
check "process 1 can be frozen, if the kernel has a test of that" 0 \
	'no test of the freezer in this kernel|process 1 goes on' '!freeze: [^d].*'
guest "$process" exec /bin/hosted
check "exec without a file system" 0 'exec: No such file or directory' 'ended with 9'

# Network: configured before main() begins.
if grep -qx CONFIG_IP_PNP=y "$kernel/.config"; then
	port=$(free_port)
	"$ROOT/scripts/lupine/lupine" run --timeout 60 --accel tcg -p "$port:7" "$process" echo 7 \
		</dev/null >raw 2>&1 &
	server=$!
	for _ in $(seq 100); do
		! grep -qs listening raw || break
		sleep 0.1
	done
	{ printf 'hello kernel\nquit\n' >&4; head -n 1 <&4; } 4<>"/dev/tcp/127.0.0.1/$port" >out 2>&1 || :
	status=0
	wait $server || status=$?
	server=''
	tr -d '\r' <raw >>out
	check "a TCP server, the network being ready before main" 0 'hello kernel' 'listening'
else
	skipped=$((skipped + 1))
	echo "ok - ukl: a TCP server # SKIP no network in $(basename "$kernel")"
fi

# entries PROGRAM: how many CALLs of slots and how many SYSCALLs its text has
entries()
{
	objdump -d -j .ukl.text "$1" | awk '/call .*0xffffffffff6/ { calls++ }
		/syscall *$/ { syscalls++ }
		END { print calls + 0, syscalls + 0 }'
}

read -r calls syscalls < <(entries "$process")
echo "$calls calls, $syscalls SYSCALLs" >out
if [ -z "$kml" ]; then
	result "SYSCALL stays SYSCALL without CONFIG_KML" \
		"$([ "$calls" != 0 ] || [ "$syscalls" -lt 80 ] || echo yes)"
else
	result "most system calls of glibc are calls" \
		"$([ "$calls" -lt $((syscalls * 4)) ] || [ "$calls" -lt 80 ] || echo yes)"
	ukl-gcc --ukl-no-rewrite programs/process.o programs/threads.o -o plain -lpthread -lm
	read -r calls syscalls < <(entries plain)
	echo "$calls calls, $syscalls SYSCALLs" >out
	result "--ukl-no-rewrite leaves them" \
		"$([ "$calls" != 0 ] || [ "$syscalls" -lt 80 ] || echo yes)"
fi

# What an application does before main(), too, finds everything ready.
if grep -qx CONFIG_IP_PNP_DHCP=y "$kernel/.config"; then
	guest programs/network
	check "the network is ready before main, by ip=" 0 'address 10\.0\.2\.15' 'pnp #MANUAL' \
		'pnp nameserver 10\.0\.2\.3'
	guest --append ip=dhcp programs/network
	check "the network is ready before main, by DHCP" 0 'address 10\.0\.2\.15' \
		'pnp #PROTO: DHCP'
	guest --no-net programs/network
	check "no network" 0 'eth0: No such device' main
else
	skipped=$((skipped + 3))
	echo "ok - ukl: the network before main # SKIP no DHCP in $(basename "$kernel")"
fi

# Functions of the kernel, called by their names: one that computes, one that sleeps,
# and one that comes back from a page fault by the exception table. The latter two need
# to be on the kernel's stack.
cat >kernel.c <<'END'
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

unsigned long int_sqrt(unsigned long x);
void msleep(unsigned int ms);
long strnlen_user(const char *s, long size);

static long ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int main(void)
{
	pid_t other;
	long start;

	printf("root %lu\n", int_sqrt(144));
	fflush(stdout);
	/* Another process, in its own memory, runs meanwhile. */
	other = fork();
	while (!other)
		ms();
	start = ms();
	msleep(50);
	printf("slept %s\n", ms() - start >= 50 ? "long enough" : "too short");
	fflush(stdout);
	kill(other, SIGKILL);
	printf("%ld bytes, no string: %ld\n", strnlen_user("four", 10),
	       strnlen_user((const char *)1, 10));
	return 0;
}
END
cat >data.c <<'END'
#include <stdio.h>

extern unsigned long jiffies_64;

int main(void)
{
	printf("time %s\n", jiffies_64 ? "passes" : "stands still");
	return 0;
}
END
functions='int_sqrt msleep strnlen_user'
if [ "$(grep -cxE "${functions// /|}" "$kernel/.ukl-symbols")" = 3 ]; then
	try_gcc ukl-gcc kernel.c -o kernel
	check "a function of the kernel is not found by accident" 1 \
		'ukl: undefined reference to int_sqrt; the kernel has that: .*'
	status=0
	UKL_KERNEL_SYMBOLS=$functions ukl-gcc kernel.c -o kernel >out 2>&1 || status=$?
	check "functions of the kernel are found if they are named" 0
	guest kernel
	check "functions of the kernel compute, sleep and fault as in the kernel" 0 'root 12' \
		'slept long enough' '5 bytes, no string: 0'
	try_gcc ukl-gcc --ukl-kernel-symbol=jiffies_64 data.c -o data
	check "data of the kernel is found if it is named" 0
	guest data
	if [ -n "$kml" ]; then
		check "data of the kernel can be read" 0 'time passes'
	else
		check "data of the kernel cannot be read in ring 3" 139 '!time.*' \
			'ukl\[[0-9]+\]: segfault at ffffffff.*'
	fi
else
	skipped=$((skipped + 1))
	echo "ok - ukl: functions of the kernel # SKIP $(basename "$kernel") lacks one of $functions"
fi

finish()
{
	if [ "$skipped" = 0 ]; then
		echo "$passed passed, $failed failed"
	else
		echo "$passed passed, $failed failed, $skipped skipped"
	fi
	[ "$failed" = 0 ] || exit 1
	exit 0
}

[ -z "$quick" ] || finish

# The other libc.
if [ -f "$BUILD/musl/lib/musl-gcc.specs" ]; then
	try_gcc make -B -C programs CC="ukl-gcc --ukl-libc=musl" process
	check "musl: the makefile" 0
	guest "$process" args x
	check "musl: arguments, constructor, destructor" 7 'constructed 1, ukl args' \
		'argument <x>' atexit destructor
	guest "$process" threads
	check "musl: threads" 0 'threads 4 of 4, sum 80000, mine 42 0'
	guest "$process" fork
	check "musl: fork" 0 'child 6, mine 1 1 1' 'child killed by 11'
	guest "$process" memory
	check "musl: memory" 0 '.*bad 0'
else
	skipped=$((skipped + 1))
	echo "ok - ukl: musl # SKIP no build/musl (make musl)"
fi

# What cannot be, and says so.
echo 'int f(void) { return 1; } int main(void) { return f(); }' >main.c
try_gcc ukl-gcc -shared -fPIC main.c -o lib.so
check "-shared is refused" 1 '.*no shared libraries.*'
gcc -shared -fPIC -o libf.so main.c
try_gcc ukl-gcc main.c ./libf.so -o main
check "a shared library is refused" 1 '.*libf.so: a shared library.*cannot become.*'
try_gcc ukl-gcc main.c -L. -lf -o main
check "a library without a static version is refused" 1 '.*no static version.*'
gcc -static -o finished main.c
try_gcc ukl-gcc finished -o main
check "a finished program is refused" 1 '.*a finished program cannot become.*'
echo '#include <dlfcn.h>
int main(void) { return !dlopen("libm.so.6", RTLD_NOW); }' >dl.c
try_gcc ukl-gcc -c dl.c
try_gcc ukl-gcc dl.o -o dl
check "dlopen is warned of" 0 '.*warning: dl.o uses dlopen.*'
guest dl
check "dlopen fails" 1
echo 'int g(void); int main(void) { return g(); }' >missing.c
try_gcc ukl-gcc missing.c -o missing
check "what is missing is named" 1 '.*missing.c.*undefined reference to .g.*' \
	'ukl: undefined reference to g'
try_gcc ukl-gcc --ukl-kernel=/nowhere main.c -o main
check "no kernel" 1 '.*make ukl-kernel.*'
try_gcc ukl-gcc --ukl-libc=klibc main.c -o main
check "no such libc" 1 ".*no libc 'klibc'.*"

# What configure and builds run themselves
echo 'int main(void) { return 5; }' >conftest.c
status=0
ukl-gcc conftest.c -o conftest >out 2>&1 && ./conftest >>out 2>&1 || status=$?
check "configure's programs run on the host" 5
status=0
UKL_HOST='mk*' ukl-gcc conftest.c -o mktable >out 2>&1 && ./mktable >>out 2>&1 || status=$?
check "so do those that UKL_HOST names" 5
try_gcc ukl-gcc --version
check "other uses of the compiler are its own" 0 'gcc .*'

# At the same time, from the same objects, leaving nothing
ukl-gcc main.c -o one >out 2>&1 &
ukl-gcc main.c -o two >>out 2>&1 &
status=0
wait $! || status=$?
wait || status=$?
guest one
check "two links at a time: the first" 1
guest two
check "two links at a time: the second" 1
find . -name '*.ukl-*' >out
status=0
result "nothing is left over" "$([ -s out ] || echo yes)"

finish
