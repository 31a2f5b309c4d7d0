// SPDX-License-Identifier: GPL-2.0
/*
 * Ask the kernel for each system call of a list, and compare whether it is
 * there with what the list says: lines of "name number there|missing option".
 * A call that is there fails for another reason than ENOSYS, or even works: it
 * gets arguments that can do no harm, in a process of its own.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Calls that say ENOSYS to a function that they do not know. */
static const struct {
	long nr, arg[3];
} special[] = {
	{ SYS_futex, { 0, FUTEX_WAKE, 1 } },
	{ SYS_modify_ldt, { 0, 0, 0 } },
};

static int call(long nr)
{
	long arg[6] = { -1, -1, -1, -1, -1, -1 };

	for (size_t i = 0; i < sizeof(special) / sizeof(*special); i++)
		if (special[i].nr == nr)
			memcpy(arg, special[i].arg, sizeof(special[i].arg));
	errno = 0;
	syscall(nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
	return errno;
}

/*
 * The call's errno, or minus the signal that it ended by. Through a pipe, since
 * a status has eight bits and a process may lose its descriptors, not its pages.
 */
static int ask(long nr)
{
	int status, fd[2], error = -1;
	pid_t child;

	child = pipe(fd) ? -1 : fork();
	if (child < 0) {
		perror("enosys: cannot start a process");
		exit(2);
	}
	if (!child) {
		alarm(10);
		error = call(nr);
		if (write(fd[1], &error, sizeof(error)) != sizeof(error))
			_exit(1);
		_exit(0);
	}
	close(fd[1]);
	if (read(fd[0], &error, sizeof(error)) != sizeof(error))
		error = -1;
	close(fd[0]);
	if (waitpid(child, &status, 0) != child) {
		perror("enosys: cannot wait");
		exit(2);
	}
	if (WIFSIGNALED(status))
		return -WTERMSIG(status);
	return error;
}

int main(int argc, char **argv)
{
	char name[64], expected[16], option[128];
	int failed = 0, total = 0;
	long nr;
	FILE *f;

	if (argc != 2) {
		fprintf(stderr, "Usage: enosys LIST\n");
		return 2;
	}
	f = fopen(argv[1], "r");
	if (!f) {
		fprintf(stderr, "enosys: %s: %s\n", argv[1], strerror(errno));
		return 2;
	}
	while (fscanf(f, "%63s %ld %15s %127s", name, &nr, expected, option) == 4) {
		bool there = !strcmp(expected, "there");
		int error = ask(nr);
		bool right = (error != ENOSYS) == there;

		total++;
		failed += !right;
		printf("%sok - %s is %s (%s): ", right ? "" : "not ", name,
		       expected, option);
		if (error < 0)
			printf("signal %d\n", -error);
		else
			printf("%s\n", error ? strerror(error) : "success");
	}
	/* A list that is cut short must not pass. */
	if (!feof(f) || !total) {
		printf("not ok - the list can be read\n");
		return 1;
	}
	printf("%d passed, %d failed\n", total - failed, failed);
	return failed > 0;
}
