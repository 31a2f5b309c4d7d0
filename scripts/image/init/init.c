// SPDX-License-Identifier: GPL-2.0
/*
 * Lupine's guest init: PID 1 of a unikernel with one application. It sets up
 * what the application expects of a Linux machine, runs it, passes signals on,
 * reaps orphans, and ends the machine with the application's exit status. The
 * host reads that from the last console line, "lupine-init: exit status N".
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "init.h"

#define DEFAULT_PATH	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define GRACE_SECONDS	10

static const struct {
	const char *name;
	int resource;
} limits[] = {
	{ "as", RLIMIT_AS }, { "core", RLIMIT_CORE }, { "cpu", RLIMIT_CPU },
	{ "data", RLIMIT_DATA }, { "fsize", RLIMIT_FSIZE },
	{ "memlock", RLIMIT_MEMLOCK }, { "msgqueue", RLIMIT_MSGQUEUE },
	{ "nice", RLIMIT_NICE }, { "nofile", RLIMIT_NOFILE },
	{ "nproc", RLIMIT_NPROC }, { "rss", RLIMIT_RSS },
	{ "rtprio", RLIMIT_RTPRIO }, { "sigpending", RLIMIT_SIGPENDING },
	{ "stack", RLIMIT_STACK },
};

static void power_off(int status, void *unused)
{
	(void)unused;
	/* A child that gave up before it became the application. */
	if (getpid() != 1)
		return;
	unmount_configured();
	sync();
	/* Not everything is idle: a process in the kernel may hold it busy. */
	mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL);
	say("exit status %d", status);
	tcdrain(STDERR_FILENO);
	/*
	 * A machine without ACPI has no power switch. A reset ends QEMU with
	 * -no-reboot, Firecracker and cloud-hypervisor.
	 */
	reboot(RB_AUTOBOOT);
	say("reset: %s", strerror(errno));
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

