/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared by the CONFIG_KML selftests.
 *
 * The tests run on every x86-64 kernel. A process in ring 0 must behave like one in ring
 * 3 almost everywhere, so most tests have one expectation for both. Where the two differ,
 * kml_on() chooses, and Documentation/arch/x86/kml.rst describes the difference.
 *
 * Most tests have the same shape: kml_regs_init() puts a pattern into each register,
 * kml_trap() loads these registers and jumps to one instruction (the stubs of regs.S), and
 * the signal that this raises ends the run. The test then compares the signal frame with
 * the pattern: a wrong entry or exit path shows as a register, a flag or a signal that
 * differs.
 */
#ifndef SELFTESTS_KML_H
#define SELFTESTS_KML_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/ucontext.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest_harness.h"

/* The harness gives a test 30 s. Where the host is busy, or emulated, it needs more. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	120

#ifndef __aligned
#define __aligned(x)	__attribute__((__aligned__(x)))
#endif
#ifndef __maybe_unused
#define __maybe_unused	__attribute__((__unused__))
#endif

/* Debuggers, signal frames and core dumps show these selectors of every process. */
#define KML_ABI_CS	0x33UL
#define KML_ABI_SS	0x2bUL

#define X86_TRAP_DE	0
#define X86_TRAP_DB	1
#define X86_TRAP_BP	3
#define X86_TRAP_OF	4
#define X86_TRAP_UD	6
#define X86_TRAP_SS	12
#define X86_TRAP_GP	13
#define X86_TRAP_PF	14
#define X86_TRAP_MF	16
#define X86_TRAP_AC	17
#define X86_TRAP_XF	19

#define PF_PROT		(1UL << 0)
#define PF_WRITE	(1UL << 1)
#define PF_USER		(1UL << 2)
#define PF_INSTR	(1UL << 4)

#define FL_CF		(1UL << 0)
#define FL_PF		(1UL << 2)
#define FL_AF		(1UL << 4)
#define FL_ZF		(1UL << 6)
#define FL_SF		(1UL << 7)
#define FL_TF		(1UL << 8)
#define FL_IF		(1UL << 9)
#define FL_DF		(1UL << 10)
#define FL_OF		(1UL << 11)
#define FL_IOPL		(3UL << 12)
#define FL_NT		(1UL << 14)
#define FL_RF		(1UL << 16)
#define FL_AC		(1UL << 18)
#define FL_ID		(1UL << 21)
#define FL_STATUS	(FL_CF | FL_PF | FL_AF | FL_ZF | FL_SF | FL_OF)
#define FL_FIXED	(1UL << 1)

#define KML_NREGS	18	/* R8 to EFL in gregset_t */

/* Nothing is ever mapped here: the guard hole below the direct map. */
#define KML_KERNEL_HOLE	0xffff800000001000UL
#define KML_NONCANON	0x0190000000000000UL	/* with 4 and 5 levels */
#define KML_TASK_END	0x00007ffffffff000UL

static inline unsigned long kml_cs(void)
{
	unsigned long cs;

	asm volatile("mov %%cs, %0" : "=r" (cs));
	return cs & 0xffff;
}

static inline unsigned long kml_ss(void)
{
	unsigned long ss;

	asm volatile("mov %%ss, %0" : "=r" (ss));
	return ss & 0xffff;
}

/* CS always shows the privilege level. */
static inline bool kml_on(void)
{
	return !(kml_cs() & 3);
}

/* Are events delivered by FRED? */
static inline bool kml_fred(void)
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	char *line = NULL;
	bool on = false;
	size_t size = 0;

	while (f && !on && getline(&line, &size, f) > 0)
		on = strstr(line, " fred ") || strstr(line, " fred\n");
	free(line);
	if (f)
		fclose(f);
	return on;
}

/* regs.S */
extern __thread unsigned long kml_saved_rsp;
void kml_enter(const greg_t *regs);
void kml_resume(void);
extern const char kml_enter_end[];

#define KML_STUB(name) \
	extern const char kml_do_##name[], kml_after_##name[]
KML_STUB(int3);
KML_STUB(int3_long);
KML_STUB(int4);
KML_STUB(int80);
KML_STUB(int88);
KML_STUB(int_system);
KML_STUB(ud2);
KML_STUB(div);
KML_STUB(load);
KML_STUB(store);
KML_STUB(or_zero);
KML_STUB(jump);
KML_STUB(call);
KML_STUB(push);
KML_STUB(pop);
KML_STUB(syscall);
KML_STUB(pause);
KML_STUB(cli);
KML_STUB(hlt);
KML_STUB(in);
KML_STUB(rdmsr);
KML_STUB(mov_cr0);
KML_STUB(rdfsbase);
KML_STUB(rdgsbase);
KML_STUB(load_gs);
KML_STUB(load_ds);
KML_STUB(fwait);
KML_STUB(divss);
KML_STUB(nop10);
KML_STUB(spin);

