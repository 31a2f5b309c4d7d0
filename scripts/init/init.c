// SPDX-License-Identifier: GPL-2.0
/*
 * Lupine's guest init: PID 1 of a unikernel with one application. It sets up
 * what the application expects of a Linux machine, runs it, passes signals on,
 * reaps orphans, and ends the machine with the application's exit status. The
 * machine tells it to the host, see status.h; the console line is for people.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched/types.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "init.h"
#include "status.h"

#define GRACE_SECONDS	10
#define SLICE_NS	(3 * 1000 * 1000)

static void power_off(int status, void *unused)
{
	(void)unused;
	/* A child that fails before it becomes the application comes here, too. */
	if (getpid() != 1)
		return;
	unmount_configured();
	sync();
	/* Remounting fails while a task is still in the kernel; ignore that. */
	mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL);
	say("exit status %d", status);
	tcdrain(STDERR_FILENO);
	if (!status_tell(status)) {
		say("the host does not learn this: add CONFIG_X86_IOPL_IOPERM to the kernel");
		tcdrain(STDERR_FILENO);
	}
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

	active = slurp("/sys/class/tty/console/active", 256, NULL);
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

static void set_limits(const struct config *c)
{
	struct rlimit r = { .rlim_cur = 1024, .rlim_max = 1024 * 1024 };
	const struct manifest_list *l = &c->m.key[KEY_LIMIT];
	size_t i;

	/* Container engines grant this; services raise their soft limit to it. */
	setrlimit(RLIMIT_NOFILE, &r);
	for (i = 0; i < l->nr; i++) {
		r.rlim_cur = l->value[i].number[1];
		r.rlim_max = l->value[i].number[2];
		if (setrlimit(l->value[i].number[0], &r))
			fail("limit %s %s: %s", l->value[i].word[0], l->value[i].word[1],
			     strerror(errno));
	}
}

/*
 * For how long a process runs while others wait. Linux takes 0.7 ms for a machine of one
 * processor and four times as much for one of eight, and newer kernels with high-resolution
 * timers keep to it. The application gets the slice that it has on a host.
 */
static void set_slice(void)
{
	struct sched_attr a = { .size = sizeof(a), .sched_runtime = SLICE_NS };

	if (syscall(SYS_sched_setattr, 0, &a, 0))
		say("slice of the processor's time: %s", strerror(errno));
}

/* Ignore a setting that this kernel does not have. */
static void set_sysctl(const char *name, const char *value)
{
	char *path, *p;

	if (asprintf(&path, "/proc/sys/%s", name) < 0)
		fail("out of memory");
	for (p = path + strlen("/proc/sys/"); *p; p++)
		if (*p == '.')
			*p = '/';
	if (spill(path, value))
		say("sysctl %s %s: %s", name, value, strerror(errno));
	free(path);
}

static void check_needs(const struct config *c)
{
	const struct manifest_list *l = &c->m.key[KEY_NEED];
	bool lacks = false;
	size_t i;

	for (i = 0; i < l->nr; i++) {
		const char *option = l->value[i].word[0];

		if (feature_missing(option)) {
			say("%s is off: add CONFIG_%s to the kernel", option, option);
			lacks = true;
		}
	}
	if (lacks)
		fail("this kernel lacks what the image needs");
}

static void default_env(struct list *env, const char *name, const char *value)
{
	char *assignment;

	if (env_value(env, name))
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
		say("running as root instead of user %u, MULTIUSER is off: %s", a->uid,
		    "add CONFIG_MULTIUSER to the kernel");
	}
}

static void add_words(struct list *to, const struct manifest_list *from)
{
	size_t i;

	for (i = 0; i < from->nr; i++)
		list_add(to, from->value[i].word[0]);
}

