// SPDX-License-Identifier: GPL-2.0
/*
 * Raise each exception in a process and compare the signal, its code, the address, the
 * vector, the error code and the registers with what ring 3 gives.
 *
 * In ring 0 the CPU reports a page fault without the user bit and pushes the frame without
 * switching stacks. A kernel that believes the CPU takes the fault for its own and oopses.
 * A kernel that repairs the frame wrongly fails one of the comparisons. Each test loads an
 * address into RAX and runs one instruction that uses it.
 */
#include <asm/prctl.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "kml.h"

static const char rodata[4096] __aligned(4096) = "read-only";

FIXTURE(fault)
{
	greg_t regs[NGREG];
	char *page;
};

FIXTURE_SETUP(fault)
{
	ASSERT_EQ(0, kml_catch_all());
	self->page = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->page);
}

FIXTURE_TEARDOWN(fault)
{
	munmap(self->page, 3 * 4096);
}

/* Load RAX with @addr and run a stub that uses it. */
#define TRAP_AT(_stub, _addr) do { \
	kml_regs_init(self->regs, kml_do_##_stub); \
	self->regs[REG_RAX] = (greg_t)(_addr); \
	kml_trap(self->regs); \
} while (0)

#define EXPECT_PF(_code, _addr, _err, _rip) do { \
	EXPECT_TRAP(SIGSEGV, (_code), X86_TRAP_PF, (_err), (_rip)); \
	EXPECT_EQ((void *)(_addr), kml_last.addr); \
	EXPECT_EQ((greg_t)(_addr), kml_last.regs[REG_CR2]); \
	EXPECT_REGS_KEPT(self->regs, 0); \
} while (0)

TEST_F(fault, null_read)
{
	TRAP_AT(load, 0);
	EXPECT_PF(SEGV_MAPERR, 0, PF_USER, kml_do_load);
}

TEST_F(fault, null_write)
{
	TRAP_AT(store, 8);
	EXPECT_PF(SEGV_MAPERR, 8, PF_USER | PF_WRITE, kml_do_store);
}

TEST_F(fault, write_to_rodata)
{
	/* Make the page present first: only CR0.WP then keeps ring 0 from writing. */
	EXPECT_EQ('r', *(volatile const char *)rodata);
	TRAP_AT(store, rodata + 16);
	EXPECT_PF(SEGV_ACCERR, rodata + 16, PF_USER | PF_WRITE | PF_PROT,
		  kml_do_store);
	EXPECT_EQ(0, rodata[16]);
}

TEST_F(fault, write_to_own_text)
{
	TRAP_AT(store, kml_do_store);
	EXPECT_PF(SEGV_ACCERR, kml_do_store, PF_USER | PF_WRITE | PF_PROT,
		  kml_do_store);
}

TEST_F(fault, protection_none)
{
	self->page[0] = 1;
	ASSERT_EQ(0, mprotect(self->page, 4096, PROT_NONE));
	TRAP_AT(load, self->page);
	EXPECT_EQ(SIGSEGV, kml_last.sig);
	EXPECT_EQ(SEGV_ACCERR, kml_last.code);
	EXPECT_EQ(self->page, kml_last.addr);
	EXPECT_EQ(PF_USER, kml_last.regs[REG_ERR] & ~PF_PROT);
	EXPECT_REGS_KEPT(self->regs, 0);
}

TEST_F(fault, jump_to_unmapped)
{
	TRAP_AT(jump, 0x10);
	EXPECT_PF(SEGV_MAPERR, 0x10, PF_USER | PF_INSTR, 0x10);
	/* The call pushes its return address, and nothing else is pushed. */
	TRAP_AT(call, 0x20);
	EXPECT_TRAP(SIGSEGV, SEGV_MAPERR, X86_TRAP_PF, PF_USER | PF_INSTR, 0x20);
	EXPECT_EQ(self->regs[REG_RSP] - 8, kml_last.regs[REG_RSP]);
	EXPECT_EQ((unsigned long)kml_after_call,
		  *(unsigned long *)kml_last.regs[REG_RSP]);
}

