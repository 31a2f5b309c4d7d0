/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ways into the kernel and back, in one table: what a process executes, in which
 * state of its registers, and what it must see then. A test goes each of these ways once
 * for each value of the register that it is about, and names that value on failure.
 */
#ifndef SELFTESTS_KML_WAYS_H
#define SELFTESTS_KML_WAYS_H

#include "kml.h"

static char *kml_pages;			/* three, of which none is there yet */
static char kml_copied[4096], kml_copy[3 * 4096];
static int kml_pipe[2];

FIXTURE(way)
{
	greg_t regs[NGREG];
};

/* Without @sig, the way is an interrupt: the stub spins until the timer ends it. */
FIXTURE_VARIANT(way)
{
	const char *stub;
	const char *rip;		/* where the signal finds the process */
	int sig, code, trapno, err;
	unsigned long changed;		/* registers, as a mask */
	bool (*prepare)(greg_t *regs);
	bool (*right)(const greg_t *regs);
};

FIXTURE_SETUP(way)
{
	ASSERT_EQ(0, kml_catch_all());
}

FIXTURE_TEARDOWN(way)
{
}

FIXTURE_VARIANT_ADD(way, breakpoint)
{
	.stub = kml_do_int3, .rip = kml_after_int3,
	.sig = SIGTRAP, .code = SI_KERNEL, .trapno = X86_TRAP_BP,
};

FIXTURE_VARIANT_ADD(way, undefined_instruction)
{
	.stub = kml_do_ud2, .rip = kml_do_ud2,
	.sig = SIGILL, .code = ILL_ILLOPN, .trapno = X86_TRAP_UD,
};

static bool divisor_0(greg_t *regs)
{
	regs[REG_RCX] = 0;
	return true;
}

FIXTURE_VARIANT_ADD(way, divide_error)
{
	.stub = kml_do_div, .rip = kml_do_div, .prepare = divisor_0,
	.sig = SIGFPE, .code = FPE_INTDIV, .trapno = X86_TRAP_DE,
};

FIXTURE_VARIANT_ADD(way, overflow)
{
	.stub = kml_do_int4, .rip = kml_after_int4,
	.sig = SIGSEGV, .code = SI_KERNEL, .trapno = X86_TRAP_OF,
};

static bool at_non_canonical(greg_t *regs)
{
	regs[REG_RAX] = KML_NONCANON;
	return true;
}

FIXTURE_VARIANT_ADD(way, general_protection)
{
	.stub = kml_do_load, .rip = kml_do_load, .prepare = at_non_canonical,
	.sig = SIGSEGV, .code = SI_KERNEL, .trapno = X86_TRAP_GP,
};

static bool at_nothing(greg_t *regs)
{
	regs[REG_RAX] = 0x18;
	return true;
}

static bool faulted_there(const greg_t *regs)
{
	return kml_last.addr == (void *)regs[REG_RAX];
}

FIXTURE_VARIANT_ADD(way, page_fault)
{
	.stub = kml_do_load, .rip = kml_do_load, .prepare = at_nothing,
	.sig = SIGSEGV, .code = SEGV_MAPERR, .trapno = X86_TRAP_PF, .err = PF_USER,
	.right = faulted_there,
};

/* Faults that are resolved, so that the exit path sees the registers, too. */
static bool at_new_page(greg_t *regs)
{
	kml_pages = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	regs[REG_RAX] = (greg_t)(kml_pages + 4096);
	return kml_pages != MAP_FAILED;
}

/* Zeroing a page is a string instruction, which DF would turn around. */
static bool rest_is_0(size_t from)
{
	size_t i;

	for (i = from; i < 4096; i++)
		if (kml_pages[4096 + i])
			return false;
	return !munmap(kml_pages, 3 * 4096);
}

static bool read_0(const greg_t *regs)
{
	return !kml_last.regs[REG_RDX] && rest_is_0(0);
}

static bool written(const greg_t *regs)
{
	return *(greg_t *)(kml_pages + 4096) == regs[REG_RDX] && rest_is_0(8);
}

FIXTURE_VARIANT_ADD(way, demand_read)
{
	.stub = kml_do_load, .rip = kml_after_load + 1, .prepare = at_new_page,
	.sig = SIGTRAP, .code = SI_KERNEL, .trapno = X86_TRAP_BP,
	.changed = KML_REG(RDX), .right = read_0,
};

FIXTURE_VARIANT_ADD(way, demand_write)
{
	.stub = kml_do_store, .rip = kml_after_store + 1, .prepare = at_new_page,
	.sig = SIGTRAP, .code = SI_KERNEL, .trapno = X86_TRAP_BP,
	.right = written,
};

