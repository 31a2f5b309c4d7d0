#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/container-images.sh [--kernel VMLINUX]
#
# Test `lupine image` with images made by umoci, skopeo and, where it is
# installed, buildah: what is in the file system afterwards and what the init is
# to run; and that each kind of broken image gets its message and leaves nothing
# behind. With a kernel, the images are also booted.
set -eu

# shellcheck source=scripts/test/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
kernel=''
begin kernel:kernel -- "$@"
need umoci skopeo debugfs e2fsck jq fakeroot setfattr zstd xz
# shellcheck source=scripts/test/image-lib.sh
. "$ROOT/scripts/test/image-lib.sh"

# files DIR [COMMAND]: DIR.tar, a tar archive of its files after COMMAND under fakeroot
files() { layer "$1.tar" "cp -a '$1/.' . && ${2:-:}"; }

long=$(printf 'l%.0s' {1..120})/$(printf 'm%.0s' {1..120})
mkdir -p "$work/one/bin" "$work/one/etc" "$work/one/data/$long" "$work/one/opaque/below" "$work/one/usr/lib"
cp "$SHARED/image/init" "$work/one/bin/app"
echo 'hard' >"$work/one/data/hard1"
ln "$work/one/data/hard1" "$work/one/data/hard2"
ln -s ../data/hard1 "$work/one/etc/soft"
ln -s "/$(printf 'n%.0s' {1..200})" "$work/one/etc/dangling"
ln -s usr/lib "$work/one/lib"
echo 'a long name' >"$work/one/data/$long/file"
echo gone >"$work/one/data/gone"
echo gone >"$work/one/opaque/below/gone"
echo old >"$work/one/data/changed"
echo secret >"$work/one/data/unreadable"
mkdir "$work/one/data/closed"
echo inside >"$work/one/data/closed/file"
truncate -s 300M "$work/one/data/sparse"
echo end >>"$work/one/data/sparse"
printf 'root:x:0:0::/root:/bin/sh\napp:x:77:88::/data:/bin/sh\n' >"$work/one/etc/passwd"
files "$work/one" 'chown 77:88 data data/hard1 && chown 100000:100001 data/changed &&
	chown -h 5:6 etc/soft && chmod 0 data/unreadable && chown 7:8 data/closed/file && chmod 0 data/closed && chmod 6755 bin/app &&
	chmod 1777 data && mknod data/fifo p && mknod data/loop b 7 300 && mknod data/tun c 10 200 &&
	setfattr -n user.note -v kept data/hard1 &&
	setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 bin/app'

mkdir -p "$work/two/data" "$work/two/opaque"
echo new >"$work/two/data/changed"
: >"$work/two/data/.wh.gone"
: >"$work/two/opaque/.wh..wh..opq"
echo fresh >"$work/two/opaque/fresh"
mkdir "$work/two/lib"
echo 'through a link' >"$work/two/lib/linked"
files "$work/two" 'chown 1:2 data/changed && chown 77:88 data && chmod 1777 data'

umoci init --layout "$layout"
umoci new --image "$layout:v1"
umoci raw add-layer --image "$layout:v1" "$work/one.tar"
umoci raw add-layer --image "$layout:v1" "$work/two.tar"
umoci config --image "$layout:v1" --config.entrypoint /bin/app --config.entrypoint --help \
	--config.cmd 'two words' --config.env 'A=b c' --config.env 'PATH=/bin' \
	--config.user app --config.workingdir /srv/here --config.exposedports 80/tcp \
	--config.exposedports 53/udp --config.exposedports 6379 --config.stopsignal SIGQUIT \
	--config.volume /vol --os linux --architecture amd64

converts "an image of two layers, a clean file system" "$layout:v1"
equal "what to run" 'entrypoint /bin/app
entrypoint --help
cmd two words
env PATH=/bin
env A=b c
workdir /srv/here
user app
hostname test
stop SIGQUIT
mkdir /vol' "$(configuration |
	awk '/^env PATH/ { print; next } /^env/ { held = held $0 "\n"; next }
	     { printf "%s%s\n", held, $0; held = "" }')"
equal "ports and memory" 'memory=256 ports=6379 80' \
	"$(grep -v ^init= "${image%.ext2}.conf" | sort | sed 's/80 6379/6379 80/' | paste -sd' ')"
