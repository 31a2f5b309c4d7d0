/* SPDX-License-Identifier: GPL-2.0 */
/*
 * System calls in all ways: by the SYSCALL instruction, by a call to the address
 * that a kernel with CONFIG_KML exports, and by a call whose last two bytes are a
 * SYSCALL, as stubs of rewritten programs have it. What holds for one holds for the
 * others, bar the status flags; so each test runs with all, and the first shows on any
 * kernel that the test itself is right.
 */
#ifndef SELFTESTS_KML_CALL_H
#define SELFTESTS_KML_CALL_H

#include <sys/auxv.h>

#include "kml.h"

#ifndef AT_SYSINFO
#define AT_SYSINFO	32
#endif

/* The word in the vsyscall page with the entry's address, see kml.rst. */
#define KML_CALL_SLOT	0xffffffffff600c00UL
/* What RCX is to be for "call *0x050f0000(%rcx)" */
#define KML_STUB_RCX	(KML_CALL_SLOT - 0x050f0000)

KML_STUB(call_entry);
KML_STUB(jump_entry);
KML_STUB(call_stub);
long kml_by_syscall(long nr, ...);
long kml_by_call(long nr, ...);
long kml_by_stub(long nr, ...);
long kml_vfork_by_syscall(void);
long kml_vfork_by_call(void);
long kml_vfork_by_stub(void);
void kml_restore_by_syscall(void);
void kml_restore_by_call(void);
void kml_restore_by_stub(void);
long kml_storm_by_syscall(long nr, long result, long rounds);
long kml_storm_by_call(long nr, long result, long rounds);
long kml_storm_by_stub(long nr, long result, long rounds);

static inline unsigned long kml_call_entry(void)
{
	return getauxval(AT_SYSINFO);
}

FIXTURE(by)
{
	greg_t regs[NGREG];
	unsigned long entry;
};

FIXTURE_VARIANT(by)
{
	bool call;
	bool stub;
	unsigned long lost;
	const char *insn;
	const char *after;
	long (*nr)(long nr, ...);
	long (*vfork)(void);
	void (*restore)(void);
	long (*storm)(long nr, long result, long rounds);
};

FIXTURE_VARIANT_ADD(by, syscall)
{
	.call = false,
	.lost = KML_SYSCALL_REGS,
	.insn = kml_do_syscall,
	.after = kml_after_syscall,
	.nr = kml_by_syscall,
	.vfork = kml_vfork_by_syscall,
	.restore = kml_restore_by_syscall,
	.storm = kml_storm_by_syscall,
};

FIXTURE_VARIANT_ADD(by, call)
{
	.call = true,
	.lost = KML_SYSCALL_REGS,
	.insn = kml_do_call_entry,
	.after = kml_after_call_entry,
	.nr = kml_by_call,
	.vfork = kml_vfork_by_call,
	.restore = kml_restore_by_call,
	.storm = kml_storm_by_call,
};

FIXTURE_VARIANT_ADD(by, stub)
{
	.call = true,
	.stub = true,
	.lost = KML_SYSCALL_REGS,
	.insn = kml_do_call_stub,
	.after = kml_after_call_stub,
	.nr = kml_by_stub,
	.vfork = kml_vfork_by_stub,
	.restore = kml_restore_by_stub,
	.storm = kml_storm_by_stub,
};

FIXTURE_SETUP(by)
{
	self->entry = kml_call_entry();
	if (variant->call && !self->entry)
		SKIP(return, "no AT_SYSINFO: this kernel has no call entry");
	/* A signal shows the process at SYSCALL or behind it, and nowhere up there. */
	if (variant->stub)
		self->entry = 0;
	ASSERT_EQ(0, kml_catch_all());
}

FIXTURE_TEARDOWN(by)
{
}

/* After the call, only the registers that it may change have changed. */
#define BY_TRAP(_nr) do { \
	kml_regs_init(self->regs, variant->insn); \
	self->regs[REG_RAX] = (_nr); \
	if (variant->stub) \
		self->regs[REG_RCX] = KML_STUB_RCX; \
} while (0)

#define EXPECT_CALLED() do { \
	EXPECT_TRAP(SIGTRAP, SI_KERNEL, X86_TRAP_BP, 0, variant->after + 1); \
	EXPECT_REGS_KEPT(self->regs, variant->lost); \
} while (0)

#endif /* SELFTESTS_KML_CALL_H */
