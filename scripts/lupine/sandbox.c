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

#define LOAD(field)	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RET(what)	BPF_STMT(BPF_RET | BPF_K, what)
#define DENY		RET(SECCOMP_RET_ERRNO | EPERM)
#define ALLOW(nr)	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), RET(SECCOMP_RET_ALLOW)
/* args[2] is the protection; what follows looks at it alone. */
#define ALLOW_NO_EXEC(nr)							\
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 4),				\
	LOAD(args[2]),								\
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),			\
	DENY,									\
	RET(SECCOMP_RET_ALLOW)

static void filter_calls(void)
{
	struct sock_filter filter[] = {
		LOAD(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
		RET(SECCOMP_RET_KILL_PROCESS),
		LOAD(nr),
		ALLOW(SYS_read),
		ALLOW(SYS_pread64),
		ALLOW(SYS_write),
		ALLOW(SYS_pwrite64),
		ALLOW(SYS_writev),
		ALLOW(SYS_lseek),
		ALLOW(SYS_ftruncate),
		ALLOW(SYS_fallocate),
		ALLOW(SYS_fstat),
		ALLOW(SYS_close),
		ALLOW(SYS_sendmsg),
		ALLOW(SYS_recvmsg),
		ALLOW(SYS_brk),
		ALLOW(SYS_munmap),
		ALLOW(SYS_mremap),
		ALLOW(SYS_madvise),
		ALLOW(SYS_futex),
		ALLOW(SYS_getrandom),
		ALLOW(SYS_clock_gettime),
		ALLOW(SYS_restart_syscall),
		ALLOW(SYS_rt_sigreturn),
		ALLOW(SYS_rt_sigprocmask),
		ALLOW(SYS_getpid),
		ALLOW(SYS_gettid),
		ALLOW(SYS_exit),
		ALLOW(SYS_exit_group),
		ALLOW_NO_EXEC(SYS_mmap),
		ALLOW_NO_EXEC(SYS_mprotect),
		DENY,
	};
	struct sock_fprog program = { ARRAY_SIZE(filter), filter };

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
	out_of_memory = "out of memory; --limit-memory N allows the process that reads the image more";
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		die("prctl: %s", strerror(errno));
	close_paths();
	filter_calls();
}