equal "a changed file" new "$(in_image 'cat /data/changed')"
has "its owner" /data/changed regular 0644 1:2
has "owner and mode of a folder" /data directory 1777 77:88
has "set-user-ID and set-group-ID" /bin/app regular 6755 0:0
has "a hard link" /data/hard2 regular 0644 77:88
equal "the same inode" "$(in_image 'stat /data/hard1' | grep -o 'Inode: [0-9]*')" \
	"$(in_image 'stat /data/hard2' | grep -o 'Inode: [0-9]*')"
equal "an extended attribute" 'user.note (4) = "kept"' \
	"$(in_image 'ea_list /data/hard1' | grep user | sed 's/^ *//')"
has "a symbolic link" /etc/soft symlink 0777 5:6
has "one to nowhere" /etc/dangling symlink 0777 0:0
has "a file without any permission" /data/unreadable regular 0000 0:0
equal "and what is in it" secret "$(in_image 'cat /data/unreadable')"
has "a folder without any permission" /data/closed directory 0000 0:0
has "and what is in it" /data/closed/file regular 0644 7:8
equal "a file capability" 'security.capability (20) = 01 00 00 02 00 04 00 00 00 00 00 00 00 00 00 00 00 00 00 00' \
	"$(in_image 'ea_list /bin/app' | grep security | sed 's/^ *//; s/ *$//')"
has "a named pipe" /data/fifo FIFO 0644 0:0
has "a character device" /data/tun 'character special' 0644 0:0
equal "its numbers" 10:200 "$(in_image 'stat /data/tun' | sed -n 's/.*major\/minor number: \([0-9:]*\).*/\1/p')"
equal "large numbers of a block device" 07:300 \
	"$(in_image 'stat /data/loop' | sed -n 's/.*major\/minor number: \([0-9:]*\).*/\1/p')"
has "a folder in place of a link" /lib directory 0755 0:0
equal "long names" 'a long name' "$(in_image "cat /data/$long/file")"
equal "a whiteout" '' "$(in_image 'stat /data/gone')"
equal "no whiteout is left" '' "$(in_image 'ls -p /data' | grep -F .wh.)"
equal "an opaque folder" '. .. fresh' "$(names_in /opaque | paste -sd' ')"
equal "a sparse file" $((300 * 1024 * 1024 + 4)) "$(size_of /data/sparse)"
check "it stays sparse" smaller_than 50 "$image"
has "the init" /sbin/init regular 0755 0:0
has "a console for kernels without DEVTMPFS" /dev/console 'character special' 0600 0:0

check "a configuration for Firecracker" jq -e '
	(."boot-source" | .kernel_image_path and .boot_args) and
	(.drives | length == 1 and .[0].is_root_device and .[0].path_on_host and
	 .[0].drive_id and .[0].is_read_only == false) and
	(."machine-config" | .vcpu_count == 1 and .mem_size_mib == 256) and
	(."network-interfaces"[0] | .iface_id and .host_dev_name and .guest_mac)' \
	"${image%.ext2}.firecracker.json"
check "a configuration for cloud-hypervisor" jq -e '
	.payload.kernel and .payload.cmdline and .cpus.boot_vcpus == 1 and
	.memory.size == 268435456 and (.disks | length == 1 and .[0].path) and .net[0].tap and
	.serial.mode == "Tty"' "${image%.ext2}.cloud-hypervisor.json"
# The PVH note (XEN_ELFNOTE_PHYS32_ENTRY, 18), for QEMU's microvm and cloud-hypervisor; virtio
# devices on the command line, for microvm and Firecracker; a serial console; and a reset
# without ACPI: the keyboard controller's pulse, or the triple fault.
for_monitors()
{
	local name

	readelf -nW "$kernel" | grep -iE 'xen.*0x0*12\b'
	nm "$kernel" | awk '{ print $3 }' >"$work/symbols"
	for name in vm_cmdline_set univ8250_console_write native_machine_emergency_restart; do
		grep -x "$name" "$work/symbols" || { echo "no $name"; return 1; }
	done
}
[ -z "$kernel" ] || check "the kernel has what the monitors need" for_monitors