/* The no-execute bit applies to ring 0, too. */
TEST_F(fault, jump_to_data)
{
	self->page[0] = 0xcc;
	TRAP_AT(jump, self->page);
	EXPECT_PF(SEGV_ACCERR, self->page, PF_USER | PF_INSTR | PF_PROT,
		  self->page);
	TRAP_AT(jump, kml_stack);
	EXPECT_EQ(SIGSEGV, kml_last.sig);
	EXPECT_EQ(SEGV_ACCERR, kml_last.code);

	ASSERT_EQ(0, mprotect(self->page, 4096, PROT_READ | PROT_EXEC));
	TRAP_AT(jump, self->page);
	EXPECT_TRAP(SIGTRAP, SI_KERNEL, X86_TRAP_BP, 0, self->page + 1);
}

/*
 * A jump to a non-canonical address: Intel refuses the jump, others arrive
 * and then fault, with RIP non-canonical and its top bit set or not. That RIP
 * must not be taken for the kernel's.
 */
TEST_F(fault, jump_to_non_canonical)
{
	static const unsigned long where[] = {
		KML_NONCANON, 0x0000800000000000, 0xffff7fffffffffff,
		0x8000000000000000, 0xdeadbeefdeadbeef,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(where); i++) {
		if (kml_canonical(where[i]))
			continue;
		TRAP_AT(jump, where[i]);
		EXPECT_EQ(SIGSEGV, kml_last.sig);
		EXPECT_EQ(SI_KERNEL, kml_last.code);
		EXPECT_EQ(X86_TRAP_GP, kml_last.regs[REG_TRAPNO]);
		EXPECT_EQ(0, kml_last.regs[REG_ERR]);
		EXPECT_TRUE(kml_last.regs[REG_RIP] == (greg_t)where[i] ||
			    kml_last.regs[REG_RIP] == (greg_t)kml_do_jump);
		EXPECT_EQ(KML_ABI_CS, kml_sig_cs(kml_last.regs));
		EXPECT_REGS_KEPT(self->regs, 0);
	}
}

/* Addresses of the kernel's half where nothing is mapped. */
TEST_F(fault, kernel_hole)
{
	TRAP_AT(load, KML_KERNEL_HOLE);
	EXPECT_PF(SEGV_MAPERR, KML_KERNEL_HOLE, PF_USER | PF_PROT, kml_do_load);
	TRAP_AT(store, KML_KERNEL_HOLE);
	EXPECT_PF(SEGV_MAPERR, KML_KERNEL_HOLE, PF_USER | PF_PROT | PF_WRITE,
		  kml_do_store);
	TRAP_AT(jump, KML_KERNEL_HOLE);
	EXPECT_PF(SEGV_MAPERR, KML_KERNEL_HOLE, PF_USER | PF_PROT | PF_INSTR,
		  KML_KERNEL_HOLE);
}

/* A page of the kernel's text: in ring 0, that with the target of SYSCALL or of FRED. */
static unsigned long kernel_text(void)
{
	unsigned int lo, hi;

	if (!kml_on())
		return 0xffffffff81000000;
	asm volatile("rdmsr" : "=a" (lo), "=d" (hi) : "c" (kml_fred() ? 0x1d4 : 0xc0000082));
	return ((unsigned long)hi << 32 | lo) & ~0xfffUL;
}

/*
 * A place in the kernel's text, well away from its entry, that reads @a, @b. The text
 * starts at a multiple of 2 MB, and the entry is either the first or the last in it.
 */
static unsigned long find_text(unsigned char a, unsigned char b)
{
	int step = kernel_text() % 0x200000 < 0x40000 ? 1 : -1, i;
	const volatile unsigned char *p = (void *)(kernel_text() + step * 0x4000);

	for (i = 0; i < 0x40000; i++, p += step)
		if (p[0] == a && p[1] == b)
			return (unsigned long)p;
	return 0;
}

