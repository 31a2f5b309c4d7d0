// SPDX-License-Identifier: GPL-2.0
/*
 * Compare a system call by CALL with one by SYSCALL.
 *
 * Each test makes the same call in all ways of kml_call.h and expects the same result and
 * the same registers afterwards: with each number, with flags set, on stacks that are absent
 * or vanish during the call, in handlers, across restarts, fork() and exec(), and under
 * tracers, user dispatch and seccomp.
 */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/times.h>
#include <sys/utsname.h>

#include "kml_call.h"
#include "kml_trace.h"

/* AT_SYSINFO and the vsyscall page give the same address, and the page can be read. */
TEST(exported)
{
	unsigned long entry = kml_call_entry();
	char line[256];
	bool readable = true;
	FILE *maps;

	if (!kml_on()) {
		EXPECT_EQ(0, entry);
		return;
	}
	if (!entry)
		SKIP(return, "no AT_SYSINFO: this kernel has no call entry");
	EXPECT_EQ(entry, *(unsigned long *)KML_CALL_SLOT);
	EXPECT_LT(KML_KERNEL_HOLE, entry);
	maps = fopen("/proc/self/maps", "r");
	if (!maps)
		return;
	/* With vsyscall=none, there is no line. */
	while (fgets(line, sizeof(line), maps))
		if (strstr(line, "[vsyscall]"))
			readable = !!strstr(line, " r");
	fclose(maps);
	EXPECT_TRUE(readable);
}

TEST_F(by, registers)
{
	int i;

	for (i = 0; i < 100; i++) {
		BY_TRAP(i & 1 ? SYS_getpid : SYS_sched_yield);
		kml_trap(self->regs);
		EXPECT_CALLED();
		EXPECT_EQ(i & 1 ? getpid() : 0, kml_last.regs[REG_RAX]);
	}
}

/* A call takes six arguments in the registers of SYSCALL and gives a long result. */
TEST_F(by, arguments)
{
	char *p = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = syscall(SYS_memfd_create, "kml", 0);

	ASSERT_NE(MAP_FAILED, p);
	if (fd < 0)
		SKIP(return, "no memfd_create(): needs TMPFS");
	ASSERT_EQ(0, ftruncate(fd, 8192));
	ASSERT_EQ(1, pwrite(fd, "6", 1, 4096));
	BY_TRAP(SYS_mmap);
	self->regs[REG_RDI] = (greg_t)p;
	self->regs[REG_RSI] = 4096;
	self->regs[REG_RDX] = PROT_READ;
	self->regs[REG_R10] = MAP_SHARED | MAP_FIXED;
	self->regs[REG_R8] = fd;
	self->regs[REG_R9] = 4096;
	kml_trap(self->regs);
	EXPECT_CALLED();
	EXPECT_EQ((greg_t)p, kml_last.regs[REG_RAX]);
	EXPECT_EQ('6', p[0]);
	close(fd);
}

/* Call from memory that only five levels of page tables reach, and with a stack there. */
TEST_F(by, above_47_bits)
{
	size_t size = variant->after + 1 - variant->insn;
	char *p;

	if (!kml_canonical(1UL << 47))
		SKIP(return, "no address has more than 47 bits here");
	p = mmap((void *)(1UL << 52), 3 * 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, p);
	ASSERT_LE(1UL << 47, (unsigned long)p);
	memcpy(p, variant->insn, size);
	BY_TRAP(SYS_getpid);
	self->regs[REG_RIP] = (greg_t)p;
	self->regs[REG_RSP] = (greg_t)p + 2 * 4096;
	kml_trap(self->regs);
	EXPECT_TRAP(SIGTRAP, SI_KERNEL, X86_TRAP_BP, 0, p + size);
	EXPECT_EQ(getpid(), kml_last.regs[REG_RAX]);
	EXPECT_REGS_KEPT(self->regs, variant->lost);
	munmap(p, 3 * 4096);
}

/* Unknown numbers give -ENOSYS. A number is an int: its upper half is ignored. */
TEST_F(by, invalid_numbers)
{
	static const long nrs[] = {
		400, 423, 512, 600, 4096, 0x7fffffff, -1, -2, -4095,
		0x80000000, 0xffffffff, 0x40000000 + SYS_getpid,
		0x40000000 + 512, 0x7fffffff00000000 + 600,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(nrs); i++) {
		BY_TRAP(nrs[i]);
		kml_trap(self->regs);
		EXPECT_CALLED();
		EXPECT_EQ(-ENOSYS, kml_last.regs[REG_RAX])
			TH_LOG("number %#lx", nrs[i]);
	}
	BY_TRAP(0x1234567800000000 + SYS_getpid);
	kml_trap(self->regs);
	EXPECT_CALLED();
	EXPECT_EQ(getpid(), kml_last.regs[REG_RAX]);
}

