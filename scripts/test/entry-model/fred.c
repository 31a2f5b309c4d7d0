// SPDX-License-Identifier: GPL-2.0
/*
 * A model of CONFIG_KML on FRED: which event may nest in which, at which stack level and
 * on which stack.
 *
 * The model has one CPU, two tasks and the stacks of levels 1 and 2. What a task does is
 * a pile of activations: the process, or its system call by CALL, and the events that
 * interrupt it and each other. Between any two steps of an activation, each event that
 * the CPU could take there is tried, and each switch to the other task, up to a number of
 * events in both. A breadth-first search runs all of these, so the first fault is found in
 * the shortest of its forms.
 *
 * Stacks are cells, and each frame is in one. A fault is what must not be:
 * - a frame is pushed or copied over another one that is still needed;
 * - anything but INT n is pushed to the stack of a process, or a handler runs there;
 * - a process runs at a level above 0, where an event would be pushed to its stack;
 * - code runs on the stack of a level above the CPU's, where the next event of that level
 *   starts anew;
 * - the CPU switches tasks on a stack that is not the task's.
 *
 * What it takes for granted: while #DB is handled, none comes (DR7 is clear); a second #MC
 * shuts the processor down; NMIs are blocked up to the ERETS that goes with one; and
 * kml_hit_kernel() tells a process by its addresses, which entry-model.c is about.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "entry-model.h"

#define NESTED		4
#define TABLE		(1u << 22)	/* entries; a power of two */

enum kind { NONE, PROCESS, CALL, INTN, INT, PF, DB, NMI, MC };
enum stack { OF_PROCESS, LEVEL_1, LEVEL_2, OF_TASK };	/* OF_TASK + number of the task */

enum step {
	START,		/* on the stack where the CPU, or CALL, has left the frame */
	COPIED,		/* the frame is where kml_fred_enter() wants it */
	BODY,		/* the handler, on that stack */
	RETURN,		/* interrupts are off, ERETS is next */
};

static const char * const kind_name[] = {
	"", "process", "CALL", "INT n", "interrupt", "#PF", "#DB", "NMI", "#MC",
};

static const char * const step_name[] = {
	"starts", "is copied", "is handled", "returns",
};

static const char * const stack_name[] = {
	"the process", "level 1", "level 2", "task 1", "task 2",
};

struct activation {
	uint8_t kind, step;
	uint8_t stack, used;	/* RSP: the number of cells that are in use */
	uint8_t frame_stack, frame_cell;
	uint8_t to_stack, to_cell;	/* the copy, from COPIED to BODY */
	uint8_t level;		/* that the frame records */
	uint8_t of_process;
};

struct state {
	struct activation act[2][NESTED + 1];
	uint8_t n[2];
	uint8_t level, nmi_blocked, task;
};

struct node {
	struct state state;
	uint32_t before;
};

enum mutant {
	RIGHT,
	INT_AT_0,		/* IA32_FRED_CONFIG has level 0 for interrupts */
	NO_COPY,		/* a process's frame stays on the stack of level 1 */
	LEVEL_STAYS,		/* no kml_fred_level_0() where tasks are switched */
	ONE_STACK,		/* for levels 1 and 2 */
	INTN_STAYS,		/* no .Lfred_swevent */
	NMI_SCHEDULES,		/* ... on its own stack */
	MUTANTS
};

static const char * const mutant_name[MUTANTS] = {
	"", "int-at-0", "no-copy", "level-stays", "one-stack", "intn-stays", "nmi-schedules",
};

static enum mutant mutant;
static struct node *nodes;
static uint32_t *table;
static uint32_t made, current;
static int nested;
static bool failed;

static void say_state(const struct state *s)
{
	int task, i;

	printf("  level %u%s:", s->level, s->nmi_blocked ? ", NMIs blocked" : "");
	for (task = 0; task < 2; task++) {
		printf("%s task %d%s", task ? ";" : "", task + 1, task == s->task ? "*" : "");
		for (i = 0; i < s->n[task]; i++) {
			const struct activation *a = &s->act[task][i];

			printf(", %s", kind_name[a->kind]);
			if (a->kind != PROCESS)
				printf(" %s on the stack of %s", step_name[a->step],
				       stack_name[a->stack]);
		}
	}
	printf("\n");
}

static void way_to(uint32_t node)
{
	if (node)
		way_to(nodes[node].before);
	say_state(&nodes[node].state);
}

static void found(const char *what, enum kind kind)
{
	if (failed)
		return;
	failed = true;
	printf("fault: %s (%s). The way there:\n", what, kind_name[kind]);
	way_to(current);
}

