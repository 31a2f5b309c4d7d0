#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/callsites.sh [--kernel VMLINUX [--other VMLINUX]] [FILE...]
#
# Test callsites on functions that are made to be difficult (hostile.S): as a shared
# object, as a program at a fixed address, and stripped. Then on files of this machine,
# or on those named: what is undone is as it was before, to the byte. Needs no kernel.
#
#   --kernel VMLINUX   with CONFIG_KML: threads, signals and processes in a guest with it,
#                      on libraries that have been rewritten
#   --other VMLINUX    without: the same image
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

kernel='' other=''
begin kernel:kernel other:kernel ... -- "$@"
need gcc nm objcopy strip readelf cmp
here=$ROOT/scripts/test/callsites
make -s -C "$ROOT/scripts/callsites" OUT="$work"
callsites() { timeout 20 "$work/callsites" "$@"; }

# Judge what --verbose says of each function of $1, whose symbols are those of $2.
judge()
{
	callsites --check --verbose "$1" >"$work/verbose"
	objcopy -O binary --only-section=.expected --set-section-flags .expected=alloc \
		"$2" "$work/expected"
	nm -S "$2" >"$work/symbols"
	awk -v expected="$work/expected" -v symbols="$work/symbols" '
	function number(hex,	n, i) {
		n = 0
		hex = tolower(hex)
		sub(/^0x/, "", hex)
		for (i = 1; i <= length(hex); i++)
			n = n * 16 + index("0123456789abcdef", substr(hex, i, 1)) - 1
		return n
	}
	BEGIN {
		while ((getline <symbols) > 0)
			if (NF == 4) {
				start[$4] = number($1)
				end[$4] = start[$4] + number($2)
			}
		while ((getline <expected) > 0) {
			name = $1
			sub(/^[^ ]* /, "")
			what[name] = $0
		}
	}
	/^    0x/ {
		at = number($1)
		sub(/^ *[^ ]* /, "")
		for (name in what)
			if (at >= start[name] && at < end[name]) {
				want = what[name]
				if (want == "copied")
					want = "rewritten"
				if ($0 !~ "^(" want ")$") {
					print name ": " $0 ", and not " want
					bad = 1
				}
				seen[name]++
			}
	}
	END {
		for (name in what) {
			n++
			if (!seen[name] != (what[name] == "none")) {
				print name ": no site found, or one too many"
				bad = 1
			}
		}
		print n " functions"
		exit bad || n < 40
	}' "$work/verbose"
}

# What is called in $1, by the symbols of $2, and that no other byte has changed
calls()
{
	local name want

	callsites "$1"
	# A function that is to be rewritten has a call of a stub and no SYSCALL; others have
	# no such call. Stubs have no symbols: objdump counts from the last one.
	objdump -d --no-show-raw-insn "$2" >"$work/before.dis"
	cp "$2" "$work/with-symbols"
	callsites "$work/with-symbols" >/dev/null
	objdump -d --no-show-raw-insn "$work/with-symbols" >"$work/after.dis"
	tr -d '\0' <"$work/expected" | while read -r name want; do
		awk -v name="<$name>:" '$2 == name { on = 1 } /^$/ { on = 0 } on' \
			"$work/after.dis" >"$work/function"
		case $want in
		rewritten)
			grep -qE '\<call +(0x)?[0-9a-f]+' "$work/function" ||
				{ echo "$name: no call of a stub"; return 1; }
			! grep -q $'\tsyscall' "$work/function" || { echo "$name: SYSCALL"; return 1; }
			;;
		copied)
			grep -qE "^ *$(nm "$2" | awk -v n="$name" '$3 == n { sub(/^0*/, "", $1); print $1 }'):.*jmp" \
				"$work/function" || { echo "$name: does not jump to a copy"; return 1; }
			;;
		*rewritten* | none) ;;
		*)
			! grep -qE '\<call +(0x)?[0-9a-f]+' "$work/function" ||
				{ echo "$name: was rewritten"; return 1; }
			;;
		esac
	done
}

