// SPDX-License-Identifier: GPL-2.0
/*
 * Run in the background, for scripts/lupine/guest. Below BUILD/vm/guests/NAME are
 *
 *   pid      the process that runs the guest: a signal ends it
 *   stdin    a named pipe, the keyboard
 *   console  what the guest said, as --log has it
 *   output   the same with our own messages
 *   status   the exit status, when it has ended
 *
 * A second process stays to write the status, whatever happens to the first.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run.h"

bool detach_name_ok(const char *name)
{
	size_t i;

	if (!isalnum((unsigned char)name[0]) || strlen(name) > 200)
		return false;
	for (i = 0; name[i]; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("._-", name[i]))
			return false;
	return true;
}

static char *build_folder(void)
{
	const char *build = getenv("BUILD"), *root = getenv("LUPINE_ROOT");

	if (build && *build)
		return xstrdup(build);
	return xasprintf("%s/build", root && *root ? root : ".");
}

static char *state_file(const char *name, const char *file)
{
	char *build = build_folder(), *path;

	path = xasprintf("%s/vm/guests/%s%s%s", build, name, *file ? "/" : "", file);
	free(build);
	return path;
}

char *detach_log(const char *name)
{
	return state_file(name, "console");
}

static long read_number(const char *name, const char *file)
{
	char *path = state_file(name, file);
	FILE *f = fopen(path, "re");
	long n = -1;

	if (f && fscanf(f, "%ld", &n) != 1)
		n = -1;
	if (f)
		fclose(f);
	free(path);
	return n;
}

static void write_number(const char *name, const char *file, long n)
{
	char *path = state_file(name, file), *temporary = xasprintf("%s.new", path);
	FILE *f = fopen(temporary, "we");

	if (!f || fprintf(f, "%ld\n", n) < 0 || fclose(f) || rename(temporary, path))
		unlink(temporary);
	free(temporary);
	free(path);
}

static void remove_state(const char *name)
{
	static const char *const files[] = {
		"pid", "pid.new", "stdin", "console", "output", "status", "status.new", "",
	};
	char *path;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		path = state_file(name, files[i]);
		if (remove(path) && errno != ENOENT)
			cannot("%s: %s", path, strerror(errno));
		free(path);
	}
}

static void make_folders(const char *path)
{
	char *copy = xstrdup(path), *slash;

	for (slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(copy, 0777);
		*slash = '/';
	}
	if (mkdir(copy, 0777))
		cannot("%s: %s", path, strerror(errno));
	free(copy);
}

static int open_state(const char *name, const char *file, int flags)
{
	char *path = state_file(name, file);
	int fd = open(path, flags | O_CLOEXEC, 0666);

	if (fd < 0)
		cannot("%s: %s", path, strerror(errno));
	free(path);
	return fd;
}

static void make_state(const char *name)
{
	char *folder = state_file(name, ""), *fifo = state_file(name, "stdin");
	long pid = read_number(name, "pid");

	if (pid > 0 && !kill(pid, 0) && read_number(name, "status") < 0)
		cannot("a guest '%s' is running; scripts/lupine/guest stop %s ends it", name, name);
	remove_state(name);
	make_folders(folder);
	if (mkfifo(fifo, 0666))
		cannot("%s: %s", fifo, strerror(errno));
	free(folder);
	free(fifo);
}

/* The process that stays: write down how the other one ended. */
static void __noreturn await(const char *name, pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	write_number(name, "status", WIFEXITED(status) ? WEXITSTATUS(status) :
		     128 + WTERMSIG(status));
	_exit(0);
}

/* A mistake in the arguments shows at once: wait a second for the end. */
static void __noreturn report(const char *name, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char text[4096];
	ssize_t got;
	long status;
	int output;

	if (poll(&p, 1, 1000) > 0) {
		status = read_number(name, "status");
		output = open_state(name, "output", O_RDONLY);
		while ((got = read(output, text, sizeof(text))) > 0)
			if (write(STDERR_FILENO, text, got) < 0)
				break;
		remove_state(name);
		exit(status < 0 ? EXIT_CANNOT : status);
	}
	tell("%s runs; scripts/lupine/guest log|stop|wait %s", name, name);
	exit(0);
}

void detach(const char *name)
{
	pid_t parent, pid;
	int alive[2];

	make_state(name);
	if (pipe2(alive, O_CLOEXEC))
		cannot("no pipe: %s", strerror(errno));
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		cannot("no process: %s", strerror(errno));
	if (pid) {
		close(alive[1]);
		report(name, alive[0]);
	}
	setsid();
	dup2(open_state(name, "stdin", O_RDWR), STDIN_FILENO);
	dup2(open_state(name, "output", O_WRONLY | O_CREAT | O_APPEND), STDOUT_FILENO);
	dup2(STDOUT_FILENO, STDERR_FILENO);
	parent = getpid();
	pid = fork();
	if (pid < 0)
		cannot("no process: %s", strerror(errno));
	if (pid) {
		write_number(name, "pid", pid);
		await(name, pid);
	}
	close(alive[0]);
	close(alive[1]);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		exit(EXIT_CANNOT);
}