/* The last signal that ended a kml_trap(). */
struct kml_trap {
	int sig;
	int code;
	void *addr;
	greg_t regs[NGREG];
};

static __thread struct kml_trap kml_last __maybe_unused;
static char kml_stack[16384] __aligned(4096) __maybe_unused;
static char kml_altstack[65536] __aligned(4096) __maybe_unused;

static inline unsigned long kml_sig_cs(const greg_t *regs)
{
	return regs[REG_CSGSFS] & 0xffff;
}

static inline unsigned long kml_sig_ss(const greg_t *regs)
{
	return ((unsigned long)regs[REG_CSGSFS] >> 48) & 0xffff;
}

/* End kml_enter(): record the signal and return to the caller. */
static inline void kml_catch(int sig, siginfo_t *si, void *ctx)
{
	ucontext_t *uc = ctx;
	greg_t rip = uc->uc_mcontext.gregs[REG_RIP];

	/* Inherited from the interrupted code, and memcpy() is not aligned. */
	__builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() & ~FL_AC);
	/* The timer may fire before or after the code that was entered: ignore it then. */
	if (sig == SIGALRM &&
	    (!kml_saved_rsp ||
	     (rip >= (greg_t)kml_enter && rip < (greg_t)kml_enter_end)))
		return;
	if (!kml_saved_rsp) {
		/* No test is running: let the default action kill the process. */
		signal(sig, SIG_DFL);
		return;
	}
	kml_last.sig = sig;
	kml_last.code = si->si_code;
	kml_last.addr = si->si_addr;
	memcpy(kml_last.regs, uc->uc_mcontext.gregs, sizeof(gregset_t));
	uc->uc_mcontext.gregs[REG_RIP] = (greg_t)kml_resume;
	uc->uc_mcontext.gregs[REG_EFL] = FL_FIXED | FL_IF;
	/* The frame may have been made with other selectors. */
	uc->uc_mcontext.gregs[REG_CSGSFS] &= 0x0000ffffffff0000;
	uc->uc_mcontext.gregs[REG_CSGSFS] |= KML_ABI_CS | KML_ABI_SS << 48;
}

static inline int kml_handler(int sig, void (*fn)(int, siginfo_t *, void *),
			      int flags)
{
	struct sigaction sa = {
		.sa_sigaction = fn,
		.sa_flags = SA_SIGINFO | flags,
	};

	sigemptyset(&sa.sa_mask);
	/* Of two signals at once, the last would find registers of kml_catch(). */
	if (fn == kml_catch)
		sigaddset(&sa.sa_mask, SIGALRM);
	return sigaction(sig, &sa, NULL);
}

static inline int kml_use_altstack(void *base, size_t size)
{
	stack_t ss = { .ss_sp = base, .ss_size = size };

	return sigaltstack(&ss, NULL);
}

/* Catch every signal that a stub can raise, and SIGALRM, on the alternate stack. */
static inline int kml_catch_all(void)
{
	static const int sigs[] = {
		SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGALRM,
	};
	int ret = kml_use_altstack(kml_altstack, sizeof(kml_altstack));
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sigs); i++)
		ret |= kml_handler(sigs[i], kml_catch, SA_ONSTACK);
	return ret;
}

/* Set up @regs with a pattern in each register, a valid stack, and @rip. */
static inline void kml_regs_init(greg_t *regs, const void *rip)
{
	unsigned long i;

	memset(regs, 0, sizeof(gregset_t));
	for (i = 0; i < REG_RSP; i++)
		regs[i] = 0x5a00a50000000000UL + 0x0101010101UL * (i + 1);
	regs[REG_RSP] = (greg_t)(kml_stack + sizeof(kml_stack) - 1024);
	regs[REG_RIP] = (greg_t)rip;
	regs[REG_EFL] = FL_FIXED | FL_IF;
}

/* Run with @regs until a signal comes, which kml_last then describes. */
static inline int kml_trap(const greg_t *regs)
{
	memset(&kml_last, 0, sizeof(kml_last));
	kml_enter(regs);
	return kml_last.sig;
}

/* The same with SIGALRM every @usec, for code that spins. */
static inline int kml_trap_timer(const greg_t *regs, long usec)
{
	struct itimerval it = {
		.it_value.tv_usec = usec,
		.it_interval.tv_usec = usec,
	};

	setitimer(ITIMER_REAL, &it, NULL);
	kml_trap(regs);
	memset(&it, 0, sizeof(it));
	setitimer(ITIMER_REAL, &it, NULL);
	return kml_last.sig;
}

