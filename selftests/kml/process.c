// SPDX-License-Identifier: GPL-2.0
/*
 * Create, change and end processes and threads: fork(), vfork(), clone(), exec(), exit().
 *
 * Each test checks what the entry code must carry along: registers, stacks, thread-local
 * storage, restartable sequences, and time on the CPU for every task. A child reports what it
 * found by its exit status.
 */
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/rseq.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/rseq.h>

#include "kml.h"

extern char **environ;

/*
 * fork() through one SYSCALL with a pattern in every register: both sides
 * must come back with all of it. The child tells by its exit status.
 */
TEST(fork_registers)
{
	static const int nrs[] = { SYS_fork, SYS_clone };
	greg_t regs[NGREG];
	int i, status;
	pid_t pid, parent = getpid();

	ASSERT_EQ(0, kml_catch_all());
	for (i = 0; i < 20; i++) {
		kml_regs_init(regs, kml_do_syscall);
		regs[REG_RAX] = nrs[i & 1];
		if (i & 1) {
			regs[REG_RDI] = SIGCHLD;
			regs[REG_RSI] = 0;
			regs[REG_RDX] = 0;
			regs[REG_R10] = 0;
			regs[REG_R8] = 0;
		}
		fflush(NULL);
		kml_trap(regs);
		if (getpid() != parent)
			_exit(kml_last.regs[REG_RAX] ? 1 :
			      kml_regs_differ(regs, kml_last.regs,
					      KML_SYSCALL_REGS) ? 2 :
			      kml_flags(kml_last.regs) != regs[REG_EFL] ? 3 : 0);
		pid = kml_last.regs[REG_RAX];
		ASSERT_LT(0, pid);
		EXPECT_REGS_KEPT(regs, KML_SYSCALL_REGS);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EXITED(0, status);
	}
}

TEST(fork_many)
{
	int i, status, n = 0;
	pid_t pid[40];

	for (i = 0; i < 40; i++) {
		pid[i] = fork();
		if (!pid[i])
			_exit(i);
		ASSERT_LT(0, pid[i]);
	}
	for (i = 39; i >= 0; i--) {
		ASSERT_EQ(pid[i], waitpid(pid[i], &status, 0));
		EXPECT_EXITED(i, status);
		n++;
	}
	EXPECT_EQ(40, n);
}

/* The child borrows the stack and the memory; the parent waits meanwhile. */
TEST(vfork_shares_and_waits)
{
	volatile int shared = 0;
	int i, status;
	pid_t pid;

	for (i = 0; i < 20; i++) {
		pid = vfork();
		if (!pid) {
			sched_yield();
			shared++;
			_exit(7);
		}
		ASSERT_LT(0, pid);
		EXPECT_EQ(i + 1, shared);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EXITED(7, status);
	}
}

static char self_path[4096];

static void find_self(void)
{
	ssize_t n = readlink("/proc/self/exe", self_path, sizeof(self_path) - 1);

	if (n > 0)
		self_path[n] = 0;
}

TEST(vfork_and_exec)
{
	char *argv[] = { "process", "--exec", "vfork", NULL };
	char *envp[] = { "KML_PASSED=vfork", NULL };
	int i, status;
	pid_t pid;

	find_self();
	for (i = 0; i < 5; i++) {
		pid = vfork();
		if (!pid) {
			execve(self_path, argv, envp);
			_exit(99);
		}
		ASSERT_LT(0, pid);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EXITED(42, status);
	}
}

/* CLONE_VM | CLONE_VFORK with a stack of its own, as libc does it. */
TEST(spawn)
{
	char *argv[] = { "process", "--exec", "spawn", NULL };
	char *envp[] = { "KML_PASSED=spawn", NULL };
	int status;
	pid_t pid;

	find_self();
	ASSERT_EQ(0, posix_spawn(&pid, self_path, NULL, NULL, argv, envp));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EXITED(42, status);
}

/* Raw clone() with its own stack: all registers but RSP go along. */
struct clone_result {
	volatile int done;
	greg_t seen[NGREG];
};

static char clone_stack[32768] __aligned(16);

static int clone_fn(void *arg)
{
	struct clone_result *r = arg;
	unsigned long here = (unsigned long)__builtin_frame_address(0);

	r->done = here >= (unsigned long)clone_stack &&
		here < (unsigned long)clone_stack + sizeof(clone_stack) ? 1 : 2;
	return 5;
}

TEST(clone_vm_with_own_stack)
{
	struct clone_result r = { 0 };
	int i, status;
	pid_t pid;

	for (i = 0; i < 20; i++) {
		r.done = 0;
		pid = clone(clone_fn, clone_stack + sizeof(clone_stack),
			    CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD, &r);
		ASSERT_LT(0, pid);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EXITED(5, status);
		EXPECT_EQ(1, r.done);
	}
}

