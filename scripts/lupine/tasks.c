// SPDX-License-Identifier: GPL-2.0
/*
 * `lupine run --exec` hands frames on (link.h) between any number of `lupine exec`, each of
 * which is connected to a socket of its own and knows only its own task, and the guest, which
 * has one connection for all. Nothing that the guest sends is trusted: a frame that is none,
 * or more than a task may have under way, ends the connection to it.
 *
 * It never waits: QEMU does while the socket to us is full, and the guest with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "run.h"
#include "tasks.h"

/* All that a task may have under way, even if each frame has one byte */
#define MOST_WAITING	(16 * TASK_WINDOW)
/* What somebody who sends without end may keep waiting for the guest */
#define MOST_FOR_GUEST	(4 * TASK_TEXT)
#define BACKLOG		128

/* How far a task is; until the guest knows that nobody waits for it, its number is used. */
enum state { FREE, CONNECTED, TOLD, RUNNING, ENDED };

struct tasks {
	int listener;
	char *path;
	struct link guest;
	bool greeted;			/* by its init */
	struct {
		struct link link;
		enum state state;
	} client[TASKS];
};

/*
 * An address holds 107 bytes, and paths are longer. So the folder goes by its descriptor,
 * which is open as long as the address is used.
 */
static int with_address(const char *name, int (*do_it)(int, const struct sockaddr *, socklen_t))
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char *path = state_file(name, "");
	int folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), fd, err = errno;

	free(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/" TASKS_SOCKET, folder);
	if (folder < 0 || fd < 0 || do_it(fd, (struct sockaddr *)&a, sizeof(a))) {
		err = folder < 0 ? err : errno;
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	if (folder >= 0)
		close(folder);
	if (fd < 0)
		errno = err;
	return fd;
}

int tasks_connect(const char *name)
{
	return with_address(name, connect);
}

struct tasks *tasks_open(const char *name)
{
	struct tasks *t = xcalloc(1, sizeof(*t));
	mode_t mask = umask(0177);
	size_t i;

	t->path = state_file(name, TASKS_SOCKET);
	/* What a guest that was killed has left */
	unlink(t->path);
	t->listener = with_address(name, bind);
	umask(mask);
	if (t->listener < 0 || listen(t->listener, BACKLOG) ||
	    fcntl(t->listener, F_SETFL, O_NONBLOCK))
		die("%s: %s", t->path, strerror(errno));
	t->guest.fd = -1;
	for (i = 0; i < TASKS; i++)
		t->client[i].link.fd = -1;
	return t;
}

static void let_go(struct tasks *t, unsigned int i)
{
	link_close(&t->client[i].link);
	t->client[i].state = FREE;
}

static void let_all_go(struct tasks *t)
{
	unsigned int i;

	for (i = 0; i < TASKS; i++)
		let_go(t, i);
}

static void lose_guest(struct tasks *t)
{
	link_close(&t->guest);
	t->greeted = false;
	let_all_go(t);
}

void tasks_attach(struct tasks *t, int fd, bool greeted)
{
	lose_guest(t);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	t->guest.fd = fd;
	t->greeted = greeted;
}

void tasks_close(struct tasks *t)
{
	lose_guest(t);
	close(t->listener);
	unlink(t->path);
}

/* The first number that no task has, or TASKS */
static unsigned int free_task(const struct tasks *t)
{
	unsigned int i;

	for (i = 0; i < TASKS && t->client[i].state != FREE; i++)
		;
	return i;
}

/* Who comes before the init, or while no number is free, waits. */
static bool takes_more(const struct tasks *t)
{
	return t->guest.fd < 0 || (t->greeted && free_task(t) < TASKS);
}

static void accept_one(struct tasks *t)
{
	int fd = accept4(t->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	unsigned int i = free_task(t);

	if (fd >= 0 && t->guest.fd < 0) {
		/* The guest cannot be reached any more, and whoever sees the end knows. */
		close(fd);
	} else if (fd >= 0) {
		t->client[i].link.fd = fd;
		t->client[i].state = CONNECTED;
	}
}

/* Who asked has gone; the number is used until the guest knows. */
static void lose_client(struct tasks *t, unsigned int i)
{
	enum state state = t->client[i].state;

	link_close(&t->client[i].link);
	if (state == TOLD || state == RUNNING)
		link_put(&t->guest, FRAME_CLOSE, i, NULL, 0);
	else
		let_go(t, i);
}

/* May somebody who is connected say that now? */
static bool pass_on(enum state *state, enum frame type)
{
	switch (type) {
	case FRAME_TEXT:
		if (*state != CONNECTED && *state != TOLD)
			return false;
		*state = TOLD;
		return true;
	case FRAME_RUN:
	case FRAME_RUN_TTY:
	case FRAME_READ:
	case FRAME_WRITE:
		if (*state != TOLD)
			return false;
		*state = RUNNING;
		return true;
	case FRAME_INPUT:
	case FRAME_INPUT_END:
	case FRAME_SIGNAL:
	case FRAME_SIZE:
	case FRAME_TAKEN:
		return *state == RUNNING;
	default:
		return false;
	}
}

static void hear_client(struct tasks *t, unsigned int i)
{
	enum link_result r = LINK_NOTHING_YET;
	struct message m;

	while (link_waiting(&t->guest) < MOST_FOR_GUEST &&
	       (r = link_receive(&t->client[i].link, &m)) == LINK_MESSAGE) {
		/* It may not know yet that its task has ended. */
		if (t->client[i].state == ENDED)
			continue;
		if (!pass_on(&t->client[i].state, m.type)) {
			r = LINK_BROKEN;
			break;
		}
		link_put(&t->guest, m.type, i, m.data, m.size);
	}
	if (r == LINK_BROKEN || r == LINK_ENDED)
		lose_client(t, i);
}

/* False: no guest of ours says that. */
static bool take(struct tasks *t, const struct message *m)
{
	enum state *state;
	struct link *l;

	if (m->type == FRAME_HELLO) {
		/* It has lost its connection, if it had one before. */
		let_all_go(t);
		t->greeted = true;
		return true;
	}
	if (m->task >= TASKS)
		return false;
	l = &t->client[m->task].link;
	state = &t->client[m->task].state;
	switch (m->type) {
	case FRAME_STATUS:
	case FRAME_BEGUN:
	case FRAME_OUTPUT:
	case FRAME_ERRORS:
	case FRAME_TAKEN:
		break;
	default:
		return false;
	}
	/* Somebody else in the guest may have sent a greeting, and all are gone. */
	if (*state != TOLD && *state != RUNNING)
		return true;
	if (m->type == FRAME_STATUS)
		*state = ENDED;
	if (l->fd >= 0)
		link_put(l, m->type, 0, m->data, m->size);
	else if (*state == ENDED)
		let_go(t, m->task);
	return link_waiting(l) <= MOST_WAITING;
}

static void hear_guest(struct tasks *t)
{
	enum link_result r;
	struct message m;

	do {
		r = link_receive(&t->guest, &m);
		if (r == LINK_MESSAGE && !take(t, &m))
			r = LINK_BROKEN;
	} while (r == LINK_MESSAGE);
	if (r == LINK_BROKEN)
		tell("lupine exec does not reach the guest any more: what it says makes no sense");
	if (r != LINK_NOTHING_YET)
		lose_guest(t);
}

void tasks_events(const struct tasks *t, struct pollfd *p)
{
	const struct link *l;
	unsigned int i;

	p[0] = (struct pollfd){ .fd = t->guest.fd, .events = POLLIN };
	if (link_waiting(&t->guest))
		p[0].events |= POLLOUT;
	p[1] = (struct pollfd){ .fd = takes_more(t) ? t->listener : -1, .events = POLLIN };
	for (i = 0; i < TASKS; i++) {
		l = &t->client[i].link;
		p[2 + i] = (struct pollfd){ .fd = l->fd };
		if (link_waiting(&t->guest) < MOST_FOR_GUEST)
			p[2 + i].events |= POLLIN;
		if (link_waiting(l))
			p[2 + i].events |= POLLOUT;
	}
}

void tasks_handle(struct tasks *t, const struct pollfd *p)
{
	unsigned int i;

	if (p[0].revents)
		hear_guest(t);
	for (i = 0; i < TASKS; i++)
		if (p[2 + i].revents && t->client[i].link.fd >= 0)
			hear_client(t, i);
	if (p[1].revents && takes_more(t))
		accept_one(t);
	for (i = 0; i < TASKS; i++) {
		if (t->client[i].link.fd < 0)
			continue;
		if (link_send(&t->client[i].link) ||
		    (t->client[i].state == ENDED && !link_waiting(&t->client[i].link)))
			lose_client(t, i);
	}
	if (t->guest.fd >= 0 && link_send(&t->guest))
		lose_guest(t);
}
