// SPDX-License-Identifier: GPL-2.0
/*
 * Use stacks that grow, overflow, move and vanish.
 *
 * A process in ring 0 faults on its own stack in the middle of a push or a call. If the CPU
 * pushed a frame there, it would fault again. The tests use up or remove the stack in
 * different ways; the kernel must grow it, or deliver the signal, without the stack.
 */
#include <linux/sched.h>
#include <pthread.h>
#include <setjmp.h>

#include "kml.h"

/* Growth by ordinary code, far beyond what is mapped at start. */
static __attribute__((__noinline__)) unsigned long recurse(int n)
{
	volatile char frame[1000];

	frame[0] = n;
	frame[999] = n;
	if (!n)
		return 0;
	return recurse(n - 1) + 1 + (frame[0] ^ (char)n) + (frame[999] ^ (char)n);
}

TEST(growth_by_recursion)
{
	/* About 4 MB of the usual 8. */
	EXPECT_EQ(4000, recurse(4000));
}

/* Growth by single instructions: PUSH, and CALL. */
TEST(growth_by_push)
{
	unsigned long sum = 0, n = 1024 * 1024 / 8;

	asm volatile("mov %%rsp, %%rbx\n\t"
		     "sub $1024, %%rsp\n\t"
		     "mov %[n], %%rcx\n"
		     "1:\tpush %%rcx\n\t"
		     "dec %%rcx\n\t"
		     "jnz 1b\n\t"
		     "mov %[n], %%rcx\n"
		     "2:\tpop %%rdx\n\t"
		     "add %%rdx, %[sum]\n\t"
		     "dec %%rcx\n\t"
		     "jnz 2b\n\t"
		     "mov %%rbx, %%rsp"
		     : [sum] "+r" (sum) : [n] "r" (n)
		     : "rbx", "rcx", "rdx", "memory", "cc");
	EXPECT_EQ(n * (n + 1) / 2, sum);
}

TEST(growth_by_call)
{
	unsigned long n = 2 * 1024 * 1024 / 8, left = n;

	asm volatile("mov %%rsp, %%rbx\n\t"
		     "sub $1024, %%rsp\n\t"
		     "call 1f\n\t"
		     "jmp 2f\n"
		     "1:\tdec %[left]\n\t"
		     "jz 3f\n\t"
		     "call 1b\n"
		     "3:\tret\n"
		     "2:\tmov %%rbx, %%rsp"
		     : [left] "+r" (left) : : "rbx", "memory", "cc");
	EXPECT_EQ(0, left);
}

/* A jump over many pages at once, as alloca() makes it. */
TEST(growth_by_jump)
{
	long step;

	for (step = 4096; step <= 4 * 1024 * 1024; step *= 2) {
		volatile char *p = __builtin_alloca(step);

		p[0] = 1;
		EXPECT_EQ(1, p[0]);
		if (step >= 2 * 1024 * 1024)
			break;
	}
}

/* The kernel's own writes below the stack's end: it grows for those too. */
TEST(growth_by_the_kernel)
{
	char *p = (char *)__builtin_frame_address(0) - 3 * 1024 * 1024;
	int fd[2];

	ASSERT_EQ(0, pipe(fd));
	ASSERT_EQ(1, write(fd[1], "k", 1));
	EXPECT_EQ(1, read(fd[0], p, 1));
	EXPECT_EQ('k', *(volatile char *)p);
}

/* An interrupt's frame must not make the stack grow either: RSP at its end. */
static volatile int ticks;

static void tick(int sig, siginfo_t *si, void *ctx)
{
	ticks++;
}

TEST(interrupts_at_the_end)
{
	char *p = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char vec[4];
	greg_t regs[NGREG];
	int i;

	ASSERT_NE(MAP_FAILED, p);
	ASSERT_EQ(0, kml_catch_all());
	p[3 * 4096] = 1;
	for (i = 0; i < 20; i++) {
		kml_regs_init(regs, kml_do_spin);
		regs[REG_RSP] = (greg_t)(p + 3 * 4096 + 8 * i);
		kml_trap_timer(regs, 1000);
		EXPECT_EQ(SIGALRM, kml_last.sig);
		EXPECT_REGS_KEPT(regs, 0);
	}
	/* Nothing was written there, so no page came into being. */
	ASSERT_EQ(0, mincore(p, 4 * 4096, vec));
	EXPECT_EQ(0, vec[0] & 1);
	EXPECT_EQ(0, vec[1] & 1);
	EXPECT_EQ(0, vec[2] & 1);
}

