// SPDX-License-Identifier: GPL-2.0
/*
 * Put what is complete in its place, out of the folder beside it in which it was made
 * (workdir.c). What is there and is no regular file is never replaced.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image.h"
#include "publish.h"
#include "workdir.h"

void need_folders(const char *path)
{
	if (make_folders(path, 0777))
		die("the folder %s cannot be made: %s", path, strerror(errno));
}

char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return xstrdup(".");
	return slash == path ? xstrdup("/") : xasprintf("%.*s", (int)(slash - path), path);
}

void check_replaceable(const char *path)
{
	struct stat st;

	if (!lstat(path, &st) && !S_ISREG(st.st_mode))
		die("%s is there and is no regular file, so it is not replaced", path);
}

int open_regular(const char *path, const char *cure)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *before = cure ? "; " : "";
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		die("%s cannot be read: %s%s%s", path, strerror(errno), before, cure ?: "");
	if (!S_ISREG(st.st_mode))
		die("%s is not a file%s%s", path, before, cure ?: "");
	return fd;
}

void check_name(const char *name)
{
	const char *p;

	for (p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && (p == name || !strchr("._-", *p)))
			break;
	if (*p || p == name || strlen(name) > 100)
		die("'%s' cannot be an image's name; give one with --name", name);
}

char *beside_image(const char *image, const char *end)
{
	size_t len = strlen(image);

	if (len > 5 && !strcmp(image + len - 5, ".ext2"))
		len -= 5;
	return xasprintf("%.*s%s", (int)len, image, end);
}

size_t numbers_of_image(const char *image, const char *key, unsigned long most,
			unsigned long *numbers, size_t room)
{
	char *path = beside_image(image, ".conf"), *text, *rest, *line, *word, *end;
	size_t n = 0;

	text = slurp(path, MAX_CONF, NULL);
	rest = text;
	while (rest && (line = strsep(&rest, "\n"))) {
		if (strncmp(line, key, strlen(key)) || line[strlen(key)] != '=')
			continue;
		line += strlen(key) + 1;
		while (n < room && (word = strsep(&line, " "))) {
			if (!*word)
				continue;
			numbers[n] = strtoul(word, &end, 10);
			if (!isdigit((unsigned char)*word) || *end || !numbers[n] ||
			    numbers[n] > most)
				die("%s: %s: '%.20s' is no number up to %lu; make the image again",
				    path, key, word, most);
			n++;
		}
	}
	free(text);
	free(path);
	return n;
}

bool is_digest(const char *hex)
{
	return strlen(hex) == HEX_DIGITS && strspn(hex, "0123456789abcdef") == HEX_DIGITS;
}

void publish_file(const char *from, const char *to)
{
	char *path = workdir_path(from);

	check_replaceable(to);
	if (rename(path, to))
		die("%s cannot be made: %s", to, strerror(errno));
	free(path);
}

int open_layout(const char *output)
{
	char *layout = xasprintf("%s/oci-layout", output);
	char *index = xasprintf("%s/index.json", output);
	struct stat st;
	int fd;

	if (!lstat(output, &st) && stat(layout, &st))
		die("%s is there already, and not an OCI layout", output);
	fd = open(index, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	free(layout);
	free(index);
	return fd;
}

/* The index last: until then, nobody looks for the blobs. */
void publish_layout(const char *output, const struct layout_blob *blobs, size_t nr)
{
	char *path = xasprintf("%s/blobs/sha256", output), *to;
	int fd = workdir_file("oci-layout");
	size_t i;

	if (dprintf(fd, "%s", OCI_LAYOUT) < 0 || close(fd))
		die("oci-layout: %s", strerror(errno));
	need_folders(path);
	for (i = 0; i < nr; i++) {
		if (!is_digest(blobs[i].hex))
			die("'%s' is not a sha256 digest", blobs[i].hex);
		to = xasprintf("%s/%s", path, blobs[i].hex);
		publish_file(blobs[i].file, to);
		free(to);
	}
	free(path);
	path = xasprintf("%s/oci-layout", output);
	publish_file("oci-layout", path);
	free(path);
	path = xasprintf("%s/index.json", output);
	publish_file("index", path);
	free(path);
}
