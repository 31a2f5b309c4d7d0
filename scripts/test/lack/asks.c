// SPDX-License-Identifier: GPL-2.0
/*
 * Ask the kernel for what an option of it brings, and print how each ends: "ok" or the
 * name of the error. For scripts/test/lack.sh.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void print(const char *what, long result)
{
	printf("%s: %s\n", what, result < 0 ? strerrorname_np(errno) : "ok");
}

static int lock(int fd, int command, int type)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET };

	return fcntl(fd, command, &l);
}

int main(void)
{
	int fd = open("/tmp/file", O_RDWR | O_CREAT, 0600), pair[2], one = 1, six;

	print("epoll", epoll_create1(0));
	print("flock", flock(fd, LOCK_EX));
	print("getlk", lock(fd, F_GETLK, F_WRLCK));
	print("setlk", lock(fd, F_SETLK, F_WRLCK));
	print("ofd setlk", lock(fd, F_OFD_SETLK, F_UNLCK));
	print("lease", fcntl(fd, F_SETLEASE, F_WRLCK));
	print("getfl", fcntl(fd, F_GETFL));
	print("madvise", madvise(NULL, 0, MADV_WILLNEED));
	print("seccomp", prctl(PR_GET_SECCOMP));
	print("membarrier", syscall(SYS_membarrier, 0, 0, 0));
	print("shmget", syscall(SYS_shmget, 0, 4096, 0600));
	print("setuid", syscall(SYS_setuid, 0));
	print("unix", socket(AF_UNIX, SOCK_STREAM, 0));
	print("pair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	print("inet", socket(AF_INET, SOCK_STREAM, 0));
	print("udp", socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP));
	six = socket(AF_INET6, SOCK_STREAM, 0);
	print("inet6", six);
	if (six >= 0)
		print("only v6", setsockopt(six, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)));
	print("packet", socket(AF_PACKET, SOCK_RAW, 0));
	print("proc", access("/proc/self", F_OK));
	return 0;
}
