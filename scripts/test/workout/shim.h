/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The shim: an entry for system calls in user space, in the place of the one
 * that a kernel with CONFIG_KML has. with-entry maps it into a process and
 * adds AT_SYSINFO, so that the calls of libc can be tested on any kernel.
 */
#ifndef MUSL_TEST_SHIM_H
#define MUSL_TEST_SHIM_H

/* From the entry to its data, which lies in the next page. */
#define SHIM_DATA	4096

/* Its code, in with-entry. */
extern const char shim_start[], shim_end[];

struct shim_data {
	unsigned long calls;
};

#endif
