// SPDX-License-Identifier: GPL-2.0
/*
 * Turn SYSCALL instructions of programs and libraries into calls of the slots that
 * kernels with CONFIG_KML have, where that is proven to make no difference.
 *
 * What is written there says what was there: each form of call stands for one
 * sequence of bytes. That is the record by which it is undone, and it is kept in
 * the file without changing its size, its headers or its build-id.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "callsites.h"

static enum { REWRITE, CHECK, UNDO } mode;
static bool verbose;
static int failures;
static struct sites sum;
static unsigned int num_files;

static void explain(FILE *f)
{
	fputs("Usage: callsites [--check | --undo] [--verbose] PATH...\n"
	      "\n"
	      "Rewrites the system calls of x86-64 programs and libraries, and of those in\n"
	      "folders, so that they call the kernel. Such files need a kernel with CONFIG_KML:\n"
	      "on any other, they end in SIGSEGV.\n"
	      "\n"
	      "  --check      only report what would be rewritten\n"
	      "  --undo       put back what was there before, to the byte\n"
	      "  --verbose    a line for each system call, with its address\n"
	      "  --help\n"
	      "\n"
	      "Prints a line for each file with system calls: how many there are, how many are\n"
	      "calls now (or would be), their share, how many are left, and why:\n"
	      "\n", f);
	for (int i = LEFT_FIRST; i < NUM_REASONS; i++)
		fprintf(f, "  %s\n", reasons[i]);
	fputs("\n"
	      "What is rewritten is \"mov $number, %eax; syscall\", and \"syscall; cmp $-4096,\n"
	      "%rax\" (or -4095). A file is replaced at once, or written in place if it has\n"
	      "several names; in both cases the program can be interrupted and run again.\n"
	      "It must not run while somebody else changes the files.\n", f);
}

static void complain(const char *path, const char *what)
{
	fprintf(stderr, "callsites: error: %s: %s\n", path, what);
	failures++;
}

static bool write_all(int fd, const uint8_t *data, size_t size)
{
	ssize_t n;

	while (size) {
		n = write(fd, data, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		size -= n;
	}
	return true;
}

static bool copy_attributes(int from, int to)
{
	static char names[65536], value[65536];
	ssize_t len, size;
	char *name;

	len = flistxattr(from, names, sizeof(names));
	if (len < 0)
		return errno == ENOTSUP;
	for (name = names; name < names + len; name += strlen(name) + 1) {
		size = fgetxattr(from, name, value, sizeof(value));
		if (size < 0 || fsetxattr(to, name, value, size, 0))
			return false;
	}
	return true;
}

/* A new file under the old name */
static bool replace_file(const char *path, const struct image *image, const struct stat *st)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };
	char name[PATH_MAX];
	bool done = false;
	int from, to;

	if (snprintf(name, sizeof(name), "%s.XXXXXX", path) >= (int)sizeof(name)) {
		errno = ENAMETOOLONG;
		return false;
	}
	from = open(path, O_RDONLY | O_CLOEXEC);
	if (from < 0)
		return false;
	to = mkostemp(name, O_CLOEXEC);
	if (to >= 0) {
		/* Owner first: a change of it takes away the set-user-ID bit. */
		done = write_all(to, image->data, image->size) &&
			!fchown(to, st->st_uid, st->st_gid) &&
			!fchmod(to, st->st_mode & 07777) &&
			copy_attributes(from, to) && !futimens(to, times) && !fsync(to) &&
			!rename(name, path);
		if (!done) {
			int saved = errno;

			unlink(name);
			errno = saved;
		}
		close(to);
	}
	close(from);
	return done;
}

/* Its other names must see the change, too. Each site is one small write. */
static bool change_in_place(const char *path, struct image *image, const struct sites *sites,
			    const struct stat *st)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };
	const struct site *site;
	struct segment *s;
	bool done = true;
	size_t i;
	int fd;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	for (i = 0; i < sites->count && done; i++) {
		site = &sites->items[i];
		s = segment_at(image, site->begin);
		if (site->len)
			done = pwrite(fd, site->bytes, site->len,
				      s->offset + (site->begin - s->addr)) == site->len;
	}
	done = !futimens(fd, times) && done;
	return !close(fd) && done;
}

