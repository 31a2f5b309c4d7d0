#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/snapshot.sh --kernel VMLINUX
#
# Test `lupine run --snapshot`: that a machine starts from a snapshot with its memory, its
# disk, a right date and new random numbers, that several share one file, which stays as it
# is, that the start is quicker than a boot, and what is said of mistakes.
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
kernel=''
begin kernel:kernel! -- "$@"

compile_here "$ROOT/scripts/test/clock/date.c"
cat >"$work/manifest" <<'END'
packages busybox-static
busybox yes
program date.c /date
file serve /serve 755
file answer /answer 755
entrypoint /serve
END
cat >"$work/serve" <<'END'
#!/bin/sh
# $1: what to do; the port 80 listens when the rest is done.
echo "booted with $1"
head -c 3000000 /dev/urandom >/kept
sha256sum </kept >/tmp/sum
[ "$1" != fail ] || exit 3
/date serve 7 &
# The kernel makes new random numbers by itself after half of the time that it has run: not
# before second 19.
[ "$1" != late ] || while read -r up _ </proc/uptime && [ "${up%.*}" -lt 15 ]; do sleep 0.1; done
[ "$1" = never ] || nc -ll -p 80 -e /answer &
[ "$1" != ends ] || { sleep 3; exit 9; }
while :; do wait; done
END
cat >"$work/answer" <<'END'
#!/bin/sh
read what
case $what in
random) head -c 16 /dev/urandom | hexdump -e '16/1 "%02x"' ;;
kept) echo 3 >/proc/sys/vm/drop_caches; [ "$(sha256sum </kept)" = "$(cat /tmp/sum)" ] && echo kept ;;
write) echo written >/new; cat /new ;;
new) cat /new 2>&1 ;;
esac
END
build_image "$work/manifest"
file="$work/a, b:c.snapshot"
ports=() machines=() times=()

# boot OPTION...: a guest in the foreground that serves
boot() { guest --kernel "$kernel" --image "$image" --memory 64 --timeout 60 "$@"; }

# begin_machine OPTION...: one in the background, whose ports are 80 and 7; its number is that
# of all before it
begin_machine()
{
	local port date

	port=$(free_port)
	date=$(free_port)
	ports+=("$port $date")
	"$ROOT/scripts/lupine/lupine" run --timeout 300 -p "$port:80" -p "$date:7" "$@" \
		</dev/null >"$work/console${#ports[@]}" 2>&1 &
	machines+=($!)
	at_exit kill $!
}

asked() { exec 4<>"/dev/tcp/127.0.0.1/$1" && echo "$2" >&4 && timeout 1 cat <&4; }

# ask MACHINE WORD: what it answers
ask()
{
	local answer='' end=$((SECONDS + 60))

	while [ $SECONDS -lt $end ]; do
		answer=$(asked "${ports[$1 - 1]% *}" "$2" 2>/dev/null) || answer=''
		[ -z "$answer" ] || break
		sleep 0.02
	done
	echo "$answer"
	[ -n "$answer" ]
}

