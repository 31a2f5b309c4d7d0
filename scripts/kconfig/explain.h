/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Why an option got another value than a fragment requests.
 */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include <stdio.h>

#include "fragment.h"

/* Print which dependencies are in the way, a line each. */
void explain(FILE *out, struct symbol *sym, const char *requested);

/*
 * The request that comes after @r, which is one of fragment @i, and replaces it, as in a
 * merge; or NULL.
 */
const struct request *replacement(const struct request *r, const struct fragment *fragments,
				  int i, int count);

#endif
