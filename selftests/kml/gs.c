// SPDX-License-Identifier: GPL-2.0
/*
 * Check which bases of FS and GS a process can have.
 *
 * A process in ring 0 runs with the kernel's GS base, if the kernel finds its per-CPU data
 * through it. It then cannot have a GS base of its own: arch_prctl() and ptrace() must
 * refuse every base but 0, and the former must log that, since an access through GS cannot
 * fault. Otherwise GS must work as in ring 3. With CONFIG_KML, AT_HWCAP2 must not offer the
 * FSGSBASE instructions, and these must raise SIGILL. The FS base must work as in ring 3,
 * even while the C library's TLS is out of reach.
 */
#include <asm/prctl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/klog.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#include "kml.h"

#ifndef HWCAP2_FSGSBASE
#define HWCAP2_FSGSBASE	(1 << 1)
#endif

static long arch_prctl(int op, unsigned long arg)
{
	return syscall(SYS_arch_prctl, op, arg);
}

/* Does the kernel have this function? */
static bool has_function(const char *name)
{
	char line[512], symbol[256];
	FILE *f = fopen("/proc/kallsyms", "r");
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%*s %*s %255s", symbol) == 1 && !strcmp(symbol, name);
	if (f)
		fclose(f);
	return found;
}

/*
 * Is the active GS base the kernel's? It is an address of the upper half then, or 0 where
 * per-CPU data are linked at the address that they have: Linux 7.3 without CONFIG_SMP,
 * which reads the stack protector's canary there.
 */
static bool kernel_gs(void)
{
	static int canary = -1;
	unsigned int lo, hi;

	if (!kml_on())
		return false;
	asm volatile("rdmsr" : "=a" (lo), "=d" (hi) : "c" (0xc0000101));
	if (canary < 0)
		canary = has_function("__stack_chk_fail");
	return hi >> 31 || canary;
}

static unsigned long gs_word[2] = { 0x1234567890abcdef, 0x5a5a };

TEST(set_gs)
{
	unsigned long base = 1, val;

	EXPECT_EQ(0, arch_prctl(ARCH_GET_GS, (unsigned long)&base));
	EXPECT_EQ(0, base);
	EXPECT_EQ(0, arch_prctl(ARCH_SET_GS, 0));
	if (kernel_gs()) {
		static char log[1 << 18];
		char line[80];

		EXPECT_EQ(-1, arch_prctl(ARCH_SET_GS, (unsigned long)gs_word));
		EXPECT_EQ(EOPNOTSUPP, errno);
		snprintf(line, sizeof(line), "gs[%d] ip:", getpid());
		/* 3: read what is there. Fails without CONFIG_PRINTK. */
		if (klogctl(3, log, sizeof(log) - 1) > 0)
			EXPECT_NE(NULL, strstr(log, line));
		base = 1;
		EXPECT_EQ(0, arch_prctl(ARCH_GET_GS, (unsigned long)&base));
		EXPECT_EQ(0, base);
		return;
	}
	EXPECT_EQ(0, arch_prctl(ARCH_SET_GS, (unsigned long)gs_word));
	EXPECT_EQ(0, arch_prctl(ARCH_GET_GS, (unsigned long)&base));
	EXPECT_EQ((unsigned long)gs_word, base);
	asm volatile("mov %%gs:8, %0" : "=r" (val));
	EXPECT_EQ(gs_word[1], val);
	EXPECT_EQ(0, arch_prctl(ARCH_SET_GS, 0));
}

/* With a base of 0, GS:x is x, which faults. The kernel's would make it succeed. */
TEST(zero_base)
{
	greg_t regs[NGREG];

	if (kernel_gs())
		SKIP(return, "GS is the kernel's");
	ASSERT_EQ(0, kml_catch_all());
	kml_regs_init(regs, kml_do_load_gs);
	kml_trap(regs);
	EXPECT_TRAP(SIGSEGV, SEGV_MAPERR, X86_TRAP_PF, PF_USER, kml_do_load_gs);
	EXPECT_EQ((void *)0x30, kml_last.addr);
}

/* Many GS bases at once. */
static int own_gs_base(void *arg)
{
	unsigned long word[7] = { [6] = (unsigned long)arg }, val;
	int i;

	if (arch_prctl(ARCH_SET_GS, (unsigned long)word))
		return 1;
	for (i = 0; i < 300; i++) {
		sched_yield();
		asm volatile("mov %%gs:0x30, %0" : "=r" (val) : "m" (word));
		if (val != (unsigned long)arg)
			return 2;
	}
	return 0;
}