/* Overflow, caught on the alternate stack, more than once. */
static sigjmp_buf out;
static volatile unsigned long fault_addr, fault_rsp;
static volatile int faults, fault_code;

static void overflowed(int sig, siginfo_t *si, void *ctx)
{
	greg_t *regs = ((ucontext_t *)ctx)->uc_mcontext.gregs;

	fault_addr = (unsigned long)si->si_addr;
	fault_code = si->si_code;
	fault_rsp = regs[REG_RSP];
	faults++;
	siglongjmp(out, 1);
}

static volatile int bottom;

static __attribute__((__noinline__)) int forever(int n)
{
	volatile char frame[200];

	frame[n & 127] = n;
	if (bottom)
		return 0;
	return forever(n + 1) + frame[5];
}

static int overflow_main(void *arg)
{
	struct rlimit lim = { 256 * 1024, 256 * 1024 };
	volatile int i;

	setrlimit(RLIMIT_STACK, &lim);
	if (kml_use_altstack(kml_altstack, sizeof(kml_altstack)) ||
	    kml_handler(SIGSEGV, overflowed, SA_ONSTACK))
		return 1;
	for (i = 0; i < 3; i++) {
		if (!sigsetjmp(out, 1))
			forever(0);
		if (faults != i + 1)
			return 2;
		/* The fault is next to RSP. */
		if (fault_addr > fault_rsp + 512 || fault_addr + 4096 < fault_rsp)
			return 3;
	}
	return 0;
}

TEST(overflow_of_main_stack)
{
	EXPECT_EXITED(0, kml_child(overflow_main, NULL));
}

static int overflow_child(void *arg)
{
	struct rlimit lim = { 256 * 1024, 256 * 1024 };

	setrlimit(RLIMIT_STACK, &lim);
	if (arg)
		kml_handler(SIGSEGV, overflowed, 0);	/* on that very stack */
	return forever(0);
}

TEST(overflow_unhandled)
{
	EXPECT_KILLED(SIGSEGV, kml_child(overflow_child, NULL));
	EXPECT_KILLED(SIGSEGV, kml_child(overflow_child, (void *)1));
}

/* A thread runs into its guard page. */
static char thread_altstack[65536] __aligned(16);
static unsigned long guard_lo, guard_hi;

static void *overflow_thread(void *arg)
{
	pthread_attr_t attr;
	size_t size, guard;
	void *base;

	pthread_getattr_np(pthread_self(), &attr);
	pthread_attr_getstack(&attr, &base, &size);
	pthread_attr_getguardsize(&attr, &guard);
	pthread_attr_destroy(&attr);
	/* The guard lies below what is reported, or at its start. */
	guard_lo = (unsigned long)base - guard;
	guard_hi = (unsigned long)base + guard;
	kml_use_altstack(thread_altstack, sizeof(thread_altstack));
	if (!sigsetjmp(out, 1))
		forever(0);
	return NULL;
}

TEST(guard_page_of_a_thread)
{
	pthread_attr_t attr;
	pthread_t thread;

	faults = 0;
	ASSERT_EQ(0, kml_handler(SIGSEGV, overflowed, SA_ONSTACK));
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 * 1024);
	pthread_attr_setguardsize(&attr, 4096);
	ASSERT_EQ(0, pthread_create(&thread, &attr, overflow_thread, NULL));
	pthread_join(thread, NULL);
	EXPECT_EQ(1, faults);
	EXPECT_EQ(SEGV_ACCERR, fault_code);
	EXPECT_TRUE(fault_addr >= guard_lo && fault_addr < guard_hi);
}

/* MAP_GROWSDOWN, down to its guard gap. */
TEST(growsdown_mapping)
{
	volatile char *p;
	char *area = mmap(NULL, 4 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	int i;

	ASSERT_NE(MAP_FAILED, area);
	munmap(area, 4 << 20);
	p = mmap(area + (3 << 20), 4096, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED,
		 -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)p);
	for (i = 0; i < 64; i++) {
		p[-4096 * i] = i;
		EXPECT_EQ(i, p[-4096 * i]);
	}
	munmap((void *)(p - 63 * 4096), 64 * 4096);
}

/*
 * A task takes away the stack it runs on, computes on without one under
 * interrupts and faults, calls the kernel, and exits.
 */
struct bare {
	char *stack;
	unsigned long size;
	volatile int *done;
	char *page;
	unsigned long spins;
};

