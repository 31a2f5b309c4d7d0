#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/pack.sh --kernel VMLINUX
#
# Test `lupine pack`: what is in the image, that the same files make the same bytes, and that
# mistakes leave nothing; and that the init runs as urunc's, by booting with urunc's command
# lines. Of a kernel with PCI and initrd (lupine-general+pci+urunc) these are the exact ones
# but for KVM.
# shellcheck disable=SC2016 # the guest's shell expands these
set -eu
# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
kernel=''
begin kernel:kernel! -- "$@"
need qemu-system-x86_64 umoci skopeo jq truncate

export TMPDIR=$work
lupine=$SHARED/lupine/lupine
"$ROOT/scripts/lupine/lupine" image --help >/dev/null
mkdir "$work/files" "$work/made"
cat >"$work/files/show" <<'END'
#!/bin/sh
for a; do echo "arg=$a;"; done
echo "user=$(id -u):$(id -g); dir=$(pwd); host=$(hostname);"
echo "path=$PATH; A=$A; B=$B; own=$URUNIT_DEFROUTE$URUNIT_CONFIG;"
ip route | sed 's/^/route=/; s/ *$/;/'
mount | grep -E ' (/volume|/) ' | sed 's/ (.*/;/'
echo content >/written
exit 7
END
chmod +x "$work/files/show"
cat >"$work/manifest" <<'END'
packages busybox-static
busybox yes
port 80
port 443
env A=1
env PATH=/opt/bin:/usr/bin:/bin:/sbin
entrypoint /t/show
cmd own
END
build_image "$work/manifest" --add "$work/files:/t"
# A kernel of which nothing is known beside what it says
cp "$kernel" "$work/vmlinux"
options=$(dirname "$kernel")/.config

# pack [OPTION]...
pack() { timeout 120 "$lupine" pack --kernel "$work/vmlinux" --name test "$@" "$image"; }

# no_trace STATUS PATTERN OPTION...: refused with one line, and nothing is left in made/
no_trace()
{
	run pack "${@:3}"
	cat "$out"
	[ "$status" = "$1" ]
	[ "$(wc -l <"$out")" = 1 ]
	said "^lupine pack: error: .*($2)"
	[ "$(find "$work/made" -mindepth 1 ! -path "$work/made/there*")" = '' ]
}

rejected() { check "$1" no_trace "${@:2}"; }

the_kernel_and_files_are_in_it()
{
	pack --to "oci:$work/layout"
	umoci unpack --rootless --image "$work/layout:test" "$work/bundle"
	cmp "$work/bundle/rootfs/kernel" "$kernel"
	cmp "$work/bundle/rootfs/rootfs.ext2" "$image"
	[ "$(ls -A "$work/bundle/rootfs")" = "$(printf '%s\n' kernel rootfs.ext2 urunc.json)" ]
	# Whoever the monitor runs as writes to the disk.
	[ "$(stat -c %a "$work/bundle/rootfs/rootfs.ext2")" = 666 ]
}

# decoded FILE FILTER: keys and values, decoded
decoded() { jq -r "$2"' | to_entries[] | "\(.key)=\(.value | @base64d)"' "$1"; }

urunc_is_told()
{
	local told want

	skopeo inspect --raw "oci:$work/layout:test" >"$work/raw"
	told=$(decoded "$work/raw" .annotations)
	want="com.urunc.unikernel.unikernelType=linux
com.urunc.unikernel.unikernelVersion=$(strings "$kernel" | sed -n 's/^Linux version \([^ ]*\) .*/\1/p' | head -n 1)
com.urunc.unikernel.hypervisor=qemu
com.urunc.unikernel.binary=/kernel
com.urunc.unikernel.cmdline=/sbin/urunit
com.urunc.unikernel.block=/rootfs.ext2
com.urunc.unikernel.blkMntPoint=/
com.urunc.unikernel.useDMBlock=false
com.urunc.unikernel.mountRootfs=false"
	same_text "$told" "$want"
	same_text "$(decoded "$work/bundle/rootfs/urunc.json" .)" "$want"
}

a_container_is_told()
{
	skopeo inspect --config "oci:$work/layout:test" >"$work/config"
	same_text "$(jq -cS '.config | [.Entrypoint, .ExposedPorts, .Labels."org.opencontainers.image.title"]' \
		"$work/config")" '[["/sbin/urunit"],{"443/tcp":{},"80/tcp":{}},"test"]'
}

