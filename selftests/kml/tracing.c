// SPDX-License-Identifier: GPL-2.0
/*
 * Trace system calls and probe the kernel and the process: tracepoints, kprobes, uprobes,
 * function tracers, BPF.
 *
 * Tracers add work on entry and exit, which the call entry must not skip. They put
 * breakpoints and single steps where ring 0 has its own. The tests count events with perf or
 * tracefs while they make a known number of system calls. The counts must not depend on how
 * the calls are made.
 */
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

#include "kml_watch.h"

#define TRACEFS		"/sys/kernel/tracing"
#define ROUNDS		200

static bool write_to(const char *file, const char *text)
{
	char path[256];
	bool ok;
	int fd;

	snprintf(path, sizeof(path), TRACEFS "/%s", file);
	fd = open(path, O_WRONLY | (text[0] == '+' ? O_APPEND : 0));
	if (fd < 0)
		return false;
	text += text[0] == '+';
	ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return ok;
}

static bool have_tracefs(void)
{
	if (!access(TRACEFS "/events", F_OK))
		return true;
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("tracefs", TRACEFS, "tracefs", 0, NULL);
	return !access(TRACEFS "/events", F_OK);
}

/* The number that perf_event_open() wants for an event, or -1. */
static long event_id(const char *name)
{
	char path[256], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), TRACEFS "/events/%s/id", name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return -1;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	return atol(text);
}

/* Count a trace event in the task @pid (0: this one). Returns -1 without it. */
static int count_event(const char *name, pid_t pid)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.config = event_id(name),
	};

	if ((long)attr.config < 0)
		return -1;
	return syscall(SYS_perf_event_open, &attr, pid, -1, -1, 0);
}

static long counted(int fd)
{
	unsigned long long n;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? (long)n : -1;
}

#define NEED_EVENT(_fd, _name, _option) do { \
	if (!have_tracefs()) \
		SKIP(return, "no tracefs: needs FTRACE"); \
	(_fd) = count_event((_name), 0); \
	if ((_fd) < 0) \
		SKIP(return, "no event " _name ": needs " _option); \
} while (0)

/* Each call is seen once on the way in and once on the way out. */
TEST_F(by, syscall_tracepoints)
{
	int enter, leave, i, round;

	NEED_EVENT(enter, "syscalls/sys_enter_getppid", "FTRACE_SYSCALLS");
	leave = count_event("syscalls/sys_exit_getppid", 0);
	ASSERT_LE(0, leave);
	for (round = 1; round <= 3; round++) {
		for (i = 0; i < ROUNDS; i++)
			ASSERT_EQ(getppid(), variant->nr(SYS_getppid));
		/* getppid() itself is the other half. */
		EXPECT_EQ(2 * round * ROUNDS, counted(enter));
		EXPECT_EQ(2 * round * ROUNDS, counted(leave));
	}
	close(enter);
	close(leave);
	/* And when nobody counts, all is as before. */
	BY_TRAP(SYS_getppid);
	kml_trap(self->regs);
	EXPECT_CALLED();
	EXPECT_EQ(getppid(), kml_last.regs[REG_RAX]);
}

struct sleeper {
	long (*nr)(long nr, ...);
	int fd, result;
	volatile pid_t tid;
};

static void *sleep_in_read(void *arg)
{
	struct sleeper *s = arg;
	char c;

	s->tid = syscall(SYS_gettid);
	s->result = s->nr(SYS_read, s->fd, &c, 1);
	return NULL;
}

