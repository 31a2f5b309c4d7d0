// SPDX-License-Identifier: GPL-2.0
/*
 * Let Kconfig complete configurations, compare them with what their fragments
 * request, and say for each option that got another value which fragment asked for
 * it and which dependency stood in the way.
 *
 * Linked with the parser of the kernel that is configured, since only that
 * one knows its language exactly; scripts/kconfig/configure builds and runs it
 * in the environment that the kernel's Makefile sets up for the parser.
 *
 * FOLDER/merged is the base configuration followed by the fragments. If all that they
 * request came out, FOLDER/.config and FOLDER/defconfig are written. Parsing Kconfig
 * takes longer than all else, hence several configurations in one run.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fragment.h"

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
	printf("    needs %s\n", str_get(&text));
	str_free(&text);
}

static void explain_missing(struct symbol *sym, const char *requested)
{
	struct menu *choice = sym_get_choice_menu(sym);
	struct property *prop;
	bool visible = false;

	if (!strcmp(requested, "m") && sym->type == S_TRISTATE &&
	    sym_get_tristate_value(modules_sym) == no) {
		printf("    a module needs CONFIG_MODULES=y; or build it in with =y\n");
		return;
	}
	if (!strcmp(requested, "m") && sym->type == S_BOOLEAN) {
		printf("    cannot be a module: want y or n\n");
		return;
	}
	if (sym->dir_dep.expr && expr_calc_value(sym->dir_dep.expr) != yes) {
		print_unmet(sym->dir_dep.expr);
		return;
	}
	for_all_prompts(sym, prop) {
		visible = true;
		if (prop->visible.expr &&
		    expr_calc_value(prop->visible.expr) != yes)
			print_unmet(prop->visible.expr);
	}
	if (!visible) {
		fprintf(stderr,
			"    cannot be requested: it has no prompt, other options select it\n");
	} else if (choice) {
		struct symbol *chosen = sym_calc_choice(choice);

		if (chosen && chosen != sym)
			printf("    the choice fell on %s\n",
				chosen->name);
	}
}

static void explain_present(struct symbol *sym)
{
	struct property *prop;
	struct gstr text;
	bool visible = false;

	if (sym->rev_dep.expr && expr_calc_value(sym->rev_dep.expr) != no) {
		text = str_new();
		expr_gstr_print_revdep(sym->rev_dep.expr, &text, yes,
				       "    selected by:\n");
		fputs(str_get(&text), stdout);
		str_free(&text);
		return;
	}
	for_all_prompts(sym, prop)
		if (!prop->visible.expr ||
		    expr_calc_value(prop->visible.expr) != no)
			visible = true;
	if (!visible)
		fprintf(stderr,
			"    cannot be switched off: no prompt is visible, its default is y\n");
}

static bool verify(const struct request *r)
{
	struct symbol *sym = sym_find(r->symbol);
	const char *value;

	if (!known(sym)) {
		/* An option that does not exist is not set. */
		if (!strcmp(r->value, "n"))
			return true;
		printf("CONFIG_%s=%s of %s:%d: Linux %s has no such option\n",
			r->symbol, r->value, r->file, r->line,
			getenv("KERNELVERSION"));
		return false;
	}
	sym_calc_value(sym);
	value = sym_get_string_value(sym);
	if (same_value(sym, value, r->value))
		return true;

	printf("CONFIG_%s=%s of %s:%d became %s\n", r->symbol,
		r->value, r->file, r->line, *value ? value : "unset");
	if (!strcmp(r->value, "n"))
		explain_present(sym);
	else
		explain_missing(sym, r->value);
	return false;
}

/* The later request for a symbol replaces the earlier one, as in a merge. */
static const struct request *replacement(const struct request *r,
					 const struct fragment *fragments, int i, int count)
{
	const struct request *other = r->next;

	for (;;) {
		for (; other; other = other->next)
			if (!strcmp(other->symbol, r->symbol))
				return other;
		if (++i == count)
			return NULL;
		other = fragments[i].requests;
	}
}

/* Two fragments may disagree only if the later one says that it means to. */
static bool contradicted(const struct request *r, const struct request *later)
{
	/* A file that contradicts itself has been named when it was read. */
	if (later->overrides || r->file == later->file || !strcmp(r->value, later->value))
		return false;
	printf("CONFIG_%s=%s of %s:%d contradicts %s of %s:%d\n"
		"    if it means to, begin the comment of its group with '# Overrides:'\n",
		later->symbol, later->value, later->file, later->line,
		r->value, r->file, r->line);
	return true;
}

static bool verify_all(const struct fragment *fragments, int count)
{
	int total = 0, dropped = 0, wrong = 0;
	const struct request *later;

	for (int i = 0; i < count; i++) {
		wrong += fragments[i].mistakes > 0;
		for (const struct request *r = fragments[i].requests; r; r = r->next) {
			later = replacement(r, fragments, i, count);
			if (later) {
				wrong += contradicted(r, later);
				continue;
			}
			total++;
			dropped += !verify(r);
		}
	}
	if (dropped)
		printf("%d of %d requested options are not in the result\n", dropped, total);
	else if (!wrong)
		printf("    %d requested options verified\n", total);
	return !dropped && !wrong;
}

int main(int argc, char **argv)
{
	struct fragment *fragments;
	char file[PATH_MAX];
	bool good = true;
	int count;

	start(argc, argv, 4, "FOLDER FRAGMENT... [-- FOLDER FRAGMENT...]...");
	conf_set_message_callback(NULL);
	fragments = check_memory(calloc(argc, sizeof(*fragments)));
	for (argv += 3; *argv; argv += count + !!argv[count]) {
		const char *folder = *argv++;

		read_config(folder, "merged");
		for (count = 0; argv[count] && strcmp(argv[count], "--"); count++)
			read_fragment(&fragments[count], argv[count]);
		if (!verify_all(fragments, count)) {
			good = false;
			continue;
		}
		snprintf(file, sizeof(file), "%s/.config", folder);
		if (conf_write(file))
			fail("cannot write", file);
		snprintf(file, sizeof(file), "%s/defconfig", folder);
		if (conf_write_defconfig(file))
			fail("cannot write", file);
	}
	return !good;
}
