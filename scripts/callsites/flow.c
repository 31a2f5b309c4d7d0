// SPDX-License-Identifier: GPL-2.0
/*
 * Where control goes in a program, and what its functions do with the stack.
 *
 * Instructions are those that are reached from the start of a function, a landing
 * pad or a jump table. For the question of whether anything jumps to an address,
 * less is enough: any word that has it, and whatever could be a branch.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"

#define MAX_TABLE	4096
#define MAX_ROUNDS	10
/* No function that anybody wrote is as large. */
#define MAX_UNIT	(4 << 20)

bool decode(struct image *image, uint64_t addr, struct insn *insn)
{
	struct segment *s = segment_at(image, addr);
	size_t left;

	if (!s || !s->exec)
		return false;
	spend(image, 1);
	if (!image->decoder.stack_width)
		ZydisDecoderInit(&image->decoder, ZYDIS_MACHINE_MODE_LONG_64,
				 ZYDIS_STACK_WIDTH_64);
	left = s->size - (addr - s->addr);
	insn->addr = addr;
	return ZYAN_SUCCESS(ZydisDecoderDecodeFull(&image->decoder,
						   image->data + s->offset + (addr - s->addr),
						   left, &insn->i, insn->ops));
}

/* Where a direct jump or call leads */
bool branch_target(const struct insn *insn, uint64_t *target)
{
	unsigned int i;

	for (i = 0; i < insn->i.operand_count_visible; i++) {
		if (insn->ops[i].type == ZYDIS_OPERAND_TYPE_IMMEDIATE &&
		    insn->ops[i].imm.is_relative) {
			*target = insn->addr + insn->i.length + insn->ops[i].imm.value.s;
			return true;
		}
	}
	return false;
}

bool falls_through(const struct insn *insn)
{
	switch (insn->i.mnemonic) {
	case ZYDIS_MNEMONIC_INT3:
	case ZYDIS_MNEMONIC_UD0:
	case ZYDIS_MNEMONIC_UD1:
	case ZYDIS_MNEMONIC_UD2:
	case ZYDIS_MNEMONIC_HLT:
	case ZYDIS_MNEMONIC_IRETQ:
	case ZYDIS_MNEMONIC_SYSRET:
		return false;
	default:
		return insn->i.meta.category != ZYDIS_CATEGORY_RET &&
		       insn->i.meta.category != ZYDIS_CATEGORY_UNCOND_BR;
	}
}

static void mark_as(struct image *image, uint64_t addr, uint8_t bit)
{
	uint8_t *mark = marks_at(image, addr);

	if (mark)
		*mark |= bit;
}

static void mark_target(struct image *image, uint64_t addr)
{
	mark_as(image, addr, TARGET);
}

static void add_link(struct image *image, struct unit *from, struct unit *to)
{
	struct link *last = image->num_links ? &image->links[image->num_links - 1] : NULL;

	if (last && last->from == from - image->units && last->to == to - image->units)
		return;
	image->links = grow(image, image->links, image->num_links, &image->space_links,
			    sizeof(*image->links));
	image->links[image->num_links].from = from - image->units;
	image->links[image->num_links++].to = to - image->units;
}

/* Addresses that an instruction computes or has as a constant */
static void note_constants(struct image *image, struct unit *unit, const struct insn *insn)
{
	const ZydisDecodedOperand *op;
	uint64_t value;
	unsigned int i;

	for (i = 0; i < insn->i.operand_count_visible; i++) {
		op = &insn->ops[i];
		if (op->type == ZYDIS_OPERAND_TYPE_MEMORY) {
			value = op->mem.disp.value;
			if (op->mem.base == ZYDIS_REGISTER_RIP)
				value += insn->addr + insn->i.length;
			else if (!image->fixed)
				continue;
		} else if (op->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && !op->imm.is_relative &&
			   image->fixed) {
			value = op->imm.value.u;
		} else {
			continue;
		}
		if (!segment_at(image, value))
			continue;
		list_add(image, &image->constants, value);
		/* An address in the middle of the function that takes it */
		if (unit && value > unit->start && value < unit->end &&
		    insn->i.mnemonic == ZYDIS_MNEMONIC_LEA)
			unit->flags |= UNIT_COMPUTED;
	}
}

