/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tell the host how it ended, by the machine: a byte to QEMU's isa-debugcon, which
 * scripts/lupine/run.c puts at this port. A port that nobody has reads as ff, as in
 * Firecracker and cloud-hypervisor; the device reads as e9. Nothing that a program
 * prints looks like it.
 *
 * In ring 0 (CONFIG_KML) the processor lets a process do it; in ring 3 the kernel has
 * to (CONFIG_X86_IOPL_IOPERM), or has to have /dev/port (CONFIG_DEVPORT).
 */
#ifndef LUPINE_STATUS_H
#define LUPINE_STATUS_H

#include <fcntl.h>
#include <stdbool.h>
#include <sys/io.h>
#include <unistd.h>

#define STATUS_PORT	0xf4
#define STATUS_READS	0xe9

/* False: this kernel lets nobody tell. */
static inline bool status_tell(unsigned char status)
{
	unsigned short cs;
	unsigned char there = 0;
	bool told = false;
	int fd;

	asm("mov %%cs, %0" : "=r" (cs));
	if (!(cs & 3) || !ioperm(STATUS_PORT, 1, 1)) {
		if (inb(STATUS_PORT) == STATUS_READS)
			outb(status, STATUS_PORT);
		return true;
	}
	fd = open("/dev/port", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (pread(fd, &there, 1, STATUS_PORT) == 1)
		told = there != STATUS_READS || pwrite(fd, &status, 1, STATUS_PORT) == 1;
	close(fd);
	return told;
}

#endif
