// SPDX-License-Identifier: GPL-2.0
/*
 * Enter the kernel in each way with each kind of stack pointer.
 *
 * In ring 0 the CPU pushes the frame of an interrupt to the current stack unless the gate
 * names another one. If one gate does not, or if one instruction of the kernel trusts the
 * RSP of a process, these values end in a double fault. If the kernel recognizes its own
 * frames by RSP alone, it takes values in the upper half for its own. The tests go through a
 * table of stack pointers: the process must get the signal that it would get in ring 3,
 * with RSP unchanged.
 */

#include <asm/vsyscall.h>

#include "kml_ways.h"

static char *edge;	/* a page with absent ones on both sides */

static const struct {
	const char *what;
	unsigned long rsp;
	bool relative;		/* to edge */
} stacks[] = {
	{ "0", 0 },
	{ "1", 1 },
	{ "7", 7 },
	{ "8", 8 },
	{ "page 1", 0x1000 },
	{ "middle of the page", 0x800, true },
	{ "misaligned by 1", 0x801, true },
	{ "misaligned by 4", 0x804, true },
	{ "misaligned by 8", 0x808, true },
	{ "misaligned by 15", 0x80f, true },
	{ "start of the page", 0, true },
	{ "one above the start", 1, true },
	{ "a frame above the start", 40, true },
	{ "less than a frame above the start", 39, true },
	{ "end of the page", 0x1000, true },
	{ "last byte", 0xfff, true },
	{ "absent page", 0x1800, true },
	{ "PROT_NONE", 0x2800, true },
	{ "last word of user space", KML_TASK_END - 8 },
	{ "end of user space", KML_TASK_END },
	{ "last canonical", 0x00007fffffffffff },
	{ "first non-canonical", 0x0000800000000000 },
	{ "non-canonical", KML_NONCANON },
	{ "sign bit", 0x8000000000000000 },
	{ "non-canonical with sign bit", 0xdeadbeefcafebab0 },
	{ "last non-canonical", 0xffff7fffffffffff },
	{ "first of the kernel's half", 0xffff800000000000 },
	{ "hole of the kernel's half", KML_KERNEL_HOLE },
	{ "kernel text", 0xffffffff81000000 },
	{ "vsyscall page", VSYSCALL_ADDR + 0xc08 },
	{ "last word", 0xfffffffffffffff8 },
	{ "last byte of all", 0xffffffffffffffff },
};

#define NSTACKS (ARRAY_SIZE(stacks))

FIXTURE(rsp)
{
	greg_t regs[NGREG];
};

static bool make_edge(void)
{
	edge = mmap(NULL, 5 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		    -1, 0);
	if (edge == MAP_FAILED)
		return false;
	edge += 4096;
	if (mprotect(edge, 4096, PROT_READ | PROT_WRITE) ||
	    munmap(edge - 4096, 4096) || munmap(edge + 4096, 4096))
		return false;
	memset(edge, 0xee, 4096);
	return true;
}

FIXTURE_SETUP(rsp)
{
	ASSERT_EQ(0, kml_catch_all());
	ASSERT_TRUE(make_edge());
}

FIXTURE_TEARDOWN(rsp)
{
}

static unsigned long stack_at(size_t i)
{
	return stacks[i].rsp + (stacks[i].relative ? (unsigned long)edge : 0);
}

/* Nobody but the process itself writes to its stack: not even below RSP. */
static bool edge_untouched(void)
{
	int i;

	for (i = 0; i < 4096; i++)
		if (edge[i] != (char)0xee)
			return false;
	return true;
}

/* The next stack in turn, if all was well with the last one. */
static bool next_stack(struct __test_metadata *_metadata, size_t *i,
		       greg_t *regs, const char *stub)
{
	if (*i < NSTACKS) {
		EXPECT_TRUE(edge_untouched());
		if (_metadata->exit_code) {
			TH_LOG("with RSP at %s (%#lx)", stacks[*i].what,
			       stack_at(*i));
			return false;
		}
	}
	if (++*i == NSTACKS)
		return false;
	kml_regs_init(regs, stub);
	regs[REG_RSP] = stack_at(*i);
	return true;
}

