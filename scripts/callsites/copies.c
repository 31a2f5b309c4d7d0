// SPDX-License-Identifier: GPL-2.0
/*
 * Functions that are copied as a whole, since a handler compares addresses with those of
 * labels in them: cancellation points of libc make their system call in a function from
 * whose labels the handler of the signal tells whether the call has had an effect. A
 * stub would not be between the labels.
 *
 * So the copy has the instructions of a stub in the place of SYSCALL, the function jumps
 * to the copy, and each instruction elsewhere that takes the address of a label takes
 * that in the copy, as does each word that is relocated. The function has to be a simple
 * one: no calls, and a stack pointer that never changes, so that what the call frame
 * information says of stubs holds.
 */
#include <string.h>

#include "image.h"

#define MAX_FUNCTION	256
#define MAX_INSNS	64
#define JUMP_LEN	5

struct copy {
	struct insn insns[MAX_INSNS];
	/* Where each is in the copy, and the end of it */
	size_t at[MAX_INSNS + 1];
	unsigned int count;
};

static bool is_copied(const struct insn *insn)
{
	const ZydisDecodedOperand *op;
	unsigned int i;

	switch (insn->i.meta.category) {
	case ZYDIS_CATEGORY_CALL:
		return false;
	case ZYDIS_CATEGORY_RET:
		return insn->i.length == 1;
	case ZYDIS_CATEGORY_UNCOND_BR:
		return insn->ops[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE;
	case ZYDIS_CATEGORY_COND_BR:
		/* Not LOOP and JRCXZ, which have no long form */
		return insn->i.opcode_map == ZYDIS_OPCODE_MAP_0F || (insn->i.opcode & 0xf0) == 0x70;
	default:
		break;
	}
	for (i = 0; i < insn->i.operand_count; i++) {
		op = &insn->ops[i];
		if (op->type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE &&
		    ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64,
						     op->reg.value) == ZYDIS_REGISTER_RSP)
			return false;
	}
	return true;
}

static bool is_branch(const struct insn *insn)
{
	return insn->i.meta.category == ZYDIS_CATEGORY_UNCOND_BR ||
	       insn->i.meta.category == ZYDIS_CATEGORY_COND_BR;
}

static size_t copied_len(const struct insn *insn)
{
	if (insn->i.mnemonic == ZYDIS_MNEMONIC_SYSCALL)
		return sizeof(system_call);
	if (insn->i.meta.category == ZYDIS_CATEGORY_UNCOND_BR)
		return 5;
	if (insn->i.meta.category == ZYDIS_CATEGORY_COND_BR)
		return 6;
	return insn->i.length;
}

/* All instructions of a function; false if it is not a simple one */
static bool read_function(struct image *image, const struct unit *unit, struct copy *copy)
{
	unsigned int calls = 0;
	struct insn *insn;
	uint64_t addr;

	copy->count = 0;
	copy->at[0] = 0;
	if (unit->end - unit->start > MAX_FUNCTION || unit->end - unit->start < JUMP_LEN)
		return false;
	for (addr = unit->start; addr < unit->end; addr += insn->i.length) {
		insn = &copy->insns[copy->count];
		if (copy->count == MAX_INSNS || !(*marks_at(image, addr) & REACHED) ||
		    !decode(image, addr, insn) || !is_copied(insn))
			return false;
		calls += insn->i.mnemonic == ZYDIS_MNEMONIC_SYSCALL;
		copy->at[copy->count + 1] = copy->at[copy->count] + copied_len(insn);
		copy->count++;
	}
	return calls == 1 && addr == unit->end && !falls_through(&copy->insns[copy->count - 1]) &&
	       !relocated(image, unit->start, unit->end);
}

/* Where an instruction of the function is in the copy; false if there is none */
static bool place_in_copy(const struct copy *copy, uint64_t addr, size_t *at)
{
	unsigned int i;

	for (i = 0; i < copy->count; i++) {
		if (copy->insns[i].addr != addr)
			continue;
		*at = copy->at[i];
		return true;
	}
	return false;
}

/* The copy of a function, which is to be at an address */
static bool write_copy(struct image *image, const struct copy *copy, uint64_t to, uint8_t *out)
{
	const struct insn *insn;
	uint64_t target;
	unsigned int i;
	int32_t offset;
	size_t at, len;
	uint8_t *p;

	for (i = 0; i < copy->count; i++) {
		insn = &copy->insns[i];
		p = out + copy->at[i];
		len = copied_len(insn);
		memcpy(p, bytes_at(image, insn->addr, insn->i.length),
		       len < insn->i.length ? len : insn->i.length);
		if (insn->i.mnemonic == ZYDIS_MNEMONIC_SYSCALL) {
			memcpy(p, system_call, sizeof(system_call));
		} else if (is_branch(insn)) {
			if (!branch_target(insn, &target))
				return false;
			if (place_in_copy(copy, target, &at))
				target = to + at;
			offset = target - (to + copy->at[i + 1]);
			if (target != to + copy->at[i + 1] + offset)
				return false;
			if (insn->i.meta.category == ZYDIS_CATEGORY_UNCOND_BR) {
				p[0] = 0xe9;
			} else {
				p[0] = 0x0f;
				p[1] = 0x80 | (insn->i.opcode & 0xf);
			}
			memcpy(p + len - 4, &offset, 4);
		} else if (insn->i.attributes & ZYDIS_ATTRIB_IS_RELATIVE) {
			if (insn->i.raw.disp.size != 32)
				return false;
			target = insn->addr + insn->i.length + insn->i.raw.disp.value;
			offset = target - (to + copy->at[i + 1]);
			if (target != to + copy->at[i + 1] + offset)
				return false;
			memcpy(p + insn->i.raw.disp.offset, &offset, 4);
		}
	}
	return true;
}

