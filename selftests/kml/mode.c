// SPDX-License-Identifier: GPL-2.0
/*
 * Check at which privilege level processes run, and what ring 0 permits that ring 3 does not.
 *
 * Some tests read CS after each way back into a process: from a system call, an interrupt or
 * a fault, in a signal handler, in a new thread and in a new process. Others execute
 * privileged instructions, so that CS is checked against what the CPU permits.
 *
 * KML_EXPECT=1 or 0 in the environment says whether this kernel ought to have CONFIG_KML.
 * The other tests trust CS. Only this one finds a kernel with the option that runs processes
 * in ring 3.
 */
#include <pthread.h>

#include "kml.h"

TEST(expected_kernel)
{
	const char *want = getenv("KML_EXPECT");

	printf("# cs %#lx ss %#lx: processes run in ring %lu\n",
	       kml_cs(), kml_ss(), kml_cs() & 3);
	if (!want)
		SKIP(return, "KML_EXPECT is not set to 0 or 1");
	EXPECT_EQ(atoi(want), (int)kml_on());
}

/* CS and SS must be a pair; a stale SS survives IRETQ's checks on some CPUs. */
TEST(selectors)
{
	if (kml_on()) {
		EXPECT_EQ(0, kml_cs() & 7);
		EXPECT_EQ(0, kml_ss() & 7);
		EXPECT_NE(0, kml_cs());
	} else {
		EXPECT_EQ(KML_ABI_CS, kml_cs());
		EXPECT_EQ(KML_ABI_SS, kml_ss());
	}
}

static volatile unsigned long seen_cs, seen_ss;

static void look(int sig, siginfo_t *si, void *ctx)
{
	seen_cs = kml_cs();
	seen_ss = kml_ss();
}

static void *look_thread(void *arg)
{
	look(0, NULL, NULL);
	return NULL;
}

static int look_child(void *arg)
{
	unsigned long *mine = arg;

	return kml_cs() != mine[0] || kml_ss() != mine[1];
}

/* The ways into a process: each has its own exit path in the kernel. */
TEST(same_everywhere)
{
	unsigned long mine[2] = { kml_cs(), kml_ss() };
	struct itimerval it = { .it_value.tv_usec = 1000 };
	pthread_t thread;

	ASSERT_EQ(0, kml_handler(SIGUSR1, look, 0));
	ASSERT_EQ(0, kml_handler(SIGALRM, look, 0));

	/* Signal delivered on the way out of a system call. */
	raise(SIGUSR1);
	EXPECT_EQ(mine[0], seen_cs);
	EXPECT_EQ(mine[1], seen_ss);

	/* Signal delivered on the way out of an interrupt. */
	seen_cs = 0;
	seen_ss = 0;
	setitimer(ITIMER_REAL, &it, NULL);
	while (!seen_cs)
		;
	EXPECT_EQ(mine[0], seen_cs);
	EXPECT_EQ(mine[1], seen_ss);
	EXPECT_EQ(mine[0], kml_cs());
	EXPECT_EQ(mine[1], kml_ss());

	/* ret_from_fork, as a thread and as a process. */
	seen_cs = 0;
	ASSERT_EQ(0, pthread_create(&thread, NULL, look_thread, NULL));
	pthread_join(thread, NULL);
	EXPECT_EQ(mine[0], seen_cs);
	EXPECT_EQ(mine[1], seen_ss);
	EXPECT_EXITED(0, kml_child(look_child, mine));
}

