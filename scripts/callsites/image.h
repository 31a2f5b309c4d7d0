/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of callsites share: the model of one file, and of its code. */
#ifndef IMAGE_H
#define IMAGE_H

#include <libelf.h>
#include <setjmp.h>
#include <stdnoreturn.h>
#include <Zydis/Zydis.h>

#include "callsites.h"

/* There is no system call from here on */
#define NUMBERS		463

/* What is known of a byte of code */
#define REACHED		1	/* an instruction begins here, and control gets to it */
#define BODY		2	/* belongs to an instruction that begins before it */
#define TARGET		4	/* control may come here from elsewhere */
#define NAMED		8	/* code computes its address, or a word is it */

/* Why nothing in a unit can be rewritten */
#define UNIT_BAD	1	/* not understood */
#define UNIT_REDZONE	2	/* has data below RSP */
#define UNIT_CHILD	4	/* a child begins in here */
#define UNIT_COMPUTED	8	/* jumps to an address that it computes */
#define UNIT_INDIRECT	16	/* (no reason as such) has an indirect jump */
#define UNIT_ANALYZED	32
#define UNIT_SITES	64
#define UNIT_STACKLESS	128	/* a system call in here may take the stack away */

/* A function, or several that overlap */
struct unit {
	uint64_t start, end;
	unsigned int flags;
	/* The instruction for which it has UNIT_BAD and the like */
	uint64_t where;
};

struct segment {
	uint64_t addr, offset, size;
	bool exec;
	/* Of code: what is known of each byte */
	uint8_t *marks;
};

struct list {
	uint64_t *items;
	size_t count, space;
};

struct link {
	uint32_t from, to;
};

struct relocation {
	uint64_t addr, value;
	/* Where the value is in the file, or 0 if it is that of a symbol */
	uint64_t at;
};

/* The number of the system call at an address */
struct number {
	uint64_t addr;
	int number;
};

/* What is known of registers at an instruction, see flow.c */
struct state {
	int reg[16];
	/* Constants, in registers whose bit is set */
	int value[16];
	unsigned int known, visits;
};

/* Where a search for what follows a site has been, see sites.c */
struct place {
	uint64_t addr;
	unsigned int open;
};

#define MAX_SEGMENTS	32
#define MAX_PLACES	4096

struct range {
	uint64_t start, end;
};

struct buffer {
	uint8_t *data;
	size_t count, space;
};

struct sites {
	struct callsites_site *items;
	size_t count, space;
	unsigned int total[NUM_REASONS];
};

/* All memory that is used for a file is in here, so that fail() can end anywhere. */
struct image {
	uint8_t *data;
	size_t size;
	jmp_buf failed;
	const char *error;
	/* Steps that are left, see spend() */
	uint64_t budget;
	Elf *elf;
	/* Of sections that have been read */
	uint64_t section_bytes;
	ZydisDecoder decoder;
	bool fixed;		/* its addresses are absolute */
	struct segment segments[MAX_SEGMENTS];
	unsigned int num_segments;

	struct unit *units;
	size_t num_units;
	/* Ends of the functions that follow starts[], in the same order */
	struct list starts, ends;
	/* Where control arrives without a branch: landing pads, tables */
	struct list roots;
	/* Addresses that code computes: RIP-relative ones and constants */
	struct list constants;
	/* Where calls lead that is in no function */
	struct list callees;
	/* Pairs of begin and end in which rseq aborts */
	struct list rseq;
	struct relocation *relocations;
	size_t num_relocations, space_relocations;
	struct number *numbers;
	size_t num_numbers, space_numbers;
	struct link *links;
	size_t num_links, space_links;

	/* For the time of one function */
	struct range *ranges;
	struct list todo;
	struct state *states;
	size_t num_states, space_states;
	uint32_t *state_of;
	struct place places[MAX_PLACES];
	struct list found;
	struct sites sites;

	/* The site that was decided on last */
	struct range rewritten;
	/* Stubs, each once, and where they begin */
	struct buffer stubs;
	struct list stub_starts;
	/* Functions that are copied, each with where its copy is among the stubs */
	struct list copies;
	/*
	 * What leads to the copies; offset is that of the displacement in the bytes, or
	 * 0 for a word that is an address
	 */
	struct sites patches;
	/* What is added to the file, and how to undo all changes */
	struct buffer tail, records;
	uint32_t num_records;
	size_t stubs_at;	/* in the tail */
	/* What is to become of the ELF header */
	uint8_t header[64];
};

/* rewrite.c */
noreturn void fail(struct image *image, const char *error);
void *grow(struct image *image, void *array, size_t count, size_t *space, size_t size);
void list_add(struct image *image, struct list *list, uint64_t item);
void list_sort(struct list *list);
bool in_list(const struct list *list, uint64_t item);
void append(struct image *image, struct buffer *buffer, const void *data, size_t size);

/* A step is a decoded instruction, or what takes as long: 0.1 us. */
static inline void spend(struct image *image, uint64_t steps)
{
	if (steps > image->budget)
		fail(image, "its code takes too long to look at");
	image->budget -= steps;
}

/* elf.c */
bool image_read(struct image *image);
void add_function(struct image *image, uint64_t start, uint64_t size);
void make_units(struct image *image);
struct segment *segment_at(struct image *image, uint64_t addr);
uint8_t *bytes_at(struct image *image, uint64_t addr, size_t len);
uint8_t *marks_at(struct image *image, uint64_t addr);
bool is_code(struct image *image, uint64_t addr);
struct unit *unit_at(struct image *image, uint64_t addr);
bool word_at(struct image *image, uint64_t addr, uint64_t *value);
bool relocated(struct image *image, uint64_t begin, uint64_t end);

/* flow.c */
struct insn {
	uint64_t addr;
	ZydisDecodedInstruction i;
	ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
};

bool decode(struct image *image, uint64_t addr, struct insn *insn);
bool branch_target(const struct insn *insn, uint64_t *target);
bool falls_through(const struct insn *insn);
void trace_flow(struct image *image);
void analyze_units(struct image *image);
void spread_flags(struct image *image);
bool proven_number(struct image *image, uint64_t addr, int *number);

/* sites.c */
void add_site(struct image *image, struct sites *sites, const struct callsites_site *site);
void find_sites(struct image *image, struct sites *sites);

/* copies.c */
bool copy_function(struct image *image, const struct unit *unit, struct callsites_site *site);
void write_copies(struct image *image, uint64_t stubs);

/* stubs.c */
extern const uint8_t system_call[20];
uint32_t stub_for(struct image *image, const uint8_t *stub, size_t len);
void add_stubs(struct image *image);
bool undo(uint8_t *data, size_t size, struct callsites_report *report);

#endif
