// SPDX-License-Identifier: GPL-2.0
/*
 * Trace a child, and compare what the tracer sees and sets with what the child has.
 *
 * The tests cover registers, single steps, breakpoints, watchpoints and stops at system
 * calls. A process in ring 0 has the kernel's selectors, which no tracer may see or set. A
 * trap flag or a breakpoint that fires in the first instructions of the kernel must not be
 * taken for the kernel's own.
 */
#include <elf.h>
#include <sys/uio.h>

#include "kml_trace.h"

#define O_USER(_m)	offsetof(struct user, _m)
#define O_REGS(_m)	offsetof(struct user_regs_struct, _m)
#define O_DR(_n)	(O_USER(u_debugreg) + 8 * (_n))

#define EXPECT_STOPPED(_sig, _status) do { \
	int _st = (_status); \
	EXPECT_TRUE(WIFSTOPPED(_st)) \
		TH_LOG("wait status %#x", _st); \
	EXPECT_EQ((_sig), _st >> 8); \
} while (0)

FIXTURE(ptrace)
{
	struct user_regs_struct regs;
	pid_t pid;
};

FIXTURE_SETUP(ptrace)
{
	self->pid = 0;
}

FIXTURE_TEARDOWN(ptrace)
{
	if (self->pid > 0) {
		kill(self->pid, SIGKILL);
		waitpid(self->pid, NULL, __WALL);
	}
}

#define GETREGS() \
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, self->pid, NULL, &self->regs))
#define SETREGS() \
	ASSERT_EQ(0, ptrace(PTRACE_SETREGS, self->pid, NULL, &self->regs))

static void expect_same(struct __test_metadata *_metadata, const greg_t *in,
			const struct user_regs_struct *u)
{
	EXPECT_EQ(0, kml_user_regs_differ(in, u, 0));
	EXPECT_EQ(kml_flags(in), u->eflags & ~FL_RF);
}

/* Stopped by a trap, with a pattern in each register. */
TEST_F(ptrace, registers)
{
	struct user_regs_struct again;
	struct iovec iov = { &again, sizeof(again) };
	greg_t in[NGREG];
	int i;

	kml_regs_init(in, kml_do_int3);
	in[REG_EFL] |= FL_STATUS | FL_DF;
	self->pid = kml_trace(kml_run_regs, in);
	ASSERT_LT(0, self->pid);
	EXPECT_STOPPED(SIGTRAP, kml_continue(self->pid, PTRACE_CONT));
	GETREGS();
	expect_same(_metadata, in, &self->regs);
	EXPECT_EQ((unsigned long)kml_after_int3, self->regs.rip);
	EXPECT_ABI_SELECTORS(&self->regs);
	EXPECT_EQ(-1, (long)self->regs.orig_rax);
	EXPECT_EQ(0, self->regs.ds | self->regs.es | self->regs.gs);

	ASSERT_EQ(0, ptrace(PTRACE_GETREGSET, self->pid, NT_PRSTATUS, &iov));
	EXPECT_EQ(0, memcmp(&again, &self->regs, sizeof(again)));
	for (i = 0; i < sizeof(again) / 8; i++) {
		errno = 0;
		EXPECT_EQ(((long *)&again)[i],
			  ptrace(PTRACE_PEEKUSER, self->pid, 8L * i, NULL));
		EXPECT_EQ(0, errno);
	}
}

/* All registers set by the tracer, and met by the next instruction. */
TEST_F(ptrace, set_registers)
{
	greg_t in[NGREG], set[NGREG];

	kml_regs_init(in, kml_do_int3);
	self->pid = kml_trace(kml_run_regs, in);
	ASSERT_LT(0, self->pid);
	EXPECT_STOPPED(SIGTRAP, kml_continue(self->pid, PTRACE_CONT));
	GETREGS();
	kml_regs_init(set, kml_do_syscall);
	self->regs.r8 = set[REG_R8] = 0x808;
	self->regs.r9 = set[REG_R9] = 0x909;
	self->regs.r10 = set[REG_R10] = 0x1010;
	self->regs.r11 = set[REG_R11] = 0x1111;
	self->regs.r12 = set[REG_R12] = 0x1212;
	self->regs.r13 = set[REG_R13] = 0x1313;
	self->regs.r14 = set[REG_R14] = 0x1414;
	self->regs.r15 = set[REG_R15] = 0x1515;
	self->regs.rdi = set[REG_RDI] = 0xd1;
	self->regs.rsi = set[REG_RSI] = 0x51;
	self->regs.rbp = set[REG_RBP] = 0xb9;
	self->regs.rbx = set[REG_RBX] = 0xb8;
	self->regs.rdx = set[REG_RDX] = 0xd8;
	self->regs.rcx = set[REG_RCX] = 0xc8;
	self->regs.rax = set[REG_RAX] = SYS_getppid;
	self->regs.rsp = set[REG_RSP] = 0xdead0000;
	self->regs.rip = (unsigned long)kml_do_syscall;
	self->regs.eflags = set[REG_EFL] = FL_FIXED | FL_IF | FL_ZF | FL_DF;
	SETREGS();
	EXPECT_STOPPED(SIGTRAP, kml_continue(self->pid, PTRACE_CONT));
	GETREGS();
	EXPECT_EQ((unsigned long)kml_after_syscall + 1, self->regs.rip);
	set[REG_RAX] = getpid();
	set[REG_RCX] = (greg_t)kml_after_syscall;
	set[REG_R11] = set[REG_EFL];
	expect_same(_metadata, set, &self->regs);
	EXPECT_ABI_SELECTORS(&self->regs);
}

