// SPDX-License-Identifier: GPL-2.0
/*
 * Needs epoll, and then /proc; can do without the other things that it asks for. With an
 * argument it needs what no kernel has.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	(void)argv;
	/* In the options of one failure, and of two others */
	syscall(SYS_kcmp, getpid(), getpid(), 0, 0, 0);
	socket(AF_UNIX, SOCK_STREAM, 0);
	eventfd(0, 0);
	/* Kconfig cannot have what drives it here. */
	open("/dev/watchdog", O_RDWR);
	if (epoll_create1(0) < 0) {
		perror("epoll_create1");
		return 1;
	}
	if (open("/proc/self/stat", O_RDONLY) < 0) {
		perror("/proc/self/stat");
		return 2;
	}
	if (argc > 1 && syscall(1000) < 0) {
		perror("syscall 1000");
		return 3;
	}
	puts("it has all that it needs");
	return 0;
}
