// SPDX-License-Identifier: GPL-2.0
/*
 * `lupine cp`: write a file or a folder to standard output as an archive, or make it of one
 * that comes on standard input. The format is cpio's "newc", which has the least around the
 * files' content, and which the host reads and writes by libarchive: for each file a head of
 * 6 characters and 13 numbers of 8 hexadecimal digits, its name, and what it has, both filled
 * to four bytes. Names are relative to what is copied, whose own is ".".
 *
 * A manifest's arguments say what: the path; and to copy in, what the name is within the
 * path if that is a folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init.h"

#define MAGIC		"070701"
#define LAST		"TRAILER!!!"
#define MOST_OPEN	16		/* folders on the way */
#define MOST_SIZE	0xffffffffll

enum { INO, MODE, UID, GID, NLINK, MTIME, SIZE, MAJOR, MINOR, RMAJOR, RMINOR, NAME_SIZE, CHECK,
       NR_NUMBERS };

static const char *top;			/* what is copied */
static size_t top_len;

static void put(const void *data, size_t size)
{
	if (size && fwrite(data, size, 1, stdout) != 1)
		fail("%s: %s", top, strerror(errno));
}

static void fill(size_t size)
{
	put("\0\0\0", -size & 3);
}

static void put_head(const char *name, const struct stat *st, size_t size)
{
	static unsigned int ino;
	size_t len = strlen(name) + 1;
	unsigned int n[NR_NUMBERS] = {
		[INO] = ++ino, [MODE] = st->st_mode, [NLINK] = 1, [MTIME] = st->st_mtime,
		[SIZE] = size, [NAME_SIZE] = len,
	};
	char head[sizeof(MAGIC) + 8 * NR_NUMBERS], *p = stpcpy(head, MAGIC);
	int i;

	for (i = 0; i < NR_NUMBERS; i++)
		p += sprintf(p, "%08x", n[i]);
	put(head, p - head);
	put(name, len);
	fill(p - head + len);
}

/* As many bytes as the head says, even if the file changes meanwhile */
static void put_content(const char *path, off_t size)
{
	static char data[65536];
	off_t left = size;
	ssize_t got;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		fail("%s: %s", path, strerror(errno));
	for (; left > 0; left -= got) {
		got = read(fd, data, left < (off_t)sizeof(data) ? left : (off_t)sizeof(data));
		if (got < 0)
			fail("%s: %s", path, strerror(errno));
		if (!got)
			fail("%s: shorter than it was", path);
		put(data, got);
	}
	close(fd);
	fill(size);
}

static int put_file(const char *path, const struct stat *st, int type, struct FTW *where)
{
	const char *name = path + top_len;
	char target[4096];
	ssize_t len;

	(void)where;
	name += strspn(name, "/");
	if (!*name)
		name = ".";
	if (type == FTW_DNR || type == FTW_NS)
		fail("%s: %s", path, strerror(errno));
	if (S_ISLNK(st->st_mode)) {
		len = readlink(path, target, sizeof(target));
		if (len < 0)
			fail("%s: %s", path, strerror(errno));
		put_head(name, st, len);
		put(target, len);
		fill(len);
	} else if (S_ISDIR(st->st_mode)) {
		put_head(name, st, 0);
	} else if (!S_ISREG(st->st_mode)) {
		say("%s is left out: no file, folder or link", path);
	} else if (st->st_size > MOST_SIZE) {
		fail("%s: larger than 4 GiB", path);
	} else {
		put_head(name, st, st->st_size);
		put_content(path, st->st_size);
	}
	return 0;
}

int copy_out(const struct manifest *m)
{
	const struct manifest_list *words = &m->key[KEY_CMD];
	struct stat st = { 0 };

	if (words->nr != 1)
		fail("want one path");
	top = words->value[0].word[0];
	/* It may be behind a link, which is not what is meant. */
	top = realpath(top, NULL) ?: top;
	top_len = strlen(top);
	if (stat(top, &st))
		fail("%s: %s", top, strerror(errno));
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		fail("%s: neither a file nor a folder", top);
	if (nftw(top, put_file, MOST_OPEN, FTW_PHYS | FTW_MOUNT))
		fail("%s: %s", top, strerror(errno));
	put_head(LAST, &(struct stat){ 0 }, 0);
	if (fflush(stdout))
		fail("%s: %s", top, strerror(errno));
	return 0;
}

static void get(void *data, size_t size)
{
	if (size && fread(data, size, 1, stdin) != 1)
		fail("the copy to %s was cut short", top);
}

