// SPDX-License-Identifier: GPL-2.0
/*
 * How an application that is linked into the kernel begins and ends, as seen from
 * outside of the machine: scripts/test/ukl.sh looks at what this prints, and at the
 * exit status. One test a run, by name.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"

static int constructed;

__attribute__((constructor)) static void construct(void)
{
	constructed++;
}

__attribute__((destructor)) static void destruct(void)
{
	printf("destructor\n");
}

static void at_exit(void)
{
	printf("atexit\n");
}

static int test_args(char **argv)
{
	char **a;

	atexit(at_exit);
	printf("constructed %d, %s %s\n", constructed, argv[0], argv[1]);
	for (a = argv + 2; *a; a++)
		printf("argument <%s>\n", *a);
	for (a = environ; *a; a++)
		printf("environment <%s>\n", *a);
	return 7;
}

static int test_exec(char **argv)
{
	int status;
	pid_t child;

	child = fork();
	if (!child) {
		execv(argv[2], argv + 2);
		printf("exec: %s\n", strerror(errno));
		fflush(stdout);
		_exit(9);
	}
	waitpid(child, &status, 0);
	printf("ended with %d\n", WEXITSTATUS(status));
	return 0;
}

/* Answers with what it gets, until that has "quit". */
static int test_echo(const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) };
	int on = 1, s = socket(AF_INET, SOCK_STREAM, 0), c;
	char buffer[512];
	ssize_t n;

	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (s < 0 || bind(s, (struct sockaddr *)&a, sizeof(a)) || listen(s, 5)) {
		perror("listen");
		return 1;
	}
	printf("listening\n");
	fflush(stdout);
	for (;;) {
		c = accept(s, NULL, NULL);
		while ((n = read(c, buffer, sizeof(buffer))) > 0) {
			if (write(c, buffer, n) != n)
				break;
			if (memmem(buffer, n, "quit", 4))
				return 0;
		}
		close(c);
	}
}

int main(int argc, char **argv)
{
	const char *test = argc > 1 ? argv[1] : "args";

	for (const struct wild_access *a = wild_accesses; a->name; a++)
		if (!strcmp(test, a->name))
			a->make();
	if (!strcmp(test, "args"))
		return test_args(argv);
	if (!strcmp(test, "exec") && argc > 2)
		return test_exec(argv);
	if (!strcmp(test, "echo") && argc > 2)
		return test_echo(argv[2]);
	if (!strcmp(test, "abort"))
		abort();
	if (!strcmp(test, "terminate"))
		raise(SIGTERM);
	if (!strcmp(test, "output")) {
		/* More than fits where a console keeps what is on its way */
		for (int i = 1; i <= 2000; i++)
			printf("this is line %d of 2000\n", i);
		return 0;
	}
	if (!strcmp(test, "wait")) {
		printf("waiting\n");
		fflush(stdout);
		pause();
		return 1;
	}
	fprintf(stderr, "Usage: machine TEST [ARGUMENT...]\n");
	return 2;
}
