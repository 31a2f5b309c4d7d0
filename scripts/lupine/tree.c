// SPDX-License-Identifier: GPL-2.0
/*
 * The file system that an image's layers result in, as a tree in memory: names
 * and what belongs to them, without the content of files.
 *
 * A name is found by a hash of its folder and itself. The hash has a secret key,
 * so that no image can have all its names in one chain. Nothing here recurses,
 * so that no image can use up the stack.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "image.h"

struct node *root;
uint64_t nr_nodes;

static struct node **table;
static size_t table_size;
static uint64_t key[2];
static uint64_t entries, bytes;

/* SipHash-1-3 of a name, with the address of its folder mixed into the key. */
static uint64_t hash_name(const struct node *dir, const char *name, size_t len)
{
	uint64_t k0 = key[0] ^ (uintptr_t)dir, k1 = key[1];
	uint64_t v0 = k0 ^ 0x736f6d6570736575, v1 = k1 ^ 0x646f72616e646f6d;
	uint64_t v2 = k0 ^ 0x6c7967656e657261, v3 = k1 ^ 0x7465646279746573, m;
	size_t i, left = len;
	int round;

#define ROTL(x, b)	(((x) << (b)) | ((x) >> (64 - (b))))
#define SIPROUND do {							\
		v0 += v1; v1 = ROTL(v1, 13) ^ v0; v0 = ROTL(v0, 32);	\
		v2 += v3; v3 = ROTL(v3, 16) ^ v2;			\
		v0 += v3; v3 = ROTL(v3, 21) ^ v0;			\
		v2 += v1; v1 = ROTL(v1, 17) ^ v2; v2 = ROTL(v2, 32);	\
	} while (0)
	do {
		m = left < 8 ? (uint64_t)len << 56 : 0;
		for (i = 0; i < 8 && i < left; i++)
			m |= (uint64_t)(uint8_t)name[i] << (8 * i);
		v3 ^= m;
		SIPROUND;
		v0 ^= m;
		name += i;
		left -= i;
	} while (i == 8);
	v2 ^= 0xff;
	for (round = 0; round < 3; round++)
		SIPROUND;
#undef SIPROUND
#undef ROTL
	return v0 ^ v1 ^ v2 ^ v3;
}

static struct node **bucket(const struct node *dir, const char *name, size_t len)
{
	return &table[hash_name(dir, name, len) & (table_size - 1)];
}

static void table_grow(void)
{
	struct node **old = table, *n, *next, **b;
	size_t i, old_size = table_size;

	table_size = old_size ? 2 * old_size : 1024;
	table = xcalloc(table_size, sizeof(*table));
	for (i = 0; i < old_size; i++) {
		for (n = old[i]; n; n = next) {
			next = n->hash_next;
			b = bucket(n->parent, n->name, n->len);
			n->hash_next = *b;
			*b = n;
		}
	}
	free(old);
}

void count_entry(void)
{
	if (++entries > limits.entries)
		die("the image's layers have more than %" PRIu64
		    " entries; --limit-entries N allows more", limits.entries);
}

void count_bytes(uint64_t n)
{
	if (n > limits.bytes || bytes > limits.bytes - n)
		die("the image's layers have more than %" PRIu64
		    " bytes, holes of files included; --limit-bytes N allows more", limits.bytes);
	bytes += n;
}

struct inode *inode_new(uint32_t mode)
{
	struct inode *inode = xcalloc(1, sizeof(*inode));

	inode->mode = mode;
	inode->layer = NO_LAYER;
	return inode;
}

/* A name of it is gone. */
void inode_put(struct inode *inode)
{
	struct xattr *x, *next;

	if (inode->nlink && --inode->nlink)
		return;
	for (x = inode->xattrs; x; x = next) {
		next = x->next;
		free(x->name);
		free(x->value);
		free(x);
	}
	free(inode->mem);
	free(inode->data);
	free(inode);
}

void inode_set_mem(struct inode *inode, const void *mem, size_t size)
{
	uint8_t *copy = xmalloc(size + 1);

	memcpy(copy, mem, size);
	copy[size] = '\0';
	free(inode->mem);
	free(inode->data);
	inode->mem = copy;
	inode->size = size;
	inode->data = NULL;
	inode->nr_data = 0;
	inode->layer = NO_LAYER;
}

