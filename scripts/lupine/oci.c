// SPDX-License-Identifier: GPL-2.0
/*
 * Find an image in an OCI layout or in an archive, and read its configuration.
 *
 * A layout's blobs are opened by the parent process, see worker.c. An archive is
 * gone through once, and what is in it is then read from its place there; one
 * that is compressed is first decompressed into a file without a name. All JSON
 * is checked for size and types, and each blob for its digest.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "image.h"

#define MAX_DEPTH	32		/* of JSON */
#define MAX_INDEXES	8		/* in each other */
#define MAX_MEMBERS	20000		/* of an archive */
#define MAX_LAYERS	500
#define SHA256_PREFIX	"sha256:"
#define REF_NAME	"org.opencontainers.image.ref.name"
#define IMAGE_NAME	"io.containerd.image.name"
#define REFERENCE_TYPE	"vnd.docker.reference.type"

static const struct source *src;
static const struct oci_image *wanted;

/* What an archive has */
static struct member {
	char *name, *target;
	uint64_t offset, size;
} *members;
static size_t nr_members;
static int members_fd;

static json_object *parse(const char *text, size_t len, const char *what)
{
	struct json_tokener *tok = json_tokener_new_ex(MAX_DEPTH);
	json_object *o;
	size_t end;

	if (!tok)
		die("out of memory");
	o = json_tokener_parse_ex(tok, text, len);
	if (json_tokener_get_error(tok) != json_tokener_success)
		die("%s cannot be read: %s is no JSON: %s", src->name, what,
		    json_tokener_error_desc(json_tokener_get_error(tok)));
	end = json_tokener_get_parse_end(tok);
	for (; end < len; end++)
		if (!strchr(" \t\r\n", text[end]))
			die("%s cannot be read: %s has something behind its JSON", src->name, what);
	json_tokener_free(tok);
	if (!json_object_is_type(o, json_type_object) && !json_object_is_type(o, json_type_array))
		die("%s cannot be read: %s is not a JSON object", src->name, what);
	return o;
}

static void need_object(json_object *o, const char *what)
{
	if (!json_object_is_type(o, json_type_object))
		die("%s cannot be read: %s is not a JSON object", src->name, what);
}

/* A member of the type wanted, or NULL when there is none (or null). */
static json_object *member(json_object *o, const char *name, enum json_type type)
{
	json_object *m;

	if (!json_object_object_get_ex(o, name, &m) || !m)
		return NULL;
	if (!json_object_is_type(m, type))
		die("the image's %s is of JSON type %s, not %s", name,
		    json_type_to_name(json_object_get_type(m)), json_type_to_name(type));
	return m;
}

static const char *text_of(json_object *o, const char *name)
{
	const char *text = json_object_get_string(o);

	if (strlen(text) != (size_t)json_object_get_string_len(o))
		die("the image's %s has a character NUL", name);
	return text;
}

static const char *text(json_object *o, const char *name)
{
	json_object *m = member(o, name, json_type_string);

	return m ? text_of(m, name) : NULL;
}

static void hash_blob(const struct blob *blob, char *hex)
{
	EVP_MD_CTX *ctx = sha256_begin();
	uint8_t buf[65536];
	uint64_t pos;
	ssize_t n = 0;

	for (pos = 0; pos < blob->size; pos += n) {
		n = blob->size - pos < sizeof(buf) ? blob->size - pos : sizeof(buf);
		if (read_at(blob->fd, buf, n, blob->offset + pos) != n)
			die("%s cannot be read: unexpected EOF, the file is cut short", blob->what);
		EVP_DigestUpdate(ctx, buf, n);
	}
	sha256_hex(ctx, hex);
}

