// SPDX-License-Identifier: GPL-2.0
/*
 * Set the date from the host's, see clock.h. The host's time is that of some moment
 * between question and answer. A try that takes less than a millisecond is enough; of
 * three that take less than 20 ms each, or of ten, the quickest one counts. A machine
 * without the port (KVM's other monitors, a kernel that lets no process do port I/O) keeps
 * the date that the kernel has found.
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

#define TRIES		10
#define QUICK		3
#define QUICK_NS	20000000
#define ENOUGH_NS	1000000
#define PATIENCE_NS	1000000000	/* as long as an answer may take */

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

/* The time between question and the whole answer, or INT64_MAX */
static int64_t ask(char question, unsigned char *answer, size_t size)
{
	int64_t start, end = 0;
	size_t i;

	start = now(CLOCK_MONOTONIC);
	outb(question, RX_TX);
	for (i = 0; i < size; i++) {
		do {
			end = now(CLOCK_MONOTONIC);
			if (end - start > PATIENCE_NS)
				return INT64_MAX;
		} while (!(inb(LINE_STATUS) & DATA_READY));
		answer[i] = inb(RX_TX);
	}
	return end - start;
}

bool clock_answer(char question, unsigned char *answer, size_t size)
{
	return there() && ask(question, answer, size) != INT64_MAX;
}

/* The same for the host's time in the middle of it */
static int64_t ask_time(int64_t *wall)
{
	unsigned char answer[CLOCK_BYTES];
	int64_t took = ask(CLOCK_QUESTION, answer, sizeof(answer));
	int i;

	*wall = 0;
	for (i = 0; i < CLOCK_BYTES; i++)
		*wall |= (uint64_t)answer[i] << (8 * i);
	return took;
}

void clock_take_time(void)
{
	int64_t wall, took, best = INT64_MAX, offset = 0;
	struct timespec t;
	int i, quick = 0;

	if (!there())
		return;
	for (i = 0; i < TRIES && quick < QUICK && best > ENOUGH_NS; i++) {
		took = ask_time(&wall);
		/* What comes late belongs to this question and not to the next one. */
		if (took == INT64_MAX)
			break;
		quick += took <= QUICK_NS;
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

/* What a machine that is saved waits for here, the one that starts from it gets at once. */
void clock_wait_for_start(void)
{
	if (!there())
		return;
	outb(CLOCK_SAVE, RX_TX);
	while (!(inb(LINE_STATUS) & DATA_READY))
		;
	inb(RX_TX);
}

static bool ring_3(void)
{
	unsigned short cs;

	asm("mov %%cs, %0" : "=r" (cs));
	return cs & 3;
}

bool clock_open(void)
{
	return !ring_3() || !ioperm(CLOCK_PORT, 8, 1);
}

void clock_from_host(void)
{
	if (!clock_open())
		return;
	clock_take_time();
	/*
	 * Children would inherit the permission, and pay for it: the kernel looks at it each
	 * time that it returns to them.
	 */
	if (ring_3())
		ioperm(CLOCK_PORT, 8, 0);
}
