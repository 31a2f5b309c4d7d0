// SPDX-License-Identifier: GPL-2.0
/*
 * The guest of the experiment syscall: PID 1 of a machine that does nothing else. Measures
 * system calls through the SYSCALL instruction and, where the kernel has it, through the
 * call entry, directly and by a stub. Prints rows with what one call costs: the difference
 * between a loop with it and the same loop, same registers loaded, without. For the call
 * entry that includes the two instructions that step over the red zone and back.
 *
 * The kernel's command line says what to measure: bench_unit=instructions|ns,
 * bench_call=NAME for one of the calls only, which may be one that is not among them
 * otherwise.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "../../init/status.h"

#include "guest.h"

/* The place in the vsyscall page where the kernel says where its entry is. */
#define CALL_ENTRY		0xffffffffff600c00
#define STRING_(x)		#x
#define STRING(x)		STRING_(x)

/*
 * long loop_ENTRY(unsigned long n, long nr, long arg0, void *arg1, long arg2):
 * n system calls, result of the last one. No memory but the call's own is
 * touched. bench callpath lists what lies between loop_ENTRY_site and _end.
 */
#define LOOP(entry, enter)				\
	asm(".text\n"					\
	    ".p2align 6\n"				\
	    ".type loop_" entry ", @function\n"		\
	    "loop_" entry ":\n"				\
	    "	pushq	%rbx\n"				\
	    "	pushq	%r12\n"				\
	    "	pushq	%r13\n"				\
	    "	pushq	%r14\n"				\
	    "	pushq	%r15\n"				\
	    "	movq	%rdi, %rbx\n"			\
	    "	movl	%esi, %r12d\n"			\
	    "	movq	%rdx, %r13\n"			\
	    "	movq	%rcx, %r14\n"			\
	    "	movq	%r8, %r15\n"			\
	    ".p2align 6\n"				\
	    "1:	movl	%r12d, %eax\n"			\
	    "	movq	%r13, %rdi\n"			\
	    "	movq	%r14, %rsi\n"			\
	    "	movq	%r15, %rdx\n"			\
	    "loop_" entry "_site:\n"			\
	    enter					\
	    "loop_" entry "_end:\n"			\
	    "	decq	%rbx\n"				\
	    "	jnz	1b\n"				\
	    "	popq	%r15\n"				\
	    "	popq	%r14\n"				\
	    "	popq	%r13\n"				\
	    "	popq	%r12\n"				\
	    "	popq	%rbx\n"				\
	    "	ret\n"					\
	    ".size loop_" entry ", . - loop_" entry "\n")

typedef long loop_fn(unsigned long n, long nr, long arg0, void *arg1, long arg2);

LOOP("nothing", "");
LOOP("syscall", "	syscall\n");
/* The CALL pushes the return address, which must not hit the red zone. */
LOOP("call", "	leaq	-128(%rsp), %rsp\n"
	     "	callq	*" STRING(CALL_ENTRY) "\n"
	     "	leaq	128(%rsp), %rsp\n");

/* As scripts/callsites has it in the place of SYSCALL and a comparison */
LOOP("stub", "	callq	stub\n");
asm("stub:\n\t"
	"movl	%cs, %ecx\n\t"
	"testb	$3, %cl\n\t"
	"jnz	1f + 4\n\t"
	"movq	$" STRING(CALL_ENTRY) " - 0x050f0000, %rcx\n"
	"1:	callq	*0x050f0000(%rcx)\n\t"
	"cmpq	$-4096, %rax\n\t"
	"ret\n");

loop_fn loop_nothing, loop_syscall, loop_call, loop_stub;

static const struct {
	const char *suffix;
	loop_fn *loop;
} entries[] = {
	{ "", loop_nothing },
	{ "-syscall", loop_syscall },
	{ "-call", loop_call },
	{ "-stub", loop_stub },
};

static char byte;

static struct iovec iov = { &byte, 1 };
static struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
static struct epoll_event event;
static struct timespec now_is;
static unsigned int futex;

/* Each gives a file descriptor. */
static int open_zero(void)
{
	return open("/dev/zero", O_RDWR);
}

static int open_null(void)
{
	return open("/dev/null", O_RDWR);
}

/* A datagram socket of the loopback device, connected to itself. */
static int datagrams(void)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	socklen_t size = sizeof(a);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) || bind(fd, (void *)&a, size) ||
	    getsockname(fd, (void *)&a, &size) ||
	    connect(fd, (void *)&a, size) || write(fd, &byte, 1) != 1)
		return -1;
	return fd;
}

/* Something is always there. */
static int ready(void)
{
	int fd = eventfd(1, 0), epoll = epoll_create1(0);
	struct epoll_event e = { .events = EPOLLIN };

	if (fd < 0 || epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e))
		return -1;
	return epoll;
}

static struct call {
	const char *name;
	long nr;
	int (*open)(void);
	bool extra;
	long arg0;
	void *arg1;
	long arg2;
	long result;
} calls[] = {
	{ "null", SYS_getppid, NULL, false, 0, NULL, 0, 0 },
	{ "read", SYS_read, open_zero, false, 0, &byte, 1, 1 },
	{ "write", SYS_write, open_null, false, 0, &byte, 1, 1 },
	/* On its way through the network; what nobody has read is dropped at last. */
	{ "sendmsg", SYS_sendmsg, datagrams, true, 0, &message, 0, 1 },
	{ "recvmsg", SYS_recvmsg, datagrams, true, 0, &message, MSG_PEEK, 1 },
	{ "epoll_wait", SYS_epoll_wait, ready, true, 0, &event, 1, 1 },
	{ "clock_gettime", SYS_clock_gettime, NULL, true, CLOCK_MONOTONIC, &now_is, 0, 0 },
	{ "futex", SYS_futex, NULL, true, (long)&futex, (void *)FUTEX_WAKE_PRIVATE, 1, 0 },
};

