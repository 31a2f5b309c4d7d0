// SPDX-License-Identifier: GPL-2.0
/*
 * The life of threads: joined and detached ones (which unmap their own stack),
 * stacks of their own, thread-specific data, mutexes and condition variables,
 * and set*id(), which signals every thread.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

#define NTHREADS 8

static sem_t sem;
static pthread_key_t key;
static volatile int destroyed;
static __thread long tls = 42;

static void count_destroyed(void *arg)
{
	__sync_fetch_and_add(&destroyed, arg == &destroyed);
}

static void *joined_thread(void *arg)
{
	pthread_setspecific(key, (void *)&destroyed);
	tls += (long)arg;
	sched_yield();
	return (void *)tls;
}

static void *detached_thread(void *arg)
{
	pthread_setspecific(key, (void *)&destroyed);
	sem_post(&sem);
	return arg;
}

static void test_joined(int rounds)
{
	pthread_t t[NTHREADS];
	int i, j, bad = 0;
	void *ret;

	destroyed = 0;
	for (i = 0; i < rounds; i++) {
		for (j = 0; j < NTHREADS; j++)
			must(!pthread_create(&t[j], NULL, joined_thread, (void *)(long)j));
		for (j = 0; j < NTHREADS; j++) {
			must(!pthread_join(t[j], &ret));
			bad += (long)ret != 42 + j;
		}
	}
	test(!bad && destroyed == rounds * NTHREADS,
	     "%d threads created and joined", rounds * NTHREADS);
}

/* Mappings of this process; a leak of stacks shows. */
static int mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	int c, n = 0;

	must(f);
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}

static void test_detached(int rounds)
{
	struct timespec ms = { .tv_nsec = 1000000 };
	pthread_attr_t attr;
	pthread_t t;
	int i, before, wait;

	must(!pthread_attr_init(&attr));
	must(!pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED));
	destroyed = 0;
	before = mappings();
	for (i = 0; i < rounds * NTHREADS; i++) {
		while (pthread_create(&t, &attr, detached_thread, NULL)) {
			/* Those before it have yet to give their stacks back. */
			must(errno == EAGAIN || errno == 0);
			nanosleep(&ms, NULL);
		}
		while (sem_wait(&sem))
			;
	}
	/* The last may have posted, and not yet come to its destructor. */
	for (wait = 0; wait < 10000 &&
	     (destroyed < rounds * NTHREADS || mappings() > before + 2); wait++)
		nanosleep(&ms, NULL);
	test(destroyed == rounds * NTHREADS && mappings() <= before + 2,
	     "%d detached threads unmapped their stacks", rounds * NTHREADS);
	pthread_attr_destroy(&attr);
}

static void test_own_stack(int rounds)
{
	size_t size = 128 << 10;
	char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_attr_t attr;
	pthread_t t;
	void *ret;
	int i, bad = 0;

	must(stack != MAP_FAILED);
	must(!pthread_attr_init(&attr) && !pthread_attr_setstack(&attr, stack, size));
	for (i = 0; i < rounds; i++) {
		must(!pthread_create(&t, &attr, joined_thread, (void *)1L));
		must(!pthread_join(t, &ret));
		bad += (long)ret != 43;
	}
	test(!bad, "%d threads on a stack of the program", rounds);
	munmap(stack, size);
}

/* Sleeping and waking in futex(), which most of libc makes inlined. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static long counter, turn, switches;

static void *contend(void *arg)
{
	long i, rounds = (long)arg;

	pthread_barrier_wait(&barrier);
	for (i = 0; i < rounds; i++) {
		pthread_mutex_lock(&mutex);
		counter++;
		if (!(i & 63))
			sched_yield();
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static void *ping_pong(void *arg)
{
	long me = (long)arg;

	pthread_mutex_lock(&mutex);
	while (switches > 0) {
		while (turn != me && switches > 0)
			pthread_cond_wait(&cond, &mutex);
		turn = !me;
		switches--;
		pthread_cond_broadcast(&cond);
	}
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static void test_futex(int rounds)
{
	pthread_t t[NTHREADS];
	long i;

	counter = 0;
	must(!pthread_barrier_init(&barrier, NULL, NTHREADS));
	for (i = 0; i < NTHREADS; i++)
		must(!pthread_create(&t[i], NULL, contend, (void *)(rounds * 10L)));
	for (i = 0; i < NTHREADS; i++)
		must(!pthread_join(t[i], NULL));
	test(counter == rounds * 10L * NTHREADS, "a mutex among %d threads, %ld times",
	     NTHREADS, counter);

	switches = rounds * 10L;
	for (i = 0; i < 2; i++)
		must(!pthread_create(&t[i], NULL, ping_pong, (void *)i));
	for (i = 0; i < 2; i++)
		must(!pthread_join(t[i], NULL));
	test(switches <= 0, "a condition variable between two, %d times", rounds * 10);
}

static volatile int stop;

static void *spin(void *arg)
{
	while (!stop)
		getppid();
	return arg;
}

static void test_synccall(int rounds)
{
	pthread_t t[NTHREADS];
	int i, bad = 0;

	for (i = 0; i < NTHREADS; i++)
		must(!pthread_create(&t[i], NULL, spin, NULL));
	for (i = 0; i < rounds; i++)
		bad += setgid(getgid()) != 0;
	stop = 1;
	for (i = 0; i < NTHREADS; i++)
		must(!pthread_join(t[i], NULL));
	test(!bad, "setgid() in %d busy threads, %d times", NTHREADS, rounds);
}

static void *exit_last(void *arg)
{
	struct timespec ms = { .tv_nsec = 5000000 };

	nanosleep(&ms, NULL);
	(void)arg;
	exit(tests_done());
}

int main(int argc, char **argv)
{
	int rounds = rounds_from(argc, argv, 200, "Test the life of threads.");
	pthread_t t;

	must(!sem_init(&sem, 0, 0));
	must(!pthread_key_create(&key, count_destroyed));
	test_joined(rounds);
	test_detached(rounds);
	test_own_stack(rounds);
	test_futex(rounds);
	test_synccall(rounds / 10 + 1);
	/* The first thread ends before the process does. */
	must(!pthread_create(&t, NULL, exit_last, NULL));
	pthread_exit(NULL);
}
