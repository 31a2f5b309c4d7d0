// SPDX-License-Identifier: GPL-2.0
/* Messages, strings, files. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init.h"

/*
 * A message can quote what the image says, and a terminal acts on control characters:
 * show them. One write, so that lines of the application do not cut it in two.
 */
static void vsay(const char *fmt, va_list ap)
{
	char text[1024], line[1200] = "lupine-init: ";
	size_t len;

	vsnprintf(text, sizeof(text), fmt, ap);
	len = strlen(line);
	manifest_show(line + len, sizeof(line) - len - 1, text, strlen(text));
	len = strlen(line);
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, len) < 0)
		return;		/* no console: nobody to tell */
}

void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsay(fmt, ap);
	va_end(ap);
}

/* In PID 1 an atexit handler reports the status and ends the machine. */
void fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsay(fmt, ap);
	va_end(ap);
	exit(EXIT_INIT);
}

char *copy(const char *s)
{
	char *c = strdup(s);

	if (!c)
		fail("out of memory");
	return c;
}

/* The list stays terminated by NULL, as execve() wants it. */
void list_add(struct list *l, const char *s)
{
	l->item = realloc(l->item, (l->nr + 2) * sizeof(*l->item));
	if (!l->item)
		fail("out of memory");
	l->item[l->nr++] = copy(s);
	l->item[l->nr] = NULL;
}

/* Cut the next word off a line; NULL at its end. */
char *word(char **line)
{
	char *w;

	*line += strspn(*line, " \t");
	if (!**line)
		return NULL;
	w = *line;
	*line += strcspn(*line, " \t");
	if (**line)
		*(*line)++ = '\0';
	return w;
}

/*
 * Read a file until its end, as sizes in /proc are not known beforehand. At most max
 * bytes; a NUL byte follows them.
 */
char *slurp(const char *path, size_t max, size_t *size)
{
	size_t len = 0, room = 0;
	char *buf = NULL;
	ssize_t got;
	int fd, err;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return NULL;
	do {
		if (len == room) {
			room = room ? room * 2 : 4096;
			buf = realloc(buf, room + 1);
			if (!buf)
				fail("out of memory");
		}
		got = read(fd, buf + len, (room < max ? room : max) - len);
		if (got > 0)
			len += got;
	} while (got > 0);
	err = errno;
	close(fd);
	if (got < 0) {
		free(buf);
		errno = err;
		return NULL;
	}
	buf[len] = '\0';
	if (size)
		*size = len;
	return buf;
}

int spill(const char *path, const char *text)
{
	size_t len = strlen(text);
	ssize_t put;
	int fd;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -1;
	put = write(fd, text, len);
	if (close(fd) || put != (ssize_t)len)
		return -1;
	return 0;
}

int make_dirs(const char *path, mode_t mode)
{
	char *p = copy(path), *slash;
	int ret;

	for (slash = strchr(p + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(p, 0755) && errno != EEXIST) {
			free(p);
			return -1;
		}
		*slash = '/';
	}
	ret = mkdir(p, mode);
	free(p);
	return ret && errno != EEXIST ? -1 : 0;
}

bool is_empty_dir(const char *path)
{
	struct dirent *e;
	bool empty = true;
	DIR *d;

	d = opendir(path);
	if (!d)
		return false;
	while (empty && (e = readdir(d)))
		empty = !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") ||
			!strcmp(e->d_name, "lost+found");
	closedir(d);
	return empty;
}
