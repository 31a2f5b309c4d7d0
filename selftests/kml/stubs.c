// SPDX-License-Identifier: GPL-2.0
/*
 * Stubs as scripts/callsites makes them: a call in the place of SYSCALL and an
 * instruction beside it leads to code that makes the system call in either way. All that
 * callentry and callstorm try is tried with such a call; this is about the rest, and
 * holds on any kernel.
 */
#include <fcntl.h>
#include <sys/prctl.h>

#include "kml_call.h"
#include "kml_trace.h"

#define STUB_AT		64
/* Where a process is before and after the system call, if nothing is before it */
#define AT_SYSCALL	(STUB_AT + 18)
#define AFTER_SYSCALL	(STUB_AT + 20)
#define MOV_LEN		5

FIXTURE(stubs)
{
	greg_t regs[NGREG];
	unsigned char *code;
};

FIXTURE_SETUP(stubs)
{
	self->code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->code);
	ASSERT_EQ(0, kml_catch_all());
}

FIXTURE_TEARDOWN(stubs)
{
}

/*
 * Code that calls a stub, and INT3. The stub has "mov $nr, %eax" before the system call
 * if @nr is not -1, and "cmp $with, %rax" after it if @with is not 0.
 */
static void *stub_of(unsigned char *code, int nr, int with)
{
	static const unsigned char call[] = {
		0x8c, 0xc9,				/* mov	%cs, %ecx */
		0xf6, 0xc1, 0x03,			/* test	$3, %cl */
		0x75, 0x0b,				/* jnz	1f + 4 */
		0x48, 0xc7, 0xc1, 0x00, 0x0c, 0x51, 0xfa,	/* mov	$KML_STUB_RCX, %rcx */
		0xff, 0x91, 0x00, 0x00, 0x0f, 0x05,	/* 1: call *0x050f0000(%rcx) */
	};
	unsigned char *p = code + STUB_AT;
	int offset = STUB_AT - 5;

	code[0] = 0xe8;
	memcpy(code + 1, &offset, 4);
	code[5] = 0xcc;
	if (nr != -1) {
		*p = 0xb8;
		memcpy(p + 1, &nr, 4);
		p += MOV_LEN;
	}
	memcpy(p, call, sizeof(call));
	p += sizeof(call);
	if (with) {
		p[0] = 0x48;
		p[1] = 0x3d;
		memcpy(p + 2, &with, 4);
		p += 6;
	}
	*p = 0xc3;
	return code;
}

static void *stub_of_number(unsigned char *code, int nr)
{
	return stub_of(code, nr, 0);
}

#define EXPECT_BACK() do { \
	EXPECT_TRAP(SIGTRAP, SI_KERNEL, X86_TRAP_BP, 0, self->code + 6); \
	EXPECT_REGS_KEPT(self->regs, KML_SYSCALL_REGS); \
} while (0)

/* Each stub has its number: user dispatch says which call it was to be. */
#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH	59
#define PR_SYS_DISPATCH_OFF		0
#define PR_SYS_DISPATCH_ON		1
#endif

static volatile char selector;
static siginfo_t dispatched;
static greg_t dispatched_result;

static void dispatch(int sig, siginfo_t *si, void *ctx)
{
	selector = 0;
	dispatched = *si;
	((ucontext_t *)ctx)->uc_mcontext.gregs[REG_RAX] = dispatched_result;
}

TEST_F(stubs, every_number)
{
	int nr;

	ASSERT_EQ(0, kml_handler(SIGSYS, dispatch, SA_ONSTACK));
	if (prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0,
		  &selector))
		SKIP(return, "no syscall user dispatch");
	dispatched_result = 31337;
	for (nr = 0; nr < 512; nr++) {
		kml_regs_init(self->regs, stub_of_number(self->code, nr));
		self->regs[REG_RAX] = 0x1234567890;
		selector = 1;
		kml_trap(self->regs);
		EXPECT_BACK();
		EXPECT_EQ(31337, kml_last.regs[REG_RAX]);
		EXPECT_EQ((void *)(self->code + MOV_LEN + AFTER_SYSCALL),
			  dispatched.si_call_addr);
		EXPECT_EQ(nr, dispatched.si_syscall);
	}
	prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0, 0, 0);
	kml_regs_init(self->regs, stub_of_number(self->code, 511));
	kml_trap(self->regs);
	EXPECT_BACK();
	EXPECT_EQ(-ENOSYS, kml_last.regs[REG_RAX]);
}

