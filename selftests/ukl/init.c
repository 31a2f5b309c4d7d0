// SPDX-License-Identifier: GPL-2.0
/*
 * Process 1 behind an application in the kernel never goes back to user mode: it
 * waits for its children, in the kernel. Yet it has to do what signals ask of any
 * process: to stop for a tracer, to freeze, and then to go on waiting, asleep. And
 * the status that it reports is that of the application, whatever thread ends it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void sleep_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* What process 1 has used of the processor, in ticks of 10 ms; -1 without /proc */
static long used(void)
{
	unsigned long user, system;
	FILE *f = fopen("/proc/1/stat", "r");
	int n;

	if (!f)
		return -1;
	n = fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
		   &user, &system);
	fclose(f);
	return n == 2 ? (long)(user + system) : -1;
}

/* Is process 1 asleep most of the time, and does it wait for orphans still? */
static int works(void)
{
	long before = used(), after;
	int fd[2], tries = 200;
	pid_t child, orphan;

	sleep_ms(500);
	after = used();
	if (before >= 0 && after - before > 20) {
		printf("process 1 is busy: %ld ticks of 50\n", after - before);
		return 0;
	}
	if (pipe(fd))
		return 0;
	child = fork();
	if (!child) {
		orphan = fork();
		if (orphan)
			_exit(write(fd[1], &orphan, sizeof(orphan)) < 0);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	if (read(fd[0], &orphan, sizeof(orphan)) != sizeof(orphan))
		return 0;
	while (!kill(orphan, 0) && --tries)
		sleep_ms(10);
	if (!tries)
		printf("process 1 does not wait for orphans\n");
	return tries;
}

static int test_tracer(void)
{
	int status, tries = 500;

	if (ptrace(PTRACE_ATTACH, 1, NULL, NULL)) {
		printf("attach: %s\n", strerror(errno));
		return 1;
	}
	while (waitpid(1, &status, WNOHANG | __WALL) != 1 && --tries)
		sleep_ms(10);
	printf("process 1 %s\n", tries && WIFSTOPPED(status) ? "stops" : "does not stop");
	if (!tries || ptrace(PTRACE_DETACH, 1, NULL, NULL))
		return 1;
	printf("process 1 %s\n", works() ? "goes on" : "does not go on");
	return 0;
}

static int put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY);
	int ret = fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return ret;
}

/* Freeze all processes, as for a suspend, and thaw them after a few seconds. */
static int test_freeze(void)
{
	int ret;

	mkdir("/sys", 0555);
	if (mount("sysfs", "/sys", "sysfs", 0, NULL) || put("/sys/power/pm_test", "freezer")) {
		printf("no test of the freezer in this kernel\n");
		return 0;
	}
	ret = put("/sys/power/state", "freeze");
	printf("freeze: %s\n", ret ? strerror(-ret) : "done");
	printf("process 1 %s\n", works() ? "goes on" : "does not go on");
	return 0;
}

int main(int argc, char **argv)
{
	const char *test = argc > 1 ? argv[1] : "";

	mkdir("/proc", 0555);
	mount("proc", "/proc", "proc", 0, NULL);
	if (!strcmp(test, "tracer"))
		return test_tracer();
	if (!strcmp(test, "freeze"))
		return test_freeze();
	fprintf(stderr, "usage: init tracer|freeze\n");
	return 2;
}
