// SPDX-License-Identifier: GPL-2.0
/*
 * asks [traced|forge]: for scripts/test/explain.sh. Ask the kernel for what lupine-general
 * has no options for, in each way that the tracer of the init looks at, and end with 0.
 * "traced": print whether somebody traces this process. "forge": tell the host nonsense
 * in the place of the init.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../init/explain.h"

#ifndef AF_VSOCK
#define AF_VSOCK	40
#endif

/* A request over netlink, as iproute2 has it, and its answer */
static void request(int protocol, int type, const void *header, size_t size, int attribute,
		    const char *text)
{
	struct {
		struct nlmsghdr h;
		char rest[128];
	} m = { { .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK } };
	struct rtattr *a = (void *)(m.rest + NLMSG_ALIGN(size)), *nested = NULL;
	char answer[4096];
	struct iovec iov = { answer, sizeof(answer) };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	int s = socket(AF_NETLINK, SOCK_RAW, protocol);

	memcpy(m.rest, header, size);
	/* The kind of a network device is inside of another attribute. */
	if (type == RTM_NEWLINK && protocol == NETLINK_ROUTE) {
		m.h.nlmsg_flags |= NLM_F_CREATE;
		nested = a++;
		nested->rta_type = IFLA_LINKINFO;
	}
	a->rta_type = attribute;
	a->rta_len = RTA_LENGTH(strlen(text) + 1);
	strcpy(RTA_DATA(a), text);
	if (nested)
		nested->rta_len = RTA_LENGTH(a->rta_len);
	m.h.nlmsg_len = (char *)a + RTA_ALIGN(a->rta_len) - (char *)&m;
	if (send(s, &m, m.h.nlmsg_len, 0) < 0 || recvmsg(s, &h, 0) < 0)
		perror("netlink");
	close(s);
}

static void ask_networks(void)
{
	static const struct genlmsghdr family = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 };
	static const struct rtmsg rule = { .rtm_family = AF_INET };
	static const struct ifinfomsg device;

	request(NETLINK_ROUTE, RTM_NEWLINK, &device, sizeof(device), IFLA_INFO_KIND, "veth");
	request(NETLINK_ROUTE, RTM_NEWLINK, &device, sizeof(device), IFLA_INFO_KIND, "bridge");
	request(NETLINK_ROUTE, RTM_GETRULE, &rule, sizeof(rule), RTA_TABLE, "");
	request(NETLINK_GENERIC, GENL_ID_CTRL, &family, sizeof(family), CTRL_ATTR_FAMILY_NAME,
		"TASKSTATS");
}

static void *in_a_thread(void *unused)
{
	open("/dev/fuse", O_RDWR);
	open("/dev/loop7", O_RDWR);
	return unused;
}

static void ask(void)
{
	uint64_t clone_args[8] = { CLONE_NEWUSER, [4] = SIGCHLD };
	int s = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	char info[84] = "filter";
	socklen_t len = sizeof(info);
	pthread_t thread;
	void *page;
	int status;

	/* Calls */
	syscall(SYS_bpf, BPF_MAP_CREATE, NULL, 0);
	syscall(SYS_kcmp, getpid(), getpid(), 0, 0, 0);
	syscall(SYS_modify_ldt, 0, info, sizeof(info));
	syscall(SYS_pkey_alloc, 0, 0);
	/* Namespaces, in each way */
	if (!fork()) {
		unshare(CLONE_NEWPID);
		unshare(CLONE_NEWPID);
		unshare(CLONE_NEWUTS | CLONE_NEWIPC);
		syscall(SYS_clone3, clone_args, sizeof(clone_args));
		if (syscall(SYS_clone, CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0) == 0)
			_exit(0);
		_exit(0);
	}
	wait(&status);
	/* Sockets */
	socket(AF_VSOCK, SOCK_STREAM, 0);
	socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP);
	socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
	getsockopt(s, IPPROTO_IP, 64, info, &len);
	setsockopt(s, IPPROTO_TCP, TCP_MD5SIG, &one, sizeof(one));
	setsockopt(s, IPPROTO_TCP, TCP_ULP, "tls", 3);
	setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, "bbr", 3);
	ask_networks();
	ioctl(s, SIOCBRADDBR, "br0");
	ioctl(s, SIOCSIFVLAN, info);
	/* Files */
	mount("none", "/tmp", "cgroup2", 0, NULL);
	mount("none", "/tmp", "overlay", 0, NULL);
	open("/proc/self/ns/pid", O_RDONLY);
	open("/proc/self/no-such-file", O_RDONLY);
	open("/dev/no-such-device", O_RDONLY);
	pthread_create(&thread, NULL, in_a_thread, NULL);
	pthread_join(thread, NULL);
	/* Memory */
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	madvise(page, 4096, MADV_MERGEABLE);
	fcntl(STDIN_FILENO, F_NOTIFY, 0);
	/* What no option would help */
	lseek(s, 0, SEEK_SET);
	mount("none", "/tmp", "no-such-fs", 0, NULL);
	epoll_create(-1);
}

/* This is not the tracer's to decide. */
static void stop_and_go(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		raise(SIGSTOP);
		_exit(7);
	}
	waitpid(pid, &status, WUNTRACED);
	printf("stopped: %d\n", WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	kill(pid, SIGCONT);
	waitpid(pid, &status, 0);
	printf("ended: %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

int main(int argc, char **argv)
{
	static const char nonsense[] = "call\t1\033[2J\t38\t1\tx\nend\t0\t0\t0\t\n";
	char line[256];
	const char *c;
	FILE *f;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (argc > 1 && !strcmp(argv[1], "forge")) {
		for (c = nonsense; *c; c++)
			outb(*c, EXPLAIN_PORT);
		return 0;
	}
	f = fopen("/proc/self/status", "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "TracerPid:", 10))
			puts(strcmp(line, "TracerPid:\t0\n") ? "traced" : "not traced");
	if (argc > 1)
		return 0;
	ask();
	stop_and_go();
	return 0;
}
