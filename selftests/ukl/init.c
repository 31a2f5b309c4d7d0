// SPDX-License-Identifier: GPL-2.0
/*
 * With an application in the kernel, process 1 is the program that ukl-gcc links in
 * front of it. It waits for orphans, and does what signals ask of any process: it stops
 * for a tracer, freezes, and then goes on to wait, asleep.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest.h"

static void sleep_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* The time that process 1 has run for, in ticks of 10 ms */
static long used(void)
{
	unsigned long user = 0, system = 0;
	FILE *f = fopen("/proc/1/stat", "r");

	if (f && fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
			&user, &system) != 2)
		user = system = 0;
	if (f)
		fclose(f);
	return (long)(user + system);
}

/* Orphans come to init, which has to wait for them. */
static bool waits_for_orphans(int n)
{
	int fd[2], left = 0;
	pid_t child, orphan;

	if (pipe(fd))
		return false;
	for (int i = 0; i < n; i++) {
		child = fork();
		if (!child) {
			orphan = fork();
			if (orphan)
				_exit(write(fd[1], &orphan, sizeof(orphan)) < 0);
			_exit(0);
		}
		waitpid(child, NULL, 0);
	}
	for (int i = 0; i < n; i++) {
		int tries = 200;

		if (read(fd[0], &orphan, sizeof(orphan)) != sizeof(orphan))
			return false;
		while (!kill(orphan, 0) && --tries)
			sleep_ms(10);
		left += !tries;
	}
	close(fd[0]);
	close(fd[1]);
	return !left;
}

/* Is process 1 asleep most of the time, and does it wait for orphans still? */
static bool goes_on(void)
{
	long before = used(), after;

	sleep_ms(500);
	after = used();
	if (after - before > 20) {
		ksft_print_msg("process 1 is busy: %ld ticks of 50\n", after - before);
		return false;
	}
	return waits_for_orphans(1);
}

static bool stops_for_a_tracer(void)
{
	int status, tries = 500;

	if (ptrace(PTRACE_ATTACH, 1, NULL, NULL)) {
		ksft_print_msg("attach: %s\n", strerror(errno));
		return false;
	}
	while (waitpid(1, &status, WNOHANG | __WALL) != 1 && --tries)
		sleep_ms(10);
	return tries && WIFSTOPPED(status) && !ptrace(PTRACE_DETACH, 1, NULL, NULL);
}

static bool put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY);
	bool good = fd >= 0 && write(fd, text, strlen(text)) >= 0;

	if (fd >= 0)
		close(fd);
	return good;
}

/* Freeze all processes, as for a suspend, and thaw them after a few seconds. */
static void test_freezer(void)
{
	mkdir("/sys", 0555);
	if (mount("sysfs", "/sys", "sysfs", 0, NULL) || !put("/sys/power/pm_test", "freezer")) {
		ksft_test_result_skip("no test of the freezer in this kernel\n");
		ksft_test_result_skip("no test of the freezer in this kernel\n");
		return;
	}
	ksft_test_result(put("/sys/power/state", "freeze"), "process 1 freezes\n");
	ksft_test_result(goes_on(), "process 1 goes on after it was frozen\n");
}

static bool is_ours(void)
{
	char one[PATH_MAX] = "", self[PATH_MAX] = "";

	return readlink("/proc/1/exe", one, sizeof(one) - 1) > 0 &&
	       readlink("/proc/self/exe", self, sizeof(self) - 1) > 0 && !strcmp(one, self);
}

int main(void)
{
	ksft_print_header();
	if (access("/proc/self", F_OK)) {
		mkdir("/proc", 0555);
		mount("proc", "/proc", "proc", 0, NULL);
	}
	if (!is_ours())
		ksft_exit_skip("process 1 is not this program: no application in a kernel\n");
	ksft_set_plan(6);
	ksft_test_result(getppid() == 1, "process 1 is the parent\n");
	ksft_test_result(waits_for_orphans(20), "process 1 waits for orphans\n");
	ksft_test_result(stops_for_a_tracer(), "process 1 stops for a tracer\n");
	ksft_test_result(goes_on(), "process 1 goes on after a tracer\n");
	test_freezer();
	ksft_finished();
}
