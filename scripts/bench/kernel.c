// SPDX-License-Identifier: GPL-2.0
/*
 * Questions about kernels and programs, answered from the ELF file by libelf: which
 * release, where a function is, which symbol an address belongs to, how large the
 * sections and symbols are, and which functions mark the phases of a boot.
 */
#include <ctype.h>
#include <gelf.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <Zydis/Zydis.h>

#include "bench.h"

/* Symbols that mark a place in front of a function would hide the function's name. */
#define MARKS	"^(__pfx_|__cfi_|_stext$|_text$|__.*_text_(start|end)$|\\.L)"

/* __initcall__kmod_MODULE__NUMBER_LINE_FUNCTIONLEVEL */
#define INITCALLS "^__initcall__kmod_.*__[0-9]+_[0-9]+_(.*)([0-7]s?|early|rootfs|con)$"

/* Functions that are called from everywhere mark no phase. */
#define HELPERS	"^(_?printk|_?panic|mem(cpy|set|cmp)|str[a-z]*|k(m|z)?(alloc|free).*|" \
		"__(mutex|warn).*|mutex_.*|preempt_.*|schedule|snprintf|pr_.*|trace_.*|__x86_.*)$"

static const char *const first_functions[] = {
	"x86_64_start_kernel", "start_kernel", "setup_arch", "mm_core_init",
	"arch_call_rest_init", "rest_init", "kernel_init", "kernel_init_freeable",
};

static regmatch_t *matches(const char *name, const char *pattern)
{
	static regmatch_t m[2];
	static const char *last;
	static regex_t regex;

	if (last != pattern) {
		if (last)
			regfree(&regex);
		if (regcomp(&regex, pattern, REG_EXTENDED))
			die("bad pattern %s", pattern);
		last = pattern;
	}
	return regexec(&regex, name, 2, m, 0) ? NULL : m;
}

/* Sort the shortest name of a place first: it is the plain one. */
static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	if (strlen(x->name) != strlen(y->name))
		return strlen(x->name) < strlen(y->name) ? -1 : 1;
	return strcmp(x->name, y->name);
}

static Elf *begin(const char *file, char **data, size_t *size)
{
	Elf *elf;

	elf_version(EV_CURRENT);
	*data = content(file, size);
	elf = elf_memory(*data, *size);
	return elf && elf_kind(elf) == ELF_K_ELF && gelf_getclass(elf) == ELFCLASS64 ? elf : NULL;
}

static char type_of(Elf *elf, const GElf_Sym *sym)
{
	GElf_Shdr section;

	if (GELF_ST_TYPE(sym->st_info) > STT_FUNC || sym->st_shndx == SHN_UNDEF ||
	    !gelf_getshdr(elf_getscn(elf, sym->st_shndx), &section) ||
	    !(section.sh_flags & SHF_ALLOC))
		return '\0';
	if (section.sh_flags & SHF_EXECINSTR)
		return 't';
	if (section.sh_type == SHT_NOBITS)
		return 'b';
	return section.sh_flags & SHF_WRITE ? 'd' : 'r';
}

/* NULL: no ELF file, or one without symbols */
struct elf *elf_open(const char *file)
{
	struct elf *e = calloc(1, sizeof(*e));
	Elf *elf = begin(file, &e->data, &e->size);
	Elf_Scn *scn = NULL;
	GElf_Shdr section;
	GElf_Sym sym;

	while (elf && (scn = elf_nextscn(elf, scn))) {
		Elf_Data *table;

		if (!gelf_getshdr(scn, &section) || section.sh_type != SHT_SYMTAB)
			continue;
		table = elf_getdata(scn, NULL);
		for (int i = 0; table && gelf_getsym(table, i, &sym); i++) {
			const char *name = elf_strptr(elf, section.sh_link, sym.st_name);
			char type = type_of(elf, &sym);

			if (!type || !name || !*name)
				continue;
			e->symbols = more(e->symbols, e->n, sizeof(*e->symbols));
			e->symbols[e->n++] = (struct symbol){ sym.st_value, sym.st_size, name,
							      type };
		}
	}
	if (!e->n)
		return NULL;
	qsort(e->symbols, e->n, sizeof(*e->symbols), by_address);
	return e;
}

const struct symbol *elf_find(const struct elf *e, const char *name)
{
	for (size_t i = 0; i < e->n; i++)
		if (!strcmp(e->symbols[i].name, name))
			return &e->symbols[i];
	return NULL;
}

