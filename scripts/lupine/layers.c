// SPDX-License-Identifier: GPL-2.0
/*
 * Layers of an image: tar archives, compressed or not, applied to the tree in
 * their order.
 *
 * A first pass reads the headers, and checks the digests. When the tree is
 * complete, a second one reads the layers again that have files which are left,
 * and hands their content on. libarchive does the reading, in two stages, so
 * that what comes out of the decompression can be counted and hashed.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image.h"
#include "../callsites/callsites.h"

#define WHITEOUT	".wh."
#define OPAQUE		".wh..wh..opq"
#define MAX_CAPTURE	(4u << 20)
#define MAX_CAPTURED	(64u << 20)
#define MAX_XATTRS	(BLOCK_SIZE - 64)

struct stream {
	struct blob *blob;
	struct archive *raw, *tar;
	uint64_t pos;
	bool scanning;		/* the pass that counts and checks */
	EVP_MD_CTX *sha, *diff_sha;
	char *step;		/* for the terminal */
	uint8_t buf[128 * 1024];
};

ssize_t read_at(int fd, void *buf, size_t size, uint64_t offset)
{
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		n = pread(fd, (char *)buf + done, size - done, offset + done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (!n)
			break;
		done += n;
	}
	return done;
}

static ssize_t read_blob(struct stream *s)
{
	uint64_t left = s->blob->size - s->pos;
	size_t want = left < sizeof(s->buf) ? left : sizeof(s->buf);
	ssize_t n = read_at(s->blob->fd, s->buf, want, s->blob->offset + s->pos);

	if (n < 0 || (size_t)n != want)
		die("%s cannot be read: %s", s->blob->what,
		    n < 0 ? strerror(errno) : "unexpected EOF, the file is cut short");
	s->pos += n;
	if (s->step)
		progress(s->pos == (uint64_t)n, "%s: %" PRIu64 " of %" PRIu64 " MB", s->step,
			 s->pos >> 20, s->blob->size >> 20);
	if (s->sha)
		EVP_DigestUpdate(s->sha, s->buf, n);
	return n;
}

static la_ssize_t read_raw(struct archive *a, void *data, const void **buf)
{
	struct stream *s = data;

	(void)a;
	*buf = s->buf;
	return read_blob(s);
}

static la_ssize_t read_tar(struct archive *a, void *data, const void **buf)
{
	struct stream *s = data;
	la_int64_t offset;
	size_t size;
	int ret;

	do {
		ret = archive_read_data_block(s->raw, buf, &size, &offset);
	} while (ret == ARCHIVE_OK && !size);
	if (ret == ARCHIVE_EOF)
		return 0;
	if (ret != ARCHIVE_OK) {
		archive_set_error(a, EINVAL, "%s", archive_error_string(s->raw) ?: "damaged");
		return ARCHIVE_FATAL;
	}
	if (s->scanning)
		count_bytes(size);
	if (s->diff_sha)
		EVP_DigestUpdate(s->diff_sha, *buf, size);
	return size;
}

static bool sha256_is(EVP_MD_CTX *ctx, const char *hex)
{
	char got[HEX_DIGITS + 1];

	sha256_hex(ctx, got);
	return !strcmp(got, hex);
}

static struct archive *new_reader(void)
{
	struct archive *a = archive_read_new();

	if (!a)
		die("out of memory");
	return a;
}

/* If it is not what its digest says, then that is why. */
static void __noreturn damaged(struct stream *s, struct archive *a)
{
	if (s->sha) {
		while (s->pos < s->blob->size)
			read_blob(s);
		if (!sha256_is(s->sha, s->blob->hex))
			die("%s cannot be read: it does not match its digest", s->blob->what);
	}
	die("%s cannot be unpacked: %s%s", s->blob->what,
	    archive_error_string(a) ?: "it is broken",
	    archive_errno(a) == ENOMEM ? "; --limit-memory N allows more" : "");
}

