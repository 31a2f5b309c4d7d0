// SPDX-License-Identifier: GPL-2.0
/*
 * The experiments of the papers, a table; and what those of them do that is more than
 * booting a guest which prints rows.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

#define SERVER		"10.9.0.1"
#define CLIENT		"10.9.0.2"
#define MOST_PLACES	8192

static char *script(const char *name)
{
	return text("%s/scripts/%s", root, name);
}

/*
 * options: those that are on or have a value. What the compiler can do depends on the
 * machine and is nobody's choice.
 */
static void count_options(const struct experiment *e, struct kernel *k, size_t n,
			  struct results *rows)
{
	static const char *const not[] = { "AS_", "CC_", "CLANG_", "GCC_", "LD_", "LLD_",
					   "PAHOLE_", "RUSTC_", "TOOLS_" };

	(void)k;
	(void)n;
	for (const struct system *s = e->systems; s->name; s++) {
		struct words command = { 0 };
		char *data, *line, *equals, release[32];
		struct kernel this;
		long count = 0;
		size_t i;

		add(&command, script("kconfig/configure"), s->profile, NULL);
		must(&command, s->profile);
		data = content(text("%s/kernel/%s/.config", build, s->profile), NULL);
		this = (struct kernel){ .name = s->name, .profile = s->profile };
		while ((line = next_line(&data))) {
			if (sscanf(line, "# Linux/x86 %31s Kernel", release) == 1)
				this.release = text("%s", release);
			equals = strchr(line, '=');
			if (strncmp(line, "CONFIG_", 7) || !equals || !strcmp(equals, "=\"\""))
				continue;
			for (i = 0; i < sizeof(not) / sizeof(not[0]); i++)
				if (!strncmp(line + 7, not[i], strlen(not[i])))
					break;
			count += i == sizeof(not) / sizeof(not[0]);
		}
		add_row(rows, e, &this, "selected", "options", count);
	}
}

/*
 * size: vmlinux without symbols, as the monitor loads it, and bzImage where there is one.
 * Bytes of a profile's vmlinux with gcc 12, rounded up: no kernel may outgrow them
 * unnoticed. A change that is worth its bytes changes them, too.
 */
static const struct {
	const char *profile;
	long bytes;
} limits[] = {
	{ "lupine-tiny", 2600000 },
	{ "lupine-base", 3200000 },
	{ "lupine-general", 6000000 },
};

static long size_of(const char *file)
{
	struct stat st;

	return stat(file, &st) ? -1 : st.st_size;
}

static long stripped(const struct kernel *k)
{
	char *output = text("%s/vmlinux", work);
	struct words command = { 0 };

	add(&command, "strip", "-o", output, k->copy, NULL);
	if (run(&command, text("%s/log", work)))
		die("strip fails: %s is no ELF file", k->file);
	return size_of(output);
}

static void check_limit(const struct kernel *k, bool *bad)
{
	long bytes, limit = 0;

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (!strcmp(limits[i].profile, k->profile))
			limit = limits[i].bytes;
	if (!limit)
		die("%s: no limit is known for the profile %s", k->name, k->profile);
	bytes = stripped(k);
	*bad |= bytes > limit + limit / 10;
	printf("%s: %ld bytes, %s %ld\n", k->name, bytes, bytes > limit + limit / 10 ?
	       "more than a tenth above" : "expected about", limit);
}

/* What lies beside a vmlinux belongs to it, unless it is older. */
static char *beside(const struct kernel *k, const char *name)
{
	const char *slash = strrchr(k->file, '/');
	char *file = text("%.*s%s", slash ? (int)(slash + 1 - k->file) : 0, k->file, name);
	struct stat vmlinux, st;

	return stat(k->file, &vmlinux) || stat(file, &st) ? NULL :
	       st.st_mtim.tv_sec < vmlinux.st_mtim.tv_sec ? NULL : file;
}

static void measure_sizes(const struct experiment *e, struct kernel *k, size_t n,
			  struct results *rows)
{
	bool bad = false;

	opt.accel = "-";
	for (size_t i = 0; i < n; i++) {
		char *image;

		if (opt.limits) {
			check_limit(&k[i], &bad);
			continue;
		}
		add_row(rows, e, &k[i], "vmlinux", "bytes", stripped(&k[i]));
		image = beside(&k[i], "arch/x86/boot/bzImage");
		if (image)
			add_row(rows, e, &k[i], "bzimage", "bytes", size_of(image));
	}
	if (bad)
		die("a kernel is too large, see above");
}

