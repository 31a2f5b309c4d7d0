// SPDX-License-Identifier: GPL-2.0
/*
 * Give up all rights but to read and write what is open, and to use memory.
 *
 * The filter is a list of system calls; any other one fails with EPERM, so that a
 * library that would like to open a file does without. Memory cannot be made
 * executable. Where the kernel has Landlock, it refuses all paths a second time.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "image.h"

#define FIELD(name)	offsetof(struct seccomp_data, name)
#define MAX_FILTER	128

static const int allowed[] = {
	SYS_read, SYS_pread64, SYS_write, SYS_pwrite64, SYS_writev, SYS_lseek, SYS_ftruncate,
	SYS_fallocate, SYS_fstat, SYS_close, SYS_sendmsg, SYS_recvmsg, SYS_brk, SYS_munmap,
	SYS_mremap, SYS_madvise, SYS_futex, SYS_getrandom, SYS_restart_syscall, SYS_rt_sigreturn,
	SYS_rt_sigprocmask, SYS_getpid, SYS_gettid, SYS_exit, SYS_exit_group,
	/* The vDSO makes these calls if the clock of this machine cannot be read by a process. */
	SYS_clock_gettime, SYS_gettimeofday, SYS_time,
};

/* These only without PROT_EXEC, which is in args[2] */
static const int allowed_data[] = { SYS_mmap, SYS_mprotect };

static struct sock_filter filter[MAX_FILTER];
static unsigned short filter_len;

static void add(uint16_t code, uint32_t k, uint8_t if_true, uint8_t if_false)
{
	if (filter_len == MAX_FILTER)
		die("the filter of system calls is too long");
	filter[filter_len++] = (struct sock_filter){ code, if_true, if_false, k };
}

static void filter_calls(void)
{
	const uint16_t load = BPF_LD | BPF_W | BPF_ABS, equal = BPF_JMP | BPF_JEQ | BPF_K;
	const uint16_t any_bit = BPF_JMP | BPF_JSET | BPF_K, ret = BPF_RET | BPF_K;
	struct sock_fprog program = { .filter = filter };
	size_t i;

	add(load, FIELD(arch), 0, 0);
	add(equal, AUDIT_ARCH_X86_64, 1, 0);
	add(ret, SECCOMP_RET_KILL_PROCESS, 0, 0);
	add(load, FIELD(nr), 0, 0);
	for (i = 0; i < ARRAY_SIZE(allowed); i++) {
		add(equal, allowed[i], 0, 1);
		add(ret, SECCOMP_RET_ALLOW, 0, 0);
	}
	for (i = 0; i < ARRAY_SIZE(allowed_data); i++) {
		add(equal, allowed_data[i], 0, 4);
		add(load, FIELD(args[2]), 0, 0);
		add(any_bit, PROT_EXEC, 0, 1);
		add(ret, SECCOMP_RET_ERRNO | EPERM, 0, 0);
		add(ret, SECCOMP_RET_ALLOW, 0, 0);
	}
	add(ret, SECCOMP_RET_ERRNO | EPERM, 0, 0);
	program.len = filter_len;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		warn("this kernel has no seccomp filters (%s); the image is read without one",
		     strerror(errno));
}

/* A kernel without Landlock, or with an older one, has the filter alone. */
static void close_paths(void)
{
	struct landlock_ruleset_attr attr = {
		.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1,
	};
	int fd = syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);

	if (fd < 0)
		return;
	if (syscall(SYS_landlock_restrict_self, fd, 0))
		warn("Landlock: %s", strerror(errno));
	close(fd);
}

static void limit(int resource, rlim_t value)
{
	struct rlimit r = { value, value };

	if (setrlimit(resource, &r))
		die("setrlimit: %s", strerror(errno));
}

void sandbox_enter(void)
{
	limit(RLIMIT_CORE, 0);
#ifndef __SANITIZE_ADDRESS__
	limit(RLIMIT_AS, limits.memory);
#endif
	limit(RLIMIT_CPU, limits.seconds);
	out_of_memory = "out of memory to read the image; --limit-memory N allows more";
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		die("prctl: %s", strerror(errno));
	close_paths();
	filter_calls();
}
