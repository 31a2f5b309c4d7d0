// SPDX-License-Identifier: GPL-2.0
/*
 * Say what the application asked the kernel for in vain, and which option of the kernel
 * each needs. The machine tells what failed (scripts/init/explain.h), and a table beside
 * the kernel, which was read from that kernel's source, has the options
 * (scripts/kconfig/failures.c).
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../init/explain.h"
#include "explain.h"
#include "lupine.h"

#define HAS_IT		"-"
#define UNKNOWN		"?"
#define MAX_OTHERS	12

/* A line of the table */
struct row {
	char *id, *title, *way;
};

struct table {
	struct row *row;
	size_t nr;
};

/* Of the kernel that the application finds */
static struct table table;

/* A line of the machine's */
struct failure {
	char *kind, *key, *program;
	unsigned int error, times;
	const struct row *row;		/* or NULL */
};

static char *beside(const char *kernel)
{
	const char *slash = strrchr(kernel, '/');

	return xasprintf("%.*sfailures", slash ? (int)(slash - kernel + 1) : 0, kernel);
}

static void read_table(struct table *t, const char *option, const char *path)
{
	char *line = NULL, *rest;
	struct row *r;
	size_t size = 0;
	FILE *f;

	f = fopen(path, "re");
	if (!f)
		die("%s: %s: %s; scripts/kconfig/failures PROFILE >%s makes it",
		    option, path, strerror(errno), path);
	while (getline(&line, &size, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		t->row = xrealloc(t->row, t->nr + 1, sizeof(*t->row));
		r = &t->row[t->nr];
		rest = xstrdup(line);
		r->id = strsep(&rest, "\t");
		r->title = strsep(&rest, "\t");
		r->way = strsep(&rest, "\t");
		if (!r->way || rest)
			die("%s: %s is none of scripts/kconfig/failures", option, path);
		t->nr++;
	}
	free(line);
	fclose(f);
}

void explain_load(const char *kernel)
{
	char *path = beside(kernel);

	if (!table.nr)
		read_table(&table, "--explain", path);
	free(path);
}

static bool lacks(const struct row *r)
{
	return strcmp(r->way, HAS_IT) && strcmp(r->way, UNKNOWN);
}

/* Can the init let the application miss it (scripts/init/lack.c)? */
static bool can_lack(const char *id)
{
	static const char *const kinds[] = { "call", "family", "netlink", "protocol", "sockopt",
					     "ioctl", "fcntl", "lock", "madvise", "prctl",
					     "namespace", "fs", "device", "binfmt" };
	size_t len = strcspn(id, " "), i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (len == strlen(kinds[i]) && !strncmp(id, kinds[i], len))
			return !strpbrk(id, "/#");
	return false;
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct row *)a)->id, ((const struct row *)b)->id);
}

void explain_lack(const char *kernel, const char *file, struct manifest *changes)
{
	char error[MANIFEST_ERROR_SIZE], *path = beside(kernel);
	struct table has = { 0 };
	const struct row *r;
	size_t i;

	read_table(&table, "--lack", file);
	read_table(&has, "--lack", path);
	qsort(has.row, has.nr, sizeof(*has.row), by_id);
	for (i = 0; i < table.nr; i++) {
		r = bsearch(&table.row[i], has.row, has.nr, sizeof(*has.row), by_id);
		if (r && !lacks(r) && lacks(&table.row[i]) && can_lack(r->id) &&
		    manifest_add_text(changes, "--lack", KEY_LACK, r->id, IN_COMMAND, error,
				      sizeof(error)))
			die("%s", error);
	}
	free(path);
}

static const struct row *look_up(const char *kind, const char *key)
{
	const struct row *found = NULL;
	char *id = xasprintf("%s %s", kind, key);
	size_t i;

	for (i = 0; i < table.nr && !found; i++)
		if (!strcmp(table.row[i].id, id))
			found = &table.row[i];
	free(id);
	return found;
}

/* /dev/loop0 is a /dev/loop#. */
static const struct row *look_up_device(const char *key)
{
	const struct row *found = look_up("device", key);
	size_t len = strlen(key), name = len;
	char *with;

	while (name && isdigit((unsigned char)key[name - 1]))
		name--;
	if (found || name == len)
		return found;
	with = xasprintf("%.*s#", (int)name, key);
	found = look_up("device", with);
	free(with);
	return found;
}

