// SPDX-License-Identifier: GPL-2.0
/*
 * One file in memory, from its first byte to the report.
 *
 * What is changed is written down at the end of the file, so that it can be undone to
 * the byte (see stubs.c). Sections and the build-id stay as they are.
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

bool in_list(const struct list *list, uint64_t item)
{
	size_t low = 0, high = list->count, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (list->items[middle] == item)
			return true;
		if (list->items[middle] < item)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

void append(struct image *image, struct buffer *buffer, const void *data, size_t size)
{
	if (!size)
		return;
	if (size > CALLSITES_MAX_SIZE - buffer->count)
		fail(image, "its stubs take too much room");
	if (buffer->space - buffer->count < size) {
		buffer->space = 2 * (buffer->count + size);
		buffer->data = reallocarray(buffer->data, buffer->space, 1);
		if (!buffer->data)
			fail(image, "out of memory");
	}
	if (data)
		memcpy(buffer->data + buffer->count, data, size);
	else
		memset(buffer->data + buffer->count, 0, size);
	buffer->count += size;
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
	free(image->stubs.data);
	free(image->stub_starts.items);
	free(image->tail.data);
	free(image->records.data);
	free(image->copies.items);
	free(image->patches.items);
	free(image);
}

/* Returns whether the file is a program; fail() comes out of here. */
static bool look(struct image *image)
{
	if (setjmp(image->failed))
		return false;
	if (!image_read(image))
		return false;
	memcpy(image->header, image->data, sizeof(image->header));
	trace_flow(image);
	find_sites(image, &image->sites);
	add_stubs(image);
	return true;
}

bool callsites_wants(const void *head, size_t size)
{
	const uint8_t *p = head;

	/* ELF, of 64 bits, little-endian; a program or a library; of x86-64 */
	return size >= CALLSITES_HEAD && !memcmp(p, ELFMAG, SELFMAG) &&
	       p[EI_CLASS] == ELFCLASS64 && p[EI_DATA] == ELFDATA2LSB &&
	       (p[16] == ET_EXEC || p[16] == ET_DYN) && !p[17] && p[18] == EM_X86_64 && !p[19];
}

/* Nothing can fail any more. */
static void change(struct image *image, struct callsites_report *report)
{
	struct callsites_site *site;
	size_t i;

	memcpy(image->data, image->header, sizeof(image->header));
	for (i = 0; i < image->patches.count; i++) {
		site = &image->patches.items[i];
		memcpy(bytes_at(image, site->begin, site->len), site->bytes, site->len);
	}
	for (i = 0; i < report->num_sites; i++) {
		site = &report->sites[i];
		memcpy(image->data + site->offset, site->bytes, site->len);
	}
}

static bool same(const struct callsites_report *report, const uint8_t *data,
		 const uint8_t *before, size_t size)
{
	return report->size + report->tail_size == size &&
	       !memcmp(data, before, report->size) && report->tail &&
	       !memcmp(report->tail, before + report->size, report->tail_size);
}

static void run(struct image *image, enum callsites_mode mode, struct callsites_report *report)
{
	struct callsites_site *site;
	size_t i;

	if (look(image)) {
		memcpy(report->total, image->sites.total, sizeof(report->total));
		report->sites = image->sites.items;
		report->num_sites = image->sites.count;
		for (i = 0; i < report->num_sites; i++) {
			site = &report->sites[i];
			if (site->reason == REWRITTEN)
				site->offset = bytes_at(image, site->begin, site->len) -
					       image->data;
			else
				site->len = 0;
		}
		report->tail = image->tail.data;
		report->tail_size = image->tail.count;
		memset(&image->sites, 0, sizeof(image->sites));
		memset(&image->tail, 0, sizeof(image->tail));
		if (mode == CALLSITES_REWRITE && report->total[REWRITTEN]) {
			change(image, report);
			report->changed = true;
		}
	}
	report->error = image->error;
}

bool callsites_run(void *data, size_t size, enum callsites_mode mode,
		   struct callsites_report *report)
{
	uint8_t *before = NULL;
	struct image *image;
	size_t i;

	memset(report, 0, sizeof(*report));
	report->size = size;
	if (!callsites_wants(data, size) || size < sizeof(image->header))
		return true;
	if (size > CALLSITES_MAX_SIZE) {
		report->error = "it is larger than 1 GiB";
		return false;
	}
	if (mode == CALLSITES_UNDO) {
		report->changed = undo(data, size, report);
		return true;
	}
	before = malloc(size);
	image = calloc(1, sizeof(*image));
	if (!image || !before) {
		free(image);
		free(before);
		report->error = "out of memory";
		return false;
	}
	memcpy(before, data, size);
	/* A file that has been rewritten already is rewritten from its beginnings. */
	if (!undo(data, size, report)) {
		free(before);
		before = NULL;
	}
	report->total[ALREADY] = 0;
	image->data = data;
	image->size = report->size;
	image->budget = BUDGET + BUDGET_PER_BYTE * image->size;
	run(image, mode, report);
	image_free(image);
	if (before && (report->error || mode == CALLSITES_CHECK ||
		       same(report, data, before, size))) {
		for (i = 0; i < report->num_sites; i++)
			if (report->sites[i].reason == REWRITTEN)
				report->sites[i].reason = ALREADY;
		report->total[ALREADY] = report->total[REWRITTEN];
		report->total[REWRITTEN] = 0;
		report->changed = false;
		memcpy(data, before, size);
	}
	free(before);
	if (!report->changed)
		report->size = size;
	return !report->error;
}

void callsites_free(struct callsites_report *report)
{
	free(report->sites);
	free(report->tail);
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
