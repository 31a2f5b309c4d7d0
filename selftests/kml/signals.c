// SPDX-License-Identifier: GPL-2.0
/*
 * Deliver signals: frames, alternate stacks, nesting, restarts, sigreturn.
 *
 * All exits to a process that has work pending lead through this code, and sigreturn takes
 * the registers of a process from memory. The tests raise signals at known instructions and
 * compare the frame, then change the frame and check what sigreturn loads. CS and SS in it
 * must be those of the ABI, whichever selectors the CPU uses.
 */
#include <poll.h>
#include <sched.h>

#include "kml.h"

static volatile int count;
static int pipefd[2];

static void arm(long usec, long interval)
{
	struct itimerval it = {
		.it_value.tv_usec = usec,
		.it_interval.tv_usec = interval,
	};

	setitimer(ITIMER_REAL, &it, NULL);
}

static void tick(int sig, siginfo_t *si, void *ctx)
{
	count++;
}

/*
 * Feeds the read() that it interrupts, so that a restart can end. One signal at a time: a
 * slow machine would be late for an interval.
 */
static void tick_and_write(int sig, siginfo_t *si, void *ctx)
{
	if (++count < 3)
		arm(5000, 0);
	else if (write(pipefd[1], "x", 1) != 1)
		_exit(99);
}

FIXTURE(signals)
{
	greg_t regs[NGREG];
};

FIXTURE_SETUP(signals)
{
	count = 0;
	ASSERT_EQ(0, pipe(pipefd));
	ASSERT_EQ(0, kml_catch_all());
}

FIXTURE_TEARDOWN(signals)
{
}

/* Where a frame is put and what it says. */
static struct {
	unsigned long rsp, cs, ss, frame_rsp;
	stack_t stack;
	bool fp_ok;
} seen;

static __attribute__((__noinline__, __used__)) void
note_frame(unsigned long rsp, ucontext_t *uc)
{
	seen.rsp = rsp;
	seen.cs = kml_sig_cs(uc->uc_mcontext.gregs);
	seen.ss = kml_sig_ss(uc->uc_mcontext.gregs);
	seen.frame_rsp = uc->uc_mcontext.gregs[REG_RSP];
	seen.stack = uc->uc_stack;
	seen.fp_ok = uc->uc_mcontext.fpregs &&
		!((unsigned long)uc->uc_mcontext.fpregs & 63);
	count++;
}

/* Entered as the kernel enters a handler: RSP is at the return address. */
void frame_handler(int sig, siginfo_t *si, void *ctx);
asm(".text\n\t.globl frame_handler\nframe_handler:\n\t"
    "mov %rsp, %rdi\n\t"
    "mov %rdx, %rsi\n\t"
    "jmp note_frame\n");

#define IN_ALTSTACK(_p) \
	((unsigned long)(_p) >= (unsigned long)kml_altstack && \
	 (unsigned long)(_p) < (unsigned long)kml_altstack + sizeof(kml_altstack))

TEST_F(signals, frame_on_stack)
{
	unsigned long here = (unsigned long)__builtin_frame_address(0);

	ASSERT_EQ(0, kml_handler(SIGUSR1, frame_handler, 0));
	raise(SIGUSR1);
	EXPECT_EQ(1, count);
	EXPECT_EQ(KML_ABI_CS, seen.cs);
	EXPECT_EQ(KML_ABI_SS, seen.ss);
	/* As after a call: RSP + 8 is aligned. */
	EXPECT_EQ(8, seen.rsp & 15);
	EXPECT_TRUE(seen.fp_ok);
	EXPECT_LT(seen.rsp, seen.frame_rsp - 128);
	EXPECT_LT(seen.frame_rsp, here);
	EXPECT_FALSE(IN_ALTSTACK(seen.rsp));
}

TEST_F(signals, frame_on_alternate_stack)
{
	ASSERT_EQ(0, kml_handler(SIGUSR1, frame_handler, SA_ONSTACK));
	raise(SIGUSR1);
	EXPECT_EQ(1, count);
	EXPECT_EQ(KML_ABI_CS, seen.cs);
	EXPECT_EQ(KML_ABI_SS, seen.ss);
	EXPECT_EQ(8, seen.rsp & 15);
	EXPECT_TRUE(seen.fp_ok);
	EXPECT_TRUE(IN_ALTSTACK(seen.rsp));
	EXPECT_FALSE(IN_ALTSTACK(seen.frame_rsp));
	EXPECT_EQ((void *)kml_altstack, seen.stack.ss_sp);
}

/* An alternate stack too small for the frame, and one that is not there. */
static int bad_altstack(void *arg)
{
	if (kml_use_altstack(arg, MINSIGSTKSZ))
		return 2;
	kml_handler(SIGUSR1, frame_handler, SA_ONSTACK);
	raise(SIGUSR1);
	return 1;
}