static json_object *load(struct blob *blob)
{
	char *buf, hex[HEX_DIGITS + 1];
	json_object *o;

	if (blob->size > limits.config)
		die("%s cannot be read: %s has %" PRIu64
		    " bytes; --limit-config N allows more than %" PRIu64,
		    src->name, blob->what, blob->size, limits.config);
	if (*blob->hex) {
		hash_blob(blob, hex);
		if (strcmp(hex, blob->hex))
			die("%s cannot be read: %s does not match its digest", src->name,
			    blob->what);
	}
	buf = xmalloc(blob->size);
	if (read_at(blob->fd, buf, blob->size, blob->offset) != (ssize_t)blob->size)
		die("%s cannot be read: %s: %s", src->name, blob->what, "unexpected EOF");
	o = parse(buf, blob->size, blob->what);
	free(buf);
	return o;
}

static char *clean_name(const char *name)
{
	char *clean = xmalloc(strlen(name) + 1), *d = clean;
	size_t len;

	for (; *name; name += len) {
		name += strspn(name, "/");
		len = strcspn(name, "/");
		if (len == 2 && !memcmp(name, "..", 2)) {
			while (d > clean && *--d != '/')
				;
		} else if (len && !(len == 1 && *name == '.')) {
			if (d > clean)
				*d++ = '/';
			memcpy(d, name, len);
			d += len;
		}
	}
	*d = '\0';
	return clean;
}

/* Links of an archive (docker save has some) lead to its other members. */
static struct member *find_member(const char *name)
{
	uint64_t followed;
	char *clean, *joined;
	size_t i;

	clean = clean_name(name);
	for (followed = 0; followed <= limits.links; followed++) {
		/* As tar has it, the last one of a name counts. */
		for (i = nr_members; i-- && strcmp(members[i].name, clean);)
			;
		if (i == (size_t)-1 || !members[i].target) {
			free(clean);
			return i == (size_t)-1 ? NULL : &members[i];
		}
		joined = xasprintf("%s/../%s", clean, members[i].target);
		free(clean);
		clean = clean_name(*members[i].target == '/' ? members[i].target : joined);
		free(joined);
	}
	die("%s cannot be read: more than %" PRIu64
	    " links in it to follow; --limit-links N allows more", src->name, limits.links);
}

struct archive_input {
	int fd;
	uint64_t pos, size;
	char buf[65536];
};

static la_ssize_t input_read(struct archive *a, void *data, const void **buf)
{
	struct archive_input *in = data;
	ssize_t n = read_at(in->fd, in->buf, sizeof(in->buf), in->pos);

	if (n < 0)
		archive_set_error(a, errno, "%s", strerror(errno));
	else
		in->pos += n;
	*buf = in->buf;
	return n;
}

/* Layers need not be read to find what is behind them. */
static la_int64_t input_skip(struct archive *a, void *data, la_int64_t want)
{
	struct archive_input *in = data;

	(void)a;
	if (want < 0 || in->pos >= in->size)
		return 0;
	if ((uint64_t)want > in->size - in->pos)
		want = in->size - in->pos;
	in->pos += want;
	return want;
}

static void add_member(const char *name, const char *target, uint64_t offset, uint64_t size)
{
	if (nr_members == MAX_MEMBERS)
		die("%s cannot be read: it has more than %u files, which is no image", src->name,
		    MAX_MEMBERS);
	if (!(nr_members & (nr_members + 1)))
		members = xrealloc(members, 2 * (nr_members + 1), sizeof(*members));
	members[nr_members].name = clean_name(name);
	members[nr_members].target = target ? xstrdup(target) : NULL;
	members[nr_members].offset = offset;
	members[nr_members++].size = size;
}

static uint64_t file_size(int fd)
{
	struct stat st;

	if (syscall(SYS_fstat, fd, &st))
		die("%s cannot be read: %s", src->name, strerror(errno));
	return st.st_size;
}