/* /dev/console cannot be a controlling terminal, the device behind it can. */
static int open_console(void)
{
	char path[64] = "/dev/", *active, *last;
	int fd = -1;

	active = slurp("/sys/class/tty/console/active");
	if (active) {
		active[strcspn(active, "\n")] = '\0';
		last = strrchr(active, ' ');
		strncat(path, last ? last + 1 : active, sizeof(path) - 6);
		fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
		free(active);
	}
	if (fd < 0)
		fd = open("/dev/console", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	return fd;
}

static void attach_console(void)
{
	int fd = open_console(), i;

	/*
	 * The terminal is init's: the end of a session's leader would hang it
	 * up and drop output that is still on its way. The application is in
	 * init's process group, so that Ctrl-C reaches both.
	 */
	setsid();

	for (i = 0; i < 3 && fd >= 0; i++)
		if (fd != i)
			dup2(fd, i);
	if (fd > STDERR_FILENO)
		close(fd);
	ioctl(STDIN_FILENO, TIOCSCTTY, 0);
}

static void set_limit(const char *configured)
{
	char *line = copy(configured), *rest = line;
	char *name = word(&rest), *value = word(&rest), *end;
	struct rlimit r;
	size_t i;

	for (i = 0; name && i < sizeof(limits) / sizeof(*limits); i++)
		if (!strcmp(name, limits[i].name))
			break;
	if (!value || i == sizeof(limits) / sizeof(*limits))
		fail("limit '%s': want NAME SOFT[:HARD], NAME as in setrlimit(2)", configured);
	if (!strcmp(value, "unlimited")) {
		r.rlim_cur = RLIM_INFINITY;
		r.rlim_max = RLIM_INFINITY;
	} else {
		r.rlim_cur = strtoull(value, &end, 10);
		r.rlim_max = *end == ':' ? strtoull(end + 1, &end, 10) : r.rlim_cur;
		if (*end || end == value)
			fail("limit '%s': '%s' is not a number", configured, value);
	}
	if (setrlimit(limits[i].resource, &r))
		fail("limit '%s': %s", configured, strerror(errno));
	free(line);
}

static void set_limits(const struct config *c)
{
	struct rlimit nofile = { .rlim_cur = 1024, .rlim_max = 1024 * 1024 };
	size_t i;

	/* What container engines grant; services raise their soft limit. */
	setrlimit(RLIMIT_NOFILE, &nofile);
	for (i = 0; i < c->limits.nr; i++)
		set_limit(c->limits.item[i]);
}

/* A setting that this kernel does not have can do without being set. */
static void set_sysctl(const char *configured)
{
	char *line = copy(configured), *value = line, *name = word(&value), *path, *p;

	value += strspn(value, " \t");
	if (!name || !*value)
		fail("sysctl '%s': want NAME VALUE", configured);
	if (asprintf(&path, "/proc/sys/%s", name) < 0)
		fail("out of memory");
	for (p = path + strlen("/proc/sys/"); *p; p++)
		if (*p == '.')
			*p = '/';
	if (spill(path, value))
		say("sysctl %s: %s", configured, strerror(errno));
	free(path);
	free(line);
}

static void check_needs(const struct config *c)
{
	bool lacks = false;
	size_t i;

	for (i = 0; i < c->needs.nr; i++) {
		if (feature_missing(c->needs.item[i])) {
			say("%s is off: add CONFIG_%s to the kernel%s",
			    c->needs.item[i], c->needs.item[i],
			    strcmp(c->needs.item[i], "KML") ? "" :
			    ", or make the image without --rewrite");
			lacks = true;
		}
	}
	if (lacks)
		fail("this kernel lacks what the image needs");
}

static bool env_has(const struct list *env, const char *name)
{
	size_t i, len = strlen(name);

	for (i = 0; i < env->nr; i++)
		if (!strncmp(env->item[i], name, len) && env->item[i][len] == '=')
			return true;
	return false;
}

static void default_env(struct list *env, const char *name, const char *value)
{
	char *assignment;

	if (env_has(env, name))
		return;
	if (asprintf(&assignment, "%s=%s", name, value) < 0)
		fail("out of memory");
	list_add(env, assignment);
	free(assignment);
}

static void drop_to(const struct account *a)
{
	if (setgroups(a->nr_groups, a->groups) || setresgid(a->gid, a->gid, a->gid) ||
	    setresuid(a->uid, a->uid, a->uid)) {
		if (errno != ENOSYS)
			fail("user %u: %s", a->uid, strerror(errno));
		say("MULTIUSER is off: running as root instead of user %u", a->uid);
	}
}

/* execve() gave up on a file that is there: find out why. */
static void explain_exec(const char *path, int err)
{
	union {
		Elf64_Ehdr ehdr;
		char text[256];
	} head = { 0 };
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, &head, sizeof(head) - 1) < 4) {
		say("%s: %s", path, strerror(err));
	} else if (!memcmp(head.text, "#!", 2)) {
		head.text[strcspn(head.text, "\n")] = '\0';
		if (err == ENOEXEC)
			say("%s: a script, and BINFMT_SCRIPT is off: add it to the kernel", path);
		else
			say("%s: its interpreter '%s': %s", path, head.text + 2, strerror(err));
	} else if (memcmp(head.text, ELFMAG, SELFMAG)) {
		say("%s: neither a script nor an ELF program: %s", path, strerror(err));
	} else if (head.ehdr.e_ident[EI_CLASS] == ELFCLASS32) {
		say("%s: a 32-bit program, this kernel runs 64-bit ones", path);
	} else if (head.ehdr.e_machine != EM_X86_64) {
		say("%s: a program for ELF machine %u, not x86-64", path, head.ehdr.e_machine);
	} else if (err == ENOENT) {
		say("%s: its dynamic loader is not in the image", path);
	} else {
		say("%s: %s", path, strerror(err));
	}
}

/* As execvpe(), but with the PATH of the environment given. */
static int run(char **argv, const struct list *env)
{
	const char *dirs = DEFAULT_PATH;
	char *path, *copied, *rest, *dir;
	bool seen = false;
	size_t i;

	if (strchr(argv[0], '/')) {
		execve(argv[0], argv, env->item);
		if (errno == ENOENT && access(argv[0], F_OK)) {
			say("%s: not in the image", argv[0]);
			return EXIT_NOTFOUND;
		}
		explain_exec(argv[0], errno);
		return EXIT_NOEXEC;
	}
	for (i = 0; i < env->nr; i++)
		if (!strncmp(env->item[i], "PATH=", 5))
			dirs = env->item[i] + 5;
	copied = copy(dirs);
	rest = copied;
	while ((dir = strsep(&rest, ":"))) {
		if (asprintf(&path, "%s/%s", *dir ? dir : ".", argv[0]) < 0)
			fail("out of memory");
		execve(path, argv, env->item);
		if (!access(path, F_OK)) {
			seen = true;
			explain_exec(path, errno);
		}
		free(path);
	}
	if (!seen)
		say("%s: not found in PATH=%s", argv[0], dirs);
	return seen ? EXIT_NOEXEC : EXIT_NOTFOUND;
}

