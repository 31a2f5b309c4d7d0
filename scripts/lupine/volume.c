// SPDX-License-Identifier: GPL-2.0
/*
 * Make a file with an empty ext2 file system. Unlike mke2fs's, its root folder really
 * is empty, as databases insist on one. It appears under its name when it is complete.
 */
#include <errno.h>
#include <ext2fs/ext2fs.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "run.h"

#define BLOCK_SIZE	4096
#define SIZE		(1024u * 1024 * 1024)
#define INODES		(SIZE / 16384)

static errcode_t fill(const char *path)
{
	struct ext2_super_block param = { 0 };
	ext2_filsys fs;
	ext2_ino_t ino;
	errcode_t err;

	ext2fs_blocks_count_set(&param, SIZE / BLOCK_SIZE);
	param.s_log_block_size = 2;
	param.s_log_cluster_size = 2;
	param.s_rev_level = EXT2_DYNAMIC_REV;
	param.s_inode_size = 256;
	param.s_inodes_count = INODES;
	ext2fs_set_feature_filetype(&param);
	ext2fs_set_feature_sparse_super(&param);
	ext2fs_set_feature_large_file(&param);
	ext2fs_set_feature_xattr(&param);
	err = ext2fs_initialize(path, EXT2_FLAG_EXCLUSIVE | EXT2_FLAG_64BITS, &param,
				unix_io_manager, &fs);
	if (err)
		return err;
	fs->super->s_mkfs_time = fs->now = time(NULL);
	fs->super->s_errors = EXT2_ERRORS_CONTINUE;
	fs->super->s_max_mnt_count = -1;
	strcpy((char *)fs->super->s_volume_name, "volume");
	if (getrandom(fs->super->s_uuid, sizeof(fs->super->s_uuid), 0) < 0)
		fs->super->s_uuid[0] = 1;
	/* A random UUID of RFC 9562 */
	fs->super->s_uuid[6] = (fs->super->s_uuid[6] & 0x0f) | 0x40;
	fs->super->s_uuid[8] = (fs->super->s_uuid[8] & 0x3f) | 0x80;
	/* The file is a hole, so inode tables are zero. */
	err = ext2fs_allocate_tables(fs);
	if (!err)
		err = ext2fs_mkdir(fs, EXT2_ROOT_INO, EXT2_ROOT_INO, NULL);
	for (ino = EXT2_ROOT_INO + 1; !err && ino < EXT2_FIRST_INODE(fs->super); ino++)
		ext2fs_inode_alloc_stats2(fs, ino, 1, 0);
	if (!err)
		ext2fs_inode_alloc_stats2(fs, EXT2_BAD_INO, 1, 0);
	if (err) {
		ext2fs_free(fs);
		return err;
	}
	return ext2fs_close_free(&fs);
}

void volume_make(const char *path)
{
	char *temporary = xasprintf("%s.XXXXXX", path);
	mode_t mask = umask(0);
	const char *why = NULL;
	errcode_t err = 0;
	int fd;

	umask(mask);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		die("the volume %s cannot be made: %s", path, strerror(errno));
	if (ftruncate(fd, SIZE) || fchmod(fd, 0666 & ~mask))
		why = strerror(errno);
	if (!why)
		err = fill(temporary);
	if (err)
		why = error_message(err);
	/* Another one may have come meanwhile: that one is not replaced. */
	if (!why && link(temporary, path))
		why = strerror(errno);
	unlink(temporary);
	close(fd);
	if (why)
		die("the volume %s cannot be made: %s", path, why);
	free(temporary);
}