# none_named FILE SYMBOLS: no word of the file has an address in a function that was copied.
none_named()
{
	local name start size word n=0

	objcopy -O binary -j .got -j .data -j .rela.dyn "$1" "$work/words"
	od -An -v -t x8 "$work/words" | tr -s ' ' '\n' | sed '/^$/d' >"$work/words.hex"
	while read -r start size _ name; do
		grep -qx "$name copied" < <(tr '\0' '\n' <"$work/expected") || continue
		n=$((n + 1))
		while read -r word; do
			[ $((16#$word)) -lt $((16#$start)) ] ||
				[ $((16#$word)) -ge $((16#$start + 16#$size)) ] ||
				{ echo "$name: a word is $word"; return 1; }
		done <"$work/words.hex"
	done < <(nm -S "$2" | awk 'NF == 4')
	[ "$n" -gt 1 ]
}

idempotent()
{
	cp "$1" "$work/twice"
	callsites "$work/twice"
	cmp "$1" "$work/twice"
}

# undone FILE: rewritten, and rewritten back; the build-id never changes.
undone()
{
	cp -L "$1" "$work/undo"
	chmod u+w "$work/undo"
	readelf -n "$1" 2>/dev/null | grep Build >"$work/id" || :
	callsites "$work/undo"
	readelf -n "$work/undo" 2>/dev/null | grep Build | cmp - "$work/id"
	callsites "$work/undo" >"$work/again"
	cat "$work/again"
	callsites --undo "$work/undo"
	cmp "$1" "$work/undo"
}

# Modes, names and times stay; a second name sees the same file.
attributes()
{
	rm -rf "$work/tree"
	mkdir "$work/tree"
	cp "$work/corpus.so" "$work/tree/a"
	chmod 4751 "$work/tree/a"
	touch -d @1000000000 "$work/tree/a"
	callsites "$work/tree"/*
	[ "$(stat -c '%a %Y' "$work/tree/a")" = "4751 1000000000" ]
	if cmp -s "$work/corpus.so" "$work/tree/a"; then
		return 1
	fi
	cp "$work/corpus.so" "$work/tree/b"
	ln "$work/tree/b" "$work/tree/c"
	callsites "$work/tree"/*
	[ "$work/tree/b" -ef "$work/tree/c" ]
	cmp "$work/tree/a" "$work/tree/b"
	[ "$(find "$work/tree" -type f | wc -l)" = 3 ]
}

# Nothing of this is a reason to crash, or to change anything.
damaged()
{
	local i size

	size=$(stat -c %s "$work/corpus.so")
	for i in $(seq 1 150); do
		cp "$work/corpus.so" "$work/damaged"
		# Some bytes of headers and tables, by chance that is the same each time.
		printf '\xff\x7f\xfe' | dd of="$work/damaged" bs=1 conv=notrunc status=none \
			seek=$(((i * 7919 + i * i * 31) % (i % 2 ? 512 : size)))
		head -c $((size * i / 151)) "$work/corpus.so" >"$work/cut"
		for file in damaged cut; do
			run callsites --check "$work/$file"
			[ "$status" -lt 2 ] || { echo "$file $i: status $status"; return 1; }
		done
	done
}

# forged DAMAGE STATUS MESSAGE: a file of damaged.S
forged()
{
	gcc -DDAMAGE="$1" -c -o "$work/forged.o" "$here/damaged.S"
	objcopy -O binary -j .text "$work/forged.o" "$work/forged"
	cp "$work/forged" "$work/forged.before"
	run callsites "$work/forged"
	ended "$2" "$3"
	cmp "$work/forged" "$work/forged.before"
}

errors()
{
	echo text >"$work/text"
	says '' callsites "$work/text"
	[ "$(cat "$work/text")" = text ]
	mkdir "$work/folder"
	mkfifo "$work/fifo"
	for file in "$work/nothing-here" "$work/folder" "$work/fifo"; do
		run callsites "$file"
		ended 1
	done
	run callsites
	ended 2
}

gcc -shared -nostdlib -DSHARED -Wl,-z,pack-relative-relocs -o "$work/corpus.so" "$here/hostile.S"
gcc -no-pie -static -nostdlib -Wl,-e,number -o "$work/corpus" "$here/hostile.S"
for kind in corpus.so corpus; do
	check "hostile functions, $kind" judge "$work/$kind" "$work/$kind"
	strip -o "$work/stripped" "$work/$kind"
	# Without symbols, some labels are no more than addresses, which the code does not use.
	cp "$work/$kind" "$work/rewritten"
	check "hostile functions rewritten, $kind" calls "$work/rewritten" "$work/$kind"
	[ "$kind" = corpus ] || check "copied functions are named no more" none_named \
		"$work/rewritten" "$work/$kind"
	check "once is enough, $kind" idempotent "$work/rewritten"
	check "undone, $kind" undone "$work/$kind"
	check "undone, stripped $kind" undone "$work/stripped"
done
check "modes, times and names" attributes
check "damaged files" damaged
check "a file made by hand" forged 0 0 'stack may be gone 1'
check "a function at address 0" forged 1 0 'jumped into 1'
check "segments with the same addresses" forged 2 1 'its segments overlap'
check "segments with the same bytes" forged 3 1 'its segments overlap'
check "a landing pad for each pair of functions and pads" forged 4 1 'its tables have more entries'
check "as many steps" forged 5 1 'its code takes too long'
check "sections with the same symbols" forged 6 1 'its sections overlap'
check "wrong arguments" errors
[ ${#arguments[@]} != 0 ] ||
	arguments=(/lib/x86_64-linux-gnu/libc.so.6 /lib64/ld-linux-x86-64.so.2)
for file in "${arguments[@]}"; do
	[ -e "$file" ] || continue
	check "undone, $file" undone "$file"
done

# boot VMLINUX [OPTION]...: the image of the workout
boot()
{
	"$ROOT/scripts/lupine/lupine" run --quiet --no-net --timeout 300 --kernel "$1" \
		--image "$work/workout.ext2" "${@:2}" </dev/null
}

# null_call KERNEL MOST: a system call that does next to nothing, called as programs do: the
# instructions of the wrapper, of the stub, and of the way there and back.
null_call()
{
	boot "$1" --qemu -icount --qemu shift=0,sleep=off -- /workout/null |
		tee "$work/said"
	awk -v most="$2" '/^getppid\(\) by libc: / { n++; bad += $4 > most }
		END { exit n != 1 || bad }' "$work/said"
}

# What libc does with signals, threads and processes: cleanups of cancelled threads
# unwind (-fexceptions) through the frame of a signal that hit a system call.
worked_out()
{
	local source name

	mkdir -p "$work/programs/dynamic" "$work/programs/static"
	for source in "$ROOT/scripts/test/workout"/*.c; do
		name=$(basename "$source" .c)
		gcc -O2 -Wall -fexceptions -pthread -o "$work/programs/dynamic/$name" "$source"
		gcc -O2 -Wall -fexceptions -pthread -static -o "$work/programs/static/$name" "$source"
	done
	gcc -O2 -Wall -mno-red-zone -o "$work/programs/null" "$here/null.c"
	"$ROOT/scripts/apps/build" --rewrite --add "$work/programs:/workout" \
		--output "$work/workout.ext2" "$here/manifest"
	boot "$kernel"
}

if [ -n "$kernel" ]; then
	check "threads, signals and processes" worked_out
	# Readers of RCU count themselves in later kernels, which are all preemptible.
	most=102
	[ "$BASE" != 6.12 ] || most=96
	check "getppid() through libc takes at most $most instructions" null_call "$kernel" "$most"
	[ -z "$other" ] || check "the same without CONFIG_KML" boot "$other"
	[ -z "$other" ] || check "at most 192 without CONFIG_KML" null_call "$other" 192
fi
summary
