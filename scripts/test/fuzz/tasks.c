// SPDX-License-Identifier: GPL-2.0
/*
 * Hand on what a guest says to `lupine exec` (lupine run --exec). Whatever it says, each
 * `lupine exec` gets frames that are some, of kinds that come from guests, and none after the
 * status of its task.
 *
 * Input: a byte, how many programs run (its last two bits), and which of the `lupine exec` end
 * before the guest says anything (the next four); then what the guest says.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "lupine/run.h"
#include "lupine/tasks.h"
#include "fuzz.h"

#define MOST		4

static struct tasks *tasks;
static char folder[] = "/tmp/fuzz-tasks.XXXXXX";

static void clean_up(void)
{
	remove_tree(folder);
}

static void open_socket(void)
{
	char *state;

	require(mkdtemp(folder) && !setenv("BUILD", folder, 1) && !atexit(clean_up));
	state = state_file("x", "");
	require(!make_folders(state, 0700));
	free(state);
	tasks = tasks_open("x");
}

/* Do what can be done without anybody else's doing. */
static void advance(void)
{
	struct pollfd p[TASKS_FDS];
	int i;

	for (i = 0; i < 100; i++) {
		tasks_events(tasks, p);
		if (poll(p, TASKS_FDS, 0) <= 0)
			break;
		tasks_handle(tasks, p);
	}
}

static bool hear(struct link *l, bool *ended)
{
	enum link_result r;
	struct message m;

	while ((r = link_receive(l, &m)) == LINK_MESSAGE) {
		require(!*ended && !m.task);
		require(m.type == FRAME_BEGUN || m.type == FRAME_OUTPUT || m.type == FRAME_ERRORS ||
			m.type == FRAME_TAKEN || m.type == FRAME_STATUS);
		*ended = m.type == FRAME_STATUS;
	}
	require(r != LINK_BROKEN);
	return r == LINK_NOTHING_YET;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct link client[MOST], guest = { .fd = -1 };
	bool ended[MOST] = { false };
	unsigned int nr, i;
	int fd[2];

	begin_input();
	if (!tasks)
		open_socket();
	if (!size)
		return 0;
	require(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd));
	tasks_attach(tasks, fd[0], true);
	guest.fd = fd[1];
	nr = *data & (MOST - 1);
	for (i = 0; i < nr; i++) {
		client[i] = (struct link){ .fd = tasks_connect("x") };
		require(client[i].fd >= 0);
		fcntl(client[i].fd, F_SETFL, O_NONBLOCK);
		link_put(&client[i], FRAME_TEXT, 0, "cmd x\n", 6);
		link_put(&client[i], FRAME_RUN, 0, NULL, 0);
		link_put(&client[i], FRAME_INPUT, 0, "input", 5);
		require(!link_send(&client[i]));
		advance();
		if (*data & 4 << i)
			link_close(&client[i]);
	}
	advance();
	/* It may be cut off in the middle. */
	if (size > 1)
		require(write(guest.fd, data + 1, size - 1) == (ssize_t)size - 1);
	advance();
	for (i = 0; i < nr; i++)
		if (client[i].fd >= 0)
			hear(&client[i], &ended[i]);
	link_close(&guest);
	advance();
	for (i = 0; i < nr; i++) {
		if (client[i].fd >= 0)
			require(!hear(&client[i], &ended[i]));
		link_close(&client[i]);
	}
	return 0;
}
