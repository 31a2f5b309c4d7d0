// SPDX-License-Identifier: GPL-2.0
/*
 * The init whose first instruction ends a measured boot: it reads the time stamp
 * counter, which counts from the reset of QEMU's machine on, then prints the
 * seconds, if bench_khz on the kernel's command line says how fast it counts, and what
 * memory there is.
 *
 * To be linked with -Wl,-e,first. Only with -icount does QEMU's counter count
 * instructions (and the nanoseconds in which the guest had nothing to do).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "../../init/status.h"

#include "guest.h"

unsigned long at_first;

/* Before anything of libc's; it finds the registers as the kernel left them. */
asm(".pushsection .text\n"
    ".globl first\n"
    "first:\n"
    "	rdtsc\n"
    "	shl	$32, %rdx\n"
    "	or	%rdx, %rax\n"
    "	mov	%rax, at_first(%rip)\n"
    "	xor	%edx, %edx\n"
    "	jmp	_start\n"
    ".popsection");

/* What the kernel has handed out, as far as it tells: it may lack procfs. */
static void tell_memory(void)
{
	struct sysinfo s;
	char line[128];
	FILE *f;

	if (sysinfo(&s))
		abort();
	row("memory", "", "Total", -1, "KiB", s.totalram * s.mem_unit / 1024);
	row("memory", "", "Free", -1, "KiB", s.freeram * s.mem_unit / 1024);
	if (mount("proc", "/proc", "proc", 0, NULL))
		return;
	f = fopen("/proc/meminfo", "r");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		char name[32];
		unsigned long kib;

		if (sscanf(line, "%31[A-Za-z]: %lu", name, &kib) == 2 && strncmp(name, "Mem", 3))
			row("memory", "", name, -1, "KiB", kib);
	}
	fclose(f);
}

int main(void)
{
	const char *khz = getenv("bench_khz");

	if (khz)
		row("boot", "", "init-seconds", -1, "s", at_first / atof(khz) / 1000);
	tell_memory();
	fflush(stdout);
	/* To the host's end of the serial line before the machine is gone. */
	sync();
	if (!status_tell(0))
		puts("bench: the kernel lets nobody tell the exit status: X86_IOPL_IOPERM is off");
	reboot(RB_AUTOBOOT);
	return 1;
}