/* Returns false if there is nothing in it. */
static bool open_raw(struct stream *s)
{
	struct archive_entry *entry;
	int ret;

	s->raw = new_reader();
	archive_read_support_filter_gzip(s->raw);
	archive_read_support_filter_zstd(s->raw);
	archive_read_support_filter_xz(s->raw);
	archive_read_support_filter_bzip2(s->raw);
	archive_read_support_format_raw(s->raw);
	archive_read_support_format_empty(s->raw);
	if (archive_read_open(s->raw, s, NULL, read_raw, NULL) != ARCHIVE_OK)
		damaged(s, s->raw);
	ret = archive_read_next_header(s->raw, &entry);
	if (ret != ARCHIVE_OK && ret != ARCHIVE_EOF)
		damaged(s, s->raw);
	return ret == ARCHIVE_OK;
}

static struct stream *stream_open(struct blob *blob, bool scanning)
{
	struct stream *s = xcalloc(1, sizeof(*s));

	s->blob = blob;
	s->scanning = scanning;
	if (scanning && *blob->hex)
		s->sha = sha256_begin();
	else if (scanning && *blob->diff_id)
		s->diff_sha = sha256_begin();
	if (!open_raw(s))
		return s;
	s->tar = new_reader();
	archive_read_support_format_tar(s->tar);
	if (archive_read_open(s->tar, s, NULL, read_tar, NULL) != ARCHIVE_OK)
		damaged(s, s->tar);
	return s;
}

static void stream_close(struct stream *s)
{
	const void *buf;

	/* What is behind the archive's end belongs to the digests, too. */
	if (s->diff_sha) {
		ssize_t n = 1;

		while (s->tar && n > 0)
			n = read_tar(s->tar, s, &buf);
		if (n < 0)
			damaged(s, s->tar);
		if (!sha256_is(s->diff_sha, s->blob->diff_id))
			die("%s cannot be read: it does not match its digest", s->blob->what);
	}
	if (s->sha) {
		while (s->pos < s->blob->size)
			read_blob(s);
		if (!sha256_is(s->sha, s->blob->hex))
			die("%s cannot be read: it does not match its digest", s->blob->what);
	}
	archive_read_free(s->tar);
	archive_read_free(s->raw);
	free(s->step);
	free(s);
}

void decompress(struct blob *from, int to, uint64_t room)
{
	struct stream *s = xcalloc(1, sizeof(*s));
	uint64_t total = 0;
	la_int64_t offset;
	const void *buf;
	size_t size;
	ssize_t n;
	int ret;

	s->blob = from;
	if (open_raw(s)) {
		while (!(ret = archive_read_data_block(s->raw, &buf, &size, &offset))) {
			if (total + size > limits.bytes)
				die("%s has more than %" PRIu64
				    " bytes when it is decompressed; --limit-bytes N allows more",
				    from->what, limits.bytes);
			if (total + size > room)
				die("%s: no space left for what is compressed in it", from->what);
			for (; size; size -= n, buf = (const char *)buf + n, total += n) {
				n = pwrite(to, buf, size, total);
				if (n < 0)
					die("%s cannot be decompressed: %s", from->what,
					    strerror(errno));
			}
		}
		if (ret != ARCHIVE_EOF)
			die("%s is damaged: %s", from->what,
			    archive_error_string(s->raw) ?: "it cannot be decompressed");
	}
	archive_read_free(s->raw);
	free(s->step);
	free(s);
}

/*
 * libarchive takes names for UTF-8, as POSIX wants it, and says so when they are
 * not; it hands on the bytes as they are, as we want it.
 */
static bool next_entry(struct stream *s, struct archive_entry **entry)
{
	const char *error;
	int ret;

	if (!s->tar)
		return false;
	ret = archive_read_next_header(s->tar, entry);
	if (ret == ARCHIVE_EOF)
		return false;
	if (ret == ARCHIVE_WARN) {
		error = archive_error_string(s->tar);
		if (error && strstr(error, "converted"))
			return true;
	}
	if (ret != ARCHIVE_OK)
		damaged(s, s->tar);
	return true;
}