static void add(const struct state *s)
{
	uint64_t h = 14695981039346656037u;
	const uint8_t *byte = (const uint8_t *)s;
	uint32_t slot;
	size_t i;

	for (i = 0; i < sizeof(*s); i++)
		h = (h ^ byte[i]) * 1099511628211u;
	for (slot = h >> 32; ; slot++) {
		slot &= TABLE - 1;
		if (!table[slot])
			break;
		if (!memcmp(&nodes[table[slot] - 1].state, s, sizeof(*s)))
			return;
	}
	if (made == TABLE / 2) {
		fprintf(stderr, "entry-model: error: more than %u states\n", made);
		exit(2);
	}
	nodes[made].state = *s;
	nodes[made].before = current;
	table[slot] = ++made;
}

static struct activation *top(struct state *s)
{
	return &s->act[s->task][s->n[s->task] - 1];
}

static const struct activation *top_of(const struct state *s)
{
	return &s->act[s->task][s->n[s->task] - 1];
}

/* Is a frame that is still needed in this cell? That of the current activation is not. */
static bool in_use(const struct state *s, uint8_t stack, uint8_t cell)
{
	int task, i;

	for (task = 0; task < 2; task++) {
		for (i = 0; i < s->n[task]; i++) {
			const struct activation *a = &s->act[task][i];

			if (a->kind == PROCESS ||
			    (task == s->task && i == s->n[task] - 1))
				continue;
			if ((a->frame_stack == stack && a->frame_cell == cell) ||
			    (a->step == COPIED && a->to_stack == stack && a->to_cell == cell))
				return true;
		}
	}
	return false;
}

static uint8_t level_of(enum kind kind)
{
	switch (kind) {
	case INTN:
		return 0;
	case INT:
		return mutant != INT_AT_0;
	case NMI:
	case MC:
		return 2;
	default:
		return 1;
	}
}

/* Where kml_hit_kernel() finds a process: it has not left its stack. */
static bool process_by_address(const struct activation *a)
{
	return a->stack == OF_PROCESS;
}

/* The CPU takes an event. */
static void deliver(const struct state *now, enum kind kind)
{
	struct state s = *now;
	struct activation *under = top(&s), *a = under + 1;
	uint8_t level = level_of(kind) > s.level ? level_of(kind) : s.level;

	s.n[s.task]++;
	memset(a, 0, sizeof(*a));
	a->kind = kind;
	a->level = s.level;
	a->stack = under->stack;
	a->frame_cell = under->used;
	if (level > s.level) {
		a->stack = mutant == ONE_STACK ? LEVEL_1 : LEVEL_1 + level - 1;
		a->frame_cell = 0;
	} else if (a->stack == OF_PROCESS && kind != INTN) {
		found("it is pushed to the stack of a process", kind);
	}
	a->frame_stack = a->stack;
	a->used = a->frame_cell + 1;
	if (a->stack != OF_PROCESS && in_use(&s, a->frame_stack, a->frame_cell))
		found("it is pushed over a frame", kind);
	/* What kml_fred_enter() will find */
	a->of_process = !a->level && process_by_address(under);
	s.level = level;
	if (kind == NMI)
		s.nmi_blocked = 1;
	add(&s);
}

/* kml_fred_enter(), or .Lfred_swevent: where the frame goes */
static void place(const struct state *s, const struct activation *a, uint8_t *stack,
		  uint8_t *cell)
{
	const struct activation *under = a - 1;

	*stack = a->frame_stack;
	*cell = a->frame_cell;
	if (a->level)
		return;
	if (a->of_process) {
		if ((mutant == NO_COPY && a->kind != INTN) ||
		    (mutant == INTN_STAYS && a->kind == INTN) ||
		    (mutant == NMI_SCHEDULES && a->kind == NMI))
			return;
		*stack = OF_TASK + s->task;
		*cell = 0;
	} else if (a->kind != NMI && a->kind != MC) {
		*stack = under->stack;
		*cell = under->used;
	}
}

/* Could this one sleep, as far as it goes? */
static bool may_sleep(const struct state *s)
{
	int i;

	for (i = 0; i < s->n[s->task]; i++) {
		const struct activation *a = &s->act[s->task][i];

		if (a->kind == PROCESS)
			continue;
		if (a->step != BODY)
			return false;
		if (a->kind == NMI && mutant != NMI_SCHEDULES)
			return false;
		if ((a->kind == DB || a->kind == MC) && !a->of_process)
			return false;
	}
	return top_of(s)->kind != PROCESS;
}

static void to_process(struct state *s)
{
	struct activation *a = s->act[s->task];

	memset(a, 0, sizeof(s->act[0]));
	a->kind = PROCESS;
	a->stack = OF_PROCESS;
	s->n[s->task] = 1;
}

/* The steps of a process, and of its system call by CALL */
static void go_on(struct state s)
{
	struct activation *a = top(&s);

	if (a->kind == PROCESS) {
		a->kind = CALL;
		a->step = START;
	} else if (a->step == START) {
		/* PER_CPU_VAR(cpu_current_top_of_stack), and pushes pt_regs */
		a->step = BODY;
		a->stack = a->frame_stack = OF_TASK + s.task;
		a->frame_cell = 0;
		a->used = 1;
	} else if (a->step == BODY) {
		a->step = RETURN;
	} else {
		to_process(&s);		/* RET leaves the level alone */
	}
	add(&s);
}