struct folder {
	long text, data, bss;
	const char *name;
};

static int by_text(const void *a, const void *b)
{
	const struct folder *x = a, *y = b;

	return x->text < y->text ? 1 : x->text > y->text ? -1 : strcmp(x->name, y->name);
}

/* Of the objects that were linked, the thin archives of each folder. */
static void print_folders(const struct kernel *k)
{
	static const char *const names[] = {
		"arch/x86", "block", "crypto", "drivers", "fs", "init", "io_uring", "ipc",
		"kernel", "lib", "mm", "net", "security", "sound", "virt", "arch/x86/lib",
	};
	struct folder list[sizeof(names) / sizeof(names[0]) + 2], f;
	const char *slash = strrchr(k->file, '/');
	size_t n = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) + 2; i++) {
		const char *name = i < 16 ? text("%s/built-in.a", names[i]) :
				   i == 16 ? "lib/lib.a" : "arch/x86/lib/lib.a";
		char *file = text("%.*s%s", (int)(slash + 1 - k->file), k->file, name);
		struct words command = { 0 };
		char *out, *line;

		if (access(file, R_OK))
			continue;
		/* They name their objects from the folder of the build. */
		add(&command, "env", "-C", text("%.*s", (int)(slash + 1 - k->file), k->file),
		    "size", "-t", name, NULL);
		out = output_of(&command);
		while (out && (line = next_line(&out)))
			if (strstr(line, "(TOTALS)") && sscanf(line, "%ld %ld %ld", &f.text, &f.data,
							       &f.bss) == 3 && f.text + f.data) {
				f.name = i < 16 ? names[i] : name;
				list[n++] = f;
			}
	}
	qsort(list, n, sizeof(*list), by_text);
	for (size_t i = 0; i < n && i < (size_t)opt.top; i++)
		printf("  %9ld  %9ld  %9ld  %s\n", list[i].text, list[i].data, list[i].bss,
		       list[i].name);
}

static void print_contributors(const struct kernel *k, size_t n)
{
	for (size_t i = 0; i < n && opt.top && !opt.limits; i++) {
		long bytes = stripped(&k[i]);
		struct elf *e;

		printf("\n%s: %ld bytes without symbols, by section\n", k[i].name, bytes);
		elf_sections(k[i].copy, bytes);
		if (strchr(k[i].file, '/') && beside(&k[i], "vmlinux") &&
		    !access(text("%.*skernel/built-in.a",
				 (int)(strrchr(k[i].file, '/') + 1 - k[i].file), k[i].file), R_OK)) {
			printf("%s: text, data and bss of the objects, by folder\n", k[i].name);
			print_folders(&k[i]);
		}
		e = elf_open(k[i].copy);
		if (e) {
			printf("%s: largest functions and variables\n", k[i].name);
			elf_largest(e, opt.top);
		}
	}
}

/* boot: instructions are counted by a plugin of QEMU, up to the first of init. */

static FILE *reports;
static char *reports_text;
static size_t reports_size;

struct sum {
	const char *name;
	uint64_t n;
};

static int by_n(const void *a, const void *b)
{
	const struct sum *x = a, *y = b;

	return x->n < y->n ? 1 : x->n > y->n ? -1 : strcmp(x->name, y->name);
}

static void sum_up(struct sum *sums, size_t *n, const char *name, uint64_t add)
{
	size_t i = 0;

	while (i < *n && strcmp(sums[i].name, name))
		i++;
	if (i == *n)
		sums[(*n)++] = (struct sum){ name, 0 };
	sums[i].n += add;
}

static void print_sums(struct sum *sums, size_t n)
{
	qsort(sums, n, sizeof(*sums), by_n);
	for (size_t i = 0; i < n && i < (size_t)opt.top; i++)
		fprintf(reports, "  %10lu  %s\n", sums[i].n, sums[i].name);
}

static int by_total(const void *a, const void *b)
{
	const struct sum *x = a, *y = b;

	return x->n < y->n ? -1 : x->n > y->n;
}

