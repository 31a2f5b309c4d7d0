// SPDX-License-Identifier: GPL-2.0
/*
 * Call the vDSO and the legacy vsyscall page.
 *
 * The vsyscall page lies in the kernel's half, and old programs call it. A call there raises
 * a page fault, in which the kernel emulates it. The kernel must recognize this fault as the
 * process's although RIP is in the kernel's half. The tests compare the results with those of
 * system calls. They find out first in which mode (vsyscall=) the kernel runs.
 */
#include <asm/vsyscall.h>
#include <elf.h>
#include <sys/auxv.h>

#include "kml.h"

typedef long (*vgettimeofday_t)(struct timeval *tv, void *tz);
typedef long (*vclock_gettime_t)(clockid_t clk, struct timespec *ts);
typedef long (*vtime_t)(time_t *t);
typedef long (*vgetcpu_t)(unsigned int *cpu, unsigned int *node, void *unused);

/* Look @name up in the vDSO's dynamic symbols. */
static void *vdso_sym(const char *name)
{
	unsigned long base = getauxval(AT_SYSINFO_EHDR);
	Elf64_Ehdr *eh = (void *)base;
	Elf64_Phdr *ph = (void *)(base + eh->e_phoff);
	unsigned long load = 0;
	Elf64_Dyn *dyn = NULL, *d;
	Elf64_Sym *sym = NULL;
	const char *str = NULL;
	Elf64_Word *hash = NULL;
	unsigned int *gnu = NULL, n = 0, i;

	for (i = 0; i < eh->e_phnum; i++) {
		if (ph[i].p_type == PT_LOAD && !load)
			load = base + ph[i].p_offset - ph[i].p_vaddr;
		if (ph[i].p_type == PT_DYNAMIC)
			dyn = (void *)(base + ph[i].p_offset);
	}
	for (d = dyn; d && d->d_tag != DT_NULL; d++) {
		void *p = (void *)(d->d_un.d_ptr + load);

		if (d->d_tag == DT_SYMTAB)
			sym = p;
		else if (d->d_tag == DT_STRTAB)
			str = p;
		else if (d->d_tag == DT_HASH)
			hash = p;
		else if (d->d_tag == DT_GNU_HASH)
			gnu = p;
	}
	if (!sym || !str)
		return NULL;
	if (hash) {
		n = hash[1];
	} else if (gnu) {
		unsigned int *bucket = gnu + 4 + gnu[2] * 2;
		unsigned int *chain = bucket + gnu[0];

		for (i = 0; i < gnu[0]; i++)
			if (bucket[i] > n)
				n = bucket[i];
		while (n && !(chain[n - gnu[1]] & 1))
			n++;
		n++;
	}
	for (i = 0; i < n; i++)
		if (sym[i].st_shndx != SHN_UNDEF &&
		    !strcmp(str + sym[i].st_name, name))
			return (void *)(load + sym[i].st_value);
	return NULL;
}

TEST(vdso)
{
	vclock_gettime_t vclock_gettime;
	vgettimeofday_t vgettimeofday;
	struct timespec a, b, c;
	struct timeval tv;
	unsigned int cpu, cpu2;
	vgetcpu_t vgetcpu;
	vtime_t vtime;
	int i;

	ASSERT_NE(0, getauxval(AT_SYSINFO_EHDR));
	vclock_gettime = vdso_sym("__vdso_clock_gettime");
	vgettimeofday = vdso_sym("__vdso_gettimeofday");
	vgetcpu = vdso_sym("__vdso_getcpu");
	vtime = vdso_sym("__vdso_time");
	ASSERT_NE(NULL, vclock_gettime);
	ASSERT_NE(NULL, vgettimeofday);
	ASSERT_NE(NULL, vgetcpu);
	ASSERT_NE(NULL, vtime);
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &a));
		ASSERT_EQ(0, vclock_gettime(CLOCK_MONOTONIC, &b));
		ASSERT_EQ(0, syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &c));
		EXPECT_TRUE(a.tv_sec < b.tv_sec ||
			    (a.tv_sec == b.tv_sec && a.tv_nsec <= b.tv_nsec));
		EXPECT_TRUE(b.tv_sec < c.tv_sec ||
			    (b.tv_sec == c.tv_sec && b.tv_nsec <= c.tv_nsec));
		/* Its way out to a true system call. */
		EXPECT_EQ(0, vclock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b));
		EXPECT_EQ(-EINVAL, vclock_gettime(4711, &b));
		EXPECT_EQ(0, vgettimeofday(&tv, NULL));
		EXPECT_GE(1, labs(vtime(NULL) - tv.tv_sec));
		EXPECT_EQ(0, vgetcpu(&cpu, NULL, NULL));
		EXPECT_EQ(0, syscall(SYS_getcpu, &cpu2, NULL, NULL));
		EXPECT_GT(sysconf(_SC_NPROCESSORS_CONF), cpu);
	}
}