the_same_files_make_the_same_bytes()
{
	pack --to "oci:$work/again"
	diff -r "$work/layout" "$work/again"
	pack --to "oci-archive:$work/one.tar"
	# Holes of the file are no part of it.
	cp --sparse=never "$image" "$work/full.ext2"
	cp "${image%.ext2}.conf" "$work/full.conf"
	"$lupine" pack --kernel "$work/vmlinux" --name test --to "oci-archive:$work/two.tar" \
		"$work/full.ext2"
	cmp "$work/one.tar" "$work/two.tar"
	skopeo inspect --raw "oci-archive:$work/one.tar:test" | cmp - "$work/raw"
}

other_images_stay()
{
	local layers

	pack --to "oci:$work/layout"
	"$lupine" pack --kernel "$work/vmlinux" --hypervisor firecracker --to "oci:$work/layout" \
		--name other "$image"
	skopeo inspect --raw "oci:$work/layout:test" | cmp - "$work/raw"
	skopeo inspect --raw "oci:$work/layout:other" >"$work/other"
	says '^com.urunc.unikernel.hypervisor=firecracker$' decoded "$work/other" .annotations
	# The kernel is there once.
	layers=$(jq -r '.layers[0].digest' "$work/raw" "$work/other" | sort -u | wc -l)
	[ "$layers" = 1 ]
}

a_reference_is_for_skopeo()
{
	pack --to "dir:$work/dir"
	[ "$(jq -r .config.digest "$work/dir/manifest.json")" = "$(jq -r .config.digest "$work/raw")" ]
}

nothing_in() { [ -z "$(ls -A "$1")" ]; }

an_end_in_between_leaves_nothing()
{
	local i

	mkdir "$work/ended"
	for i in 0.02 0.05 0.1 0.2 0.4; do
		timeout -s KILL "$i" "$lupine" pack --kernel "$work/vmlinux" --name test \
			--to "oci-archive:$work/ended/x.tar" "$image" || :
		rm -f "$work/ended/x.tar"
		wait_for 5 nothing_in "$work/ended"
	done
}

sizes_are_told()
{
	local init

	init=$(sed -n 's/^init=//p' "${image%.ext2}.conf")
	pack --to "dir:$work/sizes" | tr -s ' ' >"$work/table"
	cat "$work/table"
	grep -xE ' kernel [0-9]{7,} [0-9]{7,}' "$work/table"
	grep -xE ' files [0-9]{7,} [0-9]+, [0-9]+ MB of it used' "$work/table"
	grep -xE " its init $init" "$work/table"
	grep -xE ' image [0-9]{7,} [0-9]{7,}' "$work/table"
	[ "$init" -gt 10000 ]
}

checks the_kernel_and_files_are_in_it urunc_is_told a_container_is_told \
	the_same_files_make_the_same_bytes other_images_stay a_reference_is_for_skopeo \
	sizes_are_told an_end_in_between_leaves_nothing

refuse()
{
	local image=$image

	mkdir "$work/made/there"
	: >"$work/made/there/file"
	ln -s "$work/nowhere" "$work/made/there/link"
	rejected "another monitor" 2 'is none of qemu' --hypervisor xen
	rejected "a name that is no tag" 1 'cannot be an image.s name' --name a/b
	rejected "a place that is none" 1 'want oci:DIR' --to "$work/made/x"
	rejected "a folder that is no layout" 1 'not an OCI layout' --to "oci:$work/made/there"
	rejected "a link in the archive's place" 1 'no regular file' \
		--to "oci-archive:$work/made/there/link"
	rejected "a kernel that is none" 1 'is no vmlinux' --kernel "$image" \
		--to "oci:$work/made/x"
	rejected "a program in the kernel's place" 1 'is no Linux kernel' --kernel /bin/true \
		--to "oci:$work/made/x"
	rejected "a kernel that is not there" 1 'make kernel PROFILE=' --kernel "$work/none" \
		--to "oci:$work/made/x"
	head -c 100000 /dev/zero >"$work/zero.ext2"
	image=$work/zero.ext2
	rejected "a file system that is none" 1 'is no ext2' --to "oci:$work/made/x"
	image=$work/made
	rejected "a folder in its place" 1 'is not a file' --to "oci:$work/made/x"
	if ! grep -q '^CONFIG_BLK_DEV_INITRD=y' "$options"; then
		image=$work/test.ext2
		cp "$options" "$work/.config"
		rejected "a kernel without what urunc wants" 1 \
			'without CONFIG_BLK_DEV_INITRD.*make kernel PROFILE=' --to "oci:$work/made/x"
	fi
}
cp "$image" "$work/test.ext2"
refuse

