// SPDX-License-Identifier: GPL-2.0
/*
 * Give lupine image up to four layers, and have it make the file system of them, as
 * the worker does it. libext2fs finds as many names in that as the tree has, and for
 * some inputs e2fsck has to find nothing wrong.
 *
 * Input: a byte of bits, then layers, which are tar archives, compressed or not, with
 * SEPARATOR between them. A header of an archive has a checksum, which chance would
 * not make right: without bit 0, it is computed first. With bit 1, the last layer is
 * the user's; with bit 2, system calls of programs are rewritten. With bits 3 to 6,
 * the first is Debian's packages, and accounts, busybox's links and musl are added.
 */
#include <errno.h>
#include <ext2fs/ext2fs.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "callsites/callsites.h"
#include "lupine/image.h"
#include "fuzz.h"

#define SEPARATOR	"--layer--"
#define MAX_TRIED	4
#define RECORD		512

struct limits limits = {
	.bytes = 4 << 20,
	.entries = 2000,
	.depth = 100,
	.links = 40,
	.config = 1 << 20,
	.memory = 1 << 30,
};

bool rewriting;

void rewrite_calls(const char *path, uint8_t *data, uint64_t original, uint64_t size)
{
	struct callsites_report report;

	(void)path;
	callsites_run(data, original, CALLSITES_REWRITE, &report);
	require(report.size + (report.changed ? report.tail_size : 0) == size);
	if (report.changed)
		memcpy(data + report.size, report.tail, report.tail_size);
	callsites_free(&report);
}

int worker_open_blob(const char *hex)
{
	(void)hex;
	return -1;
}

static uint64_t octal(const uint8_t *p, size_t len)
{
	uint64_t value = 0;

	for (; len-- && *p >= '0' && *p <= '7'; p++)
		value = 8 * value + (*p - '0');
	return value;
}

static void fix_checksums(uint8_t *data, size_t size)
{
	unsigned int sum, i;
	uint64_t content;
	size_t at = 0;
	char text[8];

	while (at < size && size - at >= RECORD) {
		sum = 8 * ' ';
		for (i = 0; i < RECORD; i++)
			if (i < 148 || i >= 156)
				sum += data[at + i];
		/* What ends the archive is no header. */
		if (sum != 8 * ' ') {
			snprintf(text, sizeof(text), "%06o", sum);
			memcpy(data + at + 148, text, 7);
			data[at + 155] = ' ';
		}
		content = octal(data + at + 124, 12);
		at += RECORD;
		if (content > size - at)
			return;
		at += (content + RECORD - 1) / RECORD * RECORD;
	}
}

static int file_of(const void *data, size_t size)
{
	int fd = memfd_create("fuzz", 0);

	require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	return fd;
}

static int files[MAX_TRIED + 1];
static size_t nr_files;

static int count_name(ext2_ino_t dir, int entry, struct ext2_dir_entry *e, int offset,
		      int block_size, char *buf, void *data)
{
	uint64_t *names = data;

	(void)dir;
	(void)offset;
	(void)block_size;
	(void)buf;
	(void)e;
	*names += entry == DIRENT_OTHER_FILE;
	return 0;
}

/* Names in all folders, found from the inodes and not from the root */
static void check_names(const char *path)
{
	struct ext2_inode inode;
	ext2_inode_scan scan;
	uint64_t names = 0;
	ext2_ino_t ino;
	ext2_filsys fs;

	require(!ext2fs_open(path, 0, 0, 0, unix_io_manager, &fs));
	require(!ext2fs_open_inode_scan(fs, 0, &scan));
	while (!ext2fs_get_next_inode(scan, &ino, &inode) && ino)
		if (LINUX_S_ISDIR(inode.i_mode))
			require(!ext2fs_dir_iterate2(fs, ino, 0, NULL, count_name, &names));
	ext2fs_close_inode_scan(scan);
	ext2fs_free(fs);
	/* The root has no name. */
	require(names + 1 == nr_nodes);
}

/* A process takes longer than all else: for one input of 64 */
static void check_all(char *path, const uint8_t *data, size_t size)
{
	char *argv[] = { "e2fsck", "-fn", path, NULL }, *env[] = { "PATH=/usr/sbin:/sbin", NULL };
	uint32_t hash = 0;
	pid_t pid;
	int status;

	while (size--)
		hash = hash * 31 + *data++;
	if (hash >> 26 && !getenv("FUZZ_CHECK_ALL"))
		return;
	if (posix_spawnp(&pid, "e2fsck", NULL, NULL, argv, env))
		return;
	/* libFuzzer's clock interrupts it. */
	while (waitpid(pid, &status, 0) < 0)
		require(errno == EINTR);
	require(!status);
}

static void make_image(const uint8_t *data, size_t size)
{
	static const char accounts[] = "account redis /var/lib/redis\naccount root\n";
	struct layer layers[MAX_TRIED] = { 0 };
	const uint8_t *start = data, *next, *end = data + size;
	char error[MANIFEST_ERROR_SIZE], path[32];
	unsigned int first = *data;
	struct manifest m = { 0 };
	uint8_t *copy;
	size_t nr = 0, len;
	int out;

	for (data++; data && nr < MAX_TRIED; data = next) {
		next = memmem(data, end - data, SEPARATOR, strlen(SEPARATOR));
		len = (next ?: end) - data;
		if (next)
			next += strlen(SEPARATOR);
		copy = duplicate(data, len);
		if (!(first & 1))
			fix_checksums(copy, len);
		layers[nr].blob.fd = file_of(copy, len);
		files[nr_files++] = layers[nr].blob.fd;
		layers[nr].blob.size = len;
		layers[nr++].blob.what = "a layer";
		free(copy);
	}
	/* Put there by the user: links of the image are followed inside of it. */
	layers[nr - 1].ours = first & 2 && nr > 1;
	out = file_of("", 0);
	files[nr_files++] = out;
	rewriting = first & 4;
	tree_init();
	layers[0].packages = first & 8;
	layers_scan(layers, 0, nr, CAPTURE_BUSYBOX | CAPTURE_MUSL);
	if (first & 8) {
		finish_packages();
		finish_alternatives();
	}
	if (first & 64)
		finish_musl(0x010203, "image");
	if (first & 16)
		require(!manifest_parse(&m, "accounts", accounts, strlen(accounts), IN_LABEL,
					error, sizeof(error)));
	finish_accounts(&m.key[KEY_ACCOUNT]);
	if (first & 32)
		finish_busybox();
	finish_root("init", 4, "conf", 4);
	ext2_plan(0);
	ext2_create(out);
	layers_copy(layers, nr);
	ext2_finish();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", out);
	check_names(path);
	check_all(path, start, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	begin_input();
	if (!size)
		return 0;
	nr_files = 0;
	track_run(make_image, data, size);
	while (nr_files)
		close(files[--nr_files]);
	return 0;
}