/* Results of some calls that write to memory, byte by byte. */
TEST_F(by, same_side_effects)
{
	struct utsname uts[2];
	struct stat st[2];
	struct rlimit lim[2];
	char cwd[2][256], name[2][16], buf[64] = "";
	unsigned long mask[2][16], fs[2];
	struct timespec res[2];
	sigset_t set[2];
	stack_t ss[2];
	int fd[2], fd2[2], i;

	for (i = 0; i < 2; i++) {
		long (*nr)(long nr, ...) = i ? variant->nr : kml_by_syscall;

		memset(&uts[i], 0, sizeof(uts[i]));
		EXPECT_EQ(0, nr(SYS_uname, &uts[i]));
		EXPECT_EQ(0, nr(SYS_stat, "/proc", &st[i]));
		EXPECT_EQ(0, nr(SYS_getrlimit, RLIMIT_NOFILE, &lim[i]));
		EXPECT_LT(0, nr(SYS_getcwd, cwd[i], sizeof(cwd[i])));
		EXPECT_EQ(0, nr(SYS_prctl, PR_GET_NAME, name[i]));
		memset(mask[i], 0, sizeof(mask[i]));
		EXPECT_LT(0, nr(SYS_sched_getaffinity, 0, sizeof(mask[i]),
				mask[i]));
		EXPECT_EQ(0, nr(SYS_arch_prctl, 0x1003 /* ARCH_GET_FS */,
				&fs[i]));
		EXPECT_EQ(0, nr(SYS_clock_getres, CLOCK_MONOTONIC, &res[i]));
		memset(&set[i], 0, sizeof(set[i]));
		EXPECT_EQ(0, nr(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &set[i], 8));
		memset(&ss[i], 0, sizeof(ss[i]));
		EXPECT_EQ(0, nr(SYS_sigaltstack, NULL, &ss[i]));

		/* Descriptors: the lowest free, and the data through them. */
		EXPECT_EQ(0, nr(SYS_pipe2, fd, O_NONBLOCK));
		EXPECT_EQ(5, nr(SYS_write, fd[1], "hello", 5));
		EXPECT_EQ(5, nr(SYS_read, fd[0], buf, sizeof(buf)));
		EXPECT_EQ(0, memcmp(buf, "hello", 5));
		EXPECT_EQ(-EAGAIN, nr(SYS_read, fd[0], buf, sizeof(buf)));
		fd2[i] = nr(SYS_dup, fd[0]);
		EXPECT_LT(0, fd2[i]);
		EXPECT_EQ(O_NONBLOCK, nr(SYS_fcntl, fd2[i], F_GETFL) & O_NONBLOCK);
		EXPECT_EQ(0, nr(SYS_close, fd2[i]));
		EXPECT_EQ(-EBADF, nr(SYS_close, fd2[i]));
		EXPECT_EQ(0, nr(SYS_close, fd[0]));
		EXPECT_EQ(0, nr(SYS_close, fd[1]));
	}
	EXPECT_EQ(0, memcmp(&uts[0], &uts[1], sizeof(uts[0])));
	EXPECT_EQ(st[0].st_ino, st[1].st_ino);
	EXPECT_EQ(0, memcmp(&lim[0], &lim[1], sizeof(lim[0])));
	EXPECT_EQ(0, strcmp(cwd[0], cwd[1]));
	EXPECT_EQ(0, memcmp(name[0], name[1], 16));
	EXPECT_EQ(0, memcmp(mask[0], mask[1], sizeof(mask[0])));
	EXPECT_EQ(fs[0], fs[1]);
	EXPECT_EQ(0, memcmp(&res[0], &res[1], sizeof(res[0])));
	EXPECT_EQ(0, memcmp(&set[0], &set[1], 8));
	EXPECT_EQ(ss[0].ss_sp, ss[1].ss_sp);
	EXPECT_EQ(ss[0].ss_size, ss[1].ss_size);
	EXPECT_EQ(fd2[0], fd2[1]);
}

TEST_F(by, errors)
{
	char * volatile bad = (char *)8;

	EXPECT_EQ(-EBADF, variant->nr(SYS_read, -1, bad, 1));
	EXPECT_EQ(-EFAULT, variant->nr(SYS_open, bad, O_RDONLY));
	EXPECT_EQ(-ENOENT, variant->nr(SYS_open, "", O_RDONLY));
	EXPECT_EQ(-EFAULT, variant->nr(SYS_uname, KML_KERNEL_HOLE));
	EXPECT_EQ(-EFAULT, variant->nr(SYS_uname, kml_call_entry() ?: -4096));
	EXPECT_EQ(-EINVAL, variant->nr(SYS_munmap, 1, 1));
	EXPECT_EQ(-ESRCH, variant->nr(SYS_kill, 0x3fffffff, 0));
	EXPECT_EQ(-ECHILD, variant->nr(SYS_wait4, -1, NULL, 0, NULL));
}

/*
 * Call each number with harmless arguments, in a child for each way, and expect the same
 * result. Leave out calls that do not return, wait, or change the system.
 */
static const int not_tried[] = {
	SYS_pause, SYS_exit, SYS_exit_group, SYS_fork, SYS_vfork, SYS_clone,
	SYS_clone3, SYS_rt_sigreturn, SYS_vhangup, SYS_select, SYS_pselect6,
	SYS_ppoll, SYS_sethostname, SYS_setdomainname, SYS_msgget, SYS_times,
	SYS_time, SYS_sync, SYS_reboot, SYS_ptrace, SYS_getrandom,
	SYS_swapon, SYS_swapoff, SYS_syslog, SYS_uselib, SYS_umount2,
	SYS_ioperm, SYS_iopl, SYS_kill, SYS_tkill, SYS_tgkill, SYS_setsid,
	SYS_seccomp, SYS_flock, SYS_remap_file_pages, SYS_setitimer,
	335 /* uretprobe */,
};

static bool tried(int nr)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(not_tried); i++)
		if (not_tried[i] == nr)
			return false;
	return true;
}

TEST_F_TIMEOUT(by, every_number, 60)
{
	long *ret = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int nr, way, status, round;

	ASSERT_NE(MAP_FAILED, ret);
	for (round = 0; round < 2; round++) {
		long arg = round ? 0 : -1;

		for (way = 0; way < 2; way++) {
			pid_t pid = fork();

			/* A child makes all calls of a round, as some change the process. */
			if (!pid) {
				long (*fn)(long nr, ...) = way ? variant->nr :
					kml_by_syscall;

				/* A terminal would wait for somebody to type. */
				if (dup2(open("/dev/null", O_RDWR), 0))
					_exit(1);

				for (nr = 0; nr < 480; nr++) {
					long r;

					if (!tried(nr))
						continue;
					r = fn(nr, arg, arg, arg, arg, arg, arg);
					if (r == getpid() || r == gettid())
						r = 4711;
					ret[way * 512 + nr] = r;
				}
				kml_by_syscall(SYS_exit_group, 0);
			}
			ASSERT_LT(0, pid);
			ASSERT_EQ(pid, waitpid(pid, &status, 0));
			EXPECT_EXITED(0, status);
		}
		for (nr = 0; nr < 480; nr++)
			EXPECT_EQ(ret[nr], ret[512 + nr])
				TH_LOG("number %d, arguments %ld", nr, arg);
	}
	munmap(ret, 8192);
}

