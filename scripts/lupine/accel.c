// SPDX-License-Identifier: GPL-2.0
/*
 * Find out how QEMU is to run guests on this machine. That /dev/kvm can be opened says
 * little inside another virtual machine, so a kernel is booted under KVM until it looks
 * for its root file system. The answer is kept in build/accel, behind all that it depends
 * on: a line with the host's kernel, its boot, /dev/kvm, the user and QEMU.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "run.h"

#define KVM		"/dev/kvm"
#define KVM_ERROR	"KVM internal error"
/*
 * A kernel boots within a second under KVM. Where KVM itself is emulated it takes 20 times as
 * long, but says something all the time.
 */
#define PATIENCE	20		/* seconds without a word */
#define MOST		120		/* seconds */

static const char help[] =
"Usage: lupine accel [--probe] [--kernel VMLINUX]\n"
"\n"
"Print kvm or tcg: the accelerator with which QEMU can run guests on this machine.\n"
"To find out, boot a kernel under KVM until it looks for its root file system. If it\n"
"says nothing for 20 s before it gets so far, the answer is tcg. build/accel keeps\n"
"the answer; the reason is printed once.\n"
"\n"
"  --probe            try again\n"
"  --kernel VMLINUX   boot this kernel (default: one from build/kernel)\n"
"\n"
"Example: lupine accel --probe\n";

/* Start QEMU; its output is read from the descriptor. */
static pid_t start_qemu(const char *const *argv, int *output)
{
	int fd[2];
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC))
		die("no pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		die("no process: %s", strerror(errno));
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
		dup2(fd[1], STDOUT_FILENO);
		dup2(fd[1], STDERR_FILENO);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(fd[1]);
	*output = fd[0];
	return pid;
}

static int milliseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec % 1000000 * 1000 + t.tv_nsec / 1000000;
}

/* Its output until it ends, says the text or is silent too long; returns its status. */
static int run_qemu(const char *const *argv, char *said, size_t size, const char *until)
{
	int start = milliseconds(), status;
	struct pollfd p = { .events = POLLIN };
	pid_t pid = start_qemu(argv, &p.fd);
	size_t len = 0;
	ssize_t got = -1;

	while (len < size - 1 && milliseconds() - start < MOST * 1000 &&
	       poll(&p, 1, PATIENCE * 1000) > 0) {
		got = read(p.fd, said + len, size - 1 - len);
		if (got <= 0)
			break;
		len += got;
		/* Behind an error, QEMU keeps the machine as it is, for a debugger. */
		if ((until && memmem(said, len, until, strlen(until))) ||
		    memmem(said, len, KVM_ERROR, strlen(KVM_ERROR)))
			break;
	}
	said[len] = '\0';
	if (got)
		kill(pid, SIGKILL);
	close(p.fd);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* What an earlier answer depends on. A reboot may have changed the host. */
static char *circumstances(void)
{
	const char *const argv[] = { "qemu-system-x86_64", "--version", NULL };
	char version[256], *boot, *line;
	struct stat st = { 0 };
	struct utsname host;
	int status;

	status = run_qemu(argv, version, sizeof(version), NULL);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		die("'qemu-system-x86_64' is missing; make setup installs it");
	if (status && !strchr(version, '\n'))
		die("'qemu-system-x86_64 --version' fails, or takes %d s", PATIENCE);
	version[strcspn(version, "\n")] = '\0';
	uname(&host);
	boot = slurp("/proc/sys/kernel/random/boot_id", 100, NULL);
	if (boot)
		boot[strcspn(boot, "\n")] = '\0';
	stat(KVM, &st);
	line = xasprintf("%s %s %lx:%o %u %s", host.release, boot ?: "-",
			 (unsigned long)st.st_rdev, st.st_mode, geteuid(), version);
	free(boot);
	return line;
}

/* The line of what QEMU says that names the cause, or "" */
static char *cause(char *said)
{
	static const char *const words[] = { KVM_ERROR, "failed", "panic" };
	char *line, *rest = said;
	size_t i;

	while ((line = strsep(&rest, "\r\n")))
		for (i = 0; i < ARRAY_SIZE(words); i++)
			if (strcasestr(line, words[i]))
				return line;
	return "";
}

static bool kvm_works(const char *kernel, char **reason)
{
	static const char end[] = "Unable to mount root fs";
	const char *const argv[] = {
		"qemu-system-x86_64", "-M", "microvm,x-option-roms=off,rtc=on,acpi=off",
		"-accel", "kvm", "-cpu", "host", "-m", "128", "-nodefaults", "-no-user-config",
		"-nographic", "-no-reboot", "-serial", "stdio", "-kernel", kernel,
		"-append", "console=ttyS0 root=/dev/none panic=-1 reboot=t", NULL
	};
	static char said[256 * 1024];
	const char *why;
	int status;

	if (access(KVM, F_OK)) {
		*reason = "there is no " KVM;
		return false;
	}
	if (access(KVM, R_OK | W_OK)) {
		*reason = KVM " may not be opened; add yourself to the group kvm";
		return false;
	}
	if (!kernel) {
		*reason = "no kernel to try KVM with";
		return false;
	}
	status = run_qemu(argv, said, sizeof(said), end);
	if (strstr(said, end)) {
		*reason = "a kernel boots under KVM";
		return true;
	}
	why = cause(said);
	if (*why)
		*reason = xasprintf("a kernel under KVM does not boot: %s", why);
	else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		*reason = xasprintf("a kernel under KVM did not go on for %u s", PATIENCE);
	else
		*reason = "a kernel under KVM ends early";
	return false;
}

static const char *any_kernel(void)
{
	glob_t found;

	/* The program ends before its memory matters. */
	return glob(build_path("kernel/*/vmlinux"), 0, NULL, &found) ? NULL : found.gl_pathv[0];
}

const char *accelerator(const char *kernel, bool again)
{
	char *file = build_path("accel"), *known = again ? NULL : slurp(file, 4096, NULL);
	char *key = circumstances(), *reason, *text;
	size_t len = strlen(key);
	bool kvm;

	if (known && !strncmp(known, key, len) && !strcmp(known + len, "\nkvm\n"))
		return "kvm";
	if (known && !strncmp(known, key, len) && !strcmp(known + len, "\ntcg\n"))
		return "tcg";
	if (!kernel)
		kernel = any_kernel();
	kvm = kvm_works(kernel, &reason);
	/* A choice made without a test is not worth keeping. */
	if (kernel || kvm) {
		text = xasprintf("%s\n%s\n", key, kvm ? "kvm" : "tcg");
		make_folders(build_path("."), 0777);
		if (!replace_file(file, text))
			warn("%s: %s", file, strerror(errno));
		free(text);
	}
	tell("%s: %s", kvm ? "kvm" : "tcg", reason);
	return kvm ? "kvm" : "tcg";
}

int cmd_accel(int argc, char **argv)
{
	static const struct option options[] = {
		{ "probe", no_argument, NULL, 'p' },
		{ "kernel", required_argument, NULL, 'k' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	const char *kernel = NULL;
	bool again = false;
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'p') {
			again = true;
		} else if (option == 'k') {
			kernel = optarg;
		} else {
			if (option == 'h')
				fputs(help, stdout);
			return option == 'h' ? 0 : 2;
		}
	}
	if (kernel && access(kernel, R_OK))
		die("no kernel %s", kernel);
	puts(accelerator(kernel, again));
	return fflush(stdout) ? 1 : 0;
}
