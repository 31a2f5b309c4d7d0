// SPDX-License-Identifier: GPL-2.0
/*
 * The guest of busy, control, messaging, locks and make: what several processes cost, as in
 * section 5 of "A Linux in Unikernel Clothing". The argument is one of
 *
 *	busy		a system call, and then N turns of a loop (Figure 10)
 *	control		system calls beside N processes that sleep (Figure 11)
 *	messaging	groups of 10 senders and 10 receivers that talk over UNIX
 *			sockets, all of them threads or all of them processes (Figure 12)
 *	locks		N times 4 processes that pass a semaphore, a futex on
 *	make		make -jN compiles small files with tcc
 *
 * It prints rows in ns, which are instructions if the clocks count these: of a system call
 * (and the loop), of a message, of a semaphore passed on, of a file compiled.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"

#define BATCHES		21
#define CALLS		1000
#define MOST_CONTROL	1024
#define SENDERS		10	/* and as many receivers, in each group */
#define MESSAGES	50	/* from each sender to each receiver */
#define MESSAGE		100	/* bytes */
#define MESSAGE_RUNS	3
#define TURNS		200
#define SHARERS		4
#define FILES		24	/* that are compiled */

static long by_syscall(long nr, long a, void *b, long c)
{
	long result;

	asm volatile("syscall"
		     : "=a" (result)
		     : "a" (nr), "D" (a), "S" (b), "d" (c)
		     : "rcx", "r11", "memory");
	return result;
}

static long by_call(long nr, long a, void *b, long c)
{
	long result;

	/* Not where the red zone is. */
	asm volatile("leaq -128(%%rsp), %%rsp\n\t"
		     "callq *%c[entry]\n\t"
		     "leaq 128(%%rsp), %%rsp"
		     : "=a" (result)
		     : "a" (nr), "D" (a), "S" (b), "d" (c), [entry] "i" (CALL_ENTRY)
		     : "rcx", "r11", "memory");
	return result;
}

typedef long enter_fn(long nr, long a, void *b, long c);

static const struct {
	const char *name;
	enter_fn *enter;
} entries[] = {
	{ "-syscall", by_syscall },
	{ "-call", by_call },
};

static int n_entries;

/* A kernel that can be called in both ways makes two systems. */
static const char *suffix(int entry)
{
	return n_entries == 1 ? "" : entries[entry].name;
}

static double call_and_loop(enter_fn *enter, long turns)
{
	unsigned long t = now_ns();
	long left;
	int i;

	for (i = 0; i < CALLS; i++) {
		enter(SYS_getppid, 0, NULL, 0);
		left = turns;
		/* Two instructions a turn, whatever the compiler thinks */
		if (left)
			asm volatile("1: decq %0\n\tjnz 1b" : "+r" (left));
	}
	return (double)(now_ns() - t) / CALLS;
}

static void measure_busy(void)
{
	static const int turns[] = { 0, 10, 20, 40, 80, 160, 320 };
	double v[BATCHES];
	size_t i;
	int e, b;

	for (i = 0; i < sizeof(turns) / sizeof(turns[0]); i++)
		for (e = 0; e < n_entries; e++) {
			call_and_loop(entries[e].enter, turns[i]);
			for (b = 0; b < BATCHES; b++)
				v[b] = call_and_loop(entries[e].enter, turns[i]);
			row("busy", suffix(e), "busy", turns[i], "ns", median(v, BATCHES));
		}
}

static double calls(enter_fn *enter, long nr, int fd)
{
	static char byte;
	unsigned long t = now_ns();
	long wanted = nr == SYS_getppid ? getppid() : 1;
	int i;

	for (i = 0; i < CALLS; i++)
		if (enter(nr, fd, &byte, 1) != wanted)
			fail("system call %ld goes wrong", nr);
	return (double)(now_ns() - t) / CALLS;
}

static void measure_control(void)
{
	static const struct {
		const char *name, *device;
		long nr;
	} what[] = {
		{ "control-null", "/dev/null", SYS_getppid },
		{ "control-read", "/dev/zero", SYS_read },
		{ "control-write", "/dev/null", SYS_write },
	};
	static pid_t child[MOST_CONTROL];
	double v[BATCHES];
	int n = 0, target, e, b, fd;
	size_t i;

	for (target = 1; target <= MOST_CONTROL; target *= 2) {
		for (; n < target; n++) {
			child[n] = TRY(fork());
			if (child[n] == 0) {
				prctl(PR_SET_PDEATHSIG, SIGKILL);
				for (;;)
					sleep(1000);
			}
		}
		/* They go to sleep. */
		usleep(20000 + 500 * n);
		for (i = 0; i < sizeof(what) / sizeof(what[0]); i++) {
			fd = TRY(open(what[i].device, O_RDWR));
			for (e = 0; e < n_entries; e++) {
				calls(entries[e].enter, what[i].nr, fd);
				for (b = 0; b < BATCHES; b++)
					v[b] = calls(entries[e].enter, what[i].nr, fd);
				row("control", suffix(e), what[i].name, target, "ns",
				    median(v, BATCHES));
			}
			close(fd);
		}
	}
	while (n--) {
		kill(child[n], SIGKILL);
		waitpid(child[n], NULL, 0);
	}
}

