// SPDX-License-Identifier: GPL-2.0
/* Messages and memory. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lupine.h"
#include "manifest.h"

#define MAX_MESSAGE	4096

const char *out_of_memory = "out of memory";

/* A message can quote text of an image, and a terminal acts on control characters. */
static void say(const char *level, const char *fmt, va_list ap)
{
	char text[MAX_MESSAGE], line[4 * MAX_MESSAGE + 64];
	size_t len;

	vsnprintf(text, sizeof(text), fmt, ap);
	len = snprintf(line, 64, "lupine %s: %s: ", command_name, level);
	manifest_show(line + len, sizeof(line) - len - 1, text, strlen(text));
	len += strlen(line + len);
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, len) < 0)
		return;		/* nobody to tell */
}

void warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("warning", fmt, ap);
	va_end(ap);
}

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("error", fmt, ap);
	va_end(ap);
	exit(1);
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
