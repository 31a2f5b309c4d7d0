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
#include <sys/sysmacros.h>
#include <unistd.h>

#include "init.h"

void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_line("lupine-init: ", fmt, ap);
	va_end(ap);
}

/* In PID 1 an atexit handler reports the status and ends the machine. */
void fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_line("lupine-init: ", fmt, ap);
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

/*
 * Without CONFIG_DEVTMPFS nobody makes the node of a disk, /dev/vdX. Its number is in
 * /sys. Where there is none, either, it follows from that of the root file system on
 * /dev/vda: a virtio disk has 16 minors.
 */
void make_disk_node(const char *path)
{
	char sysfs[64], *text;
	unsigned int major, minor;
	struct stat root;

	/* Not on a host, where somebody tries --check */
	if (getpid() != 1 || strlen(path) != strlen("/dev/vdX") ||
	    strncmp(path, "/dev/vd", 7) || !access(path, F_OK))
		return;
	snprintf(sysfs, sizeof(sysfs), "/sys/class/block/%s/dev", path + strlen("/dev/"));
	text = slurp(sysfs, 64, NULL);
	if (text && sscanf(text, "%u:%u", &major, &minor) == 2)
		mknod(path, S_IFBLK | 0600, makedev(major, minor));
	else if (!stat("/", &root) && major(root.st_dev) && !minor(root.st_dev))
		mknod(path, S_IFBLK | 0600, makedev(major(root.st_dev), (path[7] - 'a') * 16));
	free(text);
}