/* Without empty parts, "." and ".."; what climbs out of the root stays there. */
static char *clean_path(const char *path)
{
	char *clean, *d;
	size_t len;

	if (strlen(path) > MAX_PATH)
		die("a path of the image is longer than %u bytes: %.100s...", MAX_PATH, path);
	clean = d = xmalloc(strlen(path) + 2);
	while (*path) {
		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len == 2 && !memcmp(path, "..", 2)) {
			while (d > clean && *--d != '/')
				;
		} else if (len && !(len == 1 && *path == '.')) {
			if (len > MAX_NAME)
				die("a name of the image is longer than %u bytes: %.100s...",
				    MAX_NAME, path);
			*d++ = '/';
			memcpy(d, path, len);
			d += len;
		}
		path += len;
	}
	*d = '\0';
	return clean;
}

static void free_xattrs(struct inode *inode)
{
	struct xattr *x;

	while ((x = inode->xattrs)) {
		inode->xattrs = x->next;
		free(x->name);
		free(x->value);
		free(x);
	}
}

static int compare_xattrs(const struct xattr *a, const struct xattr *b)
{
	return a->index != b->index ? a->index - b->index :
		a->name_len != b->name_len ? a->name_len - b->name_len :
		memcmp(a->name, b->name, a->name_len);
}

/* In the order in which the kernel wants to find them */
static void add_xattr(struct inode *inode, const char *path, const char *name, const void *value,
		      size_t size)
{
	static const struct {
		const char *prefix;
		uint8_t index;
	} known[] = { { "user.", 1 }, { "trusted.", 4 }, { "security.", 6 } };
	struct xattr *x, **at;
	size_t i, len;
	int c = 1;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (!strncmp(name, known[i].prefix, strlen(known[i].prefix)))
			break;
	if (i == ARRAY_SIZE(known)) {
		warn("%s: the attribute %s is left out; only user, trusted and security are kept",
		     path, name);
		return;
	}
	name += strlen(known[i].prefix);
	len = strlen(name);
	if (!len || len > MAX_NAME || size > MAX_XATTRS)
		die("%s: its extended attributes take more than ext2's block of %u bytes", path,
		    BLOCK_SIZE);
	x = xcalloc(1, sizeof(*x));
	x->index = known[i].index;
	x->name_len = len;
	x->name = xstrdup(name);
	x->size = size;
	x->value = xmalloc(size);
	memcpy(x->value, value, size);
	for (at = &inode->xattrs; *at; at = &(*at)->next) {
		c = compare_xattrs(x, *at);
		if (c <= 0)
			break;
	}
	if (*at && !c) {
		struct xattr *same = *at;

		x->next = same->next;
		*at = x;
		free(same->name);
		free(same->value);
		free(same);
		return;
	}
	x->next = *at;
	*at = x;
}

static void take_xattrs(struct inode *inode, const char *path, struct archive_entry *e)
{
	const struct xattr *x;
	size_t size, sum = 32 + 4;
	const char *name;
	const void *value;

	free_xattrs(inode);
	archive_entry_xattr_reset(e);
	while (archive_entry_xattr_next(e, &name, &value, &size) == ARCHIVE_OK)
		if (name)
			add_xattr(inode, path, name, value, size);
	for (x = inode->xattrs; x; x = x->next)
		sum += ((x->name_len + 3) & ~3) + 16 + ((x->size + 3) & ~3);
	if (sum > BLOCK_SIZE)
		die("%s: its extended attributes take more than ext2's block of %u bytes", path,
		    BLOCK_SIZE);
}