/* SYSCALL keeps all flags, CALL those that a C function keeps. */
TEST_F(by, flags)
{
	static const unsigned long set[] = {
		0, FL_STATUS, FL_DF, FL_NT, FL_AC, FL_ID, FL_NT | FL_DF | FL_AC,
		FL_NT | FL_DF | FL_AC | FL_ID | FL_STATUS,
	};
	unsigned long may_differ = variant->call ? FL_STATUS : 0;
	struct timespec ts = { .tv_nsec = 1000 };
	int i, sleep;

	for (i = 0; i < 8; i++) {
		for (sleep = 0; sleep < 2; sleep++) {
			BY_TRAP(sleep ? SYS_nanosleep : SYS_getpid);
			self->regs[REG_RDI] = (greg_t)&ts;
			self->regs[REG_RSI] = 0;
			self->regs[REG_EFL] |= set[i];
			kml_trap(self->regs);
			EXPECT_CALLED();
			EXPECT_EQ(sleep ? 0 : getpid(), kml_last.regs[REG_RAX]);
			EXPECT_EQ(kml_flags(self->regs) & ~may_differ,
				  kml_flags(kml_last.regs) & ~may_differ)
				TH_LOG("flags %#lx", set[i]);
		}
	}
}

/* With DF set, the kernel still copies in the right direction. */
TEST_F(by, copies_with_direction_flag)
{
	static char src[3000], dst[9000];
	int fd[2], i;

	ASSERT_EQ(0, pipe(fd));
	for (i = 0; i < 3000; i++)
		src[i] = i * 7;
	ASSERT_EQ(3000, write(fd[1], src, 3000));
	BY_TRAP(SYS_read);
	self->regs[REG_RDI] = fd[0];
	self->regs[REG_RSI] = (greg_t)(dst + 3000);
	self->regs[REG_RDX] = 3000;
	self->regs[REG_EFL] |= FL_DF;
	kml_trap(self->regs);
	EXPECT_CALLED();
	EXPECT_EQ(3000, kml_last.regs[REG_RAX]);
	EXPECT_EQ(0, memcmp(src, dst + 3000, 3000));
	for (i = 0; i < 3000; i++)
		EXPECT_EQ(0, dst[i] | dst[6000 + i]);
	close(fd[0]);
	close(fd[1]);
}

/*
 * The process sets its trap flag. It sees no step inside of the kernel, and TF is
 * still set afterwards.
 */
static greg_t step_rip[16];
static int nsteps;

static void step(int sig, siginfo_t *si, void *ctx)
{
	greg_t *regs = ((ucontext_t *)ctx)->uc_mcontext.gregs;

	if (si->si_code != TRAP_TRACE || nsteps == 16) {
		kml_catch(sig, si, ctx);
		return;
	}
	if (nsteps || (regs[REG_RIP] != (greg_t)kml_enter &&
		       (regs[REG_RIP] < (greg_t)kml_enter ||
			regs[REG_RIP] >= (greg_t)kml_enter_end)))
		step_rip[nsteps++] = regs[REG_RIP];
}

TEST_F(by, trap_flag)
{
	static const unsigned long with[] = { 0, FL_NT, FL_DF, FL_AC };
	int i, j;

	ASSERT_EQ(0, kml_handler(SIGTRAP, step, SA_ONSTACK));
	for (i = 0; i < 4; i++) {
		nsteps = 0;
		BY_TRAP(SYS_getpid);
		self->regs[REG_EFL] |= FL_TF | with[i];
		kml_trap(self->regs);
		EXPECT_CALLED();
		EXPECT_EQ(getpid(), kml_last.regs[REG_RAX]);
		EXPECT_EQ(FL_TF | with[i],
			  kml_last.regs[REG_EFL] & (FL_TF | FL_NT | FL_DF | FL_AC));
		/* At the instruction, and perhaps behind it. */
		EXPECT_LE(1, nsteps);
		EXPECT_GE(2, nsteps);
		for (j = 0; j < nsteps; j++)
			EXPECT_EQ((greg_t)(j ? variant->after : variant->insn),
				  step_rip[j]);
	}
}

/* Call with each kind of stack. CALL itself faults if it cannot push. */
TEST_F(by, bad_stacks)
{
	static const unsigned long bad[] = {
		0x1000, 0, 8, KML_NONCANON, 0xdeadbeefcafebab0,
		KML_KERNEL_HOLE, KML_TASK_END + 4096, 0x8000000000000000,
	};
	int i;

	for (i = 0; i < 8; i++) {
		BY_TRAP(SYS_getpid);
		self->regs[REG_RSP] = bad[i];
		kml_trap(self->regs);
		if (!variant->call) {
			EXPECT_CALLED();
			continue;
		}
		EXPECT_TRUE(kml_last.sig == SIGSEGV || kml_last.sig == SIGBUS);
		EXPECT_EQ((greg_t)variant->insn, kml_last.regs[REG_RIP]);
		EXPECT_REGS_KEPT(self->regs, 0);
	}
}

/* Jump to the entry, so that the entry and not CALL faults on the stack. */
TEST_F(by, entered_without_stack)
{
	static const unsigned long bad[] = {
		0x1000, 8, KML_NONCANON, KML_TASK_END + 4096,
	};
	int i;

	if (!variant->call || variant->stub)
		SKIP(return, "for the entry only");
	for (i = 0; i < 4; i++) {
		kml_regs_init(self->regs, kml_do_jump_entry);
		self->regs[REG_RAX] = SYS_getpid;
		self->regs[REG_RSP] = bad[i];
		kml_trap(self->regs);
		EXPECT_TRUE(kml_last.sig == SIGSEGV || kml_last.sig == SIGBUS);
		EXPECT_EQ((greg_t)self->entry, kml_last.regs[REG_RIP]);
		EXPECT_EQ(KML_ABI_CS, kml_sig_cs(kml_last.regs));
		EXPECT_REGS_KEPT(self->regs, KML_REG(RCX) | KML_REG(R11));
	}
}

