#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/wild-writes.sh [OPTION]... --kernel VMLINUX [--kernel VMLINUX]...
#
# Measure what accidents of a process do to the kernel. A process in a guest writes
# through wild pointers. Count the writes that fault, that hit memory of the process,
# and that hit memory of the kernel, and what happens then: a fixed piece of work
# notices nothing or gives a wrong result, or the machine panics or hangs. Print a
# table for each kernel, and write its lines to build/wild/.
#
#   --writes N   make N writes of each kind of accident (default 1000): random numbers,
#                random canonical addresses, a pointer with one bit flipped, with an
#                offset of any magnitude, NULL with one, a pointer that went through an
#                int, and one that was overwritten by a string
#   --aimed N    make N writes of each kind that is aimed at the kernel (default 100): at
#                the direct map of all memory, and at the first 16 MB of the kernel's own
#                mapping. Each that hits takes a boot
#   --seed N     use other random numbers (default 1)
#   --kind NAME  make only writes of this kind (may be repeated); the table has the
#                earlier counts of the others
#   --quick      make 50 and 5 writes, and check that no accident reached the kernel, and
#                that aimed writes did with CONFIG_KML and did not without
#
# Example: scripts/test/wild-writes.sh --quick --kernel build/kernel/lupine-base+lkdtm/vmlinux
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

accidents='uniform canonical bit-flip offset null truncated overwritten'
kernels=() kinds=() writes=1000 aimed=100 seed=1 quick=''
begin kernel:list! kind:list writes:number aimed:number seed:number quick -- "$@"
[ -z "$quick" ] || writes=50 aimed=5
for kind in "${kinds[@]}"; do
	[[ " $accidents aimed image " == *" $kind "* ]] ||
		die "no kind '$kind'; there are: $accidents aimed image"
done
for kernel in "${kernels[@]}"; do
	[ -f "$kernel" ] || die "no kernel '$kernel'; scripts/kconfig/build lupine-base makes one"
done
# shellcheck disable=SC2206 # words
[ ${#kinds[@]} -gt 0 ] || kinds=($accidents aimed image)

mkdir -p "$BUILD/wild"
# A guest is ended when it takes that long. It is not short: the host may be busy.
patience=60
# Writes in one guest, at most
batch=250

# write KERNEL KIND FIRST COUNT: one machine's writes. Its lines go to $lines. Sets
# next to the number of the write that is to follow.
write()
{
	local kind=$2 first=$3 count=$4 last how

	guest --kernel "$1" --image "$image" --no-net --quiet --accel tcg --timeout $patience \
		-- "$kind" "$seed" "$first" "$count"
	grep -aoE "end $kind [0-9]+ (fault|own|kernel) [0-9]+$" "$out" >>"$lines" || :
	next=$(sed -n 's/^wild: done at \([0-9]*\)$/\1/p' "$out" | tail -n 1)
	if [ -n "$next" ]; then
		slow=0
		return
	fi
	last=$(sed -n "s/^begin $kind \([0-9]*\) [0-9a-f]*$/\1/p" "$out" | tail -n 1)
	# A busy host may not get it as far as that.
	if [ -z "$last" ] && [ "$status" = 124 ] && [ $((++slow)) -lt 5 ]; then
		next=$first
		return
	fi
	if [ -z "$last" ]; then
		tail -n 20 "$out" >&2
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
	cp "$out" "$lines.$how-$kind-$last"
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
		write "$1" "$2" "$next" "$n"
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
	awk -v kinds=" $* " 'index(kinds, " " $2 " ") && $4 !~ /^(fault|own)$/ { n++ }
		END { print n + 0 }' "$lines"
}

quick_checks()
{
	# shellcheck disable=SC2086 # words
	equal "$1: no accident reaches the kernel" 0 "$(reached $accidents)"
	if [ -n "$2" ]; then
		check "$1: what is aimed at the kernel does" [ "$(reached aimed)" -gt 0 ]
	else
		equal "$1: nor does what is aimed at it" 0 "$(reached aimed image)"
	fi
}

build_image "$ROOT/scripts/test/wild-writes/manifest"
for kernel in "${kernels[@]}"; do
	name=$(kernel_name "$kernel")
	lines=$BUILD/wild/$name
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
