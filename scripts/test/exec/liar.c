// SPDX-License-Identifier: GPL-2.0
/*
 * Usage: liar ARCHIVE|garbage
 *
 * In a guest, take the place of its init at the other end of `lupine run --exec`
 * (scripts/lupine/link.h), as any program there can: send garbage; or greet, and answer
 * the next one who copies something with what is in the file ARCHIVE.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static FILE *host;

static void frame(char type, unsigned char task, const void *data, size_t size)
{
	unsigned char head[] = { type, task, size, size >> 8 };

	fwrite(head, sizeof(head), 1, host);
	fwrite(data, size, 1, host);
	fflush(host);
}

int main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(7) };
	unsigned char head[4] = "", status = 0;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char data[4096];
	FILE *archive;
	size_t size;

	inet_pton(AF_INET, "10.0.2.100", &a.sin_addr);
	if (argc != 2 || connect(fd, (struct sockaddr *)&a, sizeof(a)))
		return 1;
	host = fdopen(fd, "r+");
	if (!strcmp(argv[1], "garbage")) {
		memset(data, 'o', sizeof(data));
		return !fwrite(data, sizeof(data), 1, host) || fflush(host);
	}
	frame('h', 0, NULL, 0);
	while (head[0] != 'r') {
		if (read(fd, head, sizeof(head)) != sizeof(head))
			return 1;
		size = head[2] | head[3] << 8;
		if (size > sizeof(data) || (size && read(fd, data, size) != (ssize_t)size))
			return 1;
	}
	archive = fopen(argv[1], "r");
	frame('b', head[1], NULL, 0);
	while ((size = fread(data, 1, sizeof(data), archive)))
		frame('o', head[1], data, size);
	frame('q', head[1], &status, 1);
	/* It closes its end when it likes. */
	pause();
	return 0;
}
