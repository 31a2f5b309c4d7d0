#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/guests.sh --kernel VMLINUX
#
# Test `lupine run`, `lupine guest` and the init by booting: exit status, panic,
# time-out, arguments, environment, user, network, signals, orphans, and what is said
# when something is missing. VMLINUX is any kernel with lupine-general's options.
set -eu

# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
kernel=''
begin kernel:kernel! -- "$@"
need --group test gcc

cat >"$work/manifest" <<'END'
packages busybox-static
busybox yes
account app /var/app
mkdir /var/app/data 0750 app
entrypoint /bin/sh
END
mkdir "$work/files"
cat >"$work/files/script" <<'END'
#!/bin/sh
echo "script $1"
END
chmod +x "$work/files/script"
printf '\177ELF\002\001\001\000\000\000\000\000\000\000\000\000\002\000\267\000%064d' 0 \
	>"$work/files/arm"
printf 'plain text\n' >"$work/files/text"
printf '#!/no/such/interpreter\n' >"$work/files/lost"
printf '#!/bin/sh\r\necho hi\r\n' >"$work/files/crlf"
printf '#!/bin/%0300d\n' 1 >"$work/files/long"
printf '\177ELF' >"$work/files/short"
head -c 100000 /bin/bash >"$work/files/half"
printf '#!/t/closed\n' >"$work/files/by-closed"
: >"$work/files/empty"
printf '#!/bin/sh\necho "lupine-init: exit status 0"\n' >"$work/files/liar"
chmod +x "$work/files"/*
printf '#!/bin/sh\n' >"$work/files/closed"
mkdir "$work/files/folder"
gcc -Wall -O2 -static -o "$work/files/slice" -x c - <<'END'
#include <linux/sched/types.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
	struct sched_attr a = { 0 };

	return syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0) || printf("%llu ns\n", a.sched_runtime) < 0;
}
END
build_image "$work/manifest" --add "$work/files:/t"

# boot OPTION...: the test image, with /bin/sh unless the options say something else
boot() { guest --kernel "$kernel" --image "$image" --timeout 60 "$@"; }

# typed PATTERN KEYS: type them when the console shows the pattern
typed()
{
	local _

	for _ in {1..600}; do
		! grep -qsa "$1" "$work/console" || break
		sleep 0.1
	done
	printf '%b' "$2"
	sleep 5
}

# typing PATTERN KEYS OPTION...: boot, and type that
typing()
{
	rm -f "$work/console"
	boot --log "$work/console" "${@:3}" < <(typed "$1" "$2")
}

# gave TITLE STATUS [LINE]...: what the last guest or run did; each LINE is the pattern of
# a whole line
gave()
{
	local lines=("${@:3}")

	lines=("${lines[@]/#/^(}")
	outcome "$1" "$2" "${lines[@]/%/)$}"
}

# boots: for each line TITLE|STATUS|LINE|OPTION... of the standard input
boots()
{
	local title want line options

	while IFS='|' read -r -u 3 title want line options; do
		# shellcheck disable=SC2086 # they are several
		boot $options </dev/null
		gave "$title" "$want" "$line"
	done 3<&0
}

# serve FILE OPTION...: a guest with a web server that has FILE, at $port of this machine;
# sets server
serve()
{
	local _

	"$ROOT/scripts/lupine/lupine" run --kernel "$kernel" --image "$image" --timeout 90 -p "$port:80" "${@:2}" -- \
		-c "mkdir -p /w && echo $1 >/w/x && httpd -f -p 80 -h /w" >"$work/server" 2>&1 &
	server=$!
	for _ in {1..100}; do
		! (exec 4<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
		sleep 0.1
	done
}

# qemu_gone: no QEMU forwards $port any more
qemu_gone()
{
	local _

	for _ in {1..30}; do
		pgrep -af "hostfwd=tcp:127.0.0.1:$port-" || return 0
		sleep 0.1
	done
	return 1
}

# shellcheck disable=SC2016 # for the guest's shell
boot -e 'A=one two  %41"x"' --user app --workdir /made/here --hostname tester -- -c '
	echo "args:$#:$1:$2:$3:"
	echo "env:$A:$HOME:$HOSTNAME:$PATH"
	echo "id:$(id -u):$(id -g):$(id -un)"
	echo "pwd:$(pwd)"
	echo "name:$(hostname)"
	echo "limit:$(ulimit -n):$(ulimit -Hn)"
	echo "slice:$(/t/slice)"
	echo "mounts:$(for t in proc sysfs devtmpfs devpts; do
		grep -q " $t " /proc/mounts && printf "%s " $t; done)"
	echo "addr:$(ip -4 addr show eth0 | sed -n "s/.*inet \([^ ]*\).*/\1/p")"
	echo "lo:$(ip -4 addr show lo | sed -n "s/.*inet \([^ ]*\).*/\1/p")"
	echo "hosts:$(grep -c tester /etc/hosts)"
	echo "dns:$(cat /etc/resolv.conf)"
	echo "tty:$(tty)"
	: >/tmp/mine && echo "tmp:$(stat -c %a /tmp)"
	exit 42
