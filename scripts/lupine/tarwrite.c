// SPDX-License-Identifier: GPL-2.0
/*
 * Write a tar archive: ustar, with pax records for what that has no room for. The
 * same files make the same bytes, whatever the version of a library.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tarwrite.h"

#define RECORD		512
#define NAME_SIZE	100
#define MAX_OCTAL7	07777777u
#define MAX_OCTAL11	077777777777ul

struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100];
	char magic[6], version[2], uname[32], gname[32], major[8], minor[8], prefix[155], pad[12];
};

static void put(struct tar *t, const void *data, size_t size)
{
	t->write(t->to, data, size);
	t->size += size;
}

static void pad(struct tar *t)
{
	static const char zero[RECORD];

	if (t->size % RECORD)
		put(t, zero, RECORD - t->size % RECORD);
}

static void header(struct tar *t, const struct inode *inode, const char *name, const char *link,
		   char type, uint64_t size)
{
	struct header h = { .type = type, .magic = "ustar", .version = "00" };
	int64_t mtime = inode->mtime > 0 ? inode->mtime : 0;
	unsigned int sum = 0;
	size_t i;

	_Static_assert(sizeof(h) == RECORD, "one record");
	memcpy(h.name, name, strnlen(name, NAME_SIZE));
	memcpy(h.link, link, strnlen(link, NAME_SIZE));
	snprintf(h.mode, sizeof(h.mode), "%07o", inode->mode & 07777);
	snprintf(h.uid, sizeof(h.uid), "%07o", inode->uid & MAX_OCTAL7);
	snprintf(h.gid, sizeof(h.gid), "%07o", inode->gid & MAX_OCTAL7);
	snprintf(h.size, sizeof(h.size), "%011" PRIo64, size & MAX_OCTAL11);
	snprintf(h.mtime, sizeof(h.mtime), "%011" PRIo64, mtime & MAX_OCTAL11);
	snprintf(h.major, sizeof(h.major), "%07o", inode->major & MAX_OCTAL7);
	snprintf(h.minor, sizeof(h.minor), "%07o", inode->minor & MAX_OCTAL7);
	memset(h.sum, ' ', sizeof(h.sum));
	for (i = 0; i < sizeof(h); i++)
		sum += ((unsigned char *)&h)[i];
	snprintf(h.sum, sizeof(h.sum), "%06o", sum);
	put(t, &h, sizeof(h));
}

struct records {
	char *text;
	size_t len, space;
};

/* "LENGTH key=value\n", where the length counts its own digits */
static void record(struct records *r, const char *key, const void *value, size_t size)
{
	size_t rest = strlen(key) + size + 3, len = rest + 1, digits;
	char number[24];

	do {
		digits = snprintf(number, sizeof(number), "%zu", len);
		if (len == rest + digits)
			break;
		len = rest + digits;
	} while (1);
	if (r->len + len + 1 > r->space) {
		r->space = 2 * (r->len + len + 1);
		r->text = xrealloc(r->text, r->space, 1);
	}
	r->len += sprintf(r->text + r->len, "%s %s=", number, key);
	memcpy(r->text + r->len, value, size);
	r->len += size;
	r->text[r->len++] = '\n';
}

static void record_number(struct records *r, const char *key, int64_t value)
{
	char text[24];

	record(r, key, text, snprintf(text, sizeof(text), "%" PRId64, value));
}

static void record_xattrs(struct records *r, const char *path, const struct inode *inode)
{
	const struct xattr *x;
	char *key;

	for (x = inode->xattrs; x; x = x->next) {
		if (strchr(x->name, '='))
			die("%s: its attribute %s cannot be in an archive", path, x->name);
		key = xasprintf("SCHILY.xattr.%s%s",
				x->index == 1 ? "user." : x->index == 4 ? "trusted." : "security.",
				x->name);
		record(r, key, x->value, x->size);
		free(key);
	}
}

static bool has_holes(const struct inode *inode)
{
	return S_ISREG(inode->mode) && !inode->mem && inode->size &&
		(inode->nr_data != 1 || inode->data->length != inode->size);
}

/* GNU's format 1.0: the map is decimal text before the data. */
static char *sparse_map(const struct inode *inode, size_t *size, uint64_t *data)
{
	char *map = NULL;
	FILE *f = open_memstream(&map, size);
	uint32_t i;

	if (!f)
		die("out of memory");
	*data = 0;
	fprintf(f, "%u\n", inode->nr_data + 1);
	for (i = 0; i < inode->nr_data; i++) {
		fprintf(f, "%" PRIu64 "\n%" PRIu64 "\n", inode->data[i].offset,
			inode->data[i].length);
		*data += inode->data[i].length;
	}
	fprintf(f, "%" PRIu64 "\n0\n", inode->size);
	while (ftell(f) % RECORD)
		fputc(0, f);
	if (fclose(f))
		die("out of memory");
	return map;
}

void tar_entry(struct tar *t, const char *path, const struct inode *inode, const char *hard)
{
	static const struct inode plain = { .mode = 0644 };
	const char *link = hard ?: S_ISLNK(inode->mode) ? (char *)inode->mem : "";
	struct records r = { 0 };
	uint64_t size = S_ISREG(inode->mode) && !hard ? inode->size : 0, data;
	size_t map_size = 0;
	char *map = NULL, type;

	if (hard)
		type = '1';
	else
		switch (inode->mode & S_IFMT) {
		case S_IFLNK:
			type = '2';
			break;
		case S_IFCHR:
			type = '3';
			break;
		case S_IFBLK:
			type = '4';
			break;
		case S_IFDIR:
			type = '5';
			break;
		case S_IFIFO:
			type = '6';
			break;
		default:
			type = '0';
		}
	if (!hard && has_holes(inode)) {
		map = sparse_map(inode, &map_size, &data);
		record_number(&r, "GNU.sparse.major", 1);
		record_number(&r, "GNU.sparse.minor", 0);
		record(&r, "GNU.sparse.name", path, strlen(path));
		record_number(&r, "GNU.sparse.realsize", size);
		size = map_size + data;
		path = "GNUSparseFile.0/file";
	}
	if (strlen(path) > NAME_SIZE)
		record(&r, "path", path, strlen(path));
	if (strlen(link) > NAME_SIZE)
		record(&r, "linkpath", link, strlen(link));
	if (inode->uid > MAX_OCTAL7)
		record_number(&r, "uid", inode->uid);
	if (inode->gid > MAX_OCTAL7)
		record_number(&r, "gid", inode->gid);
	if (size > MAX_OCTAL11)
		record_number(&r, "size", size);
	if (inode->mtime < 0)
		record_number(&r, "mtime", inode->mtime);
	if (!hard)
		record_xattrs(&r, path, inode);
	if (r.len) {
		header(t, &plain, "pax", "", 'x', r.len);
		put(t, r.text, r.len);
		pad(t);
		free(r.text);
	}
	header(t, inode, path, link, type, size);
	if (map)
		put(t, map, map_size);
	free(map);
}

void tar_data(struct tar *t, const void *data, size_t size)
{
	put(t, data, size);
}

void tar_entry_end(struct tar *t)
{
	pad(t);
}

void tar_end(struct tar *t)
{
	static const char zero[2 * RECORD];

	put(t, zero, sizeof(zero));
}