void tree_init(void)
{
	if (getrandom(key, sizeof(key), 0) != sizeof(key))
		die("getrandom: %s", strerror(errno));
	table_grow();
	root = xcalloc(1, sizeof(*root) + 1);
	root->inode = inode_new(S_IFDIR | 0755);
	root->inode->nlink = 1;
	root->layer = NO_LAYER;
	root->cleared = NO_LAYER;
	nr_nodes = 1;
}

struct node *tree_find(struct node *dir, const char *name, size_t len)
{
	struct node *n;

	for (n = *bucket(dir, name, len); n; n = n->hash_next)
		if (n->parent == dir && n->len == len && !memcmp(n->name, name, len))
			return n;
	return NULL;
}

struct node *tree_add(struct node *dir, const char *name, size_t len, struct inode *inode,
		      uint32_t layer)
{
	struct node *n, **b;

	if (nr_nodes >= table_size)
		table_grow();
	n = xmalloc(sizeof(*n) + len + 1);
	memset(n, 0, sizeof(*n));
	memcpy(n->name, name, len);
	n->name[len] = '\0';
	n->len = len;
	n->layer = layer;
	n->cleared = NO_LAYER;
	n->depth = dir->depth + 1;
	if (S_ISDIR(inode->mode) && n->depth > limits.depth)
		die("folders of the image are more than %" PRIu64
		    " deep; --limit-depth N allows more", limits.depth);
	n->inode = inode;
	inode->nlink++;
	n->parent = dir;
	n->next = dir->child;
	if (n->next)
		n->next->prev = n;
	dir->child = n;
	b = bucket(dir, name, len);
	n->hash_next = *b;
	*b = n;
	nr_nodes++;
	return n;
}

static void remove_leaf(struct node *n)
{
	struct node **b = bucket(n->parent, n->name, n->len);

	while (*b != n)
		b = &(*b)->hash_next;
	*b = n->hash_next;
	if (n->prev)
		n->prev->next = n->next;
	else
		n->parent->child = n->next;
	if (n->next)
		n->next->prev = n->prev;
	inode_put(n->inode);
	free(n);
	nr_nodes--;
}

/* With all that is below it */
void tree_remove(struct node *top)
{
	struct node *n = top, *up;

	for (;;) {
		while (n->child)
			n = n->child;
		up = n->parent;
		if (n == top) {
			if (n != root)
				remove_leaf(n);
			return;
		}
		remove_leaf(n);
		n = up;
	}
}

/* The first one below, in an order in which a folder comes after its content */
static struct node *first_below(struct node *n, uint32_t layer)
{
	while (n->child && n->cleared != layer)
		n = n->child;
	return n;
}

/*
 * Remove what lower layers have put there, and keep what this layer has. A layer can
 * say so for the same folder as often as it likes; nothing of lower layers comes there
 * any more, so what has been cleared is not gone through again.
 */
void tree_remove_lower(struct node *top, uint32_t layer, bool itself)
{
	struct node *n = first_below(top, layer), *next;

	for (;;) {
		bool last = n == top;

		next = n->next ? first_below(n->next, layer) : n->parent;
		n->cleared = layer;
		if (!n->child && n->layer != layer && n != root && (itself || !last))
			remove_leaf(n);
		if (last)
			return;
		n = next;
	}
}

static struct node *make_folder(struct node *dir, const char *name, size_t len, uint32_t layer)
{
	if (len > MAX_NAME)
		die("the name %.*s is longer than %u bytes", (int)len, name, MAX_NAME);
	return tree_add(dir, name, len, inode_new(S_IFDIR | 0755), layer);
}

/*
 * Go along a path. What is left of it is kept as text, into which the targets of
 * links are put. Ends at the folder that has the last part if `name` is given.
 */
