// SPDX-License-Identifier: GPL-2.0
/*
 * System calls of each number of arguments, through libc and through the
 * SYSCALL instruction: same result, same errno, same side effect. And that
 * they go the way they should.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "test.h"

#define PAGE 4096L

/* libc's -1 and errno as the kernel's negative number. */
static long kernel_style(long ret)
{
	return ret == -1 ? -errno : ret;
}

static void *nothing(void *arg)
{
	return arg;
}

static void test_way(void)
{
	static const char *const names[] = { "syscall", "shim", "kernel" };
	const char *wanted = getenv("MUSL_TEST_WAY");
	unsigned long before;
	char c = 0;
	int fd[2];

	test(!wanted || !strcmp(wanted, names[the_way()]),
	     "the way is %s%s%s", names[the_way()],
	     wanted ? ", wanted " : "", wanted ? wanted : "");
	if (the_way() != WAY_SHIM)
		return;
	before = shim_calls();
	getppid();
	test(shim_calls() == before + 1, "an inlined call takes the entry");

	must(!pipe(fd));
	before = shim_calls();
	must(write(fd[1], &c, 1) == 1 && read(fd[0], &c, 1) == 1);
	test(shim_calls() == before + 2, "cancellation points take the entry");
	close(fd[0]);
	close(fd[1]);

	before = shim_calls();
	raw_syscall(SYS_getppid, 0, 0, 0, 0, 0, 0);
	test(shim_calls() == before, "the SYSCALL instruction does not");
}

static void test_arguments(void)
{
	char buf[64], name[17] = "";
	struct iovec iov[2] = { { buf, 3 }, { buf + 8, 4 } };
	char *p, *q;
	loff_t in = 10, out = 20;
	int fd, fd2, pfd[2];

	test(syscall(SYS_getppid) == raw_syscall(SYS_getppid, 0, 0, 0, 0, 0, 0),
	     "no argument: getppid");

	umask(0123);
	test(syscall(SYS_umask, 022) == 0123 && umask(022) == 022,
	     "one argument: umask");

	fd = memfd_create("musl-test", MFD_CLOEXEC);
	must(fd >= 0);
	test(dup2(fd, 77) == 77 && fcntl(77, F_GETFD) == 0, "two arguments: dup2");
	close(77);

	test(write(fd, "0123456789abcdefghij", 20) == 20 && lseek(fd, 5, SEEK_SET) == 5 &&
	     read(fd, buf, 4) == 4 && !memcmp(buf, "5678", 4),
	     "three arguments: write, lseek, read");

	test(pread(fd, buf, 4, 10) == 4 && !memcmp(buf, "abcd", 4) &&
	     pwrite(fd, "XY", 2, 11) == 2 && pread(fd, buf, 4, 10) == 4 &&
	     !memcmp(buf, "aXYd", 4), "four arguments: pread, pwrite");

	test(!syscall(SYS_prctl, PR_SET_NAME, "five", 0, 0, 0) &&
	     !prctl(PR_GET_NAME, name, 0, 0, 0) && !strcmp(name, "five") &&
	     preadv(fd, iov, 2, 3) == 7 && !memcmp(buf, "345", 3) &&
	     !memcmp(buf + 8, "6789", 4), "five arguments: prctl, preadv");

	/* The sixth argument of mmap is the offset, the fifth the file. */
	must(!ftruncate(fd, 2 * PAGE) && pwrite(fd, "second", 6, PAGE) == 6);
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, PAGE);
	test(p != MAP_FAILED && !strcmp(p, "second"), "six arguments: mmap");
	q = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(q != MAP_FAILED);
	test(mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q + PAGE) ==
	     q + PAGE && !strcmp(q + PAGE, "second"), "five arguments: mremap");

	fd2 = memfd_create("musl-test", MFD_CLOEXEC);
	must(fd2 >= 0);
	test(copy_file_range(fd, &in, fd2, &out, 5, 0) == 5 && in == 15 &&
	     out == 25 && pread(fd2, buf, 8, 20) == 5 && !memcmp(buf, "aXYde", 5),
	     "six arguments: copy_file_range");

	/* A cancellation point with six. */
	must(!pipe(pfd));
	in = 10;
	test(splice(fd, &in, pfd[1], NULL, 3, SPLICE_F_NONBLOCK) == 3 &&
	     in == 13 && read(pfd[0], buf, 8) == 3 && !memcmp(buf, "aXY", 3),
	     "six arguments: splice");
	close(pfd[0]);
	close(pfd[1]);
	close(fd);
	close(fd2);
}

static void test_errors(void)
{
	static const struct {
		const char *name;
		long nr, a, b, c;
	} calls[] = {
		{ "close(-1)", SYS_close, -1, 0, 0 },
		{ "read into nothing", SYS_read, 0, 1, -1 },
		{ "write of a bad address", SYS_write, 1, -PAGE, 8 },
		{ "open(NULL)", SYS_open, 0, 0, 0 },
		{ "kill(0x7fffffff, 0)", SYS_kill, 0x7fffffff, 0, 0 },
		{ "number 100000", 100000, 0, 0, 0 },
		{ "number -1", -1, 0, 0, 0 },
		{ "number 511", 511, 0, 0, 0 },
	};
	unsigned int i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		long raw = raw_syscall(calls[i].nr, calls[i].a, calls[i].b,
				       calls[i].c, 0, 0, 0);
		long libc = kernel_style(syscall(calls[i].nr, calls[i].a,
						 calls[i].b, calls[i].c));

		test(raw < 0 && libc == raw, "%s fails with %ld both ways",
		     calls[i].name, raw);
	}
}

static void test_many(int rounds)
{
	long ppid = raw_syscall(SYS_getppid, 0, 0, 0, 0, 0, 0);
	int i, bad = 0;

	for (i = 0; i < rounds; i++) {
		bad += getppid() != ppid;
		bad += close(-1) != -1 || errno != EBADF;
		bad += poll(NULL, 0, 0) != 0;
	}
	test(!bad, "%d rounds of getppid, close, poll", rounds);
}

int main(int argc, char **argv)
{
	int rounds = rounds_from(argc, argv, 20000,
				 "Test system calls through libc.");
	pthread_t t;

	test_way();
	test_arguments();
	test_errors();
	test_many(rounds);

	/* With pthread_cancel() linked in, others make the calls. */
	must(!pthread_create(&t, NULL, nothing, NULL));
	pthread_cancel(t);
	must(!pthread_join(t, NULL));
	test_way();
	return tests_done();
}
