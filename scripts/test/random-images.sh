#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/random-images.sh [--number N] [--first SEED]
#
# Compare what `lupine image` makes of random images with what umoci unpacks of
# them, file by file: type, mode, owner, links, size and content. An OCI image of the
# result has to make the same to the byte. N is 20, or 200 for make test-full. An image
# that umoci refuses has to be refused by lupine, too. Without root rights, umoci cannot
# give files an owner; then owners and set-id bits are not compared.
set -eu

# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
number=20 first=1
begin number:number first:number -- "$@"
need umoci gcc e2fsck
"$ROOT/scripts/lupine/lupine" image --help >/dev/null
lupine=$SHARED/lupine/lupine
gcc -O1 -D_GNU_SOURCE -Wall -Wextra -Werror -o "$work/random" "$ROOT/scripts/test/random-images/random.c" \
	-larchive -lext2fs -lcom_err -lcrypto
rootless=() owners=(cat)
if [ "$(id -u)" != 0 ]; then
	rootless=(--rootless)
	owners=(sed -E 's/^([^ ]+ ..).(...) [0-9]+:[0-9]+/\1_\2/')
fi

different=0 agreed=0 refused=0
for ((seed = first; seed < first + number; seed++)); do
	rm -rf "$work/d"
	mkdir "$work/d"
	cd "$work/d"
	"$work/random" layers "$seed" .
	{
		umoci init --layout l
		umoci new --image l:x
		for layer in [0-9]*.tar; do
			umoci raw add-layer --image l:x "$layer"
		done
		umoci config --image l:x --os linux --architecture amd64 --config.cmd /x
	} >log 2>&1
	theirs=yes ours=yes
	umoci raw unpack "${rootless[@]}" --image l:x tree >their-log 2>&1 || theirs=no
	timeout 60 "$lupine" image --name x --output x.ext2 l:x >our-log 2>&1 || ours=no
	if [ $theirs = no ] && [ $ours = no ] && grep -q '^lupine image: error: ' our-log; then
		refused=$((refused + 1))
	elif [ $theirs = yes ] && [ $ours = yes ] && e2fsck -fn x.ext2 >>our-log 2>&1 &&
	     "$lupine" image --name x --oci again l:x >>our-log 2>&1 &&
	     "$lupine" image --name x --output again.ext2 again >>our-log 2>&1 &&
	     cmp x.ext2 again.ext2 >>our-log 2>&1 &&
	     "$work/random" folder tree | "${owners[@]}" | sort >want &&
	     "$work/random" ext2 x.ext2 | "${owners[@]}" | sort >got && [ -s want ] && cmp -s want got; then
		agreed=$((agreed + 1))
	else
		different=$((different + 1))
		echo "# seed $seed: umoci: $theirs ($(tail -n 1 their-log | head -c 300)), lupine: $ours ($(tail -n 1 our-log))"
		[ ! -s got ] || diff want got | sed 's/^/#   /' | head -n 20 || :
	fi
	chmod -R u+rwX .
done
agree() { [ $different = 0 ] && [ $agreed != 0 ]; }
check "$number random images: $agreed like umoci's, $refused refused by both, $different not" agree
summary