TEST_F(way, any_stack)
{
	size_t i = -1;

	if (kml_fred() && variant->stub == kml_do_int4)
		SKIP(return, "with FRED, INT n is pushed below the red zone");
	ASSERT_TRUE(make_edge());
	while (next_stack(_metadata, &i, self->regs, variant->stub))
		kml_go(_metadata, variant, self->regs);
}

/*
 * The debug exception, by the trap flag: it strikes after each instruction
 * once RSP is loaded, the first time still in kml_enter().
 */
TEST_F(rsp, debug)
{
	size_t i = -1;

	while (next_stack(_metadata, &i, self->regs, kml_do_pause)) {
		self->regs[REG_EFL] |= FL_TF;
		kml_trap(self->regs);
		EXPECT_EQ(SIGTRAP, kml_last.sig);
		EXPECT_EQ(TRAP_TRACE, kml_last.code);
		EXPECT_EQ(X86_TRAP_DB, kml_last.regs[REG_TRAPNO]);
		EXPECT_EQ(self->regs[REG_RSP], kml_last.regs[REG_RSP]);
		EXPECT_EQ(KML_ABI_CS, kml_sig_cs(kml_last.regs));
		EXPECT_REGS_KEPT(self->regs, KML_REG(RDI));
	}
}

/*
 * A push or a pop where there is no stack. Kernel addresses only where
 * nothing is mapped: ring 0 would really write there.
 */
TEST_F(rsp, push_and_pop)
{
	static const unsigned long absent[] = {
		0x1008, KML_KERNEL_HOLE + 16, KML_KERNEL_HOLE + 8,
	};
	static const unsigned long non_canonical[] = {
		KML_NONCANON, 0x8000000000000000, 0xdeadbeefcafebab0,
		0x0000800000000010, 0xffff7fffffffff00,
	};
	static const char * const stub[] = { kml_do_push, kml_do_pop };
	int fetch, mask, i;

	for (fetch = 0; fetch < 2; fetch++) {
		mask = PF_USER | (fetch ? 0 : PF_WRITE);
		for (i = 0; i < 3; i++) {
			kml_regs_init(self->regs, stub[fetch]);
			self->regs[REG_RSP] = absent[i];
			kml_trap(self->regs);
			EXPECT_TRAP(SIGSEGV, SEGV_MAPERR, X86_TRAP_PF,
				    mask | (i ? PF_PROT : 0), stub[fetch]);
			EXPECT_EQ((void *)(absent[i] - (fetch ? 0 : 8)),
				  kml_last.addr);
			EXPECT_REGS_KEPT(self->regs, 0);
		}
		/* #SS to the letter; some emulators raise #GP. */
		for (i = 0; i < 5; i++) {
			if (kml_canonical(non_canonical[i]))
				continue;
			kml_regs_init(self->regs, stub[fetch]);
			self->regs[REG_RSP] = non_canonical[i];
			kml_trap(self->regs);
			if (kml_last.sig == SIGBUS)
				EXPECT_TRAP(SIGBUS, SI_KERNEL, X86_TRAP_SS, 0,
					    stub[fetch]);
			else
				EXPECT_TRAP(SIGSEGV, SI_KERNEL, X86_TRAP_GP, 0,
					    stub[fetch]);
			EXPECT_REGS_KEPT(self->regs, 0);
		}
	}
}

/* A push onto a page not there yet: the fault is on the stack itself. */
TEST_F(rsp, push_demand_fault)
{
	char *p = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, p);
	kml_regs_init(self->regs, kml_do_push);
	self->regs[REG_RSP] = (greg_t)(p + 2 * 4096);
	kml_trap(self->regs);
	EXPECT_TRAP(SIGTRAP, SI_KERNEL, X86_TRAP_BP, 0, kml_after_push + 1);
	EXPECT_EQ((greg_t)(p + 2 * 4096 - 8), kml_last.regs[REG_RSP]);
	EXPECT_EQ(self->regs[REG_RDX], *(greg_t *)(p + 2 * 4096 - 8));
	EXPECT_REGS_KEPT(self->regs, KML_REG(RSP));

	/* Across two pages, neither there. */
	kml_regs_init(self->regs, kml_do_push);
	self->regs[REG_RSP] = (greg_t)(p + 3 * 4096 + 4);
	kml_trap(self->regs);
	EXPECT_TRAP(SIGTRAP, SI_KERNEL, X86_TRAP_BP, 0, kml_after_push + 1);
	EXPECT_EQ(self->regs[REG_RDX], *(greg_t *)(p + 3 * 4096 - 4));
	EXPECT_REGS_KEPT(self->regs, KML_REG(RSP));
	munmap(p, 4 * 4096);
}

