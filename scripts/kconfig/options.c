// SPDX-License-Identifier: GPL-2.0
/*
 * List what a configuration selects, one option a line, separated by tabs:
 * name, value, how it came about, the Kconfig file that defines it, its menu.
 *
 * How it came about: "chosen" has a prompt and a user may change it, "selected"
 * has a prompt and another option forces it, "derived" has no prompt: it says
 * what the machine or the compiler can do, or follows from other options.
 *
 * With --known instead: every option that this kernel has, selected or not. Of
 * several configurations, the number of each comes first in the line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <list.h>

#include "fragment.h"

static const char *origin(struct symbol *sym)
{
	if (!has_prompt(sym))
		return "derived";
	return sym_is_changeable(sym) ? "chosen" : "selected";
}

static void print_path(const struct menu *menu)
{
	if (!menu || menu == &rootmenu)
		return;
	print_path(menu->parent);
	if (!menu->sym && menu->prompt && menu->prompt->type == P_MENU)
		printf("/%s", menu->prompt->text);
}

static void print(struct symbol *sym, const char *value)
{
	const struct menu *menu = NULL;
	struct menu *m;

	/* Where its prompt is, or else where it stands first. */
	list_for_each_entry(m, &sym->menus, link)
		if (!menu || (!menu->prompt && m->prompt))
			menu = m;
	printf("%s\t%s\t%s\t%s\t", sym->name, value, origin(sym),
	       menu ? menu->filename : "-");
	print_path(menu);
	putchar('\n');
}

int main(int argc, char **argv)
{
	bool all = argc > 3 && !strcmp(argv[3], "--known");
	struct menu *menu;

	start(argc, argv, 2, "[--known] [CONFIG...]");
	for (int i = 2; i < argc; i++) {
		if (i == 3 && all)
			continue;
		if (i > 2 && conf_read(argv[i]))
			fail("cannot read", argv[i]);
		menu_for_each_entry(menu)
			if (menu->sym)
				menu->sym->flags &= ~SYMBOL_WRITTEN;
		menu_for_each_entry(menu) {
			struct symbol *sym = menu->sym;
			const char *value;

			if (!sym || sym_is_choice(sym) || (sym->flags & SYMBOL_WRITTEN))
				continue;
			sym->flags |= SYMBOL_WRITTEN;
			value = value_of(sym);
			/* What depends on something that is off is not in .config. */
			if (!(sym->flags & SYMBOL_WRITE))
				value = "n";
			if (!all && !strcmp(value, "n"))
				continue;
			if (argc > 3 + all)
				printf("%d\t", i - 2);
			print(sym, value);
		}
	}
	return 0;
}