TEST_F(stubs, numbers)
{
	static const int nrs[] = {
		SYS_getpid, SYS_gettid, SYS_getppid, SYS_getuid, SYS_getgid,
		SYS_geteuid, SYS_getpgrp, SYS_sched_yield, SYS_getegid,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(nrs); i++) {
		kml_regs_init(self->regs, stub_of_number(self->code, nrs[i]));
		kml_trap(self->regs);
		EXPECT_BACK();
		EXPECT_EQ(syscall(nrs[i]), kml_last.regs[REG_RAX]);
	}
}

/* The flags of a comparison, by a processor that has made one */
static unsigned long compare(long result, long with)
{
	unsigned long flags;

	asm volatile("cmp %2, %1\n\t"
		     "pushfq\n\t"
		     "pop %0"
		     : "=r" (flags) : "r" (result), "r" (with) : "cc", "memory");
	return flags & FL_STATUS;
}

static const int comparing[] = { -4095, -4096 };

#define EXPECT_COMPARED(_i) do { \
	unsigned long _want = compare(kml_last.regs[REG_RAX], \
				      comparing[_i]); \
	EXPECT_EQ(_want, kml_last.regs[REG_EFL] & FL_STATUS) \
		TH_LOG("result %lld", kml_last.regs[REG_RAX]); \
} while (0)

TEST_F(stubs, compared)
{
	static const long results[] = {
		0, 1, -1, -2, -38, -4094, -4095, -4096, -4097, -4098, 0x7fffffff,
		0x80000000, 0xfffff000, 0xffffffff, 0x7fffffffffffffff,
		0x8000000000000000, 0x10, 0xff,
	};
	static const unsigned long flags[] = { 0, FL_STATUS, FL_DF, FL_AC };
	int fd = open("/proc/self/mem", O_RDONLY);
	size_t i, j, k;

	ASSERT_LE(0, fd);
	for (i = 0; i < 2; i++) {
		for (j = 0; j < ARRAY_SIZE(results); j++) {
			for (k = 0; k < ARRAY_SIZE(flags); k++) {
				/* Which takes any offset, and says it again */
				kml_regs_init(self->regs,
					      stub_of(self->code, -1, comparing[i]));
				self->regs[REG_RAX] = SYS_lseek;
				self->regs[REG_RDI] = fd;
				self->regs[REG_RSI] = results[j];
				self->regs[REG_RDX] = SEEK_SET;
				self->regs[REG_EFL] |= flags[k];
				kml_trap(self->regs);
				EXPECT_BACK();
				EXPECT_EQ(results[j], kml_last.regs[REG_RAX]);
				EXPECT_COMPARED(i);
			}
		}
		/* Errors, and numbers that there are not, of which -1 is special */
		for (j = 0; j < 4; j++) {
			static const long nrs[] = { SYS_close, -1, 4096, 600 };

			kml_regs_init(self->regs,
				      stub_of(self->code, -1, comparing[i]));
			self->regs[REG_RAX] = nrs[j];
			self->regs[REG_RDI] = -1;
			kml_trap(self->regs);
			EXPECT_BACK();
			EXPECT_EQ(j ? -ENOSYS : -EBADF, kml_last.regs[REG_RAX]);
			EXPECT_COMPARED(i);
		}
	}
	close(fd);
}

