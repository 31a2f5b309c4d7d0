// SPDX-License-Identifier: GPL-2.0
/*
 * Write an image: one layer with the tree in its order, which is the same for the
 * same files, a configuration without a date, a manifest, and an index in which
 * other images stay. What a configuration has no field for is in a label.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ociwrite.h"
#include "tarwrite.h"

#define CONFIG_TYPE	"application/vnd.oci.image.config.v1+json"
#define LAYER_TYPE	"application/vnd.oci.image.layer.v1.tar"
#define MANIFEST_TYPE	"application/vnd.oci.image.manifest.v1+json"
#define REF_NAME	"org.opencontainers.image.ref.name"

void sink_open(struct sink *s, int fd)
{
	*s = (struct sink){ .fd = fd, .sha = sha256_begin() };
}

void sink_write(void *to, const void *data, size_t size)
{
	struct sink *s = to;
	const char *p = data;
	ssize_t n;

	EVP_DigestUpdate(s->sha, data, size);
	if (s->fd < 0) {
		s->size += size;
		return;
	}
	for (; size; size -= n, p += n, s->size += n) {
		n = write(s->fd, p, size);
		if (n < 0)
			die("the image cannot be written: %s", strerror(errno));
	}
}

/* Small writes of headers would be many system calls. */
static struct {
	struct sink *sink;
	size_t used;
	uint8_t data[256 * 1024];
} buffer;

static void flush_buffer(void)
{
	sink_write(buffer.sink, buffer.data, buffer.used);
	buffer.used = 0;
}

static void buffered_write(void *to, const void *data, size_t size)
{
	(void)to;
	if (buffer.used + size > sizeof(buffer.data))
		flush_buffer();
	if (size > sizeof(buffer.data)) {
		sink_write(buffer.sink, data, size);
		return;
	}
	memcpy(buffer.data + buffer.used, data, size);
	buffer.used += size;
}

static void tar_take(void *to, const void *data, size_t size)
{
	tar_data(to, data, size);
}

static void write_layer(struct sink *sink)
{
	struct tar tar = { .write = buffered_write };
	char *path, *first;
	struct node *n;

	buffer.sink = sink;
	for (n = root; n; n = tree_next(n)) {
		path = tree_path(n);
		if (n == root) {
			tar_entry(&tar, "./", n->inode, NULL);
		} else if (n->inode->node != n) {
			first = tree_path(n->inode->node);
			tar_entry(&tar, path + 1, n->inode, first + 1);
			free(first);
		} else {
			tar_entry(&tar, path + 1, n->inode, NULL);
			if (S_ISREG(n->inode->mode))
				ext2_read_file(n->inode, tar_take, &tar);
			tar_entry_end(&tar);
		}
		free(path);
	}
	tar_end(&tar);
	flush_buffer();
}

/* JSON is UTF-8; what is not would become something else on the way. */
static void check_utf8(const char *s)
{
	const uint8_t *p = (const uint8_t *)s;
	int n;

	while (*p) {
		n = *p < 0x80 ? 0 : *p >= 0xc2 && *p < 0xe0 ? 1 : (*p & 0xf0) == 0xe0 ? 2 :
			*p >= 0xf0 && *p < 0xf5 ? 3 : -1;
		p++;
		while (n > 0 && (*p & 0xc0) == 0x80) {
			n--;
			p++;
		}
		if (n)
			die("--oci: '%s' is not UTF-8, as an image's configuration has to be", s);
	}
}

static json_object *string(const char *s)
{
	check_utf8(s);
	return json_object_new_string(s);
}

static void put_list(json_object *config, const char *name, const struct manifest_list *list)
{
	json_object *array = json_object_new_array();
	size_t i;

	for (i = 0; i < list->nr; i++)
		json_object_array_add(array, string(list->value[i].word[0]));
	if (list->nr)
		json_object_object_add(config, name, array);
	else
		json_object_put(array);
}

