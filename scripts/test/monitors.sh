#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: scripts/test/monitors.sh [--kernel VMLINUX] IMAGE.ext2
#        scripts/test/monitors.sh --check VMLINUX
#
# Writes what other machine monitors want beside an image, and prints the
# commands to run it there: IMAGE.firecracker.json for Firecracker's
# --config-file, IMAGE.cloud-hypervisor.json for the vm.create request of
# cloud-hypervisor. Both need KVM and a tap device. Neither is run by the tests.
#
#   --kernel VMLINUX   (default: that of lupine-general)
#   --cpus N           (default 1)
#   --check            only say, from the ELF file, whether VMLINUX has what
#                      each monitor needs
set -eu

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/../lib.sh"
# shellcheck source=scripts/options.sh
. "$ROOT/scripts/options.sh"

HOST_IP=172.16.0.1
GUEST_IP=172.16.0.2
MAC=06:00:ac:10:00:02
failed=0

verdict()	# verdict WHAT MONITORS FOUND
{
	if [ -n "$3" ]; then
		echo "ok - monitors: $1"
	else
		echo "not ok - monitors: $1, without which no $2"
		failed=1
	fi
}

check_kernel()
{
	local notes symbols

	need readelf nm
	readelf -h "$1" 2>/dev/null | grep -q X86-64 || die "$1 is not an x86-64 ELF file"
	notes=$(readelf -nW "$1" 2>/dev/null)
	symbols=$(nm "$1" 2>/dev/null | awk '{ print $3 }')
	[ -n "$symbols" ] || die "$1 has no symbols; check the one that has not been stripped"
	# XEN_ELFNOTE_PHYS32_ENTRY is note 18.
	verdict "PVH note" "QEMU microvm, cloud-hypervisor" \
		"$(grep -iE 'xen.*0x0*12\b' <<<"$notes" || :)"
	verdict "virtio-mmio devices on the command line" "QEMU microvm, Firecracker" \
		"$(grep -x vm_cmdline_set <<<"$symbols" || :)"
	verdict "serial console" "console" \
		"$(grep -x univ8250_console_write <<<"$symbols" || :)"
	# The keyboard controller's pulse, and the triple fault.
	verdict "reset without ACPI" "end of the machine" \
		"$(grep -x native_machine_emergency_restart <<<"$symbols" || :)"
	if grep -qx virtio_pci_probe <<<"$symbols"; then
		echo "ok - monitors: virtio over PCI, for cloud-hypervisor"
	else
		echo "ok - monitors: virtio over PCI, for cloud-hypervisor # SKIP not in this profile"
	fi
	return $failed
}

# JSON's escapes, as far as a path can need them.
json()
{
	[[ $1 != *[[:cntrl:]]* ]] || die "a path with control characters: $1"
	# shellcheck disable=SC2001 # the two characters need different escapes in ${//}
	sed 's/[\\"]/\\&/g' <<<"$1"
}

write_configs()
{
	local base=${image%.ext2} memory cmdline kernel_json image_json

	memory=$(conf_numbers "$base.conf" memory)
	memory=${memory:-128}
	kernel_json=$(json "$(readlink -f "$kernel")")
	image_json=$(json "$(readlink -f "$image")")
	cmdline="root=/dev/vda rw console=ttyS0 panic=-1 quiet"
	cmdline+=" ip=$GUEST_IP::$HOST_IP:255.255.255.252::eth0:off"

	# Firecracker's keyboard controller knows one command: reset.
	cat >"$base.firecracker.json.tmp" <<-END
	{
	  "boot-source": {
	    "kernel_image_path": "$kernel_json",
	    "boot_args": "$cmdline reboot=k pci=off i8042.nokbd i8042.noaux"
	  },
	  "drives": [
	    {
	      "drive_id": "root",
	      "path_on_host": "$image_json",
	      "is_root_device": true,
	      "is_read_only": false
	    }
	  ],
	  "machine-config": {
	    "vcpu_count": $cpus,
	    "mem_size_mib": $memory
	  },
	  "network-interfaces": [
	    {
	      "iface_id": "eth0",
	      "guest_mac": "$MAC",
	      "host_dev_name": "tap0"
	    }
	  ]
	}
	END
	mv "$base.firecracker.json.tmp" "$base.firecracker.json"
	cat >"$base.cloud-hypervisor.json.tmp" <<-END
	{
	  "payload": {
	    "kernel": "$kernel_json",
	    "cmdline": "$cmdline reboot=t"
	  },
	  "cpus": { "boot_vcpus": $cpus, "max_vcpus": $cpus },
	  "memory": { "size": $((memory * 1024 * 1024)) },
	  "disks": [ { "path": "$image_json" } ],
	  "net": [ { "tap": "tap0", "mac": "$MAC" } ],
	  "serial": { "mode": "Tty" },
	  "console": { "mode": "Off" }
	}
	END
	mv "$base.cloud-hypervisor.json.tmp" "$base.cloud-hypervisor.json"

	cat <<-END
	A network for it, as root:
	    ip tuntap add tap0 mode tap user $(id -un)
	    ip addr add $HOST_IP/30 dev tap0
	    ip link set tap0 up
	Firecracker:
	    firecracker --no-api --config-file $base.firecracker.json
	cloud-hypervisor (the kernel needs virtio over PCI for it):
	    cloud-hypervisor --api-socket ch.sock &
	    curl --unix-socket ch.sock -X PUT -H 'Content-Type: application/json' \\
	        -d @$base.cloud-hypervisor.json http://localhost/api/v1/vm.create
	    curl --unix-socket ch.sock -X PUT http://localhost/api/v1/vm.boot
	The guest is $GUEST_IP; what it writes stays in $image: run a copy of it.
	END
}

kernel='' cpus=1 check=''
options kernel:text cpus:number check:file ... -- "$@"
if [ -n "$check" ]; then
	check_kernel "$check"
	exit
fi
[ ${#arguments[@]} = 1 ] || die "wants one IMAGE.ext2; see --help"
image=${arguments[0]}
[ -f "$image" ] || die "no image $image; scripts/apps/build APP makes one"
kernel=${kernel:-$BUILD/kernel/lupine-general/vmlinux}
[ -f "$kernel" ] || warn "there is no $kernel yet; scripts/kconfig/build makes one"
write_configs
