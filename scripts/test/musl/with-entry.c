// SPDX-License-Identifier: GPL-2.0
/*
 * Usage: with-entry PROGRAM [ARGUMENT...]
 *
 * Run a program as if the kernel had an entry for system calls: map a small
 * entry into it before its first instruction and put the address into the
 * auxiliary vector as AT_SYSINFO. The entry executes SYSCALL; then it counts the
 * call and destroys all that a caller may not rely on: RCX, R11, the flags and
 * the stack below the return address. Programs that PROGRAM executes run
 * without it. PROGRAM must be given by its path.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim.h"

/*
 * SYSCALL comes first, so that the kernel's way of restarting a call, to go
 * back by the length of SYSCALL, ends at the entry with the return address on
 * the stack. That is what a kernel with an entry of its own shows as well.
 */
__asm__ (".pushsection .rodata\n"
	 ".balign 4096\n"
	 "shim_start:\n"
	 "	syscall\n"
	 "	lock incq	shim_start + 4096(%rip)\n"
	 "	movabs	$0xdead0badfeedbeef, %rcx\n"
	 "	mov	%rcx, %r11\n"
	 "	.set	i, 8\n"
	 "	.rept	16\n"
	 "	mov	%rcx, -i(%rsp)\n"
	 "	.set	i, i + 8\n"
	 "	.endr\n"
	 "	mov	$0x80, %cl\n"
	 "	add	%cl, %cl\n"		/* sets CF, PF, ZF and OF */
	 "	ret\n"
	 "shim_end:\n"
	 ".popsection\n");

static pid_t child;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "with-entry: %s: %s\n", what, strerror(errno));
	if (child > 0)
		kill(child, SIGKILL);
	exit(125);
}

static unsigned long peek(unsigned long addr)
{
	long v;

	errno = 0;
	v = ptrace(PTRACE_PEEKDATA, child, addr, NULL);
	if (errno)
		fail("cannot read the program's memory");
	return v;
}

static void poke(unsigned long addr, unsigned long v)
{
	if (ptrace(PTRACE_POKEDATA, child, addr, v))
		fail("cannot write the program's memory");
}

static void wait_stop(void)
{
	int status;

	if (waitpid(child, &status, 0) != child)
		fail("waitpid");
	if (!WIFSTOPPED(status)) {
		fprintf(stderr, "with-entry: the program died while it was prepared\n");
		exit(WIFEXITED(status) ? WEXITSTATUS(status) : 125);
	}
}

/* Let the stopped program make one system call where it stands. */
static unsigned long inject(long nr, long a, long b, long c, long d, long e, long f)
{
	struct user_regs_struct saved, regs;
	unsigned long text;

	if (ptrace(PTRACE_GETREGS, child, NULL, &saved))
		fail("PTRACE_GETREGS");
	regs = saved;
	text = peek(saved.rip);
	poke(saved.rip, (text & ~0xffffUL) | 0x050f);
	regs.orig_rax = -1;
	regs.rax = nr;
	regs.rdi = a;
	regs.rsi = b;
	regs.rdx = c;
	regs.r10 = d;
	regs.r8 = e;
	regs.r9 = f;
	if (ptrace(PTRACE_SETREGS, child, NULL, &regs) ||
	    ptrace(PTRACE_SINGLESTEP, child, NULL, NULL))
		fail("PTRACE_SETREGS");
	wait_stop();
	if (ptrace(PTRACE_GETREGS, child, NULL, &regs) ||
	    ptrace(PTRACE_SETREGS, child, NULL, &saved))
		fail("PTRACE_GETREGS");
	poke(saved.rip, text);
	if (regs.rax > -4096UL) {
		errno = -regs.rax;
		fail("a system call of the program failed");
	}
	return regs.rax;
}

/* The kernel has left no room: take the place of an entry nobody reads. */
static void add_auxv(unsigned long type, unsigned long value)
{
	struct user_regs_struct regs;
	unsigned long p;

	if (ptrace(PTRACE_GETREGS, child, NULL, &regs))
		fail("PTRACE_GETREGS");
	p = regs.rsp + 8 * (1 + peek(regs.rsp) + 1);	/* argc, argv, NULL */
	while (peek(p))					/* envp */
		p += 8;
	for (p += 8; peek(p) != AT_CLKTCK; p += 16) {
		if (peek(p) == AT_NULL) {
			errno = ENOENT;
			fail("no AT_CLKTCK to replace by AT_SYSINFO");
		}
		if (peek(p) == type) {
			/* A kernel with an entry; the shim goes first. */
			break;
		}
	}
	poke(p, type);
	poke(p + 8, value);
}

int main(int argc, char **argv)
{
	unsigned long base, i;
	int status;

	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		puts("Usage: with-entry PROGRAM [ARGUMENT...]\n\n"
		     "Run PROGRAM with an entry for system calls in AT_SYSINFO.");
		return 0;
	}
	if (argc < 2) {
		fprintf(stderr, "with-entry: no program named; see --help\n");
		return 125;
	}
	child = fork();
	if (child < 0)
		fail("fork");
	if (!child) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
			fail("PTRACE_TRACEME");
		execv(argv[1], argv + 1);
		fail(argv[1]);
	}
	wait_stop();
	if (ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_EXITKILL))
		fail("PTRACE_SETOPTIONS");

	base = inject(SYS_mmap, 0, 2 * SHIM_DATA, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < (unsigned long)(shim_end - shim_start); i += 8) {
		unsigned long word;

		memcpy(&word, shim_start + i, 8);
		poke(base + i, word);
	}
	inject(SYS_mprotect, base, SHIM_DATA, PROT_READ | PROT_EXEC, 0, 0, 0);
	add_auxv(AT_SYSINFO, base);
	if (ptrace(PTRACE_DETACH, child, NULL, NULL))
		fail("PTRACE_DETACH");

	while (waitpid(child, &status, 0) != child)
		if (errno != EINTR)
			fail("waitpid");
	if (WIFSIGNALED(status)) {
		fprintf(stderr, "with-entry: %s died of signal %d\n", argv[1],
			WTERMSIG(status));
		return 128 + WTERMSIG(status);
	}
	return WEXITSTATUS(status);
}
