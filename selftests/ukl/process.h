/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTESTS_UKL_PROCESS_H
#define SELFTESTS_UKL_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

struct wild_access {
	const char *name;
	void (*make)(void);
};

/* Ends with one without a name */
extern const struct wild_access wild_accesses[];

bool threads_work(void);

#endif