/* Selectors and flags that no process may have. */
TEST_F(ptrace, refused_values)
{
	static const unsigned long bad[] = { 0, 0x30, 0x28, 0x10, 0x18 };
	greg_t in[NGREG];
	int i;

	kml_regs_init(in, kml_do_int3);
	self->pid = kml_trace(kml_run_regs, in);
	ASSERT_LT(0, self->pid);
	EXPECT_STOPPED(SIGTRAP, kml_continue(self->pid, PTRACE_CONT));
	/* In ring 0, the last two are what the process reads with MOV, see below. */
	for (i = 0; i < (kml_on() ? 3 : 5); i++) {
		EXPECT_EQ(-1, ptrace(PTRACE_POKEUSER, self->pid, O_REGS(cs),
				     bad[i]));
		EXPECT_EQ(EIO, errno);
		EXPECT_EQ(-1, ptrace(PTRACE_POKEUSER, self->pid, O_REGS(ss),
				     bad[i]));
		EXPECT_EQ(EIO, errno);
		GETREGS();
		self->regs.cs = bad[i];
		EXPECT_EQ(-1, ptrace(PTRACE_SETREGS, self->pid, NULL,
				     &self->regs));
	}
	GETREGS();
	self->regs.cs = kml_cs();
	self->regs.ss = kml_ss();
	SETREGS();
	EXPECT_EQ(0, ptrace(PTRACE_POKEUSER, self->pid, O_REGS(cs), kml_cs()));
	GETREGS();
	EXPECT_ABI_SELECTORS(&self->regs);

	/* System flags are not the tracer's, in either direction. */
	EXPECT_EQ(0, ptrace(PTRACE_POKEUSER, self->pid, O_REGS(eflags),
			    FL_FIXED | FL_IOPL | FL_CF));
	GETREGS();
	EXPECT_EQ(FL_IF | FL_CF,
		  self->regs.eflags & (FL_IF | FL_IOPL | FL_CF));
	self->regs.rip = (unsigned long)kml_do_int3;
	SETREGS();
	EXPECT_STOPPED(SIGTRAP, kml_continue(self->pid, PTRACE_CONT));
	GETREGS();
	EXPECT_EQ(FL_IF | FL_CF,
		  self->regs.eflags & (FL_IF | FL_IOPL | FL_CF));
}

/*
 * Whatever selector gets past the checks: the process goes on, or gets a
 * signal. It does not take the kernel along.
 */
TEST_F(ptrace, odd_selectors)
{
	static const unsigned long odd[] = { 0x23, 0x2b, 0x33, 0x3, 0xffff, 0x7b };
	greg_t in[NGREG];
	int i, status;

	for (i = 0; i < 6; i++) {
		kml_regs_init(in, kml_do_int3);
		self->pid = kml_trace(kml_run_regs, in);
		ASSERT_LT(0, self->pid);
		EXPECT_STOPPED(SIGTRAP, kml_continue(self->pid, PTRACE_CONT));
		GETREGS();
		self->regs.rip = (unsigned long)kml_do_int3;
		self->regs.cs = odd[i];
		if (!ptrace(PTRACE_SETREGS, self->pid, NULL, &self->regs)) {
			status = kml_continue(self->pid, PTRACE_CONT);
			EXPECT_TRUE(WIFSTOPPED(status));
			EXPECT_TRUE(WSTOPSIG(status) == SIGTRAP ||
				    WSTOPSIG(status) == SIGSEGV ||
				    WSTOPSIG(status) == SIGILL);
		}
		kill(self->pid, SIGKILL);
		waitpid(self->pid, NULL, 0);
		self->pid = 0;
	}
}

/* A new program starts with clean registers. */
static char self_path[4096];

static int exec_self(void *arg)
{
	char *argv[] = { "ptrace", "-l", NULL };

	close(2);
	execve(self_path, argv, argv + 2);
	return 1;
}

