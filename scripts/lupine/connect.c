// SPDX-License-Identifier: GPL-2.0
/*
 * lupine run --on-connect: listen on the forwarded ports, or take the sockets that systemd
 * listens on (sd_listen_fds(3)), and start the machine when somebody connects. QEMU takes no
 * socket that listens already, so it gets ports of its own, which only this machine
 * reaches, and each connection is relayed to them once the application is ready. Until then
 * it waits in the socket's queue, so that none is lost. A machine that nobody has been
 * connected to for some time is ended, and started again by the next connection.
 *
 * This process stays; each machine is a child of it, which goes on as `lupine run` does.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "network.h"

#define BACKLOG		4096		/* the kernel takes less if net.core.somaxconn says so */
#define MOST_CONNECTIONS 1000		/* more wait in the queue */
#define OTHER_FILES	64		/* descriptors for what is no connection */
#define FIRST_PASSED	3		/* descriptor, as systemd has it */
#define MOST_PASSED	100
#define GRACE_SECONDS	15		/* from Ctrl-C to the end of the machine */
#define INTERRUPT	"\003"

/* One direction of a connection */
struct flow {
	int from, to;
	char data[16384];
	size_t start, end;
	bool ended;		/* nothing more comes */
};

struct connection {
	struct flow flow[2];
};

struct service {
	struct network network;
	int *listener;			/* for each port */
	unsigned int *port;		/* of the machine, for each of them */
	unsigned int idle;		/* seconds; 0: for ever */
	int signals;
	pid_t machine;			/* 0: none */
	int keyboard, ready;		/* pipes to and from it */
	bool is_ready;
	struct connection *connection[MOST_CONNECTIONS];
	size_t nr, most;
	time_t since;			/* nobody was connected */
};

static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* The port of a socket that listens, or 0 */
static unsigned int listens_on(int fd)
{
	struct sockaddr_storage a = { 0 };
	socklen_t len = sizeof(a);
	int listens = 0;

	if (getsockname(fd, (struct sockaddr *)&a, &len))
		return 0;
	len = sizeof(listens);
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) || !listens)
		return 0;
	if (a.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *)&a)->sin_port);
	if (a.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&a)->sin6_port);
	return 0;
}

/* A number of the environment, for this process only, as systemd has it */
static long passed(const char *name)
{
	const char *value = getenv(name);
	char *end;
	long n;

	if (!value)
		return -1;
	n = strtol(value, &end, 10);
	return *value && !*end ? n : -1;
}

static void take_listeners(struct service *s)
{
	long nr = passed("LISTEN_PID") == getpid() ? passed("LISTEN_FDS") : 0;
	size_t i;
	int fd;

	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (nr < 0 || nr > MOST_PASSED)
		die("LISTEN_FDS is no number from 0 to %d", MOST_PASSED);
	for (i = 0; i < s->network.nr; i++)
		s->listener[i] = -1;
	for (fd = FIRST_PASSED; fd < FIRST_PASSED + nr; fd++) {
		unsigned int port = listens_on(fd);

		fcntl(fd, F_SETFD, FD_CLOEXEC);
		for (i = 0; i < s->network.nr; i++)
			if (s->listener[i] < 0 && s->network.port[i].host == port)
				break;
		if (!port || i == s->network.nr)
			die("descriptor %d, a socket for port %u, has no -p %u:GUEST", fd, port,
			    port);
		s->listener[i] = fd;
	}
	for (i = 0; i < s->network.nr; i++) {
		if (s->network.port[i].udp)
			die("--on-connect: a UDP port has no connections");
		if (s->listener[i] < 0)
			s->listener[i] = network_hold(&s->network.port[i]);
		/* Another process may have taken what poll() has shown. */
		fcntl(s->listener[i], F_SETFL, O_NONBLOCK);
		if (listen(s->listener[i], BACKLOG))
			die("port %u: %s", s->network.port[i].host, strerror(errno));
	}
}

/* Ports of 127.0.0.1 that are free now; each is held until all are known. */
static void find_ports(struct service *s)
{
	int fd[MOST_PASSED];
	size_t i;

	for (i = 0; i < s->network.nr; i++) {
		struct sockaddr_in a = { .sin_family = AF_INET };
		socklen_t len = sizeof(a);

		a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd[i] < 0 || bind(fd[i], (struct sockaddr *)&a, len) ||
		    getsockname(fd[i], (struct sockaddr *)&a, &len))
			die("no port for the machine: %s", strerror(errno));
		s->port[i] = ntohs(a.sin_port);
	}
	for (i = 0; i < s->network.nr; i++)
		close(fd[i]);
}