TEST(gs_of_many_processes)
{
	unsigned long i;
	int status;
	pid_t pid;

	if (kernel_gs())
		SKIP(return, "GS is the kernel's");
	for (i = 0; i < 8; i++) {
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			_exit(own_gs_base((void *)i));
	}
	for (i = 0; i < 8; i++) {
		ASSERT_LT(0, wait(&status));
		EXPECT_EXITED(0, status);
	}
}

/* Bases outside of the user's half are refused in each way, for GS and for FS. */
TEST(bases_of_the_kernel)
{
	static const unsigned long bad[] = {
		0x8000000000000000, KML_NONCANON, KML_KERNEL_HOLE, -1UL,
	};
	int i;

	for (i = 0; i < 4; i++) {
		EXPECT_EQ(-1, arch_prctl(ARCH_SET_FS, bad[i]));
		EXPECT_EQ(EPERM, errno);
		EXPECT_EQ(-1, arch_prctl(ARCH_SET_GS, bad[i]));
		EXPECT_TRUE(errno == EPERM || errno == EOPNOTSUPP);
	}
}

TEST(gs_selector)
{
	unsigned int gs = 1, fs = 1;

	asm volatile("mov %%gs, %0; mov %%fs, %1" : "=r" (gs), "=r" (fs));
	EXPECT_EQ(0, gs & 0xffff);
	EXPECT_EQ(0, fs & 0xffff);
}

/* The instructions are there exactly when the auxiliary vector says so. */
TEST(fsgsbase_instructions)
{
	bool offered = getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE;
	unsigned long base;
	greg_t regs[NGREG];

	ASSERT_EQ(0, kml_catch_all());
	if (kml_on())
		EXPECT_FALSE(offered);
	kml_regs_init(regs, kml_do_rdgsbase);
	kml_trap(regs);
	if (!offered) {
		EXPECT_TRAP(SIGILL, ILL_ILLOPN, X86_TRAP_UD, 0,
			    kml_do_rdgsbase);
		EXPECT_REGS_KEPT(regs, 0);
		kml_regs_init(regs, kml_do_rdfsbase);
		kml_trap(regs);
		EXPECT_TRAP(SIGILL, ILL_ILLOPN, X86_TRAP_UD, 0,
			    kml_do_rdfsbase);
		return;
	}
	EXPECT_TRAP(SIGTRAP, SI_KERNEL, X86_TRAP_BP, 0,
		    kml_after_rdgsbase + 1);
	EXPECT_EQ(0, kml_last.regs[REG_RAX]);
	kml_regs_init(regs, kml_do_rdfsbase);
	kml_trap(regs);
	EXPECT_EQ(0, arch_prctl(ARCH_GET_FS, (unsigned long)&base));
	EXPECT_EQ(base, kml_last.regs[REG_RAX]);
}

/*
 * With FS base elsewhere there is no TLS, hence no libc: one stretch of
 * assembly sets it, looks through it after each kind of entry, and sets it back.
 */
TEST(own_fs_base)
{
	static unsigned long area[8] __aligned(64);
	unsigned long old, seen[4] = { 0 }, *s = seen;
	char *page;
	int i;

	ASSERT_EQ(0, arch_prctl(ARCH_GET_FS, (unsigned long)&old));
	for (i = 0; i < 50; i++) {
		area[1] = 0xf5f5f5f500000000 + i;
		page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		ASSERT_NE(MAP_FAILED, page);
		asm volatile("mov %[area], %%rsi\n\t"
			     "mov %[set], %%edi\n\t"
			     "mov %[prctl], %%eax\n\t"
			     "syscall\n\t"
			     "mov %%fs:8, %%rdx\n\t"
			     "mov %%rdx, (%[s])\n\t"
			     "mov %[yield], %%eax\n\t"
			     "syscall\n\t"
			     "mov %%fs:8, %%rdx\n\t"
			     "mov %%rdx, 8(%[s])\n\t"
			     "movb $1, (%[page])\n\t"
			     "mov %%fs:8, %%rdx\n\t"
			     "mov %%rdx, 16(%[s])\n\t"
			     "mov $100000, %%ecx\n"
			     "1:\tdec %%ecx\n\t"
			     "jnz 1b\n\t"
			     "mov %%fs:8, %%rdx\n\t"
			     "mov %%rdx, 24(%[s])\n\t"
			     "mov %[old], %%rsi\n\t"
			     "mov %[set], %%edi\n\t"
			     "mov %[prctl], %%eax\n\t"
			     "syscall"
			     : : [area] "r" (area), [old] "r" (old),
				 [s] "r" (s), [page] "r" (page),
				 [set] "i" (ARCH_SET_FS),
				 [prctl] "i" (SYS_arch_prctl),
				 [yield] "i" (SYS_sched_yield)
			     : "rax", "rcx", "rdx", "rsi", "rdi", "r11",
			       "memory", "cc");
		EXPECT_EQ(area[1], seen[0]);
		EXPECT_EQ(area[1], seen[1]);
		EXPECT_EQ(area[1], seen[2]);
		EXPECT_EQ(area[1], seen[3]);
		munmap(page, 4096);
	}
}

