/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LUPINE_TARWRITE_H
#define LUPINE_TARWRITE_H

#include "image.h"

struct tar {
	void (*write)(void *to, const void *data, size_t size);
	void *to;
	uint64_t size;
};

/* After an entry that is a file with content come its data (of holes nothing), then the end. */
void tar_entry(struct tar *t, const char *path, const struct inode *inode, const char *hard);
void tar_data(struct tar *t, const void *data, size_t size);
void tar_entry_end(struct tar *t);
void tar_end(struct tar *t);

#endif
