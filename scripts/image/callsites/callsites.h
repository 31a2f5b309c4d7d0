/* SPDX-License-Identifier: GPL-2.0 */
/* How system calls of an ELF file are found and turned into calls of slots. */
#ifndef CALLSITES_H
#define CALLSITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <Zydis/Zydis.h>

/*
 * The slots of kernels with CONFIG_KML, see VSYSCALL_KML_SLOTS in
 * <asm/vsyscall.h> and Documentation/arch/x86/kml.rst. One for each number, and
 * in the end of the page those which compare the result.
 */
#define SLOTS		0xffffffffff601000ULL
#define SLOTS_NUMBERS	463
#define SLOT_4095	510
#define SLOT_4096	511

/* What is known of a byte of code */
#define REACHED		1	/* an instruction begins here, and control gets to it */
#define BODY		2	/* belongs to an instruction that begins before it */
#define TARGET		4	/* control may come here from elsewhere */

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
};

/* The number of the system call at an address */
struct number {
	uint64_t addr;
	int number;
};

struct image {
	const char *path;
	uint8_t *data;
	size_t size;
	bool fixed;		/* its addresses are absolute */
	struct segment segments[32];
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
};

enum reason {
	REWRITTEN,
	ALREADY,
	LEFT_FIRST,
	LEFT_UNREACHED = LEFT_FIRST,
	LEFT_UNKNOWN,
	LEFT_SHAPE,
	LEFT_TARGET,
	LEFT_RELOCATED,
	LEFT_REDZONE,
	LEFT_CHILD,
	LEFT_SIGRETURN,
	LEFT_EXIT,
	LEFT_RSEQ,
	LEFT_STACK,
	LEFT_REGISTERS,
	NUM_REASONS
};

extern const char * const reasons[NUM_REASONS];

struct site {
	uint64_t addr;		/* of SYSCALL, or of the call that was one */
	uint64_t begin;		/* of what is replaced */
	unsigned int len;
	uint8_t bytes[16];	/* what comes there */
	enum reason reason;
};

struct sites {
	struct site *items;
	size_t count, space;
	unsigned int total[NUM_REASONS];
};

/* elf.c */
enum elf_kind { ELF_CODE, ELF_OTHER, ELF_DAMAGED };
enum elf_kind image_open(struct image *image, const char *path, const char **error);
void image_close(struct image *image);
void list_add(struct list *list, uint64_t item);
void list_sort(struct list *list);
void *grow(void *array, size_t count, size_t *space, size_t size);
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
bool is_slot_call(const struct insn *insn);
bool falls_through(const struct insn *insn);
void trace_flow(struct image *image);
void analyze_units(struct image *image);
void spread_flags(struct image *image);
bool proven_number(struct image *image, uint64_t addr, int *number);

/* sites.c */
void find_sites(struct image *image, struct sites *sites);
void find_calls(struct image *image, struct sites *sites);

#endif