TEST_F(signals, absent_alternate_stack)
{
	char *p = mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);

	ASSERT_NE(MAP_FAILED, p);
	EXPECT_KILLED(SIGSEGV, kml_child(bad_altstack, p));
	EXPECT_KILLED(SIGSEGV, kml_child(bad_altstack, (void *)KML_KERNEL_HOLE));
}

/* A handler for each of three signals, each raising the next in another way. */
static volatile int depth, deepest;

static void nested(int sig, siginfo_t *si, void *ctx)
{
	if (++depth > deepest)
		deepest = depth;
	count++;
	switch (sig) {
	case SIGUSR1:
		raise(SIGUSR2);
		break;
	case SIGUSR2:
		asm volatile("int3");
		break;
	case SIGTRAP:
		/* The instruction is skipped by the handler of SIGILL. */
		asm volatile("ud2");
		break;
	case SIGILL:
		((ucontext_t *)ctx)->uc_mcontext.gregs[REG_RIP] += 2;
		arm(1000, 0);
		while (deepest < 5)
			;
		break;
	default:
		break;
	}
	depth--;
}

static void nest_all(int flags)
{
	static const int sigs[] = { SIGUSR1, SIGUSR2, SIGTRAP, SIGILL, SIGALRM };
	int i;

	depth = 0;
	deepest = 0;
	for (i = 0; i < 5; i++)
		kml_handler(sigs[i], nested, flags);
	raise(SIGUSR1);
}

TEST_F(signals, nested)
{
	nest_all(0);
	EXPECT_EQ(5, deepest);
	EXPECT_EQ(5, count);
	EXPECT_EQ(0, depth);
	nest_all(SA_ONSTACK);
	EXPECT_EQ(5, deepest);
	EXPECT_EQ(10, count);
	EXPECT_EQ(0, depth);
}

/* The same handler within itself, as deep as the stack is. */
static void deeper(int sig, siginfo_t *si, void *ctx)
{
	if (++count < 100)
		asm volatile("int3");
	depth++;
}

TEST_F(signals, nested_deeply)
{
	depth = 0;
	ASSERT_EQ(0, kml_handler(SIGTRAP, deeper, SA_NODEFER));
	asm volatile("int3");
	EXPECT_EQ(100, count);
	EXPECT_EQ(100, depth);
}

/* A busy loop with all registers set, and many signals that do not show. */
TEST_F(signals, busy_loop)
{
	unsigned long long end;
	int rounds = 0;

	ASSERT_EQ(0, kml_handler(SIGUSR1, tick, 0));
	end = kml_now_ns() + 200000000;
	/* A busy host may give time for a few of them only. */
	while (rounds++ < 6 || kml_now_ns() < end) {
		kml_regs_init(self->regs, kml_do_spin);
		kml_trap_timer(self->regs, 300);
		EXPECT_EQ(SIGALRM, kml_last.sig);
		EXPECT_REGS_KEPT(self->regs, 0);
		EXPECT_EQ(kml_flags(self->regs), kml_flags(kml_last.regs));
	}
}

/* read() with a handler: -ERESTARTSYS. */
TEST_F(signals, read_restarted)
{
	char c;

	ASSERT_EQ(0, kml_handler(SIGALRM, tick_and_write, SA_RESTART));
	arm(5000, 0);
	EXPECT_EQ(1, read(pipefd[0], &c, 1));
	EXPECT_EQ(3, count);
}

TEST_F(signals, read_interrupted)
{
	char c;

	ASSERT_EQ(0, kml_handler(SIGALRM, tick, 0));
	arm(5000, 0);
	EXPECT_EQ(-1, read(pipefd[0], &c, 1));
	EXPECT_EQ(EINTR, errno);
	EXPECT_EQ(1, count);
}

/*
 * The registers of the restarted call: RIP goes back by two and RAX is the
 * number again. Seen from the instruction behind it, all others are kept.
 */
TEST_F(signals, restart_keeps_registers)
{
	char c[8];

	ASSERT_EQ(0, kml_handler(SIGALRM, tick_and_write,
				 SA_RESTART | SA_ONSTACK));
	kml_regs_init(self->regs, kml_do_syscall);
	self->regs[REG_RAX] = SYS_read;
	self->regs[REG_RDI] = pipefd[0];
	self->regs[REG_RSI] = (greg_t)c;
	self->regs[REG_RDX] = 1;
	arm(5000, 0);
	kml_trap(self->regs);
	EXPECT_TRAP(SIGTRAP, SI_KERNEL, X86_TRAP_BP, 0, kml_after_syscall + 1);
	EXPECT_EQ(1, kml_last.regs[REG_RAX]);
	EXPECT_EQ(3, count);
	EXPECT_REGS_KEPT(self->regs, KML_SYSCALL_REGS);
}