/* Work that comes while a call sleeps: its exit is seen, its entry was not. */
TEST_F(by, tracepoint_enabled_in_call)
{
	int enter, leave, fd[2], i;
	struct sleeper s = { .nr = variant->nr };
	pthread_t thread;

	NEED_EVENT(enter, "syscalls/sys_enter_read", "FTRACE_SYSCALLS");
	close(enter);
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, pipe(fd));
		s.fd = fd[0];
		s.tid = 0;
		ASSERT_EQ(0, pthread_create(&thread, NULL, sleep_in_read, &s));
		while (!s.tid)
			sched_yield();
		usleep(10000);
		enter = count_event("syscalls/sys_enter_read", s.tid);
		leave = count_event("syscalls/sys_exit_read", s.tid);
		ASSERT_LE(0, enter);
		ASSERT_LE(0, leave);
		ASSERT_EQ(1, write(fd[1], "x", 1));
		pthread_join(thread, NULL);
		EXPECT_EQ(1, s.result);
		EXPECT_EQ(0, counted(enter));
		EXPECT_EQ(1, counted(leave));
		close(enter);
		close(leave);
		close(fd[0]);
		close(fd[1]);
	}
}

/* A breakpoint, or a jump, in the kernel while a process in ring 0 calls it. */
TEST_F(by, kprobe)
{
	int fd, ret, i;

	if (!have_tracefs() ||
	    !write_to("kprobe_events", "+p:kml_in __x64_sys_getppid\n") ||
	    !write_to("kprobe_events", "+r:kml_out __x64_sys_getppid\n"))
		SKIP(return, "no kprobes: needs KPROBE_EVENTS");
	fd = count_event("kprobes/kml_in", 0);
	ret = count_event("kprobes/kml_out", 0);
	EXPECT_LE(0, fd);
	EXPECT_LE(0, ret);
	for (i = 0; i < ROUNDS; i++)
		EXPECT_LT(0, variant->nr(SYS_getppid) + 1);
	EXPECT_EQ(ROUNDS, counted(fd));
	EXPECT_EQ(ROUNDS, counted(ret));
	close(fd);
	close(ret);
	EXPECT_TRUE(write_to("kprobe_events", "+-:kml_in\n"));
	EXPECT_TRUE(write_to("kprobe_events", "+-:kml_out\n"));
}

/* In entry code there may be none. */
TEST(kprobe_refused)
{
	static const char * const where[] = {
		"entry_SYSCALL_64", "entry_CALL_64", "entry_CALL_64_safe_stack",
		"kml_leave_entry_stack", "asm_exc_page_fault", "exc_debug",
	};
	char text[128];
	int i, fd;

	if (!have_tracefs() || access(TRACEFS "/kprobe_events", F_OK))
		SKIP(return, "no kprobes: needs KPROBE_EVENTS");
	for (i = 0; i < ARRAY_SIZE(where); i++) {
		snprintf(text, sizeof(text), "+p:kml_no%d %s\n", i, where[i]);
		if (!write_to("kprobe_events", text))
			continue;
		/* It was taken down: what counts is whether it can be put. */
		snprintf(text, sizeof(text), "kprobes/kml_no%d", i);
		fd = count_event(text, 0);
		EXPECT_GT(0, fd)
			TH_LOG("a kprobe on %s", where[i]);
		close(fd);
		snprintf(text, sizeof(text), "+-:kml_no%d\n", i);
		write_to("kprobe_events", text);
	}
}

/* The file's offset of an address in this program. */
static long file_offset(const void *addr, char *path, size_t size)
{
	unsigned long from, to, offset, a = (unsigned long)addr;
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512], perms[8];
	long found = -1;
	ssize_t n;

	while (maps && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %7s %lx", &from, &to, perms, &offset) == 4 &&
		    a >= from && a < to) {
			found = offset + (a - from);
			break;
		}
	}
	if (maps)
		fclose(maps);
	n = readlink("/proc/self/exe", path, size - 1);
	path[n < 0 ? 0 : n] = 0;
	return found;
}

static bool uprobe(char kind, const char *name, const void *addr)
{
	char path[200], text[300];
	long offset = file_offset(addr, path, sizeof(path));

	snprintf(text, sizeof(text), "+%c:%s %s:0x%lx\n", kind, name, path, offset);
	return have_tracefs() && write_to("uprobe_events", text);
}

/*
 * A breakpoint on the call of the entry: the copy of it that is stepped over pushes
 * a wrong return address, which is to be mended before the system call. (SYSCALL
 * cannot be stepped over in a copy, on any kernel: the step ends too late.)
 */
