/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the programs that measure in guests share: how they fail, the clock, and the
 * median. A program says on the console "bench: error: ..." and ends with status 1.
 */
#ifndef LUPINE_BENCH_GUEST_H
#define LUPINE_BENCH_GUEST_H

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

__attribute__((noreturn, format(printf, 1, 2)))
static void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("bench: error: ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
	exit(1);
}

static inline unsigned long now_ns(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_MONOTONIC, &t) != 0)
		fail("clock_gettime: %s", strerror(errno));
	return t.tv_sec * 1000000000UL + t.tv_nsec;
}

/* One that goes by timer interrupts is of no use. */
static inline void check_clock(void)
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

static inline int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of n values, which are sorted then; the upper one of an even number. */
static inline double median(double *v, int n)
{
	qsort(v, n, sizeof(*v), compare_doubles);
	return v[n / 2];
}

#endif /* LUPINE_BENCH_GUEST_H */