/* Ring 0 can read the kernel's text, but not write to it. */
TEST_F(fault, kernel_text_access)
{
	unsigned long text = kernel_text(), write;

	TRAP_AT(load, text);
	if (kml_on()) {
		EXPECT_TRAP(SIGTRAP, SI_KERNEL, X86_TRAP_BP, 0,
			    kml_after_load + 1);
	} else {
		EXPECT_PF(SEGV_MAPERR, text, PF_USER | PF_PROT, kml_do_load);
	}
	/* If the write succeeds, it adds 0. */
	TRAP_AT(or_zero, text);
	/* The instruction reads first; in ring 3 that read may be refused. */
	write = kml_on() ? PF_WRITE : kml_last.regs[REG_ERR] & PF_WRITE;
	EXPECT_PF(SEGV_MAPERR, text, PF_USER | PF_PROT | write,
		  kml_do_or_zero);
}

/*
 * A jump into the kernel's text. Ring 3 gets SIGSEGV. Ring 0 executes what is
 * there, on the process's stack: a frame with the kernel's RIP and a user RSP
 * is still the process's. INT3 and UD2 are in every kernel's text, between
 * functions and in BUG(), and must not be taken for the kernel's own.
 */
TEST_F(fault, jump_to_kernel_text)
{
	unsigned long bp, ud;

	if (!kml_on()) {
		TRAP_AT(jump, kernel_text());
		EXPECT_PF(SEGV_MAPERR, kernel_text(),
			  PF_USER | PF_PROT | PF_INSTR, kernel_text());
		return;
	}
	/* Not in entry_SYSCALL_64, where an exception restarts the system call. */
	bp = find_text(0xcc, 0xcc);
	ASSERT_NE(0, bp);
	TRAP_AT(jump, bp);
	EXPECT_TRAP(SIGTRAP, SI_KERNEL, X86_TRAP_BP, 0, bp + 1);
	EXPECT_REGS_KEPT(self->regs, 0);

	ud = find_text(0x0f, 0x0b);
	ASSERT_NE(0, ud);
	TRAP_AT(jump, ud);
	EXPECT_TRAP(SIGILL, ILL_ILLOPN, X86_TRAP_UD, 0, ud);
	EXPECT_REGS_KEPT(self->regs, 0);
}

/* The kernel's data is not executable for anybody. */
TEST_F(fault, jump_to_kernel_data)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) gdt = { 0 };

	/* UMIP may refuse or emulate this in ring 3; it gives an address. */
	if (!kml_on())
		SKIP(return, "in ring 3 like any kernel address");
	asm volatile("sgdt %0" : "=m" (gdt));
	TRAP_AT(jump, gdt.base);
	EXPECT_PF(SEGV_MAPERR, gdt.base, PF_USER | PF_PROT | PF_INSTR, gdt.base);
}

/* System calls refuse kernel addresses, although ring 0 can read them directly. */
TEST_F(fault, kernel_address_as_argument)
{
	unsigned long text = kernel_text();
	void * volatile null_page = (void *)8;
	int fd[2];

	ASSERT_EQ(0, pipe(fd));
	EXPECT_EQ(-1, write(fd[1], (void *)text, 8));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(1, write(fd[1], "x", 1));
	EXPECT_EQ(-1, read(fd[0], (void *)text, 1));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, read(fd[0], (void *)KML_KERNEL_HOLE, 1));
	EXPECT_EQ(EFAULT, errno);
	/* The kernel's own faults on user memory: the exception table. */
	EXPECT_EQ(-1, read(fd[0], null_page, 1));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, read(fd[0], (void *)(rodata + 8), 1));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(1, read(fd[0], self->page, 1));
	close(fd[0]);
	close(fd[1]);
}

TEST_F(fault, non_canonical_access)
{
	TRAP_AT(load, KML_NONCANON);
	EXPECT_TRAP(SIGSEGV, SI_KERNEL, X86_TRAP_GP, 0, kml_do_load);
	EXPECT_EQ(NULL, kml_last.addr);
	EXPECT_REGS_KEPT(self->regs, 0);
	TRAP_AT(store, 0xfe00ffffffffff00);
	EXPECT_TRAP(SIGSEGV, SI_KERNEL, X86_TRAP_GP, 0, kml_do_store);
	EXPECT_REGS_KEPT(self->regs, 0);
}

