// SPDX-License-Identifier: GPL-2.0
/*
 * The image's configuration, and what the kernel's command line changes in it. Both
 * have the grammar of manifests, for which there is one parser, lupine/manifest.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init.h"

#define COMMAND_LINE	"command line: lupine"

void config_read(struct config *c, const char *path)
{
	char error[MANIFEST_ERROR_SIZE];
	size_t len;
	char *text;

	text = slurp(path, MANIFEST_MAX_SIZE + 1, &len);
	if (!text)
		fail("%s: %s: is this an image made by scripts/apps/build?",
		     path, strerror(errno));
	if (manifest_parse(&c->m, path, text, len, IN_INIT, error, sizeof(error)))
		fail("%s", error);
	free(text);
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * The kernel's command line knows no escapes, so `lupine run` writes %XX for
 * a character, and %- for a word of nothing.
 */
static void percent_decode(char *s)
{
	char *d = s;

	for (; *s; s++) {
		if (*s == '%' && hex(s[1]) >= 0 && hex(s[2]) >= 0) {
			*d++ = hex(s[1]) << 4 | hex(s[2]);
			s += 2;
		} else if (*s == '%' && s[1] == '-') {
			s++;
		} else {
			*d++ = *s;
		}
	}
	*d = '\0';
}

/* Options of lupine="...": --KEY VALUE, and --args WORD... as the last one. */
static void override_by_words(struct manifest *o, const char *words)
{
	char *line = copy(words), *rest = line, *option, *value, error[MANIFEST_ERROR_SIZE];
	enum manifest_key key;
	int ret;

	while ((option = word(&rest))) {
		if (!strcmp(option, "--args")) {
			while ((value = word(&rest))) {
				percent_decode(value);
				if (manifest_add(o, COMMAND_LINE, KEY_CMD, (const char **)&value, 1,
						 IN_COMMAND, error, sizeof(error)))
					fail("%s", error);
			}
			break;
		}
		key = strncmp(option, "--", 2) ? NR_MANIFEST_KEYS : manifest_key(option + 2);
		if (key == NR_MANIFEST_KEYS || !(manifest_key_info(key)->where & IN_COMMAND))
			fail(COMMAND_LINE ": unknown option %s", option);
		value = word(&rest);
		if (!value)
			fail(COMMAND_LINE ": %s has no value", option);
		percent_decode(value);
		/* A mount has several words, which its own grammar separates. */
		if (key == KEY_MOUNT)
			ret = manifest_add_text(o, COMMAND_LINE, key, value, IN_COMMAND,
						error, sizeof(error));
		else
			ret = manifest_add(o, COMMAND_LINE, key, (const char **)&value, 1,
					   IN_COMMAND, error, sizeof(error));
		if (ret)
			fail("%s", error);
	}
	free(line);
}

/*
 * lupine=@vdX: there is more to say than the command line holds. The text is the
 * disk's content, with NUL bytes behind it.
 */
static void override_by_disk(struct manifest *o, const char *name)
{
	char path[16], error[MANIFEST_ERROR_SIZE], *text;
	size_t len;

	if (strlen(name) != 3 || strncmp(name, "vd", 2) || name[2] < 'a' || name[2] > 'z')
		fail(COMMAND_LINE ": @%s: want @vda to @vdz", name);
	snprintf(path, sizeof(path), "/dev/%s", name);
	make_disk_node(path);
	text = slurp(path, MANIFEST_MAX_SIZE + 512, &len);
	if (!text)
		fail(COMMAND_LINE ": @%s: %s", name, strerror(errno));
	if (manifest_parse(o, path, text, strnlen(text, len), IN_COMMAND, error, sizeof(error)))
		fail("%s", error);
	free(text);
}

static void add(struct manifest *m, enum manifest_key key, const char *text)
{
	char error[MANIFEST_ERROR_SIZE];

	if (manifest_add(m, CONFIG_PATH, key, &text, 1, IN_INIT, error, sizeof(error)))
		fail("%s", error);
}

static void merge(struct manifest *to, struct manifest *from)
{
	if (manifest_merge(to, from))
		fail("out of memory, or more than %d values", MANIFEST_MAX_LINES);
	manifest_free(from);
}

/* The shell form is an entrypoint, too; words behind it are the shell's. */
static void resolve_shell(struct manifest *m)
{
	const char *shell = manifest_text(m, KEY_SHELL);
	struct manifest program = { 0 };
	size_t i;

	if (!shell)
		return;
	add(&program, KEY_ENTRYPOINT, "/bin/sh");
	add(&program, KEY_ENTRYPOINT, "-c");
	add(&program, KEY_ENTRYPOINT, shell);
	for (i = 0; i < m->key[KEY_CMD].nr; i++)
		add(&program, KEY_CMD, m->key[KEY_CMD].value[i].word[0]);
	merge(m, &program);
}

/*
 * What lupine="..." on the kernel's command line says. The kernel hands a
 * parameter that it does not know to init, as an environment variable.
 */
void config_override(struct config *c, const char *words)
{
	struct manifest o = { 0 };

	if (words && *words == '@')
		override_by_disk(&o, words + 1);
	else if (words)
		override_by_words(&o, words);
	merge(&c->m, &o);
	resolve_shell(&c->m);
}

/* In a fixed order, so that tests can compare it. */
void config_print(const struct config *c)
{
	char *text = manifest_print(&c->m, IN_INIT);

	if (!text)
		fail("out of memory");
	fputs(text, stdout);
	free(text);
}
