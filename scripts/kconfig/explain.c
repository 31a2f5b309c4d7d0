// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "explain.h"

/* Print the terms of an expression that keep it below yes. */
static void print_unmet(FILE *out, struct expr *e)
{
	struct gstr text;

	if (e->type == E_AND) {
		if (expr_calc_value(e->left.expr) != yes)
			print_unmet(out, e->left.expr);
		if (expr_calc_value(e->right.expr) != yes)
			print_unmet(out, e->right.expr);
		return;
	}
	text = str_new();
	expr_gstr_print(e, &text);
	fprintf(out, "    needs %s\n", str_get(&text));
	str_free(&text);
}

static void explain_missing(FILE *out, struct symbol *sym, const char *requested)
{
	struct menu *choice = sym_get_choice_menu(sym);
	struct property *prop;
	bool visible = false;

	if (!strcmp(requested, "m") && sym->type == S_TRISTATE &&
	    sym_get_tristate_value(modules_sym) == no) {
		fprintf(out, "    a module needs CONFIG_MODULES=y; or build it in with =y\n");
		return;
	}
	if (!strcmp(requested, "m") && sym->type == S_BOOLEAN) {
		fprintf(out, "    cannot be a module: want y or n\n");
		return;
	}
	if (sym->dir_dep.expr && expr_calc_value(sym->dir_dep.expr) != yes) {
		print_unmet(out, sym->dir_dep.expr);
		return;
	}
	for_all_prompts(sym, prop) {
		visible = true;
		if (prop->visible.expr &&
		    expr_calc_value(prop->visible.expr) != yes)
			print_unmet(out, prop->visible.expr);
	}
	if (!visible) {
		fprintf(out,
			"    cannot be requested: it has no prompt, other options select it\n");
	} else if (choice) {
		struct symbol *chosen = sym_calc_choice(choice);

		if (chosen && chosen != sym)
			fprintf(out, "    the choice fell on %s\n",
				chosen->name);
	}
}

static void explain_present(FILE *out, struct symbol *sym)
{
	struct property *prop;
	struct gstr text;
	bool visible = false;

	if (sym->rev_dep.expr && expr_calc_value(sym->rev_dep.expr) != no) {
		text = str_new();
		expr_gstr_print_revdep(sym->rev_dep.expr, &text, yes,
				       "    selected by:\n");
		fputs(str_get(&text), out);
		str_free(&text);
		return;
	}
	for_all_prompts(sym, prop)
		if (!prop->visible.expr ||
		    expr_calc_value(prop->visible.expr) != no)
			visible = true;
	if (!visible)
		fprintf(out,
			"    cannot be switched off: no prompt is visible, its default is y\n");
}

void explain(FILE *out, struct symbol *sym, const char *requested)
{
	if (!strcmp(requested, "n"))
		explain_present(out, sym);
	else
		explain_missing(out, sym, requested);
}

const struct request *replacement(const struct request *r, const struct fragment *fragments,
				  int i, int count)
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
