// SPDX-License-Identifier: GPL-2.0
/*
 * Usage: counts
 *
 * Runs in a guest of Bochs, whose time stamp counter counts instructions. Prints, a line
 * each, how many these take, from and to the instruction in the process: getppid() by
 * SYSCALL and by CALL, an NMI that the process has the local APIC send it, a page fault that
 * maps the page of zeros, and a timer interrupt.
 * Of many times it takes the least; of timer interrupts the median, since each has more
 * or less to do. The two RDTSC around each are taken off.
 */
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <x86intrin.h>

#include "../../bench/guests/guest.h"

#define TIMES		400
#define PAGE		4096
#define PAGES		256	/* some share a page table, so that most need no new one */
#define INTERRUPTS	101

static unsigned long entry;
static volatile char *pages;

static inline void nothing(int i)
{
	(void)i;
}

static inline void by_syscall(int i)
{
	long nr = SYS_getppid;

	(void)i;
	asm volatile("syscall" : "+a"(nr) : : "rcx", "r11", "memory");
}

static inline void by_call(int i)
{
	long nr = SYS_getppid;

	(void)i;
	asm volatile("call *%[entry]" : "+a"(nr) : [entry] "m"(entry) : "rcx", "r11", "memory");
}

static inline void fault(int i)
{
	(void)pages[i % PAGES * PAGE];
}

#define LEAST(what)						\
({								\
	unsigned long least = -1UL, t;				\
	int i;							\
								\
	for (i = 0; i < TIMES; i++) {				\
		t = __rdtsc();					\
		what(i);					\
		t = __rdtsc() - t;				\
		if (t < least)					\
			least = t;				\
	}							\
	least;							\
})

static unsigned long base;

static void say(const char *what, unsigned long count)
{
	printf("counts: %-24s %6lu\n", what, count - base);
}

#define APIC		0xfee00000UL
#define APIC_ID		(0x20 / 4)
#define APIC_ICR	(0x300 / 4)
#define APIC_ICR2	(0x310 / 4)
#define NMI		0x400

static volatile unsigned int *apic;

/* Nobody expects it, and the kernel says so in its log, but not each time. */
static inline void nmi(int i)
{
	(void)i;
	apic[APIC_ICR2] = apic[APIC_ID];
	apic[APIC_ICR] = NMI;
}

/* What takes longer than anything that is not interrupted */
static unsigned long interrupt(void)
{
	double gap[INTERRUPTS];
	unsigned long t, next;
	int n = 0;

	t = __rdtsc();
	while (n < INTERRUPTS) {
		next = __rdtsc();
		if (next - t > 100 + 2 * base)
			gap[n++] = next - t;
		t = next;
	}
	return median(gap, n);
}

int main(void)
{
	unsigned long least = -1UL, t;
	int i;

	/* All of it at the end: the kernel's messages about NMIs are out by then. */
	setvbuf(stdout, NULL, _IOFBF, 4096);
	base = LEAST(nothing);
	say("getppid() by SYSCALL", LEAST(by_syscall));
	entry = getauxval(AT_SYSINFO);
	if (entry)
		say("getppid() by CALL", LEAST(by_call));
	apic = TRY(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
			TRY(open("/dev/mem", O_RDWR | O_SYNC)), APIC));
	say("NMI of unknown reason", LEAST(nmi));
	pages = TRY(mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	for (i = 0; i < PAGES; i++) {
		t = __rdtsc();
		fault(i);
		t = __rdtsc() - t;
		if (t < least)
			least = t;
	}
	say("page fault", least);
	say("timer interrupt", interrupt());
	return 0;
}
