// SPDX-License-Identifier: GPL-2.0
/*
 * What gdb is let loose on in a guest: system calls in both ways, the vDSO,
 * signals, threads and children. It is linked at a fixed address and without
 * optimization, so that gdb's output is the same wherever it runs.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef AT_SYSINFO
#define AT_SYSINFO	32
#endif

#define THREADS		3

long by_syscall(long nr, long a, long b, long c);
long by_call(long nr, long a, long b, long c);

/* The ABI of both is the kernel's; at by_call's CALL the red zone is unused. */
asm(".globl by_syscall, before_syscall, after_syscall\n"
    ".type by_syscall, @function\n"
    "by_syscall:\n"
    "	mov	%rdi, %rax\n"
    "	mov	%rsi, %rdi\n"
    "	mov	%rdx, %rsi\n"
    "	mov	%rcx, %rdx\n"
    "before_syscall:\n"
    "	syscall\n"
    "after_syscall:\n"
    "	nop\n"
    "	ret\n"
    ".size by_syscall, . - by_syscall\n"
    ".globl by_call, before_call, after_call\n"
    ".type by_call, @function\n"
    "by_call:\n"
    "	.cfi_startproc\n"
    "	mov	%rdi, %rax\n"
    "	mov	%rsi, %rdi\n"
    "	mov	%rdx, %rsi\n"
    "	mov	%rcx, %rdx\n"
    "before_call:\n"
    "	call	*entry(%rip)\n"
    "after_call:\n"
    "	nop\n"
    "	ret\n"
    "	.cfi_endproc\n"
    ".size by_call, . - by_call\n"
    /* For a kernel without an entry. */
    "stand_in:\n"
    "	syscall\n"
    "	ret\n");

extern const char stand_in[];
const void *entry;
int watched, readme = 41, total, handled, result;
long last_read, parent;
static pthread_barrier_t barrier;

int square(int n)
{
	return n * n;
}

int work(int n)
{
	int s = square(n);

	total += s;
	return s + 1;
}

static void loop(void)
{
	int i;

	for (i = 0; i < 10; i++)
		result = work(i);
}

static void variables(void)
{
	/*
	 * QEMU hangs in a single step of an instruction that triggers a watchpoint,
	 * and gdb steps off a breakpoint. So the breakpoint is here.
	 */
	result = 0;
	watched = 5;
	readme++;
	last_read = readme;
	watched = 5;
	watched = 6;
}

static void handler(int sig)
{
	handled += sig;
}

void signals(void)
{
	struct sigaction sa = { .sa_handler = handler };

	sigaction(SIGUSR1, &sa, NULL);
	by_syscall(SYS_kill, getpid(), SIGUSR1, 0);
	if (entry)
		by_call(SYS_kill, getpid(), SIGUSR1, 0);
	raise(SIGUSR1);
}

/* Instructions of which not one makes a system call, for a signal by gdb. */
void idle(void)
{
	asm volatile("nop; nop; nop; nop; nop; nop; nop; nop");
}

void calls(void)
{
	parent = by_syscall(SYS_getppid, 0, 0, 0);
	parent = by_call(SYS_getppid, 0, 0, 0);
}

void twice(void)
{
	parent = by_syscall(SYS_getppid, 0, 0, 0);
	parent = by_syscall(SYS_getppid, 0, 0, 0);
}

void clocks(void)
{
	struct timespec ts = {};

	clock_gettime(CLOCK_MONOTONIC, &ts);
	result = ts.tv_nsec >= 0 && (ts.tv_sec || ts.tv_nsec);
}

void child_work(int n)
{
	_exit(n + 40);
}

void children(void)
{
	int status = 0;
	pid_t pid;

	pid = fork();
	if (!pid)
		child_work(2);
	waitpid(pid, &status, 0);
	result = WEXITSTATUS(status);
	pid = vfork();
	if (!pid) {
		execl("/bin/true", "true", NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	result = WEXITSTATUS(status);
}

void in_thread(long n)
{
	total += n;
	watched = 100 + n;
}

void together(void)
{
	result = total;
}

static void *thread(void *arg)
{
	/* One after the other, so that the output is always the same. */
	static long turn = 1;
	long n = (long)arg;

	while (turn != n)
		usleep(1000);
	in_thread(n);
	turn++;
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return arg;
}

void threads(void)
{
	pthread_t t[THREADS];
	long i;

	pthread_barrier_init(&barrier, NULL, THREADS + 1);
	for (i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, thread, (void *)(i + 1));
	pthread_barrier_wait(&barrier);
	usleep(20000);
	together();
	pthread_barrier_wait(&barrier);
	for (i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
}

void sleeper(long more)
{
	struct timespec ts = { .tv_sec = 12 + more };

	/* Not restarted by its caller: the kernel has to do it. */
	result = clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	dprintf(1, "slept: %d\n", result);
}

void crash(int *where)
{
	*where = 1;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "loop";

	entry = (const void *)getauxval(AT_SYSINFO);
	if (!entry && strcmp(what, "signals"))
		entry = stand_in;
	if (!strcmp(what, "loop"))
		loop();
	else if (!strcmp(what, "variables"))
		variables();
	else if (!strcmp(what, "signals"))
		signals();
	else if (!strcmp(what, "idle"))
		signal(SIGUSR1, handler), idle();
	else if (!strcmp(what, "calls"))
		calls();
	else if (!strcmp(what, "twice"))
		twice();
	else if (!strcmp(what, "clocks"))
		clocks();
	else if (!strcmp(what, "children"))
		children();
	else if (!strcmp(what, "threads"))
		threads();
	else if (!strcmp(what, "sleeper"))
		sleeper(argc > 2 ? atol(argv[2]) : 0);
	else if (!strcmp(what, "crash"))
		crash((int *)16);
	else
		return 1;
	return 0;
}
