// SPDX-License-Identifier: GPL-2.0
/*
 * The experiment peers: Redis and a hello on our kernels beside other systems, whose
 * machines the user names by the command that starts QEMU (--peer, --hello). All of them do
 * the same work: a client on the host reaches Redis by QEMU's user network, and a plugin of QEMU
 * counts the guest's instructions; what the guest does while nobody asks it for anything is
 * measured first, and subtracted.
 *
 * The client is ours, and sends what redis-benchmark does. That one opens all connections at
 * once, of which QEMU's user network, which listens with a backlog of one, loses some.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wordexp.h>

#include "bench.h"

#define SETTLE_SECONDS	2
#define TRY_MS		2000
#define IDLE_SECONDS	10
#define PATIENCE	30		/* seconds without an answer */
#define LOAD_SECONDS	600		/* for all requests of a load */
#define PAGE		4096
#define MEMORY		"@MEMORY@"	/* stands for the MiB of a machine */

/* What the plugin says of a machine that runs: see count.c, live= */
struct live {
	uint64_t all, upper;	/* instructions; those at addresses of the upper half */
};

/* A machine to measure: one of our kernels, or a peer's command */
struct subject {
	struct kernel kernel;
	const char *command;	/* or NULL */
};

struct machine {
	pid_t pid;
	int port;
	const char *log;
	const volatile struct live *live;
};

/* What a client sends, what each request is answered with, and how many are on their way */
#define KEY		"$3\r\nkey\r\n"
#define VALUE		"$3\r\nabc\r\n"
#define GET		"*2\r\n$3\r\nGET\r\n" KEY, VALUE
#define SET		"*3\r\n$3\r\nSET\r\n" KEY VALUE, "+OK\r\n"
#define MOST_CONNECTIONS	50

static const struct load {
	const char *metric, *request, *answer;
	int connections, pipeline;
} loads[] = {
	{ "set-c50-p1", SET, 50, 1 },
	{ "set-c50-p16", SET, 50, 16 },
	{ "get-c1-p1", GET, 1, 1 },
	{ "get-c50-p1", GET, 50, 1 },
	{ "get-c50-p16", GET, 50, 16 },
};

/* A port of this machine that nobody listens at. QEMU refuses one that is taken meanwhile. */
int free_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (void *)&a, size) || getsockname(fd, (void *)&a, &size))
		die("no free port: %m");
	close(fd);
	return ntohs(a.sin_port);
}

/* A peer's command, as a shell splits it: quotes hold a word together. No program is run. */
static wordexp_t split(const char *command)
{
	wordexp_t e;

	if (wordexp(command, &e, WRDE_NOCMD | WRDE_UNDEF) || !e.we_wordc)
		die("'%s' is no command, or its quotes are not closed", command);
	if (e.we_wordc > MOST_WORDS - 8)
		die("'%.60s...' has more than %d words", command, MOST_WORDS - 8);
	return e;
}

static void peer_words(struct words *w, const char *command, long memory)
{
	wordexp_t e = split(command);

	for (size_t i = 0; i < e.we_wordc; i++) {
		const char *word = e.we_wordv[i], *at = strstr(word, MEMORY);

		if (at)
			word = text("%.*s%ld%s", (int)(at - word), word, memory,
				    at + strlen(MEMORY));
		add(w, word, NULL);
	}
}

static void subject_words(struct words *w, const struct subject *s, const char *image,
			  long memory, const char *network, const char *plugin)
{
	if (s->command) {
		peer_words(w, s->command, memory);
		add(w, "-plugin", plugin, NULL);
		if (network)
			add(w, "-netdev", text("user,id=peer,%s", network), NULL);
		return;
	}
	guest_words(w, &s->kernel, image, NULL,
		    network ? "ip=10.0.2.15::10.0.2.2:255.255.255.0::eth0:off" : "", memory,
		    6 * LOAD_SECONDS);
	add(w, "--qemu", "-plugin", "--qemu", plugin, NULL);
	if (network)
		add(w, "--qemu", "-netdev", "--qemu", text("user,id=peer,%s", network), "--qemu",
		    "-device", "--qemu", "virtio-net-device,netdev=peer", NULL);
}

