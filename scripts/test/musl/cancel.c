// SPDX-License-Identifier: GPL-2.0
/*
 * Cancellation of threads in blocking calls. A cancellation must not be lost:
 * a thread that is cancelled before or in the call never stays in it. And it
 * must not come late: a call that has had its effect (read a byte, accepted a
 * connection, reaped a child) returns to the program, and one that was
 * cancelled has had none.
 *
 * Three ways of choosing the moment:
 * - steps: the trap flag stops the thread after every instruction from before
 *   the call until after it, and the cancellation arrives just there.
 * - restart: a signal handler interrupts the blocked call, and the cancellation
 *   arrives when it returns to a call that is to be restarted.
 * - race: the event, the cancellation and unrelated signals come from other
 *   threads at any time.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "test.h"

#define TF 0x100
#ifndef HANG_SECONDS
#define HANG_SECONDS 60
#endif

/*
 * A blocking call. event() lets it go on; effect() tells, after the thread has
 * ended, whether it did, and cleans up.
 */
struct call {
	const char *name;
	void (*setup)(void);
	void (*event)(void);
	long (*call)(void);
	int (*effect)(int event_sent);
	int ends_at_signals;	/* with EINTR, after any handler */
};

static int fds[2];
static int got_fd;
static pid_t zombie;
static sem_t sem;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int mutex_lost;
static struct sockaddr_un addr = { .sun_family = AF_UNIX };

/* Pipes and sockets: the byte is there, or somebody has taken it. */
static void pipe_setup(void)
{
	must(!pipe(fds));
}

static void pair_setup(void)
{
	must(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
}

static void byte_event(void)
{
	must(raw_syscall(SYS_write, fds[1], (long)"x", 1, 0, 0, 0) == 1);
}

static int byte_gone(int event_sent)
{
	char c;
	int left;

	must(!fcntl(fds[0], F_SETFL, O_NONBLOCK));
	left = read(fds[0], &c, 1) == 1;
	close(fds[0]);
	close(fds[1]);
	return event_sent && !left;
}

static long call_read(void)
{
	char c;

	return read(fds[0], &c, 1);
}

static long call_recv(void)
{
	char c;

	return recvfrom(fds[0], &c, 1, 0, NULL, NULL);
}

/* Writing: the pipe is full until the event makes room. */
static char page[65536];

static void full_setup(void)
{
	must(!pipe(fds));
	must(!fcntl(fds[1], F_SETFL, O_NONBLOCK));
	while (write(fds[1], page, sizeof(page)) > 0)
		;
	must(!fcntl(fds[1], F_SETFL, 0));
}

static void room_event(void)
{
	char buf[4096];

	must(raw_syscall(SYS_read, fds[0], (long)buf, 4096, 0, 0, 0) == 4096);
}

static long call_write(void)
{
	return write(fds[1], "y", 1);
}

static int byte_written(int event_sent)
{
	char *buf = malloc(1 << 20);
	ssize_t n;

	(void)event_sent;
	must(buf);
	must(!fcntl(fds[0], F_SETFL, O_NONBLOCK));
	n = read(fds[0], buf, 1 << 20);
	must(n > 0);
	close(fds[0]);
	close(fds[1]);
	n = buf[n - 1] == 'y';
	free(buf);
	return n;
}

/* A connection that nobody but the call accepts. */
static void listen_setup(void)
{
	fds[0] = socket(AF_UNIX, SOCK_STREAM, 0);
	fds[1] = socket(AF_UNIX, SOCK_STREAM, 0);
	must(fds[0] >= 0 && fds[1] >= 0);
	/* A name in the abstract name space. */
	snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1, "musl-test-%d",
		 getpid());
	must(!bind(fds[0], (struct sockaddr *)&addr, sizeof(addr)));
	must(!listen(fds[0], 1));
}

static void connect_event(void)
{
	must(!raw_syscall(SYS_connect, fds[1], (long)&addr, sizeof(addr), 0, 0, 0));
}

static long call_accept(void)
{
	got_fd = accept(fds[0], NULL, NULL);
	return got_fd;
}

static int connection_taken(int event_sent)
{
	int fd, left;

	must(!fcntl(fds[0], F_SETFL, O_NONBLOCK));
	fd = accept(fds[0], NULL, NULL);
	left = fd >= 0;
	if (left)
		close(fd);
	if (got_fd >= 0)
		close(got_fd);
	close(fds[0]);
	close(fds[1]);
	return event_sent && !left;
}

/* A child that ends when the pipe is closed; the event waits until it has. */
static void child_setup(void)
{
	char c;

	must(!pipe(fds));
	zombie = fork();
	must(zombie >= 0);
	if (!zombie) {
		close(fds[1]);
		_exit(read(fds[0], &c, 1));
	}
}

