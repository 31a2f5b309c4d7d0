// SPDX-License-Identifier: GPL-2.0
/*
 * Make system calls while the thread denies itself protection key 0.
 *
 * Keys apply to all user pages, in every ring. A thread without key 0 can read neither its
 * data nor its usual stack, but it can still make system calls: code is exempt from keys, and
 * SYSCALL reads no memory. CALL reads the stack and the pages with the addresses to call.
 * The test gives the stack another key; the pages must be the kernel's, which have none.
 */
#include <cpuid.h>
#include <linux/rseq.h>
#include <sys/rseq.h>

#include "kml.h"
#include "kml_call.h"

#define SYS_PKEY_MPROTECT	329
#define SYS_PKEY_ALLOC		330
#define STACK_SIZE		16384
/* Arguments of the functions that make calls; they read six, wherever they are. */
#define ARGUMENTS_SIZE		64
/* PKRU: neither reads nor writes of pages with key 0. */
#define DENY_KEY_0		3

static bool have_keys(void)
{
	unsigned int a, b, c, d;

	/* OSPKE: the kernel has enabled them. */
	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c & (1 << 4));
}

/*
 * Make the system call @nr on the stack that ends at @top, with @pkru meanwhile.
 * No other memory is used while key 0 is denied.
 */
static long call_with(long (*call)(long nr, ...), long nr, void *top, unsigned int pkru)
{
	register long (*fn)(long nr, ...) asm("r12") = call;
	register long number asm("r13") = nr;
	register void *stack asm("r14") = top;
	register unsigned long denied asm("r15") = pkru;
	long result;

	asm volatile("mov	%%rsp, %%rbx\n\t"
		     "xor	%%ecx, %%ecx\n\t"
		     "rdpkru\n\t"
		     "xchg	%%rax, %%r15\n\t"
		     "mov	%%r14, %%rsp\n\t"
		     "xor	%%edx, %%edx\n\t"
		     "wrpkru\n\t"
		     "mov	%%r13, %%rdi\n\t"
		     "call	*%%r12\n\t"
		     "mov	%%rax, %%r14\n\t"
		     "mov	%%r15, %%rax\n\t"
		     "xor	%%ecx, %%ecx\n\t"
		     "xor	%%edx, %%edx\n\t"
		     "wrpkru\n\t"
		     "mov	%%rbx, %%rsp\n\t"
		     "mov	%%r14, %%rax"
		     : "=&a" (result), "+r" (denied), "+r" (stack)
		     : "r" (fn), "r" (number)
		     : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11",
		       "memory", "cc");
	return result;
}

/*
 * libc has registered an area for rseq, with key 0. If the thread is preempted, the kernel
 * writes to it before it goes on, and without the key that is SIGSEGV, in each ring.
 */
static bool leave_rseq(void)
{
	char *area = (char *)__builtin_thread_pointer() + __rseq_offset;
	/* Of 32 bytes, the first kernels used 20, and libc says so or not. */
	unsigned int size = __rseq_size < 32 ? 32 : __rseq_size;

	return !__rseq_size ||
	       !syscall(SYS_rseq, area, size, RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
}

TEST_F(by, without_key_0)
{
	char *stack, *top;
	long key;

	if (!have_keys())
		SKIP(return, "no protection keys on this kernel or processor");
	ASSERT_TRUE(leave_rseq());
	key = syscall(SYS_PKEY_ALLOC, 0, 0);
	ASSERT_LT(0, key);
	stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	ASSERT_NE(MAP_FAILED, stack);
	ASSERT_EQ(0, syscall(SYS_PKEY_MPROTECT, stack, STACK_SIZE,
			     PROT_READ | PROT_WRITE, key));

	top = stack + STACK_SIZE - ARGUMENTS_SIZE;

	/* A signal is the end: no handler could go on without its data. */
	signal(SIGSEGV, SIG_DFL);
	EXPECT_EQ(getppid(), call_with(variant->nr, SYS_getppid, top, 0));
	EXPECT_EQ(getppid(), call_with(variant->nr, SYS_getppid, top, DENY_KEY_0));
	/* By the full path, and for a number that there is not. */
	EXPECT_EQ(-ENOSYS, call_with(variant->nr, 499, top, DENY_KEY_0));
}

TEST_HARNESS_MAIN