static const struct live *live_counters(const char *file)
{
	int fd = open(file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	void *at;

	if (fd < 0 || ftruncate(fd, PAGE))
		die("%s: %m", file);
	at = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		die("%s: %m", file);
	close(fd);
	return at;
}

bool has_ended(pid_t pid)
{
	siginfo_t info = { 0 };

	/* Left for who stops it */
	return waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid;
}

/* A connection on which Redis has said +PONG within so many milliseconds, or -1 */
int redis_connection(int port, long ms)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				 .sin_port = htons(port) };
	struct timeval patience = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
	char said[8] = "";
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (fd >= 0 && !connect(fd, (void *)&a, sizeof(a)) && write(fd, "PING\r\n", 6) == 6 &&
	    recv(fd, said, 7, MSG_WAITALL) == 7 && !strcmp(said, "+PONG\r\n"))
		return fd;
	close(fd);
	return -1;
}

static bool answers(int port)
{
	int fd = redis_connection(port, TRY_MS);

	close(fd);
	return fd >= 0;
}

/*
 * Send as many requests by a load's connections, each as many at a time as its pipeline
 * has; the next ones follow when all are answered. Returns NULL, or what went wrong.
 */
static const char *client(int port, const struct load *l, long requests, long seconds)
{
	double end = seconds_now() + seconds;
	struct pollfd fds[MOST_CONNECTIONS];
	size_t size = strlen(l->answer), sent = strlen(l->request) * l->pipeline, got;
	long left[MOST_CONNECTIONS], batches = requests / l->pipeline, open = l->connections;
	const char *wrong = NULL;
	char *batch = "", said[4096];
	ssize_t n;
	int i;

	for (i = 0; i < l->pipeline; i++)
		batch = text("%s%s", batch, l->request);
	for (i = 0; i < l->connections; i++) {
		fds[i] = (struct pollfd){ redis_connection(port, TRY_MS), POLLIN };
		left[i] = 0;
	}
	while (open && !wrong) {
		for (i = 0; i < l->connections && !wrong; i++) {
			if (left[i] || fds[i].fd < 0)
				continue;
			if (!batches) {
				close(fds[i].fd);
				fds[i].fd = -1;
				open--;
				continue;
			}
			batches--;
			left[i] = size * l->pipeline;
			if (write(fds[i].fd, batch, sent) != (ssize_t)sent)
				wrong = "a connection takes no more";
		}
		if (!open || wrong)
			break;
		if (poll(fds, l->connections, PATIENCE * 1000) <= 0 || seconds_now() > end)
			wrong = "no answer in time";
		end_if_caught();
		for (i = 0; i < l->connections && !wrong; i++) {
			if (!fds[i].revents || fds[i].fd < 0)
				continue;
			n = read(fds[i].fd, said, sizeof(said));
			if (n <= 0 || n > left[i])
				wrong = "a connection was closed, or had too many answers";
			for (got = 0; !wrong && got < (size_t)n; got++, left[i]--)
				if (said[got] != l->answer[(size - left[i] % size) % size])
					wrong = "another answer than expected";
		}
	}
	for (i = 0; i < l->connections; i++)
		close(fds[i].fd);
	return wrong;
}

/* Boot; returns false if Redis does not answer in time. */
static bool boot(struct machine *m, const struct subject *s, long memory)
{
	char *file = text("%s/live", work);
	struct words w = { 0 };
	double end;

	m->log = text("%s/console", work);
	m->port = free_port();
	m->live = live_counters(file);
	subject_words(&w, s, s->kernel.image, memory,
		      text("hostfwd=tcp:127.0.0.1:%d-:6379", m->port),
		      text("%s/bench/count.so,live=%s", build, file));
	m->pid = start(&w, m->log);
	for (end = seconds_now() + opt.ready; seconds_now() < end; usleep(100000)) {
		end_if_caught();
		if (answers(m->port))
			return true;
		if (has_ended(m->pid))
			break;
	}
	return false;
}

