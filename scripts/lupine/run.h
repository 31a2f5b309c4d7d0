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

/* run.c: "run: error: ..." and status 125; "run: ...", also where -q says nothing else. */
void __noreturn __printf(1, 2) cannot(const char *fmt, ...);
void __printf(1, 2) tell(const char *fmt, ...);

/* Words of a command line, ended by NULL. */
struct words {
	char **word;
	size_t nr;
};

void words_add(struct words *w, const char *s);
void __printf(2, 3) words_addf(struct words *w, const char *fmt, ...);

/* volume.c: make a file with an empty ext2 file system, with room for 1 GiB. */
void volume_make(const char *path);

/* detach.c: fork into the background; returns in the process that is to go on. */
void detach(const char *name);
bool detach_name_ok(const char *name);
/* Where a guest's console is kept, as NULL or --log of the guest in the background. */
char *detach_log(const char *name);

/* machine.c: run QEMU, relay its console, and find out how it ended. */
struct machine {
	struct words qemu;
	const char *log;		/* console, too; or NULL */
	const char *monitor;		/* socket that QEMU makes; or NULL */
	const char *storm;		/* command for the monitor, or NULL */
	unsigned int storm_rate;	/* that often a second */
	bool storm_waits;		/* until the guest says something */
	unsigned int timeout;		/* seconds; 0: none */
	bool quiet;
	char *text;			/* for the init, on a disk; or NULL */
	/* Descriptors that QEMU inherits */
	int status_fd, storm_fd, text_fd;
	/* Our ends of them */
	int status_peer, storm_peer;
};

/* Make the descriptors, whose numbers go into QEMU's arguments. */
void machine_prepare(struct machine *m);
int machine_run(struct machine *m);

#endif