/* Where the instructions of a profile went. */
static void report_boot(const struct elf *elf, const char *name, const char *profile,
			uint64_t total)
{
	struct sum *phases = calloc(MOST_PLACES, sizeof(*phases)), *sums, *start;
	char *data = content(profile, NULL), *line;
	size_t n = 0, n_phases = 0, n_start = 0;
	uint64_t address, a, b;

	sums = calloc(elf->n + 2, sizeof(*sums));
	start = calloc(MOST_PLACES + 2, sizeof(*start));
	start[n_start++] = (struct sum){ "(firmware, loading)", 0 };
	while ((line = next_line(&data))) {
		if (sscanf(line, "place %lx %lu", &address, &a) == 2 && n_start < MOST_PLACES) {
			const struct symbol *s = elf_at(elf, address);

			start[n_start++] = (struct sum){ s ? s->name : "?", a };
		} else if (sscanf(line, "block %lx %lu %lu", &address, &a, &b) == 3) {
			const struct symbol *s = elf_at(elf, address);

			sum_up(sums, &n, s && address >> 32 == 0xffffffff ? s->name :
			       "(firmware, entry at low addresses)", a * b);
		}
	}
	qsort(start, n_start, sizeof(*start), by_total);
	start[n_start] = (struct sum){ "", total };
	for (size_t i = 0; i < n_start; i++)
		sum_up(phases, &n_phases, start[i].name, start[i + 1].n - start[i].n);
	if (!reports)
		reports = open_memstream(&reports_text, &reports_size);
	fprintf(reports, "\n%s: %lu instructions, by phase (from its start to that of the next)\n",
		name, total);
	print_sums(phases, n_phases);
	fprintf(reports, "%s: by function\n", name);
	print_sums(sums, n);
}

static void measure_boot(const struct experiment *e, const struct kernel *k, const char *unit,
			 struct results *rows)
{
	struct symbol *places = calloc(MOST_PLACES, sizeof(*places));
	char *log = text("%s/console", work), *profile = text("%s/profile", work), *line;
	char *data = "", *file = text("%s/places", work);
	struct words w = { 0 };
	struct elf *elf;
	uint64_t total;
	size_t n = 0;
	int status;

	/* All systems get the same words, and those alone that scripts/lupine/run gives. */
	guest_words(&w, k, k->image, NULL, counts(unit) ? "" : text("bench_khz=%ld", tsc_khz()),
		    opt.memory, e->timeout);
	if (!counts(unit)) {
		status = run(&w, log);
		if (status)
			guest_failed(k->name, log, status);
		guest_rows(e, k, log, rows);
		return;
	}
	make_file("count.so");
	elf = elf_open(k->copy);
	if (!elf)
		die("%s is no vmlinux with symbols", k->file);
	n = elf_places(elf, places, MOST_PLACES);
	for (size_t i = 0; i < n; i++)
		data = text("%s%lx\n", data, places[i].address);
	publish(file, data, strlen(data));
	remove(profile);
	add(&w, "--qemu", "-icount", "--qemu", "shift=0,sleep=off", "--qemu", "-plugin", "--qemu",
	    text("%s/bench/count.so,output=%s,stop=%lx,places=%s", build, profile, elf_find(elf_open(text("%s/bench/boot-init", build)), "first")->address, file),
	    NULL);
	status = run(&w, log);
	if (status || access(profile, R_OK))
		guest_failed(k->name, log, status);
	data = content(profile, NULL);
	line = strstr(data, "total ");
	if (!line || sscanf(line, "total %lu", &total) != 1)
		die("%s: the plugin saw no init", k->name);
	add_row(rows, e, k, "init-instructions", "instructions", total);
	if (opt.top && !(reports_text && strstr(reports_text, text("\n%s: ", k->name)))) {
		report_boot(elf, k->name, profile, total);
		fflush(reports);
	}
}

static void print_boots(const struct kernel *k, size_t n)
{
	(void)k;
	(void)n;
	if (reports_text)
		fputs(reports_text, stdout);
}

/* memory: the least with which an application passes its check. */

static bool passes(const char *app, const struct kernel *k, long mib)
{
	struct words w = { 0 };

	add(&w, script("test/app.sh"), app, "--kernel", k->copy, "--memory", text("%ld", mib),
	    "--ready", text("%ld", opt.ready), "--accel", opt.accel, NULL);
	return !run(&w, text("%s/out", work));
}