TEST_F(ptrace, registers_after_exec)
{
	ssize_t n = readlink("/proc/self/exe", self_path, sizeof(self_path) - 1);

	ASSERT_LT(0, n);
	self->pid = kml_trace(exec_self, NULL);
	ASSERT_LT(0, self->pid);
	EXPECT_STOPPED(SIGTRAP, kml_continue(self->pid, PTRACE_CONT));
	GETREGS();
	EXPECT_ABI_SELECTORS(&self->regs);
	EXPECT_EQ(0, self->regs.rsp & 15);
	EXPECT_EQ(0, self->regs.eflags & ~(FL_IF | FL_FIXED));
	EXPECT_EQ(0, self->regs.rax | self->regs.rbx | self->regs.rcx |
		  self->regs.rdx | self->regs.rsi | self->regs.rdi |
		  self->regs.rbp | self->regs.r8 | self->regs.r9 |
		  self->regs.r10 | self->regs.r12 | self->regs.r13 |
		  self->regs.r14 | self->regs.r15);
	/* And so the CPU has them, one instruction on. */
	EXPECT_STOPPED(SIGTRAP, kml_continue(self->pid, PTRACE_SINGLESTEP));
	GETREGS();
	EXPECT_ABI_SELECTORS(&self->regs);
	EXPECT_EQ(0, self->regs.rbx | self->regs.r12 | self->regs.r13 |
		  self->regs.r14 | self->regs.r15 | self->regs.r8 |
		  self->regs.r9 | self->regs.r10);
	EXPECT_EXITED(KSFT_SKIP, kml_continue(self->pid, PTRACE_CONT));
	self->pid = 0;
}

/*
 * Single steps by the tracer. A system call is one step, a call and
 * its return are two, and the trap flag ends with the stepping.
 */
extern const char walk_code[], walk_end[];
asm(".text\n\t.balign 64\n\t.globl walk_code\nwalk_code:\n\t"
    "nop\n\t"			/* 0 */
    "mov $39, %eax\n\t"		/* 1: getpid */
    "syscall\n\t"		/* 6 */
    "mov $24, %eax\n\t"		/* 8: sched_yield */
    "syscall\n\t"		/* 13 */
    "pushfq\n\t"		/* 15 */
    "pop %rbx\n\t"		/* 16 */
    "and $0xfe, %bh\n\t"	/* 17: TF does show in PUSHFQ */
    "push %rbx\n\t"		/* 20 */
    "pop %rdx\n\t"		/* 21 */
    "call 1f\n\t"		/* 22 */
    "mov (%rdi), %rcx\n\t"	/* 27: a page fault */
    "jmp walk_end\n"		/* 30 */
    "1:\tret\n"			/* 32 */
    "\t.globl walk_end\nwalk_end:\n\t"	/* 33 */
    "int3\n");

TEST_F(ptrace, single_step)
{
	static const long want[] = {
		1, 6, 8, 13, 15, 16, 17, 20, 21, 22, 32, 27, 30, 33,
	};
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	siginfo_t si;
	greg_t in[NGREG];
	int i;

	ASSERT_NE(MAP_FAILED, page);
	kml_regs_init(in, kml_do_int3);
	in[REG_RDI] = (greg_t)page;
	self->pid = kml_trace(kml_run_regs, in);
	ASSERT_LT(0, self->pid);
	EXPECT_STOPPED(SIGTRAP, kml_continue(self->pid, PTRACE_CONT));
	GETREGS();
	self->regs.rip = (unsigned long)walk_code;
	SETREGS();
	for (i = 0; i < ARRAY_SIZE(want); i++) {
		EXPECT_STOPPED(SIGTRAP, kml_continue(self->pid, PTRACE_SINGLESTEP));
		ASSERT_EQ(0, ptrace(PTRACE_GETSIGINFO, self->pid, NULL, &si));
		EXPECT_EQ(SIGTRAP, si.si_signo);
		EXPECT_TRUE(si.si_code == TRAP_TRACE ||
			    si.si_code == TRAP_BRKPT);
		GETREGS();
		EXPECT_EQ(want[i], (long)(self->regs.rip -
					  (unsigned long)walk_code));
		EXPECT_ABI_SELECTORS(&self->regs);
		EXPECT_EQ(in[REG_R13], (greg_t)self->regs.r13);
		if (want[i] == 8)
			EXPECT_EQ(self->pid, (pid_t)self->regs.rax);
	}
	/* The trap flag is gone when nobody steps any more. */
	EXPECT_STOPPED(SIGTRAP, kml_continue(self->pid, PTRACE_CONT));
	GETREGS();
	EXPECT_EQ((unsigned long)walk_end + 1, self->regs.rip);
	EXPECT_EQ(0, self->regs.eflags & FL_TF);
	munmap(page, 4096);
}

