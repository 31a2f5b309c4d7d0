/* SPDX-License-Identifier: GPL-2.0 */
/* explain.c: say what an application asked its kernel for in vain. */
#ifndef LUPINE_RUN_EXPLAIN_H
#define LUPINE_RUN_EXPLAIN_H

#include <stddef.h>

#include "manifest.h"

/* More than the init can have to say */
#define EXPLAIN_SIZE	65536

/* Have the table of a kernel; dies if there is none beside it. */
void explain_load(const char *kernel);

/*
 * Have the table in @file, and add to @changes that the application is to miss what the
 * kernel has and this table has not; dies if there is no table beside the kernel.
 */
void explain_lack(const char *kernel, const char *file, struct manifest *changes);

/* What the machine has told (scripts/init/explain.h), none of which is trusted */
void explain_tell(char *text, size_t len);

#endif
