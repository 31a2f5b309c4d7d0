/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ask the host for its time. Under QEMU's TCG a guest's real-time clock counts whole
 * seconds, so its date would be behind by up to one. scripts/lupine/run.c gives the
 * machine a second serial port, at an address that the kernel does not look at; for
 * each byte that the guest sends, the host answers with its CLOCK_REALTIME.
 */
#ifndef LUPINE_CLOCK_H
#define LUPINE_CLOCK_H

#define CLOCK_PORT	0x5e8
#define CLOCK_QUESTION	'?'
/* The answer: nanoseconds since 1970, little endian */
#define CLOCK_BYTES	8

#endif
