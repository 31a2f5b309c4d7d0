// SPDX-License-Identifier: GPL-2.0
/*
 * Give lupine image an archive with the JSON of an image: an index, a manifest and a
 * configuration, or docker's own form, as they are in the file that it reads.
 *
 * Input: a byte that selects the form, then up to four texts with NUL bytes between
 * them: manifest.json or index.json, the manifest, the configuration, and text of
 * which a file follows in the archive. Digests would never be right by chance, so
 * @1, @2 and @3 in a text stand for those of the texts behind it. With form 3, the
 * input is the archive itself.
 */
#include <archive.h>
#include <archive_entry.h>
#include <openssl/sha.h>
#include <sys/mman.h>
#include <unistd.h>

#include "callsites/callsites.h"
#include "lupine/image.h"
#include "fuzz.h"

#define NR_TEXTS	4

struct limits limits = {
	.bytes = 4 << 20,
	.entries = 2000,
	.depth = 100,
	.links = 40,
	.config = 1 << 16,
	.memory = 1 << 30,
};

bool rewriting;

void rewrite_calls(const char *path, uint8_t *data, uint64_t original, uint64_t size)
{
	(void)path;
	(void)data;
	(void)original;
	(void)size;
}

bool callsites_run(void *data, size_t size, enum callsites_mode mode,
		   struct callsites_report *report)
{
	(void)data;
	(void)mode;
	memset(report, 0, sizeof(*report));
	report->size = size;
	return true;
}

void callsites_free(struct callsites_report *report)
{
	(void)report;
}

bool callsites_wants(const void *head, size_t size)
{
	(void)head;
	return size == SIZE_MAX;
}

int worker_open_blob(const char *hex)
{
	(void)hex;
	return -1;
}

void print_visible(const char *text)
{
	char line[8192];

	manifest_show(line, sizeof(line), text, strlen(text));
}

struct text {
	char *data;
	size_t len;
	char hex[HEX_DIGITS + 1];
};

static void digest(struct text *t)
{
	uint8_t sha[SHA256_SIZE];
	size_t i;

	SHA256((const uint8_t *)t->data, t->len, sha);
	for (i = 0; i < sizeof(sha); i++)
		snprintf(t->hex + 2 * i, 3, "%02x", sha[i]);
}

/* With digests in place of @N */
static void expand(struct text *t, const char *data, size_t len, const struct text *texts)
{
	size_t i;

	t->data = malloc(HEX_DIGITS * len + 1);
	require(t->data);
	t->len = 0;
	for (i = 0; i < len; i++) {
		unsigned int n = data[i] == '@' && i + 1 < len ? data[i + 1] - '0' : 0;

		if (n && n < NR_TEXTS) {
			memcpy(t->data + t->len, texts[n].hex, HEX_DIGITS);
			i++;
			t->len += HEX_DIGITS;
		} else {
			t->data[t->len++] = data[i];
		}
	}
	digest(t);
}

static uint8_t *tar_data;
static size_t tar_size;
static char names[NR_TEXTS + 1][80];
static struct text contents[NR_TEXTS + 1];

/* A plain header, in the form of 1988 */
static void put_member(const char *name, const struct text *t)
{
	size_t room = (t->len + 511) / 512 * 512;
	unsigned int sum = 0, i;
	uint8_t *h;

	tar_data = realloc(tar_data, tar_size + 512 + room + 1024);
	require(tar_data);
	h = tar_data + tar_size;
	memset(h, 0, 512 + room + 1024);
	memcpy(h, name, strlen(name));
	memcpy(h + 100, "0000644\0000000000\0000000000", 24);
	snprintf((char *)h + 124, 12, "%011zo", t->len);
	memcpy(h + 136, "00000000000\0        0", 21);
	memcpy(h + 257, "ustar\00000", 8);
	for (i = 0; i < 512; i++)
		sum += h[i];
	snprintf((char *)h + 148, 8, "%06o", sum);
	memcpy(h + 512, t->data, t->len);
	tar_size += 512 + room;
}

static void make_archive(const uint8_t *data, size_t size, bool docker)
{
	const char *start[NR_TEXTS] = { NULL };
	size_t len[NR_TEXTS] = { 0 }, i, n;
	static char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	const struct text version = { .data = layout, .len = strlen(layout) };

	for (n = 0; n < NR_TEXTS && size; n++) {
		start[n] = (const char *)data;
		len[n] = n + 1 < NR_TEXTS ? strnlen((const char *)data, size) : size;
		data += len[n];
		size -= len[n];
		if (size) {
			data++;
			size--;
		}
	}
	/* Each text can have digests of those behind it. */
	for (i = NR_TEXTS; i--;)
		expand(&contents[i], start[i] ?: "", len[i], contents);
	strcpy(names[0], docker ? "manifest.json" : "index.json");
	for (i = 1; i < NR_TEXTS; i++)
		snprintf(names[i], sizeof(names[i]), docker ? "%s.json" : "blobs/sha256/%s",
			 contents[i].hex);
	if (!docker)
		put_member("oci-layout", &version);
	for (i = 0; i < NR_TEXTS; i++)
		put_member(names[i], &contents[i]);
	tar_size += 1024;
}

static int archive, scratch;

static void read_image(const uint8_t *data, size_t size)
{
	static char tag[] = "v1";
	struct oci_image image = { .os = "linux", .arch = "amd64" };
	struct source source = { .kind = SOURCE_ARCHIVE, .name = "image", .index = -1,
				 .archive = archive, .scratch = scratch, .scratch_room = 1 << 20 };
	unsigned int form = *data++;
	struct manifest label = { 0 };
	char error[MANIFEST_ERROR_SIZE], *text;

	size--;
	tar_data = NULL;
	tar_size = 0;
	if ((form & 3) == 3) {
		tar_data = duplicate(data, size);
		tar_size = size;
	} else {
		make_archive(data, size, form & 1);
	}
	require(write(archive, tar_data, tar_size) == (ssize_t)tar_size);
	if (form & 4)
		image.tag = tag;
	if (form & 8) {
		oci_list(&source, &image);
		return;
	}
	oci_open(&source, &image);
	text = manifest_print(&image.conf, IN_INIT);
	require(text);
	require(!manifest_parse(&label, "again", text, strlen(text), IN_INIT, error,
				sizeof(error)));
	manifest_free(&label);
	if (image.label)
		manifest_parse(&label, "label", image.label, strlen(image.label), IN_LABEL, error,
			       sizeof(error));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	begin_input();
	if (!size)
		return 0;
	archive = memfd_create("archive", MFD_CLOEXEC);
	scratch = memfd_create("scratch", MFD_CLOEXEC);
	require(archive >= 0 && scratch >= 0);
	track_run(read_image, data, size);
	close(archive);
	close(scratch);
	return 0;
}