TEST_F(fault, bad_selector)
{
	TRAP_AT(load_ds, 0xffff);
	EXPECT_TRAP(SIGSEGV, SI_KERNEL, X86_TRAP_GP, 0xfffc, kml_do_load_ds);
	EXPECT_REGS_KEPT(self->regs, 0);
}

TEST_F(fault, divide)
{
	kml_regs_init(self->regs, kml_do_div);
	self->regs[REG_RCX] = 0;
	kml_trap(self->regs);
	EXPECT_TRAP(SIGFPE, FPE_INTDIV, X86_TRAP_DE, 0, kml_do_div);
	EXPECT_EQ((void *)kml_do_div, kml_last.addr);
	EXPECT_REGS_KEPT(self->regs, 0);
}

TEST_F(fault, undefined_instruction)
{
	kml_regs_init(self->regs, kml_do_ud2);
	kml_trap(self->regs);
	EXPECT_TRAP(SIGILL, ILL_ILLOPN, X86_TRAP_UD, 0, kml_do_ud2);
	EXPECT_EQ((void *)kml_do_ud2, kml_last.addr);
	EXPECT_REGS_KEPT(self->regs, 0);
}

TEST_F(fault, breakpoint)
{
	kml_regs_init(self->regs, kml_do_int3);
	kml_trap(self->regs);
	EXPECT_TRAP(SIGTRAP, SI_KERNEL, X86_TRAP_BP, 0, kml_after_int3);
	EXPECT_REGS_KEPT(self->regs, 0);
	kml_regs_init(self->regs, kml_do_int3_long);
	kml_trap(self->regs);
	EXPECT_TRAP(SIGTRAP, SI_KERNEL, X86_TRAP_BP, 0, kml_after_int3_long);
	EXPECT_REGS_KEPT(self->regs, 0);
}

TEST_F(fault, overflow)
{
	kml_regs_init(self->regs, kml_do_int4);
	kml_trap(self->regs);
	EXPECT_TRAP(SIGSEGV, SI_KERNEL, X86_TRAP_OF, 0, kml_after_int4);
	EXPECT_REGS_KEPT(self->regs, 0);
}

TEST_F(fault, x87_exception)
{
	unsigned short cw = 0x037b; /* divide by zero unmasked */

	kml_regs_init(self->regs, kml_do_fwait);
	asm volatile("fninit; fldcw %0; fld1; fldz; fdivrp" : : "m" (cw));
	kml_trap(self->regs);
	asm volatile("fninit");
	EXPECT_EQ(SIGFPE, kml_last.sig);
	EXPECT_EQ(FPE_FLTDIV, kml_last.code);
	EXPECT_EQ(X86_TRAP_MF, kml_last.regs[REG_TRAPNO]);
	EXPECT_EQ((greg_t)kml_do_fwait, kml_last.regs[REG_RIP]);
	EXPECT_REGS_KEPT(self->regs, 0);
}

TEST_F(fault, sse_exception)
{
	unsigned int csr = 0x1f80 & ~0x200, old = 0x1f80;
	float one = 1.0f, zero = 0.0f;

	kml_regs_init(self->regs, kml_do_divss);
	asm volatile("movss %1, %%xmm0; movss %2, %%xmm1; ldmxcsr %0"
		     : : "m" (csr), "m" (one), "m" (zero) : "xmm0", "xmm1");
	kml_trap(self->regs);
	asm volatile("ldmxcsr %0" : : "m" (old));
	if (kml_last.sig == SIGTRAP)
		SKIP(return, "this CPU model raises no SIMD exceptions");
	EXPECT_EQ(SIGFPE, kml_last.sig);
	EXPECT_EQ(FPE_FLTDIV, kml_last.code);
	EXPECT_EQ(X86_TRAP_XF, kml_last.regs[REG_TRAPNO]);
	EXPECT_EQ((greg_t)kml_do_divss, kml_last.regs[REG_RIP]);
	EXPECT_REGS_KEPT(self->regs, 0);
}