static struct node *walk(const char *path, unsigned int flags, uint32_t layer, const char **name,
			 size_t *name_len)
{
	struct node *dir = root, *n;
	char *rest = NULL, *joined;
	const char *p = path, *end;
	uint64_t followed = 0;
	size_t len;

	for (;;) {
		bool last;

		p += strspn(p, "/");
		len = strcspn(p, "/");
		if (!len)
			break;
		end = p + len;
		last = !end[strspn(end, "/")];
		if (len == 1 && *p == '.') {
			p = end;
			continue;
		}
		if (len == 2 && !memcmp(p, "..", 2)) {
			dir = dir == root ? root : dir->parent;
			p = end;
			continue;
		}
		if (last && name) {
			/* A name in `rest` is the target of no link: see FOLLOW_LAST */
			n = flags & FOLLOW_LAST ? tree_find(dir, p, len) : NULL;
			if (!n || !S_ISLNK(n->inode->mode)) {
				static char copy[MAX_PATH + 1];

				if (len > MAX_PATH)
					goto none;
				memcpy(copy, p, len);
				copy[len] = '\0';
				*name = copy;
				*name_len = len;
				free(rest);
				return dir;
			}
		}
		n = tree_find(dir, p, len);
		if (!n) {
			if (!(flags & MAKE_FOLDERS))
				goto none;
			n = make_folder(dir, p, len, layer);
		}
		if (S_ISLNK(n->inode->mode) && (!last || flags & FOLLOW_LAST)) {
			const char *target = (char *)n->inode->mem;

			if (++followed > limits.links)
				die("%s: more than %" PRIu64
				    " symbolic links to follow; --limit-links N allows more",
				    path, limits.links);
			if (strlen(target) + strlen(end) > 4 * MAX_PATH)
				die("%s: its symbolic links make too long a path", path);
			joined = xasprintf("%s/%s", target, end);
			if (*target == '/')
				dir = root;
			free(rest);
			p = rest = joined;
			continue;
		}
		if (!S_ISDIR(n->inode->mode) && !last) {
			if (flags & MAKE_FOLDERS)
				die("%s: %.*s in it is no folder", path, (int)len, p);
			goto none;
		}
		dir = n;
		p = end;
		if (!S_ISDIR(n->inode->mode))
			break;
	}
	free(rest);
	if (name) {
		*name = "";
		*name_len = 0;
	}
	return dir;
none:
	free(rest);
	return NULL;
}

struct node *tree_lookup(const char *path, unsigned int flags, uint32_t layer)
{
	return walk(path, flags, layer, NULL, NULL);
}

struct node *tree_parent(const char *path, unsigned int flags, uint32_t layer, const char **name,
			 size_t *len)
{
	return walk(path, flags, layer, name, len);
}

/* In place of what is there; its folder is found with links followed. */
struct node *tree_put(const char *path, struct inode *inode, uint32_t layer)
{
	const char *name;
	struct node *dir, *old;
	size_t len;

	dir = tree_parent(path, MAKE_FOLDERS, layer, &name, &len);
	if (!dir || !len || len > MAX_NAME)
		die("%s cannot be put into the image", path);
	old = tree_find(dir, name, len);
	if (old)
		tree_remove(old);
	return tree_add(dir, name, len, inode, layer);
}

static int compare(const struct node *a, const struct node *b)
{
	size_t len = a->len < b->len ? a->len : b->len;
	int c = memcmp(a->name, b->name, len);

	return c ?: (int)a->len - (int)b->len;
}

/* Merge sort of a list, from runs of 1 up */
static struct node *sort_list(struct node *list)
{
	struct node *out, **tail, *a, *b, *take;
	size_t run, i, na, nb, merges;

	for (run = 1;; run *= 2) {
		out = NULL;
		tail = &out;
		merges = 0;
		for (a = list; a; a = b) {
			merges++;
			for (b = a, na = 0, i = 0; i < run && b; i++, na++)
				b = b->next;
			nb = run;
			while (na || (nb && b)) {
				if (na && (!nb || !b || compare(a, b) <= 0)) {
					take = a;
					a = a->next;
					na--;
				} else {
					take = b;
					b = b->next;
					nb--;
				}
				*tail = take;
				tail = &take->next;
			}
		}
		*tail = NULL;
		list = out;
		if (merges <= 1)
			return list;
	}
}

struct node *tree_next(struct node *n)
{
	if (n->child)
		return n->child;
	while (n && !n->next)
		n = n->parent;
	return n ? n->next : NULL;
}

/* Entries of each folder by name, so that the result depends on nothing else */
void tree_sort(void)
{
	struct node *n, *c, *prev;

	for (n = root; n; n = tree_next(n)) {
		if (!n->child)
			continue;
		n->child = sort_list(n->child);
		for (c = n->child, prev = NULL; c; prev = c, c = c->next)
			c->prev = prev;
	}
}

char *tree_path(const struct node *n)
{
	const struct node *p;
	size_t len = 1;
	char *path;

	for (p = n; p != root; p = p->parent)
		len += p->len + 1;
	path = xmalloc(len + 1);
	path[len] = '\0';
	path[--len] = '\0';
	for (p = n; p != root; p = p->parent) {
		len -= p->len;
		memcpy(path + len, p->name, p->len);
		path[--len] = '/';
	}
	if (n == root)
		strcpy(path, "/");
	return path;
}
