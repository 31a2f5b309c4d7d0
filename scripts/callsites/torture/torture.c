// SPDX-License-Identifier: GPL-2.0
/*
 * What libc does with signals, threads and processes, for libraries whose system calls
 * have been rewritten: nothing in here knows of that, and everything works on any Linux.
 * Cancellation unwinds through the frame of a signal that hit a system call, so
 * cleanups (with -fexceptions) tell whether the place that it shows can be understood.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static int failed, number;

static void result(bool ok, const char *name)
{
	printf("%sok %d %s\n", ok ? "" : "not ", ++number, name);
	fflush(stdout);
	failed += !ok;
}

static volatile int destroyed;

#define GUARD __attribute__((cleanup(leave))) int guard = 1

static void leave(int *guard)
{
	__atomic_add_fetch(&destroyed, *guard, __ATOMIC_SEQ_CST);
}

static int never[2], epoll;
static sem_t semaphore;

static void block_in(int how)
{
	struct pollfd p = { never[0], POLLIN, 0 };
	struct timespec ts = { 100, 0 };
	struct epoll_event event;
	sigset_t set;
	char c;

	switch (how) {
	case 0:
		while (read(never[0], &c, 1) < 0 && errno == EINTR)
			;
		break;
	case 1:
		pause();
		break;
	case 2:
		poll(&p, 1, -1);
		break;
	case 3:
		nanosleep(&ts, NULL);
		break;
	case 4:
		sem_wait(&semaphore);
		break;
	case 5:
		recv(never[0], &c, 1, 0);
		break;
	case 6:
		epoll_wait(epoll, &event, 1, -1);
		break;
	case 7:
		sigemptyset(&set);
		sigsuspend(&set);
		break;
	}
}

static __attribute__((noinline)) void block_inner(int how)
{
	GUARD;

	block_in(how);
}

static void *blocked(void *how)
{
	GUARD;

	block_inner((long)how);
	return how;
}

static bool cancellation(int rounds)
{
	void *ret;

	for (int i = 0; i < rounds; i++) {
		pthread_t thread[8];
		int before = destroyed;

		for (long how = 0; how < 8; how++)
			if (pthread_create(&thread[how], NULL, blocked, (void *)how))
				return false;
		usleep(i % 4 * 700);
		for (int how = 0; how < 8; how++)
			pthread_cancel(thread[how]);
		for (int how = 0; how < 8; how++)
			if (pthread_join(thread[how], &ret) || ret != PTHREAD_CANCELED)
				return false;
		/* The guards of those which had begun: both, or none */
		if ((destroyed - before) & 1 || (i % 4 == 3 && destroyed - before != 16)) {
			printf("# %d cleanups in round %d\n", destroyed - before, i);
			return false;
		}
	}
	return true;
}

static volatile long ticks;

static void tick(int sig)
{
	int saved = errno;

	/* System calls of both kinds in the handler, and their errors */
	if (close(-1) != -1 || errno != EBADF || getppid() < 0)
		abort();
	ticks = ticks + 1;
	errno = saved;
}

static volatile bool stop;

static void *caller(void *arg)
{
	long bad = 0;
	int fd[2];
	char c = 'x', d;
	void *p;

	if (pipe(fd))
		return (void *)1;
	while (!stop) {
		errno = 0;
		bad += read(-1, &c, 1) != -1 || errno != EBADF;
		bad += lseek(fd[0], 0, SEEK_SET) != -1 || errno != ESPIPE;
		bad += write(fd[1], &c, 1) != 1;
		bad += read(fd[0], &d, 1) != 1 || d != 'x';
		bad += getpid() != (pid_t)(long)arg;
		p = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		bad += p == MAP_FAILED;
		*(volatile char *)p = 1;
		bad += munmap(p, 8192) != 0;
		bad += mmap(NULL, 0, 0, MAP_PRIVATE, -1, 0) != MAP_FAILED;
	}
	close(fd[0]);
	close(fd[1]);
	return (void *)bad;
}

static bool under_signals(int threads, int ms)
{
	struct itimerval it = { { 0, 500 }, { 0, 500 } };
	struct timespec end;
	struct sigaction sa = { .sa_handler = tick, .sa_flags = SA_RESTART };
	pthread_t thread[8];
	long bad = 0;
	void *ret;

	sigaction(SIGALRM, &sa, NULL);
	ticks = 0;
	stop = false;
	for (int i = 0; i < threads; i++)
		if (pthread_create(&thread[i], NULL, caller, (void *)(long)getpid()))
			return false;
	setitimer(ITIMER_REAL, &it, NULL);
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_nsec += ms % 1000 * 1000000L;
	end.tv_sec += ms / 1000 + end.tv_nsec / 1000000000;
	end.tv_nsec %= 1000000000;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) == EINTR)
		;
	stop = true;
	memset(&it, 0, sizeof(it));
	setitimer(ITIMER_REAL, &it, NULL);
	for (int i = 0; i < threads; i++) {
		pthread_join(thread[i], &ret);
		bad += (long)ret;
	}
	printf("# %ld signals, %ld wrong results\n", ticks, bad);
	return !bad && ticks > 20;
}

static bool forks(int rounds)
{
	for (int i = 0; i < rounds; i++) {
		int status;
		pid_t pid = fork();

		if (pid < 0)
			return false;
		if (!pid) {
			errno = 0;
			_exit(getppid() <= 0 || close(-1) != -1 || errno != EBADF ? 1 : i & 127);
		}
		if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
		    WEXITSTATUS(status) != (i & 127))
			return false;
	}
	return true;
}