static bool for_getpid(greg_t *regs)
{
	regs[REG_RAX] = SYS_getpid;
	return true;
}

static bool got_pid(const greg_t *regs)
{
	return kml_last.regs[REG_RAX] == getpid();
}

FIXTURE_VARIANT_ADD(way, syscall)
{
	.stub = kml_do_syscall, .rip = kml_after_syscall + 1, .prepare = for_getpid,
	.sig = SIGTRAP, .code = SI_KERNEL, .trapno = X86_TRAP_BP,
	.changed = KML_SYSCALL_REGS, .right = got_pid,
};

/* The slow way out, through the scheduler, which must not mix up two tasks. */
static bool for_sleep(greg_t *regs)
{
	static const struct timespec ts = { .tv_nsec = 1000 };

	regs[REG_RAX] = SYS_nanosleep;
	regs[REG_RDI] = (greg_t)&ts;
	regs[REG_RSI] = 0;
	return true;
}

static bool got_0(const greg_t *regs)
{
	return !kml_last.regs[REG_RAX];
}

FIXTURE_VARIANT_ADD(way, syscall_that_sleeps)
{
	.stub = kml_do_syscall, .rip = kml_after_syscall + 1, .prepare = for_sleep,
	.sig = SIGTRAP, .code = SI_KERNEL, .trapno = X86_TRAP_BP,
	.changed = KML_SYSCALL_REGS, .right = got_0,
};

/* read() copies with string instructions: DF set would copy backwards. */
static bool for_read(greg_t *regs)
{
	size_t i;

	for (i = 0; i < sizeof(kml_copied); i++)
		kml_copied[i] = regs[REG_RSP] + i * 7;
	memset(kml_copy, 0, sizeof(kml_copy));
	regs[REG_RAX] = SYS_read;
	regs[REG_RSI] = (greg_t)(kml_copy + 4096);
	regs[REG_RDX] = sizeof(kml_copied);
	if (pipe(kml_pipe))
		return false;
	regs[REG_RDI] = kml_pipe[0];
	return write(kml_pipe[1], kml_copied, sizeof(kml_copied)) == sizeof(kml_copied);
}

static bool copied(const greg_t *regs)
{
	size_t i;

	close(kml_pipe[0]);
	close(kml_pipe[1]);
	for (i = 0; i < 4096; i++)
		if (kml_copy[i] || kml_copy[i + 2 * 4096])
			return false;
	return kml_last.regs[REG_RAX] == sizeof(kml_copied) &&
	       !memcmp(kml_copied, kml_copy + 4096, sizeof(kml_copied));
}

FIXTURE_VARIANT_ADD(way, syscall_that_copies)
{
	.stub = kml_do_syscall, .rip = kml_after_syscall + 1, .prepare = for_read,
	.sig = SIGTRAP, .code = SI_KERNEL, .trapno = X86_TRAP_BP,
	.changed = KML_SYSCALL_REGS, .right = copied,
};

FIXTURE_VARIANT_ADD(way, interrupt)
{
	.stub = kml_do_spin,
};

/* Go @variant's way with @regs, and compare with what the table says. */
static void kml_go(struct __test_metadata *_metadata,
		   const struct _fixture_variant_way *variant, greg_t *regs)
{
	if (variant->prepare)
		ASSERT_TRUE(variant->prepare(regs));
	if (variant->sig) {
		kml_trap(regs);
		EXPECT_TRAP(variant->sig, variant->code, variant->trapno, variant->err,
			    variant->rip);
	} else {
		kml_trap_timer(regs, 1500);
		EXPECT_EQ(SIGALRM, kml_last.sig);
		EXPECT_EQ(KML_ABI_CS, kml_sig_cs(kml_last.regs));
		EXPECT_EQ(KML_ABI_SS, kml_sig_ss(kml_last.regs));
		EXPECT_TRUE(kml_last.regs[REG_RIP] >= (greg_t)kml_do_spin &&
			    kml_last.regs[REG_RIP] < (greg_t)kml_after_spin)
			TH_LOG("rip %#llx", kml_last.regs[REG_RIP]);
	}
	EXPECT_REGS_KEPT(regs, variant->changed);
	EXPECT_EQ(kml_flags(regs), kml_flags(kml_last.regs));
	if (variant->right)
		EXPECT_TRUE(variant->right(regs));
}

#endif /* SELFTESTS_KML_WAYS_H */
