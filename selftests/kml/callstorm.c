// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupt the call entry at each of its instructions.
 *
 * The entry runs kernel text on the stack of the process, with interrupts on, until it has
 * loaded the kernel's stack and again after it has loaded the process's. In this stretch
 * it can be interrupted, preempted, moved to another CPU and sent a signal, and its reads
 * of the stack can fault. A loop in assembler (kml_storm_by_call and the like) repeats one
 * call and checks all registers and the result. Meanwhile timers, signals from other
 * threads, inter-processor interrupts, single steps, and a stack that is unmapped and
 * comes back disturb it. Signal handlers note where they found the process: only the entry
 * is allowed among kernel addresses, and the test prints how often it was there.
 */
#include <linux/membarrier.h>
#include <pthread.h>

#include "kml_call.h"

static volatile bool stop;
static volatile unsigned long signals, in_entry, elsewhere;
static unsigned long entry_start;

/* Note where a signal found the process; in the kernel's half only the entry is allowed. */
static void note_place(greg_t rip)
{
	signals++;
	if (rip >= 0)
		return;
	if ((unsigned long)rip - entry_start < 16384)
		in_entry++;
	else
		elsewhere = rip;
}

static void on_signal(int sig, siginfo_t *si, void *ctx)
{
	note_place(((ucontext_t *)ctx)->uc_mcontext.gregs[REG_RIP]);
}

static void storm_setup(struct __test_metadata *_metadata, unsigned long entry)
{
	stop = false;
	signals = 0;
	in_entry = 0;
	elsewhere = 0;
	entry_start = entry;
}

static void timer(long usec)
{
	struct itimerval it = {
		.it_value.tv_usec = usec,
		.it_interval.tv_usec = usec,
	};

	setitimer(ITIMER_REAL, &it, NULL);
}

/* Call for @ms; return the first error, or 0. */
static long storm_for(long (*storm)(long nr, long result, long rounds), int ms)
{
	unsigned long long end = kml_now_ns() + ms * 1000000ULL;
	long ret = 0, ppid = getppid();

	while (!ret && kml_now_ns() < end)
		ret = storm(SYS_getppid, ppid, 1000);
	return ret;
}

/* A guest whose processor is with others most of the time has less in an interval. */
#define PATIENCE	60000000000ULL

/* The same, and on until there were more than @enough signals. */
static long storm_until(long (*storm)(long nr, long result, long rounds), int ms,
			unsigned long enough)
{
	unsigned long long last = kml_now_ns() + PATIENCE;
	long ret;

	do
		ret = storm_for(storm, ms);
	while (!ret && signals <= enough && kml_now_ns() < last);
	return ret;
}

#define REPORT() \
	printf("# %lu signals, %lu of them in the entry\n", signals, in_entry)

/* The loop must notice an error: make it expect a wrong result. */
TEST_F(by, storm_sees_errors)
{
	EXPECT_EQ(0, variant->storm(SYS_getppid, getppid(), 10));
	EXPECT_EQ(1, variant->storm(SYS_getppid, getppid() + 1, 10));
	EXPECT_EQ(1, variant->storm(SYS_getpid, 0, 1));
}

TEST_F(by, interrupts)
{
	storm_setup(_metadata, self->entry);
	EXPECT_EQ(0, storm_for(variant->storm, 600));
}

TEST_F(by, timer_signals)
{
	int flags;

	for (flags = 0; flags < 2; flags++) {
		storm_setup(_metadata, self->entry);
		ASSERT_EQ(0, kml_handler(SIGALRM, on_signal,
					 flags ? SA_ONSTACK : 0));
		timer(200);
		EXPECT_EQ(0, storm_until(variant->storm, 700, 10));
		timer(0);
		EXPECT_LT(10, signals);
		EXPECT_EQ(0, elsewhere)
			TH_LOG("rip %#lx", elsewhere);
		REPORT();
	}
}

/* Signals from another thread come with an interrupt at any instruction. */
static pid_t main_tid;

static void *signaller(void *arg)
{
	while (!stop) {
		syscall(SYS_tgkill, getpid(), main_tid, SIGUSR1);
		sched_yield();
	}
	return NULL;
}

