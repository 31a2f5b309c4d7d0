// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <ftw.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fragment.h"
#include "source.h"

#define MAX_DEPTH	64
#define IF_OPTION	"^#[ \t]*if[ \t]+(defined[ \t(]*|IS_ENABLED\\()CONFIG_([A-Z0-9_]+)\\)*[ \t]*$"

/* What decides about a file: of a Makefile an object or folder, or a file that another includes. */
struct rule {
	char *folder, *name;
	char *options;		/* that it is built with; NULL if it is a part of another */
	char *whole;		/* that it is a part of */
	struct rule *next;
};

static struct rule *objects, *includes;

/* #if or ifdef, around the line that is read, and what holds where it is OTHER by #else. */
static const char *under[MAX_DEPTH], *against[MAX_DEPTH];
static int depth;

regex_t compiled(const char *pattern)
{
	regex_t re;

	if (regcomp(&re, pattern, REG_EXTENDED))
		fail("cannot compile", pattern);
	return re;
}

char *part(const char *text, regmatch_t m)
{
	return m.rm_so < 0 ? NULL : check_memory(strndup(text + m.rm_so, m.rm_eo - m.rm_so));
}

/* Both lists of options, without what every kernel for x86-64 has. */
static char *add(const char *list, const char *more)
{
	static const char always[] = "+64BIT+X86_64+MMU+BPF+";
	char *result = check_memory(strdup(list)), *words = check_memory(strdup(more)), *end, *word;
	char *in, *name;

	for (word = strtok_r(words, "+", &end); word; word = strtok_r(NULL, "+", &end)) {
		if (asprintf(&name, "+%s+", word) < 0 || asprintf(&in, "+%s+", result) < 0)
			fail("cannot store", word);
		if (strstr(always, name) || strstr(in, name))
			continue;
		if (asprintf(&in, "%s%s%s", result, *result ? "+" : "", word) < 0)
			fail("cannot store", word);
		result = in;
	}
	return result;
}

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return check_memory(strndup(path, slash ? slash - path : 0));
}

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static struct rule *find_rule(struct rule *r, const char *folder, const char *name, bool whole)
{
	for (; r; r = r->next)
		if (!strcmp(r->name, name) && !strcmp(r->folder, folder) && whole == !r->options)
			return r;
	return NULL;
}

static void add_rule(struct rule **list, const char *folder, const char *name,
		     const char *options, const char *whole)
{
	struct rule *r = find_rule(*list, folder, name, !options);

	/* What is always built, too, needs no option. Of two options, each will do. */
	if (r && options && *options) {
		if (*r->options && !strpbrk(r->options, "+/") && !strchr(options, '+') &&
		    strcmp(r->options, options) &&
		    asprintf(&r->options, "%s/%s", r->options, options) < 0)
			fail("cannot store", name);
		return;
	}
	if (!r) {
		r = check_memory(calloc(1, sizeof(*r)));
		r->next = *list;
		*list = r;
	}
	r->folder = check_memory(strdup(folder));
	r->name = check_memory(strdup(name));
	r->options = options ? check_memory(strdup(options)) : NULL;
	r->whole = whole ? check_memory(strdup(whole)) : NULL;
}

/* All that the line stands under, or NULL if that cannot be told. */
char *conditions(bool strict)
{
	char *list = "";

	for (int i = 0; i < depth; i++) {
		if (!strcmp(under[i], OTHER) && strict)
			return NULL;
		if (strcmp(under[i], OTHER))
			list = add(list, under[i]);
	}
	return list;
}

static void push(const char *condition)
{
	if (depth == MAX_DEPTH)
		fail("cannot follow", "conditions as deep as that");
	against[depth] = NULL;
	under[depth++] = condition;
}

/* A word of TARGET = WORD... in the Makefile of a folder. */
static void read_word(const char *folder, const char *target, const char *word)
{
	char *name = check_memory(strdup(word)), *options = conditions(false), *whole;
	size_t length = strlen(name);
	regmatch_t m[4];

	if (length && name[length - 1] == '/')
		name[length - 1] = '\0';
	if (!*name || strchr(name, '$'))
		return;
	if (matches(target, "^(obj|mmu|core)-(y|[$]\\(CONFIG_([A-Z0-9_]+)\\))$", m)) {
		if (m[3].rm_so >= 0)
			options = add(options, part(target, m[3]));
		add_rule(&objects, folder, name, options, NULL);
	} else if (matches(target, "^(.*)-(y|objs|[$]\\(CONFIG_[A-Z0-9_]+\\))$", m) &&
		   target[m[2].rm_so] != '$') {
		if (asprintf(&whole, "%s.o", part(target, m[1])) < 0)
			fail("cannot store", target);
		add_rule(&objects, folder, name, NULL, whole);
	}
}

