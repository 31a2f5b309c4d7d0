// SPDX-License-Identifier: GPL-2.0
/*
 * The experiment size: vmlinux without symbols, as the monitor loads it, and bzImage where
 * there is one; and where the bytes are.
 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

/*
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

long stripped_size(const struct kernel *k)
{
	char *output = text("%s/vmlinux", work);

	if (run(words("strip", "-o", output, k->copy, NULL), text("%s/log", work)))
		die("strip fails: %s is no ELF file", k->file);
	return size_of(output);
}

static void check_limit(const struct kernel *k, bool *bad)
{
	long bytes, limit = 0;

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		if (!strcmp(limits[i].profile, k->profile))
			limit = limits[i].bytes;
	if (!limit)
		die("%s: no limit is known for the profile %s", k->name, k->profile);
	bytes = stripped_size(k);
	*bad |= bytes > limit + limit / 10;
	printf("%s: %ld bytes, %s %ld\n", k->name, bytes, bytes > limit + limit / 10 ?
	       "more than a tenth above" : "expected about", limit);
}

/* Find a file beside a vmlinux. An older one belongs to another vmlinux. */
static char *beside(const struct kernel *k, const char *name)
{
	char *file = text("%s%s", folder_of(k->file), name);
	struct stat vmlinux, st;

	return stat(k->file, &vmlinux) || stat(file, &st) || st.st_mtime < vmlinux.st_mtime ?
	       NULL : file;
}

void measure_sizes(const struct experiment *e, struct kernel *k, size_t n, struct results *rows)
{
	bool bad = false;

	for (size_t i = 0; i < n; i++) {
		char *image;

		if (opt.limits) {
			check_limit(&k[i], &bad);
			continue;
		}
		add_row(rows, e, &k[i], "vmlinux", "bytes", stripped_size(&k[i]));
		image = beside(&k[i], "arch/x86/boot/bzImage");
		if (image)
			add_row(rows, e, &k[i], "bzimage", "bytes", size_of(image));
	}
	if (bad)
		die("a kernel is too large, see above");
}

/* Text of the objects that were linked: what the thin archives of each folder have. */
static void print_folders(const struct kernel *k)
{
	static const char *const names[] = {
		"arch/x86/built-in.a", "block/built-in.a", "crypto/built-in.a",
		"drivers/built-in.a", "fs/built-in.a", "init/built-in.a", "io_uring/built-in.a",
		"ipc/built-in.a", "kernel/built-in.a", "lib/built-in.a", "mm/built-in.a",
		"net/built-in.a", "security/built-in.a", "sound/built-in.a", "virt/built-in.a",
		"arch/x86/lib/built-in.a", "lib/lib.a", "arch/x86/lib/lib.a",
	};
	char *folder = folder_of(k->file);
	struct items list = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		long code, data, bss;
		char *out, *line;

		if (access(text("%s%s", folder, names[i]), R_OK))
			continue;
		/* They name their objects from the folder of the build. */
		out = output_of(words("env", "-C", folder, "size", "-t", names[i], NULL));
		while (out && (line = next_line(&out)))
			if (strstr(line, "(TOTALS)") &&
			    sscanf(line, "%ld %ld %ld", &code, &data, &bss) == 3)
				count_in(&list, text("%9ld  %9ld  %s", data, bss, names[i]), code);
	}
	if (list.n)
		printf("%s: text, data and bss of the objects, by folder\n", k->name);
	print_items(stdout, &list, opt.top);
}

void print_contributors(const struct kernel *k, size_t n)
{
	for (size_t i = 0; i < n && opt.top && !opt.limits; i++) {
		long bytes = stripped_size(&k[i]);
		struct elf *e;

		printf("\n%s: %ld bytes without symbols, by section\n", k[i].name, bytes);
		elf_sections(k[i].copy, bytes);
		print_folders(&k[i]);
		e = elf_open(k[i].copy);
		if (e) {
			printf("%s: largest functions and variables\n", k[i].name);
			elf_largest(e, opt.top);
		}
	}
}
