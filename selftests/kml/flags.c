// SPDX-License-Identifier: GPL-2.0
/*
 * Enter the kernel in each way with each set of RFLAGS that a process can leave behind.
 *
 * In ring 0 an interrupt gate does not clear DF and AC, IRETQ within a ring faults if NT is
 * set, and POPF also changes IF and IOPL. The kernel must never run with the flags of the
 * process, and the process must find all its flags again. The tests go through a table of
 * flags: they load each set, enter by a system call or an exception, and compare the flags in
 * the signal frame.
 */
#include "kml_ways.h"

static const struct {
	const char *what;
	unsigned long set;
} sets[] = {
	{ "none", 0 },
	{ "status", FL_STATUS },
	{ "DF", FL_DF },
	{ "NT", FL_NT },
	{ "AC", FL_AC },
	{ "ID", FL_ID },
	{ "NT and DF", FL_NT | FL_DF },
	{ "NT and AC", FL_NT | FL_AC },
	{ "all of them", FL_NT | FL_AC | FL_DF | FL_ID | FL_STATUS },
};

#define NSETS (ARRAY_SIZE(sets))

FIXTURE(flags)
{
	greg_t regs[NGREG];
};

FIXTURE_SETUP(flags)
{
	ASSERT_EQ(0, kml_catch_all());
}

FIXTURE_TEARDOWN(flags)
{
}

/* Go on to the next set of flags if the last one came back. */
static bool next_set(struct __test_metadata *_metadata, size_t *i,
		     greg_t *regs, const char *stub)
{
	if (*i < NSETS) {
		EXPECT_EQ(kml_flags(regs), kml_flags(kml_last.regs));
		if (_metadata->exit_code) {
			TH_LOG("with flags %s (%#lx)", sets[*i].what,
			       sets[*i].set);
			return false;
		}
	}
	if (++*i == NSETS)
		return false;
	kml_regs_init(regs, stub);
	regs[REG_EFL] |= sets[*i].set;
	return true;
}

TEST_F(way, any_flags)
{
	size_t i = -1;

	while (next_set(_metadata, &i, self->regs, variant->stub))
		kml_go(_metadata, variant, self->regs);
}

/* A handler is entered with DF clear whatever was set, as the ABI wants. */
static volatile unsigned long handler_flags;

static void look_at_flags(int sig, siginfo_t *si, void *ctx)
{
	handler_flags = __builtin_ia32_readeflags_u64();
	kml_catch(sig, si, ctx);
}

TEST_F(flags, handler_entry)
{
	kml_handler(SIGTRAP, look_at_flags, SA_ONSTACK);
	kml_regs_init(self->regs, kml_do_int3);
	self->regs[REG_EFL] |= FL_DF;
	kml_trap(self->regs);
	EXPECT_EQ(0, handler_flags & FL_DF);
	EXPECT_EQ(FL_DF, kml_last.regs[REG_EFL] & FL_DF);
}

/* Ring 3 cannot change IOPL; ring 0 can, and it must not matter. */
TEST_F(flags, iopl)
{
	kml_regs_init(self->regs, kml_do_syscall);
	self->regs[REG_EFL] |= FL_IOPL;
	self->regs[REG_RAX] = SYS_sched_yield;
	kml_trap(self->regs);
	EXPECT_TRAP(SIGTRAP, SI_KERNEL, X86_TRAP_BP, 0, kml_after_syscall + 1);
	EXPECT_EQ(0, kml_last.regs[REG_RAX]);
	if (!kml_on())
		EXPECT_EQ(0, kml_last.regs[REG_EFL] & FL_IOPL);

	kml_regs_init(self->regs, kml_do_spin);
	self->regs[REG_EFL] |= FL_IOPL;
	kml_trap_timer(self->regs, 5000);
	EXPECT_EQ(SIGALRM, kml_last.sig);
	EXPECT_REGS_KEPT(self->regs, 0);
}

/*
 * POPF without IF is ignored in ring 3. Ring 0 closes the gate by it, and must
 * still be able to trap, fault, call, and take a signal. Nothing here waits for
 * an interrupt, and kml_resume() opens the gate again.
 */
