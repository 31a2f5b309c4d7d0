// SPDX-License-Identifier: GPL-2.0
/*
 * Process 1 of a kernel with an application in it. ukl-gcc links this into the
 * application, and the kernel executes it as /init.
 *
 * It stays process 1, and the application becomes its child, because an application
 * does not know how to be init: init has to wait for orphans, abort() and kill() do
 * nothing to it, and the kernel panics when it ends. The child returns from
 * ukl_process_1() and goes on to the application's _start, as if nothing had been.
 * The C library is not initialized yet, so this makes its system calls itself.
 */
#include <errno.h>
#include <linux/reboot.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "../init/status.h"

/* The rest of the messages that the kernel has for users, as of faults */
#define SYSLOG_ACTION_CONSOLE_LEVEL	8
#define LOGLEVEL_DEBUG			7

asm(".globl ukl_start\n"
    "ukl_start:\n"
    "	mov	%rsp, %rdi\n"
    "	call	ukl_process_1\n"
    "	xor	%edx, %edx\n"
    "	jmp	_start\n");

void ukl_process_1(unsigned long *stack);

static long __attribute__((noinline)) sys(long nr, long a, long b, long c, long d, long e)
{
	register long r10 asm("r10") = d;
	register long r8 asm("r8") = e;
	long ret;

	asm volatile("syscall" : "=a" (ret)
		     : "a" (nr), "D" (a), "S" (b), "d" (c), "r" (r10), "r" (r8)
		     : "rcx", "r11", "memory");
	return ret;
}

static void say(const char *text)
{
	long len = 0;

	while (text[len])
		len++;
	sys(SYS_write, 2, (long)text, len, 0, 0);
}

static void say_number(const char *before, unsigned int n)
{
	char text[16] = "";
	int i = sizeof(text) - 2;

	text[i] = '\n';
	for (; i == sizeof(text) - 2 || n; n /= 10)
		text[--i] = (char)('0' + n % 10);
	say(before);
	say(text + i);
}

/* Everything that was written is at the other end of the console. */
static void drain(void)
{
	sys(SYS_ioctl, 2, TCSBRK, 1, 0, 0);
}

static void __attribute__((noreturn)) end(unsigned int status)
{
	unsigned short cs;

	sys(SYS_sync, 0, 0, 0, 0, 0);
	drain();
	say_number("ukl: exit status ", status);
	asm("mov %%cs, %0" : "=r" (cs));
	/* status_tell() of init needs a C library. */
	if ((cs & 3) && sys(SYS_ioperm, STATUS_PORT, 1, 1, 0, 0))
		say("ukl: the host does not learn it: add CONFIG_X86_IOPL_IOPERM to the kernel\n");
	else if (inb(STATUS_PORT) == STATUS_READS)
		outb((unsigned char)status, STATUS_PORT);
	drain();
	/* Not every machine can be switched off; a reset ends QEMU with -no-reboot. */
	sys(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_RESTART, 0, 0);
	for (;;)
		sys(SYS_pause, 0, 0, 0, 0, 0);
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * The kernel's command line has no way to pass a quote, a newline or "--" as a word. So
 * %XX stands for a byte, in arguments as in the environment.
 */
static void decode(char **words)
{
	char *s, *d;

	for (; *words; words++) {
		for (s = d = *words; *s; d++) {
			if (*s == '%' && hex(s[1]) >= 0 && hex(s[2]) >= 0) {
				*d = (char)(hex(s[1]) << 4 | hex(s[2]));
				s += 3;
			} else {
				*d = *s++;
			}
		}
		*d = '\0';
	}
}

static long mount_at(const char *what, const char *where, const char *type, long flags)
{
	return sys(SYS_mount, (long)what, (long)where, (long)type, flags, 0);
}

/* The root file system that UKL_ROOT names takes the place of the initramfs. */
static void mount_root(const char *device)
{
	static const char *const types[] = { "ext4", "ext2", "squashfs", "erofs" };
	long err = -ENODEV;

	for (unsigned int i = 0; err && i < sizeof(types) / sizeof(*types); i++)
		err = mount_at(device, "/root", types[i], 0);
	if (err) {
		say("ukl: cannot mount the root file system ");
		say(device);
		say_number(", error ", (unsigned int)-err);
		end(126);
	}
	mount_at("/dev", "/root/dev", NULL, MS_MOVE);
	sys(SYS_chdir, (long)"/root", 0, 0, 0, 0);
	mount_at(".", "/", NULL, MS_MOVE);
	sys(SYS_chroot, (long)".", 0, 0, 0, 0);
}

static void prepare(char **envp)
{
	static const char root[] = "UKL_ROOT=";
	unsigned int i;

	/* posix_spawn() and daemon() want /dev/null. */
	mount_at("dev", "/dev", "devtmpfs", 0);
	/* A pseudo-terminal of /dev/ptmx appears in /dev/pts. */
	sys(SYS_mkdir, (long)"/dev/pts", 0755, 0, 0, 0);
	mount_at("devpts", "/dev/pts", "devpts", 0);
	for (; *envp; envp++) {
		for (i = 0; root[i] && (*envp)[i] == root[i]; i++)
			;
		if (!root[i])
			mount_root(*envp + i);
	}
	/* The terminal is process 1's: at the end of its session, output would be lost. */
	sys(SYS_setsid, 0, 0, 0, 0, 0);
	sys(SYS_ioctl, 0, TIOCSCTTY, 0, 0, 0);
	/* With "quiet", nobody would learn of a segmentation fault. */
	sys(SYS_syslog, SYSLOG_ACTION_CONSOLE_LEVEL, 0, LOGLEVEL_DEBUG, 0, 0);
}

void ukl_process_1(unsigned long *stack)
{
	char **argv = (char **)stack + 1, **envp = argv + *stack + 1;
	int status = 0;
	long pid, child;

	/* A program may execute itself again. */
	if (sys(SYS_getpid, 0, 0, 0, 0, 0) != 1)
		return;
	decode(argv);
	decode(envp);
	prepare(envp);
	pid = sys(SYS_fork, 0, 0, 0, 0, 0);
	if (!pid)
		return;
	if (pid < 0) {
		say_number("ukl: no process for the application, error ", (unsigned int)-pid);
		end(126);
	}
	do
		child = sys(SYS_wait4, -1, (long)&status, 0, 0, 0);
	while (child != pid && child != -ECHILD);
	if (WIFSIGNALED(status))
		say_number("ukl: the application was killed by signal ", WTERMSIG(status));
	end(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}
