// SPDX-License-Identifier: GPL-2.0
/*
 * Fill in the tables of Documentation/lupine/options.rst, from profiles and kernel.
 *
 * Standard input is the page with lines to replace, see options.rst.in. Each group of
 * arguments is a profile: NAME CONFIG FRAGMENT...; the first ones are microvm and
 * lupine-base, and those called lupine-base+APP are the applications.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <limits.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "options.h"
#include "calls.h"

#define WIDTH	74
#define MAX	64

static struct profile {
	const char *name;
	struct options options;
	struct fragment *fragments;
	int n_fragments;
	bool shown;
} profiles[MAX];
static int n_profiles;

/* To which class and kind an option belongs whose name, or Kconfig file, matches. */
static struct rule {
	char *class, *kind;
	regex_t pattern;
	bool for_files;
	struct rule *next;
} *rules;

static struct dropped {
	const char *name;
	const struct rule *rule;
} *dropped;
static int n_dropped;

static struct profile *find_profile(const char *name)
{
	for (int i = 0; i < n_profiles; i++)
		if (!strcmp(profiles[i].name, name))
			return &profiles[i];
	fprintf(stderr, "tables: error: the page names the profile %s, which is none\n", name);
	exit(2);
}

/* What the compiler can do depends on the machine and is nobody's choice. */
static bool counts(const struct option *o)
{
	return is_on(o) && *o->value && !is_about_tools(o->name);
}

static bool has(const struct profile *p, const char *name)
{
	const struct option *o = find_option(&p->options, name);

	return o && counts(o);
}

static int count(const struct profile *p, bool chosen)
{
	int n = 0;

	for (int i = 0; i < p->options.count; i++)
		n += counts(&p->options.list[i]) &&
		     (!chosen || p->options.list[i].origin == CHOSEN);
	return n;
}

static void read_rules(const char *file)
{
	char *class = NULL, *kind = NULL, *line = NULL, *pattern;
	struct rule **last = &rules, *r;
	FILE *f = fopen(file, "r");
	size_t size = 0;

	if (!f)
		fail("cannot read", file);
	while (getline(&line, &size, f) != -1) {
		line[strcspn(line, "\n")] = '\0';
		if (!*line || *line == '#')
			continue;
		if (*line != '\t') {
			class = check_memory(strdup(line));
			kind = strstr(class, ": ");
			if (!kind)
				fail("no class and kind in", line);
			*kind = '\0';
			kind += 2;
			continue;
		}
		r = check_memory(calloc(1, sizeof(*r)));
		r->class = class;
		r->kind = kind;
		r->for_files = strchr(line, '/');
		if (!class || asprintf(&pattern, "^(%s)$", line + 1) < 0 ||
		    regcomp(&r->pattern, pattern, REG_EXTENDED | REG_NOSUB))
			fail("cannot compile", line + 1);
		*last = r;
		last = &r->next;
	}
	fclose(f);
}

static const struct rule *find_rule(const char *name, const char *file)
{
	for (int for_files = 0; for_files < 2; for_files++)
		for (struct rule *r = rules; r; r = r->next)
			if (r->for_files == for_files &&
			    !regexec(&r->pattern, for_files ? file : name, 0, NULL, 0))
				return r;
	return NULL;
}

/* What microvm has and lupine-base has not. */
static void classify(const struct profile *microvm, const struct profile *base)
{
	const struct options *all = &microvm->options;
	bool complete = true;

	dropped = check_memory(calloc(all->count, sizeof(*dropped)));
	for (const struct option *o = all->list; o < all->list + all->count; o++) {
		if (!counts(o) || has(base, o->name))
			continue;
		dropped[n_dropped].name = o->name;
		dropped[n_dropped].rule = find_rule(o->name, o->file);
		if (!dropped[n_dropped++].rule) {
			printf("CONFIG_%s (%s) has no class in kconfig-profiles/microvm/classes\n",
			       o->name, o->file);
			complete = false;
		}
	}
	if (!complete)
		exit(1);
}