/* Many FS bases at once, over context switches and between CPUs. */
static __thread unsigned long tls;
static volatile int bad_tls;

static void *tls_thread(void *arg)
{
	unsigned long mine = (unsigned long)arg;
	cpu_set_t set;
	int i;

	tls = mine;
	for (i = 0; i < 300; i++) {
		if (i % 20 == 0) {
			CPU_ZERO(&set);
			CPU_SET((mine + i / 20) % 2, &set);
			/* Fails where there is one CPU. */
			sched_setaffinity(0, sizeof(set), &set);
		}
		sched_yield();
		if (tls != mine)
			bad_tls++;
	}
	return NULL;
}

TEST(tls_of_many_threads)
{
	pthread_t thread[16];
	unsigned long i;

	bad_tls = 0;
	for (i = 0; i < 16; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, tls_thread,
					    (void *)(i + 1)));
	for (i = 0; i < 16; i++)
		pthread_join(thread[i], NULL);
	EXPECT_EQ(0, bad_tls);
	EXPECT_EQ(0, tls);
}

static void tracee(void)
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	/* Preempted and scheduled with whatever the tracer has left. */
	sched_yield();
	_exit(arch_prctl(ARCH_GET_GS, (unsigned long)&gs_word[0]) ? 99 :
	      gs_word[0] == (unsigned long)gs_word ? 1 : gs_word[0] ? 2 : 0);
}

TEST(ptrace_of_the_bases)
{
	struct user_regs_struct regs;
	unsigned long off = offsetof(struct user_regs_struct, gs_base);
	int status, i;
	pid_t pid = fork();

	if (!pid)
		tracee();
	ASSERT_LT(0, pid);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSTOPPED(status));

	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, pid, NULL, &regs));
	EXPECT_EQ(0, regs.gs_base);
	EXPECT_EQ(0, regs.gs);
	EXPECT_NE(0, regs.fs_base);

	/* A debugger can write back the value that it has read. */
	EXPECT_EQ(0, ptrace(PTRACE_SETREGS, pid, NULL, &regs));

	regs.gs_base = (unsigned long)gs_word;
	for (i = 0; i < 2; i++) {
		long ret = i ? ptrace(PTRACE_POKEUSER, pid, off, gs_word) :
			ptrace(PTRACE_SETREGS, pid, NULL, &regs);

		EXPECT_EQ(kernel_gs() ? -1 : 0, ret);
		errno = 0;
		EXPECT_EQ(kernel_gs() ? 0 : (long)gs_word,
			  ptrace(PTRACE_PEEKUSER, pid, off, NULL));
		EXPECT_EQ(0, errno);
	}
	/* The kernel's half: refused by all. */
	EXPECT_EQ(-1, ptrace(PTRACE_POKEUSER, pid, off, KML_KERNEL_HOLE));
	EXPECT_EQ(-1, ptrace(PTRACE_POKEUSER, pid,
			     offsetof(struct user_regs_struct, fs_base),
			     KML_KERNEL_HOLE));

	ASSERT_EQ(0, ptrace(PTRACE_CONT, pid, NULL, NULL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EXITED(kernel_gs() ? 0 : 1, status);
}

/*
 * A GS selector from a tracer. Loading one changes the base, so whatever the
 * kernel answers, it must not lose its own.
 */
TEST(ptrace_of_the_selector)
{
	unsigned long off = offsetof(struct user_regs_struct, gs);
	int status;
	long ret;
	pid_t pid = fork();

	if (!pid)
		tracee();
	ASSERT_LT(0, pid);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSTOPPED(status));
	ret = ptrace(PTRACE_POKEUSER, pid, off, 0x2b);
	if (!kernel_gs())
		EXPECT_EQ(0, ret);
	ASSERT_EQ(0, ptrace(PTRACE_CONT, pid, NULL, NULL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EXITED(0, status);
}

/* There is no such call for 64-bit processes. */
TEST(set_thread_area)
{
	EXPECT_EQ(-1, syscall(SYS_set_thread_area, gs_word));
	EXPECT_EQ(ENOSYS, errno);
}

TEST_HARNESS_MAIN