TEST(uprobe_on_call)
{
	greg_t regs[NGREG];
	int fd, i;

	if (!kml_call_entry())
		SKIP(return, "no AT_SYSINFO: this kernel has no call entry");
	if (!uprobe('p', "kml_insn", kml_do_call_entry))
		SKIP(return, "no uprobes: needs UPROBE_EVENTS");
	ASSERT_EQ(0, kml_catch_all());
	fd = count_event("uprobes/kml_insn", 0);
	EXPECT_LE(0, fd);
	for (i = 1; i <= ROUNDS; i++) {
		kml_regs_init(regs, kml_do_call_entry);
		regs[REG_RAX] = SYS_getppid;
		kml_trap(regs);
		EXPECT_EQ(SIGTRAP, kml_last.sig);
		EXPECT_EQ((unsigned long)kml_after_call_entry + 1,
			  (unsigned long)kml_last.regs[REG_RIP]);
		EXPECT_REGS_KEPT(regs, KML_SYSCALL_REGS);
		EXPECT_EQ(getppid(), kml_last.regs[REG_RAX]);
	}
	EXPECT_EQ(ROUNDS, counted(fd));
	close(fd);
	EXPECT_TRUE(write_to("uprobe_events", "+-:kml_insn\n"));
}

TEST(uprobes_on_instructions)
{
	static const struct {
		const char *insn;
		const char *after;
	} stubs[] = {
		{ kml_do_load, kml_after_load },
		{ kml_do_store, kml_after_store },
		{ kml_do_push, kml_after_push },
		{ kml_do_pop, kml_after_pop },
		{ kml_do_divss, kml_after_divss },
	};
	static unsigned long word;
	greg_t regs[NGREG];
	char name[64];
	int fd, i, j;

	ASSERT_EQ(0, kml_catch_all());
	for (i = 0; i < ARRAY_SIZE(stubs); i++) {
		snprintf(name, sizeof(name), "kml_stub%d", i);
		if (!uprobe('p', name, stubs[i].insn))
			SKIP(return, "no uprobes: needs UPROBE_EVENTS");
		snprintf(name, sizeof(name), "uprobes/kml_stub%d", i);
		fd = count_event(name, 0);
		EXPECT_LE(0, fd);
		for (j = 0; j < 20; j++) {
			kml_regs_init(regs, stubs[i].insn);
			regs[REG_RAX] = (greg_t)&word;
			kml_trap(regs);
			EXPECT_EQ(SIGTRAP, kml_last.sig);
			EXPECT_EQ((unsigned long)stubs[i].after + 1,
				  (unsigned long)kml_last.regs[REG_RIP]);
			EXPECT_REGS_KEPT(regs, KML_REG(RDX) | KML_REG(RSP));
			EXPECT_EQ(kml_flags(regs), kml_flags(kml_last.regs));
		}
		EXPECT_EQ(20, counted(fd));
		close(fd);
		snprintf(name, sizeof(name), "+-:kml_stub%d\n", i);
		EXPECT_TRUE(write_to("uprobe_events", name));
	}
	/* A fault in an instruction that is stepped over. */
	ASSERT_TRUE(uprobe('p', "kml_fault", kml_do_load));
	fd = count_event("uprobes/kml_fault", 0);
	EXPECT_LE(0, fd);
	kml_regs_init(regs, kml_do_load);
	regs[REG_RAX] = 8;
	kml_trap(regs);
	EXPECT_EQ(SIGSEGV, kml_last.sig);
	EXPECT_EQ((void *)8, kml_last.addr);
	EXPECT_EQ((unsigned long)kml_do_load, (unsigned long)kml_last.regs[REG_RIP]);
	EXPECT_REGS_KEPT(regs, 0);
	close(fd);
	EXPECT_TRUE(write_to("uprobe_events", "+-:kml_fault\n"));
}

static bool have_trampoline(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	bool found = false;
	char line[512];

	while (maps && fgets(line, sizeof(line), maps))
		found |= !!strstr(line, "[uprobes-trampoline]");
	if (maps)
		fclose(maps);
	return found;
}