static void scan_archive(void)
{
	struct archive_input *in = xcalloc(1, sizeof(*in));
	struct archive *a = archive_read_new();
	struct archive_entry *e;
	const char *hard, *soft, *name;
	uint64_t at, size;
	int ret;

	in->fd = members_fd;
	in->size = file_size(members_fd);
	archive_read_support_format_tar(a);
	ret = archive_read_open2(a, in, NULL, input_read, input_skip, NULL);
	while (ret == ARCHIVE_OK) {
		ret = archive_read_next_header(a, &e);
		if (ret != ARCHIVE_OK && ret != ARCHIVE_WARN)
			break;
		ret = ARCHIVE_OK;
		name = archive_entry_pathname(e);
		if (!name)
			continue;
		hard = archive_entry_hardlink(e);
		soft = archive_entry_symlink(e);
		at = archive_filter_bytes(a, 0);
		size = archive_entry_size(e) > 0 ? archive_entry_size(e) : 0;
		if (hard) {
			char *absolute = xasprintf("/%s", hard);

			add_member(name, absolute, 0, 0);
			free(absolute);
		} else if (soft) {
			add_member(name, soft, 0, 0);
		} else if (archive_entry_filetype(e) == AE_IFREG) {
			/* No image has holes in its blobs. */
			if (archive_entry_sparse_count(e))
				continue;
			if (at > in->size || size > in->size - at)
				die("%s is not an archive, or cut short: %s ends early",
				    src->name, name);
			add_member(name, NULL, at, size);
		}
	}
	if (ret != ARCHIVE_EOF)
		die("%s is not an archive, or cut short: %s", src->name,
		    archive_error_string(a) ?: "it has no entries");
	archive_read_free(a);
	free(in);
}

static void open_archive(void)
{
	struct blob whole = { .fd = src->archive, .size = file_size(src->archive),
			      .what = src->name };
	static const uint8_t xz[] = { 0xfd, '7', 'z', 'X', 'Z', 0 };
	uint8_t magic[6] = { 0 };

	members_fd = src->archive;
	if (read_at(src->archive, magic, sizeof(magic), 0) < 0)
		die("%s cannot be read: %s", src->name, strerror(errno));
	if (!memcmp(magic, "\x1f\x8b", 2) || !memcmp(magic, "\x28\xb5\x2f\xfd", 4) ||
	    !memcmp(magic, xz, sizeof(xz))) {
		decompress(&whole, src->scratch, src->scratch_room);
		members_fd = src->scratch;
	}
	scan_archive();
}

static bool blob_of_member(const char *name, struct blob *blob)
{
	struct member *m = find_member(name);

	if (!m)
		return false;
	blob->fd = members_fd;
	blob->offset = m->offset;
	blob->size = m->size;
	return true;
}

/* Returns false if there is no such blob; what is there is right, or an error. */
static bool open_digest(const char *digest, const char *what, struct blob *blob)
{
	const char *hex = digest + strlen(SHA256_PREFIX);
	char *name;
	bool found;

	if (strncmp(digest, SHA256_PREFIX, strlen(SHA256_PREFIX)))
		die("%s cannot be read: the digest '%s' is of a kind that is not known", src->name,
		    digest);
	if (strlen(hex) != HEX_DIGITS || strspn(hex, "0123456789abcdef") != HEX_DIGITS)
		die("%s cannot be read: '%s' is not a sha256 digest", src->name, digest);
	memset(blob, 0, sizeof(*blob));
	blob->what = xasprintf("%s (%s)", what, digest);
	memcpy(blob->hex, hex, HEX_DIGITS);
	if (src->kind == SOURCE_LAYOUT) {
		blob->fd = worker_open_blob(hex);
		if (blob->fd >= 0)
			blob->size = file_size(blob->fd);
		return blob->fd >= 0;
	}
	name = xasprintf("blobs/sha256/%s", hex);
	found = blob_of_member(name, blob);
	free(name);
	return found;
}