TEST_F(by, signals_from_a_thread)
{
	pthread_t thread;

	storm_setup(_metadata, self->entry);
	main_tid = gettid();
	ASSERT_EQ(0, kml_handler(SIGUSR1, on_signal, SA_ONSTACK));
	ASSERT_EQ(0, pthread_create(&thread, NULL, signaller, NULL));
	EXPECT_EQ(0, storm_until(variant->storm, 1200, 20));
	stop = true;
	pthread_join(thread, NULL);
	EXPECT_LT(20, signals);
	EXPECT_EQ(0, elsewhere)
		TH_LOG("rip %#lx", elsewhere);
	REPORT();
}

/* Interrupts from other CPUs, without a signal. */
static void *interrupter(void *arg)
{
	volatile char *p = arg;

	while (!stop) {
		mprotect(arg, 4096, PROT_READ);
		mprotect(arg, 4096, PROT_READ | PROT_WRITE);
		p[0] = 1;
		syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
	}
	return NULL;
}

static char *map(size_t size, int flags, int fd)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
}

TEST_F(by, interprocessor_interrupts)
{
	char *page = map(4096, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	pthread_t thread;

	ASSERT_NE(MAP_FAILED, page);
	syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
	storm_setup(_metadata, self->entry);
	ASSERT_EQ(0, pthread_create(&thread, NULL, interrupter, page));
	EXPECT_EQ(0, storm_for(variant->storm, 700));
	stop = true;
	pthread_join(thread, NULL);
}

/* With more callers than CPUs, each is preempted and moved, and makes progress. */
struct caller {
	long (*storm)(long nr, long result, long rounds);
	volatile unsigned long done;
	long ret;
};

static void *caller(void *arg)
{
	struct caller *c = arg;
	long ppid = getppid();

	while (!stop && !c->ret) {
		c->ret = c->storm(SYS_getppid, ppid, 200);
		c->done++;
	}
	return NULL;
}

TEST_F(by, preemption)
{
	unsigned long long last = kml_now_ns() + PATIENCE;
	long n = sysconf(_SC_NPROCESSORS_ONLN) + 2, i;
	struct caller c[10] = { 0 };
	pthread_t thread[10];

	if (n > 10)
		n = 10;
	storm_setup(_metadata, self->entry);
	for (i = 0; i < n; i++) {
		c[i].storm = variant->storm;
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, caller, &c[i]));
	}
	usleep(1000000);
	for (i = 0; i < n; i++)
		while (!c[i].done && !c[i].ret && kml_now_ns() < last)
			usleep(100000);
	stop = true;
	for (i = 0; i < n; i++) {
		pthread_join(thread[i], NULL);
		EXPECT_EQ(0, c[i].ret);
		EXPECT_LT(0, c[i].done);
	}
}

/*
 * A caller that never sleeps gives way: to one that wakes up often, on the
 * same CPU, and to signals for itself.
 */
static unsigned long long sleeps_ns(void)
{
	struct timespec ms = { .tv_nsec = 1000000 };
	unsigned long long start = kml_now_ns();
	int i;

	for (i = 0; i < 30; i++)
		nanosleep(&ms, NULL);
	return kml_now_ns() - start;
}

TEST_F(by, gives_way)
{
	struct caller c = { .storm = variant->storm };
	unsigned long long alone;
	pthread_t thread;

	storm_setup(_metadata, self->entry);
	kml_pin(0);
	alone = sleeps_ns();
	ASSERT_EQ(0, pthread_create(&thread, NULL, caller, &c));
	/*
	 * A caller may keep the CPU for some ticks, not for seconds; but the host may take
	 * it away, from both.
	 */
	EXPECT_GT(5000000000ULL + 10 * alone, sleeps_ns());
	stop = true;
	pthread_join(thread, NULL);
	EXPECT_EQ(0, c.ret);
	EXPECT_LT(0, c.done);
}

/* Step through each instruction by the trap flag, including those of the entry. */
static void on_trap(int sig, siginfo_t *si, void *ctx)
{
	if (si->si_code == TRAP_TRACE)
		note_place(((ucontext_t *)ctx)->uc_mcontext.gregs[REG_RIP]);
	else
		kml_catch(sig, si, ctx);
}

