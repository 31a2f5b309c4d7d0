// SPDX-License-Identifier: GPL-2.0
/*
 * Check the x87, SSE and AVX state across everything that can interrupt it.
 *
 * The kernel saves this state lazily and restores it on the way out to a process. A kernel
 * that takes this way out for one within the kernel skips the restore, and the process goes
 * on with another task's vectors. The tests load all vector registers, let something happen
 * in one stretch of assembler (a system call, a fault, a signal whose handler overwrites the
 * registers, a switch to another task), store them, and compare.
 */
#include <cpuid.h>
#include <sched.h>
#include <sys/user.h>

#include "kml.h"

#define XSTATE_YMM	4

static bool have_avx(void)
{
	unsigned int a, b, c, d;

	if (!__get_cpuid(1, &a, &b, &c, &d))
		return false;
	if ((c & (bit_AVX | bit_OSXSAVE)) != (bit_AVX | bit_OSXSAVE))
		return false;
	asm volatile("xgetbv" : "=a" (a), "=d" (d) : "c" (0));
	return (a & 6) == 6;
}

struct vectors {
	unsigned char v[16][32];
} __aligned(32);

static void fill(struct vectors *s, int seed)
{
	int i, j;

	for (i = 0; i < 16; i++)
		for (j = 0; j < 32; j++)
			s->v[i][j] = seed + i * 32 + j * 3;
}

/*
 * Load all vectors, run @op, and store them, without C code in between. @op gets RAX and
 * preserves the registers that a C function preserves.
 */
#define VECTORS ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n\t"
#define LOAD(_insn, _reg) \
	VECTORS _insn " \\n*32(%[in]), %%" _reg "\\n\n\t.endr\n\t"
#define STORE(_insn, _reg) \
	VECTORS _insn " %%" _reg "\\n, \\n*32(%[out])\n\t.endr\n\t"

#define AROUND(_insn, _reg, _in, _out, _nr, _op) ({ \
	long _rax = (_nr); \
	asm volatile(LOAD(_insn, _reg) \
		     _op "\n\t" \
		     STORE(_insn, _reg) \
		     : "+a" (_rax) \
		     : [in] "r" (_in), [out] "r" (_out) \
		     : "rcx", "r11", "rdx", "memory", "cc", \
		       "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", \
		       "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", \
		       "xmm12", "xmm13", "xmm14", "xmm15"); \
	_rax; \
})

#define SPIN "mov $400000, %%ecx\n1:\tdec %%ecx\n\tjnz 1b"

/* A handler that overwrites all vector registers and resets the x87. */
static volatile int hits;

static void clobber(int sig, siginfo_t *si, void *ctx)
{
	struct vectors junk;

	hits++;
	fill(&junk, 0x99);
	if (sig == SIGILL)
		((ucontext_t *)ctx)->uc_mcontext.gregs[REG_RIP] += 2;
	AROUND("movups", "xmm", &junk, &junk, 0, "nop");
	asm volatile("fninit; fldpi; fldl2e");
}

FIXTURE(fpu)
{
	struct vectors in, out;
	bool avx;
};

FIXTURE_SETUP(fpu)
{
	hits = 0;
	self->avx = have_avx();
	ASSERT_EQ(0, kml_handler(SIGTRAP, clobber, 0));
	ASSERT_EQ(0, kml_handler(SIGILL, clobber, 0));
	ASSERT_EQ(0, kml_handler(SIGALRM, clobber, 0));
}

FIXTURE_TEARDOWN(fpu)
{
	struct itimerval it = { 0 };

	setitimer(ITIMER_REAL, &it, NULL);
}

static int differ(struct vectors *a, struct vectors *b, int width)
{
	int i;

	for (i = 0; i < 16; i++)
		if (memcmp(a->v[i], b->v[i], width)) {
			printf("# vector %d differs\n", i);
			return i + 1;
		}
	return 0;
}

#define EXPECT_KEPT(_seed, _nr, _op) do { \
	fill(&self->in, (_seed)); \
	memset(&self->out, 0, sizeof(self->out)); \
	if (self->avx) \
		AROUND("vmovups", "ymm", &self->in, &self->out, _nr, _op); \
	else \
		AROUND("movups", "xmm", &self->in, &self->out, _nr, _op); \
	EXPECT_EQ(0, differ(&self->in, &self->out, self->avx ? 32 : 16)); \
} while (0)

TEST_F(fpu, syscall)
{
	int i;

	for (i = 0; i < 50; i++) {
		EXPECT_KEPT(i, SYS_getpid, "syscall");
		EXPECT_KEPT(i, SYS_sched_yield, "syscall");
	}
}

TEST_F(fpu, exceptions_with_handlers)
{
	EXPECT_KEPT(1, 0, "int3");
	EXPECT_KEPT(2, 0, "ud2");
	EXPECT_EQ(2, hits);
}

