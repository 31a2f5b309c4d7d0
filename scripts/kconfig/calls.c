// SPDX-License-Identifier: GPL-2.0
/*
 * Find the system calls of x86-64 that exist only with a kernel option, in the kernel
 * source: those of the system call table that kernel/sys_ni.c replaces by ENOSYS
 * where nothing else defines them. The option is the one that the definition
 * stands under, by #ifdef and by obj-$(CONFIG_...) in the Makefile of its folder
 * and in those of the folders above.
 *
 * This reads as much of C and of make as those files need, and no more.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <ftw.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fragment.h"
#include "calls.h"

/* The condition of an #else, or one that is no option: nothing under it counts. */
#define OTHER		"-"
#define IF_OPTION	"^#[ \t]*if[ \t]+(defined[ \t(]*|IS_ENABLED\\()CONFIG_([A-Z0-9_]+)\\)*[ \t]*$"
#define MAX_DEPTH	64
#define MAX_CALLS	1024

static struct call calls[MAX_CALLS];
static int n_calls;

/* What decides about a file: of a Makefile an object or folder, or a file that another includes. */
struct rule {
	char *folder, *name;
	char *options;		/* that it is built with; NULL if it is a part of another */
	char *whole;		/* that it is a part of */
	struct rule *next;
};

static struct rule *objects, *includes;

/* #if or ifdef, around the line that is read. */
static const char *under[MAX_DEPTH];
static int depth;

static regex_t compiled(const char *pattern)
{
	regex_t re;

	if (regcomp(&re, pattern, REG_EXTENDED))
		fail("cannot compile", pattern);
	return re;
}

/* Does @text match? Then @m has what the parentheses matched. */
#define matches(text, pattern, m) ({					\
	static regex_t re;						\
	static bool ready;						\
	if (!ready)							\
		re = compiled(pattern);					\
	ready = true;							\
	!regexec(&re, text, sizeof(m) / sizeof(*(m)), m, 0);		\
})

static char *part(const char *text, regmatch_t m)
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

	/* What is always built, too, needs no option. */
	if (r && options && *options)
		return;
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
static char *conditions(bool strict)
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

static char *options_of(const char *file, char *list)
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

static void define(const char *function, const char *file)
{
	char *list = conditions(true);

	for (int i = 0; i < n_calls && list; i++) {
		if (strcmp(calls[i].function, function) || !calls[i].conditional)
			continue;
		calls[i].options = options_of(file, list);
		calls[i].file = check_memory(strdup(file));
	}
}

static void read_source(const char *file, char *text)
{
	regmatch_t m[3];
	char *line;

	depth = 0;
	while ((line = strsep(&text, "\n"))) {
		if (*line == '#') {
			if (matches(line, "^#[ \t]*ifdef[ \t]+CONFIG_([A-Z0-9_]+)", m)) {
				push(part(line, m[1]));
			} else if (matches(line, IF_OPTION, m)) {
				push(part(line, m[2]));
			} else if (matches(line, "^#[ \t]*if", m)) {
				push(strstr(line, "COMPAT") ? OTHER : "");
			} else if (matches(line, "^#[ \t]*(else|elif)", m)) {
				if (depth)
					under[depth - 1] = OTHER;
			} else if (matches(line, "^#[ \t]*endif", m)) {
				depth -= depth > 0;
			} else if (matches(line, "^#[ \t]*include[ \t]+\"([a-z_]+\\.c)\"", m)) {
				/* One file may be made of others. */
				add_rule(&includes, folder_of(file), part(line, m[1]),
					 conditions(false), NULL);
			}
		} else if (matches(line, "^SYSCALL_DEFINE[0-6]\\(([a-z0-9_]+)", m)) {
			define(part(line, m[1]), file);
		}
	}
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	size_t length = strlen(path);
	char *text;
	FILE *f;

	if (type != FTW_F || length < 2 || strcmp(path + length - 2, ".c"))
		return 0;
	f = fopen(path, "r");
	if (!f)
		fail("cannot read", path);
	text = check_memory(calloc(1, st->st_size + 1));
	if (fread(text, 1, st->st_size, f) != (size_t)st->st_size)
		fail("cannot read", path);
	fclose(f);
	if (strstr(text, "\nSYSCALL_DEFINE") || !strncmp(path, "kernel/sched/", 13))
		read_source(path, text);
	free(text);
	return 0;
}

/* Call @each with every line of a file. */
static void each_line(const char *file, void (*each)(char *line))
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

static void read_entry(char *line)
{
	struct call *call = &calls[n_calls];
	regmatch_t m[5];

	if (!matches(line, "^([0-9]+)[ \t]+(common|64)[ \t]+([a-z0-9_]+)[ \t]+sys_([a-z0-9_]+)", m))
		return;
	if (n_calls == MAX_CALLS)
		fail("cannot store", "more system calls");
	call->number = atoi(line);
	call->name = part(line, m[3]);
	call->function = part(line, m[4]);
	n_calls++;
}

static void read_conditional(char *line)
{
	regmatch_t m[2];

	if (!matches(line, "^COND_SYSCALL\\(([a-z0-9_]+)\\)", m))
		return;
	for (int i = 0; i < n_calls; i++)
		if (!strcmp(calls[i].function, part(line, m[1])))
			calls[i].conditional = true;
}

static int by_options(const void *a, const void *b)
{
	const struct call *x = a, *y = b;
	int order = strcmp(*x->options ? x->options : "-", *y->options ? y->options : "-");

	return order ? order : x->number - y->number;
}

struct call *find_calls(int *count)
{
	/* Where calls are defined; other architectures have their own. */
	static const char *const folders[] = {
		"kernel", "mm", "fs", "ipc", "net", "security", "io_uring", "block", "init",
		"drivers", "arch/x86",
	};
	const char *tree = getenv("srctree");
	struct rule *r;
	int n = 0;

	if (!tree || chdir(tree))
		fail("cannot enter", tree ? tree : "the kernel source");
	each_line("arch/x86/entry/syscalls/syscall_64.tbl", read_entry);
	each_line("kernel/sys_ni.c", read_conditional);
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		if (nftw(folders[i], visit, 32, FTW_PHYS))
			fail("cannot search", folders[i]);
	for (int i = 0; i < n_calls; i++) {
		if (!calls[i].conditional)
			continue;
		if (!calls[i].file) {
			fprintf(stderr, "no definition found of %s\n", calls[i].function);
			exit(2);
		}
		r = find_rule(includes, folder_of(calls[i].file), name_of(calls[i].file), false);
		if (r)
			calls[i].options = add(calls[i].options, r->options);
		calls[n++] = calls[i];
	}
	qsort(calls, n, sizeof(*calls), by_options);
	*count = n;
	return calls;
}