/* The return address may be anything: the process faults after it has returned. */
TEST_F(by, bad_return_address)
{
	static const unsigned long bad[] = {
		0, 0x10, KML_NONCANON, KML_KERNEL_HOLE,
	};
	unsigned long *slot;
	int i;

	if (!variant->call || variant->stub)
		SKIP(return, "for the entry only");
	for (i = 0; i < 4; i++) {
		kml_regs_init(self->regs, kml_do_jump_entry);
		self->regs[REG_RAX] = SYS_getpid;
		slot = (unsigned long *)self->regs[REG_RSP];
		*slot = bad[i];
		kml_trap(self->regs);
		EXPECT_EQ(SIGSEGV, kml_last.sig);
		EXPECT_EQ(getpid(), kml_last.regs[REG_RAX]);
		/* Arrived there, or refused to go. */
		EXPECT_TRUE(kml_last.regs[REG_RIP] == (greg_t)bad[i] ||
			    bad[i] == KML_NONCANON);
		EXPECT_EQ(KML_ABI_CS, kml_sig_cs(kml_last.regs));
	}
}

/* The call unmaps its own stack or code. */
struct gone {
	char *stack, *code;
};

static struct gone map_gone(struct __test_metadata *_metadata, const char *insn,
			    const char *after)
{
	struct gone g;

	g.stack = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, g.stack);
	g.code = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, g.code);
	memcpy(g.code, insn, after - insn);
	g.code[after - insn] = 0xcc;
	ASSERT_EQ(0, mprotect(g.code, 4096, PROT_READ | PROT_EXEC));
	return g;
}

TEST_F(by, own_stack_unmapped)
{
	struct gone g;
	int i;

	for (i = 0; i < 2; i++) {
		g = map_gone(_metadata, variant->insn, variant->after);
		BY_TRAP(i ? SYS_munmap : SYS_mprotect);
		self->regs[REG_RSP] = (greg_t)(g.stack + 4096);
		self->regs[REG_RDI] = (greg_t)g.stack;
		self->regs[REG_RSI] = 8192;
		self->regs[REG_RDX] = PROT_NONE;
		kml_trap(self->regs);
		if (!variant->call) {
			EXPECT_CALLED();
			EXPECT_EQ(0, kml_last.regs[REG_RAX]);
			continue;
		}
		/* Back by IRETQ it may be well, by RET it is not. */
		EXPECT_TRUE(kml_last.sig == SIGSEGV || kml_last.sig == SIGTRAP);
		EXPECT_EQ(0, kml_last.regs[REG_RAX]);
		EXPECT_EQ(KML_ABI_CS, kml_sig_cs(kml_last.regs));
		EXPECT_REGS_KEPT(self->regs, variant->lost | KML_REG(RSP));
		if (kml_last.sig == SIGSEGV) {
			EXPECT_EQ(g.stack + 4096 - 8, kml_last.addr);
			EXPECT_EQ(self->regs[REG_RSP] - 8,
				  kml_last.regs[REG_RSP]);
		}
	}
}

TEST_F(by, own_code_unmapped)
{
	struct gone g;
	int i;

	for (i = 0; i < 2; i++) {
		g = map_gone(_metadata, variant->insn, variant->after);
		BY_TRAP(i ? SYS_munmap : SYS_mprotect);
		self->regs[REG_RIP] = (greg_t)g.code;
		self->regs[REG_RDI] = (greg_t)g.code;
		self->regs[REG_RSI] = 4096;
		self->regs[REG_RDX] = PROT_READ;
		kml_trap(self->regs);
		EXPECT_EQ(SIGSEGV, kml_last.sig);
		EXPECT_EQ(0, kml_last.regs[REG_RAX]);
		EXPECT_EQ((greg_t)(g.code + (variant->after - variant->insn)),
			  kml_last.regs[REG_RIP]);
		EXPECT_EQ(PF_USER | PF_INSTR, kml_last.regs[REG_ERR] & ~PF_PROT);
		EXPECT_REGS_KEPT(self->regs, variant->lost);
	}
}

/*
 * The call drops the page of the stack but not its content: the way back faults, and
 * the kernel resolves the fault.
 */
TEST_F(by, stack_page_dropped)
{
	int i, fd = syscall(SYS_memfd_create, "kml", 0);
	char *stack;

	if (fd < 0)
		SKIP(return, "no memfd_create(): needs TMPFS");
	ASSERT_EQ(0, ftruncate(fd, 8192));
	stack = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, stack);
	for (i = 0; i < 50; i++) {
		BY_TRAP(SYS_madvise);
		self->regs[REG_RSP] = (greg_t)(stack + 4096 + 8 * i);
		self->regs[REG_RDI] = (greg_t)stack;
		self->regs[REG_RSI] = 8192;
		self->regs[REG_RDX] = MADV_DONTNEED;
		kml_trap(self->regs);
		EXPECT_CALLED();
		EXPECT_EQ(0, kml_last.regs[REG_RAX]);
	}
	munmap(stack, 8192);
	close(fd);
}

/* Calls within a signal handler, on the alternate stack. */
static long (*handler_nr)(long nr, ...);
static volatile long handler_ret;
static volatile int count, wanted;
static int pipefd[2];

static void call_in_handler(int sig, siginfo_t *si, void *ctx)
{
	count++;
	handler_ret = handler_nr(SYS_getpid);
}

TEST_F(by, in_handler)
{
	handler_nr = variant->nr;
	ASSERT_EQ(0, kml_handler(SIGUSR1, call_in_handler, SA_ONSTACK));
	BY_TRAP(SYS_kill);
	self->regs[REG_RDI] = getpid();
	self->regs[REG_RSI] = SIGUSR1;
	count = 0;
	kml_trap(self->regs);
	EXPECT_CALLED();
	EXPECT_EQ(0, kml_last.regs[REG_RAX]);
	EXPECT_EQ(1, count);
	EXPECT_EQ(getpid(), handler_ret);
}

/* rt_sigreturn, at the end of a handler. */
static void handle(int sig)
{
	count++;
}

struct kernel_sigaction {
	void (*handler)(int sig);
	unsigned long flags;
	void (*restorer)(void);
	unsigned long mask;
};

