// SPDX-License-Identifier: GPL-2.0
/*
 * The experiment scale: Redis in many guests on one host, which boot from one image or start
 * from one snapshot. How long it takes from the command to the first answer, what memory of the
 * host each further guest takes, and how busy the host is while nobody asks them for anything.
 *
 * Memory is the sum of what the kernel calls the proportional set size (Pss in
 * /proc/PID/smaps_rollup: a page that n processes share counts as 1/n in each) of QEMU and of
 * the program that looks after it. What a further guest takes is the difference between all
 * guests and one, divided by the number of the others.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define SETTLE_SECONDS	3
#define IDLE_SECONDS	10
#define TRY_MS		200		/* for an answer, before another connection is tried */
/* Of /proc/PID/stat, behind the name: utime and stime, proc_pid_stat(5) */
#define STAT_TIMES	") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu"
#define BOOTED		2L		/* guests without a snapshot: enough for a difference */

struct guests {
	pid_t pid[MOST_GUESTS];
	long n;
};

/* The process and its children, as the kernel lists them: QEMU has none. */
static char *family(pid_t pid)
{
	return text("%d %s", pid, content(text("/proc/%d/task/%d/children", pid, pid), NULL));
}

/* The sum of something over all processes of the guests */
static double sum_of(const struct guests *g, double (*of)(const char *pid))
{
	double sum = 0;

	for (long i = 0; i < g->n; i++) {
		char *rest = family(g->pid[i]), *pid;

		while ((pid = strsep(&rest, " ")))
			if (*pid)
				sum += of(pid);
	}
	return sum;
}

static double memory_kib(const char *pid)
{
	char *data = content(text("/proc/%s/smaps_rollup", pid), NULL), *line;
	long kib = 0;

	while ((line = next_line(&data)))
		if (sscanf(line, "Pss: %ld kB", &kib) == 1)
			break;
	return kib;
}

static double processor_seconds(const char *pid)
{
	/* The name in parentheses may have blanks. */
	const char *end = strrchr(content(text("/proc/%s/stat", pid), NULL), ')');
	unsigned long user, kernel;

	if (!end || sscanf(end, STAT_TIMES, &user, &kernel) != 2)
		die("/proc/%s/stat says something else", pid);
	return (double)(user + kernel) / sysconf(_SC_CLK_TCK);
}

/* Start one more; returns the seconds until it has answered. */
static double one_more(struct guests *g, const struct kernel *k, const char *snapshot, long memory)
{
	char *log = text("%s/console", work);
	double began = seconds_now();
	int port = free_port(), fd;
	struct words w = { 0 };

	add(&w, script("lupine/lupine"), "run", "--quiet", "-p", text("%d:6379", port), NULL);
	if (!snapshot || access(snapshot, F_OK))
		add(&w, "--accel", opt.accel, "--kernel", k->copy, "--image",
		    text("%s/bench/%s", build, k->image), "--memory", text("%ld", memory), NULL);
	if (snapshot)
		add(&w, "--snapshot", snapshot, NULL);
	g->pid[g->n++] = start(&w, log);
	while ((fd = redis_connection(port, TRY_MS)) < 0) {
		end_if_caught();
		if (has_ended(g->pid[g->n - 1]) || seconds_now() > began + opt.ready) {
			show_end(log, 30);
			die("%s: no Redis answered within %ld s; the end of its console is above",
			    k->name, opt.ready);
		}
		usleep(5000);
	}
	close(fd);
	return seconds_now() - began;
}

static void end_all(struct guests *g)
{
	for (long i = 0; i < g->n; i++)
		stop(g->pid[i]);
	g->n = 0;
}

/* Guests of one kind, one after the other, which stay */
static void measure_guests(const struct experiment *e, const struct kernel *k,
			   const char *snapshot, long wanted, struct results *rows)
{
	const char *kind = snapshot ? "snapshot" : "boot";
	double one, further, busy, answer;
	struct guests g = { .n = 0 };

	answer = one_more(&g, k, snapshot, e->memory);
	add_row(rows, e, k, text("%s-answer", kind), "seconds", answer);
	sleep(SETTLE_SECONDS);
	one = sum_of(&g, memory_kib);
	while (g.n < wanted)
		one_more(&g, k, snapshot, e->memory);
	sleep(SETTLE_SECONDS);
	end_if_caught();
	further = (sum_of(&g, memory_kib) - one) / (wanted - 1);
	add_row(rows, e, k, text("%s-further", kind), "KiB", further);
	add_row(rows, e, k, text("%s-hundred", kind), "MiB", (one + 99 * further) / 1024);
	if (snapshot) {
		busy = sum_of(&g, processor_seconds);
		sleep(IDLE_SECONDS);
		end_if_caught();
		add_row(rows, e, k, "idle", "ms/s",
			1000 * (sum_of(&g, processor_seconds) - busy) / IDLE_SECONDS / g.n);
	}
	end_all(&g);
}

void measure_scale(const struct experiment *e, struct kernel *k, size_t n, struct results *rows)
{
	for (size_t i = 0; i < n; i++) {
		char *snapshot = text("%s/%s.snapshot", work, k[i].name);
		struct guests first = { .n = 0 };

		fprintf(stderr, "==> Guests that boot, %s\n", k[i].name);
		measure_guests(e, &k[i], NULL, BOOTED, rows);
		fprintf(stderr, "==> %ld guests of one snapshot, %s\n", opt.guests, k[i].name);
		one_more(&first, &k[i], snapshot, e->memory);
		end_all(&first);
		measure_guests(e, &k[i], snapshot, opt.guests, rows);
	}
}