/* Words of an indented paragraph, which is filled. */
static void print_word(const char *word)
{
	static size_t column;

	if (!word || (column && column + 1 + strlen(word) > WIDTH)) {
		if (column)
			putchar('\n');
		column = 0;
	}
	if (word)
		column += printf("%s%s", column ? " " : "    ", word);
}

static void print_row(const char *first, const char *paper)
{
	printf("   * - %s\n     -%s%s\n", first, paper && *paper ? " " : "", paper ? paper : "");
}

static void print_cell(const char *text)
{
	printf("     -%s%s\n", *text ? " " : "", text);
}

/* Text of the page, in which @version@, @kept@ and @dropped@ are figures. */
static void print_text(const char *line)
{
	const char *at, *end;

	for (; (at = strchr(line, '@')) && (end = strchr(at + 1, '@')); line = end + 1) {
		int length = end - at - 1;

		printf("%.*s", (int)(at - line), line);
		if (!strncmp(at + 1, "version", length))
			printf("%s", getenv("KERNELVERSION"));
		else if (!strncmp(at + 1, "dropped", length))
			printf("%d", n_dropped);
		else if (!strncmp(at + 1, "kept", length))
			printf("%d", count(find_profile("microvm"), false) - n_dropped);
	}
	printf("%s", line);
}

/* @header COLUMN|... */
static void columns(char *text)
{
	char mark = '*';

	printf("\n.. list-table::\n   :header-rows: 1\n\n");
	for (char *cell; (cell = strsep(&text, "|")); mark = ' ') {
		printf("   %c - ", mark);
		print_text(cell);
		putchar('\n');
	}
}

/* @profile NAME|PAPER: how many options it has. */
static void profile(char *text)
{
	char *name = strsep(&text, "|");
	struct profile *p = find_profile(name);

	print_row(name, text);
	printf("     - %d\n     - %d\n", count(p, false), count(p, true));
}

/* @gained: what lupine-base has and microvm has not. */
static void gained(char *text)
{
	struct profile *microvm = find_profile("microvm"), *base = find_profile("lupine-base");

	for (int i = 0; i < base->options.count; i++)
		if (counts(&base->options.list[i]) && !has(microvm, base->options.list[i].name))
			print_word(base->options.list[i].name);
	print_word(NULL);
}

static bool is_of(const struct dropped *d, const char *class, const char *kind)
{
	return !strcmp(d->rule->class, class) && (!*kind || !strcmp(d->rule->kind, kind));
}

/* @class CLASS|KIND|PAPER: how many options of it lupine-base drops. */
static void class(char *text)
{
	char *name = strsep(&text, "|"), *kind = strsep(&text, "|");
	int n = 0;

	for (int i = 0; i < n_dropped; i++)
		n += is_of(&dropped[i], name, kind);
	print_row(name, *kind ? kind : "all");
	print_cell(text);
	printf("     - %d\n", n);
}

/* @members CLASS|KIND: which these are. */
static void members(char *text)
{
	char *name = strsep(&text, "|");
	int n = 0;

	for (int i = 0; i < n_dropped; i++)
		n += is_of(&dropped[i], name, text);
	printf("\n%c%s, %s (%d)::\n\n", toupper(*name), name + 1, text, n);
	for (int i = 0; i < n_dropped; i++)
		if (is_of(&dropped[i], name, text))
			print_word(dropped[i].name);
	print_word(NULL);
}

/* Has a profile all of the options, with a + between them? */
static bool has_all(const struct profile *p, const char *options)
{
	char *words = check_memory(strdup(options)), *word;
	bool all = true;

	while ((word = strsep(&words, "+")))
		all &= has(p, word);
	return all;
}