TEST_F(by, sigreturn)
{
	struct kernel_sigaction sa = {
		.handler = handle,
		.flags = 0x04000000 | SA_ONSTACK,	/* SA_RESTORER */
		.restorer = variant->restore,
	};
	int i;

	count = 0;
	ASSERT_EQ(0, syscall(SYS_rt_sigaction, SIGUSR1, &sa, NULL, 8));
	for (i = 0; i < 20; i++) {
		BY_TRAP(SYS_kill);
		self->regs[REG_RDI] = getpid();
		self->regs[REG_RSI] = SIGUSR1;
		kml_trap(self->regs);
		EXPECT_CALLED();
		EXPECT_EQ(0, kml_last.regs[REG_RAX]);
	}
	EXPECT_EQ(20, count);
}

/* Restarts. */
static void arm(long usec, long interval)
{
	struct itimerval it = {
		.it_value.tv_usec = usec,
		.it_interval.tv_usec = interval,
	};

	setitimer(ITIMER_REAL, &it, NULL);
}

static void tick(int sig, siginfo_t *si, void *ctx)
{
	greg_t rip = ((ucontext_t *)ctx)->uc_mcontext.gregs[REG_RIP];

	/* The entry is the only place in the kernel's half where a process can be. */
	if (rip < 0 && rip != (greg_t)kml_call_entry())
		handler_ret = rip;
	if (++count < wanted)
		arm(5000, 0);
	else if (count == wanted && write(pipefd[1], "x", 1) != 1)
		_exit(99);
}

TEST_F(by, restarted)
{
	char c[8];

	count = 0;
	wanted = 3;
	handler_ret = 0;
	ASSERT_EQ(0, pipe(pipefd));
	ASSERT_EQ(0, kml_handler(SIGALRM, tick, SA_RESTART | SA_ONSTACK));
	BY_TRAP(SYS_read);
	self->regs[REG_RDI] = pipefd[0];
	self->regs[REG_RSI] = (greg_t)c;
	self->regs[REG_RDX] = 1;
	/* One at a time: a slow machine would be late for an interval. */
	arm(5000, 0);
	kml_trap(self->regs);
	EXPECT_CALLED();
	EXPECT_EQ(1, kml_last.regs[REG_RAX]);
	EXPECT_EQ(3, count);
	EXPECT_EQ(0, handler_ret);
}

TEST_F(by, interrupted)
{
	struct timespec ts = { .tv_sec = 5 };
	char c[8];

	wanted = 0;
	handler_ret = 0;
	ASSERT_EQ(0, pipe(pipefd));
	ASSERT_EQ(0, kml_handler(SIGALRM, tick, SA_ONSTACK));
	BY_TRAP(SYS_read);
	self->regs[REG_RDI] = pipefd[0];
	self->regs[REG_RSI] = (greg_t)c;
	self->regs[REG_RDX] = 1;
	/* The first signals may come before the call. */
	arm(5000, 5000);
	kml_trap(self->regs);
	arm(0, 0);
	EXPECT_CALLED();
	EXPECT_EQ(-EINTR, kml_last.regs[REG_RAX]);

	/* -ERESTARTNOHAND and -ERESTART_RESTARTBLOCK: SA_RESTART is no help. */
	ASSERT_EQ(0, kml_handler(SIGALRM, tick, SA_RESTART | SA_ONSTACK));
	BY_TRAP(SYS_pause);
	arm(5000, 5000);
	kml_trap(self->regs);
	arm(0, 0);
	EXPECT_CALLED();
	EXPECT_EQ(-EINTR, kml_last.regs[REG_RAX]);

	count = 0;
	BY_TRAP(SYS_nanosleep);
	self->regs[REG_RDI] = (greg_t)&ts;
	self->regs[REG_RSI] = (greg_t)&ts;
	arm(5000, 5000);
	kml_trap(self->regs);
	arm(0, 0);
	EXPECT_CALLED();
	EXPECT_EQ(-EINTR, kml_last.regs[REG_RAX]);
	EXPECT_GE(5, ts.tv_sec);
	EXPECT_LE(4, ts.tv_sec);
	EXPECT_EQ(0, handler_ret);
}

/* Stopped and continued: restarted with no handler in between. */
static long (*child_nr)(long nr, ...);

static int sleeping_child(void)
{
	struct timespec ts = { .tv_nsec = 100000000 };
	unsigned long long start = kml_now_ns();
	char c;

	if (child_nr(SYS_nanosleep, &ts, NULL))
		return 1;
	if (kml_now_ns() - start < 100000000)
		return 2;
	if (child_nr(SYS_poll, NULL, 0, 40))
		return 3;
	return child_nr(SYS_read, pipefd[0], &c, 1) == 1 ? 0 : 4;
}

TEST_F(by, stopped_and_continued)
{
	int status, i;
	pid_t pid;

	ASSERT_EQ(0, pipe(pipefd));
	child_nr = variant->nr;
	pid = fork();
	if (!pid)
		_exit(sleeping_child());
	ASSERT_LT(0, pid);
	for (i = 0; i < 10; i++) {
		usleep(10000);
		kill(pid, SIGSTOP);
		ASSERT_EQ(pid, waitpid(pid, &status, WUNTRACED));
		EXPECT_TRUE(WIFSTOPPED(status));
		kill(pid, SIGCONT);
	}
	usleep(10000);
	EXPECT_EQ(1, write(pipefd[1], "x", 1));
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EXITED(0, status);
}

/* Processes. */
TEST_F(by, fork)
{
	static const int nrs[] = { SYS_fork, SYS_clone };
	pid_t pid, parent = getpid();
	int i, status;

	for (i = 0; i < 10; i++) {
		BY_TRAP(nrs[i & 1]);
		if (i & 1) {
			self->regs[REG_RDI] = SIGCHLD;
			self->regs[REG_RSI] = 0;
			self->regs[REG_RDX] = 0;
			self->regs[REG_R10] = 0;
			self->regs[REG_R8] = 0;
		}
		fflush(NULL);
		kml_trap(self->regs);
		if (getpid() != parent)
			_exit(kml_last.regs[REG_RAX] ? 1 :
			      kml_regs_differ(self->regs, kml_last.regs,
					      variant->lost) ? 2 : 0);
		EXPECT_CALLED();
		pid = kml_last.regs[REG_RAX];
		ASSERT_LT(0, pid);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EXITED(0, status);
	}
}