serial=(-serial stdio)

console()
{
	run no_returns timeout 60 qemu-system-x86_64 "$@" -no-reboot "${serial[@]}"
}

append='panic=-1 console=ttyS0 root=/dev/vda rw ip=10.0.2.15::10.0.2.2:255.255.255.0:urunc:eth0:off'

# Where this machine has its two devices: as words in front, since it would put them behind --
disks='virtio_mmio.device=512@0xfeb00e00:12 virtio_mmio.device=512@0xfeb00c00:11'

# small WORDS: boot with Firecracker's devices, by virtio-mmio; no initrd, as urunc up to 0.6
small()
{
	console -M microvm,acpi=off,auto-kernel-cmdline=off -cpu max -m 128 -nodefaults \
		-no-user-config -display none -kernel "$kernel" -netdev user,id=n0 \
		-device virtio-net-device,netdev=n0 -device virtio-blk-device,drive=hd0 \
		-drive "format=raw,if=none,id=hd0,file=$work/boot.ext2" \
		-append "$disks $append reboot=t $1"
}

disk=(-device "virtio-blk-pci,serial=rootfs,drive=hd0"
	-drive "format=raw,if=none,id=hd0,file=$work/boot.ext2")

# pc INITRD WORDS [OPTION]...: the command line of urunc 0.8 for QEMU, without KVM
pc()
{
	console -m 256M -L /usr/share/qemu -cpu max -nographic -vga none \
		--sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny \
		-kernel "$kernel" -net nic,model=virtio -net user "${disk[@]}" "${@:3}" \
		${1:+-initrd "$1"} -nodefaults -append "$append $2"
}

cp "$image" "$work/boot.ext2"
words='PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOSTNAME=pod-1 A=2 B=x'
small "$words init=/sbin/urunit -- one 'two words' 'three'"
outcome "arguments and variables are words of the command line" 0 '^arg=one;$' \
	'^arg=two words;$' '^arg=three;$' '!^arg=own' 'host=pod-1;$' '; A=2; B=x; own=;$' \
	'^path=/opt/bin:/usr/bin:/bin:/sbin;' '^user=0:0; dir=/;' '^lupine-init: exit status 7$'
small 'init=/sbin/urunit --'
outcome "without arguments, the image's count" 0 '^arg=own;$' '; A=1; B=;' '!^arg=[^o]'
small 'init=/sbin/init -- stray'
outcome "as another init, it takes no arguments" 0 "does not know its parameter 'stray'" \
	'^arg=own;$'
append=${append/10.0.2.2:/10.9.9.9:}
small 'init=/sbin/urunit --'
outcome "a gateway in another subnet" 0 '^route=default via 10\.9\.9\.9 dev eth0' \
	'^route=10\.9\.9\.9 dev eth0'
append=${append/10.9.9.9:/10.0.2.2:}

# container UID:N GID:N [ID:SERIAL MP:FOLDER]: what urunc's file says of it
container()
{
	printf '%s\n' UES PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		HOSTNAME=pod-2 'B=x y' KUBERNETES_PORT=tcp://10.96.0.1:443 UEE \
		UCS "$1" "$2" WD:/tmp UCE UBS "${@:3}" UBE
}
told='retain_initrd URUNIT_CONFIG=/sys/firmware/initrd URUNIT_DEFROUTE=1'