/* Does control come into the function, but by its own branches? */
static bool is_entered(struct image *image, const struct unit *unit, const struct copy *copy)
{
	uint64_t addr, target;
	unsigned int i;

	for (addr = unit->start + 1; addr < unit->end; addr++) {
		if (!(*marks_at(image, addr) & TARGET))
			continue;
		for (i = 0; i < copy->count; i++)
			if (is_branch(&copy->insns[i]) &&
			    branch_target(&copy->insns[i], &target) && target == addr)
				break;
		if (i == copy->count)
			return true;
	}
	return false;
}

/* Have an address in the function, or a distance from it, be that in the copy. */
static void note_patch(struct image *image, uint64_t addr, unsigned int len,
		       unsigned int displacement, uint32_t stub)
{
	struct callsites_site patch = {
		.begin = addr, .len = len, .offset = displacement, .stub = stub,
	};

	memcpy(patch.bytes, bytes_at(image, addr, len), len);
	add_site(image, &image->patches, &patch);
}

/* Note an instruction that takes an address in the function; false if it cannot change. */
static bool note_reference(struct image *image, const struct unit *unit, const struct copy *copy,
			   const struct insn *insn, uint32_t stub)
{
	const ZydisDecodedOperand *op;
	uint64_t value;
	unsigned int i;
	size_t at;

	for (i = 0; i < insn->i.operand_count_visible; i++) {
		op = &insn->ops[i];
		if (op->type == ZYDIS_OPERAND_TYPE_MEMORY)
			value = op->mem.disp.value + (op->mem.base == ZYDIS_REGISTER_RIP ?
						      insn->addr + insn->i.length : 0);
		else if (op->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && !op->imm.is_relative)
			value = op->imm.value.u;
		else
			continue;
		if (value < unit->start || value >= unit->end)
			continue;
		if (insn->i.mnemonic != ZYDIS_MNEMONIC_LEA || insn->i.length > CALLSITES_MAX_LEN ||
		    op->mem.base != ZYDIS_REGISTER_RIP || !place_in_copy(copy, value, &at))
			return false;
		note_patch(image, insn->addr, insn->i.length, insn->i.raw.disp.offset, stub + at);
	}
	return true;
}

/* The same for a word that is relocated when the program is loaded */
static bool note_word(struct image *image, const struct unit *unit, const struct copy *copy,
		      const struct relocation *r, uint32_t stub)
{
	uint8_t *word;
	size_t at;

	if (r->value < unit->start || r->value >= unit->end)
		return true;
	/* The symbol of a function is no label. */
	if (!r->at)
		return r->value == unit->start;
	word = bytes_at(image, r->at, 8);
	if (!word || memcmp(word, &r->value, 8) || !place_in_copy(copy, r->value, &at))
		return false;
	note_patch(image, r->at, 8, 0, stub + at);
	return true;
}

/* In a program at a fixed address, a word may be an address, or a number like it. */
static bool is_named(struct image *image, const struct unit *unit, const struct segment *s)
{
	uint64_t value;
	size_t i;

	spend(image, s->size / 64);
	for (i = -s->addr & 7; i + 8 <= s->size; i += 8) {
		memcpy(&value, image->data + s->offset + i, 8);
		if (value > unit->start && value < unit->end)
			return true;
	}
	return false;
}

static bool note_references(struct image *image, const struct unit *unit, const struct copy *copy,
			    uint32_t stub)
{
	struct insn insn;
	struct segment *s;
	unsigned int n;
	size_t i;

	for (i = 0; i < image->num_relocations; i++)
		if (!note_word(image, unit, copy, &image->relocations[i], stub))
			return false;
	for (n = 0; n < image->num_segments; n++) {
		s = &image->segments[n];
		if (image->fixed && is_named(image, unit, s))
			return false;
		for (i = 0; s->exec && i < s->size; i++) {
			if (!(s->marks[i] & REACHED) || !decode(image, s->addr + i, &insn) ||
			    (insn.addr >= unit->start && insn.addr < unit->end))
				continue;
			if (!note_reference(image, unit, copy, &insn, stub))
				return false;
		}
	}
	return true;
}

/* Have the function with a site in it copied. */
bool copy_function(struct image *image, const struct unit *unit, struct callsites_site *site)
{
	uint8_t room[MAX_FUNCTION * 8];
	const size_t before = image->patches.count;
	struct callsites_site patch;
	struct copy copy;
	uint32_t stub = image->stubs.count;

	if (!read_function(image, unit, &copy) || is_entered(image, unit, &copy))
		return false;
	if (!note_references(image, unit, &copy, stub)) {
		image->patches.count = before;
		return false;
	}
	memset(&patch, 0, sizeof(patch));
	patch.begin = unit->start;
	patch.len = JUMP_LEN;
	patch.stub = stub;
	patch.offset = 1;
	patch.bytes[0] = 0xe9;
	add_site(image, &image->patches, &patch);

	/* The bytes are written when it is known where they are. */
	memset(room, 0xcc, copy.at[copy.count]);
	list_add(image, &image->stub_starts, stub);
	append(image, &image->stubs, room, copy.at[copy.count]);
	list_add(image, &image->copies, unit->start);
	list_add(image, &image->copies, stub);
	site->begin = site->addr;
	return true;
}

void write_copies(struct image *image, uint64_t stubs)
{
	struct copy copy;
	uint32_t stub;
	size_t i;

	for (i = 0; i < image->copies.count; i += 2) {
		stub = image->copies.items[i + 1];
		if (!read_function(image, unit_at(image, image->copies.items[i]), &copy) ||
		    !write_copy(image, &copy, stubs + stub, image->stubs.data + stub))
			fail(image, "its stubs are too far away");
	}
}
