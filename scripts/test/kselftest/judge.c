// SPDX-License-Identifier: GPL-2.0
/*
 * Judge the console of a guest that ran kselftests: see scripts/test/judge.
 *
 * It goes through the lines once, and keeps the state of the collection of tests that
 * is running and of the test in it, whose own KTAP lines begin with "# ". A line can
 * be of the kernel anywhere, even in the middle of a test's line.
 */
#define _GNU_SOURCE
#include <err.h>
#include <getopt.h>
#include <regex.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the kernel says when something is wrong with it. */
static const char *const complaints[] = {
	"Kernel panic - not syncing|kernel BUG at|BUG: |WARNING: CPU: [0-9]+ PID",
	"WARNING: (possible|suspicious|bad|inconsistent|kernel stack|stack recursion|can.t)",
	"Oops: |\\[#[0-9]+\\]|INFO: (possible|task|trying to register|rcu)|rcu: INFO: ",
	"detected stall|self-detected stall|KASAN|UBSAN|refcount_t: ",
	"list_(add|del) corruption|page allocation failure|invoked oom-killer",
	"scheduling while atomic|unwind_(error|warn)|Call Trace:|stack backtrace:",
};

/* The same in a line of a test, which may say of itself what it likes. */
static const char certain[] =
	"Kernel panic|WARNING: CPU|Call Trace:|kernel BUG at|\\[#[0-9]+\\]";
/* One report counts once, though it has many lines. */
#define REPORT_LINES 60
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static long passed, failed, skipped, wrong;
static bool no_skip;

/* Of the running collection, and of the test in it: plans, or -1, and results. */
static long plan = -1, seen, sub_plan = -1, sub_seen;
static bool version, any;
static char *running, *sub_failed;

