// SPDX-License-Identifier: GPL-2.0
/*
 * The guests of the experiment echo: a TCP server that sends back what it gets,
 * as in Figure 1 of "Unikernels: The Next Stage of Linux's Dominance" (HotOS'19), and
 * the client that measures it.
 *
 *	echo [server]		one connection after the other, on port 7
 *	echo client ADDRESS N	N messages there and back, one after the other, after
 *				N / 10 to warm up. Prints rows: mean, p50, p99, p999
 *
 * The server also is what a kernel with CONFIG_UKL has linked into it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guest.h"

#define PORT		7
#define MESSAGE		64	/* bytes */
#define PATIENCE	600	/* tenths of a second until the server is there */

static int tcp_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0)
		fail("no TCP: %s", strerror(errno));
	return fd;
}

__attribute__((noreturn))
static void server(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int listener = tcp_socket(), fd, one = 1;
	char data[4096];
	ssize_t n;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&any, sizeof(any)) != 0 ||
	    listen(listener, 8) != 0)
		fail("port %d: %s", PORT, strerror(errno));
	for (;;) {
		fd = accept(listener, NULL, NULL);
		if (fd < 0)
			fail("accept: %s", strerror(errno));
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		while ((n = recv(fd, data, sizeof(data), 0)) > 0)
			if (send(fd, data, n, 0) != n)
				break;
		close(fd);
	}
}

static void there_and_back(int fd)
{
	char out[MESSAGE], in[MESSAGE];
	ssize_t n, got = 0;

	memset(out, 'x', sizeof(out));
	if (send(fd, out, sizeof(out), 0) != sizeof(out))
		fail("send: %s", strerror(errno));
	while (got < MESSAGE) {
		n = recv(fd, in + got, sizeof(in) - got, 0);
		if (n <= 0)
			fail("recv: %s", n ? strerror(errno) : "the server hangs up");
		got += n;
	}
	if (memcmp(in, out, sizeof(in)))
		fail("another message comes back");
}

static void client(const char *address, long messages)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	double *took = calloc(messages, sizeof(*took)), sum = 0;
	unsigned long t;
	int fd = -1, tries;
	long i;

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1 || !took)
		fail("want an address and a number, not '%s' and %ld", address, messages);
	for (tries = 0; tries < PATIENCE; tries++) {
		fd = tcp_socket();
		if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
			break;
		close(fd);
		fd = -1;
		usleep(100000);
	}
	if (fd < 0)
		fail("%s does not answer: %s", address, strerror(errno));
	for (i = 0; i < messages / 10; i++)
		there_and_back(fd);
	for (i = 0; i < messages; i++) {
		t = now_ns();
		there_and_back(fd);
		took[i] = now_ns() - t;
		sum += took[i];
	}
	qsort(took, messages, sizeof(*took), compare_doubles);
	row("echo", "", "mean", -1, "us", sum / 1e3 / messages);
	row("echo", "", "p50", -1, "us", took[messages / 2] / 1e3);
	row("echo", "", "p99", -1, "us", took[messages * 99 / 100] / 1e3);
	row("echo", "", "p999", -1, "us", took[messages * 999 / 1000] / 1e3);
	close(fd);
	free(took);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 4 && !strcmp(argv[1], "client") && atol(argv[3]) > 0) {
		check_clock();
		client(argv[2], atol(argv[3]));
		return 0;
	}
	if (argc > 1 && strcmp(argv[1], "server"))
		fail("want server, or client ADDRESS N");
	server();
}
