// SPDX-License-Identifier: GPL-2.0
/*
 * Let all processes find a kernel with fewer options than this one has, for `lupine run
 * --lack`. The host names what that kernel lacks, by the KIND and KEY of
 * scripts/kconfig/failures.c, and a filter of system calls answers as it would. Process 1
 * is filtered, too.
 *
 * A filter sees numbers, not what a pointer points to: file systems that the application
 * mounts itself, files in /proc, the flags of clone3(), and scripts but for the application
 * itself stay as they are.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init.h"

#define ANY		UINT32_MAX
#define NUMBER		offsetof(struct seccomp_data, nr)
/* The lower half: what is asked for is an int. */
#define ARGUMENT(n)	(offsetof(struct seccomp_data, args) + (n) * sizeof(uint64_t))

static struct sock_filter program[BPF_MAXINSNS];
static size_t length;

struct condition {
	uint32_t offset, mask, value;
};

/* What the arguments of calls ask for, where the key is in them */
static const struct {
	const char *kind;
	uint32_t call, other_call, arg, other_arg, mask;
	uint32_t first;		/* what the first argument has to be */
	int error;
} rules[] = {
	{ "family", SYS_socket, SYS_socketpair, 0, ANY, ~0u, ANY, EAFNOSUPPORT },
	{ "netlink", SYS_socket, ANY, 2, ANY, ~0u, AF_NETLINK, EPROTONOSUPPORT },
	{ "protocol", SYS_socket, ANY, 2, ANY, ~0u, AF_INET, EPROTONOSUPPORT },
	{ "protocol", SYS_socket, ANY, 2, ANY, ~0u, AF_INET6, EPROTONOSUPPORT },
	{ "sockopt", SYS_setsockopt, SYS_getsockopt, 1, 2, ~0u, ANY, ENOPROTOOPT },
	{ "ioctl", SYS_ioctl, ANY, 1, ANY, 0xffff, ANY, ENOTTY },
	{ "lock", SYS_fcntl, ANY, 1, ANY, ~0u, ANY, EACCES },
	{ "fcntl", SYS_fcntl, ANY, 1, ANY, ~0u, ANY, EINVAL },
	{ "madvise", SYS_madvise, ANY, 2, ANY, ~0u, ANY, EINVAL },
	{ "prctl", SYS_prctl, ANY, 0, ANY, ~0u, ANY, EINVAL },
	/* A namespace is a bit. */
	{ "namespace", SYS_unshare, SYS_clone, 0, ANY, 0, ANY, EINVAL },
};

static void add(uint16_t code, uint32_t value, uint8_t else_skip)
{
	if (length == BPF_MAXINSNS)
		fail("--lack: more than fits into a filter of system calls");
	program[length++] = (struct sock_filter){ code, 0, else_skip, value };
}

/* Where all conditions hold, the call fails. */
static void refuse(const struct condition *c, size_t nr, int error)
{
	size_t i, left = 1;

	for (i = 0; i < nr; i++)
		left += 2 + (c[i].mask != ~0u);
	for (i = 0; i < nr; i++) {
		add(BPF_LD | BPF_W | BPF_ABS, c[i].offset, 0);
		if (c[i].mask != ~0u)
			add(BPF_ALU | BPF_AND | BPF_K, c[i].mask, 0);
		left -= 2 + (c[i].mask != ~0u);
		add(BPF_JMP | BPF_JEQ | BPF_K, c[i].value, left);
	}
	add(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error, 0);
}

static void refuse_arguments(size_t rule, uint32_t call, const uint32_t key[2])
{
	uint32_t mask = rules[rule].mask ?: key[0];
	struct condition c[4] = { { NUMBER, ~0u, call } };
	size_t n = 1;

	if (call == ANY)
		return;
	if (rules[rule].first != ANY)
		c[n++] = (struct condition){ ARGUMENT(0), ~0u, rules[rule].first };
	c[n++] = (struct condition){ ARGUMENT(rules[rule].arg), mask, key[0] };
	if (rules[rule].other_arg != ANY)
		c[n++] = (struct condition){ ARGUMENT(rules[rule].other_arg), ~0u, key[1] };
	refuse(c, n, rules[rule].error);
}

static void lack(const struct manifest_value *v)
{
	const uint32_t key[2] = { v->number[0], v->number[1] };
	const char *kind = v->word[0];
	char path[128];
	size_t i;

	if (!strcmp(kind, "call"))
		refuse(&(struct condition){ NUMBER, ~0u, key[0] }, 1, ENOSYS);
	for (i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		if (strcmp(kind, rules[i].kind))
			continue;
		refuse_arguments(i, rules[i].call, key);
		refuse_arguments(i, rules[i].other_call, key);
	}
	if (!strcmp(kind, "binfmt") && !strcmp(v->word[1], "script"))
		lacks_scripts = true;
	if (!strcmp(kind, "fs"))
		unmount_kernel_file_system(v->word[1]);
	if (!strcmp(kind, "device")) {
		snprintf(path, sizeof(path), "/dev/%s", v->word[1]);
		unlink(path);
	}
}

void lack_configured(const struct manifest *m)
{
	const struct manifest_list *l = &m->key[KEY_LACK];
	struct sock_fprog filter = { .filter = program };
	size_t i;

	if (!l->nr)
		return;
	/* Calls of 32 bits have other numbers. */
	add(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0);
	add(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0);
	program[length - 1].jt = 1;
	add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0);
	for (i = 0; i < l->nr; i++)
		lack(&l->value[i]);
	add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0);
	filter.len = length;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		fail("--lack: a filter of calls: %s: add CONFIG_SECCOMP_FILTER to the kernel",
		     strerror(errno));
}
