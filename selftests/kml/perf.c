// SPDX-License-Identifier: GPL-2.0
/*
 * Check samples that perf takes of processes: mode, address, registers and stack.
 *
 * perf decides by the interrupted frame whether it samples the kernel or the process, and
 * then walks the stack of one or the other. For a process it reads memory that may fault,
 * in interrupt context. The tests open an event on themselves, compute or call the kernel
 * on the worst stacks there are, and then look at each sample in the ring buffer.
 */
#include <asm/vsyscall.h>
#include <linux/perf_event.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include "kml_call.h"

#define RING_PAGES	64
#define PERIOD_NS	200000

/* Registers of a sample, by number of enum perf_event_x86_regs. */
#define REG_BIT(_n)	(1ULL << (_n))
#define PREG_BX		1
#define PREG_SP		7
#define PREG_IP		8
#define PREG_FLAGS	9
#define PREG_CS		10
#define PREG_SS		11
#define PREG_MASK	(REG_BIT(PREG_BX) | REG_BIT(PREG_SP) | REG_BIT(PREG_IP) | \
			 REG_BIT(PREG_FLAGS) | REG_BIT(PREG_CS) | REG_BIT(PREG_SS))

struct counts {
	unsigned long total, user, kernel, chains, stacks;
	unsigned long bad_ip, bad_regs, bad_chain;
	/* In the part of the entry that pushes registers, and those that have some. */
	unsigned long pushing, pushed;
	/* Chains that begin at a place, and those of them that go on to another. */
	unsigned long place, caller, at_place, from_caller;
};

FIXTURE(perf)
{
	int fd;
	struct perf_event_mmap_page *ring;
	struct counts n;
	greg_t regs[NGREG];
};

FIXTURE_SETUP(perf)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.size = sizeof(attr),
		.sample_period = PERIOD_NS,
		.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_CALLCHAIN |
			       PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER,
		.sample_regs_user = PREG_MASK,
		.sample_stack_user = 64,
		.disabled = 1,
	};

	self->ring = MAP_FAILED;
	ASSERT_EQ(0, kml_catch_all());
	self->fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
	if (self->fd < 0 && (errno == ENOSYS || errno == EACCES || errno == EPERM))
		SKIP(return, "no perf_event_open(): %s", strerror(errno));
	ASSERT_LE(0, self->fd);
	self->ring = mmap(NULL, (RING_PAGES + 1) * 4096, PROT_READ | PROT_WRITE,
			  MAP_SHARED, self->fd, 0);
	ASSERT_NE(MAP_FAILED, self->ring);
}

FIXTURE_TEARDOWN(perf)
{
	if (self->ring != MAP_FAILED)
		munmap(self->ring, (RING_PAGES + 1) * 4096);
	if (self->fd >= 0)
		close(self->fd);
}

struct sample {
	__u64 ip, nr;
	__u64 chain[];
};

/* A process or the kernel may stand in the call entry: its ends are of both. */
static bool in_entry(__u64 ip)
{
	unsigned long entry = kml_call_entry();

	return entry && ip - entry < 4096;
}

/*
 * Is @ip in the part of the call entry that pushes the registers of the process, from
 * the instruction behind the load of RSP to the one that makes room for the others?
 * There, the memory of the registers still has those of the system call before.
 */
static bool pushing(__u64 ip)
{
	static unsigned long begin, end;
	unsigned long entry = kml_call_entry(), p;

	/* In ring 0 the code can be read: MOV from memory to RSP, and LEA of RSP. */
	for (p = entry; entry && !end && p < entry + 128; p++) {
		if (!begin && !memcmp((void *)p, "\x48\x8b\x25", 3))
			begin = p + 7;
		if (!begin && !memcmp((void *)p, "\x48\x8b\x24\x25", 4))
			begin = p + 8;
		if (begin && !memcmp((void *)p, "\x48\x8d\x64\x24\x88", 5))
			end = p;
	}
	return end && ip >= begin && ip <= end;
}

/* Is @ip where a process stands, the vsyscall page included? */
static bool user_ip(__u64 ip)
{
	return ip < KML_TASK_END || ip - VSYSCALL_ADDR < 4096;
}

