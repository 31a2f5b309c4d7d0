// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's network is QEMU's user network, which needs no rights: QEMU listens on the
 * ports that are forwarded, and opens connections for the guest.
 *
 * It listens with a backlog of one. The host's kernel drops what comes while one
 * connection waits to be accepted, and the client tries again after a second, so that
 * clients with tens of connections stall. A backlog can be changed by calling listen() again, and
 * whoever may trace a process can get its sockets (pidfd_getfd), as a parent
 * usually may. So we do that once QEMU has its sockets.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link.h"
#include "network.h"

/* The kernel takes less if net.core.somaxconn says so. */
#define BACKLOG		4096

/* QEMU's own message names neither the port nor the cure, so try first. */
int network_hold(const struct port *p)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(p->host) };
	int fd, on = 1;

	inet_pton(AF_INET, p->address, &sin.sin_addr);
	fd = socket(AF_INET, (p->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("no socket: %s", strerror(errno));
	/* For UDP this would let two have the same port. */
	if (!p->udp)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (!bind(fd, (struct sockaddr *)&sin, sizeof(sin)) && (p->udp || !listen(fd, 1)))
		return fd;
	if (errno == EADDRINUSE)
		die("port %u of %s is in use; take another one: -p PORT:%u", p->host,
		    p->address, p->guest);
	if (errno == EADDRNOTAVAIL)
		die("%s is no address of this machine; 0.0.0.0 stands for all", p->address);
	if (errno == EACCES)
		die("port %u needs rights, as all below 1024; take another one: -p PORT:%u",
		    p->host, p->guest);
	die("port %u of %s: %s", p->host, p->address, strerror(errno));
}

static bool port_number(const char *s, unsigned int *port)
{
	unsigned long n;

	if (!*s || strlen(s) > 5 || s[strspn(s, "0123456789")])
		return false;
	n = strtoul(s, NULL, 10);
	*port = n;
	return n >= 1 && n <= 65535;
}

static void parse_port(const char *word, struct port *p)
{
	char *text = xstrdup(word), *part[3], *rest = text, *protocol = strrchr(text, '/');
	struct in_addr in;
	size_t nr;

	if (protocol) {
		*protocol++ = '\0';
		p->udp = !strcmp(protocol, "udp");
	}
	for (nr = 0; nr < 3 && rest; nr++)
		part[nr] = strsep(&rest, ":");
	p->address = xstrdup(nr == 3 ? part[0] : "127.0.0.1");
	if (nr < 2 || rest || (protocol && !p->udp && strcmp(protocol, "tcp")) ||
	    inet_pton(AF_INET, p->address, &in) != 1 || !port_number(part[nr - 2], &p->host) ||
	    !port_number(part[nr - 1], &p->guest))
		die("-p %s: want [ADDRESS:]HOST:GUEST[/tcp|/udp], ports from 1 to 65535, %s",
		    word, "an IPv4 ADDRESS as 127.0.0.1: QEMU forwards no IPv6");
	free(text);
}

void network_parse(struct network *n, const struct words *words)
{
	size_t i;

	n->port = xcalloc(words->nr, sizeof(*n->port));
	n->nr = words->nr;
	for (i = 0; i < n->nr; i++)
		parse_port(words->word[i], &n->port[i]);
}

void network_ports(struct network *n, const struct words *words)
{
	int *fd = xcalloc(words->nr, sizeof(*fd));
	size_t i;

	network_parse(n, words);
	/* Each is held until all are known, so that none is given twice. */
	for (i = 0; i < n->nr; i++)
		fd[i] = network_hold(&n->port[i]);
	for (i = 0; i < n->nr; i++)
		close(fd[i]);
	free(fd);
}

void network_arguments(const struct network *n, bool restricted, const char *tasks,
		       struct words *q)
{
	char *forwards = tasks ? xasprintf(",guestfwd=tcp:" TASK_ADDRESS ":%d-chardev:%s",
					   TASK_PORT, tasks) : xstrdup(""), *more;
	size_t i;

	for (i = 0; i < n->nr; i++) {
		more = xasprintf("%s,hostfwd=%s:%s:%u-:%u", forwards,
				 n->port[i].udp ? "udp" : "tcp", n->port[i].address,
				 n->port[i].host, n->port[i].guest);
		free(forwards);
		forwards = more;
	}
	words_option(q, "-netdev", "user,id=net0%s%s",
		     restricted ? ",restrict=on,ipv6=off" : "", forwards);
	free(forwards);
	words_option(q, "-device", "virtio-net-device,netdev=net0");
}

/* Is it a socket that listens on a port that we forward? */
static bool is_ours(const struct network *n, int fd)
{
	struct sockaddr_in sin = { 0 };
	socklen_t len = sizeof(sin);
	struct in_addr in;
	int listens = 0;
	size_t i;

	if (getsockname(fd, (struct sockaddr *)&sin, &len) || sin.sin_family != AF_INET)
		return false;
	len = sizeof(listens);
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) || !listens)
		return false;
	for (i = 0; i < n->nr; i++)
		if (!n->port[i].udp && sin.sin_port == htons(n->port[i].host) &&
		    inet_pton(AF_INET, n->port[i].address, &in) == 1 &&
		    in.s_addr == sin.sin_addr.s_addr)
			return true;
	return false;
}

int network_widen(const struct network *n, pid_t qemu)
{
	int pidfd, fd, err = 0, left = 0;
	char path[32];
	struct dirent *e;
	size_t i;
	DIR *d;

	for (i = 0; i < n->nr; i++)
		left += !n->port[i].udp;
	if (!left)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/fd", qemu);
	pidfd = pidfd_open(qemu, 0);
	d = opendir(path);
	if (pidfd < 0 || !d)
		err = errno;
	while (!err && left && (e = readdir(d))) {
		if (*e->d_name == '.')
			continue;
		fd = pidfd_getfd(pidfd, atoi(e->d_name), 0);
		/* QEMU may have closed it meanwhile. */
		if (fd < 0 && errno != EBADF)
			err = errno;
		if (fd < 0)
			continue;
		if (is_ours(n, fd) && !listen(fd, BACKLOG))
			left--;
		close(fd);
	}
	if (d)
		closedir(d);
	if (pidfd >= 0)
		close(pidfd);
	return err ? -err : left;
}