TEST_F(flags, interrupts_off)
{
	static const char * const stub[] = {
		kml_do_int3, kml_do_ud2, kml_do_load, kml_do_syscall,
	};
	static const int sig[] = { SIGTRAP, SIGILL, SIGSEGV, SIGTRAP };
	int i;

	for (i = 0; i < 4; i++) {
		kml_regs_init(self->regs, stub[i]);
		self->regs[REG_EFL] &= ~FL_IF;
		self->regs[REG_RAX] = i == 3 ? SYS_getpid : 0;
		kml_trap(self->regs);
		EXPECT_EQ(sig[i], kml_last.sig);
		EXPECT_REGS_KEPT(self->regs, i == 3 ? KML_SYSCALL_REGS : 0);
		if (!kml_on())
			EXPECT_EQ(FL_IF, kml_last.regs[REG_EFL] & FL_IF);
		EXPECT_EQ(FL_IF, __builtin_ia32_readeflags_u64() & FL_IF);
	}
}

/* SYSCALL leaves RFLAGS in R11 and the return address in RCX. */
TEST_F(flags, r11_and_rcx)
{
	size_t i = -1;

	while (next_set(_metadata, &i, self->regs, kml_do_syscall)) {
		self->regs[REG_RAX] = SYS_getppid;
		kml_trap(self->regs);
		EXPECT_EQ(self->regs[REG_EFL], kml_last.regs[REG_R11]);
		EXPECT_EQ((greg_t)kml_after_syscall, kml_last.regs[REG_RCX]);
	}
}

/*
 * The trap flag, set by the process itself. Where it strikes is exact: a
 * system call is stepped over with the instruction behind it, an exception
 * that the kernel repairs is not seen at all, and nothing of the kernel is.
 */
static greg_t steps[64];
static int nsteps;
extern const char step_code[], step_end[];

static void step(int sig, siginfo_t *si, void *ctx)
{
	greg_t *regs = ((ucontext_t *)ctx)->uc_mcontext.gregs;

	if (regs[REG_RIP] == (greg_t)step_end + 1 || nsteps == 64) {
		kml_catch(sig, si, ctx);
		return;
	}
	if (si->si_code != TRAP_TRACE)
		_exit(99);
	if (regs[REG_RIP] >= (greg_t)step_code &&
	    regs[REG_RIP] <= (greg_t)step_end)
		steps[nsteps++] = regs[REG_RIP] - (greg_t)step_code;
}

#define STEP_CODE(_name, _code) \
	asm(".text\n\t.balign 64\n\t.globl " _name "_code\n" _name "_code:\n" \
	    _code "\n\t.globl " _name "_end\n" _name "_end:\n\tint3\n")

STEP_CODE("step",
	  "nop\n\t"			/* 0 */
	  "mov $39, %eax\n\t"		/* 1: getpid */
	  "syscall\n\t"			/* 6 */
	  "nop\n\t"			/* 8 */
	  "nop\n\t"			/* 9 */
	  "pushfq\n\t"			/* 10 */
	  "pop %rbx\n\t"		/* 11 */
	  "mov %rbx, (%rdi)\n\t"	/* 12: a page fault */
	  "mov $24, %eax\n\t"		/* 15: sched_yield */
	  "syscall\n\t"			/* 20 */
	  "syscall\n\t"			/* 22: read(), with 20 as one */
	  "nop\n\t"			/* 24 */
	  "nop");			/* 25, end 26 */