/* The flags to compare: all but RF, which only some traps set. */
static inline unsigned long kml_flags(const greg_t *regs)
{
	return regs[REG_EFL] & ~FL_RF;
}

/*
 * Compare all of R8 to RSP, bar those in the mask @but (bit n: register n),
 * with what was loaded. Prints the first that differs.
 */
static inline int kml_regs_differ(const greg_t *in, const greg_t *out,
				  unsigned long but)
{
	static const char * const name[] = {
		"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
		"rdi", "rsi", "rbp", "rbx", "rdx", "rax", "rcx", "rsp",
	};
	int i;

	for (i = 0; i <= REG_RSP; i++) {
		if ((but >> i) & 1 || in[i] == out[i])
			continue;
		printf("# %s is %#llx, was %#llx\n", name[i],
		       (unsigned long long)out[i], (unsigned long long)in[i]);
		return i + 1;
	}
	return 0;
}

#define KML_REG(r)	(1UL << REG_##r)
#define KML_SYSCALL_REGS (KML_REG(RAX) | KML_REG(RCX) | KML_REG(R11))
/* A trap of stub code: signal, vector, error code, and where it stood. */
#define EXPECT_TRAP(_sig, _code, _trapno, _err, _rip) do { \
	EXPECT_EQ((_sig), kml_last.sig); \
	EXPECT_EQ((_code), kml_last.code); \
	EXPECT_EQ((unsigned long)(_trapno), \
		  (unsigned long)kml_last.regs[REG_TRAPNO]); \
	EXPECT_EQ((unsigned long)(_err), \
		  (unsigned long)kml_last.regs[REG_ERR]); \
	EXPECT_EQ((unsigned long)(_rip), \
		  (unsigned long)kml_last.regs[REG_RIP]); \
	EXPECT_EQ(KML_ABI_CS, kml_sig_cs(kml_last.regs)); \
	EXPECT_EQ(KML_ABI_SS, kml_sig_ss(kml_last.regs)); \
} while (0)

#define EXPECT_REGS_KEPT(_in, _but) \
	EXPECT_EQ(0, kml_regs_differ((_in), kml_last.regs, (_but)))

/* Is @addr canonical? The answer depends on the levels of the page tables. */
static inline bool kml_canonical(unsigned long addr)
{
	void *high = (void *)(1UL << 48), *p;
	int unused = 15;

	p = mmap(high, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
		 MAP_FIXED_NOREPLACE, -1, 0);
	if (p != MAP_FAILED)
		munmap(p, 4096);
	if (p == high)
		unused = 6;
	return (long)(addr << unused << 1) >> unused >> 1 == (long)addr;
}

/* Skip all tests if the kernel lacks futexes, timers or madvise(). */
static __attribute__((__constructor__, __unused__)) void kml_needs(void)
{
	static int word;
	struct itimerval it;
	const char *no = NULL;

	if (syscall(SYS_futex, &word, 1 /* FUTEX_WAKE */, 1, NULL, NULL, 0) < 0)
		no = "FUTEX";
	else if (getitimer(ITIMER_REAL, &it))
		no = "POSIX_TIMERS";
	else if (madvise(NULL, 0, MADV_DONTNEED))
		no = "ADVISE_SYSCALLS";
	if (!no)
		return;
	printf("TAP version 13\n1..0 # SKIP this kernel is without CONFIG_%s\n",
	       no);
	fflush(stdout);
	_exit(KSFT_SKIP);
}

/* Many children die in these tests: do not fill the disk with their cores. */
static __attribute__((__constructor__, __unused__)) void kml_no_core(void)
{
	struct rlimit lim;

	getrlimit(RLIMIT_CORE, &lim);
	lim.rlim_cur = 0;
	setrlimit(RLIMIT_CORE, &lim);
}

/* Run @fn in a child; returns the wait status, or -1. */
static inline int kml_child(int (*fn)(void *), void *arg)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return -1;
	if (!pid)
		_exit(fn(arg));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

#define EXPECT_EXITED(_code, _status) do { \
	int _st = (_status); \
	EXPECT_TRUE(WIFEXITED(_st)) \
		TH_LOG("wait status %#x", _st); \
	EXPECT_EQ((_code), WEXITSTATUS(_st)); \
} while (0)

#define EXPECT_KILLED(_sig, _status) do { \
	int _st = (_status); \
	EXPECT_TRUE(WIFSIGNALED(_st)) \
		TH_LOG("wait status %#x", _st); \
	EXPECT_EQ((_sig), WTERMSIG(_st)); \
} while (0)

static inline unsigned long long kml_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* Keep both sides of a ping-pong on one CPU: waking another CPU is slow in QEMU. */
static inline void kml_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

#endif /* SELFTESTS_KML_H */