static void put_text(json_object *config, const char *name, const char *value)
{
	if (value)
		json_object_object_add(config, name, string(value));
}

static json_object *config_json(struct manifest *conf)
{
	static const enum manifest_key own[] = { KEY_ENTRYPOINT, KEY_CMD, KEY_ENV, KEY_WORKDIR,
						 KEY_USER, KEY_STOP, KEY_ACCOUNT, KEY_BUSYBOX };
	json_object *config = json_object_new_object(), *o;
	struct manifest rest = *conf;
	char *name, *label;
	size_t i;

	if (manifest_text(conf, KEY_SHELL))
		die("--oci: shell in the manifest; say it by entrypoint");
	put_list(config, "Entrypoint", &conf->key[KEY_ENTRYPOINT]);
	put_list(config, "Cmd", &conf->key[KEY_CMD]);
	put_list(config, "Env", &conf->key[KEY_ENV]);
	put_text(config, "WorkingDir", manifest_text(conf, KEY_WORKDIR));
	put_text(config, "User", manifest_text(conf, KEY_USER));
	put_text(config, "StopSignal", manifest_text(conf, KEY_STOP));
	o = json_object_new_object();
	for (i = 0; i < conf->key[KEY_PORT].nr; i++) {
		name = xasprintf("%llu/tcp", conf->key[KEY_PORT].value[i].number[0]);
		json_object_object_add(o, name, json_object_new_object());
		free(name);
	}
	json_object_object_add(config, "ExposedPorts", o);
	for (i = 0; i < ARRAY_SIZE(own); i++)
		rest.key[own[i]].nr = 0;
	label = manifest_print(&rest, IN_LABEL);
	if (!label)
		die("out of memory");
	if (*label) {
		o = json_object_new_object();
		json_object_object_add(o, MANIFEST_LABEL, string(label));
		json_object_object_add(config, "Labels", o);
	}
	free(label);
	return config;
}

static void write_json(struct sink *sink, int fd, json_object *o)
{
	const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
							  JSON_C_TO_STRING_NOSLASHESCAPE);

	sink_open(sink, fd);
	sink_write(sink, text, strlen(text));
	sha256_hex(sink->sha, sink->hex);
}

json_object *oci_descriptor(const char *type, const struct sink *sink)
{
	json_object *o = json_object_new_object();
	char *digest = xasprintf("sha256:%s", sink->hex);

	json_object_object_add(o, "mediaType", json_object_new_string(type));
	json_object_object_add(o, "digest", json_object_new_string(digest));
	json_object_object_add(o, "size", json_object_new_int64(sink->size));
	free(digest);
	return o;
}

json_object *oci_config(const char *os, const char *arch, const char **diff_ids, size_t nr)
{
	json_object *o = json_object_new_object(), *fs = json_object_new_object();
	json_object *ids = json_object_new_array();
	char *digest;
	size_t i;

	json_object_object_add(o, "created", json_object_new_string("1970-01-01T00:00:00Z"));
	json_object_object_add(o, "architecture", json_object_new_string(arch));
	json_object_object_add(o, "os", json_object_new_string(os));
	for (i = 0; i < nr; i++) {
		digest = xasprintf("sha256:%s", diff_ids[i]);
		json_object_array_add(ids, json_object_new_string(digest));
		free(digest);
	}
	json_object_object_add(fs, "type", json_object_new_string("layers"));
	json_object_object_add(fs, "diff_ids", ids);
	json_object_object_add(o, "rootfs", fs);
	return o;
}

