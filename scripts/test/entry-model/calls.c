// SPDX-License-Identifier: GPL-2.0
/*
 * Models of the ways in and out of a system call that run with interrupts on, or on
 * the stack of the process. Each instruction is a step. Before each, an event from
 * outside may come, up to BUDGET of them; a breakpoint on what an instruction reads or
 * writes hits whenever that is executed.
 *
 * Two things are asked. Is nothing lost: work that an event adds is seen before the
 * process goes on, and the call that is made is the one that was asked for? And is
 * there progress: as long as nothing comes from outside, no state comes twice?
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "entry-model.h"

#define BUDGET		3
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* What a breakpoint can be on */
enum word { NOTHING, CURRENT, FLAGS, WORK, SAVED_SP, RETURN_ADDRESS, TOP, WORDS };

static const char * const word_name[WORDS] = {
	"nothing", "pcpu_hot.current_task", "thread_info.flags",
	"thread_info.syscall_work", "pt_regs.sp", "the return address",
	"pcpu_hot.top_of_stack",
};

struct insn {
	const char *label;	/* where it is the first after one */
	const char *text;
	enum word reads;
	bool writes;		/* ... that word */
};

/* The end of the fast path of entry_CALL_64, up to the process */
static const struct insn call_exit[] = {
	{ "entry_CALL_64+", "cli", NOTHING },	/* somewhere behind */
	{ NULL, "mov", CURRENT },
	{ NULL, "mov", FLAGS },
	{ NULL, "or", WORK },
	{ NULL, "jne", NOTHING },
	{ NULL, "mov", SAVED_SP },
	{ NULL, "lea", NOTHING },
	{ NULL, "sti", NOTHING },
	{ NULL, "ret", RETURN_ADDRESS },
};

/* A CALL, and what it leads to, up to the stack of the task */
static const struct insn call_entry[] = {
	{ NULL, "call", RETURN_ADDRESS, true },
	{ "entry_CALL_64", "mov", RETURN_ADDRESS },
	{ NULL, "lea", NOTHING },
	{ NULL, "mov", TOP },
	{ "entry_CALL_64_safe_stack", NULL, NOTHING },
};

/* The same from a stub, which loads the number, and has a SYSCALL at the end of the CALL */
static const struct insn stub_entry[] = {
	{ NULL, "mov", NOTHING },
	{ NULL, "call", RETURN_ADDRESS, true },
	{ "entry_CALL_64", "mov", RETURN_ADDRESS },
	{ NULL, "lea", NOTHING },
	{ NULL, "mov", TOP },
	{ "entry_CALL_64_safe_stack", NULL, NOTHING },
};

static const struct insn syscall_entry[] = {
	{ NULL, "syscall", NOTHING },
	{ "entry_SYSCALL_64", "mov", NOTHING },	/* to the TSS, where none can be */
	{ NULL, "mov", TOP },
	{ "entry_SYSCALL_64_safe_stack", NULL, NOTHING },
};

static const struct {
	const char *name;
	const struct insn *insn;
	size_t n;
} stretches[] = {
#define STRETCH(a)	{ #a, a, ARRAY_SIZE(a) }
	STRETCH(call_exit), STRETCH(call_entry), STRETCH(stub_entry), STRETCH(syscall_entry),
};

enum mutant {
	RIGHT,
	INTERRUPTS_ON,		/* no CLI before the look at the flags */
	TRAP_GOES_BACK,		/* to the entry, which reads the return address again */
	CALLS_AGAIN,		/* back to the CALL of a stub, which pushes again: fault 4 */
	NUMBER_IS_LOST,		/* back to the beginning of the stub: fault 12 */
	MC_IS_PROCESS,		/* ... in the first instructions of SYSCALL */
	MUTANTS
};

static const char * const mutant_name[MUTANTS] = {
	"", "interrupts-on", "trap-goes-back", "calls-again", "number-is-lost",
	"mc-is-process",
};

static enum mutant mutant;

/* Numbers of a call: that of the stub, what the program or a tracer has put in RAX */
enum number { OF_STUB, OTHER };

