#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: scripts/test/wild-writes.sh [OPTION]... --kernel VMLINUX [--kernel VMLINUX]...
#
# What do accidents of a process do to the kernel? Have a process in a guest write
# through wild pointers, and count how often the write is a fault, hits memory of the
# process, or hits memory of the kernel, and what becomes of the kernel then:
# nothing that a fixed piece of work notices, a wrong result of that work, a panic,
# or a machine that hangs. A table for each kernel goes to the standard output, and
# the lines that it is made of to build/wild/.
#
#   --writes N   of each kind of accident (default 1000): random numbers, random
#                canonical addresses, a pointer with one bit flipped, with an offset
#                of any magnitude, NULL with one, a pointer that went through an int,
#                and one that was overwritten by a string
#   --aimed N    of each of those that are aimed at the kernel (default 100): at the
#                direct map of all memory, and at the first 16 MB that the kernel
#                is linked to. Each that hits costs a boot.
#   --seed N     for other random numbers (default 1)
#   --kind NAME  only this kind (may be repeated); the table has what was counted of
#                the others before
#   --quick      50 and 5 instead, and see that no accident reached the kernel, that
#                what was aimed at it did with CONFIG_KML, and did not without
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/../lib.sh"
# shellcheck source=scripts/test/lib.sh
. "$ROOT/scripts/test/lib.sh"

accidents='uniform canonical bit-flip offset null truncated overwritten'
kernels=() only=() writes=1000 aimed=100 seed=1 quick=''
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage; exit ;;
	--quick) quick=1 writes=50 aimed=5; shift; continue ;;
	--kernel | --writes | --aimed | --seed | --kind)
		[ $# -ge 2 ] || die "$1 wants a value; see --help" ;;
	*) die "unknown argument '$1'; see --help" ;;
	esac
	[[ $1 == --k* ]] || [[ $2 =~ ^[1-9][0-9]{0,6}$ ]] || die "$1 $2: want a number"
	case $1 in
	--kernel) kernels+=("$2") ;;
	--kind)
		[[ " $accidents aimed image " == *" $2 "* ]] || die "no kind '$2'; there are: $accidents aimed image"
		only+=("$2") ;;
	--writes) writes=$2 ;;
	--aimed) aimed=$2 ;;
	--seed) seed=$2 ;;
	esac
	shift 2
