/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The clock of the guests' programs here. Who includes this has stdio.h and
 * errno.h, and a function that reports what is wrong and ends the guest.
 */
#ifndef LUPINE_BENCH_CLOCK_H
#define LUPINE_BENCH_CLOCK_H

#include <string.h>
#include <time.h>

__attribute__((noreturn, format(printf, 1, 2)))
static void fail(const char *format, ...);

static unsigned long now_ns(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_MONOTONIC, &t) != 0)
		fail("clock_gettime: %s", strerror(errno));
	return t.tv_sec * 1000000000UL + t.tv_nsec;
}

/* One that goes by timer interrupts is of no use. */
static void check_clock(void)
{
	unsigned long t, next, least = -1UL;
	int i;

	for (i = 0; i < 20; i++) {
		t = now_ns();
		do {
			next = now_ns();
		} while (next == t);
		if (next - t < least)
			least = next - t;
	}
	if (least > 20000)
		fail("the clock goes in steps of %lu ns: the kernel has no good clock source",
		     least);
}

#endif /* LUPINE_BENCH_CLOCK_H */
