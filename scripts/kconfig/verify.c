// SPDX-License-Identifier: GPL-2.0
/*
 * Compare what fragments request with what Kconfig made of it, and say for
 * each option that got another value which fragment asked for it and which
 * dependency stood in the way.
 *
 * Linked with the parser of the kernel that is configured, since only that
 * one knows its language exactly; scripts/kconfig/configure builds and runs it
 * in the environment that the kernel's Makefile sets up for the parser.
 */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lkc.h"

struct request {
	char *symbol;
	char *value;
	const char *file;
	int line;
	struct request *next;
};

static struct request *requests;
static struct request **last = &requests;

static void fail(const char *what, const char *file)
{
	fprintf(stderr, "verify: error: %s %s: %s\n", what, file,
		strerror(errno));
	exit(2);
}

static void *check_memory(void *p)
{
	if (!p)
		fail("cannot store", "an option");
	return p;
}

/* The later request for a symbol replaces the earlier one, as in a merge. */
static void add_request(const char *symbol, size_t length, const char *value,
			const char *file, int line)
{
	struct request *r;

	for (r = requests; r; r = r->next)
		if (strlen(r->symbol) == length &&
		    !strncmp(r->symbol, symbol, length))
			break;
	if (r) {
		free(r->value);
	} else {
		r = check_memory(calloc(1, sizeof(*r)));
		r->symbol = check_memory(strndup(symbol, length));
		*last = r;
		last = &r->next;
	}
	r->value = check_memory(strdup(value));
	r->file = file;
	r->line = line;
}

static void read_fragment(const char *file)
{
	static const char unset[] = " is not set";
	char *text = NULL;
	size_t size = 0;
	int line = 0;
	ssize_t length;
	FILE *f;

	f = fopen(file, "r");
	if (!f)
		fail("cannot read", file);
	while ((length = getline(&text, &size, f)) != -1) {
		const char *name = text;
		bool negated = false;
		size_t n = 0;

		line++;
		while (length && isspace((unsigned char)text[length - 1]))
			text[--length] = '\0';
		if (!strncmp(name, "# CONFIG_", 9)) {
			negated = true;
			name += 2;
		}
		if (strncmp(name, "CONFIG_", 7))
			continue;
		name += 7;
		while (isalnum((unsigned char)name[n]) || name[n] == '_')
			n++;
		if (negated && !strcmp(name + n, unset))
			add_request(name, n, "n", file, line);
		else if (!negated && name[n] == '=')
			add_request(name, n, name + n + 1, file, line);
	}
	if (ferror(f))
		fail("cannot read", file);
	fclose(f);
	free(text);
}

/* Print the terms of an expression that keep it below yes. */
static void print_unmet(struct expr *e)
{
	struct gstr text;

	if (e->type == E_AND) {
		if (expr_calc_value(e->left.expr) != yes)
			print_unmet(e->left.expr);
		if (expr_calc_value(e->right.expr) != yes)
			print_unmet(e->right.expr);
		return;
	}
	text = str_new();
	expr_gstr_print(e, &text);
	fprintf(stderr, "    needs %s\n", str_get(&text));
	str_free(&text);
}

static void explain_missing(struct symbol *sym)
{
	struct menu *choice = sym_get_choice_menu(sym);
	struct property *prop;
	bool has_prompt = false;

	if (sym->dir_dep.expr && expr_calc_value(sym->dir_dep.expr) != yes) {
		print_unmet(sym->dir_dep.expr);
		return;
	}
	for_all_prompts(sym, prop) {
		has_prompt = true;
		if (prop->visible.expr &&
		    expr_calc_value(prop->visible.expr) != yes)
			print_unmet(prop->visible.expr);
	}
	if (!has_prompt) {
		fprintf(stderr,
			"    cannot be requested: it has no prompt, other options select it\n");
	} else if (choice) {
		struct symbol *chosen = sym_calc_choice(choice);

		if (chosen && chosen != sym)
			fprintf(stderr, "    the choice fell on %s\n",
				chosen->name);
	}
}

static void explain_present(struct symbol *sym)
{
	struct property *prop;
	struct gstr text;
	bool has_prompt = false;

	if (sym->rev_dep.expr && expr_calc_value(sym->rev_dep.expr) != no) {
		text = str_new();
		expr_gstr_print_revdep(sym->rev_dep.expr, &text, yes,
				       "    selected by:\n");
		fputs(str_get(&text), stderr);
		str_free(&text);
		return;
	}
	for_all_prompts(sym, prop)
		if (!prop->visible.expr ||
		    expr_calc_value(prop->visible.expr) != no)
			has_prompt = true;
	if (!has_prompt)
		fprintf(stderr,
			"    cannot be switched off: no prompt is visible, its default is y\n");
}

/* Without the quotes, for strings. */
static bool same_value(const struct symbol *sym, const char *value,
		       const char *requested)
{
	size_t length = strlen(requested);

	if (sym->type == S_STRING && length >= 2 && requested[0] == '"')
		return strlen(value) == length - 2 &&
		       !strncmp(value, requested + 1, length - 2);
	if (sym->type == S_INT || sym->type == S_HEX)
		return strtoull(value, NULL, 0) ==
		       strtoull(requested, NULL, 0) && *value;
	return !strcmp(value, requested);
}

static bool verify(const struct request *r)
{
	struct symbol *sym = sym_find(r->symbol);
	const char *value;

	if (!sym || sym->type == S_UNKNOWN) {
		/* An option that does not exist is not set. */
		if (!strcmp(r->value, "n"))
			return true;
		fprintf(stderr, "CONFIG_%s=%s of %s:%d: Linux %s has no such option\n",
			r->symbol, r->value, r->file, r->line,
			getenv("KERNELVERSION"));
		return false;
	}
	sym_calc_value(sym);
	value = sym_get_string_value(sym);
	if (same_value(sym, value, r->value))
		return true;

	fprintf(stderr, "CONFIG_%s=%s of %s:%d became %s\n", r->symbol,
		r->value, r->file, r->line, *value ? value : "unset");
	if (!strcmp(r->value, "n"))
		explain_present(sym);
	else
		explain_missing(sym);
	return false;
}

int main(int argc, char **argv)
{
	struct request *r;
	int total = 0, dropped = 0;

	if (argc < 4 || !getenv("srctree") || !getenv("KERNELVERSION")) {
		fprintf(stderr,
			"usage: verify KCONFIG CONFIG FRAGMENT... (run by scripts/kconfig/configure)\n");
		return 2;
	}
	conf_parse(argv[1]);
	if (conf_read(argv[2]))
		fail("cannot read", argv[2]);
	for (int i = 3; i < argc; i++)
		read_fragment(argv[i]);
	for (r = requests; r; r = r->next, total++)
		if (!verify(r))
			dropped++;
	if (dropped) {
		fprintf(stderr, "%d of %d requested options are not in the result\n",
			dropped, total);
		return 1;
	}
	printf("    %d requested options verified\n", total);
	return 0;
}