# The same content by other ways.
contents_of()	# contents_of IMAGE: the sums of its files but that of the configuration
{
	rm -rf "$work/tree"
	mkdir "$work/tree"
	debugfs -R "rdump / $work/tree" "$1" >/dev/null 2>&1 || :
	chmod -R u+rwX "$work/tree"
	(cd "$work/tree" && find . -type f ! -path ./etc/lupine-init.conf -exec sha256sum {} + | sort)
}
contents_of "$image" >"$work/sums"
same_contents()	# same_contents KIND
{
	rm -f "$work/a.tar"
	skopeo --insecure-policy copy -q "oci:$layout:v1" "$1:$work/a.tar:some/name:v1"
	convert "$work/a.tar"
	[ -s "$work/sums" ]
	contents_of "$image" | diff "$work/sums" -
}
for kind in oci-archive docker-archive; do
	check "the same from an $kind" same_contents $kind
done
gzip -k "$work/a.tar"
check "a compressed archive" convert "$work/a.tar.gz"

printf 'memory 64\nport 99\nentrypoint /bin/other\nenv B=c\n' >"$work/manifest"
run convert "$layout:v1" --manifest "$work/manifest"
equal "a manifest: its program" 'entrypoint /bin/other' \
	"$(configuration | grep -E '^(entrypoint|cmd)')"
equal "a manifest: memory and port" 'memory=64 ports=99' \
	"$(grep -v ^init= "${image%.ext2}.conf" | sort | paste -sd' ')"

# On a machine whose clock the vDSO cannot read, reading it is a system call.
no_vdso()
{
	gcc -D_GNU_SOURCE -shared -fPIC -o "$work/calls.so" -x c - <<-'END'
		#include <sys/syscall.h>
		#include <sys/time.h>
		#include <time.h>
		#include <unistd.h>
		int gettimeofday(struct timeval *t, void *z)
		{
			return syscall(SYS_gettimeofday, t, z);
		}
		time_t time(time_t *t) { return syscall(SYS_time, t); }
	END
	LD_PRELOAD=$work/calls.so convert "$layout:v1"
}
check "the clock by system calls" no_vdso