/* A single step over the call, by the process itself */
TEST_F(stubs, compared_in_step)
{
	int i;

	for (i = 0; i < 2; i++) {
		kml_regs_init(self->regs, stub_of(self->code, -1, comparing[i]));
		self->regs[REG_RAX] = SYS_getppid;
		self->regs[REG_EFL] |= FL_TF;
		kml_trap(self->regs);
		/* Before the call, in between or behind: at none of the kernel's */
		EXPECT_EQ(SIGTRAP, kml_last.sig);
		EXPECT_LT(0, kml_last.regs[REG_RIP]);
	}
}

/* The child's result is another one. */
TEST_F(stubs, compared_in_child)
{
	int i, j, status;
	pid_t pid, parent = getpid();

	for (i = 0; i < 2; i++) {
		for (j = 0; j < 20; j++) {
			kml_regs_init(self->regs,
				      stub_of(self->code, -1, comparing[i]));
			self->regs[REG_RAX] = SYS_fork;
			self->regs[REG_EFL] |= j & 1 ? FL_STATUS : 0;
			fflush(NULL);
			kml_trap(self->regs);
			if (getpid() != parent)
				_exit(kml_last.regs[REG_RAX] ? 1 :
				      (kml_last.regs[REG_EFL] & FL_STATUS) !=
				      compare(0, comparing[i]) ? 2 : 0);
			EXPECT_BACK();
			EXPECT_COMPARED(i);
			pid = kml_last.regs[REG_RAX];
			ASSERT_LT(0, pid);
			ASSERT_EQ(pid, waitpid(pid, &status, 0));
			EXPECT_EXITED(0, status);
		}
	}
}

/* What a handler of SIGSYS puts in the place of the result */
TEST_F(stubs, compared_after_handler)
{
	static const long results[] = { 7, -1, -4094, -4095, -4096, 0 };
	size_t i, j;

	ASSERT_EQ(0, kml_handler(SIGSYS, dispatch, SA_ONSTACK));
	if (prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0,
		  &selector))
		SKIP(return, "no syscall user dispatch");
	for (i = 0; i < 2; i++) {
		for (j = 0; j < ARRAY_SIZE(results); j++) {
			kml_regs_init(self->regs,
				      stub_of(self->code, -1, comparing[i]));
			self->regs[REG_RAX] = SYS_getppid;
			dispatched_result = results[j];
			selector = 1;
			kml_trap(self->regs);
			EXPECT_BACK();
			EXPECT_EQ(results[j], kml_last.regs[REG_RAX]);
			EXPECT_COMPARED(i);
		}
	}
	prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0, 0, 0);
}

/* What a tracer puts there */
TEST_F(stubs, compared_after_tracer)
{
	static const long results[] = { 7, -1, -4095, -4096, 0 };
	struct user_regs_struct u;
	size_t i, j;
	pid_t pid;

	for (i = 0; i < 2; i++) {
		for (j = 0; j < ARRAY_SIZE(results); j++) {
			kml_regs_init(self->regs,
				      stub_of(self->code, -1, comparing[i]));
			self->regs[REG_RAX] = SYS_getppid;
			pid = kml_trace(kml_run_regs, self->regs);
			ASSERT_LT(0, pid);
			do {
				ASSERT_LT(0, kml_continue(pid, PTRACE_SYSCALL));
				ASSERT_EQ(0, ptrace(PTRACE_GETREGS, pid, NULL, &u));
			} while (u.orig_rax != SYS_getppid || u.rax == -ENOSYS);
			EXPECT_EQ((unsigned long)self->code + AFTER_SYSCALL, u.rip);
			u.rax = results[j];
			ASSERT_EQ(0, ptrace(PTRACE_SETREGS, pid, NULL, &u));
			EXPECT_EQ(SIGTRAP, kml_continue(pid, PTRACE_CONT) >> 8);
			ASSERT_EQ(0, ptrace(PTRACE_GETREGS, pid, NULL, &u));
			EXPECT_EQ(results[j], (long)u.rax);
			EXPECT_EQ(compare(results[j], comparing[i]),
				  u.eflags & FL_STATUS)
				TH_LOG("result %ld", results[j]);
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
		}
	}
}