static void __attribute__((format(printf, 1, 2))) bad(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("not ok - ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
	wrong++;
}

/* matches PATTERN, an extended regular expression; @m is where. */
static bool matches(const char *pattern, const char *line, regmatch_t *m)
{
	static struct {
		const char *pattern;
		regex_t re;
	} known[24];
	regmatch_t unused;
	size_t i = 0;

	while (known[i].pattern && known[i].pattern != pattern)
		i++;
	if (!known[i].pattern) {
		if (regcomp(&known[i].re, pattern, REG_EXTENDED))
			errx(2, "bad expression: %s", pattern);
		known[i].pattern = pattern;
	}
	return !regexec(&known[i].re, line, 1, m ?: &unused, 0);
}

static bool begins(const char *line, const char *with)
{
	return !strncmp(line, with, strlen(with));
}

static void set(char **to, const char *text)
{
	free(*to);
	*to = text ? strdup(text) : NULL;
}

/* The test that has just ended, well or not, and what its subtests said. */
static void end_subtests(bool ok, const char *name)
{
	if (sub_plan >= 0 && sub_seen < sub_plan && ok)
		bad("%s: %ld of %ld subtests gave a result", name, sub_seen, sub_plan);
	if (sub_plan >= 0 && sub_seen > sub_plan)
		bad("%s: %ld results from %ld subtests", name, sub_seen, sub_plan);
	if (sub_failed && ok)
		bad("%s: passed in spite of its subtest: %s", name, sub_failed);
	sub_plan = -1;
	sub_seen = 0;
	set(&sub_failed, NULL);
	set(&running, NULL);
}

static void end_collection(void)
{
	if (running)
		bad("%s: did not end", running);
	if (plan >= 0 && seen < plan)
		bad("%ld of %ld planned tests gave a result", seen, plan);
	if (plan < 0 && version)
		bad("a TAP header without a plan");
	end_subtests(false, "");
	plan = -1;
	seen = 0;
	version = false;
}

static void take_result(const char *line)
{
	bool ok = line[0] == 'o';
	const char *name;
	long number;

	number = strtol(line + (ok ? 3 : 7), (char **)&name, 10);
	name += *name == ' ';
	name += begins(name, "- ") ? 2 : 0;
	name += begins(name, "selftests: ") ? 11 : 0;
	if (plan < 0)
		bad("%s: a result before the plan", name);
	if (number != seen + 1)
		bad("%s: number %ld where %ld was due", name, number, seen + 1);
	seen = number;
	if (!ok) {
		bad(sub_failed ? "%s (%s)" : "%s", name, sub_failed);
		failed++;
	} else if (matches("# *[Ss][Kk][Ii][Pp]", name, NULL)) {
		skipped++;
		if (no_skip)
			bad("skipped: %s", name);
	} else {
		passed++;
	}
	end_subtests(ok, name);
}

static void ktap(const char *line)
{
	if (begins(line, "TAP version ")) {
		end_collection();
		version = any = true;
	} else if (matches("^1\\.\\.[0-9]", line, NULL)) {
		if (plan >= 0)
			bad("a second plan: %s", line);
		plan = strtol(line + 3, NULL, 10);
	} else if (begins(line, "# selftests: ")) {
		set(&running, line + 13);
	} else if (matches("^(not )?ok [0-9]+ ", line, NULL)) {
		take_result(line);
	} else if (begins(line, "Bail out!") || begins(line, "# Bail out!")) {
		bad("gave up: %s", line);
	} else if (matches("^# 1\\.\\.[0-9]", line, NULL)) {
		sub_plan = strtol(line + 5, NULL, 10);
	} else if (matches("^# (not )?ok [0-9]", line, NULL)) {
		sub_seen++;
		if (line[2] == 'n' && !sub_failed &&
		    !matches("# *(TODO|XFAIL|SKIP)", line + 2, NULL))
			set(&sub_failed, line + 2);
	}
}

static void complain(const char *line, long number)
{
	static long last;
	regmatch_t m;
	size_t i = 0;

	while (i < ARRAY_SIZE(complaints) && !matches(complaints[i], line, NULL))
		i++;
	if (i == ARRAY_SIZE(complaints) ||
	    (begins(line, "# ") && !matches(certain, line, NULL)))
		return;
	if (!last || number - last >= REPORT_LINES) {
		/* Without the time of the kernel's log */
		bad("kernel: %s", line + (matches("^(\\[[^]]*\\] *)+", line, &m) ? m.rm_eo : 0));
	}
	last = number;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "kernel-only", no_argument, NULL, 'k' },
		{ "no-skip", no_argument, NULL, 's' },
		{ }
	};
	bool kernel_only = false;
	long number = 0, status = -1;
	char *line = NULL, *from, *to;
	size_t size = 0;
	regmatch_t m;
	ssize_t len;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == '?')
			return 2;
		kernel_only |= option == 'k';
		no_skip |= option == 's';
	}
	if (optind != argc - 1)
		errx(2, "wants one CONSOLE; see --help");
	if (strcmp(argv[optind], "-") && !freopen(argv[optind], "r", stdin))
		err(2, "%s", argv[optind]);
	while ((len = getline(&line, &size, stdin)) > 0) {
		for (from = to = line; from < line + len; from++)
			if (*from && *from != '\r' && *from != '\n')
				*to++ = *from;
		*to = 0;
		complain(line, ++number);
		if (matches("lupine-init: exit status [0-9]+$", line, &m))
			status = strtol(line + m.rm_so + 25, NULL, 10);
		if (!kernel_only)
			ktap(line);
	}
	if (!kernel_only) {
		end_collection();
		if (!any)
			bad("no tests have run: there is no TAP header");
		if (any && !passed && !failed && !skipped)
			bad("no test gave a result");
		if (status > 0)
			bad("the guest ended with status %ld", status);
	}
	if (status < 0)
		bad("the guest did not end by itself: its exit status is missing");
	printf("%ld passed, %ld failed, %ld skipped\n", passed, failed, skipped);
	return wrong > 0;
}
