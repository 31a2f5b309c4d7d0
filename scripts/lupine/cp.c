// SPDX-License-Identifier: GPL-2.0
/*
 * lupine cp: copy a file or a folder out of a guest or into it. A child is standard input or
 * output of a task of the guest (init/copy.c), which speaks cpio's format, as libarchive does
 * here.
 *
 * What comes out of a guest is not trusted: it is made below a new name, which nothing in the
 * archive leads out of, and takes its place when it is whole. Only files, folders and links are
 * made, without owner and special bits, and a link's target is not followed.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run.h"
#include "tasks.h"

#define BLOCK		65536
/* What libarchive has to see to */
#define SECURE		(ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME | \
			 ARCHIVE_EXTRACT_NO_OVERWRITE | ARCHIVE_EXTRACT_SECURE_SYMLINKS | \
			 ARCHIVE_EXTRACT_SECURE_NODOTDOT)

static const char help[] =
"Usage: lupine cp NAME:PATH FILE      copy out of a guest\n"
"       lupine cp FILE NAME:PATH      copy into a guest\n"
"\n"
"Copy a file, or a folder with all that is in it, out of the guest NAME or into it, which\n"
"lupine run --detach NAME --exec has started. What is copied into a folder keeps its name.\n"
"A file takes the place of one that is there; a folder must not be there. Links stay links,\n"
"and nothing else is copied. Owners are not kept: who runs this has what comes out, and\n"
"root has what goes in.\n"
"\n"
"Example: lupine cp redis:/etc/redis/redis.conf .\n";

static pid_t child;
static char *temporary;

static void clean_up(void)
{
	if (temporary)
		remove_tree(temporary);
	if (child > 0)
		kill(child, SIGTERM);
}

static void interrupted(int signal)
{
	exit(128 + signal);
}

/* Begin a task, and return the end of a pipe: what it says, or what is said to it. */
static int begin(const char *name, enum frame what, const char *const *words)
{
	int fd[2], ours = what == FRAME_WRITE;

	if (pipe2(fd, O_CLOEXEC))
		die("no pipe: %s", strerror(errno));
	fflush(NULL);
	child = fork();
	if (child < 0)
		die("no process: %s", strerror(errno));
	if (!child) {
		dup2(fd[!ours], !ours);
		close(fd[ours]);
		task_run(name, what, words);
	}
	close(fd[!ours]);
	atexit(clean_up);
	signal(SIGHUP, interrupted);
	signal(SIGINT, interrupted);
	signal(SIGTERM, interrupted);
	signal(SIGPIPE, SIG_IGN);
	return fd[ours];
}

/* The child has said what the matter was. */
static void await(void)
{
	int status;

	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	child = 0;
	if (status)
		exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_CANNOT);
}

/* An error of libarchive, or of the guest, which is known when the child has ended */
static void __noreturn fail(const char *path, struct archive *a)
{
	await();
	die("%s: %s", path, archive_error_string(a) ?: "not an archive");
}

static char *joined(const char *folder, const char *path)
{
	char *copied = xstrdup(path), *name = basename(copied);

	if (!strcmp(name, ".") || !strcmp(name, "..") || !strcmp(name, "/"))
		die("%s: its name is needed, as it is copied into the folder %s", path, folder);
	return xasprintf("%s/%s", folder, name);
}

/* The entry's name below the temporary one; libarchive refuses what leads out of it. */
static void place(struct archive_entry *e)
{
	const char *name = archive_entry_pathname(e);
	char *path;

	if (!name || *name == '/')
		die("the guest sends a file without a name, or with one of this machine");
	path = strcmp(name, ".") ? xasprintf("%s/%s", temporary, name) : xstrdup(temporary);
	archive_entry_set_pathname(e, path);
	free(path);
	/* So that who runs this can remove it again */
	archive_entry_set_perm(e, (archive_entry_perm(e) & 0777) |
			       (archive_entry_filetype(e) == AE_IFDIR ? 0700 : 0));
	archive_entry_set_hardlink(e, NULL);
}

static void publish(const char *to)
{
	struct stat old, new;

	if (lstat(temporary, &new) || S_ISLNK(new.st_mode))
		die("the guest has sent neither a file nor a folder");
	if (!lstat(to, &old) && (!S_ISREG(old.st_mode) || !S_ISREG(new.st_mode)))
		die("%s is there already", to);
	if (rename(temporary, to))
		die("%s: %s", to, strerror(errno));
	temporary = NULL;
}

