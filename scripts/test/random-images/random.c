// SPDX-License-Identifier: GPL-2.0
/*
 * Random layers of an image, and lists of the files of a file system, a line a
 * file, so that two programs which apply the layers can be compared.
 *
 *   random layers SEED DIR   writes DIR/1.tar, DIR/2.tar, ...
 *   random ext2 FILE         lists what is in an ext2 file system
 *   random folder DIR        lists what is in a folder
 *
 * Names are few, so that layers hit each other: folders in the place of files and
 * links, whiteouts of what is there and what is not, opaque folders, parents that
 * are links, hard links to files of this layer and of lower ones. What must not
 * depend on an order that nobody has promised is left out: no path stands twice in
 * a layer.
 */
#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <ext2fs/ext2fs.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_PATHS	400

static uint64_t state;
static char used[MAX_PATHS][PATH_MAX];	/* of this layer */
static bool is_folder[MAX_PATHS];
static size_t nr_used;
static char files[MAX_PATHS][PATH_MAX];	/* of all layers, some are gone */
static size_t nr_files;

static unsigned int pick(unsigned int n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 33) % n;
}

static int find_used(const char *path)
{
	size_t i;

	for (i = 0; i < nr_used && strcmp(used[i], path); i++)
		;
	return i < nr_used ? (int)i : -1;
}

static void note(const char *path, bool folder)
{
	if (nr_used == MAX_PATHS)
		exit(1);
	is_folder[nr_used] = folder;
	strcpy(used[nr_used++], path);
}

static void put(struct archive *a, const char *path, mode_t type, const char *link, bool hard)
{
	static char data[20000];
	struct archive_entry *e = archive_entry_new();
	size_t size = 0, i;

	archive_entry_set_pathname(e, path);
	archive_entry_set_filetype(e, type);
	/* The host's kernel would have folders below inherit the set-group-ID bit. */
	archive_entry_set_perm(e, pick(4) ? 0755 : pick(010000) & (type == AE_IFDIR ? ~02000 : ~0));
	archive_entry_set_uid(e, pick(3) * 1000);
	archive_entry_set_gid(e, pick(3) * 70000);
	archive_entry_set_mtime(e, 1000000000 + pick(1000), 0);
	if (hard) {
		archive_entry_set_hardlink(e, link);
	} else if (type == AE_IFLNK) {
		archive_entry_set_symlink(e, link);
	} else if (type == AE_IFREG) {
		size = pick(4) ? pick(200) : pick(sizeof(data));
		for (i = 0; i < size; i++)
			data[i] = pick(256);
	}
	archive_entry_set_size(e, size);
	if (archive_write_header(a, e) != ARCHIVE_OK ||
	    (size && archive_write_data(a, data, size) != (la_ssize_t)size)) {
		fprintf(stderr, "%s\n", archive_error_string(a));
		exit(1);
	}
	archive_entry_free(e);
}

/* Folders of a path, most of them with an entry. False if one is a file here. */
static bool put_parents(struct archive *a, const char *path)
{
	char dir[PATH_MAX];
	const char *p;
	int i;

	for (p = strchr(path, '/'); p; p = strchr(p + 1, '/')) {
		snprintf(dir, sizeof(dir), "%.*s", (int)(p - path), path);
		i = find_used(dir);
		if (i >= 0 && !is_folder[i])
			return false;
		if (i >= 0)
			continue;
		/* Without an entry: maybe through a link of a lower layer */
		if (pick(15))
			put(a, dir, AE_IFDIR, NULL, false);
		note(dir, true);
	}
	return true;
}

static void random_path(char *path)
{
	unsigned int depth = 1 + pick(4), i;

	*path = '\0';
	for (i = 0; i < depth; i++) {
		char name[4] = { i ? '/' : 'a' + pick(5), i ? 'a' + pick(4) : '\0', '\0' };

		strcat(path, name);
	}
}

static void random_link(char *target)
{
	static const char * const targets[] = { "a", "b", "../b", "/c", "/a/b", "../../../a", "c/d",
						"/d/../b", "./b", "nowhere" };

	strcpy(target, targets[pick(sizeof(targets) / sizeof(*targets))]);
}

static void random_whiteout(struct archive *a, const char *path)
{
	char name[PATH_MAX + 8];
	const char *slash = strrchr(path, '/');
	int dir = slash ? slash - path + 1 : 0;

	if (find_used(path) >= 0)
		return;
	snprintf(name, sizeof(name), "%.*s.wh.%s", dir, path, path + dir);
	put(a, name, AE_IFREG, NULL, false);
	note(path, false);
}

static void random_opaque(struct archive *a, const char *path)
{
	char name[PATH_MAX + 16];
	int i = find_used(path);

	if (i >= 0 && !is_folder[i])
		return;
	if (i < 0) {
		put(a, path, AE_IFDIR, NULL, false);
		note(path, true);
	}
	snprintf(name, sizeof(name), "%s/.wh..wh..opq", path);
	if (find_used(name) < 0) {
		put(a, name, AE_IFREG, NULL, false);
		note(name, false);
	}
}

static void random_entry(struct archive *a, size_t first)
{
	char path[PATH_MAX], target[PATH_MAX];
	unsigned int what = pick(20);

	random_path(path);
	if (!put_parents(a, path))
		return;
	if (what < 2) {
		random_whiteout(a, path);
	} else if (what < 4) {
		random_opaque(a, path);
	} else if (find_used(path) < 0) {
		if (what < 8) {
			put(a, path, AE_IFDIR, NULL, false);
		} else if (what < 11) {
			random_link(target);
			put(a, path, AE_IFLNK, target, false);
		} else if (what < 12) {
			put(a, path, AE_IFIFO, NULL, false);
		} else if (what < 14 && nr_files > first) {
			/* What it replaces would take the target away before the link is made. */
			strcpy(target, files[first + pick(nr_files - first)]);
			if (!strncmp(target, path, strlen(path)))
				return;
			put(a, path, AE_IFREG, target, true);
		} else {
			put(a, path, AE_IFREG, NULL, false);
			if (nr_files < MAX_PATHS)
				strcpy(files[nr_files++], path);
		}
		note(path, what < 8);
	}
}