static void child_event(void)
{
	raw_syscall(SYS_close, fds[1], 0, 0, 0, 0, 0);
}

static long call_waitpid(void)
{
	int status;

	return waitpid(zombie, &status, 0);
}

static int child_reaped(int event_sent)
{
	int reaped = 1;

	if (!event_sent)
		close(fds[1]);
	/* Gone, or still to be reaped, as soon as it is dead. */
	if (waitpid(zombie, NULL, 0) == zombie)
		reaped = 0;
	else
		must(errno == ECHILD);
	close(fds[0]);
	return reaped;
}

/* One descriptor for each open that succeeded. */
static void open_setup(void)
{
	must(!pipe(fds));
	snprintf(page, sizeof(page), "/proc/self/fd/%d", fds[1]);
}

static void no_event(void)
{
}

/* O_CLOEXEC lets open() make a second call, which is no cancellation point. */
static long call_open(void)
{
	got_fd = open(page, O_WRONLY | O_CLOEXEC);
	return got_fd;
}

static int file_opened(int event_sent)
{
	char c;
	int is_open;

	(void)event_sent;
	/* A read from the pipe ends only if there is no other writer left. */
	close(fds[1]);
	must(!fcntl(fds[0], F_SETFL, O_NONBLOCK));
	is_open = read(fds[0], &c, 1) < 0;
	if (got_fd >= 0)
		close(got_fd);
	close(fds[0]);
	memset(page, 0, 64);
	return is_open;
}

/* A semaphore and a condition variable, which sleep in futex(). */
static void sem_setup(void)
{
	must(!sem_init(&sem, 0, 0));
}

static void sem_event(void)
{
	must(!sem_post(&sem));
}

static long call_sem(void)
{
	return sem_wait(&sem);
}

static int sem_taken(int event_sent)
{
	int v;

	must(!sem_getvalue(&sem, &v));
	sem_destroy(&sem);
	return event_sent && v == 0;
}

static void unlock(void *arg)
{
	/* A cancelled wait must have taken the mutex again. */
	if (pthread_mutex_trylock(arg) != EBUSY)
		mutex_lost = 1;
	pthread_mutex_unlock(arg);
}

static long call_cond(void)
{
	long r;

	pthread_mutex_lock(&mutex);
	pthread_cleanup_push(unlock, &mutex);
	r = pthread_cond_wait(&cond, &mutex);
	pthread_cleanup_pop(1);
	return r;
}

static void no_setup(void)
{
	must(!pipe(fds));
}

/* Calls without an effect; only a lost cancellation shows. */
static int no_effect(int event_sent)
{
	(void)event_sent;
	close(fds[0]);
	close(fds[1]);
	return -1;
}

static int mutex_kept(int event_sent)
{
	no_effect(event_sent);
	if (mutex_lost || pthread_mutex_trylock(&mutex))
		return -2;
	pthread_mutex_unlock(&mutex);
	return -1;
}

static long call_nanosleep(void)
{
	struct timespec ts = { .tv_sec = 1000 };

	return nanosleep(&ts, NULL);
}

static long call_poll(void)
{
	struct pollfd p = { .fd = fds[0], .events = POLLIN };

	return poll(&p, 1, -1);
}

static long call_select(void)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fds[0], &set);
	return select(fds[0] + 1, &set, NULL, NULL, NULL);
}

static long call_sigsuspend(void)
{
	sigset_t set;

	sigemptyset(&set);
	return sigsuspend(&set);
}

static const struct call calls[] = {
	{ "read", pipe_setup, byte_event, call_read, byte_gone, 0 },
	{ "recvfrom", pair_setup, byte_event, call_recv, byte_gone, 0 },
	{ "write", full_setup, room_event, call_write, byte_written, 0 },
	{ "accept", listen_setup, connect_event, call_accept, connection_taken, 0 },
	{ "waitpid", child_setup, child_event, call_waitpid, child_reaped, 0 },
	{ "open", open_setup, no_event, call_open, file_opened, 0 },
	{ "sem_wait", sem_setup, sem_event, call_sem, sem_taken, 0 },
	{ "poll", pipe_setup, byte_event, call_poll, no_effect, 1 },
	{ "select", pipe_setup, byte_event, call_select, no_effect, 1 },
	{ "nanosleep", no_setup, NULL, call_nanosleep, no_effect, 1 },
	{ "pthread_cond_wait", no_setup, NULL, call_cond, mutex_kept, 0 },
	{ "sigsuspend", no_setup, NULL, call_sigsuspend, no_effect, 1 },
};

