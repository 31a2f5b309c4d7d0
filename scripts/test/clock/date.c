// SPDX-License-Identifier: GPL-2.0
/*
 * date serve PORT: answer each byte of a connection with this machine's date and
 * monotonic clock. date ask PORT FILE LIMIT: ask such a server of 127.0.0.1.
 *
 * The guest has read its clocks at some time between question and answer, so that each
 * answer gives an interval that the difference between its clock and the host's lies in.
 * The far end of the interval is what counts: the difference is no larger than that,
 * however busy both machines are. Of many answers the one with the shortest way is taken.
 *
 * The first difference of the monotonic clocks is kept in FILE; later ones must be the
 * same. The exit status is 0 if both clocks are right within LIMIT milliseconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define QUESTIONS	100

/* What a server sends; both machines are the same kind of processor. */
struct clocks {
	int64_t date, monotonic;
};

struct interval {
	int64_t low, high;
};

static void fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(2);
}

static int64_t now(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static struct sockaddr_in address(const char *port, in_addr_t host)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) };

	a.sin_addr.s_addr = htonl(host);
	return a;
}

static void serve(const char *port)
{
	struct sockaddr_in a = address(port, INADDR_ANY);
	int one = 1, s = socket(AF_INET, SOCK_STREAM, 0), c;
	struct clocks answer;
	char question;

	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(s, (struct sockaddr *)&a, sizeof(a)) || listen(s, 8))
		fail("no socket");
	signal(SIGPIPE, SIG_IGN);
	puts("serving");
	fflush(stdout);
	for (;;) {
		c = accept(s, NULL, NULL);
		while (read(c, &question, 1) == 1) {
			answer.date = now(CLOCK_REALTIME);
			answer.monotonic = now(CLOCK_MONOTONIC);
			if (write(c, &answer, sizeof(answer)) != sizeof(answer))
				break;
		}
		close(c);
	}
}

static int64_t far_end(struct interval i)
{
	return llabs(i.low) > llabs(i.high) ? llabs(i.low) : llabs(i.high);
}

/* The date's difference, and that of the monotonic clock */
static void ask(const char *port, struct interval *date, struct interval *monotonic)
{
	struct sockaddr_in a = address(port, INADDR_LOOPBACK);
	struct timeval patience = { .tv_sec = 20 };
	int64_t date_before, date_after, before, after, best = INT64_MAX;
	int s = socket(AF_INET, SOCK_STREAM, 0), i;
	struct clocks answer;

	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(s, (struct sockaddr *)&a, sizeof(a)))
		fail("no connection");
	for (i = 0; i < QUESTIONS; i++) {
		date_before = now(CLOCK_REALTIME);
		before = now(CLOCK_MONOTONIC);
		if (send(s, "", 1, MSG_NOSIGNAL) != 1 ||
		    recv(s, &answer, sizeof(answer), MSG_WAITALL) != sizeof(answer))
			fail("no answer");
		after = now(CLOCK_MONOTONIC);
		date_after = now(CLOCK_REALTIME);
		if (after - before >= best)
			continue;
		best = after - before;
		*date = (struct interval){ answer.date - date_after, answer.date - date_before };
		*monotonic = (struct interval){ answer.monotonic - after,
						answer.monotonic - before };
	}
	close(s);
	printf("the quickest answer took %" PRId64 " us\n", best / 1000);
}

/* How far the difference may have moved since the first time */
static int64_t moved(struct interval i, const char *name)
{
	struct interval first;
	FILE *f = fopen(name, "r");

	if (f) {
		if (fscanf(f, "%" SCNd64 " %" SCNd64, &first.low, &first.high) != 2)
			fail(name);
		fclose(f);
		return far_end((struct interval){ i.low - first.high, i.high - first.low });
	}
	f = fopen(name, "w");
	if (!f || fprintf(f, "%" PRId64 " %" PRId64 "\n", i.low, i.high) < 0 || fclose(f))
		fail(name);
	return 0;
}

int main(int argc, char **argv)
{
	struct interval date = { 0 }, monotonic = { 0 };
	int64_t by, drift, limit;

	if (argc == 3 && !strcmp(argv[1], "serve"))
		serve(argv[2]);
	if (argc != 5 || strcmp(argv[1], "ask")) {
		fputs("usage: date serve PORT | date ask PORT FILE LIMIT\n", stderr);
		return 2;
	}
	limit = atoll(argv[4]) * 1000000;
	ask(argv[2], &date, &monotonic);
	by = far_end(date);
	drift = moved(monotonic, argv[3]);
	printf("the date is off by at most %" PRId64 " us\n", by / 1000);
	printf("the monotonic clock is off by at most %" PRId64 " us\n", drift / 1000);
	return by > limit || drift > limit;
}
