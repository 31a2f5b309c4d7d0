// SPDX-License-Identifier: GPL-2.0
/*
 * The guest of the experiment lmbench: what lmbench's summary lists, as in
 * Table 5 of "A Linux in Unikernel Clothing", measured by a program of our own in
 * the same manner. For each line it prints a row, in us (less is better) or MB/s
 * (10^6 bytes, more is better): the median of BATCHES batches, each of which takes
 * BATCH_NS at least. Arguments are names of the only ones to
 * measure.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"

#define BATCHES		11
#define BATCH_NS	10000000UL
#define MEMORY		(8UL << 20)	/* of files and buffers: beyond caches */
#define CHUNK		(64UL << 10)	/* what bandwidths move at a time */
#define FDS		100
#define FILES		100
#define RING		16

static const char *const self = "/lmbench";
static const char *const file_name = "/var/lmbench/file";

/* The other side of what needs one. Gone when it closes, or we do. */
static pid_t partner;

static pid_t child(void)
{
	pid_t pid;

	fflush(stdout);
	pid = TRY(fork());
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static void part(void)
{
	kill(partner, SIGKILL);
	TRY(waitpid(partner, NULL, 0));
}

/* System calls */

static int zero, null;

static void open_devices(long unused)
{
	(void)unused;
	zero = TRY(open("/dev/zero", O_RDONLY));
	null = TRY(open("/dev/null", O_WRONLY));
}

static void close_devices(void)
{
	close(zero);
	close(null);
}

static void null_call(unsigned long n)
{
	while (n--)
		syscall(SYS_getppid);
}

static void null_io(unsigned long n)
{
	char c;

	while (n--) {
		TRY(read(zero, &c, 1));
		TRY(write(null, &c, 1));
	}
}

static void make_file(long size)
{
	int fd = TRY(open(file_name, O_CREAT | O_RDWR | O_TRUNC, 0600));
	static char chunk[CHUNK];

	for (; size > 0; size -= CHUNK)
		move(put, fd, chunk, CHUNK);
	close(fd);
}

static void remove_file(void)
{
	TRY(unlink(file_name));
}

static void do_stat(unsigned long n)
{
	struct stat st;

	while (n--)
		TRY(stat(file_name, &st));
}

static void open_close(unsigned long n)
{
	while (n--)
		TRY(close(TRY(open(file_name, O_RDONLY))));
}

static int fds[FDS];

static void open_fds(long sockets)
{
	int i;

	for (i = 0; i < FDS; i++)
		fds[i] = sockets ? TRY(socket(AF_INET, SOCK_STREAM, 0)) :
				   TRY(open("/dev/zero", O_RDONLY));
}

static void close_fds(void)
{
	int i;

	for (i = 0; i < FDS; i++)
		close(fds[i]);
}

static void do_select(unsigned long n)
{
	struct timeval none = { 0, 0 };
	fd_set set;
	int i;

	while (n--) {
		FD_ZERO(&set);
		for (i = 0; i < FDS; i++)
			FD_SET(fds[i], &set);
		TRY(select(fds[FDS - 1] + 1, &set, NULL, NULL, &none));
	}
}

/* Signals */

static volatile unsigned long handled;

static void on_signal(int sig)
{
	(void)sig;
	handled++;
}

static void install(unsigned long n)
{
	struct sigaction act = { .sa_handler = on_signal };

	while (n--)
		TRY(sigaction(SIGUSR1, &act, NULL));
}

static void catch_signal(long unused)
{
	(void)unused;
	install(1);
}

static void handle(unsigned long n)
{
	unsigned long want = handled + n;
	pid_t pid = getpid();

	while (n--)
		TRY(kill(pid, SIGUSR1));
	if (handled != want)
		fail("%lu signals are missing", want - handled);
}

static char *area;
static sigjmp_buf after_fault;

static void on_fault(int sig)
{
	(void)sig;
	siglongjmp(after_fault, 1);
}

static void protect(long unused)
{
	struct sigaction act = { .sa_handler = on_fault };

	(void)unused;
	area = TRY(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	TRY(sigaction(SIGSEGV, &act, NULL));
}

static void unprotect(void)
{
	signal(SIGSEGV, SIG_DFL);
	munmap(area, 4096);
}

static void prot_fault(unsigned long n)
{
	volatile unsigned long left = n;

	while (left--)
		if (!sigsetjmp(after_fault, 1))
			*(volatile char *)area = 1;
}

/* Processes */

static void wait_for(pid_t pid)
{
	int status;

	TRY(waitpid(pid, &status, 0));
	if (status)
		fail("a child ended with status %#x", status);
}

static void do_fork(unsigned long n)
{
	pid_t pid;

	while (n--) {
		pid = TRY(fork());
		if (!pid)
			_exit(0);
		wait_for(pid);
	}
}

static void run(const char *program, char *const argv[], unsigned long n)
{
	char *const none[] = { NULL };
	pid_t pid;

	while (n--) {
		pid = TRY(fork());
		if (!pid) {
			execve(program, argv, none);
			_exit(127);
		}
		wait_for(pid);
	}
}

static void do_exec(unsigned long n)
{
	char *const argv[] = { (char *)self, "--exit", NULL };

	run(self, argv, n);
}

static void do_sh(unsigned long n)
{
	char *const argv[] = { "sh", "-c", "/lmbench --exit; :", NULL };

	run("/bin/sh", argv, n);
}

/*
 * Context switches: a token goes round a ring of processes, each of which reads
 * its memory before it passes it on. Less what one process takes for the same.
 */

static struct {
	int processes;
	size_t words;
	int in[RING], out[RING];
	pid_t pid[RING];
	long *memory;
} ring;

static volatile long result;

#define CTX(processes, kb)	((processes) << 16 | (kb))

static long sum_of(const long *p, size_t words)
{
	long sum = 0;

	while (words--)
		sum += *p++;
	return sum;
}

static void take(int in, const long *memory)
{
	char c;

	TRY(read(in, &c, 1));
	result = sum_of(memory, ring.words);
}

static void start_ring(long arg)
{
	int i, p[2];
	char c = 0;

	ring.processes = arg >> 16;
	ring.words = (arg & 0xffff) * 1024 / sizeof(long);
	ring.memory = TRY(mmap(NULL, RING * (ring.words + 1) * sizeof(long),
			       PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0));
	for (i = 0; i < ring.processes; i++) {
		TRY(pipe(p));
		ring.in[i] = p[0];
		ring.out[i] = p[1];
	}
	/* Each has memory of its own, even if none writes to it here. */
	for (i = 1; i < ring.processes; i++) {
		ring.pid[i] = child();
		if (!ring.pid[i]) {
			memset(ring.memory, 1, ring.words * sizeof(long));
			for (;;) {
				take(ring.in[i], ring.memory);
				TRY(write(ring.out[(i + 1) % ring.processes], &c, 1));
			}
		}
	}
}

static void stop_ring(void)
{
	int i;

	for (i = 1; i < ring.processes; i++) {
		kill(ring.pid[i], SIGKILL);
		TRY(waitpid(ring.pid[i], NULL, 0));
	}
	for (i = 0; i < ring.processes; i++) {
		close(ring.in[i]);
		close(ring.out[i]);
	}
	munmap(ring.memory, RING * (ring.words + 1) * sizeof(long));
}

/* n switches, or as near as whole rounds come. */
static void go_round(unsigned long n)
{
	char c = 0;

	for (n /= ring.processes; n; n--) {
		TRY(write(ring.out[1], &c, 1));
		take(ring.in[0], ring.memory);
	}
}

static void stay_here(unsigned long n)
{
	char c = 0;
	int i = 0;

	while (n--) {
		TRY(write(ring.out[0], &c, 1));
		take(ring.in[0], ring.memory + i * ring.words);
		i = (i + 1) % ring.processes;
	}
}

/* There and back, a byte each */

static int here, there;

static void echo_from(int a, int b)
{
	char c;

	for (;;) {
		if (read(a, &c, 1) != 1)
			_exit(0);
		if (write(b, &c, 1) != 1)
			_exit(1);
	}
}

static void start_pipe(long unused)
{
	int to[2], from[2];

	(void)unused;
	TRY(pipe(to));
	TRY(pipe(from));
	partner = child();
	if (!partner)
		echo_from(to[0], from[1]);
	close(to[0]);
	close(from[1]);
	there = to[1];
	here = from[0];
}

static void start_unix(long unused)
{
	int s[2];

	(void)unused;
	TRY(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	partner = child();
	if (!partner) {
		close(s[0]);
		echo_from(s[1], s[1]);
	}
	close(s[1]);
	here = s[0];
	there = dup(s[0]);
}

static struct sockaddr_in address;

static int bound(int type)
{
	socklen_t size = sizeof(address);
	int s = TRY(socket(AF_INET, type, 0));

	address = (struct sockaddr_in) {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	TRY(bind(s, (struct sockaddr *)&address, sizeof(address)));
	TRY(getsockname(s, (struct sockaddr *)&address, &size));
	return s;
}

static int connected(int type)
{
	int s = TRY(socket(AF_INET, type, 0)), one = 1;

	TRY(connect(s, (struct sockaddr *)&address, sizeof(address)));
	if (type == SOCK_STREAM)
		TRY(setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)));
	return s;
}

static void echo_datagrams(int s)
{
	struct sockaddr_in from;
	socklen_t size;
	char c;

	for (;;) {
		size = sizeof(from);
		TRY(recvfrom(s, &c, 1, 0, (struct sockaddr *)&from, &size));
		TRY(sendto(s, &c, 1, 0, (struct sockaddr *)&from, size));
	}
}

static void start_udp(long unused)
{
	int s = bound(SOCK_DGRAM);

	(void)unused;
	partner = child();
	if (!partner)
		echo_datagrams(s);
	close(s);
	here = connected(SOCK_DGRAM);
	there = dup(here);
}

static void start_tcp(long unused)
{
	int s = bound(SOCK_STREAM), one = 1;

	(void)unused;
	TRY(listen(s, 5));
	partner = child();
	if (!partner) {
		s = TRY(accept(s, NULL, NULL));
		TRY(setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)));
		echo_from(s, s);
	}
	close(s);
	here = connected(SOCK_STREAM);
	there = dup(here);
}