/* Signals find the process at the SYSCALL, if that is made again, or behind it. */
static greg_t found_rip, found_rsp, found_rax;
static const unsigned char *stub_page;
static const struct itimerval soon = { .it_value.tv_usec = 5000 };
static int pipefd[2];

static void interrupt(int sig, siginfo_t *si, void *ctx)
{
	greg_t *regs = ((ucontext_t *)ctx)->uc_mcontext.gregs;

	/* On a slow machine, it is not there yet. */
	if ((unsigned long)regs[REG_RIP] - (unsigned long)stub_page >= 4096) {
		setitimer(ITIMER_REAL, &soon, NULL);
		return;
	}
	found_rip = regs[REG_RIP];
	found_rsp = regs[REG_RSP];
	found_rax = regs[REG_RAX];
	if (pipefd[1] && write(pipefd[1], "x", 1) != 1)
		_exit(99);
}

TEST_F(stubs, place_in_handler)
{
	int number, restart;
	char c[8];

	stub_page = self->code;
	for (number = 0; number < 2; number++) {
		for (restart = 0; restart < 2; restart++) {
			ASSERT_EQ(0, pipe(pipefd));
			ASSERT_EQ(0, kml_handler(SIGALRM, interrupt, SA_ONSTACK |
						 (restart ? SA_RESTART : 0)));
			kml_regs_init(self->regs, number ?
				      stub_of_number(self->code, SYS_read) :
				      stub_of(self->code, -1, -4096));
			self->regs[REG_RAX] = number ? 4711 : SYS_read;
			self->regs[REG_RDI] = pipefd[0];
			self->regs[REG_RSI] = (greg_t)c;
			self->regs[REG_RDX] = 1;
			setitimer(ITIMER_REAL, &soon, NULL);
			kml_trap(self->regs);
			EXPECT_BACK();
			EXPECT_EQ(restart ? 1 : -EINTR, kml_last.regs[REG_RAX]);
			EXPECT_EQ((greg_t)(self->code + (number ? MOV_LEN : 0) +
					   (restart ? AT_SYSCALL : AFTER_SYSCALL)),
				  found_rip);
			EXPECT_EQ(self->regs[REG_RSP] - 8, found_rsp);
			EXPECT_EQ(restart ? SYS_read : -EINTR, found_rax);
			if (!number)
				EXPECT_COMPARED(1);
			close(pipefd[0]);
			close(pipefd[1]);
		}
	}
}

#define TOO_LONG	3

/* restart_syscall() is not what the stub of another number calls. */
static int sleeping_child(void *code)
{
	struct timespec ts = { .tv_nsec = 400000000 };
	long (*nanosleep_stub)(struct timespec *ts, void *rem);
	unsigned long long start = kml_now_ns();
	long ret;

	/* INT3 becomes RET */
	((unsigned char *)code)[5] = 0xc3;
	nanosleep_stub = (void *)code;
	ret = nanosleep_stub(&ts, NULL);
	if (ret)
		return 1;
	start = kml_now_ns() - start;
	/* From the beginning once more, it would take twice as long */
	return start < 400000000 ? 2 : start > 650000000 ? TOO_LONG : 0;
}

TEST_F(stubs, stopped_in_sleep)
{
	struct timespec most = { .tv_nsec = 300000000 };
	int status, i;
	pid_t pid;

	stub_of_number(self->code, SYS_nanosleep);
	/* A busy machine may not come to the signal before the child's time is over. */
	for (i = 0; i < 10; i++) {
		fflush(NULL);
		pid = fork();
		if (!pid)
			_exit(sleeping_child(self->code));
		ASSERT_LT(0, pid);
		nanosleep(&most, NULL);
		kill(pid, SIGSTOP);
		ASSERT_EQ(pid, waitpid(pid, &status, WUNTRACED));
		if (!WIFSTOPPED(status))
			continue;
		kill(pid, SIGCONT);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		if (WIFEXITED(status) && WEXITSTATUS(status) == TOO_LONG)
			continue;
		break;
	}
	EXPECT_EXITED(0, status);
}

