// SPDX-License-Identifier: GPL-2.0
/*
 * Turn the configuration of an OCI image into the init's configuration and
 * into what the host has to know. The layout has been made by skopeo, which
 * has checked the digests, so that what is wrong here is the image's own fault.
 */
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHA256_PREFIX	"sha256:"
#define SHA256_DIGITS	64
#define MANIFEST_LABEL	"lupine.manifest"

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("oci-config: error: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

static json_object *load(const char *path)
{
	json_object *o = json_object_from_file(path);

	if (!o)
		die("%s", json_util_get_last_err());
	if (!json_object_is_type(o, json_type_object))
		die("%s is not a JSON object", path);
	return o;
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

static json_object *load_blob(const char *layout, json_object *descriptor, const char *what)
{
	json_object *digest = descriptor ? member(descriptor, "digest", json_type_string) : NULL;
	const char *hex;
	json_object *o;
	char *path;

	if (!digest)
		die("the image has no digest of its %s", what);
	hex = json_object_get_string(digest);
	if (strncmp(hex, SHA256_PREFIX, strlen(SHA256_PREFIX)))
		die("digest '%s': only sha256 is known", hex);
	hex += strlen(SHA256_PREFIX);
	if (strlen(hex) != SHA256_DIGITS || strspn(hex, "0123456789abcdef") != SHA256_DIGITS)
		die("'%s' is not a sha256 digest", hex);
	if (asprintf(&path, "%s/blobs/sha256/%s", layout, hex) < 0)
		die("out of memory");
	o = load(path);
	free(path);
	return o;
}

static json_object *load_config(const char *layout)
{
	json_object *index, *manifests, *manifest;
	char *path;

	if (asprintf(&path, "%s/index.json", layout) < 0)
		die("out of memory");
	index = load(path);
	free(path);
	manifests = member(index, "manifests", json_type_array);
	if (!manifests || json_object_array_length(manifests) != 1)
		die("%s/index.json does not name one image", layout);
	manifest = load_blob(layout, json_object_array_get_idx(manifests, 0), "manifest");
	return load_blob(layout, member(manifest, "config", json_type_object), "configuration");
}

/* One line of the init's configuration; it has escapes for what is no text. */
static void put(FILE *f, const char *key, const char *value)
{
	fprintf(f, "%s ", key);
	for (; *value; value++) {
		if (*value == '\n')
			fputs("\\n", f);
		else if (*value == '\\')
			fputs("\\\\", f);
		else
			fputc(*value, f);
	}
	fputc('\n', f);
}

static void put_text(FILE *f, const char *key, json_object *o, const char *name)
{
	json_object *m = member(o, name, json_type_string);

	if (m && json_object_get_string_len(m))
		put(f, key, json_object_get_string(m));
}

static void put_list(FILE *f, const char *key, json_object *o, const char *name)
{
	json_object *m = member(o, name, json_type_array), *item;
	size_t i;

	for (i = 0; m && i < json_object_array_length(m); i++) {
		item = json_object_array_get_idx(m, i);
		if (!json_object_is_type(item, json_type_string))
			die("%s of the image has something that is no string", name);
		if (strcmp(key, "env") || strchr(json_object_get_string(item), '='))
			put(f, key, json_object_get_string(item));
	}
}

static void write_init(FILE *f, json_object *config)
{
	json_object *volumes = member(config, "Volumes", json_type_object);

	put_list(f, "entrypoint", config, "Entrypoint");
	put_list(f, "cmd", config, "Cmd");
	put_list(f, "env", config, "Env");
	put_text(f, "workdir", config, "WorkingDir");
	put_text(f, "user", config, "User");
	put_text(f, "stop", config, "StopSignal");
	if (volumes) {
		json_object_object_foreach(volumes, dir, unused) {
			(void)unused;
			put(f, "mkdir", dir);
		}
	}
}

/* "80/tcp", "80"; vm/run forwards TCP. */
static void write_host(FILE *f, json_object *config)
{
	json_object *ports = member(config, "ExposedPorts", json_type_object);
	const char *space = "";
	long port;
	char *end;

	fputs("ports=", f);
	if (ports) {
		json_object_object_foreach(ports, name, unused) {
			(void)unused;
			port = strtol(name, &end, 10);
			if (end == name || port < 1 || port > 65535)
				die("ExposedPorts: '%s' is not a port", name);
			if (*end && strcmp(end, "/tcp"))
				continue;
			fprintf(f, "%s%ld", space, port);
			space = " ";
		}
	}
	fputc('\n', f);
}

/* What "scripts/image/build --oci" could not say otherwise; nothing for others. */
static void write_manifest(FILE *f, json_object *config)
{
	json_object *labels = member(config, "Labels", json_type_object);
	json_object *label = labels ? member(labels, MANIFEST_LABEL, json_type_string) : NULL;

	if (label)
		fprintf(f, "%s\n", json_object_get_string(label));
}

static void check(json_object *o, const char *name, const char *want)
{
	json_object *m = member(o, name, json_type_string);

	if (!m)
		die("the image does not say its %s", name);
	if (strcmp(json_object_get_string(m), want))
		die("the image is for %s %s, not %s", name, json_object_get_string(m), want);
}

static FILE *create(const char *path)
{
	FILE *f = fopen(path, "w");

	if (!f) {
		perror(path);
		exit(1);
	}
	return f;
}

static void finish(FILE *f, const char *path)
{
	if (ferror(f) || fclose(f)) {
		perror(path);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	json_object *image, *config;
	FILE *f;

	if (argc != 5) {
		puts("Usage: oci-config LAYOUT INIT-CONF HOST-CONF MANIFEST\n"
		     "\n"
		     "Reads the one image in an OCI layout directory; writes what Lupine's init is to\n"
		     "do into INIT-CONF, which TCP ports the image exposes into HOST-CONF, and its\n"
		     "label " MANIFEST_LABEL " into MANIFEST.");
		return argc == 2 && !strcmp(argv[1], "--help") ? 0 : 2;
	}
	image = load_config(argv[1]);
	check(image, "os", "linux");
	check(image, "architecture", "amd64");
	config = member(image, "config", json_type_object);
	if (!config)
		config = json_object_new_object();

	f = create(argv[2]);
	write_init(f, config);
	finish(f, argv[2]);
	f = create(argv[3]);
	write_host(f, config);
	finish(f, argv[3]);
	f = create(argv[4]);
	write_manifest(f, config);
	finish(f, argv[4]);
	return 0;
}
