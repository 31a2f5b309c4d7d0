/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the workouts of both libcs and the tests of musl share: KTAP lines, the way of
 * system calls, the shim.
 */
#ifndef MUSL_TEST_H
#define MUSL_TEST_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "shim.h"

static int tests_run, tests_failed;

/* One result. Flushed at once, so that a crash does not hide it. */
#define test(cond, ...)							\
do {									\
	int ok_ = !!(cond);						\
									\
	printf("%sok %d ", ok_ ? "" : "not ", ++tests_run);		\
	printf(__VA_ARGS__);						\
	printf("\n");							\
	if (!ok_) {							\
		tests_failed++;						\
		printf("# %s:%d: %s (errno: %s)\n", __FILE__, __LINE__,	\
		       #cond, strerror(errno));				\
	}								\
	fflush(stdout);							\
} while (0)

/* For what must work before anything can be tested. */
#define must(cond)							\
do {									\
	if (!(cond)) {							\
		printf("Bail out! %s:%d: %s (errno: %s)\n", __FILE__,	\
		       __LINE__, #cond, strerror(errno));		\
		fflush(stdout);						\
		_Exit(2);						\
	}								\
} while (0)

static inline int tests_done(void)
{
	printf("1..%d\n", tests_run);
	fflush(stdout);
	return tests_failed ? 1 : 0;
}

enum way { WAY_SYSCALL, WAY_SHIM, WAY_KERNEL };

/* How this process makes its system calls, by what start-up has found. */
static inline enum way the_way(void)
{
	unsigned long entry = getauxval(AT_SYSINFO);

	if (!entry)
		return WAY_SYSCALL;
	return (long)entry > 0 ? WAY_SHIM : WAY_KERNEL;
}

/* Calls that went through the shim so far. */
static inline unsigned long shim_calls(void)
{
	return ((volatile struct shim_data *)
		(getauxval(AT_SYSINFO) + SHIM_DATA))->calls;
}

/* The same system call by the instruction, whatever libc does. */
static inline long raw_syscall(long nr, long a, long b, long c, long d, long e,
			       long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile ("syscall"
			  : "=a" (ret)
			  : "a" (nr), "D" (a), "S" (b), "d" (c), "r" (r10),
			    "r" (r8), "r" (r9)
			  : "rcx", "r11", "memory");
	return ret;
}

/* --help, and the number of rounds as the only argument. */
static inline int rounds_from(int argc, char **argv, int dflt, const char *what)
{
	char *end;
	long n;

	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		printf("usage: %s [ROUNDS]\n\n%s\nROUNDS: default %d.\n",
		       argv[0], what, dflt);
		exit(0);
	}
	if (argc < 2)
		return dflt;
	n = strtol(argv[1], &end, 10);
	if (*end || n < 1 || n > 100000000) {
		fprintf(stderr, "%s: '%s' is no number of rounds; see --help\n",
			argv[0], argv[1]);
		exit(2);
	}
	return n;
}

#endif