boots()	# boots STATUS LINE [ARGUMENT]...: the image, which ends so and prints the line
{
	guest --kernel "$kernel" --image "$image" --timeout 60 "${@:3}"
	ended "$1" "$2"
}
# Landlock, which the kernel of this machine may lack, in a guest: it closes paths without
# the filter's help, and with both, the guest makes the same file system as this machine.
landlock()
{
	local folder=$work/landlock

	grep -q '^CONFIG_SECURITY_LANDLOCK=y' "$(dirname "$kernel")/.config" ||
		{ echo "the kernel has no Landlock"; return "$SKIP"; }
	mkdir -p "$folder/lib64"
	cat >"$work/closes.c" <<-'END'
		#include <fcntl.h>
		#include <stdio.h>
		#include "sandbox.c"
		struct limits limits;
		const char *command_name = "closes";
		int main(void)
		{
			int fd = open("/bin/busybox", O_RDONLY);
			char c;

			if (fd < 0 || access("/tmp", W_OK) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
				return 1;
			close_paths();
			return read(fd, &c, 1) != 1 || open("/bin/busybox", O_RDONLY) >= 0 ||
			       errno != EACCES || creat("/tmp/new", 0600) >= 0 || errno != EACCES;
		}
	END
	gcc -D_GNU_SOURCE -static -I "$ROOT/scripts/lupine" -o "$folder/closes" "$work/closes.c" \
		"$ROOT/scripts/lupine"/{util,shared,manifest}.c
	cp "$lupine" "$SHARED/image/init" "$folder"
	ldd "$lupine" | sed -n 's,.* \(/[^ ]*\) (.*,\1,p' | xargs cp -Lt "$folder/lib64"
	cp /lib64/ld-linux-x86-64.so.2 "$folder/lib64"
	cp -a "$layout" "$folder/layout"
	cat >"$work/manifest" <<-END
		packages busybox-static
		busybox yes
		memory 256
		entrypoint /bin/sh
		cmd -c
		cmd cd /opt; ./closes || exit 9; export LD_LIBRARY_PATH=/opt/lib64 && lib64/ld-linux-x86-64.so.2 ./lupine image --init init --name test --output /tmp/i.ext2 layout:v1 && sha256sum </tmp/i.ext2
	END
	convert "$layout:v1"
	run sha256sum <"$image"
	read -r sum _ <"$out"
	build_image "$work/manifest" --add "$folder:/opt"
	guest --kernel "$kernel" --image "$image" --timeout 300
	ended 0 "^$sum"
}
if [ -n "$kernel" ]; then
	run convert "$layout:v1"
	check "it boots and runs its program" boots 0 '^Usage: init'
	check "Landlock" landlock
fi

# As Alpine has it: a dynamic program, and the libc of a distribution, which ours replaces.
libc=/usr/lib/x86_64-linux-musl/libc.so
if [ -n "$kernel" ] && [ -f $libc ]; then
	mkdir -p "$work/alpine/lib" "$work/alpine/bin"
	cp $libc "$work/alpine/lib/ld-musl-x86_64.so.1"
	ln -s ld-musl-x86_64.so.1 "$work/alpine/lib/libc.musl-x86_64.so.1"
	cat >"$work/program.c" <<-'END'
		#include <pthread.h>
		#include <stdio.h>
		#include <sys/wait.h>
		#include <unistd.h>
		static void *thread(void *p) { return getppid() == getppid() ? p : 0; }
		int main(int argc, char **argv)
		{
			pthread_t t;
			void *p = 0;
			int status = -1, pid = fork();

			if (!pid)
				_exit(5);
			if (pthread_create(&t, 0, thread, argv) || pthread_join(t, &p) || p != argv ||
			    waitpid(pid, &status, 0) != pid)
				return 1;
			printf("musl, the child ended with %d\n", WEXITSTATUS(status));
			return argc;
		}
	END
	must "musl can be made" "$ROOT/scripts/musl/build"
	must "a program for musl can be made" "$SHARED/musl/bin/lupine-musl-gcc" -O2 -nodefaultlibs \
		-o "$work/alpine/bin/program" "$work/program.c" -L "$SHARED/musl/rootfs/lib" \
		-l:libc.musl-x86_64.so.1 -lgcc
	files "$work/alpine"
	umoci new --image "$layout:alpine"
	umoci raw add-layer --image "$layout:alpine" "$work/alpine.tar"
	umoci config --image "$layout:alpine" --config.entrypoint /bin/program
	with_libc()	# with_libc FILE [OPTION]
	{
		convert "$layout:alpine" "${@:2}"
		in_image 'cat /lib/ld-musl-x86_64.so.1' | cmp - "$1"
	}
	check "an Alpine-style image" with_libc $libc
	check "it runs" boots 3 '^musl, the child ended with 5$' -- one two
	check "an Alpine-style image, its libc replaced" \
		with_libc "$SHARED/musl/rootfs/lib/ld-musl-x86_64.so.1" --musl
	check "it runs with that" boots 3 '^musl, the child ended with 5$' -- one two
	rejected "no musl to replace" 'has no lib/ld-musl-x86_64\.so\.1' "$layout:v1" --musl
fi

# A program built by buildah, from nothing, with a shell-form command.
if command -v buildah >/dev/null; then
	export STORAGE_DRIVER=vfs
	store=(--root "$work/store" --runroot "$work/runroot")
	if c=$(buildah "${store[@]}" from scratch 2>"$out"); then
		built()
		{
			buildah "${store[@]}" copy --chown 3:4 "$c" "$work/one/etc/passwd" /etc/passwd
			buildah "${store[@]}" copy "$c" "$SHARED/image/init" /bin/sh
			# shellcheck disable=SC2016 # for the guest's shell
			buildah "${store[@]}" config --entrypoint 'echo $HOME; exit 3' --port 8080 \
				--env 'MULTI=a
b\c' "$c"
			buildah "${store[@]}" commit --format docker "$c" "docker-archive:$work/b.tar:b"
			buildah "${store[@]}" rm "$c"
			convert "$work/b.tar"
		}
		check "an image built by buildah" built
		# shellcheck disable=SC2016
		equal "the shell form" 'entrypoint /bin/sh
entrypoint -c
entrypoint echo $HOME; exit 3' "$(configuration | grep ^entrypoint)"
		equal "a variable of two lines" 'env MULTI=a\nb\\c' "$(configuration | grep ^env.MULTI)"
		# Without root rights, and users of its own, buildah knows one owner.
		[ "$(id -u)" != 0 ] || has "owners given to buildah" /etc/passwd regular 0644 3:4
	else
		skip "an image built by buildah" "$(tail -n 1 "$out")"
	fi
fi

# An application of ours, as an image and back: the same as if made directly.
mkdir "$work/app"
cp "$ROOT/scripts/apps/hello/hello.c" "$work/one/etc/passwd" "$work/app/"
cat >"$work/app/manifest" <<'END'
program hello.c /srv/hello
file passwd /etc/list 0640
account keeper /var/lib/keeper
memory 24
ready 90
port 80
port 443
entrypoint /srv/hello
cmd an argument
cmd 0
env WORDS=two words
workdir /srv
user keeper
stop SIGINT
hostname there
mkdir /var/lib/keeper 0700 keeper
need FUTEX
END
contents()	# contents IMAGE: all files with owners, modes and sums
{
	rm -rf "$work/tree"
	mkdir "$work/tree"
	fakeroot sh -c "debugfs -R 'rdump / $work/tree' '$1' && cd '$work/tree' &&
		find . -path ./lost+found -prune -o -printf '%p %y %m %U:%G %l\n' | sort &&
		find . -type f ! -path ./etc/lupine-init.conf -print0 | sort -z | xargs -0 sha256sum" 2>/dev/null
	debugfs -R 'cat /etc/lupine-init.conf' "$1" 2>/dev/null | grep -v '^#' | sort
	sort "${1%.ext2}.conf"
}
both_ways()	# both_ways [OPTION]...: the image of the manifest, directly and by an image
{
	"$ROOT/scripts/apps/build" --output "$work/direct.ext2" "$work/app/manifest"
	"$ROOT/scripts/apps/build" --oci "$work/ours" "$work/app/manifest"
	convert "$work/ours:app" "$@"
}
same_by_image()
{
	both_ways
	contents "$work/direct.ext2" >"$work/want"
	contents "$image" >"$work/got"
	diff "$work/want" "$work/got"
	grep '^./srv/hello f 755 0:0' "$work/got"
}
check "a manifest of ours as an image, and back" same_by_image
equal "what a container runtime sees of it" \
	'["/srv/hello"] ["an argument","0"] ["WORDS=two words"] keeper /srv SIGINT 443/tcp 80/tcp' \
	"$(skopeo inspect --config "oci:$work/ours:app" | jq -rj '.config | ((.Entrypoint | tojson), " ", (.Cmd | tojson),
		" ", (.Env | map(select(test("^PATH") | not)) | tojson), " ", .User, " ", .WorkingDir, " ", .StopSignal,
		(.ExposedPorts | keys | map(" " + .) | add))')"