# started OPTION...: begin a machine; how many milliseconds it takes to its first answer, and
# what that is
started()
{
	local start

	start=$(date +%s%N)
	begin_machine "$@"
	answer=$(ask ${#ports[@]} random)
	took=$((($(date +%s%N) - start) / 1000000))
}

# What has been begun is judged in functions, which are in a shell of their own.
is_made()
{
	cat "$work/console1"
	ask 1 random
	# One boot, and a second machine, which goes on.
	grep -c 'booted with two words' "$work/console1" | grep -qx 1
	grep -q "saved in " "$work/console1"
	ls -ls "$file"
	! ls "$file".*
}

# Another machine has booted in $boot ms, and three have started from the file.
starts_quicker()
{
	echo "boot and answer: $boot ms, from the snapshot: ${times[*]} ms"
	[ "$(printf '%s\n' "${times[@]}" | sort -n | head -n 1)" -lt "$boot" ]
}

# A busy host gets a second and a third try
clocks_are_right()
{
	local _

	for _ in 1 2 3; do
		! "$work/date" ask "${ports[$1 - 1]#* }" "$work/first$1" 20 || return 0
	done
	return 1
}

numbers_are_new() { echo "$1 $2"; [ "${#1}" = 32 ] && [ "${#2}" = 32 ] && [ "$1" != "$2" ]; }

# What it has written before it was saved, from the disk; and what one writes is its own.
disk_is_whole()
{
	ask 1 kept | grep -x kept
	ask 4 kept | grep -x kept
	ask 4 write | grep -x written
	ask 4 new | grep -x written
	ask 5 new | grep 'No such file'
}

# The memory of a machine that has just started is mostly the file's.
memory_is_shared()
{
	local qemu

	qemu=$(pgrep -P "${machines[4]}")
	awk -v file="${file##*/}" '
		/^[0-9a-f]+-[0-9a-f]+ / { on = index($0, file) }
		on && ($1 ~ /^(Rss|Private_Dirty|Shared_Clean):/) { sum[$1] += $2 }
		END {
			for (i in sum)
				print i, sum[i], "kB"
			exit !(sum["Rss:"] > 1000 && sum["Private_Dirty:"] < sum["Rss:"] / 2)
		}' "/proc/$qemu/smaps"
}

file_stays() { [ "$(sha256sum "$file")" = "$sum" ]; }

status_is_the_applications()
{
	boot -p "$(free_port):80" --snapshot "$work/ends" -- ends
	ended 9 'saved in .*/ends'
	guest --snapshot "$work/ends"
	ended 9 '!saved in' '!booted'
}

# The kernel may be given, or left out.
from_a_kernel_too()
{
	ask 6 random
	! grep booted "$work/console6"
}

# Two kilobytes of arguments go by a disk of their own.
long_arguments()
{
	ask 7 random
	grep -q "saved in " "$work/console7"
	ask 8 random
	! grep booted "$work/console8"
}

not_ready_in_time()
{
	boot --timeout 5 -p "$(free_port):80" --snapshot "$work/never" -- never
	ended 124
	boot -p "$(free_port):80" --snapshot "$work/never" -- fail
	ended 3
	"$ROOT/scripts/lupine/lupine" run --kernel "$kernel" --image "$image" -p "$(free_port):80" \
		--snapshot "$work/never" -- never &
	sleep 3
	ls "$work"/never.*
	kill $!
	wait $! || :
	! ls "$work"/never*
}

# changed NAME OFFSET TEXT: a copy of the file, in which TEXT is so far from the end
changed()
{
	cp --sparse=always "$file" "$work/$1"
	printf %b "$3" | dd of="$work/$1" bs=1 conv=notrunc status=none \
		seek=$(($(stat -c %s "$file") - $2))
}

# from_end TEXT: how far from the end it begins
from_end() { echo $(($(stat -c %s "$file") - $(grep -abo "$1" "$file" | tail -n 1 | cut -d : -f 1))); }

bad_files_are_refused()
{
	local at

	cp "$file" "$work/cut"
	truncate -s -1 "$work/cut"
	changed version $(($(from_end 'QEMU [0-9]') - 5)) x
	changed words $(($(from_end 'processor ') - 10)) %s
	# The largest part is larger than the file.
	changed sizes 28 '\377\377'
	# Where the state begins: memory and disk are whole MiB, and known.
	at=$(($(stat -c %s "$file") - (64 << 20) - ($(stat -c %s "$image") + 4095) / 4096 * 4096))
	changed state $((at - 3)) xxxx
	mkfifo "$work/pipe"
	: >"$work/empty"
	fails 'is no snapshot, or cut short' "$ROOT/scripts/lupine/lupine" run --snapshot "$work/cut"
	fails 'is no snapshot, or cut short' "$ROOT/scripts/lupine/lupine" run --snapshot "$work/empty"
	fails 'is no snapshot, or cut short' "$ROOT/scripts/lupine/lupine" run --snapshot "$image"
	fails 'pipe is no file' "$ROOT/scripts/lupine/lupine" run --snapshot "$work/pipe"
	fails 'saved by QEMU x' "$ROOT/scripts/lupine/lupine" run --snapshot "$work/version"
	fails "'%s[a-z]+' is no processor's name" "$ROOT/scripts/lupine/lupine" run --snapshot "$work/words"
	fails 'its parts are not as large' "$ROOT/scripts/lupine/lupine" run --snapshot "$work/sizes"
	fails 'load of migration failed' "$ROOT/scripts/lupine/lupine" run --snapshot "$work/state"
}

# Each line is MESSAGE|OPTIONS.
mistakes_are_named()
{
	local message words

	cp "$image" "$work/other.ext2"
	ln -s "$kernel" "$work/vmlinux"
	while IFS='|' read -r message words; do
		# shellcheck disable=SC2086 # they are several
		boot -p "$(free_port):80" --snapshot "$file" $words
		ended 125 "$message"
	done <<-END
		was saved with 'memory 64', and this machine has 'memory 65'|--memory 65 -- two
		was saved with 'processors 1', and this machine has 'processors 2'|--cpus 2
		was saved with 'image .* and this machine has 'image |--image $work/other.ext2
		was saved with 'argument two words', and this machine has 'env A=b'|-e A=b
		was saved with 'words .*hostname|--append hostname=x
		-v and --snapshot exclude each other|-v $work/volume:/v
		--explain and --snapshot exclude each other|--explain
	END
	guest --kernel "$kernel" --image "$image" --snapshot "$work/none"
	ended 125 'none has to be made, and wants -p'
	guest --snapshot "$work/none"
	ended 125 'no snapshot .*none; give --kernel'
	guest --snapshot "$file" --memory 64
	ended 125 'without --kernel says itself what the machine is'
	guest --snapshot "$file" -- word
	ended 125 'without --kernel says itself what the machine is'
	boot -p "$(free_port):80" --snapshot "$work/no/where"
	ended 125 'No such file or directory'
	[ ! -e "$work/none" ]
}

# The first two, and what comes of the third
begin_machine --kernel "$kernel" --image "$image" --memory 64 --snapshot "$file" -- 'two words'
must "a machine is saved, and goes on from there" is_made
sum=$(sha256sum "$file")
started --kernel "$kernel" --image "$image" --memory 64 -- 'two words'
boot=$took
for _ in 3 4 5; do
	started --snapshot "$file"
	times+=("$took")
done
check "from the snapshot it answers earlier than from boot" starts_quicker
for number in 1 3; do
	check "the clocks of machine $number are right" clocks_are_right $number
done
check "the disk has what was written" disk_is_whole
check "memory is shared" memory_is_shared
check "the application's status is the exit status" status_is_the_applications
begin_machine --kernel "$kernel" --image "$image" --memory 64 --snapshot "$file" -- 'two words'
long=(--snapshot "$work/long")
begin_machine --kernel "$kernel" --image "$image" --memory 64 "${long[@]}" -- "$(printf '%03000d' 7)"
checks from_a_kernel_too
ask 7 random >/dev/null
begin_machine "${long[@]}"
bz=$(dirname "$kernel")/arch/x86/boot/bzImage
if [ -e "$bz" ]; then
	started --kernel "$bz" --image "$image" --memory 64 --snapshot "$work/bz" -- 'two words'
	started --snapshot "$work/bz"
	check "a bzImage does it, too" test "${#answer}" = 32
fi
late=(--snapshot "$work/late")
started --kernel "$kernel" --image "$image" --memory 64 "${late[@]}" -- late
first=$answer
started "${late[@]}"
check "random numbers are new in each machine" numbers_are_new "$first" "$answer"
checks long_arguments not_ready_in_time mistakes_are_named bad_files_are_refused
check "the file is as it was" file_stays
summary