/* Halves the interval between what fails and what works, and tries the result again. */
static long least_memory(const char *app, const struct kernel *k)
{
	long low = 1, high = opt.most, middle;

	if (!passes(app, k, high)) {
		show_end(text("%s/out", work), 30);
		die("%s fails on %s even with %ld MiB, see above", app, k->name, high);
	}
	while (high - low > 1) {
		/* The interesting values are small. */
		middle = low + (high - low) / (high - low > 16 ? 4 : 2);
		if (passes(app, k, middle))
			high = middle;
		else
			low = middle;
		fprintf(stderr, "        %s on %s: %ld MiB is %s\n", app, k->name, middle,
			high == middle ? "enough" : "not");
	}
	/* What works only now and then does not work. */
	while (!passes(app, k, high))
		if (++high >= opt.most)
			die("%s on %s works only now and then", app, k->name);
	return high;
}

static const struct kernel *kernel_named(const struct kernel *k, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(k[i].name, name))
			return &k[i];
	return NULL;
}

static void measure_memory(const struct experiment *e, struct kernel *k, size_t n,
			   struct results *rows)
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
			struct words w = { 0 };

			if (!names || !is_name(app, ""))
				die("--app %s: want APP=NAME[,NAME...]", opt.apps.v[i]);
			add(&w, script("apps/build"), app, NULL);
			if (pass)
				must(&w, "the image");
			while ((name = strsep(&names, ","))) {
				const struct kernel *on = kernel_named(k, n, name);

				if (!on)
					die("--app %s: there is no --kernel %s", opt.apps.v[i], name);
				if (!pass)
					continue;
				fprintf(stderr, "==> Least memory of %s on %s\n", app, name);
				add_row(rows, e, on, text("least-%s", app), "MiB",
					least_memory(app, on));
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

/* Whose the pages of a guest with 64 MiB are, in KiB, from the kernel's own words. */
static void print_owners(const struct kernel *k, size_t n)
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
		if (!line || sscanf(line, "Memory: %*dK/%ldK available", &present) != 1 || total < 0)
			die("%s does not tell what memory it has", k[i].name);
		printf("\n%s: KiB of 65536 when init runs\n", k[i].name);
		printf("  %8ld  not memory to the kernel (firmware, hole at 640 KiB)\n",
		       65536 - present);
		other = present - total;
		for (size_t j = 0; j < 4; j++) {
			other -= part(line, parts[j]);
			printf("  %8ld  %s\n", part(line, parts[j]), titles[j]);
		}
		printf("  %8ld  other memory reserved for good (struct pages, early tables, padding)\n",
		       other);
		printf("  %8ld  in use when init runs, of which\n", total - free);
		for (size_t j = 0; j < sizeof(used) / sizeof(used[0]); j++)
			if (said(&rows, used[j]) >= 0)
				printf("  %8ld      %s\n", said(&rows, used[j]), used[j]);
		printf("  %8ld  free\n", free);
	}
}

/*
 * slots: how much of Debian's binaries calls the kernel in a rewritten image. Of the
 * system calls in a file, those that are rewritten; of those that server and client
 * execute, those by slot, by the call entry, and by SYSCALL.
 */
static void count_sites(const struct experiment *e, const struct kernel *k, struct results *rows)
{
	char *out, *line, *files = text("%s/files", work);
	struct words w = { 0 };

	mkdir(files, 0755);
	add(&w, "debugfs", "-R", text("rdump / %s", files), text("%s/bench/%s", build, k->image),
	    NULL);
	if (run(&w, text("%s/log", work)))
		die("the image cannot be read");
	make_file("callsites");
	w.n = 0;
	add(&w, "find", files, "-type", "f", "-exec", text("%s/bench/callsites", build), "--check",
	    "{}", "+", NULL);
	out = output_of(&w);
	if (!out)
		die("callsites --check fails");
	while ((line = next_line(&out))) {
		char file[256], *name;
		long all, calls;

		/* The init is ours. */
		if (sscanf(line, "/%255s %ld %ld", file, &all, &calls) != 3 || all < 20)
			continue;
		name = text("sites-%s", strrchr(file, '/') ? strrchr(file, '/') + 1 : file);
		if (strcmp(name, "sites-init") && is_name(name, ""))
			add_row(rows, e, k, name, "%", 100.0 * calls / all);
	}
}

