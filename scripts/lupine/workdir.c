// SPDX-License-Identifier: GPL-2.0
/*
 * A folder for what is not complete yet, beside the result so that a rename puts
 * it there at once. A process of its own waits for this one's end, whatever that
 * is, and removes the folder: it reads a pipe that nobody writes to, and that the
 * kernel closes with us. Processes that work for us are killed with us.
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lupine.h"
#include "workdir.h"

static char *folder;
static pid_t owner, janitor;
static volatile sig_atomic_t worker;
static int alive = -1;

static void remove_folder(void)
{
	char *roots[] = { folder, NULL };
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_NOSTAT, NULL);
	FTSENT *e;

	while (fts && (e = fts_read(fts))) {
		if (e->fts_info == FTS_D)
			continue;
		if (e->fts_info == FTS_DP)
			rmdir(e->fts_accpath);
		else
			unlink(e->fts_accpath);
	}
}

static void clean_up(void)
{
	int status;

	if (alive < 0 || getpid() != owner)
		return;
	close(alive);
	alive = -1;
	while (waitpid(janitor, &status, 0) < 0 && errno == EINTR)
		;
}

static void interrupted(int signal)
{
	if (getpid() == owner) {
		if (worker > 0)
			kill(worker, SIGKILL);
		clean_up();
	}
	/* It is blocked until this handler is left, and then ends the process. */
	raise(signal);
}

/*
 * It is this process that makes the folder, once it is in a session of its own: so a signal
 * to all of us does not end it with the folder there.
 */
static void __noreturn clean_up_after(int fd, int told)
{
	char byte;
	int null = open("/dev/null", O_RDWR), err;

	setsid();
	err = mkdtemp(folder) ? 0 : errno;
	/* Who does not read it any more is gone, and what follows removes the folder. */
	if (write(told, &err, sizeof(err)) < 0 || write(told, folder, strlen(folder)) < 0)
		err = err ?: EPIPE;
	close(told);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
	}
	while (read(fd, &byte, 1) < 0 && errno == EINTR)
		;
	remove_folder();
	_exit(0);
}

void workdir_make(const char *beside, const char *name)
{
	struct sigaction action = { .sa_handler = interrupted, .sa_flags = SA_RESETHAND };
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	int ends[2], told[2], err = 0;
	sigset_t all, old;
	size_t i, len;

	owner = getpid();
	folder = xasprintf("%s/.%s-XXXXXX", beside, name);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	if (pipe2(ends, O_CLOEXEC) || pipe2(told, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	janitor = fork();
	if (janitor < 0)
		die("fork: %s", strerror(errno));
	if (!janitor) {
		signal(SIGPIPE, SIG_IGN);
		close(ends[1]);
		close(told[0]);
		clean_up_after(ends[0], told[1]);
	}
	close(ends[0]);
	close(told[1]);
	len = strlen(folder);
	if (read(told[0], &err, sizeof(err)) != sizeof(err) || err ||
	    read(told[0], folder, len) != (ssize_t)len)
		die("no folder can be made in %s: %s", beside, strerror(err));
	close(told[0]);
	alive = ends[1];
	atexit(clean_up);
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &action, NULL);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

char *workdir_path(const char *name)
{
	return xasprintf("%s/%s", folder, name);
}

int workdir_file(const char *name)
{
	char *path = workdir_path(name);
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	free(path);
	return fd;
}

void workdir_commit(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
}

pid_t workdir_fork(void)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (pid) {
		worker = pid;
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != owner)
		_exit(1);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	close(alive);
	alive = -1;
	return 0;
}

/* The exit status, or 128 and the signal */
int workdir_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("waitpid: %s", strerror(errno));
	worker = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int workdir_run(const char *const *argv, bool inside, int out, int err)
{
	pid_t pid = workdir_fork();

	if (!pid) {
		if (out >= 0)
			dup2(out, STDOUT_FILENO);
		if (err >= 0)
			dup2(err, STDERR_FILENO);
		if (inside && chdir(folder))
			_exit(126);
		execvp(argv[0], (char *const *)argv);
		dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	return workdir_wait(pid);
}
