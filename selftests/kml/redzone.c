// SPDX-License-Identifier: GPL-2.0
/*
 * Check the 128 bytes below RSP, and all registers, under everything that can interrupt.
 *
 * Leaf functions keep variables there. If an interrupt in ring 0 goes through a gate without
 * an IST slot, or the kernel moves a frame to the wrong place, the frame overwrites them. No
 * single entry shows that reliably. So a loop in assembler fills the red zone and the
 * registers and compares them over and over, while timers, page faults, breakpoints,
 * inter-processor interrupts and signals interrupt it.
 */
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>

#include "kml.h"

/* How the loop below is shaken from within, besides from without. */
#define SHAKE_FAULT	1	/* touch a page that comes and goes */
#define SHAKE_INT3	2	/* a trap with a handler */
#define SHAKE_SYSCALL	4

#define ROUNDS_PER_CALL	4096

/*
 * Returns 0, or a bit for each of: red zone changed, register changed, RSP
 * changed. Runs ROUNDS_PER_CALL rounds with a pattern in each free register.
 */
unsigned long redzone_loop(unsigned long shake, volatile char *page);
asm(".text\n\t.globl redzone_loop\n\t.type redzone_loop, @function\n"
    "redzone_loop:\n\t"
    "push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15\n\t"
    "mov %rsp, %rbp\n\t"
    "sub $1024, %rsp\n\t"
    "and $-64, %rsp\n\t"
    "mov %rsp, %rbx\n\t"
    "mov %rsi, %r8\n\t"
    "mov %rdi, %r9\n\t"
    "mov $4096, %r10d\n\t"
    "mov $0x1212121212121212, %r12\n\t"
    "mov $0x1313131313131313, %r13\n\t"
    "mov $0x1414141414141414, %r14\n\t"
    "mov $0x1515151515151515, %r15\n\t"
    /* Fill the zone with a function of the place. */
    "mov $-128, %rcx\n"
    "1:\tmov %r12, %rdx\n\t"
    "add %rcx, %rdx\n\t"
    "mov %rdx, (%rsp,%rcx)\n\t"
    "add $8, %rcx\n\t"
    "jnz 1b\n"
    "2:\ttest $1, %r9b\n\t"
    "jz 3f\n\t"
    "movb $1, (%r8)\n"
    "3:\ttest $2, %r9b\n\t"
    "jz 4f\n\t"
    "test $63, %r10b\n\t"
    "jnz 4f\n\t"
    "int3\n"
    "4:\ttest $4, %r9b\n\t"
    "jz 5f\n\t"
    "test $15, %r10b\n\t"
    "jnz 5f\n\t"
    "mov $39, %eax\n\t"		/* getpid */
    "syscall\n"
    "5:\tmov $0xababababababab, %rsi\n\t"
    "mov $0xcdcdcdcdcdcdcd, %rdi\n\t"
    "xor %eax, %eax\n\t"
    "mov $-128, %rcx\n"
    "6:\tmov %r12, %rdx\n\t"
    "add %rcx, %rdx\n\t"
    "cmp %rdx, (%rsp,%rcx)\n\t"
    "jne 7f\n\t"
    "add $8, %rcx\n\t"
    "jnz 6b\n\t"
    "jmp 8f\n"
    "7:\tor $1, %eax\n"
    "8:\tmov $0x1212121212121212, %rdx; cmp %rdx, %r12; jne 9f\n\t"
    "mov $0x1313131313131313, %rdx; cmp %rdx, %r13; jne 9f\n\t"
    "mov $0x1414141414141414, %rdx; cmp %rdx, %r14; jne 9f\n\t"
    "mov $0x1515151515151515, %rdx; cmp %rdx, %r15; jne 9f\n\t"
    "mov $0xababababababab, %rdx; cmp %rdx, %rsi; jne 9f\n\t"
    "mov $0xcdcdcdcdcdcdcd, %rdx; cmp %rdx, %rdi; jne 9f\n\t"
    "jmp 10f\n"
    "9:\tor $2, %eax\n"
    "10:\tcmp %rsp, %rbx\n\t"
    "je 11f\n\t"
    "or $4, %eax\n"
    "11:\ttest %eax, %eax\n\t"
    "jnz 12f\n\t"
    "dec %r10\n\t"
    "jnz 2b\n"
    "12:\tmov %rbp, %rsp\n\t"
    "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp\n\t"
    "ret\n\t"
    ".size redzone_loop, . - redzone_loop\n");

static volatile unsigned long hits;

static void hit(int sig, siginfo_t *si, void *ctx)
{
	volatile char deep[2048];

	hits++;
	deep[0] = 1;
	deep[sizeof(deep) - 1] = deep[0];
}

FIXTURE(redzone)
{
	char *page;
};

FIXTURE_SETUP(redzone)
{
	self->page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->page);
	ASSERT_EQ(0, kml_handler(SIGTRAP, hit, 0));
	hits = 0;
}

FIXTURE_TEARDOWN(redzone)
{
	munmap(self->page, 4096);
}

static void storm(long usec)
{
	struct itimerval it = {
		.it_value.tv_usec = usec,
		.it_interval.tv_usec = usec,
	};

	setitimer(ITIMER_REAL, &it, NULL);
}