static bool open_descriptor(json_object *descriptor, const char *what, struct blob *blob)
{
	const char *digest;
	json_object *size;

	if (!descriptor)
		die("the image has no %s", what);
	need_object(descriptor, what);
	digest = text(descriptor, "digest");
	if (!digest)
		die("the image has no digest of its %s", what);
	if (!open_digest(digest, what, blob))
		return false;
	size = member(descriptor, "size", json_type_int);
	if (size && (uint64_t)json_object_get_int64(size) != blob->size)
		die("%s cannot be read: %s has %" PRIu64 " bytes, not %" PRIu64
		    "; it is cut short, or not that digest's", src->name, blob->what, blob->size,
		    (uint64_t)json_object_get_int64(size));
	return true;
}

static json_object *load_descriptor(json_object *descriptor, const char *what)
{
	struct blob blob;
	json_object *o;

	if (!open_descriptor(descriptor, what, &blob))
		die("%s cannot be read: %s: no such file", src->name, blob.what);
	o = load(&blob);
	need_object(o, blob.what);
	if (src->kind == SOURCE_LAYOUT)
		close(blob.fd);
	return o;
}

static bool is_attestation(json_object *descriptor)
{
	json_object *a = member(descriptor, "annotations", json_type_object);
	json_object *p = member(descriptor, "platform", json_type_object);
	const char *os = p ? text(p, "os") : NULL;

	return (a && text(a, REFERENCE_TYPE)) || (os && !strcmp(os, "unknown"));
}

static const char *name_of(json_object *descriptor)
{
	json_object *a = member(descriptor, "annotations", json_type_object);

	return a ? text(a, IMAGE_NAME) ?: text(a, REF_NAME) : NULL;
}

/* The tag itself, the whole name, or the name's end after / or : */
static bool name_is(const char *name, const char *tag)
{
	size_t a = strlen(name), b = strlen(tag);

	return a >= b && !strcmp(name + a - b, tag) &&
		(a == b || name[a - b - 1] == '/' || name[a - b - 1] == ':');
}

static bool matches(json_object *descriptor, const char *tag)
{
	json_object *a = member(descriptor, "annotations", json_type_object);
	const char *name = a ? text(a, REF_NAME) : NULL, *digest = text(descriptor, "digest");

	return (name && name_is(name, tag)) || (digest && !strcmp(digest, tag)) ||
		(name_of(descriptor) && name_is(name_of(descriptor), tag));
}

/* Names as "a, b, c", and how many there are */
static char *list_names(json_object *manifests, size_t *nr)
{
	char *list = xstrdup(""), *longer;
	const char *name;
	size_t i;

	*nr = 0;
	for (i = 0; i < json_object_array_length(manifests); i++) {
		json_object *d = json_object_array_get_idx(manifests, i);

		if (is_attestation(d))
			continue;
		name = name_of(d) ?: text(d, "digest") ?: "(no name)";
		/* One name for several platforms */
		if (*nr && strlen(list) >= strlen(name) &&
		    !strcmp(list + strlen(list) - strlen(name), name))
			continue;
		(*nr)++;
		if (strlen(list) > 2000)
			continue;
		longer = xasprintf("%s%s%s", list, *list ? ", " : "", name);
		free(list);
		list = longer;
	}
	return list;
}

static bool platform_fits(const char *os, const char *arch)
{
	return os && arch && !strcmp(os, wanted->os) && !strcmp(arch, wanted->arch);
}

/* The configuration of an image whose index does not say what it is for */
static bool configuration_fits(json_object *descriptor)
{
	json_object *manifest, *config;
	struct blob blob;

	if (!open_descriptor(descriptor, "manifest", &blob))
		return false;
	manifest = load(&blob);
	need_object(manifest, blob.what);
	if (member(manifest, "manifests", json_type_array))
		return true;
	config = member(manifest, "config", json_type_object);
	if (!config || !open_descriptor(config, "configuration", &blob))
		return false;
	config = load(&blob);
	need_object(config, blob.what);
	return platform_fits(text(config, "os"), text(config, "architecture"));
}

