// SPDX-License-Identifier: GPL-2.0
/*
 * Find what the application asks the kernel for in vain, if the host wants to know
 * (explain.h). A process of its own traces the application and all that it starts, by
 * ptrace(), and looks at each system call that failed with an error by which a kernel
 * says that it lacks something. What was asked for is in the registers of the call and in
 * the memory of the process.
 *
 * Networks are configured by messages over netlink sockets, which succeed. There, the
 * kernel's answer has the error and the request.
 *
 * The findings are in memory that process 1 shares, so that they are there even if the
 * tracer is killed; its children then go on untraced.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "explain.h"
#include "init.h"
#include "status.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME	0x00000080
#endif
#define NAMESPACES	(CLONE_NEWTIME | CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | \
			 CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
#define MAX_MESSAGE	4096

static struct findings {
	unsigned int nr, dropped;
	struct {
		char kind[12], key[EXPLAIN_KEY], program[16];
		int error;
		unsigned int times;
	} record[EXPLAIN_MAX];
} *findings;

/* The call that is looked at */
static pid_t pid;
static int error;

/* Fewer bytes than wanted if the memory ends. */
static size_t peek(unsigned long address, void *to, size_t size)
{
	size_t done, part;
	long word;

	for (done = 0; done < size; done += part) {
		errno = 0;
		/* One word may span two pages, of which the second is none of the process's. */
		part = sizeof(word) - (address + done) % sizeof(word);
		word = ptrace(PTRACE_PEEKDATA, pid, (address + done) & -sizeof(word), NULL);
		if (errno)
			break;
		if (part > size - done)
			part = size - done;
		memcpy((char *)to + done, (char *)&word + (address + done) % sizeof(word), part);
	}
	return done;
}

/* A name that can be a key: neither blanks nor control characters; "" if it is none. */
static const char *peek_name(unsigned long address)
{
	static char name[256];
	size_t i, got;

	got = peek(address, name, sizeof(name) - 1);
	name[got] = '\0';
	for (i = 0; name[i]; i++)
		if (name[i] <= ' ' || name[i] >= 0x7f)
			return "";
	return name;
}

static void program_name(char *name, size_t size)
{
	char path[32], *comm;
	size_t i;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	comm = slurp(path, 64, NULL);
	snprintf(name, size, "%s", comm ?: "");
	free(comm);
	name[strcspn(name, "\n")] = '\0';
	for (i = 0; name[i]; i++)
		if (name[i] < ' ' || name[i] >= 0x7f)
			name[i] = '?';
}

static void __printf(2, 3) note(const char *kind, const char *fmt, ...)
{
	char key[EXPLAIN_KEY];
	unsigned int i;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(key, sizeof(key), fmt, ap);
	va_end(ap);
	if (!*key || len >= (int)sizeof(key))
		return;
	for (i = 0; i < findings->nr; i++) {
		if (findings->record[i].error != error || strcmp(findings->record[i].kind, kind) ||
		    strcmp(findings->record[i].key, key))
			continue;
		findings->record[i].times++;
		return;
	}
	if (i == EXPLAIN_MAX) {
		findings->dropped++;
		return;
	}
	snprintf(findings->record[i].kind, sizeof(findings->record[i].kind), "%s", kind);
	strcpy(findings->record[i].key, key);
	program_name(findings->record[i].program, sizeof(findings->record[i].program));
	findings->record[i].error = error;
	findings->record[i].times = 1;
	findings->nr++;
}

/* /proc/7/task/7/x and /proc/thread-self/x are /proc/self/x. */
static void note_proc(const char *path)
{
	size_t digits = strspn(path, "0123456789");

	if (!strncmp(path, "self/", 5)) {
		path += 5;
	} else if (!strncmp(path, "thread-self/", 12)) {
		path += 12;
	} else if (digits && path[digits] == '/') {
		path += digits + 1;
	} else {
		note("proc", "%s", path);
		return;
	}
	if (!strncmp(path, "task/", 5) && strchr(path + 5, '/'))
		path = strchr(path + 5, '/') + 1;
	note("proc", "%s%s", strncmp(path, "net/", 4) ? "self/" : "", path);
}