/* Some thousands of steps through real code: libc, vDSO, signals, system calls. */
static volatile int handled;

static void note(int sig)
{
	handled++;
}

static int real_code(void *arg)
{
	char buf[64];
	struct timespec ts;
	int i;

	signal(SIGUSR1, note);
	for (i = 0; i < 5; i++) {
		snprintf(buf, sizeof(buf), "%d %s", i, "step");
		/*
		 * The vDSO, and not clock_gettime(): that begins again after each
		 * tick, and where a step takes as long (PREEMPT_RT, see
		 * ptrace_stop()) it never ends.
		 */
		clock_getres(CLOCK_MONOTONIC, &ts);
		raise(SIGUSR1);
	}
	return handled == 5 && !strcmp(buf, "4 step") ? 11 : 12;
}

TEST_F(ptrace, single_step_real_code)
{
	int status, steps = 0, signals = 0;
	long sig = 0;

	kml_pin(0);
	self->pid = kml_trace(real_code, NULL);
	ASSERT_LT(0, self->pid);
	for (;;) {
		ASSERT_EQ(0, ptrace(PTRACE_SINGLESTEP, self->pid, NULL, sig));
		ASSERT_EQ(self->pid, waitpid(self->pid, &status, 0));
		if (!WIFSTOPPED(status))
			break;
		sig = WSTOPSIG(status);
		if (sig == SIGTRAP)
			sig = 0;
		else
			signals++;
		if (++steps > 100000)
			break;
	}
	EXPECT_EXITED(11, status);
	EXPECT_EQ(5, signals);
	EXPECT_LT(500, steps);
	self->pid = 0;
}

/* A step with a signal stops at the handler's first instruction. */
TEST_F(ptrace, step_into_handler)
{
	greg_t in[NGREG];

	kml_regs_init(in, kml_do_spin);
	signal(SIGUSR1, note);
	self->pid = kml_trace(kml_run_regs, in);
	ASSERT_LT(0, self->pid);
	ASSERT_EQ(0, ptrace(PTRACE_SINGLESTEP, self->pid, NULL, SIGUSR1));
	ASSERT_EQ(self->pid, waitpid(self->pid, NULL, 0));
	GETREGS();
	EXPECT_EQ((unsigned long)note, self->regs.rip);
	EXPECT_EQ(SIGUSR1, self->regs.rdi);
	EXPECT_ABI_SELECTORS(&self->regs);
}

/* Breakpoints as gdb sets them: INT3 put in, hit, taken out, stepped over. */
TEST_F(ptrace, software_breakpoint)
{
	long word, addr = (long)kml_do_syscall;
	greg_t in[NGREG];

	kml_regs_init(in, kml_do_syscall);
	in[REG_RAX] = SYS_getpid;
	self->pid = kml_trace(kml_run_regs, in);
	ASSERT_LT(0, self->pid);
	errno = 0;
	word = ptrace(PTRACE_PEEKTEXT, self->pid, addr, NULL);
	ASSERT_EQ(0, errno);
	ASSERT_EQ(0, ptrace(PTRACE_POKETEXT, self->pid, addr,
			    (word & ~0xffL) | 0xcc));
	EXPECT_STOPPED(SIGTRAP, kml_continue(self->pid, PTRACE_CONT));
	GETREGS();
	EXPECT_EQ(addr + 1, (long)self->regs.rip);
	EXPECT_EQ(SYS_getpid, self->regs.rax);
	expect_same(_metadata, in, &self->regs);
	ASSERT_EQ(0, ptrace(PTRACE_POKETEXT, self->pid, addr, word));
	self->regs.rip = addr;
	SETREGS();
	EXPECT_STOPPED(SIGTRAP, kml_continue(self->pid, PTRACE_SINGLESTEP));
	GETREGS();
	EXPECT_EQ((unsigned long)kml_after_syscall, self->regs.rip);
	EXPECT_EQ(self->pid, (pid_t)self->regs.rax);
}

/* Debug registers: execution, write and access, and only of the process. */
static volatile long watched[4] __aligned(32);

static int touch_watched(void *arg)
{
	greg_t regs[NGREG];

	watched[1] = 5;
	watched[0] = watched[2];
	asm volatile("" : : : "memory");
	kml_regs_init(regs, kml_do_syscall);
	regs[REG_RAX] = SYS_getpid;
	kml_enter(regs);
	return 1;
}

#define DR7_RW(_n, _rw, _len) \
	(1UL << ((_n) * 2) | (unsigned long)((_rw) | (_len) << 2) << (16 + (_n) * 4))

