// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's side of scripts/review/crash-test: has the kernel's LKDTM crash it
 * in the way that the argument names. Coming back is the failure.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fd;

	if (argc != 2) {
		fprintf(stderr, "usage: crash NAME (one of provoke-crash/DIRECT)\n");
		return 2;
	}
	if (mount("debugfs", "/debug", "debugfs", 0, NULL) && errno != EBUSY) {
		fprintf(stderr, "crash: no debugfs: %s\n", strerror(errno));
		return 2;
	}
	fd = open("/debug/provoke-crash/DIRECT", O_WRONLY);
	if (fd < 0 || write(fd, argv[1], strlen(argv[1])) < 0) {
		fprintf(stderr, "crash: no %s: %s\n", argv[1], strerror(errno));
		return 2;
	}
	printf("crash: still here after %s\n", argv[1]);
	return 1;
}
