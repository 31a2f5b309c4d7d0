// SPDX-License-Identifier: GPL-2.0
/*
 * A saved machine in one file: the guest's memory, its disk, the state of processors and
 * devices as QEMU writes it for a migration, what machine it was, in lines, and a trailer.
 *
 * Memory and disk are the file's own: while the machine boots, QEMU has the one mapped and
 * writes to the other. What starts from the file maps the memory privately, so that all
 * such machines share the pages that they do not write to, and keeps what it writes to the
 * disk in a file of its own, as always. So a start reads only the state, and what the guest
 * needs of the rest. QEMU calls that x-ignore-shared: memory that is shared with a file is not
 * in the state.
 *
 * The file is no exchange format: QEMU reads the state of its own version only, and trusts
 * it. Take nobody else's.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "snapshot.h"

#define MAGIC		"lupine snapshot 1\n"
#define SECTION		4096		/* parts begin at multiples of it */
#define MAX_STATE	(256u << 20)
#define MAX_TEXT	(4u << 20)
#define PATIENCE	60		/* seconds for an answer of QEMU */
#define MAX_REPLIES	10000

struct trailer {
	char magic[24];
	uint64_t memory, disk, state, text;	/* little endian */
};

static const char *unlinked_at_exit;

static void remove_unfinished(void)
{
	if (unlinked_at_exit)
		unlink(unlinked_at_exit);
}

/* The value in "NAME VALUE\n" at the start of a line; NULL if there is none. */
static char *line_value(const char *text, const char *name)
{
	size_t len = strlen(name);
	const char *p = text;

	while (p && *p) {
		if (!strncmp(p, name, len) && p[len] == ' ')
			return strndup(p + len + 1, strcspn(p + len + 1, "\n"));
		p = strchr(p, '\n');
		if (p)
			p++;
	}
	return NULL;
}

const char *snapshot_value(const struct snapshot *s, const char *name)
{
	char *value = line_value(s->text, name);

	if (!value)
		die("%s is no snapshot, or damaged: it does not say its '%s'", s->path, name);
	return value;
}

