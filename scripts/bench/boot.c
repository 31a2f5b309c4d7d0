// SPDX-License-Identifier: GPL-2.0
/*
 * The experiment boot: from the reset of the machine, when QEMU's firmware starts, to the
 * first instruction of init. A plugin of QEMU counts the instructions, in a guest whose
 * clocks count instructions, so that loops which wait for a time turn as often in each
 * run; seconds are what the time stamp counter says that the init reads.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

static FILE *reports;
static char *reports_text;
static size_t reports_size;

static int by_total(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return x->n < y->n ? -1 : x->n > y->n;
}

/* Show where the instructions of a boot went. */
static void report_boot(const struct elf *elf, const char *name, char *data, uint64_t total)
{
	struct items phases = { 0 }, functions = { 0 };
	struct item *starts = NULL;
	uint64_t address, a, b;
	size_t n = 0;
	char *line;

	while ((line = next_line(&data))) {
		bool place = sscanf(line, "place %lx %lu", &address, &a) == 2;
		bool block = sscanf(line, "block %lx %lu %lu", &address, &a, &b) == 3;
		const struct symbol *s = place || block ? elf_at(elf, address) : NULL;

		if (place && s) {
			starts = more(starts, n, sizeof(*starts));
			starts[n++] = (struct item){ s->name, a };
		} else if (block) {
			count_in(&functions, s && address >> 32 == 0xffffffff ? s->name :
				 "(firmware, entry at low addresses)", a * b);
		}
	}
	if (n)
		qsort(starts, n, sizeof(*starts), by_total);
	count_in(&phases, "(firmware, loading)", n ? starts[0].n : total);
	for (size_t i = 0; i < n; i++)
		count_in(&phases, starts[i].name,
			 (i + 1 < n ? starts[i + 1].n : total) - starts[i].n);
	if (!reports)
		reports = open_memstream(&reports_text, &reports_size);
	fprintf(reports, "\n%s: %lu instructions, by phase (from its start to that of the next)\n",
		name, total);
	print_items(reports, &phases, opt.top);
	fprintf(reports, "%s: by function\n", name);
	print_items(reports, &functions, opt.top);
	fflush(reports);
}

static void count_boot(const struct experiment *e, const struct kernel *k, struct words *w,
		       struct results *rows)
{
	char *log = text("%s/console", work), *profile = text("%s/profile", work), *data, *line;
	char *places = text("%s/places", work);
	struct elf *elf = elf_open(k->copy);
	const struct symbol *first;
	uint64_t total;
	int status;

	if (!elf)
		die("%s is no vmlinux with symbols", k->file);
	make_file("count.so");
	first = elf_find(elf_open(text("%s/bench/boot-init", build)), "first");
	data = elf_places(elf);
	publish(places, data, strlen(data));
	remove(profile);
	add(w, "--qemu", "-icount", "--qemu", "shift=0,sleep=off", "--qemu", "-plugin", "--qemu",
	    text("%s/bench/count.so,output=%s,stop=%lx,places=%s", build, profile, first->address,
		 places), NULL);
	status = run(w, log);
	if (status || access(profile, R_OK))
		guest_failed(k->name, log, status);
	data = content(profile, NULL);
	line = strstr(data, "total ");
	if (!line || sscanf(line, "total %lu", &total) != 1)
		die("%s: the plugin saw no init", k->name);
	add_row(rows, e, k, "init-instructions", "instructions", total);
	if (opt.top && !(reports_text && strstr(reports_text, text("\n%s: ", k->name))))
		report_boot(elf, k->name, data, total);
}

/* All systems get the same words, those alone that lupine run gives. */
void measure_boot(const struct experiment *e, const struct kernel *k, const char *unit,
		  struct results *rows)
{
	char *log = text("%s/console", work);
	struct words w = { 0 };
	int status;

	guest_words(&w, k, k->image, NULL, counts(unit) ? "" : text("bench_khz=%u", clock_khz()),
		    opt.memory, e->timeout);
	if (counts(unit)) {
		count_boot(e, k, &w, rows);
		return;
	}
	status = run(&w, log);
	if (status)
		guest_failed(k->name, log, status);
	guest_rows(e, k, log, rows);
}

/*
 * overlays: what a kernel pays for what the monitors of containers want, in bytes and in
 * instructions of its boot. One that looks for devices on PCI gets a PCI to look through.
 */
void measure_overlays(const struct experiment *e, struct kernel *k, size_t n,
		      struct results *rows)
{
	/* Only TCG has plugins. */
	opt.accel = "tcg";
	opt.top = 0;
	for (size_t i = 0; i < n; i++) {
		struct words w = { 0 };

		fprintf(stderr, "    [%zu/%zu] %s\n", i + 1, n, k[i].name);
		add_row(rows, e, &k[i], "vmlinux", "bytes", stripped_size(&k[i]));
		guest_words(&w, &k[i], k[i].image, NULL, "", opt.memory, e->timeout);
		if (strstr(k[i].profile, "+pci"))
			add(&w, "--qemu", "-machine", "--qemu", "acpi=on,pcie=on", NULL);
		count_boot(e, &k[i], &w, rows);
	}
}

void print_boots(const struct kernel *k, size_t n)
{
	(void)k;
	(void)n;
	if (reports_text)
		fputs(reports_text, stdout);
}