' sh 'a  b' '' '%20'
gave "the application's world" 42 'args:3:a  b::%20:' \
	'env:one two  %41"x":/var/app:tester:/usr/local/sbin:.*' 'id:1[0-9][0-9]:1[0-9][0-9]:app' \
	'pwd:/made/here' 'name:tester' 'limit:1024:1048576' 'slice:3000000 ns' 'mounts:proc sysfs devtmpfs devpts ' \
	'addr:10.0.2.15/24' 'lo:127.0.0.1/8' 'hosts:1' 'dns:nameserver 10.0.2.3' \
	'tty:/dev/ttyS0' 'tmp:1777' 'lupine-init: exit status 42'

# shellcheck disable=SC2016
boot --user 1234:5 --no-net -- -c 'echo "id:$(id -u):$(id -g)"; ip link show eth0; kill -SEGV $$'
gave "numbers for a user; killed by a signal" 139 'id:1234:5' \
	'lupine-init: the application was killed by SIGSEGV' "ip: can't find device 'eth0'"

# shellcheck disable=SC2016
boot -- -c '
	(sleep 1; echo "orphan done") &
	trap "echo got TERM; exit 9" TERM
	(sh -c "sleep 0.2 & echo child gone" &)
	sleep 0.5
	kill -TERM 1
	sleep 30 & wait'
gave "SIGTERM to init reaches the application; orphans are reaped" 9 'got TERM' 'child gone'

boot --append 'ip=none' -- -c 'ip -4 addr show eth0 | grep -c inet; ip link show lo | grep -c LOWER_UP'
gave "the network unconfigured" 0 '0' '1'

cat >>"$work/manifest" <<'END'
dhcp yes
stop SIGUSR1
hostname from-manifest
mount tmpfs none /mnt/t size=1m,nosuid
mkdir /var/app 0750 app
limit nofile 77:99
sysctl kernel.panic 7
cmd -c
cmd cat /proc/sys/kernel/panic; stat -c %a:%U /var/app; ulimit -n; hostname; grep -c /mnt/t /proc/mounts; ip -4 addr show eth0; ip route; cat /etc/resolv.conf
END
cp "$image" "$work/test.ext2"
build_image "$work/manifest" --add "$work/files:/t"
boot --append 'ip=none'
gave "DHCP by the init, mounts, folders, limits, settings" 0 7 750:app 77 from-manifest 1 \
	' *inet 10.0.2.15/24 .*' 'default via 10.0.2.2 .*' 'nameserver 10.0.2.3'
typing up '\003' -- -c 'trap "" INT; trap "echo stopped; exit 8" USR1; echo up; while :; do sleep 1; done'
gave "Ctrl-C, where the image has a signal of its own for it" 8 '(\^C)?stopped'
image=$work/test.ext2