/*
 * Linux 7.3 turns a NOP of ten bytes into a call of a trampoline below the red zone. The
 * trampoline makes a system call of its own, uprobe(), which replaces registers. Other
 * kernels leave the breakpoint. Neither may show.
 */
TEST(uprobe_on_nop)
{
	const unsigned long word = 0x0123456789abcdefUL;
	unsigned long *zone;
	greg_t regs[NGREG];
	int fd, i, j;

	if (!uprobe('p', "kml_nop", kml_do_nop10))
		SKIP(return, "no uprobes: needs UPROBE_EVENTS");
	ASSERT_EQ(0, kml_catch_all());
	fd = count_event("uprobes/kml_nop", 0);
	/* 524 is ENOTSUPP. Kernels with uprobe() know that CS has no effect on a NOP. */
	if (fd < 0 && errno == 524 && syscall(336) == -1 && errno == ENOSYS) {
		EXPECT_TRUE(write_to("uprobe_events", "+-:kml_nop\n"));
		SKIP(return, "this kernel probes no instruction with a prefix of CS");
	}
	ASSERT_LE(0, fd);
	for (i = 0; i < ROUNDS; i++) {
		kml_regs_init(regs, kml_do_nop10);
		regs[REG_EFL] |= FL_CF | FL_ZF;
		zone = (unsigned long *)regs[REG_RSP] - 16;
		for (j = 0; j < 16; j++)
			zone[j] = word + j;
		kml_trap(regs);
		EXPECT_EQ(SIGTRAP, kml_last.sig);
		EXPECT_EQ((unsigned long)kml_after_nop10 + 1,
			  (unsigned long)kml_last.regs[REG_RIP]);
		EXPECT_REGS_KEPT(regs, 0);
		EXPECT_EQ(kml_flags(regs), kml_flags(kml_last.regs));
		for (j = 0; j < 16; j++)
			EXPECT_EQ(word + j, zone[j]);
	}
	EXPECT_EQ(ROUNDS, counted(fd));
	/* uprobe() refuses who is not the trampoline. */
	if (syscall(336) == -1 && errno == EPROTO)
		EXPECT_TRUE(have_trampoline());
	close(fd);
	EXPECT_TRUE(write_to("uprobe_events", "+-:kml_nop\n"));
}

/* Returns of a function by the kernel's trampoline, which makes a system call. */
static __attribute__((__noinline__)) long probed(long (*nr)(long nr, ...))
{
	return nr(SYS_getppid) + 1;
}

TEST_F(by, uretprobe)
{
	int fd, i;

	if (!uprobe('r', "kml_ret", probed))
		SKIP(return, "no uprobes: needs UPROBE_EVENTS");
	fd = count_event("uprobes/kml_ret", 0);
	EXPECT_LE(0, fd);
	for (i = 0; i < ROUNDS; i++)
		EXPECT_EQ(getppid() + 1, probed(variant->nr));
	EXPECT_EQ(ROUNDS, counted(fd));
	close(fd);
	EXPECT_TRUE(write_to("uprobe_events", "+-:kml_ret\n"));
}

/* The functions that the kernel runs for a process, its entry code excepted. */
TEST_F(by, function_tracer)
{
	char line[512];
	long seen = 0;
	FILE *trace;
	int i;

	if (!have_tracefs() || !write_to("set_ftrace_filter", "*sys_getppid\n") ||
	    !write_to("current_tracer", "function"))
		SKIP(return, "no function tracer: needs FUNCTION_TRACER");
	for (i = 0; i < ROUNDS; i++)
		variant->nr(SYS_getppid);
	write_to("tracing_on", "0");
	trace = fopen(TRACEFS "/trace", "r");
	ASSERT_NE(NULL, trace);
	while (fgets(line, sizeof(line), trace))
		seen += !!strstr(line, "sys_getppid");
	fclose(trace);
	EXPECT_EQ(ROUNDS, seen);
	write_to("current_tracer", "function_graph");
	write_to("tracing_on", "1");
	for (i = 0; i < ROUNDS; i++)
		variant->nr(SYS_getppid);
	EXPECT_TRUE(write_to("current_tracer", "nop"));
	EXPECT_TRUE(write_to("set_ftrace_filter", "\n"));
}

