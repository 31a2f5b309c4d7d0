// SPDX-License-Identifier: GPL-2.0
/*
 * Print the frequency, in kHz, of the counter that QEMU's TCG gives its x86
 * guests as time stamp counter: this machine's own, or nanoseconds where there
 * is none. A guest on a busy machine cannot find out for itself.
 */
#include <stdio.h>
#include <time.h>

static long ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

#ifdef __x86_64__
/* Reads both clocks as close together as can be seen. */
static long both(unsigned long *tsc)
{
	long before, after, least = 1000000000, at = 0;
	unsigned long t;
	int i;

	for (i = 0; i < 100; i++) {
		before = ns();
		t = __builtin_ia32_rdtsc();
		after = ns();
		if (after - before < least) {
			least = after - before;
			at = before + least / 2;
			*tsc = t;
		}
	}
	return at;
}

int main(void)
{
	struct timespec pause = { .tv_nsec = 200000000 };
	unsigned long t0 = 0, t1 = 0;
	long from, to;

	from = both(&t0);
	nanosleep(&pause, NULL);
	to = both(&t1);
	printf("%.0f\n", (t1 - t0) * 1e6 / (to - from));
	return 0;
}
#else
int main(void)
{
	printf("1000000\n");
	(void)ns;
	return 0;
}
#endif