boots <<'END'
a script|0|script x|--entrypoint /t/script -- x
a program that is not there|127|lupine-init: nothing: not found in PATH=.*|--entrypoint nothing
a path that is not there|127|lupine-init: /no/thing: not in the image|--entrypoint /no/thing
a program for another machine|126|lupine-init: /t/arm: a program for ELF machine 183, not x86-64|--entrypoint /t/arm
a file that is no program|126|lupine-init: /t/text: neither a script nor an ELF program: .*|--entrypoint /t/text
a script without its interpreter|126|lupine-init: /t/lost: its interpreter '/no/such/interpreter': No such file or directory|--entrypoint /t/lost
a script with lines as on Windows|126|lupine-init: /t/crlf: its interpreter '/bin/sh\\r': No such file .* in CR and LF: convert it\)|--entrypoint /t/crlf
a script without x bit|126|lupine-init: /t/closed: has no x bit \(its mode is 0644\): chmod \+x it in the image|--entrypoint /t/closed
an interpreter without x bit|126|lupine-init: /t/by-closed: its interpreter '/t/closed': has no x bit .*|--entrypoint /t/by-closed
an interpreter's name too long|126|lupine-init: /t/long: its #! line is longer than the 255 bytes that the kernel reads|--entrypoint /t/long
an ELF program cut short|126|lupine-init: /t/short: an ELF program cut short: it has 4 bytes|--entrypoint /t/short
an ELF program cut in half|126|lupine-init: /t/half: an ELF program cut short: .*|--entrypoint /t/half
an empty file|126|lupine-init: /t/empty: an empty file|--entrypoint /t/empty
a folder|126|lupine-init: /t/folder: is a folder|--entrypoint /t/folder
a number without an entry|0|script x|--user 99:99 --entrypoint /t/script -- x
a user that is not there|125|lupine-init: user 'nobody-here' is not in /etc/passwd|--user nobody-here
a kernel panic|255|lupine run: the kernel panicked|--append init=/no/init
a time-out|124|lupine run: ended after 4 s \(--timeout\)|--timeout 4 --entrypoint sleep -- 100
END
boot -- -c 'echo "lupine-init: exit status 0"; exit 6'
gave "an application that prints such a line" 6
boot -- -c 'echo "lupine-init: exit status 0"; reboot -f'
gave "and ends the machine" 255 'lupine-init: exit status 0' \
	'lupine run: the machine ended without an exit status from its init'
boot --append init=/t/liar
gave "or panics" 255 'lupine-init: exit status 0' 'lupine run: the kernel panicked'

typing waiting '\003' -- -c 'trap "echo interrupted; exit 5" INT; echo waiting; while :; do sleep 1; done'
gave "Ctrl-C on the console" 5 '(\^C)?interrupted'
typing up '\001x' -- -c 'echo up; sleep 100'
gave "Ctrl-A x on the console" 0 'lupine run: ended by Ctrl-A x'

# The kernel's own lines, which it does not wait with for long
all_lines()
{
	local guest

	rm -f "$work/console"
	# shellcheck disable=SC2016 # for the guest's shell
	"$ROOT/scripts/lupine/lupine" run --kernel "$kernel" --image "$image" --timeout 60 \
		--append "printk.devkmsg=on loglevel=8" --log "$work/console" -- \
		-c 'echo up; for i in $(seq 3000); do echo "line $i end" >/dev/kmsg; done' >/dev/null &
	guest=$!
	for _ in {1..600}; do
		! grep -qsa '^up' "$work/console" || break
		sleep 0.1
	done
	kill -STOP $guest
	sleep 2
	kill -CONT $guest
	wait $guest
	tr -d '\r' <"$work/console" | sed -nE 's/^(\[ *[0-9.]*\] )?(line [0-9]* end)$/\2/p' |
		diff - <(seq -f 'line %.0f end' 3000)
}
check "the console loses nothing while its reader is stopped" all_lines

# More than the kernel's command line holds; each word is kept.
many=(-e "LAST=a  \"b' %41\\n$(printf '\303\251')")
for i in {1..300}; do
	many+=(-e "SVC_${i}_PORT=tcp://10.0.0.$i:80")