static bool vforks(int rounds, const char *self)
{
	for (int i = 0; i < rounds; i++) {
		volatile int local = i;
		int status;
		pid_t pid = vfork();

		if (!pid) {
			local++;
			if (i & 1)
				execl(self, self, "exit", NULL);
			_exit(i & 1 ? 99 : 23);
		}
		if (pid < 0 || local != i + 1 || waitpid(pid, &status, 0) != pid ||
		    !WIFEXITED(status) || WEXITSTATUS(status) != 23)
			return false;
	}
	return true;
}

static bool spawns(int rounds, const char *self)
{
	for (int i = 0; i < rounds; i++) {
		char *argv[] = { (char *)self, (char *)"exit", NULL };
		int status;
		pid_t pid;

		if (posix_spawn(&pid, self, NULL, NULL, argv, environ) ||
		    waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != 23)
			return false;
		if (posix_spawn(&pid, "/nonexistent", NULL, NULL, argv, environ) != ENOENT)
			return false;
	}
	return system("exit 7") >> 8 == 7;
}

static void *increments(void *arg)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

	for (int i = 0; i < 3000; i++) {
		pthread_mutex_lock(&mutex);
		++*(long *)arg;
		if (!(i % 50))
			sched_yield();
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static bool mutexes(void)
{
	pthread_t thread[6];
	long count = 0;

	for (int i = 0; i < 6; i++)
		if (pthread_create(&thread[i], NULL, increments, &count))
			return false;
	for (int i = 0; i < 6; i++)
		pthread_join(thread[i], NULL);
	return count == 6 * 3000;
}

static void *nothing(void *arg)
{
	return arg;
}

/* Each ends by what it still needs a stack for */
static bool many_threads(int rounds)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (int i = 0; i < rounds; i++) {
		if (pthread_create(&thread, i & 1 ? &attr : NULL, nothing, NULL))
			return false;
		if (!(i & 1) && pthread_join(thread, NULL))
			return false;
	}
	return true;
}

/*
 * A cancellation point as in libc of 2.41 and musl: if the flag is not yet set there is a
 * system call, and a handler that finds the thread between the labels knows that the call
 * has had no effect, and never will. The one signal must not be lost.
 */
long point_call(volatile int *flag, long nr, long a, long b, long c);
extern const char point_start[], point_end[], point_cancel[]
	__attribute__((visibility("hidden")));

asm(".text\n"
    ".globl point_call\n"
    ".hidden point_start, point_end, point_cancel\n"
    ".globl point_start, point_end, point_cancel\n"
    ".type point_call, @function\n"
    "point_call:\n"
    "	.cfi_startproc\n"
    "point_start:\n"
    "	mov	(%rdi), %eax\n"
    "	test	%eax, %eax\n"
    "	jnz	point_cancel\n"
    "	mov	%rsi, %rax\n"
    "	mov	%rdx, %rdi\n"
    "	mov	%rcx, %rsi\n"
    "	mov	%r8, %rdx\n"
    "	syscall\n"
    "point_end:\n"
    "	ret\n"
    "point_cancel:\n"
    "	mov	$-125, %rax\n"
    "	ret\n"
    "	.cfi_endproc\n"
    "	.size	point_call, . - point_call\n");

static volatile int canceled, entered;

static void cancel_point(int sig, siginfo_t *si, void *context)
{
	greg_t *pc = &((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];

	if (*pc >= (greg_t)point_start && *pc < (greg_t)point_end)
		*pc = (greg_t)point_cancel;
}

static void *wait_at_point(void *arg)
{
	char c;

	entered = 1;
	return (void *)point_call(&canceled, 0, never[0], (long)&c, 1);
}

static bool cancellation_point(int rounds)
{
	struct sigaction sa = { .sa_sigaction = cancel_point, .sa_flags = SA_SIGINFO | SA_RESTART };
	pthread_t thread;
	volatile int delay;
	void *ret;

	sigaction(SIGUSR2, &sa, NULL);
	for (int i = 0; i < rounds; i++) {
		canceled = entered = 0;
		if (pthread_create(&thread, NULL, wait_at_point, NULL))
			return false;
		while (!entered)
			sched_yield();
		for (delay = i % 61 * (i % 7); delay > 0; delay--)
			;
		if (i % 20 == 19)
			usleep(2000);
		canceled = 1;
		pthread_kill(thread, SIGUSR2);
		if (pthread_join(thread, &ret) || (long)ret != -ECANCELED)
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	int scale = 1;

	if (argc > 1 && !strcmp(argv[1], "exit"))
		_exit(23);
	if (argc > 1)
		scale = atoi(argv[1]);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, never) || sem_init(&semaphore, 0, 0))
		return 2;
	epoll = epoll_create1(0);
	result(cancellation(12 * scale), "cancellation unwinds");
	result(cancellation_point(200 * scale), "cancellation between labels");
	result(under_signals(1, 600 * scale), "results under signals");
	result(under_signals(4, 800 * scale), "results under signals, threads");
	result(forks(100 * scale), "fork");
	result(vforks(40 * scale, argv[0]), "vfork");
	result(spawns(20 * scale, argv[0]), "posix_spawn and system");
	result(mutexes(), "mutexes");
	result(many_threads(300 * scale), "many threads");
	printf("1..%d\n", number);
	return failed ? 1 : 0;
}