static void count_executed(const struct experiment *e, const struct kernel *k,
			   struct results *rows)
{
	static const char *const names[] = { "slot", "call", "syscall" };
	const struct symbol *s[4];
	char *log = text("%s/console", work), *profile = text("%s/profile", work), *data, *line;
	uint64_t address, size, times, count[3] = { 0 }, all;
	struct elf *elf = elf_open(k->copy);
	struct words w = { 0 };
	int status;

	s[0] = elf ? elf_find(elf, "kml_slot_stubs") : NULL;
	if (!s[0])
		die("%s has no slots: it needs CONFIG_KML", k->name);
	s[1] = elf_find(elf, "entry_CALL_64");
	s[2] = elf_find(elf, "entry_SYSCALL_64");
	s[3] = elf_find(elf, "kml_slot_4096");
	guest_words(&w, k, k->image, "time", "", e->memory, e->timeout);
	add(&w, "-e", text("APP=%s", k->app), "-e", text("REQUESTS=%ld", opt.requests), "--qemu",
	    "-plugin", "--qemu", text("%s/bench/count.so,output=%s", build, profile), NULL);
	status = run(&w, log);
	if (status || access(profile, R_OK))
		guest_failed(k->app, log, status);
	data = content(profile, NULL);
	while ((line = next_line(&data)))
		if (sscanf(line, "block %lx %lu %lu", &address, &size, &times) == 3)
			for (int i = 0; i < 3; i++)
				if (s[i] && address >= s[i]->address &&
				    address <= (i || !s[3] ? s[i] : s[3])->address)
					count[i] += times;
	all = count[0] + count[1] + count[2];
	if (!all)
		die("%s: no system call was counted", k->app);
	for (int i = 0; i < 3; i++) {
		fprintf(stderr, "    %s: %lu by %s\n", k->app, count[i], names[i]);
		add_row(rows, e, k, text("%s-by-%s", k->app, names[i]), "%", 100.0 * count[i] / all);
	}
}

static void measure_slots(const struct experiment *e, struct kernel *k, size_t n,
			  struct results *rows)
{
	opt.accel = "tcg";
	make_file("count.so");
	count_sites(e, &k[0], rows);
	for (size_t i = 0; i < n; i++)
		count_executed(e, &k[i], rows);
}

/*
 * echo: the server is in one guest and its client in another, which always has the same
 * kernel; a virtual wire connects the two. The server's end listens.
 */
static void wire(struct words *w, const struct kernel *k, const char *address, bool server)
{
	guest_words(w, k, k->image, "us", text("ip=%s:::255.255.255.0::eth0:off", address), 128,
		    300);
	add(w, "--qemu", "-netdev", "--qemu",
	    text("stream,id=wire,addr.type=unix,addr.path=%s/wire,server=%s", work, server ? "on" : "off"),
	    "--qemu", "-device", "--qemu", "virtio-net-device,netdev=wire", NULL);
}

static void measure_echo(const struct experiment *e, const struct kernel *k, const char *unit,
			 struct results *rows)
{
	char *log = text("%s/client.log", work), *server_log = text("%s/server.log", work);
	char *socket = text("%s/wire", work);
	struct words server = { 0 }, client = { 0 }, make = { 0 };
	struct kernel other = *k;
	int tries = 0, status;
	pid_t pid;

	(void)unit;
	other.copy = opt.client;
	if (!other.copy) {
		add(&make, script("kconfig/build"), "lupine-general+nokml", NULL);
		must(&make, "the client's kernel");
		other.copy = text("%s/kernel/lupine-general+nokml/vmlinux", build);
	}
	remove(socket);
	wire(&server, k, SERVER, true);
	pid = start(&server, server_log);
	while (access(socket, F_OK)) {
		usleep(50000);
		if (++tries > 400) {
			show_end(server_log, 30);
			die("%s: the server's guest does not start", k->name);
		}
	}
	wire(&client, &other, CLIENT, false);
	add(&client, "--", "client", SERVER, text("%ld", opt.messages), NULL);
	status = run(&client, log);
	stop(pid);
	if (status) {
		show_end(server_log, 20);
		guest_failed(k->name, log, status);
	}
	guest_rows(e, k, log, rows);
}

