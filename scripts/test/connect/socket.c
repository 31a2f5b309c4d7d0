// SPDX-License-Identifier: GPL-2.0
/*
 * socket serve PORT PROGRAM: run PROGRAM for each connection, which is its input and output.
 * socket ask PORT: send the input to a server of this machine, say that this is all, and print
 * what it says.
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int serve(int fd, struct sockaddr_in a, char *program)
{
	int one = 1, connection;

	signal(SIGCHLD, SIG_IGN);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	a.sin_addr.s_addr = htonl(INADDR_ANY);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 128))
		return 1;
	for (;;) {
		connection = accept(fd, NULL, NULL);
		if (connection >= 0 && !fork()) {
			signal(SIGCHLD, SIG_DFL);
			dup2(connection, 0);
			dup2(connection, 1);
			close(connection);
			close(fd);
			execl(program, program, (char *)NULL);
			_exit(127);
		}
		close(connection);
	}
}

/* All that comes from one goes to the other. */
static int copy(int from, int to)
{
	char data[4096];
	ssize_t n;

	while ((n = read(from, data, sizeof(data))) > 0)
		if (write(to, data, n) != n)
			return 1;
	return n < 0;
}

int main(int argc, char **argv)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), status;
	struct sockaddr_in a = { .sin_family = AF_INET };

	if (argc < 3)
		return 2;
	a.sin_port = htons(atoi(argv[2]));
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (argc == 4)
		return serve(fd, a, argv[3]);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)))
		return 1;
	status = copy(STDIN_FILENO, fd);
	shutdown(fd, SHUT_WR);
	return status | copy(fd, STDOUT_FILENO);
}