/* Continue until the entry of system call @nr, or (not @entry) its exit. */
static int until(pid_t pid, long nr, bool entry, struct user_regs_struct *u)
{
	int status;

	do {
		status = kml_continue(pid, PTRACE_SYSCALL);
		if (status < 0 || !WIFSTOPPED(status) ||
		    WSTOPSIG(status) != SIGTRAP ||
		    ptrace(PTRACE_GETREGS, pid, NULL, u))
			return -1;
	} while ((long)u->orig_rax != nr || ((long)u->rax == -ENOSYS) != entry);
	return 0;
}

/* What a tracer has put in the place of the number is what a restart repeats. */
TEST_F(stubs, restart_of_changed_number)
{
	struct user_regs_struct u;
	int by_stub, fd[2];
	pid_t pid;

	for (by_stub = 0; by_stub < 2; by_stub++) {
		ASSERT_EQ(0, pipe(fd));
		kml_regs_init(self->regs, by_stub ?
			      stub_of_number(self->code, SYS_getppid) :
			      (void *)kml_do_syscall);
		self->regs[REG_RAX] = SYS_getppid;
		self->regs[REG_RDI] = fd[0];
		self->regs[REG_RSI] = (greg_t)kml_stack;
		self->regs[REG_RDX] = 3;
		pid = kml_trace(kml_run_regs, self->regs);
		ASSERT_LT(0, pid);
		ASSERT_EQ(0, until(pid, SYS_getppid, true, &u));
		u.orig_rax = SYS_read;
		ASSERT_EQ(0, ptrace(PTRACE_SETREGS, pid, NULL, &u));
		/* A signal that nobody handles interrupts it. */
		ASSERT_EQ(0, kill(pid, SIGWINCH));
		ASSERT_EQ(0, until(pid, SYS_read, false, &u));
		EXPECT_EQ(-512, (long)u.rax);	/* ERESTARTSYS */
		EXPECT_EQ(SIGWINCH, kml_continue(pid, PTRACE_CONT) >> 8);
		ASSERT_EQ(3, write(fd[1], "abc", 3));
		EXPECT_EQ(SIGTRAP, kml_continue(pid, PTRACE_CONT) >> 8);
		ASSERT_EQ(0, ptrace(PTRACE_GETREGS, pid, NULL, &u));
		EXPECT_EQ(3, (long)u.rax)
			TH_LOG("stub %d: %lld", by_stub, (long long)u.rax);
		if (by_stub)
			EXPECT_EQ((unsigned long)self->code + 6, u.rip);
		EXPECT_EQ(0, kml_user_regs_differ(self->regs, &u, KML_SYSCALL_REGS));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		close(fd[0]);
		close(fd[1]);
	}
}

/* A tracer that goes back by the two bytes of SYSCALL makes the call once more. */
TEST_F(stubs, rewound_by_tracer)
{
	struct user_regs_struct u;
	pid_t pid;

	kml_regs_init(self->regs, stub_of_number(self->code, SYS_getppid));
	pid = kml_trace(kml_run_regs, self->regs);
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, until(pid, SYS_getppid, false, &u));
	u.rip -= 2;
	u.rax = SYS_gettid;
	ASSERT_EQ(0, ptrace(PTRACE_SETREGS, pid, NULL, &u));
	ASSERT_EQ(0, until(pid, SYS_gettid, false, &u));
	EXPECT_EQ(SIGTRAP, kml_continue(pid, PTRACE_CONT) >> 8);
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, pid, NULL, &u));
	EXPECT_EQ(pid, (long)u.rax);
	EXPECT_EQ((unsigned long)self->code + 6, u.rip);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

TEST_HARNESS_MAIN
