// SPDX-License-Identifier: GPL-2.0
/*
 * Signals in and around system calls: interrupted and restarted calls, handlers
 * on an alternate stack, jumps out of handlers, and a timer that strikes at any
 * place in calls whose results are checked.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

static volatile int handled;
static volatile void *handler_sp;
static int fds[2];
static sigjmp_buf env;
static long ppid;

static void on_signal(int sig)
{
	int saved = errno;
	char local;

	(void)sig;
	handler_sp = &local;
	/* Calls within a handler, within a call, and their errors. */
	if (getppid() != ppid || close(-1) != -1 || errno != EBADF)
		handled = -1000000;
	handled++;
	errno = saved;
}

static void on_jump(int sig)
{
	(void)sig;
	siglongjmp(env, 1);
}

static void set(int sig, void (*handler)(int), int flags)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };

	must(!sigaction(sig, &sa, NULL));
}

/* Signals the main thread when it sleeps in its call, then ends the call. */
static void *poker(void *arg)
{
	int n = (long)arg, i, fd, len;
	char path[64], buf[512];

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", getpid());
	for (i = 0; i < n; i++) {
		int before = handled;

		do {
			fd = open(path, O_RDONLY);
			must(fd >= 0);
			len = read(fd, buf, sizeof(buf) - 1);
			must(len > 0);
			buf[len] = 0;
			close(fd);
		} while (strrchr(buf, ')')[2] != 'S');
		syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1);
		while (handled == before)
			sched_yield();
	}
	if (arg)
		must(write(fds[1], "x", 1) == 1);
	return NULL;
}

static void test_restart(int rounds)
{
	pthread_t t;
	char c;
	int i, bad = 0;

	must(!pipe(fds));
	set(SIGUSR1, on_signal, SA_RESTART);
	for (i = 0; i < rounds; i++) {
		c = 0;
		handled = 0;
		must(!pthread_create(&t, NULL, poker, (void *)3L));
		bad += read(fds[0], &c, 1) != 1 || c != 'x' || handled != 3;
		must(!pthread_join(t, NULL));
	}
	test(!bad, "read restarts after three handlers, %d times", rounds);

	set(SIGUSR1, on_signal, 0);
	for (i = bad = 0; i < rounds; i++) {
		handled = 0;
		must(!pthread_create(&t, NULL, poker, (void *)1L));
		errno = 0;
		bad += read(fds[0], &c, 1) != -1 || errno != EINTR || handled != 1;
		must(!pthread_join(t, NULL));
		/* The byte that poker() writes in the end. */
		bad += read(fds[0], &c, 1) != 1;
	}
	test(!bad, "read fails with EINTR, %d times", rounds);
	close(fds[0]);
	close(fds[1]);
}

/* restart_syscall: stopped and continued, a sleep must not start again. */
static void test_restart_block(void)
{
	struct timespec begin, end, ts = { .tv_nsec = 300000000 };
	int i, status, ok;
	double s;
	pid_t pid = fork();

	must(pid >= 0);
	if (!pid) {
		clock_gettime(CLOCK_MONOTONIC, &begin);
		ok = !nanosleep(&ts, NULL);
		clock_gettime(CLOCK_MONOTONIC, &end);
		s = end.tv_sec - begin.tv_sec + (end.tv_nsec - begin.tv_nsec) / 1e9;
		_exit(!ok || s < 0.3);
	}
	ts.tv_nsec = 20000000;
	for (i = 0; i < 5; i++) {
		nanosleep(&ts, NULL);
		kill(pid, SIGSTOP);
		must(waitpid(pid, &status, WUNTRACED) == pid);
		if (!WIFSTOPPED(status))
			break;
		kill(pid, SIGCONT);
	}
	if (i == 5)
		must(waitpid(pid, &status, 0) == pid);
	test(WIFEXITED(status) && !WEXITSTATUS(status),
	     "nanosleep goes on after it was stopped five times");
}

static void test_altstack(void)
{
	static char stack[65536];
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };
	char *sp;

	must(!sigaltstack(&ss, NULL));
	set(SIGUSR2, on_signal, SA_ONSTACK);
	handled = 0;
	raise(SIGUSR2);
	sp = (char *)handler_sp;
	test(handled == 1 && sp > stack && sp < stack + sizeof(stack),
	     "a handler on the alternate stack makes system calls");
	ss.ss_flags = SS_DISABLE;
	must(!sigaltstack(&ss, NULL));
}

static void test_jump(int rounds)
{
	struct itimerval tv = { .it_value = { .tv_usec = 200 } };
	struct itimerval off = { 0 };
	volatile int i, jumps = 0;

	set(SIGALRM, on_jump, 0);
	for (i = 0; i < rounds; i++) {
		if (sigsetjmp(env, 1)) {
			jumps++;
			continue;
		}
		must(!setitimer(ITIMER_REAL, &tv, NULL));
		for (;;) {
			poll(NULL, 0, i & 1 ? -1 : 0);
			getppid();
		}
	}
	must(!setitimer(ITIMER_REAL, &off, NULL));
	test(jumps == rounds, "%d jumps out of system calls", rounds);
}