TEST_F(flags, trap_flag)
{
	/* The jump in kml_enter() traps at 0. */
	static const greg_t want[] = {
		0, 1, 6, 9, 10, 11, 12, 15, 20, 25, 26,
	};
	unsigned long *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t i;
	int round;

	ASSERT_NE(MAP_FAILED, p);
	ASSERT_EQ(0, kml_handler(SIGTRAP, step, SA_ONSTACK));
	for (round = 0; round < 20; round++) {
		nsteps = 0;
		madvise(p, 4096, MADV_DONTNEED);
		kml_regs_init(self->regs, step_code);
		self->regs[REG_EFL] |= FL_TF | (round & 1 ? FL_NT | FL_DF : 0);
		self->regs[REG_RDI] = (greg_t)p;
		kml_trap(self->regs);
		EXPECT_EQ(FL_TF, *p & FL_TF);
		EXPECT_EQ(FL_TF, kml_last.regs[REG_EFL] & FL_TF);
		EXPECT_EQ(self->regs[REG_EFL] & (FL_NT | FL_DF),
			  kml_last.regs[REG_EFL] & (FL_NT | FL_DF));
		EXPECT_EQ(ARRAY_SIZE(want), nsteps);
		for (i = 0; i < nsteps; i++)
			EXPECT_EQ(want[i], steps[i]);
		EXPECT_REGS_KEPT(self->regs, KML_SYSCALL_REGS | KML_REG(RBX));
	}
	munmap(p, 4096);
}

/* TF together with each exception: one signal for each, TF kept. */
TEST_F(flags, trap_flag_and_exception)
{
	static const char * const stub[] = {
		kml_do_ud2, kml_do_load, kml_do_div,
	};
	static const int sig[] = { SIGILL, SIGSEGV, SIGFPE };
	int i;

	ASSERT_EQ(0, kml_handler(SIGTRAP, step, SA_ONSTACK));
	for (i = 0; i < 3; i++) {
		nsteps = 0;
		kml_regs_init(self->regs, stub[i]);
		self->regs[REG_EFL] |= FL_TF;
		self->regs[REG_RAX] = 0;
		self->regs[REG_RCX] = 0;
		kml_trap(self->regs);
		EXPECT_EQ(sig[i], kml_last.sig);
		EXPECT_EQ((greg_t)stub[i], kml_last.regs[REG_RIP]);
		EXPECT_EQ(FL_TF, kml_last.regs[REG_EFL] & FL_TF);
		EXPECT_REGS_KEPT(self->regs, 0);
	}
}

/*
 * MOV to SS holds the trap of the trap flag back by one instruction. When that
 * is SYSCALL or INT3, the trap must not be lost in the kernel.
 */
extern const char ss1_code[], ss1_end[], ss2_code[], ss2_end[];

STEP_CODE("ss1",
	  "mov %ss, %ecx\n\t"
	  "mov %ecx, %ss\n\t"
	  "syscall\n\t"
	  "nop\n\t"
	  "nop");
STEP_CODE("ss2",
	  "mov %ss, %ecx\n\t"
	  "mov %ecx, %ss\n\t"
	  "mov (%rdi), %rdi\n\t"
	  "nop");

static void step_on(int sig, siginfo_t *si, void *ctx)
{
	greg_t rip = ((ucontext_t *)ctx)->uc_mcontext.gregs[REG_RIP];

	if (rip == (greg_t)ss1_end + 1 || rip == (greg_t)ss2_end + 1 ||
	    ++nsteps > 64)
		kml_catch(sig, si, ctx);
}

TEST_F(flags, trap_flag_behind_mov_ss)
{
	ASSERT_EQ(0, kml_handler(SIGTRAP, step_on, SA_ONSTACK));
	nsteps = 0;
	kml_regs_init(self->regs, ss1_code);
	self->regs[REG_EFL] |= FL_TF;
	self->regs[REG_RAX] = SYS_getpid;
	kml_trap(self->regs);
	EXPECT_EQ((greg_t)ss1_end + 1, kml_last.regs[REG_RIP]);
	EXPECT_EQ(getpid(), kml_last.regs[REG_RAX]);
	EXPECT_GE(10, nsteps);

	nsteps = 0;
	kml_regs_init(self->regs, ss2_code);
	self->regs[REG_EFL] |= FL_TF;
	self->regs[REG_RDI] = (greg_t)kml_stack;
	kml_trap(self->regs);
	EXPECT_EQ((greg_t)ss2_end + 1, kml_last.regs[REG_RIP]);
	EXPECT_GE(10, nsteps);
}

TEST_HARNESS_MAIN
