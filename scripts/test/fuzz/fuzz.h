/* SPDX-License-Identifier: GPL-2.0 */
/* What the harnesses share. */
#ifndef FUZZ_H
#define FUZZ_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A failure that libFuzzer reports with the input that led to it */
#define require(condition)						\
	do {								\
		if (!(condition)) {					\
			fprintf(stderr, "%s:%d: not true: %s\n",	\
				__FILE__, __LINE__, #condition);	\
			abort();					\
		}							\
	} while (0)

static inline void too_long(int sig)
{
	static const char message[] = "an input takes more than two seconds of the processor\n";

	(void)sig;
	if (write(STDERR_FILENO, message, sizeof(message) - 1) < 0)
		abort();
	abort();
}

/* At the begin of each input. libFuzzer's own limit has a busy host count, too. */
static inline void begin_input(void)
{
	static const struct itimerval limit = { .it_value.tv_sec = 2 };

	signal(SIGPROF, too_long);
	require(!setitimer(ITIMER_PROF, &limit, NULL));
}

/* For what is compiled with track.c's names, too */
#ifdef malloc
#undef require
#define require(condition)	do { if (!(condition)) __builtin_trap(); } while (0)
#endif

static inline void *duplicate(const void *data, size_t size)
{
	void *copy = malloc(size);

	require(copy || !size);
	if (size)
		memcpy(copy, data, size);
	return copy;
}

/*
 * track.c: run a part of a program that may end it. Returns whether it came back; all
 * memory that it has allocated is free again in either case.
 */
bool track_run(void (*run)(const uint8_t *data, size_t size), const uint8_t *data, size_t size);

#endif
