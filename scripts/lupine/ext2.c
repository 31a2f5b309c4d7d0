// SPDX-License-Identifier: GPL-2.0
/*
 * Write the tree as ext2, in one go and without searching for anything.
 *
 * When the tree is complete, each inode and each block of it has its place: inodes
 * are numbered in the order of the tree, and blocks are counted in that order, a
 * file's attributes first, then its data with the indirect blocks in between. That
 * gives the size of the file system, for which libext2fs then makes the groups,
 * bitmaps and inode tables. The n-th block of the tree is the n-th one that these
 * leave free. Whatever the order in which layers bring the content, it can go to
 * its place at once, and the same tree makes the same bytes.
 *
 * Inodes have 128 bytes: the kernel's ext2 driver uses no more of a bigger one,
 * and has attributes in a block of their own.
 */
#include <errno.h>
#include <ext2fs/ext2fs.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image.h"

#define PER_BLOCK	(BLOCK_SIZE / sizeof(uint32_t))
#define SECTORS		(BLOCK_SIZE / 512)
#define SPARE_INODES	4096
#define MAX_LINKS	65000
/* i_blocks counts sectors in 32 bits. */
#define MAX_FILE	((1ull << 41) - (1ull << 32))

struct run {
	uint64_t logical, block, count;
};

static ext2_filsys fs;
static int out_fd = -1;
static uint64_t nr_blocks, free_blocks;
static uint32_t nr_inodes;
static struct inode **inodes;		/* by number, from EXT2_GOOD_OLD_FIRST_INO on */
/* Of each group: the blocks that are not metadata */
static struct group {
	uint64_t nth, block, count;
} *groups;
static uint32_t nr_groups;

static void write_out(const void *data, size_t size, uint64_t offset)
{
	const char *p = data;
	ssize_t n;

	for (; size; size -= n, p += n, offset += n) {
		n = pwrite(out_fd, p, size, offset);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			die("the image cannot be written: %s", strerror(errno));
	}
}

static struct struct_io_manager fd_manager;

/* libext2fs would open a file by name; ours is open. */
static errcode_t fd_open(const char *name, int flags, io_channel *channel)
{
	io_channel c = calloc(1, sizeof(*c));

	(void)flags;
	if (!c)
		return EXT2_ET_NO_MEMORY;
	c->magic = EXT2_ET_MAGIC_IO_CHANNEL;
	c->name = strdup(name);
	c->manager = &fd_manager;
	c->block_size = BLOCK_SIZE;
	c->refcount = 1;
	*channel = c;
	return 0;
}

static errcode_t fd_close(io_channel c)
{
	if (--c->refcount)
		return 0;
	free(c->name);
	free(c);
	return 0;
}

static errcode_t fd_set_blksize(io_channel c, int size)
{
	c->block_size = size;
	return 0;
}

static errcode_t fd_read(io_channel c, unsigned long long block, int count, void *data)
{
	size_t size = count < 0 ? (size_t)-count : (size_t)count * c->block_size;
	ssize_t n = read_at(out_fd, data, size, block * c->block_size);

	if (n < 0)
		return errno;
	memset((char *)data + n, 0, size - n);
	return 0;
}

static errcode_t fd_write(io_channel c, unsigned long long block, int count, const void *data)
{
	write_out(data, count < 0 ? (size_t)-count : (size_t)count * c->block_size,
		  block * c->block_size);
	return 0;
}

static errcode_t fd_read32(io_channel c, unsigned long block, int count, void *data)
{
	return fd_read(c, block, count, data);
}

static errcode_t fd_write32(io_channel c, unsigned long block, int count, const void *data)
{
	return fd_write(c, block, count, data);
}

static errcode_t fd_flush(io_channel c)
{
	(void)c;
	return 0;
}

static io_manager manager(void)
{
	fd_manager.magic = EXT2_ET_MAGIC_IO_MANAGER;
	fd_manager.name = "lupine";
	fd_manager.open = fd_open;
	fd_manager.close = fd_close;
	fd_manager.set_blksize = fd_set_blksize;
	fd_manager.read_blk = fd_read32;
	fd_manager.write_blk = fd_write32;
	fd_manager.read_blk64 = fd_read;
	fd_manager.write_blk64 = fd_write;
	fd_manager.flush = fd_flush;
	return &fd_manager;
}