/* Returns true in the child, which is to run the machine. */
static bool start_machine(struct service *s, struct words *ports, int *ready)
{
	pid_t parent = getpid();
	int in[2], out[2];
	sigset_t none;
	size_t i;

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		die("no pipe: %s", strerror(errno));
	find_ports(s);
	fflush(NULL);
	s->machine = fork();
	if (s->machine < 0)
		die("no process: %s", strerror(errno));
	if (s->machine) {
		close(in[0]);
		close(out[1]);
		s->keyboard = in[1];
		s->ready = out[0];
		s->is_ready = false;
		return false;
	}
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
	/* Signals of the terminal are for the parent. */
	setpgid(0, 0);
	dup2(in[0], STDIN_FILENO);
	close(in[0]);
	close(in[1]);
	close(out[0]);
	close(s->signals);
	*ports = (struct words){ 0 };
	for (i = 0; i < s->network.nr; i++) {
		char *word = xasprintf("%u:%u", s->port[i], s->network.port[i].guest);

		close(s->listener[i]);
		words_add(ports, word);
		free(word);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	*ready = out[1];
	return true;
}

static void close_connection(struct service *s, size_t i)
{
	struct connection *c = s->connection[i];

	close(c->flow[0].from);
	close(c->flow[0].to);
	free(c);
	s->connection[i] = s->connection[--s->nr];
	s->since = now();
}

static void accept_one(struct service *s, size_t i)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(s->port[i]) };
	int client = accept4(s->listener[i], NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), guest;
	struct connection *c;

	if (client < 0)
		return;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	guest = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* QEMU listens, so that this does not wait. */
	if (guest < 0 || connect(guest, (struct sockaddr *)&a, sizeof(a)) ||
	    fcntl(guest, F_SETFL, O_NONBLOCK)) {
		tell("port %u of the machine: %s", s->network.port[i].guest, strerror(errno));
		if (guest >= 0)
			close(guest);
		close(client);
		return;
	}
	c = xcalloc(1, sizeof(*c));
	c->flow[0].from = c->flow[1].to = client;
	c->flow[0].to = c->flow[1].from = guest;
	s->connection[s->nr++] = c;
}

static short wants(const struct flow *f, bool reading)
{
	if (reading)
		return f->start == f->end && !f->ended ? POLLIN : 0;
	return f->start < f->end ? POLLOUT : 0;
}

static bool would_block(void)
{
	return errno == EAGAIN || errno == EINTR;
}

/* False: the connection is broken. */
static bool move_on(struct flow *f)
{
	ssize_t n;

	if (f->start == f->end && !f->ended) {
		n = read(f->from, f->data, sizeof(f->data));
		if (n < 0)
			return would_block();
		f->start = 0;
		f->end = n;
		f->ended = !n;
		if (!n)
			shutdown(f->to, SHUT_WR);
	}
	if (f->start < f->end) {
		n = send(f->to, f->data + f->start, f->end - f->start, MSG_NOSIGNAL);
		if (n < 0)
			return would_block();
		f->start += n;
	}
	return true;
}

static void relay(struct service *s, size_t i)
{
	struct flow *f = s->connection[i]->flow;

	if (!move_on(&f[0]) || !move_on(&f[1]) || (f[0].ended && f[1].ended))
		close_connection(s, i);
}