static void end(struct machine *m)
{
	stop(m->pid);
	munmap((void *)m->live, PAGE);
}

static void measure_redis(const struct experiment *e, const struct subject *s,
			  struct results *rows)
{
	const char *name = s->kernel.name;
	struct machine m;
	struct live was;
	double began, idle;

	if (!boot(&m, s, e->memory)) {
		show_end(m.log, 30);
		die("%s: no Redis answered within %ld s; the end of its console is above", name,
		    opt.ready);
	}
	sleep(SETTLE_SECONDS);
	was = *m.live;
	began = seconds_now();
	sleep(IDLE_SECONDS);
	end_if_caught();
	idle = (m.live->all - was.all) / (seconds_now() - began);
	add_row(rows, e, &s->kernel, "idle", "instructions/s", idle);
	if (!s->command)
		add_row(rows, e, &s->kernel, "idle-kernel", "instructions/s",
			(m.live->upper - was.upper) / (seconds_now() - began));
	for (size_t i = 0; i < ARRAY_SIZE(loads); i++) {
		const char *wrong;

		was = *m.live;
		began = seconds_now();
		wrong = client(m.port, &loads[i], opt.requests, LOAD_SECONDS);
		if (wrong) {
			show_end(m.log, 10);
			die("%s: %s: %s; the end of its console is above", name, loads[i].metric,
			    wrong);
		}
		add_row(rows, e, &s->kernel, loads[i].metric, "instructions",
			(m.live->all - was.all - idle * (seconds_now() - began)) /
			(opt.requests / loads[i].pipeline * loads[i].pipeline));
	}
	end(&m);
}

/* From the reset to the first instruction of main, and until the machine has ended */
static void measure_hello(const struct experiment *e, const struct subject *s, const char *main_at,
			  struct results *rows)
{
	char *profile = text("%s/profile", work), *log = text("%s/console", work), *data, *line;
	uint64_t address, total;
	struct words w = { 0 };

	remove(profile);
	if (main_at)
		publish(text("%s/places", work), main_at, strlen(main_at));
	add(&w, "timeout", text("%ld", opt.ready), NULL);
	subject_words(&w, s, "hello.ext2", e->memory, NULL,
		      text("%s/bench/count.so,output=%s%s", build, profile,
			   main_at ? text(",places=%s/places", work) : ""));
	run(&w, log);
	if (access(profile, R_OK)) {
		show_end(log, 30);
		die("%s: the machine that says hello did not start", s->kernel.name);
	}
	data = content(profile, NULL);
	while ((line = next_line(&data)))
		if (sscanf(line, "place %lx %lu", &address, &total) == 2)
			add_row(rows, e, &s->kernel, "hello-main", "instructions", total);
		else if (sscanf(line, "total %lu", &total) == 1)
			add_row(rows, e, &s->kernel, "hello-end", "instructions", total);
}

/* Redis answers, and to a client's requests, too. */
static bool passes(const void *subject, long memory)
{
	static const struct load load = { "", SET, 8, 1 };
	struct machine m;
	bool yes = boot(&m, subject, memory) && !client(m.port, &load, 1000, opt.ready);

	end(&m);
	return yes;
}

static uint64_t allocated(const char *file)
{
	struct stat st;

	return !stat(file, &st) && S_ISREG(st.st_mode) ? st.st_blocks * 512ull : 0;
}

/* The files that a command names: whole words, or values of their parts */
static uint64_t named_files(const char *command)
{
	wordexp_t e = split(command);
	uint64_t sum = 0;

	/* The first word is the program. */
	for (size_t i = 1; i < e.we_wordc; i++) {
		char *rest = e.we_wordv[i], *part, *equals;

		while ((part = strsep(&rest, ","))) {
			equals = strrchr(part, '=');
			sum += allocated(equals ? equals + 1 : part);
		}
	}
	return sum;
}