/* Where a sparse file has data, in whole blocks */
static void take_holes(struct inode *inode, const char *path, struct archive_entry *e)
{
	la_int64_t offset, length;
	uint64_t data = 0, end;
	struct extent *x;
	uint32_t space = 0, i;

	if (archive_entry_sparse_reset(e) <= 0) {
		inode->data = xcalloc(1, sizeof(*inode->data));
		inode->data->length = inode->size;
		inode->nr_data = inode->size ? 1 : 0;
		return;
	}
	while (archive_entry_sparse_next(e, &offset, &length) == ARCHIVE_OK) {
		if (offset < 0 || length < 0 || (uint64_t)offset > inode->size ||
		    (uint64_t)length > inode->size - offset)
			die("%s: its map of holes is damaged", path);
		if (!length)
			continue;
		end = (uint64_t)offset + length;
		offset -= offset % BLOCK_SIZE;
		if (end % BLOCK_SIZE)
			end += BLOCK_SIZE - end % BLOCK_SIZE;
		if (end > inode->size)
			end = inode->size;
		x = inode->nr_data ? &inode->data[inode->nr_data - 1] : NULL;
		if (x && (uint64_t)offset < x->offset)
			die("%s: its map of holes is damaged", path);
		if (x && (uint64_t)offset <= x->offset + x->length) {
			if (end > x->offset + x->length)
				x->length = end - x->offset;
			continue;
		}
		if (inode->nr_data == space) {
			space = space ? 2 * space : 4;
			inode->data = xrealloc(inode->data, space, sizeof(*inode->data));
		}
		inode->data[inode->nr_data++] = (struct extent){ offset, end - offset };
	}
	for (i = 0; i < inode->nr_data; i++)
		data += inode->data[i].length;
	count_bytes(inode->size - data);
}

/* The version that musl's libc has in it as text, 1.2.3 as 0x010203, or 0 */
uint32_t musl_version(const uint8_t *data, size_t size)
{
	unsigned int a, b, c;
	size_t i;
	int len;

	for (i = 1; i + 12 < size; i++) {
		if (data[i - 1] || data[i] != '1' || data[i + 1] != '.' || !memchr(data + i, 0, 12))
			continue;
		if (sscanf((const char *)data + i, "%3u.%3u.%3u%n", &a, &b, &c, &len) == 3 &&
		    !data[i + len] && b < 256 && c < 256)
			return a << 16 | b << 8 | c;
	}
	return 0;
}

/* What a program will have grown to when its system calls have been rewritten */
static uint64_t rewritten_size(const uint8_t *data, uint64_t size)
{
	struct callsites_report report;
	uint8_t *copy = xmalloc(size);

	memcpy(copy, data, size);
	callsites_run(copy, size, CALLSITES_REWRITE, &report);
	if (report.changed)
		size = report.size + report.tail_size;
	callsites_free(&report);
	free(copy);
	return size;
}

static void measure_program(struct inode *inode, const uint8_t *data)
{
	if (!rewriting || inode->size < CALLSITES_HEAD || inode->size > CALLSITES_MAX_SIZE ||
	    !callsites_wants(data, inode->size) || inode->nr_data != 1 ||
	    inode->data->length != inode->size)
		return;
	inode->original = inode->size;
	inode->size = rewritten_size(data, inode->size);
	inode->data->length = inode->size;
}

/* Programs grow, which has to be known before they get their blocks. */
static void read_program(struct stream *s, struct inode *inode)
{
	uint8_t head[CALLSITES_HEAD], *data;
	const la_ssize_t left = inode->size - sizeof(head);

	if (inode->size < sizeof(head) || inode->size > CALLSITES_MAX_SIZE)
		return;
	if (archive_read_data(s->tar, head, sizeof(head)) != sizeof(head))
		damaged(s, s->tar);
	if (!callsites_wants(head, sizeof(head)))
		return;
	data = xmalloc(inode->size);
	memcpy(data, head, sizeof(head));
	if (archive_read_data(s->tar, data + sizeof(head), left) != left)
		damaged(s, s->tar);
	measure_program(inode, data);
	free(data);
}