static void skip(size_t size)
{
	char rest[3];

	get(rest, -size & 3);
}

/* The next file's numbers and name; false at the end */
static bool get_head(unsigned int n[NR_NUMBERS], char name[4096])
{
	char head[sizeof(MAGIC) - 1 + 8 * NR_NUMBERS], digits[9] = "", *end;
	int i;

	get(head, sizeof(head));
	if (memcmp(head, MAGIC, strlen(MAGIC)))
		fail("the copy to %s is no archive", top);
	for (i = 0; i < NR_NUMBERS; i++) {
		memcpy(digits, head + strlen(MAGIC) + 8 * i, 8);
		n[i] = strtoul(digits, &end, 16);
		if (*end)
			fail("the copy to %s is no archive", top);
	}
	if (!n[NAME_SIZE] || n[NAME_SIZE] > 4096)
		fail("the copy to %s has a name that is too long", top);
	get(name, n[NAME_SIZE]);
	name[n[NAME_SIZE] - 1] = '\0';
	skip(sizeof(head) + n[NAME_SIZE]);
	return strcmp(name, LAST);
}

static void get_content(const char *path, const unsigned int n[NR_NUMBERS])
{
	static char data[65536];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	size_t left = n[SIZE], part, done;
	ssize_t wrote;

	if (fd < 0)
		fail("%s: %s", path, strerror(errno));
	for (; left; left -= part) {
		part = left < sizeof(data) ? left : sizeof(data);
		get(data, part);
		for (done = 0; done < part; done += wrote) {
			wrote = write(fd, data + done, part - done);
			if (wrote < 0)
				fail("%s: %s", path, strerror(errno));
		}
	}
	skip(n[SIZE]);
	if (fchmod(fd, n[MODE] & 07777) || close(fd))
		fail("%s: %s", path, strerror(errno));
}

static void get_file(const char *path, const unsigned int n[NR_NUMBERS])
{
	struct timespec time[2] = { { n[MTIME], 0 }, { n[MTIME], 0 } };
	char target[4096];

	if (S_ISDIR(n[MODE])) {
		if (mkdir(path, n[MODE] & 07777))
			fail("%s: %s", path, strerror(errno));
		return;
	}
	if (S_ISLNK(n[MODE])) {
		if (n[SIZE] >= sizeof(target))
			fail("%s: the link is too long", path);
		get(target, n[SIZE]);
		target[n[SIZE]] = '\0';
		skip(n[SIZE]);
		if (symlink(target, path))
			fail("%s: %s", path, strerror(errno));
	} else if (S_ISREG(n[MODE])) {
		get_content(path, n);
	} else {
		fail("%s: no file, folder or link", path);
	}
	utimensat(AT_FDCWD, path, time, AT_SYMLINK_NOFOLLOW);
}

/* What has been copied so far has another name, and goes if it does not become whole. */
static char *temporary;

static void clean_up(void)
{
	if (temporary)
		remove_tree(temporary);
}

static void publish(const char *path)
{
	struct stat from, to;

	if (!lstat(path, &to) && !lstat(temporary, &from) &&
	    (!S_ISREG(to.st_mode) || !S_ISREG(from.st_mode)))
		fail("%s is there already", path);
	if (rename(temporary, path))
		fail("%s: %s", path, strerror(errno));
	temporary = NULL;
}

int copy_in(const struct manifest *m)
{
	const struct manifest_list *words = &m->key[KEY_CMD];
	unsigned int n[NR_NUMBERS];
	char name[4096], *path, *to;
	struct stat st;

	if (words->nr != 2)
		fail("want a path and a name");
	top = words->value[0].word[0];
	to = copy(top);
	if (!stat(top, &st) && S_ISDIR(st.st_mode) &&
	    asprintf(&to, "%s/%s", top, words->value[1].word[0]) < 0)
		fail("out of memory");
	if (asprintf(&path, "%s.lupine-cp.%d", to, getpid()) < 0)
		fail("out of memory");
	temporary = path;
	atexit(clean_up);
	umask(0);
	/* Who gives up closes standard input, and what is there so far has to go. */
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	while (get_head(n, name)) {
		if (*name == '/' || path_climbs(name))
			fail("the copy to %s has the name %s", top, name);
		if (!strcmp(name, "."))
			path = copy(temporary);
		else if (asprintf(&path, "%s/%s", temporary, name) < 0)
			fail("out of memory");
		get_file(path, n);
		free(path);
	}
	publish(to);
	return 0;
}