if grep -q '^CONFIG_BLK_DEV_INITRD=y' "$options"; then
	truncate -s 8M "$work/volume"
	mke2fs -q -t ext2 "$work/volume"
	volume=(-device 'virtio-blk-pci,serial=vol-1,drive=hd1'
		-drive "format=raw,if=none,id=hd1,file=$work/volume")
	container UID:1000 GID:100 ID:vol-1 MP:/volume >"$work/urunit.conf"
	pc "$work/urunit.conf" "$told init=/sbin/urunit -- one 'two words'" "${volume[@]}"
	outcome "a file has what the container is to be" 0 '^arg=one;$' '^arg=two words;$' \
		'^user=1000:100; dir=/tmp; host=pod-2;$' 'A=1; B=x y; own=;$' \
		'^/dev/vdb on /volume type ext' '^lupine-init: exit status 7$'
	pc "$work/urunit.conf" "$told init=/sbin/urunit --"
	outcome "a volume that is not there" 0 "no disk has the serial number 'vol-1'" \
		'^lupine-init: exit status 125$'
	head -c 70 "$work/urunit.conf" >"$work/cut.conf"
	pc "$work/cut.conf" "$told init=/sbin/urunit --"
	outcome "a file that is cut" 0 'ends within its section UES' \
		'^lupine-init: exit status 125$'
	pc '' "$words init=/sbin/urunit -- one"
	outcome "the same machine without a file" 0 '(^|Booting from ROM\.\.)arg=one;$' '; A=2; B=x;'
	append=${append/ttyS0/hvc0 8250.nr_uarts=0}
	serial=(-chardev "stdio,id=hvc0,signal=off" -device virtio-serial-pci
		-device "virtconsole,chardev=hvc0")
	pc "$work/urunit.conf" "$told init=/sbin/urunit -- one" "${volume[@]}"
	outcome "the console is a virtio device" 0 '^arg=one;$' '^lupine-init: exit status 7$'
	append=${append/hvc0 8250.nr_uarts=0/ttyS0}
	serial=(-serial stdio)
else
	small "URUNIT_CONFIG=/sys/firmware/initrd init=/sbin/urunit --"
	outcome "a kernel that takes no initrd" 0 'add CONFIG_BLK_DEV_INITRD to the kernel' \
		'^lupine-init: exit status 125$'
fi

# shared TITLE TYPE WORDS: boot from the folder $work/root, which disk=() has QEMU share
shared()
{
	rm -f "$work/root/written"
	append=${append/root=\/dev\/vda rw/root=fs0 rw rootfstype=$2$3}
	pc "$work/urunit.conf" "$told init=/sbin/urunit -- one"
	append=${append/root=fs0 rw rootfstype=$2$3/root=\/dev\/vda rw}
	outcome "$1" 0 "^fs0 on / type $2;\$" '^arg=one;$' '^user=0:0; dir=/tmp; host=pod-2;$' \
		'^lupine-init: exit status 7$'
	check "$1: what it writes is in the folder" grep -qx content "$work/root/written"
}

# It ends with its machine.
end_service() { kill "$1" 2>/dev/null || :; }

# Debian 12 has it with QEMU, and Debian 13 for itself; this way to call it works with both.
serve()
{
	local program

	program=$(PATH=/usr/libexec:/usr/lib/qemu command -v virtiofsd) && [ "$(id -u)" = 0 ] || return
	"$program" --socket-path="$work/virtiofsd" -o "source=$work/root" &>"$work/virtiofsd.log" &
	at_exit end_service $!
	wait_for 10 test -S "$work/virtiofsd"
}

if grep -q '^CONFIG_VIRTIO_FS=y' "$options"; then
	mkdir "$work/root"
	debugfs -R "rdump / $work/root" "$work/boot.ext2" >"$out" 2>&1
	container UID:0 GID:0 >"$work/urunit.conf"
	disk=(-fsdev "local,id=rootfs9p,security_model=none,multidevs=remap,path=$work/root"
		-device "virtio-9p-pci,fsdev=rootfs9p,mount_tag=fs0")
	shared "the root is a folder, by 9p" 9p \
		' rootflags=trans=virtio,version=9p2000.L,msize=5000000,cache=mmap,posixacl'
	disk=(-object "memory-backend-memfd,id=mem,size=256M,share=on" -numa "node,memdev=mem"
		-chardev "socket,id=fs,path=$work/virtiofsd"
		-device "vhost-user-fs-pci,chardev=fs,tag=fs0")
	if serve; then
		shared "the root is a folder, by virtiofs" virtiofs ''
	else
		skip "the root is a folder, by virtiofs" "virtiofsd is missing, or needs root"
	fi
fi
summary
