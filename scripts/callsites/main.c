// SPDX-License-Identifier: GPL-2.0
/*
 * Turn SYSCALL instructions of programs and libraries into calls of stubs, which call
 * the kernel if it has CONFIG_KML, where that is proven to make no difference.
 *
 * Each file is read into memory, callsites_run() changes it there, and it is written
 * back as a new one, or in place if it has several names.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "callsites.h"

static enum callsites_mode mode;
static bool verbose;
static int failures;
static struct callsites_report sum;
static unsigned int num_files;

static void explain(void)
{
	printf("Usage: callsites [--check | --undo] [--verbose] FILE...\n"
	       "\n"
	       "Rewrite the system calls of x86-64 programs and libraries so that they call the\n"
	       "kernel if it has CONFIG_KML, and use SYSCALL on any other. Other files stay as\n"
	       "they are, without a word.\n"
	       "\n"
	       "  --check      only report what would be rewritten\n"
	       "  --undo       put back what was there before, to the byte\n"
	       "  --verbose    a line for each system call, with its address\n"
	       "\n"
	       "Print a line for each file with system calls: how many there are, how many are\n"
	       "calls now (or would be), their share, how many are left, and why:\n"
	       "\n");
	for (int i = LEFT_FIRST; i < NUM_REASONS; i++)
		printf("  %s\n", callsites_reasons[i]);
	printf("\n"
	       "SYSCALL and an instruction or two beside it become the call of a stub, which is\n"
	       "added to the file in a segment. A file is replaced at once, or written in place\n"
	       "if it has several names; in both cases the program can be interrupted and run\n"
	       "again. It must not run while somebody else changes the files.\n");
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
static bool replace_file(const char *path, const uint8_t *data,
			 const struct callsites_report *report, const struct stat *st)
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
		done = write_all(to, data, report->size) &&
			write_all(to, report->tail, report->tail_size) &&
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

static bool write_at(int fd, const uint8_t *data, size_t size, off_t offset)
{
	return lseek(fd, offset, SEEK_SET) == offset && write_all(fd, data, size);
}

#define HEADER	64

/*
 * Its other names must see the change, too. The stubs are there before they are called,
 * and go last; the record for undoing it is at the end of the tail.
 */
static bool change_in_place(const char *path, const uint8_t *data,
			    const struct callsites_report *report, const struct stat *st)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };
	bool done;
	int fd;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	done = write_at(fd, report->tail, report->tail_size, report->size) &&
		(mode == CALLSITES_UNDO || write_at(fd, data, HEADER, 0)) &&
		write_at(fd, data + HEADER, report->size - HEADER, HEADER) &&
		(mode != CALLSITES_UNDO || write_at(fd, data, HEADER, 0)) &&
		!ftruncate(fd, report->size + report->tail_size) && !futimens(fd, times);
	return !close(fd) && done;
}

static void print_report(const char *path, const struct callsites_report *report)
{
	size_t i;

	if (!num_files++)
		callsites_print_heading(stdout, mode);
	callsites_print(stdout, path, report);
	for (i = 0; verbose && i < report->num_sites; i++)
		printf("    %#llx %s\n", (unsigned long long)report->sites[i].addr,
		       callsites_reasons[report->sites[i].reason]);
	callsites_add(&sum, report);
}

/* The file in memory, where it can be changed; NULL with errno 0 if it is no program */
static uint8_t *map_file(const char *path, struct stat *st)
{
	uint8_t head[CALLSITES_HEAD], *data = NULL;
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return NULL;
	if (fstat(fd, st))
		goto out;
	if (!S_ISREG(st->st_mode)) {
		errno = S_ISDIR(st->st_mode) ? EISDIR : EINVAL;
		goto out;
	}
	n = pread(fd, head, sizeof(head), 0);
	if (n < 0)
		goto out;
	errno = 0;
	if (!callsites_wants(head, n))
		goto out;
	data = mmap(NULL, st->st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		data = NULL;
out:
	close(fd);
	return data;
}

static void handle_file(const char *path)
{
	struct callsites_report report;
	struct stat st;
	uint8_t *data;

	data = map_file(path, &st);
	if (!data) {
		if (errno)
			complain(path, errno == EINVAL ? "is no regular file" : strerror(errno));
		return;
	}
	if (!callsites_run(data, st.st_size, mode, &report))
		complain(path, report.error);
	else if (report.changed && !(st.st_nlink == 1 ? replace_file(path, data, &report, &st) :
				     change_in_place(path, data, &report, &st)))
		complain(path, strerror(errno));
	else if (report.num_sites || report.changed)
		print_report(path, &report);
	callsites_free(&report);
	munmap(data, st.st_size);
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
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			mode = CALLSITES_CHECK;
			break;
		case 'u':
			mode = CALLSITES_UNDO;
			break;
		case 'v':
			verbose = true;
			break;
		case 'h':
			explain();
			return 0;
		default:
			return 2;
		}
	}
	if (optind == argc) {
		fputs("callsites: error: needs a FILE; see --help\n", stderr);
		return 2;
	}
	for (; optind < argc; optind++) {
		/* A symbolic link stays: what it leads to is replaced. */
		char *path = realpath(argv[optind], NULL);

		if (path)
			handle_file(path);
		else
			complain(argv[optind], strerror(errno));
		free(path);
	}
	if (num_files > 1)
		callsites_print(stdout, "all", &sum);
	if (fflush(stdout) || ferror(stdout)) {
		complain("standard output", strerror(errno));
		return 1;
	}
	return failures ? 1 : 0;
}
