// SPDX-License-Identifier: GPL-2.0
/* A program that needs one option, also as part of the kernel, for scripts/test/profile.sh. */
#include <stdio.h>
#include <sys/timerfd.h>

int main(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);

	if (fd < 0)
		perror("timerfd_create");
	return fd < 0;
}
