// SPDX-License-Identifier: GPL-2.0
/*
 * A model of the entry code of CONFIG_KML: which exception may nest in which, at which
 * of their steps, on which stack, and whether each still finds what it has put there.
 *
 * The model has one CPU with its stacks, the IST slot of the entry stack, the mask of
 * NMIs and the enable bits of DR7. Code is a list of steps; each step stands for the
 * instructions from one access to a stack, to the slot or to DR7 to the next, and is
 * named after the label or function that it is in. An activation is one run of such
 * code, and interrupts the one below it. Between any two steps, each event that the
 * CPU could take at this point is tried, so that all interleavings up to a depth are
 * run, each to its end.
 *
 * A stack is an array of cells. A cell holds one thing that is pushed and has to be
 * found again: a frame (who was interrupted, and where), registers, or C's return
 * address. Who reads a cell that does not hold what he put there has found a fault,
 * and the way there is printed.
 *
 * What the model takes for granted are rules of the kernel without the option:
 * - No #DB comes while the frame of another one is live on the stack of #DB, and the
 *   same for #MC. (DR7 is clear in the handler, and what is read before that must not
 *   be watched. A second #MC shuts the processor down.)
 * - No NMI comes while a #DB or #MC has hit another NMI in its first steps, up to
 *   end_repeat_nmi, or in its last one, when "NMI executing" is clear.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "entry-model.h"

#define DEPTH		5
#define MAX_DEPTH	9
#define CELLS		32	/* of each stack */
#define PART		4	/* cells of a part of the entry stack */
#define ENTRY_TOP	(4 * PART)
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

enum stack { USER, TASK, ENTRY, NMI_STACK, DB_STACK, MCE_STACK, STACKS };
enum kind { BASE, INT, PF, BP, DB, MC, NMI, KINDS };
enum scheme { NEW, OLD, NONE };

static const char * const stack_name[] = {
	"process", "task", "entry", "NMI", "#DB", "#MC",
};

static const char * const kind_name[] = {
	"", "interrupt", "#PF", "#BP", "#DB", "#MC", "NMI",
};

/* What a cell holds. 0 is a cell that nobody needs. */
enum what { DEAD, FRAME, REGS, CALL, GAP, EXECUTING, AGAIN };

struct cell {
	uint8_t what : 4, who : 4;
	uint8_t pc;
};

struct activation {
	uint8_t kind, pc;
	uint8_t stack, sp;
	uint8_t process : 1,	/* its frame was taken for a process's */
		user_rip : 1, on : 1, df : 1, dr7 : 1;
	uint8_t slot;		/* what kml_ist_enter() returned */
};

struct state {
	struct cell mem[STACKS][CELLS];
	struct activation act[MAX_DEPTH + 1];
	uint8_t depth;		/* index of the current activation */
	uint8_t slot;
	uint8_t nmi_blocked, nmi_state, dr7;
};

/* Where NMIs have their things, from the top of the stack. */
#define NMI_FRAME	(CELLS - 1)
#define NMI_EXECUTING	(CELLS - 3)
#define NMI_IRET	(CELLS - 4)
#define NMI_OUTERMOST	(CELLS - 5)

/* Steps, in the order of their labels in the code. */
enum step {
	/* interrupts, #PF, #BP; #DB and #MC from a process */
	X_ENTRY, X_SAVE, X_MARK, X_CALL, X_COPY_FRAME, X_COPY_REGS, X_RETURN,
	X_SWITCH, X_BODY, X_POP, X_IRET,
	/* #DB and #MC */
	P_ENTRY, P_SAVE, P_CALL, P_IST_READ, P_IST_WRITE, P_DR7_READ, P_DR7_CLEAR,
	P_BODY, P_DR7_RESTORE, P_IST_EXIT, P_RETURN, P_POP, P_IRET,
	/* NMI */
	N_ENTRY, N_MARK, N_IN_REPEAT, N_EXECUTING, N_ON_STACK,
	N_NESTED, N_NESTED_OUT,
	N_FIRST, N_OUTERMOST, N_REPEAT, N_COPY, N_SAVE, N_CALL,
	N_STATE, N_IST_READ, N_IST_WRITE, N_DR7_READ, N_DR7_CLEAR, N_BODY,
	N_DR7_RESTORE, N_IST_EXIT, N_AGAIN, N_RETURN, N_POP, N_STD, N_CLEAR, N_IRET,
	/* ... of a process */
	U_SWITCH, U_FRAME, U_SAVE, U_CALL,
	STEPS
};

