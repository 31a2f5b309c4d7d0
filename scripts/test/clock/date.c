// SPDX-License-Identifier: GPL-2.0
/* Print the date in nanoseconds since 1970, for scripts/test/clock.sh. */
#include <stdio.h>
#include <time.h>

int main(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	printf("%ld%09ld\n", (long)t.tv_sec, t.tv_nsec);
	return 0;
}