/* A fault is repaired and retried: the exit path of exceptions. */
TEST(after_page_fault)
{
	unsigned long cs = kml_cs(), ss = kml_ss();
	char *p = mmap(NULL, 64 * 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i;

	ASSERT_NE(MAP_FAILED, p);
	for (i = 0; i < 64; i++) {
		p[i * 4096] = 1;
		EXPECT_EQ(cs, kml_cs());
		EXPECT_EQ(ss, kml_ss());
	}
	munmap(p, 64 * 4096);
}

/*
 * Privileged instructions: the CPU refuses them in ring 3 and executes them in ring 0,
 * whatever the entry code does. Both are asserted, which cross-checks CS.
 */
FIXTURE(privileged)
{
	greg_t regs[NGREG];
};

FIXTURE_SETUP(privileged)
{
	ASSERT_EQ(0, kml_catch_all());
}

FIXTURE_TEARDOWN(privileged)
{
}

#define EXPECT_REFUSED(_insn) do { \
	if (kml_on()) \
		EXPECT_TRAP(SIGTRAP, SI_KERNEL, X86_TRAP_BP, 0, \
			    kml_after_##_insn + 1); \
	else \
		EXPECT_TRAP(SIGSEGV, SI_KERNEL, X86_TRAP_GP, 0, \
			    kml_do_##_insn); \
} while (0)

TEST_F(privileged, read_control_register)
{
	kml_regs_init(self->regs, kml_do_mov_cr0);
	kml_trap(self->regs);
	EXPECT_REFUSED(mov_cr0);
	EXPECT_REGS_KEPT(self->regs, KML_REG(RAX));
	if (kml_on()) {
		/* Paging, protection, and write protection for COW. */
		EXPECT_EQ(0x80010001, kml_last.regs[REG_RAX] & 0x80010001);
	}
}

TEST_F(privileged, read_msr)
{
	kml_regs_init(self->regs, kml_do_rdmsr);
	self->regs[REG_RCX] = 0xc0000082; /* MSR_LSTAR */
	kml_trap(self->regs);
	EXPECT_REFUSED(rdmsr);
	EXPECT_REGS_KEPT(self->regs, KML_REG(RAX) | KML_REG(RDX));
}

TEST_F(privileged, port_io)
{
	kml_regs_init(self->regs, kml_do_in);
	kml_trap(self->regs);
	EXPECT_REFUSED(in);
	EXPECT_REGS_KEPT(self->regs, KML_REG(RAX));
}

/*
 * CLI is granted. With interrupts off, traps, faults and system calls must
 * still work, and the kernel must not take over the closed gate.
 */
TEST_F(privileged, disable_interrupts)
{
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, p);
	kml_regs_init(self->regs, kml_do_cli);
	kml_trap(self->regs);
	EXPECT_REFUSED(cli);
	EXPECT_REGS_KEPT(self->regs, 0);
	if (kml_on()) {
		pid_t pid = getpid();
		long ret;

		asm volatile("cli\n\t"
			     "movb $1, (%[p])\n\t"	/* a page fault */
			     "syscall\n\t"
			     "sti"
			     : "=a" (ret)
			     : "a" (SYS_getpid), [p] "r" (p)
			     : "rcx", "r11", "memory");
		EXPECT_EQ(pid, ret);
		EXPECT_EQ(1, p[0]);
	}
	munmap(p, 4096);
}

/* HLT waits for an interrupt, and then goes on. */
TEST_F(privileged, halt)
{
	kml_regs_init(self->regs, kml_do_hlt);
	if (kml_on()) {
		/* Whatever wakes it, SIGALRM ends the loop below at the latest. */
		kml_trap_timer(self->regs, 20000);
		EXPECT_TRUE(kml_last.sig == SIGTRAP || kml_last.sig == SIGALRM);
	} else {
		kml_trap(self->regs);
		EXPECT_REFUSED(hlt);
	}
	EXPECT_REGS_KEPT(self->regs, 0);
}

/*
 * INT n by a gate that ring 3 may not use. In ring 0 this is an interrupt, which must not
 * pass as a success: vector 88 is one of a device that there is not, 0xf5 one of the APIC
 * that the kernel does not use.
 */
TEST_F(privileged, int_n)
{
	static const struct {
		const char *stub;
		int n;
	} gate[] = {
		{ kml_do_int80, 0x80 },
		{ kml_do_int88, 88 },
		{ kml_do_int_system, 0xf5 },
	};
	greg_t err;
	int i;

	for (i = 0; i < 3; i++) {
		kml_regs_init(self->regs, gate[i].stub);
		self->regs[REG_RAX] = 20; /* getpid for 32 bit */
		kml_trap(self->regs);
		if (!kml_on() && gate[i].n == 0x80 && kml_last.sig == SIGTRAP) {
			/* IA32_EMULATION: a system call. */
			EXPECT_REGS_KEPT(self->regs, KML_REG(RAX) | KML_REG(R8) |
					 KML_REG(R9) | KML_REG(R10) | KML_REG(R11));
			EXPECT_EQ(getpid(), kml_last.regs[REG_RAX]);
			continue;
		}
		/* The selector is 8 times the vector, or 16 times in old QEMU. */
		err = kml_last.regs[REG_ERR];
		EXPECT_TRUE(err == gate[i].n * 8 + 2 ||
			    (!kml_on() && err == gate[i].n * 16 + 2));
		EXPECT_TRAP(SIGSEGV, SI_KERNEL, X86_TRAP_GP, err, gate[i].stub);
		EXPECT_REGS_KEPT(self->regs, 0);
	}
}

/*
 * IRETQ with the selectors that everybody believes to have. Ring 0 goes down to
 * ring 3 by it, where each way into the kernel is different from what KML
 * makes of it, and the next way out leads back up. In ring 3 it is a mere jump,
 * one that QEMU emulates with the rights of ring 0 and thus against SMAP: it is
 * not tried there.
 */
extern const char kml_do_iretq[], kml_iretq_end[];
asm(".text\n\t.balign 16\n\t.globl kml_do_iretq\nkml_do_iretq:\n\t"
    "mov %rsp, %rbx\n\t"
    "push $0x2b\n\t"
    "push %rbx\n\t"
    "push $0x246\n\t"
    "push $0x33\n\t"
    "push $1f\n\t"
    "iretq\n"
    "1:\tmov %cs, %ebp\n\t"
    "jmp *%r15\n"			/* to one of the stubs */
    "\t.globl kml_iretq_end\nkml_iretq_end:\n");

FIXTURE(ring3)
{
	greg_t regs[NGREG];
	unsigned long cs;
};

FIXTURE_SETUP(ring3)
{
	if (!kml_on())
		SKIP(return, "processes are in ring 3 anyway");
	if (kml_fred())
		SKIP(return, "with FRED, IRETQ stays in its ring");
	ASSERT_EQ(0, kml_catch_all());
	self->cs = kml_cs();
	kml_regs_init(self->regs, kml_do_iretq);
}

FIXTURE_TEARDOWN(ring3)
{
	if (!self->cs)
		return;
	/* Whatever came: up again, with all that belongs to it. */
	EXPECT_EQ(self->cs, kml_cs());
	EXPECT_EQ(getpid(), syscall(SYS_getpid));
}

/* An interrupt takes ring 3 up: try again if one came before CS was read. */
static void trap_from_ring3(const greg_t *regs)
{
	int tries = 100;

	do {
		kml_trap(regs);
	} while (kml_last.regs[REG_RBP] != KML_ABI_CS && --tries);
}

#define EXPECT_FROM_RING3(_but) do { \
	EXPECT_EQ(KML_ABI_CS, kml_last.regs[REG_RBP]); \
	EXPECT_REGS_KEPT(self->regs, \
			 KML_REG(RBX) | KML_REG(RBP) | (_but)); \
} while (0)