static void test_timer(int rounds)
{
	struct itimerval tv = { { .tv_usec = 100 }, { .tv_usec = 100 } };
	struct itimerval off = { 0 };
	long i, bad = 0;
	char c;

	set(SIGALRM, on_signal, SA_RESTART);
	must(!pipe(fds));
	handled = 0;
	must(!setitimer(ITIMER_REAL, &tv, NULL));
	/* Until there were enough of them, however fast the machine is. */
	for (i = 0; handled >= 0 && handled < rounds; i++) {
		bad += getppid() != ppid;
		bad += close(-1) != -1 || errno != EBADF;
		c = i;
		bad += write(fds[1], &c, 1) != 1;
		c = ~c;
		bad += read(fds[0], &c, 1) != 1 || c != (char)i;
	}
	must(!setitimer(ITIMER_REAL, &off, NULL));
	test(!bad && handled >= rounds, "%d timer signals among system calls", handled);
	close(fds[0]);
	close(fds[1]);
}

static volatile int stop;

static void *caller(void *arg)
{
	long bad = 0;
	int fd[2];
	char c;
	void *p;

	must(!pipe(fd));
	while (!stop) {
		errno = 0;
		bad += read(-1, &c, 1) != -1 || errno != EBADF;
		bad += lseek(fd[0], 0, SEEK_SET) != -1 || errno != ESPIPE;
		bad += write(fd[1], "x", 1) != 1;
		bad += read(fd[0], &c, 1) != 1 || c != 'x';
		bad += getpid() != (pid_t)(long)arg;
		p = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		must(p != MAP_FAILED);
		*(volatile char *)p = 1;
		bad += munmap(p, 8192) != 0;
		bad += mmap(NULL, 0, 0, MAP_PRIVATE, -1, 0) != MAP_FAILED;
	}
	close(fd[0]);
	close(fd[1]);
	return (void *)bad;
}

/* The same in threads, of which the kernel signals any but the first. */
static void test_threads(int threads, int rounds)
{
	struct itimerval tv = { { .tv_usec = 500 }, { .tv_usec = 500 } };
	struct itimerval off = { 0 };
	pthread_t t[8];
	sigset_t alarm, old;
	long bad = 0;
	void *ret;
	int i;

	set(SIGALRM, on_signal, SA_RESTART);
	handled = stop = 0;
	for (i = 0; i < threads; i++)
		must(!pthread_create(&t[i], NULL, caller, (void *)(long)getpid()));
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	must(!pthread_sigmask(SIG_BLOCK, &alarm, &old));
	must(!setitimer(ITIMER_REAL, &tv, NULL));
	while (handled >= 0 && handled < rounds)
		usleep(1000);
	must(!setitimer(ITIMER_REAL, &off, NULL));
	stop = 1;
	for (i = 0; i < threads; i++) {
		must(!pthread_join(t[i], &ret));
		bad += (long)ret;
	}
	/* One may be left for this thread. */
	must(!pthread_sigmask(SIG_SETMASK, &old, NULL));
	test(!bad && handled >= rounds, "%d timer signals among calls of %d threads",
	     handled, threads);
}

static sem_t notified;

static void notify(union sigval v)
{
	if (v.sival_int == 4711)
		sem_post(&notified);
}

static void test_sigev_thread(void)
{
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD,
			       .sigev_notify_function = notify,
			       .sigev_value.sival_int = 4711 };
	struct itimerspec ts = { { .tv_nsec = 1000000 }, { .tv_nsec = 1000000 } };
	timer_t timer;
	int i;

	must(!sem_init(&notified, 0, 0));
	must(!timer_create(CLOCK_MONOTONIC, &ev, &timer));
	must(!timer_settime(timer, 0, &ts, NULL));
	for (i = 0; i < 20; i++)
		while (sem_wait(&notified))
			;
	test(!timer_delete(timer), "a timer that runs a thread, 20 times");
}

static void test_wait(int rounds)
{
	struct timespec ts = { .tv_sec = 10 };
	siginfo_t info;
	sigset_t one, old;
	int i, bad = 0;

	sigemptyset(&one);
	sigaddset(&one, SIGUSR2);
	must(!pthread_sigmask(SIG_BLOCK, &one, &old));
	for (i = 0; i < rounds; i++) {
		union sigval v = { .sival_int = i };

		must(!sigqueue(getpid(), SIGUSR2, v));
		bad += sigtimedwait(&one, &info, &ts) != SIGUSR2 ||
		       info.si_value.sival_int != i;
	}
	must(!pthread_sigmask(SIG_SETMASK, &old, NULL));
	test(!bad, "sigqueue and sigtimedwait, %d times", rounds);
}

int main(int argc, char **argv)
{
	int rounds = rounds_from(argc, argv, 300,
				 "Test signals in and around system calls.");

	ppid = raw_syscall(SYS_getppid, 0, 0, 0, 0, 0, 0);
	test_restart(rounds);
	test_restart_block();
	test_altstack();
	test_jump(rounds);
	test_timer(rounds);
	test_threads(1, rounds);
	test_threads(4, rounds);
	test_sigev_thread();
	test_wait(rounds);
	return tests_done();
}
