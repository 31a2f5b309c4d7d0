// SPDX-License-Identifier: GPL-2.0
/*
 * Write the assembler source of UKL_OBJECT, which the kernel is linked with, for a
 * program: ukl-gcc compiles it.
 *
 * The program is in the section .init.ramfs, as the file /init of a cpio archive. It is
 * finished but for what it refers to in the kernel. Where it refers to the kernel's data,
 * a relocation of the object makes the kernel's linker fill in the address. Functions
 * are listed in a table, by whose numbers arch_prctl(ARCH_UKL_CALL) calls them.
 *
 * Those relocations come from those that ld -q left in the program. The linker took the
 * symbols for 0, and the object is linked to another address than the program runs at,
 * so that a reference relative to RIP becomes one to an absolute address, less the
 * place's. A reference by the global offset table needs the entry there filled in.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct program {
	const char *path;
	Elf *elf;
	size_t size;
};

static void __attribute__((noreturn, format(printf, 1, 2))) fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("ukl: error: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

static void open_program(struct program *p, const char *path)
{
	GElf_Ehdr e;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fail("%s: %s", path, strerror(errno));
	p->path = path;
	p->elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!p->elf || !gelf_getehdr(p->elf, &e))
		fail("%s is not an ELF file", path);
	if (e.e_machine != EM_X86_64 || gelf_getclass(p->elf) != ELFCLASS64)
		fail("%s is not for x86-64: compile without -m32 and -mx32", path);
	if (e.e_type != ET_EXEC)
		fail("%s is not linked to a fixed address: link with -static -no-pie", path);
	p->size = (size_t)lseek(fd, 0, SEEK_END);
}

/* Where in the file is what the program has at the address? */
static uint64_t file_offset(const struct program *p, uint64_t address, size_t size)
{
	size_t i, n;
	GElf_Phdr h;

	if (elf_getphdrnum(p->elf, &n))
		n = 0;
	for (i = 0; i < n; i++)
		if (gelf_getphdr(p->elf, (int)i, &h) && h.p_type == PT_LOAD &&
		    address >= h.p_vaddr && address - h.p_vaddr + size <= h.p_filesz)
			return address - h.p_vaddr + h.p_offset;
	fail("%s: there is nothing at %#" PRIx64, p->path, address);
}

static void relocate(const struct program *finished, const struct program *linked,
		     const GElf_Rela *r, const char *symbol)
{
	uint64_t place = r->r_offset;
	int64_t addend = r->r_addend;
	const char *type, *data;
	int32_t value;

	switch (GELF_R_TYPE(r->r_info)) {
	case R_X86_64_64:
		type = "64";
		break;
	case R_X86_64_32S:
		type = "32S";
		break;
	case R_X86_64_PC32:
	case R_X86_64_PLT32:
		type = "32S";
		addend -= (int64_t)place;
		break;
	case R_X86_64_GOTPCREL:
	case R_X86_64_GOTPCRELX:
	case R_X86_64_REX_GOTPCRELX:
		data = elf_rawfile(linked->elf, NULL);
		if (!data)
			fail("%s: %s", linked->path, elf_errmsg(-1));
		memcpy(&value, data + file_offset(linked, place, sizeof(value)), sizeof(value));
		place += (uint64_t)(value - addend);
		addend = 0;
		type = "64";
		break;
	default:
		fail("the reference to %s at %#" PRIx64 " is too short: take -mcmodel=large",
		     symbol, place);
	}
	printf("\t.reloc .Lprogram + %" PRIu64 ", R_X86_64_%s, %s + %" PRId64 "\n",
	       file_offset(finished, place, *type == '6' ? 8 : 4), type, symbol, addend);
}

static void relocate_section(const struct program *finished, const struct program *linked,
			     Elf_Scn *scn, const GElf_Shdr *h, char **symbols)
{
	Elf_Data *rela = elf_getdata(scn, NULL);
	Elf_Scn *symtab = elf_getscn(linked->elf, h->sh_link);
	Elf_Data *syms = symtab ? elf_getdata(symtab, NULL) : NULL;
	const char *name;
	GElf_Shdr s;
	GElf_Rela r;
	GElf_Sym sym;

	if (!rela || !syms || !gelf_getshdr(symtab, &s))
		fail("%s: %s", linked->path, elf_errmsg(-1));
	for (size_t i = 0; i < h->sh_size / h->sh_entsize; i++) {
		if (!gelf_getrela(rela, (int)i, &r) ||
		    !gelf_getsym(syms, (int)GELF_R_SYM(r.r_info), &sym))
			fail("%s: %s", linked->path, elf_errmsg(-1));
		name = elf_strptr(linked->elf, s.sh_link, sym.st_name);
		for (char **p = symbols; name && *p; p++)
			if (!strcmp(*p, name))
				relocate(finished, linked, &r, name);
	}
}

static void relocations(const struct program *finished, const struct program *linked,
			char **symbols)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr h, target;

	/* Those in memory are for the program's start, and may have no symbols. */
	while ((scn = elf_nextscn(linked->elf, scn)))
		if (gelf_getshdr(scn, &h) && h.sh_type == SHT_RELA && h.sh_entsize && h.sh_info &&
		    !(h.sh_flags & SHF_ALLOC) &&
		    gelf_getshdr(elf_getscn(linked->elf, h.sh_info), &target) &&
		    (target.sh_flags & SHF_ALLOC))
			relocate_section(finished, linked, scn, &h, symbols);
}

/* The header of a file in a cpio archive, in the format that the kernel reads */
static void cpio_header(const char *name, unsigned int mode, size_t size)
{
	printf("\t.ascii \"070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X\"\n",
	       0, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, strlen(name) + 1, 0);
	printf("\t.asciz \"%s\"\n\t.balign 4\n", name);
}

int main(int argc, char **argv)
{
	struct program finished, linked;
	int i, functions = 0;

	if (argc < 4) {
		fputs("Usage: object FINISHED LINKED [FUNCTION]... -- [DATA]...\n"
		      "\n"
		      "Prints the assembler source of UKL_OBJECT for the program in the file\n"
		      "FINISHED, with the functions and the data of the kernel that it uses.\n"
		      "LINKED is the program as ld -q left it, with its relocations.\n", stderr);
		return 2;
	}
	elf_version(EV_CURRENT);
	open_program(&finished, argv[1]);
	open_program(&linked, argv[2]);
	if (finished.size > UINT32_MAX)
		fail("%s: a cpio archive has no files of 4 GB", finished.path);

	puts("\t.section .init.ramfs, \"a\"\n\t.balign 4");
	cpio_header("init", 0100755, finished.size);
	printf(".Lprogram:\n\t.incbin \"%s\"\n\t.balign 4\n", finished.path);
	cpio_header("TRAILER!!!", 0, 0);
	puts("\t.section .rodata.ukl, \"a\"\n\t.balign 8\n"
	     "\t.globl ukl_functions, ukl_nr_functions\nukl_functions:");
	for (i = 3; i < argc && strcmp(argv[i], "--"); i++, functions++)
		printf("\t.quad %s\n", argv[i]);
	printf("ukl_nr_functions:\n\t.quad %d\n", functions);
	if (i < argc)
		relocations(&finished, &linked, argv + i + 1);
	puts("\t.section .note.GNU-stack, \"\", @progbits");
	return 0;
}