done
# shellcheck disable=SC2016 # for the guest's shell
boot "${many[@]}" --workdir '/a b' -- -c 'env | grep -c ^SVC_; echo "$LAST:$SVC_300_PORT:$1:$PWD"' sh 'x  y'
gave "300 variables" 0 300 "a  \"b' %41.n..:tcp://10.0.0.300:80:x  y:/a b"
printf '# comment\n\nA=b c\nHOME\n' >"$work/env"
# shellcheck disable=SC2016
HOME=/from/here boot --env-file "$work/env" -- -c 'echo "$A:$HOME"'
gave "variables from a file" 0 'b c:/from/here'

odd="$work/a, b:c"
boot -v "$odd:/my data" -- -c 'cd "/my data" && echo kept >file && grep -c " /my.040data ext2 " /proc/mounts'
gave "a volume with blanks, commas and colons" 0 1
cp "$image" "$work/t,e:s t.ext2"
ln "$kernel" "$work/k,e:r n" 2>/dev/null || cp "$kernel" "$work/k,e:r n"
cd "$work"
boot --kernel "k,e:r n" --image "t,e:s t.ext2" -v "a, b:c:/x:ro" -- -c 'cat /x/file'
cd "$OLDPWD"
gave "such names of kernel and image" 0 kept
mkfifo "$work/pipe"
head -c 1000 "$image" >"$work/short.ext2"
boots <<END
a volume that is a pipe|125|lupine run: error: volume $work/pipe is neither a file nor a disk|-v $work/pipe:/x
an image that is a pipe|125|lupine run: error: image $work/pipe is neither a file nor a disk|--image $work/pipe
a volume that cannot be made|125|lupine run: error: the volume $work/no/where cannot be made: .*|-v $work/no/where:/x
a volume that is no file system|125|lupine-init: mount of ext2 /dev/vdb on /x: Invalid argument.*|-v $kernel:/x
a read-only volume that is not there|125|lupine run: error: no volume $work/nothing|-v $work/nothing:/x:ro -- -c true
half a volume|125|lupine run: error: -v $work/volume:x: want .*|-v $work/volume:x
memory that looks octal|125|lupine run: error: --memory 08: want MiB, a number from 1 to .*|--memory 08
no kernel|125|lupine run: error: no kernel /nowhere; .*|--kernel /nowhere
a kernel that is none|125|lupine run: error: .* is neither vmlinux .an ELF file. nor a bzImage|--kernel $work/files/text
no image|125|lupine run: error: no image /nowhere; .*|--image /nowhere
an image cut short|125|lupine run: error: .* is not an ext2 file system, or cut short|--image $work/short.ext2
half a port|125|lupine run: error: -p 80: want .*|-p 80
a port number too high|125|lupine run: error: -p 99999:80: want .*|-p 99999:80
an address that is a name|125|lupine run: error: -p localhost:80:80: want .*, an IPv4 ADDRESS as 127.0.0.1: QEMU forwards no IPv6|-p localhost:80:80
an unknown accelerator|125|lupine run: error: --accel warp: want auto, tcg, tcg,thread=single or kvm|--accel warp
an unknown option|125|lupine run: error: unknown option --bogus \(see --help\)|--bogus x
END
echo 'memory=64M' >"$work/test.conf"
boot
gave "memory of the image that is no number" 125 \
	"lupine run: error: $work/test.conf: memory: '64M' is no number up to 4194304; make the image again"
echo "memory=PATH[\$(echo >$work/ran)]" >"$work/test.conf"
run conf_numbers "$work/test.conf" memory
[ ! -e "$work/ran" ] || status=ran
gave "the same for programs in shell" 1 ".*error: $work/test.conf: memory '.*': want numbers; .*"
rm "$work/test.conf"

# shellcheck disable=SC2016
boot --user app -v "$work/volume:/var/app/data" -v "$work/second:/second" -- -c '
	cd /var/app/data && echo kept >file && stat -c "%U" file && stat -c "dir %a:%U" .'
gave "a new volume belongs to who owned the folder" 0 app dir.750:app
boot -v "$work/volume:/var/app/data" -v "$work/second:/second" -- -c '
	echo kept >/var/app/data/file; grep -c " /second ext2 rw" /proc/mounts'
