// SPDX-License-Identifier: GPL-2.0
/*
 * Find the options that an application needs and a configuration lacks, in what strace
 * wrote of the application: its system calls, the families of its sockets, and the
 * file systems in which it opened files. Prints them as a fragment.
 */
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "calls.h"

/* What strace -c sums up, and otherwise what may stand before a call and the call itself. */
#define SUMMARY	"^ *[0-9]+[.][0-9]+ +[0-9.]+ +[0-9]+ +[0-9]+ .*[^a-z0-9_]([a-z0-9_]+)$"
#define CALL	"^(\\[pid +)?[0-9]*]? *([0-9:.]+ +)?([a-z_][a-z0-9_]*)\\("
#define FAMILY	"[AP]F_([A-Z0-9]+)"
#define PATH	"\"(/(proc|sys|dev/shm|dev/pts|dev/ptmx))[/\"]"

static regex_t summary_line, call_line, family_word, path_word;

/* An option that is needed, or a call that was seen, with what tells so. */
static struct word {
	char *name, *why;
	struct word *next;
} *calls_seen, *needed;

static void add(struct word **list, const char *name, const char *why)
{
	char *reasons;

	/* By name. */
	while (*list && strcmp((*list)->name, name) < 0)
		list = &(*list)->next;
	if (!*list || strcmp((*list)->name, name)) {
		struct word *w = check_memory(calloc(1, sizeof(*w)));

		w->name = check_memory(strdup(name));
		w->why = check_memory(strdup(why));
		w->next = *list;
		*list = w;
	} else if (!strstr((*list)->why, why)) {
		reasons = check_memory(malloc(strlen((*list)->why) + strlen(why) + 3));
		sprintf(reasons, "%s, %s", (*list)->why, why);
		free((*list)->why);
		(*list)->why = reasons;
	}
}

static void need(const char *options, const char *format, const char *what)
{
	char *words = check_memory(strdup(options)), *word, why[256];

	snprintf(why, sizeof(why), format, what);
	while ((word = strsep(&words, "+")))
		if (!strcmp(value_of(sym_find(word)), "n"))
			add(&needed, word, why);
}

static void need_family(const char *family)
{
	static const char *const names[][2] = {
		{ "LOCAL", "UNIX" }, { "INET6", "IPV6" }, { "VSOCK", "VSOCKETS" },
		/* Without an option of its own. */
		{ "NETLINK", "NET" },
	};
	const char *option = family;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(family, names[i][0]))
			option = names[i][1];
	need(option, "sockets of AF_%s", family);
}

static void need_path(const char *path)
{
	const char *option = "UNIX98_PTYS";

	if (!strcmp(path, "/proc"))
		option = "PROC_FS";
	else if (!strcmp(path, "/sys"))
		option = "SYSFS";
	else if (!strcmp(path, "/dev/shm"))
		option = "TMPFS";
	need(option, "files in %s", path);
}

static char *part(char *text, const regmatch_t *m)
{
	text[m->rm_eo] = '\0';
	return text + m->rm_so;
}

static void read_line(char *line)
{
	char *name, *arguments;
	regmatch_t m[4];

	line[strcspn(line, "\n")] = '\0';
	if (!regexec(&summary_line, line, 2, m, 0)) {
		add(&calls_seen, part(line, &m[1]), "");
		return;
	}
	if (regexec(&call_line, line, 4, m, 0))
		return;
	arguments = line + m[0].rm_eo;
	name = part(line, &m[3]);
	add(&calls_seen, name, "");
	if ((!strcmp(name, "socket") || !strcmp(name, "socketpair")) &&
	    !regexec(&family_word, arguments, 2, m, 0))
		need_family(part(arguments, &m[1]));
	else if (!regexec(&path_word, arguments, 2, m, 0))
		need_path(part(arguments, &m[1]));
}

static void read_trace(const char *file)
{
	FILE *f = fopen(file, "r");
	char *line = NULL;
	size_t size = 0;

	if (!f)
		fail("cannot read", file);
	while (getline(&line, &size, f) != -1)
		read_line(line);
	if (ferror(f))
		fail("cannot read", file);
	free(line);
	fclose(f);
}

int main(int argc, char **argv)
{
	struct call *call;
	struct word *w;
	int count;

	start(argc, argv, 3, "CONFIG TRACE...");
	if (regcomp(&summary_line, SUMMARY, REG_EXTENDED) ||
	    regcomp(&call_line, CALL, REG_EXTENDED) ||
	    regcomp(&family_word, FAMILY, REG_EXTENDED) ||
	    regcomp(&path_word, PATH, REG_EXTENDED))
		fail("cannot compile", "a pattern");
	for (argv += 3; *argv; argv++)
		read_trace(*argv);
	if (!calls_seen)
		return 1;
	for (call = find_calls(&count); count; count--, call++)
		for (w = calls_seen; w; w = w->next)
			/* strace has a name of its own for one. */
			if (*call->options &&
			    !strcmp(call->name, strcmp(w->name, "umount") ? w->name : "umount2"))
				need(call->options, "%s()", call->name);
	for (w = needed; w; w = w->next)
		printf("# %s\nCONFIG_%s=y\n\n", w->why, w->name);
	return 0;
}