/* Which block the n-th one is, and how many follow it without a gap */
static uint64_t place(uint64_t nth, uint64_t *contiguous)
{
	uint32_t low = 0, high = nr_groups - 1, middle;

	while (low < high) {
		middle = (low + high + 1) / 2;
		if (groups[middle].nth <= nth)
			low = middle;
		else
			high = middle - 1;
	}
	*contiguous = groups[low].count - (nth - groups[low].nth);
	return groups[low].block + (nth - groups[low].nth);
}

/* How a file's blocks lie, while they are gone through in order */
struct map {
	uint64_t nth;			/* the next block */
	uint32_t pointers[EXT2_N_BLOCKS];
	/* The indirect blocks that are being filled, the one above data first */
	struct {
		uint64_t key, block;
		uint32_t slots[PER_BLOCK];
	} level[3];
	bool placed, write;
	struct run *runs;
	size_t nr_runs, space;
};

static void flush_level(struct map *m, int l)
{
	if (m->write && m->level[l].key)
		write_out(m->level[l].slots, BLOCK_SIZE, m->level[l].block * BLOCK_SIZE);
	m->level[l].key = 0;
}

static uint64_t next_block(struct map *m)
{
	uint64_t contiguous;

	return m->placed ? place(m->nth++, &contiguous) : (m->nth++, 0);
}

/* Have the indirect block with this key at a level; *slot is to lead to it. */
static uint32_t *indirect(struct map *m, int l, uint64_t key, uint32_t *slot)
{
	if (m->level[l].key != key) {
		flush_level(m, l);
		m->level[l].key = key;
		m->level[l].block = next_block(m);
		memset(m->level[l].slots, 0, BLOCK_SIZE);
		*slot = m->level[l].block;
	}
	return m->level[l].slots;
}

/* Where the pointer to a block of the file is, and how many follow it there */
static uint32_t *slot_of(struct map *m, uint64_t logical, uint64_t *count)
{
	const uint64_t p = PER_BLOCK;
	uint64_t x = logical;
	uint32_t *s;

	if (x < EXT2_NDIR_BLOCKS) {
		*count = EXT2_NDIR_BLOCKS - x;
		return &m->pointers[x];
	}
	x -= EXT2_NDIR_BLOCKS;
	*count = p - x % p;
	if (x < p) {
		s = indirect(m, 0, 1, &m->pointers[EXT2_IND_BLOCK]);
		return &s[x];
	}
	x -= p;
	if (x < p * p) {
		s = indirect(m, 1, 1, &m->pointers[EXT2_DIND_BLOCK]);
		s = indirect(m, 0, 2 + x / p, &s[x / p]);
		return &s[x % p];
	}
	x -= p * p;
	s = indirect(m, 2, 1, &m->pointers[EXT2_TIND_BLOCK]);
	s = indirect(m, 1, 2 + x / (p * p), &s[x / (p * p)]);
	s = indirect(m, 0, 2 + p + x / p, &s[x / p % p]);
	return &s[x % p];
}

static void add_run(struct map *m, uint64_t logical, uint64_t block, uint64_t count)
{
	struct run *last = m->nr_runs ? &m->runs[m->nr_runs - 1] : NULL;

	if (last && last->logical + last->count == logical && last->block + last->count == block) {
		last->count += count;
		return;
	}
	if (m->nr_runs == m->space) {
		m->space = m->space ? 2 * m->space : 16;
		m->runs = xrealloc(m->runs, m->space, sizeof(*m->runs));
	}
	m->runs[m->nr_runs++] = (struct run){ logical, block, count };
}

static void map_data(struct map *m, uint64_t logical, uint64_t end)
{
	uint64_t count, contiguous, block, i;
	uint32_t *slot;

	for (; logical < end; logical += count) {
		slot = slot_of(m, logical, &count);
		if (count > end - logical)
			count = end - logical;
		if (!m->placed) {
			m->nth += count;
			continue;
		}
		block = place(m->nth, &contiguous);
		if (count > contiguous)
			count = contiguous;
		for (i = 0; i < count; i++)
			slot[i] = block + i;
		add_run(m, logical, block, count);
		m->nth += count;
	}
}

static bool has_block_target(const struct inode *inode)
{
	return S_ISLNK(inode->mode) && inode->size >= sizeof(((struct map *)0)->pointers);
}

static uint64_t blocks_of(uint64_t bytes)
{
	return (bytes + BLOCK_SIZE - 1) / BLOCK_SIZE;
}