TEST_F(ring3, breakpoint)
{
	self->regs[REG_R15] = (greg_t)kml_do_int3;
	trap_from_ring3(self->regs);
	EXPECT_TRAP(SIGTRAP, SI_KERNEL, X86_TRAP_BP, 0, kml_after_int3);
	EXPECT_FROM_RING3(0);
}

TEST_F(ring3, system_call)
{
	self->regs[REG_R15] = (greg_t)kml_do_syscall;
	self->regs[REG_RAX] = SYS_getppid;
	trap_from_ring3(self->regs);
	EXPECT_TRAP(SIGTRAP, SI_KERNEL, X86_TRAP_BP, 0, kml_after_syscall + 1);
	EXPECT_EQ(getppid(), kml_last.regs[REG_RAX]);
	EXPECT_FROM_RING3(KML_SYSCALL_REGS);
}

TEST_F(ring3, page_fault)
{
	self->regs[REG_R15] = (greg_t)kml_do_load;
	self->regs[REG_RAX] = 0x10;
	trap_from_ring3(self->regs);
	EXPECT_TRAP(SIGSEGV, SEGV_MAPERR, X86_TRAP_PF, PF_USER, kml_do_load);
	EXPECT_FROM_RING3(0);
}

TEST_F(ring3, privileged_instruction)
{
	int tries = 100;

	self->regs[REG_R15] = (greg_t)kml_do_cli;
	/* If an interrupt came after CS was read, CLI works, and INT3 behind it traps. */
	do {
		trap_from_ring3(self->regs);
	} while (kml_last.sig == SIGTRAP && --tries);
	EXPECT_TRAP(SIGSEGV, SI_KERNEL, X86_TRAP_GP, 0, kml_do_cli);
	EXPECT_FROM_RING3(0);
}

TEST_F(ring3, interrupt)
{
	self->regs[REG_R15] = (greg_t)kml_do_spin;
	kml_trap_timer(self->regs, 5000);
	EXPECT_EQ(SIGALRM, kml_last.sig);
	EXPECT_EQ(KML_ABI_CS, kml_sig_cs(kml_last.regs));
	EXPECT_REGS_KEPT(self->regs, KML_REG(RBX) | KML_REG(RBP));
}

TEST_HARNESS_MAIN