/* A fault within the vDSO is the process's. */
TEST(vdso_fault)
{
	unsigned long fn = (unsigned long)vdso_sym("__vdso_clock_gettime");
	greg_t regs[NGREG];

	ASSERT_NE(0, fn);
	ASSERT_EQ(0, kml_catch_all());
	kml_regs_init(regs, (void *)fn);
	regs[REG_RDI] = CLOCK_MONOTONIC;
	regs[REG_RSI] = 0x18;
	*(unsigned long *)regs[REG_RSP] = (unsigned long)kml_after_int3;
	kml_trap(regs);
	/* Or the system call in it says EFAULT, and we are back. */
	if (kml_last.sig == SIGTRAP) {
		EXPECT_EQ(-EFAULT, kml_last.regs[REG_RAX]);
		return;
	}
	EXPECT_EQ(SIGSEGV, kml_last.sig);
	EXPECT_TRUE((unsigned long)kml_last.addr == 0x18 ||
		    (unsigned long)kml_last.addr == 0x20);
	EXPECT_EQ(PF_USER | PF_WRITE, kml_last.regs[REG_ERR]);
}

static volatile int ticks;

static void tick(int sig, siginfo_t *si, void *ctx)
{
	ticks++;
}

TEST(vdso_under_timer_storm)
{
	struct itimerval it = {
		.it_value.tv_usec = 300,
		.it_interval.tv_usec = 300,
	};
	unsigned long long last = 0, now;

	ASSERT_EQ(0, kml_handler(SIGALRM, tick, 0));
	setitimer(ITIMER_REAL, &it, NULL);
	while (ticks < 60) {
		now = kml_now_ns();
		EXPECT_LE(last, now);
		last = now;
	}
	memset(&it, 0, sizeof(it));
	setitimer(ITIMER_REAL, &it, NULL);
}

/* How the page appears in /proc/self/maps, and whether it does. */
FIXTURE(vsyscall)
{
	bool there, readable;
	greg_t regs[NGREG];
};

FIXTURE_SETUP(vsyscall)
{
	char line[256], r, w, x;
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long start, end;

	if (!maps)
		SKIP(return, "no /proc/self/maps");
	while (fgets(line, sizeof(line), maps)) {
		if (!strstr(line, "[vsyscall]") ||
		    sscanf(line, "%lx-%lx %c%c%c", &start, &end, &r, &w, &x) != 5)
			continue;
		ASSERT_EQ(VSYSCALL_ADDR, start);
		self->there = x == 'x';
		self->readable = r == 'r';
	}
	fclose(maps);
	printf("# vsyscall page: %s\n", !self->there ? "none" :
	       self->readable ? "readable" : "execute only");
	ASSERT_EQ(0, kml_catch_all());
}

FIXTURE_TEARDOWN(vsyscall)
{
}

TEST_F(vsyscall, calls)
{
	vgettimeofday_t vgettimeofday = (vgettimeofday_t)VSYSCALL_ADDR;
	vtime_t vtime = (vtime_t)(VSYSCALL_ADDR + 0x400);
	vgetcpu_t vgetcpu = (vgetcpu_t)(VSYSCALL_ADDR + 0x800);
	struct timeval a, b, c;
	unsigned int cpu = -1;
	time_t t = 0;
	int i;

	if (!self->there)
		SKIP(return, "no vsyscall page on this kernel");
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(0, syscall(SYS_gettimeofday, &a, NULL));
		ASSERT_EQ(0, vgettimeofday(&b, NULL));
		ASSERT_EQ(0, syscall(SYS_gettimeofday, &c, NULL));
		EXPECT_FALSE(timercmp(&b, &a, <));
		EXPECT_FALSE(timercmp(&c, &b, <));
		EXPECT_GE(1, labs(vtime(&t) - c.tv_sec));
		EXPECT_GE(1, labs(t - c.tv_sec));
		EXPECT_EQ(0, vgetcpu(&cpu, NULL, NULL));
		EXPECT_GT(sysconf(_SC_NPROCESSORS_CONF), cpu);
	}
}

/* All registers but RAX, RCX and R11 survive; the stack moves by the return. */
TEST_F(vsyscall, registers)
{
	if (!self->there)
		SKIP(return, "no vsyscall page on this kernel");
	kml_regs_init(self->regs, kml_do_call);
	self->regs[REG_RAX] = VSYSCALL_ADDR + 0x400;
	self->regs[REG_RDI] = 0;
	kml_trap(self->regs);
	EXPECT_TRAP(SIGTRAP, SI_KERNEL, X86_TRAP_BP, 0, kml_after_call + 1);
	EXPECT_GE(1, labs(kml_last.regs[REG_RAX] - time(NULL)));
	EXPECT_REGS_KEPT(self->regs, KML_SYSCALL_REGS);
}