static void map_inode(struct map *m, const struct inode *inode)
{
	uint32_t i;
	int l;

	m->nth = inode->first + !!inode->xattrs;
	memset(m->pointers, 0, sizeof(m->pointers));
	for (l = 0; l < 3; l++)
		m->level[l].key = 0;
	m->nr_runs = 0;
	if (S_ISDIR(inode->mode) || has_block_target(inode) ||
	    (S_ISREG(inode->mode) && inode->mem))
		map_data(m, 0, blocks_of(inode->size));
	else if (S_ISREG(inode->mode))
		for (i = 0; i < inode->nr_data; i++)
			map_data(m, inode->data[i].offset / BLOCK_SIZE,
				 blocks_of(inode->data[i].offset + inode->data[i].length));
	for (l = 0; l < 3; l++)
		flush_level(m, l);
}

static size_t entry_size(size_t len)
{
	return (8 + len + 3) & ~3u;
}

/* How large a folder is with its entries, none of which crosses a block */
static uint64_t folder_size(const struct node *dir)
{
	size_t used = entry_size(1) + entry_size(2), size;
	const struct node *n;
	uint64_t blocks = 1;

	for (n = dir->child; n; n = n->next) {
		size = entry_size(n->len);
		if (used + size > BLOCK_SIZE) {
			blocks++;
			used = 0;
		}
		used += size;
	}
	return blocks * BLOCK_SIZE;
}

static void hash_inode(EVP_MD_CTX *sha, const struct inode *inode)
{
	uint64_t fields[] = { inode->mode, inode->uid, inode->gid, inode->nlink, inode->mtime,
			      inode->size, inode->major, inode->minor, inode->ino, inode->nr_data };
	const struct xattr *x;

	EVP_DigestUpdate(sha, fields, sizeof(fields));
	if (inode->mem)
		EVP_DigestUpdate(sha, inode->mem, inode->size);
	EVP_DigestUpdate(sha, inode->data, inode->nr_data * sizeof(*inode->data));
	for (x = inode->xattrs; x; x = x->next) {
		EVP_DigestUpdate(sha, x->name, x->name_len + 1);
		EVP_DigestUpdate(sha, x->value, x->size);
	}
}

static void number_inode(struct node *n)
{
	struct inode *inode = n->inode;
	static struct map map;
	struct node *c;

	if (S_ISDIR(inode->mode)) {
		inode->nlink = 2;
		for (c = n->child; c; c = c->next)
			inode->nlink += S_ISDIR(c->inode->mode);
		inode->size = folder_size(n);
	}
	if (inode->nlink > MAX_LINKS) {
		char *path = tree_path(n);

		die("%s has %u links or folders, more than the %u that ext2 can have", path,
		    inode->nlink, MAX_LINKS);
	}
	if (S_ISREG(inode->mode) && inode->size > MAX_FILE) {
		char *path = tree_path(n);

		die("%s has %" PRIu64 " bytes, more than a file of ext2 can have", path,
		    inode->size);
	}
	inode->ino = n == root ? EXT2_ROOT_INO : EXT2_GOOD_OLD_FIRST_INO + nr_inodes++;
	if (n != root)
		inodes[nr_inodes - 1] = inode;
	inode->node = n;
	inode->first = nr_blocks;
	map_inode(&map, inode);
	nr_blocks = map.nth;
}

/* Give each inode its number and its blocks. */
void ext2_plan(uint64_t free_bytes)
{
	struct node *n;

	tree_sort();
	inodes = xcalloc(nr_nodes, sizeof(*inodes));
	nr_blocks = 0;
	nr_inodes = 0;
	for (n = root; n; n = tree_next(n))
		if (!n->inode->ino)
			number_inode(n);
	free_blocks = blocks_of(free_bytes);
}

uint64_t ext2_bytes(void)
{
	return (nr_blocks + nr_inodes / 32 + 1024) * BLOCK_SIZE;
}

static void find_places(void)
{
	uint64_t nth = 0, first, last;
	blk64_t free_block;
	dgrp_t g;

	nr_groups = fs->group_desc_count;
	groups = xcalloc(nr_groups, sizeof(*groups));
	for (g = 0; g < nr_groups; g++) {
		first = ext2fs_group_first_block2(fs, g);
		last = ext2fs_group_last_block2(fs, g);
		groups[g].nth = nth;
		if (ext2fs_find_first_zero_block_bitmap2(fs->block_map, first, last, &free_block))
			continue;
		groups[g].block = free_block;
		groups[g].count = last - free_block + 1;
		if (groups[g].count != ext2fs_bg_free_blocks_count(fs, g))
			die("libext2fs puts metadata where none was expected");
		nth += groups[g].count;
	}
}