static void copy_out(const char *name, const char *path, const char *to)
{
	const char *const words[] = { path, NULL };
	struct archive *in = archive_read_new(), *out = archive_write_disk_new();
	struct archive_entry *e;
	struct stat st;
	const char *folder;
	const void *data;
	size_t size;
	int64_t at;
	mode_t type;
	int r, fd;

	if (!in || !out)
		die("%s", out_of_memory);
	if (!stat(to, &st) && S_ISDIR(st.st_mode))
		to = joined(to, path);
	/* libarchive follows no link on the way, and there may be some that are ours. */
	folder = dirname(xstrdup(to));
	to = basename(xstrdup(to));
	fd = begin(name, FRAME_READ, words);
	if (chdir(folder))
		die("%s: %s", folder, strerror(errno));
	temporary = xasprintf("%s.lupine-cp.%d", to, getpid());
	archive_read_support_format_cpio(in);
	archive_write_disk_set_options(out, SECURE);
	if (archive_read_open_fd(in, fd, BLOCK))
		fail(path, in);
	while (!(r = archive_read_next_header(in, &e))) {
		type = archive_entry_filetype(e);
		if (type != AE_IFREG && type != AE_IFDIR && type != AE_IFLNK)
			die("the guest sends what is no file, folder or link");
		place(e);
		if (archive_write_header(out, e))
			fail(to, out);
		while (!(r = archive_read_data_block(in, &data, &size, &at)))
			if (archive_write_data_block(out, data, size, at) < 0)
				fail(to, out);
		if (r != ARCHIVE_EOF)
			fail(path, in);
	}
	if (r != ARCHIVE_EOF)
		fail(path, in);
	/* Folders get their modes and times now. */
	if (archive_write_close(out))
		fail(to, out);
	archive_read_free(in);
	archive_write_free(out);
	close(fd);
	await();
	publish(to);
}

/* The content of a file goes behind its head. */
static void put_content(struct archive *out, const char *path, int64_t left)
{
	static char data[BLOCK];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t got;

	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	for (; left > 0; left -= got) {
		got = read(fd, data, left < BLOCK ? left : BLOCK);
		if (got <= 0)
			die("%s: %s", path, got ? strerror(errno) : "shorter than it was");
		if (archive_write_data(out, data, got) < 0)
			fail(path, out);
	}
	close(fd);
}

static void put_file(struct archive *out, struct archive_entry *e, const char *top)
{
	char *path = xstrdup(archive_entry_sourcepath(e)), *name = path + strlen(top);
	mode_t type = archive_entry_filetype(e);

	name += strspn(name, "/");
	archive_entry_set_pathname(e, *name ? name : ".");
	archive_entry_set_hardlink(e, NULL);
	archive_entry_set_nlink(e, 1);
	if (type != AE_IFREG && type != AE_IFDIR && type != AE_IFLNK) {
		warn("%s is left out: no file, folder or link", path);
	} else {
		if (type != AE_IFREG)
			archive_entry_set_size(e, 0);
		if (archive_write_header(out, e))
			fail(path, out);
		if (type == AE_IFREG)
			put_content(out, path, archive_entry_size(e));
	}
	free(path);
}

static void copy_in(const char *from, const char *name, const char *path)
{
	char *top = realpath(from, NULL), *copied = xstrdup(from);
	const char *const words[] = { path, basename(copied), NULL };
	struct archive *in = archive_read_disk_new(), *out = archive_write_new();
	struct archive_entry *e = archive_entry_new();
	struct stat st;
	int r, fd;

	if (!in || !out || !e)
		die("%s", out_of_memory);
	if (!top || stat(top, &st))
		die("%s: %s", from, strerror(errno));
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		die("%s: neither a file nor a folder", from);
	fd = begin(name, FRAME_WRITE, words);
	archive_write_set_format_cpio_newc(out);
	archive_write_set_bytes_in_last_block(out, 1);
	archive_read_disk_set_symlink_physical(in);
	archive_read_disk_set_behavior(in, ARCHIVE_READDISK_NO_XATTR | ARCHIVE_READDISK_NO_ACL |
				       ARCHIVE_READDISK_NO_FFLAGS |
				       ARCHIVE_READDISK_NO_TRAVERSE_MOUNTS);
	if (archive_write_open_fd(out, fd) || archive_read_disk_open(in, top))
		fail(from, in);
	while (!(r = archive_read_next_header2(in, e))) {
		put_file(out, e, top);
		archive_read_disk_descend(in);
	}
	if (r != ARCHIVE_EOF)
		fail(from, in);
	if (archive_write_close(out))
		fail(from, out);
	archive_read_free(in);
	archive_write_free(out);
	archive_entry_free(e);
	close(fd);
	free(copied);
	await();
}

/* The path behind NAME:, and the name alone then; NULL: it is a file of this machine */
static char *path_in_guest(char *word)
{
	char *colon = strchr(word, ':');

	if (!colon || memchr(word, '/', colon - word))
		return NULL;
	*colon = '\0';
	return colon + 1;
}

int cmd_cp(int argc, char **argv)
{
	static const struct option known[] = { { "help", no_argument, NULL, 'h' }, { 0 } };
	char *from, *to, *out, *in;
	int o;

	status_of_die = 2;
	opterr = 0;
	while ((o = getopt_long(argc, argv, "+h", known, NULL)) >= 0) {
		if (o != 'h')
			die("unknown option %s (see --help)", argv[optind - 1]);
		fputs(help, stdout);
		return 0;
	}
	if (argc - optind != 2)
		die("needs NAME:PATH and a FILE, or a FILE and NAME:PATH; see --help");
	from = argv[optind];
	to = argv[optind + 1];
	out = path_in_guest(from);
	in = path_in_guest(to);
	if (!out == !in)
		die("one of the two has to be in a guest, NAME:PATH, and the other one here");
	if (*(out ?: in) != '/')
		die("%s: a path in a guest begins with /", out ?: in);
	status_of_die = 1;
	if (out)
		copy_out(from, out, to);
	else
		copy_in(from, to, in);
	return 0;
}