static void print_line(const char *path, const struct sites *sites)
{
	unsigned int calls = sites->total[REWRITTEN] + sites->total[ALREADY], all = 0, i;
	const char *between = "";

	for (i = 0; i < NUM_REASONS; i++)
		all += sites->total[i];
	printf("%-40s %6u %6u %5.1f%% %6u  ", path, all, calls,
	       all ? 100.0 * calls / all : 100.0, all - calls);
	for (i = LEFT_FIRST; i < NUM_REASONS; i++) {
		if (sites->total[i]) {
			printf("%s%s %u", between, reasons[i], sites->total[i]);
			between = ", ";
		}
	}
	putchar('\n');
}

static void print_heading(void)
{
	static bool done;

	if (!done)
		printf("%-40s %6s %6s %6s %6s  %s\n", "file", "sites",
		       mode == UNDO ? "undone" : "calls", "share", "left", "why");
	done = true;
}

static void report(const char *path, const struct sites *sites)
{
	size_t i;

	print_heading();
	print_line(path, sites);
	for (i = 0; verbose && i < sites->count; i++)
		printf("    %#llx %s\n", (unsigned long long)sites->items[i].addr,
		       reasons[sites->items[i].reason]);
	for (i = 0; i < NUM_REASONS; i++)
		sum.total[i] += sites->total[i];
	num_files++;
}

static void handle_file(const char *path, const struct stat *st)
{
	struct sites calls = { 0 }, sites = { 0 }, *change = &sites;
	struct image image;
	const char *error;
	uint8_t *p;
	size_t i;

	switch (image_open(&image, path, &error)) {
	case ELF_DAMAGED:
		complain(path, error);
		goto out;
	case ELF_OTHER:
		goto out;
	case ELF_CODE:
		break;
	}
	trace_flow(&image);
	find_calls(&image, &calls);
	if (mode == UNDO)
		change = &calls;
	else
		find_sites(&image, &sites);

	for (i = 0; i < change->count; i++)
		if (change->items[i].len && change->items[i].reason >= LEFT_FIRST)
			change->items[i].len = 0;
	if (mode != CHECK && change->total[REWRITTEN] + change->total[ALREADY]) {
		for (i = 0; i < change->count; i++) {
			p = bytes_at(&image, change->items[i].begin, change->items[i].len);
			if (p && change->items[i].len)
				memcpy(p, change->items[i].bytes, change->items[i].len);
		}
		if (!(st->st_nlink == 1 ? replace_file(path, &image, st) :
		      change_in_place(path, &image, change, st))) {
			complain(path, strerror(errno));
			goto out;
		}
	}
	if (mode != UNDO) {
		for (i = 0; i < calls.count; i++) {
			sites.items = grow(sites.items, sites.count, &sites.space,
					   sizeof(*sites.items));
			sites.items[sites.count++] = calls.items[i];
			sites.total[ALREADY]++;
		}
	}
	if (change->count || sites.count)
		report(path, change);
out:
	image_close(&image);
	free(calls.items);
	free(sites.items);
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)ftw;
	if (type == FTW_DNR || type == FTW_NS)
		complain(path, "cannot be read");
	else if (type == FTW_F && S_ISREG(st->st_mode))
		handle_file(path, st);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "check", no_argument, NULL, 'c' },
		{ "undo", no_argument, NULL, 'u' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct stat st;
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			mode = CHECK;
			break;
		case 'u':
			mode = UNDO;
			break;
		case 'v':
			verbose = true;
			break;
		case 'h':
			explain(stdout);
			return 0;
		default:
			explain(stderr);
			return 2;
		}
	}
	if (optind == argc) {
		explain(stderr);
		return 2;
	}
	for (; optind < argc; optind++) {
		/* What is named is followed, what is found in folders is not. */
		char *path = realpath(argv[optind], NULL);

		if (!path || stat(path, &st))
			complain(argv[optind], strerror(errno));
		else if (S_ISDIR(st.st_mode))
			nftw(path, visit, 64, FTW_PHYS | FTW_MOUNT);
		else if (S_ISREG(st.st_mode))
			handle_file(path, &st);
		else
			complain(path, "is neither a file nor a folder");
		free(path);
	}
	if (num_files > 1)
		print_line("all", &sum);
	return failures ? 1 : 0;
}
