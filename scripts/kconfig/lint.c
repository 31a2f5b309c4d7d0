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
 * Each CONFIG is what the fragments after it make of the base configuration.
 * One line a fault, "number of the profile, tab, file:line: what", and status 1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fragment.h"

static int faults, profile;

static void complain(const char *file, int line, const char *format,
		     const char *a, const char *b)
{
	printf("%d\t%s:%d: ", profile, file, line);
	printf(format, a, b);
	putchar('\n');
	faults++;
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
				 "the second line is no '# Help:'", NULL, NULL);
		if (!*text) {
			reason = false;
			grouped = false;
			explicit = false;
			previous = NULL;
		} else if (r) {
			if (!reason && !grouped)
				complain(fragment->file, line,
					 "no comment says why the group with CONFIG_%s is there",
					 r->symbol, NULL);
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

static const struct request *find(const struct fragment *fragment,
				  const char *symbol, const struct request *end)
{
	const struct request *r, *found = NULL;

	for (r = fragment->requests; r && r != end; r = r->next)
		if (!strcmp(r->symbol, symbol))
			found = r;
	return found;
}

static void check_duplicates(const struct fragment *fragments, int count)
{
	const struct request *r, *other;
	char where[512];

	for (int i = 0; i < count; i++) {
		for (r = fragments[i].requests; r; r = r->next) {
			other = find(&fragments[i], r->symbol, r);
			if (other)
				complain(r->file, r->line,
					 "CONFIG_%s is set twice", r->symbol, NULL);
			for (int j = 0; j < i; j++) {
				other = find(&fragments[j], r->symbol, NULL);
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
			 r->symbol, NULL);
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
		complain(r->file, r->line, "CONFIG_%s=%s is implied: others select it",
			 r->symbol, r->value);
	else if (base && same_value(sym, base->value, r->value))
		complain(r->file, r->line,
			 "CONFIG_%s=%s is implied: it has this value before",
			 r->symbol, r->value);
	else if (!base && same_value(sym, sym_get_string_default(sym), r->value))
		complain(r->file, r->line,
			 "CONFIG_%s=%s is implied: it is the default here",
			 r->symbol, r->value);
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
				if (find(&fragments[other], r->symbol, NULL))
					break;
			if (other < count)
				continue;
			sym = sym_find(r->symbol);
			if (!same_value(sym, value_of(sym), r->value))
				complain(r->file, r->line,
					 "CONFIG_%s=%s is not what comes out; scripts/kconfig/configure says why",
					 r->symbol, r->value);
			before = find(base, r->symbol, NULL);
			for (other = 0; other < i; other++)
				if (find(&fragments[other], r->symbol, NULL))
					before = find(&fragments[other], r->symbol, NULL);
			check_implied(r, before);
		}
	}
}

int main(int argc, char **argv)
{
	struct fragment base, *fragments;
	int first, count;

	mistake = complain_mistake;
	start(argc, argv, 4, "CONFIG FRAGMENT... [-- CONFIG FRAGMENT...]...");
	read_fragment(&base, argv[2]);
	fragments = check_memory(calloc(argc, sizeof(*fragments)));
	for (first = 3; first < argc; first += count + 2) {
		if (conf_read(argv[first]))
			fail("cannot read", argv[first]);
		count = 0;
		while (first + 1 + count < argc && strcmp(argv[first + 1 + count], "--")) {
			read_fragment(&fragments[count], argv[first + 1 + count]);
			check_form(&fragments[count]);
			count++;
		}
		check_profile(&base, fragments, count);
		profile++;
	}
	return faults > 0;
}
