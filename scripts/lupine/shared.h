/* SPDX-License-Identifier: GPL-2.0 */
/* What the program lupine and the guest init share: messages and files. */
#ifndef LUPINE_SHARED_H
#define LUPINE_SHARED_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define __noreturn		__attribute__((noreturn))
#define __printf(a, b)		__attribute__((format(printf, a, b)))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof(*(a)))

/*
 * Write PREFIX and a message to stderr, as one line in one write, so that lines of
 * others do not cut it in two. It can quote what an image says, and a terminal acts on
 * control characters: they are made visible.
 */
void say_line(const char *prefix, const char *fmt, va_list ap);

/*
 * Read a file or a disk until its end, as sizes in /proc are not known beforehand. At
 * most max bytes; a NUL byte follows them. NULL with errno if it cannot be read, or is
 * a pipe or the like.
 */
char *slurp(const char *path, size_t max, size_t *size);

/* A folder with those above it that are missing: 0, or -1 with errno */
int make_folders(const char *path, mode_t mode);

/* Remove a file or a folder with all that is in it, as far as that is possible. */
void remove_tree(const char *path);

/* Has a path a part that is ".."? */
bool path_climbs(const char *path);

#endif