TEST_F(fpu, page_fault)
{
	char *p = mmap(NULL, 64 * 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i;

	ASSERT_NE(MAP_FAILED, p);
	for (i = 0; i < 64; i++)
		EXPECT_KEPT(i, (long)(p + 4096 * i), "movb $1, (%%rax)");
	munmap(p, 64 * 4096);
}

TEST_F(fpu, timer_signals)
{
	struct itimerval it = {
		.it_value.tv_usec = 300,
		.it_interval.tv_usec = 300,
	};
	int i;

	setitimer(ITIMER_REAL, &it, NULL);
	for (i = 0; i < 4000 && hits < 50; i++)
		EXPECT_KEPT(i, 0, SPIN);
	EXPECT_LE(50, hits);
}

/* Two processes on one CPU, each with its own state all the time. */
static int other_process(void *arg)
{
	struct vectors in, out;
	int i;

	fill(&in, 0xd0);
	for (i = 0; i < 150; i++) {
		AROUND("movups", "xmm", &in, &out, SYS_sched_yield, "syscall");
		if (differ(&in, &out, 16))
			return 1;
		AROUND("movups", "xmm", &in, &out, 0, SPIN);
		if (differ(&in, &out, 16))
			return 2;
	}
	return 0;
}

TEST_F(fpu, context_switches)
{
	int i, status;
	pid_t pid;

	kml_pin(0);
	pid = fork();
	if (!pid)
		_exit(other_process(NULL));
	ASSERT_LT(0, pid);
	for (i = 0; i < 150; i++) {
		EXPECT_KEPT(i, SYS_sched_yield, "syscall");
		EXPECT_KEPT(i, 0, SPIN);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EXITED(0, status);
}

/* fork() takes the state along. */
TEST_F(fpu, fork)
{
	int status;
	long pid;

	fill(&self->in, 0x37);
	fflush(NULL);
	pid = AROUND("movups", "xmm", &self->in, &self->out, SYS_fork,
		     "syscall");
	if (!pid)
		_exit(differ(&self->in, &self->out, 16));
	ASSERT_LT(0, pid);
	EXPECT_EQ(0, differ(&self->in, &self->out, 16));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EXITED(0, status);
}

/* The signal frame shows the state, and sigreturn takes it from there. */
static struct vectors in_frame;

static void swap_state(int sig, siginfo_t *si, void *ctx)
{
	struct user_fpregs_struct *fp = (void *)
		((ucontext_t *)ctx)->uc_mcontext.fpregs;
	unsigned char *xmm = (unsigned char *)fp->xmm_space;
	int i, j;

	for (i = 0; i < 16; i++) {
		memcpy(in_frame.v[i], xmm + 16 * i, 16);
		for (j = 0; j < 16; j++)
			xmm[16 * i + j] ^= 0xff;
	}
	hits++;
}

TEST_F(fpu, state_in_frame)
{
	int i, j;

	ASSERT_EQ(0, kml_handler(SIGTRAP, swap_state, 0));
	fill(&self->in, 0x11);
	AROUND("movups", "xmm", &self->in, &self->out, 0, "int3");
	EXPECT_EQ(1, hits);
	EXPECT_EQ(0, differ(&self->in, &in_frame, 16));
	for (i = 0; i < 16; i++)
		for (j = 0; j < 16; j++)
			self->out.v[i][j] ^= 0xff;
	EXPECT_EQ(0, differ(&self->in, &self->out, 16));
}

/* Control words: rounding modes are state too. */
TEST_F(fpu, control_words)
{
	unsigned int csr = 0x7f80, got = 0, old = 0x1f80;
	unsigned short cw = 0x0f7f, got_cw = 0;
	double pi = 0;
	int i;

	for (i = 0; i < 20; i++) {
		asm volatile("ldmxcsr %[csr]\n\t"
			     "fninit\n\t"
			     "fldcw %[cw]\n\t"
			     "fldpi\n\t"
			     "int3\n\t"
			     "mov %[yield], %%eax\n\t"
			     "syscall\n\t"
			     "stmxcsr %[got]\n\t"
			     "fnstcw %[gotcw]\n\t"
			     "fstpl %[pi]\n\t"
			     "ldmxcsr %[old]\n\t"
			     "fninit"
			     : [got] "=m" (got), [gotcw] "=m" (got_cw),
			       [pi] "=m" (pi)
			     : [csr] "m" (csr), [cw] "m" (cw), [old] "m" (old),
			       [yield] "i" (SYS_sched_yield)
			     : "rax", "rcx", "r11", "memory");
		EXPECT_EQ(csr, got & 0xffc0);
		EXPECT_EQ(cw, got_cw & 0xff7f);
		EXPECT_TRUE(pi > 3.14159 && pi < 3.1416);
	}
	EXPECT_EQ(20, hits);
}

TEST_HARNESS_MAIN
