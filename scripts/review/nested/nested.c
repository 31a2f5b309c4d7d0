// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's side of scripts/review/nested-test: page faults, each of which hits a
 * breakpoint of perf while its frame is on the entry stack. The breakpoint is on the
 * word that has the top of the task's stack, which sync_regs() reads. Its address
 * stands in the code of the call entry ("mov address(%rip), %rsp").
 *
 * With an argument: single steps over SYSCALL, each of which has to be done once.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FAULTS		200
#define STEPS		3
#define FL_TF		0x100

static unsigned long top_of_stack(void)
{
	static const unsigned char load[] = { 0x48, 0x8b, 0x25 };
	const unsigned char *p = (void *)getauxval(AT_SYSINFO);
	int i, offset;

	for (i = 0; p && i < 64; i++) {
		if (memcmp(p + i, load, sizeof(load)))
			continue;
		memcpy(&offset, p + i + sizeof(load), sizeof(offset));
		return (unsigned long)p + i + sizeof(load) + sizeof(offset) + offset;
	}
	return 0;
}

extern const char at_syscall[];
static int at_insn;

static void stepped(int sig, siginfo_t *si, void *ctx)
{
	ucontext_t *uc = ctx;

	(void)sig;
	(void)si;
	if (uc->uc_mcontext.gregs[REG_RIP] == (greg_t)at_syscall && ++at_insn > 50)
		_exit(5);
}

/* Each SYSCALL is seen once, at the end of the step before it. */
static int step(void)
{
	struct sigaction sa = { .sa_sigaction = stepped, .sa_flags = SA_SIGINFO };
	int i, bad = 0;
	long ret;

	sigaction(SIGTRAP, &sa, NULL);
	for (i = 0; i < STEPS; i++) {
		asm volatile("lea -128(%%rsp), %%rsp\n\t"
			     "pushfq\n\t"
			     "orq %[tf], (%%rsp)\n\t"
			     "popfq\n\t"
			     "mov %[nr], %%eax\n"
			     "at_syscall:\n\t"
			     "syscall\n\t"
			     "pushfq\n\t"
			     "andq %[no_tf], (%%rsp)\n\t"
			     "popfq\n\t"
			     "lea 128(%%rsp), %%rsp"
			     : "=&a" (ret)
			     : [tf] "i" (FL_TF), [no_tf] "i" (~FL_TF),
			       [nr] "i" (SYS_getpid)
			     : "rcx", "r11", "memory", "cc");
		bad |= ret != getpid();
	}
	printf("nested: %d steps, %d times at SYSCALL\n", STEPS, at_insn);
	return bad || at_insn != STEPS ? 6 : 0;
}

int main(int argc, char **argv)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.bp_type = HW_BREAKPOINT_RW,
		.bp_addr = top_of_stack(),
		.bp_len = HW_BREAKPOINT_LEN_8,
	};
	volatile char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned long long hits = 0;
	int fd, i;

	(void)argv;
	if (argc > 1)
		return step();
	fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
	if (page == MAP_FAILED || fd < 0) {
		fprintf(stderr, "nested: no breakpoint at %#llx: %s\n",
			(unsigned long long)attr.bp_addr, strerror(errno));
		return 2;
	}
	for (i = 0; i < FAULTS; i++) {
		madvise((void *)page, 4096, MADV_DONTNEED);
		*page = i;
		if (*page != (char)i)
			return 3;
	}
	ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	if (read(fd, &hits, sizeof(hits)) != sizeof(hits) || hits < FAULTS)
		return 4;
	printf("nested: %d page faults, %llu hits\n", FAULTS, hits);
	return 0;
}
