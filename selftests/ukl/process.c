// SPDX-License-Identifier: GPL-2.0
/*
 * An application that is linked into the kernel is a process: each test does what
 * programs do on any Linux, and wants the result that they get there.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <math.h>
#include <netdb.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest.h"
#include "process.h"

static int variable = 1;
static char zeroes[3 * 4096];
static int constructed;

__attribute__((constructor)) static void construct(void)
{
	constructed++;
}

static bool constructor_has_run(void)
{
	return constructed == 1;
}

static volatile sig_atomic_t signals;

static void count_signal(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (sig == SIGALRM || info->si_pid == getpid())
		signals++;
}

static void handle(int sig)
{
	struct sigaction sa = { .sa_sigaction = count_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	signals = 0;
	sigaction(sig, &sa, NULL);
}

static bool handler_on_its_stack(void)
{
	static char stack[65536];
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };

	sigaltstack(&ss, NULL);
	handle(SIGUSR1);
	kill(getpid(), SIGUSR1);
	return signals == 1;
}

/* Into a busy loop that uses the FPU and the red zone */
static bool timer_ticks(void)
{
	struct itimerval t = { .it_value.tv_usec = 1000, .it_interval.tv_usec = 1000 };
	double x = 0;

	handle(SIGALRM);
	setitimer(ITIMER_REAL, &t, NULL);
	while (signals < 20)
		x += sin(x) + 1;
	memset(&t, 0, sizeof(t));
	setitimer(ITIMER_REAL, &t, NULL);
	return x > 0;
}

/* The wait status of a child that does this. */
static int child(void (*does)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		does();
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

static void terminate(void)
{
	raise(SIGTERM);
}

static bool signal_without_handler(void)
{
	return child(terminate) == SIGTERM;
}

static bool abort_in_a_child(void)
{
	return WTERMSIG(child(abort)) == SIGABRT;
}

static int *heap;

static void write_all(void)
{
	variable = *heap = 2;
	zeroes[5000] = 2;
	_exit(variable + *heap + zeroes[5000]);
}

static bool fork_copies_on_write(void)
{
	heap = malloc(sizeof(*heap));
	*heap = 1;
	zeroes[5000] = 1;
	return WEXITSTATUS(child(write_all)) == 6 && variable == 1 && *heap == 1 &&
	       zeroes[5000] == 1;
}

static bool wild_accesses_end(void)
{
	bool good = true;

	for (const struct wild_access *a = wild_accesses; a->name; a++) {
		int status = child(a->make);

		if ((status & 0x7f) != SIGSEGV) {
			ksft_print_msg("%s: status %#x\n", a->name, status);
			good = false;
		}
	}
	return good;
}

static bool break_grows(void)
{
	const long size = 1 << 20;
	long old = syscall(SYS_brk, 0);
	bool good = syscall(SYS_brk, old + size) == old + size;

	if (good)
		memset((void *)old, 1, size);
	return syscall(SYS_brk, old) == old && good;
}

static bool heap_grows(void)
{
	size_t i, n = 2000, bad = 0;
	char **block = calloc(n, sizeof(*block));

	for (i = 0; i < n; i++) {
		block[i] = malloc(1000);
		memset(block[i], (int)i, 1000);
	}
	for (i = 0; i < n; i++)
		bad += block[i][999] != (char)i;
	return !bad;
}

static bool bss_is_zero(void)
{
	for (size_t i = 6000; i < sizeof(zeroes); i++)
		if (zeroes[i])
			return false;
	return true;
}

static bool anonymous_memory(void)
{
	char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p != MAP_FAILED && !p[(1 << 20) - 1];
}

static bool formats_and_locale(void)
{
	char text[64], *end;

	setlocale(LC_ALL, "");
	snprintf(text, sizeof(text), "%.3f %s %x", strtod("3.14159", &end), strerror(ENOENT), 255);
	return !strcmp(text, "3.142 No such file or directory ff");
}

static bool file_is_made(void)
{
	FILE *f = fopen("ukl-file", "w+");
	char text[64];
	bool good;

	if (!f)
		return false;
	fputs("contents", f);
	rewind(f);
	good = fgets(text, sizeof(text), f) && !strcmp(text, "contents");
	fclose(f);
	return !unlink("ukl-file") && good;
}

static bool math_library(void)
{
	volatile double half = 0.5;

	return fabs(pow(2, half) - 1.41421) < 0.00001;
}

static bool numeric_names(void)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM }, *res;
	char host[64] = "";

	if (getaddrinfo("192.0.2.1", "80", &hints, &res))
		return false;
	getnameinfo(res->ai_addr, res->ai_addrlen, host, sizeof(host), NULL, 0, NI_NUMERICHOST);
	return !strcmp(host, "192.0.2.1");
}

static bool exec_of_nothing(void)
{
	char *args[] = { "/no/such/program", NULL };

	return execv(args[0], args) && errno == ENOENT;
}

/* posix_spawn() and daemon() want it. */
static bool null_device(void)
{
	int fd = open("/dev/null", O_RDWR);

	return fd >= 0 && write(fd, "x", 1) == 1 && !close(fd);
}

static bool pseudo_terminal(void)
{
	int ptmx = posix_openpt(O_RDWR | O_NOCTTY), tty;
	char buf[8] = "";

	if (ptmx < 0 || grantpt(ptmx) || unlockpt(ptmx))
		return false;
	tty = open(ptsname(ptmx), O_RDWR | O_NOCTTY);
	return tty >= 0 && write(tty, "x\n", 2) == 2 && read(ptmx, buf, sizeof(buf)) == 3 &&
	       !strcmp(buf, "x\r\n");
}

static const struct {
	const char *name;
	bool (*passes)(void);
} tests[] = {
	{ "a constructor has run", constructor_has_run },
	{ "threads have their variables and locks", threads_work },
	{ "a handler runs on the alternate stack", handler_on_its_stack },
	{ "timer signals arrive in a busy loop", timer_ticks },
	{ "a signal without a handler ends a process", signal_without_handler },
	{ "abort() ends a process", abort_in_a_child },
	{ "fork() copies on write", fork_copies_on_write },
	{ "wild accesses are SIGSEGV", wild_accesses_end },
	{ "the break grows", break_grows },
	{ "the heap grows", heap_grows },
	{ "the bss is zero", bss_is_zero },
	{ "anonymous memory is mapped", anonymous_memory },
	{ "formats and the locale work", formats_and_locale },
	{ "a file can be made", file_is_made },
	{ "the math library works", math_library },
	{ "addresses in numbers are names", numeric_names },
	{ "exec() of a missing file says so", exec_of_nothing },
	{ "there is a null device", null_device },
	{ "there are pseudo-terminals", pseudo_terminal },
};

int main(void)
{
	ksft_print_header();
	ksft_set_plan(ARRAY_SIZE(tests));
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++)
		ksft_test_result(tests[i].passes(), "%s\n", tests[i].name);
	ksft_finished();
}
