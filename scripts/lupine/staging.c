// SPDX-License-Identifier: GPL-2.0
/*
 * What the user wants in the image besides: programs and files that a manifest
 * names, and folders. They become a layer of their own, in an archive, so that
 * they take the way of all files. This runs with the user's rights and reads only
 * what the user has named.
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "staging.h"
#include "tarwrite.h"

static int staging_fd;
static struct tar tar;
static bool any;

static void write_fd(void *to, const void *data, size_t size)
{
	const char *p = data;
	ssize_t n;

	(void)to;
	for (; size; size -= n, p += n) {
		n = write(staging_fd, p, size);
		if (n < 0)
			die("the files for the image cannot be collected: %s", strerror(errno));
	}
}

void staging_begin(int fd)
{
	staging_fd = fd;
	tar.write = write_fd;
}

bool staging_end(void)
{
	tar_end(&tar);
	return any;
}

/* Only what is on the disk: where there are holes, the image has some, too. */
static void find_data(int fd, struct inode *inode)
{
	off_t at = 0, end;

	while ((uint64_t)at < inode->size) {
		at = lseek(fd, at, SEEK_DATA);
		if (at < 0 && errno == ENXIO)
			return;
		end = at < 0 ? (off_t)inode->size : lseek(fd, at, SEEK_HOLE);
		if (at < 0)
			at = 0;
		if (end < 0 || (uint64_t)end > inode->size)
			end = inode->size;
		inode->data = xrealloc(inode->data, inode->nr_data + 1, sizeof(*inode->data));
		inode->data[inode->nr_data++] = (struct extent){ at, end - at };
		at = end;
	}
}

static void copy_data(int fd, const struct inode *inode, const char *from)
{
	static char buf[256 * 1024];
	uint64_t at, left;
	size_t want;
	uint32_t i;

	for (i = 0; i < inode->nr_data; i++) {
		at = inode->data[i].offset;
		for (left = inode->data[i].length; left; left -= want, at += want) {
			want = left < sizeof(buf) ? left : sizeof(buf);
			if (read_at(fd, buf, want, at) != (ssize_t)want)
				die("%s cannot be copied: it became shorter", from);
			tar_data(&tar, buf, want);
		}
	}
}

/* Owned by root; the mode and the time are given, or those of the file. */
static void add_file(const char *from, const char *dest, uint32_t mode, const struct timespec *time,
		     const char *what)
{
	int fd = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct inode inode = { 0 };
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		die("%s cannot be copied: %s", what, strerror(errno));
	if (!S_ISREG(st.st_mode))
		die("%s cannot be copied: it is no file", what);
	inode.mode = S_IFREG | (mode == KEEP_MODE ? st.st_mode & 07777 : mode);
	inode.size = st.st_size;
	inode.mtime = time ? time->tv_sec : st.st_mtim.tv_sec;
	find_data(fd, &inode);
	tar_entry(&tar, dest, &inode, NULL);
	copy_data(fd, &inode, what);
	tar_entry_end(&tar);
	free(inode.data);
	close(fd);
	any = true;
}

void staging_file(const char *from, const char *dest, uint32_t mode, const struct timespec *time,
		  const char *what)
{
	add_file(from, dest + strspn(dest, "/"), mode, time, what);
}

/* Files with several names stay so. */
static struct seen {
	dev_t dev;
	ino_t ino;
	char *dest;
} *seen;
static size_t nr_seen;

static const char *first_name(const struct stat *st, const char *dest)
{
	size_t i;

	if (S_ISDIR(st->st_mode) || st->st_nlink == 1)
		return NULL;
	for (i = 0; i < nr_seen; i++)
		if (seen[i].dev == st->st_dev && seen[i].ino == st->st_ino)
			return seen[i].dest;
	seen = xrealloc(seen, nr_seen + 1, sizeof(*seen));
	seen[nr_seen++] = (struct seen){ st->st_dev, st->st_ino, xstrdup(dest) };
	return NULL;
}

static void add_link(const char *from, const char *dest, struct inode *inode)
{
	char target[MAX_PATH + 1];
	ssize_t n = readlink(from, target, MAX_PATH);

	if (n < 0)
		die("%s cannot be copied: %s", from, strerror(errno));
	target[n] = '\0';
	inode->mem = (uint8_t *)target;
	inode->size = n;
	tar_entry(&tar, dest, inode, NULL);
}

void staging_folder(const char *from, const char *dest)
{
	char *roots[] = { (char *)from, NULL };
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_COMFOLLOW, NULL);
	const char *first;
	FTSENT *e;
	char *path;

	if (!fts)
		die("--add %s: %s", from, strerror(errno));
	while ((e = fts_read(fts))) {
		struct inode inode = { 0 };

		if (e->fts_info == FTS_DP)
			continue;
		if (e->fts_info == FTS_ERR || e->fts_info == FTS_DNR || e->fts_info == FTS_NS)
			die("--add %s: %s cannot be copied: %s", from, e->fts_path,
			    strerror(e->fts_errno));
		path = xasprintf("%s%s", dest + strspn(dest, "/"), e->fts_path + strlen(from));
		inode.mode = e->fts_statp->st_mode;
		inode.mtime = e->fts_statp->st_mtim.tv_sec;
		first = first_name(e->fts_statp, path);
		any = true;
		if (!*path || !strcmp(path, "/")) {
			free(path);
			continue;
		}
		if (first)
			tar_entry(&tar, path, &inode, first);
		else if (S_ISLNK(inode.mode))
			add_link(e->fts_accpath, path, &inode);
		else if (S_ISREG(inode.mode))
			add_file(e->fts_accpath, path, KEEP_MODE, NULL, e->fts_path);
		else if (S_ISDIR(inode.mode) || S_ISFIFO(inode.mode))
			tar_entry(&tar, path, &inode, NULL);
		else
			die("--add %s: %s is neither a file, a link nor a folder", from,
			    e->fts_path);
		free(path);
	}
	if (errno)
		die("--add %s: %s", from, strerror(errno));
	fts_close(fts);
}
