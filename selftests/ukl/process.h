/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTESTS_UKL_PROCESS_H
#define SELFTESTS_UKL_PROCESS_H

int test_threads(void);

#endif