#define FIVE	{ "microvm", "microvm+mmio" }, { "lupine-base", "lupine-base" }, \
		{ "lupine-tiny", "lupine-tiny" }, { "lupine-general", "lupine-general" }
#define KML	{ "lupine-general+nokml", "lupine-general+nokml" }, \
		{ "lupine-general", "lupine-general" }
#define SMP	{ "lupine-general", "lupine-general" }, \
		{ "lupine-general+smp", "lupine-general+smp" }

const struct experiment experiments[] = {
	{
		.name = "options", .title = "Options (Figures 3 to 5, Tables 1 and 3)",
		.remark = "Options that are on or have a value. What they are, and which of them "
			"which application needs, is in Documentation/lupine/options.rst.",
		.takes = "",
		.systems = { { "microvm", "microvm" }, { "lupine-base", "lupine-base" },
			     { "lupine-tiny", "lupine-tiny" },
			     { "lupine-general", "lupine-general" } },
		.configured = true, .once = count_options,
	}, {
		.name = "size", .title = "Size of the image (Figure 6)",
		.remark = "vmlinux without symbols, and bzImage.",
		.takes = "tl", .systems = { FIVE },
		.once = measure_sizes, .after = print_contributors,
		.targets = "lupine-base vmlinux ratio 0.16\n"
			"lupine-tiny vmlinux ratio 0.13\n"
			"lupine-general vmlinux ratio 0.24\n",
	}, {
		.name = "boot", .title = "Boot (Figure 7)",
		.remark = "From the reset of the machine to the first instruction of init.",
		.takes = "utm",
		.systems = { { "microvm", "microvm+mmio" }, { "lupine-base", "lupine-base" },
			     { "lupine-base+nokml", "lupine-base+nokml" },
			     { "lupine-tiny", "lupine-tiny" },
			     { "lupine-general", "lupine-general" } },
		.image = "boot.ext2", .units = { "instructions", "seconds" }, .timeout = 300,
		.rows = 1, .measure = measure_boot, .after = print_boots,
		.targets = "lupine-base init-instructions ratio 0.30\n"
			"lupine-general init-instructions ratio 0.35\n"
			"lupine-base init-seconds ratio 0.30\n"
			"lupine-general init-seconds ratio 0.35\n",
	}, {
		.name = "memory", .title = "Memory (Figure 8)",
		.remark = "The least memory of the machine with which an application passes its "
			"check.",
		.takes = "ayso", .systems = { FIVE }, .image = "boot.ext2",
		.once = measure_memory, .after = print_owners,
		.targets = "lupine-base least-hello ratio 0.5\n"
			"lupine-base least-hello most 14\n"
			"lupine-general least-redis most 18\n"
			"lupine-general least-nginx most 18\n",
	}, {
		.name = "syscall", .title = "System calls (Figure 9)",
		.takes = "up", .baseline = "lupine-nokml",
		.systems = { { "lupine-nokml", "%s+nokml" }, { "lupine-kml", "%s" },
			     { "microvm", "microvm+mmio", true } },
		.image = "syscall.ext2", .units = { "instructions", "ns" }, .memory = 128,
		.timeout = 300, .is_init = true,
	}, {
		.name = "busy", .title = "System calls with work between them (Figure 10)",
		.remark = "A system call, and then so many turns of a loop; under TCG a turn takes "
			"another time than on silicon.",
		.takes = "u", .systems = { KML }, .lines = true,
		.image = "processes.ext2", .units = { "instructions", "ns" }, .asked = true,
		.memory = 512, .timeout = 600, .named = true,
	}, {
		.name = "control", .title = "Beside processes that sleep (Figure 11)",
		.remark = "A system call of one process beside as many others.",
		.takes = "u", .systems = { KML }, .lines = true,
		.image = "processes.ext2", .units = { "instructions", "ns" },
		.memory = 512, .timeout = 600, .named = true,
		.related = { "Beside 1024 processes, relative to one", "-1024", "-1" },
	}, {
		.name = "messaging", .title = "Threads and processes (Figure 12)",
		.remark = "A message between two of 20 times as many. Under TCG, a switch to another "
			"address space empties QEMU's own TLB, which costs much more than silicon's.",
		.takes = "u", .systems = { KML }, .lines = true,
		.image = "processes.ext2", .units = { "instructions", "ns" },
		.memory = 512, .timeout = 600, .named = true,
		.related = { "Processes, relative to threads", "processes", "threads" },
	}, {
		.name = "locks", .title = "The price of SMP (section 5)",
		.remark = "On one processor, with CONFIG_SMP and without it.",
		.takes = "u", .systems = { SMP },
		.image = "processes.ext2", .units = { "instructions", "ns" }, .asked = true,
		.memory = 512, .timeout = 600, .named = true,
	}, {
		.name = "make", .title = "The price of SMP for make (section 5)",
		.remark = "The same, of a file that make has compiled.",
		.takes = "u", .systems = { SMP },
		.image = "processes.ext2", .units = { "instructions", "ns" }, .asked = true,
		.memory = 512, .timeout = 600, .named = true,
	}, {
		.name = "app", .title = "Applications (Table 4)",
		.remark = "Server and client in the same guest.",
		.takes = "uar", .apps = { "redis", "nginx" },
		.systems = { { "microvm", "microvm+mmio" }, { "lupine-general", "lupine-general" },
			     { "lupine", "lupine-base+%s" },
			     { "lupine-nokml", "lupine-base+%s+nokml" },
			     { "lupine-tiny", "lupine-tiny+%s" },
			     { "lupine-nokml-tiny", "lupine-tiny+%s+nokml" } },
		.image = "app.ext2", .rewritten = "app-slots.ext2",
		.units = { "instructions", "seconds" }, .memory = 256, .timeout = 900, .rows = 2,
		/*
		 * A tenth more than the paper's gains over its microVM; and the kernel that has
		 * what all applications need is as good as that with what one needs.
		 */
		.targets = "lupine redis-get least 1.30\n"
			"lupine redis-set least 1.30\n"
			"lupine nginx-conn least 1.45\n"
			"lupine nginx-sess least 1.25\n"
			"lupine-general redis-get least 0.98 lupine\n"
			"lupine-general redis-set least 0.98 lupine\n"
			"lupine-general nginx-conn least 0.98 lupine\n"
			"lupine-general nginx-sess least 0.98 lupine\n"
			"lupine-general redis-get-instructions ratio 1.02 lupine\n"
			"lupine-general redis-set-instructions ratio 1.02 lupine\n"
			"lupine-general nginx-conn-instructions ratio 1.02 lupine\n"
			"lupine-general nginx-sess-instructions ratio 1.02 lupine\n",
	}, {
		.name = "slots", .title = "System calls that are calls",
		.remark = "Debian's binaries as scripts/apps/build --rewrite leaves them: of a file, "
			"the share of its system calls that were rewritten; of redis and nginx with "
			"their clients, the share of those executed.",
		.takes = "ar", .systems = { { "lupine-general", "lupine-general" } },
		.apps = { "redis", "nginx" }, .image = "app-slots.ext2", .memory = 256,
		.timeout = 900, .once = measure_slots,
	}, {
		.name = "lmbench", .title = "lmbench's list (Table 5)",
		.remark = "Latencies in us, where less is better, and bandwidths in MB/s, where more "
			"is.",
		.takes = "", .systems = { { "microvm", "microvm+mmio" }, KML },
		.image = "lmbench.ext2", .units = { "us" }, .memory = 256, .timeout = 300,
		.slower = true,
	}, {
		.name = "echo", .title = "An echo server (UKL, Figure 1)",
		.remark = "Messages there and back, from a client in another guest, whose share is in "
			"the times.",
		.takes = "gc",
		.systems = { { "linux", "microvm+mmio" },
			     { "lupine-nokml", "lupine-general+nokml" },
			     { "lupine-kml", "lupine-general" },
			     { "ukl", "lupine-general+ukl", .linked = "echo.c" } },
		.image = "echo.ext2", .units = { "us" }, .rows = 4, .measure = measure_echo,
	},
	{ .name = NULL }
};

const struct experiment *find_experiment(const char *name)
{
	const struct experiment *e = experiments;
	char *all = "";

	for (; e->name; e++) {
		if (!strcmp(e->name, name))
			return e;
		all = text("%s %s", all, e->name);
	}
	die("no experiment '%s'; there are:%s", name, all);
}