long bare_clone(unsigned long flags, char *top, struct bare *b, int *tid);
asm(".text\n\t.globl bare_clone\n\t.type bare_clone, @function\n"
    "bare_clone:\n\t"
    "mov %rdx, %r9\n\t"	/* b, which the child finds there */
    "mov %rcx, %r10\n\t"	/* cleared at exit */
    "xor %edx, %edx\n\t"
    "mov $56, %eax\n\t"		/* clone */
    "xor %r8d, %r8d\n\t"
    "syscall\n\t"
    "test %rax, %rax\n\t"
    "jz 1f\n\t"
    "ret\n"
    "1:\tmov %r9, %rbx\n\t"
    "mov 0(%rbx), %rdi\n\t"
    "mov 8(%rbx), %rsi\n\t"
    "mov $11, %eax\n\t"		/* munmap */
    "syscall\n\t"
    "mov %rax, %r12\n\t"
    "mov 32(%rbx), %rcx\n"	/* compute on without */
    "2:\tdec %rcx\n\t"
    "jnz 2b\n\t"
    "mov 24(%rbx), %rdx\n\t"
    "movb $1, (%rdx)\n\t"	/* a fault that is resolved */
    "mov $24, %eax\n\t"		/* sched_yield */
    "syscall\n\t"
    "mov 16(%rbx), %rdx\n\t"
    "lea 1(%r12), %eax\n\t"
    "mov %eax, (%rdx)\n\t"
    "xor %edi, %edi\n\t"
    "mov $60, %eax\n\t"		/* exit */
    "syscall\n\t"
    "ud2\n");

static void wait_for_exit(volatile int *tid)
{
	int val;

	while ((val = *tid))
		syscall(SYS_futex, tid, 0 /* FUTEX_WAIT */, val, NULL, NULL, 0);
}

#define BARE_FLAGS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | \
		    CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID)

static long start_bare(struct bare *b, int *tid)
{
	return bare_clone(BARE_FLAGS, b->stack + b->size, b, tid);
}

TEST(unmapped_running_stack)
{
	volatile int done;
	int tid, i;

	for (i = 0; i < 4; i++) {
		struct bare b = {
			.size = 65536, .done = &done, .spins = 3000000,
		};

		done = 0;
		tid = 1;
		b.stack = mmap(NULL, b.size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		ASSERT_NE(MAP_FAILED, b.stack);
		b.page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		ASSERT_NE(MAP_FAILED, b.page);
		ASSERT_LT(0, start_bare(&b, &tid));
		wait_for_exit(&tid);
		EXPECT_EQ(1, done);
		EXPECT_EQ(1, b.page[0]);
		munmap(b.page, 4096);
	}
}

/* The same, and then a signal: there is nowhere to put its frame. */
static int signalled_child(void *arg)
{
	volatile int done = 0;
	sigset_t set;
	struct bare b = { .size = 65536, .done = &done, .spins = -1UL };
	int tid = 1;

	kml_handler(SIGVTALRM, tick, arg ? SA_ONSTACK : 0);
	b.stack = mmap(NULL, b.size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	b.page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (start_bare(&b, &tid) < 0)
		return 1;
	/* Only the other thread takes it now; it inherited an open mask. */
	sigemptyset(&set);
	sigaddset(&set, SIGVTALRM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	while (tid && !done)
		kill(getpid(), SIGVTALRM);
	return 2;
}

TEST(signal_without_stack)
{
	EXPECT_KILLED(SIGSEGV, kml_child(signalled_child, NULL));
}

/* The stack is taken away by another thread, at any moment. */
static __attribute__((__noinline__)) void leaf(volatile int *n)
{
	(*n)++;
}

static void *use_stack(void *arg)
{
	volatile int n = 0;

	for (;;)
		leaf(&n);
	return NULL;
}

static int robbed_child(void *arg)
{
	struct timespec ts = { .tv_nsec = 3000000 };
	pthread_attr_t attr;
	pthread_t thread;
	char *stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	pthread_attr_init(&attr);
	pthread_attr_setstack(&attr, stack, 65536);
	if (pthread_create(&thread, &attr, use_stack, NULL))
		return 1;
	nanosleep(&ts, NULL);
	munmap(stack, 65536);
	pthread_join(thread, NULL);
	return 2;
}

TEST(stack_taken_away)
{
	int i;

	for (i = 0; i < 5; i++)
		EXPECT_KILLED(SIGSEGV, kml_child(robbed_child, NULL));
}

TEST_HARNESS_MAIN