static void stop_echo(void)
{
	close(here);
	close(there);
	part();
}

static void there_and_back(unsigned long n)
{
	char c = 0;

	while (n--) {
		TRY(write(there, &c, 1));
		TRY(read(here, &c, 1));
	}
}

static void start_accept(long unused)
{
	int s = bound(SOCK_STREAM);

	(void)unused;
	TRY(listen(s, 100));
	partner = child();
	while (!partner)
		close(TRY(accept(s, NULL, NULL)));
	close(s);
}

/* Ports are not left waiting: there are too few for that. */
static void do_connect(unsigned long n)
{
	struct linger reset = { .l_onoff = 1 };
	int s;

	while (n--) {
		s = TRY(socket(AF_INET, SOCK_STREAM, 0));
		TRY(connect(s, (struct sockaddr *)&address, sizeof(address)));
		setsockopt(s, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(s);
	}
}

/* Bandwidths: n chunks to a partner that takes them all */

static char *buffer;

static void allocate(long unused)
{
	(void)unused;
	buffer = TRY(mmap(NULL, 2 * MEMORY, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0));
	memset(buffer, 1, 2 * MEMORY);
}

static void release(void)
{
	munmap(buffer, 2 * MEMORY);
}

static void swallow(int fd)
{
	char c = 0;

	for (;;) {
		move(read, fd, buffer, CHUNK);
		TRY(write(there, &c, 1));
	}
}

/* The partner confirms on @there, whose other end is @here. */
static void start_flow(long kind)
{
	int data[2], confirm[2], listener = -1;

	allocate(0);
	TRY(pipe(confirm));
	switch (kind) {
	case 'p':
		TRY(pipe(data));
		break;
	case 'u':
		TRY(socketpair(AF_UNIX, SOCK_STREAM, 0, data));
		break;
	default:
		listener = bound(SOCK_STREAM);
		TRY(listen(listener, 1));
	}
	partner = child();
	if (!partner) {
		there = confirm[1];
		swallow(listener < 0 ? data[0] : TRY(accept(listener, NULL, NULL)));
	}
	if (listener < 0) {
		close(data[0]);
		there = data[1];
	} else {
		close(listener);
		there = connected(SOCK_STREAM);
	}
	here = confirm[0];
	close(confirm[1]);
}

static void stop_flow(void)
{
	stop_echo();
	release();
}

static void flow(unsigned long n)
{
	unsigned long i;
	char c;

	for (i = 0; i < n; i++) {
		move(put, there, buffer, CHUNK);
		TRY(read(here, &c, 1));
	}
}

/* Files */

static void create(size_t size, unsigned long n)
{
	static char content[10240];
	char name[64];
	int fd;

	while (n--) {
		snprintf(name, sizeof(name), "%s%lu", file_name, n % FILES);
		fd = TRY(open(name, O_CREAT | O_WRONLY | O_EXCL, 0600));
		if (size)
			move(put, fd, content, size);
		close(fd);
	}
}

static void delete(unsigned long n)
{
	char name[64];

	while (n--) {
		snprintf(name, sizeof(name), "%s%lu", file_name, n % FILES);
		TRY(unlink(name));
	}
}

static int fd;

static void start_mapped(long unused)
{
	(void)unused;
	make_file(MEMORY);
	allocate(0);
	fd = TRY(open(file_name, O_RDWR));
	area = TRY(mmap(NULL, MEMORY, PROT_READ, MAP_SHARED, fd, 0));
}

static void stop_mapped(void)
{
	munmap(area, MEMORY);
	close(fd);
	release();
	remove_file();
}

static void reread(unsigned long n)
{
	while (n--) {
		TRY(lseek(fd, 0, SEEK_SET));
		move(read, fd, buffer, MEMORY);
	}
}

static void map_reread(unsigned long n)
{
	while (n--)
		result = sum_of((long *)area, MEMORY / sizeof(long));
}

/* Map it, read a byte of each fourth page, and forget it. */
static void map_latency(unsigned long n)
{
	volatile char *p;
	size_t i;

	while (n--) {
		p = TRY(mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
		for (i = 0; i < MEMORY; i += 16384)
			result = p[i];
		munmap((void *)p, MEMORY);
	}
}

/* Pages of a file that is in memory. The kernel maps those around, too. */
static void page_fault(unsigned long n)
{
	size_t pages = MEMORY / 4096, i = 0;

	while (n--) {
		if (!i) {
			munmap(area, MEMORY);
			area = TRY(mmap(NULL, MEMORY, PROT_READ, MAP_SHARED, fd, 0));
		}
		result = ((volatile char *)area)[i * 37 % pages * 4096];
		i = (i + 1) % pages;
	}
}

/* Memory */

static void copy_libc(unsigned long n)
{
	while (n--) {
		memcpy(buffer + MEMORY, buffer, MEMORY);
		asm volatile("" : : : "memory");
	}
}

static void copy_hand(unsigned long n)
{
	volatile long *to = (long *)(buffer + MEMORY), *from = (long *)buffer;
	size_t i;

	while (n--)
		for (i = 0; i < MEMORY / sizeof(long); i++)
			to[i] = from[i];
}

static void memory_read(unsigned long n)
{
	while (n--)
		result = sum_of((long *)buffer, MEMORY / sizeof(long));
}

static void memory_write(unsigned long n)
{
	volatile long *to = (long *)buffer;
	size_t i;

	while (n--)
		for (i = 0; i < MEMORY / sizeof(long); i++)
			to[i] = 1;
}

/*
 * start(arg), then run(count) as often as wanted, then stop(). A run does what is
 * measured @per times for each of its count; overhead(count) is subtracted. With
 * bytes, which a run moves for each of its count, the result is a bandwidth.
 */
static const struct op {
	const char *name;
	void (*run)(unsigned long n);
	void (*start)(long arg);
	void (*stop)(void);
	long arg;
	unsigned int per;
	void (*overhead)(unsigned long n);
	size_t bytes;
} ops[] = {
	{ "null-call", null_call },
	{ "null-io", null_io, open_devices, close_devices, .per = 2 },
	{ "stat", do_stat, make_file, remove_file },
	{ "open-close", open_close, make_file, remove_file },
	{ "select-tcp", do_select, open_fds, close_fds, 1 },
	{ "sig-inst", install },
	{ "sig-hndl", handle, catch_signal },
	{ "fork", do_fork },
	{ "exec", do_exec },
	{ "sh", do_sh },
	{ "2p-0k-ctxsw", go_round, start_ring, stop_ring, CTX(2, 0), .overhead = stay_here },
	{ "2p-16k-ctxsw", go_round, start_ring, stop_ring, CTX(2, 16), .overhead = stay_here },
	{ "2p-64k-ctxsw", go_round, start_ring, stop_ring, CTX(2, 64), .overhead = stay_here },
	{ "8p-16k-ctxsw", go_round, start_ring, stop_ring, CTX(8, 16), .overhead = stay_here },
	{ "8p-64k-ctxsw", go_round, start_ring, stop_ring, CTX(8, 64), .overhead = stay_here },
	{ "16p-16k-ctxsw", go_round, start_ring, stop_ring, CTX(16, 16),
	  .overhead = stay_here },
	{ "16p-64k-ctxsw", go_round, start_ring, stop_ring, CTX(16, 64),
	  .overhead = stay_here },
	{ "pipe", there_and_back, start_pipe, stop_echo },
	{ "af-unix", there_and_back, start_unix, stop_echo },
	{ "udp", there_and_back, start_udp, stop_echo },
	{ "tcp", there_and_back, start_tcp, stop_echo },
	{ "tcp-conn", do_connect, start_accept, part },
	{ "mmap", map_latency, start_mapped, stop_mapped },
	{ "prot-fault", prot_fault, protect, unprotect },
	{ "page-fault", page_fault, start_mapped, stop_mapped },
	{ "100fd-select", do_select, open_fds, close_fds },
	{ "pipe-bw", flow, start_flow, stop_flow, 'p', .bytes = CHUNK },
	{ "af-unix-bw", flow, start_flow, stop_flow, 'u', .bytes = CHUNK },
	{ "tcp-bw", flow, start_flow, stop_flow, 't', .bytes = CHUNK },
	{ "file-reread", reread, start_mapped, stop_mapped, .bytes = MEMORY },
	{ "mmap-reread", map_reread, start_mapped, stop_mapped, .bytes = MEMORY },
	{ "bcopy-libc", copy_libc, allocate, release, .bytes = MEMORY },
	{ "bcopy-hand", copy_hand, allocate, release, .bytes = MEMORY },
	{ "mem-read", memory_read, allocate, release, .bytes = MEMORY },
	{ "mem-write", memory_write, allocate, release, .bytes = MEMORY },
};

static double time_of(void (*f)(unsigned long n), unsigned long n)
{
	unsigned long t = now_ns();

	f(n);
	return (double)(now_ns() - t) / n;
}

static void say(const char *name, double ns, size_t bytes)
{
	row("lmbench", "", name, -1, bytes ? "MB/s" : "us", bytes ? bytes * 1000 / ns : ns / 1000);
}

static void measure(const struct op *op)
{
	double cost[BATCHES], overhead[BATCHES];
	/* Whole rounds of a ring. */
	unsigned long n = RING;
	int i;

	if (op->bytes == MEMORY || op->run == map_latency)
		n = 1;
	if (op->start)
		op->start(op->arg);
	/* The first warms up. */
	op->run(n);
	while (time_of(op->run, n) * n < BATCH_NS)
		n *= 2;
	for (i = 0; i < BATCHES; i++) {
		cost[i] = time_of(op->run, n) / (op->per ? op->per : 1);
		overhead[i] = op->overhead ? time_of(op->overhead, n) : 0;
	}
	if (op->stop)
		op->stop();
	say(op->name, median(cost, BATCHES) - median(overhead, BATCHES), op->bytes);
}

/* What is created has to be deleted, and both count. */
static void measure_files(size_t size, const char *created, const char *deleted)
{
	double make[BATCHES], drop[BATCHES];
	unsigned long t, n = 0, total[2] = { 0, 0 };
	int i;

	for (i = -1; i < BATCHES; i++) {
		total[0] = 0;
		total[1] = 0;
		n = 0;
		do {
			t = now_ns();
			create(size, FILES);
			total[0] += now_ns() - t;
			t = now_ns();
			delete(FILES);
			total[1] += now_ns() - t;
			n += FILES;
		} while (total[0] + total[1] < 2 * BATCH_NS);
		if (i < 0)
			continue;
		make[i] = (double)total[0] / n;
		drop[i] = (double)total[1] / n;
	}
	say(created, median(make, BATCHES), 0);
	say(deleted, median(drop, BATCHES), 0);
}

/* Without arguments, all. */
static bool wanted(const char *name, char **argv)
{
	int i;

	for (i = 1; argv[i]; i++)
		if (!strcmp(argv[i], name))
			return true;
	return i == 1;
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc == 2 && !strcmp(argv[1], "--exit"))
		return 0;
	setvbuf(stdout, NULL, _IOLBF, 0);
	check_clock();
	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (wanted(ops[i].name, argv))
			measure(&ops[i]);
	if (wanted("0k-create", argv))
		measure_files(0, "0k-create", "0k-delete");
	if (wanted("10k-create", argv))
		measure_files(10240, "10k-create", "10k-delete");
	return 0;
}
