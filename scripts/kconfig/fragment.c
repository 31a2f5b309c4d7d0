// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <limits.h>
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
			"Usage: %s KCONFIG CONFIG %s (run by kconfig_run of scripts/kconfig/lib.sh)\n",
			program, arguments);
		exit(2);
	}
	conf_parse(argv[1]);
	if (strcmp(argv[2], "-"))
		read_config(".", argv[2]);
}

void read_config(const char *folder, const char *name)
{
	char file[PATH_MAX];

	snprintf(file, sizeof(file), "%s%s%s", *name == '/' ? "" : folder,
		 *name == '/' ? "" : "/", name);
	if (conf_read(file))
		fail("cannot read", file);
}

static void print_mistake(const char *file, int line, const char *what, const char *text)
{
	printf("%s:%d: %s: %s\n", file, line, what, text);
}

void (*mistake)(const char *file, int line, const char *what, const char *text) = print_mistake;

/* Reading goes on after a mistake, so that all are named. */
static void complain(struct fragment *fragment, int line, const char *what, const char *text)
{
	mistake(fragment->file, line, what, text);
	fragment->mistakes++;
}

/* The length of the option's name at the start of @text, without CONFIG_; 0 for none. */
static size_t option_length(const char *text)
{
	size_t n = 0;

	if (strncmp(text, "CONFIG_", 7))
		return 0;
	while (isalnum((unsigned char)text[7 + n]) || text[7 + n] == '_')
		n++;
	return n;
}

/* A number, y, m, n, or a string in quotes: what Kconfig writes itself. */
static bool is_value(const char *value)
{
	size_t length = strlen(value);
	char *end;

	if (!strcmp(value, "y") || !strcmp(value, "m") || !strcmp(value, "n"))
		return true;
	if (*value == '"') {
		for (value++; *value && *value != '"'; value++)
			if (*value == '\\' && value[1])
				value++;
		return *value == '"' && !value[1];
	}
	strtoull(value, &end, 0);
	return length && (isdigit((unsigned char)*value) || *value == '-') && !*end;
}

/* Would somebody who reads @text take it for a setting? It is none. */
static bool looks_like_setting(const char *text)
{
	const char *name;
	size_t n;

	while (*text == '#' || isspace((unsigned char)*text))
		text++;
	name = text;
	n = option_length(name);
	text += n ? n + 7 : 0;
	while (isspace((unsigned char)*text))
		text++;
	return n && (*text == '=' || !strncmp(text, "is not", 6));
}

static void add_request(struct fragment *fragment, int line, const char *name, size_t n,
			const char *value)
{
	struct request *r = check_memory(calloc(1, sizeof(*r))), *other;

	r->symbol = check_memory(strndup(name, n));
	r->value = check_memory(strdup(value));
	r->file = fragment->file;
	r->line = line;
	r->overrides = fragment->overrides;
	for (other = fragment->requests; other; other = other->next)
		if (!strcmp(other->symbol, r->symbol) && strcmp(other->value, r->value))
			complain(fragment, line, "has another value in this file already",
				 r->symbol);
	*fragment->last = r;
	fragment->last = &r->next;
}

/* Without its end of line and blanks before that. */
static void read_line(struct fragment *fragment, int line, const char *text)
{
	static const char unset[] = " is not set";
	bool negated = !strncmp(text, "# CONFIG_", 9);
	const char *name = negated ? text + 2 : text;
	size_t n = option_length(name);

	if (!*text)
		fragment->overrides = false;
	else if (negated && n && !strcmp(name + 7 + n, unset))
		add_request(fragment, line, name + 7, n, "n");
	else if (!negated && n && name[7 + n] == '=' && is_value(name + 8 + n))
		add_request(fragment, line, name + 7, n, name + 8 + n);
	else if (n && !negated && name[7 + n] == '=')
		complain(fragment, line,
			 "is not a value; want y, m, n, a number or a \"string\"", text);
	else if (looks_like_setting(text))
		complain(fragment, line,
			 "a setting with a mistake in it; want CONFIG_NAME=VALUE or # CONFIG_NAME is not set",
			 text);
	else if (*text != '#')
		complain(fragment, line,
			 "neither a setting nor a comment; want CONFIG_NAME=VALUE", text);
	else if (!strncmp(text, "# Overrides:", 12))
		fragment->overrides = true;
}

bool read_fragment(struct fragment *fragment, const char *file)
{
	char *text = NULL;
	size_t size = 0;
	int line = 0;
	ssize_t length;
	FILE *f;

	memset(fragment, 0, sizeof(*fragment));
	fragment->file = file;
	fragment->last = &fragment->requests;
	f = fopen(file, "r");
	if (!f)
		fail("cannot read", file);
	while ((length = getline(&text, &size, f)) != -1) {
		line++;
		if ((size_t)length != strlen(text)) {
			complain(fragment, line, "has a byte of value 0", text);
			continue;
		}
		while (length && isspace((unsigned char)text[length - 1]))
			text[--length] = '\0';
		read_line(fragment, line, text);
	}
	if (ferror(f))
		fail("cannot read", file);
	fclose(f);
	free(text);
	return !fragment->mistakes;
}

const struct request *find_request(const struct fragment *fragment, const char *symbol,
				   const struct request *end)
{
	const struct request *r, *found = NULL;

	for (r = fragment->requests; r && r != end; r = r->next)
		if (!strcmp(r->symbol, symbol))
			found = r;
	return found;
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

bool is_about_tools(const char *name)
{
	static const char *const tools[] = {
		"AS_", "CC_", "CLANG_", "GCC_", "LD_", "LLD_", "PAHOLE_", "RUSTC_", "TOOLS_",
	};

	for (size_t i = 0; i < sizeof(tools) / sizeof(*tools); i++)
		if (!strncmp(name, tools[i], strlen(tools[i])))
			return true;
	return false;
}
