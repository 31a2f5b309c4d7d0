// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include <list.h>

#include "options.h"

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct option *)a)->name, ((const struct option *)b)->name);
}

static void add(struct options *options, struct symbol *sym)
{
	const struct menu *menu = NULL;
	struct option *o;
	struct menu *m;

	if (options->count % 1024 == 0)
		options->list = check_memory(realloc(options->list, (options->count + 1024) *
						     sizeof(*options->list)));
	o = &options->list[options->count++];
	o->name = sym->name;
	o->value = check_memory(strdup(value_of(sym)));
	/* What depends on something that is off is not in .config. */
	if (!(sym->flags & SYMBOL_WRITE))
		strcpy(o->value, "n");
	o->origin = !has_prompt(sym) ? DERIVED : sym_is_changeable(sym) ? CHOSEN : SELECTED;
	/* Where its prompt is, or else where it stands first. */
	list_for_each_entry(m, &sym->menus, link)
		if (!menu || (!menu->prompt && m->prompt))
			menu = m;
	o->file = menu ? menu->filename : "-";
}

struct options read_options(const char *config)
{
	struct options options = { 0 };
	struct menu *menu;

	read_config(".", config);
	menu_for_each_entry(menu)
		if (menu->sym)
			menu->sym->flags &= ~SYMBOL_WRITTEN;
	menu_for_each_entry(menu) {
		struct symbol *sym = menu->sym;

		if (!sym || sym_is_choice(sym) || (sym->flags & SYMBOL_WRITTEN))
			continue;
		sym->flags |= SYMBOL_WRITTEN;
		add(&options, sym);
	}
	qsort(options.list, options.count, sizeof(*options.list), by_name);
	return options;
}

const struct option *find_option(const struct options *options, const char *name)
{
	struct option key = { .name = name };

	return bsearch(&key, options->list, options->count, sizeof(key), by_name);
}

bool is_on(const struct option *option)
{
	return option && strcmp(option->value, "n");
}
