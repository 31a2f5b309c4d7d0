/* SPDX-License-Identifier: GPL-2.0 */
/* lupine run --exec: between `lupine exec` and the guest's init, see tasks.c. */
#ifndef LUPINE_TASKS_H
#define LUPINE_TASKS_H

#include <poll.h>
#include <stddef.h>

#include "link.h"
#include "shared.h"

/* The name of the socket in a guest's state, see detach.c */
#define TASKS_SOCKET	"exec"

/* What tasks_events() needs at most: the guest, the socket, and who is connected to it */
#define TASKS_FDS	(2 + TASKS)

struct tasks;

/* Listen for `lupine exec` in the state of this guest. */
struct tasks *tasks_open(const char *name);

/*
 * A guest is about to run, which is at the other end of this socket. greeted: it has run
 * before, and starts from a snapshot.
 */
void tasks_attach(struct tasks *t, int fd, bool greeted);

/* What to wait for, in TASKS_FDS elements, and to do what can be done then */
void tasks_events(const struct tasks *t, struct pollfd *p);
void tasks_handle(struct tasks *t, const struct pollfd *p);

/* The guest has ended, and with it all tasks. */
void tasks_close(struct tasks *t);

/* The socket of a guest's tasks: a connection to it, or -1 with errno */
int tasks_connect(const char *name);

/*
 * exec.c: be standard input and output of a task of the guest, FRAME_READ or FRAME_WRITE, with
 * these words, which NULL ends.
 */
void __noreturn task_run(const char *name, enum frame what, const char *const *words);

#endif
