/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All options of this kernel, with the values that a configuration gives them.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "fragment.h"

struct option {
	const char *name;
	char *value;		/* as a fragment would write it, but strings without quotes */
	/*
	 * CHOSEN has a prompt and a user may change it, SELECTED has a prompt and another
	 * option forces it, DERIVED has no prompt: it says what the machine or the
	 * compiler can do, or follows from other options.
	 */
	enum { CHOSEN, SELECTED, DERIVED } origin;
	const char *file;	/* the Kconfig file with its prompt */
};

struct options {
	struct option *list;	/* by name */
	int count;
};

/* Have Kconfig complete a configuration, and list what comes out. */
struct options read_options(const char *config);

const struct option *find_option(const struct options *options, const char *name);

/* Is it there and not n? */
bool is_on(const struct option *option);

#endif
