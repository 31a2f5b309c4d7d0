/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Turn system calls of one x86-64 program or library into calls of stubs, which are
 * added to it, in memory. Nothing of the file is believed: all that is read is within
 * [data, data + size), work and memory are bounded by its size. No state is kept
 * between calls; what a report holds is freed by callsites_free().
 */
#ifndef CALLSITES_H
#define CALLSITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* As many bytes of a file as callsites_wants() looks at */
#define CALLSITES_HEAD	20

/* Files that are larger are left alone, with an error. */
#define CALLSITES_MAX_SIZE	(1UL << 30)

/* A site has so many bytes at most */
#define CALLSITES_MAX_LEN	8

enum reason {
	REWRITTEN,
	ALREADY,
	LEFT_FIRST,
	LEFT_UNREACHED = LEFT_FIRST,
	LEFT_UNKNOWN,
	LEFT_SHAPE,
	LEFT_TARGET,
	LEFT_RELOCATED,
	LEFT_REDZONE,
	LEFT_CHILD,
	LEFT_SIGRETURN,
	LEFT_EXIT,
	LEFT_RSEQ,
	LEFT_STACK,
	LEFT_REGISTERS,
	NUM_REASONS
};

extern const char * const callsites_reasons[NUM_REASONS];

enum callsites_mode {
	CALLSITES_REWRITE,
	CALLSITES_CHECK,	/* only say what would be rewritten */
	CALLSITES_UNDO,		/* put back what was there before */
};

struct callsites_site {
	uint64_t addr;		/* of SYSCALL */
	uint64_t begin;		/* of what is replaced */
	size_t offset;		/* the same place in the file */
	unsigned int len;	/* 0 if nothing is replaced */
	uint8_t bytes[CALLSITES_MAX_LEN];	/* what comes there */
	uint32_t stub;		/* which begins so far from the first one */
	enum reason reason;
};

struct callsites_report {
	/* Why nothing was changed, or NULL */
	const char *error;
	/* Whether the file is not what it was: so many bytes of data, and the tail */
	bool changed;
	size_t size;
	uint8_t *tail;
	size_t tail_size;
	/* By reason; in mode CALLSITES_UNDO, ALREADY counts what is undone */
	unsigned int total[NUM_REASONS];
	struct callsites_site *sites;
	size_t num_sites;
};

/* Is a file that begins like this one whose code can be looked at? */
bool callsites_wants(const void *head, size_t size);

/*
 * Fills in @report. The file becomes report->size bytes of @data and the tail. Data is
 * as it was if there is an error (which callsites_run() returns as false), if it is no
 * program, or if nothing has to change.
 */
bool callsites_run(void *data, size_t size, enum callsites_mode mode,
		   struct callsites_report *report);
void callsites_free(struct callsites_report *report);

/* Add the totals of a report to those of another. */
void callsites_add(struct callsites_report *sum, const struct callsites_report *report);

/*
 * A heading, and lines below it: name, sites, calls, their share, what is left, why.
 * Control characters of the name are shown as \xNN.
 */
void callsites_print_heading(FILE *f, enum callsites_mode mode);
void callsites_print(FILE *f, const char *name, const struct callsites_report *report);

#endif
