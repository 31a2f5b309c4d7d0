// SPDX-License-Identifier: GPL-2.0
/*
 * The experiment calls: how much of Debian's binaries calls the kernel in a rewritten
 * image. Of the system calls in a file, those that are rewritten; of those that server and
 * client execute, those by CALL and by SYSCALL, counted by a plugin of QEMU; the boot and
 * the programs' start are among them.
 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

static void count_sites(const struct experiment *e, const struct kernel *k, struct results *rows)
{
	char *out, *line, *files = text("%s/files", work), *image;

	mkdir(files, 0755);
	image = text("%s/bench/%s", build, k->image);
	if (run(words("debugfs", "-R", text("rdump / %s", files), image, NULL),
		text("%s/log", work)))
		die("the image cannot be read");
	make_file("callsites");
	out = output_of(words("find", files, "-type", "f", "-exec",
			      text("%s/bench/callsites", build), "--check", "{}", "+", NULL));
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
	static const char *const names[] = { "call", "syscall" };
	const struct symbol *s[2];
	char *log = text("%s/console", work), *profile = text("%s/profile", work), *data, *line;
	uint64_t address, size, times, count[2] = { 0 }, all;
	struct elf *elf = elf_open(k->copy);
	struct words w = { 0 };
	int status;

	s[0] = elf ? elf_find(elf, "entry_CALL_64") : NULL;
	if (!s[0])
		die("%s has no entry for calls: it needs CONFIG_KML", k->name);
	s[1] = elf_find(elf, "entry_SYSCALL_64");
	guest_words(&w, k, k->image, "time", "", e->memory, e->timeout);
	add(&w, "-e", text("APP=%s", k->app), "-e", text("REQUESTS=%ld", opt.requests), "--qemu",
	    "-plugin", "--qemu", text("%s/bench/count.so,output=%s", build, profile), NULL);
	status = run(&w, log);
	if (status || access(profile, R_OK))
		guest_failed(k->app, log, status);
	data = content(profile, NULL);
	while ((line = next_line(&data)))
		if (sscanf(line, "block %lx %lu %lu", &address, &size, &times) == 3)
			for (int i = 0; i < 2; i++)
				if (s[i] && address == s[i]->address)
					count[i] += times;
	all = count[0] + count[1];
	if (!all)
		die("%s: no system call was counted", k->app);
	for (int i = 0; i < 2; i++) {
		fprintf(stderr, "    %s: %lu by %s\n", k->app, count[i], names[i]);
		add_row(rows, e, k, text("%s-by-%s", k->app, names[i]), "%",
			100.0 * count[i] / all);
	}
}

void measure_calls(const struct experiment *e, struct kernel *k, size_t n, struct results *rows)
{
	/* Only TCG has plugins. */
	opt.accel = "tcg";
	/* Not those of app: the boot is a part of the shares. */
	if (!strchr(opt.given, 'r'))
		opt.requests = 5000;
	make_file("count.so");
	count_sites(e, &k[0], rows);
	for (size_t i = 0; i < n; i++)
		count_executed(e, &k[i], rows);
}