/* The function that an address is in: the last one that begins at it or before. */
const struct symbol *elf_at(const struct elf *e, uint64_t address)
{
	size_t low = 0, high = e->n, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (e->symbols[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low; low--) {
		const struct symbol *s = &e->symbols[low - 1];

		if (s->type == 't' && !matches(s->name, MARKS) &&
		    (low < 2 || s[-1].address != s->address || matches(s[-1].name, MARKS)))
			return s;
	}
	return NULL;
}

/* From the banner of a vmlinux or the header of a bzImage; or NULL */
char *kernel_release(const char *file)
{
	static const char banner[] = "Linux version ";
	size_t size, at;
	char *data = content(file, &size), *p = data, *release = NULL;

	while ((p = memmem(p, data + size - p, banner, strlen(banner)))) {
		p += strlen(banner);
		if (isdigit((unsigned char)*p)) {
			release = p;
			break;
		}
	}
	if (!release && size > 0x210 && !memcmp(data + 0x202, "HdrS", 4)) {
		at = 0x200 + (unsigned char)data[0x20e] + 256 * (unsigned char)data[0x20f];
		if (at < size)
			release = data + at;
	}
	if (release)
		release = text("%.*s", (int)strcspn(release, " "), release);
	if (!release || !is_name(release, ""))
		release = NULL;
	free(data);
	return release;
}

/* List the sections, with the share that each has of @all bytes. */
void elf_sections(const char *file, uint64_t all)
{
	struct items list = { 0 };
	Elf_Scn *scn = NULL;
	GElf_Shdr section;
	uint64_t rest = all;
	size_t size, names;
	char *data;
	Elf *elf = begin(file, &data, &size);

	elf_getshdrstrndx(elf, &names);
	while ((scn = elf_nextscn(elf, scn))) {
		if (!gelf_getshdr(scn, &section) || section.sh_size < 4096 ||
		    (section.sh_type != SHT_NOTE && (section.sh_type != SHT_PROGBITS ||
						     !(section.sh_flags & SHF_ALLOC))))
			continue;
		count_in(&list, text("%5.1f %%  %s", section.sh_size * 100.0 / all,
				     elf_strptr(elf, names, section.sh_name)), section.sh_size);
		rest -= section.sh_size;
	}
	print_items(stdout, &list, list.n);
	printf("  %10lu  %5.1f %%  (small sections, headers, padding)\n", rest,
	       rest * 100.0 / all);
}

static int by_size(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return x->size < y->size ? 1 : x->size > y->size ? -1 : strcmp(x->name, y->name);
}

/* List each place once, and nothing that takes no room in the file. */
void elf_largest(const struct elf *e, size_t top)
{
	struct symbol *list = calloc(e->n, sizeof(*list));
	size_t n = 0, i;

	for (i = 0; i < e->n; i++) {
		const struct symbol *s = &e->symbols[i];

		if (s->type != 'b' && (!i || s[-1].address != s->address || s[-1].size != s->size))
			list[n++] = *s;
	}
	qsort(list, n, sizeof(*list), by_size);
	for (i = 0; i < n && i < top; i++)
		printf("  %10lu  %c %s\n", list[i].size, list[i].type, list[i].name);
}

/* Collect the functions that a function calls directly, or jumps to at its end. */
static void called_by(const struct elf *e, const struct symbol *f, struct items *names)
{
	Elf *elf = elf_memory(e->data, e->size);
	ZydisDisassembledInstruction insn;
	const struct symbol *s;
	Elf_Scn *scn = NULL;
	GElf_Shdr section;
	const char *code;
	uint64_t at, target;

	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &section) && (section.sh_flags & SHF_EXECINSTR) &&
		    f->address >= section.sh_addr &&
		    f->address + f->size <= section.sh_addr + section.sh_size)
			break;
	code = e->data + section.sh_offset - section.sh_addr;
	for (at = f->address; scn && at < f->address + f->size; at += insn.info.length) {
		if (ZYAN_FAILED(ZydisDisassembleIntel(ZYDIS_MACHINE_MODE_LONG_64, at, code + at,
						      f->address + f->size - at, &insn)))
			break;
		if ((insn.info.mnemonic != ZYDIS_MNEMONIC_CALL &&
		     insn.info.mnemonic != ZYDIS_MNEMONIC_JMP) ||
		    insn.operands[0].type != ZYDIS_OPERAND_TYPE_IMMEDIATE)
			continue;
		target = at + insn.info.length + insn.operands[0].imm.value.s;
		s = elf_at(e, target);
		if (s && s->address == target)
			count_in(names, s->name, 1);
	}
	elf_end(elf);
}

/* The addresses of initcalls and of the functions that the first ones call, a line each */
char *elf_places(const struct elf *e)
{
	struct items names = { 0 };
	char *list = "";
	size_t i, j;

	for (i = 0; i < e->n; i++) {
		const char *name = e->symbols[i].name;
		regmatch_t *m = matches(name, INITCALLS);

		if (m)
			count_in(&names, text("%.*s", (int)(m[1].rm_eo - m[1].rm_so),
					      name + m[1].rm_so), 1);
	}
	for (i = 0; i < ARRAY_SIZE(first_functions); i++) {
		const struct symbol *f = elf_find(e, first_functions[i]);

		if (f)
			called_by(e, f, &names);
	}
	for (i = 0; i < e->n; i++) {
		const struct symbol *s = &e->symbols[i];

		for (j = 0; s->type == 't' && j < names.n && strcmp(names.v[j].name, s->name); j++)
			;
		if (s->type == 't' && j < names.n && !matches(s->name, HELPERS))
			list = text("%s%lx\n", list, s->address);
	}
	return list;
}