void start_application(const struct config *c)
{
	const char *user = manifest_text(&c->m, KEY_USER), *dir = manifest_text(&c->m, KEY_WORKDIR);
	struct list argv = { 0 }, env = { 0 };
	struct account a = { .home = "/root" };
	char hostname[65] = "";
	sigset_t none;

	if (user && account_find(user, &a))
		_exit(EXIT_INIT);
	if (user && fchown(STDIN_FILENO, a.uid, -1) && errno != ENOSYS && errno != EROFS)
		say("console: owner %u: %s", a.uid, strerror(errno));
	gethostname(hostname, sizeof(hostname) - 1);
	add_words(&env, &c->m.key[KEY_ENV]);
	default_env(&env, "PATH", DEFAULT_PATH);
	default_env(&env, "HOME", a.home);
	default_env(&env, "HOSTNAME", hostname);
	default_env(&env, "TERM", "vt100");

	if (dir && make_folders(dir, 0755))
		say("workdir %s: %s", dir, strerror(errno));
	if (dir && chdir(dir)) {
		say("workdir %s: %s", dir, strerror(errno));
		_exit(EXIT_INIT);
	}
	if (user)
		drop_to(&a);

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	add_words(&argv, &c->m.key[KEY_ENTRYPOINT]);
	add_words(&argv, &c->m.key[KEY_CMD]);
	_exit(run_program(argv.item, &env));
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

/* Ask the processes that the application has left to end, and then kill them. */
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

/* The application failed: name the options that are off, in case it needs one. */
static void hint(int status)
{
	char missing[512];

	if (!status || status >= 128 || status == EXIT_INIT ||
	    status == EXIT_NOEXEC || status == EXIT_NOTFOUND)
		return;
	if (features_missing(missing, sizeof(missing)))
		say("the application may need an option of the kernel that is off (%s): %s",
		    "lupine run --explain tells", missing);
}

static void pid1(int argc, char **argv)
{
	static const int passed_on[] = { SIGTERM, SIGINT, SIGPWR, SIGHUP, SIGQUIT, SIGUSR1,
					 SIGUSR2, SIGWINCH, SIGCHLD };
	sigset_t blocked;
	char hostname[65] = "";
	struct config c = { 0 };
	const char *name;
	sigset_t handled;
	int status, go[2];
	bool explain;
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

	clock_from_host();
	mount_kernel_file_systems();
	attach_console();
	config_read(&c, CONFIG_PATH);
	config_override(&c, getenv("lupine"));
	if (urunit_wanted(argv[0]))
		urunit_override(&c, argc, argv);
	else
		for (i = 1; i < (size_t)argc; i++)
			say("the kernel does not know its parameter '%s'", argv[i]);
	if (!c.m.key[KEY_ENTRYPOINT].nr && !c.m.key[KEY_CMD].nr)
		fail("%s names no program to run (entrypoint, cmd or shell)", CONFIG_PATH);
	lack_configured(&c.m);
	check_needs(&c);

	name = manifest_text(&c.m, KEY_HOSTNAME);
	if (name && sethostname(name, strlen(name)))
		say("hostname %s: %s", name, strerror(errno));
	gethostname(hostname, sizeof(hostname) - 1);
	if (!strcmp(hostname, "(none)")) {
		strcpy(hostname, "lupine");
		sethostname(hostname, strlen(hostname));
	}
	net_up(&c, hostname);
	mount_configured(&c);
	urunit_mount();
	set_limits(&c);
	set_slice();
	for (i = 0; i < c.m.key[KEY_SYSCTL].nr; i++)
		set_sysctl(c.m.key[KEY_SYSCTL].value[i].word[0],
			   c.m.key[KEY_SYSCTL].value[i].word[1]);

	explain = explain_wanted();
	if (explain && pipe2(go, O_CLOEXEC))
		fail("pipe: %s", strerror(errno));
	app = fork();
	if (app < 0)
		fail("fork: %s", strerror(errno));
	if (!app && explain)
		explain_wait(go);
	if (!app)
		start_application(&c);
	if (explain)
		explain_start(app, go);
	if (manifest_number(&c.m, KEY_EXEC, 0))
		tasks_start(&c);
	snapshot_start(manifest_number(&c.m, KEY_SNAPSHOT, 0));
	/* Ctrl-Alt-Del, with which Firecracker stops a guest. */
	if (asprintf(&cad, "%d", app) > 0)
		spill("/proc/sys/kernel/cad_pid", cad);
	status = supervise(app, manifest_number(&c.m, KEY_STOP, 0), &handled);
	end_others(&handled);
	if (explain)
		explain_report();
	else
		hint(status);
	exit(status);
}

static void usage(void)
{
	const struct manifest_key_info *info;
	unsigned int key;

	puts("Usage: init [--check FILE]\n"
	     "\n"
	     "As process 1, run the application that " CONFIG_PATH " describes, and then\n"
	     "end the machine.\n"
	     "\n"
	     "  --check FILE   read FILE as the configuration, and lupine= from the environment,\n"
	     "                 and print what the init understands; if the program's name is\n"
	     "                 urunit, urunc's variables, file and words behind FILE, too\n"
	     "  --help         print this text\n"
	     "\n"
	     "The kernel parameter lupine=\"...\" changes the configuration. In its words, %XX\n"
	     "stands for a character and %- for nothing:\n"
	     "\n"
	     "  --entrypoint PROGRAM  --env NAME=VALUE  --workdir DIR  --user USER[:GROUP]\n"
	     "  --hostname NAME  --mount 'TYPE SOURCE DIR [OPTIONS]'  --snapshot PORT  --exec yes\n"
	     "  --args ARG... (last)\n"
	     "\n"
	     "lupine=@vdX reads such changes from the disk /dev/vdX, as lines of the configuration\n"
	     "that NUL bytes follow.\n"
	     "\n"
	     "Where the program's name has urunit in it, words behind -- on the kernel's command\n"
	     "line are the application's arguments, and the container's environment, user, folder\n"
	     "and volumes come as urunc hands them over.\n"
	     "\n"
	     "A line of the configuration is `key value`. A key with + may be repeated, and #\n"
	     "starts a comment line. In a value, \\n is a newline, \\\\ a backslash, \\040 a blank,\n"
	     "and \\OOO any byte.\n");
	for (key = 0; key < NR_MANIFEST_KEYS; key++) {
		info = manifest_key_info(key);
		if (info->where & IN_INIT)
			printf("  %-10s %c %-27s %s\n", info->name, info->repeated ? '+' : ' ',
			       info->syntax, info->what);
	}
}

int main(int argc, char **argv)
{
	struct config c = { 0 };

	if (getpid() == 1)
		pid1(argc, argv);
	if (argc >= 3 && !strcmp(argv[1], "--check") && (argc == 3 || urunit_wanted(argv[0]))) {
		config_read(&c, argv[2]);
		config_override(&c, getenv("lupine"));
		if (urunit_wanted(argv[0]))
			urunit_override(&c, argc - 2, argv + 2);
		config_print(&c);
		return 0;
	}
	usage();
	return argc > 1 && !strcmp(argv[1], "--help") ? 0 : EXIT_INIT;
}