/*
 * Of several descriptors, the one for our platform: with the variant wanted, else
 * the one with the least, as v1 runs on all.
 */
static json_object *choose_platform(json_object **descriptors, size_t nr)
{
	json_object *best = NULL, *p;
	const char *variant, *best_variant = NULL;
	char *list = xstrdup(""), *longer;
	size_t i;

	if (nr == 1)
		return descriptors[0];
	for (i = 0; i < nr; i++) {
		p = member(descriptors[i], "platform", json_type_object);
		if (!p)
			continue;
		longer = xasprintf("%s%s%s/%s", list, *list ? ", " : "", text(p, "os") ?: "?",
				   text(p, "architecture") ?: "?");
		if (strlen(longer) < 1000) {
			free(list);
			list = longer;
		}
		if (!platform_fits(text(p, "os"), text(p, "architecture")))
			continue;
		variant = text(p, "variant") ?: "";
		if (wanted->variant && strcmp(variant, wanted->variant))
			continue;
		if (!best || strcmp(variant, best_variant) < 0) {
			best = descriptors[i];
			best_variant = variant;
		}
	}
	for (i = 0; !best && i < nr; i++)
		if (!member(descriptors[i], "platform", json_type_object) &&
		    configuration_fits(descriptors[i]))
			best = descriptors[i];
	if (!best)
		die("%s cannot be used: the image is for %s, not %s/%s%s%s; see --platform",
		    src->name, *list ? list : "other platforms", wanted->os, wanted->arch,
		    wanted->variant ? "/" : "", wanted->variant ?: "");
	return best;
}

static json_object *pick_image(json_object *index, bool top)
{
	json_object *manifests = member(index, "manifests", json_type_array), **fit, *d;
	size_t i, nr = 0, nr_names;
	char *names;

	if (!manifests || !json_object_array_length(manifests))
		die("%s cannot be read: its index names no image", src->name);
	fit = xcalloc(json_object_array_length(manifests), sizeof(*fit));
	for (i = 0; i < json_object_array_length(manifests); i++) {
		d = json_object_array_get_idx(manifests, i);
		need_object(d, "what its index has");
		if (!is_attestation(d) && (!top || !wanted->tag || matches(d, wanted->tag)))
			fit[nr++] = d;
	}
	if (top) {
		names = list_names(manifests, &nr_names);
		if (!nr)
			die("%s cannot be read: there is no image '%s' in it; there are: %s",
			    src->name, wanted->tag ?: "", names);
		if (!wanted->tag && nr_names > 1 && name_of(fit[0]))
			die("%s has several images; choose one by %s:TAG: %s", src->name, src->name,
			    names);
		free(names);
	}
	if (!nr)
		die("%s cannot be read: its index names no image", src->name);
	d = choose_platform(fit, nr);
	free(fit);
	return d;
}

static json_object *load_index(void)
{
	struct blob blob = { .what = "index.json" };
	json_object *o;

	if (src->kind == SOURCE_LAYOUT) {
		blob.fd = src->index;
		blob.size = file_size(src->index);
	} else {
		blob_of_member("index.json", &blob);
	}
	o = load(&blob);
	need_object(o, blob.what);
	return o;
}

static json_object *image_manifest(void)
{
	json_object *o = NULL, *d;
	struct blob blob;
	int depth;

	/* A digest can name what no index does. */
	if (wanted->tag && !strncmp(wanted->tag, SHA256_PREFIX, strlen(SHA256_PREFIX))) {
		if (!open_digest(wanted->tag, "manifest", &blob))
			die("%s cannot be read: %s: no such file", src->name, blob.what);
		o = load(&blob);
		need_object(o, blob.what);
	}
	for (depth = 0; depth < MAX_INDEXES; depth++) {
		if (o && !member(o, "manifests", json_type_array))
			return o;
		d = pick_image(o ?: load_index(), !o);
		o = load_descriptor(d, "manifest");
	}
	die("%s cannot be read: more than %u indexes in each other", src->name, MAX_INDEXES);
}

