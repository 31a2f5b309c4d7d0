/* SPDX-License-Identifier: GPL-2.0 */
/* `lupine run`: what its parts share. */
#ifndef LUPINE_RUN_H
#define LUPINE_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "lupine.h"

/* As docker run has it: this status is ours and not the application's. */
#define EXIT_CANNOT	125
#define EXIT_TIMEOUT	124
#define EXIT_NO_STATUS	255

/* accel.c: "kvm" or "tcg"; again: without an answer that was kept */
const char *accelerator(const char *kernel, bool again);

/* Words of a command line, ended by NULL. */
struct words {
	char **word;
	size_t nr;
};

void words_add(struct words *w, const char *s);
/* An option and its value */
void __printf(3, 4) words_option(struct words *w, const char *option, const char *fmt, ...);

/* volume.c: make a file with an empty ext2 file system, with room for 1 GiB. */
void volume_make(const char *path);

/* detach.c: fork into the background; returns in the process that is to go on. */
void detach(const char *name);
bool detach_name_ok(const char *name);
/* A file of a guest's state (see there; "": the folder of them), and a number in one or -1 */
char *state_file(const char *name, const char *file);
long state_number(const char *name, const char *file);
bool state_running(const char *name);
void state_remove(const char *name);

/*
 * connect.c: wait for a connection to a port. Returns in a child that is to run a machine, with
 * the ports that this is to have. A byte to the descriptor tells that it is ready.
 */
int on_connect(struct words *ports, unsigned int idle);

struct network;
struct snapshot;
struct tasks;

/* machine.c: run QEMU, relay its console, and find out how it ended. */
struct machine {
	struct words qemu;
	const char *log;		/* console, too; or NULL */
	const char *monitor;		/* socket that QEMU makes; or NULL */
	const char *storm;		/* command for the monitor, or NULL */
	unsigned int storm_rate;	/* that often a second */
	bool storm_waits;		/* until the guest says something */
	const struct network *network;
	unsigned int timeout;		/* seconds; 0: none */
	bool quiet, explain;
	char *text;			/* for the init, on a disk; or NULL */
	struct snapshot *snapshot;	/* to save or to load; or NULL */
	bool saved;			/* by machine_run(), which has ended the machine */
	struct tasks *tasks;		/* --exec; or NULL */
	int ready_fd;			/* to tell when the application is ready; or -1 */
	/* Descriptors that QEMU inherits */
	int status_fd, storm_fd, text_fd, clock_fd, explain_fd, monitor_fd, state_fd, tasks_fd;
	/* Our ends of them */
	int status_peer, storm_peer, clock_peer, explain_peer, monitor_peer, state_peer;
};

/* Make the descriptors, whose numbers go into QEMU's arguments. */
void machine_prepare(struct machine *m);
int machine_run(struct machine *m);

#endif