TEST_F(ptrace, hardware_breakpoints)
{
	unsigned long dr7;

	self->pid = kml_trace(touch_watched, NULL);
	ASSERT_LT(0, self->pid);
	if (ptrace(PTRACE_POKEUSER, self->pid, O_DR(0), kml_do_syscall) ||
	    ptrace(PTRACE_POKEUSER, self->pid, O_DR(1), &watched[1]) ||
	    ptrace(PTRACE_POKEUSER, self->pid, O_DR(2), &watched[2]))
		SKIP(return, "no debug registers: needs PERF_EVENTS");
	/* 8 bytes each: length code 2. */
	dr7 = DR7_RW(0, 0, 0) | DR7_RW(1, 1, 2) | DR7_RW(2, 3, 2);
	if (ptrace(PTRACE_POKEUSER, self->pid, O_DR(7), dr7))
		SKIP(return, "no hardware breakpoints here");

	EXPECT_STOPPED(SIGTRAP, kml_continue(self->pid, PTRACE_CONT));
	EXPECT_EQ(2, ptrace(PTRACE_PEEKUSER, self->pid, O_DR(6), NULL) & 0xf);
	GETREGS();
	EXPECT_ABI_SELECTORS(&self->regs);
	EXPECT_STOPPED(SIGTRAP, kml_continue(self->pid, PTRACE_CONT));
	EXPECT_EQ(4, ptrace(PTRACE_PEEKUSER, self->pid, O_DR(6), NULL) & 0xf);
	/* At the instruction, before it; and then past it by RF. */
	EXPECT_STOPPED(SIGTRAP, kml_continue(self->pid, PTRACE_CONT));
	EXPECT_EQ(1, ptrace(PTRACE_PEEKUSER, self->pid, O_DR(6), NULL) & 0xf);
	GETREGS();
	EXPECT_EQ((unsigned long)kml_do_syscall, self->regs.rip);
	EXPECT_EQ(SYS_getpid, self->regs.rax);
	EXPECT_ABI_SELECTORS(&self->regs);
	EXPECT_STOPPED(SIGTRAP, kml_continue(self->pid, PTRACE_CONT));
	GETREGS();
	EXPECT_EQ((unsigned long)kml_after_syscall + 1, self->regs.rip);
	EXPECT_EQ(self->pid, (pid_t)self->regs.rax);
}

/* Not on the kernel's addresses: ring 0 or not. */
TEST_F(ptrace, no_breakpoint_in_the_kernel)
{
	static const unsigned long where[] = {
		KML_KERNEL_HOLE, 0xffffffff81000000, 0xfffffffffffff000,
	};
	long addr, dr7;
	int i;

	for (i = 0; i < 3; i++) {
		self->pid = kml_trace(touch_watched, NULL);
		ASSERT_LT(0, self->pid);
		addr = ptrace(PTRACE_POKEUSER, self->pid, O_DR(0), where[i]);
		dr7 = ptrace(PTRACE_POKEUSER, self->pid, O_DR(7),
			     DR7_RW(0, 0, 0));
		EXPECT_TRUE(addr < 0 || dr7 < 0);
		kill(self->pid, SIGKILL);
		waitpid(self->pid, NULL, 0);
		self->pid = 0;
	}
}

/* A watchpoint on what the kernel writes for the process does not fire. */
static int kernel_writes(void *arg)
{
	int fd[2];

	if (pipe(fd) || write(fd[1], "12345678", 8) != 8)
		return 1;
	if (read(fd[0], (void *)&watched[1], 8) != 8)
		return 2;
	return watched[1] == 0x3837363534333231 ? 21 : 3;
}

TEST_F(ptrace, watchpoint_written_by_the_kernel)
{
	int status;

	self->pid = kml_trace(kernel_writes, NULL);
	ASSERT_LT(0, self->pid);
	if (ptrace(PTRACE_POKEUSER, self->pid, O_DR(0), &watched[1]) ||
	    ptrace(PTRACE_POKEUSER, self->pid, O_DR(7), DR7_RW(0, 1, 2)))
		SKIP(return, "no hardware breakpoints: needs PERF_EVENTS");
	status = kml_continue(self->pid, PTRACE_CONT);
	/* Ours is the one read after it. */
	EXPECT_EXITED(21, status);
	self->pid = 0;
}

/*
 * A watchpoint on memory that MOV to SS reads: the trap is held back until the
 * next instruction has run. When that is a SYSCALL, it strikes in the kernel's
 * first instruction, with the process's stack pointer.
 */
extern const char movss_code[], movss_end[];
asm(".text\n\t.balign 64\n\t.globl movss_code\nmovss_code:\n\t"
    "mov (%rdi), %ss\n\t"
    "syscall\n\t"
    "mov (%rdi), %ss\n\t"
    "int3\n\t"
    "nop\n"
    "\t.globl movss_end\nmovss_end:\n\t"
    "hlt\n");

