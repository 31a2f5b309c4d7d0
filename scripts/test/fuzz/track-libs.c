// SPDX-License-Identifier: GPL-2.0
/*
 * As track.c has it, for what libraries allocate: compiled with names of this file in
 * place of theirs, a program leaves none of their objects behind when it ends.
 */
#include <archive.h>
#include <ext2fs/ext2fs.h>
#include <json-c/json.h>
#include <openssl/evp.h>

#include "fuzz.h"

#define MAX_OBJECTS	4096

/* Kinds of objects by the function that frees them */
static void free_archive(void *a)
{
	archive_read_free(a);
}

static void free_digest(void *ctx)
{
	EVP_MD_CTX_free(ctx);
}

static void free_tokener(void *tok)
{
	json_tokener_free(tok);
}

static void free_json(void *o)
{
	json_object_put(o);
}

static void free_fs(void *fs)
{
	ext2fs_free(fs);
}

static struct object {
	void *p;
	void (*end)(void *p);
} objects[MAX_OBJECTS];
static size_t nr;

static void *remember(void *p, void (*end)(void *p))
{
	require(nr < MAX_OBJECTS);
	if (p)
		objects[nr++] = (struct object){ p, end };
	return p;
}

static void forget(const void *p)
{
	size_t i;

	for (i = nr; i--;) {
		if (objects[i].p == p) {
			objects[i] = objects[--nr];
			return;
		}
	}
}

void track_libs_end(void)
{
	/* The last one first: readers of archives read from each other. */
	while (nr) {
		nr--;
		objects[nr].end(objects[nr].p);
	}
}

struct archive *track_archive_read_new(void)
{
	return remember(archive_read_new(), free_archive);
}

int track_archive_read_free(struct archive *a)
{
	forget(a);
	return archive_read_free(a);
}

EVP_MD_CTX *track_EVP_MD_CTX_new(void)
{
	return remember(EVP_MD_CTX_new(), free_digest);
}

void track_EVP_MD_CTX_free(EVP_MD_CTX *ctx)
{
	forget(ctx);
	EVP_MD_CTX_free(ctx);
}

struct json_tokener *track_json_tokener_new_ex(int depth)
{
	return remember(json_tokener_new_ex(depth), free_tokener);
}

void track_json_tokener_free(struct json_tokener *tok)
{
	forget(tok);
	json_tokener_free(tok);
}

struct json_object *track_json_tokener_parse_ex(struct json_tokener *tok, const char *text, int len)
{
	return remember(json_tokener_parse_ex(tok, text, len), free_json);
}

errcode_t track_ext2fs_initialize(const char *name, int flags, struct ext2_super_block *super,
				  io_manager manager, ext2_filsys *fs)
{
	errcode_t err = ext2fs_initialize(name, flags, super, manager, fs);

	if (!err)
		remember(*fs, free_fs);
	return err;
}

void track_ext2fs_free(ext2_filsys fs)
{
	forget(fs);
	ext2fs_free(fs);
}

errcode_t track_ext2fs_close_free(ext2_filsys *fs)
{
	forget(*fs);
	return ext2fs_close_free(fs);
}