static void handle(struct state s)
{
	struct activation *a = top(&s);
	uint8_t stack, cell;

	switch (a->step) {
	case START:
		place(&s, a, &stack, &cell);
		a->step = COPIED;
		a->to_stack = stack;
		a->to_cell = cell;
		if (in_use(&s, stack, cell))
			found("it is copied over a frame", a->kind);
		/* .Lfred_swevent leaves the stack first, and then pushes. */
		if (a->kind == INTN) {
			a->stack = stack;
			a->used = cell + 1;
		}
		break;
	case COPIED:
		a->step = BODY;
		a->stack = a->frame_stack = a->to_stack;
		a->frame_cell = a->to_cell;
		a->used = a->frame_cell + 1;
		a->to_stack = a->to_cell = 0;
		if (a->stack == OF_PROCESS)
			found("it is handled on the stack of a process", a->kind);
		break;
	case BODY:
		a->step = RETURN;
		break;
	case RETURN:
		if (a->level < s.level)
			s.level = a->level;
		if (a->kind == NMI)
			s.nmi_blocked = 0;
		memset(a, 0, sizeof(*a));
		s.n[s.task]--;
		break;
	}
	add(&s);
}

static bool under_way(const struct state *s, enum kind kind)
{
	int task, i;

	for (task = 0; task < 2; task++)
		for (i = 0; i < s->n[task]; i++)
			if (s->act[task][i].kind == kind)
				return true;
	return false;
}

static void try_events(const struct state *s)
{
	const struct activation *a = top_of(s);
	/* NMI and #MC, if they count as the process's, set IF in its frame, see sync_regs(). */
	bool process = a->kind == PROCESS || (a->step == START &&
					      (a->kind == CALL || a->kind == INTN));

	if (s->n[0] + s->n[1] - 2 >= nested)
		return;
	if (process || (a->step == BODY && (a->kind == CALL || a->kind == PF)) ||
	    (a->step == BODY && a->kind == DB && a->of_process))
		deliver(s, INT);
	/* Between the load of RSP and CLI in .Lfred_swevent */
	if (a->kind == INTN && a->step == COPIED)
		deliver(s, INT);
	if (process || a->step == BODY)
		deliver(s, PF);
	if (a->kind == PROCESS)
		deliver(s, INTN);
	if (!(a->kind == DB && a->step >= BODY))
		deliver(s, DB);
	if (!s->nmi_blocked)
		deliver(s, NMI);
	if (!under_way(s, MC))
		deliver(s, MC);
}

static void explore(const struct state *s)
{
	const struct activation *a = top_of(s);
	struct state other;

	if (s->level && (a->kind == PROCESS || (a->kind == CALL && a->step == START)))
		found("a process runs above level 0", a->kind);
	if ((a->stack == LEVEL_1 || a->stack == LEVEL_2) && s->level < a->stack)
		found("it runs on the stack of a level above the CPU's", a->kind);
	try_events(s);
	if (a->kind >= INTN)
		handle(*s);
	else
		go_on(*s);
	if (may_sleep(s)) {
		if (a->stack != OF_TASK + s->task)
			found("it switches tasks on a stack that is not the task's", a->kind);
		other = *s;
		other.task = !s->task;
		if (mutant != LEVEL_STAYS)
			other.level = 0;
		add(&other);
	}
}

/* model_fred(): all of it with up to NESTED events, or until @name is found out */
int model_fred(const char *name)
{
	struct state s;
	int i;

	i = find_mutant(mutant_name, MUTANTS, name);
	if (i < 0)
		return 2;
	mutant = i;
	nodes = malloc(sizeof(*nodes) * (TABLE / 2));
	table = malloc(sizeof(*table) * TABLE);
	if (!nodes || !table) {
		fprintf(stderr, "entry-model: error: not enough memory\n");
		return 2;
	}
	for (nested = 1; nested <= NESTED && !failed; nested++) {
		memset(table, 0, sizeof(*table) * TABLE);
		made = current = 0;
		memset(&s, 0, sizeof(s));
		to_process(&s);
		/* The second task has been switched out in a system call. */
		s.task = 1;
		to_process(&s);
		s.act[1][0] = (struct activation){ .kind = CALL, .step = BODY,
			.stack = OF_TASK + 1, .used = 1, .frame_stack = OF_TASK + 1 };
		s.task = 0;
		add(&s);
		for (; current < made && !failed; current++) {
			s = nodes[current].state;
			explore(&s);
		}
		if (!failed)
			printf("FRED, up to %d nested: %u states\n", nested, made);
	}
	free(nodes);
	free(table);
	if (failed)
		return 1;
	printf("no fault\n");
	return 0;
}
