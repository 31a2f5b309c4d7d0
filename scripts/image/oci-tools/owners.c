// SPDX-License-Identifier: GPL-2.0
/*
 * umoci unpacks without root rights and notes down the owner that each file
 * ought to have in an extended attribute. Give the files these owners; this is
 * run under fakeroot. Modes are set anew so that fakeroot remembers them and
 * the files can be read in spite of them.
 *
 * fakeroot keeps attributes in a memory of its own, too, and shows those of the
 * disk to nobody. Read them past fakeroot, and tell it of them.
 */
#include <errno.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define ATTR	"user.rootlesscontainers"
#define NO_ID	0xffffffffu

/* Protocol buffers: fields 1 and 2 are uid and gid, as variable-length ints. */
static int decode(const unsigned char *p, size_t len, unsigned int *uid, unsigned int *gid)
{
	unsigned long long value;
	unsigned int key, shift;
	size_t i = 0;

	*uid = 0;
	*gid = 0;
	while (i < len) {
		key = p[i++];
		if (key != 0x08 && key != 0x10)
			return -1;
		value = 0;
		shift = 0;
		do {
			if (i == len || shift > 63)
				return -1;
			value |= (unsigned long long)(p[i] & 0x7f) << shift;
			shift += 7;
		} while (p[i++] & 0x80);
		if (key == 0x08)
			*uid = value;
		else
			*gid = value;
	}
	return 0;
}

static int owner_of(const char *path, unsigned int *uid, unsigned int *gid)
{
	unsigned char attr[32];
	ssize_t len;

	*uid = 0;
	*gid = 0;
	len = syscall(SYS_lgetxattr, path, ATTR, attr, sizeof(attr));
	if (len < 0 && (errno == ENODATA || errno == ENOTSUP))
		return 0;
	if (len < 0) {
		perror(path);
		return -1;
	}
	if (decode(attr, len, uid, gid)) {
		fprintf(stderr, "%s: its %s cannot be understood\n", path, ATTR);
		return -1;
	}
	return 0;
}

static int copy_attributes(const char *path)
{
	static char names[65536], value[65536];
	ssize_t len, size;
	char *name;

	len = syscall(SYS_llistxattr, path, names, sizeof(names));
	if (len < 0 && errno == ENOTSUP)
		return 0;
	for (name = names; name < names + len; name += strlen(name) + 1) {
		if (!strcmp(name, ATTR))
			continue;
		size = syscall(SYS_lgetxattr, path, name, value, sizeof(value));
		/* Symbolic links and pipes cannot have any; nor is one vital. */
		if (size >= 0 && lsetxattr(path, name, value, size, 0))
			fprintf(stderr, "%s: attribute %s is lost\n", path, name);
	}
	return 0;
}

static bool again;

static int restore(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	unsigned int uid, gid;

	/* The folder itself has been seen to; what nftw() says is the disk's mode. */
	if (again && !ftw->level)
		return 0;
	if (type == FTW_NS) {
		fprintf(stderr, "%s: cannot be read\n", path);
		return -1;
	}
	/* What not even its owner may read has no attributes for us, either. */
	if (!S_ISLNK(st->st_mode) &&
	    syscall(SYS_chmod, path,
		    (st->st_mode & 07777) | (S_ISDIR(st->st_mode) ? 0700 : 0600))) {
		perror(path);
		return -1;
	}
	if (owner_of(path, &uid, &gid) || copy_attributes(path))
		return -1;
	/* Owner first: a change of it takes away the set-user-ID bit. */
	if (lchown(path, uid == NO_ID ? 0 : uid, gid == NO_ID ? 0 : gid) ||
	    (!S_ISLNK(st->st_mode) && chmod(path, st->st_mode & 07777))) {
		perror(path);
		return -1;
	}
	if (type != FTW_DNR)
		return 0;
	/* A folder that could not be read, but now can. */
	again = true;
	return nftw(path, restore, 64, FTW_PHYS);
}

int main(int argc, char **argv)
{
	if (argc != 2 || !strcmp(argv[1], "--help")) {
		puts("Usage: fakeroot owners DIR\n"
		     "\n"
		     "Gives the files under DIR the owners that umoci has written down.");
		return argc == 2 ? 0 : 2;
	}
	return nftw(argv[1], restore, 64, FTW_PHYS) ? 1 : 0;
}