refused "no image into a folder of other things" 'and not an OCI layout' \
	"$ROOT/scripts/apps/build" --oci "$work/one" "$work/app/manifest"
printf 'cmd \nenv TWO=a\\nb\\\\c\nmkdir /a\\040b\n' >>"$work/app/manifest"
same_bytes()
{
	both_ways --name app
	cmp "$work/direct.ext2" "$image"
}
check "to the byte, with an empty argument, lines and backslashes" same_bytes

# From here on, images that are broken.
rejected "no such file" "there is no $work/nothing" "$work/nothing"
rejected "a folder that is no layout" "is not an OCI layout" "$work/one"
rejected "a tag that is not there" "cannot be read: .*" "$layout:v9"
rejected "an archive of something else" "is not an image: neither" "$work/one.tar"
head -c 100000 "$work/a.tar" >"$work/short.tar"
rejected "an archive cut short" "(not an archive, or cut short|cannot be read)" "$work/short.tar"
echo 'no archive' >"$work/text.tar"
rejected "no archive at all" "is not an archive, or cut short" "$work/text.tar"
: >"$work/empty.tar"
rejected "an empty file" "is not an (archive|image)" "$work/empty.tar"
rejected "no registry" "cannot be read: .*refused" docker://localhost:1/none
rejected "no manifest" "no manifest /nowhere" "$layout:v1" --manifest /nowhere
printf 'entrypont /x\n' >"$work/manifest"
rejected "a wrong manifest" "entrypont '/x' is not a key" "$layout:v1" --manifest "$work/manifest"

summary