/* The CPU checks alignment in ring 3 only. */
TEST_F(fault, alignment_check)
{
	kml_regs_init(self->regs, kml_do_load);
	self->regs[REG_RAX] = (greg_t)(self->page + 1);
	self->regs[REG_EFL] |= FL_AC;
	kml_trap(self->regs);
	if (!kml_on() && kml_last.sig == SIGBUS) {
		EXPECT_TRAP(SIGBUS, BUS_ADRALN, X86_TRAP_AC, 0, kml_do_load);
		EXPECT_REGS_KEPT(self->regs, 0);
		return;
	}
	EXPECT_TRAP(SIGTRAP, SI_KERNEL, X86_TRAP_BP, 0, kml_after_load + 1);
	EXPECT_EQ(FL_AC, kml_last.regs[REG_EFL] & FL_AC);
	EXPECT_REGS_KEPT(self->regs, KML_REG(RDX));
	if (!kml_on())
		SKIP(return, "this CPU model does not check alignment");
}

TEST_F(fault, beyond_end_of_file)
{
	int fd = syscall(SYS_memfd_create, "kml", 0);
	char *p;

	if (fd < 0 && errno == ENOSYS)
		SKIP(return, "no memfd_create(): needs TMPFS");
	ASSERT_LE(0, fd);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, p);
	TRAP_AT(load, p + 64);
	EXPECT_TRAP(SIGBUS, BUS_ADRERR, X86_TRAP_PF, PF_USER, kml_do_load);
	EXPECT_EQ(p + 64, kml_last.addr);
	EXPECT_REGS_KEPT(self->regs, 0);
	munmap(p, 4096);
	close(fd);
}

static char *repaired;
static volatile int repairs;

static void repair(int sig, siginfo_t *si, void *ctx)
{
	repairs++;
	if (si->si_addr < (void *)repaired ||
	    si->si_addr >= (void *)(repaired + 4096) || repairs > 1000)
		_exit(99);
	mprotect(repaired, 4096, PROT_READ | PROT_WRITE);
}

/* The handler repairs the page and returns: the instruction runs again. */
TEST_F(fault, repaired_by_handler)
{
	volatile char *p = self->page;
	int i;

	repaired = self->page;
	repairs = 0;
	ASSERT_EQ(0, kml_handler(SIGSEGV, repair, 0));
	for (i = 0; i < 200; i++) {
		ASSERT_EQ(0, mprotect(self->page, 4096,
				      i & 1 ? PROT_READ : PROT_NONE));
		p[i] = i;
		EXPECT_EQ((char)i, p[i]);
		EXPECT_EQ(i + 1, repairs);
	}
}

/* Copy on write, by the process itself and by the kernel on its behalf. */
struct cow {
	volatile char *page;
	int fd;
};

static int cow_child(void *arg)
{
	struct cow *c = arg;
	int i;

	for (i = 0; i < 4096; i += 512)
		if (c->page[i] != 'p')
			return 1;
	c->page[0] = 'c';
	if (read(c->fd, (void *)(c->page + 4096), 1) != 1)
		return 2;
	if (c->page[0] != 'c' || c->page[1] != 'p' || c->page[4096] != 'k')
		return 3;
	return c->page[4097] == 'p' ? 0 : 4;
}

TEST_F(fault, copy_on_write)
{
	struct cow c = { .page = self->page };
	int fd[2], i;

	ASSERT_EQ(0, pipe(fd));
	c.fd = fd[0];
	memset(self->page, 'p', 2 * 4096);
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(1, write(fd[1], "k", 1));
		EXPECT_EXITED(0, kml_child(cow_child, &c));
		EXPECT_EQ('p', self->page[0]);
		EXPECT_EQ('p', self->page[4096]);
	}
	/* And the parent's own pages, now that nobody shares them. */
	self->page[0] = 'q';
	EXPECT_EQ('q', self->page[0]);
	close(fd[0]);
	close(fd[1]);
}

static int unhandled(void *arg)
{
	signal(SIGSEGV, SIG_DFL);
	signal(SIGILL, SIG_DFL);
	signal(SIGTRAP, SIG_DFL);
	signal(SIGFPE, SIG_DFL);
	kml_enter(arg);
	return 1;
}

