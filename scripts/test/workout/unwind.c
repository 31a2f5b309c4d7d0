// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that are cancelled while they block in system calls of several kinds. Each has
 * two cleanups in two functions: both run, or none if the thread had not begun. glibc,
 * with -fexceptions, gets to them by unwinding the stack from the system call, so that
 * they tell whether the place that its signal finds there can be understood; musl has
 * a list of them.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "test.h"

#define WAYS 8

static volatile int cleaned;
static int never[2], epoll;
static sem_t semaphore;

static void clean(void *arg)
{
	(void)arg;
	__atomic_add_fetch(&cleaned, 1, __ATOMIC_SEQ_CST);
}

static void block_in(long way)
{
	struct pollfd p = { never[0], POLLIN, 0 };
	struct timespec ts = { 100, 0 };
	struct epoll_event event;
	sigset_t set;
	char c;

	switch (way) {
	case 0:
		while (read(never[0], &c, 1) < 0 && errno == EINTR)
			;
		break;
	case 1:
		pause();
		break;
	case 2:
		poll(&p, 1, -1);
		break;
	case 3:
		nanosleep(&ts, NULL);
		break;
	case 4:
		sem_wait(&semaphore);
		break;
	case 5:
		recv(never[0], &c, 1, 0);
		break;
	case 6:
		epoll_wait(epoll, &event, 1, -1);
		break;
	case 7:
		sigemptyset(&set);
		sigsuspend(&set);
		break;
	}
}

static __attribute__((noinline)) void block_inner(long way)
{
	pthread_cleanup_push(clean, NULL);
	block_in(way);
	pthread_cleanup_pop(1);
}

static void *blocked(void *way)
{
	pthread_cleanup_push(clean, NULL);
	block_inner((long)way);
	pthread_cleanup_pop(1);
	return way;
}

static bool cancelled(int round)
{
	pthread_t thread[WAYS];
	int before = cleaned;
	bool good = true;
	void *ret;
	long way;

	for (way = 0; way < WAYS; way++)
		must(!pthread_create(&thread[way], NULL, blocked, (void *)way));
	usleep(round % 4 * 700);
	for (way = 0; way < WAYS; way++)
		must(!pthread_cancel(thread[way]));
	for (way = 0; way < WAYS; way++) {
		must(!pthread_join(thread[way], &ret));
		good = good && ret == PTHREAD_CANCELED;
	}
	if ((cleaned - before) & 1 || cleaned - before > 2 * WAYS ||
	    (round % 4 == 3 && cleaned - before != 2 * WAYS)) {
		printf("# %d cleanups in round %d\n", cleaned - before, round);
		good = false;
	}
	return good;
}

/*
 * A cancellation point as in glibc from 2.41 on and in musl. Unless the flag is set, it makes
 * a system call. A handler that finds the thread between the labels knows that the call has
 * had no effect, and never will, and takes the thread to the end. It is signalled once: a
 * signal that is lost leaves the thread in the call for ever.
 */
long point_call(volatile int *flag, long nr, long a, long b, long c);
extern const char point_start[], point_end[], point_cancel[]
	__attribute__((visibility("hidden")));

asm(".text\n"
    ".globl point_call\n"
    ".hidden point_start, point_end, point_cancel\n"
    ".globl point_start, point_end, point_cancel\n"
    ".type point_call, @function\n"
    "point_call:\n"
    "	.cfi_startproc\n"
    "point_start:\n"
    "	mov	(%rdi), %eax\n"
    "	test	%eax, %eax\n"
    "	jnz	point_cancel\n"
    "	mov	%rsi, %rax\n"
    "	mov	%rdx, %rdi\n"
    "	mov	%rcx, %rsi\n"
    "	mov	%r8, %rdx\n"
    "	syscall\n"
    "point_end:\n"
    "	ret\n"
    "point_cancel:\n"
    "	mov	$-125, %rax\n"
    "	ret\n"
    "	.cfi_endproc\n"
    "	.size	point_call, . - point_call\n");

static volatile int canceled, entered;

static void cancel_point(int sig, siginfo_t *si, void *context)
{
	greg_t *pc = &((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];

	(void)sig;
	(void)si;
	if (*pc >= (greg_t)point_start && *pc < (greg_t)point_end)
		*pc = (greg_t)point_cancel;
}

static void *wait_at_point(void *arg)
{
	char c;

	(void)arg;
	entered = 1;
	return (void *)point_call(&canceled, SYS_read, never[0], (long)&c, 1);
}

static bool between_labels(int round)
{
	pthread_t thread;
	volatile int delay;
	void *ret;

	canceled = 0;
	entered = 0;
	must(!pthread_create(&thread, NULL, wait_at_point, NULL));
	while (!entered)
		sched_yield();
	for (delay = round % 61 * (round % 7); delay > 0; delay--)
		;
	if (round % 20 == 19)
		usleep(2000);
	canceled = 1;
	must(!pthread_kill(thread, SIGUSR2));
	must(!pthread_join(thread, &ret));
	return (long)ret == -ECANCELED;
}

int main(int argc, char **argv)
{
	int rounds = rounds_from(argc, argv, 20, "Test that cancellation cleans up.");
	struct sigaction sa = { .sa_sigaction = cancel_point, .sa_flags = SA_SIGINFO | SA_RESTART };
	int i, bad = 0;

	must(!socketpair(AF_UNIX, SOCK_STREAM, 0, never));
	must(!sem_init(&semaphore, 0, 0));
	epoll = epoll_create1(0);
	must(epoll >= 0);
	for (i = 0; i < rounds; i++)
		bad += !cancelled(i);
	test(!bad, "%d threads were cancelled and cleaned up", rounds * WAYS);
	must(!sigaction(SIGUSR2, &sa, NULL));
	bad = 0;
	for (i = 0; i < rounds * WAYS; i++)
		bad += !between_labels(i);
	test(!bad, "%d threads were cancelled between labels", rounds * WAYS);
	return tests_done();
}
