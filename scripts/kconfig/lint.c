// SPDX-License-Identifier: GPL-2.0
/*
 * Find what is wrong with fragments, though Kconfig would take them:
 * - lines that are neither a setting nor a comment,
 * - options that this kernel does not have, or that nobody can set,
 * - options that get the requested value without the request, since others
 *   select them, or since it is their default,
 * - options that two fragments of one profile set to the same value, or one twice,
 * - options that do not get the requested value,
 * - groups without a comment that says why, and options out of order.
 *
 * A group whose comment begins with "Explicit:" may set what would be set anyway,
 * so that it does not depend on the profile. Omissions may always be said.
 *
 * Each CONFIG is what the fragments after it make of the base configuration. After "-+"
 * in place of "--" only the last fragment is looked at, on top of the others. An option
 * is implied if it is so in each profile in which its fragment is looked at.
 *
 * One line a fault, "file:line: what", and status 1.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fragment.h"

static struct fault {
	const char *file;
	int line;
	char *text;
	bool implied;		/* count says in how many profiles */
	int count;
} *faults;
static int n_faults;

/* In how many profiles a file is looked at, and whether in the one at hand. */
static struct part {
	const char *file;
	int count;
	bool now;
} *parts;
static int n_parts;

static struct part *find_part(const char *file)
{
	struct part *p;

	for (p = parts; p < parts + n_parts; p++)
		if (!strcmp(p->file, file))
			return p;
	p->file = file;
	n_parts++;
	return p;
}

static void complain(const char *file, int line, const char *format, ...)
{
	struct fault *f;
	va_list ap;
	char *text;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		fail("cannot store", "a fault");
	va_end(ap);
	if (!find_part(file)->now)
		return;
	for (f = faults; f < faults + n_faults; f++)
		if (f->line == line && !strcmp(f->file, file) && !strcmp(f->text, text))
			break;
	if (f == faults + n_faults) {
		faults = check_memory(realloc(faults, (n_faults + 1) * sizeof(*faults)));
		f = &faults[n_faults++];
		*f = (struct fault){ file, line, text, strstr(text, " is implied: ") };
	}
	f->count++;
}

static void complain_implied(const struct request *r, const char *why)
{
	complain(r->file, r->line, "CONFIG_%s=%s is implied: %s", r->symbol, r->value, why);
}

static int by_place(const void *a, const void *b)
{
	const struct fault *x = a, *y = b;
	int order = strcmp(x->file, y->file);

	return order ? order : x->line != y->line ? x->line - y->line : strcmp(x->text, y->text);
}

/* Returns whether there is any. */
static bool print_faults(void)
{
	bool any = false;

	qsort(faults, n_faults, sizeof(*faults), by_place);
	for (struct fault *f = faults; f < faults + n_faults; f++) {
		if (f->implied && f->count < find_part(f->file)->count)
			continue;
		printf("%s:%d: %s\n", f->file, f->line, f->text);
		any = true;
	}
	return any;
}

static void complain_mistake(const char *file, int line, const char *what, const char *text)
{
	complain(file, line, "%s: %s", what, text);
}

static struct request *at_line(const struct fragment *fragment, int line)
{
	struct request *r;

	for (r = fragment->requests; r; r = r->next)
		if (r->line == line)
			return r;
	return NULL;
}

/* What the eye sees: header, groups, their comments and their order. */
static void check_form(const struct fragment *fragment)
{
	bool reason = false, grouped = false, explicit = false;
	const struct request *previous = NULL;
	struct request *r;
	char *text = NULL;
	size_t size = 0;
	int line = 0;
	FILE *f;

	f = fopen(fragment->file, "r");
	if (!f)
		fail("cannot read", fragment->file);
	while (getline(&text, &size, f) != -1) {
		text[strcspn(text, "\n")] = '\0';
		line++;
		r = at_line(fragment, line);
		if (line == 2 && strncmp(text, "# Help: ", 8))
			complain(fragment->file, line,
				 "the second line is no '# Help:'");
		if (!*text) {
			reason = false;
			grouped = false;
			explicit = false;
			previous = NULL;
		} else if (r) {
			if (!reason && !grouped)
				complain(fragment->file, line,
					 "no comment says why the group with CONFIG_%s is there",
					 r->symbol);
			grouped = true;
			r->explicit = explicit;
			if (previous && strcmp(previous->symbol, r->symbol) > 0)
				complain(fragment->file, line,
					 "CONFIG_%s stands after CONFIG_%s: not sorted",
					 r->symbol, previous->symbol);
			previous = r;
		} else {
			/* The header is none. */
			reason = reason || (line > 2 && strncmp(text, "# Uses:", 7));
			explicit = explicit || !strncmp(text, "# Explicit:", 11);
		}
	}
	if (ferror(f))
		fail("cannot read", fragment->file);
	fclose(f);
	free(text);
}

