// SPDX-License-Identifier: GPL-2.0
/*
 * The stubs, where they are in the file, and the way back.
 *
 * A site calls a stub. That makes the system call, with the instructions before and
 * after it that had to make room for the CALL: by SYSCALL if the process is in ring 3,
 * else by a call of the kernel's entry. The two bytes before the return address of that
 * are a SYSCALL, since they are the end of a displacement. So the kernel restarts the
 * system call there, and everybody who goes back by two bytes is right.
 *
 *	[instructions before, one word deeper in the stack]
 *	mov	%cs, %ecx
 *	test	$3, %cl
 *	jnz	1f + 4
 *	mov	$VSYSCALL_KML_CALL - 0x050f0000, %rcx
 * 1:	call	*0x050f0000(%rcx)
 *	[instructions after]
 *	ret
 *
 * They are in a segment at the end of the file and of the memory. It begins with the
 * program headers, since that table has no room for one more, and has call frame
 * information: in a stub, the return address is always on top of the stack. Behind what
 * is loaded, there is a record of all that has been changed, by which it is undone.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"

#define ALIGN(x, a)	(((x) + (a) - 1) & ~((uint64_t)(a) - 1))
#define PAGE		4096
/* What a file may grow by so that the segment has the same place in it as in memory */
#define MAX_GAP		32768
#define MAX_HEADERS	256

const uint8_t system_call[20] = {
	0x8c, 0xc9, 0xf6, 0xc1, 0x03, 0x75, 0x0b,
	0x48, 0xc7, 0xc1, 0x00, 0x0c, 0x51, 0xfa,
	0xff, 0x91, 0x00, 0x00, 0x0f, 0x05,
};

static const char magic[16] = "callsites stubs";

struct trailer {
	uint64_t size;		/* of the file as it was */
	uint64_t records;	/* where they are */
	uint32_t num_records, sites;
	char magic[16];
};

/* Followed by the bytes that were there */
struct record {
	uint32_t offset, len;
};

/* Where the stub is, from the first one on */
uint32_t stub_for(struct image *image, const uint8_t *stub, size_t len)
{
	const struct list *starts = &image->stub_starts;
	uint64_t start, end;
	size_t i;

	spend(image, starts->count / 16);
	for (i = 0; i < starts->count; i++) {
		start = starts->items[i];
		end = i + 1 < starts->count ? starts->items[i + 1] : image->stubs.count;
		if (end - start == len && !memcmp(image->stubs.data + start, stub, len))
			return start;
	}
	start = image->stubs.count;
	list_add(image, &image->stub_starts, start);
	append(image, &image->stubs, stub, len);
	return start;
}

static void record(struct image *image, size_t offset, size_t len)
{
	struct record r = { offset, len };

	append(image, &image->records, &r, sizeof(r));
	append(image, &image->records, image->data + offset, len);
	image->num_records++;
}

/* Where the segment is in the file and in memory */
struct place_of_segment {
	uint64_t offset, addr;
};

static struct place_of_segment find_place(struct image *image, const Elf64_Phdr *phdr, size_t n)
{
	struct place_of_segment place;
	uint64_t end = 0, base = 0;
	bool first = true;
	size_t i;

	for (i = 0; i < n; i++) {
		if (phdr[i].p_type != PT_LOAD)
			continue;
		if (phdr[i].p_vaddr > 1ULL << 46 || phdr[i].p_memsz > 1ULL << 46)
			fail(image, "a segment is not in memory");
		if (first)
			base = phdr[i].p_vaddr - phdr[i].p_offset;
		first = false;
		if (phdr[i].p_vaddr + phdr[i].p_memsz > end)
			end = phdr[i].p_vaddr + phdr[i].p_memsz;
	}
	if (base % PAGE || base > end)
		fail(image, "its segments are not aligned");
	end = ALIGN(end, PAGE);
	place.offset = ALIGN(image->size, 16);
	/* Dynamic linkers look for their program headers at e_phoff in memory. */
	if (end - base > place.offset && end - base - place.offset <= MAX_GAP)
		place.offset = end - base;
	place.addr = base + place.offset;
	if (place.addr < end)
		place.addr = end + place.offset % PAGE;
	return place;
}

/* Encodings of .eh_frame_hdr: from here in 32 bits, 32 bits, from its start in 32 bits */
#define PCREL	0x1b
#define COUNT	0x03
#define DATAREL	0x3b