static void start(struct config *c)
{
	struct account a = { .home = "/root" };
	char hostname[65] = "";
	sigset_t none;
	size_t i;

	if (c->user && account_find(c->user, &a))
		_exit(EXIT_INIT);
	if (c->user && fchown(STDIN_FILENO, a.uid, -1) && errno != ENOSYS && errno != EROFS)
		say("console: owner %u: %s", a.uid, strerror(errno));
	gethostname(hostname, sizeof(hostname) - 1);
	default_env(&c->env, "PATH", DEFAULT_PATH);
	default_env(&c->env, "HOME", a.home);
	default_env(&c->env, "HOSTNAME", hostname);
	default_env(&c->env, "TERM", "vt100");

	if (c->workdir && make_dirs(c->workdir, 0755))
		say("workdir %s: %s", c->workdir, strerror(errno));
	if (c->workdir && chdir(c->workdir)) {
		say("workdir %s: %s", c->workdir, strerror(errno));
		_exit(EXIT_INIT);
	}
	if (c->user)
		drop_to(&a);

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (i = 0; i < c->cmd.nr; i++)
		list_add(&c->entrypoint, c->cmd.item[i]);
	_exit(run(c->entrypoint.item, &c->env));
}

/* Wait for the application; returns its status as a shell would. */
static int supervise(pid_t app, int stop_signal, const sigset_t *handled)
{
	struct timespec patience = { .tv_sec = GRACE_SECONDS };
	bool stopping = false;
	siginfo_t info;
	int status, sig;
	pid_t pid;

	for (;;) {
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
			if (pid != app)
				continue;
			if (WIFEXITED(status))
				return WEXITSTATUS(status);
			say("the application was killed by SIG%s%s",
			    sigabbrev_np(WTERMSIG(status)) ?: "RT",
			    WCOREDUMP(status) ? ", core dumped" : "");
			return 128 + WTERMSIG(status);
		}
		if (stopping)
			sig = sigtimedwait(handled, &info, &patience);
		else
			sig = sigwaitinfo(handled, &info);
		if (sig < 0 && errno == EAGAIN) {
			say("still running %d s after the stop signal: killed", GRACE_SECONDS);
			kill(-1, SIGKILL);
		} else if (sig == SIGINT && !info.si_pid && !stop_signal) {
			/* Ctrl-C, which the application has got, too. */
		} else if (sig == SIGTERM || sig == SIGINT || sig == SIGPWR) {
			stopping = true;
			kill(app, stop_signal ?: SIGTERM);
		} else if (sig > 0 && sig != SIGCHLD &&
			   !(info.si_pid && getpgid(info.si_pid) == getpgrp())) {
			/* Not what a member of the group has told the whole group. */
			kill(app, sig);
		}
	}
}

/* What the application leaves behind: a request to end, then the end. */
static void end_others(const sigset_t *handled)
{
	struct timespec tick = { .tv_nsec = 100 * 1000 * 1000 };
	pid_t pid;
	int i;

	/* Everything descends from init, so no child means no process. */
	for (i = 0; i < 20; i++) {
		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			;
		if (pid < 0)
			return;
		if (!i)
			kill(-1, SIGTERM);
		sigtimedwait(handled, NULL, &tick);
	}
	kill(-1, SIGKILL);
}

/* The application failed: perhaps for want of something left out. */
static void hint(int status)
{
	char missing[512];

	if (!status || status >= 128 || status == EXIT_INIT ||
	    status == EXIT_NOEXEC || status == EXIT_NOTFOUND)
		return;
	if (features_missing(missing, sizeof(missing)))
		say("options of this kernel that are off, should one of them be why: %s", missing);
}

