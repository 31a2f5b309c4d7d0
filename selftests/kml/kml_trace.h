/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared by the tests of ptrace() and of core dumps: a traced child, and registers in the
 * form of struct user_regs_struct.
 */
#ifndef SELFTESTS_KML_TRACE_H
#define SELFTESTS_KML_TRACE_H

#include <sys/ptrace.h>
#include <sys/user.h>

#include "kml.h"

/* Start @fn traced and stopped. Returns its pid, or -1. */
static inline pid_t kml_trace(int (*fn)(void *), void *arg)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(fn(arg));
	}
	if (pid > 0 && (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)))
		return -1;
	return pid;
}

/* For kml_trace(): kml_enter() with the registers that @arg points to. */
static inline int kml_run_regs(void *arg)
{
	kml_enter(arg);
	return 1;
}

/* Continue with @req. Returns the wait status, or -1. */
static inline int kml_continue(pid_t pid, int req)
{
	int status = -1;

	if (ptrace(req, pid, NULL, NULL) || waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

/* As kml_regs_differ(), with what a debugger sees. */
static inline int kml_user_regs_differ(const greg_t *in,
				       const struct user_regs_struct *u,
				       unsigned long but)
{
	const greg_t out[NGREG] = {
		[REG_R8] = u->r8, [REG_R9] = u->r9, [REG_R10] = u->r10,
		[REG_R11] = u->r11, [REG_R12] = u->r12, [REG_R13] = u->r13,
		[REG_R14] = u->r14, [REG_R15] = u->r15, [REG_RDI] = u->rdi,
		[REG_RSI] = u->rsi, [REG_RBP] = u->rbp, [REG_RBX] = u->rbx,
		[REG_RDX] = u->rdx, [REG_RAX] = u->rax, [REG_RCX] = u->rcx,
		[REG_RSP] = u->rsp,
	};

	return kml_regs_differ(in, out, but);
}

#define EXPECT_ABI_SELECTORS(_u) do { \
	EXPECT_EQ(KML_ABI_CS, (_u)->cs); \
	EXPECT_EQ(KML_ABI_SS, (_u)->ss); \
	EXPECT_EQ(FL_IF, (_u)->eflags & FL_IF); \
} while (0)

#endif /* SELFTESTS_KML_TRACE_H */
