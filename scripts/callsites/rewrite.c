// SPDX-License-Identifier: GPL-2.0
/*
 * One file in memory, from its first byte to the report.
 *
 * What is written says what was there: each form of call stands for one sequence of
 * bytes. That is the record by which it is undone, and it is kept in the file without
 * changing its size, its headers or its build-id.
 *
 * All memory belongs to struct image, and whatever finds an error calls fail(), which
 * returns to callsites_run(). Changes are made last, when nothing can fail any more.
 */
#include <stdlib.h>
#include <string.h>

#include "image.h"

/*
 * Steps that a file may take. Debian's programs take at most two for each byte; code
 * made to be difficult would take the square of its size.
 */
#define BUDGET		200000ULL
#define BUDGET_PER_BYTE	20

noreturn void fail(struct image *image, const char *error)
{
	image->error = error;
	longjmp(image->failed, 1);
}

void *grow(struct image *image, void *array, size_t count, size_t *space, size_t size)
{
	if (count < *space)
		return array;
	/* No list has more than a few items for each byte of code. */
	if (count > 4 * image->size + 65536)
		fail(image, "its tables have more entries than the file has room for");
	*space = *space ? *space * 2 : 64;
	array = reallocarray(array, *space, size);
	if (!array)
		fail(image, "out of memory");
	return array;
}

void list_add(struct image *image, struct list *list, uint64_t item)
{
	list->items = grow(image, list->items, list->count, &list->space, sizeof(*list->items));
	list->items[list->count++] = item;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* In order, and each once */
void list_sort(struct list *list)
{
	size_t i, n = 0;

	if (!list->count)
		return;
	qsort(list->items, list->count, sizeof(*list->items), by_value);
	for (i = 1; i < list->count; i++)
		if (list->items[i] != list->items[n])
			list->items[++n] = list->items[i];
	list->count = n + 1;
}

static void image_free(struct image *image)
{
	unsigned int i;

	if (image->elf)
		elf_end(image->elf);
	for (i = 0; i < image->num_segments; i++)
		free(image->segments[i].marks);
	free(image->units);
	free(image->starts.items);
	free(image->ends.items);
	free(image->roots.items);
	free(image->constants.items);
	free(image->callees.items);
	free(image->rseq.items);
	free(image->relocations);
	free(image->numbers);
	free(image->links);
	free(image->ranges);
	free(image->todo.items);
	free(image->states);
	free(image->state_of);
	free(image->found.items);
	free(image->sites.items);
	free(image->calls.items);
	free(image);
}

/* Returns whether the file is a program; fail() comes out of here. */
static bool look(struct image *image, enum callsites_mode mode)
{
	size_t i;

	if (setjmp(image->failed))
		return false;
	if (!image_read(image))
		return false;
	trace_flow(image);
	find_calls(image, &image->calls);
	if (mode != CALLSITES_UNDO)
		find_sites(image, &image->sites);
	for (i = 0; mode != CALLSITES_UNDO && i < image->calls.count; i++)
		add_site(image, &image->sites, &image->calls.items[i]);
	return true;
}

static bool is_changed(const struct callsites_site *site, enum callsites_mode mode)
{
	return site->reason == (mode == CALLSITES_UNDO ? ALREADY : REWRITTEN);
}

bool callsites_wants(const void *head, size_t size)
{
	const uint8_t *p = head;

	/* ELF, of 64 bits, little-endian; a program or a library; of x86-64 */
	return size >= CALLSITES_HEAD && !memcmp(p, ELFMAG, SELFMAG) &&
	       p[EI_CLASS] == ELFCLASS64 && p[EI_DATA] == ELFDATA2LSB &&
	       (p[16] == ET_EXEC || p[16] == ET_DYN) && !p[17] && p[18] == EM_X86_64 && !p[19];
}

bool callsites_run(void *data, size_t size, enum callsites_mode mode,
		   struct callsites_report *report)
{
	struct image *image;
	struct sites *sites;
	uint8_t *p;
	size_t i;

	memset(report, 0, sizeof(*report));
	if (!callsites_wants(data, size))
		return true;
	if (size > CALLSITES_MAX_SIZE) {
		report->error = "it is larger than 1 GiB";
		return false;
	}
	image = calloc(1, sizeof(*image));
	if (!image) {
		report->error = "out of memory";
		return false;
	}
	image->data = data;
	image->size = size;
	image->budget = BUDGET + BUDGET_PER_BYTE * size;
	if (look(image, mode)) {
		sites = mode == CALLSITES_UNDO ? &image->calls : &image->sites;
		for (i = 0; i < sites->count; i++) {
			if (!is_changed(&sites->items[i], mode)) {
				sites->items[i].len = 0;
				continue;
			}
			p = bytes_at(image, sites->items[i].begin, sites->items[i].len);
			sites->items[i].offset = p - image->data;
			if (mode == CALLSITES_CHECK)
				continue;
			memcpy(p, sites->items[i].bytes, sites->items[i].len);
			report->changed = true;
		}
		memcpy(report->total, sites->total, sizeof(report->total));
		report->sites = sites->items;
		report->num_sites = sites->count;
		sites->items = NULL;
	}
	report->error = image->error;
	image_free(image);
	return !report->error;
}

void callsites_free(struct callsites_report *report)
{
	free(report->sites);
	memset(report, 0, sizeof(*report));
}

void callsites_add(struct callsites_report *sum, const struct callsites_report *report)
{
	unsigned int i;

	for (i = 0; i < NUM_REASONS; i++)
		sum->total[i] += report->total[i];
}

void callsites_print_heading(FILE *f, enum callsites_mode mode)
{
	fprintf(f, "%-40s %6s %6s %6s %6s  %s\n", "file", "sites",
		mode == CALLSITES_UNDO ? "undone" : "calls", "share", "left", "why");
}

static void print_name(FILE *f, const char *name)
{
	int column = 0;

	for (; *name; name++) {
		unsigned char c = *name;

		if (c < ' ' || c == 0x7f)
			column += fprintf(f, "\\x%02x", c);
		else
			column += fputc(c, f) != EOF;
	}
	fprintf(f, "%*s", column < 40 ? 40 - column : 0, "");
}

void callsites_print(FILE *f, const char *name, const struct callsites_report *report)
{
	unsigned int calls = report->total[REWRITTEN] + report->total[ALREADY], all = 0, i;
	const char *between = "";

	for (i = 0; i < NUM_REASONS; i++)
		all += report->total[i];
	print_name(f, name);
	fprintf(f, " %6u %6u %5.1f%% %6u  ", all, calls,
		all ? 100.0 * calls / all : 100.0, all - calls);
	for (i = LEFT_FIRST; i < NUM_REASONS; i++) {
		if (report->total[i]) {
			fprintf(f, "%s%s %u", between, callsites_reasons[i], report->total[i]);
			between = ", ";
		}
	}
	putc('\n', f);
}