/* Follow the code from an address on. */
static void explore(struct image *image, uint64_t root)
{
	struct list *todo = &image->todo;
	struct unit *unit, *other;
	struct insn insn;
	uint64_t addr, target;
	uint8_t *marks;
	unsigned int i;

	list_add(image, todo, root);
	while (todo->count) {
		spend(image, 1);
		addr = todo->items[--todo->count];
		unit = unit_at(image, addr);
		while (unit && addr >= unit->start && addr < unit->end) {
			marks = marks_at(image, addr);
			if (!marks || *marks & REACHED)
				break;
			*marks |= REACHED;
			if (!decode(image, addr, &insn)) {
				if (!(unit->flags & UNIT_BAD))
					unit->where = addr;
				unit->flags |= UNIT_BAD;
				break;
			}
			for (i = 1; i < insn.i.length; i++)
				marks[i] |= BODY;
			note_constants(image, unit, &insn);
			if (branch_target(&insn, &target)) {
				mark_target(image, target);
				other = unit_at(image, target);
				if (other)
					list_add(image, todo, target);
				else if (is_code(image, target))
					list_add(image, &image->callees, target);
				if (other && other != unit &&
				    insn.i.meta.category != ZYDIS_CATEGORY_CALL)
					add_link(image, unit, other);
			} else if (insn.i.meta.category == ZYDIS_CATEGORY_UNCOND_BR &&
				   (insn.ops[0].type != ZYDIS_OPERAND_TYPE_MEMORY ||
				    insn.ops[0].mem.base != ZYDIS_REGISTER_RIP)) {
				unit->flags |= UNIT_INDIRECT;
			}
			if (!falls_through(&insn))
				break;
			addr += insn.i.length;
			/* Another function follows: it goes on there, if calls return. */
			if (addr >= unit->end) {
				other = unit_at(image, addr);
				if (other && insn.i.meta.category != ZYDIS_CATEGORY_CALL) {
					add_link(image, unit, other);
					mark_target(image, addr);
				}
				unit = other;
			}
		}
	}
}

/*
 * What an indirect jump of the unit can lead to, if @table is a jump table: words,
 * or 32 bit that count from the table. It ends where the next thing begins of which
 * the code takes the address.
 */
static size_t read_table(struct image *image, struct unit *unit, uint64_t table)
{
	uint64_t target, addr;
	size_t i, found = 0;
	int32_t offset;
	uint8_t *p;

	for (i = 0, addr = table; i < MAX_TABLE; i++, addr += 4) {
		spend(image, 1);
		p = bytes_at(image, addr, 4);
		if (!p || (i && in_list(&image->constants, addr)))
			break;
		memcpy(&offset, p, 4);
		target = table + offset;
		if (target < unit->start || target >= unit->end)
			break;
		mark_target(image, target);
		list_add(image, &image->roots, target);
		found++;
	}
	for (i = 0, addr = table; i < MAX_TABLE; i++, addr += 8) {
		spend(image, 1);
		if (!word_at(image, addr, &target) || (i && in_list(&image->constants, addr)) ||
		    target < unit->start || target >= unit->end)
			break;
		mark_target(image, target);
		list_add(image, &image->roots, target);
		found++;
	}
	return found;
}

static void read_tables(struct image *image)
{
	const ZydisDecodedOperand *op;
	struct unit *unit;
	struct insn insn;
	uint64_t addr, table;
	unsigned int i;
	size_t n;

	/* There can be many, and a round for each of the tables. */
	spend(image, image->constants.count / 4 + image->num_units / 8);
	list_sort(&image->constants);
	for (n = 0; n < image->num_units; n++) {
		unit = &image->units[n];
		if (!(unit->flags & UNIT_INDIRECT))
			continue;
		spend(image, (unit->end - unit->start) / 8);
		for (addr = unit->start; addr < unit->end; addr++) {
			if (!(*marks_at(image, addr) & REACHED) || !decode(image, addr, &insn))
				continue;
			for (i = 0; i < insn.i.operand_count_visible; i++) {
				op = &insn.ops[i];
				table = 0;
				if (op->type == ZYDIS_OPERAND_TYPE_MEMORY) {
					if (op->mem.base == ZYDIS_REGISTER_RIP)
						table = addr + insn.i.length + op->mem.disp.value;
					else if (image->fixed)
						table = op->mem.disp.value;
				} else if (image->fixed &&
					   op->type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
					table = op->imm.value.u;
				}
				if (segment_at(image, table))
					read_table(image, unit, table);
			}
		}
	}
}