TEST_F(ptrace, watchpoint_held_back_by_mov_ss)
{
	greg_t in[NGREG];
	int status, i;

	watched[0] = kml_ss();
	kml_regs_init(in, movss_code);
	in[REG_RAX] = SYS_getpid;
	in[REG_RDI] = (greg_t)watched;
	self->pid = kml_trace(kml_run_regs, in);
	ASSERT_LT(0, self->pid);
	if (ptrace(PTRACE_POKEUSER, self->pid, O_DR(0), watched) ||
	    ptrace(PTRACE_POKEUSER, self->pid, O_DR(7), DR7_RW(0, 3, 2)))
		SKIP(return, "no hardware breakpoints: needs PERF_EVENTS");
	/* How many traps are told differs between CPUs; the way does not. */
	for (i = 0; i < 6; i++) {
		status = kml_continue(self->pid, PTRACE_CONT);
		EXPECT_STOPPED(SIGTRAP, status);
		GETREGS();
		EXPECT_TRUE(self->regs.rip >= (unsigned long)movss_code &&
			    self->regs.rip <= (unsigned long)movss_end)
			TH_LOG("rip %#llx", self->regs.rip);
		EXPECT_ABI_SELECTORS(&self->regs);
		if (self->regs.rip >= (unsigned long)movss_end - 1 ||
		    _metadata->exit_code)
			break;
	}
	EXPECT_EQ((unsigned long)movss_end - 1, self->regs.rip);
	EXPECT_EQ(self->pid, (pid_t)self->regs.rax);
}

/* System call stops. */
static int call_getppid(void *arg)
{
	pid_t parent = getppid();
	long ret = syscall(SYS_getppid, 1, 2, 3, 4, 5, 6);

	return ret == parent ? 31 : ret == getpid() ? 32 : ret == 12345 ? 33 : 34;
}

#define SYSCALL_STOP (SIGTRAP | 0x80)

/* Run up to the entry stop of the second getppid(). */
static bool to_second_getppid(pid_t pid, struct user_regs_struct *regs)
{
	int i, seen = 0;

	ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD);
	for (i = 0; i < 20; i++) {
		if (kml_continue(pid, PTRACE_SYSCALL) >> 8 != SYSCALL_STOP)
			return false;
		ptrace(PTRACE_GETREGS, pid, NULL, regs);
		/* -ENOSYS at entry, the result at exit. */
		if (regs->orig_rax == SYS_getppid && (long)regs->rax == -ENOSYS &&
		    ++seen == 2)
			return true;
	}
	return false;
}

TEST_F(ptrace, syscall_stops)
{
	struct __ptrace_syscall_info info;

	self->pid = kml_trace(call_getppid, NULL);
	ASSERT_LT(0, self->pid);
	ASSERT_TRUE(to_second_getppid(self->pid, &self->regs));
	EXPECT_ABI_SELECTORS(&self->regs);
	EXPECT_EQ(1, self->regs.rdi);
	EXPECT_EQ(2, self->regs.rsi);
	EXPECT_EQ(3, self->regs.rdx);
	EXPECT_EQ(4, self->regs.r10);
	EXPECT_EQ(5, self->regs.r8);
	EXPECT_EQ(6, self->regs.r9);
	EXPECT_EQ(self->regs.eflags & ~FL_RF, self->regs.r11 & ~FL_RF);
	EXPECT_EQ(self->regs.rip, self->regs.rcx);
	EXPECT_LT(0, ptrace(PTRACE_GET_SYSCALL_INFO, self->pid, sizeof(info),
			    &info));
	EXPECT_EQ(PTRACE_SYSCALL_INFO_ENTRY, info.op);
	EXPECT_EQ(SYS_getppid, info.entry.nr);
	EXPECT_EQ(self->regs.rip, info.instruction_pointer);

	EXPECT_STOPPED(SYSCALL_STOP, kml_continue(self->pid, PTRACE_SYSCALL));
	GETREGS();
	EXPECT_EQ(getpid(), (pid_t)self->regs.rax);
	EXPECT_EQ(SYS_getppid, self->regs.orig_rax);
	EXPECT_EXITED(31, kml_continue(self->pid, PTRACE_CONT));
	self->pid = 0;
}

TEST_F(ptrace, syscall_changed)
{
	self->pid = kml_trace(call_getppid, NULL);
	ASSERT_LT(0, self->pid);
	ASSERT_TRUE(to_second_getppid(self->pid, &self->regs));
	self->regs.orig_rax = SYS_getpid;
	SETREGS();
	EXPECT_EXITED(32, kml_continue(self->pid, PTRACE_CONT));
	self->pid = 0;
}