/* Bad pointers: SIGSEGV, as the old code in that page would have got. */
TEST_F(vsyscall, bad_pointers)
{
	int i;

	if (!self->there)
		SKIP(return, "no vsyscall page on this kernel");
	for (i = 0; i < 3; i++) {
		kml_regs_init(self->regs, kml_do_call);
		self->regs[REG_RAX] = VSYSCALL_ADDR + 0x400 * i;
		self->regs[REG_RDI] = 0x18;
		self->regs[REG_RSI] = 0;
		kml_trap(self->regs);
		EXPECT_EQ(SIGSEGV, kml_last.sig);
		/* Told as for a fault on that page, and as of the kernel. */
		EXPECT_TRUE(kml_last.code == SI_KERNEL ||
			    ((unsigned long)kml_last.addr & ~7) == 0x18);
	}
}

/* Jumps to where no entry is, and with no stack to return by. */
TEST_F(vsyscall, bad_calls)
{
	kml_regs_init(self->regs, kml_do_jump);
	self->regs[REG_RAX] = VSYSCALL_ADDR + 7;
	kml_trap(self->regs);
	EXPECT_EQ(SIGSEGV, kml_last.sig);
	EXPECT_EQ((greg_t)VSYSCALL_ADDR + 7, kml_last.regs[REG_RIP]);
	EXPECT_REGS_KEPT(self->regs, 0);

	kml_regs_init(self->regs, kml_do_jump);
	self->regs[REG_RAX] = VSYSCALL_ADDR + 0x400;
	self->regs[REG_RDI] = 0;
	/*
	 * Not in the kernel's half: RIP and RSP both there are the kernel's in
	 * the eyes of KML, and what jumps so has left the trusted ground.
	 */
	self->regs[REG_RSP] = 0x1000;
	kml_trap(self->regs);
	EXPECT_EQ(SIGSEGV, kml_last.sig);
	EXPECT_EQ((greg_t)VSYSCALL_ADDR + 0x400, kml_last.regs[REG_RIP]);
	EXPECT_REGS_KEPT(self->regs, 0);
}

TEST_F(vsyscall, absent)
{
	if (self->there)
		SKIP(return, "the vsyscall page is there");
	kml_regs_init(self->regs, kml_do_jump);
	self->regs[REG_RAX] = VSYSCALL_ADDR;
	kml_trap(self->regs);
	EXPECT_EQ(SIGSEGV, kml_last.sig);
	EXPECT_EQ((greg_t)VSYSCALL_ADDR, kml_last.regs[REG_RIP]);
	EXPECT_REGS_KEPT(self->regs, 0);
}

/*
 * Reading. With KML the page holds the pointer to the call entry and can be
 * read whatever vsyscall= says.
 */
TEST_F(vsyscall, read)
{
	kml_regs_init(self->regs, kml_do_load);
	self->regs[REG_RAX] = VSYSCALL_ADDR;
	kml_trap(self->regs);
	if (kml_on() && !self->readable) {
		EXPECT_TRUE(kml_last.sig == SIGSEGV || kml_last.sig == SIGTRAP);
	} else if (self->readable) {
		EXPECT_TRAP(SIGTRAP, SI_KERNEL, X86_TRAP_BP, 0,
			    kml_after_load + 1);
	} else {
		EXPECT_TRAP(SIGSEGV, SEGV_MAPERR, X86_TRAP_PF,
			    PF_USER | PF_PROT, kml_do_load);
	}
}

TEST_F(vsyscall, write)
{
	kml_regs_init(self->regs, kml_do_or_zero);
	self->regs[REG_RAX] = VSYSCALL_ADDR;
	kml_trap(self->regs);
	EXPECT_EQ(SIGSEGV, kml_last.sig);
	EXPECT_EQ((void *)VSYSCALL_ADDR, kml_last.addr);
}

TEST_F(vsyscall, under_timer_storm)
{
	struct itimerval it = {
		.it_value.tv_usec = 300,
		.it_interval.tv_usec = 300,
	};
	vtime_t vtime = (vtime_t)(VSYSCALL_ADDR + 0x400);
	time_t last = 0, now;

	if (!self->there)
		SKIP(return, "no vsyscall page on this kernel");
	ticks = 0;
	ASSERT_EQ(0, kml_handler(SIGALRM, tick, 0));
	setitimer(ITIMER_REAL, &it, NULL);
	while (ticks < 60) {
		now = vtime(NULL);
		EXPECT_LE(last, now);
		last = now;
	}
	memset(&it, 0, sizeof(it));
	setitimer(ITIMER_REAL, &it, NULL);
}

TEST_HARNESS_MAIN