/* Whatever could be a branch, wherever: no site loses much by a few too many. */
static void scan_branches(struct image *image, struct segment *s)
{
	const uint8_t *p = image->data + s->offset;
	size_t i;
	int32_t offset;

	for (i = 0; i + 6 <= s->size; i++) {
		if (p[i] == 0xe8 || p[i] == 0xe9) {
			memcpy(&offset, p + i + 1, 4);
			mark_target(image, s->addr + i + 5 + offset);
		} else if ((p[i] == 0x0f && (p[i + 1] & 0xf0) == 0x80) ||
			   (p[i] == 0xc7 && p[i + 1] == 0xf8)) {
			memcpy(&offset, p + i + 2, 4);
			mark_target(image, s->addr + i + 6 + offset);
		}
	}
}

/* Code that belongs to no function, or that nobody is known to reach */
static void scan_rest(struct image *image, struct segment *s)
{
	struct insn insn;
	uint64_t target;
	size_t i = 0;

	while (i < s->size) {
		if (s->marks[i] & (REACHED | BODY) || !decode(image, s->addr + i, &insn)) {
			i++;
			continue;
		}
		if (branch_target(&insn, &target))
			mark_target(image, target);
		note_constants(image, NULL, &insn);
		i += insn.i.length;
	}
}

/* Addresses of code that are written down in data */
static void scan_words(struct image *image, struct segment *s)
{
	uint64_t value;
	size_t i;

	for (i = -s->addr & 7; i + 8 <= s->size; i += 8) {
		memcpy(&value, image->data + s->offset + i, 8);
		mark_as(image, value, NAMED);
	}
}

static void follow_all(struct image *image)
{
	size_t i, n, done = 0;
	uint8_t *mark;

	for (i = 0; i < image->starts.count; i++) {
		mark_target(image, image->starts.items[i]);
		explore(image, image->starts.items[i]);
	}
	do {
		for (; done < image->roots.count; done++) {
			mark_target(image, image->roots.items[done]);
			explore(image, image->roots.items[done]);
		}
		read_tables(image);
		/* Those which are new */
		for (i = n = done; i < image->roots.count; i++) {
			mark = marks_at(image, image->roots.items[i]);
			if (mark && !(*mark & REACHED))
				image->roots.items[n++] = image->roots.items[i];
		}
		image->roots.count = n;
	} while (done < image->roots.count);
}

void trace_flow(struct image *image)
{
	unsigned int n, round;
	size_t i;

	/* Functions of which only calls tell that they are there, and theirs */
	for (round = 0; round < MAX_ROUNDS; round++) {
		follow_all(image);
		if (!image->callees.count || round == MAX_ROUNDS - 1)
			break;
		list_sort(&image->callees);
		for (i = 0; i < image->callees.count; i++)
			add_function(image, image->callees.items[i], 0);
		image->callees.count = 0;
		image->num_links = 0;
		make_units(image);
		for (n = 0; n < image->num_segments; n++)
			if (image->segments[n].exec)
				memset(image->segments[n].marks, 0, image->segments[n].size);
	}
	for (n = 0; n < image->num_segments; n++) {
		scan_words(image, &image->segments[n]);
		if (!image->segments[n].exec)
			continue;
		scan_branches(image, &image->segments[n]);
		scan_rest(image, &image->segments[n]);
	}
	for (i = 0; i < image->num_relocations; i++)
		mark_as(image, image->relocations[i].value, NAMED);
	for (i = 0; i < image->constants.count; i++)
		mark_as(image, image->constants.items[i], NAMED);
	for (i = 0; i < image->rseq.count; i++)
		mark_target(image, image->rseq.items[i]);
}

/*
 * What registers hold, as a distance from where RSP was when the function began.
 * NONE is anything else. Where RSP has more than one value, the highest is kept:
 * what is at or above it is not below the real one either.
 */
#define NONE	INT_MIN

#define AX	0
#define SP	4
#define BP	5

static int gpr(ZydisRegister reg)
{
	ZydisRegister whole;

	if (reg == ZYDIS_REGISTER_NONE)
		return -1;
	whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
	if (whole < ZYDIS_REGISTER_RAX || whole > ZYDIS_REGISTER_R15)
		return -1;
	return whole - ZYDIS_REGISTER_RAX;
}

/* A register that holds a distance, plus a constant */
static int add(int reg, int64_t value)
{
	if (reg == NONE || value <= INT_MIN / 2 || value >= INT_MAX / 2)
		return NONE;
	value += reg;
	return value <= INT_MIN / 2 || value >= INT_MAX / 2 ? NONE : value;
}

