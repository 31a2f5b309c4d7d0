// SPDX-License-Identifier: GPL-2.0
/*
 * What an ELF file says about its code: segments, where functions begin and end
 * (symbols, .eh_frame, and the table of Go's runtime), and every address of code
 * that is written down anywhere, to which control might therefore come.
 */
#include <elf.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"

struct segment *segment_at(struct image *image, uint64_t addr)
{
	unsigned int i;

	for (i = 0; i < image->num_segments; i++)
		if (addr - image->segments[i].addr < image->segments[i].size)
			return &image->segments[i];
	return NULL;
}

uint8_t *bytes_at(struct image *image, uint64_t addr, size_t len)
{
	struct segment *s = segment_at(image, addr);

	if (!s || s->size - (addr - s->addr) < len)
		return NULL;
	return image->data + s->offset + (addr - s->addr);
}

bool is_code(struct image *image, uint64_t addr)
{
	struct segment *s = segment_at(image, addr);

	return s && s->exec;
}

uint8_t *marks_at(struct image *image, uint64_t addr)
{
	struct segment *s = segment_at(image, addr);

	return s && s->exec ? s->marks + (addr - s->addr) : NULL;
}

struct unit *unit_at(struct image *image, uint64_t addr)
{
	size_t low = 0, high = image->num_units, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (addr < image->units[middle].start)
			high = middle;
		else if (addr >= image->units[middle].end)
			low = middle + 1;
		else
			return &image->units[middle];
	}
	return NULL;
}