/* clone3() with a stack, in a child of its own: RSP is stack + size. */
static int clone3_child(void *arg)
{
	static char stack[16384] __aligned(16);
	struct clone_args args = {
		.flags = CLONE_VM | CLONE_FILES,
		.exit_signal = SIGCHLD,
		.stack = (unsigned long)stack,
		.stack_size = sizeof(stack),
	};
	long pid;
	int status;

	/* The child stores its RSP and exits without ever touching its stack. */
	asm volatile("syscall\n\t"
		     "test %%rax, %%rax\n\t"
		     "jnz 1f\n\t"
		     "mov %%rsp, %[rsp]\n\t"
		     "mov $60, %%eax\n\t"
		     "mov $3, %%edi\n\t"
		     "syscall\n\t"
		     "ud2\n"
		     "1:"
		     : "=a" (pid), [rsp] "+m" (*(volatile unsigned long *)arg)
		     : "a" (SYS_clone3), "D" (&args), "S" (sizeof(args))
		     : "rcx", "r11", "memory", "cc");
	if (pid < 0)
		return pid == -ENOSYS ? 77 : 1;
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status) != 3)
		return 2;
	return *(unsigned long *)arg == (unsigned long)stack + sizeof(stack) ?
		0 : 3;
}

static unsigned long clone3_rsp;

TEST(clone3_with_stack)
{
	EXPECT_EXITED(0, kml_child(clone3_child, &clone3_rsp));
}

/* Threads: many at once, each with its own stack, TLS and exit. */
static __thread int tls_value = 77;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int counter, waiting;

static void *thread_fn(void *arg)
{
	long n = (long)arg;
	int i;

	if (tls_value != 77)
		return (void *)-1L;
	tls_value = n;
	for (i = 0; i < 200; i++) {
		pthread_mutex_lock(&lock);
		counter++;
		pthread_mutex_unlock(&lock);
		if (tls_value != n)
			return (void *)-2L;
	}
	return (void *)n;
}

TEST(threads)
{
	pthread_t thread[32];
	void *ret;
	long i;

	counter = 0;
	for (i = 0; i < 32; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, thread_fn,
					    (void *)i));
	for (i = 0; i < 32; i++) {
		ASSERT_EQ(0, pthread_join(thread[i], &ret));
		EXPECT_EQ((void *)i, ret);
	}
	EXPECT_EQ(32 * 200, counter);
	EXPECT_EQ(77, tls_value);
}

static void *empty(void *arg)
{
	return arg;
}

/* One after the other: stacks are reused, and unmapped while threads exit. */
TEST(threads_in_turn)
{
	pthread_t thread;
	void *ret;
	long i;

	for (i = 0; i < 200; i++) {
		ASSERT_EQ(0, pthread_create(&thread, NULL, empty, (void *)i));
		ASSERT_EQ(0, pthread_join(thread, &ret));
		EXPECT_EQ((void *)i, ret);
	}
}

