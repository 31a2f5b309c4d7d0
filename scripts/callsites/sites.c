// SPDX-License-Identifier: GPL-2.0
/*
 * Which system calls can be made by calls of stubs, and what these look like. A site
 * has to pass all of the tests, so that their order only matters for what is said
 * about it.
 */
#include <asm/unistd.h>
#include <string.h>

#include "image.h"

const char * const callsites_reasons[NUM_REASONS] = {
	[REWRITTEN] = "rewritten",
	[ALREADY] = "rewritten before",
	[LEFT_UNREACHED] = "not known to be code",
	[LEFT_UNKNOWN] = "function not understood",
	[LEFT_SHAPE] = "no room",
	[LEFT_TARGET] = "jumped into",
	[LEFT_RELOCATED] = "changed by the loader",
	[LEFT_REDZONE] = "red zone in use",
	[LEFT_CHILD] = "clone or vfork",
	[LEFT_SIGRETURN] = "signal return",
	[LEFT_EXIT] = "exit",
	[LEFT_RSEQ] = "restartable sequence",
	[LEFT_STACK] = "stack may be gone",
	[LEFT_REGISTERS] = "registers in use",
};

#define UNKNOWN	(-1)

void add_site(struct image *image, struct sites *sites, const struct callsites_site *site)
{
	sites->items = grow(image, sites->items, sites->count, &sites->space, sizeof(*site));
	sites->items[sites->count++] = *site;
	sites->total[site->reason]++;
}

/* The instruction before, if control gets here from it */
static bool decode_before(struct image *image, struct unit *unit, uint64_t addr,
			  struct insn *insn)
{
	unsigned int n;

	for (n = 1; n <= ZYDIS_MAX_INSTRUCTION_LENGTH && addr - unit->start >= n; n++)
		if (*marks_at(image, addr - n) & REACHED && decode(image, addr - n, insn) &&
		    insn->i.length == n)
			return falls_through(insn);
	return false;
}