static void layers(const char *dir)
{
	unsigned int nr = 2 + pick(4), i, entries;
	char name[PATH_MAX];
	struct archive *a;
	size_t first = 0;

	for (i = 1; i <= nr; i++) {
		snprintf(name, sizeof(name), "%s/%u.tar", dir, i);
		a = archive_write_new();
		archive_write_set_format_pax_restricted(a);
		if (archive_write_open_filename(a, name) != ARCHIVE_OK)
			exit(1);
		nr_used = 0;
		if (pick(8))
			first = nr_files;
		for (entries = 3 + pick(30); entries; entries--)
			random_entry(a, first);
		archive_write_close(a);
		archive_write_free(a);
	}
}

/* What the program under test adds, at the top */
static bool is_ours(const char *name)
{
	static const char * const ours[] = { "dev", "proc", "sys", "run", "tmp", "etc", "root",
					     "sbin", "lost+found" };
	size_t i;

	for (i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (!strcmp(name, ours[i]))
			return true;
	return false;
}

static void line(const char *path, unsigned int mode, unsigned int uid, unsigned int gid,
		 unsigned int nlink, const void *content, size_t size)
{
	unsigned char sha[EVP_MAX_MD_SIZE] = { 0 };
	unsigned int i;

	printf("%s %06o %u:%u", path, mode, uid, gid);
	if (S_ISLNK(mode))
		printf(" -> %.*s", (int)size, (const char *)content);
	if (!S_ISDIR(mode))
		printf(" links %u", nlink);
	if (S_ISREG(mode)) {
		EVP_Digest(content, size, sha, NULL, EVP_sha256(), NULL);
		printf(" %zu ", size);
		for (i = 0; i < 32; i++)
			printf("%02x", sha[i]);
	}
	putchar('\n');
}

static void list_folder(int parent, const char *name, const char *path)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	static char content[1 << 20];
	struct dirent *e;
	struct stat st;
	char below[PATH_MAX];
	ssize_t n;
	int file;

	if (!dir)
		exit(1);
	while ((e = readdir(dir))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") ||
		    (!*path && is_ours(e->d_name)))
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, e->d_name);
		if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW))
			exit(1);
		n = 0;
		if (S_ISLNK(st.st_mode)) {
			n = readlinkat(fd, e->d_name, content, sizeof(content));
		} else if (S_ISREG(st.st_mode)) {
			file = openat(fd, e->d_name, O_RDONLY | O_NOFOLLOW);
			n = read(file, content, sizeof(content));
			close(file);
		}
		if (n < 0)
			exit(1);
		line(below, st.st_mode, st.st_uid, st.st_gid, st.st_nlink, content, n);
		if (S_ISDIR(st.st_mode))
			list_folder(fd, e->d_name, below);
	}
	closedir(dir);
}

static ext2_filsys fs;

static int list_entry(struct ext2_dir_entry *e, int offset, int blocksize, char *buf, void *data)
{
	const char *path = data;
	char name[256], below[PATH_MAX];
	static char content[1 << 20];
	struct ext2_inode inode;
	ext2_file_t file;
	unsigned int n = 0;

	(void)offset;
	(void)blocksize;
	(void)buf;
	snprintf(name, sizeof(name), "%.*s", ext2fs_dirent_name_len(e), e->name);
	if (!strcmp(name, ".") || !strcmp(name, "..") || (!*path && is_ours(name)))
		return 0;
	snprintf(below, sizeof(below), "%s/%s", path, name);
	if (ext2fs_read_inode(fs, e->inode, &inode))
		exit(1);
	if (LINUX_S_ISLNK(inode.i_mode) && ext2fs_is_fast_symlink(&inode)) {
		n = inode.i_size;
		memcpy(content, inode.i_block, n);
	} else if (LINUX_S_ISREG(inode.i_mode) || LINUX_S_ISLNK(inode.i_mode)) {
		if (ext2fs_file_open(fs, e->inode, 0, &file) ||
		    ext2fs_file_read(file, content, sizeof(content), &n))
			exit(1);
		ext2fs_file_close(file);
	}
	line(below, inode.i_mode, inode_uid(inode), inode_gid(inode), inode.i_links_count, content,
	     n);
	if (LINUX_S_ISDIR(inode.i_mode))
		ext2fs_dir_iterate(fs, e->inode, 0, NULL, list_entry, below);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "layers")) {
		state = strtoull(argv[2], NULL, 10) * 0x9e3779b97f4a7c15 + 1;
		pick(1);
		pick(1);
		layers(argv[3]);
	} else if (argc == 3 && !strcmp(argv[1], "folder")) {
		list_folder(AT_FDCWD, argv[2], "");
	} else if (argc == 3 && !strcmp(argv[1], "ext2")) {
		if (ext2fs_open(argv[2], 0, 0, 0, unix_io_manager, &fs) ||
		    ext2fs_dir_iterate(fs, EXT2_ROOT_INO, 0, NULL, list_entry, ""))
			return 1;
	} else {
		fputs("Usage: random layers SEED DIR | ext2 FILE | folder DIR\n", stderr);
		return 2;
	}
	return 0;
}