/* Of one group: the sockets of each receiver. */
struct group {
	int in[SENDERS], out[SENDERS];
};

struct member {
	struct group *group;
	int number;
	bool sends;
	int ready, go, end;
};

static void *talk(void *argument)
{
	struct member *m = argument;
	char data[MESSAGE] = "";
	int i, r;

	move(put, m->ready, data, 1);
	move(read, m->go, data, 1);
	if (m->sends) {
		for (i = 0; i < MESSAGES; i++)
			for (r = 0; r < SENDERS; r++)
				move(put, m->group->out[r], data, MESSAGE);
	} else {
		for (i = 0; i < MESSAGES * SENDERS; i++)
			move(read, m->group->in[m->number], data, MESSAGE);
	}
	move(put, m->ready, data, 1);
	move(read, m->end, data, 1);
	return NULL;
}

/*
 * ns of a message, from when all who talk are there until all have said that they are
 * done: not how processes end, each of which has the sockets of all.
 */
static double message(int groups, bool threads)
{
	int members = groups * 2 * SENDERS, i, g, status, fds[2], ready[2], go[2], end[2];
	struct group *group = calloc(groups, sizeof(*group));
	struct member *m = calloc(members, sizeof(*m));
	pthread_t *thread = calloc(members, sizeof(*thread));
	pid_t *pid = calloc(members, sizeof(*pid));
	pthread_attr_t small;
	char byte = 0;
	unsigned long t;

	if (!group || !m || !thread || !pid)
		fail("no memory for %d groups", groups);
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 65536);
	for (g = 0; g < groups; g++)
		for (i = 0; i < SENDERS; i++) {
			TRY(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
			group[g].in[i] = fds[0];
			group[g].out[i] = fds[1];
		}
	TRY(pipe(ready));
	TRY(pipe(go));
	TRY(pipe(end));
	for (i = 0; i < members; i++) {
		m[i] = (struct member){
			.group = &group[i / (2 * SENDERS)],
			.number = i % SENDERS,
			.sends = i / SENDERS % 2,
			.ready = ready[1],
			.go = go[0],
			.end = end[0],
		};
		if (threads) {
			errno = pthread_create(&thread[i], &small, talk, &m[i]);
			if (errno)
				fail("thread %d: %s", i, strerror(errno));
			continue;
		}
		pid[i] = TRY(fork());
		if (pid[i] == 0) {
			talk(&m[i]);
			_exit(0);
		}
	}
	for (i = 0; i < members; i++)
		move(read, ready[0], &byte, 1);
	t = now_ns();
	for (i = 0; i < members; i++)
		move(put, go[1], &byte, 1);
	for (i = 0; i < members; i++)
		move(read, ready[0], &byte, 1);
	t = now_ns() - t;
	for (i = 0; i < members; i++)
		move(put, end[1], &byte, 1);
	for (i = 0; i < members; i++) {
		if (threads)
			pthread_join(thread[i], NULL);
		else if (waitpid(pid[i], &status, 0) != pid[i] || status)
			fail("process %d ended with status %d", i, status);
	}
	for (g = 0; g < groups; g++)
		for (i = 0; i < SENDERS; i++) {
			close(group[g].in[i]);
			close(group[g].out[i]);
		}
	for (i = 0; i < 2; i++) {
		close(ready[i]);
		close(go[i]);
		close(end[i]);
	}
	pthread_attr_destroy(&small);
	free(pid);
	free(thread);
	free(m);
	free(group);
	return (double)t / ((double)groups * SENDERS * SENDERS * MESSAGES);
}

static void measure_messaging(void)
{
	double v[2][MESSAGE_RUNS];
	int groups, b;

	for (groups = 1; groups <= 16; groups *= 2) {
		message(groups, false);
		/* In turns, so that a disturbance hits both. */
		for (b = 0; b < MESSAGE_RUNS; b++) {
			v[0][b] = message(groups, true);
			v[1][b] = message(groups, false);
		}
		row("messaging", "", "threads", groups, "ns", median(v[0], MESSAGE_RUNS));
		row("messaging", "", "processes", groups, "ns", median(v[1], MESSAGE_RUNS));
	}
}

/* A turn: whoever has it hands it to the next of the four. */
struct ring {
	sem_t sem[SHARERS];
	int turn;
};