/* Count all samples in the ring buffer. */
static void read_samples(struct perf_event_mmap_page *ring, struct counts *n)
{
	char *base = (char *)ring + 4096;
	__u64 head = __atomic_load_n(&ring->data_head, __ATOMIC_ACQUIRE);
	__u64 tail = ring->data_tail;
	static char flat[65536] __aligned(8);

	while (tail < head) {
		struct perf_event_header *h = (void *)flat;
		struct sample *s = (void *)(h + 1);
		bool user;
		__u64 i, context = 0;
		size_t size;

		for (i = 0; i < sizeof(*h); i++)
			flat[i] = base[(tail + i) % (RING_PAGES * 4096)];
		size = h->size;
		for (; i < size; i++)
			flat[i] = base[(tail + i) % (RING_PAGES * 4096)];
		tail += size;
		if (h->type != PERF_RECORD_SAMPLE)
			continue;
		n->total++;
		user = (h->misc & PERF_RECORD_MISC_CPUMODE_MASK) ==
			PERF_RECORD_MISC_USER;
		if (user)
			n->user++;
		else
			n->kernel++;
		if (user != user_ip(s->ip) && !in_entry(s->ip))
			n->bad_ip = s->ip;
		for (i = 0; i < s->nr; i++) {
			if (s->chain[i] >= (__u64)PERF_CONTEXT_MAX) {
				context = s->chain[i];
				continue;
			}
			/* The first entry of the user's part. */
			if (context == (__u64)PERF_CONTEXT_USER) {
				n->chains++;
				if (!user_ip(s->chain[i]) && !in_entry(s->chain[i]))
					n->bad_chain = s->chain[i];
				if (n->place && s->chain[i] == n->place) {
					n->at_place++;
					n->from_caller += i + 1 < s->nr &&
						s->chain[i + 1] == n->caller;
				}
				context = 0;
			}
		}
		if (!user && pushing(s->ip)) {
			n->pushing++;
			n->pushed += s->chain[s->nr] != PERF_SAMPLE_REGS_ABI_NONE;
		}
		/* abi; the registers in order of their numbers; the stack. */
		if (s->chain[s->nr] == PERF_SAMPLE_REGS_ABI_64) {
			__u64 *r = &s->chain[s->nr + 1];

			/* perf leaves in what FRED adds to CS and SS in pt_regs. */
			if ((r[4] & 0xffff) != KML_ABI_CS || (r[5] & 0xffff) != KML_ABI_SS ||
			    !(r[3] & FL_IF) || (user && r[2] != s->ip))
				n->bad_regs++;
			if (r[6] && *(__u64 *)((char *)&r[7] + r[6]))
				n->stacks++;
		}
	}
	__atomic_store_n(&ring->data_tail, tail, __ATOMIC_RELEASE);
}

#define REPORT() do { \
	read_samples(self->ring, &self->n); \
	printf("# %lu samples: %lu user, %lu kernel; %lu chains, %lu stacks\n", \
	       self->n.total, self->n.user, self->n.kernel, self->n.chains, \
	       self->n.stacks); \
	EXPECT_EQ(0, self->n.bad_ip) \
		TH_LOG("ip %#lx", self->n.bad_ip); \
	EXPECT_EQ(0, self->n.bad_chain) \
		TH_LOG("chain begins at %#lx", self->n.bad_chain); \
	EXPECT_EQ(0, self->n.bad_regs); \
	EXPECT_EQ(0, self->n.pushed) \
		TH_LOG("%lu samples in entry code", self->n.pushing); \
} while (0)

/* A process that computes is sampled as one. */
TEST_F(perf, computing)
{
	unsigned long long end = kml_now_ns() + 400000000;
	volatile unsigned long n = 0;

	ASSERT_EQ(0, ioctl(self->fd, PERF_EVENT_IOC_ENABLE, 0));
	do {
		int i;

		for (i = 0; i < 100000; i++)
			n++;
	} while (kml_now_ns() < end);
	ASSERT_EQ(0, ioctl(self->fd, PERF_EVENT_IOC_DISABLE, 0));
	REPORT();
	EXPECT_LT(10, self->n.total);
	EXPECT_LT(self->n.total / 2, self->n.user);
	EXPECT_LT(0, self->n.chains);
	EXPECT_LT(0, self->n.stacks);
}

