/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Under which options the kernel has a piece of its source: by #ifdef around it, and by
 * obj-$(CONFIG_...) in the Makefile of its folder and in those of the folders above.
 *
 * This reads as much of C and of make as the programs here need, and no more.
 */
#ifndef SOURCE_H
#define SOURCE_H

#include <ftw.h>
#include <regex.h>
#include <stdbool.h>

/* The condition of an #else, or one that is no option: nothing under it counts. */
#define OTHER		"-"

regex_t compiled(const char *pattern);

/* Does @text match? Then @m has what the parentheses matched. */
#define matches(text, pattern, m) ({					\
	static regex_t re;						\
	static bool ready;						\
	if (!ready)							\
		re = compiled(pattern);					\
	ready = true;							\
	!regexec(&re, text, sizeof(m) / sizeof(*(m)), m, 0);		\
})

/* What the parentheses matched, or NULL. */
char *part(const char *text, regmatch_t m);

/* Lines of a file are followed from its start, each before what is asked about it. */
void follow_start(void);
void follow(const char *file, const char *line);

/* All that the line stands under; strict: or NULL if that cannot be told. */
char *conditions(bool strict);

/* The option whose #else the line stands under, or NULL */
const char *only_without(void);

/* The list of options, and those that the Makefiles build a file with */
char *options_of(const char *file, char *list);

/* The same for a file that others include, when all have been followed */
char *options_around(const char *file, const char *options);

/* Change to the kernel source, and look at its files. */
void enter_source(void);
void each_source(int (*visit)(const char *path, const struct stat *st, int type, struct FTW *ftw));
char *read_whole(const char *path, size_t size);
void each_line(const char *file, void (*each)(char *line));

#endif
