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
/* A regular file, for reading; CURE, which may be NULL, ends the message if it is none. */
int open_regular(const char *path, const char *cure);
/* A name that becomes a file's and an OCI tag */
void check_name(const char *name);
/* FILE.ext2 has files beside it: FILE, with another END */
char *beside_image(const char *image, const char *end);
/*
 * Numbers from 1 to MOST that lupine image has written behind KEY= to the .conf beside IMAGE
 * (memory in MiB, ports, the init's bytes), as many as there is room for; returns how many.
 */
#define MAX_CONF	4096
size_t numbers_of_image(const char *image, const char *key, unsigned long most,
			unsigned long *numbers, size_t room);
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
