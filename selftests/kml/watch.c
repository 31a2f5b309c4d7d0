// SPDX-License-Identifier: GPL-2.0
/*
 * Put data breakpoints on everything that the call entry reads and writes.
 *
 * The breakpoint traps after each access, and the entry must make progress all the same. A
 * call that does not would hang the CPU and the test. So perf or the signal handler
 * disables the breakpoint after a number of hits; the call then returns, and the number of
 * hits shows whether the entry looped.
 */
#include "kml_watch.h"

#ifndef TRAP_PERF
#define TRAP_PERF	6
#endif

#define CALLS		20
/* Hits in one call, at most: the entry does not access one word more often. */
#define MOST		10

/*
 * The way out of a call reads the flags of the thread with interrupts on, and begins
 * again when an interrupt may have changed them. A breakpoint does not.
 */
TEST_F(by, watched_flags)
{
	unsigned long flags;
	int fd, i;

	kml_pin(0);
	flags = kml_on() ? kml_thread_flags() : 0;
	if (!flags)
		SKIP(return, "no fast path that reads flags");
	fd = kml_watch(flags, HW_BREAKPOINT_RW, false);
	if (fd < 0)
		SKIP(return, "no breakpoint: %s", strerror(errno));
	/* Enable it for so many hits. */
	ASSERT_EQ(0, ioctl(fd, PERF_EVENT_IOC_REFRESH, CALLS * MOST + 100));
	for (i = 0; i < CALLS; i++)
		EXPECT_LT(0, variant->nr(SYS_getpid));
	ASSERT_EQ(0, ioctl(fd, PERF_EVENT_IOC_DISABLE, 0));
	printf("# %d calls, %ld hits\n", CALLS, kml_watch_hits(fd));
	/* It has been hit, and not more often than a call has accesses. */
	EXPECT_LE(CALLS, kml_watch_hits(fd));
	EXPECT_GT(CALLS * MOST, kml_watch_hits(fd));
	close(fd);
}

/* It is read while frames are on the stacks of NMIs and #DB, and #DB must not come. */
TEST(top_of_stack_refused)
{
	unsigned long top = kml_on() ? kml_top_of_stack() : 0;

	if (!top)
		SKIP(return, "no call entry that reads it");
	EXPECT_EQ(-1, kml_watch(top, HW_BREAKPOINT_RW, false));
	EXPECT_EQ(EINVAL, errno);
}

static int watch_fd;
static volatile int hits;

static void hit(int sig, siginfo_t *si, void *ctx)
{
	if (si->si_code != TRAP_PERF) {
		kml_catch(sig, si, ctx);
		return;
	}
	if (++hits == MOST)
		ioctl(watch_fd, PERF_EVENT_IOC_DISABLE, 0);
}

/*
 * CALL pushes the return address and the entry reads it. A signal at that point must
 * not take the process back to the CALL, which would push, and be hit, again.
 */
static void trap_on_return_address(struct __test_metadata *_metadata,
				   struct _test_data_by *self,
				   const struct _fixture_variant_by *variant, int type)
{
	greg_t sp;

	BY_TRAP(SYS_getppid);
	sp = self->regs[REG_RSP];
	watch_fd = kml_watch(sp - 8, type, true);
	if (watch_fd < 0)
		SKIP(return, "no breakpoint with a signal: %s", strerror(errno));
	hits = 0;
	ASSERT_EQ(0, kml_handler(SIGTRAP, hit, SA_ONSTACK));
	ASSERT_EQ(0, ioctl(watch_fd, PERF_EVENT_IOC_ENABLE, 0));
	kml_trap(self->regs);
	ioctl(watch_fd, PERF_EVENT_IOC_DISABLE, 0);
	close(watch_fd);
	EXPECT_CALLED();
	EXPECT_EQ(getppid(), kml_last.regs[REG_RAX]);
	printf("# %d hits\n", hits);
	/* SYSCALL touches no stack. CALL writes once; the entry reads twice. */
	EXPECT_GT(MOST, hits);
	EXPECT_EQ(variant->call ? 1 : 0, hits > 0);
}

TEST_F(by, trap_on_write_of_return_address)
{
	trap_on_return_address(_metadata, self, variant, HW_BREAKPOINT_W);
}

TEST_F(by, trap_on_access_of_return_address)
{
	trap_on_return_address(_metadata, self, variant, HW_BREAKPOINT_RW);
}

TEST_HARNESS_MAIN