void snapshot_open(struct snapshot *s, const char *path)
{
	struct trailer t;
	struct stat st;
	uint64_t text;
	char *end;

	*s = (struct snapshot){ .path = path };
	/* QEMU wants to write, although it changes nothing. */
	s->fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (s->fd < 0 && errno == ENOENT)
		return;
	if (s->fd < 0 || fstat(s->fd, &st))
		die("snapshot %s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		die("snapshot %s is no file", path);
	if (st.st_size < (off_t)sizeof(t) ||
	    pread(s->fd, &t, sizeof(t), st.st_size - sizeof(t)) != sizeof(t) ||
	    strncmp(t.magic, MAGIC, sizeof(t.magic)))
		die("%s is no snapshot, or cut short", path);
	s->memory = le64toh(t.memory);
	s->disk = le64toh(t.disk);
	s->state = le64toh(t.state);
	text = le64toh(t.text);
	/* None is larger than the file, so that their sum is right. */
	if (s->memory > (uint64_t)st.st_size || s->disk > (uint64_t)st.st_size ||
	    s->state > MAX_STATE || text > MAX_TEXT || !s->memory || s->memory % SECTION ||
	    s->disk % SECTION ||
	    s->memory + s->disk + s->state + text + sizeof(t) != (uint64_t)st.st_size)
		die("snapshot %s is damaged: its parts are not as large as it says", path);
	s->text = xcalloc(1, text + 1);
	if (pread(s->fd, s->text, text, st.st_size - sizeof(t) - text) != (ssize_t)text)
		die("snapshot %s: %s", path, strerror(errno));
	end = strstr(s->text, "\n\n");
	if (!end || strlen(s->text) != text)
		die("snapshot %s is damaged: it does not say what machine it is", path);
	s->machine = strndup(s->text, end + 1 - s->text);
	s->qemu = xstrdup(snapshot_value(s, "QEMU"));
	s->loads = true;
}

void snapshot_compare(const struct snapshot *s, const char *machine)
{
	const char *old = s->machine, *new = machine, *p;

	if (!strcmp(old, new))
		return;
	/* Where they differ, from the start of the line */
	for (p = old; *p && *p == *new; p++, new++)
		if (*p == '\n') {
			old = p + 1;
			machine = new + 1;
		}
	die("%s was saved with '%.*s', and this machine has '%.*s': %s", s->path,
	    (int)strcspn(old, "\n"), old, (int)strcspn(machine, "\n"), machine,
	    "remove the file to make it again, or give the same options");
}

static void write_all(struct snapshot *s, const void *data, size_t size, uint64_t at)
{
	const char *p = data;
	ssize_t put;

	while (size) {
		put = pwrite(s->fd, p, size, at);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			die("snapshot %s: %s", s->path, strerror(errno));
		p += put;
		at += put;
		size -= put;
	}
}

/* What is zero stays a hole. Returns the size, rounded up. */
static uint64_t copy_disk(struct snapshot *s, const char *image, uint64_t at)
{
	static const char zero[65536];
	char data[sizeof(zero)];
	uint64_t size = 0;
	ssize_t got;
	int fd;

	fd = open(image, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die("image %s: %s", image, strerror(errno));
	while ((got = read(fd, data, sizeof(data)))) {
		if (got < 0)
			die("image %s: %s", image, strerror(errno));
		if (memcmp(data, zero, got))
			write_all(s, data, got, at + size);
		size += got;
	}
	close(fd);
	return (size + SECTION - 1) / SECTION * SECTION;
}

void snapshot_create(struct snapshot *s, const char *machine, const char *notes,
		     unsigned int mib, const char *image)
{
	s->temporary = xasprintf("%s.XXXXXX", s->path);
	/* Only its owner reads it: it holds all that the guest knows. */
	s->fd = mkostemp(s->temporary, O_CLOEXEC);
	if (s->fd < 0)
		die("snapshot %s: %s", s->path, strerror(errno));
	unlinked_at_exit = s->temporary;
	atexit(remove_unfinished);
	s->memory = (uint64_t)mib << 20;
	s->disk = copy_disk(s, image, s->memory);
	if (ftruncate(s->fd, s->memory + s->disk))
		die("snapshot %s: %s", s->path, strerror(errno));
	s->machine = xstrdup(machine);
	s->text = xasprintf("%s\n%s", machine, notes);
}

void snapshot_arguments(const struct snapshot *s, struct words *q)
{
	words_option(q, "-object", "memory-backend-file,id=memory,size=%" PRIu64
		     ",mem-path=/proc/self/fd/%d,share=%s", s->memory, s->fd,
		     s->loads ? "off" : "on");
	if (s->loads)
		words_option(q, "-incoming", "defer");
}

char *snapshot_disk(const struct snapshot *s, const char **name)
{
	*name = xasprintf("/proc/self/fd/%d", s->fd);
	return xasprintf(",offset=%" PRIu64 ",size=%" PRIu64 "%s", s->memory, s->disk,
			 s->loads ? ",snapshot=on" : "");
}

/* A conversation with QEMU's monitor */
struct monitor {
	FILE *in;
	int fd;
	bool runs;		/* the event RESUME came */
	char *version;
};

static struct json_object *member(struct json_object *o, const char *name)
{
	struct json_object *value = NULL;

	return json_object_object_get_ex(o, name, &value) ? value : NULL;
}

static int number(struct json_object *o, const char *name)
{
	return json_object_get_int(member(o, name));
}

/* The next line: NULL if there is none in time. */
static struct json_object *hear(struct monitor *m)
{
	struct json_object *o = NULL, *event;
	char *line = NULL;
	size_t room = 0;

	if (getline(&line, &room, m->in) > 0)
		o = json_tokener_parse(line);
	free(line);
	event = member(o, "event");
	if (event && !strcmp(json_object_get_string(event), "RESUME"))
		m->runs = true;
	return o;
}

/* Returns the answer, which is the caller's to put, or NULL with a message. */
static struct json_object *command(struct monitor *m, const char *name,
				   struct json_object *arguments, int passed)
{
	struct json_object *o = json_object_new_object(), *answer, *error;
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .header = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec text;
	struct msghdr message = { .msg_iov = &text, .msg_iovlen = 1 };
	int i;

	json_object_object_add(o, "execute", json_object_new_string(name));
	if (arguments)
		json_object_object_add(o, "arguments", arguments);
	text.iov_base = (char *)json_object_to_json_string(o);
	text.iov_len = strlen(text.iov_base);
	if (passed >= 0) {
		memcpy(CMSG_DATA(&control.header), &passed, sizeof(passed));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control.room);
	}
	i = sendmsg(m->fd, &message, MSG_NOSIGNAL) < 0 ? MAX_REPLIES : 0;
	json_object_put(o);
	for (; i < MAX_REPLIES && (o = hear(m)); i++) {
		answer = member(o, "return");
		error = member(o, "error");
		if (answer)
			json_object_get(answer);
		if (error)
			tell("QEMU's monitor refuses %s: %s", name,
			     json_object_get_string(member(error, "desc")));
		json_object_put(o);
		if (answer || error)
			return answer;
	}
	tell("QEMU's monitor does not answer");
	return NULL;
}

static bool done(struct monitor *m, const char *name, struct json_object *arguments, int passed)
{
	struct json_object *answer = command(m, name, arguments, passed);

	json_object_put(answer);
	return answer;
}

static struct json_object *argument(const char *name, const char *value)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, name, json_object_new_string(value));
	return o;
}