/* Some files have to be read before the tree is complete. */
static void capture(struct stream *s, struct archive_entry *e, struct inode *inode,
		    const char *path, unsigned int what)
{
	static const char * const always[] = { "passwd", "group", "passwd.master", "group.master",
					      "lupine.postinst" };
	static size_t captured;
	const char *name = strrchr(path, '/') + 1;
	bool musl, keep = false;
	uint8_t *data;
	size_t i;

	(void)e;
	for (i = 0; i < ARRAY_SIZE(always); i++)
		keep |= !strcmp(name, always[i]);
	keep |= what & CAPTURE_BUSYBOX && !strcmp(name, "busybox");
	musl = what & CAPTURE_MUSL && !strcmp(name, "ld-musl-x86_64.so.1");
	if (!(keep || musl) || !inode->size || inode->size > MAX_CAPTURE) {
		if (rewriting)
			read_program(s, inode);
		return;
	}
	data = xcalloc(1, inode->size + 1);
	if (archive_read_data(s->tar, data, inode->size) != (la_ssize_t)inode->size)
		damaged(s, s->tar);
	if (musl)
		inode->version = musl_version(data, inode->size) ?: 1;
	measure_program(inode, data);
	if (!keep) {
		free(data);
		return;
	}
	captured += inode->size;
	if (captured > MAX_CAPTURED)
		die("files named passwd, group and busybox in the layers have more than %u bytes",
		    MAX_CAPTURED);
	if (inode->original) {
		data = xrealloc(data, inode->size + 1, 1);
		rewrite_calls(path, data, inode->original, inode->size);
		data[inode->size] = 0;
	}
	inode->mem = data;
	inode->layer = NO_LAYER;
	free(inode->data);
	inode->data = NULL;
	inode->nr_data = 0;
}

static void take_metadata(struct inode *inode, const char *path, struct archive_entry *e)
{
	la_int64_t uid = archive_entry_uid(e), gid = archive_entry_gid(e);
	int64_t mtime = archive_entry_mtime(e);

	if (uid < 0 || gid < 0 || uid > UINT32_MAX || gid > UINT32_MAX)
		die("%s: its owner %" PRId64 ":%" PRId64 " is out of range", path, (int64_t)uid,
		    (int64_t)gid);
	inode->mode = (inode->mode & S_IFMT) | (archive_entry_perm(e) & 07777);
	inode->uid = uid;
	inode->gid = gid;
	/* ext2 has 32 bits, with a sign. */
	inode->mtime = mtime > INT32_MAX ? INT32_MAX : mtime < INT32_MIN ? INT32_MIN : mtime;
	take_xattrs(inode, path, e);
}

static struct inode *new_inode(struct archive_entry *e, const char *path, uint32_t layer,
			       uint32_t index)
{
	mode_t type = archive_entry_filetype(e);
	struct inode *inode = inode_new(type);
	la_int64_t size = archive_entry_size(e);
	const char *target;

	take_metadata(inode, path, e);
	switch (type) {
	case AE_IFREG:
		if (size < 0)
			die("%s: its size is damaged", path);
		if ((uint64_t)size > limits.bytes)
			die("%s has %" PRIu64 " bytes; --limit-bytes N allows more than %" PRIu64,
			    path, (uint64_t)size, limits.bytes);
		inode->size = size;
		inode->layer = layer;
		inode->entry = index;
		take_holes(inode, path, e);
		break;
	case AE_IFLNK:
		target = archive_entry_symlink(e);
		if (!target || !*target)
			die("%s: a link without a target", path);
		if (strlen(target) > MAX_PATH)
			die("%s: its target is longer than %u bytes", path, MAX_PATH);
		inode_set_mem(inode, target, strlen(target));
		inode->mode = S_IFLNK | 0777;
		break;
	case AE_IFCHR:
	case AE_IFBLK:
		inode->major = archive_entry_rdevmajor(e);
		inode->minor = archive_entry_rdevminor(e);
		if (inode->major > 0xfff || inode->minor > 0xfffff)
			die("%s: its device number %u:%u is out of range", path, inode->major,
			    inode->minor);
		break;
	case AE_IFIFO:
	case AE_IFDIR:
		break;
	default:
		inode_put(inode);
		return NULL;
	}
	return inode;
}