struct state {
	uint8_t pc;
	uint8_t budget;
	uint8_t snapshot;	/* what the look at the flags has seen */
	uint8_t work, irq;	/* work there is, and an interrupt that is waiting */
	uint8_t rax, wanted;	/* the number: now, and of the call to be made */
	uint8_t other_sp;	/* another process has used this CPU's scratch space */
	uint8_t syscall;	/* at the SYSCALL before the return address, not at pc */
};

#define STATES		65536
static uint8_t seen[STATES];	/* 1: on the way to the current state; 2: done */
static unsigned long states;
static bool failed;

/* What is tried: one stretch of code with a breakpoint on one word */
static size_t stretch;
static enum word watched;
static bool reads_hit;		/* not only writes */
static bool hit_adds_work;

static const struct insn *insn_at(const struct state *s)
{
	return &stretches[stretch].insn[s->pc];
}

static unsigned int number_of(const struct state *s)
{
	return s->pc | s->budget << 4 | s->snapshot << 6 | s->work << 7 | s->irq << 8 |
	       s->rax << 9 | s->wanted << 10 | s->other_sp << 11 | s->syscall << 12;
}

static void say(const char *what, const struct state *s)
{
	const struct insn *i = insn_at(s);

	failed = true;
	printf("fault: %s\n  %s, instruction %u (%s), breakpoint on %s%s\n", what,
	       stretches[stretch].name, s->pc, i->text ? i->text : i->label,
	       word_name[watched], hit_adds_work ? ", which adds work" : "");
}

static void visit(struct state s);

/* An event from outside is taken from the budget. */
static void event(struct state s)
{
	s.budget--;
	visit(s);
}

/* Where @label is in the stretch */
static uint8_t place(const char *label)
{
	uint8_t i;

	for (i = 0; i < stretches[stretch].n; i++)
		if (stretches[stretch].insn[i].label &&
		    !strcmp(stretches[stretch].insn[i].label, label))
			return i;
	return 0;
}

/*
 * The way out, with interrupts off. At RET, this is the process: an interrupt that comes
 * there after all, after an NMI or #DB, does the work on its way back. Before CLI, the
 * look at the flags is still to come.
 */
static void interrupt_exit(struct state *s, uint8_t end)
{
	s->irq = 0;
	if (s->pc >= end)
		s->work = 0;
}

static void exit_from(const struct state *now)
{
	const uint8_t end = stretches[stretch].n - 1;
	const struct insn *i = insn_at(now);
	bool on = !now->pc || now->pc >= end || mutant == INTERRUPTS_ON;
	struct state s;

	if (now->pc >= end && now->work && !now->irq)
		say("the process goes on, and work is left", now);
	if (now->budget) {
		/* An interrupt, without work and with some */
		if (on) {
			s = *now;
			interrupt_exit(&s, end);
			event(s);
			s = *now;
			s.work = 1;
			interrupt_exit(&s, end);
			event(s);
		}
		/* An NMI, or #MC in the kernel: the interrupt for the work follows. */
		s = *now;
		s.work = s.irq = 1;
		event(s);
	}
	s = *now;
	if (s.irq && on) {
		interrupt_exit(&s, end);
		visit(s);
		return;
	}
	if (!strcmp(i->text, "jne") && s.snapshot)
		return;		/* .Lcall_64_exit_work, with pt_regs */
	if (i->reads == CURRENT)
		s.snapshot = 0;
	if (i->reads == FLAGS)
		s.snapshot = s.work;
	s.pc++;
	if (watched != NOTHING && i->reads == watched) {
		/* #DB. Work that is queued already is not queued once more. */
		if (hit_adds_work && !s.work)
			s.work = s.irq = 1;
		if (s.pc > end)
			s.work = s.irq = 0;	/* it came from the process */
	}
	if (s.pc == stretches[stretch].n) {
		if (s.work && !s.irq)
			say("the process goes on, and work is left", now);
		return;
	}
	visit(s);
}

/* rewind_syscall(): where the process makes the call from once more */
static void rewind_call(struct state *s)
{
	if (stretches[stretch].insn == call_entry) {
		s->pc = place("entry_CALL_64");
	} else if (mutant == CALLS_AGAIN) {
		s->pc = 1;
	} else if (mutant == NUMBER_IS_LOST) {
		s->pc = 0;
	} else {
		s->pc = 1;
		s->syscall = 1;
	}
}