/* Programs try many files that nobody has; these ones a kernel may have. */
static void note_path(unsigned long address)
{
	const char *path = peek_name(address);

	if (!strncmp(path, "/dev/", 5))
		note("device", "%s", path + 5);
	else if (!strncmp(path, "/proc/", 6) && error == ENOENT)
		note_proc(path + 6);
}

static void note_namespaces(unsigned long flags)
{
	unsigned long flag;

	for (flag = 1; flag <= flags && flag < 1ul << 32; flag <<= 1)
		if (flags & flag & NAMESPACES)
			note("namespace", "%lu", flag);
}

static void note_socket(const unsigned long *arg)
{
	if (error == EAFNOSUPPORT)
		note("family", "%u", (unsigned int)arg[0]);
	else if ((unsigned int)arg[0] == AF_NETLINK)
		note("netlink", "%u", (unsigned int)arg[2]);
	else
		note("protocol", "%u", (unsigned int)arg[2]);
}

static void note_sockopt(const unsigned long *arg)
{
	unsigned int level = arg[1], name = arg[2];

	if (error == ENOENT && level == SOL_TCP && name == TCP_ULP)
		note("ulp", "%s", peek_name(arg[3]));
	else if (error == ENOENT && level == SOL_TCP && name == TCP_CONGESTION)
		note("congestion", "%s", peek_name(arg[3]));
	else if (error != ENOENT && error != EINVAL)
		note("sockopt", "%u %u", level, name);
}

/* The errors by which a kernel says that it lacks something. */
static bool is_telling(void)
{
	switch (error) {
	case ENOSYS:
	case EINVAL:
	case EAFNOSUPPORT:
	case EPROTONOSUPPORT:
	case ESOCKTNOSUPPORT:
	case ENODEV:
	case ENXIO:
	case ENOPROTOOPT:
	case EOPNOTSUPP:
	case ENOPKG:
	case ENOTTY:
	case ENOENT:
	/* Of locks */
	case EACCES:
		return true;
	}
	return false;
}

static void failed(long nr, const unsigned long *arg)
{
	uint64_t flags = 0;

	if (error == ENOSYS) {
		note("call", "%ld", nr);
		return;
	}
	if (nr == SYS_fcntl) {
		note(error == EACCES ? "lock" : "fcntl", "%u", (unsigned int)arg[1]);
		return;
	}
	if (error == EACCES)
		return;
	switch (nr) {
	case SYS_socket:
	case SYS_socketpair:
		if (error != EINVAL)
			note_socket(arg);
		return;
	case SYS_setsockopt:
	case SYS_getsockopt:
		note_sockopt(arg);
		return;
	case SYS_mount:
		if (error == ENODEV)
			note("fs", "%s", peek_name(arg[2]));
		else if (error == ENOENT)
			note_path(arg[0]);
		return;
	case SYS_fsopen:
		if (error == ENODEV)
			note("fs", "%s", peek_name(arg[0]));
		return;
	case SYS_clone3:
		peek(arg[0], &flags, sizeof(flags));
		if (error == EINVAL)
			note_namespaces(flags);
		return;
	case SYS_unshare:
		if (error == EINVAL)
			note_namespaces(arg[0]);
		return;
	case SYS_clone:
		/* The lowest byte is a signal. */
		if (error == EINVAL)
			note_namespaces(arg[0] & ~0xfful);
		return;
	case SYS_open:
	case SYS_creat:
	case SYS_stat:
	case SYS_lstat:
	case SYS_access:
	case SYS_chdir:
	case SYS_statfs:
	case SYS_readlink:
		note_path(arg[0]);
		return;
	case SYS_openat:
	case SYS_openat2:
	case SYS_newfstatat:
	case SYS_statx:
	case SYS_faccessat:
	case SYS_faccessat2:
	case SYS_readlinkat:
		note_path(arg[1]);
		return;
	case SYS_ioctl:
		/* Without the size of what it points to, and the direction */
		if (error != ENOENT)
			note("ioctl", "%lu", arg[1] & 0xffff);
		return;
	case SYS_madvise:
		if (error == EINVAL)
			note("madvise", "%u", (unsigned int)arg[2]);
		return;
	case SYS_prctl:
		if (error == EINVAL)
			note("prctl", "%u", (unsigned int)arg[0]);
		return;
	}
	if (error == EINVAL || error == EOPNOTSUPP)
		note("call", "%ld", nr);
}