static void check(json_object *o, const char *name, const char *want)
{
	const char *m = text(o, name);

	if (!m)
		die("%s cannot be used: the image does not say its %s", src->name, name);
	if (strcmp(m, want))
		die("%s cannot be used: the image is for %s %s, not %s", src->name, name, m, want);
}

static void take_list(struct manifest *m, enum manifest_key key, json_object *o, const char *name)
{
	json_object *list = member(o, name, json_type_array), *item;
	char error[MANIFEST_ERROR_SIZE];
	const char *word;
	size_t i;

	for (i = 0; list && i < json_object_array_length(list); i++) {
		item = json_object_array_get_idx(list, i);
		if (!json_object_is_type(item, json_type_string))
			die("%s cannot be used: %s of the image has something that is no string",
			    src->name, name);
		word = text_of(item, name);
		/* Engines ignore what is no assignment. */
		if (key == KEY_ENV && (*word == '=' || !strchr(word, '=')))
			continue;
		if (manifest_add(m, src->name, key, &word, 1, IN_INIT, error, sizeof(error)))
			die("%s cannot be used: %s of the image: %s", src->name, name, error);
	}
}

static void take_text(struct manifest *m, enum manifest_key key, json_object *o, const char *name)
{
	const char *word = text(o, name);
	char error[MANIFEST_ERROR_SIZE];

	if (word && *word &&
	    manifest_add(m, src->name, key, &word, 1, IN_INIT, error, sizeof(error)))
		die("%s cannot be used: %s of the image: %s", src->name, name, error);
}

static void take_volumes(struct manifest *m, json_object *config)
{
	json_object *volumes = member(config, "Volumes", json_type_object);
	char error[MANIFEST_ERROR_SIZE];
	const char *word;

	if (!volumes)
		return;
	json_object_object_foreach(volumes, dir, unused) {
		(void)unused;
		word = dir;
		if (manifest_add(m, src->name, KEY_MKDIR, &word, 1, IN_INIT, error, sizeof(error)))
			die("%s cannot be used: Volumes of the image: %s", src->name, error);
	}
}

/* "80/tcp", "80"; only TCP is forwarded. */
static void take_ports(struct manifest *m, json_object *config)
{
	json_object *ports = member(config, "ExposedPorts", json_type_object);
	char error[MANIFEST_ERROR_SIZE], digits[8];
	const char *word = digits;
	size_t len;

	if (!ports)
		return;
	json_object_object_foreach(ports, name, unused) {
		(void)unused;
		len = strspn(name, "0123456789");
		snprintf(digits, sizeof(digits), "%.*s", (int)(len < 7 ? len : 7), name);
		if (!len || (name[len] && name[len] != '/') || atoi(digits) < 1 ||
		    atoi(digits) > 65535)
			die("%s cannot be used: ExposedPorts: '%s' is not a port", src->name, name);
		if (name[len] && strcmp(name + len, "/tcp"))
			continue;
		if (manifest_add(m, src->name, KEY_PORT, &word, 1, IN_LABEL, error, sizeof(error)))
			die("%s cannot be used: ExposedPorts of the image: %s", src->name, error);
	}
}

static void take_config(struct oci_image *image, json_object *o)
{
	json_object *config, *labels;
	const char *label;

	check(o, "os", image->os);
	check(o, "architecture", image->arch);
	config = member(o, "config", json_type_object);
	if (!config)
		return;
	take_list(&image->conf, KEY_ENTRYPOINT, config, "Entrypoint");
	take_list(&image->conf, KEY_CMD, config, "Cmd");
	take_list(&image->conf, KEY_ENV, config, "Env");
	take_text(&image->conf, KEY_WORKDIR, config, "WorkingDir");
	take_text(&image->conf, KEY_USER, config, "User");
	take_text(&image->conf, KEY_STOP, config, "StopSignal");
	take_volumes(&image->conf, config);
	take_ports(&image->conf, config);
	labels = member(config, "Labels", json_type_object);
	label = labels ? text(labels, MANIFEST_LABEL) : NULL;
	image->label = label ? xstrdup(label) : NULL;
}