static const uint8_t cie[] = {
	20, 0, 0, 0, 0, 0, 0, 0, 1, 'z', 'R', 0, 1, 0x78, 16, 1, PCREL,
	/* The CFA is RSP + 8, and the return address is below it. */
	0x0c, 7, 8, 0x90, 1, 0, 0,
};

static void append_word(struct image *image, uint32_t word)
{
	append(image, &image->tail, &word, sizeof(word));
}

/*
 * Call frame information for the stubs, and a table of that of all the file, which begins
 * at the place that is returned. The tail is at @at in memory.
 */
static size_t append_frames(struct image *image, uint64_t at, size_t stubs, uint64_t old_hdr)
{
	const uint8_t header[4] = { 1, PCREL, COUNT, DATAREL };
	uint8_t *old = bytes_at(image, old_hdr, 12), *table = NULL;
	struct buffer *tail = &image->tail;
	uint64_t eh_frame, hdr, fde;
	uint32_t count = 0, i, word;

	append(image, tail, NULL, ALIGN(tail->count, 4) - tail->count);
	eh_frame = at + tail->count;
	append(image, tail, cie, sizeof(cie));
	fde = at + tail->count;
	append_word(image, 16);
	append_word(image, fde + 4 - eh_frame);
	append_word(image, at + stubs - (fde + 8));
	append_word(image, image->stubs.count);
	append_word(image, 0);
	append_word(image, 0);

	if (old && !memcmp(old, header, 4)) {
		memcpy(&count, old + 8, 4);
		table = bytes_at(image, old_hdr + 12, 8 * (size_t)count);
		memcpy(&word, old + 4, 4);
		eh_frame = old_hdr + 4 + (int32_t)word;
	}
	if (!table)
		count = 0;
	hdr = at + tail->count;
	append(image, tail, header, sizeof(header));
	append_word(image, eh_frame - (hdr + 4));
	append_word(image, count + 1);
	for (i = 0; i < 2 * count; i++) {
		memcpy(&word, table + 4 * i, 4);
		append_word(image, word + old_hdr - hdr);
	}
	/* The last one: no code has a higher address. */
	append_word(image, at + stubs - hdr);
	append_word(image, fde - hdr);
	return hdr - at;
}

/* Add a segment with the stubs; returns their address. */
static uint64_t add_segment(struct image *image)
{
	Elf64_Phdr old[MAX_HEADERS], new[MAX_HEADERS + 2], *frames = NULL, *load = NULL;
	struct place_of_segment place;
	size_t n, i, stubs, headers = MAX_HEADERS, hdr;
	struct buffer *tail = &image->tail;
	uint64_t at, old_hdr = 0;
	Elf64_Ehdr ehdr;

	memcpy(&ehdr, image->data, sizeof(ehdr));
	if (ehdr.e_phnum > MAX_HEADERS || ehdr.e_phentsize != sizeof(*old) ||
	    ehdr.e_phoff > image->size ||
	    image->size - ehdr.e_phoff < ehdr.e_phnum * sizeof(*old))
		fail(image, "its headers cannot be understood");
	memcpy(old, image->data + ehdr.e_phoff, ehdr.e_phnum * sizeof(*old));
	place = find_place(image, old, ehdr.e_phnum);
	for (i = n = 0; i < ehdr.e_phnum; i++)
		if (old[i].p_type == PT_LOAD)
			headers = i;
	for (i = 0; i < ehdr.e_phnum; i++) {
		new[n] = old[i];
		if (new[n].p_type == PT_GNU_EH_FRAME)
			frames = &new[n];
		n++;
		if (i == headers)
			load = &new[n++];
	}
	if (!frames) {
		frames = &new[n++];
		memset(frames, 0, sizeof(*frames));
	}
	old_hdr = frames->p_vaddr;

	at = place.addr - (place.offset - image->size);
	headers = place.offset - image->size;
	append(image, tail, NULL, headers);
	append(image, tail, NULL, n * sizeof(*new));
	stubs = tail->count;
	image->stubs_at = stubs;
	append(image, tail, image->stubs.data, image->stubs.count);
	hdr = append_frames(image, at, stubs, old_hdr);

	*load = (Elf64_Phdr){
		.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_align = PAGE,
		.p_offset = place.offset, .p_vaddr = place.addr, .p_paddr = place.addr,
		.p_filesz = tail->count - headers, .p_memsz = tail->count - headers,
	};
	*frames = (Elf64_Phdr){
		.p_type = PT_GNU_EH_FRAME, .p_flags = PF_R, .p_align = 4,
		.p_offset = image->size + hdr, .p_vaddr = at + hdr, .p_paddr = at + hdr,
		.p_filesz = tail->count - hdr, .p_memsz = tail->count - hdr,
	};
	for (i = 0; i < n; i++) {
		if (new[i].p_type != PT_PHDR)
			continue;
		new[i].p_offset = place.offset;
		new[i].p_vaddr = new[i].p_paddr = place.addr;
		new[i].p_filesz = new[i].p_memsz = n * sizeof(*new);
	}
	memcpy(tail->data + headers, new, n * sizeof(*new));

	record(image, 0, sizeof(ehdr));
	ehdr.e_phoff = place.offset;
	ehdr.e_phnum = n;
	memcpy(image->header, &ehdr, sizeof(ehdr));
	return at + stubs;
}