static const struct rtattr *attribute(const char *data, size_t size, unsigned short type)
{
	const struct rtattr *a;
	size_t at = 0;

	for (; size - at >= sizeof(*a); at += RTA_ALIGN(a->rta_len)) {
		a = (const struct rtattr *)(data + at);
		if (a->rta_len < sizeof(*a) || a->rta_len > size - at)
			return NULL;
		if ((a->rta_type & NLA_TYPE_MASK) == type)
			return a;
		if (RTA_ALIGN(a->rta_len) > size - at)
			return NULL;
	}
	return NULL;
}

/* The process that a thread belongs to, which only /proc tells. */
static pid_t leader(void)
{
	char path[32], *status, *at;
	pid_t id = pid;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	status = slurp(path, 4096, NULL);
	at = status ? strstr(status, "\nTgid:") : NULL;
	if (at)
		id = atoi(at + strlen("\nTgid:"));
	free(status);
	return id;
}

/* The protocol of a netlink socket of the process, or -1 */
static int protocol_of(int fd)
{
	int pidfd, mine = -1, family = -1, protocol = -1;
	socklen_t len = sizeof(int);

	pidfd = syscall(SYS_pidfd_open, leader(), 0);
	if (pidfd >= 0)
		mine = syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	if (mine >= 0 && (getsockopt(mine, SOL_SOCKET, SO_DOMAIN, &family, &len) ||
			  family != AF_NETLINK ||
			  getsockopt(mine, SOL_SOCKET, SO_PROTOCOL, &protocol, &len)))
		protocol = -1;
	if (mine >= 0)
		close(mine);
	if (pidfd >= 0)
		close(pidfd);
	return protocol;
}

static void note_text(const char *kind, const struct rtattr *a)
{
	int len = a ? strnlen(RTA_DATA(a), RTA_PAYLOAD(a)) : 0;

	if (len > 0 && len < EXPLAIN_KEY)
		note(kind, "%.*s", len, (char *)RTA_DATA(a));
}

/* What a request asked for that the kernel has answered with an error */
static void refused(int protocol, const char *request, size_t size)
{
	const size_t link = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct ifinfomsg));
	const size_t generic = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct genlmsghdr));
	const struct rtattr *info = NULL;
	struct nlmsghdr h;

	memcpy(&h, request, sizeof(h));
	if (protocol == NETLINK_GENERIC) {
		if (error == ENOENT && h.nlmsg_type == GENL_ID_CTRL && size > generic)
			note_text("genl", attribute(request + generic, size - generic,
						    CTRL_ATTR_FAMILY_NAME));
	} else if (protocol == NETLINK_ROUTE && error == EOPNOTSUPP) {
		if (h.nlmsg_type == RTM_NEWLINK && size > link)
			info = attribute(request + link, size - link, IFLA_LINKINFO);
		if (info)
			note_text("link", attribute(RTA_DATA(info), RTA_PAYLOAD(info),
						    IFLA_INFO_KIND));
		else
			/* NEW, DEL, GET and SET follow upon each other. */
			note("rtnetlink", "%u", h.nlmsg_type & ~3u);
	}
}

/* Is it an answer of the kernel's to a request over netlink, and an error? */
static void received(int fd, unsigned long address, size_t size)
{
	union {
		struct nlmsghdr header;
		char bytes[MAX_MESSAGE];
	} m;
	const size_t inner = NLMSG_HDRLEN + sizeof(int);
	int result;

	if (size < inner + NLMSG_HDRLEN || peek(address, &m, NLMSG_HDRLEN) < NLMSG_HDRLEN ||
	    m.header.nlmsg_type != NLMSG_ERROR || m.header.nlmsg_len > size ||
	    m.header.nlmsg_len < inner + NLMSG_HDRLEN || m.header.nlmsg_len > sizeof(m) ||
	    peek(address, &m, m.header.nlmsg_len) < m.header.nlmsg_len)
		return;
	memcpy(&result, m.bytes + NLMSG_HDRLEN, sizeof(result));
	error = -result;
	if (result < 0 && is_telling())
		refused(protocol_of(fd), m.bytes + inner, m.header.nlmsg_len - inner);
}