/* -ERESTARTNOHAND: with a handler EINTR even with SA_RESTART. */
TEST_F(signals, pause_and_sigsuspend)
{
	sigset_t none, block, now;

	ASSERT_EQ(0, kml_handler(SIGALRM, tick, SA_RESTART));
	/* Again and again: the first signal may come before pause(). */
	arm(5000, 5000);
	EXPECT_EQ(-1, pause());
	EXPECT_EQ(EINTR, errno);
	EXPECT_LE(1, count);
	arm(0, 0);
	count = 0;

	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGALRM);
	sigprocmask(SIG_BLOCK, &block, NULL);
	arm(5000, 0);
	EXPECT_EQ(-1, sigsuspend(&none));
	EXPECT_EQ(EINTR, errno);
	EXPECT_EQ(1, count);
	/* The mask is back. */
	sigprocmask(SIG_BLOCK, NULL, &now);
	EXPECT_TRUE(sigismember(&now, SIGALRM));
}

/* -ERESTART_RESTARTBLOCK with a handler. */
TEST_F(signals, nanosleep_interrupted)
{
	struct timespec ts = { .tv_sec = 5 }, rem = { 0 };

	ASSERT_EQ(0, kml_handler(SIGALRM, tick, SA_RESTART));
	arm(50000, 0);
	EXPECT_EQ(-1, nanosleep(&ts, &rem));
	EXPECT_EQ(EINTR, errno);
	EXPECT_LT(3, rem.tv_sec + 1);
	EXPECT_GT(5, rem.tv_sec);
	EXPECT_EQ(1, count);
}

/* Stopped and continued, without a handler: all three kinds go on. */
static int sleeper(void *arg)
{
	struct timespec ts = { .tv_nsec = 150000000 };
	unsigned long long start = kml_now_ns();
	char c;

	if (nanosleep(&ts, NULL))
		return 1;
	if (kml_now_ns() - start < 150000000)
		return 2;
	if (poll(NULL, 0, 60))
		return 3;
	return read(pipefd[0], &c, 1) == 1 ? 0 : 4;
}

TEST_F(signals, stopped_and_continued)
{
	struct timespec ms = { .tv_nsec = 10000000 };
	int status, i;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(sleeper(NULL));
	for (i = 0; i < 15; i++) {
		nanosleep(&ms, NULL);
		kill(pid, SIGSTOP);
		EXPECT_EQ(pid, waitpid(pid, &status, WUNTRACED));
		EXPECT_TRUE(WIFSTOPPED(status));
		kill(pid, SIGCONT);
	}
	nanosleep(&ms, NULL);
	EXPECT_EQ(1, write(pipefd[1], "x", 1));
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EXITED(0, status);
}

/* sigreturn loads every register from the frame. */
static greg_t *next_regs;

static void load_next(int sig, siginfo_t *si, void *ctx)
{
	count++;
	memcpy(((ucontext_t *)ctx)->uc_mcontext.gregs, next_regs,
	       KML_NREGS * sizeof(greg_t));
}

TEST_F(signals, sigreturn_loads_registers)
{
	int i;

	ASSERT_EQ(0, kml_handler(SIGILL, load_next, SA_ONSTACK));
	for (i = 0; i < KML_NREGS - 3; i++) {
		greg_t first[NGREG];

		kml_regs_init(self->regs, kml_do_int3);
		self->regs[i] = 0x123456789abcdef0 + i;
		self->regs[REG_EFL] |= i & 1 ? FL_STATUS | FL_DF : 0;
		next_regs = self->regs;
		kml_regs_init(first, kml_do_ud2);
		kml_trap(first);
		EXPECT_EQ(i + 1, count);
		EXPECT_TRAP(SIGTRAP, SI_KERNEL, X86_TRAP_BP, 0, kml_after_int3);
		EXPECT_REGS_KEPT(self->regs, 0);
		EXPECT_EQ(kml_flags(self->regs), kml_flags(kml_last.regs));
	}
}

/* Flags that a process may not have are not loaded by sigreturn. */
TEST_F(signals, sigreturn_keeps_system_flags)
{
	greg_t first[NGREG];

	ASSERT_EQ(0, kml_handler(SIGILL, load_next, SA_ONSTACK));
	kml_regs_init(self->regs, kml_do_int3);
	self->regs[REG_EFL] = FL_IOPL | FL_NT | FL_CF;	/* and no IF */
	next_regs = self->regs;
	kml_regs_init(first, kml_do_ud2);
	kml_trap(first);
	EXPECT_EQ(SIGTRAP, kml_last.sig);
	EXPECT_EQ(FL_IF | FL_CF, kml_last.regs[REG_EFL] &
		  (FL_IF | FL_IOPL | FL_NT | FL_CF));
}

