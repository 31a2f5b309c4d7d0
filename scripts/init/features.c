// SPDX-License-Identifier: GPL-2.0
/*
 * Which kernel options are off, found by asking the kernel: most of what a
 * small configuration leaves out answers ENOSYS, EAFNOSUPPORT or ENODEV.
 */
#include <elf.h>
#include <errno.h>
#include <linux/futex.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init.h"

#define NR_ARGS	6

/* The tests are lines of lupine/options.h, which the parser of manifests reads, too. */
static const struct {
	const char *option;
	long nr;
	long arg[NR_ARGS];
} calls[] = {
#define LUPINE_CALL(name, nr, ...)	{ name, nr, { __VA_ARGS__ } },
#include "options.h"
};

static const struct {
	const char *option;
	int family;
} families[] = {
#define LUPINE_FAMILY(name, family)	{ name, family },
#include "options.h"
};

static const struct {
	const char *option, *type;
} file_systems[] = {
#define LUPINE_FILE_SYSTEM(name, type)	{ name, type },
#include "options.h"
};

static bool call_missing(size_t i)
{
	const long *a = calls[i].arg;
	long fd;

	fd = syscall(calls[i].nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (fd < 0)
		return errno == ENOSYS;
	if (fd > STDERR_FILENO)
		close(fd);
	return false;
}

static bool family_missing(size_t i)
{
	int fd = socket(families[i].family, SOCK_DGRAM, 0);

	if (fd >= 0)
		close(fd);
	return fd < 0 && (errno == EAFNOSUPPORT || errno == ENOSYS);
}

/* No list of file systems without /proc: then only an attempt would tell. */
static bool fs_missing(size_t i)
{
	char *list = slurp("/proc/filesystems", SIZE_MAX, NULL), line[32];

	if (!list)
		return !strcmp(file_systems[i].type, "proc");
	snprintf(line, sizeof(line), "\t%s\n", file_systems[i].type);
	return !strstr(list, line);
}

/* Run one test by number; false at the end of all. */
static bool nth(size_t n, const char **option, bool test, bool *missing)
{
	if (n < ARRAY_SIZE(calls)) {
		*option = calls[n].option;
		if (test)
			*missing = call_missing(n);
		return true;
	}
	n -= ARRAY_SIZE(calls);
	if (n < ARRAY_SIZE(families)) {
		*option = families[n].option;
		if (test)
			*missing = family_missing(n);
		return true;
	}
	n -= ARRAY_SIZE(families);
	if (n < ARRAY_SIZE(file_systems)) {
		*option = file_systems[n].option;
		if (test)
			*missing = fs_missing(n);
		return true;
	}
	return false;
}

bool feature_missing(const char *name)
{
	const char *option;
	bool missing;
	size_t n;

	for (n = 0; nth(n, &option, false, NULL); n++)
		if (!strcmp(option, name))
			return nth(n, &option, true, &missing) && missing;
	return false;
}

/* List the options that are off; returns how many. */
size_t features_missing(char *buf, size_t size)
{
	const char *option;
	size_t n, count = 0, len = 0;
	bool missing;

	*buf = '\0';
	for (n = 0; nth(n, &option, true, &missing); n++) {
		if (!missing)
			continue;
		if (len + strlen(option) + 2 < size)
			len += sprintf(buf + len, "%s%s", len ? " " : "", option);
		count++;
	}
	return count;
}

const char *feature_of_fs(const char *type)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(file_systems); i++)
		if (!strcmp(file_systems[i].type, type))
			return file_systems[i].option;
	return NULL;
}