static bool is_whole(ZydisRegister reg)
{
	return reg >= ZYDIS_REGISTER_RAX && reg <= ZYDIS_REGISTER_R15;
}

/* Is a memory operand below RSP? */
static bool below_stack(const struct insn *insn, const struct state *state)
{
	const ZydisDecodedOperand *op;
	unsigned int i;
	int base;

	if (insn->i.mnemonic == ZYDIS_MNEMONIC_NOP)
		return false;
	for (i = 0; i < insn->i.operand_count_visible; i++) {
		op = &insn->ops[i];
		if (op->type != ZYDIS_OPERAND_TYPE_MEMORY)
			continue;
		base = gpr(op->mem.base);
		if (base < 0)
			continue;
		/* LEA to RSP makes room */
		if (insn->i.mnemonic == ZYDIS_MNEMONIC_LEA &&
		    (insn->ops[0].reg.value == ZYDIS_REGISTER_RSP || base != SP))
			continue;
		if (base == SP && op->mem.disp.value < 0)
			return true;
		if (base != SP && state->reg[base] != NONE && state->reg[SP] != NONE &&
		    state->reg[base] + op->mem.disp.value < state->reg[SP])
			return true;
	}
	return false;
}

/* What an instruction does to constants in registers: the numbers of system calls */
static void step_values(const struct insn *insn, struct state *state)
{
	const ZydisDecodedOperand *ops = insn->ops;
	unsigned int known = state->known, i;
	int to, from;

	if (insn->i.mnemonic == ZYDIS_MNEMONIC_SYSCALL)
		state->known &= ~(1 << AX);
	else if (insn->i.mnemonic == ZYDIS_MNEMONIC_CALL)
		state->known &= ~0xfc7;
	for (i = 0; i < insn->i.operand_count; i++) {
		if (ops[i].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    ops[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE &&
		    gpr(ops[i].reg.value) >= 0)
			state->known &= ~(1 << gpr(ops[i].reg.value));
	}
	if (insn->i.operand_count_visible != 2 || ops[0].type != ZYDIS_OPERAND_TYPE_REGISTER)
		return;
	to = gpr(ops[0].reg.value);
	if (to < 0 || ZydisRegisterGetWidth(ZYDIS_MACHINE_MODE_LONG_64, ops[0].reg.value) < 32)
		return;
	if (insn->i.mnemonic == ZYDIS_MNEMONIC_MOV) {
		from = ops[1].type == ZYDIS_OPERAND_TYPE_REGISTER ? gpr(ops[1].reg.value) : -1;
		if (ops[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
			state->value[to] = (int)ops[1].imm.value.u;
		else if (from >= 0 && known & (1 << from))
			state->value[to] = state->value[from];
		else
			return;
		state->known |= 1 << to;
	} else if (insn->i.mnemonic == ZYDIS_MNEMONIC_XOR &&
		   ops[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		   ops[0].reg.value == ops[1].reg.value) {
		state->value[to] = 0;
		state->known |= 1 << to;
	}
}

/* What an instruction does to the stack pointer and to copies of it */
static void step(const struct insn *insn, struct state *state)
{
	const ZydisDecodedOperand *ops = insn->ops;
	int from, to, value = NONE, sp = state->reg[SP];
	unsigned int i;

	switch (insn->i.mnemonic) {
	case ZYDIS_MNEMONIC_PUSH:
	case ZYDIS_MNEMONIC_PUSHFQ:
		state->reg[SP] = add(sp, insn->i.operand_width == 16 ? -2 : -8);
		return;
	case ZYDIS_MNEMONIC_POPFQ:
	case ZYDIS_MNEMONIC_POP:
		if (ops[0].type == ZYDIS_OPERAND_TYPE_REGISTER && gpr(ops[0].reg.value) >= 0)
			state->reg[gpr(ops[0].reg.value)] = NONE;
		state->reg[SP] = add(state->reg[SP], insn->i.operand_width == 16 ? 2 : 8);
		return;
	case ZYDIS_MNEMONIC_LEAVE:
		state->reg[SP] = add(state->reg[BP], 8);
		state->reg[BP] = NONE;
		return;
	case ZYDIS_MNEMONIC_CALL:
		/* RAX, RCX, RDX, RSI, RDI, R8 to R11 */
		for (i = 0; i < 12; i++)
			if (i != 3 && i != SP && i != BP)
				state->reg[i] = NONE;
		return;
	default:
		break;
	}

	if (insn->i.operand_count_visible >= 2 && ops[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	    is_whole(ops[0].reg.value)) {
		to = gpr(ops[0].reg.value);
		switch (insn->i.mnemonic) {
		case ZYDIS_MNEMONIC_MOV:
			from = ops[1].type == ZYDIS_OPERAND_TYPE_REGISTER ?
				gpr(ops[1].reg.value) : -1;
			value = from >= 0 && is_whole(ops[1].reg.value) ? state->reg[from] : NONE;
			state->reg[to] = value;
			return;
		case ZYDIS_MNEMONIC_LEA:
			from = gpr(ops[1].mem.base);
			if (from >= 0 && ops[1].mem.index == ZYDIS_REGISTER_NONE)
				value = add(state->reg[from], ops[1].mem.disp.value);
			state->reg[to] = value;
			return;
		case ZYDIS_MNEMONIC_ADD:
		case ZYDIS_MNEMONIC_SUB:
			if (ops[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE && state->reg[to] != NONE) {
				state->reg[to] = add(state->reg[to],
						     insn->i.mnemonic == ZYDIS_MNEMONIC_SUB ?
						     -ops[1].imm.value.s : ops[1].imm.value.s);
				return;
			}
			/* A variable amount of room: RSP is at most what it was. */
			if (to == SP && insn->i.mnemonic == ZYDIS_MNEMONIC_SUB)
				return;
			break;
		case ZYDIS_MNEMONIC_AND:
			/* Alignment, likewise */
			if (ops[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE && to == SP)
				return;
			break;
		case ZYDIS_MNEMONIC_CMP:
		case ZYDIS_MNEMONIC_TEST:
			return;
		default:
			break;
		}
	}
	for (i = 0; i < insn->i.operand_count; i++) {
		if (ops[i].type != ZYDIS_OPERAND_TYPE_REGISTER ||
		    !(ops[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			continue;
		to = gpr(ops[i].reg.value);
		if (to >= 0)
			state->reg[to] = NONE;
	}
}

/* Returns whether @into has changed */
static bool merge(struct state *into, const struct state *from)
{
	bool changed = !into->visits;
	unsigned int i;
	int value;

	if (!into->visits) {
		*into = *from;
		into->visits = 1;
		return true;
	}
	for (i = 0; i < 16; i++) {
		if (into->known & (1 << i) &&
		    (!(from->known & (1 << i)) || into->value[i] != from->value[i])) {
			into->known &= ~(1 << i);
			changed = true;
		}
		value = into->reg[i];
		if (value == from->reg[i])
			continue;
		if (i == SP) {
			if (value == NONE || from->reg[i] == NONE || into->visits > 50)
				value = NONE;
			else if (from->reg[i] > value)
				value = from->reg[i];
		} else if (value == NONE || into->visits > 8) {
			continue;
		} else if (from->reg[i] == NONE) {
			value = NONE;
		} else if (from->reg[i] < value) {
			value = from->reg[i];
		}
		if (value != into->reg[i]) {
			into->reg[i] = value;
			changed = true;
		}
	}
	into->visits += changed;
	return changed;
}

/* The state at an address of the unit, or NULL if control has not come there yet */
static struct state *state_at(struct image *image, const struct unit *unit, uint64_t addr)
{
	uint32_t n = image->state_of[addr - unit->start];

	return n ? &image->states[n - 1] : NULL;
}

static void enter(struct image *image, const struct unit *unit, uint64_t addr,
		  const struct state *from)
{
	struct state state = *from, *to;

	if (addr < unit->start || addr >= unit->end || !(*marks_at(image, addr) & REACHED))
		return;
	to = state_at(image, unit, addr);
	if (!to) {
		image->states = grow(image, image->states, image->num_states,
				     &image->space_states, sizeof(*to));
		to = &image->states[image->num_states++];
		memset(to, 0, sizeof(*to));
		image->state_of[addr - unit->start] = image->num_states;
	}
	if (merge(to, &state))
		list_add(image, &image->todo, addr);
}

static void add_number(struct image *image, uint64_t addr, int number)
{
	image->numbers = grow(image, image->numbers, image->num_numbers, &image->space_numbers,
			      sizeof(*image->numbers));
	image->numbers[image->num_numbers].addr = addr;
	image->numbers[image->num_numbers++].number = number;
}

static int by_site(const void *a, const void *b)
{
	const struct number *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

/* Is there only one number that the system call can have? */
bool proven_number(struct image *image, uint64_t addr, int *number)
{
	struct number key = { .addr = addr }, *found;

	if (!image->num_numbers)
		return false;
	found = bsearch(&key, image->numbers, image->num_numbers, sizeof(key), by_site);
	if (found)
		*number = found->number;
	return found;
}

/*
 * Does the unit keep data in the red zone? Each place to which control comes from
 * elsewhere, without our knowing how, is treated as the start of a function.
 */
static void analyze_stack(struct image *image, struct unit *unit)
{
	struct state start = { .visits = 1 }, state;
	uint64_t addr, target, next = unit->start;
	struct insn insn;
	unsigned int i;

	if (unit->flags & UNIT_ANALYZED)
		return;
	unit->flags |= UNIT_ANALYZED;
	if (unit->end - unit->start > MAX_UNIT) {
		unit->flags |= UNIT_BAD;
		return;
	}
	spend(image, (unit->end - unit->start) / 8);
	image->num_states = 0;
	image->state_of = calloc(unit->end - unit->start, sizeof(*image->state_of));
	if (!image->state_of)
		fail(image, "out of memory");
	for (i = 0; i < 16; i++)
		start.reg[i] = i == SP ? 0 : NONE;
	enter(image, unit, unit->start, &start);
	for (;;) {
		while (image->todo.count) {
			addr = image->todo.items[--image->todo.count];
			state = *state_at(image, unit, addr);
			if (!decode(image, addr, &insn))
				continue;
			if (below_stack(&insn, &state)) {
				if (!(unit->flags & UNIT_REDZONE))
					unit->where = addr;
				unit->flags |= UNIT_REDZONE;
			}
			step(&insn, &state);
			step_values(&insn, &state);
			if (insn.i.meta.category != ZYDIS_CATEGORY_CALL &&
			    branch_target(&insn, &target))
				enter(image, unit, target, &state);
			if (falls_through(&insn))
				enter(image, unit, addr + insn.i.length, &state);
		}
		/* What has not been seen yet: other entries, tables, landing pads */
		while (next < unit->end &&
		       (!(*marks_at(image, next) & REACHED) || state_at(image, unit, next)))
			next++;
		if (next == unit->end)
			break;
		enter(image, unit, next, &start);
	}
	for (addr = unit->start; addr < unit->end; addr++) {
		const struct state *at = state_at(image, unit, addr);

		if (!at || !decode(image, addr, &insn) ||
		    insn.i.mnemonic != ZYDIS_MNEMONIC_SYSCALL)
			continue;
		if (at->known & (1 << AX))
			add_number(image, addr, at->value[AX]);
		if (at->reg[SP] == NONE)
			unit->flags |= UNIT_BAD;
	}
	free(image->state_of);
	image->state_of = NULL;
}

/* Look at those with sites, and at those from which control may come there. */
void analyze_units(struct image *image)
{
	struct unit *from, *to;
	bool changed;
	size_t i;

	do {
		changed = false;
		spend(image, image->num_links / 8);
		for (i = 0; i < image->num_links; i++) {
			from = &image->units[image->links[i].from];
			to = &image->units[image->links[i].to];
			if (to->flags & UNIT_SITES && !(from->flags & UNIT_SITES)) {
				from->flags |= UNIT_SITES;
				changed = true;
			}
		}
	} while (changed);
	for (i = 0; i < image->num_units; i++)
		if (image->units[i].flags & UNIT_SITES)
			analyze_stack(image, &image->units[i]);
	if (image->num_numbers)
		qsort(image->numbers, image->num_numbers, sizeof(*image->numbers), by_site);
}

/*
 * What is true of a function is true of those to which it jumps: they may be parts
 * of it.
 */
void spread_flags(struct image *image)
{
	const unsigned int spread = UNIT_REDZONE | UNIT_CHILD | UNIT_BAD | UNIT_STACKLESS;
	struct unit *from, *to;
	bool changed;
	size_t i;

	do {
		changed = false;
		spend(image, image->num_links / 8);
		for (i = 0; i < image->num_links; i++) {
			from = &image->units[image->links[i].from];
			to = &image->units[image->links[i].to];
			if (!(to->flags & UNIT_SITES) || !(from->flags & spread & ~to->flags))
				continue;
			to->flags |= from->flags & spread;
			to->where = from->where;
			changed = true;
		}
	} while (changed);
}
