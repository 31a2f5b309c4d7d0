// SPDX-License-Identifier: GPL-2.0
/*
 * Take the first processor away from whom it belongs to, a guest of KVM, after 2 to 22 ms
 * each time, until somebody ends this program.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LEAST	2000000		/* ns */
#define RANGE	20000000

int main(void)
{
	struct sched_param first = { .sched_priority = 1 };
	struct timespec t = { 0 };
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	if (sched_setaffinity(0, sizeof(set), &set) ||
	    sched_setscheduler(0, SCHED_FIFO, &first)) {
		perror("preempt: error: only root may go before all others");
		return 1;
	}
	for (;;) {
		t.tv_nsec = LEAST + random() % RANGE;
		nanosleep(&t, NULL);
	}
}