/* The number of a system call, if it is a constant nearby */
static int find_number(struct image *image, struct unit *unit, uint64_t addr)
{
	const ZydisDecodedOperand *op;
	struct insn insn;
	int i, n;

	for (n = 0; n < 64 && decode_before(image, unit, addr, &insn); n++) {
		addr = insn.addr;
		for (i = 0; i < insn.i.operand_count; i++) {
			op = &insn.ops[i];
			if (op->type != ZYDIS_OPERAND_TYPE_REGISTER ||
			    !(op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) ||
			    ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64,
							     op->reg.value) != ZYDIS_REGISTER_RAX)
				continue;
			if (insn.i.mnemonic == ZYDIS_MNEMONIC_MOV &&
			    insn.ops[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
				return (int)insn.ops[1].imm.value.u;
			if (insn.i.mnemonic == ZYDIS_MNEMONIC_XOR &&
			    insn.ops[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
			    insn.ops[0].reg.value == insn.ops[1].reg.value)
				return 0;
			return UNKNOWN;
		}
		if (insn.i.meta.category == ZYDIS_CATEGORY_CALL)
			return UNKNOWN;
	}
	return UNKNOWN;
}

/* What is not known to be as it would be after SYSCALL */
#define RCX	1
#define R11	2
#define FLAGS	4
#define STACK	8	/* no instruction has needed the stack yet */

static unsigned int register_bit(ZydisRegister reg)
{
	switch (ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg)) {
	case ZYDIS_REGISTER_RCX:
		return RCX;
	case ZYDIS_REGISTER_R11:
		return R11;
	default:
		return 0;
	}
}

static bool is_wide(ZydisRegister reg)
{
	ZyanU16 width = ZydisRegisterGetWidth(ZYDIS_MACHINE_MODE_LONG_64, reg);

	return width >= 32;
}

/* Sets what an instruction reads and replaces of these, and whether it uses RSP. */
static void effects(const struct insn *insn, unsigned int *reads, unsigned int *writes,
		    bool *stack, bool *new_stack)
{
	const ZydisDecodedOperand *op;
	unsigned int i, bit;
	bool cleared;

	*reads = 0;
	*writes = 0;
	*stack = false;
	*new_stack = false;
	cleared = (insn->i.mnemonic == ZYDIS_MNEMONIC_XOR ||
		   insn->i.mnemonic == ZYDIS_MNEMONIC_SUB) &&
		insn->ops[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		insn->ops[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		insn->ops[0].reg.value == insn->ops[1].reg.value;
	for (i = 0; i < insn->i.operand_count; i++) {
		op = &insn->ops[i];
		if (op->type == ZYDIS_OPERAND_TYPE_REGISTER) {
			bit = register_bit(op->reg.value);
			if (op->actions & ZYDIS_OPERAND_ACTION_MASK_READ && !cleared)
				*reads |= bit;
			if (op->actions & ZYDIS_OPERAND_ACTION_WRITE && is_wide(op->reg.value))
				*writes |= bit;
			if (op->reg.value == ZYDIS_REGISTER_RSP &&
			    op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE && i == 0 &&
			    insn->i.mnemonic != ZYDIS_MNEMONIC_ADD &&
			    insn->i.mnemonic != ZYDIS_MNEMONIC_SUB &&
			    insn->i.mnemonic != ZYDIS_MNEMONIC_LEA)
				*new_stack = true;
		} else if (op->type == ZYDIS_OPERAND_TYPE_MEMORY) {
			*reads |= register_bit(op->mem.base) | register_bit(op->mem.index);
			if (op->mem.base == ZYDIS_REGISTER_RSP &&
			    insn->i.mnemonic != ZYDIS_MNEMONIC_LEA &&
			    insn->i.mnemonic != ZYDIS_MNEMONIC_NOP)
				*stack = true;
		}
	}
	if (insn->i.mnemonic == ZYDIS_MNEMONIC_LEAVE)
		*stack = true;
	if (insn->i.cpu_flags) {
		const ZyanU32 status = ZYDIS_CPUFLAG_CF | ZYDIS_CPUFLAG_PF | ZYDIS_CPUFLAG_AF |
			ZYDIS_CPUFLAG_ZF | ZYDIS_CPUFLAG_SF | ZYDIS_CPUFLAG_OF;
		ZyanU32 set = insn->i.cpu_flags->modified | insn->i.cpu_flags->set_0 |
			insn->i.cpu_flags->set_1 | insn->i.cpu_flags->undefined;

		if (insn->i.cpu_flags->tested & status)
			*reads |= FLAGS;
		if ((set & status) == status)
			*writes |= FLAGS;
	}
	if (insn->i.mnemonic == ZYDIS_MNEMONIC_PUSHFQ)
		*reads |= FLAGS;
}

/*
 * Look at all ways on from a site. RCX and R11 hold something else than after
 * SYSCALL, and the flags are lost, which must not matter. And the stack has to be
 * there when the call returns: it is, if the code that follows uses it in any case
 * before it makes another system call.
 */
static enum reason look_ahead(struct image *image, uint64_t addr, unsigned int open)
{
	struct place *places = image->places;
	size_t count = 1, done, i;
	unsigned int reads, writes;
	bool stack, new_stack;
	uint64_t next[2];
	struct insn insn;
	int n;

	places[0] = (struct place){ addr, open };
	for (done = 0; done < count; done++) {
		addr = places[done].addr;
		open = places[done].open;
		if (!is_code(image, addr) || !(*marks_at(image, addr) & REACHED) ||
		    !decode(image, addr, &insn))
			return LEFT_UNKNOWN;
		if (insn.i.mnemonic == ZYDIS_MNEMONIC_SYSCALL) {
			if (open & STACK)
				return LEFT_STACK;
			open &= ~(RCX | R11);
		} else {
			effects(&insn, &reads, &writes, &stack, &new_stack);
			if (insn.i.meta.category == ZYDIS_CATEGORY_RET)
				continue;
			/* By pointer to another function; a table needs more proof */
			if (insn.i.meta.category == ZYDIS_CATEGORY_UNCOND_BR &&
			    !branch_target(&insn, &next[0])) {
				if (open & STACK &&
				    (insn.ops[0].type != ZYDIS_OPERAND_TYPE_MEMORY ||
				     insn.ops[0].mem.base != ZYDIS_REGISTER_RIP))
					return LEFT_STACK;
				continue;
			}
			if (insn.i.meta.category == ZYDIS_CATEGORY_CALL)
				continue;
			if (reads & open)
				return LEFT_REGISTERS;
			if (stack)
				open &= ~STACK;
			if (new_stack && open & STACK)
				return LEFT_STACK;
			open &= ~writes;
		}
		if (!open)
			continue;
		n = 0;
		if (branch_target(&insn, &next[n]))
			n++;
		if (falls_through(&insn))
			next[n++] = addr + insn.i.length;
		if (!n && open & STACK)
			return LEFT_STACK;
		while (n--) {
			for (i = 0; i < count; i++)
				if (places[i].addr == next[n] && !(open & ~places[i].open))
					break;
			spend(image, i / 16);
			if (i < count)
				continue;
			if (count == MAX_PLACES)
				return LEFT_UNKNOWN;
			places[count++] = (struct place){ next[n], open };
		}
	}
	return REWRITTEN;
}

/* Are the bytes those of the instructions, and do branches lead to the first at most? */
static enum reason look_at_bytes(struct image *image, const struct insn *insns, unsigned int n)
{
	uint64_t begin = insns[0].addr, end = begin, addr;
	unsigned int i;
	uint8_t mark;

	for (i = 0; i < n; i++) {
		end += insns[i].i.length;
		for (addr = insns[i].addr; addr < end; addr++) {
			mark = *marks_at(image, addr);
			if (addr != begin && mark & (TARGET | NAMED))
				return LEFT_TARGET;
			if ((mark & (REACHED | BODY)) != (addr == insns[i].addr ? REACHED : BODY))
				return LEFT_TARGET;
		}
	}
	return relocated(image, begin, end) ? LEFT_RELOCATED : REWRITTEN;
}

/* Does an instruction do the same in a stub, one word deeper in the stack? */
static bool is_movable(const struct insn *insn)
{
	const ZydisDecodedOperand *op;
	unsigned int i;

	switch (insn->i.mnemonic) {
	case ZYDIS_MNEMONIC_ADD:
	case ZYDIS_MNEMONIC_AND:
	case ZYDIS_MNEMONIC_CMP:
	case ZYDIS_MNEMONIC_LEA:
	case ZYDIS_MNEMONIC_MOV:
	case ZYDIS_MNEMONIC_MOVSXD:
	case ZYDIS_MNEMONIC_MOVZX:
	case ZYDIS_MNEMONIC_OR:
	case ZYDIS_MNEMONIC_SUB:
	case ZYDIS_MNEMONIC_TEST:
	case ZYDIS_MNEMONIC_XOR:
		break;
	default:
		return false;
	}
	for (i = 0; i < insn->i.operand_count_visible; i++) {
		op = &insn->ops[i];
		if (op->type == ZYDIS_OPERAND_TYPE_REGISTER) {
			if (ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64,
							     op->reg.value) == ZYDIS_REGISTER_RSP)
				return false;
			switch (ZydisRegisterGetClass(op->reg.value)) {
			case ZYDIS_REGCLASS_GPR8:
			case ZYDIS_REGCLASS_GPR16:
			case ZYDIS_REGCLASS_GPR32:
			case ZYDIS_REGCLASS_GPR64:
				break;
			default:
				return false;
			}
		} else if (op->type == ZYDIS_OPERAND_TYPE_MEMORY) {
			/* Others may fault on purpose, or count from RIP. */
			if (op->mem.base == ZYDIS_REGISTER_RSP) {
				if (insn->i.raw.disp.size != 8 || op->mem.disp.value < 0 ||
				    op->mem.disp.value > INT8_MAX - 8)
					return false;
			} else if (op->mem.base != ZYDIS_REGISTER_RBP &&
				   (op->mem.base != ZYDIS_REGISTER_NONE ||
				    op->mem.segment != ZYDIS_REGISTER_FS)) {
				return false;
			}
		} else if (op->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && op->imm.is_relative) {
			return false;
		}
	}
	return true;
}

static size_t move(struct image *image, const struct insn *insn, uint8_t *to)
{
	unsigned int i;

	memcpy(to, bytes_at(image, insn->addr, insn->i.length), insn->i.length);
	for (i = 0; i < insn->i.operand_count_visible; i++)
		if (insn->ops[i].type == ZYDIS_OPERAND_TYPE_MEMORY &&
		    insn->ops[i].mem.base == ZYDIS_REGISTER_RSP)
			to[insn->i.raw.disp.offset] += 8;
	return insn->i.length;
}

/* Instructions around a site that make room for a CALL: so many before and after it */
static const struct shape {
	unsigned int before, after;
} shapes[] = {
	{ 1, 0 }, { 0, 1 }, { 2, 0 }, { 1, 1 },
};

#define CALL_LEN	5
#define MAX_STUB	64

/* The first shape that fits; returns the length of its stub, or 0. */
static size_t choose_shape(struct image *image, struct unit *unit, struct callsites_site *site,
			   uint8_t stub[MAX_STUB], enum reason *reason)
{
	const struct shape *shape;
	struct insn insns[4];
	unsigned int i, n;
	size_t len, size;
	enum reason fits;

	*reason = LEFT_SHAPE;
	for (shape = shapes; shape < shapes + sizeof(shapes) / sizeof(*shapes); shape++) {
		n = shape->before + 1 + shape->after;
		if (!decode(image, site->addr, &insns[shape->before]))
			return 0;
		for (i = shape->before; i; i--)
			if (!decode_before(image, unit, insns[i].addr, &insns[i - 1]))
				break;
		if (i)
			continue;
		if (shape->after && !decode(image, site->addr + 2, &insns[n - 1]))
			continue;
		for (i = len = 0; i < n; i++) {
			if (i != shape->before && !is_movable(&insns[i]))
				break;
			len += insns[i].i.length;
		}
		if (i < n || len < CALL_LEN || len > CALLSITES_MAX_LEN)
			continue;
		fits = look_at_bytes(image, insns, n);
		*reason = fits;
		if (fits != REWRITTEN)
			continue;
		site->begin = insns[0].addr;
		site->len = len;
		for (i = size = 0; i < n; i++) {
			if (i != shape->before) {
				size += move(image, &insns[i], stub + size);
				continue;
			}
			memcpy(stub + size, system_call, sizeof(system_call));
			size += sizeof(system_call);
		}
		stub[size++] = 0xc3;
		return size;
	}
	return 0;
}

/* Can a system call take the stack away? */
static bool unmaps(struct image *image, uint64_t addr)
{
	int number;

	if (!proven_number(image, addr, &number))
		return true;
	switch (number) {
	case __NR_brk:
	case __NR_execve:
	case __NR_execveat:
	case __NR_exit:
	case __NR_exit_group:
	case __NR_madvise:
	case __NR_mmap:
	case __NR_mprotect:
	case __NR_mremap:
	case __NR_munmap:
	case __NR_pkey_mprotect:
	case __NR_process_madvise:
	case __NR_remap_file_pages:
	case __NR_shmat:
	case __NR_shmdt:
		return true;
	default:
		return number < 0 || number >= NUMBERS;
	}
}

static enum reason judge(struct image *image, struct callsites_site *site)
{
	/* Does somebody compare addresses with that of the next instruction? */
	const uint8_t *next = marks_at(image, site->addr + 2);
	const bool compared = next && *next & NAMED;
	struct unit *unit = unit_at(image, site->addr);
	uint8_t stub[MAX_STUB];
	unsigned int stack;
	enum reason reason;
	int number;
	size_t size = 0, i;

	if (!unit || !(*marks_at(image, site->addr) & REACHED))
		return LEFT_UNREACHED;
	if (!proven_number(image, site->addr, &number))
		number = find_number(image, unit, site->addr);
	switch (number) {
	case __NR_rt_sigreturn:
		return LEFT_SIGRETURN;
	case __NR_exit:
	case __NR_exit_group:
		return LEFT_EXIT;
	}
	if (unit->flags & UNIT_CHILD)
		return LEFT_CHILD;
	if (unit->flags & UNIT_BAD ||
	    (unit->flags & (UNIT_COMPUTED | UNIT_INDIRECT)) == (UNIT_COMPUTED | UNIT_INDIRECT))
		return LEFT_UNKNOWN;
	if (!compared) {
		size = choose_shape(image, unit, site, stub, &reason);
		if (!size)
			return reason;
	}
	/* The instruction in between may be one of the site before. */
	if (size && site->begin < image->rewritten.end &&
	    site->begin + site->len > image->rewritten.start)
		return LEFT_SHAPE;
	if (unit->flags & UNIT_REDZONE)
		return LEFT_REDZONE;
	spend(image, image->rseq.count / 8);
	for (i = 0; i + 1 < image->rseq.count; i += 2)
		if (site->begin < image->rseq.items[i + 1] &&
		    site->begin + site->len > image->rseq.items[i])
			return LEFT_RSEQ;
	stack = unit->flags & UNIT_STACKLESS || unmaps(image, site->addr) ? STACK : 0;
	reason = look_ahead(image, site->addr + 2, RCX | R11 | FLAGS | stack);
	if (reason == REWRITTEN && compared && !copy_function(image, unit, site))
		return LEFT_TARGET;
	if (reason == REWRITTEN && !compared) {
		site->stub = stub_for(image, stub, size);
		image->rewritten.start = site->begin;
		image->rewritten.end = site->begin + site->len;
	}
	return reason;
}

/* Each SYSCALL, and each pair of bytes in no instruction that looks like one */
void find_sites(struct image *image, struct sites *sites)
{
	struct list *found = &image->found;
	struct segment *s;
	struct callsites_site site;
	struct unit *unit;
	unsigned int n;
	int number;
	size_t i;
	uint8_t *p;

	for (n = 0; n < image->num_segments; n++) {
		s = &image->segments[n];
		p = image->data + s->offset;
		for (i = 0; s->exec && i + 2 <= s->size; i++)
			if (p[i] == 0x0f && p[i + 1] == 0x05 &&
			    (s->marks[i] & REACHED || !(s->marks[i] & BODY)))
				list_add(image, found, s->addr + i);
	}
	for (i = 0; i < found->count; i++) {
		unit = unit_at(image, found->items[i]);
		if (!unit || !(*marks_at(image, found->items[i]) & REACHED))
			continue;
		unit->flags |= UNIT_SITES;
	}
	analyze_units(image);
	for (i = 0; i < found->count; i++) {
		unit = unit_at(image, found->items[i]);
		if (!unit || !(*marks_at(image, found->items[i]) & REACHED))
			continue;
		if (unmaps(image, found->items[i]) &&
		    look_ahead(image, found->items[i] + 2, STACK) == LEFT_STACK)
			unit->flags |= UNIT_STACKLESS;
		if (!proven_number(image, found->items[i], &number))
			number = find_number(image, unit, found->items[i]);
		switch (number) {
		case __NR_clone:
		case __NR_clone3:
		case __NR_vfork:
			unit->flags |= UNIT_CHILD;
		}
	}
	spread_flags(image);
	for (i = 0; i < found->count; i++) {
		memset(&site, 0, sizeof(site));
		site.addr = found->items[i];
		site.reason = judge(image, &site);
		add_site(image, sites, &site);
	}
}
