// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fragment.h"

static const char *program = "kconfig";

void fail(const char *what, const char *file)
{
	fprintf(stderr, "%s: error: %s %s: %s\n", program, what, file,
		strerror(errno));
	exit(2);
}

void *check_memory(void *p)
{
	if (!p)
		fail("cannot store", "an option");
	return p;
}

void start(int argc, char **argv, int needed, const char *arguments)
{
	char *slash = strrchr(argv[0], '/');

	program = slash ? slash + 1 : argv[0];
	if (argc < needed + 1 || !getenv("srctree") || !getenv("KERNELVERSION")) {
		fprintf(stderr,
			"usage: %s KCONFIG CONFIG %s (run by kconfig_run of scripts/kconfig/lib.sh)\n",
			program, arguments);
		exit(2);
	}
	conf_parse(argv[1]);
	if (conf_read(argv[2]))
		fail("cannot read", argv[2]);
}

void read_fragment(struct fragment *fragment, const char *file)
{
	static const char unset[] = " is not set";
	char *text = NULL;
	size_t size = 0;
	int line = 0;
	ssize_t length;
	FILE *f;

	fragment->file = file;
	fragment->requests = NULL;
	fragment->last = &fragment->requests;
	f = fopen(file, "r");
	if (!f)
		fail("cannot read", file);
	while ((length = getline(&text, &size, f)) != -1) {
		const char *name = text, *value;
		bool negated = false;
		struct request *r;
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
			value = "n";
		else if (!negated && name[n] == '=')
			value = name + n + 1;
		else
			continue;
		r = check_memory(calloc(1, sizeof(*r)));
		r->symbol = check_memory(strndup(name, n));
		r->value = check_memory(strdup(value));
		r->file = file;
		r->line = line;
		*fragment->last = r;
		fragment->last = &r->next;
	}
	if (ferror(f))
		fail("cannot read", file);
	fclose(f);
	free(text);
}

const char *value_of(struct symbol *sym)
{
	const char *value;

	if (!known(sym))
		return "n";
	sym_calc_value(sym);
	value = sym_get_string_value(sym);
	return *value || sym->type == S_STRING ? value : "n";
}

/* Without the quotes, for strings. */
bool same_value(const struct symbol *sym, const char *value,
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
