#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/guests.sh --kernel VMLINUX
#
# Tests scripts/lupine/run and the init by booting: exit status, panic, time-out,
# arguments, environment, user, network, signals, orphans, and what is said when
# something is missing. VMLINUX is any kernel with lupine-general's options.
set -eu

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/../lib.sh"

kernel=''
while [ $# -gt 0 ]; do
	case $1 in
	--kernel) kernel=${2:?--kernel wants a file}; shift 2 ;;
	--help | -h) usage; exit ;;
	*) die "unknown option $1 (see --help)" ;;
	esac
done
[ -f "$kernel" ] || die "no kernel '$kernel' (--kernel)"

mkdir -p "$BUILD/vm"
work=$(mktemp -d "$BUILD/vm/test-run-XXXXXX")
server=''
trap 'rm -rf "$work"; [ -z "$server" ] || kill "$server"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
passed=0 failed=0 status=0
run=$ROOT/scripts/lupine/run

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
head -c 100000 "$BUILD/image/init" >"$work/files/half"
printf '#!/t/closed\n' >"$work/files/by-closed"
: >"$work/files/empty"
printf '#!/bin/sh\necho "lupine-init: exit status 0"\n' >"$work/files/liar"
chmod +x "$work/files"/*
printf '#!/bin/sh\n' >"$work/files/closed"
mkdir "$work/files/folder"
step "Make the test image" "$ROOT/scripts/apps/build" --output "$work/test.ext2" \
	--add "$work/files:/t" "$work/manifest" >"$work/out" 2>&1 ||
	{ cat "$work/out"; die "no image"; }

# guest ARGUMENT...: boot the test image, the console in $work/out
guest()
{
	status=0
	"$run" --kernel "$kernel" --image "$work/test.ext2" --timeout 60 "$@" \
		</dev/null >"$work/raw" 2>&1 || status=$?
	tr -d '\r' <"$work/raw" >"$work/out"
}

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

# check NAME STATUS [LINE]...: each LINE is a pattern of a whole line
check()
{
	local name=$1 want=$2 line ok=yes

	shift 2
	[ "$status" = "$want" ] || ok=no
	for line; do
		grep -qxE -e "$line" "$work/out" || { ok=no; echo "# no line: $line"; }
	done
	if [ $ok = yes ]; then
		passed=$((passed + 1))
		echo "ok - run: $name"
	else
		failed=$((failed + 1))
		echo "not ok - run: $name (status $status)"
		sed 's/^/#   /' "$work/out"
	fi
}

# shellcheck disable=SC2016 # for the guest's shell
guest -e 'A=one two  %41"x"' --user app --workdir /made/here --hostname tester -- -c '
	echo "args:$#:$1:$2:$3:"
	echo "env:$A:$HOME:$HOSTNAME:$PATH"
	echo "id:$(id -u):$(id -g):$(id -un)"
	echo "pwd:$(pwd)"
	echo "name:$(hostname)"
	echo "limit:$(ulimit -n):$(ulimit -Hn)"
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
check "the application's world" 42 'args:3:a  b::%20:' \
	'env:one two  %41"x":/var/app:tester:/usr/local/sbin:.*' 'id:1[0-9][0-9]:1[0-9][0-9]:app' \
	'pwd:/made/here' 'name:tester' 'limit:1024:1048576' 'mounts:proc sysfs devtmpfs devpts ' \
	'addr:10.0.2.15/24' 'lo:127.0.0.1/8' 'hosts:1' 'dns:nameserver 10.0.2.3' \
	'tty:/dev/ttyS0' 'tmp:1777' 'lupine-init: exit status 42'

# shellcheck disable=SC2016
guest --user 1234:5 --no-net -- -c 'echo "id:$(id -u):$(id -g)"; ip link show eth0; kill -SEGV $$'
check "numbers for a user; killed by a signal" 139 'id:1234:5' \
	'lupine-init: the application was killed by SIGSEGV' "ip: can't find device 'eth0'"

# shellcheck disable=SC2016
guest -- -c '
	(sleep 1; echo "orphan done") &
	trap "echo got TERM; exit 9" TERM
	(sh -c "sleep 0.2 & echo child gone" &)
	sleep 0.5
	kill -TERM 1
	sleep 30 & wait'
check "SIGTERM to init reaches the application; orphans are reaped" 9 'got TERM' 'child gone'

guest --append 'ip=none' -- -c 'ip -4 addr show eth0 | grep -c inet; ip link show lo | grep -c LOWER_UP'
check "the network unconfigured" 0 '0' '1'

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
"$ROOT/scripts/apps/build" --output "$work/test2.ext2" --add "$work/files:/t" "$work/manifest" \
	>"$work/log" 2>&1 || { cat "$work/log"; die "no image"; }
mv "$work/test.ext2" "$work/test1.ext2"
mv "$work/test2.ext2" "$work/test.ext2"
guest --append 'ip=none'
check "DHCP by the init, mounts, folders, limits, settings" 0 7 750:app 77 from-manifest 1 \
	' *inet 10.0.2.15/24 .*' 'default via 10.0.2.2 .*' 'nameserver 10.0.2.3'
status=0
rm -f "$work/console"
typed up '\003' | "$run" --kernel "$kernel" --image "$work/test.ext2" --timeout 60 --log "$work/console" \
	-- -c 'trap "" INT; trap "echo stopped; exit 8" USR1; echo up; while :; do sleep 1; done' \
	>"$work/raw" 2>&1 || status=$?
tr -d '\r' <"$work/raw" >"$work/out"
check "Ctrl-C, where the image has a signal of its own for it" 8 '(\^C)?stopped'
mv "$work/test1.ext2" "$work/test.ext2"

guest --entrypoint /t/script -- x
check "a script" 0 'script x'
guest --entrypoint nothing
check "a program that is not there" 127 'lupine-init: nothing: not found in PATH=.*'
guest --entrypoint /no/thing
check "a path that is not there" 127 'lupine-init: /no/thing: not in the image'
guest --entrypoint /t/arm
check "a program for another machine" 126 \
	'lupine-init: /t/arm: a program for ELF machine 183, not x86-64'
guest --entrypoint /t/text
check "a file that is no program" 126 'lupine-init: /t/text: neither a script nor an ELF program: .*'
guest --entrypoint /t/lost
check "a script without its interpreter" 126 \
	"lupine-init: /t/lost: its interpreter '/no/such/interpreter': No such file or directory"
guest --entrypoint /t/crlf
check "a script with lines as on Windows" 126 \
	"lupine-init: /t/crlf: its interpreter '/bin/sh\\\\r': No such file .* in CR and LF: convert it\)"
guest --entrypoint /t/closed
check "a script without x bit" 126 \
	'lupine-init: /t/closed: has no x bit \(its mode is 0644\): chmod \+x it in the image'
guest --entrypoint /t/by-closed
check "an interpreter without x bit" 126 \
	"lupine-init: /t/by-closed: its interpreter '/t/closed': has no x bit .*"
guest --entrypoint /t/long
check "an interpreter's name too long" 126 \
	'lupine-init: /t/long: its #! line is longer than the 255 bytes that the kernel reads'
guest --entrypoint /t/short
check "an ELF program cut short" 126 'lupine-init: /t/short: an ELF program cut short: it has 4 bytes'
guest --entrypoint /t/half
check "an ELF program cut in half" 126 'lupine-init: /t/half: an ELF program cut short: .*'
guest --entrypoint /t/empty
check "an empty file" 126 'lupine-init: /t/empty: an empty file'
guest --entrypoint /t/folder
check "a folder" 126 'lupine-init: /t/folder: is a folder'
guest --user 99:99 --entrypoint /t/script -- x
check "a number without an entry" 0 'script x'
guest --user nobody-here
check "a user that is not there" 125 "lupine-init: user 'nobody-here' is not in /etc/passwd"
guest --append 'init=/no/init'
check "a kernel panic" 255 'run: the kernel panicked'
guest --timeout 4 -- -c 'sleep 100'
check "a time-out" 124 'run: ended after 4 s \(--timeout\)'
guest -- -c 'echo "lupine-init: exit status 0"; exit 6'
check "an application that prints such a line" 6
guest -- -c 'echo "lupine-init: exit status 0"; reboot -f'
check "and ends the machine" 255 'lupine-init: exit status 0' \
	'run: the machine ended without an exit status from its init'
guest --append init=/t/liar
check "or panics" 255 'lupine-init: exit status 0' 'run: the kernel panicked'

status=0
rm -f "$work/console"
typed waiting '\003' | "$run" --kernel "$kernel" --image "$work/test.ext2" --timeout 60 --log "$work/console" \
	-- -c 'trap "echo interrupted; exit 5" INT; echo waiting; while :; do sleep 1; done' \
	>"$work/raw" 2>&1 || status=$?
tr -d '\r' <"$work/raw" >"$work/out"
check "Ctrl-C on the console" 5 '(\^C)?interrupted'
status=0
rm -f "$work/console"
typed up '\001x' | "$run" --kernel "$kernel" --image "$work/test.ext2" --timeout 60 --log "$work/console" \
	-- -c 'echo up; sleep 100' >"$work/raw" 2>&1 || status=$?
tr -d '\r' <"$work/raw" >"$work/out"
check "Ctrl-A x on the console" 0 'run: ended by Ctrl-A x'

# More than the kernel's command line holds; each word is kept.
many=(-e "LAST=a  \"b' %41\\n$(printf '\303\251')")
for i in {1..300}; do
	many+=(-e "SVC_${i}_PORT=tcp://10.0.0.$i:80")
done
# shellcheck disable=SC2016 # for the guest's shell
guest "${many[@]}" --workdir '/a b' -- -c 'env | grep -c ^SVC_; echo "$LAST:$SVC_300_PORT:$1:$PWD"' sh 'x  y'
check "300 variables" 0 300 "a  \"b' %41.n..:tcp://10.0.0.300:80:x  y:/a b"
printf '# comment\n\nA=b c\nHOME\n' >"$work/env"
# shellcheck disable=SC2016
HOME=/from/here guest --env-file "$work/env" -- -c 'echo "$A:$HOME"'
check "variables from a file" 0 'b c:/from/here'

odd="$work/a, b:c"
guest -v "$odd:/my data" -- -c 'cd "/my data" && echo kept >file && grep -c " /my.040data ext2 " /proc/mounts'
check "a volume with blanks, commas and colons" 0 1
cp "$work/test.ext2" "$work/t,e:s t.ext2"
ln "$kernel" "$work/k,e:r n" 2>/dev/null || cp "$kernel" "$work/k,e:r n"
cd "$work"
guest --kernel "k,e:r n" --image "t,e:s t.ext2" -v "a, b:c:/x:ro" -- -c 'cat /x/file'
cd "$OLDPWD"
check "such names of kernel and image" 0 kept
mkfifo "$work/pipe"
guest -v "$work/pipe:/x"
check "a volume that is a pipe" 125 "run: error: volume $work/pipe is neither a file nor a disk"
guest --image "$work/pipe"
check "an image that is a pipe" 125 "run: error: image $work/pipe is neither a file nor a disk"
guest -v "$work/no/where:/x"
check "a volume that cannot be made" 125 "run: error: the volume $work/no/where cannot be made: .*"
guest -v "$kernel:/x"
check "a volume that is no file system" 125 'lupine-init: mount of ext2 /dev/vdb on /x: Invalid argument'
echo 'memory=64M' >"$work/test.conf"
guest
check "memory of the image that is no number" 125 \
	"run: error: $work/test.conf: memory '64M': want MiB, a number from 1 to .*"
echo "memory=PATH[\$(echo >$work/ran)]" >"$work/test.conf"
status=0
"$ROOT/scripts/test/monitors.sh" --kernel "$kernel" "$work/test.ext2" >"$work/out" 2>&1 || status=$?
[ ! -e "$work/ran" ] || status=ran
check "the same for other monitors" 1 "monitors: error: $work/test.conf: memory '.*': want numbers; .*"
rm "$work/test.conf"
guest --memory 08
check "memory that looks octal" 125 'run: error: --memory 08: want MiB, a number from 1 to .*'

# shellcheck disable=SC2016
guest --user app -v "$work/volume:/var/app/data" -v "$work/second:/second" -- -c '
	cd /var/app/data && echo kept >file && stat -c "%U" file && stat -c "dir %a:%U" .'
check "a new volume belongs to who owned the folder" 0 app dir.750:app
guest -v "$work/volume:/var/app/data" -v "$work/second:/second" -- -c '
	echo kept >/var/app/data/file; grep -c " /second ext2 rw" /proc/mounts'
check "two volumes" 0 1
e2fsck -fn "$work/volume" >"$work/out" 2>&1 || status=$?
check "a volume is left clean" 0
guest -v "$work/volume:/elsewhere:ro" -- -c 'cat /elsewhere/file; echo x >/elsewhere/file'
check "what is on a volume stays; read-only ones refuse" 1 kept '.*[Rr]ead-only file system'
guest -v "$work/nothing:/x:ro" -- -c true
check "a read-only volume that is not there" 125 "run: error: no volume $work/nothing"
guest -v "$work/volume:x"
check "half a volume" 125 "run: error: -v $work/volume:x: want .*"

name=test-run-$$
status=0
"$run" --detach $name --kernel "$kernel" --image "$work/test.ext2" -- \
	-c 'trap "exit 7" INT; echo up; while :; do sleep 1; done' >"$work/out" 2>&1 || status=$?
check "a guest in the background" 0 "run: $name runs; .*"
for _ in {1..100}; do
	"$ROOT/scripts/lupine/guest" log $name | grep -q '^up' && break
	sleep 0.1
done
status=0
"$ROOT/scripts/lupine/guest" list | grep "^$name " >"$work/out" || status=$?
check "is listed" 0 "$name +running"
guest --detach $name
check "a second one of that name" 125 "run: error: a guest '$name' is running; .*"
status=0
"$ROOT/scripts/lupine/guest" stop $name >"$work/out" 2>&1 || status=$?
check "stopped, it gives its status" 7
status=0
"$ROOT/scripts/lupine/guest" log $name 2>&1 | tr -d '\r' >"$work/out" || status=$?
check "its console is kept" 0 up
"$ROOT/scripts/lupine/guest" remove $name
status=0
"$ROOT/scripts/lupine/guest" log $name >"$work/out" 2>&1 || status=$?
check "removed, it is forgotten" 1 "guest: error: no guest '$name'; .*"
guest --detach $name --timeout x
check "a mistake in the arguments shows at once" 125 "run: error: --timeout x: want seconds, a number from .*"

# A port that is taken: by another guest, as it happens.
port=$(free_port)
"$run" --kernel "$kernel" --image "$work/test.ext2" --timeout 60 -p "$port:80" -- \
	-c 'mkdir -p /w && echo served >/w/x && httpd -f -p 80 -h /w' </dev/null >"$work/server" 2>&1 &
server=$!
for _ in {1..100}; do
	(exec 4<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
	sleep 0.1
done
guest -p "$port:80"
check "a port in use" 125 "run: error: port $port of 127.0.0.1 is in use; .*"
kill $server
wait $server || status=$?
server=''
[ "$status" = 143 ] && pgrep -f "hostfwd=tcp:127.0.0.1:$port-" >/dev/null && status=1
: >"$work/out"
check "a terminated run leaves no QEMU behind" 143

guest -p "$port:80" -p "$port:81"
check "a port given twice" 125 "run: error: port $port of 127.0.0.1 is in use; .*"
guest -p "localhost:$port:80"
check "an address that is a name" 125 "run: error: -p localhost:$port:80: want .*, ADDRESS as 127.0.0.1"
# What the guest can reach: a server of this machine, by the gateway's address.
"$run" --kernel "$kernel" --image "$work/test.ext2" --timeout 90 --quiet -p "$port:80" -- \
	-c 'mkdir -p /w && echo served >/w/x && httpd -f -p 80 -h /w' </dev/null >"$work/server" 2>&1 &
server=$!
for _ in {1..100}; do
	(exec 4<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
	sleep 0.1
done
sleep 2
reach="printf 'GET /x HTTP/1.0\\r\\n\\r\\n' | nc -w 5 10.0.2.2 $port || echo none; exit 5"
guest -- -c "$reach"
check "the guest reaches this machine's loopback" 5 served
guest --no-outbound -- -c "$reach"
check "but not with --no-outbound" 5 none
kill $server
wait $server || :
"$run" --kernel "$kernel" --image "$work/test.ext2" --timeout 90 --quiet --no-outbound -p "$port:80" -- \
	-c 'mkdir -p /w && echo inwards >/w/x && httpd -f -p 80 -h /w' </dev/null >"$work/server" 2>&1 &
server=$!
status=1
for _ in {1..100}; do
	{ printf 'GET /x HTTP/1.0\r\n\r\n' >&4; timeout 5 cat <&4; } 4<>"/dev/tcp/127.0.0.1/$port" \
		>"$work/raw" 2>/dev/null || :
	grep -q inwards "$work/raw" && status=0 && break
	sleep 0.1
done
tr -d '\r' <"$work/raw" >"$work/out"
check "forwarded ports answer with --no-outbound" 0 inwards
kill -KILL $server
wait $server 2>/dev/null || :
server=''
status=0
for _ in {1..30}; do
	pgrep -f "hostfwd=tcp:127.0.0.1:$port-" >/dev/null || break
	sleep 0.1
done
! pgrep -f "hostfwd=tcp:127.0.0.1:$port-" >"$work/out" || status=1
check "a killed run leaves no QEMU behind" 0

guest --kernel /nowhere
check "no kernel" 125 'run: error: no kernel /nowhere; .*'
guest --kernel "$work/files/text"
check "a kernel that is none" 125 'run: error: .* is neither vmlinux .an ELF file. nor a bzImage'
guest --image /nowhere
check "no image" 125 'run: error: no image /nowhere; .*'
head -c 1000 "$work/test.ext2" >"$work/short.ext2"
guest --image "$work/short.ext2"
check "an image cut short" 125 'run: error: .* is not an ext2 file system, or cut short'
guest -p 80
check "half a port" 125 'run: error: -p 80: want .*'
guest -p 99999:80
check "a port number too high" 125 'run: error: -p 99999:80: want .*'
guest --accel warp
check "an unknown accelerator" 125 'run: error: --accel warp: want auto, tcg, tcg,thread=single or kvm'
guest --bogus x
check "an unknown option" 125 'run: error: unknown option --bogus \(see --help\)'

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