/* Say hello, and have QEMU leave shared memory out. */
static bool converse(struct monitor *m, int fd)
{
	struct timeval patience = { .tv_sec = PATIENCE };
	struct json_object *o, *version, *qemu, *all, *one, *list;

	m->fd = fd;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	m->in = fdopen(fd, "r");
	o = m->in ? hear(m) : NULL;
	version = member(member(o, "QMP"), "version");
	if (!version) {
		json_object_put(o);
		return false;
	}
	qemu = member(version, "qemu");
	m->version = xasprintf("%d.%d.%d %s", number(qemu, "major"), number(qemu, "minor"),
			       number(qemu, "micro"),
			       json_object_get_string(member(version, "package")) ?: "");
	json_object_put(o);
	all = json_object_new_object();
	list = json_object_new_array();
	one = argument("capability", "x-ignore-shared");
	json_object_object_add(one, "state", json_object_new_boolean(true));
	json_object_array_add(list, one);
	json_object_object_add(all, "capabilities", list);
	return done(m, "qmp_capabilities", NULL, -1) &&
		done(m, "migrate-set-capabilities", all, -1);
}

static bool receive_state(struct snapshot *s, int fd)
{
	struct timeval patience = { .tv_sec = PATIENCE };
	char data[65536];
	ssize_t got;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	while ((got = read(fd, data, sizeof(data))) > 0) {
		if (s->state + got > MAX_STATE)
			return false;
		write_all(s, data, got, s->memory + s->disk + s->state);
		s->state += got;
	}
	return !got;
}

/* QEMU may say so a little later than the state has its end. */
static bool has_completed(struct monitor *m)
{
	struct timespec tick = { .tv_nsec = 10000000 };
	struct json_object *o;
	const char *status;
	bool wait;
	int i;

	for (i = 0; i < 100; i++) {
		o = command(m, "query-migrate", NULL, -1);
		status = json_object_get_string(member(o, "status")) ?: "unknown";
		if (!strcmp(status, "completed")) {
			json_object_put(o);
			return true;
		}
		wait = !strcmp(status, "active") || !strcmp(status, "device");
		if (!wait)
			tell("QEMU says that the migration is '%s' (%s)", status,
			     json_object_get_string(member(o, "error-desc")) ?: "no reason");
		json_object_put(o);
		if (!wait)
			return false;
		nanosleep(&tick, NULL);
	}
	tell("QEMU does not end the migration");
	return false;
}

bool snapshot_save(struct snapshot *s, int qmp)
{
	struct monitor m = { 0 };
	bool saved = false;
	int pair[2];

	if (!converse(&m, qmp))
		return false;
	s->qemu = m.version;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
		tell("no socket for QEMU: %s", strerror(errno));
		return false;
	}
	if (done(&m, "getfd", argument("fdname", "state"), pair[1])) {
		close(pair[1]);
		saved = done(&m, "migrate", argument("uri", "fd:state"), -1) &&
			receive_state(s, pair[0]) && has_completed(&m);
	} else {
		close(pair[1]);
	}
	close(pair[0]);
	return saved;
}

/* QEMU reads it after migrate-incoming. */
static bool send_state(const struct snapshot *s, int to)
{
	struct timeval patience = { .tv_sec = PATIENCE };
	uint64_t at = s->memory + s->disk, left = s->state;
	char data[65536];
	ssize_t got, put;

	setsockopt(to, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	for (; left; left -= got, at += got) {
		got = pread(s->fd, data, left < sizeof(data) ? left : sizeof(data), at);
		if (got <= 0) {
			tell("snapshot %s: %s", s->path, strerror(errno));
			return false;
		}
		for (put = 0; put < got; ) {
			ssize_t n = send(to, data + put, got - put, MSG_NOSIGNAL);

			if (n <= 0)
				return false;
			put += n;
		}
	}
	return true;
}

bool snapshot_load(const struct snapshot *s, int qmp, int state_fd, int state_peer)
{
	char uri[32];
	struct monitor m = { 0 };
	struct json_object *o = NULL;
	int i;

	if (!converse(&m, qmp))
		return false;
	if (strcmp(m.version, s->qemu)) {
		tell("%s was saved by QEMU %s, and this is QEMU %s: %s", s->path, s->qemu,
		     m.version, "remove the file to make it again");
		return false;
	}
	snprintf(uri, sizeof(uri), "fd:%d", state_fd);
	if (!done(&m, "migrate-incoming", argument("uri", uri), -1) ||
	    !send_state(s, state_peer))
		return false;
	close(state_peer);
	for (i = 0; i < MAX_REPLIES && !m.runs && (o = hear(&m)); i++)
		json_object_put(o);
	return m.runs;
}

void snapshot_publish(struct snapshot *s)
{
	char *more = xasprintf("%sQEMU %s\n", s->text, s->qemu);
	size_t len = strlen(more);
	struct trailer t = {
		.magic = MAGIC, .memory = htole64(s->memory), .disk = htole64(s->disk),
		.state = htole64(s->state), .text = htole64(len),
	};
	uint64_t at = s->memory + s->disk + s->state;

	write_all(s, more, len, at);
	write_all(s, &t, sizeof(t), at + len);
	/* Who was quicker is not replaced; this machine starts from its own file. */
	if (fsync(s->fd) || (link(s->temporary, s->path) && errno != EEXIST))
		die("snapshot %s: %s", s->path, strerror(errno));
	unlink(s->temporary);
	unlinked_at_exit = NULL;
	s->text = more;
	s->loads = true;
}
