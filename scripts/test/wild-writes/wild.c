// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's side of scripts/test/wild-writes.sh: writes through wild pointers.
 *
 * Each write is made by a child, which knows only its seed and its number, so that
 * it can be repeated. The child marks in shared memory that its store has ended
 * without a fault. If it has, at an address of the kernel, the accident reached the
 * kernel. After each write, a fixed piece of work (fork, exec, files, pipes, memory)
 * tells whether the machine still does what it should. A write that reached the
 * kernel is the last one: the next begins in a new machine.
 *
 * A line is printed before and after each write. If the second is missing, the
 * kernel has panicked or hangs.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#define DIRECT_MAP	0xffff888000000000UL
#define KERNEL_HALF	(1UL << 63)
#define CHECK_SIZE	65536
#define CHECK_ROUNDS	5

/* splitmix64: any seed will do */
static uint64_t state;

static uint64_t rnd(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15UL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9UL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebUL;
	return z ^ (z >> 31);
}

static uint64_t below(uint64_t n)
{
	return rnd() % n;
}

/* 1 to 2^bits - 1, all magnitudes being as likely */
static uint64_t magnitude(unsigned int bits)
{
	unsigned int n = below(bits);

	return (1UL << n) + below(1UL << n);
}

static char data[4096];

/* What programs have pointers to: stack, heap, data and text */
static uint64_t valid_pointer(void)
{
	static void *heap;
	char stack[64];

	if (!heap)
		heap = malloc(16384);
	switch (below(4)) {
	case 0: return (uintptr_t)(void *)(stack + below(sizeof(stack)));
	case 1: return (uintptr_t)heap + below(16384);
	case 2: return (uintptr_t)data + below(sizeof(data));
	default: return (uintptr_t)&valid_pointer;
	}
}

static uint64_t uniform(void)
{
	return rnd();
}

/* 48 bits, extended by their sign: half of them are the kernel's */
static uint64_t canonical(void)
{
	return (int64_t)(rnd() << 16) >> 16;
}

static uint64_t bit_flip(void)
{
	return valid_pointer() ^ (1UL << below(64));
}

static uint64_t offset(void)
{
	uint64_t by = magnitude(47);

	return below(2) ? valid_pointer() + by : valid_pointer() - by;
}

/* A member of NULL, an element before it, or an error number taken for a pointer */
static uint64_t null(void)
{
	uint64_t by = magnitude(24);

	return below(2) ? by : -by;
}

/*
 * A pointer that went through an int, as by a function that is not declared. Where
 * addresses are randomized, its lower half can be anything.
 */
static uint64_t truncated(void)
{
	return (int64_t)(int32_t)rnd();
}

/* Some bytes are overwritten by a string, from the lowest on or all */
static uint64_t overwritten(void)
{
	uint64_t address = valid_pointer();
	unsigned int i, n = 1 + below(8);

	for (i = 0; i < n; i++) {
		address &= ~(0xffUL << (i * 8));
		address |= (0x20 + below(0x5f)) << (i * 8);
	}
	return address;
}

/* No accident, but what an accident would do if it came so far */
static uint64_t aimed(void)
{
	struct sysinfo info;

	sysinfo(&info);
	return DIRECT_MAP + below(info.totalram * info.mem_unit) / 8 * 8;
}

/* The same for what the kernel is linked to: its first 16 MB */
static uint64_t image(void)
{
	return 0xffffffff80000000UL + below(16 << 20) / 8 * 8;
}

static const struct kind {
	const char *name;
	uint64_t (*address)(void);
} kinds[] = {
	{ "uniform", uniform },
	{ "canonical", canonical },
	{ "bit-flip", bit_flip },
	{ "offset", offset },
	{ "null", null },
	{ "truncated", truncated },
	{ "overwritten", overwritten },
	{ "aimed", aimed },
	{ "image", image },
};