/* Selectors in the frame that no process may run with. */
static unsigned long next_cs, next_ss;

static void load_selectors(int sig, siginfo_t *si, void *ctx)
{
	greg_t *regs = ((ucontext_t *)ctx)->uc_mcontext.gregs;

	/* Bits 2 and 1 of uc_flags: SS is there and is to be used. */
	((ucontext_t *)ctx)->uc_flags |= 6;
	regs[REG_RIP] = (greg_t)kml_do_int3;
	regs[REG_CSGSFS] = next_cs | next_ss << 48;
}

static int bad_selectors(void *arg)
{
	greg_t regs[NGREG];

	kml_handler(SIGILL, load_selectors, SA_ONSTACK);
	kml_regs_init(regs, kml_do_ud2);
	kml_trap(regs);
	/* Went on: then as a process like any other. */
	if (kml_last.sig == SIGTRAP)
		return kml_sig_cs(kml_last.regs) == KML_ABI_CS &&
			kml_sig_ss(kml_last.regs) == KML_ABI_SS ? 0 : 1;
	return kml_last.sig == SIGSEGV || kml_last.sig == SIGBUS ? 3 : 2;
}

TEST_F(signals, sigreturn_to_bad_selectors)
{
	static const struct {
		unsigned long cs, ss;
	} bad[] = {
		{ 0, KML_ABI_SS }, { 0x10, 0x18 }, { 0x10, KML_ABI_SS },
		{ KML_ABI_CS, 0x18 }, { KML_ABI_CS, 0 }, { 0xffff, KML_ABI_SS },
		{ KML_ABI_CS, 0xffff }, { KML_ABI_SS, KML_ABI_SS },
	};
	int i, status;

	for (i = 0; i < 8; i++) {
		next_cs = bad[i].cs;
		next_ss = bad[i].ss;
		status = kml_child(bad_selectors, NULL);
		EXPECT_TRUE(WIFEXITED(status));
		if (kml_on() && (next_cs == kml_cs() || next_cs == KML_ABI_CS) &&
		    (next_ss == kml_ss() || next_ss == KML_ABI_SS)) {
			/* Read with MOV: as good as the ABI's. */
			EXPECT_EQ(0, WEXITSTATUS(status))
				TH_LOG("cs %#lx ss %#lx", next_cs, next_ss);
		} else if (kml_on()) {
			/* Refused, or made right; never loaded. */
			EXPECT_TRUE(WEXITSTATUS(status) == 3 ||
				    WEXITSTATUS(status) == 0);
		} else if (bad[i].ss) {
			EXPECT_EQ(3, WEXITSTATUS(status))
				TH_LOG("cs %#lx ss %#lx", next_cs, next_ss);
		}
	}
}

/* A frame that is not there at all. */
static int no_frame(void *arg)
{
	greg_t regs[NGREG];
	stack_t off = { .ss_flags = SS_DISABLE };

	sigaltstack(&off, NULL);
	kml_regs_init(regs, kml_do_syscall);
	regs[REG_RSP] = (greg_t)arg;
	regs[REG_RAX] = SYS_rt_sigreturn;
	kml_enter(regs);
	return 1;
}

TEST_F(signals, sigreturn_without_frame)
{
	EXPECT_KILLED(SIGSEGV, kml_child(no_frame, NULL));
	EXPECT_KILLED(SIGSEGV, kml_child(no_frame, (void *)0x1000));
	EXPECT_KILLED(SIGSEGV, kml_child(no_frame, (void *)KML_NONCANON));
	EXPECT_KILLED(SIGSEGV, kml_child(no_frame, (void *)KML_KERNEL_HOLE));
	EXPECT_KILLED(SIGSEGV, kml_child(no_frame, (void *)-8));
}

/* A flood from another process, and none lost beyond those merged. */
TEST_F(signals, flood)
{
	union sigval val = { 0 };
	int status, i;
	pid_t pid, parent = getpid();

	ASSERT_EQ(0, kml_handler(SIGRTMIN, tick, 0));
	pid = fork();
	if (!pid) {
		for (i = 0; i < 500; i++) {
			while (sigqueue(parent, SIGRTMIN, val))
				sched_yield();
		}
		_exit(0);
	}
	ASSERT_LT(0, pid);
	while (count < 500)
		;
	while (waitpid(pid, &status, 0) < 0)
		EXPECT_EQ(EINTR, errno);
	EXPECT_EXITED(0, status);
	EXPECT_EQ(500, count);
}

TEST_HARNESS_MAIN
