/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For the programs that measure in guests: how they print a row, how they fail, how they
 * call the kernel, the clock, and the median. A program that fails says on the console
 * "bench: error: ..." and ends with status 1.
 */
#ifndef LUPINE_BENCH_GUEST_H
#define LUPINE_BENCH_GUEST_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The place in the vsyscall page where the kernel says where its entry is. */
#define CALL_ENTRY	0xffffffffff600c00

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

#define TRY(x)						\
	({						\
		typeof(x) try_ = (x);			\
							\
		if (try_ == (typeof(x))-1)		\
			fail("%s: %s", #x, strerror(errno));	\
		try_;					\
	})

/* All of it, or it is the end. */
static inline void move(ssize_t (*f)(int, void *, size_t), int fd, void *p, size_t size)
{
	ssize_t n;

	while (size) {
		n = f(fd, p, size);
		if (n <= 0)
			fail("a transfer of %zu bytes gives %zd: %s", size, n, strerror(errno));
		p += n;
		size -= n;
	}
}

static inline ssize_t put(int fd, void *p, size_t size)
{
	return write(fd, p, size);
}

/* Do the clocks count instructions, one ns each? The runner says so. */
static inline bool counts_instructions(void)
{
	const char *unit = getenv("bench_unit");

	return unit && !strcmp(unit, "instructions");
}

/*
 * A row of the results, their first five columns, of which the system is what the runner
 * has named the kernel and, where that can be called in several ways, a suffix. ns are
 * instructions if the clocks count these; the metric then says so in its name, in front
 * of the number @n at its end if there is one.
 */
static inline void row(const char *experiment, const char *suffix, const char *metric, int n,
		       const char *unit, double value)
{
	bool counted = !strcmp(unit, "ns") && counts_instructions();

	printf("%s,%s,%s%s", experiment, suffix, metric, counted ? "-instructions" : "");
	if (n >= 0)
		printf("-%d", n);
	printf(",%s,%.10g\n", counted ? "instructions" : unit, value);
}

static inline unsigned long now_ns(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_MONOTONIC, &t) != 0)
		fail("clock_gettime: %s", strerror(errno));
	return t.tv_sec * 1000000000UL + t.tv_nsec;
}

/* Refuse a clock that goes by timer interrupts: it is too coarse. */
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

/* Sorts the values. Of an even number, it takes the upper one of the two in the middle. */
static inline double median(double *v, int n)
{
	qsort(v, n, sizeof(*v), compare_doubles);
	return v[n / 2];
}

#endif /* LUPINE_BENCH_GUEST_H */
