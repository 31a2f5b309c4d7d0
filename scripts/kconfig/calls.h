/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which system calls of x86-64 exist only with a kernel option, see calls.c.
 */
#ifndef CALLS_H
#define CALLS_H

struct call {
	char *name;
	int number;
	char *function;		/* without sys_ */
	bool conditional;
	char *options;		/* all that are needed, with a + between them; "" for none */
	char *file;		/* with the definition */
};

/* The calls that an option may decide about, by options and number. Enters the source. */
struct call *find_calls(int *count);

#endif
