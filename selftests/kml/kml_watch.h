/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Set breakpoints of perf on data that the entry code of CONFIG_KML reads. A process in ring
 * 0 can find this data: it can read the kernel's text, and the code of the call entry
 * contains the addresses of this CPU's variables. The addresses belong to the CPU that
 * the caller is pinned to.
 */
#ifndef SELFTESTS_KML_WATCH_H
#define SELFTESTS_KML_WATCH_H

#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>

#include "kml_call.h"

#define MSR_GS_BASE	0xc0000101

/* Of "mov variable(%rip), %rcx" and the like */
#define MODRM_RCX	0x0d
#define MODRM_RSP	0x25

/*
 * The address of this CPU's variable that the call entry loads into a register, or
 * 0. A kernel for several processors has a GS prefix before the instruction.
 */
static inline unsigned long kml_entry_variable(unsigned char modrm)
{
	const unsigned char *p = (void *)kml_call_entry();
	unsigned int i, low, high;
	int offset;

	for (i = 1; p && i < 128; i++) {
		if (p[i] != 0x48 || p[i + 1] != 0x8b || p[i + 2] != modrm)
			continue;
		memcpy(&offset, p + i + 3, sizeof(offset));
		low = high = 0;
		if (p[i - 1] == 0x65)
			asm volatile("rdmsr" : "=a" (low), "=d" (high) : "c" (MSR_GS_BASE));
		return (unsigned long)p + i + 7 + offset +
		       ((unsigned long)high << 32 | low);
	}
	return 0;
}

/* Where the stack of the current task begins: read by each entry from a process */
static inline unsigned long kml_top_of_stack(void)
{
	return kml_entry_variable(MODRM_RSP);
}

/*
 * The flags of this thread, which are the first of task_struct, if there is a fast
 * path that reads them: that loads the current task into RCX.
 */
static inline unsigned long kml_thread_flags(void)
{
	unsigned long current_task = kml_entry_variable(MODRM_RCX);

	return current_task ? *(unsigned long *)current_task : 0;
}

/*
 * The place in task_struct that has the stack of this thread, or 0. It is among the
 * first members, and the stack has 16 or (with KASAN) 32 KiB.
 */
static inline unsigned long kml_stack_pointer(void)
{
	unsigned long task = kml_thread_flags(), i, size;
	unsigned long top = kml_top_of_stack();

	for (i = 0; task && top && i < 16; i++) {
		size = *(unsigned long *)top - ((unsigned long *)task)[i];
		if (size == 16384 || size == 32768)
			return task + 8 * i;
	}
	return 0;
}

/* Count, in this thread, what touches 8 bytes at @addr. */
static inline int kml_watch(unsigned long addr, int type, bool sigtrap)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.bp_type = type,
		.bp_addr = addr,
		.bp_len = HW_BREAKPOINT_LEN_8,
		.sample_period = 1,
		.disabled = 1,
		.sigtrap = sigtrap,
		.remove_on_exec = sigtrap,
		.exclude_kernel = sigtrap,
	};

	return syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static inline long kml_watch_hits(int fd)
{
	unsigned long long n;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? (long)n : -1;
}

#endif /* SELFTESTS_KML_WATCH_H */