static struct blob *new_layer(struct oci_image *image)
{
	if (image->nr_layers == MAX_LAYERS)
		die("%s cannot be used: it has more than %u layers", src->name, MAX_LAYERS);
	image->layers = xrealloc(image->layers, image->nr_layers + 1, sizeof(*image->layers));
	memset(&image->layers[image->nr_layers], 0, sizeof(*image->layers));
	return &image->layers[image->nr_layers++];
}

static void open_manifest(struct oci_image *image)
{
	json_object *manifest = image_manifest(), *layers, *config;
	struct blob *blob;
	char *what;
	size_t i;

	config = load_descriptor(member(manifest, "config", json_type_object), "configuration");
	take_config(image, config);
	layers = member(manifest, "layers", json_type_array);
	for (i = 0; layers && i < json_object_array_length(layers); i++) {
		blob = new_layer(image);
		what = xasprintf("layer %zu", i + 1);
		if (!open_descriptor(json_object_array_get_idx(layers, i), what, blob))
			die("%s cannot be read: %s: no such file", src->name, blob->what);
		blob->what = xasprintf("%s: %s", src->name, blob->what);
		free(what);
	}
}

/* docker save's own manifest.json: [{ "Config", "RepoTags", "Layers" }] */
static json_object *docker_image(json_object *list)
{
	json_object *found = NULL, *tags, *item;
	char *names = xstrdup(""), *longer;
	size_t i, t, nr = 0;

	for (i = 0; i < json_object_array_length(list); i++) {
		bool fits = !wanted->tag;

		item = json_object_array_get_idx(list, i);
		need_object(item, "manifest.json");
		tags = member(item, "RepoTags", json_type_array);
		for (t = 0; tags && t < json_object_array_length(tags); t++) {
			json_object *tag = json_object_array_get_idx(tags, t);

			if (!json_object_is_type(tag, json_type_string))
				continue;
			if (wanted->tag && name_is(text_of(tag, "RepoTags"), wanted->tag))
				fits = true;
			longer = xasprintf("%s%s%s", names, *names ? ", " : "",
					   text_of(tag, "RepoTags"));
			if (strlen(longer) < 2000) {
				free(names);
				names = longer;
			}
		}
		if (fits) {
			found = item;
			nr++;
		}
	}
	if (!nr)
		die("%s cannot be read: there is no image '%s' in it; there are: %s", src->name,
		    wanted->tag ?: "", *names ? names : "none with a name");
	if (nr > 1)
		die("%s has several images; choose one by %s:TAG: %s", src->name, src->name, names);
	return found;
}