#define ENTRIES		(sizeof(entries) / sizeof(entries[0]))
#define CALLS		(sizeof(calls) / sizeof(calls[0]))
#define BATCHES		401

static double cost[CALLS][ENTRIES][BATCHES];

/* PID 1 ends by ending the machine. */
__attribute__((noreturn))
static void power_off(int status, void *unused)
{
	(void)unused;
	fflush(stdout);
	tcdrain(STDOUT_FILENO);
	/* lupine run takes the result from there. */
	if (!status_tell(status))
		puts("the kernel lets nobody tell the exit status: X86_IOPL_IOPERM is off");
	reboot(RB_AUTOBOOT);
	/* It takes a while. */
	for (;;)
		pause();
}

static unsigned long rdtsc(void)
{
	unsigned int low, high;

	asm volatile("rdtsc" : "=a" (low), "=d" (high) : : "memory");
	return (unsigned long)high << 32 | low;
}

/*
 * With QEMU's -icount shift=0 the time stamp counter goes on by one with every
 * instruction. Whoever forgets the option shall be told.
 */
static void check_instruction_count(void)
{
	unsigned long least = -1UL, t;
	int i;

	for (i = 0; i < 5; i++) {
		t = rdtsc();
		loop_nothing(1000, 0, 0, NULL, 0);
		t = rdtsc() - t;
		if (t < least)
			least = t;
	}
	/* 6 each turn, and a few around. */
	if (least < 6000 || least > 6040)
		fail("6000 instructions count as %lu: not under -icount shift=0", least);
}

static double batch(unsigned long (*now)(void), const struct call *c, loop_fn *loop,
		    unsigned long n)
{
	unsigned long t;
	long result;

	t = now();
	result = loop(n, c->nr, c->arg0, c->arg1, c->arg2);
	t = now() - t;
	if (loop != loop_nothing && result != c->result)
		fail("%s gives %ld instead of %ld", c->name, result, c->result);
	return (double)t / n;
}

static int call_entry_exists(void)
{
	unsigned long entry = getauxval(AT_SYSINFO);

	if (!entry)
		return 0;
	/* Only the kernel that has the entry has the page readable. */
	if (entry != *(unsigned long *)CALL_ENTRY)
		fail("AT_SYSINFO and the vsyscall page disagree about the call entry");
	return 1;
}

static bool wanted(const struct call *c, const char *only)
{
	return only ? !strcmp(only, c->name) : !c->extra;
}

static void print_row(const char *call, const char *suffix, double value)
{
	char metric[64];

	snprintf(metric, sizeof(metric), "%s-%s", call, counts_instructions() ? "instructions" :
		 "ns");
	row("syscall", suffix, metric, -1, counts_instructions() ? "instructions" : "ns", value);
}

int main(void)
{
	const char *unit = getenv("bench_unit"), *only = getenv("bench_call");
	unsigned long (*now)(void) = now_ns;
	unsigned long n = 2000;
	size_t batches = BATCHES, n_entries = ENTRIES, b, c, e, at;
	unsigned short cs;
	double value;

	if (getpid() != 1) {
		fprintf(stderr, "This is an init: see scripts/bench/bench run --help.\n");
		return 1;
	}
	on_exit(power_off, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!unit)
		unit = "ns";
	if (!strcmp(unit, "instructions")) {
		/* Exact, so few will do; most see no timer interrupt. */
		now = rdtsc;
		n = 200;
		batches = 15;
		check_instruction_count();
	} else if (strcmp(unit, "ns")) {
		fail("bench_unit=%s is neither instructions nor ns", unit);
	} else {
		check_clock();
	}
	asm("movw %%cs, %0" : "=r" (cs));
	if (!call_entry_exists())
		n_entries -= 2;

	for (c = 0; c < CALLS; c++) {
		if (!calls[c].open || !wanted(&calls[c], only))
			continue;
		calls[c].arg0 = calls[c].open();
		if (calls[c].arg0 < 0)
			fail("%s: %s", calls[c].name, strerror(errno));
	}

	/*
	 * Turn by turn, so that a disturbance hits all alike. The first batch
	 * warms up and is written over.
	 */
	for (b = 0; b < batches + 1; b++)
		for (c = 0; c < CALLS; c++)
			for (e = 0; e < n_entries; e++)
				if (wanted(&calls[c], only))
					cost[c][e][b ? b - 1 : 0] =
						batch(now, &calls[c], entries[e].loop, n);

	for (c = 0; c < CALLS; c++) {
		if (!wanted(&calls[c], only))
			continue;
		for (e = 0; e < n_entries; e++) {
			qsort(cost[c][e], batches, sizeof(double), compare_doubles);
			/*
			 * Time: what is usual. Instructions: what it is without
			 * an interrupt, which must be true for most.
			 */
			at = now == now_ns ? batches / 2 : 0;
			value = cost[c][e][at] - cost[c][0][at];
			if (now == rdtsc && cost[c][e][batches / 2] != cost[c][e][0])
				fail("the instructions of %s vary from %.3f to %.3f",
				     calls[c].name, cost[c][e][0],
				     cost[c][e][batches / 2]);
			if (e)
				print_row(calls[c].name, cs & 3 ? "" : entries[e].suffix, value);
		}
	}
	return 0;
}