TEST_F(ptrace, syscall_skipped)
{
	self->pid = kml_trace(call_getppid, NULL);
	ASSERT_LT(0, self->pid);
	ASSERT_TRUE(to_second_getppid(self->pid, &self->regs));
	self->regs.orig_rax = -1;
	self->regs.rax = 12345;
	SETREGS();
	EXPECT_EXITED(33, kml_continue(self->pid, PTRACE_CONT));
	self->pid = 0;
}

TEST_F(ptrace, syscall_result_changed)
{
	self->pid = kml_trace(call_getppid, NULL);
	ASSERT_LT(0, self->pid);
	ASSERT_TRUE(to_second_getppid(self->pid, &self->regs));
	EXPECT_STOPPED(SYSCALL_STOP, kml_continue(self->pid, PTRACE_SYSCALL));
	GETREGS();
	self->regs.rax = 12345;
	SETREGS();
	EXPECT_EXITED(33, kml_continue(self->pid, PTRACE_CONT));
	self->pid = 0;
}

/* At an exit stop, all is moved elsewhere: the way out must not be the fast. */
TEST_F(ptrace, moved_at_syscall_exit)
{
	greg_t in[NGREG];

	kml_regs_init(in, kml_do_syscall);
	in[REG_RAX] = SYS_getpid;
	self->pid = kml_trace(kml_run_regs, in);
	ASSERT_LT(0, self->pid);
	do {
		ASSERT_EQ(SIGTRAP, kml_continue(self->pid, PTRACE_SYSCALL) >> 8);
		GETREGS();
	} while (self->regs.orig_rax != SYS_getpid);
	EXPECT_STOPPED(SIGTRAP, kml_continue(self->pid, PTRACE_SYSCALL));
	GETREGS();
	self->regs.rip = (unsigned long)kml_do_int3;
	self->regs.rcx = 0x1234;
	self->regs.r11 = 0x5678;
	self->regs.rsp = KML_NONCANON;
	self->regs.eflags |= FL_CF | FL_DF;
	SETREGS();
	EXPECT_STOPPED(SIGTRAP, kml_continue(self->pid, PTRACE_CONT));
	GETREGS();
	EXPECT_EQ((unsigned long)kml_after_int3, self->regs.rip);
	EXPECT_EQ(0x1234, self->regs.rcx);
	EXPECT_EQ(0x5678, self->regs.r11);
	EXPECT_EQ(KML_NONCANON, self->regs.rsp);
	EXPECT_EQ(FL_CF | FL_DF, self->regs.eflags & (FL_CF | FL_DF));
	EXPECT_EQ(self->pid, (pid_t)self->regs.rax);
}

/* RIP set to where no code can be: signals, however the kernel goes back. */
TEST_F(ptrace, bad_rip_at_syscall_exit)
{
	static const unsigned long bad[] = {
		0, KML_NONCANON, 0x0000800000000000, 0x8000000000000000,
		0xffff7fffffffffff, KML_KERNEL_HOLE,
	};
	greg_t in[NGREG];
	int i, status;

	for (i = 0; i < 6; i++) {
		kml_regs_init(in, kml_do_syscall);
		in[REG_RAX] = SYS_getpid;
		self->pid = kml_trace(kml_run_regs, in);
		ASSERT_LT(0, self->pid);
		do {
			ASSERT_EQ(SIGTRAP, kml_continue(self->pid, PTRACE_SYSCALL) >> 8);
			GETREGS();
		} while (self->regs.orig_rax != SYS_getpid);
		EXPECT_STOPPED(SIGTRAP, kml_continue(self->pid, PTRACE_SYSCALL));
		GETREGS();
		self->regs.rip = bad[i];
		SETREGS();
		status = kml_continue(self->pid, PTRACE_CONT);
		EXPECT_TRUE(WIFSTOPPED(status));
		EXPECT_TRUE(WSTOPSIG(status) == SIGSEGV ||
			    WSTOPSIG(status) == SIGBUS);
		GETREGS();
		EXPECT_EQ(bad[i], self->regs.rip);
		EXPECT_ABI_SELECTORS(&self->regs);
		kill(self->pid, SIGKILL);
		waitpid(self->pid, NULL, 0);
		self->pid = 0;
	}
}

/* Attached while computing, and while asleep in a call that then restarts. */
static __attribute__((__noinline__)) int compute(void *arg)
{
	volatile unsigned long *n = arg;

	for (;;)
		(*n)++;
	return 0;
}