static void received_message(int fd, unsigned long address, size_t size)
{
	struct iovec iov;
	struct msghdr h;

	if (peek(address, &h, sizeof(h)) == sizeof(h) && h.msg_iovlen &&
	    peek((unsigned long)h.msg_iov, &iov, sizeof(iov)) == sizeof(iov))
		received(fd, (unsigned long)iov.iov_base, size < iov.iov_len ? size : iov.iov_len);
}

/* A call begins or ends. */
static void look(void)
{
	struct __ptrace_syscall_info info;
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0 ||
	    info.op != PTRACE_SYSCALL_INFO_EXIT || info.arch != AUDIT_ARCH_X86_64)
		return;
	/* The registers of most calls need not be read. */
	error = info.exit.is_error ? -info.exit.rval : 0;
	if ((error && !is_telling()) || info.exit.rval == 0)
		return;
	if (ptrace(PTRACE_GETREGS, pid, NULL, &regs))
		return;
	if (error)
		failed(regs.orig_rax, (unsigned long[]){ regs.rdi, regs.rsi, regs.rdx, regs.r10 });
	else if (regs.orig_rax == SYS_recvfrom)
		received(regs.rdi, regs.rsi, info.exit.rval);
	else if (regs.orig_rax == SYS_recvmsg)
		received_message(regs.rdi, regs.rsi, info.exit.rval);
}

static void stopped(int status)
{
	int sig = WSTOPSIG(status), event = status >> 16;

	if (sig == (SIGTRAP | 0x80)) {
		look();
		sig = 0;
	} else if (event == PTRACE_EVENT_STOP && sig != SIGTRAP) {
		/* It stays stopped until somebody continues it. */
		ptrace(PTRACE_LISTEN, pid, NULL, NULL);
		return;
	} else if (event) {
		sig = 0;
	}
	ptrace(PTRACE_SYSCALL, pid, NULL, (long)sig);
}

/* Trace until nobody is left. @go is told when the application may begin. */
static void __noreturn trace(pid_t app, int go)
{
	int status;

	if (!ptrace(PTRACE_SEIZE, app, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK |
		    PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC))
		ptrace(PTRACE_INTERRUPT, app, NULL, NULL);
	else
		say("the application cannot be traced: %s", strerror(errno));
	close(go);
	for (;;) {
		pid = waitpid(-1, &status, __WALL);
		if (pid < 0 && errno != EINTR)
			_exit(0);
		if (pid > 0 && WIFSTOPPED(status))
			stopped(status);
	}
}

bool explain_wanted(void)
{
	bool there = false;

	if (!port_tell(EXPLAIN_PORT, NULL, 0, &there) || !there)
		return false;
	findings = mmap(NULL, sizeof(*findings), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (findings == MAP_FAILED)
		fail("no memory for the tracer: %s", strerror(errno));
	return true;
}

void explain_start(pid_t app, int go[2])
{
	pid_t tracer = fork();

	if (tracer < 0)
		fail("fork: %s", strerror(errno));
	close(go[0]);
	if (!tracer)
		trace(app, go[1]);
	close(go[1]);
}

void explain_wait(int go[2])
{
	char c;

	close(go[1]);
	while (read(go[0], &c, 1) < 0 && errno == EINTR)
		;
	close(go[0]);
}

void explain_report(void)
{
	char *text = NULL;
	size_t size = 0;
	unsigned int i;
	bool there;
	FILE *f;

	f = open_memstream(&text, &size);
	if (!f)
		fail("out of memory");
	for (i = 0; i < findings->nr; i++)
		fprintf(f, "%s\t%s\t%d\t%u\t%s\n", findings->record[i].kind,
			findings->record[i].key, findings->record[i].error,
			findings->record[i].times, findings->record[i].program);
	fprintf(f, "end\t%u\t0\t0\t\n", findings->dropped);
	if (fclose(f))
		fail("out of memory");
	port_tell(EXPLAIN_PORT, text, size, &there);
	free(text);
}