/* Run the loop on the stack @rsp, which C could not use. */
static void storm_on(greg_t *regs, const void *storm, char *rsp, long rounds,
		     unsigned long flags)
{
	kml_regs_init(regs, storm);
	regs[REG_RSP] = (greg_t)rsp;
	*(const char **)rsp = kml_do_int3;
	regs[REG_RDI] = SYS_getppid;
	regs[REG_RSI] = getppid();
	regs[REG_RDX] = rounds;
	regs[REG_EFL] |= flags;
	kml_trap(regs);
}

TEST_F(by, single_steps)
{
	storm_setup(_metadata, self->entry);
	ASSERT_EQ(0, kml_handler(SIGTRAP, on_trap, SA_ONSTACK));
	storm_on(self->regs, variant->storm, kml_stack + 8192, 30, FL_TF);
	EXPECT_EQ((greg_t)kml_after_int3, kml_last.regs[REG_RIP]);
	EXPECT_EQ(0, kml_last.regs[REG_RAX]);
	EXPECT_EQ(FL_TF, kml_last.regs[REG_EFL] & FL_TF);
	EXPECT_LT(30 * 60, signals);
	/* A step is over when the call is. */
	EXPECT_EQ(0, in_entry);
	EXPECT_EQ(0, elsewhere)
		TH_LOG("rip %#lx", elsewhere);
}

/* The same with a timer on top: both at once on the same instruction. */
TEST_F(by, single_steps_and_timer)
{
	storm_setup(_metadata, self->entry);
	ASSERT_EQ(0, kml_handler(SIGTRAP, on_trap, SA_ONSTACK));
	ASSERT_EQ(0, kml_handler(SIGALRM, on_signal, SA_ONSTACK));
	timer(300);
	storm_on(self->regs, variant->storm, kml_stack + 8192, 60, FL_TF);
	timer(0);
	EXPECT_EQ((greg_t)kml_after_int3, kml_last.regs[REG_RIP]);
	EXPECT_EQ(0, kml_last.regs[REG_RAX]);
	EXPECT_LT(60 * 60, signals);
	EXPECT_EQ(0, elsewhere)
		TH_LOG("rip %#lx", elsewhere);
}

/* A thread drops the page of the stack all the time; the kernel resolves the faults. */
static void *dropper(void *arg)
{
	while (!stop) {
		madvise(arg, 8192, MADV_DONTNEED);
		sched_yield();
	}
	return NULL;
}

TEST_F(by, stack_comes_and_goes)
{
	int fd = syscall(SYS_memfd_create, "kml", 0);
	unsigned long long end, last;
	unsigned long rounds = 0;
	pthread_t thread;
	char *stack;

	if (fd < 0)
		SKIP(return, "no memfd_create(): needs TMPFS");
	ASSERT_EQ(0, ftruncate(fd, 8192));
	stack = map(8192, MAP_SHARED, fd);
	ASSERT_NE(MAP_FAILED, stack);
	storm_setup(_metadata, self->entry);
	ASSERT_EQ(0, kml_handler(SIGALRM, on_signal, SA_ONSTACK));
	ASSERT_EQ(0, pthread_create(&thread, NULL, dropper, stack));
	timer(1000);
	end = kml_now_ns() + 1200000000ULL;
	last = end + PATIENCE;
	while ((kml_now_ns() < end || (rounds <= 5 && kml_now_ns() < last)) &&
	       !_metadata->exit_code) {
		/* All over the page, and across into the one below. */
		storm_on(self->regs, variant->storm,
			 stack + 4096 + (rounds * 8) % 2048, 50, 0);
		EXPECT_EQ((greg_t)kml_after_int3, kml_last.regs[REG_RIP]);
		EXPECT_EQ(0, kml_last.regs[REG_RAX]);
		rounds++;
	}
	timer(0);
	stop = true;
	pthread_join(thread, NULL);
	EXPECT_LT(5, rounds);
	EXPECT_EQ(0, elsewhere)
		TH_LOG("rip %#lx", elsewhere);
	REPORT();
	munmap(stack, 8192);
	close(fd);
}

/* Forbid access to the stack now and then: a signal comes, and the call is repeated. */
static char *forbidden;

