/* SPDX-License-Identifier: GPL-2.0 */
/* The program lupine: its commands, and what they share. */
#ifndef LUPINE_H
#define LUPINE_H

#include <stdbool.h>
#include <stddef.h>

#define __noreturn		__attribute__((noreturn))
#define __printf(a, b)		__attribute__((format(printf, a, b)))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof(*(a)))

/* main.c: the command that runs, for messages ("lupine image: error: ...") */
extern const char *command_name;

/* Commands: argv[0] is the command's name; they return the exit status. */
int cmd_image(int argc, char **argv);
int cmd_run(int argc, char **argv);

/* util.c: messages go to stderr, in one write, with control characters visible. */
void __printf(1, 2) warn(const char *fmt, ...);
void __noreturn __printf(1, 2) die(const char *fmt, ...);

/* These end the program if memory runs out, with this message. */
extern const char *out_of_memory;
void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
char *__printf(1, 2) xasprintf(const char *fmt, ...);

#endif