static void initialize(uint64_t blocks)
{
	struct ext2_super_block param = {
		.s_log_block_size = 2,
		.s_rev_level = EXT2_DYNAMIC_REV,
		.s_inode_size = EXT2_GOOD_OLD_INODE_SIZE,
		.s_inodes_count = EXT2_GOOD_OLD_FIRST_INO + nr_inodes + SPARE_INODES,
		.s_feature_compat = EXT2_FEATURE_COMPAT_EXT_ATTR,
		.s_feature_incompat = EXT2_FEATURE_INCOMPAT_FILETYPE,
		.s_feature_ro_compat = EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER |
				       EXT2_FEATURE_RO_COMPAT_LARGE_FILE,
	};
	errcode_t err;

	ext2fs_blocks_count_set(&param, blocks);
	err = ext2fs_initialize("image", EXT2_FLAG_64BITS, &param, manager(), &fs);
	if (!err)
		err = ext2fs_allocate_tables(fs);
	if (err)
		die("libext2fs cannot make a file system of %" PRIu64 " blocks: error %ld", blocks,
		    (long)err);
}

/* Whatever libext2fs has taken from the clock */
static void settle_superblock(void)
{
	struct ext2_super_block *s = fs->super;
	uint8_t sha[SHA256_SIZE];
	int64_t newest = 1;
	EVP_MD_CTX *ctx = sha256_begin();
	struct node *n;

	for (n = root; n; n = tree_next(n)) {
		EVP_DigestUpdate(ctx, n->name, n->len + 1);
		hash_inode(ctx, n->inode);
		if (n->inode->mtime > newest)
			newest = n->inode->mtime;
	}
	sha256_end(ctx, sha);
	/* A UUID of version 8: made as the maker wants it. */
	sha[6] = (sha[6] & 0x0f) | 0x80;
	sha[8] = (sha[8] & 0x3f) | 0x80;
	memcpy(s->s_uuid, sha, sizeof(s->s_uuid));
	memset(s->s_hash_seed, 0, sizeof(s->s_hash_seed));
	memcpy(s->s_volume_name, "lupine", 6);
	s->s_max_mnt_count = -1;
	fs->now = newest;
	s->s_mkfs_time = newest;
	s->s_lastcheck = newest;
	s->s_wtime = newest;
}

void ext2_create(int fd)
{
	uint64_t want = nr_blocks + free_blocks, blocks, have;

	blocks = want + want / 64 + nr_inodes / 32 + 512;
	out_fd = fd;
	for (;;) {
		if (blocks > UINT32_MAX)
			die("the image is larger than ext2 can be");
		initialize(blocks);
		have = ext2fs_free_blocks_count(fs->super);
		if (have >= want)
			break;
		ext2fs_free(fs);
		blocks += want - have;
	}
	find_places();
	settle_superblock();
	if (ftruncate(fd, ext2fs_blocks_count(fs->super) * BLOCK_SIZE))
		die("the image cannot be written: %s", strerror(errno));
}

static struct map current;
static size_t current_run;
static uint64_t received;

void ext2_file_begin(struct inode *inode)
{
	current.placed = true;
	current.write = true;
	map_inode(&current, inode);
	current_run = 0;
	received = 0;
}

void ext2_file_data(struct inode *inode, const void *data, size_t size, uint64_t offset)
{
	const char *p = data;
	struct run *r = NULL;
	uint64_t from, end, n;

	if (offset > inode->size || size > inode->size - offset)
		die("a layer has changed while it was read");
	received += size;
	while (size) {
		while (current_run < current.nr_runs) {
			r = &current.runs[current_run];
			if (offset < (r->logical + r->count) * BLOCK_SIZE)
				break;
			current_run++;
		}
		if (current_run == current.nr_runs || offset < r->logical * BLOCK_SIZE)
			die("a layer has changed while it was read");
		from = r->logical * BLOCK_SIZE;
		end = (r->logical + r->count) * BLOCK_SIZE;
		n = size < end - offset ? size : end - offset;
		write_out(p, n, r->block * BLOCK_SIZE + (offset - from));
		p += n;
		offset += n;
		size -= n;
	}
}

