// SPDX-License-Identifier: GPL-2.0
/*
 * Usage: tables VMLINUX
 *        tables --reverse VMLINUX
 *
 * Say whether the kernel's tables of jump labels and static calls are sorted by key, and jump
 * labels of one key by code: exit status 1 if not. Or put the entries in the reverse order,
 * in place: each still refers to what it did.
 *
 * struct jump_entry is two offsets of 4 bytes, of the code and of its target, and one of 8
 * bytes, of the key; struct static_call_site is two of 4 bytes, of the code and of the key.
 * They count from where they stand, and the lowest two bits of a key are flags.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_ENTRIES	(1 << 20)

struct table {
	const char *name, *start, *stop;
	size_t entry;			/* bytes, the last half of which is the key */
	uint64_t from, to;
};

struct entry {
	int64_t code, target, key;	/* from the begin of the table */
};

static struct table tables[] = {
	{ .name = "jump labels", .start = "__start___jump_table",
	  .stop = "__stop___jump_table", .entry = 16 },
	{ .name = "static calls", .start = "__start_static_call_sites",
	  .stop = "__stop_static_call_sites", .entry = 8 },
};

/* Where in the file the bytes at these addresses are */
static size_t place(Elf *elf, const struct table *t, size_t file_size)
{
	uint64_t size = t->to - t->from, at;
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(elf, scn))) {
		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_PROGBITS ||
		    t->from < sh.sh_addr || size > sh.sh_size ||
		    t->from - sh.sh_addr > sh.sh_size - size)
			continue;
		at = sh.sh_offset + (t->from - sh.sh_addr);
		if (at <= file_size && size <= file_size - at)
			return at;
	}
	errx(2, "no section has the %s", t->name);
}

static void find(Elf *elf)
{
	Elf_Scn *scn = NULL;
	Elf_Data *data;
	GElf_Shdr sh;
	GElf_Sym sym;
	const char *name;

	while ((scn = elf_nextscn(elf, scn))) {
		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_SYMTAB)
			continue;
		data = elf_getdata(scn, NULL);
		for (int i = 0; gelf_getsym(data, i, &sym); i++) {
			name = elf_strptr(elf, sh.sh_link, sym.st_name);
			for (size_t j = 0; name && j < 2; j++) {
				if (!strcmp(name, tables[j].start))
					tables[j].from = sym.st_value;
				else if (!strcmp(name, tables[j].stop))
					tables[j].to = sym.st_value;
			}
		}
	}
}

static int32_t half(const char *at)
{
	int32_t n;

	memcpy(&n, at, sizeof(n));
	return n;
}

static struct entry get(const char *data, const struct table *t, size_t i)
{
	size_t at = i * t->entry, key_at = at + t->entry / 2;
	struct entry e = { .code = half(data + at) + (int64_t)at };

	if (t->entry == 16) {
		e.target = half(data + at + 4) + (int64_t)at;
		memcpy(&e.key, data + key_at, sizeof(e.key));
	} else {
		e.key = half(data + key_at);
	}
	e.key += key_at;
	return e;
}

static void put(char *data, const struct table *t, size_t i, struct entry e)
{
	size_t at = i * t->entry, key_at = at + t->entry / 2;
	int32_t code = e.code - at, target = e.target - at, key = e.key - key_at;

	memcpy(data + at, &code, sizeof(code));
	e.key -= key_at;
	if (t->entry == 16) {
		memcpy(data + at + 4, &target, sizeof(target));
		memcpy(data + key_at, &e.key, sizeof(e.key));
	} else {
		memcpy(data + key_at, &key, sizeof(key));
	}
}

static bool is_sorted(const char *data, const struct table *t, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct entry a = get(data, t, i - 1), b = get(data, t, i);

		a.key &= ~3;
		b.key &= ~3;
		if (a.key > b.key || (a.key == b.key && t->entry == 16 && a.code > b.code)) {
			printf("%s: entry %zu of %zu comes too late\n", t->name, i, n);
			return false;
		}
	}
	printf("%s: %zu, sorted\n", t->name, n);
	return true;
}

static void reverse(char *data, const struct table *t, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		struct entry a = get(data, t, i), b = get(data, t, n - 1 - i);

		put(data, t, i, b);
		put(data, t, n - 1 - i, a);
	}
}

int main(int argc, char **argv)
{
	bool change = argc == 3 && !strcmp(argv[1], "--reverse"), sorted = true;
	const char *file = argv[argc - 1];
	struct stat st;
	char *data;
	Elf *elf;
	int fd;

	if (argc != 2 + change)
		errx(2, "Usage: tables [--reverse] VMLINUX");
	fd = open(file, (change ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		err(2, "%s", file);
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf || gelf_getclass(elf) != ELFCLASS64)
		errx(2, "%s is no ELF file of 64 bits", file);
	data = mmap(NULL, st.st_size, change ? PROT_READ | PROT_WRITE : PROT_READ,
		    change ? MAP_SHARED : MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		err(2, "%s", file);
	find(elf);
	for (size_t j = 0; j < 2; j++) {
		struct table *t = &tables[j];
		size_t n = (t->to - t->from) / t->entry;

		if (!t->from || t->to <= t->from || n > MOST_ENTRIES)
			errx(2, "%s has no %s", file, t->name);
		if (change)
			reverse(data + place(elf, t, st.st_size), t, n);
		else if (!is_sorted(data + place(elf, t, st.st_size), t, n))
			sorted = false;
	}
	return !sorted;
}
