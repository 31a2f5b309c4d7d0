// SPDX-License-Identifier: GPL-2.0
/*
 * Which system calls can be made by calls of slots. A site has to pass all of the
 * tests, so that their order only matters for what is said about it.
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
		if (insn.i.mnemonic == ZYDIS_MNEMONIC_SYSCALL || is_slot_call(&insn)) {
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

/* Are there just these instructions, and do branches lead to the first at most? */
static enum reason look_at_bytes(struct image *image, uint64_t begin, unsigned int first,
				 unsigned int second)
{
	unsigned int i;
	uint8_t mark;

	if (!is_code(image, begin + first + second - 1))
		return LEFT_SHAPE;
	for (i = 0; i < first + second; i++) {
		mark = *marks_at(image, begin + i);
		if (i && mark & TARGET)
			return LEFT_TARGET;
		if ((mark & (REACHED | BODY)) != (i == 0 || i == first ? REACHED : BODY))
			return LEFT_TARGET;
	}
	return relocated(image, begin, begin + first + second) ? LEFT_RELOCATED : REWRITTEN;
}

static void write_call(struct callsites_site *site, uint64_t slot)
{
	uint32_t address = SLOTS + slot * 8;

	site->bytes[0] = 0xff;
	site->bytes[1] = 0x14;
	site->bytes[2] = 0x25;
	memcpy(site->bytes + 3, &address, 4);
	site->bytes[7] = 0x90;
}

static const uint8_t compare_4096[] = { 0x0f, 0x05, 0x48, 0x3d, 0x00, 0xf0, 0xff, 0xff };
static const uint8_t compare_4095[] = { 0x0f, 0x05, 0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff };

/* What is at the site, in the bytes that could be replaced */
static enum reason choose_shape(struct image *image, struct callsites_site *site)
{
	enum reason reason = LEFT_SHAPE, other;
	uint32_t number;
	uint8_t *p;

	p = bytes_at(image, site->addr - 5, 7);
	if (p && *p == 0xb8) {
		memcpy(&number, p + 1, 4);
		if (number < SLOTS_NUMBERS) {
			reason = look_at_bytes(image, site->addr - 5, 5, 2);
			if (reason == REWRITTEN) {
				site->begin = site->addr - 5;
				site->len = 7;
				write_call(site, number);
				return REWRITTEN;
			}
		}
	}
	p = bytes_at(image, site->addr, 8);
	if (!p || (memcmp(p, compare_4096, 8) && memcmp(p, compare_4095, 8)))
		return reason;
	other = look_at_bytes(image, site->addr, 2, 6);
	if (other != REWRITTEN)
		return other;
	site->begin = site->addr;
	site->len = 8;
	write_call(site, memcmp(p, compare_4096, 8) ? SLOT_4095 : SLOT_4096);
	return REWRITTEN;
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
		return number < 0 || number >= SLOTS_NUMBERS;
	}
}

static enum reason judge(struct image *image, struct callsites_site *site)
{
	struct unit *unit = unit_at(image, site->addr);
	unsigned int stack;
	int number;
	enum reason reason;
	size_t i;

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
	reason = choose_shape(image, site);
	if (reason != REWRITTEN)
		return reason;
	if (unit->flags & UNIT_REDZONE)
		return LEFT_REDZONE;
	spend(image, image->rseq.count / 8);
	for (i = 0; i + 1 < image->rseq.count; i += 2)
		if (site->begin < image->rseq.items[i + 1] &&
		    site->begin + site->len > image->rseq.items[i])
			return LEFT_RSEQ;
	stack = unit->flags & UNIT_STACKLESS || unmaps(image, site->addr) ? STACK : 0;
	return look_ahead(image, site->begin + site->len,
			  RCX | R11 | stack | (site->len == 7 ? FLAGS : 0));
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

/* Each call that find_sites() has made, with what has been there before */
void find_calls(struct image *image, struct sites *sites)
{
	struct segment *s;
	struct insn insn;
	struct callsites_site site;
	uint64_t slot;
	unsigned int n;
	uint32_t number;
	size_t i;
	uint8_t *p;

	for (n = 0; n < image->num_segments; n++) {
		s = &image->segments[n];
		p = image->data + s->offset;
		for (i = 0; s->exec && i + 7 <= s->size; i++) {
			if (p[i] != 0xff || p[i + 1] != 0x14 || p[i + 2] != 0x25 ||
			    !(s->marks[i] & REACHED) || !decode(image, s->addr + i, &insn) ||
			    !is_slot_call(&insn))
				continue;
			memset(&site, 0, sizeof(site));
			site.reason = ALREADY;
			site.begin = s->addr + i;
			site.addr = site.begin;
			slot = ((uint64_t)insn.ops[0].mem.disp.value - SLOTS) / 8;
			if (slot < SLOTS_NUMBERS) {
				number = slot;
				site.len = 7;
				site.bytes[0] = 0xb8;
				memcpy(site.bytes + 1, &number, 4);
				site.bytes[5] = 0x0f;
				site.bytes[6] = 0x05;
			} else if (i + 8 <= s->size && p[i + 7] == 0x90 &&
				   (slot == SLOT_4095 || slot == SLOT_4096)) {
				site.len = 8;
				memcpy(site.bytes, slot == SLOT_4096 ?
				       compare_4096 : compare_4095, 8);
			} else {
				continue;
			}
			add_site(image, sites, &site);
		}
	}
}
