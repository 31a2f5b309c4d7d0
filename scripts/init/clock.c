// SPDX-License-Identifier: GPL-2.0
/*
 * Set the date from the host's, see clock.h. The host's time is that of some moment
 * between question and answer; of three tries the quickest one counts, and only if it
 * took less than 20 ms. A machine without the port (KVM's other monitors, a
 * kernel that lets no process do port I/O) keeps the date that the kernel has found.
 */
#include <stdint.h>
#include <sys/io.h>
#include <time.h>

#include "clock.h"
#include "init.h"

/* Registers of a 16550 */
#define RX_TX		(CLOCK_PORT + 0)
#define LINE_STATUS	(CLOCK_PORT + 5)
#define SCRATCH		(CLOCK_PORT + 7)
#define DATA_READY	0x01

#define TRIES		3
#define LIMIT_NS	20000000

static int64_t now(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static bool there(void)
{
	outb(0x5a, SCRATCH);
	return inb(SCRATCH) == 0x5a;
}

/* The time between question and answer, and the host's time in the middle of it. */
static int64_t ask(int64_t *wall)
{
	int64_t start, end = 0;
	uint64_t answer = 0;
	int i;

	start = now(CLOCK_MONOTONIC);
	outb(CLOCK_QUESTION, RX_TX);
	for (i = 0; i < CLOCK_BYTES; i++) {
		do {
			end = now(CLOCK_MONOTONIC);
			if (end - start > LIMIT_NS)
				return INT64_MAX;
		} while (!(inb(LINE_STATUS) & DATA_READY));
		answer |= (uint64_t)inb(RX_TX) << (8 * i);
	}
	*wall = answer;
	return end - start;
}

static void take_time(void)
{
	int64_t wall, took, best = INT64_MAX, offset = 0;
	struct timespec t;
	int i;

	if (!there())
		return;
	for (i = 0; i < TRIES; i++) {
		took = ask(&wall);
		/* What comes late belongs to this question and not to the next one. */
		if (took == INT64_MAX)
			break;
		if (took >= best)
			continue;
		best = took;
		offset = wall + took / 2 - now(CLOCK_MONOTONIC);
	}
	if (best == INT64_MAX)
		return;
	offset += now(CLOCK_MONOTONIC);
	t.tv_sec = offset / 1000000000;
	t.tv_nsec = offset % 1000000000;
	if (t.tv_sec > 0)
		clock_settime(CLOCK_REALTIME, &t);
}

void clock_from_host(void)
{
	unsigned short cs;

	asm("mov %%cs, %0" : "=r" (cs));
	if (cs & 3 && ioperm(CLOCK_PORT, 8, 1))
		return;
	take_time();
	/*
	 * Children would inherit the permission, and pay for it: the kernel looks at it each
	 * time that it returns to them.
	 */
	if (cs & 3)
		ioperm(CLOCK_PORT, 8, 0);
}
