/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LUPINE_PUBLISH_H
#define LUPINE_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>

/* The content of the file oci-layout */
#define OCI_LAYOUT	"{\"imageLayoutVersion\":\"1.0.0\"}"

/* publish.c: these end the program if it is not possible. */
void need_folders(const char *path);
char *folder_of(const char *path);
void check_replaceable(const char *path);
/* A file of the folder in which all is made takes the place of one. */
void publish_file(const char *from, const char *to);

bool is_digest(const char *hex);

/* The index of the OCI layout that is there, or -1; what is there may be no other thing. */
int open_layout(const char *output);

/* A file of the folder in which all is made, and the digest that is to be its name */
struct layout_blob {
	const char *file, *hex;
};

/* Add to a layout; the file "index" is its new index. */
void publish_layout(const char *output, const struct layout_blob *blobs, size_t nr);

#endif