TEST_F(by, vfork)
{
	volatile int shared = 0;
	int i, status;
	pid_t pid;

	for (i = 0; i < 10; i++) {
		pid = variant->vfork();
		if (!pid) {
			variant->nr(SYS_sched_yield);
			shared++;
			variant->nr(SYS_exit_group, 7);
		}
		ASSERT_LT(0, pid);
		EXPECT_EQ(i + 1, shared);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EXITED(7, status);
	}
}

/* A new task with a stack of its own starts there, without the call's return address. */
static char new_stack[16384] __aligned(16);

TEST_F(by, clone_with_stack)
{
	static struct clone_args args;
	int i, status;
	pid_t pid, parent = getpid();

	for (i = 0; i < 10; i++) {
		memset(&args, 0, sizeof(args));
		args.exit_signal = SIGCHLD;
		args.stack = (unsigned long)new_stack;
		args.stack_size = sizeof(new_stack) - 1024;
		BY_TRAP(i & 1 ? SYS_clone3 : SYS_clone);
		if (i & 1) {
			self->regs[REG_RDI] = (greg_t)&args;
			self->regs[REG_RSI] = sizeof(args);
		} else {
			self->regs[REG_RDI] = SIGCHLD;
			self->regs[REG_RSI] = args.stack + args.stack_size;
		}
		fflush(NULL);
		kml_trap(self->regs);
		if (getpid() != parent)
			_exit(kml_last.regs[REG_RAX] ? 1 :
			      kml_last.regs[REG_RSP] !=
			      (greg_t)(args.stack + args.stack_size) ? 2 :
			      kml_regs_differ(self->regs, kml_last.regs,
					      variant->lost | KML_REG(RSP)));
		EXPECT_CALLED();
		pid = kml_last.regs[REG_RAX];
		if (pid == -ENOSYS)
			continue;
		ASSERT_LT(0, pid);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EXITED(0, status);
	}
}

static char self_path[4096];

TEST_F(by, exec)
{
	char *argv[] = { "callentry", "-l", NULL };
	char *envp[] = { NULL };
	int status;
	pid_t pid;

	ASSERT_LT(0, readlink("/proc/self/exe", self_path, sizeof(self_path) - 1));
	fflush(NULL);
	pid = fork();
	if (!pid) {
		close(2);
		variant->nr(SYS_execve, self_path, argv, envp);
		_exit(99);
	}
	ASSERT_LT(0, pid);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EXITED(KSFT_SKIP, status);
	/* And one that fails comes back. */
	EXPECT_EQ(-ENOENT, variant->nr(SYS_execve, "/nonexistent", argv, envp));
	EXPECT_EQ(-EFAULT, variant->nr(SYS_execve, 8, argv, envp));
}

TEST_F(by, exit)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid)
		variant->nr(SYS_exit, 17);
	ASSERT_LT(0, pid);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EXITED(17, status);
}

static void *call_in_thread(void *arg)
{
	long (*nr)(long nr, ...) = arg;
	long i, tid = nr(SYS_gettid);

	for (i = 0; i < 200; i++) {
		if (nr(SYS_gettid) != tid || nr(SYS_sched_yield))
			return (void *)1;
	}
	return tid == getpid() ? (void *)2 : NULL;
}

TEST_F(by, threads)
{
	pthread_t thread[8];
	void *ret;
	int i;

	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, call_in_thread,
					    variant->nr));
	for (i = 0; i < 8; i++) {
		pthread_join(thread[i], &ret);
		EXPECT_EQ(NULL, ret);
	}
}

/* A tracer sees a call by CALL as it sees one by SYSCALL. */
#define SYSCALL_STOP (SIGTRAP | 0x80)

/* A tracer sees all registers of the process; they are lost only afterwards. */
static void expect_user_regs(struct __test_metadata *_metadata, const greg_t *in,
			     const struct user_regs_struct *u, unsigned long but)
{
	EXPECT_EQ(0, kml_user_regs_differ(in, u, but));
	EXPECT_ABI_SELECTORS(u);
	EXPECT_EQ(0, u->eflags & FL_TF);
}

/* Stop at the entry of the call that self->regs make. */
static pid_t stop_at_entry(struct __test_metadata *_metadata, greg_t *regs,
			   struct user_regs_struct *u)
{
	pid_t pid = kml_trace(kml_run_regs, regs);
	int status;

	ASSERT_LT(0, pid);
	ASSERT_EQ(0, ptrace(PTRACE_SETOPTIONS, pid, NULL,
			    PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
	do {
		status = kml_continue(pid, PTRACE_SYSCALL);
		ASSERT_EQ(SYSCALL_STOP, status >> 8);
		ASSERT_EQ(0, ptrace(PTRACE_GETREGS, pid, NULL, u));
	} while ((long)u->orig_rax != regs[REG_RAX] ||
		 (long)u->rax != -ENOSYS);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

TEST_F(by, traced)
{
	struct __ptrace_syscall_info info;
	struct user_regs_struct u;
	pid_t pid;

	BY_TRAP(SYS_getppid);
	pid = stop_at_entry(_metadata, self->regs, &u);
	expect_user_regs(_metadata, self->regs, &u, KML_SYSCALL_REGS);
	EXPECT_EQ((unsigned long)variant->after, u.rip);
	EXPECT_LT(0, ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info));
	EXPECT_EQ(PTRACE_SYSCALL_INFO_ENTRY, info.op);
	EXPECT_EQ(SYS_getppid, info.entry.nr);
	EXPECT_EQ(self->regs[REG_RDI], (greg_t)info.entry.args[0]);
	EXPECT_EQ(self->regs[REG_R10], (greg_t)info.entry.args[3]);
	EXPECT_EQ(self->regs[REG_R9], (greg_t)info.entry.args[5]);

	EXPECT_EQ(SYSCALL_STOP, kml_continue(pid, PTRACE_SYSCALL) >> 8);
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, pid, NULL, &u));
	expect_user_regs(_metadata, self->regs, &u, KML_SYSCALL_REGS);
	EXPECT_EQ(getpid(), (pid_t)u.rax);