static void measure(const struct experiment *e, const struct subject *s, struct results *rows)
{
	const struct kernel *k = &s->kernel;

	fprintf(stderr, "==> Redis on %s\n", k->name);
	measure_redis(e, s, rows);
	add_row(rows, e, k, "image", "bytes", s->command ? named_files(s->command) :
		stripped_size(k) + allocated(text("%s/bench/%s", build, k->image)));
	if (!s->command || strstr(s->command, MEMORY)) {
		fprintf(stderr, "==> Least memory of Redis on %s\n", k->name);
		add_row(rows, e, k, "least-memory", "MiB",
			least_passing(text("redis on %s", k->name), passes, s));
	}
}

/* NAME=COMMAND, or NAME=ADDRESS of --main */
static char *named(const char *argument, const char *option, const char **value)
{
	char *equals = strchr(argument, '='), *name;

	name = equals ? text("%.*s", (int)(equals - argument), argument) : "";
	if (!is_name(name, "") || !equals[1])
		die("--%s %s: want NAME=%s", option, argument,
		    strcmp(option, "main") ? "COMMAND" : "ADDRESS");
	*value = equals + 1;
	return name;
}

static const char *main_of(const char *name)
{
	const char *value;
	char *end;

	for (size_t i = 0; i < opt.mains.n; i++) {
		if (strcmp(named(opt.mains.v[i], "main", &value), name))
			continue;
		if (!strtoull(value, &end, 16) || *end)
			die("--main %s: want a hexadecimal ADDRESS", opt.mains.v[i]);
		return value;
	}
	return NULL;
}

static struct subject peer(const char *argument, const char *option)
{
	struct subject s = { .kernel = { .release = "none", .profile = "-" } };

	s.kernel.name = named(argument, option, &s.command);
	return s;
}

/* What is wrong with the options is said before anything is built or measured. */
void check_peers(void)
{
	const char *value;

	for (size_t i = 0; i < opt.peers.n; i++)
		split(peer(opt.peers.v[i], "peer").command);
	for (size_t i = 0; i < opt.hellos.n; i++)
		split(peer(opt.hellos.v[i], "hello").command);
	for (size_t i = 0; i < opt.mains.n; i++)
		main_of(named(opt.mains.v[i], "main", &value));
}

static void check_names(const struct words *peers, const char *option, const struct kernel *k,
			size_t n)
{
	for (size_t i = 0; i < peers->n; i++)
		for (size_t j = 0; j < n; j++)
			if (!strcmp(peer(peers->v[i], option).kernel.name, k[j].name))
				die("--%s %s: a kernel of ours has this name", option, k[j].name);
}

void measure_peers(const struct experiment *e, struct kernel *k, size_t n, struct results *rows)
{
	const struct symbol *first;

	/* Only TCG has plugins. */
	opt.accel = "tcg";
	make_file("count.so");
	make_file("hello.ext2");
	first = elf_find(elf_open(text("%s/bench/hello/hello", build)), "main");
	check_names(&opt.peers, "peer", k, n);
	check_names(&opt.hellos, "hello", k, n);
	for (size_t i = 0; i < n; i++) {
		struct subject s = { .kernel = k[i] };

		measure(e, &s, rows);
		/* A hello is not rewritten. */
		if (k[i].image != e->rewritten)
			measure_hello(e, &s, text("%lx", first->address), rows);
	}
	for (size_t i = 0; i < opt.peers.n; i++) {
		struct subject s = peer(opt.peers.v[i], "peer");

		measure(e, &s, rows);
	}
	for (size_t i = 0; i < opt.hellos.n; i++) {
		struct subject s = peer(opt.hellos.v[i], "hello");

		measure_hello(e, &s, main_of(s.kernel.name), rows);
	}
}
