/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the programs share that are linked with the kernel's parser: fragments
 * and the options that they request.
 */
#ifndef FRAGMENT_H
#define FRAGMENT_H

#include <stdbool.h>

#include "lkc.h"

struct request {
	char *symbol;
	char *value;		/* "n" for "is not set" */
	const char *file;
	int line;
	bool explicit;		/* see lint.c */
	bool overrides;		/* its group says that it changes what others request */
	struct request *next;
};

struct fragment {
	const char *file;
	struct request *requests, **last;
	unsigned int mistakes;
	bool overrides;		/* the group that is read says so */
};

void fail(const char *what, const char *file) __attribute__((noreturn));
void *check_memory(void *p);

/*
 * Start a program: refuses to work outside of the environment that the
 * kernel's Makefile makes for its parser, and parses Kconfig and .config.
 */
void start(int argc, char **argv, int needed, const char *arguments);

/* Have Kconfig complete a configuration, which replaces the one before. */
void read_config(const char *folder, const char *name);

/* What is called for a line that is wrong; prints to stdout unless changed. */
extern void (*mistake)(const char *file, int line, const char *what, const char *text);

/*
 * The settings of a fragment in its order. Each line is a setting, a comment or
 * empty; false if one is none of these, or contradicts another, which has been said.
 */
bool read_fragment(struct fragment *fragment, const char *file);

/* The last request for an option before @end (NULL: of all), or NULL. */
const struct request *find_request(const struct fragment *fragment, const char *symbol,
				   const struct request *end);

/* The value that a symbol has now, as a fragment would write it. */
const char *value_of(struct symbol *sym);

bool same_value(const struct symbol *sym, const char *value,
		const char *requested);

/* Does the option only say what the compiler can do? */
bool is_about_tools(const char *name);

static inline bool known(const struct symbol *sym)
{
	return sym && sym->type != S_UNKNOWN;
}

static inline bool has_prompt(const struct symbol *sym)
{
	struct property *prop;

	for_all_prompts(sym, prop)
		return true;
	return false;
}

#endif