static void open_docker(struct oci_image *image)
{
	struct blob blob = { .what = "manifest.json" };
	json_object *list, *item, *layers, *rootfs, *ids, *config;
	const char *name, *id;
	size_t i, nr;

	blob_of_member("manifest.json", &blob);
	list = load(&blob);
	if (!json_object_is_type(list, json_type_array))
		die("%s cannot be read: manifest.json is not a JSON array", src->name);
	item = docker_image(list);
	name = text(item, "Config");
	blob = (struct blob){ .what = "configuration" };
	if (!name || !blob_of_member(name, &blob))
		die("%s cannot be read: configuration %s: no such file", src->name, name ?: "");
	/* Named by its digest, as a rule */
	if (strlen(name) >= HEX_DIGITS) {
		const char *base = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;

		if (strspn(base, "0123456789abcdef") == HEX_DIGITS)
			memcpy(blob.hex, base, HEX_DIGITS);
	}
	config = load(&blob);
	need_object(config, "configuration");
	take_config(image, config);
	rootfs = member(config, "rootfs", json_type_object);
	ids = rootfs ? member(rootfs, "diff_ids", json_type_array) : NULL;
	layers = member(item, "Layers", json_type_array);
	nr = layers ? json_object_array_length(layers) : 0;
	if (!ids || json_object_array_length(ids) != nr)
		die("%s cannot be read: configuration: its diff_ids are not those of the layers",
		    src->name);
	for (i = 0; i < nr; i++) {
		json_object *l = json_object_array_get_idx(layers, i);
		json_object *d = json_object_array_get_idx(ids, i);
		struct blob *b = new_layer(image);

		if (!json_object_is_type(l, json_type_string) ||
		    !json_object_is_type(d, json_type_string))
			die("%s cannot be used: its Layers have something that is no string",
			    src->name);
		name = text_of(l, "Layers");
		id = text_of(d, "diff_ids");
		b->what = xasprintf("%s: layer %zu (%s)", src->name, i + 1, name);
		if (!blob_of_member(name, b))
			die("%s cannot be read: no such file", b->what);
		if (strncmp(id, SHA256_PREFIX, strlen(SHA256_PREFIX)) ||
		    strlen(id) != strlen(SHA256_PREFIX) + HEX_DIGITS)
			die("%s cannot be read: '%s' is not a sha256 digest", src->name, id);
		memcpy(b->diff_id, id + strlen(SHA256_PREFIX), HEX_DIGITS);
	}
}

/* Returns true if docker's own form is to be read. */
static bool prepare(const struct source *source, const struct oci_image *image)
{
	src = source;
	wanted = image;
	if (source->kind == SOURCE_LAYOUT)
		return false;
	open_archive();
	if (find_member("oci-layout") && find_member("index.json"))
		return false;
	if (find_member("manifest.json"))
		return true;
	die("%s is not an image: neither oci-layout nor manifest.json is in it", source->name);
}

void oci_open(const struct source *source, struct oci_image *image)
{
	if (prepare(source, image))
		open_docker(image);
	else
		open_manifest(image);
}

static void list_docker(void)
{
	struct blob blob = { .what = "manifest.json" };
	json_object *list, *tags, *tag;
	size_t i, t;

	blob_of_member("manifest.json", &blob);
	list = load(&blob);
	if (!json_object_is_type(list, json_type_array))
		return;
	for (i = 0; i < json_object_array_length(list); i++) {
		json_object *item = json_object_array_get_idx(list, i);

		need_object(item, "manifest.json");
		tags = member(item, "RepoTags", json_type_array);
		for (t = 0; tags && t < json_object_array_length(tags); t++) {
			tag = json_object_array_get_idx(tags, t);
			if (json_object_is_type(tag, json_type_string))
				print_visible(text_of(tag, "RepoTags"));
		}
	}
}

/* A line for each image: its name, or its digest where it has none */
void oci_list(const struct source *source, struct oci_image *image)
{
	json_object *manifests, *d, *p;
	char *line;
	size_t i;

	if (prepare(source, image)) {
		list_docker();
		return;
	}
	manifests = member(load_index(), "manifests", json_type_array);
	for (i = 0; manifests && i < json_object_array_length(manifests); i++) {
		d = json_object_array_get_idx(manifests, i);
		need_object(d, "what its index has");
		if (is_attestation(d))
			continue;
		p = member(d, "platform", json_type_object);
		line = xasprintf("%s%s%s%s%s", name_of(d) ?: text(d, "digest") ?: "", p ? " " : "",
				 p ? text(p, "os") ?: "" : "", p ? "/" : "",
				 p ? text(p, "architecture") ?: "" : "");
		print_visible(line);
		free(line);
	}
}
