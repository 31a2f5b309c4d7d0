/* SPDX-License-Identifier: GPL-2.0 */
/*
 * `lupine exec`: frames on the way between it, `lupine run` and the guest's init, which is on
 * the other side of one connection. Programs that run in the guest at the same time are
 * tasks, and have numbers there.
 */
#ifndef LUPINE_LINK_H
#define LUPINE_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What a frame says, its first byte. The number of the task is the second one; two bytes with
 * the size of what follows, the less significant one first, end its head.
 */
enum frame {
	/* to the guest */
	FRAME_TEXT = 't',	/* a part of the task's manifest: program, arguments, variables */
	FRAME_RUN = 'x',	/* that was all: run it, with pipes */
	FRAME_RUN_TTY = 'y',	/* the same with a terminal of rows and columns, two bytes each */
	FRAME_READ = 'r',	/* instead: copy the file or folder of its arguments out */
	FRAME_WRITE = 'w',	/* or in; see init/copy.c */
	FRAME_INPUT = 'i',
	FRAME_INPUT_END = 'e',
	FRAME_SIGNAL = 's',	/* the number of one for the task, a byte */
	FRAME_SIZE = 'z',	/* of the terminal: as in FRAME_RUN_TTY */
	FRAME_CLOSE = 'c',	/* nobody waits for the task any more */
	/* from the guest */
	FRAME_HELLO = 'h',	/* of the init: no task is there */
	FRAME_BEGUN = 'b',
	FRAME_OUTPUT = 'o',
	FRAME_ERRORS = 'f',
	FRAME_STATUS = 'q',	/* the task has ended: a byte */
	/* both ways */
	FRAME_TAKEN = 'k',	/* so many bytes of what was sent are no longer under way */
};

/* Who has sent so many bytes waits until some of them have been taken. */
#define TASK_WINDOW	65536
#define TASK_TEXT	(1 << 20)	/* of a manifest, at most */
#define TASKS		16		/* at the same time */

/* Where the guest reaches the host: QEMU's user network forwards it to `lupine run`. */
#define TASK_ADDRESS	"10.0.2.100"
#define TASK_PORT	7

#define LINK_HEAD	4
#define LINK_DATA	4096

struct link {
	int fd;				/* which does not wait; or -1 */
	unsigned char in[LINK_HEAD + LINK_DATA];
	size_t have;
	unsigned char *out;
	size_t start, end, room;
	bool lost;			/* there was no memory for a frame */
};

/* A frame that has arrived, in the link's memory */
struct message {
	enum frame type;
	unsigned int task;
	const unsigned char *data;
	size_t size;
};

enum link_result { LINK_MESSAGE, LINK_NOTHING_YET, LINK_ENDED, LINK_BROKEN };

/* Take the next frame of what has come; LINK_BROKEN: it is none. */
enum link_result link_receive(struct link *l, struct message *m);

/* Add a frame to what is to be sent; at most LINK_DATA bytes. */
void link_put(struct link *l, enum frame type, unsigned int task, const void *data, size_t size);

/* Send what the other end takes now: 0, or -1 if the link is broken. */
int link_send(struct link *l);

/* How many bytes wait to be sent. */
size_t link_waiting(const struct link *l);

/* Close it, and forget what was under way. */
void link_close(struct link *l);

/* Numbers of two bytes in frames */
unsigned int link_number(const unsigned char *data);
void link_put_number(unsigned char *data, unsigned int n);

#endif