/*
 * Five levels of page tables give user space above bit 47 to who asks for it. The
 * sign is still what tells a process from the kernel, of its code and its stack.
 */
TEST_F(rsp, above_47_bits)
{
	static const char * const stub[] = { kml_do_int3, kml_do_push, kml_do_spin };
	greg_t code;
	char *p;
	int i;

	if (!kml_canonical(1UL << 47))
		SKIP(return, "no address has more than 47 bits here");
	for (i = 0; i < 3; i++) {
		p = mmap((void *)(1UL << 52), 3 * 4096,
			 PROT_READ | PROT_WRITE | PROT_EXEC,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		ASSERT_NE(MAP_FAILED, p);
		ASSERT_LE(1UL << 47, (unsigned long)p);
		memcpy(p, stub[i], 8);
		code = (greg_t)p;
		kml_regs_init(self->regs, p);
		self->regs[REG_RSP] = code + 2 * 4096;
		if (i == 2) {
			kml_trap_timer(self->regs, 1500);
			EXPECT_EQ(SIGALRM, kml_last.sig);
			EXPECT_TRUE(kml_last.regs[REG_RIP] >= code &&
				    kml_last.regs[REG_RIP] < code + 8);
			EXPECT_EQ(KML_ABI_CS, kml_sig_cs(kml_last.regs));
			EXPECT_REGS_KEPT(self->regs, 0);
		} else {
			kml_trap(self->regs);
			/* The push is on a page that is not there yet. */
			EXPECT_TRAP(SIGTRAP, SI_KERNEL, X86_TRAP_BP, 0,
				    code + (i ? kml_after_push - kml_do_push : 0) + 1);
			EXPECT_REGS_KEPT(self->regs, i ? KML_REG(RSP) : 0);
		}
		munmap(p, 3 * 4096);
	}
}

struct doomed {
	greg_t *regs;
	bool timer;
};

/* No alternate stack: the signal frame finds no place. */
static int no_altstack(void *arg)
{
	stack_t off = { .ss_flags = SS_DISABLE };
	struct doomed *d = arg;

	sigaltstack(&off, NULL);
	if (d->timer)
		kml_trap_timer(d->regs, 1500);
	else
		kml_trap(d->regs);
	return 1;
}

TEST_F(rsp, no_room_for_the_frame)
{
	struct doomed d = { .regs = self->regs };
	size_t i;

	for (i = 0; i < NSTACKS; i++) {
		/* Where a frame would fit, or in pages shared with others. */
		if (stacks[i].relative && stacks[i].rsp)
			continue;
		for (d.timer = false; ; d.timer = true) {
			kml_regs_init(self->regs,
				      d.timer ? kml_do_spin : kml_do_int3);
			self->regs[REG_RSP] = stack_at(i);
			EXPECT_KILLED(SIGSEGV, kml_child(no_altstack, &d));
			if (d.timer)
				break;
		}
		if (_metadata->exit_code) {
			TH_LOG("with RSP at %s", stacks[i].what);
			break;
		}
	}
}

/* sigreturn to such a stack, and back by the next signal. */
static greg_t *wanted;
static volatile int returns;

static void go_there(int sig, siginfo_t *si, void *ctx)
{
	ucontext_t *uc = ctx;

	returns++;
	memcpy(uc->uc_mcontext.gregs, wanted, KML_NREGS * sizeof(greg_t));
}

TEST_F(rsp, sigreturn)
{
	size_t i = -1;

	returns = 0;
	ASSERT_EQ(0, kml_handler(SIGILL, go_there, SA_ONSTACK));
	while (next_stack(_metadata, &i, self->regs, kml_do_int3)) {
		greg_t first[NGREG];

		wanted = self->regs;
		kml_regs_init(first, kml_do_ud2);
		kml_trap(first);
		EXPECT_EQ(i + 1, returns);
		EXPECT_TRAP(SIGTRAP, SI_KERNEL, X86_TRAP_BP, 0, kml_after_int3);
		EXPECT_REGS_KEPT(self->regs, 0);
	}
}

TEST_HARNESS_MAIN