/* @ms of the loop; the first failure, or 0. */
static unsigned long loop_for(int ms, unsigned long shake, char *page)
{
	unsigned long long end = kml_now_ns() + ms * 1000000ULL;
	unsigned long ret = 0;

	while (!ret && kml_now_ns() < end) {
		if (shake & SHAKE_FAULT)
			madvise(page, 4096, MADV_DONTNEED);
		ret = redzone_loop(shake, page);
	}
	return ret;
}

/* The loop must notice; otherwise nothing here means anything. */
TEST_F(redzone, loop_sees_damage)
{
	unsigned long ret = 0;
	int i;

	/* A handler that runs on this very stack and writes where it should not. */
	ASSERT_EQ(0, kml_handler(SIGTRAP, hit, 0));
	EXPECT_EQ(0, redzone_loop(0, self->page));
	for (i = 0; i < 4; i++)
		ret |= redzone_loop(SHAKE_INT3, self->page);
	EXPECT_EQ(0, ret);
	EXPECT_EQ(4 * ROUNDS_PER_CALL / 64, hits);
}

static void damage(int sig, siginfo_t *si, void *ctx)
{
	ucontext_t *uc = ctx;

	*(volatile char *)(uc->uc_mcontext.gregs[REG_RSP] - 128) ^= 1;
}

static void damage_register(int sig, siginfo_t *si, void *ctx)
{
	ucontext_t *uc = ctx;

	uc->uc_mcontext.gregs[REG_R14] ^= 1UL << 40;
}

TEST_F(redzone, loop_sees_each_byte)
{
	kml_handler(SIGTRAP, damage, 0);
	EXPECT_EQ(1, redzone_loop(SHAKE_INT3, self->page));
	kml_handler(SIGTRAP, damage_register, 0);
	EXPECT_EQ(2, redzone_loop(SHAKE_INT3, self->page));
}

/* The timer alone: no signal is delivered, nobody but the kernel runs. */
TEST_F(redzone, interrupts_only)
{
	EXPECT_EQ(0, loop_for(700, 0, self->page));
}

TEST_F(redzone, timer_storm)
{
	ASSERT_EQ(0, kml_handler(SIGALRM, hit, 0));
	storm(200);
	EXPECT_EQ(0, loop_for(1000, 0, self->page));
	storm(0);
	EXPECT_LT(10, hits);
}

TEST_F(redzone, timer_storm_on_alternate_stack)
{
	ASSERT_EQ(0, kml_use_altstack(kml_altstack, sizeof(kml_altstack)));
	ASSERT_EQ(0, kml_handler(SIGALRM, hit, SA_ONSTACK));
	storm(200);
	EXPECT_EQ(0, loop_for(1000, 0, self->page));
	storm(0);
	EXPECT_LT(10, hits);
}

TEST_F(redzone, everything)
{
	ASSERT_EQ(0, kml_handler(SIGALRM, hit, 0));
	storm(200);
	EXPECT_EQ(0, loop_for(1500, SHAKE_FAULT | SHAKE_INT3 | SHAKE_SYSCALL,
			      self->page));
	storm(0);
	EXPECT_LT(20, hits);
}

/* Interrupts from the other CPUs: TLB shootdowns and membarrier. */
static volatile bool stop;

static void *interrupter(void *arg)
{
	char *p = arg;

	while (!stop) {
		mprotect(p, 4096, PROT_READ);
		mprotect(p, 4096, PROT_READ | PROT_WRITE);
		*(volatile char *)p = 1;
		syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
	}
	return NULL;
}

struct looper {
	unsigned long shake;
	unsigned long ret;
	char *page;
};

static void *looper(void *arg)
{
	struct looper *l = arg;

	l->ret = loop_for(1200, l->shake, l->page);
	return NULL;
}

TEST_F(redzone, all_cpus)
{
	long ncpus = sysconf(_SC_NPROCESSORS_ONLN), i;
	long n = ncpus < 4 ? ncpus + 1 : 5;
	pthread_t thread[5], other;
	struct looper l[5];
	char *shared;

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, shared);
	syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
	ASSERT_EQ(0, kml_handler(SIGALRM, hit, 0));
	stop = false;
	storm(500);
	ASSERT_EQ(0, pthread_create(&other, NULL, interrupter, shared));
	for (i = 0; i < n; i++) {
		l[i].shake = i ? SHAKE_SYSCALL : SHAKE_SYSCALL | SHAKE_INT3;
		l[i].page = self->page;
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, looper, &l[i]));
	}
	for (i = 0; i < n; i++) {
		pthread_join(thread[i], NULL);
		EXPECT_EQ(0, l[i].ret);
	}
	stop = true;
	pthread_join(other, NULL);
	storm(0);
	EXPECT_LT(10, hits);
	munmap(shared, 4096);
}

/* Two that never sleep share a CPU: preemption out of each, at any point. */
static int loop_child(void *arg)
{
	return loop_for(800, SHAKE_FAULT, arg);
}

TEST_F(redzone, preemption)
{
	int i, status;
	pid_t pid[3];

	kml_pin(0);
	for (i = 0; i < 3; i++) {
		pid[i] = fork();
		if (!pid[i])
			_exit(loop_child(self->page));
		ASSERT_LT(0, pid[i]);
	}
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(pid[i], waitpid(pid[i], &status, 0));
		EXPECT_EXITED(0, status);
	}
}

TEST_HARNESS_MAIN
