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
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
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

int main(int argc, char **argv)
{
	int rounds = rounds_from(argc, argv, 20, "Test that cancellation cleans up.");
	int i, bad = 0;

	must(!socketpair(AF_UNIX, SOCK_STREAM, 0, never));
	must(!sem_init(&semaphore, 0, 0));
	epoll = epoll_create1(0);
	must(epoll >= 0);
	for (i = 0; i < rounds; i++)
		bad += !cancelled(i);
	test(!bad, "%d threads were cancelled and cleaned up", rounds * WAYS);
	return tests_done();
}