static void on_fault(int sig, siginfo_t *si, void *ctx)
{
	greg_t *regs = ((ucontext_t *)ctx)->uc_mcontext.gregs;

	if ((char *)si->si_addr < forbidden ||
	    (char *)si->si_addr >= forbidden + 8192) {
		kml_catch(sig, si, ctx);
		return;
	}
	note_place(regs[REG_RIP]);
	mprotect(forbidden, 8192, PROT_READ | PROT_WRITE);
}

static void *forbidder(void *arg)
{
	while (!stop) {
		mprotect(arg, 8192, PROT_NONE);
		sched_yield();
	}
	return NULL;
}

TEST_F(by, stack_forbidden)
{
	unsigned long long end, last;
	unsigned long rounds = 0;
	pthread_t thread;

	forbidden = map(8192, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	ASSERT_NE(MAP_FAILED, forbidden);
	/* Without a return address, nobody knows what is before it. */
	storm_setup(_metadata, kml_call_entry());
	ASSERT_EQ(0, kml_handler(SIGSEGV, on_fault, SA_ONSTACK));
	ASSERT_EQ(0, pthread_create(&thread, NULL, forbidder, forbidden));
	end = kml_now_ns() + 1200000000ULL;
	last = end + PATIENCE;
	while ((kml_now_ns() < end ||
		((rounds <= 5 || signals <= 10) && kml_now_ns() < last)) &&
	       !_metadata->exit_code) {
		storm_on(self->regs, variant->storm,
			 forbidden + 4096 + (rounds * 8) % 2048, 50, 0);
		EXPECT_EQ((greg_t)kml_after_int3, kml_last.regs[REG_RIP]);
		EXPECT_EQ(0, kml_last.regs[REG_RAX]);
		rounds++;
	}
	stop = true;
	pthread_join(thread, NULL);
	EXPECT_LT(5, rounds);
	EXPECT_LT(10, signals);
	EXPECT_EQ(0, elsewhere)
		TH_LOG("rip %#lx", elsewhere);
	REPORT();
	munmap(forbidden, 8192);
}

/* Many signals restart calls that sleep: none is lost or made twice. */
struct pipes {
	long (*nr)(long nr, ...);
	int fd[2];
};

static void *feeder(void *arg)
{
	struct pipes *p = arg;
	unsigned char c;
	int i;

	for (i = 0; i < 100; i++) {
		c = i;
		if (p->nr(SYS_write, p->fd[1], &c, 1) != 1)
			return (void *)1;
		usleep(100);
	}
	return NULL;
}

TEST_F(by, restarts)
{
	struct pipes p = { .nr = variant->nr };
	pthread_t thread, other;
	unsigned char c;
	void *ret;
	int i;

	storm_setup(_metadata, self->entry);
	main_tid = gettid();
	ASSERT_EQ(0, pipe(p.fd));
	ASSERT_EQ(0, kml_handler(SIGUSR1, on_signal, SA_RESTART));
	ASSERT_EQ(0, pthread_create(&other, NULL, signaller, NULL));
	ASSERT_EQ(0, pthread_create(&thread, NULL, feeder, &p));
	for (i = 0; i < 100; i++) {
		EXPECT_EQ(1, variant->nr(SYS_read, p.fd[0], &c, 1));
		EXPECT_EQ((unsigned char)i, c);
	}
	pthread_join(thread, &ret);
	EXPECT_EQ(NULL, ret);
	stop = true;
	pthread_join(other, NULL);
	EXPECT_LT(0, signals);
	EXPECT_EQ(0, elsewhere)
		TH_LOG("rip %#lx", elsewhere);
	REPORT();
}

/* fork() while signals come: the child starts where the call returns. */
TEST_F(by, forks_under_signals)
{
	int i, status;
	pid_t pid;

	storm_setup(_metadata, self->entry);
	ASSERT_EQ(0, kml_handler(SIGALRM, on_signal, SA_RESTART));
	timer(1000);
	for (i = 0; i < 40; i++) {
		pid = variant->nr(SYS_fork);
		if (!pid)
			_exit(variant->storm(SYS_getppid, getppid(), 20));
		ASSERT_LT(0, pid);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EXITED(0, status);
	}
	timer(0);
	EXPECT_EQ(0, elsewhere);
}

TEST_HARNESS_MAIN