static const struct kind *find_kind(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

static uint64_t sum(const unsigned char *p, size_t size)
{
	uint64_t s = 0;

	while (size--)
		s = s * 31 + *p++;
	return s;
}

/*
 * What the second program does: makes a file, reads it, fills memory, and tells what
 * it has found by its exit status.
 */
static int check_program(void)
{
	unsigned char *p, *q;
	uint64_t want;
	size_t i;
	int fd;

	p = mmap(NULL, 16 * CHECK_SIZE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	q = malloc(CHECK_SIZE);
	if (p == MAP_FAILED || !q)
		return 10;
	for (i = 0; i < 16 * CHECK_SIZE; i += 512)
		if (p[i])
			return 11;
	for (i = 0; i < CHECK_SIZE; i++)
		p[i] = i * 7 + (i >> 8);
	want = sum(p, CHECK_SIZE);
	fd = open("/checked", O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, p, CHECK_SIZE) != CHECK_SIZE)
		return 12;
	if (pread(fd, q, CHECK_SIZE, 0) != CHECK_SIZE || sum(q, CHECK_SIZE) != want)
		return 13;
	if (close(fd) || unlink("/checked"))
		return 14;
	return 42;
}

/* Is the machine what it was? Else the number of what is wrong. */
static int check(void)
{
	char buffer[64] = "";
	int fds[2], status;
	pid_t pid;

	if (pipe(fds))
		return 1;
	pid = fork();
	if (pid < 0)
		return 2;
	if (!pid) {
		dup2(fds[1], 1);
		execl("/bin/wild", "wild", "check", NULL);
		_exit(3);
	}
	close(fds[1]);
	if (waitpid(pid, &status, 0) != pid)
		return 4;
	if (read(fds[0], buffer, sizeof(buffer)) != 7 || memcmp(buffer, "checked", 7))
		return 5;
	close(fds[0]);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 42)
		return WIFEXITED(status) ? 100 + WEXITSTATUS(status) : 6;
	return 0;
}

/* Write number N; returns whether it reached the kernel. */
static bool one(const struct kind *kind, uint64_t seed, uint64_t n, volatile int *stored)
{
	const char *what;
	int status, wrong = 0, i;
	uint64_t address, value;
	pid_t pid;

	state = seed * 1000003 + n;
	address = kind->address();
	value = rnd();
	printf("begin %s %lu %lx\n", kind->name, n, address);
	fflush(stdout);
	*stored = 0;
	pid = fork();
	if (!pid) {
		*(volatile uint64_t *)address = value;
		*stored = 1;
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		printf("wild: no child: %s\n", strerror(errno));
		exit(2);
	}
	if (!*stored)
		what = "fault";
	else if (address & KERNEL_HALF)
		what = "kernel";
	else
		what = "own";
	for (i = 0; i < (*what == 'k' ? CHECK_ROUNDS : 1) && !wrong; i++)
		wrong = check();
	printf("end %s %lu %s %d\n", kind->name, n, what, wrong);
	fflush(stdout);
	return *what == 'k' || wrong;
}

int main(int argc, char **argv)
{
	const struct kind *kind;
	uint64_t seed, n, end;
	int *stored;

	if (argc == 2 && !strcmp(argv[1], "check")) {
		int status = check_program();

		return write(1, "checked", 7) == 7 ? status : 15;
	}
	kind = argc == 5 ? find_kind(argv[1]) : NULL;
	if (!kind) {
		fprintf(stderr, "Usage: wild KIND SEED FIRST COUNT\n");
		return 2;
	}
	seed = strtoul(argv[2], NULL, 0);
	n = strtoul(argv[3], NULL, 0);
	end = n + strtoul(argv[4], NULL, 0);
	stored = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (stored == MAP_FAILED) {
		fprintf(stderr, "wild: no shared memory: %s\n", strerror(errno));
		return 2;
	}
	if (check()) {
		fprintf(stderr, "wild: the check fails without any write\n");
		return 2;
	}
	while (n < end)
		if (one(kind, seed, n++, stored))
			break;
	printf("wild: done at %lu\n", n);
	return 0;
}