/* kml_settle_call(): where a signal finds the process, and where that goes on */
static void settle(struct state *s, bool trap)
{
	uint8_t pc = s->pc;

	if (pc < place("entry_CALL_64"))
		return;
	rewind_call(s);
	if (trap && stretches[stretch].insn == call_entry && mutant != TRAP_GOES_BACK)
		s->pc = pc;
}

static void entry(const struct state *now)
{
	const struct insn *i = insn_at(now);
	struct state s = *now;

	if (s.syscall || !i->text) {
		if (s.syscall && s.budget)
			event(s);	/* a signal before the SYSCALL */
		/* On the stack of the task. */
		if (s.rax != s.wanted)
			say("another call is made", now);
		if (!s.budget)
			return;
		/* A tracer changes the number, or not, and the call is restarted. */
		rewind_call(&s);
		event(s);
		s = *now;
		s.rax = s.wanted = OTHER;
		rewind_call(&s);
		event(s);
		return;
	}
	if (s.budget) {
		/* A signal. All other events find the process as it is. */
		settle(&s, false);
		event(s);
		s = *now;
	}
	if (stretches[stretch].insn == stub_entry && !s.pc)
		s.rax = OF_STUB;
	s.pc++;
	if (watched != NOTHING && i->reads == watched && (i->writes || reads_hit) &&
	    hit_adds_work)
		settle(&s, true);	/* SIGTRAP */
	visit(s);
}

/* SYSCALL keeps RSP in this CPU's memory for one instruction. */
static void syscall_insn(const struct state *now)
{
	const struct insn *i = insn_at(now);
	struct state s = *now;

	if (!i->text) {
		if (s.other_sp)
			say("RSP is another process's", now);
		return;
	}
	if (s.budget) {
		/*
		 * #MC, and #DB which MOV SS has delayed, are the kernel's and do not
		 * schedule, nor does an NMI. If #MC were the process's, that might
		 * be preempted.
		 */
		if (mutant == MC_IS_PROCESS)
			s.other_sp = 1;
		event(s);
		s = *now;
	}
	if (s.pc == 1)
		s.other_sp = 0;
	s.pc++;
	/* A breakpoint on the stack's address: #DB comes after, from the kernel. */
	visit(s);
}

static void visit(struct state s)
{
	uint8_t *mark = &seen[number_of(&s)];

	if (*mark == 1) {
		if (!failed)
			say("no progress", &s);
		return;
	}
	if (*mark || failed)
		return;
	*mark = 1;
	states++;
	if (stretches[stretch].insn == call_exit)
		exit_from(&s);
	else if (stretches[stretch].insn == syscall_entry)
		syscall_insn(&s);
	else
		entry(&s);
	*mark = 2;
}

int model_calls(const char *name)
{
	int i, what;

	i = find_mutant(mutant_name, MUTANTS, name);
	if (i < 0)
		return 2;
	mutant = i;
	for (stretch = 0; stretch < ARRAY_SIZE(stretches); stretch++) {
		for (watched = NOTHING; watched < WORDS; watched++) {
			for (what = 0; what < 4; what++) {
				struct state s = { .budget = BUDGET };

				reads_hit = what & 1;
				hit_adds_work = what & 2;
				s.rax = s.wanted = stretches[stretch].insn == stub_entry ?
						   OF_STUB : OTHER;
				memset(seen, 0, sizeof(seen));
				visit(s);
				if (failed)
					return 1;
			}
		}
	}
	printf("calls: %lu states: progress, and nothing is lost\n", states);
	return 0;
}

/* For the check that the code is what it is taken for */
void say_instructions(void)
{
	const struct insn *i;
	size_t n;

	for (stretch = 0; stretch < ARRAY_SIZE(stretches); stretch++) {
		i = stretches[stretch].insn;
		n = stretches[stretch].n;
		/* What comes before the first label is the process's, or has none. */
		for (; !i->label; n--)
			i++;
		for (; n; n--, i++) {
			if (i->label)
				printf("%s:\n", i->label);
			if (i->text)
				printf("%s\n", i->text);
		}
		printf("\n");
	}
}
