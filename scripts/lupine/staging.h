/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LUPINE_STAGING_H
#define LUPINE_STAGING_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define KEEP_MODE	UINT32_MAX

void staging_begin(int fd);
void staging_file(const char *from, const char *dest, uint32_t mode, const struct timespec *time,
		  const char *what);
void staging_folder(const char *from, const char *dest);
bool staging_end(void);		/* whether there is anything */

#endif
