// SPDX-License-Identifier: GPL-2.0
/*
 * A program that finds a mistake prints it and ends, and leaves its memory to the
 * kernel. To be fuzzed in one process, it is compiled with names of this file in
 * place of malloc() and exit(): exit() returns to track_run(), which then frees all
 * that is left, and puts all variables of the program back to what they were. (The
 * Makefile renames their sections, so that beginning and end are known.)
 */
#include <setjmp.h>
#include <stdarg.h>

#include "fuzz.h"

static void **blocks;
static size_t nr_blocks, room;
static jmp_buf ended;

static void *remember(void *p)
{
	if (nr_blocks == room) {
		room = room ? 2 * room : 1024;
		blocks = realloc(blocks, room * sizeof(*blocks));
		require(blocks);
	}
	if (p)
		blocks[nr_blocks++] = p;
	return p;
}

/* Most blocks are freed soon. */
static void forget(void *p)
{
	size_t i;

	if (!p)
		return;
	for (i = nr_blocks; i--;) {
		if (blocks[i] == p) {
			blocks[i] = blocks[--nr_blocks];
			return;
		}
	}
}

void *track_malloc(size_t size)
{
	return remember(malloc(size));
}

void *track_calloc(size_t n, size_t size)
{
	return remember(calloc(n, size));
}

void *track_realloc(void *p, size_t size)
{
	forget(p);
	return remember(realloc(p, size));
}

void *track_reallocarray(void *p, size_t n, size_t size)
{
	forget(p);
	return remember(reallocarray(p, n, size));
}

char *track_strdup(const char *s)
{
	return remember(strdup(s));
}

char *track_strndup(const char *s, size_t n)
{
	return remember(strndup(s, n));
}

int track_vasprintf(char **s, const char *fmt, va_list ap)
{
	int n = vasprintf(s, fmt, ap);

	if (n >= 0)
		remember(*s);
	return n;
}

int track_asprintf(char **s, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = track_vasprintf(s, fmt, ap);
	va_end(ap);
	return n;
}

void track_free(void *p)
{
	forget(p);
	free(p);
}

void track_exit(int status)
{
	(void)status;
	longjmp(ended, 1);
}

/* Data of the program. The linker defines these names if there are such sections. */
extern uint8_t __start_tracked_data[] __attribute__((weak));
extern uint8_t __stop_tracked_data[] __attribute__((weak));
extern uint8_t __start_tracked_bss[] __attribute__((weak));
extern uint8_t __stop_tracked_bss[] __attribute__((weak));

/* Without the sanitizer's idea of what is between variables */
static __attribute__((no_sanitize("address"), noinline))
void copy_bytes(uint8_t *to, const uint8_t *from, size_t size)
{
	volatile uint8_t *p = to;

	while (size--)
		*p++ = *from++;
}

static void restore(void)
{
	size_t data = __stop_tracked_data - __start_tracked_data;
	size_t bss = __stop_tracked_bss - __start_tracked_bss;
	static uint8_t *saved;

	if (!saved) {
		saved = malloc(data + bss + 1);
		require(saved);
		copy_bytes(saved, __start_tracked_data, data);
		copy_bytes(saved + data, __start_tracked_bss, bss);
		return;
	}
	copy_bytes(__start_tracked_data, saved, data);
	copy_bytes(__start_tracked_bss, saved + data, bss);
}

/* track-libs.c, where it is linked */
void track_libs_end(void) __attribute__((weak));

/* The same each time */
ssize_t track_getrandom(void *buf, size_t size, unsigned int flags)
{
	(void)flags;
	memset(buf, 7, size);
	return size;
}

bool track_run(void (*run)(const uint8_t *data, size_t size), const uint8_t *data, size_t size)
{
	volatile bool done = false;

	restore();
	if (!setjmp(ended)) {
		run(data, size);
		done = true;
	}
	if (track_libs_end)
		track_libs_end();
	while (nr_blocks)
		free(blocks[--nr_blocks]);
	return done;
}