static void pid1(int argc, char **argv)
{
	static const int passed_on[] = { SIGTERM, SIGINT, SIGPWR, SIGHUP, SIGQUIT, SIGUSR1,
					 SIGUSR2, SIGWINCH, SIGCHLD };
	sigset_t blocked;
	char hostname[65] = "";
	struct config c = { 0 };
	sigset_t handled;
	int status;
	char *cad;
	pid_t app;
	size_t i;

	on_exit(power_off, NULL);
	sigemptyset(&handled);
	for (i = 0; i < sizeof(passed_on) / sizeof(*passed_on); i++)
		sigaddset(&handled, passed_on[i]);
	blocked = handled;
	sigaddset(&blocked, SIGTTOU);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	reboot(RB_DISABLE_CAD);
	umask(022);

	mount_kernel_file_systems();
	attach_console();
	config_read(&c, CONFIG_PATH);
	config_override(&c, getenv("lupine"));
	for (i = 1; i < (size_t)argc; i++)
		say("the kernel does not know its parameter '%s'", argv[i]);
	if (!c.entrypoint.nr && !c.cmd.nr)
		fail("%s names no program to run (entrypoint, cmd or shell)", CONFIG_PATH);
	check_needs(&c);

	if (c.hostname && sethostname(c.hostname, strlen(c.hostname)))
		say("hostname %s: %s", c.hostname, strerror(errno));
	gethostname(hostname, sizeof(hostname) - 1);
	if (!strcmp(hostname, "(none)")) {
		strcpy(hostname, "lupine");
		sethostname(hostname, strlen(hostname));
	}
	net_up(&c, hostname);
	mount_configured(&c);
	set_limits(&c);
	for (i = 0; i < c.sysctls.nr; i++)
		set_sysctl(c.sysctls.item[i]);

	app = fork();
	if (app < 0)
		fail("fork: %s", strerror(errno));
	if (!app)
		start(&c);
	/* Ctrl-Alt-Del, with which Firecracker stops a guest. */
	if (asprintf(&cad, "%d", app) > 0)
		spill("/proc/sys/kernel/cad_pid", cad);
	status = supervise(app, c.stop_signal, &handled);
	end_others(&handled);
	hint(status);
	exit(status);
}

static void usage(void)
{
	puts("Usage: init [--check FILE]\n"
	     "\n"
	     "As PID 1: runs the application that " CONFIG_PATH " describes, then ends the\n"
	     "machine. lupine=\"...\" on the kernel's command line changes what the image says;\n"
	     "%XX in its words stands for a character, %- for nothing:\n"
	     "  --entrypoint PROGRAM  --env NAME=VALUE  --workdir DIR  --user USER[:GROUP]\n"
	     "  --hostname NAME  --mount 'TYPE SOURCE DIR [OPTIONS]'  --args ARG... (last)\n"
	     "\n"
	     "--check FILE: read FILE as configuration, and lupine= from the environment; print\n"
	     "what was understood, exit.\n"
	     "\n"
	     "Configuration, one `key value` a line (+ may be repeated; # starts a comment):\n"
	     "  entrypoint + WORD      the program and its first arguments\n"
	     "  cmd +        WORD      further arguments, replaced by --args\n"
	     "  shell        COMMAND   instead of both: /bin/sh -c COMMAND\n"
	     "  env +        NAME=VALUE\n"
	     "  workdir      DIR\n"
	     "  user         USER[:GROUP]\n"
	     "  hostname     NAME\n"
	     "  stop         SIGNAL    sent to the application to end it\n"
	     "  limit +      NAME SOFT[:HARD]\n"
	     "  mkdir +      DIR [MODE [USER[:GROUP]]]\n"
	     "  mount +      TYPE SOURCE DIR [OPTIONS]\n"
	     "  sysctl +     NAME VALUE\n"
	     "  need +       OPTION    kernel option to insist on, without CONFIG_\n"
	     "  address A.B.C.D/BITS, gateway A.B.C.D, nameserver + A.B.C.D, dhcp yes");
}

int main(int argc, char **argv)
{
	struct config c = { 0 };

	if (getpid() == 1)
		pid1(argc, argv);
	if (argc == 3 && !strcmp(argv[1], "--check")) {
		config_read(&c, argv[2]);
		config_override(&c, getenv("lupine"));
		config_print(&c);
		return 0;
	}
	usage();
	return argc > 1 && !strcmp(argv[1], "--help") ? 0 : EXIT_INIT;
}
