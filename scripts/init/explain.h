/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the application asked the kernel for in vain, told to the host by the machine:
 * lines to a device like that of status.h, which is there if somebody wants to know.
 * A line is
 *
 *	KIND<tab>KEY<tab>ERROR<tab>TIMES<tab>PROGRAM
 *
 * KIND and KEY are those of scripts/kconfig/failures.c, ERROR is a number. The last line
 * has the kind "end", and as its key how many different failures there was no room for.
 */
#ifndef LUPINE_EXPLAIN_H
#define LUPINE_EXPLAIN_H

#define EXPLAIN_PORT	0xf5
#define EXPLAIN_MAX	512	/* different failures */
#define EXPLAIN_KEY	64	/* longest KEY, with its NUL */

#endif