	EXPECT_EQ(SIGTRAP, kml_continue(pid, PTRACE_CONT) >> 8);
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, pid, NULL, &u));
	expect_user_regs(_metadata, self->regs, &u, variant->lost);
	EXPECT_EQ((unsigned long)variant->after + 1, u.rip);
	EXPECT_EQ(getpid(), (pid_t)u.rax);
	end(pid);
}

TEST_F(by, changed_by_tracer)
{
	struct user_regs_struct u;
	pid_t pid;

	/* Another number. */
	BY_TRAP(SYS_getppid);
	pid = stop_at_entry(_metadata, self->regs, &u);
	u.orig_rax = SYS_getpid;
	ASSERT_EQ(0, ptrace(PTRACE_SETREGS, pid, NULL, &u));
	EXPECT_EQ(SIGTRAP, kml_continue(pid, PTRACE_CONT) >> 8);
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, pid, NULL, &u));
	EXPECT_EQ(pid, (pid_t)u.rax);
	expect_user_regs(_metadata, self->regs, &u, variant->lost);
	end(pid);

	/* None at all. */
	pid = stop_at_entry(_metadata, self->regs, &u);
	u.orig_rax = -1;
	u.rax = 4242;
	ASSERT_EQ(0, ptrace(PTRACE_SETREGS, pid, NULL, &u));
	EXPECT_EQ(SIGTRAP, kml_continue(pid, PTRACE_CONT) >> 8);
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, pid, NULL, &u));
	EXPECT_EQ(4242, (long)u.rax);
	end(pid);

	/* All registers, at the exit. */
	pid = stop_at_entry(_metadata, self->regs, &u);
	EXPECT_EQ(SYSCALL_STOP, kml_continue(pid, PTRACE_SYSCALL) >> 8);
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, pid, NULL, &u));
	u.rip = (unsigned long)kml_do_int3;
	u.rsp = KML_NONCANON;
	u.rbx = self->regs[REG_RBX] = 0xb;
	u.rbp = self->regs[REG_RBP] = 0xc;
	u.r12 = self->regs[REG_R12] = 0xd;
	u.r15 = self->regs[REG_R15] = 0xe;
	u.rdi = self->regs[REG_RDI] = 0xf;
	self->regs[REG_RSP] = KML_NONCANON;
	ASSERT_EQ(0, ptrace(PTRACE_SETREGS, pid, NULL, &u));
	EXPECT_EQ(SIGTRAP, kml_continue(pid, PTRACE_CONT) >> 8);
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, pid, NULL, &u));
	EXPECT_EQ((unsigned long)kml_after_int3, u.rip);
	expect_user_regs(_metadata, self->regs, &u, KML_SYSCALL_REGS);
	end(pid);
}

/* One step is one system call. */
TEST_F(by, single_step_by_tracer)
{
	struct user_regs_struct u;
	pid_t pid;

	BY_TRAP(SYS_getppid);
	self->regs[REG_RIP] = (greg_t)kml_do_int3;
	pid = kml_trace(kml_run_regs, self->regs);
	ASSERT_LT(0, pid);
	EXPECT_EQ(SIGTRAP, kml_continue(pid, PTRACE_CONT) >> 8);
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, pid, NULL, &u));
	u.rip = (unsigned long)variant->insn;
	ASSERT_EQ(0, ptrace(PTRACE_SETREGS, pid, NULL, &u));
	EXPECT_EQ(SIGTRAP, kml_continue(pid, PTRACE_SINGLESTEP) >> 8);
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, pid, NULL, &u));
	EXPECT_EQ((unsigned long)variant->after, u.rip);
	EXPECT_EQ(getpid(), (pid_t)u.rax);
	expect_user_regs(_metadata, self->regs, &u, variant->lost);
	/* And no trap flag is left. */
	EXPECT_EQ(SIGTRAP, kml_continue(pid, PTRACE_CONT) >> 8);
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, pid, NULL, &u));
	EXPECT_EQ((unsigned long)variant->after + 1, u.rip);
	expect_user_regs(_metadata, self->regs, &u, variant->lost);
	end(pid);
}

/*
 * A watchpoint on the word where the return address is: it strikes when CALL
 * pushes it, when the entry reads it, on the second of its instructions, and when
 * RET takes it. Nothing may get lost on the way, whatever the tracer is told.
 */
TEST_F(by, watched_return_address)
{
	unsigned long dr7 = 1 | (3UL | 2UL << 2) << 16;	/* access, 8 bytes */
	struct user_regs_struct u;
	int i, status;
	pid_t pid;

	BY_TRAP(SYS_getppid);
	pid = kml_trace(kml_run_regs, self->regs);
	ASSERT_LT(0, pid);
	if (ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[0]),
		   self->regs[REG_RSP] - 8) ||
	    ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[7]),
		   dr7)) {
		end(pid);
		SKIP(return, "no hardware breakpoints: needs PERF_EVENTS");
	}
	for (i = 0; i < 6; i++) {
		status = kml_continue(pid, PTRACE_CONT);
		ASSERT_EQ(SIGTRAP, status >> 8);
		ASSERT_EQ(0, ptrace(PTRACE_GETREGS, pid, NULL, &u));
		EXPECT_EQ(KML_ABI_CS, u.cs);
		EXPECT_EQ(KML_ABI_SS, u.ss);
		EXPECT_EQ(self->regs[REG_R15], (greg_t)u.r15);
		if (u.rip == (unsigned long)variant->after + 1)
			break;
		EXPECT_TRUE(u.rip == (unsigned long)variant->after ||
			    (variant->call && u.rip - kml_call_entry() < 16384))
			TH_LOG("rip %#llx", u.rip);
	}
	if (variant->call) {
		EXPECT_LE(2, i);
		EXPECT_GE(3, i);
	} else {
		EXPECT_EQ(0, i);
	}
	EXPECT_EQ((unsigned long)variant->after + 1, u.rip);
	EXPECT_EQ(getpid(), (pid_t)u.rax);
	expect_user_regs(_metadata, self->regs, &u, variant->lost);
	end(pid);
}