static void pass_semaphore(struct ring *r, int me)
{
	int i;

	for (i = 0; i < TURNS; i++) {
		while (sem_wait(&r->sem[me]) != 0)
			if (errno != EINTR)
				fail("sem_wait: %s", strerror(errno));
		sem_post(&r->sem[(me + 1) % SHARERS]);
	}
}

static void pass_futex(struct ring *r, int me)
{
	int i, now;

	for (i = 0; i < TURNS; i++) {
		while ((now = __atomic_load_n(&r->turn, __ATOMIC_ACQUIRE)) % SHARERS != me)
			syscall(SYS_futex, &r->turn, FUTEX_WAIT, now, NULL, NULL, 0);
		__atomic_add_fetch(&r->turn, 1, __ATOMIC_RELEASE);
		syscall(SYS_futex, &r->turn, FUTEX_WAKE, SHARERS, NULL, NULL, 0);
	}
}

static double pass(void (*on)(struct ring *r, int me), int workers)
{
	struct ring *ring;
	int w, i, status, running = 0;
	unsigned long t;
	pid_t pid;

	ring = TRY(mmap(NULL, workers * sizeof(*ring), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	t = now_ns();
	for (w = 0; w < workers; w++)
		for (i = 0; i < SHARERS; i++)
			TRY(sem_init(&ring[w].sem[i], 1, i == 0));
	for (w = 0; w < workers; w++)
		for (i = 0; i < SHARERS; i++) {
			pid = TRY(fork());
			if (pid == 0) {
				on(&ring[w], i);
				_exit(0);
			}
			running++;
		}
	while (running--)
		if (wait(&status) < 0 || status)
			fail("a worker ended with status %d", status);
	t = now_ns() - t;
	munmap(ring, workers * sizeof(*ring));
	return (double)t / ((double)workers * SHARERS * TURNS);
}

static void measure_locks(void)
{
	double v[2][5];
	int workers, b;

	for (workers = 1; workers <= 64; workers *= 8) {
		for (b = 0; b < 5; b++) {
			v[0][b] = pass(pass_semaphore, workers);
			v[1][b] = pass(pass_futex, workers);
		}
		row("locks", "", "sem", workers, "ns", median(v[0], 5));
		row("locks", "", "futex", workers, "ns", median(v[1], 5));
	}
}

/* A file of its own, which is not there yet or is replaced. */
__attribute__((format(printf, 2, 3)))
static void write_file(const char *name, const char *format, ...)
{
	va_list args;
	FILE *f = fopen(name, "w");

	if (!f)
		fail("%s: %s", name, strerror(errno));
	va_start(args, format);
	vfprintf(f, format, args);
	va_end(args);
	if (fclose(f) != 0)
		fail("%s: %s", name, strerror(errno));
}

/* All of the files again, in ns for each. */
static double compile(const char *jobs)
{
	unsigned long t = now_ns();
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		execl("/usr/bin/make", "make", "-s", "-B", jobs, NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		fail("make: %s", strerror(errno));
	if (status)
		fail("make %s ended with status %#x", jobs, status);
	return (double)(now_ns() - t) / FILES;
}

static void measure_make(void)
{
	static const char *const names[] = { "make-j1", "make-j4", "make-j16" };
	double v[3][3];
	char name[16];
	int i, b;

	TRY(mkdir("/make", 0755));
	TRY(chdir("/make"));
	for (i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "f%d.c", i);
		write_file(name, "#include <stdio.h>\n#include <stdlib.h>\n"
			   "int f%d(int n) { return printf(\"%%d\", abs(n)); }\n", i);
	}
	write_file("Makefile", "all: $(patsubst %%.c,%%.o,$(wildcard *.c))\n"
		   "%%.o: %%.c\n\ttcc -c -o $@ $<\n");
	/* The first time takes longer, since files are read. */
	compile("-j1");
	for (b = 0; b < 3; b++)
		for (i = 0; i < 3; i++)
			v[i][b] = compile(names[i] + strlen("make"));
	for (i = 0; i < 3; i++)
		row("make", "", names[i], -1, "ns", median(v[i], 3));
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} experiments[] = {
		{ "busy", measure_busy },
		{ "control", measure_control },
		{ "messaging", measure_messaging },
		{ "locks", measure_locks },
		{ "make", measure_make },
	};
	size_t i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	check_clock();
	n_entries = getauxval(AT_SYSINFO) ? 2 : 1;
	for (i = 0; i < sizeof(experiments) / sizeof(experiments[0]); i++)
		if (argc == 2 && !strcmp(argv[1], experiments[i].name)) {
			experiments[i].run();
			return 0;
		}
	fail("want one argument: busy, control, messaging, locks or make");
}
