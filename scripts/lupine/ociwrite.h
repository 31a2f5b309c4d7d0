/* SPDX-License-Identifier: GPL-2.0 */
/* ociwrite.c: the JSON of an image in an OCI layout. Digests are those of SHA-256. */
#ifndef LUPINE_OCIWRITE_H
#define LUPINE_OCIWRITE_H

#include <json-c/json.h>

#include "image.h"

/* Where bytes go, with their number and digest; -1 for a file that nobody wants */
struct sink {
	int fd;
	uint64_t size;
	EVP_MD_CTX *sha;
	char hex[HEX_DIGITS + 1];	/* when sha256_hex() has been called */
};

void sink_open(struct sink *s, int fd);
void sink_write(void *sink, const void *data, size_t size);

json_object *oci_descriptor(const char *type, const struct sink *sink);

/* A configuration without a date, in which "config" is missing */
json_object *oci_config(const char *os, const char *arch, const char **diff_ids, size_t nr);

/* Files to write to; old_index is an index in which other images stay, or -1. */
struct oci_parts {
	int config, manifest, index, old_index;
	const char *name;
};

struct oci_digests {
	char config[HEX_DIGITS + 1], manifest[HEX_DIGITS + 1];
};

/* Takes the objects with it; annotations may be NULL. */
void oci_finish(const struct oci_parts *parts, json_object *config, json_object *layers,
		json_object *annotations, struct oci_digests *digests);

#endif
