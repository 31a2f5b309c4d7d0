// SPDX-License-Identifier: GPL-2.0
/*
 * Usage: records [--kunit|--redis] <CONSOLE
 *
 * The verdicts on the console of a guest that ran kselftests or one of the suites beside
 * this file, or KUnit while it started; or what Redis's runtest printed: a line
 * "TEST|VERDICT" each. Numbers and addresses become N, as they vary from run to run; lines
 * that are no verdict are left out.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char test[256];

static bool begins(const char *line, const char *with)
{
	return !strncmp(line, with, strlen(with));
}

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " \t");
}

/* Behind "ok N" or "not ok N", or NULL if it does not begin so. */
static const char *behind_ok(const char *s)
{
	s += begins(s, "not ") ? 4 : 0;
	if (!begins(s, "ok ") || !isdigit(s[3]))
		return NULL;
	return s + 3 + strspn(s + 3, "0123456789");
}

static void note(const char *s, bool only_addresses)
{
	printf("%s|", test);
	while (*s) {
		if (begins(s, "0x") && strspn(s + 2, "0123456789abcdef")) {
			s += 2 + strspn(s + 2, "0123456789abcdef");
			putchar('N');
		} else if (isdigit(*s) && !only_addresses) {
			s += strspn(s, "0123456789");
			if (*s == '.' && isdigit(s[1]))
				s += 1 + strspn(s + 1, "0123456789");
			putchar('N');
		} else if ((*s == ' ' || *s == '\t') && !only_addresses) {
			s = skip_blanks(s);
			putchar(' ');
		} else {
			putchar(*s++);
		}
	}
	putchar('\n');
}

/* The test of "selftests: COLLECTION: TEST # MORE" */
static bool name_test(const char *s)
{
	const char *collection, *name, *end;
	size_t length;

	if (!begins(s, "selftests: "))
		return false;
	collection = s + 11;
	name = strstr(collection, ": ");
	if (!name || memchr(collection, ' ', name - collection))
		return false;
	length = strlen(name + 2);
	end = strstr(name + 2, " #");
	if (end)
		length = end - name - 2;
	end = strstr(name + 2, ": ");
	if (end && length > (size_t)(end - name - 2))
		length = end - name - 2;
	snprintf(test, sizeof(test), "%.*s:%.*s", (int)(name - collection), collection,
		 (int)length, name + 2);
	return true;
}

/* What a test says of its parts: "ok" in any depth of "# ", or a word in brackets */
static bool is_verdict(const char *line)
{
	static const char *const words[] = { "[OK]", "[FAIL]", "[SKIP]", "[WARN]", "[XFAIL]" };
	const char *s = line;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(line, words[i]))
			return true;
	if (*s++ != '#')
		return false;
	s += strspn(s, " ");
	while (begins(s, "# "))
		s += 2;
	s += begins(s, "not ") ? 4 : 0;
	return begins(s, "ok ");
}

static void take_selftest(const char *line)
{
	const char *rest = behind_ok(line), *verdict;
	char name[201], word[16];

	if (begins(line, "# ") && name_test(line + 2))
		return;
	if (rest && *rest == ' ' && begins(rest + 1, "selftests: ")) {
		verdict = line[0] == 'n' ? "= failed" : strstr(line, "# SKIP") ||
			strstr(line, "#SKIP") ? "= skipped" : "= passed";
		if (strstr(line, "# TIMEOUT"))
			verdict = "= timed out";
		/* The header is lost if a test has left its line unfinished. */
		name_test(rest + 1);
		note(verdict, false);
		test[0] = 0;
	} else if (sscanf(line, "=== %200s %15s", name, word) == 2 && strchr(name, ':') &&
		   (!strcmp(word, "passed") || !strcmp(word, "failed") ||
		    !strcmp(word, "skipped"))) {
		printf("%s|= %s\n", name, word);
		test[0] = 0;
	} else if (test[0] && is_verdict(line)) {
		note(line[0] == '#' ? skip_blanks(line + 1) : line, false);
	}
}

static void take_kunit(const char *line)
{
	static bool on;
	const char *s = line;

	/* The time of the kernel's log */
	if (*s == '[' && s[1 + strspn(s + 1, " 0123456789.")] == ']')
		s += 2 + strspn(s + 1, " 0123456789.");
	s += strspn(s, " ");
	on |= !!strstr(s, "KTAP version");
	if (begins(s, "# Subtest: "))
		snprintf(test, sizeof(test), "kunit:%s", strrchr(s, ' ') + 1);
	else if (on && behind_ok(s))
		note(s, true);
}

/*
 * "[ok]: NAME (TIME)", without colours. Names are those of the unit whose end comes behind
 * them, and some come more than once.
 */
static void take_redis(char *line)
{
	static const char *const words[][2] = {
		{ "[ok]: ", "passed" }, { "[err]: ", "failed" }, { "[exception]: ", "failed" },
		{ "[skip]: ", "skipped" }, { "[ignore]: ", "skipped" },
	};
	static struct { char *name; const char *verdict; } *verdicts;
	static size_t n;
	char *from, *to, *end;
	size_t i;

	for (from = to = line; *from; from++) {
		if (*from == '\033' && strchr(from, 'm'))
			from = strchr(from, 'm');
		else
			*to++ = *from == '|' ? '/' : *from;
	}
	*to = 0;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!begins(line, words[i][0]))
			continue;
		end = strstr(line, " (");
		for (to = end; to; to = strstr(to + 1, " ("))
			end = to;
		if (end && strstr(end, " ms)"))
			*end = 0;
		verdicts = realloc(verdicts, (n + 1) * sizeof(*verdicts));
		if (!verdicts)
			err(1, NULL);
		verdicts[n].name = strdup(line + strlen(words[i][0]));
		verdicts[n++].verdict = words[i][1];
	}
	from = strstr(line, " done]: ");
	if (*line != '[' || !isdigit(line[1]) || !from)
		return;
	from += 8;
	from[strcspn(from, " ")] = 0;
	for (i = 0; i < n; i++) {
		snprintf(test, sizeof(test), "redis:%s: %s", from, verdicts[i].name);
		printf("%s|= %s\n", test, verdicts[i].verdict);
		free(verdicts[i].name);
	}
	printf("redis:%s: end|= passed\n", from);
	n = 0;
}

int main(int argc, char **argv)
{
	bool only_kunit = argc == 2 && !strcmp(argv[1], "--kunit");
	bool only_redis = argc == 2 && !strcmp(argv[1], "--redis");
	char *line = NULL, *from, *to;
	size_t size = 0;
	ssize_t len;

	if (argc > 1 && !only_kunit && !only_redis)
		errx(2, "Usage: records [--kunit|--redis] <CONSOLE");
	strcpy(test, only_kunit ? "kunit:" : "");
	while ((len = getline(&line, &size, stdin)) > 0) {
		for (from = to = line; from < line + len; from++)
			if (*from && *from != '\r' && *from != '\n')
				*to++ = *from;
		*to = 0;
		if (only_kunit)
			take_kunit(line);
		else if (only_redis)
			take_redis(line);
		else
			take_selftest(line);
	}
	return 0;
}
