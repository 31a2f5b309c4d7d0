// SPDX-License-Identifier: GPL-2.0
/*
 * Tell what the kernel whose parser this is linked with means for profiles of another.
 *
 * OURS lists the options that the series adds to the other, which this one cannot have.
 * PRESENT is the configuration that the profile has with the other kernel, and CONFIG
 * its fragments over tinyconfig, which this kernel completes. Of overlays, "-" in place
 * of PRESENT, only requests are compared, and reported once.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"

static struct fragment ours;
static FILE *out;
static int new, vanished, refused, needless;

/* What was reported of overlays; one request may be part of several. */
static const struct request **reported;
static int n_reported;

static bool is_ours(const char *symbol)
{
	return find_request(&ours, symbol, NULL);
}

static bool is_seen(const struct request *r)
{
	for (int i = 0; i < n_reported; i++)
		if (reported[i]->line == r->line && !strcmp(reported[i]->file, r->file))
			return true;
	reported = check_memory(realloc(reported, (n_reported + 1) * sizeof(*reported)));
	reported[n_reported++] = r;
	return false;
}

static void check_request(const struct request *r)
{
	struct symbol *sym = sym_find(r->symbol);
	const char *value = value_of(sym);
	bool off = !strcmp(r->value, "n");

	if (is_ours(r->symbol))
		return;
	if (!known(sym) && off) {
		needless++;
		fprintf(out, "  needless  CONFIG_%s=n of %s:%d: there is no such option\n",
			r->symbol, r->file, r->line);
	} else if (!known(sym)) {
		refused++;
		fprintf(out, "  refused   CONFIG_%s=%s of %s:%d: there is no such option\n",
			r->symbol, r->value, r->file, r->line);
	} else if (!same_value(sym, value, r->value)) {
		refused++;
		fprintf(out, "  refused   CONFIG_%s=%s of %s:%d: it %s%s\n", r->symbol, r->value,
			r->file, r->line, strcmp(value, "n") ? "becomes " : "stays off",
			strcmp(value, "n") ? value : "");
		explain(out, sym, r->value);
	}
}

static void check_requests(const struct fragment *fragments, int count, bool overlay)
{
	for (int i = 0; i < count; i++)
		for (const struct request *r = fragments[i].requests; r; r = r->next)
			if (!replacement(r, fragments, i, count) && !(is_seen(r) && overlay))
				check_request(r);
}

/* What was on and is not known here. */
static void check_vanished(const struct fragment *present)
{
	for (const struct request *r = present->requests; r; r = r->next)
		if (strcmp(r->value, "n") && !known(sym_find(r->symbol)) && !is_ours(r->symbol)) {
			vanished++;
			fprintf(out, "  vanished  CONFIG_%s\n", r->symbol);
		}
}

static bool can_be_seen(struct menu *menu)
{
	for (; menu; menu = menu->parent)
		if (!menu_is_visible(menu))
			return false;
	return true;
}

/* What can be set now and is in no configuration yet, with its default. */
static void check_new(const struct fragment *present)
{
	struct menu *menu;

	menu_for_each_entry(menu) {
		struct symbol *sym = menu->sym;

		if (!sym || !sym->name || sym_is_choice(sym) ||
		    find_request(present, sym->name, NULL) || !can_be_seen(menu))
			continue;
		sym_calc_value(sym);
		if (!sym_is_changeable(sym))
			continue;
		new++;
		fprintf(out, "  new       CONFIG_%s=%s\n", sym->name, value_of(sym));
	}
}

/* The base of all profiles: defaults that changed. */
static void compare_bases(const char *before, const char *now)
{
	struct fragment old, base;
	const struct request *r, *other;
	int changed = 0;

	read_fragment(&old, before);
	read_fragment(&base, now);
	for (r = base.requests; r; r = r->next) {
		other = find_request(&old, r->symbol, NULL);
		if (!other || !strcmp(other->value, r->value) || is_about_tools(r->symbol))
			continue;
		changed++;
		fprintf(out, "  changed   CONFIG_%s=%s, which was %s\n", r->symbol, r->value,
			other->value);
	}
	fflush(out);
	printf("tinyconfig: %d changed\n", changed);
}

/* Print what has been gathered below the line that sums it up. */
static void flush(char **text, size_t *size)
{
	fclose(out);
	fputs(*text, stdout);
	free(*text);
	out = open_memstream(text, size);
	check_memory(out);
}

int main(int argc, char **argv)
{
	int count, all_refused = 0;
	struct fragment present, *fragments;
	size_t size;
	char *text;

	start(argc, argv, 5, "OURS TINYCONFIG [-- NAME PRESENT CONFIG FRAGMENT...]...");
	out = check_memory(open_memstream(&text, &size));
	read_fragment(&ours, argv[3]);
	compare_bases(argv[4], argv[2]);
	flush(&text, &size);
	fragments = check_memory(calloc(argc, sizeof(*fragments)));
	for (argv += 5; *argv; argv += count) {
		const char *name = argv[1], *before = argv[2], *config = argv[3];
		bool overlay = !strcmp(before, "-");

		argv += 4;
		for (count = 0; argv[count] && strcmp(argv[count], "--"); count++)
			read_fragment(&fragments[count], argv[count]);
		new = 0;
		vanished = 0;
		refused = 0;
		needless = 0;
		read_config(".", config);
		check_requests(fragments, count, overlay);
		if (!overlay) {
			read_fragment(&present, before);
			check_vanished(&present);
			read_config(".", before);
			check_new(&present);
		}
		fflush(out);
		if (!overlay)
			printf("%s: %d new, %d vanished, %d refused, %d needless\n", name, new,
			       vanished, refused, needless);
		else if (refused || needless)
			printf("%s: %d refused, %d needless\n", name, refused, needless);
		flush(&text, &size);
		all_refused += refused;
	}
	return all_refused > 0;
}
