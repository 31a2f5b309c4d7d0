// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manifest.h"
#include "shared.h"

#define MAX_MESSAGE	4096
#define MOST_OPEN	16	/* folders on the way */

void say_line(const char *prefix, const char *fmt, va_list ap)
{
	char text[MAX_MESSAGE], line[4 * MAX_MESSAGE + 64];
	size_t len;

	vsnprintf(text, sizeof(text), fmt, ap);
	len = snprintf(line, 64, "%.60s", prefix);
	manifest_show(line + len, sizeof(line) - len - 1, text, strlen(text));
	len += strlen(line + len);
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, len) < 0)
		return;		/* nobody to tell */
}

char *slurp(const char *path, size_t max, size_t *size)
{
	size_t len = 0, room = 0;
	char *buf = NULL, *more;
	ssize_t got = 0;
	struct stat st;
	int fd, err;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return NULL;
	err = fstat(fd, &st) ? errno : S_ISREG(st.st_mode) || S_ISBLK(st.st_mode) ? 0 : EINVAL;
	do {
		if (!err && len == room) {
			room = room ? room * 2 : 4096;
			more = realloc(buf, room + 1);
			if (!more)
				err = ENOMEM;
			buf = more ?: buf;
		}
		if (err)
			break;
		got = read(fd, buf + len, (room < max ? room : max) - len);
		if (got > 0)
			len += got;
	} while (got > 0 || (got < 0 && errno == EINTR));
	err = err ?: got < 0 ? errno : 0;
	close(fd);
	if (err) {
		free(buf);
		errno = err;
		return NULL;
	}
	buf[len] = '\0';
	if (size)
		*size = len;
	return buf;
}

int make_folders(const char *path, mode_t mode)
{
	char *copy = strdup(path), *slash;
	int ret = 0;

	if (!copy)
		return -1;
	for (slash = strchr(copy + 1, '/'); slash && !ret; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		ret = mkdir(copy, mode) && errno != EEXIST ? -1 : 0;
		*slash = '/';
	}
	if (!ret)
		ret = mkdir(copy, mode) && errno != EEXIST ? -1 : 0;
	free(copy);
	return ret;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	remove(path);
	return 0;
}

void remove_tree(const char *path)
{
	nftw(path, remove_one, MOST_OPEN, FTW_DEPTH | FTW_PHYS);
}

bool path_climbs(const char *path)
{
	for (; path; path = strchr(path, '/')) {
		path += strspn(path, "/");
		if (!strncmp(path, "..", 2) && (!path[2] || path[2] == '/'))
			return true;
	}
	return false;
}
