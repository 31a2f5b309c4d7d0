/* SPDX-License-Identifier: GPL-2.0 */
/* lupine run --snapshot: a saved machine in a file, see snapshot.c. */
#ifndef LUPINE_SNAPSHOT_H
#define LUPINE_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "run.h"

struct snapshot {
	const char *path;
	char *temporary;		/* the file that becomes path; or NULL */
	bool loads;			/* path exists: the machine starts from it */
	int fd;
	uint64_t memory, disk, state;	/* bytes, which lie in the file in this order */
	char *machine;			/* what was saved: lines, in a file behind the bytes */
	char *qemu;			/* the version that can read the state */
	char *text;			/* of those lines and of what else the file says */
};

/* Open path if it exists, and read all but the machine itself; a mistake ends the program. */
void snapshot_open(struct snapshot *s, const char *path);

/* The value of a line of the machine, or of what has been noted; a missing one ends the program. */
const char *snapshot_value(const struct snapshot *s, const char *name);

/* End the program if the machine is not this one. */
void snapshot_compare(const struct snapshot *s, const char *machine);

/* Make a file for a machine, with a copy of its disk; notes are more lines NAME VALUE. */
void snapshot_create(struct snapshot *s, const char *machine, const char *notes,
		     unsigned int mib, const char *image);

/* QEMU's arguments for the memory, and the name and the options of the disk */
void snapshot_arguments(const struct snapshot *s, struct words *q);
char *snapshot_disk(const struct snapshot *s, const char **name);

/*
 * Talk to QEMU by its monitor, the socket qmp. Save the machine, which stops then; or let one
 * run that waits, with the other end of the descriptor state_fd that QEMU has. False: it did
 * not work, for a reason that has been told, or QEMU has ended.
 */
bool snapshot_save(struct snapshot *s, int qmp);
bool snapshot_load(const struct snapshot *s, int qmp, int state_fd, int state_peer);

/* Once the machine has ended, give the file its name, and have the next machine start from it. */
void snapshot_publish(struct snapshot *s);

#endif