void ext2_file_end(struct inode *inode)
{
	if (inode->nr_data == 1 && inode->data->length == inode->size && received != inode->size)
		die("a layer has changed while it was read");
}

static void write_folder(struct node *dir)
{
	static uint8_t block[BLOCK_SIZE];
	struct ext2_dir_entry_2 *e = NULL;
	struct node *n = dir->child;
	size_t used = 0, size, i;
	uint64_t offset = 0;
	struct {
		const char *name;
		size_t len;
		struct inode *inode;
	} item;

	ext2_file_begin(dir->inode);
	memset(block, 0, sizeof(block));
	for (i = 0; i < 2 || n; i++) {
		if (i < 2) {
			item.name = "..";
			item.len = i + 1;
			item.inode = i && dir->parent ? dir->parent->inode : dir->inode;
		} else {
			item.name = n->name;
			item.len = n->len;
			item.inode = n->inode;
			n = n->next;
		}
		size = entry_size(item.len);
		if (used + size > BLOCK_SIZE) {
			e->rec_len += BLOCK_SIZE - used;
			ext2_file_data(dir->inode, block, BLOCK_SIZE, offset);
			offset += BLOCK_SIZE;
			memset(block, 0, sizeof(block));
			used = 0;
		}
		e = (void *)(block + used);
		e->inode = item.inode->ino;
		e->rec_len = size;
		e->name_len = item.len;
		memcpy(e->name, item.name, item.len);
		switch (item.inode->mode & S_IFMT) {
		case S_IFREG:
			e->file_type = EXT2_FT_REG_FILE;
			break;
		case S_IFDIR:
			e->file_type = EXT2_FT_DIR;
			break;
		case S_IFCHR:
			e->file_type = EXT2_FT_CHRDEV;
			break;
		case S_IFBLK:
			e->file_type = EXT2_FT_BLKDEV;
			break;
		case S_IFIFO:
			e->file_type = EXT2_FT_FIFO;
			break;
		case S_IFLNK:
			e->file_type = EXT2_FT_SYMLINK;
			break;
		}
		used += size;
	}
	e->rec_len += BLOCK_SIZE - used;
	ext2_file_data(dir->inode, block, BLOCK_SIZE, offset);
}

static void write_xattrs(const struct inode *inode)
{
	uint8_t block[BLOCK_SIZE] = { 0 };
	struct ext2_ext_attr_header *h = (void *)block;
	struct ext2_ext_attr_entry *e = (void *)(h + 1);
	size_t end = sizeof(block);
	const struct xattr *x;
	uint64_t contiguous;
	uint32_t hash = 0;

	h->h_magic = EXT2_EXT_ATTR_MAGIC;
	h->h_refcount = 1;
	h->h_blocks = 1;
	for (x = inode->xattrs; x; x = x->next) {
		end -= EXT2_EXT_ATTR_SIZE(x->size);
		e->e_name_len = x->name_len;
		e->e_name_index = x->index;
		e->e_value_offs = x->size ? end : 0;
		e->e_value_size = x->size;
		memcpy(EXT2_EXT_ATTR_NAME(e), x->name, x->name_len);
		memcpy(block + end, x->value, x->size);
		e->e_hash = ext2fs_ext_attr_hash_entry(e, block + end);
		hash = (hash << 16 | hash >> 16) ^ e->e_hash;
		e = EXT2_EXT_ATTR_NEXT(e);
	}
	h->h_hash = hash;
	write_out(block, sizeof(block), place(inode->first, &contiguous) * BLOCK_SIZE);
}

/* What is in memory: folders, attributes, long targets, and files made here */
static void write_content(struct node *n)
{
	struct inode *inode = n->inode;

	if (S_ISDIR(inode->mode)) {
		write_folder(n);
	} else if (inode->mem && (S_ISREG(inode->mode) || has_block_target(inode))) {
		ext2_file_begin(inode);
		ext2_file_data(inode, inode->mem, inode->size, 0);
	} else if (S_ISREG(inode->mode) && !inode->size) {
		ext2_file_begin(inode);
	}
	if (inode->xattrs)
		write_xattrs(inode);
}

