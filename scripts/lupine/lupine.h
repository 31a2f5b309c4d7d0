/* SPDX-License-Identifier: GPL-2.0 */
/* The program lupine: its commands, and what they share. */
#ifndef LUPINE_H
#define LUPINE_H

#include <stdbool.h>
#include <stddef.h>

#include "shared.h"

/* Commands: argv[0] is the command's name; they return the exit status. */
int cmd_accel(int argc, char **argv);
int cmd_cp(int argc, char **argv);
int cmd_exec(int argc, char **argv);
int cmd_guest(int argc, char **argv);
int cmd_image(int argc, char **argv);
int cmd_pack(int argc, char **argv);
int cmd_run(int argc, char **argv);

/* util.c: messages go to stderr behind the program's name, see say_line(). */
extern const char *program_name;
void __printf(1, 2) tell(const char *fmt, ...);
void __printf(1, 2) warn(const char *fmt, ...);
/* Ends the program with status_of_die, which is 1 unless the command has others. */
void __noreturn __printf(1, 2) die(const char *fmt, ...);
extern int status_of_die;

/* What is being done, on a line that the next one overwrites; nothing on what is no terminal. */
extern bool show_progress;
void __printf(2, 3) progress(bool first, const char *fmt, ...);
void progress_end(void);

/* These end the program if memory runs out, with this message. */
extern const char *out_of_memory;
void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
char *__printf(1, 2) xasprintf(const char *fmt, ...);

/* clock.c: the frequency of TCG's time stamp counter, in kHz, measured since the start. */
void clock_start(void);
unsigned int clock_khz(void);

/* A path below the folder of generated files, $BUILD or build/ of the repository */
char *__printf(1, 2) build_path(const char *fmt, ...);
/* A file with this text takes the place of path at once; false if that is not possible. */
bool replace_file(const char *path, const char *text);

#endif