/* Returns false if the name is no whiteout's. What it hides need not be there. */
static bool whiteout(const char *path, uint32_t layer)
{
	const char *name = strrchr(path, '/') + 1;
	struct node *dir, *n;
	size_t len;

	if (strncmp(name, WHITEOUT, strlen(WHITEOUT)))
		return false;
	dir = tree_parent(path, 0, layer, &name, &len);
	if (!dir || !S_ISDIR(dir->inode->mode))
		return true;
	if (!strcmp(name, OPAQUE)) {
		tree_remove_lower(dir, layer, false);
		return true;
	}
	/* Names like .wh..wh.plnk are aufs's own business. */
	if (!strncmp(name + strlen(WHITEOUT), WHITEOUT, strlen(WHITEOUT)))
		return true;
	n = tree_find(dir, name + strlen(WHITEOUT), len - strlen(WHITEOUT));
	if (n)
		tree_remove_lower(n, layer, true);
	return true;
}

static void set_root(struct archive_entry *e, bool ours)
{
	if (archive_entry_filetype(e) != AE_IFDIR)
		die("the image's root is no folder");
	if (!ours)
		take_metadata(root->inode, "/", e);
}

/* What a hard link of the archive names, which need not be in the same layer */
static struct inode *link_target(const char *path, const char *target)
{
	char *clean = clean_path(target);
	struct node *n = tree_lookup(clean, 0, 0);

	if (!n)
		die("%s cannot be unpacked: it is a hard link to %s, which is not there", path,
		    target);
	if (S_ISDIR(n->inode->mode))
		die("%s cannot be unpacked: it is a hard link to the folder %s", path, target);
	free(clean);
	return n->inode;
}

/* Copy what the user puts there; folders of the image stay as they are. */
static bool keep_folder(const char *path, bool ours, mode_t type)
{
	struct node *n;

	if (!ours || type != AE_IFDIR)
		return false;
	n = tree_lookup(path, FOLLOW_LAST, 0);
	return n && S_ISDIR(n->inode->mode);
}

static void scan_entry(struct stream *s, struct archive_entry *e, const struct layer *layer,
		       uint32_t nr, uint32_t index, unsigned int what)
{
	const char *raw = archive_entry_pathname(e), *target = archive_entry_hardlink(e), *name;
	struct inode *inode = NULL;
	struct node *dir, *old, *n;
	char *path;
	size_t len;

	count_entry();
	if (!raw)
		die("%s cannot be unpacked: an entry without a name", s->blob->what);
	path = clean_path(raw);
	if (!*path) {
		set_root(e, layer->ours);
		free(path);
		return;
	}
	if ((layer->packages && !strncmp(path, "/dev/", 5)) ||
	    keep_folder(path, layer->ours, archive_entry_filetype(e))) {
		free(path);
		return;
	}
	if (!layer->ours && whiteout(path, nr)) {
		free(path);
		return;
	}
	if (target)
		inode = link_target(path, target);
	dir = tree_parent(path, MAKE_FOLDERS, nr, &name, &len);
	old = tree_find(dir, name, len);
	if (!target && old && S_ISDIR(old->inode->mode) && archive_entry_filetype(e) == AE_IFDIR) {
		take_metadata(old->inode, path, e);
		old->layer = nr;
		free(path);
		return;
	}
	if (!target)
		inode = new_inode(e, path, nr, index);
	if (!inode) {
		warn("%s is of a type that a file system cannot have; it is left out", path);
		free(path);
		return;
	}
	/* The second name must not take the first one's content with it. */
	inode->nlink++;
	if (old)
		tree_remove(old);
	n = tree_add(dir, name, len, inode, nr);
	n->inode->nlink--;
	if (!target && S_ISREG(inode->mode))
		capture(s, e, inode, path, what);
	free(path);
}