static const char * const step_name[STEPS] = {
	[X_ENTRY] = "asm_exc_*, asm_common_interrupt",
	[X_SAVE] = "error_entry: PUSH_AND_CLEAR_REGS",
	[X_MARK] = "error_entry: MARK_USER_FRAME",
	[X_CALL] = "sync_regs() or kml_leave_entry_stack()",
	[X_COPY_FRAME] = "... copies the frame",
	[X_COPY_REGS] = "... copies the registers",
	[X_RETURN] = "... returns",
	[X_SWITCH] = "idtentry_body: movq %rax, %rsp",
	[X_BODY] = "the handler",
	[X_POP] = "common_interrupt_return: POP_REGS",
	[X_IRET] = "native_irq_return_iret",
	[P_ENTRY] = "asm_exc_debug, asm_exc_machine_check: MARK_USER_FRAME",
	[P_SAVE] = "paranoid_entry",
	[P_CALL] = "call exc_debug, exc_machine_check",
	[P_IST_READ] = "kml_ist_enter() reads the slot",
	[P_IST_WRITE] = "kml_ist_enter() writes the slot",
	[P_DR7_READ] = "local_db_save() reads DR7",
	[P_DR7_CLEAR] = "local_db_save() clears DR7",
	[P_BODY] = "exc_debug_kernel(), exc_machine_check_kernel()",
	[P_DR7_RESTORE] = "local_db_restore()",
	[P_IST_EXIT] = "kml_ist_exit()",
	[P_RETURN] = "return of exc_debug(), exc_machine_check()",
	[P_POP] = "paranoid_exit: POP_REGS",
	[P_IRET] = "native_irq_return_iret, of paranoid_exit",
	[N_ENTRY] = "asm_exc_nmi: pushq %rdx",
	[N_MARK] = "asm_exc_nmi: MARK_USER_FRAME",
	[N_IN_REPEAT] = ".Lnmi_from_kernel: between repeat_nmi and end_repeat_nmi?",
	[N_EXECUTING] = ".Lnmi_from_kernel: NMI executing?",
	[N_ON_STACK] = ".Lnmi_from_kernel: RSP on the NMI stack?",
	[N_NESTED] = "nested_nmi",
	[N_NESTED_OUT] = "nested_nmi_out",
	[N_FIRST] = "first_nmi",
	[N_OUTERMOST] = "first_nmi: copies to the outermost frame",
	[N_REPEAT] = "repeat_nmi: sets NMI executing",
	[N_COPY] = "repeat_nmi: copies to the iret frame",
	[N_SAVE] = "end_repeat_nmi: paranoid_entry",
	[N_CALL] = "call exc_nmi",
	[N_STATE] = "exc_nmi(): nmi_state",
	[N_IST_READ] = "exc_nmi(): kml_ist_enter() reads the slot",
	[N_IST_WRITE] = "exc_nmi(): kml_ist_enter() writes the slot",
	[N_DR7_READ] = "exc_nmi(): local_db_save() reads DR7",
	[N_DR7_CLEAR] = "exc_nmi(): local_db_save() clears DR7",
	[N_BODY] = "exc_nmi(): default_do_nmi()",
	[N_DR7_RESTORE] = "exc_nmi(): local_db_restore()",
	[N_IST_EXIT] = "exc_nmi(): kml_ist_exit()",
	[N_AGAIN] = "exc_nmi(): this_cpu_dec_return(nmi_state)",
	[N_RETURN] = "return of exc_nmi()",
	[N_POP] = "nmi_restore: POP_REGS",
	[N_STD] = "nmi_restore: std",
	[N_CLEAR] = "nmi_restore: clears NMI executing",
	[N_IRET] = "nmi_restore: iretq",
	[U_SWITCH] = "asm_exc_nmi: loads the stack of the task",
	[U_FRAME] = "asm_exc_nmi: copies the frame to it",
	[U_SAVE] = "asm_exc_nmi: PUSH_AND_CLEAR_REGS",
	[U_CALL] = "asm_exc_nmi: call exc_nmi, from a process",
};