static int machine_ended(struct service *s)
{
	int status;

	while (waitpid(s->machine, &status, 0) < 0 && errno == EINTR)
		;
	s->machine = 0;
	close(s->keyboard);
	close(s->ready);
	while (s->nr)
		close_connection(s, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* As `lupine guest stop`: the application gets its stop signal, and has time for it. */
static void end_machine(struct service *s)
{
	struct pollfd p = { .fd = s->ready, .events = POLLIN };
	time_t until = now() + GRACE_SECONDS;
	char byte;

	if (!s->machine)
		return;
	if (write(s->keyboard, INTERRUPT, strlen(INTERRUPT)) < 0)
		kill(s->machine, SIGTERM);
	while (now() < until && poll(&p, 1, 1000) >= 0)
		if (p.revents && read(s->ready, &byte, 1) <= 0)
			break;
	kill(s->machine, SIGTERM);
	machine_ended(s);
}

/* The machine is ready, or has ended. */
static void hear_machine(struct service *s)
{
	int status;
	char byte;

	if (read(s->ready, &byte, 1) == 1) {
		s->is_ready = true;
		s->since = now();
		return;
	}
	status = machine_ended(s);
	/* Who waits would have it started again and again. */
	if (!s->is_ready) {
		tell("the machine has ended before its application was ready");
		exit(status ?: EXIT_CANNOT);
	}
}

static int patience(const struct service *s)
{
	time_t left;

	if (!s->machine || !s->is_ready || s->nr || !s->idle)
		return -1;
	left = s->since + s->idle - now();
	return left > 0 ? left * 1000 : 0;
}

/* Wait for something, and do it. Returns true in a child that is to run the machine. */
static bool turn(struct service *s, struct words *ports, int *ready)
{
	static struct pollfd p[2 + 2 * MOST_CONNECTIONS + 2 * MOST_PASSED];
	struct signalfd_siginfo info;
	size_t n = 0, i, first;
	bool open;

	open = !s->machine || (s->is_ready && s->nr < s->most);
	p[n++] = (struct pollfd){ .fd = s->signals, .events = POLLIN };
	p[n++] = (struct pollfd){ .fd = s->machine ? s->ready : -1, .events = POLLIN };
	for (i = 0; i < s->network.nr; i++)
		p[n++] = (struct pollfd){ .fd = open ? s->listener[i] : -1, .events = POLLIN };
	first = n;
	for (i = 0; i < s->nr; i++) {
		const struct flow *f = s->connection[i]->flow;

		p[n++] = (struct pollfd){ f[0].from, wants(&f[0], true) | wants(&f[1], false), 0 };
		p[n++] = (struct pollfd){ f[1].from, wants(&f[1], true) | wants(&f[0], false), 0 };
		/* The end of what nothing is wanted of is told again and again. */
		for (size_t j = n - 2; j < n; j++)
			if (!p[j].events)
				p[j].fd = -1;
	}
	if (poll(p, n, patience(s)) < 0 && errno != EINTR)
		die("poll: %s", strerror(errno));
	if (p[0].revents && read(s->signals, &info, sizeof(info)) == sizeof(info)) {
		end_machine(s);
		exit(128 + info.ssi_signo);
	}
	/* From the last one, since those behind a closed one move. */
	for (i = s->nr; i-- > 0; )
		if (p[first + 2 * i].revents || p[first + 2 * i + 1].revents)
			relay(s, i);
	for (i = 0; i < s->network.nr; i++) {
		if (!p[2 + i].revents)
			continue;
		if (!s->machine)
			return start_machine(s, ports, ready);
		if (s->nr < s->most)
			accept_one(s, i);
	}
	if (p[1].revents)
		hear_machine(s);
	else if (!patience(s))
		end_machine(s);
	return false;
}

/* Each connection has two descriptors. */
static size_t most_connections(size_t listeners)
{
	struct rlimit r;
	size_t most;

	if (getrlimit(RLIMIT_NOFILE, &r))
		die("no limit of descriptors: %s", strerror(errno));
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
	if (getrlimit(RLIMIT_NOFILE, &r) || r.rlim_cur < OTHER_FILES + listeners + 2)
		die("too few descriptors for a connection: raise ulimit -n");
	most = (r.rlim_cur - OTHER_FILES - listeners) / 2;
	return most < MOST_CONNECTIONS ? most : MOST_CONNECTIONS;
}

int on_connect(struct words *ports, unsigned int idle)
{
	static struct service s;
	sigset_t set;
	int ready;

	network_parse(&s.network, ports);
	if (!s.network.nr || s.network.nr > MOST_PASSED)
		die("--on-connect wants ports to listen on (-p), %d at most", MOST_PASSED);
	s.idle = idle;
	s.most = most_connections(s.network.nr);
	s.listener = xcalloc(s.network.nr, sizeof(*s.listener));
	s.port = xcalloc(s.network.nr, sizeof(*s.port));
	take_listeners(&s);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	s.signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (s.signals < 0 || sigprocmask(SIG_BLOCK, &set, NULL))
		die("signals: %s", strerror(errno));
	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	while (!turn(&s, ports, &ready))
		;
	return ready;
}