/* The images that the layout has already, but for one of the same name */
static json_object *other_images(int fd, const char *tag)
{
	json_object *kept = json_object_new_array(), *old, *list, *item, *a, *name;
	struct stat st;
	size_t i;
	char *text;

	if (fd < 0)
		return kept;
	if (syscall(SYS_fstat, fd, &st) || (uint64_t)st.st_size > limits.config)
		die("--oci: the index.json that is there is too large");
	text = xcalloc(1, st.st_size + 1);
	if (read_at(fd, text, st.st_size, 0) != st.st_size)
		die("--oci: the index.json that is there cannot be read");
	old = json_tokener_parse(text);
	free(text);
	if (!json_object_is_type(old, json_type_object) ||
	    !json_object_object_get_ex(old, "manifests", &list) ||
	    !json_object_is_type(list, json_type_array))
		die("--oci: the index.json that is there is damaged");
	for (i = 0; i < json_object_array_length(list); i++) {
		item = json_object_array_get_idx(list, i);
		if (json_object_is_type(item, json_type_object) &&
		    json_object_object_get_ex(item, "annotations", &a) &&
		    json_object_is_type(a, json_type_object) &&
		    json_object_object_get_ex(a, REF_NAME, &name) &&
		    !strcmp(json_object_get_string(name) ?: "", tag))
			continue;
		json_object_array_add(kept, json_object_get(item));
	}
	json_object_put(old);
	return kept;
}

static json_object *versioned(const char *type)
{
	json_object *o = json_object_new_object();

	json_object_object_add(o, "schemaVersion", json_object_new_int(2));
	json_object_object_add(o, "mediaType", json_object_new_string(type));
	return o;
}

static void write_manifest(struct sink *sink, int fd, const struct sink *config,
			   json_object *layers, json_object *annotations)
{
	json_object *o = versioned(MANIFEST_TYPE);

	json_object_object_add(o, "config", oci_descriptor(CONFIG_TYPE, config));
	json_object_object_add(o, "layers", layers);
	if (annotations)
		json_object_object_add(o, "annotations", annotations);
	write_json(sink, fd, o);
	json_object_put(o);
}

static void write_index(int fd, int old_index, const char *name, const struct sink *manifest)
{
	json_object *o = versioned("application/vnd.oci.image.index.v1+json");
	json_object *list = other_images(old_index, name), *d, *a;
	struct sink sink;

	d = oci_descriptor(MANIFEST_TYPE, manifest);
	a = json_object_new_object();
	json_object_object_add(a, REF_NAME, json_object_new_string(name));
	json_object_object_add(d, "annotations", a);
	json_object_array_add(list, d);
	json_object_object_add(o, "manifests", list);
	write_json(&sink, fd, o);
	json_object_put(o);
}

void oci_finish(const struct oci_parts *parts, json_object *config, json_object *layers,
		json_object *annotations, struct oci_digests *digests)
{
	struct sink c, m;

	write_json(&c, parts->config, config);
	json_object_put(config);
	write_manifest(&m, parts->manifest, &c, layers, annotations);
	write_index(parts->index, parts->old_index, parts->name, &m);
	memcpy(digests->config, c.hex, sizeof(c.hex));
	memcpy(digests->manifest, m.hex, sizeof(m.hex));
}

void oci_write(struct job *job, struct manifest *conf, struct result *result)
{
	const struct oci_parts parts = { job->config, job->oci_manifest, job->index,
					 job->old_index, job->name };
	json_object *config, *layers = json_object_new_array();
	struct oci_digests digests;
	struct sink layer;
	const char *id;

	sink_open(&layer, job->layer);
	write_layer(&layer);
	sha256_hex(layer.sha, layer.hex);
	id = layer.hex;
	config = oci_config(job->image.os, job->image.arch, &id, 1);
	json_object_object_add(config, "config", config_json(conf));
	json_object_array_add(layers, oci_descriptor(LAYER_TYPE, &layer));
	oci_finish(&parts, config, layers, NULL, &digests);

	memcpy(result->layer, layer.hex, sizeof(layer.hex));
	memcpy(result->config, digests.config, sizeof(digests.config));
	memcpy(result->manifest, digests.manifest, sizeof(digests.manifest));
}