static int32_t check_distance(struct image *image, uint64_t to, uint64_t from)
{
	int32_t offset = to - from;

	if (to - from != (uint64_t)(int64_t)offset)
		fail(image, "its stubs are too far away");
	return offset;
}

/*
 * Set all bytes of the sites that are to be rewritten, the header and the tail. Nothing
 * in the file is changed yet.
 */
void add_stubs(struct image *image)
{
	struct trailer trailer = { .size = image->size };
	struct callsites_site *site;
	uint64_t stubs, address;
	int32_t offset;
	size_t i;

	if (!image->sites.total[REWRITTEN])
		return;
	stubs = add_segment(image);
	write_copies(image, stubs);
	memcpy(image->tail.data + image->stubs_at, image->stubs.data, image->stubs.count);
	for (i = 0; i < image->patches.count; i++) {
		site = &image->patches.items[i];
		if (site->offset) {
			offset = check_distance(image, stubs + site->stub,
						site->begin + site->len);
			memcpy(site->bytes + site->offset, &offset, 4);
		} else {
			address = stubs + site->stub;
			memcpy(site->bytes, &address, 8);
		}
		record(image, bytes_at(image, site->begin, site->len) - image->data, site->len);
	}
	for (i = 0; i < image->sites.count; i++) {
		site = &image->sites.items[i];
		if (site->reason != REWRITTEN)
			continue;
		trailer.sites++;
		if (!site->len)
			continue;
		offset = check_distance(image, stubs + site->stub, site->begin + site->len);
		/* Prefixes without effect fill the gap. */
		memset(site->bytes, 0x2e, sizeof(site->bytes));
		site->bytes[site->len - 5] = 0xe8;
		memcpy(site->bytes + site->len - 4, &offset, 4);
		record(image, bytes_at(image, site->begin, site->len) - image->data, site->len);
	}
	append(image, &image->tail, NULL, -(image->size + image->tail.count) & 7);
	trailer.records = image->size + image->tail.count;
	trailer.num_records = image->num_records;
	memcpy(trailer.magic, magic, sizeof(magic));
	append(image, &image->tail, image->records.data, image->records.count);
	append(image, &image->tail, &trailer, sizeof(trailer));
}

/*
 * Put back what was there before. Returns false, and has changed nothing, if nothing is
 * known of that.
 */
bool undo(uint8_t *data, size_t size, struct callsites_report *report)
{
	struct trailer trailer;
	struct record r;
	uint64_t at, end;
	unsigned int pass;
	uint32_t i;

	if (size < sizeof(trailer))
		return false;
	end = size - sizeof(trailer);
	memcpy(&trailer, data + end, sizeof(trailer));
	if (memcmp(trailer.magic, magic, sizeof(magic)) || trailer.size > trailer.records ||
	    trailer.records > end || trailer.size < sizeof(Elf64_Ehdr))
		return false;
	/* First see that all records are right. They do not change each other. */
	for (pass = 0; pass < 2; pass++) {
		at = trailer.records;
		for (i = 0; i < trailer.num_records; i++) {
			if (end - at < sizeof(r))
				return false;
			memcpy(&r, data + at, sizeof(r));
			at += sizeof(r);
			if (end - at < r.len || trailer.size < r.len ||
			    r.offset > trailer.size - r.len)
				return false;
			if (pass)
				memcpy(data + r.offset, data + at, r.len);
			at += r.len;
		}
	}
	report->size = trailer.size;
	report->total[ALREADY] = trailer.sites;
	return true;
}
