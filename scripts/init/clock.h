/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ask the host for its time. Under QEMU's TCG a guest's real-time clock counts whole
 * seconds, so its date would be behind by up to one. scripts/lupine/run.c gives the
 * machine a second serial port, at an address that the kernel does not look at; for
 * each question, which is a byte, the host has an answer.
 */
#ifndef LUPINE_CLOCK_H
#define LUPINE_CLOCK_H

#define CLOCK_PORT	0x5e8
/* CLOCK_REALTIME: nanoseconds since 1970, little endian */
#define CLOCK_QUESTION	'?'
#define CLOCK_BYTES	8
/* Random numbers */
#define CLOCK_RANDOM		'r'
#define CLOCK_RANDOM_BYTES	32
/*
 * The application is ready: a machine that is to be saved is saved now, and gets no answer.
 * One that starts from what was saved gets a byte.
 */
#define CLOCK_SAVE	's'

#endif
