// SPDX-License-Identifier: GPL-2.0
/*
 * Run in the background, for `lupine guest`. Below BUILD/vm/guests/NAME are
 *
 *   pid      the process that runs the guest: a signal ends it
 *   stdin    a named pipe, the keyboard
 *   console  what the guest said, as --log has it
 *   output   the same with our own messages
 *   status   the exit status, when it has ended
 *   exec     a socket for `lupine exec`, if it was asked for
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
#include "tasks.h"

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

char *state_file(const char *name, const char *file)
{
	return build_path("vm/guests/%s%s%s", name, *file ? "/" : "", file);
}

long state_number(const char *name, const char *file)
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
	char *path = state_file(name, file), *text = xasprintf("%ld\n", n);

	replace_file(path, text);
	free(text);
	free(path);
}

bool state_running(const char *name)
{
	long pid = state_number(name, "pid");

	return pid > 0 && !kill(pid, 0) && state_number(name, "status") < 0;
}

void state_remove(const char *name)
{
	static const char *const files[] = {
		"pid", "pid.new", "stdin", "console", "output", "status", "status.new",
		TASKS_SOCKET, "",
	};
	char *path;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		path = state_file(name, files[i]);
		if (remove(path) && errno != ENOENT)
			die("%s: %s", path, strerror(errno));
		free(path);
	}
}

static int open_state(const char *name, const char *file, int flags)
{
	char *path = state_file(name, file);
	int fd = open(path, flags | O_CLOEXEC, 0666);

	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	free(path);
	return fd;
}

static void make_state(const char *name)
{
	char *folder = state_file(name, ""), *fifo = state_file(name, "stdin");

	if (state_running(name))
		die("a guest '%s' is running; lupine guest stop %s ends it", name, name);
	state_remove(name);
	if (make_folders(folder, 0777))
		die("%s: %s", folder, strerror(errno));
	if (mkfifo(fifo, 0666))
		die("%s: %s", fifo, strerror(errno));
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
		status = state_number(name, "status");
		output = open_state(name, "output", O_RDONLY);
		while ((got = read(output, text, sizeof(text))) > 0)
			if (write(STDERR_FILENO, text, got) < 0)
				break;
		state_remove(name);
		exit(status < 0 ? EXIT_CANNOT : status);
	}
	tell("%s runs; lupine guest log|stop|wait %s", name, name);
	exit(0);
}

void detach(const char *name)
{
	pid_t parent, pid;
	int alive[2];

	make_state(name);
	if (pipe2(alive, O_CLOEXEC))
		die("no pipe: %s", strerror(errno));
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		die("no process: %s", strerror(errno));
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
		die("no process: %s", strerror(errno));
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