done
[ ${#kernels[@]} -gt 0 ] || die "no kernel; see --help"
for kernel in "${kernels[@]}"; do
	[ -f "$kernel" ] || die "no kernel '$kernel'; scripts/kconfig/build lupine-base makes one"
done

mkdir -p "$BUILD/wild"
image=$BUILD/wild/wild.ext2
# A guest is ended when it takes that long. It is not short: the host may be busy.
patience=60
# Writes in one guest, at most
batch=250

# guest KERNEL KIND FIRST COUNT: one machine's writes. Its lines go to $lines. Sets
# next to the number of the write that is to follow.
guest()
{
	local kernel=$1 kind=$2 first=$3 count=$4 status=0 console=$lines.console last how

	"$ROOT/scripts/lupine/run" --kernel "$kernel" --image "$image" --no-net --quiet --accel tcg \
		--timeout $patience -- "$kind" "$seed" "$first" "$count" \
		</dev/null >"$console" 2>&1 || status=$?
	tr -d '\r' <"$console" | grep -aoE "end $kind [0-9]+ (fault|own|kernel) [0-9]+$" >>"$lines" || :
	next=$(tr -d '\r' <"$console" | sed -n 's/^wild: done at \([0-9]*\)$/\1/p' | tail -n 1)
	if [ -n "$next" ]; then
		slow=0
		return
	fi
	last=$(tr -d '\r' <"$console" | sed -n "s/^begin $kind \([0-9]*\) [0-9a-f]*$/\1/p" | tail -n 1)
	# A busy host may not get it as far as that.
	if [ -z "$last" ] && [ "$status" = 124 ] && [ $((++slow)) -lt 5 ]; then
		next=$first
		return
	fi
	if [ -z "$last" ]; then
		tail -n 20 "$console" >&2
		die "the guest made no write (status $status)"
	fi
	slow=0 how=hang
	[ "$status" = 124 ] || how=panic
	# Slow is not dead: what hangs does so once more, on its own.
	if [ $how = hang ] && [ "$count" != 1 ]; then
		next=$last
		single=1
		return
	fi
	cp "$console" "$lines.$how-$kind-$last"
	# It may have printed the end before it died.
	sed -i "/^end $kind $last /d" "$lines"
	echo "end $kind $last $how 0" >>"$lines"
	next=$((last + 1))
}

# all_of KERNEL KIND COUNT
all_of()
{
	local next=0 single='' slow=0 n

	while [ "$next" -lt "$3" ]; do
		n=$(($3 - next))
		[ "$n" -le $batch ] || n=$batch
		[ -z "$single" ] || n=1
		single=''
		guest "$1" "$2" "$next" "$n"
	done
}

# table: of $lines
table()
{
	awk -v order_of_kinds="$accidents aimed image" '
		BEGIN { kinds = split(order_of_kinds, order, " ") }
		{ n[$2]++; c[$2, $4 == "kernel" && $5 != 0 ? "noticed" : $4]++ }
		END {
			format = "%-12s  %6s  %6s  %6s  %9s  %7s  %6s  %6s\n"
			printf format, "kind", "writes", "fault", "own", "unnoticed", "noticed",
				"panic", "hang"
			for (i = 1; i <= kinds; i++) {
				k = order[i]
				if (!(k in n))
					continue
				printf format, k, n[k], c[k, "fault"] + 0, c[k, "own"] + 0,
					c[k, "kernel"] + 0, c[k, "noticed"] + 0, c[k, "panic"] + 0,
					c[k, "hang"] + 0
			}
		}' "$lines"
}

# reached KIND...: how many writes of these kinds ended other than in a fault or in
# memory of the process
reached()
{
	local kinds=" $* "

	awk -v kinds="$kinds" 'index(kinds, " " $2 " ") && $4 !~ /^(fault|own)$/ { n++ }
		END { print n + 0 }' "$lines"
}

quick_checks()
{
	local name=$1 kml=$2

	# shellcheck disable=SC2086 # words
	try "wild writes, $name: no accident reaches the kernel" [ "$(reached $accidents)" = 0 ]
	if [ -n "$kml" ]; then
		try "wild writes, $name: what is aimed at the kernel does" [ "$(reached aimed)" -gt 0 ]
	else
		try "wild writes, $name: nor does what is aimed at it" [ "$(reached aimed image)" = 0 ]
	fi
}

"$ROOT/scripts/apps/build" --output "$image" "$ROOT/scripts/test/wild-writes/manifest" >"$BUILD/wild/image.log" 2>&1 || {
	cat "$BUILD/wild/image.log" >&2
	die "the image cannot be made"
}
for kernel in "${kernels[@]}"; do
	name=$(basename "$(dirname "$(readlink -f "$kernel")")")
	lines=$BUILD/wild/$name
	# shellcheck disable=SC2206 # words
	kinds=($accidents aimed image)
	[ ${#only[@]} = 0 ] || kinds=("${only[@]}")
	touch "$lines"
	for kind in "${kinds[@]}"; do
		sed -i "/^end $kind /d" "$lines"
		rm -f "$lines".*-"$kind"-*
		count=$writes
		[[ $kind != aimed && $kind != image ]] || count=$aimed
		all_of "$kernel" "$kind" "$count"
	done
	echo "# $name"
	table
	[ -z "$quick" ] || quick_checks "$name" \
		"$(grep -sx CONFIG_KML=y "$(dirname "$kernel")/.config")"
done
[ -z "$quick" ] || summary
