// SPDX-License-Identifier: GPL-2.0
/*
 * An application linked into the kernel is a process: one test a run, by name.
 * What it prints and its exit status are those of any Linux.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <math.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"

extern char **environ;

static const char constant[] = "constant";
static int variable = 1;
static char zeroes[3 * 4096];
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

static int test_args(int argc, char **argv)
{
	char **e;
	int i;

	atexit(at_exit);
	printf("constructed %d, %s %s\n", constructed, argv[0], argv[1]);
	for (i = 2; i < argc; i++)
		printf("argument <%s>\n", argv[i]);
	for (e = environ; *e; e++)
		printf("environment <%s>\n", *e);
	return 7;
}

static volatile sig_atomic_t signals;

static void count_signal(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (sig == SIGALRM || info->si_pid == getpid())
		signals++;
}

static int test_signals(void)
{
	struct itimerval t = { .it_value.tv_usec = 1000, .it_interval.tv_usec = 1000 };
	struct sigaction sa = { .sa_sigaction = count_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	static char stack[65536];
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };
	double x = 0;

	sigaltstack(&ss, NULL);
	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGALRM, &sa, NULL);
	kill(getpid(), SIGUSR1);
	printf("signals %d\n", (int)signals);
	/* Into a busy loop that uses the FPU and the red zone */
	setitimer(ITIMER_REAL, &t, NULL);
	while (signals < 20)
		x += sin(x) + 1;
	printf("timer %s, %s\n", signals >= 20 ? "ticks" : "is lost", x > 0 ? "sum" : "no sum");
	/* A process that is not init ends by what it does not handle. */
	raise(SIGTERM);
	return 1;
}

static int test_fork(void)
{
	volatile int *volatile wild = (int *)8;
	int status, *heap = malloc(sizeof(*heap));
	pid_t child;

	*heap = 1;
	zeroes[5000] = 1;
	child = fork();
	if (!child) {
		variable = *heap = 2;
		zeroes[5000] = 2;
		_exit(variable + *heap + zeroes[5000]);
	}
	if (waitpid(child, &status, 0) != child)
		return 1;
	printf("child %d, mine %d %d %d\n", WEXITSTATUS(status), variable, *heap, zeroes[5000]);

	/* A wild pointer of a child is its own affair. */
	child = fork();
	if (!child) {
		*wild = 1;
		_exit(0);
	}
	waitpid(child, &status, 0);
	printf("child killed by %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	return 0;
}

/* Orphans come to init, which has to wait for them. */
static int test_orphans(void)
{
	int i, fd[2], left;
	pid_t child, orphan = 0;

	if (pipe(fd))
		return 1;
	for (i = 0; i < 20; i++) {
		child = fork();
		if (!child) {
			orphan = fork();
			if (!orphan)
				_exit(0);
			if (write(fd[1], &orphan, sizeof(orphan)) != sizeof(orphan))
				_exit(1);
			_exit(0);
		}
		waitpid(child, NULL, 0);
	}
	for (i = left = 0; i < 20; i++) {
		int tries = 100;

		if (read(fd[0], &orphan, sizeof(orphan)) != sizeof(orphan))
			return 1;
		while (!kill(orphan, 0) && --tries)
			usleep(10000);
		left += !tries;
	}
	printf("orphans left %d, parent of all %d\n", left, getppid());
	return left;
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

/* More than fits where a console keeps what is on its way */
static int test_output(void)
{
	int i;

	for (i = 0; i < 2000; i++)
		printf("this is line %d of 2000\n", i + 1);
	return 0;
}

static int test_memory(void)
{
	char *old = sbrk(0), *p;
	size_t i, n = 2000, bad = 0;
	char **block = calloc(n, sizeof(*block));

	for (i = 0; i < sizeof(zeroes); i++)
		bad += zeroes[i];
	for (i = 0; i < n; i++) {
		block[i] = malloc(1000);
		memset(block[i], (int)i, 1000);
	}
	for (i = 0; i < n; i++)
		bad += block[i][999] != (char)i;
	p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bad += p == MAP_FAILED;
	printf("break grew %s, bad %zu\n",
	       (char *)sbrk(0) - old >= 1000000 ? "enough" : "too little", bad);
	return 0;
}

static int test_libc(void)
{
	char text[64], *end;
	FILE *f;

	setlocale(LC_ALL, "");
	snprintf(text, sizeof(text), "%.3f %s %x", strtod("3.14159", &end), strerror(ENOENT), 255);
	printf("%s\n", text);
	f = fopen("/file", "w+");
	if (f) {
		fputs("contents", f);
		rewind(f);
		printf("file %s\n", fgets(text, sizeof(text), f) ? text : "empty");
	}
	printf("pow %g\n", pow(2, 0.5));
	return 0;
}

static int test_names(void)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM }, *res;
	char host[64];

	if (getaddrinfo("192.0.2.1", "80", &hints, &res))
		return 1;
	getnameinfo(res->ai_addr, res->ai_addrlen, host, sizeof(host), NULL, 0, NI_NUMERICHOST);
	printf("address %s\n", host);
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

static int test_wild(const char *how)
{
	static void (*volatile nowhere)(void);
	volatile char *p = NULL;

	if (!strcmp(how, "read"))
		return *p;
	if (!strcmp(how, "jump"))
		nowhere();
	if (!strcmp(how, "text"))
		p = (volatile char *)(uintptr_t)test_wild;
	if (!strcmp(how, "constant"))
		p = (volatile char *)(uintptr_t)constant;
	if (!strcmp(how, "data")) {
		/* The data cannot be executed. */
		nowhere = (void (*)(void))(uintptr_t)zeroes;
		zeroes[0] = (char)0xc3;
		nowhere();
	}
	*p = 1;
	return 0;
}

int main(int argc, char **argv)
{
	const char *test = argc > 1 ? argv[1] : "args";

	if (!strcmp(test, "args"))
		return test_args(argc, argv);
	if (!strcmp(test, "threads"))
		return test_threads();
	if (!strcmp(test, "signals"))
		return test_signals();
	if (!strcmp(test, "fork"))
		return test_fork();
	if (!strcmp(test, "orphans"))
		return test_orphans();
	if (!strcmp(test, "exec") && argc > 2)
		return test_exec(argv);
	if (!strcmp(test, "memory"))
		return test_memory();
	if (!strcmp(test, "libc"))
		return test_libc();
	if (!strcmp(test, "names"))
		return test_names();
	if (!strcmp(test, "echo") && argc > 2)
		return test_echo(argv[2]);
	if (!strcmp(test, "wild") && argc > 2)
		return test_wild(argv[2]);
	if (!strcmp(test, "abort"))
		abort();
	if (!strcmp(test, "output"))
		return test_output();
	if (!strcmp(test, "wait")) {
		printf("waiting\n");
		fflush(stdout);
		pause();
		return 1;
	}
	fprintf(stderr, "usage: process TEST [ARGUMENT...]\n");
	return 2;
}