/* Futexes by way of condition variables: sleeping and waking both ways. */
static void *ping(void *arg)
{
	int i;

	for (i = 0; i < 200; i++) {
		pthread_mutex_lock(&lock);
		while (waiting != 1)
			pthread_cond_wait(&cond, &lock);
		waiting = 0;
		pthread_cond_broadcast(&cond);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

TEST(futex_ping_pong)
{
	pthread_t thread;
	int i;

	kml_pin(0);
	waiting = 0;
	ASSERT_EQ(0, pthread_create(&thread, NULL, ping, NULL));
	for (i = 0; i < 200; i++) {
		pthread_mutex_lock(&lock);
		waiting = 1;
		pthread_cond_broadcast(&cond);
		while (waiting)
			pthread_cond_wait(&cond, &lock);
		pthread_mutex_unlock(&lock);
	}
	pthread_join(thread, NULL);
	EXPECT_EQ(0, waiting);
}

/* A futex word that is absent or the kernel's. */
TEST(futex_faults)
{
	struct timespec ts = { .tv_nsec = 1000000 };
	int word = 0;

	EXPECT_EQ(-1, syscall(SYS_futex, 8, FUTEX_WAIT, 0, &ts, NULL, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, syscall(SYS_futex, KML_KERNEL_HOLE & ~3UL, FUTEX_WAIT, 0,
			      &ts, NULL, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, syscall(SYS_futex, &word, FUTEX_WAIT, 1, &ts, NULL, 0));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(-1, syscall(SYS_futex, &word, FUTEX_WAIT, 0, &ts, NULL, 0));
	EXPECT_EQ(ETIMEDOUT, errno);
}

/* Forking while other threads run; only the caller goes along. */
static volatile bool stop;

static void *spin(void *arg)
{
	while (!stop)
		(*(volatile unsigned long *)arg)++;
	return NULL;
}

static int count_tasks(void *arg)
{
	return tls_value == 5 ? 0 : 1;
}

TEST(fork_with_threads)
{
	unsigned long spins[2] = { 0 };
	pthread_t thread[2];
	int i;

	stop = false;
	tls_value = 5;
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, spin, &spins[i]));
	for (i = 0; i < 15; i++)
		EXPECT_EXITED(0, kml_child(count_tasks, NULL));
	stop = true;
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	EXPECT_LT(0, spins[0]);
	EXPECT_LT(0, spins[1]);
}

/* exec: arguments, environment and auxiliary vector arrive. */
static int do_exec(void *arg)
{
	char *argv[] = { "process", "--exec", arg, NULL };
	char env[64];
	char *envp[] = { env, NULL };

	find_self();
	snprintf(env, sizeof(env), "KML_PASSED=%s", (char *)arg);
	execve(self_path, argv, envp);
	return 98;
}

TEST(exec)
{
	EXPECT_EXITED(42, kml_child(do_exec, "plain"));
}

static int do_execveat(void *arg)
{
	char *argv[] = { "process", "--exec", "fd", NULL };
	char *envp[] = { "KML_PASSED=fd", NULL };
	int fd;

	find_self();
	fd = open(self_path, O_RDONLY | O_CLOEXEC);
	syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH);
	return 98;
}

TEST(exec_by_descriptor)
{
	EXPECT_EXITED(42, kml_child(do_execveat, NULL));
}

static void *exec_thread(void *arg)
{
	_exit(do_exec(arg));
	return NULL;
}

/* exec by a thread that is not the leader, while the leader runs. */
static int exec_from_thread(void *arg)
{
	volatile unsigned long n = 0;
	pthread_t thread;

	if (pthread_create(&thread, NULL, exec_thread, arg))
		return 97;
	for (;;)
		n++;
}

TEST(exec_by_thread)
{
	EXPECT_EXITED(42, kml_child(exec_from_thread, "thread"));
}

/* A failing exec returns to the old program. */
TEST(exec_failing)
{
	char *argv[] = { "x", NULL };

	EXPECT_EQ(-1, execve("/nonexistent", argv, argv + 1));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_EQ(-1, execve((char *)KML_KERNEL_HOLE, argv, argv + 1));
	EXPECT_EQ(EFAULT, errno);
}

/* The ways to end. */
static void *thread_exit_group(void *arg)
{
	syscall(SYS_exit_group, 33);
	return NULL;
}

static int exit_by_thread(void *arg)
{
	volatile unsigned long n = 0;
	pthread_t thread;

	pthread_create(&thread, NULL, thread_exit_group, NULL);
	for (;;)
		n++;
	return n;
}

static int compute(void *arg)
{
	volatile unsigned long n = 0;

	for (;;)
		n++;
	return n;
}

TEST(exits)
{
	struct timespec ms = { .tv_nsec = 5000000 };
	int status;
	pid_t pid;

	EXPECT_EXITED(33, kml_child(exit_by_thread, NULL));
	/* Killed in the middle of computing. */
	pid = fork();
	if (!pid)
		_exit(compute(NULL));
	ASSERT_LT(0, pid);
	nanosleep(&ms, NULL);
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_KILLED(SIGKILL, status);
}

/* Preemption: two on one CPU that never call the kernel both get on. */
TEST(preemption)
{
	volatile unsigned long *n = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned long long end;
	unsigned long before;
	int status;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, (void *)n);
	kml_pin(0);
	pid = fork();
	if (!pid)
		for (;;)
			n[0]++;
	ASSERT_LT(0, pid);
	end = kml_now_ns() + 3000000000ULL;
	while (!n[0] && kml_now_ns() < end)
		n[1]++;
	before = n[0];
	EXPECT_LT(0, before);
	while (n[0] == before && kml_now_ns() < end)
		n[1]++;
	EXPECT_NE(before, n[0]);
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_KILLED(SIGKILL, status);
}

/* From CPU to CPU, and getcpu() in all its forms agrees. */
TEST(migration)
{
	long ncpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int cpu;
	cpu_set_t set;
	int i;

	if (ncpus < 2)
		SKIP(return, "one CPU only");
	for (i = 0; i < 100; i++) {
		CPU_ZERO(&set);
		CPU_SET(i % ncpus, &set);
		ASSERT_EQ(0, sched_setaffinity(0, sizeof(set), &set));
		EXPECT_EQ(0, syscall(SYS_getcpu, &cpu, NULL, NULL));
		EXPECT_EQ(i % ncpus, cpu);
		EXPECT_EQ(i % ncpus, sched_getcpu());
	}
}