static bool to_number(const char *s, unsigned int *n)
{
	if (!*s || strlen(s) > 9 || s[strspn(s, "0123456789")])
		return false;
	*n = strtoul(s, NULL, 10);
	return true;
}

/* Nothing that a terminal would act upon */
static bool printable(const char *s)
{
	for (; *s; s++)
		if (*s < ' ' || *s >= 0x7f)
			return false;
	return true;
}

static bool read_failure(char *line, struct failure *f)
{
	char *error, *times;

	f->kind = strsep(&line, "\t");
	f->key = strsep(&line, "\t");
	error = strsep(&line, "\t");
	times = strsep(&line, "\t");
	f->program = strsep(&line, "\t");
	if (!f->program || line || !printable(f->kind) || !printable(f->key) ||
	    !printable(f->program) || !to_number(error, &f->error) || !to_number(times, &f->times))
		return false;
	f->row = strcmp(f->kind, "device") ? look_up(f->kind, f->key) : look_up_device(f->key);
	return true;
}

static bool lacks_option(const struct failure *f)
{
	return f->row && lacks(f->row);
}

/* Programs try files and settings that no kernel has; only others are worth a word. */
static bool worth_a_word(const struct failure *f)
{
	static const char *const kinds[] = { "call", "family", "netlink", "protocol", "fs",
					     "namespace", "link", "rtnetlink", "genl" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(f->kind, kinds[i]))
			return true;
	return false;
}

static void print_failure(const struct failure *f)
{
	const char *name = strerrorname_np(f->error);

	if (!strcmp(f->kind, "device"))
		fprintf(stderr, "  /dev/%s: ", f->key);
	else if (f->row)
		fprintf(stderr, "  %s: ", f->row->title);
	else
		fprintf(stderr, "  %s %s: ", f->kind, f->key);
	if (name)
		fputs(name, stderr);
	else
		fprintf(stderr, "error %u", f->error);
	if (f->times > 1)
		fprintf(stderr, ", %u times", f->times);
	/* The init finds no name on a kernel without /proc. */
	if (*f->program)
		fprintf(stderr, " (%s)", f->program);
	fputc('\n', stderr);
}

static void print_failures(const struct failure *all, size_t nr)
{
	size_t i, lacking = 0, others = 0;

	for (i = 0; i < nr; i++)
		lacking += lacks_option(&all[i]);
	if (lacking)
		tell("the kernel lacks options for these, which failed:");
	else
		tell("nothing failed for lack of an option of the kernel");
	for (i = 0; i < nr; i++) {
		if (!lacks_option(&all[i]))
			continue;
		print_failure(&all[i]);
		fprintf(stderr, "      add %s\n", all[i].row->way);
	}
	if (lacking)
		tell("overlay/NAME.config becomes part of the kernel by PROFILE=...+NAME");
	for (i = 0; i < nr; i++) {
		if (lacks_option(&all[i]) || !worth_a_word(&all[i]) || ++others > MAX_OTHERS)
			continue;
		if (others == 1)
			tell("these failed, too, but for lack of no option that is known:");
		print_failure(&all[i]);
	}
	if (others > MAX_OTHERS)
		fprintf(stderr, "  and %zu more\n", others - MAX_OTHERS);
}

void explain_tell(char *text, size_t len)
{
	struct failure *all;
	unsigned int dropped = 0;
	bool ended = false;
	char *line;
	size_t nr = 0;

	if (!len) {
		tell("--explain: the init told nothing. The machine did not end by itself, or %s",
		     "the image is older than this option: make it again");
		return;
	}
	all = xcalloc(EXPLAIN_MAX + 1, sizeof(*all));
	while (len && !ended) {
		line = text;
		text = memchr(line, '\n', len);
		if (!text || nr > EXPLAIN_MAX)
			break;
		*text++ = '\0';
		len -= text - line;
		if (strlen(line) + 1 != (size_t)(text - line) || !read_failure(line, &all[nr]))
			break;
		ended = !strcmp(all[nr].kind, "end");
		nr++;
	}
	if (!ended || len || !to_number(all[nr - 1].key, &dropped)) {
		tell("--explain: what the machine told makes no sense; nothing of it is believed");
	} else {
		print_failures(all, nr - 1);
		if (dropped)
			tell("%u different failures more were not kept", dropped);
	}
	free(all);
}