#define NCALLS (sizeof(calls) / sizeof(calls[0]))

/* What the thread is to do, and how far it has got. */
static struct {
	const struct call *call;
	pthread_t thread;
	int step;		/* cancel after that many instructions, or 0 */
	int in_handler;		/* cancel in SIGUSR1's handler */
	volatile int pest;	/* send it signals */
	volatile int steps;
	volatile int tid;
	volatile int calling;
	volatile int done;	/* the call returned with success */
	volatile long error;	/* it returned with this error */
	volatile int misaligned; /* the stack of its cleanup handler */
	sem_t ask, sent;
} run;

/* Cancels the thread on behalf of its own signal handlers. */
static void *canceller(void *arg)
{
	for (;;) {
		while (sem_wait(&run.ask))
			;
		must(!pthread_cancel(run.thread));
		sem_post(&run.sent);
	}
	return arg;
}

/*
 * Returns when SIGCANCEL is sent. Where the handler blocks all signals, it is
 * taken when the handler returns, in the state that was interrupted.
 */
static void cancel_now(void)
{
	sem_post(&run.ask);
	while (sem_trywait(&run.sent))
		raw_syscall(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
}

static void on_trap(int sig, siginfo_t *info, void *ctx)
{
	ucontext_t *uc = ctx;

	(void)sig;
	(void)info;
	run.steps++;
	if (run.steps == run.step) {
		uc->uc_mcontext.gregs[REG_EFL] &= ~(long)TF;
		cancel_now();
	}
}

static void on_usr1(int sig)
{
	(void)sig;
	if (run.in_handler) {
		run.in_handler = 0;
		cancel_now();
	}
}

static inline void set_tf(void)
{
	__asm__ volatile ("pushfq\n\torq $0x100,(%%rsp)\n\tpopfq" ::: "memory", "cc");
}

static inline void clear_tf(void)
{
	__asm__ volatile ("pushfq\n\tandq $~0x100,(%%rsp)\n\tpopfq" ::: "memory", "cc");
}

/* No red zone to push into: it calls another function. */
static __attribute__((noinline)) long stepped(long (*call)(void), int step)
{
	long r;

	if (step)
		set_tf();
	r = call();
	if (step)
		clear_tf();
	return r;
}

/* Cleanup handlers may count on the ABI's alignment, which SSE needs. */
static __attribute__((noinline)) void check_stack(void *arg)
{
	*(volatile int *)arg = ((unsigned long)__builtin_frame_address(0) & 15) != 0;
}

static void *thread(void *arg)
{
	long r;

	pthread_cleanup_push(check_stack, (void *)&run.misaligned);
	run.tid = syscall(SYS_gettid);
	run.calling = 1;
	r = stepped(run.call->call, run.step);
	/* No cancellation point from the call to here. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	if (r < 0)
		run.error = errno;
	else
		run.done = 1;
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	/* The cancellation may still be on its way. */
	for (;;) {
		pthread_testcancel();
		sched_yield();
	}
	pthread_cleanup_pop(1);
	return arg;
}

static void start(const struct call *call, int step, int in_handler)
{
	run.call = call;
	run.step = step;
	run.in_handler = in_handler;
	run.steps = 0;
	run.tid = 0;
	run.calling = 0;
	run.done = 0;
	run.error = 0;
	run.misaligned = -1;
	got_fd = -1;
	call->setup();
}

static void launch(void)
{
	must(!pthread_create(&run.thread, NULL, thread, NULL));
}

static void *joined(void)
{
	struct timespec ts;
	void *ret;
	int err;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += HANG_SECONDS;
	err = pthread_timedjoin_np(run.thread, &ret, &ts);
	if (err) {
		test(0, "%s: cancellation lost, the thread still runs after %d s",
		     run.call->name, HANG_SECONDS);
		_Exit(1);
	}
	return ret;
}

/* The rule. Returns whether the call was cancelled, or -1 if it is broken. */
static int verdict(int event_sent)
{
	void *ret = joined();
	int effect = run.call->effect(event_sent);

	if (ret != PTHREAD_CANCELED) {
		printf("# %s: thread was not cancelled\n", run.call->name);
		return -1;
	}
	if (run.error && !(run.error == EINTR && run.pest && run.call->ends_at_signals)) {
		printf("# %s: returned error %ld instead of being cancelled\n",
		       run.call->name, run.error);
		return -1;
	}
	if (run.misaligned) {
		printf("# %s: cancelled on a misaligned stack\n", run.call->name);
		return -1;
	}
	if (effect == -2) {
		printf("# %s: mutex not taken again\n", run.call->name);
		return -1;
	}
	if (effect == 1 && !run.done) {
		printf("# %s: late: had its effect, and was cancelled\n",
		       run.call->name);
		return -1;
	}
	if (effect == 0 && run.done) {
		printf("# %s: returned without its effect\n", run.call->name);
		return -1;
	}
	return !run.done;
}

/* State of the thread in /proc: asleep means that the call blocks. */
static void wait_until_blocked(void)
{
	char path[64], buf[512], *p;
	int fd, n;

	while (!run.calling)
		sched_yield();
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", run.tid);
	do {
		sched_yield();
		fd = open(path, O_RDONLY);
		must(fd >= 0);
		n = read(fd, buf, sizeof(buf) - 1);
		must(n > 0);
		close(fd);
		buf[n] = 0;
		p = strrchr(buf, ')');
		must(p);
	} while (p[2] != 'S');
}

/* Whether signal handlers block SIGCANCEL, which sigfillset() leaves out. */
static void set_handlers(int block_all)
{
	struct sigaction trap = { .sa_sigaction = on_trap,
				  .sa_flags = SA_SIGINFO | SA_RESTART };
	struct sigaction usr1 = { .sa_handler = on_usr1, .sa_flags = SA_RESTART };

	memset(&trap.sa_mask, block_all ? -1 : 0, sizeof(trap.sa_mask));
	memset(&usr1.sa_mask, block_all ? -1 : 0, sizeof(usr1.sa_mask));
	must(!sigaction(SIGTRAP, &trap, NULL));
	must(!sigaction(SIGUSR1, &usr1, NULL));
}

/*
 * With the event already there, a cancellation before the system call must
 * prevent it, and one after it must not: there is one step from which on the
 * call is done. Without it, the call must be cancelled at each step before it
 * blocks, and the steps that follow are not reached.
 */
static void test_steps(const struct call *call, int block_all)
{
	int step, last, first_done = 0, bad = 0, back = 0, lost = 0;
	int before = 0;

	set_handlers(block_all);
	/* Count: no step has this number, so the call returns. */
	start(call, INT_MAX, 0);
	call->event();
	launch();
	while (!run.done && !run.error)
		sched_yield();
	must(!pthread_cancel(run.thread));
	bad += verdict(1) != 0;
	last = run.steps;

	for (step = 1; step <= last; step++) {
		int v;

		start(call, step, 0);
		call->event();
		launch();
		v = verdict(1);
		if (v < 0)
			bad++;
		else if (v == 0 && !first_done)
			first_done = step;
		else if (v == 1 && first_done)
			back++;
	}
	/*
	 * sem_wait() takes the semaphore without a system call, and may look
	 * whether it is cancelled first; the others must block to be effective.
	 */
	before = first_done ? first_done - 1 : last;
	test(!bad && !back && last > 10 && first_done > 0,
	     "%s: cancelled at each of %d steps before its effect, at none of %d after%s",
	     call->name, before, last - before,
	     block_all ? "" : ", in a nested handler");

	if (call->call == call_open || call->call == call_sem)
		return;
	for (step = 1; step < first_done; step++) {
		start(call, step, 0);
		launch();
		if (verdict(0) != 1)
			lost++;
	}
	test(!lost, "%s: cancelled at each of %d steps before it blocks%s",
	     call->name, before, block_all ? "" : ", in a nested handler");
}

/* A signal's handler, in which the cancellation comes, and then restart. */
static void test_restart(const struct call *call, int rounds, int block_all)
{
	int i, bad = 0;

	if (call->call == call_open)
		return;
	set_handlers(block_all);
	for (i = 0; i < rounds; i++) {
		start(call, 0, 1);
		launch();
		wait_until_blocked();
		must(!pthread_kill(run.thread, SIGUSR1));
		if (verdict(0) != 1)
			bad++;
	}
	test(!bad, "%s: %d times cancelled in a handler that interrupted it%s",
	     call->name, rounds, block_all ? "" : ", nested");
}

static unsigned int seed = 1;

static void pause_for(unsigned int most)
{
	seed = seed * 1103515245 + 12345;
	for (unsigned int n = (seed >> 8) % most; n; n--)
		__asm__ volatile ("pause");
}

/*
 * Signals that have nothing to do with it, for as long as the thread lives and
 * a little longer: by its number, since pthread_kill() may not be called then.
 */
static void *pest(void *arg)
{
	for (;;) {
		if (run.pest && run.tid)
			syscall(SYS_tgkill, getpid(), run.tid, SIGUSR1);
		for (int i = 0; i < 300; i++)
			__asm__ volatile ("pause");
		sched_yield();
	}
	return arg;
}

static void test_race(const struct call *call, int rounds, int with_pest)
{
	int i, bad = 0, cancelled = 0;

	set_handlers(0);
	for (i = 0; i < rounds; i++) {
		int order = i % 3, sent = 0, v;

		start(call, 0, 0);
		launch();
		run.pest = with_pest;
		if (i & 4)
			while (!run.calling)
				sched_yield();
		pause_for(i & 8 ? 30 : 3000);
		if (order == 0 && call->event) {
			call->event();
			sent = 1;
			pause_for(200);
		}
		must(!pthread_cancel(run.thread));
		if (order == 1 && call->event) {
			pause_for(200);
			call->event();
			sent = 1;
		}
		v = verdict(sent);
		run.pest = 0;
		if (v < 0)
			bad++;
		else
			cancelled += v;
	}
	test(!bad, "%s: %d races%s, %d cancelled and %d completed", call->name,
	     rounds, with_pest ? " among other signals" : "", cancelled,
	     rounds - cancelled);
}

/*
 * A masked cancellation makes a call fail, on a stack that is whole; a disabled one leaves
 * it alone.
 */
static int state;

static void *other_thread(void *arg)
{
	volatile long guard[4] = { 1, 2, 3, 4 };
	char c;
	int *result = arg, n;

	must(!pthread_setcancelstate(state, NULL));
	run.tid = syscall(SYS_gettid);
	run.calling = 1;
	errno = 0;
	n = read(fds[0], &c, 1);
	*result = (state == PTHREAD_CANCEL_DISABLE ? n == 1 : n == -1 && errno == ECANCELED) &&
		  guard[0] == 1 && guard[1] == 2 && guard[2] == 3 && guard[3] == 4;
	return NULL;
}

static void test_state(int new_state, int rounds, const char *title)
{
	int i, result, bad = 0;
	void *ret;

	state = new_state;
	for (i = 0; i < rounds; i++) {
		result = 0;
		run.calling = 0;
		must(!pipe(fds));
		must(!pthread_create(&run.thread, NULL, other_thread, &result));
		if (i & 1)
			wait_until_blocked();
		must(!pthread_cancel(run.thread));
		if (state == PTHREAD_CANCEL_DISABLE) {
			pause_for(1000);
			byte_event();
		}
		must(!pthread_join(run.thread, &ret));
		bad += !result || ret;
		close(fds[0]);
		close(fds[1]);
	}
	test(!bad, "%s, %d times", title, rounds);
}

/* Asynchronous cancellation, anywhere in and between system calls. */
static void *async_thread(void *arg)
{
	char c;

	must(!pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL));
	run.calling = 1;
	for (;;) {
		raw_syscall(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
		getppid();
		if (arg)
			read(fds[0], &c, 1);
	}
}

static void test_async(int rounds)
{
	int i, bad = 0;

	must(!pipe(fds));
	for (i = 0; i < rounds; i++) {
		run.calling = 0;
		run.call = &calls[0];
		must(!pthread_create(&run.thread, NULL, async_thread,
				     i & 1 ? &run : NULL));
		while (!run.calling)
			sched_yield();
		pause_for(500);
		must(!pthread_cancel(run.thread));
		bad += joined() != PTHREAD_CANCELED;
	}
	close(fds[0]);
	close(fds[1]);
	test(!bad, "asynchronous: %d threads cancelled", rounds);
}

int main(int argc, char **argv)
{
	int rounds = rounds_from(argc, argv, 1000,
				 "Test cancellation of blocking calls; ROUNDS per kind of race.");
	unsigned int i;
	pthread_t t;

	setvbuf(stdout, NULL, _IOLBF, 0);
	must(!sem_init(&run.ask, 0, 0) && !sem_init(&run.sent, 0, 0));
	must(!pthread_create(&t, NULL, canceller, NULL));

	for (i = 0; i < NCALLS; i++) {
		if (calls[i].event) {
			test_steps(&calls[i], 1);
			test_steps(&calls[i], 0);
		}
		test_restart(&calls[i], rounds / 10 + 1, 1);
		test_restart(&calls[i], rounds / 10 + 1, 0);
	}
	must(!pthread_create(&t, NULL, pest, NULL));
	for (i = 0; i < NCALLS; i++) {
		test_race(&calls[i], rounds, 0);
		test_race(&calls[i], rounds, 1);
	}
	test_state(PTHREAD_CANCEL_MASKED, rounds, "a masked cancellation: ECANCELED");
	test_state(PTHREAD_CANCEL_DISABLE, rounds, "a disabled cancellation: read goes on");
	test_async(rounds);
	return tests_done();
}