/*
 * Restartable sequences: one that is interrupted goes on at its abort handler.
 * The kernel decides by the RIP of a frame that it takes for user code.
 */
static struct rseq *rseq_area(void)
{
	return (void *)((char *)__builtin_thread_pointer() + __rseq_offset);
}

TEST(rseq_cpu_id)
{
	if (!__rseq_size)
		SKIP(return, "libc did not register rseq; needs CONFIG_RSEQ");
	EXPECT_EQ(sched_getcpu(), rseq_area()->cpu_id);
}

/* Enter a sequence that spins until the kernel throws it out, @rounds times. */
static unsigned long rseq_spin(int rounds)
{
	static struct rseq_cs cs __aligned(32);
	volatile __u64 *ptr = &rseq_area()->rseq_cs;
	unsigned long aborts = 0;
	int i;

	for (i = 0; i < rounds; i++) {
		asm volatile("lea 1f(%%rip), %%rax\n\t"
			     "mov %%rax, 8(%[cs])\n\t"
			     "lea 2f(%%rip), %%rdx\n\t"
			     "sub %%rax, %%rdx\n\t"
			     "mov %%rdx, 16(%[cs])\n\t"
			     "lea 3f(%%rip), %%rax\n\t"
			     "mov %%rax, 24(%[cs])\n\t"
			     "mov %[cs], (%[ptr])\n"
			     "1:\tpause\n\t"
			     "jmp 1b\n"
			     "2:\tud2\n\t"
			     /* The signature in front of the handler. */
			     ".byte 0x0f, 0xb9, 0x3d\n\t"
			     ".long 0x53053053\n"
			     "3:\tinc %[aborts]"
			     : [aborts] "+r" (aborts)
			     : [cs] "r" (&cs), [ptr] "r" (ptr)
			     : "rax", "rdx", "memory", "cc");
	}
	*ptr = 0;
	return aborts;
}

static volatile int ticks;

static void tick(int sig, siginfo_t *si, void *ctx)
{
	ticks++;
}

TEST(rseq_abort_by_signal)
{
	struct itimerval it = {
		.it_value.tv_usec = 2000,
		.it_interval.tv_usec = 2000,
	};

	if (!__rseq_size)
		SKIP(return, "libc did not register rseq; needs CONFIG_RSEQ");
	ASSERT_EQ(0, kml_handler(SIGALRM, tick, 0));
	setitimer(ITIMER_REAL, &it, NULL);
	EXPECT_EQ(20, rseq_spin(20));
	memset(&it, 0, sizeof(it));
	setitimer(ITIMER_REAL, &it, NULL);
	EXPECT_LT(0, ticks);
}

TEST(rseq_abort_by_preemption)
{
	int status;
	pid_t pid;

	if (!__rseq_size)
		SKIP(return, "libc did not register rseq; needs CONFIG_RSEQ");
	kml_pin(0);
	pid = fork();
	if (!pid)
		_exit(compute(NULL));
	ASSERT_LT(0, pid);
	EXPECT_EQ(5, rseq_spin(5));
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_KILLED(SIGKILL, status);
}

/* Ping-pong through pipes: the context switch as such. */
static int echo(void *arg)
{
	int *fd = arg;
	char c;

	close(fd[3]);
	while (read(fd[0], &c, 1) == 1) {
		c++;
		if (write(fd[1], &c, 1) != 1)
			return 1;
	}
	return 0;
}

TEST(pipe_ping_pong)
{
	int to[2], from[2], i, status;
	pid_t pid;
	char c = 0;

	kml_pin(0);
	ASSERT_EQ(0, pipe(to));
	ASSERT_EQ(0, pipe(from));
	pid = fork();
	if (!pid) {
		int fd[4] = { to[0], from[1], from[0], to[1] };

		_exit(echo(fd));
	}
	ASSERT_LT(0, pid);
	for (i = 0; i < 500; i++) {
		ASSERT_EQ(1, write(to[1], &c, 1));
		ASSERT_EQ(1, read(from[0], &c, 1));
		EXPECT_EQ((char)(i + 1), c);
	}
	close(to[1]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EXITED(0, status);
}

/* We, after an exec. */
__attribute__((__constructor__)) static void after_exec(int argc, char **argv)
{
	const char *env;

	if (argc != 3 || strcmp(argv[1], "--exec"))
		return;
	env = getenv("KML_PASSED");
	if (!env || strcmp(env, argv[2]) || environ[1])
		_exit(1);
	if (getauxval(AT_PAGESZ) != 4096 || !getauxval(AT_RANDOM) ||
	    strcmp(argv[0], "process") || tls_value != 77)
		_exit(2);
	_exit(42);
}

TEST_HARNESS_MAIN
