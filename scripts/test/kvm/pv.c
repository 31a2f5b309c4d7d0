// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's side of scripts/test/kvm.sh: make the kernel use what KVM offers to guests.
 *
 *	pv busy SECONDS		threads on all processors but the last one contend for a
 *				spinlock, and send interrupts to some of the others
 *	pv memory MiB ROUNDS	fill memory, and read it again and again, while the host
 *				swaps it
 *
 * Each says what the kernel has counted meanwhile. What the host has counted, the test reads
 * there.
 */
#define _GNU_SOURCE
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PAGE	4096
#define MOST	8
#define SPACE	"\t\n "

static volatile bool stop;
static volatile long done[MOST];
static char *pages;

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* The sum of the numbers in a line of a file that begins with the name, from the first on */
static long counted(const char *file, const char *name, int first, int n)
{
	char line[512], *word, *rest, *end;
	long sum = -1, number;
	FILE *f = fopen(file, "r");

	while (f && sum < 0 && fgets(line, sizeof(line), f)) {
		rest = line;
		word = strtok_r(rest, SPACE, &rest);
		if (!word || strcmp(word, name))
			continue;
		for (sum = 0; n && (word = strtok_r(NULL, SPACE, &rest)); ) {
			number = strtol(word, &end, 10);
			if (*end)
				break;
			if (first-- <= 0) {
				sum += number;
				n--;
			}
		}
	}
	if (f)
		fclose(f);
	return sum;
}

static void report(void)
{
	printf("pv: stolen ticks %ld\n", counted("/proc/stat", "cpu", 7, 1));
	/* No line where the kernel has no such interrupt */
	printf("pv: HYP interrupts %ld\n", counted("/proc/interrupts", "HYP:", 0, MOST));
}

/* The spinlock is that of the file table; mprotect() has all processors flush their TLBs. */
static void *contend(void *arg)
{
	long me = (long)arg;
	volatile char *page = pages + me * PAGE;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(me, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		return "no such processor";
	while (!stop) {
		for (int i = 0; i < 50; i++)
			if (dup2(1, 10 + me) < 0)
				return "no dup2()";
		if (mprotect((void *)page, PAGE, PROT_READ) ||
		    mprotect((void *)page, PAGE, PROT_READ | PROT_WRITE))
			return "no mprotect()";
		*page = 1;
		syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
		done[me]++;
	}
	return NULL;
}

static int busy(int n)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN), threads = cpus > 1 ? cpus - 1 : 1, i;
	double start = seconds(), took;
	pthread_t thread[MOST];
	void *wrong;
	int bad = 0;

	pages = mmap(NULL, MOST * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED || threads > MOST)
		return 2;
	syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
	for (i = 0; i < threads; i++)
		if (pthread_create(&thread[i], NULL, contend, (void *)i))
			return 2;
	sleep(n);
	stop = true;
	for (i = 0; i < threads; i++) {
		pthread_join(thread[i], &wrong);
		printf("pv: thread %ld: %ld rounds%s%s\n", i, done[i], wrong ? ", " : "",
		       wrong ? (char *)wrong : "");
		bad |= wrong || !done[i];
	}
	took = seconds() - start;
	/* A clock that runs too fast or too slow is no clock. */
	printf("pv: %d s took %.1f s\n", n, took);
	return bad || took < n;
}

static int memory(size_t mib, int rounds)
{
	size_t pages = mib << 20 >> 12, i, at, bad = 0;
	uint64_t *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || !pages)
		return 2;
	for (i = 0; i < pages; i++)
		for (at = 0; at < PAGE / 8; at++)
			p[i * PAGE / 8 + at] = i * 0x9e3779b97f4a7c15 + at;
	printf("pv: %zu MiB are full\n", mib);
	fflush(stdout);
	for (int round = 0; round < rounds; round++) {
		for (i = 0; i < pages; i++)
			for (at = 0; at < PAGE / 8; at += 64)
				bad += p[i * PAGE / 8 + at] != i * 0x9e3779b97f4a7c15 + at;
		printf("pv: round %d, %zu wrong words\n", round + 1, bad);
		fflush(stdout);
	}
	return bad ? 1 : 0;
}

int main(int argc, char **argv)
{
	int status = 2;

	if (argc == 3 && !strcmp(argv[1], "busy"))
		status = busy(atoi(argv[2]));
	else if (argc == 4 && !strcmp(argv[1], "memory"))
		status = memory(atoi(argv[2]), atoi(argv[3]));
	else
		fprintf(stderr, "pv: want busy SECONDS, or memory MiB ROUNDS\n");
	report();
	return status;
}
