// SPDX-License-Identifier: GPL-2.0
/*
 * In QEMU's place where KVM does not work: urunc starts QEMU with KVM and the host's processor.
 * This takes both away, and starts the real one, which the test puts where urunc's monitors see
 * it, beside the libraries. QEMU does not find its files from there by itself.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REAL	"/usr/lib/lupine-test-qemu"

int main(int argc, char **argv)
{
	static char *const more[] = {
		"-L", "/usr/share/seabios", "-L", "/usr/lib/ipxe/qemu", NULL
	};
	char **to = calloc(argc + 6, sizeof(*to));
	int i, n = 0;

	if (!to)
		return 125;
	for (i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "-enable-kvm"))
			continue;
		to[n++] = i && !strcmp(argv[i - 1], "-cpu") ? "max" : argv[i];
	}
	for (i = 0; more[i]; i++)
		to[n++] = more[i];
	setenv("QEMU_MODULE_DIR", "/usr/lib/x86_64-linux-gnu/qemu", 1);
	execv(REAL, to);
	return 127;
}
