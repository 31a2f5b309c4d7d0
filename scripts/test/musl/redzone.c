// SPDX-License-Identifier: GPL-2.0
/*
 * musl's inlined system calls in leaf functions that keep their data in the red
 * zone. This file must be compiled with a red zone: the static check of
 * musl.sh looks for the addresses below the stack pointer. Compiled with
 * -D__NO_RED_ZONE, as libc is, the calls do not step over it, and the test has
 * to fail.
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/syscall.h>

#include "test.h"
#include "syscall_arch.h"

/* 15 words are 120 of the 128 bytes. */
#define WORDS 15

#define LEAF(name, ...)							\
static __attribute__((noinline)) long name(long seed, long *ret)	\
{									\
	volatile long zone[WORDS];					\
	long i, bad = 0;						\
									\
	for (i = 0; i < WORDS; i++)					\
		zone[i] = seed + i;					\
	*ret = __VA_ARGS__;						\
	for (i = 0; i < WORDS; i++)					\
		bad += zone[i] != seed + i;				\
	return bad;							\
}

LEAF(leaf0, __syscall0(SYS_getppid))
LEAF(leaf1, __syscall1(SYS_close, -1))
LEAF(leaf2, __syscall2(SYS_dup2, -1, 5))
LEAF(leaf3, __syscall3(SYS_lseek, -1, 0, 0))
LEAF(leaf4, __syscall4(SYS_pread64, -1, 0, 0, 0))
LEAF(leaf5, __syscall5(SYS_mremap, 1, 0, 0, 0, 0))
LEAF(leaf6, __syscall6(SYS_mmap, 1, 0, 0, 0, -1, 1))

int main(int argc, char **argv)
{
	static const struct {
		long (*leaf)(long seed, long *ret);
		long ret;
	} leaves[] = {
		{ leaf0, 0 }, { leaf1, -EBADF }, { leaf2, -EBADF },
		{ leaf3, -EBADF }, { leaf4, -EBADF }, { leaf5, -EINVAL },
		{ leaf6, -EINVAL },
	};
	int i, j, rounds = rounds_from(argc, argv, 2000,
				       "Test the red zone around system calls.");
	long ppid = raw_syscall(SYS_getppid, 0, 0, 0, 0, 0, 0);

	for (i = 0; i < 7; i++) {
		long ret, wrong = 0, bad = 0;

		for (j = 0; j < rounds; j++) {
			bad += leaves[i].leaf(j * 1000003L, &ret);
			wrong += ret != (i ? leaves[i].ret : ppid);
		}
		test(!bad, "red zone is kept around __syscall%d", i);
		test(!wrong, "__syscall%d returns its result", i);
	}
	return tests_done();
}