/* @calls PROFILE|...: the system calls that an option decides about. */
static void calls(char *text)
{
	char *names[MAX], *name, here[PATH_MAX];
	struct call *list;
	int n, columns = 0;

	while ((name = strsep(&text, "|")) && columns < MAX)
		names[columns++] = name;
	if (!getcwd(here, sizeof(here)))
		fail("cannot tell", "the current folder");
	list = find_calls(&n);
	if (chdir(here))
		fail("cannot enter", here);
	for (int i = 0; i < n; i++) {
		if (!*list[i].options)
			continue;
		if (!i || strcmp(list[i].options, list[i - 1].options))
			printf("   * - %s\n     - %s", list[i].options, list[i].name);
		else
			printf(", %s", list[i].name);
		if (i + 1 < n && !strcmp(list[i].options, list[i + 1].options))
			continue;
		putchar('\n');
		for (int c = 0; c < columns; c++)
			print_cell(has_all(find_profile(names[c]), list[i].options) ? "yes" : "");
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_fragment_of(const struct profile *p, const char *file)
{
	for (int i = 0; i < p->n_fragments; i++)
		if (!strcmp(p->fragments[i].file, file))
			return true;
	return false;
}

/* @app NAME|PAPER: what it asks for beyond lupine-base. */
static void app(char *text)
{
	const struct profile *base = find_profile("lupine-base");
	char *name = strsep(&text, "|"), *spec;
	const char *names[512];
	int n = 0, more = 0, unique = 0;
	struct profile *p;

	if (asprintf(&spec, "lupine-base+%s", name) < 0)
		fail("cannot store", name);
	p = find_profile(spec);
	p->shown = true;
	/* Both lists, since a request may change what the base has. */
	for (int i = 0; i < p->n_fragments; i++) {
		if (is_fragment_of(base, p->fragments[i].file))
			continue;
		for (struct request *r = p->fragments[i].requests; r; r = r->next)
			if (strcmp(r->value, "n") && n < 512)
				names[n++] = r->symbol;
	}
	qsort(names, n, sizeof(*names), by_name);
	for (int i = 0; i < n; i++)
		if (!unique || strcmp(names[unique - 1], names[i]))
			names[unique++] = names[i];
	for (int i = 0; i < p->options.count; i++) {
		const char *option = p->options.list[i].name;

		more += has(p, option) && !has(base, option) &&
			!bsearch(&option, names, unique, sizeof(*names), by_name);
	}
	print_row(name, text);
	printf("     - %d (%d)\n     -", unique, more);
	for (int i = 0; i < unique; i++)
		printf(" %s", names[i]);
	putchar('\n');
}

static const struct {
	const char *name;
	void (*print)(char *text);
} directives[] = {
	{ "header", columns }, { "profile", profile }, { "gained", gained }, { "class", class },
	{ "members", members }, { "calls", calls }, { "app", app },
};

static void print_page(void)
{
	char *line = NULL, *text;
	size_t size = 0, i;

	while (getline(&line, &size, stdin) != -1) {
		line[strcspn(line, "\n")] = '\0';
		text = line;
		if (*line == '@')
			strsep(&text, " ");
		for (i = 0; i < sizeof(directives) / sizeof(*directives); i++)
			if (*line == '@' && !strcmp(line + 1, directives[i].name))
				break;
		if (i < sizeof(directives) / sizeof(*directives)) {
			directives[i].print(text);
		} else if (*line != '#') {
			print_text(line);
			putchar('\n');
		}
	}
}

int main(int argc, char **argv)
{
	start(argc, argv, 4, "CLASSES NAME CONFIG FRAGMENT... [-- NAME CONFIG FRAGMENT...]...");
	read_rules(argv[3]);
	for (argv += 4; *argv && n_profiles < MAX; argv += !!*argv) {
		struct profile *p = &profiles[n_profiles++];

		p->name = *argv++;
		p->options = read_options(*argv++);
		p->fragments = check_memory(calloc(argc, sizeof(*p->fragments)));
		for (; *argv && strcmp(*argv, "--"); argv++)
			read_fragment(&p->fragments[p->n_fragments++], *argv);
	}
	classify(find_profile("microvm"), find_profile("lupine-base"));
	print_page();
	for (int i = 0; i < n_profiles; i++)
		if (!strncmp(profiles[i].name, "lupine-base+", 12) && !profiles[i].shown) {
			fprintf(stderr, "the page has no line @app %s\n", profiles[i].name + 12);
			return 1;
		}
	return 0;
}