/* System calls by both entries. */
TEST_F(perf, system_calls)
{
	unsigned long long end = kml_now_ns() + 600000000;
	bool call = kml_call_entry();
	char *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i;

	ASSERT_NE(MAP_FAILED, p);
	ASSERT_EQ(0, ioctl(self->fd, PERF_EVENT_IOC_ENABLE, 0));
	do {
		for (i = 0; i < 500; i++) {
			syscall(SYS_getppid);
			if (call)
				EXPECT_EQ(getppid(), kml_by_call(SYS_getppid));
		}
		madvise(p, 65536, MADV_DONTNEED);
		for (i = 0; i < 16; i++)
			p[i * 4096] = 1;
	} while (kml_now_ns() < end);
	ASSERT_EQ(0, ioctl(self->fd, PERF_EVENT_IOC_DISABLE, 0));
	REPORT();
	EXPECT_LT(10, self->n.total);
	EXPECT_LT(0, self->n.kernel);
}

/* While the kernel works for it, a process has the frame pointer it came with. */
static void expect_caller(struct __test_metadata *_metadata,
			  struct _test_data_perf *self, const char *insn,
			  const char *after)
{
	static const unsigned long frame[2] __aligned(16) = { 0, 0x5eed000 };
	unsigned long long end = kml_now_ns() + 400000000;
	const size_t size = 4 << 20;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open("/dev/zero", O_RDONLY);

	ASSERT_NE(MAP_FAILED, p);
	ASSERT_LE(0, fd);
	self->n.place = (unsigned long)after;
	self->n.caller = frame[1];
	ASSERT_EQ(0, ioctl(self->fd, PERF_EVENT_IOC_ENABLE, 0));
	do {
		kml_regs_init(self->regs, insn);
		self->regs[REG_RAX] = SYS_read;
		self->regs[REG_RDI] = fd;
		self->regs[REG_RSI] = (greg_t)p;
		self->regs[REG_RDX] = size;
		self->regs[REG_RBP] = (greg_t)frame;
		kml_trap(self->regs);
		EXPECT_EQ(size, kml_last.regs[REG_RAX]);
	} while (kml_now_ns() < end);
	ASSERT_EQ(0, ioctl(self->fd, PERF_EVENT_IOC_DISABLE, 0));
	REPORT();
	EXPECT_LT(10, self->n.at_place);
	/* A sample can come before the registers are saved, though few do. */
	EXPECT_LE(self->n.at_place - self->n.at_place / 10, self->n.from_caller);
	close(fd);
	munmap(p, size);
}

TEST_F(perf, caller_by_syscall)
{
	expect_caller(_metadata, self, kml_do_syscall, kml_after_syscall);
}

TEST_F(perf, caller_by_call)
{
	if (!kml_call_entry())
		SKIP(return, "no AT_SYSINFO: this kernel has no call entry");
	expect_caller(_metadata, self, kml_do_call_entry, kml_after_call_entry);
}

/* Stacks and frame pointers that a stack walk must not follow. */
TEST_F(perf, bad_stacks)
{
	static const unsigned long bad[] = {
		0, 8, 0x1001, KML_NONCANON, 0x8000000000000000,
		KML_KERNEL_HOLE, 0xffffffff81000000, 0xfffffffffffffff8,
		0x00007fffffffeff8,
	};
	int i, j;

	ASSERT_EQ(0, ioctl(self->fd, PERF_EVENT_IOC_ENABLE, 0));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		for (j = 0; j < 2; j++) {
			kml_regs_init(self->regs, kml_do_spin);
			self->regs[REG_RSP] = bad[i];
			self->regs[REG_RBP] = j ? bad[i] : KML_KERNEL_HOLE;
			kml_trap_timer(self->regs, 15000);
			EXPECT_EQ(SIGALRM, kml_last.sig);
			EXPECT_REGS_KEPT(self->regs, 0);
		}
	}
	ASSERT_EQ(0, ioctl(self->fd, PERF_EVENT_IOC_DISABLE, 0));
	REPORT();
	EXPECT_LT(10, self->n.total);
	EXPECT_LT(0, self->n.user);
}

TEST_HARNESS_MAIN
