/* SPDX-License-Identifier: GPL-2.0 */
/* explain.c: say what an application asked its kernel for in vain. */
#ifndef LUPINE_RUN_EXPLAIN_H
#define LUPINE_RUN_EXPLAIN_H

#include <stddef.h>

/* More than the init can have to say */
#define EXPLAIN_SIZE	65536

/* Have the table of a kernel; dies if there is none beside it. */
void explain_load(const char *kernel);

/* What the machine has told (scripts/init/explain.h), none of which is trusted */
void explain_tell(char *text, size_t len);

#endif
