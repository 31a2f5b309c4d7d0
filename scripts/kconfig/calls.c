// SPDX-License-Identifier: GPL-2.0
/*
 * Find the system calls of x86-64 that exist only with a kernel option, in the kernel
 * source: those of the system call table that kernel/sys_ni.c replaces by ENOSYS
 * where nothing else defines them. The option is the one that the definition
 * stands under, see source.h.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fragment.h"
#include "source.h"
#include "calls.h"

#define MAX_CALLS	1024

static struct call calls[MAX_CALLS];
static int n_calls;

static void define(const char *function, const char *file)
{
	char *list = conditions(true);

	for (int i = 0; i < n_calls && list; i++) {
		if (strcmp(calls[i].function, function) || !calls[i].conditional)
			continue;
		calls[i].options = options_of(file, list);
		calls[i].file = check_memory(strdup(file));
	}
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	size_t length = strlen(path);
	char *text, *line, *rest;
	regmatch_t m[2];

	if (type != FTW_F || length < 2 || strcmp(path + length - 2, ".c"))
		return 0;
	text = read_whole(path, st->st_size);
	if (strstr(text, "\nSYSCALL_DEFINE") || !strncmp(path, "kernel/sched/", 13)) {
		follow_start();
		for (rest = text; (line = strsep(&rest, "\n")); ) {
			follow(path, line);
			if (matches(line, "^SYSCALL_DEFINE[0-6]\\(([a-z0-9_]+)", m))
				define(part(line, m[1]), path);
		}
	}
	free(text);
	return 0;
}

static void read_entry(char *line)
{
	struct call *call = &calls[n_calls];
	regmatch_t m[5];

	if (!matches(line, "^([0-9]+)[ \t]+(common|64)[ \t]+([a-z0-9_]+)[ \t]+sys_([a-z0-9_]+)", m))
		return;
	if (n_calls == MAX_CALLS)
		fail("cannot store", "more system calls");
	call->number = atoi(line);
	call->name = part(line, m[3]);
	call->function = part(line, m[4]);
	n_calls++;
}

static void read_conditional(char *line)
{
	regmatch_t m[2];

	if (!matches(line, "^COND_SYSCALL\\(([a-z0-9_]+)\\)", m))
		return;
	for (int i = 0; i < n_calls; i++)
		if (!strcmp(calls[i].function, part(line, m[1])))
			calls[i].conditional = true;
}

static int by_options(const void *a, const void *b)
{
	const struct call *x = a, *y = b;
	int order = strcmp(*x->options ? x->options : "-", *y->options ? y->options : "-");

	return order ? order : x->number - y->number;
}

struct call *find_calls(int *count)
{
	int n = 0;

	enter_source();
	each_line("arch/x86/entry/syscalls/syscall_64.tbl", read_entry);
	each_line("kernel/sys_ni.c", read_conditional);
	each_source(visit);
	for (int i = 0; i < n_calls; i++) {
		if (!calls[i].conditional)
			continue;
		if (!calls[i].file) {
			fprintf(stderr, "no definition found of %s\n", calls[i].function);
			exit(2);
		}
		calls[i].options = options_around(calls[i].file, calls[i].options);
		calls[n++] = calls[i];
	}
	qsort(calls, n, sizeof(*calls), by_options);
	*count = n;
	return calls;
}
