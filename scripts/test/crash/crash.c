// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's side of scripts/test/crash.sh and lkdtm: has the kernel's LKDTM
 * crash it in the way that the argument names. Coming back is the failure. "list"
 * shows the names.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#define DIRECT	"/debug/provoke-crash/DIRECT"

static int list(void)
{
	char names[8192];
	int fd = open(DIRECT, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, names, sizeof(names));

	if (n < 0) {
		fprintf(stderr, "crash: no " DIRECT ": %s\n", strerror(errno));
		return 2;
	}
	return write(1, names, n) != n;
}

int main(int argc, char **argv)
{
	int fd;

	if (argc != 2) {
		fputs("Usage: crash NAME (one of provoke-crash/DIRECT; list shows them)\n", stderr);
		return 2;
	}
	if (mount("debugfs", "/debug", "debugfs", 0, NULL) && errno != EBUSY) {
		fprintf(stderr, "crash: no debugfs: %s\n", strerror(errno));
		return 2;
	}
	if (!strcmp(argv[1], "list"))
		return list();
	fd = open(DIRECT, O_WRONLY);
	if (fd < 0 || write(fd, argv[1], strlen(argv[1])) < 0) {
		fprintf(stderr, "crash: no %s: %s\n", argv[1], strerror(errno));
		return 2;
	}
	printf("crash: still here after %s\n", argv[1]);
	return 1;
}