static void read_makefile(const char *folder, const char *name)
{
	char *line = NULL, *target = NULL, *text, *end, *word, file[4096];
	bool continued = false, goes_on;
	size_t size = 0;
	regmatch_t m[3];
	FILE *f;

	snprintf(file, sizeof(file), "%s%s%s", folder, *folder ? "/" : "", name);
	f = fopen(file, "r");
	if (!f)
		return;
	depth = 0;
	for (; getline(&line, &size, f) != -1; continued = goes_on) {
		text = line + strspn(line, " \t");
		text[strcspn(text, "\n")] = '\0';
		goes_on = *text && text[strlen(text) - 1] == '\\';
		if (goes_on)
			text[strlen(text) - 1] = '\0';
		if (!continued) {
			target = NULL;
			if (matches(text, "^ifdef CONFIG_([A-Z0-9_]+)$", m) ||
			    matches(text, "^ifeq \\([$]\\(CONFIG_([A-Z0-9_]+)\\),y\\)$", m)) {
				push(part(text, m[1]));
			} else if (matches(text, "^if(n?def|n?eq)", m)) {
				push("");
			} else if (!strncmp(text, "else", 4) && depth) {
				under[depth - 1] = "";
			} else if (!strncmp(text, "endif", 5) && depth) {
				depth--;
			} else if (matches(text, "^([^#= \t:+?]+)[ \t]*[:+?]?=", m)) {
				target = part(text, m[1]);
				text += m[0].rm_eo;
			}
		}
		for (word = target ? strtok_r(text, " \t", &end) : NULL; word;
		     word = strtok_r(NULL, " \t", &end))
			read_word(folder, target, word);
	}
	free(line);
	fclose(f);
}

/* The options that an object or a folder is built with. */
static const char *built_with(const char *path)
{
	static char *seen[1024];
	static int n_seen;
	const char *around[MAX_DEPTH];
	char *folder = folder_of(path);
	int i, outer = depth;
	struct rule *r;

	for (i = 0; i < n_seen && strcmp(seen[i], folder); i++)
		;
	if (i == n_seen && n_seen < 1024) {
		seen[n_seen++] = folder;
		/* It has conditions of its own. */
		memcpy(around, under, sizeof(around));
		if (*folder)
			read_makefile(folder, "Makefile");
		read_makefile(folder, "Kbuild");
		memcpy(under, around, sizeof(around));
		depth = outer;
	}
	r = find_rule(objects, folder, name_of(path), false);
	if (r)
		return r->options;
	r = find_rule(objects, folder, name_of(path), true);
	r = r ? find_rule(objects, folder, r->whole, false) : NULL;
	return r ? r->options : "";
}

char *options_of(const char *file, char *list)
{
	char *path = check_memory(strdup(file));

	path[strlen(path) - 1] = 'o';
	list = add(list, built_with(path));
	while (strchr(path, '/')) {
		path = folder_of(path);
		list = add(list, built_with(path));
	}
	return list;
}

void follow_start(void)
{
	depth = 0;
}

const char *only_without(void)
{
	return depth ? against[depth - 1] : NULL;
}

void follow(const char *file, const char *line)
{
	regmatch_t m[3];

	if (matches(line, "^#[ \t]*ifdef[ \t]+CONFIG_([A-Z0-9_]+)", m)) {
		push(part(line, m[1]));
	} else if (matches(line, IF_OPTION, m)) {
		push(part(line, m[2]));
	} else if (matches(line, "^#[ \t]*if", m)) {
		push(strstr(line, "COMPAT") ? OTHER : "");
	} else if (matches(line, "^#[ \t]*(else|elif)", m)) {
		if (depth) {
			if (strcmp(under[depth - 1], OTHER))
				against[depth - 1] = under[depth - 1];
			else
				against[depth - 1] = NULL;
			under[depth - 1] = OTHER;
		}
	} else if (matches(line, "^#[ \t]*endif", m)) {
		depth -= depth > 0;
	} else if (matches(line, "^#[ \t]*include[ \t]+\"([a-z_]+\\.c)\"", m)) {
		/* One file may be made of others. */
		add_rule(&includes, folder_of(file), part(line, m[1]), conditions(false), NULL);
	}
}

char *options_around(const char *file, const char *options)
{
	struct rule *r = find_rule(includes, folder_of(file), name_of(file), false);

	return r ? add(options, r->options) : check_memory(strdup(options));
}

char *read_whole(const char *path, size_t size)
{
	char *text = check_memory(calloc(1, size + 1));
	FILE *f = fopen(path, "r");

	if (!f || fread(text, 1, size, f) != size)
		fail("cannot read", path);
	fclose(f);
	return text;
}

void each_line(const char *file, void (*each)(char *line))
{
	char *line = NULL;
	size_t size = 0;
	FILE *f = fopen(file, "r");

	if (!f)
		fail("cannot read", file);
	while (getline(&line, &size, f) != -1)
		each(line);
	free(line);
	fclose(f);
}

void each_source(int (*visit)(const char *path, const struct stat *st, int type, struct FTW *ftw))
{
	/* Where calls are defined; other architectures have their own. */
	static const char *const folders[] = {
		"kernel", "mm", "fs", "ipc", "net", "security", "io_uring", "block", "init",
		"drivers", "arch/x86",
	};

	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		if (nftw(folders[i], visit, 32, FTW_PHYS))
			fail("cannot search", folders[i]);
}

void enter_source(void)
{
	const char *tree = getenv("srctree");

	if (!tree || chdir(tree))
		fail("cannot enter", tree ? tree : "the kernel source");
}