/* Wait until the child sleeps, however slow this machine is. */
static void wait_for_sleep(pid_t pid)
{
	char path[40], state = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	do {
		usleep(20000);
		f = fopen(path, "r");
		if (!f || fscanf(f, "%*d %*s %c", &state) != 1)
			state = 'S';
		if (f)
			fclose(f);
	} while (state != 'S');
}

/* A tracer interrupts a call that sleeps, sees it as such, and the call restarts. */
TEST_F(by, restarted_under_tracer)
{
	struct user_regs_struct u;
	char c[8];
	int status, i;
	pid_t pid;

	ASSERT_EQ(0, pipe(pipefd));
	BY_TRAP(SYS_read);
	self->regs[REG_RDI] = pipefd[0];
	self->regs[REG_RSI] = (greg_t)c;
	self->regs[REG_RDX] = 1;
	fflush(NULL);
	pid = fork();
	if (!pid)
		_exit(kml_run_regs(self->regs));
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_EXITKILL));
	for (i = 0; i < 4; i++) {
		wait_for_sleep(pid);
		ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, pid, NULL, NULL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_EQ(0, ptrace(PTRACE_GETREGS, pid, NULL, &u));
		expect_user_regs(_metadata, self->regs, &u, KML_SYSCALL_REGS);
		EXPECT_EQ(SYS_read, (long)u.orig_rax);
		EXPECT_EQ(-512, (long)u.rax);
		/* As a debugger does that has called a function meanwhile. */
		ASSERT_EQ(0, ptrace(PTRACE_SETREGS, pid, NULL, &u));
		ASSERT_EQ(0, ptrace(PTRACE_CONT, pid, NULL, NULL));
	}
	usleep(20000);
	ASSERT_EQ(1, write(pipefd[1], "x", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(SIGTRAP, status >> 8);
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, pid, NULL, &u));
	EXPECT_EQ(1, (long)u.rax);
	EXPECT_EQ((unsigned long)variant->after + 1, u.rip);
	expect_user_regs(_metadata, self->regs, &u, variant->lost);
	end(pid);
}

/* Syscall user dispatch: by the address of the call. */
#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH	59
#define PR_SYS_DISPATCH_OFF		0
#define PR_SYS_DISPATCH_ON		1
#define SYSCALL_DISPATCH_FILTER_ALLOW	0
#define SYSCALL_DISPATCH_FILTER_BLOCK	1
#endif

static volatile char selector;
static siginfo_t dispatched;
static greg_t dispatched_regs[NGREG];

static void dispatch(int sig, siginfo_t *si, void *ctx)
{
	selector = SYSCALL_DISPATCH_FILTER_ALLOW;
	dispatched = *si;
	memcpy(dispatched_regs, ((ucontext_t *)ctx)->uc_mcontext.gregs,
	       sizeof(gregset_t));
	((ucontext_t *)ctx)->uc_mcontext.gregs[REG_RAX] = 31337;
	count++;
}

TEST_F(by, user_dispatch)
{
	count = 0;
	ASSERT_EQ(0, kml_handler(SIGSYS, dispatch, SA_ONSTACK));
	if (prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0,
		  &selector))
		SKIP(return, "no syscall user dispatch");
	BY_TRAP(SYS_getppid);
	selector = SYSCALL_DISPATCH_FILTER_BLOCK;
	kml_trap(self->regs);
	EXPECT_CALLED();
	EXPECT_EQ(31337, kml_last.regs[REG_RAX]);
	EXPECT_EQ(1, count);
	EXPECT_EQ(SYS_getppid, dispatched.si_syscall);
	EXPECT_EQ((void *)variant->after, dispatched.si_call_addr);
	EXPECT_EQ((greg_t)variant->after, dispatched_regs[REG_RIP]);
	EXPECT_EQ(SYS_getppid, dispatched_regs[REG_RAX]);
	prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0, 0, 0);
}

/* Seccomp filters. */
static int filter(unsigned int action)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = 4, .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

static bool have_seccomp(void)
{
	/* The filter is looked at only if there is such a mode. */
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) && errno == EFAULT;
}

TEST_F(by, seccomp_errno)
{
	if (!have_seccomp())
		SKIP(return, "no SECCOMP_FILTER");
	ASSERT_EQ(0, filter(SECCOMP_RET_ERRNO | 77));
	BY_TRAP(SYS_getppid);
	kml_trap(self->regs);
	EXPECT_CALLED();
	EXPECT_EQ(-77, kml_last.regs[REG_RAX]);
	BY_TRAP(SYS_getpid);
	kml_trap(self->regs);
	EXPECT_CALLED();
	EXPECT_EQ(getpid(), kml_last.regs[REG_RAX]);
}

TEST_F(by, seccomp_trap)
{
	if (!have_seccomp())
		SKIP(return, "no SECCOMP_FILTER");
	count = 0;
	ASSERT_EQ(0, kml_handler(SIGSYS, dispatch, SA_ONSTACK));
	ASSERT_EQ(0, filter(SECCOMP_RET_TRAP | 5));
	BY_TRAP(SYS_getppid);
	kml_trap(self->regs);
	EXPECT_CALLED();
	EXPECT_EQ(31337, kml_last.regs[REG_RAX]);
	EXPECT_EQ(1, count);
	EXPECT_EQ(SYS_getppid, dispatched.si_syscall);
	EXPECT_EQ(5, dispatched.si_errno);
	EXPECT_EQ((void *)variant->after, dispatched.si_call_addr);
}

static int filtered_child(void *arg)
{
	if (filter(SECCOMP_RET_KILL_PROCESS))
		return 1;
	child_nr(SYS_getppid);
	return 2;
}

TEST_F(by, seccomp_kill)
{
	if (!have_seccomp())
		SKIP(return, "no SECCOMP_FILTER");
	child_nr = variant->nr;
	EXPECT_KILLED(SIGSYS, kml_child(filtered_child, NULL));
}

TEST_HARNESS_MAIN