/* What can be interrupted in the first place. */
static const struct base {
	const char *name;
	bool user_rip, user_rsp, on, process, syscall;
} bases[] = {
	{ "a process", true, true, true, true },
	{ "a process with interrupts off", true, true, false, true },
	{ "entry_CALL_64 before _safe_stack", false, true, true, true },
	{ "entry_SYSCALL_64 before _safe_stack", false, true, false, true, true },
	{ "the kernel on the stack of the task", false, false, true, false },
	{ "the kernel with interrupts off", false, false, false, false },
	{ "a process in kernel text, RSP its own", false, true, true, true },
	{ "the kernel after a call of NULL", true, false, true, false },
};

static enum scheme scheme;
static int max_depth;
static uint8_t running;		/* the current step */
static const struct base *base;
static unsigned long states, runs;

/* Who interrupts whom, and where: the current state, or the last one before a fault */
static const struct state *current;

static void say_state(void)
{
	const struct activation *a;
	int i;

	printf("  %s\n", base->name);
	for (i = 1; current && i <= current->depth; i++) {
		a = &current->act[i];
		printf("  %*s%s, on the %s stack, before: %s\n", 2 * i, "",
		       kind_name[a->kind], stack_name[a->stack], step_name[a->pc]);
	}
}

static __attribute__((__noreturn__, __format__(printf, 1, 2)))
void found(const char *fmt, ...)
{
	va_list ap;

	printf("fault: ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	say_state();
	exit(1);
}

/*
 * All that an activation can find out about what it interrupted: whoever is further out
 * than the one below it matters by the cells it has in use, and by its kind. So its run
 * has the same ends whenever this is the same.
 */
struct key {
	struct cell mem[STACKS][CELLS];
	struct activation act, interrupted;
	uint8_t slot, nmi_blocked, nmi_state, dr7;
	uint8_t first, live_db, live_mc, nmi_unsafe, left;
};

/* What is known of runs: a table of the hashes of keys, of 128 bits. */
struct known {
	uint64_t hash[2];
	uint16_t ends;
};

static struct known *table;
static size_t table_size, table_used;

static void hash(const void *data, size_t size, uint64_t h[2])
{
	const uint8_t *p = data;
	uint64_t a = 0x9e3779b97f4a7c15, b = 0xc2b2ae3d27d4eb4f, w;

	for (; size; size -= w, p += w) {
		uint64_t v = 0;

		w = size < 8 ? size : 8;
		memcpy(&v, p, w);
		a = (a ^ v) * 0xff51afd7ed558ccd;
		a ^= a >> 32;
		b = (b + v) * 0xc4ceb9fe1a85ec53;
		b ^= b >> 29;
	}
	h[0] = a ^ (b >> 31);
	h[1] = (b ^ (a >> 27)) | 1;	/* 0 is an empty place */
}

static struct known *find(const uint64_t h[2])
{
	size_t i = h[0] & (table_size - 1);

	while (table[i].hash[1] && memcmp(table[i].hash, h, sizeof(table[i].hash)))
		i = (i + 1) & (table_size - 1);
	return &table[i];
}

static void remember(const uint64_t h[2], uint16_t ends)
{
	struct known *old = table, *k;
	size_t i, size = table_size;

	if (2 * table_used >= table_size) {
		table_size = size ? 2 * size : 1 << 12;
		table = calloc(table_size, sizeof(*table));
		if (!table) {
			perror("entry-model: the table of states");
			exit(2);
		}
		for (i = 0; i < size; i++)
			if (old[i].hash[1])
				*find(old[i].hash) = old[i];
		free(old);
	}
	k = find(h);
	memcpy(k->hash, h, sizeof(k->hash));
	k->ends = ends;
	table_used++;
}

/*
 * Write a cell. What is there must not be needed any more, but for the iret frame of
 * NMIs and "NMI executing", which are there to be changed.
 */
static void put(struct state *s, int stack, int at, enum what what, int who, int pc)
{
	struct cell *c = &s->mem[stack][at];

	if (at < 0 || stack == USER)
		found("a push to the %s stack, where there is no room", stack_name[stack]);
	if (what != DEAD && c->what != DEAD && what != AGAIN &&
	    !(stack == NMI_STACK && at == NMI_IRET && c->what == AGAIN))
		found("%s pushes over what %s has on the %s stack",
		      kind_name[s->act[s->depth].kind],
		      c->who ? kind_name[s->act[c->who].kind] : "the first frame",
		      stack_name[stack]);
	c->what = what;
	c->who = who;
	c->pc = pc;
}

static void push(struct state *s, enum what what)
{
	struct activation *a = &s->act[s->depth];

	put(s, a->stack, --a->sp, what, s->depth, 0);
}

/* The cell has to hold what the current activation put there. */
static void expect(const struct state *s, int stack, int at, enum what what)
{
	const struct cell *c = &s->mem[stack][at];
	int who = what == FRAME ? s->depth - 1 : s->depth;

	if (c->what != what || c->who != who ||
	    (what == FRAME && c->pc != s->act[who].pc))
		found("%s: what %s has put on the %s stack is overwritten",
		      step_name[running],
		      kind_name[s->act[s->depth].kind], stack_name[stack]);
}

static void pop(struct state *s, enum what what)
{
	struct activation *a = &s->act[s->depth];

	expect(s, a->stack, a->sp, what);
	put(s, a->stack, a->sp++, DEAD, 0, 0);
}

/* The CPU pushes a frame that returns to the current activation. */
static void begin(struct state *s, enum kind kind)
{
	static const uint8_t first[KINDS] = {
		[INT] = X_ENTRY, [PF] = X_ENTRY, [BP] = X_ENTRY,
		[DB] = P_ENTRY, [MC] = P_ENTRY, [NMI] = N_ENTRY,
	};
	struct activation *a;

	s->depth++;
	a = &s->act[s->depth];
	memset(a, 0, sizeof(*a));
	a->kind = kind;
	a->pc = first[kind];
	a->stack = kind == NMI ? NMI_STACK : kind == DB ? DB_STACK :
		   kind == MC ? MCE_STACK : ENTRY;
	a->sp = a->stack == ENTRY ? s->slot : CELLS;
	put(s, a->stack, --a->sp, FRAME, s->depth - 1, s->act[s->depth - 1].pc);
	if (kind == NMI)
		s->nmi_blocked = 1;
}

/* IRETQ with the frame at the stack pointer */
static void iret(struct state *s)
{
	pop(s, FRAME);
	memset(&s->act[s->depth], 0, sizeof(s->act[0]));
	s->depth--;
	s->nmi_blocked = 0;
}

/* MARK_USER_FRAME: RIP and RSP of who was interrupted. All code here is the kernel's. */
static bool marked(const struct state *s)
{
	const struct activation *i = &s->act[s->depth - 1];

	return i->user_rip || i->stack == USER;
}

/* kml_lost_kernel(): a kernel stack all the same. That asks for the entry stack. */
static bool lost_kernel(const struct state *s)
{
	const struct activation *i = &s->act[s->depth - 1];

	return s->act[s->depth].stack == ENTRY && i->user_rip && i->stack != USER;
}

/* #DB and #MC in the first instructions of SYSCALL are the kernel's all the same. */
static bool kernel_in_syscall(const struct state *s)
{
	return s->depth == 1 && base->syscall &&
	       (s->act[1].kind == DB || s->act[1].kind == MC);
}

static void judge(const struct state *s, bool process)
{
	bool is = s->depth == 1 && base->process && !kernel_in_syscall(s);

	if (process != is)
		found("%s of %s is taken for that of %s",
		      kind_name[s->act[s->depth].kind], is ? "a process" : "the kernel",
		      process ? "a process" : "the kernel");
}

/* What kml_ist_enter() has the slot be */
static int entered(const struct state *s)
{
	static const uint8_t part[KINDS] = { [NMI] = 1, [DB] = 2, [MC] = 3 };
	const struct activation *i = &s->act[s->depth - 1];

	switch (scheme) {
	case NEW:
		return ENTRY_TOP - PART * part[s->act[s->depth].kind];
	case OLD:	/* below the interrupted RSP, if it is there */
		return i->stack == ENTRY ? i->sp : s->slot;
	default:
		return s->slot;
	}
}

/* Where a frame goes that leaves the entry stack (or that of #DB and #MC) */
static int destination(const struct state *s)
{
	const struct activation *a = &s->act[s->depth], *i = &s->act[s->depth - 1];

	return a->process ? CELLS : i->sp;
}

static void step(struct state *s)
{
	struct activation *a = &s->act[s->depth];
	const struct activation *i = &s->act[s->depth - 1];
	int to_stack, to, gap = a->kind == BP && !a->process;

	running = a->pc++;
	switch (running) {
	case X_ENTRY:
		/* The gap is left before anybody knows whose frame it is. */
		if (a->kind == BP)
			push(s, GAP);
		break;
	case X_SAVE:
	case P_SAVE:
	case N_SAVE:
	case U_SAVE:
		push(s, REGS);
		break;
	case X_MARK:
		a->process = marked(s) && !lost_kernel(s);
		judge(s, a->process);
		break;
	case X_CALL:
	case P_CALL:
	case N_CALL:
		push(s, CALL);
		break;
	case X_COPY_FRAME:
		to_stack = a->process ? TASK : i->stack;
		to = destination(s);
		expect(s, a->stack, a->sp + 2 + (a->kind == BP), FRAME);
		put(s, to_stack, to - 1, FRAME, s->depth - 1, i->pc);
		break;
	case X_COPY_REGS:
		to_stack = a->process ? TASK : i->stack;
		to = destination(s);
		expect(s, a->stack, a->sp + 1, REGS);
		if (gap)
			put(s, to_stack, to - 2, GAP, s->depth, 0);
		put(s, to_stack, to - 2 - gap, REGS, s->depth, 0);
		break;
	case X_RETURN:
		pop(s, CALL);
		break;
	case X_SWITCH:
		/* What was copied is not needed any more. */
		pop(s, REGS);
		if (a->kind == BP)
			pop(s, GAP);
		pop(s, FRAME);
		a->sp = destination(s) - 2 - gap;
		a->stack = a->process ? TASK : i->stack;
		a->on = a->process;
		break;
	case X_BODY:
		a->on = 0;
		break;
	case X_POP:
		pop(s, REGS);
		if (gap)
			pop(s, GAP);
		break;
	case X_IRET:
	case P_IRET:
		iret(s);
		break;

	case P_ENTRY:
		a->process = marked(s) && !kernel_in_syscall(s);
		judge(s, a->process);
		if (a->process)
			a->pc = X_SAVE;
		break;
	case P_IST_READ:
	case N_IST_READ:
		a->slot = s->slot;
		break;
	case P_IST_WRITE:
	case N_IST_WRITE:
		s->slot = entered(s);
		break;
	case P_DR7_READ:
	case N_DR7_READ:
		a->dr7 = s->dr7;
		break;
	case P_DR7_CLEAR:
	case N_DR7_CLEAR:
		s->dr7 = 0;
		break;
	case P_DR7_RESTORE:
	case N_DR7_RESTORE:
		s->dr7 = a->dr7;
		break;
	case P_IST_EXIT:
	case N_IST_EXIT:
		s->slot = a->slot;
		a->slot = 0;
		a->dr7 = 0;
		break;
	case P_RETURN:
		pop(s, CALL);
		break;
	case P_POP:
		pop(s, REGS);
		break;

	case N_ENTRY:
		push(s, GAP);		/* RDX */
		break;
	case N_MARK:
		a->process = marked(s);
		judge(s, a->process);
		if (a->process)
			a->pc = U_SWITCH;
		break;
	case N_IN_REPEAT:
		if (i->kind == NMI && (i->pc == N_REPEAT || i->pc == N_COPY))
			a->pc = N_NESTED_OUT;
		break;
	case N_EXECUTING:
		if (s->mem[NMI_STACK][NMI_EXECUTING].what == EXECUTING)
			a->pc = N_NESTED;
		break;
	case N_ON_STACK:
		a->pc = i->stack == NMI_STACK && i->df ? N_NESTED : N_FIRST;
		break;
	case N_NESTED:
		put(s, NMI_STACK, NMI_IRET, AGAIN, 0, 0);
		break;

	case N_NESTED_OUT:
		pop(s, GAP);
		iret(s);
		break;

	case N_FIRST:
		put(s, NMI_STACK, NMI_EXECUTING, DEAD, 0, 0);
		break;
	case N_OUTERMOST:
		expect(s, NMI_STACK, NMI_FRAME, FRAME);
		put(s, NMI_STACK, NMI_OUTERMOST, FRAME, s->depth - 1, i->pc);
		/* From here on, other NMIs may use the top. */
		put(s, NMI_STACK, NMI_FRAME, DEAD, 0, 0);
		put(s, NMI_STACK, NMI_FRAME - 1, DEAD, 0, 0);
		a->sp = NMI_OUTERMOST;
		break;
	case N_REPEAT:
		put(s, NMI_STACK, NMI_EXECUTING, EXECUTING, 0, 0);
		break;
	case N_COPY:
		expect(s, NMI_STACK, NMI_OUTERMOST, FRAME);
		put(s, NMI_STACK, NMI_IRET, FRAME, s->depth - 1, i->pc);
		break;
	case N_STATE:
		if (s->nmi_state)
			a->pc = N_RETURN;
		s->nmi_state = s->nmi_state ? 2 : 1;
		break;
	case N_AGAIN:
		if (--s->nmi_state)
			a->pc = N_IST_READ;
		break;
	case N_RETURN:
		pop(s, CALL);
		if (a->process)
			a->pc = P_POP;
		break;
	case N_POP:
		pop(s, REGS);
		a->sp = NMI_IRET;
		break;
	case N_STD:
		a->df = 1;
		break;
	case N_CLEAR:
		put(s, NMI_STACK, NMI_EXECUTING, DEAD, 0, 0);
		break;
	case N_IRET:
		s->nmi_blocked = 0;
		if (s->mem[NMI_STACK][NMI_IRET].what == AGAIN) {
			a->pc = N_REPEAT;
			a->sp = NMI_OUTERMOST;
			a->df = 0;
			break;
		}
		put(s, NMI_STACK, NMI_OUTERMOST, DEAD, 0, 0);
		iret(s);
		break;

	case U_SWITCH:
		a->stack = TASK;
		a->sp = CELLS;
		break;
	case U_FRAME:
		expect(s, NMI_STACK, NMI_FRAME, FRAME);
		put(s, NMI_STACK, NMI_FRAME, DEAD, 0, 0);
		put(s, NMI_STACK, NMI_FRAME - 1, DEAD, 0, 0);
		put(s, TASK, --a->sp, FRAME, s->depth - 1, i->pc);
		break;
	case U_CALL:
		push(s, CALL);
		a->pc = N_STATE;
		break;
	case N_BODY:
	case P_BODY:
		break;
	}
}

/* Is a frame of @kind still on the stack where the next one would be pushed? */
static bool live(const struct state *s, int kind, int stack)
{
	int i;

	for (i = 1; i <= s->depth; i++)
		if (s->act[i].kind == kind && s->act[i].stack == stack)
			return true;
	return false;
}

/* The kernel's own rule: see the top of this file. */
static bool nmi_unsafe(const struct state *s)
{
	const struct activation *a;
	int i;

	for (i = 1; i <= s->depth; i++) {
		a = &s->act[i];
		if (a->kind != NMI)
			continue;
		if ((a->pc >= N_ENTRY && a->pc < N_REPEAT) ||
		    a->pc == U_SWITCH || a->pc == U_FRAME)
			return true;
		if (i < s->depth &&
		    (a->pc == N_REPEAT || a->pc == N_COPY || a->pc == N_IRET))
			return true;
	}
	return false;
}

/* Can the CPU take this before the next step? */
static bool possible(const struct state *s, enum kind kind)
{
	const struct activation *a = &s->act[s->depth];
	bool body = a->pc == X_BODY || a->pc == P_BODY || a->pc == N_BODY;

	if (!s->depth) {
		/* What follows a call of NULL, unless NMI or #MC hit it: see kml.rst. */
		if (base->user_rip && !base->user_rsp)
			return kind == PF;
		/* The first instructions of SYSCALL touch no memory that is absent. */
		body = base->on || base->user_rip || !base->user_rsp;
	}
	switch (kind) {
	case INT:
		return a->on;
	case PF:
	case BP:
		return body;
	case DB:
		return s->dr7 && !live(s, DB, DB_STACK);
	case MC:
		return !live(s, MC, MCE_STACK);
	case NMI:
		return !s->nmi_blocked && !nmi_unsafe(s);
	default:
		return false;
	}
}

/* The ends of a run, as numbers: what it may change for whom it interrupted */
static int end_of(const struct state *s)
{
	return s->nmi_blocked + 2 * s->nmi_state +
	       6 * (s->mem[NMI_STACK][NMI_IRET].what == AGAIN);
}

static void apply_end(struct state *s, int end)
{
	s->nmi_blocked = end % 2;
	s->nmi_state = end / 2 % 3;
	if (end / 6)
		put(s, NMI_STACK, NMI_IRET, AGAIN, 0, 0);
}

static void make_key(const struct state *s, struct key *k)
{
	const struct activation *i = &s->act[s->depth - 1];
	int stack, at;

	memset(k, 0, sizeof(*k));
	memcpy(k->mem, s->mem, sizeof(k->mem));
	for (stack = 0; stack < STACKS; stack++) {
		for (at = 0; at < CELLS; at++) {
			struct cell *c = &k->mem[stack][at];

			if (c->what == DEAD || c->what == AGAIN ||
			    c->what == EXECUTING)
				continue;
			/* What the newest has: the frame that was pushed for it */
			if (c->what == FRAME && c->who == s->depth - 1)
				c->who = 1;
			else
				c->who = c->what = 15;
			c->pc = 0;
		}
	}
	k->act = s->act[s->depth];
	k->interrupted = *i;
	k->interrupted.slot = k->interrupted.dr7 = k->interrupted.on = 0;
	k->interrupted.process = 0;
	k->interrupted.pc = i->kind == NMI && (i->pc == N_REPEAT || i->pc == N_COPY);
	k->interrupted.kind = i->kind == NMI;
	k->slot = s->slot;
	k->nmi_blocked = s->nmi_blocked;
	k->nmi_state = s->nmi_state;
	k->dr7 = s->dr7;
	k->first = s->depth == 1 ? 1 + base->process + 2 * base->syscall : 0;
	k->live_db = live(s, DB, DB_STACK);
	k->live_mc = live(s, MC, MCE_STACK);
	k->nmi_unsafe = nmi_unsafe(s);
	k->left = max_depth - s->depth;
}

static uint16_t run(const struct state *begun, const struct state *before);

/* Try each event. Returns the ends of what comes, as seen by who is interrupted. */
static uint16_t events(const struct state *s)
{
	struct state next;
	uint16_t ends = 0;
	int kind;

	for (kind = INT; kind < KINDS; kind++) {
		current = s;
		if (s->depth == max_depth || !possible(s, kind))
			continue;
		next = *s;
		begin(&next, kind);
		ends |= run(&next, s);
	}
	return ends;
}

/*
 * Run the newest activation to each of its ends. All that it interrupted must be as
 * before then, but for the differences that end_of() has.
 */
static uint16_t run(const struct state *begun, const struct state *before)
{
	struct state todo[128], next, after;
	int depth = begun->depth, n = 1, i, j, end;
	uint16_t ends = 0, nested;
	const struct known *k;
	struct key key;
	uint64_t h[2];

	make_key(begun, &key);
	hash(&key, sizeof(key), h);
	if (table_size) {
		k = find(h);
		if (k->hash[1])
			return k->ends;
	}
	runs++;
	todo[0] = *begun;
	for (i = 0; i < n; i++) {
		states++;
		nested = events(&todo[i]);
		current = &todo[i];
		for (end = -1; end < 12; end++) {
			next = todo[i];
			if (end < 0)
				step(&next);
			else if (nested & 1 << end)
				apply_end(&next, end);
			else
				continue;
			if (next.depth < depth) {
				end = end_of(&next);
				ends |= 1 << end;
				after = *before;
				apply_end(&after, end);
				if (memcmp(&after, &next, sizeof(after)))
					found("%s returns, but not all is as before",
					      kind_name[begun->act[depth].kind]);
				end = -1;
				continue;
			}
			for (j = 0; j < n && memcmp(&todo[j], &next, sizeof(next)); j++)
				;
			if (j == n && n == ARRAY_SIZE(todo))
				found("too many states of one activation");
			if (j == n)
				todo[n++] = next;
		}
	}
	remember(h, ends);
	return ends;
}

static void explore_base(void)
{
	struct state s;
	uint16_t ends;

	memset(&s, 0, sizeof(s));
	s.slot = ENTRY_TOP;
	s.dr7 = 1;
	s.act[0].stack = base->user_rsp ? USER : TASK;
	s.act[0].sp = CELLS - 4;
	s.act[0].on = base->on;
	s.act[0].user_rip = base->user_rip;
	states++;
	ends = events(&s);
	current = NULL;
	/* NMIs are on, none is waiting, and none is under way. */
	if (ends & ~1)
		found("all have returned, but NMIs are not as before");
}

/* Least depth first: the first fault is found in the shortest of its forms. */
static void model_stacks(int depth)
{
	size_t i;

	for (max_depth = 1; max_depth <= depth; max_depth++) {
		states = runs = 0;
		for (i = 0; i < ARRAY_SIZE(bases); i++) {
			base = &bases[i];
			explore_base();
		}
		free(table);
		table = NULL;
		table_size = table_used = 0;
		printf("up to %d nested: %lu activations, %lu states\n", max_depth,
		       runs, states);
	}
	printf("no fault\n");
}

int find_mutant(const char *const *names, int n, const char *name)
{
	int i;

	if (!name)
		return 0;
	for (i = 1; i < n; i++)
		if (!strcmp(name, names[i]))
			return i;
	fprintf(stderr, "entry-model: error: no mutant '%s'; there are:", name);
	for (i = 1; i < n; i++)
		fprintf(stderr, " %s", names[i]);
	fprintf(stderr, "\n");
	return -1;
}

static void help(FILE *to)
{
	fprintf(to,
		"Usage: entry-model [--scheme SCHEME] [--depth N] [--calls] [--fred]\n"
		"\n"
		"Runs all interleavings of interrupts, #PF, #BP, #DB, #MC and NMI in the\n"
		"entry code of CONFIG_KML, up to N of them nested (default %d, at most %d).\n"
		"Ends with status 1, and the way to it, if one finds that what it put on a\n"
		"stack is overwritten, or takes a process for the kernel.\n"
		"\n"
		"  --scheme new    each kind of handler has its part of the entry stack\n"
		"  --scheme old    a handler moves the slot if it interrupted the entry stack\n"
		"  --scheme none   the slot stays\n"
		"  --calls [MUTANT]  the model of calls instead: progress and no lost work for\n"
		"                  each instruction and event; MUTANT puts an old fault back\n"
		"  --fred [MUTANT] the model of FRED's stack levels instead\n"
		"  --instructions  the instructions that they take these stretches for\n",
		DEPTH, MAX_DEPTH);
}

int main(int argc, char **argv)
{
	int depth = DEPTH, i;

	for (i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (!strcmp(argv[i], "--help")) {
			help(stdout);
			return 0;
		} else if (!strcmp(argv[i], "--calls")) {
			return model_calls(value);
		} else if (!strcmp(argv[i], "--fred")) {
			return model_fred(value);
		} else if (!strcmp(argv[i], "--instructions")) {
			say_instructions();
			return 0;
		} else if (!strcmp(argv[i], "--scheme") && value) {
			scheme = !strcmp(value, "old") ? OLD :
				 !strcmp(value, "none") ? NONE : NEW;
			if (scheme == NEW && strcmp(value, "new")) {
				help(stderr);
				return 2;
			}
			i++;
		} else if (!strcmp(argv[i], "--depth") && value &&
			   atoi(value) > 0 && atoi(value) <= MAX_DEPTH) {
			depth = atoi(value);
			i++;
		} else {
			help(stderr);
			return 2;
		}
	}
	model_stacks(depth);
	return 0;
}
