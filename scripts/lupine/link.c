// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "link.h"

unsigned int link_number(const unsigned char *data)
{
	return data[0] | data[1] << 8;
}

void link_put_number(unsigned char *data, unsigned int n)
{
	data[0] = n;
	data[1] = n >> 8;
}

enum link_result link_receive(struct link *l, struct message *m)
{
	size_t size = 0, want = LINK_HEAD;
	ssize_t got;

	for (;;) {
		if (l->have >= LINK_HEAD) {
			size = link_number(l->in + 2);
			if (size > LINK_DATA)
				return LINK_BROKEN;
			want = LINK_HEAD + size;
		}
		if (l->have == want)
			break;
		got = read(l->fd, l->in + l->have, want - l->have);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return LINK_NOTHING_YET;
		if (got <= 0)
			return LINK_ENDED;
		l->have += got;
	}
	*m = (struct message){ l->in[0], l->in[1], l->in + LINK_HEAD, size };
	l->have = 0;
	return LINK_MESSAGE;
}

size_t link_waiting(const struct link *l)
{
	return l->end - l->start;
}

void link_put(struct link *l, enum frame type, unsigned int task, const void *data, size_t size)
{
	size_t need = link_waiting(l) + LINK_HEAD + size;
	unsigned char *more;

	if (l->start && l->end + LINK_HEAD + size > l->room) {
		memmove(l->out, l->out + l->start, link_waiting(l));
		l->end -= l->start;
		l->start = 0;
	}
	if (need > l->room) {
		more = realloc(l->out, 2 * need);
		if (!more) {
			l->lost = true;
			return;
		}
		l->out = more;
		l->room = 2 * need;
	}
	l->out[l->end] = type;
	l->out[l->end + 1] = task;
	link_put_number(l->out + l->end + 2, size);
	if (size)
		memcpy(l->out + l->end + LINK_HEAD, data, size);
	l->end += LINK_HEAD + size;
}

int link_send(struct link *l)
{
	ssize_t put;

	while (!l->lost && link_waiting(l)) {
		put = write(l->fd, l->out + l->start, link_waiting(l));
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return errno == EAGAIN ? 0 : -1;
		l->start += put;
	}
	l->start = l->end = 0;
	return l->lost ? -1 : 0;
}

void link_close(struct link *l)
{
	if (l->fd >= 0)
		close(l->fd);
	free(l->out);
	*l = (struct link){ .fd = -1 };
}
