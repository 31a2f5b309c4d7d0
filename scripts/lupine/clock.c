// SPDX-License-Identifier: GPL-2.0
/*
 * The frequency of the time stamp counter that QEMU's TCG gives its guests: this
 * machine's own. A guest cannot measure it while the host is busy: it finds no
 * frequency, goes by its timer interrupts instead, and its clock loses half the time.
 *
 * The counter and CLOCK_MONOTONIC are read as close together as can be seen, at the
 * start of the program and when the frequency is asked for, 20 ms later or more. Each pair
 * is off by 100 ns or so, so the result by 10 ppm: 6 ms in ten minutes.
 */
#include <stdint.h>
#include <time.h>

#include "lupine.h"

#if defined(__x86_64__)
#include <x86intrin.h>

#define TRIES		100
#define PAUSE		20000000

static struct pair {
	int64_t ns;
	uint64_t tsc;
} first;

static int64_t monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static struct pair read_both(void)
{
	int64_t before, after, least = INT64_MAX;
	struct pair p = { 0 };
	uint64_t tsc;
	int i;

	for (i = 0; i < TRIES; i++) {
		before = monotonic();
		tsc = __rdtsc();
		after = monotonic();
		if (after - before >= least)
			continue;
		least = after - before;
		p.ns = before + least / 2;
		p.tsc = tsc;
	}
	return p;
}

void clock_start(void)
{
	first = read_both();
}

unsigned int clock_khz(void)
{
	struct timespec until;
	struct pair last;

	until.tv_sec = (first.ns + PAUSE) / 1000000000;
	until.tv_nsec = (first.ns + PAUSE) % 1000000000;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL))
		;
	last = read_both();
	return (last.tsc - first.tsc) * 1e6 / (last.ns - first.ns) + 0.5;
}
#else
/* QEMU counts nanoseconds where the host has no such counter. */
void clock_start(void)
{
}

unsigned int clock_khz(void)
{
	return 1000000;
}
#endif
