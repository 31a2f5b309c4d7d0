// SPDX-License-Identifier: GPL-2.0
/*
 * The experiment memory: the least memory of the machine, in whole MiB, with which an
 * application passes its check (scripts/test/app.sh); and who owns the pages of a guest.
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

struct test {
	const char *app;
	const struct kernel *kernel;
};

static bool check_passes(const void *what, long mib)
{
	const struct test *t = what;
	struct words *w = words(script("test/app.sh"), t->app, "--kernel", t->kernel->copy,
				"--memory", text("%ld", mib), "--ready", text("%ld", opt.ready),
				"--accel", opt.accel, NULL);

	if (!run(w, text("%s/out", work)))
		return true;
	if (mib == opt.most)
		show_end(text("%s/out", work), 30);
	return false;
}

/* Halves the interval between what fails and what works, and tries the result again. */
long least_passing(const char *title, bool (*passes)(const void *what, long mib),
		   const void *what)
{
	long low = 1, high = opt.most, middle;

	if (!passes(what, high))
		die("%s fails even with %ld MiB", title, high);
	while (high - low > 1) {
		/* The interesting values are small. */
		middle = low + (high - low) / (high - low > 16 ? 4 : 2);
		if (passes(what, middle))
			high = middle;
		else
			low = middle;
		fprintf(stderr, "        %s: %ld MiB is %s\n", title, middle,
			high == middle ? "enough" : "not");
	}
	/* If it works only now and then, it does not work. */
	while (!passes(what, high))
		if (++high >= opt.most)
			die("%s works only now and then", title);
	return high;
}

static const struct kernel *kernel_named(const struct kernel *k, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(k[i].name, name))
			return &k[i];
	return NULL;
}

void measure_memory(const struct experiment *e, struct kernel *k, size_t n, struct results *rows)
{
	char *all = "";

	if (opt.owners)
		return;
	if (!opt.apps.n) {
		for (size_t i = 0; i < n; i++)
			all = text("%s%s%s", all, i ? "," : "", k[i].name);
		add(&opt.apps, text("hello=%s", all), NULL);
		if (kernel_named(k, n, "microvm") && kernel_named(k, n, "lupine-general")) {
			add(&opt.apps, "redis=microvm,lupine-general",
			    "nginx=microvm,lupine-general", NULL);
		}
	}
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < opt.apps.n; i++) {
			char *names = text("%s", opt.apps.v[i]), *app = strsep(&names, "="), *name;

			if (!names || !is_name(app, ""))
				die("--app %s: want APP=NAME[,NAME...]", opt.apps.v[i]);
			if (pass)
				must(words(script("apps/build"), app, NULL));
			while ((name = strsep(&names, ","))) {
				const struct kernel *on = kernel_named(k, n, name);

				if (!on)
					die("--app %s: there is no --kernel %s", opt.apps.v[i],
					    name);
				if (!pass)
					continue;
				fprintf(stderr, "==> Least memory of %s on %s\n", app, name);
				add_row(rows, e, on, text("least-%s", app), "MiB",
					least_passing(text("%s on %s", app, name), check_passes,
						      &(struct test){ app, on }));
			}
		}
}

/* "(1234K kernel code, 56K rwdata, ..." of the kernel's line about memory */
static long part(const char *line, const char *name)
{
	const char *at = strstr(line, text("K %s", name));

	while (at && at > line && at[-1] >= '0' && at[-1] <= '9')
		at--;
	return at ? atol(at) : 0;
}

static long said(const struct results *r, const char *metric)
{
	for (size_t i = 0; i < r->n; i++)
		if (!strcmp(r->row[i].metric, metric))
			return r->row[i].value;
	return -1;
}

/* Print who owns the pages of a guest with 64 MiB, in KiB, as the kernel says it. */
void print_owners(const struct kernel *k, size_t n)
{
	static const char *const parts[] = { "kernel code", "rodata", "rwdata", "bss" };
	static const char *const titles[] = { "code", "read-only data", "data", "BSS" };
	static const char *const used[] = { "Slab", "PageTables", "KernelStack", "Percpu",
					    "VmallocUsed", "Cached", "Buffers", "AnonPages" };

	for (size_t i = 0; i < n; i++) {
		char *log = text("%s/console", work), *data, *line;
		long present = 0, other, total, free;
		struct results rows = { 0 };
		struct words w = { 0 };
		int status;

		guest_words(&w, &k[i], "boot.ext2", NULL, "loglevel=7", 64, 120);
		status = run(&w, log);
		if (status)
			guest_failed(k[i].name, log, status);
		guest_rows(find_experiment("memory"), &k[i], log, &rows);
		data = content(log, NULL);
		line = strstr(data, "Memory: ");
		if (line)
			line[strcspn(line, "\r\n")] = '\0';
		total = said(&rows, "Total");
		free = said(&rows, "Free");
		if (!line || total < 0 ||
		    sscanf(line, "Memory: %*dK/%ldK available", &present) != 1)
			die("%s does not tell what memory it has", k[i].name);
		printf("\n%s: KiB of 65536 when init runs\n", k[i].name);
		printf("  %8ld  not memory to the kernel (firmware, hole at 640 KiB)\n",
		       65536 - present);
		other = present - total;
		for (size_t j = 0; j < 4; j++) {
			other -= part(line, parts[j]);
			printf("  %8ld  %s\n", part(line, parts[j]), titles[j]);
		}
		printf("  %8ld  reserved for good (struct pages, early tables, padding)\n", other);
		printf("  %8ld  in use when init runs, of which\n", total - free);
		for (size_t j = 0; j < ARRAY_SIZE(used); j++)
			if (said(&rows, used[j]) >= 0)
				printf("  %8ld      %s\n", said(&rows, used[j]), used[j]);
		printf("  %8ld  free\n", free);
	}
}
