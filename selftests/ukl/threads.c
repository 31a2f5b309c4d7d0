// SPDX-License-Identifier: GPL-2.0
/*
 * Threads: variables of their own, with initial values and without, aligned as
 * asked for; a mutex and a condition variable that they wait for.
 */
#include <pthread.h>
#include <stdint.h>

#include "process.h"

#define THREADS	4
#define ROUNDS	20000

static __thread int initialized = 42;
static __thread int zero;
static __thread char aligned[100] __attribute__((aligned(64)));

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_done = PTHREAD_COND_INITIALIZER;
static long sum;
static int done;

static void *count(void *arg)
{
	long good = initialized == 42 && !zero && !aligned[0] && !((uintptr_t)aligned & 63);
	long i;

	initialized = zero = (int)(intptr_t)arg;
	for (i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&lock);
		sum++;
		pthread_mutex_unlock(&lock);
	}
	good = good && initialized == (int)(intptr_t)arg && zero == initialized;
	pthread_mutex_lock(&lock);
	if (++done == THREADS)
		pthread_cond_signal(&all_done);
	pthread_mutex_unlock(&lock);
	return (void *)good;
}

bool threads_work(void)
{
	pthread_t thread[THREADS];
	void *good;
	int i, n = 0;

	for (i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, count, (void *)(intptr_t)(i + 1)))
			return false;
	pthread_mutex_lock(&lock);
	while (done < THREADS)
		pthread_cond_wait(&all_done, &lock);
	pthread_mutex_unlock(&lock);
	for (i = 0; i < THREADS; i++) {
		pthread_join(thread[i], &good);
		n += !!good;
	}
	return n == THREADS && sum == THREADS * ROUNDS && initialized == 42 && !zero;
}