gave "two volumes" 0 1
check "a volume is left clean" e2fsck -fn "$work/volume"
boot -v "$work/volume:/elsewhere:ro" -- -c 'cat /elsewhere/file; echo x >/elsewhere/file'
gave "what is on a volume stays; read-only ones refuse" 1 kept '.*[Rr]ead-only file system'

name=test-run-$$
boot --detach $name -- -c 'trap "exit 7" INT; echo up; while :; do sleep 1; done'
gave "a guest in the background" 0 "lupine run: $name runs; .*"
for _ in {1..100}; do
	run "$ROOT/scripts/lupine/lupine" guest log $name
	! grep -q '^up' "$out" || break
	sleep 0.1
done
run "$ROOT/scripts/lupine/lupine" guest list
gave "is listed" 0 "$name +running"
boot --detach $name
gave "a second one of that name" 125 "lupine run: error: a guest '$name' is running; .*"
run "$ROOT/scripts/lupine/lupine" guest stop $name
gave "stopped, it gives its status" 7
run no_returns "$ROOT/scripts/lupine/lupine" guest log $name
gave "its console is kept" 0 up
"$ROOT/scripts/lupine/lupine" guest remove $name
refused "removed, it is forgotten" "guest: error: no guest '$name'; " \
	"$ROOT/scripts/lupine/lupine" guest log $name
boot --detach $name --timeout x
gave "a mistake in the arguments shows at once" 125 "lupine run: error: --timeout x: want seconds, a number from .*"

# A port that is taken: by another guest, as it happens.
port=$(free_port)
serve served
boot -p "$port:80"
gave "a port in use" 125 "lupine run: error: port $port of 127.0.0.1 is in use; .*"
kill $server
status=0
wait $server || status=$?
gave "a terminated run ends with its status" 143
check "and leaves no QEMU behind" qemu_gone

boot -p "$port:80" -p "$port:81"
gave "a port given twice" 125 "lupine run: error: port $port of 127.0.0.1 is in use; .*"
# What the guest can reach: a server of this machine, by the gateway's address.
serve served --quiet
sleep 2
reach="printf 'GET /x HTTP/1.0\\r\\n\\r\\n' | nc -w 5 10.0.2.2 $port || echo none; exit 5"
boot -- -c "$reach"
gave "the guest reaches this machine's loopback" 5 served
boot --no-outbound -- -c "$reach"
gave "but not with --no-outbound" 5 none
kill $server
wait $server || :
serve inwards --quiet --no-outbound
answers_inwards()
{
	local _

	for _ in {1..100}; do
		{ printf 'GET /x HTTP/1.0\r\n\r\n' >&4; timeout 5 cat <&4; } 4<>"/dev/tcp/127.0.0.1/$port" \
			>"$work/answer" 2>/dev/null || :
		! grep -q inwards "$work/answer" || return 0
		sleep 0.1
	done
	return 1
}
check "forwarded ports answer with --no-outbound" answers_inwards
kill -KILL $server
{ wait $server; } 2>/dev/null || :
check "a killed run leaves no QEMU behind" qemu_gone

# A QEMU that behaves as one does where KVM does not work, or where it is slow
mkdir "$work/kvm"
cat >"$work/kvm/qemu-system-x86_64" <<'END'
#!/bin/sh
[ "$1" != --version ] || { echo "QEMU of $0"; exit; }
[ -e "$0.slow" ] || echo "KVM internal error. Suberror: 1"
for _ in 1 2 3 4 5; do
	sleep 3
	echo "still booting"
done
[ ! -e "$0.slow" ] || echo "VFS: Unable to mount root fs"
exec sleep 60
END
chmod +x "$work/kvm/qemu-system-x86_64"
probe() { PATH=$work/kvm:$PATH timeout "$1" "$ROOT/scripts/lupine/lupine" accel --probe --kernel "$kernel"; }
if [ -w /dev/kvm ]; then
	output "KVM that fails is given up at once" 'tcg: .* KVM internal error' probe 6
	touch "$work/kvm/qemu-system-x86_64.slow"
	output "KVM that is slow is waited for" '^kvm$' probe 30
else
	skip "KVM that fails, and that is slow" "/dev/kvm cannot be opened"
fi

summary