static size_t first_relocation(struct image *image, uint64_t addr)
{
	size_t low = 0, high = image->num_relocations, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (image->relocations[middle].addr < addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Is anything between these addresses changed when the program is loaded? */
bool relocated(struct image *image, uint64_t begin, uint64_t end)
{
	size_t i = first_relocation(image, begin < 7 ? 0 : begin - 7);

	return i < image->num_relocations && image->relocations[i].addr < end;
}

/* The word that will be at an address once the program is loaded */
bool word_at(struct image *image, uint64_t addr, uint64_t *value)
{
	size_t i = first_relocation(image, addr);
	uint8_t *p;

	if (i < image->num_relocations && image->relocations[i].addr == addr) {
		*value = image->relocations[i].value;
		return true;
	}
	p = bytes_at(image, addr, 8);
	if (!p)
		return false;
	memcpy(value, p, 8);
	return true;
}

void add_function(struct image *image, uint64_t start, uint64_t size)
{
	if (!is_code(image, start))
		return;
	list_add(image, &image->starts, start);
	list_add(image, &image->ends, start + size);
}

/* A part of the file, of which nothing is believed */
struct reader {
	struct image *image;
	uint64_t addr;
	const uint8_t *p, *end;
	bool bad;
};

static struct reader reader_at(struct image *image, uint64_t addr)
{
	struct segment *s = segment_at(image, addr);
	struct reader r = { .image = image, .addr = addr, .bad = !s };

	if (s) {
		r.p = image->data + s->offset + (addr - s->addr);
		r.end = image->data + s->offset + s->size;
	}
	return r;
}

static uint64_t get(struct reader *r, size_t size)
{
	uint64_t value = 0;

	spend(r->image, 1);
	if (r->bad || (size_t)(r->end - r->p) < size) {
		r->bad = true;
		return 0;
	}
	memcpy(&value, r->p, size);
	r->p += size;
	r->addr += size;
	return value;
}

static void skip(struct reader *r, size_t size)
{
	while (size--)
		get(r, 1);
}

/* Bits of a number, with padding */
#define MAX_LEB	128

static uint64_t get_leb(struct reader *r, bool is_signed)
{
	unsigned int shift = 0;
	uint64_t value = 0;
	uint8_t byte;

	do {
		byte = get(r, 1);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		else if (shift > MAX_LEB)
			r->bad = true;
		shift += 7;
	} while (byte & 0x80 && !r->bad);
	if (is_signed && shift < 64 && byte & 0x40)
		value |= -1ULL << shift;
	return value;
}

/* DW_EH_PE_*: bits 0 to 3 say how it is written, 4 to 6 what it counts from */
static uint64_t get_encoded(struct reader *r, uint8_t encoding, uint64_t datarel)
{
	uint64_t value, from = r->addr;

	switch (encoding & 0xf) {
	case 0x0:
	case 0x4:
	case 0xc:
		if (!r->bad && !word_at(r->image, r->addr, &value))
			r->bad = true;
		get(r, 8);
		if (r->bad)
			return 0;
		break;
	case 0x1:
		value = get_leb(r, false);
		break;
	case 0x2:
		value = get(r, 2);
		break;
	case 0x3:
		value = get(r, 4);
		break;
	case 0x9:
		value = get_leb(r, true);
		break;
	case 0xa:
		value = (int16_t)get(r, 2);
		break;
	case 0xb:
		value = (int32_t)get(r, 4);
		break;
	default:
		r->bad = true;
		return 0;
	}
	if (!value)
		return 0;
	switch (encoding & 0x70) {
	case 0x00:
		return value;
	case 0x10:
		return value + from;
	case 0x30:
		return value + datarel;
	}
	r->bad = true;
	return 0;
}

/* Where exceptions are caught, from what .gcc_except_table has of a function */
static void read_landing_pads(struct image *image, uint64_t lsda, uint64_t function)
{
	struct reader r = reader_at(image, lsda);
	uint64_t base = function, end, pad;
	uint8_t encoding;

	encoding = get(&r, 1);
	if (encoding != 0xff)
		base = get_encoded(&r, encoding, 0);
	encoding = get(&r, 1);
	if (encoding != 0xff)
		get_leb(&r, false);
	encoding = get(&r, 1);
	end = get_leb(&r, false);
	end += r.addr;
	while (!r.bad && r.addr < end) {
		get_encoded(&r, encoding, 0);
		get_encoded(&r, encoding, 0);
		pad = get_encoded(&r, encoding, 0);
		get_leb(&r, false);
		if (!r.bad && pad)
			list_add(image, &image->roots, base + pad);
	}
}

struct cie {
	uint8_t fde, lsda;
	bool augmented;
};

static bool read_cie(struct image *image, uint64_t addr, struct cie *cie)
{
	struct reader r = reader_at(image, addr);
	char augmentation[8] = "";
	unsigned int i = 0, version;
	uint8_t encoding;

	*cie = (struct cie){ .lsda = 0xff };
	get(&r, 8);
	version = get(&r, 1);
	while (!r.bad && i < sizeof(augmentation) - 1) {
		augmentation[i] = get(&r, 1);
		if (!augmentation[i++])
			break;
	}
	get_leb(&r, false);
	get_leb(&r, true);
	if (version == 1)
		get(&r, 1);
	else
		get_leb(&r, false);
	if (augmentation[0] == 'z') {
		cie->augmented = true;
		get_leb(&r, false);
		for (i = 1; augmentation[i]; i++) {
			switch (augmentation[i]) {
			case 'R':
				cie->fde = get(&r, 1);
				break;
			case 'L':
				cie->lsda = get(&r, 1);
				break;
			case 'P':
				encoding = get(&r, 1);
				get_encoded(&r, encoding & 0xf, 0);
				break;
			case 'S':
			case 'B':
				break;
			default:
				return false;
			}
		}
	}
	return !r.bad;
}

static void read_eh_frame(struct image *image, uint64_t addr)
{
	struct reader r = reader_at(image, addr), e;
	uint64_t next, start, size, lsda;
	uint32_t len, id;
	struct cie cie;

	while (!r.bad) {
		len = get(&r, 4);
		if (!len || len == 0xffffffff || r.bad)
			return;
		next = r.addr + len;
		id = get(&r, 4);
		if (id && read_cie(image, r.addr - 4 - id, &cie)) {
			e = r;
			start = get_encoded(&e, cie.fde, 0);
			size = get_encoded(&e, cie.fde & 0xf, 0);
			if (!e.bad && start)
				add_function(image, start, size);
			if (cie.augmented && cie.lsda != 0xff) {
				get_leb(&e, false);
				lsda = get_encoded(&e, cie.lsda, 0);
				if (!e.bad && lsda)
					read_landing_pads(image, lsda, start);
			}
		}
		r = reader_at(image, next);
	}
}

static void read_eh_frame_hdr(struct image *image, uint64_t addr)
{
	struct reader r = reader_at(image, addr);
	uint8_t encoding;
	uint64_t frame;

	if (get(&r, 1) != 1)
		return;
	encoding = get(&r, 1);
	get(&r, 2);
	frame = get_encoded(&r, encoding, addr);
	if (!r.bad && frame)
		read_eh_frame(image, frame);
}

/* Go's runtime has a table of all functions, which stripping leaves. */
static void read_pclntab(struct image *image, uint64_t addr, uint64_t text)
{
	struct reader r = reader_at(image, addr);
	uint64_t count, start = 0, first, table;
	uint32_t magic, entry, next;
	size_t i;

	magic = get(&r, 4);
	get(&r, 3);
	if (r.bad || get(&r, 1) != 8)
		return;
	count = get(&r, 8);
	if (magic == 0xfffffff0 || magic == 0xfffffff1) {
		/* Go 1.18 and later; the linker may leave the start to the loader */
		get(&r, 8);
		word_at(image, r.addr, &start);
		get(&r, 8);
		if (!is_code(image, start))
			start = text;
		skip(&r, 4 * 8);
		table = addr + get(&r, 8);
		r = reader_at(image, table);
		entry = get(&r, 4);
		for (i = 0; i < count && !r.bad; i++) {
			get(&r, 4);
			next = get(&r, 4);
			add_function(image, start + entry, next - entry);
			entry = next;
		}
	} else if (magic == 0xfffffffa) {
		r = reader_at(image, addr + 7 * 8);
		table = get(&r, 8);
		r = reader_at(image, addr + table);
		first = get_encoded(&r, 0, 0);
		for (i = 0; i < count && !r.bad; i++) {
			get(&r, 8);
			start = get_encoded(&r, 0, 0);
			add_function(image, first, start - first);
			first = start;
		}
	}
}

/*
 * What a section has, or NULL. libelf copies what is not aligned, and keeps that: no
 * more than twice the file, which sections that do not overlap cannot exceed.
 */
static Elf_Data *section_data(struct image *image, Elf_Scn *scn, const GElf_Shdr *shdr)
{
	if (shdr->sh_size > image->size)
		return NULL;
	image->section_bytes += shdr->sh_size;
	if (image->section_bytes > 2 * image->size)
		fail(image, "its sections overlap");
	return elf_getdata(scn, NULL);
}

/* That of the section with this number, if it is of the type wanted */
static Elf_Data *linked_data(struct image *image, size_t number, bool symbols)
{
	Elf_Scn *scn = number ? elf_getscn(image->elf, number) : NULL;
	GElf_Shdr shdr;
	bool right;

	if (!scn || !gelf_getshdr(scn, &shdr))
		return NULL;
	if (symbols)
		right = shdr.sh_type == SHT_SYMTAB || shdr.sh_type == SHT_DYNSYM;
	else
		right = shdr.sh_type == SHT_STRTAB;
	return right ? section_data(image, scn, &shdr) : NULL;
}

/* As much of a name as matters; elf_strptr() may look at all of the section. */
#define NAME_SIZE	64

static const char *name_at(const Elf_Data *strings, size_t at, char name[NAME_SIZE])
{
	size_t left, len;

	*name = '\0';
	if (!strings || !strings->d_buf || at >= strings->d_size)
		return name;
	left = strings->d_size - at;
	len = strnlen((char *)strings->d_buf + at, left < NAME_SIZE - 1 ? left : NAME_SIZE - 1);
	if (len == left)
		return name;
	memcpy(name, (char *)strings->d_buf + at, len);
	name[len] = '\0';
	return name;
}

static void read_symbols(struct image *image, Elf_Scn *scn, const GElf_Shdr *shdr)
{
	Elf_Data *data = section_data(image, scn, shdr);
	Elf_Data *strings = linked_data(image, shdr->sh_link, false);
	char name[NAME_SIZE];
	GElf_Sym sym;
	size_t i;

	if (!data)
		return;
	for (i = 0; gelf_getsym(data, i, &sym); i++) {
		spend(image, 1);
		if (sym.st_shndx == SHN_UNDEF ||
		    sym.st_shndx >= SHN_LORESERVE || !is_code(image, sym.st_value))
			continue;
		switch (GELF_ST_TYPE(sym.st_info)) {
		case STT_FUNC:
		case STT_GNU_IFUNC:
			add_function(image, sym.st_value, sym.st_size);
			break;
		case STT_NOTYPE:
			/* A label of assembler code: somebody may come there, or ask */
			if (strcmp(name_at(strings, sym.st_name, name), "__ehdr_start"))
				list_add(image, &image->constants, sym.st_value);
			break;
		}
	}
}

static void add_relocation(struct image *image, uint64_t addr, uint64_t value, uint64_t at)
{
	struct relocation *r;

	image->relocations = grow(image, image->relocations, image->num_relocations,
				  &image->space_relocations, sizeof(*r));
	r = &image->relocations[image->num_relocations++];
	r->addr = addr;
	r->value = value;
	r->at = at;
}

static void read_relocations(struct image *image, Elf_Scn *scn, const GElf_Shdr *shdr)
{
	Elf_Data *data = section_data(image, scn, shdr);
	Elf_Data *symbols = linked_data(image, shdr->sh_link, true);
	uint64_t at = shdr->sh_addr + offsetof(Elf64_Rela, r_addend);
	GElf_Rela rela;
	GElf_Sym sym;
	size_t i;

	if (!data)
		return;
	for (i = 0; gelf_getrela(data, i, &rela); i++) {
		spend(image, 1);
		switch (GELF_R_TYPE(rela.r_info)) {
		case R_X86_64_RELATIVE:
		case R_X86_64_IRELATIVE:
			add_relocation(image, rela.r_offset, rela.r_addend,
				       at + i * sizeof(Elf64_Rela));
			break;
		case R_X86_64_NONE:
			break;
		default:
			if (symbols && gelf_getsym(symbols, GELF_R_SYM(rela.r_info), &sym))
				rela.r_addend += sym.st_value;
			add_relocation(image, rela.r_offset, rela.r_addend, 0);
		}
	}
}

static void add_word(struct image *image, uint64_t addr)
{
	uint8_t *p = bytes_at(image, addr, 8);
	uint64_t value;

	spend(image, 1);
	if (!p)
		return;
	memcpy(&value, p, 8);
	add_relocation(image, addr, value, addr);
}

/* Relative relocations: an address, and bits for the 63 words that follow, and so on */
static void read_relr(struct image *image, Elf_Scn *scn, const GElf_Shdr *shdr)
{
	Elf_Data *data = section_data(image, scn, shdr);
	uint64_t entry, next = 0;
	unsigned int bit;
	size_t i;

	if (!data || !data->d_buf)
		return;
	for (i = 0; i + sizeof(entry) <= data->d_size; i += sizeof(entry)) {
		memcpy(&entry, (char *)data->d_buf + i, sizeof(entry));
		if (!(entry & 1)) {
			add_word(image, entry);
			next = entry + 8;
			continue;
		}
		for (bit = 1; bit < 64; bit++)
			if (entry >> bit & 1)
				add_word(image, next + 8 * (bit - 1));
		next += 8 * 63;
	}
}

static int by_addr(const void *a, const void *b)
{
	const struct relocation *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

struct rseq_cs {
	uint32_t version, flags;
	uint64_t start, length, abort;
};

/* Descriptors of restartable sequences */
static void read_rseq(struct image *image, const GElf_Shdr *shdr)
{
	uint64_t addr = shdr->sh_addr, start, length;
	size_t i;

	for (i = shdr->sh_size / sizeof(struct rseq_cs); i; i--, addr += sizeof(struct rseq_cs)) {
		spend(image, 1);
		if (!word_at(image, addr + offsetof(struct rseq_cs, start), &start) ||
		    !word_at(image, addr + offsetof(struct rseq_cs, length), &length))
			break;
		list_add(image, &image->rseq, start);
		list_add(image, &image->rseq, start + length);
	}
}

/* The longest of those with the same start first */
static int by_start(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->end > y->end ? -1 : x->end < y->end;
}

/* Functions that overlap make one unit, in which all of them are looked at. */
void make_units(struct image *image)
{
	struct range *f;
	size_t i, next, n = image->starts.count;
	struct segment *s;
	struct unit *unit = NULL;

	spend(image, n);
	free(image->units);
	image->num_units = 0;
	image->units = calloc(n + 1, sizeof(*image->units));
	f = calloc(n + 1, sizeof(*f));
	image->ranges = f;
	if (!f || !image->units)
		fail(image, "out of memory");
	for (i = 0; i < n; i++) {
		f[i].start = image->starts.items[i];
		f[i].end = image->ends.items[i];
	}
	if (n)
		qsort(f, n, sizeof(*f), by_start);
	for (i = 0; i < n; i++) {
		s = segment_at(image, f[i].start);
		/* Of unknown size: up to the next one */
		if (f[i].end == f[i].start) {
			if (unit && f[i].start < unit->end)
				continue;
			next = i + 1;
			while (next < n && f[next].start == f[i].start) {
				spend(image, 1);
				next++;
			}
			f[i].end = next < n ? f[next].start : s->addr + s->size;
		}
		if (f[i].end > s->addr + s->size || f[i].end < f[i].start)
			f[i].end = s->addr + s->size;
		if (unit && f[i].start < unit->end) {
			if (f[i].end > unit->end)
				unit->end = f[i].end;
			continue;
		}
		unit = &image->units[image->num_units++];
		unit->start = f[i].start;
		unit->end = f[i].end;
	}
	free(f);
	image->ranges = NULL;
}

/* Each byte of the file, and each address, is in one segment at most. */
static bool overlaps(struct image *image, const GElf_Phdr *phdr)
{
	struct segment *s;
	unsigned int i;

	for (i = 0; i < image->num_segments; i++) {
		s = &image->segments[i];
		if (phdr->p_vaddr < s->addr + s->size && s->addr < phdr->p_vaddr + phdr->p_filesz)
			return true;
		if (phdr->p_offset < s->offset + s->size &&
		    s->offset < phdr->p_offset + phdr->p_filesz)
			return true;
	}
	return false;
}

static uint64_t read_segments(struct image *image)
{
	uint64_t frame_hdr = 0;
	struct segment *s;
	GElf_Phdr phdr;
	size_t i, n;

	if (elf_getphdrnum(image->elf, &n))
		fail(image, "its headers cannot be understood");
	for (i = 0; i < n; i++) {
		spend(image, 1);
		if (!gelf_getphdr(image->elf, i, &phdr))
			fail(image, "its headers cannot be understood");
		if (phdr.p_type == PT_GNU_EH_FRAME)
			frame_hdr = phdr.p_vaddr;
		if (phdr.p_type != PT_LOAD || !phdr.p_filesz)
			continue;
		if (image->num_segments == MAX_SEGMENTS)
			fail(image, "it has too many segments");
		if (phdr.p_offset > image->size ||
		    phdr.p_filesz > image->size - phdr.p_offset ||
		    phdr.p_vaddr + phdr.p_filesz < phdr.p_vaddr)
			fail(image, "a segment is not in the file");
		if (overlaps(image, &phdr))
			fail(image, "its segments overlap");
		s = &image->segments[image->num_segments++];
		s->addr = phdr.p_vaddr;
		s->offset = phdr.p_offset;
		s->size = phdr.p_filesz;
		s->exec = phdr.p_flags & PF_X;
		if (s->exec) {
			s->marks = calloc(s->size, 1);
			if (!s->marks)
				fail(image, "out of memory");
		}
	}
	return frame_hdr;
}

static void read_sections(struct image *image, uint64_t frame_hdr)
{
	uint64_t frame = 0, text = 0, pclntab = 0;
	Elf *elf = image->elf;
	char name[NAME_SIZE];
	Elf_Data *strings;
	size_t number, pass;
	GElf_Shdr shdr;
	Elf_Scn *scn;

	strings = elf_getshdrstrndx(elf, &number) ? NULL : linked_data(image, number, false);
	/* Relocations first: the rest looks at words through them. */
	for (pass = 0; pass < 2; pass++) {
		scn = NULL;
		while ((scn = elf_nextscn(elf, scn))) {
			spend(image, 1);
			if (!gelf_getshdr(scn, &shdr))
				fail(image, "its headers cannot be understood");
			name_at(strings, shdr.sh_name, name);
			if (!pass && shdr.sh_type == SHT_RELA && shdr.sh_flags & SHF_ALLOC)
				read_relocations(image, scn, &shdr);
			if (!pass && shdr.sh_type == SHT_RELR)
				read_relr(image, scn, &shdr);
			if (!pass && !strcmp(name, ".text"))
				text = shdr.sh_addr;
			if (!pass)
				continue;
			if (shdr.sh_type == SHT_SYMTAB || shdr.sh_type == SHT_DYNSYM)
				read_symbols(image, scn, &shdr);
			if (!strcmp(name, ".eh_frame") && shdr.sh_type != SHT_NOBITS)
				frame = shdr.sh_addr;
			if (strstr(name, ".gopclntab"))
				pclntab = shdr.sh_addr;
			if (!strcmp(name, "__rseq_cs"))
				read_rseq(image, &shdr);
		}
		if (image->num_relocations)
			qsort(image->relocations, image->num_relocations,
			      sizeof(*image->relocations), by_addr);
	}
	if (frame)
		read_eh_frame(image, frame);
	else if (frame_hdr)
		read_eh_frame_hdr(image, frame_hdr);
	if (pclntab)
		read_pclntab(image, pclntab, text);
	make_units(image);
}

/* Returns false if this is no program; fails if it is a damaged one. */
bool image_read(struct image *image)
{
	uint64_t frame_hdr;
	GElf_Ehdr ehdr;

	elf_version(EV_CURRENT);
	image->elf = elf_memory((char *)image->data, image->size);
	if (!image->elf || !gelf_getehdr(image->elf, &ehdr))
		fail(image, elf_errmsg(-1) ?: "it is no ELF file");
	if (ehdr.e_machine != EM_X86_64 || (ehdr.e_type != ET_EXEC && ehdr.e_type != ET_DYN))
		return false;
	image->fixed = ehdr.e_type == ET_EXEC;
	frame_hdr = read_segments(image);
	read_sections(image, frame_hdr);
	if (is_code(image, ehdr.e_entry))
		list_add(image, &image->roots, ehdr.e_entry);
	elf_end(image->elf);
	image->elf = NULL;
	return true;
}
