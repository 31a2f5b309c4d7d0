// SPDX-License-Identifier: GPL-2.0
/* Messages, memory and files. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lupine.h"

const char *program_name = "lupine";
const char *out_of_memory = "out of memory";
int status_of_die = 1;

static void say(const char *level, const char *fmt, va_list ap)
{
	char prefix[40];

	progress_end();
	snprintf(prefix, sizeof(prefix), "%s: %s", program_name, level);
	say_line(prefix, fmt, ap);
}

void tell(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("", fmt, ap);
	va_end(ap);
}

void warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("warning: ", fmt, ap);
	va_end(ap);
}

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("error: ", fmt, ap);
	va_end(ap);
	exit(status_of_die);
}

bool show_progress;
static bool progress_shown;

/* Ten times a second, and the first one of each kind at once */
void progress(bool first, const char *fmt, ...)
{
	static struct timespec last;
	struct timespec now;
	char text[100];
	long tenths;
	va_list ap;

	if (!show_progress || clock_gettime(CLOCK_MONOTONIC, &now))
		return;
	tenths = (now.tv_sec - last.tv_sec) * 10 + (now.tv_nsec - last.tv_nsec) / 100000000;
	if (!first && tenths < 1)
		return;
	last = now;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	progress_shown = dprintf(STDERR_FILENO, "\r\033[K\033[?7l    %s\033[?7h", text) > 0;
}

void progress_end(void)
{
	if (progress_shown && write(STDERR_FILENO, "\r\033[K", 4) < 0)
		return;		/* nobody to show it to */
	progress_shown = false;
}

void *xmalloc(size_t size)
{
	void *p = malloc(size ?: 1);

	if (!p)
		die("%s", out_of_memory);
	return p;
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ?: 1, size ?: 1);

	if (!p)
		die("%s", out_of_memory);
	return p;
}

void *xrealloc(void *p, size_t n, size_t size)
{
	p = reallocarray(p, n ?: 1, size ?: 1);
	if (!p)
		die("%s", out_of_memory);
	return p;
}

char *xstrdup(const char *s)
{
	char *copy = strdup(s);

	if (!copy)
		die("%s", out_of_memory);
	return copy;
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		die("%s", out_of_memory);
	va_end(ap);
	return s;
}

char *build_path(const char *fmt, ...)
{
	const char *build = getenv("BUILD"), *root = getenv("LUPINE_ROOT");
	char *below, *path;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&below, fmt, ap) < 0)
		die("%s", out_of_memory);
	va_end(ap);
	if (build && *build)
		path = xasprintf("%s/%s", build, below);
	else
		path = xasprintf("%s/build/%s", root && *root ? root : ".", below);
	free(below);
	return path;
}

bool replace_file(const char *path, const char *text)
{
	char *temporary = xasprintf("%s.new", path);
	FILE *f = fopen(temporary, "we");
	bool done = f && fputs(text, f) >= 0;

	done = f && !fclose(f) && done && !rename(temporary, path);
	if (!done)
		unlink(temporary);
	free(temporary);
	return done;
}