/*
 * All functions of the kernel, under signals and page faults: whatever entry code
 * calls before the kernel knows where it is must not be among them.
 */
TEST_F_TIMEOUT(by, function_graph_of_all, 120)
{
	char *p = mmap(NULL, 16 * 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	static const char * const tracers[] = { "function", "function_graph" };
	int i, j, t;

	ASSERT_NE(MAP_FAILED, p);
	for (t = 0; t < ARRAY_SIZE(tracers); t++) {
		if (!have_tracefs() || !write_to("current_tracer", tracers[t]))
			SKIP(return, "no %s: needs FUNCTION_GRAPH_TRACER", tracers[t]);
		for (i = 0; i < 50; i++) {
			madvise(p, 16 * 4096, MADV_DONTNEED);
			for (j = 0; j < 16; j++)
				p[j * 4096] = 1;
			BY_TRAP(SYS_getppid);
			kml_trap(self->regs);
			EXPECT_CALLED();
			kml_regs_init(self->regs, kml_do_spin);
			kml_trap_timer(self->regs, 1000);
			EXPECT_EQ(SIGALRM, kml_last.sig);
			EXPECT_REGS_KEPT(self->regs, 0);
		}
		EXPECT_TRUE(write_to("current_tracer", "nop"));
	}
	munmap(p, 16 * 4096);
}

static long bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

/* A program that has a tracepoint count, or not. */
static int load_verdict(int verdict)
{
	struct bpf_insn prog[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = verdict },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_TRACEPOINT,
		.insn_cnt = ARRAY_SIZE(prog),
		.insns = (unsigned long)prog,
		.license = (unsigned long)"GPL",
	};

	return bpf(BPF_PROG_LOAD, &attr);
}

TEST_F(by, bpf_at_tracepoint)
{
	int fd, prog, verdict, i;

	for (verdict = 0; verdict < 2; verdict++) {
		prog = load_verdict(verdict);
		if (prog < 0)
			SKIP(return, "no BPF: needs BPF_SYSCALL and BPF_EVENTS");
		NEED_EVENT(fd, "syscalls/sys_enter_getppid", "FTRACE_SYSCALLS");
		ASSERT_EQ(0, ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog));
		for (i = 0; i < ROUNDS; i++)
			variant->nr(SYS_getppid);
		EXPECT_EQ(verdict * ROUNDS, counted(fd));
		close(fd);
		close(prog);
	}
}

/*
 * Samples taken in NMIs, with the call chain and the stack of the process, whose
 * pages are absent: page faults in NMIs, wherever those strike. Somebody has to
 * send NMIs meanwhile (scripts/test/kselftest.sh --nmi).
 */
