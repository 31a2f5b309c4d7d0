// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's side of scripts/test/nested.sh: page faults, for gdb to nest other
 * exceptions in. With an argument: single steps over SYSCALL, each of which has to be
 * done once.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FAULTS		200
#define STEPS		3
#define FL_TF		0x100

extern const char at_syscall[];
static int at_insn;

static void stepped(int sig, siginfo_t *si, void *ctx)
{
	ucontext_t *uc = ctx;

	(void)sig;
	(void)si;
	if (uc->uc_mcontext.gregs[REG_RIP] == (greg_t)at_syscall && ++at_insn > 50)
		_exit(5);
}

/* Each SYSCALL is seen once, at the end of the step before it. */
static int step(void)
{
	struct sigaction sa = { .sa_sigaction = stepped, .sa_flags = SA_SIGINFO };
	int i, bad = 0;
	long ret;

	sigaction(SIGTRAP, &sa, NULL);
	for (i = 0; i < STEPS; i++) {
		asm volatile("lea -128(%%rsp), %%rsp\n\t"
			     "pushfq\n\t"
			     "orq %[tf], (%%rsp)\n\t"
			     "popfq\n\t"
			     "mov %[nr], %%eax\n"
			     "at_syscall:\n\t"
			     "syscall\n\t"
			     "pushfq\n\t"
			     "andq %[no_tf], (%%rsp)\n\t"
			     "popfq\n\t"
			     "lea 128(%%rsp), %%rsp"
			     : "=&a" (ret)
			     : [tf] "i" (FL_TF), [no_tf] "i" (~FL_TF),
			       [nr] "i" (SYS_getpid)
			     : "rcx", "r11", "memory", "cc");
		bad |= ret != getpid();
	}
	printf("nested: %d steps, %d times at SYSCALL\n", STEPS, at_insn);
	return bad || at_insn != STEPS ? 6 : 0;
}

int main(int argc, char **argv)
{
	volatile char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i;

	(void)argv;
	if (argc > 1)
		return step();
	if (page == MAP_FAILED)
		return 2;
	for (i = 0; i < FAULTS; i++) {
		madvise((void *)page, 4096, MADV_DONTNEED);
		*page = i;
		if (*page != (char)i)
			return 3;
	}
	printf("nested: %d page faults\n", FAULTS);
	return 0;
}
