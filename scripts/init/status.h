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
#include <stddef.h>
#include <sys/io.h>
#include <unistd.h>

#define STATUS_PORT	0xf4
#define STATUS_READS	0xe9

/*
 * Write to such a device, if it is there, which @there tells then. False: this kernel lets
 * nobody do it.
 */
static inline bool port_tell(unsigned short port, const void *data, size_t size, bool *there)
{
	const unsigned char *byte = data;
	unsigned char reads = 0;
	bool told = true;
	unsigned short cs;
	int fd;

	asm("mov %%cs, %0" : "=r" (cs));
	if (!(cs & 3) || !ioperm(port, 1, 1)) {
		*there = inb(port) == STATUS_READS;
		while (*there && size--)
			outb(*byte++, port);
		/* Children would inherit the permission, and pay for it. */
		if (cs & 3)
			ioperm(port, 1, 0);
		return true;
	}
	fd = open("/dev/port", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return false;
	*there = pread(fd, &reads, 1, port) == 1 && reads == STATUS_READS;
	/* The file's position is the port. */
	while (*there && size-- && told)
		told = pwrite(fd, byte++, 1, port) == 1;
	close(fd);
	return told;
}

/* False: this kernel lets nobody tell. */
static inline bool status_tell(unsigned char status)
{
	bool there;

	return port_tell(STATUS_PORT, &status, 1, &there);
}

#endif