TEST_F_TIMEOUT(by, stack_walked_in_nmi, 60)
{
	static const unsigned long bad[] = {
		0, 0x1001, KML_NONCANON, KML_KERNEL_HOLE, 0x00007fffffffeff8, 1,
	};
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.sample_period = 1,
		.sample_type = PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_REGS_USER |
			       PERF_SAMPLE_STACK_USER,
		.sample_regs_user = 1 << 7,	/* SP */
		.sample_stack_user = 4096,
		.wakeup_events = 1 << 30,
	};
	unsigned long long end;
	struct perf_event_mmap_page *ring;
	int fd, probe, i;
	char *p;

	NEED_EVENT(probe, "nmi/nmi_handler", "FTRACE");
	close(probe);
	attr.config = event_id("nmi/nmi_handler");
	fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
	ASSERT_LE(0, fd);
	/* perf drops samples that do not fit, but walks their stacks all the same. */
	ring = mmap(NULL, 9 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, ring);
	p = mmap(NULL, 64 * 4096, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, p);
	end = kml_now_ns() + 1500000000;
	do {
		for (i = 0; i < ARRAY_SIZE(bad); i++) {
			/* Exceptions with a stack and a frame that are not there. */
			kml_regs_init(self->regs, kml_do_int3);
			self->regs[REG_RSP] = bad[i];
			self->regs[REG_RBP] = bad[ARRAY_SIZE(bad) - 1 - i];
			kml_trap(self->regs);
			EXPECT_EQ(SIGTRAP, kml_last.sig);
			EXPECT_REGS_KEPT(self->regs, 0);
			/* Page faults, and system calls on a stack just dropped. */
			madvise(p, 64 * 4096, MADV_DONTNEED);
			BY_TRAP(SYS_getppid);
			self->regs[REG_RSP] = (greg_t)(p + 32 * 4096);
			self->regs[REG_RBP] = (greg_t)(p + 48 * 4096);
			kml_trap(self->regs);
			EXPECT_CALLED();
			EXPECT_EQ(getppid(), kml_last.regs[REG_RAX]);
			ring->data_tail = ring->data_head;
		}
	} while (kml_now_ns() < end);
	i = counted(fd);
	close(fd);
	munmap(ring, 9 * 4096);
	munmap(p, 64 * 4096);
	printf("# %d NMIs\n", i);
	if (i <= 0)
		SKIP(return, "no NMI came");
}

/*
 * A breakpoint on the pointer to the task's stack hits while frames are on the entry
 * stack: kml_leave_entry_stack() looks whether that of a page fault in the kernel fits.
 * NMIs hit the handler of #DB at each of its instructions, and page faults nest in them.
 */
TEST(watched_stack_in_nmi)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.sample_period = 1,
		.sample_type = PERF_SAMPLE_STACK_USER | PERF_SAMPLE_REGS_USER |
			       PERF_SAMPLE_CALLCHAIN,
		.sample_regs_user = 1 << 7,	/* SP */
		.sample_stack_user = 4096,
		.wakeup_events = 1 << 30,
	};
	struct perf_event_mmap_page *ring;
	unsigned long long start;
	int fd, probe, bp, zero, i;
	unsigned long place;
	char *p;

	NEED_EVENT(probe, "nmi/nmi_handler", "FTRACE");
	close(probe);
	kml_pin(0);
	place = kml_on() ? kml_stack_pointer() : 0;
	if (!place)
		SKIP(return, "no fast path that tells where task_struct is");
	bp = kml_watch(place, HW_BREAKPOINT_RW, false);
	if (bp < 0)
		SKIP(return, "no breakpoint: %s", strerror(errno));
	attr.config = event_id("nmi/nmi_handler");
	fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
	ASSERT_LE(0, fd);
	ring = mmap(NULL, 9 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, ring);
	zero = open("/dev/zero", O_RDONLY);
	ASSERT_LE(0, zero);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, p);
	ASSERT_EQ(0, ioctl(bp, PERF_EVENT_IOC_ENABLE, 0));
	start = kml_now_ns();
	do {
		for (i = 0; i < 100; i++) {
			/* The kernel faults, and has other page faults in NMIs. */
			madvise(p, 4096, MADV_DONTNEED);
			ASSERT_EQ(1, read(zero, p + i, 1));
		}
		ring->data_tail = ring->data_head;
		/* Wait for NMIs only if there are some. */
		i = counted(fd) > 0 ? 4000 : 500;
	} while (kml_now_ns() < start + i * 1000000ULL);
	ioctl(bp, PERF_EVENT_IOC_DISABLE, 0);
	i = counted(fd);
	printf("# %d NMIs, %ld hits\n", i, kml_watch_hits(bp));
	if (!kml_watch_hits(bp))
		SKIP(return, "nothing reads it: needs VMAP_STACK");
	close(zero);
	close(bp);
	close(fd);
	munmap(p, 4096);
	munmap(ring, 9 * 4096);
	if (i <= 0)
		SKIP(return, "no NMI came");
}

TEST_HARNESS_MAIN
