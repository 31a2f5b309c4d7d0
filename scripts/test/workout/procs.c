// SPDX-License-Identifier: GPL-2.0
/*
 * The ways to make a process: fork, vfork (on whose stack the child walks about),
 * posix_spawn, system, popen, clone and execve, from one thread and from many.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

extern char **environ;
static const char *self;

static int status_of(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static pid_t forked(int code)
{
	pid_t pid = fork();

	if (!pid) {
		/* getpid() and getppid() go through libc's calls. */
		if (getpid() == getppid() || getpid() != syscall(SYS_gettid))
			_exit(99);
		_exit(code);
	}
	return pid;
}

/* Overwrites a good part of the stack below its caller. */
static __attribute__((noinline)) int scribble(int n)
{
	volatile char buf[4096];
	int i;

	for (i = 0; i < 4096; i++)
		buf[i] = n + i;
	return buf[n & 4095] + (n ? scribble(n - 1) : 0);
}

static __attribute__((noinline)) int vforked(int code)
{
	volatile long a = 1, b = 2, c = 3;
	pid_t pid = vfork();

	if (!pid) {
		scribble(4);
		getppid();
		close(-1);
		_exit(code);
	}
	if (a != 1 || b != 2 || c != 3)
		return -2;
	return status_of(pid);
}

static void test_fork(int rounds)
{
	int i, bad = 0;

	for (i = 0; i < rounds; i++)
		bad += status_of(forked(i & 63)) != (i & 63);
	test(!bad, "fork, %d times", rounds);

	for (i = bad = 0; i < rounds; i++)
		bad += vforked(i & 63) != (i & 63);
	test(!bad, "vfork, %d times", rounds);
}

static void test_exec(int rounds)
{
	char *args[] = { (char *)self, "child", "7", NULL };
	volatile int i, bad = 0;
	pid_t pid;

	for (i = 0; i < rounds; i++) {
		pid = vfork();
		if (!pid) {
			execve(self, args, environ);
			_exit(98);
		}
		bad += status_of(pid) != 7;
	}
	test(!bad, "vfork and execve, %d times", rounds);

	for (i = bad = 0; i < rounds; i++) {
		posix_spawn_file_actions_t fa;
		posix_spawnattr_t attr;
		sigset_t set;
		int fd[2];
		char c = 0;

		must(!pipe2(fd, O_CLOEXEC));
		must(!posix_spawn_file_actions_init(&fa));
		must(!posix_spawn_file_actions_adddup2(&fa, fd[1], 1));
		must(!posix_spawnattr_init(&attr));
		sigfillset(&set);
		must(!posix_spawnattr_setsigdefault(&attr, &set));
		sigemptyset(&set);
		must(!posix_spawnattr_setsigmask(&attr, &set));
		must(!posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF |
					       POSIX_SPAWN_SETSIGMASK));
		args[1] = "speak";
		if (posix_spawn(&pid, self, &fa, &attr, args, environ)) {
			bad++;
		} else {
			close(fd[1]);
			fd[1] = -1;
			bad += read(fd[0], &c, 1) != 1 || c != 'S';
			bad += status_of(pid) != 7;
		}
		close(fd[0]);
		close(fd[1]);
		posix_spawn_file_actions_destroy(&fa);
		posix_spawnattr_destroy(&attr);
	}
	test(!bad, "posix_spawn with a pipe, %d times", rounds);

	test(posix_spawn(&pid, "/nonexistent", NULL, NULL, args, environ) == ENOENT,
	     "posix_spawn reports that there is no such program");
}

static void test_shell(int rounds)
{
	int i, bad = 0;

	if (access("/bin/sh", X_OK)) {
		printf("ok %d system and popen # SKIP no /bin/sh\n", ++tests_run);
		return;
	}
	for (i = 0; i < rounds; i++) {
		int status = system("exit 5");

		bad += !WIFEXITED(status) || WEXITSTATUS(status) != 5;
	}
	test(!bad, "system, %d times", rounds);
	for (i = bad = 0; i < rounds; i++) {
		FILE *f = popen("echo yes; exit 3", "r");
		char buf[8] = "";
		int status;

		must(f);
		bad += !fgets(buf, sizeof(buf), f) || strcmp(buf, "yes\n");
		status = pclose(f);
		bad += !WIFEXITED(status) || WEXITSTATUS(status) != 3;
	}
	test(!bad, "popen, %d times", rounds);
}

static int cloned(void *arg)
{
	getppid();
	return *(int *)arg;
}

static void test_clone(int rounds)
{
	static char stack[65536] __attribute__((aligned(16)));
	int i, bad = 0;

	for (i = 0; i < rounds; i++) {
		int code = i & 63, flags = i & 1 ? CLONE_VM | CLONE_VFORK : 0;

		bad += status_of(clone(cloned, stack + sizeof(stack),
				       flags | SIGCHLD, &code)) != code;
	}
	test(!bad, "clone, %d times", rounds);
}

static void *forking_thread(void *arg)
{
	long i, bad = 0, rounds = (long)arg;

	for (i = 0; i < rounds; i++) {
		bad += status_of(forked(i & 63)) != (i & 63);
		bad += vforked(i & 63) != (i & 63);
	}
	return (void *)bad;
}

static void test_threads(int rounds)
{
	pthread_t t[4];
	long bad = 0;
	void *ret;
	int i;

	for (i = 0; i < 4; i++)
		must(!pthread_create(&t[i], NULL, forking_thread, (void *)(long)rounds));
	for (i = 0; i < 4; i++) {
		must(!pthread_join(t[i], &ret));
		bad += (long)ret;
	}
	test(!bad, "fork and vfork from 4 threads, %d times each", rounds);
}

/*
 * libc's way to stop a program whose state is lost. It must end there, whatever
 * the privilege level lets an instruction do.
 */
static void test_crash(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		/* Not called by name: the compiler knows what free() may not do. */
		void (*volatile release)(void *) = free;
		char *p = malloc(100), *q = malloc(100);

		/* q keeps the memory around p mapped. */
		release(p);
		release(p);
		release(q);
		_exit(0);
	}
	status = status_of(pid);
#ifdef __GLIBC__
	test(status == 1000 + SIGABRT, "free() of freed memory aborts (status %d)",
	     status);
#else
	test(status == 1000 + SIGILL, "free() of freed memory crashes (status %d)",
	     status);
#endif

	pid = fork();
	if (!pid)
		abort();
	test(status_of(pid) == 1000 + SIGABRT, "abort() raises SIGABRT");
}

int main(int argc, char **argv)
{
	int rounds;

	if (argc == 3 && !strcmp(argv[1], "child"))
		return atoi(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "speak"))
		return write(1, "S", 1) == 1 ? atoi(argv[2]) : 97;

	rounds = rounds_from(argc, argv, 200, "Test the making of processes.");
	self = "/proc/self/exe";
	test_fork(rounds);
	test_exec(rounds / 4 + 1);
	test_shell(rounds / 10 + 1);
	test_clone(rounds);
	test_threads(rounds / 4 + 1);
	test_crash();
	return tests_done();
}