static void fill_inode(struct ext2_inode *e, const struct inode *inode)
{
	static struct map map;
	uint64_t contiguous;
	bool map_has_blocks = !S_ISLNK(inode->mode) || has_block_target(inode);

	map.placed = true;
	map_inode(&map, inode);
	e->i_mode = inode->mode;
	e->i_uid = inode->uid;
	e->osd2.linux2.l_i_uid_high = inode->uid >> 16;
	e->i_gid = inode->gid;
	e->osd2.linux2.l_i_gid_high = inode->gid >> 16;
	e->i_size = inode->size;
	if (S_ISREG(inode->mode))
		e->i_size_high = inode->size >> 32;
	e->i_atime = e->i_ctime = e->i_mtime = inode->mtime;
	e->i_links_count = inode->nlink;
	e->i_blocks = (map.nth - inode->first) * SECTORS;
	if (inode->xattrs)
		e->i_file_acl = place(inode->first, &contiguous);
	if (S_ISCHR(inode->mode) || S_ISBLK(inode->mode)) {
		if (inode->major < 256 && inode->minor < 256)
			e->i_block[0] = inode->major << 8 | inode->minor;
		else
			e->i_block[1] = (inode->minor & 0xff) | inode->major << 8 |
					(inode->minor & ~0xffu) << 12;
	} else if (map_has_blocks) {
		memcpy(e->i_block, map.pointers, sizeof(e->i_block));
	} else {
		memcpy(e->i_block, inode->mem, inode->size);
	}
}

/* The inode tables, a block at a time */
static void write_inodes(void)
{
	static uint8_t block[BLOCK_SIZE];
	uint32_t per_block = BLOCK_SIZE / EXT2_GOOD_OLD_INODE_SIZE, per_group, i, ino, index, at;
	uint32_t last = EXT2_GOOD_OLD_FIRST_INO + nr_inodes - 1;
	const struct inode *inode;
	bool used = false;

	per_group = EXT2_INODES_PER_GROUP(fs->super);
	memset(block, 0, sizeof(block));
	for (i = 0; i < last; i++) {
		ino = i + 1;
		inode = ino == EXT2_ROOT_INO ? root->inode : NULL;
		if (ino >= EXT2_GOOD_OLD_FIRST_INO)
			inode = inodes[ino - EXT2_GOOD_OLD_FIRST_INO];
		ext2fs_inode_alloc_stats2(fs, ino, 1, inode && S_ISDIR(inode->mode));
		index = i % per_group;
		if (inode) {
			at = index % per_block * EXT2_GOOD_OLD_INODE_SIZE;
			fill_inode((void *)(block + at), inode);
			used = true;
		}
		if (index % per_block < per_block - 1 && i + 1 < last && index + 1 < per_group)
			continue;
		if (used)
			write_out(block, sizeof(block),
				  (ext2fs_inode_table_loc(fs, i / per_group) + index / per_block) *
				  BLOCK_SIZE);
		memset(block, 0, sizeof(block));
		used = false;
	}
}

void ext2_finish(void)
{
	uint64_t nth, block, contiguous, n;
	struct node *node;
	errcode_t err;

	write_content(root);
	for (node = root; node; node = tree_next(node)) {
		if (node == root || node->inode->written)
			continue;
		node->inode->written = true;
		write_content(node);
	}
	write_inodes();
	for (nth = 0; nth < nr_blocks; nth += n) {
		block = place(nth, &contiguous);
		n = nr_blocks - nth < contiguous ? nr_blocks - nth : contiguous;
		ext2fs_block_alloc_stats_range(fs, block, n, 1);
	}
	ext2fs_mark_super_dirty(fs);
	err = ext2fs_close_free(&fs);
	if (err)
		die("libext2fs cannot write the image: error %ld", (long)err);
}

void ext2_read_file(struct inode *inode, void (*take)(void *to, const void *data, size_t size),
		    void *to)
{
	static uint8_t buf[64 * BLOCK_SIZE];
	uint64_t left, at, end;
	struct run *r;
	size_t n;

	if (inode->mem) {
		take(to, inode->mem, inode->size);
		return;
	}
	current.placed = true;
	current.write = false;
	map_inode(&current, inode);
	for (r = current.runs; r < current.runs + current.nr_runs; r++) {
		end = (r->logical + r->count) * BLOCK_SIZE;
		left = (end < inode->size ? end : inode->size) - r->logical * BLOCK_SIZE;
		for (at = r->block * BLOCK_SIZE; left; left -= n, at += n) {
			n = left < sizeof(buf) ? left : sizeof(buf);
			if (read_at(out_fd, buf, n, at) < 0)
				die("the image cannot be read: %s", strerror(errno));
			take(to, buf, n);
		}
	}
}