static void check_duplicates(const struct fragment *fragments, int count)
{
	const struct request *r, *other;
	char where[512];

	for (int i = 0; i < count; i++) {
		for (r = fragments[i].requests; r; r = r->next) {
			other = find_request(&fragments[i], r->symbol, r);
			if (other)
				complain(r->file, r->line,
					 "CONFIG_%s is set twice", r->symbol);
			for (int j = 0; j < i; j++) {
				other = find_request(&fragments[j], r->symbol, NULL);
				/* Another value is what an overlay is for. */
				if (!other || r->explicit ||
				    strcmp(other->value, r->value))
					continue;
				snprintf(where, sizeof(where), "%s:%d",
					 other->file, other->line);
				complain(r->file, r->line,
					 "CONFIG_%s has this value already from %s",
					 r->symbol, where);
			}
		}
	}
}

static bool check_known(const struct request *r)
{
	const struct symbol *sym = sym_find(r->symbol);

	if (!known(sym)) {
		complain(r->file, r->line, "Linux %s has no CONFIG_%s",
			 getenv("KERNELVERSION"), r->symbol);
		return false;
	}
	if (!has_prompt(sym)) {
		complain(r->file, r->line,
			 "CONFIG_%s cannot be set: it has no prompt, other options decide",
			 r->symbol);
		return false;
	}
	return true;
}

/*
 * Would the option have the value without the request? @base is what the base
 * configuration says about it, if anything.
 */
static void check_implied(const struct request *r, const struct request *base)
{
	struct symbol *sym = sym_find(r->symbol);
	bool selected;

	/*
	 * One of a choice is on because the others are off, and to say what is
	 * left out is documentation.
	 */
	if (sym_is_choice_value(sym) || r->explicit || !strcmp(r->value, "n"))
		return;
	sym_calc_value(sym);
	selected = sym->rev_dep.expr && expr_calc_value(sym->rev_dep.expr) == yes;
	if (selected && !strcmp(r->value, "y"))
		complain_implied(r, "others select it");
	else if (base && same_value(sym, base->value, r->value))
		complain_implied(r, "it has this value before");
	else if (!base && same_value(sym, sym_get_string_default(sym), r->value))
		complain_implied(r, "it is the default here");
}

static void check_profile(const struct fragment *base,
			  const struct fragment *fragments, int count)
{
	const struct request *r, *before;
	struct symbol *sym;
	int other;

	check_duplicates(fragments, count);
	for (int i = 0; i < count; i++) {
		for (r = fragments[i].requests; r; r = r->next) {
			if (!check_known(r))
				continue;
			/* What an overlay changes later says nothing. */
			for (other = i + 1; other < count; other++)
				if (find_request(&fragments[other], r->symbol, NULL))
					break;
			if (other < count)
				continue;
			sym = sym_find(r->symbol);
			if (!same_value(sym, value_of(sym), r->value))
				complain(r->file, r->line,
					 "CONFIG_%s=%s is not what comes out; scripts/kconfig/configure says why",
					 r->symbol, r->value);
			before = find_request(base, r->symbol, NULL);
			for (other = 0; other < i; other++)
				if (find_request(&fragments[other], r->symbol, NULL))
					before = find_request(&fragments[other], r->symbol, NULL);
			check_implied(r, before);
		}
	}
}

int main(int argc, char **argv)
{
	struct fragment base, *fragments;
	bool overlay = false;
	int first, count;

	mistake = complain_mistake;
	parts = check_memory(calloc(argc, sizeof(*parts)));
	fragments = check_memory(calloc(argc, sizeof(*fragments)));
	start(argc, argv, 4, "CONFIG FRAGMENT... [--|-+ CONFIG FRAGMENT...]...");
	read_fragment(&base, argv[2]);
	for (first = 3; first < argc; first += count + 2) {
		overlay = argv[first - 1][0] == '-' && argv[first - 1][1] == '+';
		read_config(".", argv[first]);
		for (count = 0; first + 1 + count < argc; count++)
			if (!strcmp(argv[first + 1 + count], "--") ||
			    !strcmp(argv[first + 1 + count], "-+"))
				break;
		for (int i = 0; i < n_parts; i++)
			parts[i].now = false;
		for (int i = overlay ? count - 1 : 0; i < count; i++) {
			struct part *part = find_part(argv[first + 1 + i]);

			part->count++;
			part->now = true;
		}
		for (int i = 0; i < count; i++) {
			read_fragment(&fragments[i], argv[first + 1 + i]);
			check_form(&fragments[i]);
		}
		check_profile(&base, fragments, count);
	}
	return print_faults();
}
