/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Make a system call in each of three ways: by the SYSCALL instruction, by a call to the
 * address that a kernel with CONFIG_KML exports, and by a call of a slot. All three must do
 * the same, except for the status flags and the registers that they lose. So the fixture
 * "by" runs each test in all three ways, and the run with SYSCALL, which works on every
 * kernel, shows that the test itself is right.
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
/* The slots, and the word that says whether there are any. */
#define KML_SLOTS_AT	0xffffffffff600c08UL
#define KML_SLOTS	0xffffffffff601000UL
#define KML_SLOT_4095	0xffffffffff601ff0UL
#define KML_SLOT_4096	0xffffffffff601ff8UL

KML_STUB(call_entry);
KML_STUB(jump_entry);
KML_STUB(call_slot);
long kml_by_syscall(long nr, ...);
long kml_by_call(long nr, ...);
long kml_by_slot(long nr, ...);
long kml_vfork_by_syscall(void);
long kml_vfork_by_call(void);
long kml_vfork_by_slot(void);
void kml_restore_by_syscall(void);
void kml_restore_by_call(void);
void kml_restore_by_slot(void);
long kml_storm_by_syscall(long nr, long result, long rounds);
long kml_storm_by_call(long nr, long result, long rounds);
long kml_storm_by_slot(long nr, long result, long rounds);

static inline unsigned long kml_call_entry(void)
{
	return getauxval(AT_SYSINFO);
}

static inline bool kml_slots(void)
{
	return kml_call_entry() && *(unsigned long *)KML_SLOTS_AT == KML_SLOTS;
}

FIXTURE(by)
{
	greg_t regs[NGREG];
	unsigned long entry;
};

FIXTURE_VARIANT(by)
{
	bool call;
	bool slot;
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
	.lost = KML_CALL_REGS,
	.insn = kml_do_call_entry,
	.after = kml_after_call_entry,
	.nr = kml_by_call,
	.vfork = kml_vfork_by_call,
	.restore = kml_restore_by_call,
	.storm = kml_storm_by_call,
};

FIXTURE_VARIANT_ADD(by, slot)
{
	.call = true,
	.slot = true,
	.lost = KML_SYSCALL_REGS,
	.insn = kml_do_call_slot,
	.after = kml_after_call_slot,
	.nr = kml_by_slot,
	.vfork = kml_vfork_by_slot,
	.restore = kml_restore_by_slot,
	.storm = kml_storm_by_slot,
};

FIXTURE_SETUP(by)
{
	self->entry = kml_call_entry();
	if (variant->call && !self->entry)
		SKIP(return, "no AT_SYSINFO: this kernel has no call entry");
	if (variant->slot && !kml_slots())
		SKIP(return, "this kernel has no slots");
	/* A signal finds the process at the CALL or after it, never in the entry. */
	if (variant->slot)
		self->entry = KML_SLOTS;
	ASSERT_EQ(0, kml_catch_all());
}

FIXTURE_TEARDOWN(by)
{
}

/* After the call, only the registers that it may change have changed. */
#define BY_TRAP(_nr) do { \
	kml_regs_init(self->regs, variant->insn); \
	self->regs[REG_RAX] = (_nr); \
} while (0)

#define EXPECT_CALLED() do { \
	EXPECT_TRAP(SIGTRAP, SI_KERNEL, X86_TRAP_BP, 0, variant->after + 1); \
	EXPECT_REGS_KEPT(self->regs, variant->lost); \
} while (0)

#endif /* SELFTESTS_KML_CALL_H */