TEST_F(ptrace, attach_to_busy_process)
{
	volatile unsigned long *n = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned long before;
	int status, i;

	ASSERT_NE(MAP_FAILED, (void *)n);
	self->pid = fork();
	if (!self->pid)
		_exit(compute((void *)n));
	ASSERT_LT(0, self->pid);
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, self->pid, NULL, 0));
	for (i = 0; i < 20; i++) {
		before = *n;
		while (*n == before)
			usleep(1000);
		ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, self->pid, NULL, NULL));
		ASSERT_EQ(self->pid, waitpid(self->pid, &status, 0));
		EXPECT_TRUE(WIFSTOPPED(status));
		GETREGS();
		EXPECT_ABI_SELECTORS(&self->regs);
		EXPECT_TRUE(self->regs.rip >= (unsigned long)compute &&
			    self->regs.rip < (unsigned long)compute + 128);
		EXPECT_EQ(-1, (long)self->regs.orig_rax);
		before = *n;
		usleep(2000);
		EXPECT_EQ(before, *n);
		ASSERT_EQ(0, ptrace(PTRACE_CONT, self->pid, NULL, NULL));
	}
}

static int pipefd[2];

static int read_pipe(void *arg)
{
	char c;

	return read(pipefd[0], &c, 1) == 1 ? 41 : 42;
}

TEST_F(ptrace, attach_to_sleeping_process)
{
	int status, i = 0, early = 0;

	ASSERT_EQ(0, pipe(pipefd));
	self->pid = fork();
	if (!self->pid)
		_exit(read_pipe(NULL));
	ASSERT_LT(0, self->pid);
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, self->pid, NULL, 0));
	while (i < 5) {
		usleep(10000);
		ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, self->pid, NULL, NULL));
		ASSERT_EQ(self->pid, waitpid(self->pid, &status, 0));
		GETREGS();
		/* On a busy machine it may not have come to the call yet. */
		if ((long)self->regs.orig_rax >= 0 || ++early > 500) {
			EXPECT_EQ(SYS_read, (long)self->regs.orig_rax);
			EXPECT_EQ(-512, (long)self->regs.rax);	/* ERESTARTSYS */
			EXPECT_ABI_SELECTORS(&self->regs);
			i++;
		}
		ASSERT_EQ(0, ptrace(PTRACE_CONT, self->pid, NULL, NULL));
	}
	usleep(10000);
	ASSERT_EQ(1, write(pipefd[1], "x", 1));
	ASSERT_EQ(self->pid, waitpid(self->pid, &status, 0));
	EXPECT_EXITED(41, status);
	self->pid = 0;
}

/* Vector registers through the tracer. */
static int check_xmm(void *arg)
{
	unsigned long val = 0;

	asm volatile("movq %1, %%xmm5\n\t"
		     "int3\n\t"
		     "movq %%xmm5, %0"
		     : "=r" (val) : "r" (0x1111111111111111) : "xmm5");
	return val == 0x2222222222222222 ? 51 : 52;
}

TEST_F(ptrace, vector_registers)
{
	struct user_fpregs_struct fp;
	unsigned long vec[2];

	self->pid = kml_trace(check_xmm, NULL);
	ASSERT_LT(0, self->pid);
	EXPECT_STOPPED(SIGTRAP, kml_continue(self->pid, PTRACE_CONT));
	ASSERT_EQ(0, ptrace(PTRACE_GETFPREGS, self->pid, NULL, &fp));
	memcpy(vec, &fp.xmm_space[4 * 5], 16);
	EXPECT_EQ(0x1111111111111111, vec[0]);
	memset(&fp.xmm_space[4 * 5], 0x22, 16);
	ASSERT_EQ(0, ptrace(PTRACE_SETFPREGS, self->pid, NULL, &fp));
	EXPECT_EXITED(51, kml_continue(self->pid, PTRACE_CONT));
	self->pid = 0;
}

/* The FS base set by the tracer is the one the process looks through. */
static int check_fs(void *arg)
{
	unsigned long val;

	/* The tracer exchanges FS base at the first and back at the second. */
	asm volatile("int3\n\t"
		     "mov %%fs:8, %0\n\t"
		     "int3"
		     : "=r" (val) : : "memory");
	return val == (unsigned long)watched[1] ? 61 : 62;
}

TEST_F(ptrace, fs_base)
{
	unsigned long old;

	watched[1] = 0x6666;
	self->pid = kml_trace(check_fs, NULL);
	ASSERT_LT(0, self->pid);
	EXPECT_STOPPED(SIGTRAP, kml_continue(self->pid, PTRACE_CONT));
	GETREGS();
	old = self->regs.fs_base;
	self->regs.fs_base = (unsigned long)watched;
	SETREGS();
	EXPECT_STOPPED(SIGTRAP, kml_continue(self->pid, PTRACE_CONT));
	GETREGS();
	EXPECT_EQ((unsigned long)watched, self->regs.fs_base);
	self->regs.fs_base = old;
	SETREGS();
	EXPECT_EXITED(61, kml_continue(self->pid, PTRACE_CONT));
	self->pid = 0;
}

TEST_HARNESS_MAIN
