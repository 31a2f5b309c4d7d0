// SPDX-License-Identifier: GPL-2.0
/*
 * Print how many instructions getppid() takes through libc.so, from the CALL to the
 * instruction behind it. Under QEMU's -icount shift=0 the time stamp counter counts
 * instructions. A loop with the call is compared with one without, and the best of several
 * tries is one without an interrupt.
 */
#include <stdio.h>
#include <unistd.h>
#include <x86intrin.h>

#define TURNS	200

#define LOOP(call)						\
	({							\
		unsigned long best = -1, turns, start;		\
								\
		for (int try = 0; try < 20; try++) {		\
			turns = TURNS;				\
			start = __rdtsc();			\
			asm volatile("1: " call "\n\t"		\
				     "decq %0\n\t"		\
				     "jnz 1b"			\
				     : "+b" (turns) :		\
				     : "rax", "rcx", "rdx", "rsi", "rdi", "r8",	\
				       "r9", "r10", "r11", "cc", "memory");	\
			start = __rdtsc() - start;		\
			if (start < best)			\
				best = start;			\
		}						\
		best;						\
	})

int main(void)
{
	/* The dynamic linker looks for it once. */
	pid_t parent = getppid();
	unsigned long with = LOOP("call getppid@PLT"), without = LOOP("");

	printf("getppid() by libc: %.2f instructions\n", (double)(with - without) / TURNS);
	return parent != getppid();
}