/* Without a handler the process dies, alone, and the parent is told. */
TEST_F(fault, unhandled)
{
	static const struct {
		const char *rip;
		int sig;
	} die[] = {
		{ kml_do_load, SIGSEGV }, { kml_do_store, SIGSEGV },
		{ kml_do_jump, SIGSEGV }, { kml_do_ud2, SIGILL },
		{ kml_do_int3, SIGTRAP }, { kml_do_div, SIGFPE },
		{ kml_do_int4, SIGSEGV },
	};
	size_t i;

	prctl(PR_SET_DUMPABLE, 0);
	for (i = 0; i < ARRAY_SIZE(die); i++) {
		kml_regs_init(self->regs, die[i].rip);
		self->regs[REG_RAX] = 0;
		self->regs[REG_RCX] = 0;
		EXPECT_KILLED(die[i].sig, kml_child(unhandled, self->regs));
	}
}

/* An instruction straddles an absent page: the fault is in its middle. */
TEST_F(fault, instruction_across_pages)
{
	/* mov $0x1122334455667788, %rax; int3 */
	static const unsigned char code[] = {
		0x48, 0xb8, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0xcc,
	};
	int split;

	for (split = 1; split < 10; split++) {
		char *p = self->page + 4096 - split;

		ASSERT_EQ(0, mprotect(self->page, 2 * 4096,
				      PROT_READ | PROT_WRITE));
		memcpy(p, code, sizeof(code));
		ASSERT_EQ(0, mprotect(self->page, 4096, PROT_READ | PROT_EXEC));
		ASSERT_EQ(0, mprotect(self->page + 4096, 4096, PROT_NONE));
		kml_regs_init(self->regs, p);
		kml_trap(self->regs);
		EXPECT_EQ(SIGSEGV, kml_last.sig);
		EXPECT_EQ(self->page + 4096, kml_last.addr);
		EXPECT_EQ((greg_t)p, kml_last.regs[REG_RIP]);
		EXPECT_EQ(PF_USER | PF_INSTR,
			  kml_last.regs[REG_ERR] & ~PF_PROT);
		EXPECT_REGS_KEPT(self->regs, 0);

		ASSERT_EQ(0, mprotect(self->page, 2 * 4096,
				      PROT_READ | PROT_EXEC));
		kml_trap(self->regs);
		EXPECT_TRAP(SIGTRAP, SI_KERNEL, X86_TRAP_BP, 0,
			    p + sizeof(code));
		EXPECT_EQ(0x1122334455667788, kml_last.regs[REG_RAX]);
		EXPECT_REGS_KEPT(self->regs, KML_REG(RAX));
	}
}

static int use_tsc(void *arg)
{
	signal(SIGSEGV, SIG_DFL);
	if (prctl(PR_SET_TSC, PR_TSC_SIGSEGV))
		return errno;
	asm volatile("rdtsc" : : : "eax", "edx");
	return 0;
}

static int use_cpuid(void *arg)
{
	signal(SIGSEGV, SIG_DFL);
	if (syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0))
		return errno;
	asm volatile("cpuid" : : "a" (0), "c" (0) : "ebx", "edx");
	return 0;
}

/* Whoever asks for a fault that ring 0 does not take must be told that there is none. */
TEST_F(fault, fault_on_request)
{
	int status = kml_child(use_tsc, NULL), mode;

	if (kml_on()) {
		EXPECT_EXITED(EOPNOTSUPP, status);
		EXPECT_EQ(-1, prctl(PR_SET_TSC, PR_TSC_SIGSEGV));
		EXPECT_EQ(0, prctl(PR_GET_TSC, &mode));
		EXPECT_EQ(PR_TSC_ENABLE, mode);
		EXPECT_EQ(0, prctl(PR_SET_TSC, PR_TSC_ENABLE));
	} else {
		EXPECT_KILLED(SIGSEGV, status);
	}
	/* Many CPU models have no fault of CPUID. */
	status = kml_child(use_cpuid, NULL);
	if (kml_on() || WIFEXITED(status))
		EXPECT_EXITED(ENODEV, status);
	else
		EXPECT_KILLED(SIGSEGV, status);
}

TEST_HARNESS_MAIN
