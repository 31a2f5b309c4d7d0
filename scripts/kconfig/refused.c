// SPDX-License-Identifier: GPL-2.0
/*
 * See whether the options that an option refuses are refused.
 *
 * Which ones these are is taken from what the option depends on: "!X" and "X=n".
 * For each of them and each value that it can have there is one configuration, with
 * all options of the kernel switched on but the others that are refused; either the
 * option or the one that it refuses must be off in it. Without the option, the same
 * configuration must have the other: otherwise it shows nothing.
 *
 * Prints one line for each, and writes the configurations to NAME-VALUE.config in
 * a folder. Options that are to be refused by other means, such as a list in a
 * document, can be compared with the lines.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fragment.h"
#include "internal.h"

#define MAX_REFUSED	64

static struct symbol *refused[MAX_REFUSED];
static int count;
/* Of what the option depends on, what is no refusal. */
static struct symbol *needed[MAX_REFUSED];
static int needs;

static void request(struct symbol *sym, tristate value)
{
	sym->def[S_DEF_USER].tri = value;
	sym->flags |= SYMBOL_DEF_USER;
}

static tristate value(struct symbol *sym)
{
	sym_calc_value(sym);
	return sym_get_tristate_value(sym);
}

static void add(struct symbol **list, int *n, struct symbol *sym)
{
	if (*n == MAX_REFUSED) {
		fprintf(stderr, "refused: error: more than %d options\n", MAX_REFUSED);
		exit(2);
	}
	list[(*n)++] = sym;
}

static void collect(struct expr *e)
{
	struct symbol *sym;

	switch (e->type) {
	case E_AND:
		collect(e->left.expr);
		collect(e->right.expr);
		return;
	case E_SYMBOL:
		add(needed, &needs, e->left.sym);
		return;
	case E_NOT:
		if (e->left.expr->type == E_SYMBOL) {
			add(refused, &count, e->left.expr->left.sym);
			return;
		}
		break;
	case E_EQUAL:
		sym = e->right.sym;
		if (sym == &symbol_no || !strcmp(sym->name, "n")) {
			add(refused, &count, e->left.sym);
			return;
		}
		break;
	default:
		break;
	}
	fprintf(stderr, "refused: error: it depends on more than options and refusals\n");
	exit(2);
}

/* Request @sym, or nothing that selects it. */
static void turn(struct symbol *sym, tristate tri, int depth)
{
	struct menu *choice = sym_get_choice_menu(sym), *menu;
	struct property *prop;
	struct symbol *other;

	/* Of a choice, the default applies where nothing is requested. */
	if (choice)
		menu_for_each_sub_entry(menu, choice)
			if (menu->sym)
				menu->sym->flags &= ~SYMBOL_DEF_USER;
	if (!choice || tri != no)
		request(sym, tri);
	if (depth == 0)
		return;
	for_all_symbols(other)
		for_all_properties(other, prop, P_SELECT)
			if (prop_get_symbol(prop) == sym)
				turn(other, tri, depth - 1);
}

/* All options on, of the refused ones @sym only; the option as @wanted. */
static void begin(struct symbol *option, tristate wanted, struct symbol *sym, tristate tri)
{
	struct property *prop;
	struct symbol *other;
	int i;

	for_all_symbols(other) {
		other->flags &= ~SYMBOL_DEF_USER;
		if ((other->type == S_BOOLEAN || other->type == S_TRISTATE) &&
		    has_prompt(other) && !sym_get_choice_menu(other))
			request(other, yes);
	}
	for (i = 0; i < count; i++)
		turn(refused[i], no, 2);
	if (sym)
		turn(sym, tri, has_prompt(sym) ? 0 : 1);
	request(option, wanted);
	/* What has no prompt follows another. */
	if (!has_prompt(option))
		for_all_defaults(option, prop)
			if (prop->expr->type == E_SYMBOL)
				request(prop->expr->left.sym, wanted);
	sym_clear_all_valid();
}

static const char *name_of(tristate tri)
{
	return tri == yes ? "y" : tri == mod ? "m" : "n";
}

/* Returns whether there is a fault. */
static bool check(struct symbol *option, struct symbol *sym, tristate tri,
		  const char *folder)
{
	char file[4096];
	bool both;

	begin(option, yes, sym, tri);
	both = value(option) != no && value(sym) != no;
	snprintf(file, sizeof(file), "%s/%s-%s.config", folder, sym->name, name_of(tri));
	if (conf_write(file))
		fail("cannot write", file);
	if (both) {
		printf("not ok - %s=%s and %s=%s can be had together\n", option->name,
		       name_of(value(option)), sym->name, name_of(value(sym)));
		return true;
	}

	begin(option, no, sym, tri);
	if (value(sym) != tri) {
		printf("ok - %s refuses %s=%s # SKIP it is %s here without %s, too\n",
		       option->name, sym->name, name_of(tri), name_of(value(sym)),
		       option->name);
		return false;
	}
	printf("ok - %s refuses %s=%s\n", option->name, sym->name, name_of(tri));
	return false;
}

int main(int argc, char **argv)
{
	struct property *prop;
	struct symbol *option;
	int i, own, faults = 0;

	start(argc, argv, 4, "OPTION FOLDER");
	option = sym_find(argv[3]);
	if (!known(option) || !option->dir_dep.expr) {
		fprintf(stderr, "refused: error: there is no %s that depends on anything\n",
			argv[3]);
		return 2;
	}
	collect(option->dir_dep.expr);

	/* The option that it follows refuses some, too. */
	own = count;
	if (!has_prompt(option))
		for_all_defaults(option, prop)
			if (prop->expr->type == E_SYMBOL &&
			    prop->expr->left.sym->dir_dep.expr)
				collect(prop->expr->left.sym->dir_dep.expr);

	begin(option, yes, NULL, no);
	if (value(option) == no) {
		fprintf(stderr, "refused: error: %s is off without all that it refuses\n",
			option->name);
		for (i = 0; i < needs; i++)
			if (value(needed[i]) == no)
				fprintf(stderr, "    needs %s\n", needed[i]->name);
		for (i = 0; i < count; i++)
			if (value(refused[i]) != no)
				fprintf(stderr, "    %s cannot be switched off\n",
					refused[i]->name);
		return 2;
	}
	for (i = 0; i < own; i++) {
		if (refused[i]->type == S_TRISTATE)
			faults += check(option, refused[i], mod, argv[4]);
		faults += check(option, refused[i], yes, argv[4]);
	}
	return faults > 0;
}