void layers_scan(struct layer *layers, size_t from, size_t to, unsigned int what)
{
	struct archive_entry *e;
	struct stream *s;
	uint32_t index;
	size_t i;

	for (i = from; i < to; i++) {
		s = stream_open(&layers[i].blob, true);
		s->step = xasprintf("Read layer %zu of %zu", i + 1, to);
		for (index = 0; next_entry(s, &e); index++)
			scan_entry(s, e, &layers[i], i, index, what);
		stream_close(s);
	}
}

static int compare_places(const void *a, const void *b)
{
	const struct inode *x = *(const struct inode * const *)a;
	const struct inode *y = *(const struct inode * const *)b;

	if (x->layer != y->layer)
		return x->layer < y->layer ? -1 : 1;
	return x->entry < y->entry ? -1 : x->entry > y->entry;
}

/* The files that are left, in the order in which the layers have them */
static struct inode **live_files(size_t *nr)
{
	struct inode **files = xcalloc(nr_nodes, sizeof(*files));
	struct node *n;
	size_t i, kept;

	*nr = 0;
	for (n = root; n; n = tree_next(n))
		if (S_ISREG(n->inode->mode) && n->inode->layer != NO_LAYER && n->inode->size)
			files[(*nr)++] = n->inode;
	qsort(files, *nr, sizeof(*files), compare_places);
	for (i = kept = 0; i < *nr; i++)
		if (!kept || files[kept - 1] != files[i])
			files[kept++] = files[i];
	*nr = kept;
	return files;
}

typedef void take_fn(struct inode *inode, const void *data, size_t size, uint64_t offset);

static void read_data(struct stream *s, struct inode *inode, take_fn *take)
{
	la_int64_t offset;
	const void *buf;
	size_t size;
	int ret;

	while ((ret = archive_read_data_block(s->tar, &buf, &size, &offset)) == ARCHIVE_OK)
		if (size)
			take(inode, buf, size, offset);
	if (ret != ARCHIVE_EOF)
		damaged(s, s->tar);
}

static uint8_t *program;

/* All of a program has to be in memory. */
static void take_program(struct inode *inode, const void *data, size_t size, uint64_t offset)
{
	if (offset <= inode->original && size <= inode->original - offset)
		memcpy(program + offset, data, size);
}

static void copy_file(struct stream *s, struct inode *inode)
{
	char *path;

	ext2_file_begin(inode);
	if (!inode->original) {
		read_data(s, inode, ext2_file_data);
	} else {
		program = xcalloc(1, inode->size);
		read_data(s, inode, take_program);
		path = tree_path(inode->node);
		rewrite_calls(path, program, inode->original, inode->size);
		free(path);
		ext2_file_data(inode, program, inode->size, 0);
		free(program);
	}
	ext2_file_end(inode);
}

void layers_copy(struct layer *layers, size_t nr)
{
	struct inode **files, **next, **end;
	struct archive_entry *e;
	struct stream *s;
	uint32_t index;
	size_t i, nr_files;

	files = live_files(&nr_files);
	next = files;
	end = files + nr_files;
	for (i = 0; i < nr && next < end; i++) {
		if ((*next)->layer != i)
			continue;
		s = stream_open(&layers[i].blob, false);
		s->step = xasprintf("Copy layer %zu of %zu", i + 1, nr);
		for (index = 0; next < end && (*next)->layer == i && next_entry(s, &e); index++)
			if ((*next)->entry == index)
				copy_file(s, *next++);
		if (next < end && (*next)->layer == i)
			die("%s has changed while it was read", s->blob->what);
		stream_close(s);
	}
	free(files);
}
